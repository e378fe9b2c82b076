"""A mail is judged by whom it was for when it left, and not by what a merge or an import made of them later."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from sequencer.world import check_sending
from sequencer.world.evidence import Verdict
from sequencer.world.record import Took
from tests.simulation.sight import Change, Persons, WatchedEvidence
from tests.unit.world.small_world import BUMP_AT, SmallWorld, small_world, task

BUMP = "<3@x>"  # to Jo in Denver, on Wednesday at 9:30 there
HOUR = timedelta(hours=1)


def watched(
    world: SmallWorld, merges: Callable[[int], Any] = lambda fence: (), *, done: int = -1, **at_fence: str | None
) -> Any:
    """What was seen, when the bump's fence noted this of the person.

    `merges`: as of the number of its fence. `done`: how much later than that Jo's first task was.
    """
    seen = world.seen()
    bump = next(mail for mail in seen.record.of(Took) if mail.message_id == BUMP)
    blank: dict[str, Any] = {each.name: "" for each in fields(Change)}
    noted = {"zone": "America/Denver", "country": "US", **at_fence}
    fence = Change(**{**blank, "mark": bump.order - 1, "prospect_id": 1, "wall": bump.at.isoformat(), **noted})
    persons = Persons({1: (-2, 1), 2: (-1, 2)}, merges(fence.mark))
    seen_fields = {each.name: getattr(seen, each.name) for each in fields(seen)}
    return WatchedEvidence(
        **seen_fields, fenced={BUMP: (fence,)}, persons=persons, done={(1, "call#1"): fence.mark + done}
    )


def living_elsewhere(zone: str, country: str = "US") -> SmallWorld:
    """What the rows say of Jo at the end."""
    world = small_world()
    seen_before = world.seen

    def seen() -> Any:
        seen = seen_before()
        moved = replace(seen.census.people[1], timezone=zone, country=country)
        return replace(seen, census=replace(seen.census, people={**seen.census.people, 1: moved}))

    world.seen = seen  # type: ignore[method-assign]
    return world


def is_broken(verdict: Verdict) -> bool:
    """Of the bump: the other mails have no fence here."""
    return any(BUMP in words for words in verdict.broken)


def test_somebody_who_moved_later_was_written_to_by_day() -> None:
    world = living_elsewhere("Asia/Tokyo")
    assert is_broken(check_sending.in_hours(world.seen()))
    assert not is_broken(check_sending.in_hours(watched(world)))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", None], ids=["in Japan", "nobody knew where: by Madrid, the mailbox's"])
def test_somebody_who_was_elsewhere_then_was_written_to_out_of_hours(zone: str | None) -> None:
    assert not is_broken(check_sending.in_hours(small_world().seen()))
    assert is_broken(check_sending.in_hours(watched(small_world(), zone=zone)))


def test_the_holidays_are_those_of_the_country_then() -> None:
    thanksgiving = BUMP_AT + timedelta(days=1)
    world = living_elsewhere("America/Denver", "CA")
    world.record.entries = [
        replace(entry, at=thanksgiving) if getattr(entry, "message_id", "") == BUMP else entry
        for entry in world.record.entries
    ]
    world.change_send(BUMP, sending_at=thanksgiving)
    assert not is_broken(check_sending.in_hours(world.seen()))
    assert is_broken(check_sending.in_hours(watched(world)))
    assert not is_broken(check_sending.in_hours(watched(world, country=None)))


@pytest.mark.parametrize(
    ("merges", "held"),
    [
        pytest.param(lambda fence: ((fence + 1, 2, 1),), True, id="merged after the mail"),
        pytest.param(lambda fence: ((fence - 1, 2, 1),), False, id="merged before it"),
        pytest.param(lambda fence: ((fence - 2, 2, 3), (fence - 1, 3, 1)), False, id="by way of a third person"),
        pytest.param(lambda fence: ((fence - 2, 3, 1), (fence - 1, 2, 3)), True, id="into somebody who had gone"),
    ],
)
def test_a_call_to_another_person_is_a_touch_once_they_are_one(merges: Callable[[int], Any], held: bool) -> None:
    world = small_world()
    call = task(1, 2, "call", "done", BUMP_AT - 3 * HOUR, BUMP_AT - HOUR)
    world.tasks.append(replace(call, prospect_id=1))
    assert not check_sending.under_limits(world.seen()).held, "by the rows at the end they are one person"
    assert check_sending.under_limits(watched(world, merges)).held is held


@pytest.mark.parametrize(("done", "held"), [(-1, False), (1, True)], ids=["before the mail", "after it"])
def test_a_call_by_a_clock_that_was_set_back_is_judged_by_what_came_first(done: int, held: bool) -> None:
    """The mail left by a clock that was a day ahead; a day later it was that hour again, and somebody called."""
    world = small_world()
    world.tasks.append(task(1, 1, "call", "done", BUMP_AT - 3 * HOUR, BUMP_AT - HOUR))
    assert check_sending.under_limits(watched(world, done=done)).held is held
