"""The send queue: rows that come before sockets (ARCHITECTURE, The send).

States: queued -> sending -> sent | failed | uncertain; queued -> cancelled; uncertain -> sent | person; person ->
sent | skipped. This module writes rows; when and whether is decided elsewhere. The fence is in store/fence.py.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, func, select, update
from sqlalchemy.engine import Row

from sequencer.core.answers import ANSWER
from sequencer.core.reason import Reason
from sequencer.store.rows import chunks, upsert_for
from sequencer.store.tables import MAILBOXES, SENDS, USAGE

OPEN = ("sending", "uncertain", "person")
LEFT = ("sending", "sent", "uncertain", "person")
MAY_HAVE_ARRIVED = (*LEFT, "skipped")  # a person gave an uncertain one up: it may lie in the inbox all the same
_NO_REST = {"resting_until": None, "rest_reason": None}


class SendRow(NamedTuple):
    """One attempt to send one mail, without its bytes; a tuple, because the send makes several of each."""

    id: int
    enrollment_id: int
    step: str
    attempt: int
    prospect_id: int
    account_id: str | None
    sequence_id: str
    mailbox: str
    variant: str
    version: int
    state: str
    due_at: datetime
    not_before: datetime | None
    first_touch: bool
    address: str
    domain: str | None
    message_id: str | None
    subject: str
    rendered_at: datetime | None
    seqs: str
    valid_until: datetime | None
    fence: int | None
    local_day: date | None
    sending_at: datetime | None
    settled_at: datetime | None
    code: int
    enhanced: str
    reply: str
    settled_by: str
    looks: int
    wait_reason: str

    @property
    def answers(self) -> int | None:
        """The task that a rep's own answer belongs to; None for a touch of a step, whose id has no colon."""
        return int(self.step.removeprefix(ANSWER)) if self.step.startswith(ANSWER) else None

    @property
    def was_let_go(self) -> bool:
        """Whether it passed a fence, so that it may have left."""
        return self.sending_at is not None or self.state not in ("queued", "cancelled")


_COLUMNS = [SENDS.c[name] for name in SendRow._fields]


def _row(row: Row[Any]) -> SendRow:
    return SendRow._make(row)


QUEUED_COLUMNS = (
    "enrollment_id", "step", "attempt", "prospect_id", "account_id", "sequence_id", "mailbox", "variant", "version",
    "due_at", "first_touch", "address", "domain",
)  # fmt: skip


@cache
def _queue(dialect: str) -> Any:
    """Queue an attempt, or queue it again after it was called back; in another mailbox it is made anew."""
    statement = upsert_for(dialect, SENDS).values(
        {**{name: bindparam(name) for name in QUEUED_COLUMNS}, "state": "queued"}
    )
    new = statement.excluded
    again = {
        "state": "queued", "due_at": new.due_at, "not_before": None, "wait_reason": "", "version": new.version,
        "variant": case((SENDS.c.fence.is_(None), new.variant), else_=SENDS.c.variant), "settled_at": None,
        "mailbox": new.mailbox, "fence": case((SENDS.c.mailbox == new.mailbox, SENDS.c.fence), else_=None),
    }  # fmt: skip
    called_back = (SENDS.c.state == "cancelled") | (SENDS.c.state == "queued")
    return statement.on_conflict_do_update(
        index_elements=["enrollment_id", "step", "attempt"], set_=again, where=called_back
    )


_MAKE_ANEW = (
    update(SENDS)
    .where(
        SENDS.c.enrollment_id == bindparam("of_enrollment"),
        SENDS.c.step == bindparam("of_step"),
        SENDS.c.attempt == bindparam("of_attempt"),
        SENDS.c.fence.is_(None),
        SENDS.c.raw.is_not(None),
    )
    .values(raw=None, message_id=None, rendered_at=None)
)


def queue_sends(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queue attempts; each row has QUEUED_COLUMNS.

    Bytes change only while never fenced: a row that has been on the wire keeps them and its Message-ID.
    """
    if not rows:
        return
    connection.execute(_queue(connection.dialect.name), list(rows))
    keys = [{"of_enrollment": r["enrollment_id"], "of_step": r["step"], "of_attempt": r["attempt"]} for r in rows]
    connection.execute(_MAKE_ANEW, keys)


def reattempt(connection: Connection, send_id: int, due_at: datetime) -> None:
    """A named person asked for one more attempt of an uncertain one: old bytes, old Message-ID, next number."""
    old = connection.execute(select(SENDS).where(SENDS.c.id == send_id)).one()
    values = {**old._mapping, "attempt": old.attempt + 1, "state": "queued", "due_at": due_at, "not_before": None}
    values |= {"seqs": "", "code": 0, "enhanced": "", "reply": "", "settled_by": "", "looks": 0, "wait_reason": ""}
    gone = ("message_id",) if old.raw is None else ()  # an old backup took its bytes away: it becomes another mail
    for name in ("id", "local_day", "sending_at", "settled_at", "valid_until", "copied_at", *gone):
        values.pop(name)
    connection.execute(SENDS.insert().values(**values))


def _key(enrollment_id: int, step: str, attempt: int) -> Any:
    return (SENDS.c.enrollment_id == enrollment_id) & (SENDS.c.step == step) & (SENDS.c.attempt == attempt)


def call_back(connection: Connection, enrollment_id: int, step: str, attempt: int) -> bool:
    """Cancel a queued send; False when it is on the wire or settled."""
    queued = _key(enrollment_id, step, attempt) & (SENDS.c.state == "queued")
    return connection.execute(update(SENDS).where(queued).values(state="cancelled")).rowcount > 0


def next_send_at(connection: Connection, now: datetime) -> datetime | None:
    """The first instant after `now` at which a waiting send may be looked at again."""
    later = (SENDS.c.state == "queued") & (SENDS.c.not_before > now)
    return connection.scalars(select(func.min(SENDS.c.not_before)).where(later)).first()


_WAIT = (
    update(SENDS)
    .where(SENDS.c.id == bindparam("send_id"), SENDS.c.state == "queued")
    .values(not_before=bindparam("until"), wait_reason=bindparam("why"))
)


def put_waits(connection: Connection, waits: Sequence[tuple[int, datetime | None, str]]) -> None:
    """Note (send id, not before, reason) of sends that may not go yet."""
    rows = [{"send_id": send_id, "until": until, "why": reason} for send_id, until, reason in waits]
    if rows:
        connection.execute(_WAIT, rows)


_RENDERED = (
    update(SENDS)
    .where(SENDS.c.id == bindparam("send_id"), SENDS.c.state == "queued")
    .values(
        raw=bindparam("new_raw"), message_id=bindparam("new_message_id"), subject=bindparam("new_subject"),
        rendered_at=bindparam("new_rendered_at"), seqs=bindparam("new_seqs"),
        valid_until=bindparam("new_valid_until"), address=bindparam("new_address"),
        domain=bindparam("new_domain"), account_id=bindparam("new_account_id"),
        variant=bindparam("new_variant"), version=bindparam("new_version"),
        wait_reason="",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is committed before a socket opens."""

    send_id: int
    raw: bytes
    message_id: str
    subject: str
    rendered_at: datetime
    seqs: str
    valid_until: datetime
    address: str
    domain: str | None
    account_id: str | None
    variant: str
    version: int


def put_prepared(connection: Connection, prepared: Sequence[Prepared]) -> None:
    rows = [
        {
            "send_id": one.send_id, "new_raw": zlib.compress(one.raw, 1), "new_message_id": one.message_id,
            "new_subject": one.subject, "new_rendered_at": one.rendered_at, "new_seqs": one.seqs,
            "new_valid_until": one.valid_until, "new_address": one.address, "new_domain": one.domain,
            "new_account_id": one.account_id, "new_variant": one.variant, "new_version": one.version,
        }
        for one in prepared
    ]  # fmt: skip
    if rows:
        connection.execute(_RENDERED, rows)


_RAW = select(SENDS.c.id, SENDS.c.raw).where(SENDS.c.id.in_(bindparam("ids", expanding=True)), SENDS.c.raw.is_not(None))


def raw_bytes(connection: Connection, send_ids: Collection[int]) -> dict[int, bytes]:
    """The bytes of sends that have some."""
    found: dict[int, bytes] = {}
    for part in chunks(send_ids):
        found.update((row.id, zlib.decompress(row.raw)) for row in connection.execute(_RAW, {"ids": part}))
    return found


def drop_unfenced_bytes(connection: Connection, sequence_id: str) -> None:
    """An edit reaches what is queued: bytes that were never fenced are made anew."""
    unfenced = (SENDS.c.sequence_id == sequence_id) & (SENDS.c.state == "queued") & SENDS.c.fence.is_(None)
    unfenced &= SENDS.c.step.not_like(f"{ANSWER}%")
    connection.execute(update(SENDS).where(unfenced).values(raw=None, message_id=None, rendered_at=None))


_PUT_OFF = (SENDS.c.state == "queued") & SENDS.c.not_before.is_not(None) & (SENDS.c.wait_reason != Reason.BACK_OFF)


_LOOK_AGAIN = update(SENDS).where(_PUT_OFF).values(not_before=None)
_LOOK_AGAIN_OF = _LOOK_AGAIN.where(SENDS.c.enrollment_id.in_(bindparam("ids", expanding=True)))
_LOOK_AGAIN_AT = _LOOK_AGAIN.where(SENDS.c.mailbox == bindparam("of"))


def look_again(connection: Connection, enrollment_ids: Collection[int]) -> None:
    """What these wait for may be over: the next pass asks again. What a receiving server asked for stands."""
    for part in chunks(enrollment_ids):
        connection.execute(_LOOK_AGAIN_OF, {"ids": part})


def look_again_at(connection: Connection, mailbox: str) -> None:
    """The same for everything that a mailbox has queued."""
    connection.execute(_LOOK_AGAIN_AT, {"of": mailbox})


_SENDS_OF = select(*_COLUMNS).where(SENDS.c.id.in_(bindparam("ids", expanding=True)))


def load_sends(connection: Connection, send_ids: Collection[int]) -> dict[int, SendRow]:
    found: dict[int, SendRow] = {}
    for part in chunks(send_ids):
        for row in connection.execute(_SENDS_OF, {"ids": part}):
            found[row.id] = _row(row)
    return found


_THREADS = (
    select(*_COLUMNS)
    .where(SENDS.c.enrollment_id.in_(bindparam("ids", expanding=True)), SENDS.c.state.in_(LEFT))
    .order_by(SENDS.c.sending_at, SENDS.c.id)
)


def thread_of(connection: Connection, enrollment_ids: Collection[int]) -> dict[int, list[SendRow]]:
    """What each enrollment has sent so far, in order: the threads that follow-ups belong to."""
    threads: dict[int, list[SendRow]] = {}
    for part in chunks(enrollment_ids):
        for row in connection.execute(_THREADS, {"ids": part}):
            threads.setdefault(row.enrollment_id, []).append(_row(row))
    return threads


_BY_MESSAGE_ID = (
    select(*_COLUMNS).where(SENDS.c.message_id.in_(bindparam("ids", expanding=True))).order_by(SENDS.c.attempt)
)


def by_message_id(connection: Connection, message_ids: Collection[str]) -> dict[str, SendRow]:
    """Our sends among these Message-IDs."""
    found = {}
    for part in chunks(message_ids):
        found.update({row.message_id: _row(row) for row in connection.execute(_BY_MESSAGE_ID, {"ids": part})})
    return found


def sends_of(connection: Connection, prospect_id: int) -> list[SendRow]:
    query = select(*_COLUMNS).where(SENDS.c.prospect_id == prospect_id).order_by(SENDS.c.id)
    return [_row(row) for row in connection.execute(query)]


@cache
def _in_state(states: tuple[str, ...]) -> Select[Any]:
    return select(*_COLUMNS).where(SENDS.c.state.in_(states)).order_by(SENDS.c.sending_at, SENDS.c.id)


def in_state(connection: Connection, *states: str) -> list[SendRow]:
    return [_row(row) for row in connection.execute(_in_state(states))]


_USED = select(USAGE.c.kind, USAGE.c.key, USAGE.c.n).where(
    USAGE.c.kind.in_(bindparam("kinds", expanding=True)),
    USAGE.c.key.in_(bindparam("keys", expanding=True)),
    USAGE.c.day == bindparam("day"),
)


def used(connection: Connection, kind: str, keys: Collection[str], day: date) -> dict[str, int]:
    """The counters of one local day."""
    return all_used(connection, {kind: keys}, day)[kind]


def all_used(connection: Connection, keys: Mapping[str, Collection[str]], day: date) -> dict[str, dict[str, int]]:
    """The same of several kinds, in one look."""
    used: dict[str, dict[str, int]] = {kind: {} for kind in keys}
    wanted = {(kind, key) for kind, each in keys.items() for key in each}
    if wanted:
        asked = {"kinds": list(keys), "keys": list({key for _, key in wanted}), "day": day}
        for row in connection.execute(_USED, asked):
            if (row.kind, row.key) in wanted:
                used[row.kind][row.key] = row.n
    return used


@dataclass(frozen=True, slots=True)
class MailboxState:
    address: str
    owner: str
    lease_until: datetime | None
    fence: int
    last_sent_at: datetime | None
    broken_at: datetime | None
    broken_reason: str | None
    resting_until: datetime | None
    rest_reason: str | None
    answers_read_at: datetime | None
    answers_read_by: str | None


_MAILBOXES = select(MAILBOXES)


def mailbox_states(connection: Connection) -> dict[str, MailboxState]:
    return {row.address: MailboxState(*row) for row in connection.execute(_MAILBOXES)}


def break_mailbox(connection: Connection, address: str, reason: str, at: datetime) -> None:
    """The mailbox cannot work: nothing of it is tried until somebody mends it."""
    values = {"broken_at": at, "broken_reason": reason, **_NO_REST}
    connection.execute(update(MAILBOXES).where(MAILBOXES.c.address == address).values(**values))


def mend_mailbox(connection: Connection, address: str) -> None:
    broken = (MAILBOXES.c.address == address) & MAILBOXES.c.broken_at.is_not(None)
    connection.execute(update(MAILBOXES).where(broken).values(broken_at=None, broken_reason=None))


def put_answers_read(connection: Connection, address: str, by: str, at: datetime) -> None:
    """A named person has read the answers in a mailbox that left config.toml: no follow-up waits for it any more."""
    values = {"answers_read_at": at, "answers_read_by": by}
    statement = upsert_for(connection.dialect.name, MAILBOXES).values(address=address, owner="", fence=0, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["address"], set_=values))


def rest_mailbox(connection: Connection, address: str, until: datetime, reason: str) -> None:
    """The last try failed for a reason that lies with no person: it is tried again after `until`."""
    connection.execute(_REST, {"of": address, "until": until, "why": reason})


_REST = (
    update(MAILBOXES)
    .where(MAILBOXES.c.address == bindparam("of"))
    .values(resting_until=bindparam("until"), rest_reason=bindparam("why"))
)
_END_RESTS = (
    update(MAILBOXES)
    .where(MAILBOXES.c.address.in_(bindparam("ended", expanding=True)), MAILBOXES.c.resting_until.is_not(None))
    .values(**_NO_REST)
)


def end_rests(connection: Connection, addresses: Collection[str]) -> None:
    """A server judged a mail of theirs again."""
    if addresses:
        connection.execute(_END_RESTS, {"ended": list(addresses)})
