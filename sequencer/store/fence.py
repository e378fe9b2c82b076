"""The fence: the last durable check before the final dot, and everything that hangs on it.

`pass_fence` knows no rule but this: the numbers that the decision read still stand, the time it was good for is not
over, the lease is ours, the counters have room, nobody else has an open send to this person. It takes many intents in
one transaction. `settle` writes what came of a send, and only where that send is still ours to settle.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from sequencer.store.leases import is_of, lease_clock
from sequencer.store.rows import chunks, upsert_for
from sequencer.store.scopes import EVERYTHING, ScopeKey, scope_numbers
from sequencer.store.sends import OPEN, SendRow, load_sends
from sequencer.store.tables import MAILBOXES, PROSPECTS, SENDS, USAGE

LEASE_LOST = "the lease is lost"
OUTCOME_AFTER_MAX = timedelta(minutes=15)  # the answer to the dot is waited for 10 minutes


_LEASES = select(MAILBOXES)


@dataclass(frozen=True, slots=True)
class Intent:
    """One message that is on the wire but for its dot."""

    send_id: int
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How many mails of a mailbox, an account and a domain may leave on one local day."""

    day: date
    mailbox: int
    account: int
    domain: int


def scopes_of(sequence_id: str, mailbox: str, account_id: str | None) -> tuple[ScopeKey, ...]:
    """What stands above one send, in the order of its numbers."""
    return (EVERYTHING, ("sequence", sequence_id), ("mailbox", mailbox), ("account", account_id or "-"))


def numbers_text(scopes: Sequence[ScopeKey], numbers: Mapping[ScopeKey, int], person_seq: int) -> str:
    """The numbers as a send keeps them."""
    return ".".join(str(number) for number in (*(numbers[scope] for scope in scopes), person_seq))


_BUSY = select(SENDS.c.prospect_id).where(
    SENDS.c.prospect_id.in_(bindparam("ids", expanding=True)),
    SENDS.c.state.in_(bindparam("states", expanding=True)),
)


_INTENDED = (
    select(
        SENDS.c.id, SENDS.c.prospect_id, SENDS.c.sequence_id, SENDS.c.mailbox, SENDS.c.account_id, SENDS.c.domain,
        SENDS.c.state, SENDS.c.seqs, SENDS.c.valid_until, PROSPECTS.c.seq,
    )
    .join(PROSPECTS, PROSPECTS.c.id == SENDS.c.prospect_id)
    .where(SENDS.c.id.in_(bindparam("ids", expanding=True)))
)  # fmt: skip
_LEFT_AT = update(MAILBOXES).where(MAILBOXES.c.address == bindparam("of")).values(last_sent_at=bindparam("at"))
_PASS = (
    update(SENDS)
    .where(SENDS.c.id == bindparam("send_id"))
    .values(state="sending", fence=bindparam("by"), sending_at=bindparam("at"), local_day=bindparam("day"))
)


def pass_fence(
    connection: Connection, intents: Sequence[Intent], limits: Mapping[str, Limits], now: datetime
) -> dict[int, str]:
    """Which of these may write their dot: the reason of refusal by send id, "" for those that passed."""
    rows: dict[int, Any] = {}
    for part in chunks([intent.send_id for intent in intents]):
        rows.update((row.id, row) for row in connection.execute(_INTENDED, {"ids": part}))
    above = {row.id: scopes_of(row.sequence_id, row.mailbox, row.account_id) for row in rows.values()}
    numbers = scope_numbers(connection, {scope for scopes in above.values() for scope in scopes})
    leases = {row.address: row for row in connection.execute(_LEASES)}
    leased_at = lease_clock(connection, now)
    busy = _people_with_open_sends(connection, {row.prospect_id for row in rows.values()})
    counters = _Counters(connection, rows.values(), limits)
    answers: dict[int, str] = {}
    passed: list[dict[str, object]] = []
    for intent in intents:
        row = rows[intent.send_id]
        reason = ""
        if row.state != "queued":
            reason = f"the send is {row.state}"
        elif not is_of(leases.get(row.mailbox), intent.owner, intent.fence, leased_at):
            reason = LEASE_LOST
        elif row.valid_until is None or now > row.valid_until:
            reason = "the time it was good for is over"
        elif row.seqs != numbers_text(above[row.id], numbers, row.seq):
            reason = "something was recorded meanwhile"
        elif row.prospect_id in busy:
            reason = "another mail to this person is under way"
        elif not counters.take(row, limits[row.mailbox]):
            reason = "a limit is reached"
        answers[row.id] = reason
        if not reason:
            busy.add(row.prospect_id)
            passed.append({"send_id": row.id, "by": intent.fence, "at": now, "day": limits[row.mailbox].day})
    if passed:
        connection.execute(_PASS, passed)
        counters.write()
        addresses = {rows[intent.send_id].mailbox for intent in intents if not answers[intent.send_id]}
        connection.execute(_LEFT_AT, [{"of": address, "at": now} for address in addresses])
    return answers


def _people_with_open_sends(connection: Connection, prospect_ids: Collection[int]) -> set[int]:
    busy: set[int] = set()
    for part in chunks(prospect_ids):
        busy.update(connection.scalars(_BUSY, {"ids": part, "states": list(OPEN)}))
    return busy


_USED = select(USAGE).where(
    USAGE.c.day.in_(bindparam("days", expanding=True)), USAGE.c.key.in_(bindparam("keys", expanding=True))
)


@cache
def _count(dialect: str) -> Any:
    statement = upsert_for(dialect, USAGE).values({name: bindparam(name) for name in ("kind", "key", "day", "n")})
    return statement.on_conflict_do_update(index_elements=["kind", "key", "day"], set_={"n": statement.excluded.n})


class _Counters:
    """The counters of one transaction: read once, taken in order, written once."""

    def __init__(self, connection: Connection, rows: Iterable[Any], limits: Mapping[str, Limits]) -> None:
        self._connection = connection
        rows = list(rows)
        days = {limits[row.mailbox].day for row in rows}
        keys = {key for row in rows for key in (row.mailbox, row.account_id, row.domain) if key}
        read = connection.execute(_USED, {"days": list(days), "keys": list(keys)})
        self._counts: dict[tuple[str, str, date], int] = {(row.kind, row.key, row.day): row.n for row in read}
        self._taken: set[tuple[str, str, date]] = set()

    def take(self, row: Any, limits: Limits) -> bool:
        wanted = [("mailbox", row.mailbox, limits.mailbox)]
        if row.account_id:
            wanted.append(("account", row.account_id, limits.account))
        if row.domain:
            wanted.append(("domain", row.domain, limits.domain))
        places = {(kind, key, limits.day): limit for kind, key, limit in wanted}
        if any(self._counts.get(place, 0) >= limit for place, limit in places.items()):
            return False
        for place in places:
            self._counts[place] = self._counts.get(place, 0) + 1
            self._taken.add(place)
        return True

    def write(self) -> None:
        taken = sorted(self._taken)
        rows = [{"kind": kind, "key": key, "day": day, "n": self._counts[kind, key, day]} for kind, key, day in taken]
        self._connection.execute(_count(self._connection.dialect.name), rows)


_GIVE_BACK = (
    update(USAGE)
    .where(
        USAGE.c.kind == bindparam("of"), USAGE.c.key == bindparam("one"), USAGE.c.day == bindparam("on"), USAGE.c.n > 0
    )
    .values(n=USAGE.c.n - 1)
)  # fmt: skip


def _give_back(connection: Connection, row: SendRow) -> None:
    keys = [("mailbox", row.mailbox), ("account", row.account_id), ("domain", row.domain)]
    for kind, key in keys:
        if key and row.local_day:
            connection.execute(_GIVE_BACK, {"of": kind, "one": key, "on": row.local_day})


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a send. `fence` None: it ended before its fence, so its row is still queued."""

    send_id: int
    fence: int | None
    state: str
    at: datetime
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    not_before: datetime | None = None
    wait_reason: str = ""


_SETTLE = (
    update(SENDS)
    .where(SENDS.c.id == bindparam("send_id"))
    .values(
        state=bindparam("to_state"), settled_at=bindparam("at"), code=bindparam("to_code"),
        enhanced=bindparam("to_enhanced"), reply=bindparam("to_reply"), not_before=bindparam("until"),
        wait_reason=bindparam("why"),
    )
)  # fmt: skip


def settle(connection: Connection, settlements: Sequence[Settlement]) -> dict[int, SendRow]:
    """Write these outcomes; returns, by id and as they were before, the sends that were still theirs to settle.

    Where somebody has settled a send before, nothing changes. A definite no gives its counters back.
    """
    rows = load_sends(connection, [one.send_id for one in settlements])
    ours = [one for one in settlements if _is_ours(rows[one.send_id], one)]
    if ours:
        connection.execute(_SETTLE, [_values(one) for one in ours])
    for one in ours:
        if one.fence is not None and one.state in ("queued", "failed"):
            _give_back(connection, rows[one.send_id])
    return {one.send_id: rows[one.send_id] for one in ours}


def _is_ours(row: SendRow, one: Settlement) -> bool:
    return row.state == "queued" if one.fence is None else row.state == "sending" and row.fence == one.fence


def _values(one: Settlement) -> dict[str, object]:
    return {
        "send_id": one.send_id, "to_state": one.state, "at": one.at, "to_code": one.code,
        "to_enhanced": one.enhanced, "to_reply": one.reply[:500], "until": one.not_before, "why": one.wait_reason,
    }  # fmt: skip


def settle_open(connection: Connection, send_id: int, state: str, by: str, at: datetime) -> bool:
    """Settle an uncertain send by evidence or a person; False when it is not open any more."""
    is_open = (SENDS.c.id == send_id) & SENDS.c.state.in_(("uncertain", "person"))
    values = {"state": state, "settled_at": at, "settled_by": by}
    return connection.execute(update(SENDS).where(is_open).values(**values)).rowcount > 0


def hand_to_person(connection: Connection, send_id: int) -> None:
    """No evidence in an hour: a person settles it."""
    uncertain = (SENDS.c.id == send_id) & (SENDS.c.state == "uncertain")
    connection.execute(update(SENDS).where(uncertain).values(state="person"))


def look_from(connection: Connection, send_ids: Collection[int], at: datetime) -> None:
    """Count the looks for evidence of these uncertain sends from this instant."""
    these = SENDS.c.id.in_(send_ids) & (SENDS.c.state == "uncertain")
    connection.execute(update(SENDS).where(these).values(settled_at=at))


def count_look(connection: Connection, send_id: int, looks: int) -> bool:
    """One more look for evidence was made after `looks` others; False when another daemon made it."""
    this = (SENDS.c.id == send_id) & (SENDS.c.looks == looks)
    return connection.execute(update(SENDS).where(this).values(looks=looks + 1)).rowcount > 0


_SENDING = select(SENDS.c.id).where(SENDS.c.state == "sending")


def stale(connection: Connection, now: datetime) -> list[SendRow]:
    """Sends under a fence that nobody holds any more: their daemon died between the dot and the outcome.

    So is one whose outcome has been missing for longer than any server is waited for.
    """
    leases = {row.address: row for row in connection.execute(_LEASES)}
    leased_at = lease_clock(connection, now)
    rows = load_sends(connection, list(connection.scalars(_SENDING)))

    def is_stale(row: SendRow) -> bool:
        held = leases.get(row.mailbox)
        if row.sending_at is not None and now > row.sending_at + OUTCOME_AFTER_MAX:
            return True
        return held is None or held.fence != row.fence or held.lease_until is None or held.lease_until <= leased_at

    return [row for row in rows.values() if is_stale(row)]
