"""Simulated IMAP accounts, and the reader of one as the engine sees it: an Inbox of core/ports.py.

A walk drops in the middle, the server is away for hours, UIDs become invalid, and the user moves and deletes mail
while it is read. The promise of the port is kept: what lay there when a walk began is settled when it returns.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sequencer.core.ports import Cursor, Fetched, FolderName, FolderRole, Head, Settle, Settled, Wanted
from sequencer.errors import InboxLost
from sequencer.world.record import Delivered, Read, Unreadable
from tests.simulation.stage import Stage

__all__ = ["Account", "Reader"]

ROLES: Mapping[FolderName, FolderRole] = {"INBOX": "inbox", "Junk": "junk", "Sent": "sent", "Archive": "archive"}
CHUNK_MAX = 3


@dataclass(slots=True)
class _Mail:
    uid: int
    raw: bytes
    filed_at: datetime
    entry: Delivered | None = None
    settled: bool = False
    offered: bool = False


@dataclass(slots=True)
class _Folder:
    validity: int = 1
    next_uid: int = 1
    mails: list[_Mail] = field(default_factory=list)

    def add(self, raw: bytes, filed_at: datetime, entry: Delivered | None, offered: bool = False) -> None:
        self.mails.append(_Mail(self.next_uid, raw, filed_at, entry, False, offered))
        self.next_uid += 1


class Account:
    """The folders of one mailbox."""

    def __init__(self, stage: Stage, address: str) -> None:
        self.stage, self.address = stage, address
        self.dice = stage.dice(f"account {address}")
        self.folders: dict[FolderName, _Folder] = {name: _Folder() for name in ROLES}
        self.away_until = 0.0

    @property
    def unread(self) -> bool:
        """Whether no walk has passed all that lies here."""
        return any(not mail.settled for folder in self.folders.values() for mail in folder.mails)

    def read_anew(self) -> None:
        """Whoever comes next knows nothing of the walks so far."""
        for folder in self.folders.values():
            for mail in folder.mails:
                mail.settled = False

    def put(self, folder: FolderName, raw: bytes, entry: Delivered | None) -> None:
        now = self.stage.clock.true_now()
        self.folders[folder].add(raw, now, entry)
        if folder == "INBOX" and self.stage.faults.hit("same mail in two folders"):
            self.folders[self.dice.choice(("Archive", "Junk"))].add(raw, now, None)

    def live(self) -> None:
        """What the user and the server do behind the reader's back."""
        faults = self.stage.faults
        name = self.dice.choice(tuple(self.folders))
        if faults.hit("UIDVALIDITY change"):
            folder = self.folders[name]
            folder.validity += 1
            folder.next_uid = 1
            mails, folder.mails = folder.mails, []
            for mail in mails:
                folder.add(mail.raw, mail.filed_at, mail.entry, mail.offered)
        inbox = self.folders["INBOX"]
        if inbox.mails and faults.plays("mail moved by the user") and faults.hit("mail moved by the user"):
            mail = inbox.mails.pop(self.dice.randrange(len(inbox.mails)))
            self.folders["Archive"].add(mail.raw, mail.filed_at, mail.entry, mail.offered)
        unread = [mail for mail in inbox.mails if not mail.offered and mail.entry is not None]
        if unread and faults.hit("mail deleted by the user"):
            self.delete_unread(self.dice.choice(unread).raw)

    def delete_unread(self, raw: bytes) -> None:
        """Somebody who wrote twice within a second sent the same bytes twice. What nobody can have read never came."""
        for folder in self.folders.values():
            gone = [mail for mail in folder.mails if mail.raw == raw]
            folder.mails = [mail for mail in folder.mails if mail.raw != raw]
            for mail in gone:
                if mail.entry is not None and not mail.offered:
                    self.stage.record.entries.remove(mail.entry)


class Reader:
    """Reads one account for one daemon. `keeps` False: for a command that only looks, so that a daemon has still to."""

    def __init__(self, account: Account, *, keeps: bool = True) -> None:
        self._account, self._stage, self._keeps = account, account.stage, keeps

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        at, begun = self._stage.clock.now(), self._stage.record.mark()
        self._reach()
        for name in ROLES:
            self._account.live()
            self._walk_folder(name, cursors.get(name, Cursor()), wanted, settle)
        if self._keeps:
            self._stage.record.note(Read, at=at, mailbox=self._account.address, begun=begun)

    def _walk_folder(self, name: FolderName, cursor: Cursor, wanted: Wanted, settle: Settle) -> None:
        folder = self._account.folders[name]
        validity = folder.validity
        last = cursor.uid_last if cursor.uid_validity == validity else 0
        while new := [mail for mail in folder.mails if mail.uid > last][:CHUNK_MAX]:
            self._reach("IMAP drop mid-walk")
            if folder.validity != validity:
                raise InboxLost("the folder was made anew")
            items = []
            for mail in new:
                header = mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                head = Head(name, mail.uid, len(mail.raw), header, ROLES[name], mail.filed_at)
                fetched = Fetched(name, mail.uid, validity, mail.raw, False) if wanted(head) else None
                items.append(Settled(head, fetched))
            for mail in new:
                mail.offered = True
            self._stage.storing = any(mail.entry is not None for mail in new)
            try:
                settle(name, Cursor(validity, new[-1].uid), items)
            finally:
                self._stage.storing = False
            last = new[-1].uid
            for mail in new:
                mail.settled |= self._keeps
        if last == 0 and cursor.uid_validity != validity:
            settle(name, Cursor(validity, 0), [])

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Nobody waits here: a daemon of the simulation is woken by the world."""
        return False

    def find_sent(self, message_id: str) -> bool:
        self._reach()
        wanted = f"message-id: {message_id.lower()}".encode()
        return any(wanted in mail.raw.lower() for mail in self._account.folders["Sent"].mails)

    def append_sent(self, raw: bytes) -> None:
        self._reach()
        self._account.folders["Sent"].add(raw, self._stage.clock.true_now(), None)
        self._reach("IMAP drop mid-walk")

    def close(self) -> None:
        """There is no connection."""

    def _reach(self, fault: str = "IMAP away for hours") -> None:
        self._stage.seam()
        faults, account = self._stage.faults, self._account
        if faults.hit(fault):
            if fault == "IMAP away for hours":
                account.away_until = self._stage.loop.time() + account.dice.uniform(600, 30_000)
            else:
                self._fail("the connection was lost")
        if self._stage.loop.time() < account.away_until and not faults.calm:
            self._fail("the server does not answer")

    def _fail(self, words: str) -> None:
        self._stage.record.note(Unreadable, at=self._stage.clock.now(), mailbox=self._account.address)
        raise InboxLost(words)


Accounts = Mapping[str, Account]
ReaderOf = Callable[[str], Reader]
