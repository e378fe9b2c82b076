"""A laptop that slept for a week: what was due then spreads over the days to come, and `status` says so in one line."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sequencer.core.outcome import Accepted, Outcome
from sequencer.core.ports import Envelope
from sequencer.engine.overview import Trouble, overview
from sequencer.store import tasks
from tests.integration.installation import CONFIG, MONDAY, TEMPLATES, Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over, enrolled
from tests.unit.engine.people_house import reachable

CALLS = "title: Calls\nsettings: {exclusive: false}\nsteps:\n  - id: ring\n    call: ring.md\n"
LIMITED = CONFIG.replace('timezone = "UTC"\n[[mailboxes]]', 'timezone = "UTC"\ncalls_per_day = 3\n[[mailboxes]]')
WEEK_LATER = MONDAY + timedelta(days=7)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    assert "calls_per_day" in LIMITED
    house = Installation(tmp_path, 25, cap=8, gap="90s", connections=1, config=LIMITED)
    house.apply()
    house.apply("calls", CALLS, {**TEMPLATES, "ring.md": "Ask {{ prospect.first_name }}\n"})
    yield house
    house.close()


def told(house: Installation) -> list[Trouble]:
    found = house.database.read(lambda c: overview(c, house.advance.around, house.clock.now()))
    return [each for each in found.troubles if each.kind == "late"]


class Awake:
    """The daemon's beats from one instant that matters to the next; `left`: when each mail did."""

    def __init__(self, house: Installation) -> None:
        self.house, self.left = house, list[datetime]()
        self.dispatch = dispatch_over(house, ScriptedChannel(dot=self._take))

    async def _take(self, _: Envelope) -> Outcome:
        self.left.append(self.house.clock.now())
        return Accepted(250, "OK")

    async def beat(self) -> None:
        self.house.inbox_read()
        await self.house.run(self.dispatch, rounds=2)

    async def until(self, end: datetime) -> None:
        await self.beat()
        while self.house.clock.now() < end:
            now = self.house.clock.now()
            later = now + timedelta(hours=1)
            self.house.clock.to(min(max(self.dispatch.next_at or later, now + timedelta(seconds=1)), later, end))
            await self.beat()


async def test_a_week_of_mail_spreads_under_cap_gap_and_hours_and_status_says_until_when(house: Installation) -> None:
    awake = Awake(house)
    await awake.beat()
    await awake.dispatch.stop()
    enrolled(house, 20)  # due on Monday, when the lid is closed
    house.clock.to(WEEK_LATER)
    awake = Awake(house)
    await awake.beat()
    (line,) = told(house)
    assert line.text == (
        "19 mails are late: the daemon was off from 2026-11-23 09:00 UTC to 2026-11-30 09:00 UTC"
    )  # one went with the first beat
    found = re.fullmatch(r"they go until (\w+ \d\d \w+), under the usual caps", line.mend)
    assert found
    await awake.until(WEEK_LATER + timedelta(days=4))
    await awake.dispatch.stop()
    first = awake.left[:20]
    assert f"{first[-1]:%A %d %B}" == found[1] == "Wednesday 02 December"
    assert max(Counter(at.date() for at in awake.left).values()) == 8
    assert all(later - earlier >= timedelta(seconds=90) for earlier, later in pairwise(awake.left))
    assert all(timedelta(hours=8.5) <= at - at.replace(hour=0, minute=0) < timedelta(hours=17) for at in awake.left)
    assert told(house) == []


async def test_calls_that_came_up_meanwhile_open_under_the_reps_budget(house: Installation) -> None:
    awake = Awake(house)
    await awake.beat()
    await awake.dispatch.stop()
    for number in range(7):
        person = house.person(f"c{number}@b{number}.test")
        house.database.write(lambda c, key=person: reachable(c, key))  # type: ignore[misc]
        house.enroll(person, "calls")
    house.clock.to(WEEK_LATER)
    awake = Awake(house)
    await awake.beat()
    (line,) = told(house)
    assert line.text.startswith("4 tasks are late: the daemon was off from")
    assert line.mend == "they go until Wednesday 02 December, under the usual caps"
    opened = [len(house.database.read(tasks.open_tasks))]
    for day in (1, 2):
        await awake.until(WEEK_LATER + timedelta(days=day))
        opened.append(len(house.database.read(tasks.open_tasks)))
    await awake.dispatch.stop()
    assert opened == [3, 6, 7]
    assert told(house) == []


async def test_a_night_or_a_restart_is_no_news(house: Installation) -> None:
    awake = Awake(house)
    enrolled(house, 3)
    await awake.until(datetime(2026, 11, 23, 17, 30, tzinfo=UTC))
    assert len(awake.left) == 3
    house.clock.to(datetime(2026, 11, 24, 8, tzinfo=UTC))  # off all night: nothing could have gone
    await awake.beat()
    assert told(house) == []
    enrolled(house, 2)
    house.clock.forward(minutes=40)
    await awake.beat()
    await awake.dispatch.stop()
    assert told(house) == []
