"""Sends mail: claim -> admit -> render -> wire -> fence -> dot -> outcome (ARCHITECTURE, The send).

Each mailbox whose lease is ours is drained by a task of its own, so that one slow server holds up nobody else.
`run_once` renews leases, starts those tasks and returns. No message is tried twice here: an outcome becomes rows and
events, and `decide` says what follows.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection

from sequencer.clock import Clock
from sequencer.core.outcome import OUTCOMES, Deferred, MailboxBroken, Outcome, Uncertain
from sequencer.core.people import Mailbox
from sequencer.core.ports import Channel, Envelope, Pending
from sequencer.engine import amnesia, witness
from sequencer.engine.advance import Advance
from sequencer.engine.braking import brake
from sequencer.engine.doubting import doubt_all
from sequencer.engine.group import Group
from sequencer.engine.outcomes import REST, Sent, settle_all, settle_each
from sequencer.engine.prepare import Batch, prepare
from sequencer.errors import StoreError
from sequencer.store import due, epoch, fence, leases, scopes, sends
from sequencer.store.database import Database
from sequencer.store.epoch_file import EpochFile
from sequencer.store.sends import Prepared

GUARD_S = 2.0
SLOW_FENCES_MAX = 3
SETTLE_AGAIN_S = (0.05, 0.5, 2.0, 5.0)
NO_LEASE = 0  # no lease has this number
CLOCK_BACK_TOLERATED = timedelta(seconds=60)
DAEMON_OFF = "daemon_off"  # from and to when no daemon ran, the last time that none did for long
OFF_MIN = timedelta(hours=1)  # a restart or an upgrade is no absence

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Drain:
    """One mailbox at work. `resting_until`: a server or connection asked for a pause. `refused`: not all could go.

    `fence`: the number of our lease; NO_LEASE from when a fence finds it lost until there is another.
    `slow_fences`: how many fences in a row, the last begun at `slow_at`, were committed too late for their dots.
    """

    fence: int
    task: "asyncio.Task[None] | None" = None
    next_at: datetime | None = None
    resting_until: datetime | None = None
    slow_fences: int = 0
    slow_at: float | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class _Round:
    """One batch of a mailbox. `fence` is the lease's number when it was prepared: a later one is another's bytes.

    `slots`: whoever waits for a connection asks again whether it may still go, when its turn comes.
    """

    mailbox: Mailbox
    drain: _Drain
    fence: int
    channel: Channel
    slots: asyncio.Semaphore


class Dispatch:
    """The sending service of one daemon. `owner` names the daemon; `channel_of` makes a mailbox's channel.

    `epoch_file`: what this daemon sends is counted there too; None: nobody compares it.
    """

    def __init__(
        self,
        database: Database,
        advance: Advance,
        clock: Clock,
        channel_of: Callable[[Mailbox], Channel],
        key: bytes,
        owner: str,
        lease: timedelta,
        epoch_file: EpochFile | None = None,
    ) -> None:
        self._database, self._advance, self._clock = database, advance, clock
        self._channel_of, self._key, self._owner, self._lease = channel_of, key, owner, lease
        self._covering = amnesia.Covering(epoch_file)
        self._channels: dict[str, Channel] = {}
        self._drains: dict[str, _Drain] = {}
        self._stopping = False
        self._highest: datetime | None = None
        self._began = clock.now()
        self._limits: dict[str, fence.Limits] = {}
        self._commits: Group[fence.Intent | Sent, object] = Group(database, self._commit_all, urgent=True)

    async def run_once(self, now: datetime) -> None:
        """Renew the leases and set every mailbox of ours to work; while stopping, only as long as mail is under way."""
        if self._stopping and not self.at_work:
            return
        mailboxes = self._advance.around.config.mailboxes_by_address
        # Before whatever else waits to be written: a long queue of it must not cost us the leases.
        ours, raised = await self._database.awrite(
            lambda connection: self._renew(connection, list(mailboxes), now), urgent=True
        )
        await self._covering.cover(raised)
        for address, number in ours.items():
            drain = self._drains.setdefault(address, _Drain(number))
            drain.fence = number
            resting = drain.resting_until is not None and now < drain.resting_until
            if drain.task is None and not resting and not self._stopping:
                drain.task = asyncio.create_task(self._drain(mailboxes[address], drain), name=f"drain {address}")
        for address in set(self._drains) - set(ours):
            if self._drains[address].task is None:
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
        while self.at_work:
            await asyncio.wait(self.at_work)
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        await self._database.awrite(lambda connection: leases.release(connection, self._owner))

    def _renew(
        self, connection: Connection, addresses: Sequence[str], now: datetime
    ) -> tuple[dict[str, int], epoch.Epoch]:
        """The leases that are ours now, and the epoch of this heartbeat."""
        highest = scopes.meta(connection, scopes.HIGHEST_INSTANT)
        seen = datetime.fromisoformat(highest) if highest else now
        if highest:
            self._ask_witness(connection, seen, now)
        self._highest = max(now, seen)
        if self._clock_went_back(now):
            logger.error("the clock is %s behind the highest instant seen: nothing is sent", seen - now)
            return {}, epoch.Epoch()
        if now - seen > OFF_MIN:
            scopes.put_meta(connection, DAEMON_OFF, f"{seen.isoformat()} {now.isoformat()}")
        raised = self._beat(connection, now)
        scopes.put_meta(connection, scopes.HIGHEST_INSTANT, self._highest.isoformat())
        ours = leases.lease(connection, addresses, self._owner, now, self._lease)
        for address in set(ours) - set(self._drains):
            sends.look_again_at(connection, address)  # the config may say something else than when they were put off
        return ours, raised

    def _ask_witness(self, connection: Connection, seen: datetime, now: datetime) -> None:
        """Also after a standstill: the machine may have been put back as it ran. Not where others went on meanwhile."""
        if self._covering.file is None:
            return
        if self._highest is None and not leases.others_at_work(connection, self._owner, now, self._lease):
            witness.ask(connection, seen, self._began)
        elif now - seen > OFF_MIN:
            witness.ask(connection, seen, now)
        witness.hears(connection, self._advance.around.config)

    def _beat(self, connection: Connection, now: datetime) -> epoch.Epoch:
        """The epoch as this heartbeat raises it; while the database is held, what it forgot stays to be seen."""
        file = self._covering.file
        if file is None or amnesia.notice(connection, file, self._key, now):
            return epoch.Epoch()
        return epoch.beat(connection)

    def _clock_went_back(self, now: datetime) -> bool:
        return self._highest is not None and now < self._highest - CLOCK_BACK_TOLERATED

    async def _drain(self, mailbox: Mailbox, drain: _Drain) -> None:
        try:
            drain.resting_until = None
            while not self._stopping and await self._send_batch(mailbox, drain):
                pass
        except Exception:
            logger.exception("%s: sending stopped for now", mailbox.address)
            drain.resting_until = self._clock.now() + REST
        finally:
            drain.task = None

    async def _send_batch(self, mailbox: Mailbox, drain: _Drain) -> bool:
        """One round; False when there is nothing to do at the moment. It ends when its last message has ended."""
        now, number = self._clock.now(), drain.fence
        batch = await self._database.aread(lambda connection: self._prepare(connection, mailbox, now))
        drain.next_at = batch.next_at
        if batch.changes:
            go = await self._database.awrite(
                lambda connection: self._commit_batch(connection, mailbox, number, batch, now)
            )
            if not go:
                return False
        if not batch.ready:
            return bool(batch.failed or batch.refused or batch.doubts)
        if mailbox.address not in self._channels:
            self._channels[mailbox.address] = self._channel_of(mailbox)
        drain.refused = False
        slots = asyncio.Semaphore(mailbox.connections)
        this = _Round(mailbox, drain, number, self._channels[mailbox.address], slots)
        ended = await asyncio.gather(*(self._send(this, one) for one in batch.ready), return_exceptions=True)
        for error in filter(None, ended):
            raise error
        return drain.resting_until is None and not drain.refused

    def _prepare(self, connection: Connection, mailbox: Mailbox, now: datetime) -> Batch:
        if self._clock_went_back(now) or not due.ready(connection, mailbox.address, now):
            return Batch()
        around = self._advance.around
        if witness.silent_inbox(connection, around.config, mailbox.address, now):
            return Batch()
        batch = prepare(connection, around, mailbox, amnesia.message_key(connection, self._key), now)
        if batch.limits is not None:
            self._limits[mailbox.address] = batch.limits
        return batch

    def _commit_batch(self, connection: Connection, mailbox: Mailbox, number: int, batch: Batch, now: datetime) -> bool:
        """Whether it may go to the wire; the brake is asked first, because with this mail it may count enough.

        Nothing of it is written when the lease under which it was read has ended: another daemon may have fenced these
        mails since, and then their bytes stay.
        """
        if not leases.holds(connection, mailbox.address, self._owner, number, self._clock.now()):
            return False
        if batch.ready and brake(connection, self._advance.around.config, [mailbox.address], now):
            return False
        sends.put_prepared(connection, batch.ready)
        settle_all(connection, self._advance, batch.refused)
        doubt_all(connection, self._advance, self._key, batch.doubts, now)
        failed = [(enrollment_id, (event,)) for enrollment_id, event in batch.failed]
        again = [(enrollment_id, ()) for enrollment_id in batch.again]
        self._advance.record(connection, [*failed, *again], now)
        # After the decisions, which call back what may not stay queued: a wait is noted only where mail still waits.
        sends.put_waits(connection, batch.waits)
        return True

    async def _send(self, this: _Round, prepared: Prepared) -> None:
        """One message from the wire to its outcome. After the dot nothing may stop its outcome from being written.

        The slot is kept until then: a crash leaves no more doubts than there are connections.
        """
        async with this.slots:
            if self._stopping or this.drain.resting_until is not None or this.drain.fence != this.fence:
                return
            if self._clock.now() > prepared.valid_until:
                this.drain.refused = True
                return
            sent = await self._attempt(this, prepared)
            if sent is not None:
                await self._record(sent)

    async def _attempt(self, this: _Round, prepared: Prepared) -> Sent | None:
        """Wire, fence, dot; None when the fence refused and nothing has to be written."""
        wired = await this.channel.wire(Envelope(this.mailbox.address, prepared.address, prepared.raw))
        number, outcome = None, wired if isinstance(wired, OUTCOMES) else None
        if not isinstance(wired, OUTCOMES):
            number = this.fence
            outcome = await self._commit_and_dot(this, prepared, wired)
        if outcome is None:
            return None
        return Sent(prepared.send_id, number, self._rest_if_asked(this, prepared, outcome), self._clock.now())

    async def _commit_and_dot(self, this: _Round, prepared: Prepared, pending: Pending) -> Outcome | None:
        """The fence, the guard, the dot. Whatever happens, the connection carries no second message's dot."""
        try:
            refusal, begun, raised = await self._ask_fence(fence.Intent(prepared.send_id, self._owner, this.fence))
            if refusal:
                this.drain.refused = True
                if refusal == fence.LEASE_LOST and this.drain.fence == this.fence:
                    this.drain.fence = NO_LEASE
                logger.info("send %d was not allowed its dot: %s", prepared.send_id, refusal)
                return None
            await self._covering.cover(raised)
        except Exception as error:
            if not isinstance(error, StoreError):
                logger.exception("send %d: the fence failed", prepared.send_id)
            # Perhaps it was committed and only the answer is lost; without its dot the mail has not gone.
            return Deferred(0, f"the fence could not be committed: {error}", "fence")
        else:
            outcome = await self._dot(prepared, pending, begun)
            return self._unless_slow(this.drain, outcome, begun)
        finally:
            pending.abort()

    async def _dot(self, prepared: Prepared, pending: Pending, begun: float) -> Outcome:
        try:
            return await pending.commit(begun + GUARD_S)
        except Exception as error:
            logger.exception("send %d: an error of ours at the dot", prepared.send_id)
            return Uncertain(f"an error of ours at the dot: {type(error).__name__}", "dot")

    def _unless_slow(self, drain: _Drain, outcome: Outcome, begun: float) -> Outcome:
        """The outcome, unless fence after fence came too late; the messages of one fence count once."""
        taken_s = self._clock.monotonic() - begun
        if not (isinstance(outcome, Deferred) and outcome.phase == "fence" and taken_s > GUARD_S):
            drain.slow_fences = 0
            return outcome
        if drain.slow_at != begun:
            drain.slow_fences, drain.slow_at = drain.slow_fences + 1, begun
        if drain.slow_fences < SLOW_FENCES_MAX:
            return outcome
        drain.slow_fences = 0
        return MailboxBroken(f"database slow: {taken_s:.1f} s for a commit")

    def _rest_if_asked(self, this: _Round, prepared: Prepared, outcome: Outcome) -> Outcome:
        """An outcome that says nothing about the person lets the mailbox rest; its text must not name them either."""
        if not isinstance(outcome, MailboxBroken) and (not isinstance(outcome, Deferred) or outcome.of_the_person):
            return outcome
        outcome = replace(outcome, text=outcome.text.replace(prepared.address, "(the recipient)"))
        if isinstance(outcome, MailboxBroken):
            logger.error("%s cannot send: %s", this.mailbox.address, outcome.text)
        else:
            logger.warning("%s rests: %s", this.mailbox.address, outcome.text)
        this.drain.resting_until = self._clock.now() + REST
        return outcome

    async def _record(self, sent: Sent) -> None:
        """What the server said is known here alone: it is offered to the database until that takes it."""
        tries = 0
        while True:
            try:
                failed = await self._commits.submit(sent)
                break
            except StoreError as error:
                logger.warning("send %d: its outcome waits for the database: %s", sent.send_id, error)
                await asyncio.sleep(SETTLE_AGAIN_S[min(tries, len(SETTLE_AGAIN_S) - 1)])
                tries += 1
        if isinstance(failed, Exception):
            logger.error("send %d: its outcome could not be recorded: a bug", sent.send_id, exc_info=failed)

    async def _ask_fence(self, intent: fence.Intent) -> tuple[str, float, epoch.Epoch]:
        """The refusal, "" for a pass, when the fence began, and its epoch. Raises what the fence raised."""
        answer = await self._commits.submit(intent)
        if isinstance(answer, Exception):
            raise answer
        return cast(tuple[str, float, epoch.Epoch], answer)

    def _commit_all(self, connection: Connection, items: Sequence[fence.Intent | Sent]) -> list[object]:
        """Outcomes and fences of all connections in one durable transaction; outcomes first, they free counters."""
        settled = iter(self._settle(connection, [item for item in items if isinstance(item, Sent)]))
        intents = [item for item in items if not isinstance(item, Sent)]
        passed: Iterator[object] = iter(())
        try:
            if intents:
                with connection.begin_nested():
                    passed = iter(self._pass_fence(connection, intents))
        except Exception as error:
            passed = iter([error] * len(intents))
        return [next(settled) if isinstance(item, Sent) else next(passed) for item in items]

    def _pass_fence(
        self, connection: Connection, intents: Sequence[fence.Intent]
    ) -> list[tuple[str, float, epoch.Epoch]]:
        """Each one's refusal, when the transaction began (monotonic seconds), and the epoch to write outside first."""
        begun, now = self._clock.monotonic(), self._clock.now()
        if self._clock_went_back(now):
            return [("the clock went back", begun, epoch.Epoch())] * len(intents)
        answers = fence.pass_fence(connection, intents, self._limits, now)
        raised, passed = epoch.Epoch(), sum(not refusal for refusal in answers.values())
        if passed and self._covering.file is not None:
            raised = epoch.raise_epoch(connection, passed)
            self._covering.check(raised)
        return [(answers[intent.send_id], begun, raised) for intent in intents]

    def _settle(self, connection: Connection, sent: Sequence[Sent]) -> list[Exception | None]:
        return settle_each(connection, self._advance, sent)
