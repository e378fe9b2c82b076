"""Budgets that people share: a rep's calls a day and connection requests a week, an account's touches a day."""

import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from sequencer.config import Config
from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance
from sequencer.engine.prepare import usage_of
from sequencer.engine.situation import Surroundings, load
from tests.unit.engine.asking import BOX, beat, standing
from tests.unit.engine.people_house import FILES, House, house

__all__ = ["house"]

ANA = "person:ana"
LINKEDIN = (
    "title: L\nsettings: {{exclusive: false}}\nsteps:\n  - id: {step}\n    linkedin: {what}\n    note: note.txt\n"
)
RULE = """
title: Rule
settings: {exclusive: false}
steps:
  - id: sheet
    task: Send the sheet
rules:
  - id: hot
    when: linkedin_connected
    do: {task: call}
"""
CALLS = "title: Calls\nsettings: {exclusive: false}\nsteps:\n  - id: ring\n    call: call.md\n"


def limited(house: House, **rep: int) -> None:
    told = tomllib.loads((house.folder / "config.toml").read_text())
    told["reps"][0] |= rep
    house.config = Config.model_validate(told)
    house.config._folder = house.folder
    house.advance = Advance(house.database, Surroundings(house.config, house.advance.around.catalog))


def loads(house: House, key: int) -> tuple[int, int]:
    """(calls today, connection requests this week) as a decision sees them."""
    one = house.database.read(lambda c: load(c, house.advance.around, [key], house.clock.now()))[key]
    return one.facts.calls_today, one.facts.connects_this_week


def test_connection_requests_count_over_all_sequences_whatever_the_step_is_called(house: House) -> None:
    """Each sequence has its own ids; a view with the same id is no request."""
    for name, step, what in (("a", "connect", "connect"), ("b", "say-hi", "connect"), ("c", "connect", "view")):
        house.apply(name, LINKEDIN.format(step=step, what=what), FILES)
    limited(house, connects_per_week=2)
    house.inside("a", "one@acme1.test")
    house.inside("b", "two@acme2.test")
    house.inside("c", "three@acme3.test")
    assert len(house.open_tasks()) == 3
    key = house.inside("a", "four@acme4.test")
    assert loads(house, key) == (0, 2)
    assert len(house.open_tasks()) == 3
    house.clock.to(datetime(2026, 11, 29, 23, 59, tzinfo=UTC))  # Sunday: still the same week
    house.advance_all()
    assert len(house.open_tasks()) == 3
    house.clock.to(datetime(2026, 11, 30, 9, tzinfo=UTC))
    house.advance_all()
    assert len(house.open_tasks()) == 4


def test_a_call_that_a_rule_opens_is_beside_the_budget_in_the_same_pass_and_after_it(house: House) -> None:
    house.apply("rule", RULE, FILES)
    house.apply("calls", CALLS, FILES)
    limited(house, calls_per_day=1)
    first, other = house.inside("rule", "one@acme1.test"), house.person("two@acme2.test")
    house.database.write(lambda c: house.advance.record(c, [(first, (e.LinkedInConnected(),))], house.clock.now()))
    assert [row.work for row in house.open_tasks()].count("call") == 1
    key = house.inside("calls", "three@acme3.test")
    assert loads(house, key) == (1, 0)  # its own
    assert other


@pytest.mark.parametrize(("work", "counts"), [("call", True), ("linkedin", True), ("other", False)])
def test_what_a_rep_did_at_the_account_today_leaves_less_room_for_mail(house: House, work: str, counts: bool) -> None:
    """Three touches a day at an account, of every channel; a task by post is none."""
    for number in range(3):
        key = house.inside("kinds", f"c{number}@acme.test")
        opened = e.TaskOpened(task=f"x#{number}", step=None, work=work, priority="normal", due_at=house.clock.now())  # type: ignore[arg-type]
        house.record(key, opened, e.TaskDone(task=f"x#{number}", outcome="done", by=ANA))
    house.inside()
    beat(house)
    limits = next(gate for gate in standing(house).gates if gate.name == "limits")
    assert (limits.reason is Reason.ACCOUNT_DAY) == counts
    house.clock.forward(days=1)
    box = house.config.mailboxes_by_address[BOX]
    rows = house.rows("queued")
    later = house.database.read(lambda c: usage_of(c, box, rows, house.clock.now() + timedelta(hours=1)))
    assert not later.account_today.get("acme.test")


@pytest.mark.parametrize(
    ("sequence", "limit", "goes_at"),
    [
        (CALLS, "calls_per_day = 1", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        (
            LINKEDIN.format(step="hi", what="connect"),
            "connects_per_week = 1",
            datetime(2026, 11, 30, 8, 30, tzinfo=UTC),
        ),
    ],
)
def test_why_names_the_budget_its_line_and_when_the_task_opens(
    house: House, sequence: str, limit: str, goes_at: datetime
) -> None:
    path = house.folder / "config.toml"
    path.write_text(path.read_text().replace('name = "ana"\n', f'name = "ana"\n{limit}\n'))
    limited(house)
    house.apply("one", sequence, FILES)
    house.inside("one", "first@acme1.test")
    house.inside("one")
    beat(house)
    one = standing(house)
    gate = next(gate for gate in one.gates if gate.name == "rep capacity")
    assert (gate.passed, gate.reason, gate.detail) == (False, Reason.REP_DAY, "1 of 1 for ana")
    assert path.read_text().splitlines()[gate.place.line - 1] == limit
    assert (gate.frees_at, one.goes_at) == (goes_at, goes_at)
    house.clock.to(goes_at - timedelta(seconds=1))
    house.advance_all()
    assert len(house.open_tasks()) == 1
    house.later(seconds=1)
    assert len(house.open_tasks()) == 2
