"""The last act of a seed: somebody asks to be erased, whatever their rows have come to by then.

It comes after everything else was looked at, because the other checks read what an erasure deletes. The file's own
bytes (its log, pages that were freed) are for tests/integration/test_erase.py.
"""

import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy import Table as CoreTable

from sequencer.app import App
from sequencer.engine import erasing
from sequencer.errors import SequencerError
from sequencer.store import people
from sequencer.store.columns import Table
from sequencer.store.tables import INBOUND
from sequencer.world.evidence import Verdict
from tests.simulation.crowd import Crowd, import_table
from tests.simulation.stage import Stage

__all__ = ["erase_somebody"]


def erase_somebody(stage: Stage, app: App, crowd: Crowd) -> Verdict:
    """Invariant 21: no row says who they were, and no import brings them back. A mail in doubt comes first."""
    addresses = list(crowd.people)
    stage.dice("erasure").shuffle(addresses)
    now = stage.clock.now()
    for address in addresses:
        try:
            gone = app.database.write(lambda c: erasing.erase(c, app.advance, app.key, address, "ana", now))  # noqa: B023
        except SequencerError as error:
            stage.say(f"refused: erase {address}: {error}")
            continue
        stage.say(f"command: erase {address}")
        known = [each.email for each in gone.face.prospect.addresses]
        import_table(app, [crowd.rows[each] for each in known if each in crowd.rows], now, update=True)
        names = [crowd.people[each].name for each in known if each in crowd.people]
        broken = app.database.read(lambda c: [*_found(c, known, names), *_back(c, known)])  # noqa: B023
        return Verdict("an erasure leaves nothing but the hash", f"{address} erased", tuple(broken))
    return Verdict("an erasure leaves nothing but the hash", "everybody's mail in doubt", ())


def _found(connection: Connection, addresses: list[str], names: list[str]) -> Iterator[str]:
    """A mail that is parked as nobody's may mention them by name: mail of others stays (docs/data-protection.md)."""
    for table in Table.metadata.sorted_tables:
        for row in connection.execute(_all_of(table)).mappings():
            nobodys = table is INBOUND and row["state"] == "parked" and row["prospect_id"] is None
            wanted = [word.lower().encode() for word in (addresses if nobodys else [*addresses, *names])]
            for column, cell in row.items():
                text = _bytes_of(cell).lower()
                yield from (f"{word.decode()} stands in {table.name}.{column}" for word in wanted if word in text)


@cache
def _all_of(table: CoreTable) -> Select[Any]:
    return select(table)


def _bytes_of(cell: object) -> bytes:
    if not isinstance(cell, bytes):
        return str(cell).encode()
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell


def _back(connection: Connection, known: list[str]) -> Iterator[str]:
    for address in people.owners(connection, known):
        yield f"an import brought {address} back"
