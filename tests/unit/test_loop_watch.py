"""The watch tells when the loop stood still, and how late it was."""

import asyncio
import contextlib
import logging

import pytest

from sequencer.loop_watch import LoopWatch


class Instants:
    """A monotonic clock: each look asks twice, and the next lateness is ours to say."""

    def __init__(self, late_s: list[float]) -> None:
        self.late_s, self.at, self.is_waking = late_s, 0.0, False

    def __call__(self) -> float:
        if self.is_waking:
            self.at += 0.05 + (self.late_s.pop(0) if self.late_s else 0.0)
        self.is_waking = not self.is_waking
        return self.at


async def test_a_loop_that_stood_still_is_told(caplog: pytest.LogCaptureFixture) -> None:
    instants = Instants([0.0, 0.7, 0.004])
    watch = LoopWatch(instants)
    with caplog.at_level(logging.DEBUG, "sequencer.loop_watch"):
        running = asyncio.create_task(watch.run())
        async with asyncio.timeout(30):
            while instants.late_s:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["the event loop stood still for 0.7 s: mail and leases waited for it"]
    assert watch.late_ms(1.0) in (699, 700)
    assert watch.late_ms(0.3) == 0
    assert caplog.records[-1].getMessage().startswith("event loop late by p50 ")


def test_before_the_first_look_nothing_is_late() -> None:
    assert LoopWatch(lambda: 0.0).late_ms(0.99) == 0
