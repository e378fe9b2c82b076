"""Pause, resume and finish of everybody on a list."""

from datetime import datetime, timedelta

import pytest

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine import list_stops
from sequencer.engine.situation import Situation
from sequencer.errors import InputError, NotFound
from sequencer.store import people
from tests.unit.engine.people_house import House, house

__all__ = ["house"]


@pytest.fixture
def keys(house: House) -> list[int]:
    """Four people on the list: two get mail, one calls, one is in no sequence; a fifth is on no list."""
    found = [
        house.inside("three", "bo@acme.test", "Bo"),
        house.inside("three", "kim@acme.test", "Kim"),
        house.inside("kinds", "eve@other.test", "Eve"),
    ]
    house.person("out@acme.test", "Out")
    house.database.write(lambda c: people.add_to_list(c, "q4", [1, 2, 3, 4]))
    found.append(house.inside("three", "free@free.test", "Free"))
    return found


def folds(house: House, keys: list[int]) -> bool:
    return all(house.folded(key) == house.progress(key) for key in keys)


def test_a_finish_ends_everybody_on_it_and_a_dry_run_says_the_same(house: House, keys: list[int]) -> None:
    now, reason = house.clock.now(), FinishReason.DISQUALIFIED
    foreseen = list_stops.finish_list(house.database, house.advance, "q4", reason, "ana", now, dry=True)
    assert [house.progress(key).status for key in keys] == ["active"] * 4
    done = list_stops.finish_list(house.database, house.advance, "q4", reason, "ana", now)
    assert foreseen == done
    assert (done.finished, done.called_back, done.tasks_dropped) == ({"three": 2, "kinds": 1}, 2, 1)
    assert [house.progress(key).finished for key in keys] == [reason, reason, reason, None]
    assert folds(house, keys)
    with pytest.raises(InputError, match=r"nobody on the list .q4. \(4 in all\)"):
        list_stops.finish_list(house.database, house.advance, "q4", reason, "ana", now)


def test_a_list_goes_on_as_it_was_before_its_pause(house: House, keys: list[int]) -> None:
    now = house.clock.now()
    away = e.PausePut(reason=Reason.AWAY, until=now + timedelta(days=3), due_at=None, by="sequence")
    house.record(keys[1], away)
    effect = list_stops.pause_list(house.database, house.advance, "q4", "ana", now)
    assert (len(effect.people), effect.called_back) == (3, 1)
    assert [house.progress(key).status for key in keys] == ["paused"] * 3 + ["active"]
    resumed, going = list_stops.resume_list(house.database, house.advance, "q4", "ana", now)
    assert (going, resumed.held) == (3, 1)
    assert [house.progress(key).status for key in keys] == ["active", "paused", "active", "active"]
    assert house.progress(keys[1]).pause(Reason.AWAY)
    assert folds(house, keys)


def test_a_pause_may_end_by_a_date_and_never_in_the_past(house: House, keys: list[int]) -> None:
    now = house.clock.now()
    list_stops.pause_list(house.database, house.advance, "q4", "ana", now, lambda _: now + timedelta(days=2))
    pause = house.progress(keys[0]).pause(Reason.BY_PERSON)
    assert pause
    assert pause.until == now + timedelta(days=2)
    with pytest.raises(InputError, match="has passed"):
        list_stops.pause_list(house.database, house.advance, "q4", "ana", now, lambda _: now)


def test_an_unknown_list_is_named(house: House, keys: list[int]) -> None:
    with pytest.raises(NotFound, match='nobody is on a list "q5": there is q4'):
        list_stops.pause_list(house.database, house.advance, "q5", "ana", house.clock.now())


def test_a_day_that_has_begun_for_some_stops_the_others(house: House, keys: list[int]) -> None:
    """In Auckland it is tomorrow already: a list is never left half paused because of one person there."""
    now = house.clock.now()

    def until(one: Situation) -> datetime:
        return now + timedelta(hours=-1 if one.enrollment.id == keys[1] else 9)

    effect = list_stops.pause_list(house.database, house.advance, "q4", "ana", now, until)
    assert len(effect.people) == 2
    assert [house.progress(key).status for key in keys] == ["paused", "active", "paused", "active"]
    with pytest.raises(InputError, match="has passed"):
        list_stops.pause_list(house.database, house.advance, "q4", "ana", now, lambda _: now)
