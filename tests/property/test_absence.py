"""One enrollment whose rep is away now and then: that only delays, nothing leaves meanwhile, and all is done."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import events as e
from sequencer.core.absence import Away, away_at, resolve
from sequencer.core.outlook import outlook
from sequencer.core.people import Absence, Rep
from sequencer.core.sequence import Sequence
from tests.unit.core.build import DENVER, HOURS, MADRID, Life, facts, sequence

INSTANTS_MAX = 400
FIRST_DAY = date(2026, 11, 16)  # the enrollment begins a week later
REPS = {"ana": Rep("ana", "", MADRID), "bo": Rep("bo", "", DENVER)}


def any_steps(dice: Random) -> Sequence:
    """Mails, calls and tasks with waits; no conditions, so that two lives differ by the absence alone."""
    steps: list[dict[str, Any]] = []
    for number in range(dice.randint(2, 6)):
        wait = {"id": f"s{number}", "wait": dice.choice(["1h", "1d", "1bd", "3bd"])}
        kinds = [{"email": "a.md"}, {"email": "a.md", "review": "true"}, {"call": "c.md"}, {"task": "T"}]
        steps.append(wait | dice.choice(kinds))
    return sequence(*steps)


def any_absences(dice: Random) -> Away:
    """Up to three of ana's, one after the other, across the change of the clocks' week too; bo may be away as well."""
    absences, day = [], FIRST_DAY + timedelta(days=dice.randint(0, 20))
    for _ in range(dice.randint(0, 3)):
        last = day + timedelta(days=dice.randint(0, 12))
        absences.append(Absence("ana", day, last, dice.choice([None, "bo"])))
        day = last + timedelta(days=dice.randint(1, 10))
    if dice.random() < 0.3:
        first = FIRST_DAY + timedelta(days=dice.randint(0, 30))
        absences.append(Absence("bo", first, first + timedelta(days=4)))
    return resolve(absences, REPS, HOURS).get("ana", ())


def played(of: Sequence, absent: Away) -> Life:
    """Every mail is accepted as soon as it is queued, every task done when it is due."""
    life = Life(of, facts(rep=REPS["ana"], away=absent))
    for _ in range(INSTANTS_MAX):
        if life.progress.flight:
            life.sent()
        elif key := life.progress.step_task:
            life.now = max(life.now, life.progress.tasks[key].due_at)
            life.done()
        elif life.decision.due_at is not None:
            life.now = life.decision.due_at
            life.settle()
        else:
            break
    return life


def begun(life: Life) -> dict[str, datetime]:
    return {
        str(event.step): at for at, event in life.log if isinstance(event, e.TouchQueued | e.TaskOpened)
    }  # fmt: skip


dices = st.randoms(use_true_random=True)


@settings(max_examples=150, deadline=None)
@given(dices.map(any_steps), dices.map(any_absences))
def test_an_absence_only_ever_delays_and_nothing_leaves_inside_it(of: Sequence, absent: Away) -> None:
    life, undisturbed = played(of, absent), played(of, ())
    assert life.progress.finished
    assert undisturbed.progress.finished
    late, early = begun(life), begun(undisturbed)
    assert late.keys() == early.keys()
    assert all(late[step] >= early[step] for step in early)
    for at, event in life.log:
        stretch = away_at(absent, at)
        if isinstance(event, e.TouchQueued):
            assert stretch is None, "a mail was queued on a day away"
        if isinstance(event, e.TaskOpened):
            assert stretch is None or stretch.cover, "a task came up for nobody"


@settings(max_examples=80, deadline=None)
@given(dices.map(any_steps), dices.map(any_absences), st.integers(0, 60 * 24 * 40))
def test_what_is_expected_is_what_happens(of: Sequence, absent: Away, minutes: int) -> None:
    """`why`, `preview` and `enroll --dry-run` know of the absence."""
    life = Life(of, facts(rep=REPS["ana"], away=absent))
    ahead = outlook(of, life.progress, life.facts, life.now)
    happened = begun(played(of, absent))
    expected = {str(one.step): one.at for one in ahead.expected if one.kind in ("email", "task") and one.step}
    assert expected.keys() == happened.keys()
    assert all(away_at(absent, one.at) is None for one in ahead.expected if one.kind == "email")
