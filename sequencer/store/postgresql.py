"""What PostgreSQL has to be told to be the same store as a SQLite file: one writer at a time, snapshots for readers.

Every transaction that writes takes its turn at one advisory lock, in the order of asking, over all processes and
machines (docs/decisions/013). So the order of commits is an order in which everything happened, as on SQLite, and a
stop that is committed is seen by every later fence. Loaded only for such a database. It knows no table.
"""

import re
from collections.abc import Sequence
from typing import Any

from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import Pool

__all__ = ["SNAPSHOT", "WRITE_LOCK", "engine", "take_turn"]

WRITE_LOCK = 7_315_009_001  # any constant that nothing else in the database uses
TURN_WAITED_MS_MAX = 30_000
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# A server that is gone without a word is noticed in half a minute; config.toml's URL may say otherwise.
_LINE = {
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000, "application_name": "sequencer",
}  # fmt: skip
_NUL = re.compile("\x00")

# Settings end with the transaction, so that a pooler may give the session to somebody else.
_TAKE_TURN = text(
    "SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', :waited, true),"
    " set_config('idle_in_transaction_session_timeout', :idle, true), pg_advisory_xact_lock(:key)"
).bindparams(waited=str(TURN_WAITED_MS_MAX), key=WRITE_LOCK)


def engine(url: str, poolclass: type[Pool] | None = None, **pooled: Any) -> Engine:
    """An engine with our settings. Raises ModuleNotFoundError without psycopg."""
    line = {name: value for name, value in _LINE.items() if name not in make_url(url).query}
    made = create_engine(
        url, poolclass=poolclass, hide_parameters=True, connect_args=line, use_native_hstore=False, **pooled
    )

    event.listen(made, "do_executemany", _one_by_one)

    @event.listens_for(made, "connect")
    def _(driver_connection: Any, _record: Any) -> None:
        driver_connection.adapters.register_dumper(str, _WithoutNul)

    return made


def _one_by_one(cursor: Any, statement: str, rows: Sequence[Any], _context: Any) -> bool:
    """Each row of a statement by itself. The driver's pipeline is quicker, but whoever freezes between two of its rows
    is at work for the server, which then waits for ever and lets nobody else write."""
    for row in rows:
        cursor.execute(statement, row)
    return True


def take_turn(connection: Connection, frozen_after_s: float) -> None:
    """Wait until nobody else writes. The first statement of a transaction: what is read after it is the newest.

    Who asks for nothing for `frozen_after_s` is taken for frozen: the server ends the session, and others write.
    """
    connection.execute(_TAKE_TURN, {"idle": f"{1000 * frozen_after_s:.0f}"})


class _WithoutNul(StrDumper):
    """PostgreSQL keeps no NUL in a text; whatever a server or a mail sends us, it must not stop the rest."""

    def dump(self, obj: str) -> Any:
        return super().dump(_NUL.sub("\ufffd", obj) if "\x00" in obj else obj)
