"""What the engine asks of the outside: a channel that sends and an inbox that is read, as protocols and plain values.

The engine depends on these and never on a channel or a reader; app.py hands the real ones in, and so does a test with
its own. Nothing here opens a connection.
"""

from dataclasses import dataclass
from typing import Protocol

from sequencer.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one recipient. `body` is the whole mail, headers and all, with CRLF line ends."""

    sender: str
    recipient: str
    body: bytes


class Pending(Protocol):
    """A message that lacks only its dot. Exactly one of `commit` and `abort` ends it; a second `abort` does nothing."""

    async def commit(self, not_after: float) -> Outcome:
        """Write the dot and wait for the answer; past `not_after` (monotonic seconds) no dot: Deferred in phase fence."""

    def abort(self) -> None:
        """Drop the connection without the dot: the server forgets the message."""


class Channel(Protocol):
    """Carries the mail of one mailbox to the fence."""

    async def wire(self, envelope: Envelope) -> Pending | Outcome:
        """Send envelope and body, not the dot. An Outcome means that it ended before: never Accepted."""

    async def close(self) -> None:
        """Hang up. A message at the fence keeps its connection until it ends."""
