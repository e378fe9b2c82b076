"""`record`: every event counts, a bug holds one enrollment, rows beside the log say what the log says."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from sequencer.core import events as e
from sequencer.core.progress import fold
from sequencer.core.reason import FinishReason, Reason
from sequencer.store import log, sends, tasks
from sequencer.store.tables import ENROLLMENTS
from tests.integration.installation import MONDAY, Installation

MAILS = "title: Mails\nsteps:\n  - id: intro\n    email: a.md\n  - id: bump\n    wait: 1d\n    email: a.md\n"
CALLS = "title: Calls\nsteps:\n  - id: ring\n    task: Ring them\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    house = Installation(tmp_path, 25)
    house.apply("calls", CALLS, {})
    yield house
    house.close()


def entered(house: Installation, number: int = 1) -> list[int]:
    return [house.enroll(house.person(f"p{each}@acme{each}.test"), "calls") for each in range(number)]


def advance(house: Installation) -> int:
    return house.database.write(lambda connection: house.advance.advance_due(connection, house.clock.now()))


def stored(house: Installation, enrollment: int) -> log.Enrollment:
    return house.database.read(lambda connection: log.load(connection, [enrollment]))[enrollment]


def test_an_enrollment_that_is_named_twice_loses_no_event(house: Installation) -> None:
    (one,) = entered(house)
    happened: list[tuple[int, Sequence[e.Event]]] = [
        (one, (e.PollAnswered(poll="a", option="1"),)),
        (one, (e.LinkedInConnected(),)),
    ]
    house.database.write(lambda connection: house.advance.record(connection, happened, MONDAY))
    assert house.kinds(one)[1:3] == ["PollAnswered", "LinkedInConnected"]
    assert house.folded(one) == house.progress(one)


def test_a_mail_has_its_place_from_the_end_of_the_pause_on(house: Installation) -> None:
    """Nobody waited for an hour while a person had paused it; `why` counts the same way."""
    house.apply("mails", MAILS, {"a.md": "Subject: A\n\nText\n"})
    one = house.enroll(house.person("p@acme.test"), "mails")
    advance(house)
    house.record(one, e.TouchSent(step="intro", attempt=1, sent_at=MONDAY))
    house.record(one, e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=MONDAY, by="person:ana"))
    house.clock.forward(days=5, hours=1)
    resumed_at = house.clock.now()
    house.record(one, e.PauseTaken(reason=Reason.BY_PERSON, by="person:ana"))
    house.clock.forward(days=2)
    advance(house)
    queued = house.database.read(lambda connection: sends.in_state(connection, "queued"))
    assert [row.due_at for row in queued if row.step == "bump"] == [resumed_at]


def gone_step(house: Installation, enrollment: int) -> None:
    """As an edit with a bug would leave it."""

    def spoil(connection: Connection) -> None:
        moved = e.VersionApplied(version=1, step="gone")
        entry = log.Entry(MONDAY, 1, enrollment, moved)
        log.append(connection, [entry])
        progress = fold((each.at, each.event) for each in log.read_log(connection, enrollment))
        log.save(connection, [(enrollment, progress, MONDAY)])

    house.database.write(spoil)


def test_a_broken_invariant_holds_that_enrollment_alone_and_ends_it_in_time(
    house: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = entered(house, 2)
    gone_step(house, bad)
    with caplog.at_level(logging.ERROR):
        assert advance(house) == 2
    assert stored(house, bad).progress.hold(Reason.BUG)
    assert len(stored(house, good).progress.tasks) == 1
    assert house.folded(bad) == house.progress(bad)
    assert stored(house, bad).due_at == MONDAY + timedelta(days=30)
    house.clock.forward(days=30)
    advance(house)
    assert stored(house, bad).progress.finished is FinishReason.EXPIRED


def test_an_enrollment_that_cannot_be_loaded_is_put_off_and_keeps_nobody_waiting(
    house: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = entered(house, 2)
    unknown = update(ENROLLMENTS).where(ENROLLMENTS.c.id == bad).values(progress='{"of": "an older shape"}')
    house.database.write(lambda connection: connection.execute(unknown))
    with caplog.at_level(logging.ERROR):
        assert advance(house) == 2
        assert advance(house) == 0
    assert len(stored(house, good).progress.tasks) == 1
    house.clock.forward(hours=1)
    assert advance(house) == 1


@pytest.mark.parametrize("hours", [1, 30])
def test_a_snoozed_task_is_due_when_the_log_says(house: Installation, hours: int) -> None:
    """Snoozing never brings a task forward: a reply's call at their date stays there."""
    (one,) = entered(house)
    opened = e.TaskOpened(
        task="reply:call#9", step=None, work="call", priority="normal", due_at=MONDAY + timedelta(days=1)
    )  # fmt: skip
    until = MONDAY + timedelta(hours=hours)
    house.record(one, opened, e.TaskSnoozed(task="reply:call#9", until=until, by="person:ana"))
    rows = house.database.read(lambda connection: tasks.person_tasks(connection, 1))
    (row,) = [row for row in rows if row.key == "reply:call#9"]
    known = stored(house, one).progress.tasks["reply:call#9"]
    assert (row.due_at, row.snoozed_until) == (known.due_at, known.snoozed_until)
    assert row.due_at == max(until, MONDAY + timedelta(days=1))


def test_a_task_that_is_opened_again_is_open(house: Installation) -> None:
    (one,) = entered(house)
    opened = e.TaskOpened(task="rule:hot:call#9", step=None, work="call", priority="high", due_at=MONDAY)
    house.record(one, opened, e.TaskDone(task="rule:hot:call#9", outcome="done", by="person:ana"))
    house.record(one, opened)
    rows = house.database.read(lambda connection: tasks.person_tasks(connection, 1))
    (row,) = [row for row in rows if row.key == "rule:hot:call#9"]
    assert (row.state, row.closed_at, row.outcome) == ("open", None, None)
