"""What a rep's absence does to one enrollment: mail waits, tasks wait or go to the cover, nothing gets overdue."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sequencer.core import events as e
from sequencer.core.absence import Away, resolve
from sequencer.core.gates import leaving_gates
from sequencer.core.outlook import outlook
from sequencer.core.people import Absence, Rep
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import EmailStep, Sequence
from sequencer.core.timing import hours_of, leaves_before
from tests.unit.core.build import ANA, BREAKUP, CALL, DENVER, EMAIL, HOURS, START, Life, denver, facts, kinds, sequence

TASK = {"id": "sheet", "task": "Send the sheet"}
REVIEWED = {**EMAIL, "review": True}


def away(first: int, last: int, cover: str | None = None, zone: ZoneInfo = DENVER) -> Away:
    """Days of November 2026; the 23rd is a Monday."""
    absence = Absence("ana", date(2026, 11, first), date(2026, 11, last), cover)
    return resolve([absence], {name: Rep(name, "", zone) for name in ("ana", "bo")}, HOURS)["ana"]


def life(*steps: dict[str, Any], absent: Away, at: datetime = START) -> Life:
    return Life(sequence(*steps), facts(away=absent), at)


def away_gate(one: Life) -> Gate:
    return next(gate for gate in one.decision.gates if gate.name == "rep away")


@pytest.mark.parametrize(
    ("step", "cover", "opens"),
    [
        # a first touch on the first day away leaves on the first working day after the last one, at the opening
        (EMAIL, None, denver(26, 8, 30)),
        # mail waits with a cover too: the reply would still come to the absent rep's mailbox
        (EMAIL, "bo", denver(26, 8, 30)),
        (REVIEWED, "bo", denver(26, 8, 30)),
        # calls, LinkedIn and other tasks wait without a cover, and go on with one
        ({**CALL, "wait": "0m"}, None, denver(26, 8, 30)),
        ({**CALL, "wait": "0m"}, "bo", START),
        ({"id": "connect", "linkedin": "connect"}, None, denver(26, 8, 30)),
        (TASK, None, denver(26, 8, 30)),
        (TASK, "bo", START),
    ],
)
def test_when_a_step_begins_that_comes_up_on_a_day_away(
    step: dict[str, Any], cover: str | None, opens: datetime
) -> None:
    one = life(step, absent=away(23, 25, cover))
    one.at(denver(30, 12))
    begun = [at for at, event in one.log if isinstance(event, e.TouchQueued | e.TaskOpened)]
    assert begun[:1] == [opens]


def test_the_gate_says_who_until_when_and_what_opens_it() -> None:
    assert away_gate(life(EMAIL, absent=away(23, 25))) == Gate(
        "rep away", False, Reason.REP_AWAY, "ana until 25 November", frees_at=denver(26, 8, 30)
    )
    covered = Life(sequence(TASK), facts(away=away(23, 25, "bo")), denver(22, 12))
    assert away_gate(covered) == Gate("rep away", True, detail="ana until 25 November; bo covers")
    assert away_gate(life(EMAIL, absent=away(26, 27), at=denver(22, 12))).passed
    assert not [gate for gate in life(EMAIL, absent=()).decision.gates if gate.name == "rep away"]


def test_who_is_told_in_advance() -> None:
    """The wait is not over yet, and the gate says that the absence comes after it."""
    one = life(EMAIL, CALL, absent=away(24, 27))
    one.sent()
    assert one.closed().name == "wait"
    assert away_gate(one).frees_at == denver(30, 8, 30)
    assert outlook(one.sequence, one.progress, one.facts, one.now).expected[0].at == denver(30, 8, 30)


def test_the_days_away_are_the_rep_s_where_the_rep_is() -> None:
    """Ana works in Auckland: her Tuesday begins on the prospect's Monday at four in the morning."""
    auckland = ZoneInfo("Pacific/Auckland")
    one = Life(sequence(EMAIL), facts(away=away(24, 24, zone=auckland), rep=Rep("ana", "", auckland)))
    assert one.progress.flight is None
    # her Wednesday begins on the prospect's Tuesday at 04:00, so Tuesday's window is open
    assert away_gate(one).frees_at == denver(24, 8, 30)


def test_branches_and_the_end_are_nobody_s_work() -> None:
    branch = {"id": "hot", "branch": "clicks > 1", "then": "end", "else": "end"}
    assert life(branch, absent=away(23, 25)).progress.finished


def test_a_queued_mail_may_not_leave_on_a_day_away() -> None:
    """Queued on the day before, and its turn came after midnight."""
    one = life(EMAIL, absent=away(24, 25))
    step = one.sequence.steps[0]
    assert isinstance(step, EmailStep)
    assert one.progress.flight

    def closed(at: datetime) -> list[tuple[str, datetime | None]]:
        gates = leaving_gates(step, one.sequence, one.progress, one.facts, at)
        return [(gate.name, gate.frees_at) for gate in gates if not gate.passed]

    assert closed(denver(23, 16)) == []
    assert closed(denver(24, 9)) == [("rep away", denver(26, 8, 30))]
    # after the window of the last day at work, the window opens first and the absence is there then
    assert closed(denver(23, 18)) == [("window", denver(24, 8, 30)), ("rep away", denver(26, 8, 30))]


def test_what_may_leave_now_may_until_the_window_closes_or_the_absence_begins() -> None:
    """The rep is in Madrid, where Tuesday begins at four in the afternoon of the prospect's Monday."""
    madrid = ZoneInfo("Europe/Madrid")
    known = facts()
    hours = hours_of(sequence(EMAIL).steps[0], known)
    assert leaves_before(hours, (), denver(23, 15)) == denver(23, 17)
    assert leaves_before(hours, away(24, 25, zone=madrid), denver(23, 15)) == denver(23, 16)
    assert leaves_before(hours, away(25, 25, zone=madrid), denver(23, 15)) == denver(23, 17)


def at_call(absent: Away, **more: Any) -> Life:
    """The intro left on Monday; the call task is open since Tuesday at nine."""
    one = life(EMAIL, {**CALL, **more}, BREAKUP, absent=absent)
    one.sent()
    one.at(denver(24, 9))
    assert one.progress.step_task == "call-1#1"
    return one


def test_an_open_task_shifts_to_the_first_working_day_when_nobody_covers() -> None:
    one = at_call(away(25, 27))
    one.at(denver(25, 1))
    assert [(at, event) for at, event in one.log if isinstance(event, e.TaskSnoozed)] == [
        (denver(25), e.TaskSnoozed(task="call-1#1", until=denver(30), by="away"))
    ]
    assert one.progress.tasks["call-1#1"].due_at == denver(30)
    assert kinds(one.at(denver(30, 12))) == []


def test_with_a_cover_an_open_task_stays_as_it_is() -> None:
    one = at_call(away(25, 27, "bo"))
    assert one.at(denver(30, 12)) == []
    assert one.progress.tasks["call-1#1"].due_at == denver(24, 9)


def test_a_task_comes_back_when_the_absence_is_taken_out_of_config() -> None:
    one = at_call(away(25, 27))
    one.at(denver(25, 10))
    one.facts = facts()
    assert kinds(one.settle()) == ["TaskSnoozed"]
    assert one.progress.tasks["call-1#1"].due_at == denver(25, 10)
    assert one.settle() == []


def test_a_rep_may_do_a_task_while_they_are_away() -> None:
    one = at_call(away(25, 27))
    one.at(denver(25, 10))
    one.done("voicemail")
    assert one.progress.step_task is None


def test_the_answer_to_a_person_is_never_put_off() -> None:
    """With a cover it is theirs at once; without one `status` shows that it waits."""
    one = life(EMAIL, BREAKUP, absent=away(24, 27))
    one.sent()
    one.at(denver(24, 12))
    assert "TaskOpened" in kinds(one.hear(e.ReplyReceived(message=1, answer="interested")))
    (task,) = one.progress.tasks.values()
    assert (task.work, task.due_at) == ("answer", denver(24, 12))


@pytest.mark.parametrize(
    ("absent", "overdue_at"),
    [
        # three business days from Tuesday at nine
        ((), denver(27, 9)),
        # Wednesday to Thursday away: the whole time again from Friday, over the weekend
        (away(25, 26), denver(2, 0, month=12)),
        # somebody covers: the task is theirs, and its time runs
        (away(25, 26, "bo"), denver(27, 9)),
        # away after that: nothing changes
        (away(30, 30), denver(27, 9)),
    ],
)
def test_overdue_does_not_count_the_days_away(absent: Away, overdue_at: datetime) -> None:
    one = at_call(absent, on_overdue={"after": "3bd", "do": "skip"})
    one.at(denver(9, 12, month=12))
    assert [at for at, event in one.log if isinstance(event, e.TaskOverdue)] == [overdue_at]


def test_a_daemon_that_slept_through_the_absence_calls_nothing_overdue() -> None:
    one = at_call(away(25, 26), on_overdue={"after": "1bd", "do": "skip"})
    one.now = denver(27, 9)
    assert "TaskOverdue" not in kinds(one.settle())


def test_a_pause_that_ends_first_leaves_the_task_with_the_absence() -> None:
    one = at_call(away(25, 27))
    one.hear(e.PausePut(reason=Reason.BY_PERSON, until=denver(26), due_at=None, by=ANA))
    one.at(denver(29, 12))
    assert one.progress.tasks["call-1#1"].due_at == denver(30)


def test_the_cover_s_day_is_the_limit_while_they_cover() -> None:
    of: Sequence = sequence({**CALL, "wait": "0m"})
    cover = Rep("bo", "", DENVER, calls_per_day=5)
    one = Life(of, facts(away=away(23, 25, "bo"), cover=cover, calls_today=5))
    assert (one.closed().reason, one.closed().detail) == (Reason.REP_DAY, "5 of 5 for bo")


def test_an_absence_that_is_over_costs_nothing() -> None:
    one = life(EMAIL, absent=away(16, 17))
    assert one.progress.flight
    assert one.now.tzinfo is UTC
