"""A walk ends under the series of ids that it began with, or not at all."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sequencer.store import epoch, inbox, walks
from sequencer.store.database import Database
from sequencer.store.epoch import Epoch
from sequencer.store.inbox import StoredCursor

BOX, NOW = "an inbox", datetime(2026, 11, 16, 9, tzinfo=UTC)


def begun(connection: Connection) -> tuple[list[StoredCursor], int] | None:
    return walks.begin(connection, BOX, "", "", NOW)


def test_an_inbox_that_nobody_read_begins_with_no_cursor(database: Database) -> None:
    assert database.read(begun) == ([], 0)


def test_the_end_tells_when_the_walk_began_and_that_nothing_is_wrong_or_left(database: Database) -> None:
    def work(connection: Connection) -> bool:
        inbox.put_cursor(connection, BOX, StoredCursor("INBOX", 1, 7, "", 3))
        inbox.put_cursor(connection, BOX, StoredCursor("Sent", 1, 2, "", 0))
        inbox.put_broken(connection, BOX, "login refused", NOW)
        return walks.end(connection, BOX, NOW, 0)

    assert database.write(work)
    assert database.read(inbox.synced_at) == {BOX: NOW}
    assert database.read(lambda connection: inbox.trouble_of(connection, BOX)) == ""
    found = database.read(begun)
    assert found is not None
    assert {(row.folder, row.messages_left) for row in found[0]} == {("INBOX", 0), ("Sent", 0)}


def test_a_walk_of_another_series_ends_nowhere(database: Database) -> None:
    database.write(lambda connection: walks.end(connection, BOX, NOW, 0))
    database.write(lambda connection: epoch.lift(connection, Epoch(), NOW))
    later = NOW + timedelta(hours=1)
    assert not database.write(lambda connection: walks.end(connection, BOX, later, 0))
    assert database.read(inbox.synced_at) == {BOX: NOW}
    assert database.read(begun) == ([], 1)
    assert database.write(lambda connection: walks.end(connection, BOX, later, 1))
    assert database.read(inbox.synced_at) == {BOX: later}
