"""What a mailbox reader offers: a walk over every folder, a wait for news, and the Sent folder.

The types are here, apart from the readers, so that the engine depends on none of them: `imap.py` and `maildir.py` both
give this. A reader yields raw bytes and cursors. It judges no mail, stores nothing, asks no clock, and never marks,
moves or deletes what belongs to the user.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sequencer.errors import SequencerError

MESSAGE_BYTES_MAX = 5_000_000  # of a larger message only the header is read
HEADER_BYTES_MAX = 131_072  # a header is cut here: twice what the parser accepts, so that it sees that it is too long
HEAD_BATCH_MAX = 100  # headers asked for at once
BODY_BATCH_BYTES_MAX = 10_000_000  # bodies held in memory at once

FolderName: TypeAlias = str
FolderRole = Literal["inbox", "junk", "archive", "trash", "sent"]


class InboxLost(SequencerError):
    """The connection or the server failed: trying again can help. Until then nobody knows what arrived."""


class InboxBroken(SequencerError):
    """Wrong password, certificate or path: only a person can mend it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was settled: store it in the transaction that stores the items.

    `uid_validity`, `uid_last`: RFC 9051 2.3.1.1; 0 means nothing yet. `state` belongs to the reader: keep it as it is.
    """

    uid_validity: int = 0
    uid_last: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A message by its header (at most HEADER_BYTES_MAX bytes of it); `size` in bytes as the server announces it."""

    folder: FolderName
    uid: int
    size: int
    header: bytes
    role: FolderRole = "inbox"


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


def batches(heads: Iterable[Head], wanted: Wanted) -> Iterator[list[tuple[Head, bool]]]:
    """Ask `wanted` once for each head; cut where the wanted bodies would exceed BODY_BATCH_BYTES_MAX together."""
    batch: list[tuple[Head, bool]] = []
    total = 0
    for head in heads:
        is_wanted = wanted(head)
        cost = head.size if is_wanted and head.size <= MESSAGE_BYTES_MAX else 0
        if batch and total + cost > BODY_BATCH_BYTES_MAX:
            yield batch
            batch, total = [], 0
        batch.append((head, is_wanted))
        total += cost
    if batch:
        yield batch
