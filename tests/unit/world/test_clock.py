"""The stepping clock stands still until it is told to jump, and never goes back."""

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
