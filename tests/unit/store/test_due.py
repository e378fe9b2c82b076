"""What of a queue is ready: the question that every beat asks, and the list that follows, say the same.

A mailbox that is broken, or held by a pause above people, is not ready whatever is due.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import Connection

from sequencer.core.people import OuterPause
from sequencer.store import due, leases, scopes, sends
from sequencer.store.database import Database
from tests.unit.store.test_fence import BOX, NOW, leased, queued

PauseScope = Literal["all", "sequence", "mailbox", "restored"]
OTHER = "bo@ourco.test"
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
        leased(connection)
        number = queued(connection, 1)
        sends.put_waits(connection, [(number, not_before, "")])
        listed = due.due_sends(connection, BOX, now, 10)
        assert [row.id for row in listed] in ([], [number])
        return due.ready(connection, BOX, now), [row.id for row in listed]

    found, listed = database.write(work)
    assert (found, bool(listed)) == (ready, ready)


def test_another_mailboxs_mail_is_not_ours(database: Database) -> None:
    def work(connection: Connection) -> bool:
        leases.lease(connection, [BOX, OTHER], "one", NOW, timedelta(seconds=20))
        queued(connection, 1)
        return due.ready(connection, OTHER, NOW)

    assert not database.write(work)


def broken(connection: Connection) -> None:
    sends.break_mailbox(connection, BOX, "login refused", NOW)


def paused(scope: PauseScope, key: str = "") -> Callable[[Connection], None]:
    return lambda connection: scopes.pause_scope(connection, OuterPause(scope, key, "a holiday", "ana", NOW))


HELD = {
    "it is broken": (broken, False),
    "everything is paused": (paused("all"), False),
    "a backup was restored": (paused("restored"), False),
    "it is paused": (paused("mailbox", BOX), False),
    "another one is paused": (paused("mailbox", OTHER), True),
    "a sequence of that name is paused": (paused("sequence", BOX), True),  # that is asked of each mail
}


@pytest.mark.parametrize("name", HELD)
def test_a_mailbox_that_may_not_send_is_not_ready(database: Database, name: str) -> None:
    hold, still_ready = HELD[name]

    def work(connection: Connection) -> bool:
        leased(connection)
        queued(connection, 1)
        hold(connection)
        return due.ready(connection, BOX, NOW)

    assert database.write(work) is still_ready
