"""What the dry run of an enrolment tells is what then happens: real services, a real SMTP server, a stepping clock."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest

from sequencer.core import events as e
from sequencer.engine.enrolling import admit, enroll, open_door
from sequencer.engine.rehearsal import Rehearsal, rehearse
from sequencer.store import log
from tests.integration.installation import MONDAY, TEMPLATES, Installation, World

WITH_A_CALL = """
title: Two mails and a call
steps:
  - id: intro
    email: intro.md
  - id: call
    wait: 1bd
    call: call.md
  - id: bump
    wait: 1bd
    email: bump.md
    reply_to: intro
"""
FILES = {**TEMPLATES, "call.md": "Ask {{ prospect.first_name }}\n"}
LOOKS = (time(8, 30), time(9))
PEOPLE_MAX = 5
Dates = Mapping[str, tuple[tuple[str, date], ...]]


def made(folder: Path, world: World) -> Installation:
    house = Installation(folder, world.port, cap=2)
    house.apply("three")
    house.apply("calls", WITH_A_CALL, FILES)
    return house


def planned(house: Installation, sequence_id: str, people: list[int], days: int | None) -> Rehearsal:
    """Rehearse, then enrol as planned."""
    now = house.clock.now()
    door = house.database.read(lambda c: open_door(c, house.advance, sequence_id, "ana", "ana"))
    seats = house.database.read(lambda c: admit(c, house.config, door, people, now)).enrolled
    found = house.database.read(lambda c: rehearse(c, house.advance, door, seats, now, days))
    house.database.write(lambda c: enroll(c, house.advance, door, people, now, found.starts))
    return found


def told(found: Rehearsal) -> Dates:
    """Per person each touch with its day."""
    return {
        one.seat.prospect.address or "": tuple((each.step or "", each.at.date()) for each in one.touches)
        for one in found.prospects
    }


async def lived(house: Installation, until: datetime) -> Dates:
    """Live until then, doing every task when it opens; per person each touch with its day."""
    dispatch = house.dispatch()
    while house.clock.now() < until:
        house.inbox_read()
        await house.run(dispatch, rounds=1)
        _do_tasks(house)
        house.clock.to(_next_look(house.clock.now()))
    await dispatch.stop()
    return _happened(house)


def _next_look(now: datetime) -> datetime:
    days = (now.date() + timedelta(days=ahead) for ahead in range(4))
    looks = (datetime.combine(day, look, UTC) for day in days if day.weekday() < 5 for look in LOOKS)
    return min(at for at in looks if at > now)


def _ids(house: Installation) -> list[int]:
    people = range(1, PEOPLE_MAX + 1)
    return sorted(key for person in people for key in house.database.read(partial(log.all_of, prospect_id=person)))


def _do_tasks(house: Installation) -> None:
    for key in _ids(house):
        if task := house.progress(key).step_task:
            house.record(key, e.TaskDone(task=task, outcome="done", by="person:ana"))


def _happened(house: Installation) -> Dates:
    found: dict[str, tuple[tuple[str, date], ...]] = {}
    for key in _ids(house):
        entries = house.database.read(partial(log.read_log, enrollment_id=key))
        touches = [
            (entry.event.step or "", entry.at.date())
            for entry in entries
            if isinstance(entry.event, e.TouchSent | e.TaskOpened)
        ]
        found[f"p{entries[0].prospect_id}@x{entries[0].prospect_id}.test"] = tuple(touches)
    return found


@pytest.mark.parametrize("days", [0, None, 3])
@pytest.mark.parametrize("sequence_id", ["three", "calls"])
async def test_the_dates_that_were_told_come_true(
    tmp_path: Path, world: World, sequence_id: str, days: int | None
) -> None:
    """Two mails a day for five people with two or three mails each."""
    house = made(tmp_path, world)
    people = [house.person(f"p{number}@x{number}.test") for number in range(1, 6)]
    found = planned(house, sequence_id, people, days)
    expected = told(found)
    if days is None:
        assert not any(one.delays for one in found.prospects)
    assert await lived(house, MONDAY + timedelta(days=19)) == expected
    house.close()


async def test_colleagues_share_their_accounts_day(tmp_path: Path, world: World) -> None:
    """The policy allows three mails a day to one account; those who are inside go first."""
    house = Installation(tmp_path, world.port, cap=50)
    house.apply("three")
    inside = [house.person(f"p{number}@x{number}.test", account="x.test") for number in (1, 2)]
    first = planned(house, "three", inside, 0)
    people = [house.person(f"p{number}@x{number}.test", account="x.test") for number in (3, 4, 5)]
    found = planned(house, "three", people, 0)
    assert found.inside == 2
    happened = await lived(house, MONDAY + timedelta(days=19))
    assert {who: happened[who] for who in told(found)} == told(found)
    assert {who: happened[who] for who in told(first)} == told(first)
    house.close()
