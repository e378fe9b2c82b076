"""The only place that asks what time it is.

`now()` is aware UTC; `monotonic()` goes on while the machine sleeps, so that a guard or a lease is not fooled by a
suspended laptop. Everything below daemon, cli and web is handed the time. The stepping clock of the demo and the
simulation is in world/.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What asks for the time depends on this, never on the system."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """CLOCK_BOOTTIME where there is one: CLOCK_MONOTONIC stands still in suspend."""
        boot_time = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)
