"""Takes an export into a new installation: the same people, rules, sequences and log, under the same numbers.

Whoever is under way arrives paused until a person says "resume": the installation that wrote the export may be alive,
and two that write to the same person by themselves are what must not happen. Only an installation in which nobody is
known takes one in, because numbers of two cannot be told apart. All of it is one transaction.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sequencer.content.archive import INDEX, UNREADABLE, Archive, read_csv, read_lines
from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance
from sequencer.engine.answering import called_back
from sequencer.engine.exporting import CSV_FILES, DERIVED, FORMAT, file_of, text_path
from sequencer.engine.situation import load
from sequencer.engine.stops import rest_from
from sequencer.engine.verbs import by_name
from sequencer.errors import InputError
from sequencer.store import dump, log, reads

__all__ = ["TakenIn", "plan", "take_in"]

PORTION = 200


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What an export brings: rows of each table, and how many enrollments wait for a person's word."""

    rows: Mapping[str, int]
    made_at: str
    paused: int = 0


def plan(connection: Connection, archive: Archive, schemas: Sequence[str]) -> TakenIn:
    """What `take_in` would bring; `schemas`: those that this version knows.

    Raises InputError for an export that is damaged or of a newer version, and where somebody is known already.
    """
    index = archive.index
    if index.get("format") != FORMAT or index.get("schema") not in schemas:
        raise InputError(f"{archive.path} was written by a newer version: upgrade sequencer first")
    archive.check()
    if there := dump.taken(connection):
        people = reads.people_count(connection)
        what = f"{people:,} people" if people else ", ".join(f"{count} {name}" for name, count in there.items())
        raise InputError(
            f'this installation knows {what} already: make a new one for it ("sequencer init DIR"), or import its'
            " people.csv as a list"
        )
    try:
        return TakenIn({name: int(count) for name, count in index["rows"].items()}, str(index["made_at"]))
    except (AttributeError, KeyError, ValueError, TypeError):
        raise InputError(f"{archive.path}: {INDEX} does not say what is in it: copy the export again") from None


def take_in(
    connection: Connection, advance: Advance, archive: Archive, schemas: Sequence[str], by: str, now: datetime
) -> TakenIn:
    """Do it, in the caller's transaction. Raises as `plan` does."""
    planned = plan(connection, archive, schemas)
    try:
        for name, table in dump.CARRIED.items():
            if file_of(name) in archive.files:
                dump.put(connection, table, _rows(archive, name))
    except (*UNREADABLE, csv.Error) as error:
        raise InputError(f"{archive.path}: {file_of(name)} does not fit: {type(error).__name__}") from error
    return TakenIn(planned.rows, planned.made_at, _pause_all(connection, advance, by, now))


def _rows(archive: Archive, name: str) -> Iterator[dict[str, Any]]:
    with archive.text(file_of(name)) as stream:
        for row in read_csv(stream) if name in CSV_FILES else read_lines(stream):
            row.pop(DERIVED.get(name, ""), None)
            yield _with_texts(archive, row) if name == "versions" else row


def _with_texts(archive: Archive, row: dict[str, Any]) -> dict[str, Any]:
    def kept(name: str) -> str:
        with archive.text(text_path(row["sequence_id"], row["version"], name)) as stream:
            return stream.read()

    return {**row, "source": kept(row["source"]), "files": {name: kept(f"templates/{name}") for name in row["files"]}}


def _pause_all(connection: Connection, advance: Advance, by: str, now: datetime) -> int:
    """Pause whoever is live and does not wait for this word already; answers that have not left are taken back."""
    called: list[tuple[int, Sequence[e.Event]]] = list(called_back(connection, dump.enrollments(connection)).items())
    advance.record(connection, called, now)
    ids, count = reads.live_ids(connection), 0
    for at in range(0, len(ids), PORTION):
        situations = load(connection, advance.around, ids[at : at + PORTION], now)
        events = [
            (key, [e.PausePut(reason=Reason.IMPORTED, until=None, due_at=rest_from(one, None), by=by_name(by))])
            for key, one in situations.items()
            if one.enrollment.progress.pause(Reason.IMPORTED) is None
        ]
        advance.record(connection, events, now)
    for enrollment in log.load(connection, ids).values():
        count += enrollment.progress.pause(Reason.IMPORTED) is not None
    return count
