"""One SMTP connection that sends a message and stops right before the final dot.

The engine commits its intent between the body and the dot: before the dot a server must forget the message
(RFC 5321 4.1.1.10), after it nobody can call it back. This needs a protocol of our own on aiosmtplib's transport.
It neither connects nor logs in nor retries; each ending is a value.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Literal, cast

import aiosmtplib

from sequencer.channels.replies import GarbledReplyError, Reply, ReplyReader, enhanced_code, judge, readable
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Phase, Refused, Uncertain
from sequencer.core.ports import Envelope

__all__ = ["TIMEOUTS_S", "Conversation", "Envelope", "dot_stuffed"]

# Seconds; RFC 5321 4.5.3.2 but connect, auth and quit. "body" counts for each chunk.
TIMEOUTS_S: Mapping[str, float] = {
    "connect": 120.0,
    "auth": 60.0,
    "rset": 300.0,
    "mail": 300.0,
    "rcpt": 300.0,
    "data": 120.0,
    "body": 180.0,
    "dot": 600.0,
    "quit": 5.0,
}
CHUNK_BYTES = 65_536
ADDRESS_CHARS_MAX = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # printable ASCII without < > or space: cannot end or open a command


def dot_stuffed(body: bytes) -> bytes:
    """Dots that begin a line doubled (RFC 5321 4.5.2), CRLF at the end."""
    ending = b"" if body.endswith(b"\r\n") else b"\r\n"
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + ending


class Conversation(asyncio.Protocol):
    """`open` a message, then `commit` or `abort` it; while it is `usable` the next can be opened.

    `phase` stays where the connection ended. After an exception (a cancellation too) a message whose `dot_written` is
    False was certainly not accepted.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        extensions: Mapping[str, str],
        timeouts_s: Mapping[str, float],
        clock: Callable[[], float],
        banner: str = "",
    ) -> None:
        self.extensions = extensions
        self.banner = banner
        self.phase: Phase | Literal["idle", "quit"] = "idle"
        self.dot_written = False
        self._transport, self._timeouts_s, self._clock = transport, timeouts_s, clock
        self._replies, self._changed, self._writable = ReplyReader(), asyncio.Event(), True
        self._lost = ""  # why the connection is gone
        self._envelope_left = False  # the server may still hold an envelope: RSET goes first

    @classmethod
    def take_over(
        cls, client: aiosmtplib.SMTP, timeouts_s: Mapping[str, float], clock: Callable[[], float], banner: str = ""
    ) -> "Conversation":
        """Take the connection from a client that has said EHLO and is logged in; the client is left disconnected.

        Raises ConnectionError when there is no connection any more.
        """
        transport = cast(asyncio.Transport | None, client.transport)
        if transport is None or transport.is_closing():
            raise ConnectionError("connection lost right after the login")
        conversation = cls(transport, dict(client.esmtp_extensions), timeouts_s, clock, banner)
        transport.set_protocol(conversation)
        # So that writable means: it has left. With high=0 asyncio pauses over TLS and never resumes.
        transport.set_write_buffer_limits(high=1, low=0)
        client.transport = None  # else close() would take the transport down with the client
        client.close()
        return conversation

    @property
    def usable(self) -> bool:
        return self.phase == "idle" and not self._lost and not self._replies

    @property
    def tls_version(self) -> str:
        """Such as "TLSv1.3"; "" in clear text."""
        tls = self._transport.get_extra_info("ssl_object")
        return str(tls.version()) if tls else ""

    async def try_sender(self, sender: str) -> Outcome | None:
        """MAIL FROM, then RSET: whether this login may write as `sender`, without a message. None: it may."""
        if not _is_address(sender):
            return MailboxBroken("the sender is not an ASCII address")
        refusal: Outcome | None = None
        commands: dict[Phase, str] = {"mail": f"MAIL FROM:<{sender}>", "rset": "RSET"}
        for self.phase, command in commands.items():
            self._transport.write(f"{command}\r\n".encode("ascii"))
            reply = await self._reply()
            if reply is None or reply.code // 100 != 2:
                refusal = self._ended(reply)
                break
        if not self._lost:
            self.phase = "idle"
        return refusal

    async def open(self, envelope: Envelope) -> Outcome | None:
        """Send envelope and body (RFC 5321 3.3). None: only the dot is missing, `commit` or `abort` now."""
        if self.phase != "idle":
            raise RuntimeError(f"a message is under way: phase {self.phase}")
        self.dot_written = False
        if (unsendable := self._unsendable(envelope)) is not None:
            return unsendable
        ended = self._interruption() or await self._say_envelope(envelope)
        if ended is None:
            ended = await self._say_body(dot_stuffed(envelope.body))
        if not self._lost:
            self.phase = "idle" if ended else "fence"
        return ended

    async def commit(self, not_after: float) -> Outcome:
        """Write the dot and wait for its answer (RFC 5321 4.1.1.4).

        Later than `not_after` (an instant of the clock handed in) no dot is written: the connection drops, Deferred.
        """
        if self.phase != "fence":
            raise RuntimeError(f"no message waits for its dot: phase {self.phase}")
        for _ in range(2):  # asyncio needs two turns to deliver a 421 or an end that the kernel already has
            await asyncio.sleep(0)
        if self._clock() > not_after:
            self.abort("held too long at the fence")
        if (ended := self._interruption()) is not None:
            return ended
        self.phase, self.dot_written = "dot", True
        self._transport.write(b".\r\n")
        reply = await self._reply()
        outcome: Outcome
        if reply is not None and 200 <= reply.code < 300:
            outcome = Accepted(reply.code, readable(reply.text))
            self._envelope_left = False
        else:
            outcome = self._ended(reply)
        if not self._lost:
            self.phase = "idle"
        return outcome

    def abort(self, why: str = "aborted") -> None:
        """Drop the connection: before the dot the server must then forget the message (RFC 5321 4.1.1.10)."""
        self._lost = self._lost or why
        self._transport.abort()
        self._changed.set()

    async def quit(self) -> None:
        """QUIT, its answer (5 s at most), the end; while a message is open just the end."""
        if self.usable:
            self.phase = "quit"
            self._transport.write(b"QUIT\r\n")
            await self._reply()
        self.abort("quit")

    def leave(self) -> None:
        """QUIT without waiting for its answer, for a connection nobody needs while somebody waits for another."""
        if not self.usable:
            return self.abort()
        self.phase, self._lost = "quit", "quit"
        self._transport.write(b"QUIT\r\n")
        return self._transport.close()

    def _unsendable(self, envelope: Envelope) -> Refused | MailboxBroken | None:
        """What can be told without asking the server; code 0. Bytes are refused, never mended: they are the plan."""
        body, size = envelope.body, len(envelope.body)
        if not _is_address(envelope.sender):
            return MailboxBroken("the sender is not an ASCII address")
        if not _is_address(envelope.recipient):
            return Refused(0, "the recipient is not an ASCII address", "rcpt", address_invalid=True)
        if not body.count(b"\r\n") == body.count(b"\r") == body.count(b"\n"):  # some servers would end the mail there
            return Refused(0, "bare CR or LF in the message (RFC 5321 2.3.8)", "data")
        if not body.isascii() and "8bitmime" not in self.extensions:
            return Refused(0, "the server takes no 8-bit mail (RFC 6152)", "mail", "5.6.3")
        if 0 < (limit := self._size_limit()) < size:
            return Refused(0, f"the message has {size} bytes, the server takes {limit} (RFC 1870)", "mail", "5.3.4")
        return None

    def _size_limit(self) -> int:
        """Bytes; 0: none that we know of (RFC 1870 4)."""
        declared = self.extensions.get("size", "").strip()
        return int(declared) if re.fullmatch("[0-9]{1,20}", declared) else 0

    async def _say_envelope(self, envelope: Envelope) -> Outcome | None:
        """In one group if PIPELINING was offered; every reply is read, the first refusal counts (RFC 2920 3.1)."""
        commands = self._commands(envelope)
        pipelining = "pipelining" in self.extensions
        self._envelope_left, refusal = True, None
        if pipelining:
            self._transport.write("".join(f"{command}\r\n" for command in commands.values()).encode())
        for self.phase, command in commands.items():
            if not pipelining:
                self._transport.write(f"{command}\r\n".encode())
            reply = await self._reply()
            if reply is None or reply.code // 100 != (3 if self.phase == "data" else 2):
                refusal = refusal or self._ended(reply)
            elif refusal and self.phase == "data":  # RFC 2920 3.1 wants a lone dot here: never a dot without a fence
                self.abort("354 after a refusal")
            if refusal and (self._lost or not pipelining):
                break
        return refusal

    def _commands(self, envelope: Envelope) -> dict[Phase, str]:
        size = f" SIZE={len(envelope.body)}" if "size" in self.extensions else ""
        eight_bit = "" if envelope.body.isascii() else " BODY=8BITMIME"
        reset: dict[Phase, str] = {"rset": "RSET"} if self._envelope_left else {}
        return reset | {
            "mail": f"MAIL FROM:<{envelope.sender}>{size}{eight_bit}",
            "rcpt": f"RCPT TO:<{envelope.recipient}>",
            "data": "DATA",
        }

    async def _say_body(self, wire: bytes) -> Outcome | None:
        self.phase = "body"
        for start in range(0, len(wire), CHUNK_BYTES):
            self._transport.write(wire[start : start + CHUNK_BYTES])
            await self._until(lambda: self._writable or bool(self._replies))
            if (ended := self._interruption()) is not None:
                return ended
        return None

    def _interruption(self) -> Outcome | None:
        """What ended the message before its dot: a reply nobody asked for (mostly 421), or a lost connection."""
        if self._lost or self._replies:
            return self._ended(self._replies.take())
        return None

    def _ended(self, reply: Reply | None) -> Outcome:
        """What a reply (None: there is none) that ends the message means; all but a plain refusal drops."""
        asked = self.phase in ("mail", "rcpt", "data", "dot")
        phase: Phase = "connect" if self.phase == "idle" or self.phase == "quit" else self.phase
        if not asked or reply is None or reply.code < 400 or reply.code == 421:
            self.abort("half a reply" if reply is None else f"{reply.code} in phase {self.phase}")
        if reply is None:
            early = phase in ("body", "fence") and self._replies.half().startswith(b"2")
            return Uncertain(self._lost, phase) if early or phase == "dot" else Deferred(0, self._lost, phase)
        said = readable(reply.text)
        if (phase == "dot" and reply.code < 400) or (phase in ("body", "fence") and reply.code < 300):
            return Uncertain(f"{reply.code} {said}", phase)
        if asked:
            return judge(reply, phase)
        return Deferred(reply.code if reply.code >= 400 else 0, said, phase, enhanced_code(reply.text))

    async def _reply(self) -> Reply | None:
        await self._until(lambda: len(self._replies) > 0)
        return self._replies.take()

    async def _until(self, ready: Callable[[], bool]) -> None:
        """Wait until ready or lost. The phase's time-out is a loss; a cancellation drops the connection."""
        if ready() or self._lost:
            return
        seconds = self._timeouts_s[self.phase]
        timer = asyncio.get_running_loop().call_later(seconds, self.abort, f"no answer in {seconds:g} s")
        try:
            while not (ready() or self._lost):
                self._changed.clear()
                await self._changed.wait()
        except BaseException:
            self.abort("cancelled")
            raise
        finally:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.feed(data)
        except GarbledReplyError as garbled:
            self.abort(str(garbled))
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort(f"connection lost: {readable(str(exc)) if exc else 'closed by the server'}")

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._changed.set()


def _is_address(text: str) -> bool:
    return len(text) <= ADDRESS_CHARS_MAX and ADDRESS.fullmatch(text) is not None
