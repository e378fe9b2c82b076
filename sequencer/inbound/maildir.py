"""Reads a local Maildir and its Maildir++ subfolders (`.Sent`, `.Junk`, `.Archive`, `.Trash`) without touching a file.

For installations whose mail is delivered to the same machine. A Maildir has no UIDs, and mail may arrive with an older
stamp than what was read before; so the cursor carries a digest of the unique name of each message that was settled and
still exists. Mail programs flag a file and move it from new/ to cur/: the unique name stays. It judges, moves, flags
and deletes nothing, and writes nothing but the copies that `append_sent` is asked for.
"""

import base64
import math
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.parser import BytesHeaderParser
from pathlib import Path

from sequencer.core.ports import Cursor, Fetched, FolderName, Head, Inbox, Settle, Settled, Wanted
from sequencer.errors import InboxBroken, InboxLost
from sequencer.inbound.folders import ROLES, Folder, must_be_there, name_of, role_by_name
from sequencer.inbound.inbox import HEAD_BATCH_MAX, HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, batches
from sequencer.inbound.maildir_files import DIGEST_BYTES, MessageFile, file_copy, header_of, listed, read

__all__ = ["Maildir"]

MESSAGES_MAX = 100_000  # in one folder, newer than `since`: the cursor carries 10 characters for each
UID_VALIDITY = 1  # uids count what was settled in a folder, so none is given twice


class Maildir(Inbox):
    """`root` holds `cur`, `new` and `tmp`. `since` leaves out what was delivered earlier (UTC); None reads all.

    `also`: the user's own folders that are read too, as Imap has it. `round_s`: between two looks while waiting, and
    how long a stop may take.
    """

    def __init__(
        self, root: Path, since: date | None = None, also: Collection[FolderName] = (), *,
        round_s: float = 1.0, messages_max: int = MESSAGES_MAX,
    ) -> None:  # fmt: skip
        self._root = root
        self._also = also
        self._stamp_min = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp()) if since else 0
        self._round_s = round_s
        self._messages_max = messages_max
        self._walked: dict[Path, int] = {}

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        self._walked = self._touched()
        folders = self._folders()
        at = dict(cursors)
        # Twice: what was moved meanwhile into a folder that was read already is found there the second time.
        for folder in (*folders, *folders):
            at[folder.name] = self._walk_folder(folder, at.get(folder.name, Cursor()), wanted, settle)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        for _ in range(math.ceil(seconds / self._round_s)):
            if self._touched() != self._walked:
                return True
            if stop.wait(self._round_s):
                return False
        return self._touched() != self._walked

    def find_sent(self, message_id: str) -> bool:
        newest_first = (file for folder in self._sent() for file in reversed(self._files(folder)))
        return any(_message_id(self._read(file, HEADER_BYTES_MAX)) == message_id for file in newest_first)

    @property
    def has_sent(self) -> bool:
        """Whether there is a folder to file copies in."""
        return bool(self._sent())

    def append_sent(self, raw: bytes) -> None:
        """As `Inbox.append_sent`; asked again with the same bytes it adds nothing."""
        sent = self._sent()
        if not sent:
            raise InboxBroken(f"{self._root}: no Sent folder to file a copy in")
        with self._told():
            file_copy(self._place(sent[0]), raw)

    def close(self) -> None:
        """Nothing is held open."""

    def _folders(self) -> tuple[Folder, ...]:
        with self._told():
            if not (self._root / "cur").is_dir():  # such as a disk that is not mounted: not the same as an empty folder
                raise InboxBroken(f"{self._root}: not a Maildir: it has no folder cur")
            names = sorted(path.name[1:] for path in self._root.glob(".*") if (path / "cur").is_dir())
        read_as = {name: name_of(os.fsencode(name)) if name.isascii() else name for name in names}
        must_be_there(self._also, read_as.values())
        roles = {
            name: role_by_name(known, ".") or ("archive" if known in self._also else None)
            for name, known in read_as.items()
        }
        found = [Folder(name, role) for name, role in roles.items() if role is not None]
        return Folder("INBOX", "inbox"), *sorted(found, key=lambda folder: ROLES.index(folder.role))

    def _sent(self) -> list[Folder]:
        return [folder for folder in self._folders() if folder.role == "sent"]

    def _place(self, folder: Folder) -> Path:
        return self._root if folder.role == "inbox" else self._root / f".{folder.name}"

    def _touched(self) -> dict[Path, int]:
        """When a file was last put into or taken out of each folder, in ns: another value is news."""
        places = [self._place(folder) / part for folder in self._folders() for part in ("new", "cur")]
        with self._told():
            return {place: place.stat().st_mtime_ns for place in places}

    def _files(self, folder: Folder) -> list[MessageFile]:
        with self._told():
            return listed(self._place(folder), self._stamp_min)

    def _read(self, file: MessageFile, bytes_max: int) -> tuple[int, bytes] | None:
        with self._told():
            return read(file, bytes_max)

    def _walk_folder(self, folder: Folder, cursor: Cursor, wanted: Wanted, settle: Settle) -> Cursor:
        files = self._files(folder)
        if len(files) > self._messages_max:
            raise InboxBroken(
                f"{self._place(folder)}: {len(files)} messages, {self._messages_max} are read: archive some"
            )
        seen = _digests(cursor.state) & {file.digest for file in files}  # what was deleted is forgotten
        unseen = [file for file in files if file.digest not in seen]
        for first in range(0, len(unseen), HEAD_BATCH_MAX):
            by_uid = dict(enumerate(unseen[first : first + HEAD_BATCH_MAX], cursor.uid_last + 1))
            for batch in batches(self._heads(folder, by_uid), wanted):
                seen |= {by_uid[head.uid].digest for head, _ in batch}
                cursor = Cursor(UID_VALIDITY, batch[-1][0].uid, _state(seen))
                settle(folder.name, cursor, self._settled(batch, by_uid))
        return cursor

    def _heads(self, folder: Folder, by_uid: Mapping[int, MessageFile]) -> list[Head]:
        """Without those that were deleted a moment ago."""
        answers = {uid: self._read(file, HEADER_BYTES_MAX) for uid, file in by_uid.items()}
        return [
            Head(folder.name, uid, answer[0], header_of(answer[1]), folder.role, by_uid[uid].filed_at)
            for uid, answer in answers.items()
            if answer is not None
        ]

    def _settled(self, batch: Sequence[tuple[Head, bool]], by_uid: Mapping[int, MessageFile]) -> list[Settled]:
        """Wanted bodies read; a message that vanished before that is left out: it was moved or deleted."""
        settled: list[Settled] = []
        for head, is_wanted in batch:
            truncated = head.size > MESSAGE_BYTES_MAX
            answer = (
                self._read(by_uid[head.uid], MESSAGE_BYTES_MAX) if is_wanted and not truncated else (0, head.header)
            )
            if not is_wanted:
                settled.append(Settled(head, None))
            elif answer is not None:
                fetched = Fetched(head.folder, head.uid, UID_VALIDITY, answer[1], truncated)
                settled.append(Settled(head, fetched))
        return settled

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise InboxBroken(f"{self._root}: {error}") from error
        except OSError as error:
            raise InboxLost(f"{self._root}: {error}") from error


def _message_id(answer: tuple[int, bytes] | None) -> str:
    return str(BytesHeaderParser().parsebytes(header_of(answer[1]) if answer else b"")["Message-ID"]).strip()


def _digests(state: str) -> set[bytes]:
    """Of a state that is not ours: none, so that all is read again."""
    try:
        joined = base64.b85decode(state)
    except ValueError:
        return set()
    return {joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)}


def _state(digests: set[bytes]) -> str:
    return base64.b85encode(b"".join(sorted(digests))).decode("ascii")
