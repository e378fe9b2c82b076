"""An SMTP server that misbehaves as told, in the test's own event loop.

Real servers answer well; each fault of the protocol needs one that does not. It stores what it was told, and a message
only after a dot: what is in `messages` has been delivered.
"""

import asyncio
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

LAST_LINE = b"the last line\r\n"  # the server takes the message to be at its fence when it reads this
PIPELINING = ("PIPELINING", "8BITMIME", "SIZE 10000000")
PLAIN = ("8BITMIME", "SIZE 10000000")


@dataclass(frozen=True)
class Say:
    """Bytes to say, and what happens to the connection then; "hang": nothing is read or said any more."""

    reply: bytes
    end: Literal["", "fin", "rst", "hang"] = ""


NOTHING, MUTE, FIN, RST = Say(b""), Say(b"", "hang"), Say(b"", "fin"), Say(b"", "rst")
ANSWERS = {
    "banner": Say(b"220 scripted\r\n"),
    "rset": Say(b"250 reset\r\n"),
    "mail": Say(b"250 2.1.0 sender ok\r\n"),
    "rcpt": Say(b"250 2.1.5 recipient ok\r\n"),
    "data": Say(b"354 go ahead\r\n"),
    "dot": Say(b"250 2.0.0 queued\r\n"),
    "quit": Say(b"221 bye\r\n", "fin"),
    "auth": Say(b"235 2.7.0 welcome\r\n"),
    "starttls": Say(b"220 go ahead\r\n"),
}


@dataclass
class ScriptedServer:
    """`script`: for each verb the answers to its first, second, … occurrence; then the usual ones.

    Verbs: banner, the SMTP verbs, dot, and two moments nobody asks for anything: body (after its first line) and fence.
    """

    script: Mapping[str, Sequence[Say]] = field(default_factory=dict)
    extensions: Sequence[str] = PIPELINING
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    open_connections: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._scripted: dict[str, Iterator[Say]] = {verb: iter(says) for verb, says in self.script.items()}
        self._said: Counter[str] = Counter()
        self._changed, self._over = asyncio.Condition(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        listener = socket.create_server((self.host, self.port))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # a client with a large body has to wait soon
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so only for its own sockets
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.close()
        self._over.set()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    def verbs(self) -> list[str]:
        return [command.split(":")[0].split()[0] for command in self.commands]

    async def until(self, verb: str, times: int = 1) -> None:
        """Wait until the answer to this verb has been given."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self._said[verb] >= times)

    async def until_gone(self) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self.open_connections == 0)

    def say_to_all(self, said: Say) -> None:
        """Speak without being asked."""
        for writer in self._writers:
            _speak(writer, said)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        with suppress(OSError, ValueError):
            await self._dialogue(reader, writer)
        writer.close()
        self.open_connections -= 1
        async with self._changed:
            self._changed.notify_all()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer(writer, "banner")
        while line := await reader.readline():
            self.commands.append(line.decode("ascii", "replace").strip())
            verb = line.split()[0].decode().lower() if line.strip() else ""
            if verb == "ehlo":
                lines = ["250-scripted", *(f"250-{name}" for name in self.extensions), "250 HELP"]
                await self._answer(writer, "ehlo", Say("".join(f"{text}\r\n" for text in lines).encode()))
            else:
                said = await self._answer(writer, verb, Say(b"500 what?\r\n"))
                if verb == "starttls" and said.reply.startswith(b"220") and not said.end:
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                if verb == "data" and said.reply.startswith(b"354"):
                    await self._body(reader, writer)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines: list[bytes] = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line.removeprefix(b"."))
            if len(lines) == 1 and "body" in self._scripted:
                await self._answer(writer, "body")
                await self._over.wait()
            if line == LAST_LINE:
                await self._answer(writer, "fence")
        self.messages.append(b"".join(lines))
        self.commands.append("DOT")
        await self._answer(writer, "dot")

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, usual: Say = NOTHING) -> Say:
        said = next(self._scripted.get(verb, iter(())), ANSWERS.get(verb, usual))
        _speak(writer, said)
        async with self._changed:
            self._said[verb] += 1
            self._changed.notify_all()
        if said.end == "hang":
            await self._over.wait()
        return said


def _speak(writer: asyncio.StreamWriter, said: Say) -> None:
    if said.reply:
        writer.write(said.reply)
    if said.end == "rst":  # a zero linger turns the close into a RST
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif said.end == "fin":
        writer.close()
