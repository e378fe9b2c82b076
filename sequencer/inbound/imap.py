"""Reads one mailbox over IMAP (RFC 3501, RFC 9051) with imapclient: UID by UID, read-only.

The walk is the truth, IDLE only wakes it: a server may forget to push, it cannot forget a UID. Blocking, for one thread
a mailbox. It asks EXAMINE and BODY.PEEK only, so nothing becomes read; it does not retry, judge or store.
"""

import math
import threading
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from email.parser import BytesHeaderParser
from typing import Any

from sequencer.core.ports import Cursor, Fetched, FolderName, Head, Inbox, Settle, Settled, Wanted
from sequencer.errors import InboxBroken, InboxLost
from sequencer.inbound.folders import Folder, special_folders, wire_name
from sequencer.inbound.imap_line import ImapServer, Line, Refused, Security
from sequencer.inbound.inbox import HEAD_BATCH_MAX, HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, batches

__all__ = ["Imap", "ImapServer", "Security"]

SEARCH_HITS_MAX = 80_000  # UIDs in one answer: at ten digits each they stay below imaplib's line limit of 1 MB
IDLE_S_MAX = 1500.0  # RFC 2177: a server may log an idle client out after 30 minutes
POLL_S = 60.0  # between walks on a server without IDLE
DRAFT = rb"\draft"  # Gmail's All Mail has them, and every Trash that a draft was thrown into


class Imap(Inbox):
    """`since` bounds the first walk of a folder by the date of arrival; None reads all of it.

    `also`: the user's own folders that are read too; while one of them is not there the inbox is broken.
    `timeout_s`: how long the server may be silent. `round_s`: how long a stop may take while waiting.
    """

    def __init__(
        self, server: ImapServer, since: date | None = None, also: Collection[FolderName] = (), *,
        timeout_s: float = 30.0, round_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._server = server
        self._since = since
        self._also = also
        self._round_s = round_s
        self._line = Line(server, timeout_s)
        self._inbox_uid_next: int | None = None

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        folders = self._folders()
        at = dict(cursors)
        # All but the last twice: what was moved meanwhile from a folder still to be read into one already read has a
        # new UID there, and would be missed until the next walk though this one claims to have seen everything.
        for folder in (*folders, *folders[:-1]):
            at[folder.name] = self._walk_folder(folder, at.get(folder.name, Cursor()), wanted, settle)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        selected = self._examine("INBOX")
        if self._inbox_uid_next not in (None, selected.get(b"UIDNEXT")):
            return True  # arrived between the walk and now: nobody would push it
        if not self._line.ask("has_capability", "IDLE"):
            stop.wait(min(seconds, POLL_S))
            return False
        self._line.ask("idle")
        self._idle(stop, math.ceil(min(seconds, IDLE_S_MAX) / self._round_s))
        _, answers = self._line.ask("idle_done")  # a dead line shows here
        if any(answer[0] == b"BYE" for answer in answers):
            self._line.close()
            raise InboxLost(f"{self._server}: the server said BYE")
        return _has_news(answers)

    def find_sent(self, message_id: str) -> bool:
        return any(self._holds(folder.name, message_id) for folder in self._folders() if folder.role == "sent")

    def append_sent(self, raw: bytes) -> None:
        sent = next((folder.name for folder in self._folders() if folder.role == "sent"), None)
        if sent is None:
            raise InboxBroken(f"{self._server}: no Sent folder to file a copy in")
        self._line.ask("append", wire_name(sent), raw, flags=(rb"\Seen",))

    def close(self) -> None:
        self._line.close()

    def _folders(self) -> tuple[Folder, ...]:
        return special_folders(self._line.ask("list_folders"), self._also)

    def _examine(self, folder: FolderName) -> dict[bytes, Any]:
        selected: dict[bytes, Any] = self._line.ask("select_folder", wire_name(folder), readonly=True)
        return selected

    def _open(self, folder: Folder) -> dict[bytes, Any] | None:
        """None when somebody has deleted or renamed the folder since it was listed.

        A refusal is asked for twice, the second time over a new connection: Dovecot refuses an old one a folder that
        was numbered anew meanwhile.
        """
        try:
            return self._examine(folder.name)
        except Refused:
            if all(each.name != folder.name for each in self._folders()):
                return None
        try:
            return self._examine(folder.name)
        except Refused as error:
            raise InboxBroken(f"{error}: the folder {folder.name} is there, and cannot be opened") from error

    def _walk_folder(self, folder: Folder, cursor: Cursor, wanted: Wanted, settle: Settle) -> Cursor:
        selected = self._open(folder)
        if selected is None:
            return cursor
        validity = selected.get(b"UIDVALIDITY")
        if not isinstance(validity, int):
            raise InboxBroken(f"{self._server}: folder {folder.name} has no UIDVALIDITY: it cannot be read twice")
        first_look = validity != cursor.uid_validity
        if first_look:  # other UIDs from now on: all again, the Message-ID tells what is known
            cursor = Cursor(validity, 0, str(selected.get(b"UIDNEXT", "")))
        if folder.role == "inbox":
            self._inbox_uid_next = selected.get(b"UIDNEXT")
        new = self._new_uids(cursor, selected)
        if first_look:  # what is there is known from now on, though none of it was looked at
            settle(folder.name, replace(cursor, left=len(new)), ())
        for start in range(0, len(new), HEAD_BATCH_MAX):
            for batch in batches(self._heads(folder, new[start : start + HEAD_BATCH_MAX]), wanted):
                last = batch[-1][0].uid
                cursor = replace(cursor, uid_last=last, left=len(new) - bisect_right(new, last))
                settle(folder.name, cursor, self._settled(batch, validity))
        return cursor

    def _new_uids(self, cursor: Cursor, selected: Mapping[bytes, Any]) -> list[int]:
        """Of what lay there at the first look, only what arrived since then, also when that walk ended in the middle.

        `cursor.state`: UIDNEXT at the first look; empty where it is not told, or in a cursor of an older version.
        """
        first, messages, uid_next = cursor.uid_last + 1, selected.get(b"EXISTS", 0), selected.get(b"UIDNEXT", 0)
        bounded_end = int(cursor.state or 0)
        found: set[int] = set()
        if self._since is not None and first < bounded_end:
            few = messages <= SEARCH_HITS_MAX
            spans = [f"{first}:{bounded_end - 1}"] if few else search_spans(first, messages, bounded_end)
            for span in spans:
                found.update(self._line.ask("search", ["UID", span, "SINCE", self._since]))
            first = bounded_end
        for span in search_spans(first, messages, uid_next):
            hits = self._line.ask("search", ["UID", span])
            found.update(uid for uid in hits if uid >= first)  # `9:*` finds the last message even when it is 5
        return sorted(found)

    def _fetch(self, uids: Sequence[int], parts: Sequence[str], name: bytes) -> dict[int, dict[bytes, Any]]:
        """By UID, without messages that are gone: of one expunged a moment ago Dovecot answers NIL for its parts."""
        answers: dict[int, dict[bytes, Any]] = self._line.ask("fetch", uids, parts)
        empty = [uid for uid, answer in answers.items() if _part(answer, name) is None]
        if empty:
            self._line.ask("noop")  # from here on the server may leave them out
            there = set(self._line.ask("search", ["UID", ",".join(map(str, empty))]))
            answers = {uid: answer for uid, answer in answers.items() if uid in there or uid not in empty}
        return answers

    def _heads(self, folder: Folder, uids: Sequence[int]) -> list[Head]:
        """Without those that were expunged a moment ago, and without drafts: nobody has sent them."""
        part = f"BODY.PEEK[HEADER]<0.{HEADER_BYTES_MAX}>"
        answers = self._fetch(uids, ["RFC822.SIZE", "INTERNALDATE", part, "FLAGS"], b"BODY[HEADER]")
        return [
            Head(folder.name, uid, _size(answer), _part(answer, b"BODY[HEADER]") or b"", folder.role, _filed_at(answer))
            for uid, answer in answers.items()
            if DRAFT not in (flag.lower() for flag in answer.get(b"FLAGS", ()))
        ]

    def _settled(self, batch: Sequence[tuple[Head, bool]], validity: int) -> list[Settled]:
        """Wanted bodies fetched; a message that vanished before its body came is left out: it was moved or deleted."""
        small = [head.uid for head, is_wanted in batch if is_wanted and head.size <= MESSAGE_BYTES_MAX]
        # The size is the server's word only, and some guess it: one byte more than allowed shows a larger message.
        part = f"BODY.PEEK[]<0.{MESSAGE_BYTES_MAX + 1}>"
        answers = self._fetch(small, [part], b"BODY[]")
        settled: list[Settled] = []
        for head, is_wanted in batch:
            if not is_wanted:
                settled.append(Settled(head, None))
            elif head.uid in answers or head.uid not in small:
                raw = _part(answers.get(head.uid, {}), b"BODY[]")
                truncated = raw is None or len(raw) > MESSAGE_BYTES_MAX  # None also when the server cannot read it
                raw = head.header if raw is None or truncated else raw
                settled.append(Settled(head, Fetched(head.folder, head.uid, validity, raw, truncated)))
        return settled

    def _idle(self, stop: threading.Event, rounds: int) -> None:
        """Until the server speaks. What it says is read behind the DONE: whole lines, however they are cut on the way.

        imapclient's idle_check takes the first half of a line for the end of the connection.
        """
        for _ in range(rounds):
            if stop.is_set() or self._line.readable(self._round_s):
                return

    def _holds(self, folder: FolderName, message_id: str) -> bool:
        self._examine(folder)
        hits = self._line.ask("search", ["HEADER", "Message-ID", message_id])
        answers = self._line.ask("fetch", hits[:HEAD_BATCH_MAX], ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
        headers = (BytesHeaderParser().parsebytes(_part(answer, b"BODY[HEADER") or b"") for answer in answers.values())
        return any(str(header["Message-ID"]).strip() == message_id for header in headers)  # SEARCH finds substrings


def search_spans(uid_first: int, messages: int, uid_next: int) -> list[str]:
    """UID sets to search one by one so that no answer holds more than SEARCH_HITS_MAX of them.

    `messages`: how many the folder holds. A folder that does not tell its `uid_next` (0) is searched at once.
    """
    if messages <= SEARCH_HITS_MAX or not uid_next:
        return [f"{uid_first}:*"]
    return [
        f"{first}:{min(first + SEARCH_HITS_MAX, uid_next) - 1}" for first in range(uid_first, uid_next, SEARCH_HITS_MAX)
    ]


def _part(answer: Mapping[bytes, Any], name: bytes) -> bytes | None:
    """A body part by its name, with `<0>` after it or without, as servers like."""
    part: bytes | None = next((value for key, value in answer.items() if key.startswith(name)), None)
    return part


def _size(answer: Mapping[bytes, Any]) -> int:
    return answer.get(b"RFC822.SIZE") or 0


def _filed_at(answer: Mapping[bytes, Any]) -> datetime | None:
    """UTC; None where the server tells none that there can be."""
    told = answer.get(b"INTERNALDATE")
    with suppress(ValueError, OverflowError):  # an offset of days
        return told.astimezone(UTC) if isinstance(told, datetime) else None
    return None


def _has_news(answers: Sequence[tuple[object, ...]]) -> bool:
    return any(answer[1:2] == (b"EXISTS",) for answer in answers)
