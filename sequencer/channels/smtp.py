"""The e-mail channel: a small pool of SMTP connections that carry a message to the fence and wait there.

It exists so that the engine sees two calls and no protocol: `wire` brings everything but the dot to the server,
`Pending.commit` writes the dot. It never sends twice, reads no clock of its own and stores nothing.

What an Outcome says about the person: only a reply to RCPT, DATA or the dot judges the recipient or the message.

    Deferred, phase rcpt, data or dot, code 4yz/5yz   a deferral of this person (back-off counts)
    Deferred, code 0, or phase connect, auth, rset,   nothing about the person: the same send again later, uncounted.
      mail, body, fence                               code 0: the server gave no usable reply, the text says why
    Refused                                           this address or message, for good; code 0: refused by us unasked
    Uncertain                                         the dot may have been seen: nobody may send again by himself
    MailboxBroken                                     this mailbox's account or server: no person is touched
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from sequencer.channels.connect import Security, Server, connect
from sequencer.channels.conversation import TIMEOUTS_S, Conversation
from sequencer.core.outcome import Deferred, Outcome
from sequencer.core.ports import Envelope

__all__ = ["IDLE_S_MAX", "TIMEOUTS_S", "Envelope", "Pending", "Security", "Server", "Smtp"]

IDLE_S_MAX: Final = 60.0  # servers hang up after 1 to 5 minutes; a younger connection is worth a try


class Pending:
    """A message that lacks only its dot. Exactly one of `commit` and `abort` ends it; a second `abort` does nothing."""

    def __init__(self, conversation: Conversation, done: Callable[[Conversation], None]) -> None:
        self._conversation: Conversation | None = conversation
        self._done = done
        self._dot_written = False

    @property
    def dot_written(self) -> bool:
        """After an exception from `commit`: False means that the message was certainly not accepted."""
        return self._dot_written

    async def commit(self, not_after: float) -> Outcome:
        """Write the dot, wait up to 600 s for the answer.

        Past `not_after` (seconds of the clock handed to `Smtp`) no dot is written: Deferred in phase fence.
        """
        conversation = self._conversation
        if conversation is None:  # the connection may carry another message by now
            raise RuntimeError("this message has already ended")
        try:
            return await conversation.commit(not_after)
        finally:
            self._dot_written = conversation.dot_written
            self._end(conversation)

    def abort(self) -> None:
        """Drop the connection without the dot: the server forgets the message (RFC 5321 4.1.1.10)."""
        if self._conversation is not None:
            self._conversation.abort()
            self._end(self._conversation)

    def _end(self, conversation: Conversation) -> None:
        self._conversation = None
        self._done(conversation)


class Smtp:
    """Sends for one mailbox over at most `connections` connections, each with one message at a time.

    `clock` gives monotonic seconds that go on in suspend (clock.monotonic). Waits for a free connection if need be.
    """

    def __init__(
        self,
        server: Server,
        connections: int,
        clock: Callable[[], float],
        timeouts_s: Mapping[str, float] = TIMEOUTS_S,
    ) -> None:
        self._server, self._clock, self._timeouts_s = server, clock, timeouts_s
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[Conversation, float]] = []  # the latest used last, with the instant it became idle
        self._closed = False

    async def wire(self, envelope: Envelope) -> Pending | Outcome:
        """Send envelope and body, not the dot. An Outcome means that it ended before: never Accepted."""
        if self._closed:
            raise RuntimeError("this channel is closed")
        await self._slots.acquire()
        waits = False
        try:
            result = await self._wire(envelope)
            waits = isinstance(result, Pending)
            return result
        finally:
            if not waits:
                self._slots.release()

    def close_expired(self) -> None:
        """Hang up on connections that were idle too long; `wire` does it too, a heartbeat may."""
        kept = []
        for conversation, idle_since in self._idle:
            if conversation.usable and self._clock() - idle_since <= IDLE_S_MAX:
                kept.append((conversation, idle_since))
            else:
                conversation.leave()
        self._idle = kept

    async def close(self) -> None:
        """QUIT on what is idle. A message at the fence keeps its connection until it ends."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(conversation.quit() for conversation, _ in idle))

    async def _wire(self, envelope: Envelope) -> Pending | Outcome:
        self.close_expired()
        if self._idle:
            pooled, _ = self._idle.pop()
            ended = await pooled.open(envelope)
            if not _was_stale(ended):
                return self._opened(pooled, ended)
        connected = await connect(self._server, self._timeouts_s, self._clock)
        if not isinstance(connected, Conversation):
            return connected
        return self._opened(connected, await connected.open(envelope))

    def _opened(self, conversation: Conversation, ended: Outcome | None) -> Pending | Outcome:
        if ended is None:
            return Pending(conversation, self._committed)
        self._put_back(conversation)
        return ended

    def _committed(self, conversation: Conversation) -> None:
        self._put_back(conversation)
        self._slots.release()

    def _put_back(self, conversation: Conversation) -> None:
        if self._closed or not conversation.usable:
            conversation.leave()
        else:
            self._idle.append((conversation, self._clock()))


def _was_stale(ended: Outcome | None) -> bool:
    """Whether a pooled connection was dead before it carried anything: a new one is taken, no attempt is counted."""
    match ended:
        case Deferred(phase="connect" | "rset"):
            return True
        case Deferred(code=0 | 421, phase="mail"):
            return True
    return False
