"""What stands above people: the installation, sequences, mailboxes, accounts; their numbers and their pauses.

A scope's `seq` is raised in the transaction that pauses it, brakes it, applies to it or changes its config, so that
every fence that read the old number refuses.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, select, update

from sequencer.core.people import OuterPause
from sequencer.store.rows import upsert, upsert_for
from sequencer.store.tables import META, SCOPES

ScopeKind = Literal["all", "sequence", "mailbox", "account", "restored"]
ScopeKey = tuple[str, str]
EVERYTHING: ScopeKey = ("all", "")
RESTORED: ScopeKey = ("restored", "")  # the hold of store/epoch.py
HIGHEST_INSTANT = "highest_instant"


def raise_scope(connection: Connection, kind: ScopeKind, key: str = "") -> None:
    """Tell every fence that something above these people changed."""
    statement = upsert(connection, SCOPES).values(kind=kind, key=key, seq=1)
    changed = statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"seq": SCOPES.c.seq + 1})
    connection.execute(changed)


def pause_scope(connection: Connection, pause: OuterPause) -> None:
    """Pause the installation, a sequence or a mailbox."""
    raise_scope(connection, pause.scope, pause.key)
    this = (SCOPES.c.kind == pause.scope) & (SCOPES.c.key == pause.key)
    values = {"paused_at": pause.at, "paused_by": pause.by, "pause_reason": pause.reason}
    connection.execute(update(SCOPES).where(this).values(**values))


_RESUME = (
    update(SCOPES)
    .where(SCOPES.c.kind == bindparam("of_kind"), SCOPES.c.key == bindparam("of_key"), SCOPES.c.paused_at.is_not(None))
    .values(paused_at=None, paused_by=None, pause_reason=None, seq=SCOPES.c.seq + 1)
)


def resume_scope(connection: Connection, kind: ScopeKind, key: str = "") -> bool:
    """Lift the pause; False when there was none."""
    return connection.execute(_RESUME, {"of_kind": kind, "of_key": key}).rowcount > 0


_SEQS = select(SCOPES.c.kind, SCOPES.c.key, SCOPES.c.seq).where(SCOPES.c.key.in_(bindparam("keys", expanding=True)))


def scope_numbers(connection: Connection, keys: Iterable[ScopeKey]) -> Mapping[ScopeKey, int]:
    """The seq of each scope; 0 for one that nothing has touched yet."""
    wanted = set(keys)
    read = connection.execute(_SEQS, {"keys": list({key for _, key in wanted})})
    found = {(row.kind, row.key): row.seq for row in read}
    return {scope: found.get(scope, 0) for scope in wanted}


_IS_PAUSED = SCOPES.c.paused_at.is_not(None)
_PAUSED = select(SCOPES).where(_IS_PAUSED)


def paused_scopes(connection: Connection) -> dict[ScopeKey, OuterPause]:
    """Every pause above people that stands now."""
    return _pauses(connection.execute(_PAUSED))


def _pauses(rows: Iterable[Row[Any]]) -> dict[ScopeKey, OuterPause]:
    return {
        (row.kind, row.key): OuterPause(row.kind, row.key, row.pause_reason or "", row.paused_by or "", row.paused_at)
        for row in rows
    }


_STANDING = select(SCOPES).where(_IS_PAUSED | SCOPES.c.key.in_(bindparam("keys", expanding=True)))


def standing(
    connection: Connection, keys: Iterable[ScopeKey]
) -> tuple[Mapping[ScopeKey, int], Mapping[ScopeKey, OuterPause]]:
    """`scope_numbers` of these and `paused_scopes`, in one look."""
    wanted = set(keys)
    rows = connection.execute(_STANDING, {"keys": list({key for _, key in wanted})}).all()
    found = {(row.kind, row.key): row.seq for row in rows}
    return {scope: found.get(scope, 0) for scope in wanted}, _pauses(row for row in rows if row.paused_at is not None)


_META = select(META.c.value).where(META.c.key == bindparam("of"))


def meta(connection: Connection, key: str) -> str | None:
    """A fact of the installation."""
    value: str | None = connection.execute(_META, {"of": key}).scalar()
    return value


@cache
def _put_meta(dialect: str) -> Any:
    statement = upsert_for(dialect, META).values(key=bindparam("of"), value=bindparam("to"))
    return statement.on_conflict_do_update(index_elements=["key"], set_={"value": bindparam("to")})


def put_meta(connection: Connection, key: str, value: str) -> None:
    connection.execute(_put_meta(connection.dialect.name), {"of": key, "to": value})
