"""The stepping clock stands still until it is told to jump, and never goes back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sequencer.world.clock import SteppingClock

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_it_stands_still() -> None:
    clock = SteppingClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)


def test_a_jump_moves_both_times() -> None:
    clock = SteppingClock(START)
    clock.jump(START + timedelta(days=2))
    assert clock.now() == START + timedelta(days=2)
    assert clock.monotonic() == 2 * 86_400


def test_it_cannot_go_back() -> None:
    clock = SteppingClock(START)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.jump(START - timedelta(seconds=1))


async def test_who_sleeps_is_woken_by_the_jump_that_reaches_the_instant() -> None:
    clock = SteppingClock(START)
    woken: list[str] = []

    async def sleep(name: str, hours: int) -> None:
        await clock.sleep_until(START + timedelta(hours=hours))
        woken.append(name)

    sleepers = [asyncio.create_task(sleep("late", 5)), asyncio.create_task(sleep("soon", 1))]
    await asyncio.sleep(0)
    assert clock.next_sleeper_at == START + timedelta(hours=1)
    clock.jump(START + timedelta(hours=1))
    await sleepers[1]
    assert woken == ["soon"]
    clock.jump(START + timedelta(hours=9))
    await asyncio.gather(*sleepers)
    assert woken == ["soon", "late"]
    assert clock.next_sleeper_at is None


async def test_an_instant_that_has_passed_is_not_waited_for() -> None:
    clock = SteppingClock(START)
    await asyncio.wait_for(clock.sleep_until(START), 1)
