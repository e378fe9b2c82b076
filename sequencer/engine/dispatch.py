"""Sends mail: claim -> admit -> render -> wire -> fence -> dot -> outcome (ARCHITECTURE, The send).

Each mailbox whose lease is ours is drained by a task of its own, so that one slow server holds up nobody else.
`run_once` renews leases, starts those tasks and returns. Nothing is retried here: an outcome becomes rows and events,
and `decide` says what follows.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.clock import Clock
from sequencer.core.outcome import OUTCOMES, Deferred, MailboxBroken, Outcome
from sequencer.core.people import Mailbox
from sequencer.core.ports import Channel, Envelope, Pending
from sequencer.engine.advance import Advance
from sequencer.engine.group import Group
from sequencer.engine.outcomes import Sent, settle_all
from sequencer.engine.prepare import Batch, limits_of, prepare
from sequencer.errors import StoreError
from sequencer.store import fence, scopes, sends
from sequencer.store.database import Database
from sequencer.store.sends import Prepared

GUARD_S = 2.0
SLOW_FENCES_MAX = 3
RETRY_AFTER = timedelta(minutes=1)
CLOCK_BACK_TOLERATED = timedelta(seconds=60)
HIGHEST_INSTANT = "highest_instant"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Drain:
    """One mailbox at work. `resting_until`: a server or connection asked for a pause. `refused`: the fence said no."""

    fence: int
    task: "asyncio.Task[None] | None" = None
    next_at: datetime | None = None
    resting_until: datetime | None = None
    slow_fences: int = 0
    refused: bool = False


class Dispatch:
    """The sending service of one daemon. `owner` names the daemon; `channel_of` makes a mailbox's channel."""

    def __init__(
        self,
        database: Database,
        advance: Advance,
        clock: Clock,
        channel_of: Callable[[Mailbox], Channel],
        key: bytes,
        owner: str,
        lease: timedelta,
    ) -> None:
        self._database, self._advance, self._clock = database, advance, clock
        self._channel_of, self._key, self._owner, self._lease = channel_of, key, owner, lease
        self._channels: dict[str, Channel] = {}
        self._drains: dict[str, _Drain] = {}
        self._stopping = False
        self._limits: dict[str, fence.Limits] = {}
        self._fence = Group(database, self._pass_fence, urgent=True)
        self._outcomes = Group(database, self._settle)

    async def run_once(self, now: datetime) -> None:
        """Renew the leases and set every mailbox of ours to work."""
        mailboxes = self._advance.around.config.mailboxes_by_address
        ours = await self._database.awrite(lambda connection: self._renew(connection, list(mailboxes), now))
        for address, number in ours.items():
            drain = self._drains.setdefault(address, _Drain(number))
            drain.fence = number
            resting = drain.resting_until is not None and now < drain.resting_until
            if drain.task is None and not resting and not self._stopping:
                drain.task = asyncio.create_task(self._drain(mailboxes[address], drain), name=f"drain {address}")
        for address in set(self._drains) - set(ours):
            del self._drains[address]

    @property
    def at_work(self) -> list["asyncio.Task[None]"]:
        """Drains that are under way."""
        return [drain.task for drain in self._drains.values() if drain.task is not None]

    @property
    def next_at(self) -> datetime | None:
        """When a mailbox that waits has something to do again."""
        instants = [at for drain in self._drains.values() for at in (drain.next_at, drain.resting_until) if at]
        return min(instants, default=None)

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, hang up and let go of the leases."""
        self._stopping = True
        if self.at_work:
            await asyncio.wait(self.at_work)
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        await self._database.awrite(lambda connection: fence.release(connection, self._owner))

    def _renew(self, connection: Connection, addresses: Sequence[str], now: datetime) -> dict[str, int]:
        highest = scopes.meta(connection, HIGHEST_INSTANT)
        seen = datetime.fromisoformat(highest) if highest else now
        if now < seen - CLOCK_BACK_TOLERATED:
            logger.error("the clock is %s behind the highest instant seen: nothing is sent", seen - now)
            return {}
        scopes.put_meta(connection, HIGHEST_INSTANT, max(now, seen).isoformat())
        return fence.lease(connection, addresses, self._owner, now, self._lease)

    async def _drain(self, mailbox: Mailbox, drain: _Drain) -> None:
        try:
            drain.resting_until = None
            while not self._stopping and await self._send_batch(mailbox, drain):
                pass
        except Exception:
            logger.exception("%s: sending stopped for now", mailbox.address)
            drain.resting_until = self._clock.now() + RETRY_AFTER
        finally:
            drain.task = None

    async def _send_batch(self, mailbox: Mailbox, drain: _Drain) -> bool:
        """One round; False when there is nothing to do at the moment."""
        now = self._clock.now()
        batch = await self._database.aread(lambda connection: self._prepare(connection, mailbox, now))
        drain.next_at = batch.next_at
        if batch.ready or batch.waits or batch.failed:
            await self._database.awrite(lambda connection: self._commit_batch(connection, batch, now))
        if not batch.ready:
            return False
        channel = self._channels.setdefault(mailbox.address, self._channel_of(mailbox))
        drain.refused = False
        await asyncio.gather(*(self._send(mailbox, drain, channel, one) for one in batch.ready))
        return drain.resting_until is None and not drain.refused

    def _prepare(self, connection: Connection, mailbox: Mailbox, now: datetime) -> Batch:
        if sends.mailbox_states(connection)[mailbox.address].broken_at:
            return Batch()
        paused = scopes.paused_scopes(connection)
        if scopes.EVERYTHING in paused or ("mailbox", mailbox.address) in paused:
            return Batch()
        around = self._advance.around
        usage_day = limits_of(mailbox, around, 0, now).day
        days = sends.sending_days(connection, mailbox.address, usage_day)
        self._limits[mailbox.address] = limits_of(mailbox, around, days, now)
        return prepare(connection, around, mailbox, self._key, now)

    def _commit_batch(self, connection: Connection, batch: Batch, now: datetime) -> None:
        sends.put_prepared(connection, batch.ready)
        sends.put_waits(connection, batch.waits)
        self._advance.record(connection, [(enrollment_id, (event,)) for enrollment_id, event in batch.failed], now)

    async def _send(self, mailbox: Mailbox, drain: _Drain, channel: Channel, prepared: Prepared) -> None:
        """One message from the wire to its outcome. After the dot nothing may stop its outcome from being written."""
        if self._stopping or drain.resting_until is not None:
            return
        wired = await channel.wire(Envelope(mailbox.address, prepared.address, prepared.raw))
        if isinstance(wired, OUTCOMES):
            await self._ended(mailbox, drain, Sent(prepared.send_id, None, wired, self._clock.now()))
            return
        try:
            outcome = await self._commit_and_dot(mailbox, drain, prepared, wired)
        except BaseException:
            wired.abort()
            raise
        if outcome is not None:
            await self._ended(mailbox, drain, Sent(prepared.send_id, drain.fence, outcome, self._clock.now()))

    async def _commit_and_dot(
        self, mailbox: Mailbox, drain: _Drain, prepared: Prepared, pending: Pending
    ) -> Outcome | None:
        """The fence, the guard, the dot; None when the fence refused and nothing has to be written."""
        begun = self._clock.monotonic()
        try:
            refusal = await self._fence.submit(fence.Intent(prepared.send_id, self._owner, drain.fence))
        except StoreError as error:
            pending.abort()
            return Deferred(0, f"the fence could not be committed: {error}", "fence")
        if refusal:
            pending.abort()
            drain.refused = True
            logger.info("send %d was not allowed its dot: %s", prepared.send_id, refusal)
            return None
        outcome = await pending.commit(begun + GUARD_S)
        late = isinstance(outcome, Deferred) and outcome.phase == "fence" and self._clock.monotonic() > begun + GUARD_S
        drain.slow_fences = drain.slow_fences + 1 if late else 0
        if drain.slow_fences >= SLOW_FENCES_MAX:
            return MailboxBroken(f"database slow: {self._clock.monotonic() - begun:.1f} s for a commit")
        return outcome

    async def _ended(self, mailbox: Mailbox, drain: _Drain, sent: Sent) -> None:
        if isinstance(sent.outcome, MailboxBroken):
            logger.error("%s cannot send: %s", mailbox.address, sent.outcome.text)
            drain.resting_until = sent.at + RETRY_AFTER
        elif isinstance(sent.outcome, Deferred) and not sent.outcome.of_the_person:
            logger.warning("%s rests: %s", mailbox.address, sent.outcome.text)
            drain.resting_until = sent.at + RETRY_AFTER
        await self._outcomes.submit(sent)

    def _pass_fence(self, connection: Connection, intents: Sequence[fence.Intent]) -> list[str]:
        answers = fence.pass_fence(connection, intents, self._limits_now(), self._clock.now())
        return [answers[intent.send_id] for intent in intents]

    def _limits_now(self) -> Mapping[str, fence.Limits]:
        return self._limits

    def _settle(self, connection: Connection, sent: Sequence[Sent]) -> list[None]:
        settle_all(connection, self._advance, sent)
        return [None] * len(sent)
