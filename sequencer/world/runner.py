"""Runs the real engine in the simulated world, from instant to instant.

At each instant: mail that is due lies in the mailboxes, inbound comes before due work (LIFECYCLE), every service runs
until it is quiet, the reps work; then the clock jumps to the next instant at which anything can happen, and only when
nothing is in flight. Nothing is decided here, and nothing is checked (world/guarantees.py).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.app import Services
from sequencer.core.reason import Reason
from sequencer.engine.rescue import next_look_at
from sequencer.errors import InvariantBroken
from sequencer.store import log, sends
from sequencer.world.clock import SteppingClock
from sequencer.world.mailroom import Mailroom
from sequencer.world.record import Declined, Record, Took, Unreadable
from sequencer.world.reps import Reps

__all__ = ["Runner"]

ROUNDS_MAX = 50
LOOK_AGAIN = timedelta(hours=1)


class Runner:
    """One daemon's services under a stepping clock. `instants` counts the jumps.

    A daemon beats every few seconds whether there is work or not; here a service beats only where there is some.
    """

    def __init__(
        self, services: Services, clock: SteppingClock, mailroom: Mailroom, reps: Reps, record: Record
    ) -> None:
        self._services, self._clock = services, clock
        self._mailroom, self._reps, self._record = mailroom, reps, record
        self.instants = 0
        self._behind = True  # mail may lie in an inbox that nobody has read yet
        self._read_at: datetime | None = None

    async def run(self, until: datetime) -> None:
        """To `until`; the last instant is worked off too, and at its end the daemon holds its leases."""
        await self._instant(self._clock.now())
        while self._clock.now() < until:
            self._jump(min(await self._next(), until))
            await self._instant(self._clock.now())
        await self._send_all(until)

    def _jump(self, at: datetime) -> None:
        if self._services.dispatch.at_work or self._services.ingest.busy:
            raise InvariantBroken("the clock may not jump while something is in flight")
        self._clock.jump(at)
        self.instants += 1

    async def _instant(self, now: datetime) -> None:
        for _ in range(ROUNDS_MAX):
            if not await self._round(now):
                return
        raise InvariantBroken(f"the engine does not come to rest at {now.isoformat()}")

    async def _round(self, now: datetime) -> int:
        """Inbound, then due work, then mail, then people; how much came of it."""
        moved = self._mailroom.deliver(now)
        self._behind = self._behind or moved > 0
        if self._behind:
            moved += await self._read_all(now)
        if (await self._due(now)).enrollments:
            moved += await self._advance_all(now)
        due = await self._due(now)
        if due.unsettled:
            await self._services.rescue.run_once(now)
        if due.mail:
            moved += await self._send_all(now)
        return moved + await asyncio.to_thread(self._reps.work, now)

    async def _due(self, now: datetime) -> "_Due":
        return await self._services.app.database.aread(lambda connection: _due(connection, now))

    async def _send_all(self, now: datetime) -> int:
        """A follow-up leaves only if the inboxes were just read; what was read may call it back."""
        if self._read_at != now:
            await self._read_all(now)
            await self._advance_all(now)
        before = self._happened()
        await self._services.dispatch.run_once(now)
        while drains := self._services.dispatch.at_work:
            await asyncio.wait(drains)
        return self._happened() - before

    def _happened(self) -> int:
        """How much mail the world has seen: taken, or refused."""
        return sum(isinstance(entry, Took | Declined) for entry in self._record.entries)

    async def _read_all(self, now: datetime) -> int:
        total, before = 0, self._record.mark()
        while (projected := await self._services.ingest.run_once(now)) or self._services.ingest.busy:
            total += projected
        self._read_at = now
        self._behind = any(failure.order > before for failure in self._record.of(Unreadable))
        return total

    async def _advance_all(self, now: datetime) -> int:
        total = 0
        while decided := await self._services.advance.run_once(now):
            total += decided
        return total

    async def _next(self) -> datetime:
        """The next instant at which anything can happen."""
        now = self._clock.now()
        stored = await self._services.app.database.aread(lambda connection: list(_waiting(connection, now)))
        others = [
            self._services.dispatch.next_at,
            self._mailroom.next_at,
            await asyncio.to_thread(self._reps.next_at, now),
        ]
        if self._behind:
            others.append(now + LOOK_AGAIN)
        instants = [at for at in (*stored, *others) if at is not None and at > now]
        return min(instants, default=datetime.max.replace(tzinfo=now.tzinfo))


@dataclass(frozen=True, slots=True)
class _Due:
    """Which services have something to do."""

    enrollments: bool
    mail: bool
    unsettled: bool


def _due(connection: Connection, now: datetime) -> _Due:
    open_sends = sends.in_state(connection, "queued", "sending", "uncertain")
    queued = [row for row in open_sends if row.state == "queued"]
    return _Due(
        enrollments=bool(log.due(connection, now, 1)),
        mail=any(row.due_at <= now and (row.not_before is None or row.not_before <= now) for row in queued),
        unsettled=len(queued) < len(open_sends),
    )


def _waiting(connection: Connection, now: datetime) -> Iterator[datetime | None]:
    """What rows wait for. A follow-up that waits for a look into the inbox is asked for again every hour."""
    yield log.next_due_at(connection)
    yield sends.next_send_at(connection, now)
    yield next_look_at(sends.in_state(connection, "uncertain"))
    if any(row.wait_reason == Reason.INBOX_STALE for row in sends.in_state(connection, "queued")):
        yield now + LOOK_AGAIN
