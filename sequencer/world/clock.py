"""The stepping clock: stands still while anything is in flight and jumps when nothing is.

It never runs fast: under a clock that does, a guard of two seconds would last microseconds, and no run would be like
another. Who jumps, and when, is the runner's to say (world/runner.py).
"""

from datetime import datetime

__all__ = ["SteppingClock"]


class SteppingClock:
    """Virtual time from `start` (aware UTC); `monotonic` counts the virtual seconds since then."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def jump(self, at: datetime) -> None:
        """Go to `at`. Raises ValueError for the past."""
        if at < self._now:
            raise ValueError(f"the clock stands at {self._now.isoformat()} and cannot go back to {at.isoformat()}")
        self._now = at
