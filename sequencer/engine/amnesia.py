"""Notices a database that is older than what was sent, or a copy of one that may send elsewhere, and holds all sends.

A daemon asks at its start and with every heartbeat; a fence that finds the outside copy ahead refuses by itself. What
lifts the hold is engine/reconciling.py.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection

from sequencer.errors import StoreError
from sequencer.store import epoch as store
from sequencer.store import epoch_file, scopes
from sequencer.store.epoch import Amnesia, Epoch
from sequencer.store.epoch_file import EpochFile, installation_of

__all__ = [
    "MEND",
    "Covering",
    "amnesia_of",
    "begin",
    "counted",
    "message_key",
    "notice",
    "restored_words",
    "series_key",
]

MEND = '"sequencer db reconcile" looks into the Sent folders and lets it go on; inboxes are read meanwhile'


def begin(connection: Connection, path: Path, key: bytes) -> None:
    """Count from the hour in which the database is made, so that its copies are known as such before a daemon ran.

    Raises StoreError, when the file at `path` cannot be written.
    """
    first = store.raise_epoch(connection)
    store.accept_server(connection)
    if not store.is_on_server(connection):
        epoch_file.begin(path, key, first)


def amnesia_of(connection: Connection, file: EpochFile, key: bytes) -> Amnesia | None:
    """What the database has forgotten, as far as the file and the server tell; None when it has forgotten nothing."""
    known, told = store.current(connection), file.told
    seen = scopes.meta(connection, scopes.HIGHEST_INSTANT)
    since = datetime.fromisoformat(seen) if seen else None
    theirs = told.standing in ("good", "copy") and told.installation != installation_of(key)
    lost = None if theirs else told.epoch.lost_since(known)
    why = ""
    if theirs:
        why = (
            f"{told.path} belongs to another database, which sent {told.epoch.mails} mails: "
            "if that one was given up on purpose, stop the daemon, delete the file and reconcile"
        )
    elif told.standing == "unreadable":
        why, lost = f"{told.path} cannot be read, so nobody knows what was sent since", None
    elif told.epoch > known:
        why = "the database is older than what was sent: it was restored from a copy"
    elif told.standing == "copy":
        why, lost = f"{told.path} is a copy: the original may have sent since this folder was copied", None
    elif told.standing == "none" and known.number and not store.is_on_server(connection):  # there each has a new one
        why = f"{told.path} knew nothing of this database: it may be a copy, or older than what was sent"
        lost = None
    elif store.server_changed(connection):
        why = "PostgreSQL is another server or database, or on another timeline: what was sent last may be missing"
        lost = None
    return Amnesia(why, since, lost) if why else None


def notice(connection: Connection, file: EpochFile, key: bytes, now: datetime) -> Amnesia | None:
    """Hold all sends if the database has forgotten some; returns why they are held, None while they are not.

    What the file said when it was opened counts until somebody reconciled, which begins a new series of ids. While
    sends are held each daemon's file is counted in: those of other folders and hosts see no file but their own.
    """
    found, series = store.held(connection), store.key_number(connection)
    if found is None:
        if file.held_in_series is not None and file.held_in_series < series:
            file.accept()
        if found := amnesia_of(connection, file, key):
            file.look_around()  # the others may have sent since this daemon began, and the database forgot that too
            found = amnesia_of(connection, file, key) or found
            store.hold(connection, found, now)
            store.note_outside(connection, _told(file, key))
    else:
        if file.held_in_series is None:  # a copy that was made under a hold may have come back under it
            store.note_who_was_there(connection)
        found = _counted_in(connection, file, key, found)
    file.held_in_series = series if found else None
    return found


def _counted_in(connection: Connection, file: EpochFile, key: bytes, found: Amnesia) -> Amnesia:
    """What is held, with what this file counts beyond all that was heard of: so often as one likes, it counts once.

    A count is never taken back: what a torn file or a copy does not tell makes nothing less that another one told.
    """
    file.look_around()
    told, heard = _told(file, key), store.outside(connection)
    if told.number <= heard.number and told.mails <= heard.mails:
        return found
    store.note_outside(connection, told)
    known = store.current(connection)
    if told.lost_since(known) is None:
        return store.count(connection, replace(found, mails=None))
    more = told.mails - max(heard.mails, known.mails)
    return store.count(connection, replace(found, mails=(found.mails or 0) + more)) if more > 0 else found


def _told(file: EpochFile, key: bytes) -> Epoch:
    return file.told.epoch if file.told.installation == installation_of(key) else Epoch()


def restored_words(connection: Connection) -> tuple[str, str]:
    """What is held and why, and what mends it, for a person; ("", "") while nothing is held."""
    found = store.held(connection)
    if found is None:
        return "", ""
    since = f"; it knows of nothing after {found.since:%Y-%m-%d %H:%M} UTC" if found.since else ""
    left = ""
    if found.mails is not None:
        left = f", and {counted(found.mails)} may have left since"
    return f"all sends are held: {found.why}{since}{left}", MEND


def counted(mails: int) -> str:
    return f"{mails} mail" if mails == 1 else f"{mails} mails"


def message_key(connection: Connection, key: bytes) -> bytes:
    """The key of the Message-IDs of now: another one after each reconciled loss, since lost mails bear our numbers."""
    return series_key(key, store.key_number(connection))


def series_key(key: bytes, number: int) -> bytes:
    """The key of one series of Message-IDs; the first is the installation's own."""
    return blake2b(str(number).encode(), key=key, digest_size=32, person=b"message-key").digest() if number else key


class Covering:
    """Writes the epoch outside before the mails that it counts may leave. `file` None: nobody compares it."""

    def __init__(self, file: EpochFile | None) -> None:
        self.file = file
        self._newest = Epoch()
        self._one_at_a_time = asyncio.Lock()

    def check(self, epoch: Epoch) -> None:
        """Raises StoreError when the file is ahead of what the database has just raised."""
        if self.file is not None and epoch.number <= self.file.written.number:
            raise StoreError("the database is older than what was sent")

    async def cover(self, epoch: Epoch) -> None:
        """Return when the file says this epoch or a later one, durable. Raises StoreError."""
        if self.file is None:
            return
        self._newest = max(self._newest, epoch)
        async with self._one_at_a_time:
            if self.file.written.number < epoch.number:
                await asyncio.to_thread(self.file.write, self._newest)
