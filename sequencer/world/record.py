"""What happened in the world, as the world saw it: mail taken, refused and delivered, inboxes read, what reps did.

The guarantees are checked against this and against rows, never against what the engine says of itself. Entries are
numbered in the order in which they happened, so that two of one instant can be told apart. Nothing is judged here.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, TypeVar

__all__ = ["Acted", "Declined", "Delivered", "Effect", "Entry", "Read", "Record", "Took", "Unreadable"]

Effect = Literal["stop", "opt_out", "address", "away", "none", "noise", "copy"]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    order: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Took(_Happened):
    """The server accepted a mail; `told` is False when the connection broke before the sender learned of it."""

    sender: str
    recipient: str
    message_id: str
    subject: str
    raw: bytes
    told: bool = True

    def __str__(self) -> str:
        said = "" if self.told else " (the connection was lost right after the dot)"
        return f"mail to {self.recipient}: {self.subject}{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined(_Happened):
    """The server did not take a mail; `reply` is what it said."""

    recipient: str
    reply: str

    def __str__(self) -> str:
        return f"no mail to {self.recipient}: {self.reply}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(_Happened):
    """A mail arrived in a mailbox, as file `name` of `folder` ("" is INBOX).

    `person`: whose answer or report it is, "" for noise. `effect`: what it forbids once it is read: every mail to the
    person (stop, opt_out), to this address (address), or until `until` (away). `answers`: the Message-ID it names.
    """

    mailbox: str
    folder: str
    name: str
    raw: bytes
    kind: str
    person: str
    effect: Effect
    until: datetime | None = None
    answers: str = ""

    def __str__(self) -> str:
        return f"{self.kind} from {self.person or 'somebody else'} to {self.mailbox}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(_Happened):
    """An inbox was read to the end of all its folders, by a walk that began at `at`, before entry `begun`."""

    mailbox: str
    begun: int

    def __str__(self) -> str:
        return f"{self.mailbox} read to its end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(_Happened):
    """An inbox could not be read."""

    mailbox: str

    def __str__(self) -> str:
        return f"{self.mailbox} could not be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted(_Happened):
    """A rep did something, or a person did something outside of mail."""

    who: str
    what: str
    person: str

    def __str__(self) -> str:
        return f"{self.who}: {self.what}, {self.person}"


Entry = Took | Declined | Delivered | Read | Unreadable | Acted


@dataclass(slots=True)
class Record:
    """Every entry, in order; `told` is called with each."""

    told: Callable[[Entry], None] = lambda entry: None
    entries: list[Entry] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def note(self, kind: Callable[..., Entry], /, **values: Any) -> Entry:
        """Add an entry of this kind under the next number."""
        entry = kind(order=next(self._numbers), **values)
        self.entries.append(entry)
        self.told(entry)
        return entry

    def mark(self) -> int:
        """The next number, taken by nothing: what has a higher one happened later."""
        return next(self._numbers)

    def of(self, kind: type[Found]) -> Iterator[Found]:
        """The entries of one kind, in order."""
        return (entry for entry in sorted(self.entries, key=lambda entry: entry.order) if isinstance(entry, kind))

    def digest(self) -> str:
        """The whole trace as 64 hex digits; equal for two runs in which the same happened.

        Entries of one instant count in the order of their text: two mailboxes may be served in either order.
        """
        lines = sorted(
            (entry.at.isoformat(), type(entry).__name__, str(entry), sha256(getattr(entry, "raw", b"")).hexdigest())
            for entry in self.entries
        )
        return sha256("\n".join(map("\t".join, lines)).encode()).hexdigest()
