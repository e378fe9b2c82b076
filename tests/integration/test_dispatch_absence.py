"""Sending around a rep's absence, on SQLite and a real SMTP server: the last mail before it, the first one after it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sequencer.config import parse
from sequencer.engine.advance import Advance
from sequencer.engine.outer_stops import notice_config
from sequencer.engine.situation import Surroundings
from sequencer.store import sends
from tests.integration.installation import ALWAYS_OPEN, MONDAY, HandClock, Installation, World

AWAY = '[[away]]\nrep = "ana"\nfrom = 2026-11-24\nto = 2026-11-26\n'
FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)
BEGINS = datetime(2026, 11, 24, tzinfo=UTC)


def founded(
    folder: Path, world: World, at: datetime = MONDAY, config: str = ALWAYS_OPEN + AWAY, cap: int = 1000
) -> Installation:
    house = Installation(folder, world.port, clock=HandClock(at), config=config, cap=cap)
    house.apply()
    return house


def reload(house: Installation, text: str) -> None:
    """The daemon reads config.toml again."""
    house.config = parse(text)
    house.config._folder = house.folder
    house.advance = Advance(house.database, Surroundings(house.config, house.advance.around.catalog))
    house.database.write(lambda connection: notice_config(connection, house.config, house.clock.now()))


async def test_a_first_touch_and_a_follow_up_wait_for_the_return(tmp_path: Path, world: World) -> None:
    house = founded(tmp_path, world)
    dispatch = house.dispatch()
    house.enroll(house.person("jo@acme.test"))
    await house.run(dispatch)
    assert len(world.accepted) == 1
    house.clock.to(BEGINS + timedelta(hours=9))
    house.enroll(house.person("al@beta.test"))
    for _ in range(6):
        house.inbox_read()
        await house.run(dispatch)
        house.clock.forward(hours=12)
    assert len(world.accepted) == 1
    house.clock.to(FRIDAY)
    house.inbox_read()
    await house.run(dispatch)
    # the follow-up goes first
    assert [recipient for recipient, _ in world.accepted[1:]] == ["jo@acme.test", "al@beta.test"]
    await dispatch.stop()
    house.close()


async def test_a_mail_that_was_prepared_before_midnight_does_not_leave_after_it(tmp_path: Path, world: World) -> None:
    """Ana's midnight, where neither the window closes nor the mailbox's day ends, comes while the server thinks."""
    tokyo = (ALWAYS_OPEN + AWAY).replace('timezone = "UTC"\n[[mail', 'timezone = "Asia/Tokyo"\n[[mail')
    begins, ends = BEGINS - timedelta(hours=9), FRIDAY - timedelta(hours=9)
    house = founded(tmp_path, world, begins - timedelta(seconds=1), config=tokyo)
    world.at_rcpt = lambda _: house.clock.to(begins)
    house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    await house.run(dispatch)
    assert world.accepted == []
    (row,) = house.database.read(lambda connection: sends.in_state(connection, "queued"))
    assert (row.wait_reason, row.not_before) == ("rep_away", ends)
    world.at_rcpt = None
    house.clock.to(ends)
    await house.run(dispatch)
    assert len(world.accepted) == 1
    await dispatch.stop()
    house.close()


async def test_an_absence_that_is_written_down_meanwhile_stops_what_is_prepared(tmp_path: Path, world: World) -> None:
    house = founded(tmp_path, world, BEGINS + timedelta(hours=9), config=ALWAYS_OPEN)
    text = (tmp_path / "config.toml").read_text()
    world.at_rcpt = lambda _: reload(house, text + AWAY)
    house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    await house.run(dispatch, rounds=1)
    assert world.accepted == []
    await dispatch.stop()
    world.at_rcpt = None
    again = house.dispatch("after the reload")
    await house.run(again)
    assert world.accepted == []
    reload(house, text)
    await again.stop()
    once_more = house.dispatch("without the absence")
    await house.run(once_more)
    assert len(world.accepted) == 1
    await once_more.stop()
    house.close()


async def test_what_piled_up_leaves_under_the_cap(tmp_path: Path, world: World) -> None:
    house = founded(tmp_path, world, BEGINS + timedelta(hours=9), cap=2)
    dispatch = house.dispatch()
    for number in range(5):
        house.enroll(house.person(f"p{number}@beta{number}.test"))
    left = []
    for day in range(7):
        house.clock.to(BEGINS + timedelta(days=day, hours=12))
        await house.run(dispatch)
        left.append(len(world.accepted))
    assert left == [0, 0, 0, 2, 4, 5, 5]
    await dispatch.stop()
    house.close()
