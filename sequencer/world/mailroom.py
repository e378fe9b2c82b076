"""The mailroom: what people write is kept until its virtual time and then lies in the rep's Maildir.

It also files the copy of each mail in the Sent folder, as a provider does, and can say at the end what lies where.
It writes no letters (world/letters.py), and reads none.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sequencer.world.chance import token
from sequencer.world.record import Delivered, Effect, Record

__all__ = ["Mailroom", "Parcel"]

INBOX, SENT = "", ".Sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A mail on its way to `mailbox`; the rest as in Delivered."""

    mailbox: str
    raw: bytes
    kind: str
    person: str = ""
    effect: Effect = "none"
    until: datetime | None = None
    answers: str = ""
    folder: str = INBOX


class Mailroom:
    """`folders`: the Maildir of each mailbox; they are made here."""

    def __init__(self, folders: Mapping[str, Path], record: Record) -> None:
        self._folders, self._record = dict(folders), record
        self._waiting: list[tuple[datetime, int, Parcel]] = []
        self._posted = 0
        for root in self._folders.values():
            for folder in (root, root / SENT):
                for part in ("cur", "new", "tmp"):
                    (folder / part).mkdir(parents=True, exist_ok=True)

    def post(self, parcel: Parcel, at: datetime) -> None:
        """Deliver the mail at `at`."""
        self._posted += 1
        heapq.heappush(self._waiting, (at, self._posted, parcel))

    @property
    def next_at(self) -> datetime | None:
        return self._waiting[0][0] if self._waiting else None

    def deliver(self, now: datetime) -> int:
        """Put into the Maildirs what is due by `now`; returns how many mails."""
        delivered = 0
        while self._waiting and self._waiting[0][0] <= now:
            at, number, parcel = heapq.heappop(self._waiting)
            self._put(parcel, at, number, now)
            delivered += 1
        return delivered

    def file(self, parcel: Parcel, now: datetime) -> None:
        """Put the mail where it belongs at once: the copy of one that was just accepted."""
        self._posted += 1
        self._put(parcel, now, self._posted, now)

    def _put(self, parcel: Parcel, at: datetime, number: int, now: datetime) -> None:
        unique = f"{int(at.timestamp())}.{token(parcel.mailbox, at, number)}.world"
        name = f"cur/{unique}:2,S" if parcel.folder == SENT else f"new/{unique}"
        folder = self._folders[parcel.mailbox] / parcel.folder
        unfinished = folder / "tmp" / unique
        unfinished.write_bytes(parcel.raw)
        unfinished.rename(folder / name)
        self._record.note(
            Delivered, at=now, mailbox=parcel.mailbox, folder=parcel.folder, name=name, raw=parcel.raw,
            kind=parcel.kind, person=parcel.person, effect=parcel.effect, until=parcel.until, answers=parcel.answers,
        )  # fmt: skip

    def lying(self) -> dict[tuple[str, str, str], bytes]:
        """Every file of every Maildir now: (mailbox, folder, name) and its bytes."""
        return dict(self._files())

    def _files(self) -> Iterator[tuple[tuple[str, str, str], bytes]]:
        for mailbox, root in self._folders.items():
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    inside = path.relative_to(root)
                    folder = inside.parts[0] if inside.parts[0].startswith(".") else INBOX
                    yield (mailbox, folder, str(inside.relative_to(folder) if folder else inside)), path.read_bytes()
