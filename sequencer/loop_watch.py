"""Watches whether the event loop answers: one step that takes long stops every mail, every lease and every signal.

It is here because such a step leaves no other trace than late beats. It sleeps a short while again and again and
measures how much later than asked it wakes up; it mends nothing.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

__all__ = ["SECONDS_MAX", "LoopWatch"]

SECONDS_MAX = 0.5
EVERY_S = 0.05
logger = logging.getLogger(__name__)


class LoopWatch:
    """Runs until it is cancelled; logs each time the loop stood still for longer than SECONDS_MAX."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._looks: Counter[int] = Counter()  # whole milliseconds late -> how often

    async def run(self) -> None:
        try:
            while True:
                asked = self._monotonic()
                await asyncio.sleep(EVERY_S)
                late_s = max(0.0, self._monotonic() - asked - EVERY_S)
                self._looks[int(late_s * 1000)] += 1
                if late_s > SECONDS_MAX:
                    logger.warning("the event loop stood still for %.1f s: mail and leases waited for it", late_s)
        finally:
            shares = [self.late_ms(share) for share in (0.5, 0.95, 0.99, 1.0)]
            logger.debug("event loop late by p50 %d, p95 %d, p99 %d, at most %d ms", *shares)

    def late_ms(self, share: float) -> int:
        """How late this share of the looks was at most, in milliseconds; 0 before the first look."""
        seen = 0
        for late_ms in sorted(self._looks):
            seen += self._looks[late_ms]
            if seen >= share * self._looks.total():
                return late_ms
        return 0
