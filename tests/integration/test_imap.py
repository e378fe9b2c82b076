"""Imap against a real Dovecot: what is read, once, and nothing touched; what the user does meanwhile."""

import os
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sequencer.core.ports import Cursor, Head
from sequencer.inbound.imap import Imap
from sequencer.inbound.inbox import HEAD_BATCH_MAX, MESSAGE_BYTES_MAX
from tests.integration.conftest import Account
from tests.integration.mail_servers import HOST, MAIL_UID, MailServers
from tests.integration.shelf import Shelf, message, subject

pytestmark = pytest.mark.servers

FOLDERS = ["INBOX", "Junk", "Archive", "Trash", "Sent"]  # in the order of reading


@pytest.fixture
def inbox(account: Account) -> Iterator[Imap]:
    reader = Imap(account.server(), timeout_s=5, round_s=0.2)
    yield reader
    reader.close()


def test_every_folder_is_read_to_its_end_and_each_message_once(account: Account, inbox: Imap) -> None:
    for folder in FOLDERS:
        account.put(folder, message(f"in {folder}"))
    shelf = Shelf()
    first = shelf.walk(inbox)
    assert [(item.head.folder, item.head.role) for item in first] == [
        ("INBOX", "inbox"), ("Junk", "junk"), ("Archive", "archive"), ("Trash", "trash"), ("Sent", "sent"),
    ]  # fmt: skip
    assert [item.fetched.raw for item in first if item.fetched] == [message(f"in {folder}") for folder in FOLDERS]
    assert shelf.walk(inbox) == []
    account.put("Junk", message("later"))
    assert [subject(item.head.header) for item in shelf.walk(inbox)] == ["later"]


def test_a_body_is_fetched_only_when_it_is_wanted(account: Account, inbox: Imap) -> None:
    account.put("INBOX", message("ours"), message("private"))
    shelf = Shelf(wanted=lambda head: subject(head.header) == "ours")
    ours, private = shelf.walk(inbox)
    assert ours.fetched is not None
    assert ours.fetched.raw == message("ours")
    assert ours.head.size == len(message("ours"))
    assert private.fetched is None
    assert b"body" not in private.head.header


def test_nothing_becomes_read_or_changes_any_flag(account: Account, inbox: Imap) -> None:
    account.put("INBOX", *(message(f"m{n}") for n in range(3)))
    account.put("Sent", message("m3"))
    Shelf().walk(inbox)
    inbox.find_sent("<m3@prospect.test>")
    inbox.wait(threading.Event(), 0.2)
    with account.mail_program() as client:
        for folder, messages in (("INBOX", 3), ("Sent", 1)):
            status = client.folder_status(folder, ["MESSAGES", "UNSEEN", "RECENT"])
            assert status == {b"MESSAGES": messages, b"UNSEEN": messages, b"RECENT": messages}


def test_a_rebuilt_folder_is_read_again_from_its_beginning(account: Account, inbox: Imap) -> None:
    account.put("Junk", message("first"), message("second"))
    account.put("INBOX", message("elsewhere"))
    shelf = Shelf()
    shelf.walk(inbox)
    validity = shelf.cursors["Junk"].uid_validity
    with account.mail_program() as client:
        client.delete_folder("Junk")
        client.create_folder("Junk")
        client.append("Junk", message("second"))
    assert [subject(item.head.header) for item in shelf.walk(inbox)] == ["second"]
    assert shelf.cursors["Junk"].uid_validity != validity
    assert shelf.walk(inbox) == []


def test_an_answer_that_a_filter_put_into_a_folder_of_the_user_s_own_is_read_there(account: Account) -> None:
    with account.mail_program() as client:
        client.create_folder("Kunden/Café")
    account.put("Kunden/Café", message("sorted"))
    plain, told = Imap(account.server(), timeout_s=5), Imap(account.server(), also=["Kunden/Café"], timeout_s=5)
    assert Shelf().walk(plain) == []
    assert [subject(item.head.header) for item in Shelf().walk(told)] == ["sorted"]
    plain.close()
    told.close()


def test_a_draft_is_no_mail_wherever_it_lies(account: Account, inbox: Imap) -> None:
    with account.mail_program() as client:
        for folder in FOLDERS:
            client.append(folder, message(f"draft in {folder}"), flags=(rb"\Seen", rb"\Draft"))
    account.put("Sent", message("sent"))
    account.put("Trash", message("thrown away"))
    with account.mail_program() as client:
        client.append("Trash", message("draft thrown away"), flags=(rb"\Draft",))
    shelf = Shelf()
    shelf.walk(inbox)
    assert shelf.subjects == ["thrown away", "sent"]


def test_a_message_expunged_between_its_header_and_its_body_is_passed_over(account: Account, inbox: Imap) -> None:
    account.put("INBOX", *(message(text) for text in ("stays", "vanishes", "stays too")))
    # A mail program that is open keeps Dovecot from forgetting the message at once: then it answers NIL.
    with account.mail_program() as open_elsewhere:
        open_elsewhere.select_folder("INBOX")

        def wanted(head: Head) -> bool:
            if subject(head.header) == "stays":
                account.expunge("vanishes")
            return True

        shelf = Shelf(wanted)
        shelf.walk(inbox)
        assert shelf.subjects == ["stays", "stays too"]
        assert shelf.cursors["INBOX"].uid_last == 3
        assert shelf.walk(inbox) == []


def test_a_message_expunged_between_the_search_and_its_header_is_passed_over(account: Account, inbox: Imap) -> None:
    account.put("INBOX", *(message(f"m{n}") for n in range(HEAD_BATCH_MAX)), message("vanishes"), message("stays"))

    def wanted(head: Head) -> bool:
        if subject(head.header) == "m0":
            account.expunge("vanishes")
        return False

    shelf = Shelf(wanted)
    shelf.walk(inbox)
    assert shelf.subjects == [*(f"m{n}" for n in range(HEAD_BATCH_MAX)), "stays"]


def test_a_message_moved_into_a_folder_already_read_is_found_in_the_same_walk(account: Account, inbox: Imap) -> None:
    account.put("Junk", message("looked at"))
    account.put("Archive", message("moved"))
    moves: list[Callable[[], None]] = [lambda: account.move("moved", "Archive", "INBOX")]

    def wanted(head: Head) -> bool:
        if moves and head.folder == "Junk":
            moves.pop()()
        return True

    shelf = Shelf(wanted)
    shelf.walk(inbox)
    assert [(item.head.folder, subject(item.head.header)) for item in shelf.settled] == [
        ("Junk", "looked at"),
        ("INBOX", "moved"),
    ]


def test_a_reply_that_a_filter_moved_to_junk_is_read_there(account: Account, inbox: Imap) -> None:
    shelf = Shelf()
    shelf.walk(inbox)
    account.put("INBOX", message("filtered"))
    account.move("filtered", "INBOX", "Junk")
    (item,) = shelf.walk(inbox)
    assert (item.head.folder, item.head.role) == ("Junk", "junk")


@pytest.mark.parametrize(
    ("bytes_more", "truncated"),
    [
        (0, False),  # exactly the limit
        (1, True),
    ],
)
def test_of_an_oversized_message_only_the_header_is_read(
    account: Account, inbox: Imap, bytes_more: int, truncated: bool
) -> None:
    filler = MESSAGE_BYTES_MAX - len(message("large", body=""))
    account.put("INBOX", message("large", body="x" * (filler + bytes_more)))
    (item,) = Shelf().walk(inbox)
    assert item.head.size == MESSAGE_BYTES_MAX + bytes_more
    assert item.fetched is not None
    assert item.fetched.truncated is truncated
    assert len(item.fetched.raw) == (len(item.head.header) if truncated else MESSAGE_BYTES_MAX)


def test_when_settle_fails_nothing_moves_and_the_error_is_the_callers_own(account: Account, inbox: Imap) -> None:
    account.put("INBOX", *(message(f"m{n}") for n in range(HEAD_BATCH_MAX + 2)))
    account.put("Junk", message("junk"))
    shelf = Shelf()
    full_disk = OSError("disk full")

    def settle_once(folder: str, cursor: Cursor, items: object) -> None:
        if shelf.settled:
            raise full_disk
        shelf.settle(folder, cursor, items)  # type: ignore[arg-type]

    with pytest.raises(OSError, match="disk full") as raised:
        inbox.walk({}, shelf.wanted, settle_once)
    assert raised.value is full_disk
    uid_next = str(HEAD_BATCH_MAX + 3)
    assert shelf.cursors == {"INBOX": Cursor(shelf.cursors["INBOX"].uid_validity, HEAD_BATCH_MAX, uid_next, left=2)}
    shelf.walk(inbox)
    assert shelf.subjects == [*(f"m{n}" for n in range(HEAD_BATCH_MAX + 2)), "junk"]


def test_a_first_sync_reads_only_what_arrived_since(mail: MailServers, account: Account) -> None:
    account.put("INBOX", message("makes the folder"))
    account.expunge("makes")
    delivered = fill(mail.dovecot.folder / "mail" / account.address, old=1980, recent=20)
    began = time.monotonic()
    reader = Imap(account.server(), since=date(2026, 11, 1))
    shelf = Shelf(wanted=lambda head: False)
    shelf.walk(reader)
    assert time.monotonic() - began < 3
    assert sorted(shelf.subjects) == sorted(delivered)
    with account.mail_program() as client:  # such as mail brought over from another mailbox
        client.append("INBOX", message("next, of an old date"), msg_time=datetime(2026, 3, 1, tzinfo=UTC))
    assert [subject(item.head.header) for item in shelf.walk(reader)] == ["next, of an old date"]
    reader.close()

    unbounded = Imap(account.server())
    assert len(Shelf(wanted=lambda head: False).walk(unbounded)) == 2001
    unbounded.close()


def fill(maildir: Path, old: int, recent: int) -> list[str]:
    """Deliver behind the server's back; Dovecot takes the file's time for the date of arrival. The recent subjects."""
    for n in range(old + recent):
        path = maildir / "cur" / f"{1_700_000_000 + n}.M{n}.host:2,"
        path.write_bytes(message(f"m{n}"))
        os.chown(path, MAIL_UID, MAIL_UID)
        arrived = date(2026, 11, 10) if n >= old else date(2026, 3, 1)
        stamp = time.mktime(arrived.timetuple())
        os.utime(path, (stamp, stamp))
    return [f"m{n}" for n in range(old, old + recent)]


def test_a_push_ends_the_wait(account: Account, inbox: Imap) -> None:
    shelf = Shelf()
    shelf.walk(inbox)
    threading.Timer(0.3, account.put, ("INBOX", message("pushed"))).start()
    assert inbox.wait(threading.Event(), 20)
    assert [subject(item.head.header) for item in shelf.walk(inbox)] == ["pushed"]


def test_mail_that_came_between_the_walk_and_the_wait_is_news_at_once(account: Account, inbox: Imap) -> None:
    Shelf().walk(inbox)
    account.put("INBOX", message("between"))
    began = time.monotonic()
    assert inbox.wait(threading.Event(), 20)
    assert time.monotonic() - began < 2


def test_a_quiet_wait_ends_in_time_or_on_stop(account: Account, inbox: Imap) -> None:
    Shelf().walk(inbox)
    assert not inbox.wait(threading.Event(), 0.4)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    assert not inbox.wait(stop, 20)
    assert time.monotonic() - began < 2


def test_the_sent_folder_settles_an_uncertain_send_by_the_exact_message_id(account: Account, inbox: Imap) -> None:
    account.put("Sent", message("copy", message_id="<abc.1@example.test>"))
    account.put("INBOX", message("quoted", message_id="<inbox.1@example.test>"))
    assert inbox.find_sent("<abc.1@example.test>")
    assert not inbox.find_sent("abc.1@example.test")  # a part of one
    assert not inbox.find_sent("<abc.2@example.test>")
    assert not inbox.find_sent("<inbox.1@example.test>")  # in another folder


def test_a_copy_is_filed_in_sent_as_read(account: Account, inbox: Imap) -> None:
    inbox.append_sent(message("filed", message_id="<filed.1@example.test>"))
    assert inbox.find_sent("<filed.1@example.test>")
    (item,) = Shelf().walk(inbox)
    assert item.fetched is not None
    assert (item.head.role, item.fetched.raw) == ("sent", message("filed", message_id="<filed.1@example.test>"))
    assert item.head.filed_at is not None
    assert abs(item.head.filed_at - datetime.now(UTC)) < timedelta(minutes=1)
    with account.mail_program() as client:
        assert client.folder_status("Sent", ["UNSEEN"]) == {b"UNSEEN": 0}


def test_a_genuine_bounce_is_read_with_its_three_parts(mail: MailServers, account: Account, inbox: Imap) -> None:
    shelf = Shelf()
    shelf.walk(inbox)
    with smtplib.SMTP(HOST, mail.smtp_port) as smtp:
        smtp.sendmail(
            account.address, ["nobody@elsewhere.test"], message("sent out", message_id="<out-1@example.test>")
        )
    assert inbox.wait(threading.Event(), 10)
    (item,) = shelf.walk(inbox)
    assert item.fetched is not None
    for part in (b"message/delivery-status", b"5.1.1", b"<out-1@example.test>"):
        assert part in item.fetched.raw
