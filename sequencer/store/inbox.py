"""Inboxes, their cursors, and the mail in them that is ours (ARCHITECTURE, The inbox)."""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from sequencer.errors import NotFound
from sequencer.store.rows import upsert, upsert_for
from sequencer.store.tables import CURSORS, INBOUND, INBOXES, NOT_OURS


@dataclass(frozen=True, slots=True)
class StoredCursor:
    """How far one folder was walked; `state` belongs to the inbox's own code, `messages_left` is for people alone."""

    folder: str
    uid_validity: int
    uid_last: int
    state: str
    messages_left: int = 0


@dataclass(frozen=True, slots=True)
class InboundRow:
    """A mail that is ours, without its bytes."""

    id: int
    identity: str
    inbox: str
    folder: str
    outgoing: bool
    received_at: datetime
    state: str
    classifier: int
    judgement: str
    answer: str | None
    prospect_id: int | None
    enrollment_id: int | None
    send_id: int | None
    reason: str
    projected_at: datetime | None
    set_by: str = ""


NOT_OUR_MAIL = "not ours"
NOT_LOST = {"lost_at": None, "lost_reason": None}
_COLUMNS = [INBOUND.c[name] for name in InboundRow.__slots__]


_SYNCED_AT = select(INBOXES.c.name, INBOXES.c.synced_at).where(INBOXES.c.synced_at.is_not(None))


def synced_at(connection: Connection) -> dict[str, datetime]:
    """When each inbox was last read to its end."""
    return {row.name: row.synced_at for row in connection.execute(_SYNCED_AT)}


def inbox_states(connection: Connection) -> dict[str, RowMapping]:
    return {row.name: row._mapping for row in connection.execute(select(INBOXES))}


def trouble_of(connection: Connection, name: str) -> str:
    """Why the inbox cannot be read at the moment, "" when nothing is known to be wrong."""
    query = select(INBOXES.c.broken_reason, INBOXES.c.lost_reason).where(INBOXES.c.name == name)
    known = connection.execute(query).first()
    return (known.broken_reason or known.lost_reason or "") if known else ""


_BROKEN_REASON = select(INBOXES.c.broken_reason).where(INBOXES.c.name == bindparam("of"))


def broken_reason(connection: Connection, name: str) -> str:
    """Why a person has to mend the inbox, "" when nobody has to."""
    return connection.scalars(_BROKEN_REASON, {"of": name}).first() or ""


def put_broken(connection: Connection, name: str, reason: str, at: datetime) -> None:
    """The inbox cannot be read until a person mends it; the same reason again keeps the instant of the first time."""
    if broken_reason(connection, name) == reason:
        return
    values = {"broken_at": at, "broken_reason": reason, **NOT_LOST}
    statement = upsert(connection, INBOXES).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def put_lost(connection: Connection, name: str, reason: str, at: datetime) -> None:
    """A walk lost its server; `lost_at` is the first such walk since one reached the end, the reason is the last."""
    known = connection.execute(select(INBOXES.c.lost_at, INBOXES.c.lost_reason).where(INBOXES.c.name == name)).first()
    if known is not None and known.lost_reason == reason:
        return
    values = {"lost_at": known.lost_at if known and known.lost_at else at, "lost_reason": reason}
    statement = upsert(connection, INBOXES).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def left_to_read(connection: Connection, name: str) -> tuple[int, str]:
    """(how many messages of a folder the walk has still to look at, the folder); (0, "") when nothing is known."""
    query = select(CURSORS.c.messages_left, CURSORS.c.folder).where(CURSORS.c.inbox == name)
    found = connection.execute(query.order_by(CURSORS.c.messages_left.desc()).limit(1)).first()
    return (found.messages_left, found.folder) if found and found.messages_left else (0, "")


@cache
def _put_cursor(dialect: str) -> Any:
    walked: dict[str, Any] = {each: bindparam(each) for each in StoredCursor.__slots__ if each != "folder"}
    statement = upsert_for(dialect, CURSORS).values(inbox=bindparam("of"), folder=bindparam("in"), **walked)
    return statement.on_conflict_do_update(
        index_elements=["inbox", "folder"], set_={each: statement.excluded[each] for each in walked}
    )


def put_cursor(connection: Connection, name: str, cursor: StoredCursor) -> None:
    walked = {each: getattr(cursor, each) for each in StoredCursor.__slots__ if each != "folder"}
    connection.execute(_put_cursor(connection.dialect.name), {"of": name, "in": cursor.folder, **walked})


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it was fetched. `problem`: why `raw` is not all of it, "" when it is."""

    identity: str
    inbox: str
    folder: str
    outgoing: bool
    received_at: datetime
    raw: bytes
    problem: str = ""


def store_arrival(connection: Connection, arrival: Arrival) -> bool:
    """Keep the mail; False when it was seen before, in this folder or another."""
    row = {
        "identity": arrival.identity, "inbox": arrival.inbox, "folder": arrival.folder, "outgoing": arrival.outgoing,
        "received_at": arrival.received_at, "raw": zlib.compress(arrival.raw, 1), "state": "stored",
        "classifier": 0, "judgement": "", "reason": arrival.problem,
    }  # fmt: skip
    statement = upsert(connection, INBOUND).values(**row).on_conflict_do_nothing().returning(INBOUND.c.id)
    return connection.execute(statement).first() is not None


def store_not_ours(connection: Connection, inbox: str, rows: Sequence[tuple[str, int, int, str]]) -> None:
    """Remember (folder, uid_validity, uid, keyed hash) of mail that is not ours."""
    values = [
        {"inbox": inbox, "folder": folder, "uid_validity": validity, "uid": uid, "hash": digest}
        for folder, validity, uid, digest in rows
    ]
    if values:
        connection.execute(upsert(connection, NOT_OURS).on_conflict_do_nothing(), values)


_WAITS = select(INBOUND.c.id).where(INBOUND.c.state.in_(("stored", "judged"))).limit(1)


def any_waiting(connection: Connection) -> bool:
    """Whether a mail has still to be judged, or to have its effect: all that a look into quiet inboxes costs."""
    return connection.execute(_WAITS).first() is not None


_IN_STATE = select(*_COLUMNS).where(INBOUND.c.state == bindparam("in")).order_by(INBOUND.c.id).limit(bindparam("limit"))


def in_state(connection: Connection, state: str, limit: int) -> list[InboundRow]:
    """Mail in this state, in the order in which it came."""
    return [InboundRow(**row._mapping) for row in connection.execute(_IN_STATE, {"in": state, "limit": limit})]


def raw_mail(connection: Connection, ids: Collection[int]) -> dict[int, bytes]:
    query = select(INBOUND.c.id, INBOUND.c.raw).where(INBOUND.c.id.in_(list(ids)), INBOUND.c.raw.is_not(None))
    return {row.id: zlib.decompress(row.raw) for row in connection.execute(query)}


def raw_of(connection: Connection, inbound_id: int) -> bytes:
    """The bytes of one mail; b"" where none are kept."""
    return raw_mail(connection, [inbound_id]).get(inbound_id, b"")


def put_judgement(connection: Connection, inbound_id: int, version: int, judgement: str) -> None:
    """What a stored mail is; one that another daemon judged meanwhile stays as it is."""
    values = {"state": "judged", "classifier": version, "judgement": judgement}
    stored = (INBOUND.c.id == inbound_id) & (INBOUND.c.state == "stored")
    connection.execute(update(INBOUND).where(stored).values(**values))


def claim(connection: Connection, inbound_id: int, state: str) -> bool:
    """Begin the one effect of a mail in this state; False when another daemon had it before."""
    waiting = (INBOUND.c.id == inbound_id) & (INBOUND.c.state == state)
    return connection.execute(update(INBOUND).where(waiting).values(state="projected")).rowcount > 0


def put_projected(connection: Connection, inbound_id: int, at: datetime, **values: Any) -> None:
    """The mail has had its one effect. `values`: prospect_id, enrollment_id, send_id, answer, reason."""
    changed = update(INBOUND).where(INBOUND.c.id == inbound_id)
    connection.execute(changed.values(state="projected", projected_at=at, **values))


def forget(connection: Connection, inbound_id: int, at: datetime) -> None:
    """The mail turned out not to be ours: nothing of what it says is kept."""
    put_projected(connection, inbound_id, at, raw=None, judgement="", reason=NOT_OUR_MAIL)


def read_again(connection: Connection, since: datetime, ownerless: Collection[str]) -> None:
    """Look again at all that was passed by, left alone or parked since then: more of our mails are known now.

    Of what is parked, or stopped nobody, only that for one of the reasons `ownerless`; what a person decided stays. No
    inbox counts as read before a walk has reached the end of every folder again.
    """
    connection.execute(delete(NOT_OURS))
    connection.execute(delete(CURSORS))
    decided = INBOUND.c.projected_at >= since
    by_rules = decided & (INBOUND.c.set_by == "")
    left_alone = (INBOUND.c.state == "projected") & (INBOUND.c.reason == NOT_OUR_MAIL)
    connection.execute(delete(INBOUND).where(by_rules & left_alone))
    without_effect = by_rules & INBOUND.c.state.in_(("parked", "projected")) & INBOUND.c.reason.in_(ownerless)
    undecided = {"state": "stored", "reason": "", "prospect_id": None, "projected_at": None}
    connection.execute(update(INBOUND).where(without_effect).values(**undecided))
    connection.execute(update(INBOXES).values(synced_at=None))


def park(connection: Connection, inbound_id: int, reason: str, at: datetime, prospect_id: int | None = None) -> None:
    """A person has to look at this mail. `reason` quotes nothing of it."""
    changed = update(INBOUND).where(INBOUND.c.id == inbound_id)
    connection.execute(changed.values(state="parked", projected_at=at, reason=reason, prospect_id=prospect_id))


def reread(
    connection: Connection, inbound_id: int, version: int, judgement: str, *, set_by: str = "", reason: str = ""
) -> None:
    """The mail is something else than it was taken for: whose it is and what it did is found anew.

    `set_by`: the person who said so; the rules leave that alone.
    """
    whose = {"prospect_id": None, "enrollment_id": None, "send_id": None, "answer": None}
    values = {"state": "projected", "classifier": version, "judgement": judgement, "set_by": set_by, "reason": reason}
    connection.execute(update(INBOUND).where(INBOUND.c.id == inbound_id).values(**values, **whose))


def reread_by(connection: Connection, inbound_id: int, set_by: str) -> None:
    """A person says that the mail is what it was taken for."""
    connection.execute(update(INBOUND).where(INBOUND.c.id == inbound_id).values(set_by=set_by))


def put_version(connection: Connection, inbound_id: int, version: int) -> None:
    """This version of the rules reads the mail as it is kept."""
    connection.execute(update(INBOUND).where(INBOUND.c.id == inbound_id).values(classifier=version))


def read_since(connection: Connection, since: datetime, after: int, limit: int) -> list[InboundRow]:
    """What came in since then and has been judged, in the order in which it came, behind the mail `after`."""
    those = (INBOUND.c.id > after) & (INBOUND.c.received_at >= since) & INBOUND.c.outgoing.is_(False)
    query = select(*_COLUMNS).where(those, INBOUND.c.state.in_(("projected", "parked")))
    return [InboundRow(**row._mapping) for row in connection.execute(query.order_by(INBOUND.c.id).limit(limit))]


def inbound(connection: Connection, inbound_id: int) -> InboundRow:
    """Raises NotFound."""
    row = connection.execute(select(*_COLUMNS).where(INBOUND.c.id == inbound_id)).first()
    if row is None:
        raise NotFound(f'there is no mail {inbound_id}: "sequencer inbox" lists what came in')
    return InboundRow(**row._mapping)


def latest(
    connection: Connection, limit: int, *, parked: bool = False, prospect_id: int | None = None
) -> list[InboundRow]:
    """What came in, the newest first."""
    query = select(*_COLUMNS).where(INBOUND.c.outgoing.is_(False))
    if parked:
        query = query.where(INBOUND.c.state == "parked")
    if prospect_id is not None:
        query = query.where(INBOUND.c.prospect_id == prospect_id)
    rows = connection.execute(query.order_by(INBOUND.c.id.desc()).limit(limit))
    return [InboundRow(**row._mapping) for row in rows]
