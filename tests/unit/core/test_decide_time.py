"""LIFECYCLE, Time, line by line: waits, pauses and holds, conditions, the calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sequencer.core import events as e
from sequencer.core.decide import due_of
from sequencer.core.people import Rep
from sequencer.core.reason import Reason
from sequencer.core.window import parse_window
from tests.unit.core.build import (
    ANA,
    BREAKUP,
    CALL,
    EMAIL,
    MADRID,
    START,
    Life,
    denver,
    facts,
    holiday,
    kinds,
    outer,
    sequence,
)

SECOND = {"id": "second", "email": "second.md"}
THANKSGIVING = date(2026, 11, 26)
ALWAYS_OPEN = parse_window({"mon-sun": "00:00-24:00"})


def second(wait: Any, known: Any = None, start: datetime = START, sent_at: datetime | None = None, **more: Any) -> Life:
    """Intro sent at `sent_at`, then a second mail after `wait`."""
    life = Life(sequence(EMAIL, {**SECOND, "wait": wait, **more}), known, at=start)
    life.now = sent_at or start
    life.sent()
    return life


@pytest.mark.parametrize(
    ("wait", "sent_at", "due"),
    [
        # m and h elapse
        ("30m", denver(23, 9), denver(23, 9, 30)),
        ("26h", denver(23, 9), denver(24, 11)),
        # then the next opening: 11:30 is closed
        ("150m", denver(23, 9), denver(23, 13, 30)),
        # d: the same wall time n calendar days later
        ("1d", denver(23, 9), denver(24, 9)),
        # d over a weekend: the window moves it to Monday morning
        ("2d", denver(27, 9), denver(30, 8, 30)),
        # bd skips the weekend
        ("2bd", denver(27, 9), denver(1, 9, month=12)),
        # bd skips the holiday of the prospect's country
        ("3bd", denver(23, 9), denver(27, 9)),
        # the first business day after a weekend event is Monday
        ("1bd", denver(28, 10), denver(30, 10)),
        # a missing wait is 0
        ("0m", denver(23, 9), denver(23, 9)),
    ],
)
def test_waits(wait: str, sent_at: datetime, due: datetime) -> None:
    life = second(wait, facts(holidays=holiday(THANKSGIVING)), sent_at=sent_at)
    if due == sent_at:
        assert life.progress.step == "second"
    else:
        assert life.decision.due_at == due


def test_at_then_the_window() -> None:
    assert second("1d", start=denver(23, 11), at="09:00-10:30").decision.due_at == denver(25, 9)
    assert second("1d", start=denver(23, 10), at="09:00-10:30").decision.due_at == denver(24, 10)


def test_bd_skips_days_without_a_window() -> None:
    window = parse_window({"mon": "09:00-12:00", "thu": "09:00-12:00"})
    assert second("1bd", facts(window=window), start=denver(23, 9)).decision.due_at == denver(26, 9)


@pytest.mark.parametrize(
    "changes",
    [
        # no business day ever
        {"window": parse_window({"sat": "09:00-12:00"})},
        # every day a holiday
        {"holidays": lambda day: "always"},
    ],
)
def test_hours_that_never_open_wait_for_a_person(changes: dict[str, Any]) -> None:
    life = second("1bd")
    life.facts = facts(**changes)
    life.settle()
    assert Reason.NEVER_OPENS in life.reasons
    life.at(timedelta(days=3))
    assert (life.decision.due_at, bool(life.closed().frees_by)) == (None, True)


def test_at_outside_the_window_never_opens() -> None:
    life = Life(sequence({**EMAIL, "at": "06:00-07:00"}))
    assert (life.reasons, life.decision.due_at) == ({Reason.NEVER_OPENS}, None)


def test_an_anchored_wait_counts_from_its_step() -> None:
    anchored = {**SECOND, "wait": {"for": "3bd", "from": "intro"}}
    life = Life(sequence(EMAIL, {**CALL}, anchored))
    life.sent()
    life.at(denver(24, 9))
    life.now = denver(24, 16)
    life.done()
    assert life.decision.due_at == denver(26, 9)


def test_an_anchor_that_never_happened_counts_from_the_step_before() -> None:
    anchored = {**SECOND, "wait": {"for": "3bd", "from": "intro"}}
    life = Life(sequence({**EMAIL, "when": "replied"}, {**CALL, "wait": "0m"}, anchored))
    life.now = denver(23, 10)
    life.done()
    assert life.decision.due_at == denver(26, 10)


def test_a_chain_of_skipped_steps_adds_its_waits() -> None:
    skipped = {"when": "replied", "email": "x.md"}
    chain = ({"id": "a", "wait": "1bd", **skipped}, {"id": "b", "wait": "2bd", **skipped}, {**BREAKUP, "wait": "3bd"})
    life = Life(sequence(EMAIL, *chain))
    life.sent()
    # The daemon slept for two weeks: the waits count from where they were due, not from when it woke up.
    life.now = denver(7, 9, month=12)
    events = life.settle()
    skips = [event for event in events if isinstance(event, e.StepSkipped)]
    assert [(skip.step, skip.reason, skip.as_of) for skip in skips] == [
        ("a", Reason.CONDITION_FALSE, denver(24, 9)),
        ("b", Reason.CONDITION_FALSE, denver(26, 9)),
    ]
    assert kinds(events)[-1] == "TouchQueued"
    assert life.progress.since == denver(26, 9)


def test_a_chain_of_skipped_steps_in_time() -> None:
    skipped = {"when": "replied", "email": "x.md"}
    life = Life(sequence(EMAIL, {"id": "a", "wait": "1bd", **skipped}, {**BREAKUP, "wait": "3bd"}))
    life.sent()
    life.at(denver(26, 9))
    assert life.decision.due_at == denver(27, 9)


@pytest.mark.parametrize(
    ("until", "due"),
    [
        # it ends before the wait is over: the old date
        (denver(25), denver(26, 10)),
        # it ends later: the start of that day, then the window
        (denver(1, month=12), denver(1, 8, 30, month=12)),
    ],
)
def test_a_pause_with_until(until: datetime, due: datetime) -> None:
    life = second("3bd", start=denver(23, 10))
    life.hear(e.PausePut(reason=Reason.BY_PERSON, until=until, due_at=None, by=ANA))
    assert kinds(life.at(due)) == ["PauseTaken", "TouchQueued"]
    assert life.at(denver(1, month=11)) == []
    queued = next(at for at, event in reversed(life.log) if isinstance(event, e.TouchQueued))
    assert queued == due


def test_a_dated_pause_that_is_lifted_early_gives_the_old_date_back() -> None:
    life = second("3bd", start=denver(23, 10))
    life.hear(e.PausePut(reason=Reason.AWAY, until=denver(20, month=12), due_at=None, by="sequence"))
    life.now = denver(24, 9)
    life.hear(e.PauseTaken(reason=Reason.AWAY, by=ANA))
    assert life.decision.due_at == denver(26, 10)


@pytest.mark.parametrize(
    ("paused", "resumed", "due"),
    [
        # two days were left
        (denver(24, 10), denver(7, 10, month=12), denver(9, 10, month=12)),
        # it was due already: now
        (denver(26, 12), denver(7, 10, month=12), denver(7, 10, month=12)),
    ],
)
def test_an_open_pause_gives_the_rest_of_the_wait_back(paused: datetime, resumed: datetime, due: datetime) -> None:
    life = second("3bd", start=denver(23, 10))
    life.now = paused
    old = due_of(life.sequence, life.progress, life.facts)
    assert old == denver(26, 10)
    life.hear(e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=old, by=ANA))
    assert life.decision.due_at is None
    life.now = resumed
    heard = life.hear(e.PauseTaken(reason=Reason.BY_PERSON, by=ANA))
    assert (life.decision.due_at == due) or (due == resumed and kinds(heard) == ["TouchQueued"])


def test_two_open_pauses_give_the_rest_back_after_the_second() -> None:
    life = second("3bd", start=denver(23, 10))
    life.now = denver(24, 10)
    life.hear(e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=denver(26, 10), by=ANA))
    life.now = denver(25, 10)
    life.hear(e.PausePut(reason=Reason.BRAKE, until=None, due_at=None, by="brake"))
    life.now = denver(30, 10)
    life.hear(e.PauseTaken(reason=Reason.BY_PERSON, by=ANA))
    life.now = denver(7, 10, month=12)
    life.hear(e.PauseTaken(reason=Reason.BRAKE, by=ANA))
    assert life.decision.due_at == denver(9, 10, month=12)


@pytest.mark.parametrize(
    ("taken", "due"),
    [
        # before the old date: the old date
        (denver(24, 10), denver(26, 10)),
        # after it: now, then the window
        (denver(26, 12), denver(26, 13, 30)),
    ],
)
def test_a_hold_taken(taken: datetime, due: datetime) -> None:
    life = second("3bd", start=denver(23, 10))
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    life.now = taken
    life.hear(e.HoldTaken(reason=Reason.BAD_PHONE, by=ANA))
    assert life.decision.due_at == due


def test_a_skip_after_a_hold_counts_from_when_it_was_taken() -> None:
    life = second("1d", start=denver(23, 10), when="replied", next="end")
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    life.now = denver(1, 9, month=12)
    skip = life.hear(e.HoldTaken(reason=Reason.BAD_PHONE, by=ANA))[0]
    assert skip == e.StepSkipped(step="second", reason=Reason.CONDITION_FALSE, as_of=life.now)


WAITING = {"id": "fork", "wait": "1d", "branch": "linkedin_connected", "within": "5bd", "then": "yes", "else": "no"}
YES, NO = {"id": "yes", "task": "Yes", "next": "end"}, {"id": "no", "task": "No"}


def fork(**changes: Any) -> Life:
    life = Life(sequence(EMAIL, {**WAITING, **changes}, YES, NO))
    life.sent()
    return life


@pytest.mark.parametrize(
    ("connected", "target", "as_of"),
    [
        # already before it was due: when it is due
        (denver(23, 10), "yes", denver(24, 9)),
        # meanwhile: at that very instant
        (denver(26, 12, 17), "yes", denver(26, 12, 17)),
        # never: else, when the time is up
        (None, "no", denver(1, 9, month=12)),
        # too late: else
        (denver(1, 10, month=12), "no", denver(1, 9, month=12)),
    ],
)
def test_a_waiting_branch(connected: datetime | None, target: str, as_of: datetime) -> None:
    life = fork()
    assert life.decision.due_at == denver(24, 9)
    if connected:
        life.at(connected)
        life.hear(e.LinkedInConnected())
    life.at(denver(2, 12, month=12))
    taken = [event for _, event in life.log if isinstance(event, e.BranchTaken)]
    assert taken == [e.BranchTaken(step="fork", target=target, as_of=as_of)]


def test_a_branch_that_was_noticed_late_counts_from_when_its_time_was_up() -> None:
    life = fork()
    life.now = denver(9, 9, month=12)
    life.settle()
    assert life.progress.since == denver(1, 9, month=12)


def test_a_branch_without_within_is_decided_once_when_due() -> None:
    life = fork(within=None)
    life.at(denver(24, 9))
    assert life.progress.step == "no"
    life.hear(e.LinkedInConnected())
    assert life.progress.step == "no"


def test_a_waiting_branch_sees_days_pass() -> None:
    life = fork(branch="days_since(intro) > 2.5")
    assert life.at(denver(25, 21)) == []
    life.at(denver(26, 9))
    taken = next(event for _, event in life.log if isinstance(event, e.BranchTaken))
    assert taken == e.BranchTaken(step="fork", target="yes", as_of=denver(25, 21) + timedelta(seconds=1))


def test_a_branch_to_the_end() -> None:
    life = fork(then="end")
    life.at(denver(25, 9))
    assert kinds(life.hear(e.LinkedInConnected())) == ["BranchTaken", "Finished"]


def test_when_is_evaluated_at_the_due_time() -> None:
    life = second("1d", start=denver(23, 9), when="not clicked(intro)")
    life.at(denver(24, 8))
    life.hear(e.Clicked(step="intro"))
    assert kinds(life.at(denver(24, 9))) == ["StepSkipped", "Finished"]


def test_inbound_comes_before_due_work_at_equal_instants() -> None:
    life = second("1d", start=denver(23, 9))
    life.now = denver(24, 9)
    heard = life.hear(e.ReplyReceived(message=1, answer="question"))
    assert "TouchQueued" not in kinds(heard)


def test_a_corrected_zone_corrects_the_date() -> None:
    life = second("1bd", facts(window=parse_window({"mon-fri": "08:00-18:00"})), start=denver(23, 16))
    assert life.decision.due_at == denver(24, 16)
    # 16:00 in Denver is midnight in Madrid: from Tuesday 00:00 one business day is Wednesday 00:00, then 08:00.
    life.facts = facts(zone=MADRID, window=parse_window({"mon-fri": "08:00-18:00"}))
    life.settle()
    assert life.decision.due_at == datetime(2026, 11, 25, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "sent_at", "wait", "due"),
    [
        # forward at 02:00 on 29 March: the same wall time, an hour earlier in UTC
        ("Europe/Madrid", datetime(2026, 3, 28, 9, tzinfo=UTC), "1d", datetime(2026, 3, 29, 8, tzinfo=UTC)),
        # h elapses
        ("Europe/Madrid", datetime(2026, 3, 28, 9, tzinfo=UTC), "24h", datetime(2026, 3, 29, 9, tzinfo=UTC)),
        # 02:30 does not exist: the offset before the gap, 03:30
        ("Europe/Madrid", datetime(2026, 3, 28, 1, 30, tzinfo=UTC), "1d", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # back at 03:00 on 25 October: 02:30 comes twice, the first one counts
        ("Europe/Madrid", datetime(2026, 10, 24, 0, 30, tzinfo=UTC), "1d", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("Europe/Madrid", datetime(2026, 10, 24, 9, tzinfo=UTC), "1d", datetime(2026, 10, 25, 10, tzinfo=UTC)),
    ],
)
def test_daylight_saving(zone: str, sent_at: datetime, wait: str, due: datetime) -> None:
    known = facts(zone=ZoneInfo(zone), window=ALWAYS_OPEN)
    assert second(wait, known, start=sent_at).decision.due_at == due


def test_after_resuming_everything_the_hours_still_apply() -> None:
    life = second("1d", start=denver(23, 9))
    life.facts = facts(outer=(outer("all"),))
    life.at(denver(28, 12))
    assert (life.reasons, life.decision.due_at) == ({Reason.ALL_PAUSED, Reason.WINDOW_CLOSED}, None)
    life.facts = facts()
    life.settle()
    assert life.decision.due_at == denver(30, 8, 30)


def test_tasks_open_at_the_start_of_the_reps_day() -> None:
    known = facts(rep=Rep("ana", "ana@x.test", MADRID))
    life = Life(sequence(EMAIL, {"id": "post", "task": "Send it", "wait": "1bd"}), known)
    life.sent()
    # Tuesday nine in Denver is 17:00 in Madrid, when the day is over: Wednesday 08:30 there.
    assert life.decision.due_at == datetime(2026, 11, 25, 7, 30, tzinfo=UTC)


def test_the_hours_of_a_skipped_step_are_not_part_of_its_wait() -> None:
    skipped = {"id": "a", "wait": "1bd", "when": "replied", "email": "x.md", "at": "10:00-11:00"}
    life = Life(sequence(EMAIL, skipped, {**BREAKUP, "wait": "1bd"}))
    life.sent()
    assert life.at(denver(24, 10)) == [
        e.StepSkipped(step="a", reason=Reason.CONDITION_FALSE, as_of=denver(24, 9)),
    ]
    assert life.decision.due_at == denver(25, 9)
