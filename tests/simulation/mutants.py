"""Small mistakes put into the engine, for the simulation alone: one that catches none of them proves nothing.

Each replaces one function of the engine while seeds are played, and must be caught within so many of them. This is
the only place where our own code is patched.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar
from unittest.mock import patch

from sqlalchemy import update

from sequencer.core import events as e
from sequencer.engine import amnesia, arrivals, dispatch, reconciling, rescue, situation
from sequencer.store import erasure, fence, inbox, leases, log, people, sends
from sequencer.store.epoch import Epoch
from sequencer.store.tables import SENDS
from tests.simulation.checks import broken
from tests.simulation.seed import play

__all__ = ["MUTANTS", "Mutant", "caught_at"]

FIRST = 1
Patch = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`within`: so many seeds from the first on must catch it."""

    put_in: Patch
    within: int


def caught_at(name: str) -> tuple[str, int | None]:
    """The first seed that catches the mutant, None when none does."""
    mutant = MUTANTS[name]
    with mutant.put_in():
        for seed in range(FIRST, FIRST + mutant.within):
            if broken(play(seed)):
                return name, seed
    return name, None


def _resend_uncertain() -> Any:
    """What is uncertain is queued again."""

    def hand_to_person(connection: Any, send_id: int) -> None:
        connection.execute(update(SENDS).where(SENDS.c.id == send_id).values(state="queued", not_before=None))

    return patch.object(fence, "hand_to_person", hand_to_person)


def _no_intent() -> Any:
    """The dot is written without asking the fence."""

    async def ask(self: Any, intent: Any) -> tuple[str, float, Epoch]:
        return "", self._clock.monotonic(), Epoch()

    return patch.object(dispatch.Dispatch, "_ask_fence", ask)


def _fence_before_body() -> Any:
    """The fence is asked before the connection: what is recorded during the dialogue stops nothing."""
    real_ask, real_attempt = dispatch.Dispatch._ask_fence, dispatch.Dispatch._attempt
    passed: set[tuple[int, int]] = set()

    async def ask(self: Any, intent: Any) -> tuple[str, float, Epoch]:
        if (id(self), intent.send_id) not in passed:
            return await real_ask(self, intent)
        return "", self._clock.monotonic(), Epoch()

    async def attempt(self: Any, this: Any, prepared: Any) -> Any:
        refusal, _, _ = await real_ask(self, fence.Intent(prepared.send_id, self._owner, this.fence))
        if refusal:
            this.drain.refused = True
            return None
        key = (id(self), prepared.send_id)
        passed.add(key)
        try:
            return await real_attempt(self, this, prepared)
        finally:
            passed.discard(key)

    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(dispatch.Dispatch, "_ask_fence", ask))
    stack.enter_context(patch.object(dispatch.Dispatch, "_attempt", attempt))
    return stack


def _ignore_lease() -> Any:
    """Every daemon believes that it holds every mailbox."""

    def lease(connection: Any, addresses: Any, owner: str, now: datetime, length: timedelta) -> dict[str, int]:
        real_lease(connection, addresses, owner, now, length)
        rows = sends.mailbox_states(connection)
        return {address: rows[address].fence for address in addresses}

    real_lease = leases.lease
    real_pass = fence.pass_fence

    def pass_fence(connection: Any, intents: Any, limits: Any, now: datetime) -> dict[int, str]:
        states = sends.mailbox_states(connection)
        rows = sends.load_sends(connection, [intent.send_id for intent in intents])
        held = [
            fence.Intent(
                each.send_id, states[rows[each.send_id].mailbox].owner, states[rows[each.send_id].mailbox].fence
            )
            for each in intents
        ]
        return real_pass(connection, held, limits, now)

    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(leases, "lease", lease))
    stack.enter_context(patch.object(leases, "holds", lambda *_: True))
    stack.enter_context(patch.object(fence, "pass_fence", pass_fence))
    return stack


def _skip_suppression() -> Any:
    """Nobody asks whether a rule forbids contact."""
    return patch.object(people, "suppressions_of", lambda connection, persons: {})


def _cap_in_memory() -> Any:
    """The day's count is kept by the daemon alone, and is gone with it."""

    class Counters(fence._Counters):
        _own: ClassVar[dict[Any, int]] = {}

        def take(self, row: Any, limits: fence.Limits) -> bool:
            key = (id(self), row.mailbox, limits.day)
            Counters._own[key] = Counters._own.get(key, 0) + 1
            super().take(row, replace(limits, mailbox=10**6, account=10**6, domain=10**6))
            return Counters._own[key] <= limits.mailbox

    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(fence, "_Counters", Counters))
    nothing: Any = lambda connection, keys, day: {kind: {} for kind in keys}  # noqa: E731
    stack.enter_context(patch.object(sends, "all_used", nothing))
    return stack


def _naive_zone() -> Any:
    """The zone's offset of one day is taken for every day."""
    real = situation.zone_of
    winter = datetime(2026, 10, 20, 12, tzinfo=UTC)

    def zone_of(settings: Any, person: Any, mailbox: Any) -> Any:
        zone, detail = real(settings, person, mailbox)
        return timezone(winter.astimezone(zone).utcoffset() or timedelta()), detail

    return patch.object(situation, "zone_of", zone_of)


def _stop_unheeded() -> Any:
    """What is recorded of a person neither raises their number nor calls a queued mail back."""
    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(people, "raise_seq", lambda connection, ids: None))
    stack.enter_context(patch.object(sends, "call_back", lambda connection, enrollment_id, step, attempt: False))
    return stack


def _lost_fence_settles() -> Any:
    """An outcome is written whatever became of its send meanwhile."""
    return patch.object(fence, "_is_ours", lambda row, one: True)


def _effect_twice() -> Any:
    """A mail that comes again under another UID is taken for another mail."""
    real = inbox.store_arrival
    numbers = iter(range(10**9))

    def store_arrival(connection: Any, arrival: Any) -> bool:
        return real(connection, replace(arrival, identity=f"{arrival.identity} {next(numbers)}"))

    return patch.object(inbox, "store_arrival", store_arrival)


def _other_folders_unread() -> Any:
    """Only the INBOX is kept: an answer that lies elsewhere is lost."""
    real = arrivals.Walk.wanted
    return patch.object(
        arrivals.Walk, "wanted", lambda self, head: real(self, head) and head.role == "inbox"
    )  # fmt: skip


def _cursor_before_mail() -> Any:
    """The cursor is stored in a transaction of its own, before the mail that it passes."""
    real = arrivals.Walk.settle

    def settle(self: Any, folder: Any, cursor: Any, items: Any) -> None:
        stored = inbox.StoredCursor(folder, cursor.uid_validity, cursor.uid_last, cursor.state)
        self._database.write(lambda connection: inbox.put_cursor(connection, self._name, stored))
        real(self, folder, cursor, items)

    return patch.object(arrivals.Walk, "settle", settle)


def _no_guard() -> Any:
    """However late the commit, the dot is written."""
    return patch.object(dispatch, "GUARD_S", 10_000.0)


def _nobody_sweeps() -> Any:
    """What a dead daemon left on the wire stays there."""
    return patch.object(rescue, "sweep", lambda connection, advance, now: 0)


def _nobody_looks() -> Any:
    """What is uncertain is never looked for and never handed on."""
    return patch.object(rescue, "look_due", lambda row, now: False)


def _bytes_anew() -> Any:
    """A mail that had its fence is written anew for its next try."""
    return patch.object(sends, "raw_bytes", lambda connection, send_ids: {})


def _reply_ends_one() -> Any:
    """An answer ends one enrollment of its person, and not the others."""
    real = log.live_of
    return patch.object(log, "live_of", lambda connection, ids: real(connection, ids)[:1])


def _counters_kept() -> Any:
    """A definite no does not give its counters back."""
    return patch.object(fence, "_give_back", lambda connection, row: None)


def _events_lost() -> Any:
    """A pause by a person is kept in the state and not in the log."""
    real = log.append

    def append(connection: Any, entries: Any) -> None:
        real(connection, [each for each in entries if not isinstance(each.event, e.PauseTaken)])

    return patch.object(log, "append", append)


def _erasure_keeps_mail() -> Any:
    """An erasure deletes the person and leaves their mail."""
    return patch.object(erasure, "_forget_mail", lambda connection, prospect_id, emails: None)


def _erasure_keeps_no_hash() -> Any:
    """Nothing tells an import that this person was erased."""
    return patch.object(erasure, "_put_hashes", lambda connection, key, emails, now: None)


def _nothing_noticed() -> Any:
    """A daemon works on with a database that is older than what was sent."""
    deaf = contextlib.ExitStack()
    deaf.enter_context(patch.object(amnesia, "notice", lambda connection, file, key, now: None))
    deaf.enter_context(patch.object(amnesia.Covering, "check", lambda self, epoch: None))
    return deaf


def _no_copy_counts() -> Any:
    """What lies in the Sent folders is found, so that nothing is missing, and not recorded as sent."""

    def settled(connection: Any, advance: Any, copy: Any, named: Any, now: Any) -> Any:
        return reconciling._row(connection, advance, named.touch(copy.message_id), now)

    return patch.object(reconciling, "_settled", settled)


MUTANTS: Mapping[str, Mutant] = {
    "re-send an uncertain one": Mutant(_resend_uncertain, 60),
    "no intent before the wire": Mutant(_no_intent, 3),
    "fence before the body": Mutant(_fence_before_body, 40),
    "ignore the lease": Mutant(_ignore_lease, 40),
    "skip the suppression check": Mutant(_skip_suppression, 60),
    "cap counted in memory": Mutant(_cap_in_memory, 60),
    "naive local time across DST": Mutant(_naive_zone, 60),
    "a stop raises no number": Mutant(_stop_unheeded, 60),
    "a lost fence settles": Mutant(_lost_fence_settles, 40),
    "an effect for each copy": Mutant(_effect_twice, 20),
    "only the INBOX is read": Mutant(_other_folders_unread, 60),
    "the cursor before its mail": Mutant(_cursor_before_mail, 40),
    "no guard": Mutant(_no_guard, 20),
    "nobody sweeps": Mutant(_nobody_sweeps, 60),
    "nobody looks for the uncertain": Mutant(_nobody_looks, 40),
    "bytes made anew after a fence": Mutant(_bytes_anew, 40),
    "an answer ends one enrollment": Mutant(_reply_ends_one, 100),
    "counters are kept after a no": Mutant(_counters_kept, 40),
    "an event is not logged": Mutant(_events_lost, 40),
    "an erasure leaves mail": Mutant(_erasure_keeps_mail, 10),
    "an erasure leaves no hash": Mutant(_erasure_keeps_no_hash, 10),
    "an old backup is not noticed": Mutant(_nothing_noticed, 60),
    "found copies are not recorded": Mutant(_no_copy_counts, 100),
}
