"""Maildir on a real folder: each message once, whatever a mail program does to its files, and no file touched."""

import os
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sequencer.app import real_doors
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.core.ports import Cursor, Head, Settled
from sequencer.errors import InboxBroken
from sequencer.inbound.inbox import HEAD_BATCH_MAX, MESSAGE_BYTES_MAX
from sequencer.inbound.maildir import Maildir
from tests.integration.installation import CONFIG
from tests.integration.shelf import Shelf, message, subject

STAMP = 1_795_000_000  # in November 2026


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("", ".Sent", ".Junk", ".Archive", ".Customers"):
        make(tmp_path / folder)
    return tmp_path


def make(folder: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return folder


def deliver(folder: Path, text: str, stamp: int = STAMP, part: str = "new") -> Path:
    flags = ":2," if part == "cur" else ""
    path = folder / part / f"{stamp}.M1P1_{text.replace(' ', '-')}.host{flags}"
    path.write_bytes(message(text))
    os.utime(path, (stamp, stamp))
    return path


def subjects(items: Sequence[Settled]) -> list[str]:
    return [subject(item.head.header) for item in items]


def test_every_folder_is_read_to_its_end_and_each_message_once(root: Path) -> None:
    for folder in ("", ".Junk", ".Archive", ".Sent", ".Customers"):
        deliver(root / folder, f"in {folder}")
    shelf, inbox = Shelf(), Maildir(root)
    first = shelf.walk(inbox)
    assert [(item.head.folder, item.head.role, item.head.uid) for item in first] == [
        ("INBOX", "inbox", 1),
        ("Junk", "junk", 1),
        ("Archive", "archive", 1),
        ("Sent", "sent", 1),
    ]  # not the user's own .Customers
    assert first[0].fetched is not None
    assert first[0].fetched.raw == message("in ")
    assert first[0].head.header == message("in ").removesuffix(b"body\r\n")
    assert first[0].head.size == len(message("in "))
    assert shelf.walk(inbox) == []
    assert shelf.walk(Maildir(root)) == []  # all that is remembered is in the cursors


def test_messages_come_in_the_order_of_their_delivery(root: Path) -> None:
    deliver(root, "third", STAMP + 2, part="cur")
    deliver(root, "first", 999_999_999)  # one digit less: not the order of the letters
    deliver(root, "second", STAMP)
    assert subjects(Shelf().walk(Maildir(root))) == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("stamp", "expected"), [(STAMP, datetime.fromtimestamp(STAMP, UTC)), (10**18, None), (0, None)]
)
def test_the_name_of_a_file_tells_when_it_was_filed(root: Path, stamp: int, expected: datetime | None) -> None:
    path = deliver(root, "one")
    path.rename(path.with_name(f"{stamp}.one.host"))
    (item,) = Shelf().walk(Maildir(root))
    assert item.head.filed_at == expected


def test_a_message_that_a_mail_program_reads_or_flags_does_not_come_again(root: Path) -> None:
    path = deliver(root, "opened")
    shelf, inbox = Shelf(), Maildir(root)
    shelf.walk(inbox)
    seen = path.rename(root / "cur" / f"{path.name}:2,S")
    assert shelf.walk(inbox) == []
    seen.rename(root / "cur" / f"{path.name}:2,RS")
    assert shelf.walk(inbox) == []


@pytest.mark.parametrize(
    "name",
    [
        "Gel&APY-schte Elemente",  # as Dovecot and Courier write it
        "Gelöschte Elemente",  # as Dovecot does with UTF-8 set
        "INBOX.Trash",
    ],
)
def test_a_folder_is_known_by_its_name_in_any_language(root: Path, name: str) -> None:
    for folder in (name, "R&D"):
        deliver(make(root / f".{folder}"), f"in {folder}")
    (found,) = Shelf().walk(Maildir(root))
    assert (found.head.folder, found.head.role) == (name, "trash")


def test_a_user_s_own_folder_is_read_where_it_is_named(root: Path) -> None:
    for folder in (".Customers", ".Caf&AOk-"):
        deliver(make(root / folder), f"in {folder}")
    found = Shelf().walk(Maildir(root, also=["Customers", "Café"]))
    assert [item.head.folder for item in found] == ["Caf&AOk-", "Customers"]
    with pytest.raises(InboxBroken, match='names "Kunden", and there is no such folder'):
        Shelf().walk(Maildir(root, also=["Kunden"]))


def test_config_names_the_user_s_own_folders(root: Path) -> None:
    text = CONFIG.format(cap=1, gap="0s", connections=1, port=25)
    (root / "config.toml").write_text(text.replace('maildir = "mail"', 'maildir = "."\nalso_read = ["Customers"]'))
    config = load(root / "config.toml")
    deliver(root / ".Customers", "sorted")
    (name,) = {box.inbox for box in config.mailboxes if box.also_read}
    assert subjects(Shelf().walk(real_doors(config, SystemClock()).inbox_of(str(name)))) == ["sorted"]


def test_a_draft_is_read_once_it_is_none(root: Path) -> None:
    draft = deliver(root / ".Archive", "half a word", part="cur")
    draft = draft.rename(draft.with_name(f"{draft.name}DS"))
    shelf, inbox = Shelf(), Maildir(root)
    assert shelf.walk(inbox) == []
    draft.rename(draft.with_name(draft.name.replace("DS", "S")))
    assert subjects(shelf.walk(inbox)) == ["half a word"]


def test_a_message_delivered_late_with_an_older_stamp_is_not_lost(root: Path) -> None:
    deliver(root, "on time")
    shelf, inbox = Shelf(), Maildir(root)
    shelf.walk(inbox)
    deliver(root, "a year late", STAMP - 365 * 86_400)
    assert subjects(shelf.walk(inbox)) == ["a year late"]


def test_what_was_deleted_is_forgotten_by_the_cursor(root: Path) -> None:
    paths = [deliver(root, f"m{n}") for n in range(20)]
    shelf, inbox = Shelf(), Maildir(root)
    shelf.walk(inbox)
    for path in paths:
        path.unlink()
    deliver(root, "alone")
    shelf.walk(inbox)
    assert len(shelf.cursors["INBOX"].state) == 10
    assert shelf.cursors["INBOX"].uid_last == 21  # a uid is never given twice


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(),  # nothing yet
        Cursor(7, 12),  # the mailbox was read over IMAP before
        Cursor(1, 12, 'damaged "'),
    ],
)
def test_without_a_usable_cursor_all_is_read(root: Path, cursor: Cursor) -> None:
    deliver(root, "known before")
    shelf = Shelf(cursors={"INBOX": cursor})
    (item,) = shelf.walk(Maildir(root))
    assert item.head.uid == cursor.uid_last + 1
    assert shelf.walk(Maildir(root)) == []


def test_a_body_is_read_only_when_it_is_wanted(root: Path) -> None:
    deliver(root, "ours", STAMP)
    deliver(root, "private", STAMP + 1)
    ours, private = Shelf(wanted=lambda head: subject(head.header) == "ours").walk(Maildir(root))
    assert ours.fetched is not None
    assert private.fetched is None


def test_no_file_is_moved_flagged_or_written(root: Path) -> None:
    for part in ("new", "cur"):
        deliver(root, f"in {part}", part=part)
        deliver(root / ".Sent", f"in {part}", part=part)

    def tree() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in root.rglob("*")}

    before = tree()
    inbox = Maildir(root, round_s=0.05)
    Shelf().walk(inbox)
    inbox.find_sent("<none@example.test>")
    inbox.wait(threading.Event(), 0.05)
    assert tree() == before


@pytest.mark.parametrize(("bytes_more", "truncated"), [(0, False), (1, True)])
def test_of_an_oversized_message_only_the_header_is_read(root: Path, bytes_more: int, truncated: bool) -> None:
    path = deliver(root, "large")
    path.write_bytes(message("large", body="x" * (MESSAGE_BYTES_MAX + bytes_more - len(message("large", body="")))))
    (item,) = Shelf().walk(Maildir(root))
    assert item.fetched is not None
    assert item.fetched.truncated is truncated
    assert len(item.fetched.raw) == (len(item.head.header) if truncated else MESSAGE_BYTES_MAX)


def test_a_message_flagged_while_it_is_read_is_still_read(root: Path) -> None:
    path = deliver(root, "flagged")

    def wanted(head: Head) -> bool:
        path.rename(root / "cur" / f"{path.name}:2,S")
        return True

    (item,) = Shelf(wanted).walk(Maildir(root))
    assert item.fetched is not None
    assert item.fetched.raw == message("flagged")


def test_a_message_deleted_before_its_body_was_read_is_passed_over(root: Path) -> None:
    path = deliver(root, "vanishes", STAMP)
    deliver(root, "stays", STAMP + 1)

    def wanted(head: Head) -> bool:
        path.unlink(missing_ok=True)
        return True

    shelf = Shelf(wanted)
    assert subjects(shelf.walk(Maildir(root))) == ["stays"]
    assert shelf.walk(Maildir(root)) == []


def test_a_message_moved_into_a_folder_already_read_is_found_in_the_same_walk(root: Path) -> None:
    deliver(root / ".Junk", "looked at")
    moved = deliver(root / ".Archive", "moved")

    def wanted(head: Head) -> bool:
        if moved.exists():
            moved.rename(root / "new" / moved.name)
        return True

    assert subjects(Shelf(wanted).walk(Maildir(root))) == ["looked at", "moved"]


def test_when_settle_fails_nothing_moves(root: Path) -> None:
    for n in range(HEAD_BATCH_MAX + 2):
        deliver(root, f"m{n}", STAMP + n)
    shelf = Shelf()

    def settle_once(folder: str, cursor: Cursor, items: Sequence[Settled]) -> None:
        if shelf.settled:
            raise OSError("disk full")
        shelf.settle(folder, cursor, items)

    with pytest.raises(OSError, match="disk full"):
        Maildir(root).walk({}, shelf.wanted, settle_once)
    assert shelf.cursors["INBOX"].uid_last == HEAD_BATCH_MAX
    shelf.walk(Maildir(root))
    assert shelf.subjects == [f"m{n}" for n in range(HEAD_BATCH_MAX + 2)]


def test_a_first_sync_leaves_out_what_is_older_than_since(root: Path) -> None:
    day = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    deliver(root, "before", day - 1)
    deliver(root, "that day", day)
    restored = deliver(root, "restored", day - 86_400)
    os.utime(restored, (day + 5, day + 5))  # written later than its name says: rather one too many
    assert subjects(Shelf().walk(Maildir(root, since=date(2026, 11, 1)))) == ["restored", "that day"]


def test_what_is_no_message_is_left_alone(root: Path) -> None:
    outside = root.parent / f"{root.name}-secret"
    outside.write_bytes(message("secret"))
    (root / "new" / f"{STAMP}.link.host").symlink_to(outside)
    (root / "new" / f"{STAMP}.folder.host").mkdir()
    (root / "new" / ".hidden").write_bytes(message("hidden"))
    (root / "tmp" / f"{STAMP}.unfinished.host").write_bytes(message("unfinished"))
    os.mkfifo(root / "new" / f"{STAMP}.fifo.host")
    (root / "cur" / "imported-by-hand").write_bytes(message("named otherwise"))
    assert subjects(Shelf().walk(Maildir(root))) == ["named otherwise"]


@pytest.mark.parametrize("missing", ["", "cur"])
def test_a_folder_that_is_no_maildir_is_not_an_empty_inbox(tmp_path: Path, missing: str) -> None:
    root = tmp_path / "not-mounted"
    if missing:
        make(root)
        (root / missing).rmdir()
    with pytest.raises(InboxBroken, match="not a Maildir"):
        Shelf().walk(Maildir(root))


def test_too_many_messages_are_told_not_half_read(root: Path) -> None:
    for n in range(3):
        deliver(root, f"m{n}")
    with pytest.raises(InboxBroken, match="3 messages, 2 are read"):
        Shelf().walk(Maildir(root, messages_max=2))


def test_a_delivery_or_a_stop_ends_the_wait(root: Path) -> None:
    inbox = Maildir(root, round_s=0.05)
    Shelf().walk(inbox)
    assert not inbox.wait(threading.Event(), 0.1)
    deliver(root / ".Junk", "filtered")
    assert inbox.wait(threading.Event(), 20)
    Shelf().walk(inbox)
    stop = threading.Event()
    stop.set()
    assert not inbox.wait(stop, 20)


def test_the_sent_folder_settles_an_uncertain_send_by_the_exact_message_id(root: Path) -> None:
    (root / ".Sent" / "cur" / f"{STAMP}.1.host:2,S").write_bytes(message("copy", message_id="<abc.1@example.test>"))
    (root / "cur" / f"{STAMP}.2.host:2,S").write_bytes(message("quoted", message_id="<inbox.1@example.test>"))
    inbox = Maildir(root)
    assert inbox.find_sent("<abc.1@example.test>")
    assert not inbox.find_sent("abc.1@example.test")
    assert not inbox.find_sent("<inbox.1@example.test>")  # in another folder


def test_a_copy_is_filed_in_sent_once_and_as_read(root: Path) -> None:
    inbox, raw = Maildir(root), message("filed", message_id="<filed.1@example.test>")
    inbox.append_sent(raw)
    inbox.append_sent(raw)
    assert inbox.find_sent("<filed.1@example.test>")
    (item,) = Shelf().walk(inbox)
    assert item.fetched is not None
    assert (item.head.role, item.fetched.raw) == ("sent", raw)
    (path,) = (root / ".Sent" / "cur").iterdir()
    assert path.name.endswith(":2,S")
    assert not list((root / ".Sent" / "tmp").iterdir())


def test_without_a_sent_folder_a_copy_has_no_place(tmp_path: Path) -> None:
    inbox = Maildir(make(tmp_path / "bare"))
    assert not inbox.find_sent("<none@example.test>")
    with pytest.raises(InboxBroken, match="no Sent folder"):
        inbox.append_sent(message("homeless"))


ACTIONS = st.one_of(
    st.tuples(st.just("deliver"), st.integers(0, STAMP)),
    st.tuples(st.sampled_from(["open", "flag", "unread", "delete"]), st.integers(0, 20)),
    st.tuples(st.just("walk"), st.just(0)),
)


@given(st.lists(ACTIONS, max_size=30))
@example([("deliver", 5), ("walk", 0), ("open", 0), ("deliver", 4), ("walk", 0), ("delete", 0), ("walk", 0)])
def test_whatever_a_mail_program_does_each_message_comes_exactly_once(actions: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, shelf = make(Path(folder)), Shelf(wanted=lambda head: False)
        due: set[str] = set()
        for number, (action, chosen) in enumerate([*actions, ("walk", 0)]):
            files = sorted([*(root / "new").iterdir(), *(root / "cur").iterdir()])
            if action == "deliver":
                deliver(root, f"m{number}", chosen)
                due.add(f"m{number}")
            elif action == "walk":
                assert set(subjects(shelf.walk(Maildir(root)))) == due
                due.clear()
            elif files:
                file = files[chosen % len(files)]
                if action == "delete":
                    due.discard(subject(file.read_bytes()))
                    file.unlink()
                else:
                    unique = file.name.partition(":")[0]
                    flags = {"open": "cur/{}:2,S", "flag": "cur/{}:2,FS", "unread": "new/{}"}[action]
                    file.rename(root / flags.format(unique))
        assert len(shelf.subjects) == len(set(shelf.subjects))
