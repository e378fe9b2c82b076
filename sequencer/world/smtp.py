"""A small SMTP server on loopback: the protocol for real, what becomes of a mail is its owner's to say.

It exists because the demo needs a server without a package that only tests have, and one that misbehaves on request:
refuses, puts off, hangs up, or breaks the connection right after the dot. It relays nothing and keeps nothing.
Source: RFC 5321, RFC 1870 (SIZE), RFC 2920 (PIPELINING), RFC 6152 (8BITMIME).
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Post", "SmtpServer", "Verdict"]

LINE_BYTES_MAX = 1_000_000
MESSAGE_BYTES_MAX = 10_000_000
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server does with a mail at its dot: it answers, or it breaks the connection without a word."""

    reply: str = "250 2.0.0 taken"
    then: Literal["answer", "break"] = "answer"


class Post(Protocol):
    """Whoever receives the mail."""

    def at_rcpt(self, sender: str, recipient: str) -> str:
        """The reply to RCPT; one that begins with 421 ends the connection."""

    def at_dot(self, sender: str, recipient: str, raw: bytes) -> Verdict:
        """What becomes of a whole mail; `raw` with CRLF line ends and without doubled dots."""


class SmtpServer:
    """Serves on 127.0.0.1 from `start` to `stop`; `port` is the system's choice."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LINE_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for session in list(self._sessions):
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _Session(self._post, reader, writer).run()
        finally:
            self._sessions.discard(task)
            writer.close()


class _Session:
    """One connection."""

    def __init__(self, post: Post, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._post, self._reader, self._writer = post, reader, writer
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._open = True

    async def run(self) -> None:
        await self._say("220 world.test ESMTP")
        while self._open:
            line = await self._reader.readuntil(b"\n")
            verb, _, rest = line.decode("ascii", "replace").strip().partition(" ")
            await self._obey(verb.upper(), rest)

    async def _obey(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO":
                self._reset()
                await self._say(
                    "250-world.test", "250-PIPELINING", f"250-SIZE {MESSAGE_BYTES_MAX}", "250-8BITMIME",
                    "250 ENHANCEDSTATUSCODES",
                )  # fmt: skip
            case "HELO" | "RSET":
                self._reset()
                await self._say("250 2.0.0 OK")
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                await self._data()
            case "NOOP":
                await self._say("250 2.0.0 OK")
            case "QUIT":
                self._open = False
                await self._say("221 2.0.0 goodbye")
            case _:
                await self._say("500 5.5.2 no such command")

    async def _mail(self, rest: str) -> None:
        found = _PATH.match(rest)
        if found is None or not rest.upper().startswith("FROM"):
            await self._say("501 5.5.4 MAIL FROM:<address>")
        elif self._sender is not None:
            await self._say("503 5.5.1 one mail at a time")
        else:
            self._sender = found[1]
            await self._say("250 2.1.0 OK")

    async def _rcpt(self, rest: str) -> None:
        found = _PATH.match(rest)
        if self._sender is None:
            await self._say("503 5.5.1 MAIL first")
            return
        if found is None or not rest.upper().startswith("TO"):
            await self._say("501 5.5.4 RCPT TO:<address>")
            return
        reply = self._post.at_rcpt(self._sender, found[1])
        if reply.startswith("2"):
            self._recipients.append(found[1])
        self._open = not reply.startswith("421")
        await self._say(reply)

    async def _data(self) -> None:
        if self._sender is None or not self._recipients:
            await self._say("554 5.5.1 no valid recipients")
            return
        await self._say("354 go on")
        lines: list[bytes] = []
        while (line := await self._reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        raw = b"".join(lines)
        verdicts = [self._post.at_dot(self._sender, recipient, raw) for recipient in self._recipients]
        self._reset()
        if any(verdict.then == "break" for verdict in verdicts):
            self._open = False
            self._writer.transport.abort()
        else:
            await self._say(verdicts[-1].reply)

    def _reset(self) -> None:
        self._sender, self._recipients = None, []

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()
