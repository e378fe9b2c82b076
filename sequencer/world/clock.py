"""The stepping clock: stands still while anything is in flight and jumps when nothing is.

It never runs fast: under a clock that does, a guard of two seconds would last microseconds, and no run would be like
another. Who jumps, and when, is the runner's to say (world/runner.py).
"""

import asyncio
from datetime import datetime

__all__ = ["SteppingClock"]


class SteppingClock:
    """Virtual time from `start` (aware UTC); `monotonic` counts the virtual seconds since then."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep_until(self, at: datetime) -> None:
        if at <= self._now:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((at, woken))
        await woken

    @property
    def next_sleeper_at(self) -> datetime | None:
        """When the first of those who sleep wants to be woken."""
        return min((at for at, woken in self._sleepers if not woken.done()), default=None)

    def jump(self, at: datetime) -> None:
        """Go to `at` and wake those who slept until then. Raises ValueError for the past."""
        if at < self._now:
            raise ValueError(f"the clock stands at {self._now.isoformat()} and cannot go back to {at.isoformat()}")
        self._now = at
        for wanted, woken in self._sleepers:
            if wanted <= at and not woken.done():
                woken.set_result(None)
        self._sleepers = [(wanted, woken) for wanted, woken in self._sleepers if not woken.done()]
