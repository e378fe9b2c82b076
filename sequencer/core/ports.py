"""What the engine asks of the outside: a channel that sends and an inbox that is read, as protocols and plain values.

The engine depends on these and never on a channel or a reader; app.py hands the real ones in, and so does a test with
its own. Nothing here opens a connection.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

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
        """Write the dot, wait for the answer; past `not_after` (monotonic seconds) no dot: Deferred in phase fence."""

    def abort(self) -> None:
        """Drop the connection without the dot: the server forgets the message."""


class Channel(Protocol):
    """Carries the mail of one mailbox to the fence."""

    async def wire(self, envelope: Envelope) -> Pending | Outcome:
        """Send envelope and body, not the dot. An Outcome means that it ended before: never Accepted."""

    async def close(self) -> None:
        """Hang up. A message at the fence keeps its connection until it ends."""


FolderName: TypeAlias = str
FolderRole = Literal["inbox", "junk", "archive", "trash", "sent"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was settled: store it in the transaction that stores the items.

    `uid_validity`, `uid_last`: RFC 9051 2.3.1.1; 0 means nothing yet. `state` belongs to the reader: keep it as it is.
    `left`: how many messages of the folder this walk has still to look at, for people alone.
    """

    uid_validity: int = 0
    uid_last: int = 0
    state: str = ""
    left: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """A message by its header (at most HEADER_BYTES_MAX bytes of it); `size` in bytes as the server announces it.

    `filed_at`: when it came into the mailbox (INTERNALDATE, RFC 9051 2.3.3), UTC; None where that is not told.
    """

    folder: FolderName
    uid: int
    size: int
    header: bytes
    role: FolderRole = "inbox"
    filed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as it lies in the folder; `truncated`: over MESSAGE_BYTES_MAX or unreadable, so `raw` is its header."""

    folder: FolderName
    uid: int
    uid_validity: int
    raw: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """One message that the cursor passes; `fetched` is None when its body was not wanted."""

    head: Head
    fetched: Fetched | None


Wanted = Callable[[Head], bool]
Settle = Callable[[FolderName, Cursor, Sequence[Settled]], None]


class Inbox(Protocol):
    """One mailbox, read by one thread; no method may be called from inside `wanted` or `settle`.

    Every method raises InboxLost or InboxBroken, and may be called again afterwards: it connects anew.
    """

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        """Read every folder from its cursor to its end; on return, all that lay there when the walk began is settled.

        `wanted(head)` is asked once a message: is its body to be fetched? `settle(folder, cursor, items)` is called in
        order, with the cursor that may be stored together with these items; when it raises, the walk ends there.
        A message moved between two folders meanwhile is found in the one it went to; one that vanished while its body
        was being fetched is passed over. The same message may come twice, from two folders.
        """
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Block until there is news (True), until `stop`, or for about `seconds` (False). Walk again in any case."""
        ...

    def find_sent(self, message_id: str) -> bool:
        """Whether the Sent folder holds this Message-ID, `<` and `>` included. False proves nothing: copies lag."""
        ...

    def append_sent(self, raw: bytes) -> None:
        """File a copy of a sent message in the Sent folder, as read. Ask `find_sent` first when it is a second try."""
        ...

    def close(self) -> None:
        """Let the connection go, without a word to the server. Never raises."""
        ...
