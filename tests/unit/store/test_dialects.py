"""Where SQLite and PostgreSQL differ by themselves, and the store does not."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select

from sequencer.core.people import Account, Address, Prospect
from sequencer.errors import NotFound
from sequencer.store import fence, inbox, people, reads, tasks, walks
from sequencer.store.database import Database
from sequencer.store.fence import Intent, Settlement
from sequencer.store.inbox import Arrival, StoredCursor
from sequencer.store.tables import INBOXES, META
from tests.unit.store.test_fence import BOX, NOW, ROOMY, leased, queued

UID_MAX = 2**32 - 1


def test_the_numbers_of_imap_fit(database: Database) -> None:
    cursor = StoredCursor("INBOX", UID_MAX, UID_MAX, "")

    def work(connection: Connection) -> tuple[list[StoredCursor], int] | None:
        inbox.put_cursor(connection, "box", cursor)
        inbox.store_not_ours(connection, "box", [("INBOX", UID_MAX, UID_MAX, "a hash")])
        return walks.begin(connection, "box", "", "", NOW)

    assert database.write(work) == ([cursor], 0)


def test_a_number_that_is_never_given_out_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        database.read(lambda connection: tasks.task(connection, 2**40))


def test_a_nul_in_what_a_mail_says_stops_nothing(database: Database) -> None:
    """PostgreSQL keeps none in a text; it is kept elsewhere, and no mail is refused for it."""
    raw = b"Subject: a\x00b\r\n\r\nbo\x00dy"

    def work(connection: Connection) -> tuple[str, bytes]:
        arrival = Arrival("an\x00identity", "box", "IN\x00BOX", False, NOW, raw, "a pro\x00blem")
        assert inbox.store_arrival(connection, arrival)
        assert not inbox.store_arrival(connection, arrival)
        (row,) = inbox.in_state(connection, "stored", 10)
        inbox.park(connection, row.id, f"unreadable: {row.reason}", NOW)
        return inbox.inbound(connection, row.id).reason, inbox.raw_mail(connection, [row.id])[row.id]

    reason, kept = database.write(work)
    assert reason.replace("\x00", "\ufffd") == "unreadable: a pro\ufffdblem"
    assert kept == raw


def test_a_nul_in_a_server_s_answer_does_not_keep_a_send_open(database: Database) -> None:
    def work(connection: Connection) -> bool:
        send_id, number = queued(connection, 1), leased(connection)
        fence.pass_fence(connection, [Intent(send_id, "one", number)], {BOX: ROOMY}, NOW)
        return bool(fence.settle(connection, [Settlement(send_id, number, "sent", NOW, 250, reply="2.0.0 O\x00K")]))

    assert database.write(work)


def test_an_instant_is_the_same_instant_to_the_microsecond(database: Database) -> None:
    at = datetime(2026, 3, 29, 2, 30, 0, 123456, timezone(timedelta(hours=-7)))
    database.write(lambda connection: connection.execute(insert(INBOXES).values(name="box", synced_at=at)))
    (read,) = database.read(inbox.synced_at).values()
    assert (read, read.tzinfo) == (at, UTC)


def test_addresses_are_found_by_their_beginning_whatever_the_case_and_signs(database: Database) -> None:
    def work(connection: Connection) -> list[str]:
        people.put_account(connection, Account("acme.test", "Acme", "acme.test"))
        for email in ("jo_b@acme.test", "joab@acme.test", "li@acme.test"):
            people.add_prospect(connection, Prospect(0, (Address(email),), {"first_name": "X"}, "acme.test"), NOW)
        return [*reads.addresses_beginning(connection, "Jo_", 9), *reads.similar_addresses(connection, "li@acme.tst")]

    assert database.write(work) == ["jo_b@acme.test", "li@acme.test"]
    assert database.read(reads.field_names) == ({"first_name"}, set())


def test_a_snapshot_is_not_for_writing(database: Database) -> None:
    """What a reader sees is one instant; a later write of another is not in it."""

    def read(connection: Connection) -> set[str]:
        before = set(connection.scalars(select(META.c.key)))
        database.write(lambda writer: writer.execute(insert(META).values(key="later", value="x")))
        return set(connection.scalars(select(META.c.key))) - before

    assert database.read(read) == set()
