"""What of a queue is ready: the question that every beat asks, and the list that follows, say the same."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from sequencer.store import due, sends
from sequencer.store.database import Database
from tests.unit.store.test_fence import BOX, NOW, queued

LATER = NOW + timedelta(hours=1)
READY = (
    (NOW, None, True),
    (NOW - timedelta(seconds=1), None, False),  # not due yet
    (NOW, LATER, False),  # put off
    (LATER, LATER, True),  # put off until now
)


@pytest.mark.parametrize(("now", "not_before", "ready"), READY)
def test_any_is_due_when_one_would_be_listed(
    database: Database, now: datetime, not_before: datetime | None, ready: bool
) -> None:
    def work(connection: Connection) -> tuple[bool, list[int]]:
        number = queued(connection, 1)
        sends.put_waits(connection, [(number, not_before, "")])
        listed = due.due_sends(connection, BOX, now, 10)
        assert [row.id for row in listed] in ([], [number])
        return due.any_due(connection, BOX, now), [row.id for row in listed]

    found, listed = database.write(work)
    assert (found, bool(listed)) == (ready, ready)


def test_another_mailboxs_mail_is_not_ours(database: Database) -> None:
    def work(connection: Connection) -> bool:
        queued(connection, 1)
        return due.any_due(connection, "bo@ourco.test", NOW)

    assert not database.write(work)
