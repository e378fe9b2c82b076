"""Writes an installation as files that people can read and another installation can take in; or one person's copy.

Everything is of one instant: one snapshot of the database. Lists that people open in a spreadsheet are CSV, sequences
are the YAML that was applied, the rest is a JSON object a line. Secrets are not in it: config.toml names them only.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.archive import INDEX, Writing, write_csv, write_lines
from sequencer.core.url_secrets import masked
from sequencer.engine.verbs import Face, face_at
from sequencer.store import audit, dump, people
from sequencer.store.database import Database

__all__ = ["CSV_FILES", "DERIVED", "FORMAT", "export_all", "export_person", "file_of", "text_path"]

FORMAT = 1
# The tables that are read in a spreadsheet, and what their files are called.
CSV_FILES: Mapping[str, str] = {
    "accounts": "accounts.csv", "prospects": "people.csv", "addresses": "addresses.csv", "list_members": "lists.csv",
    "suppressions": "suppressions.csv", "erased": "erased.csv",
}  # fmt: skip
# Columns that only a reader needs: they are left out when the file is taken in.
DERIVED: Mapping[str, str] = {"prospects": "email", "list_members": "email"}
README = """# An export of sequencer

All of one installation, as of {at}. `sequencer import {name}` takes it into a new one (`sequencer init`): everybody who
is under way arrives paused, so that two installations never write to the same person by themselves.
It holds personal data: keep it as you keep the database, and delete it when it has served.

| file | what |
|---|---|
| people.csv | one person a line; `email` is for the reader, addresses.csv counts |
| addresses.csv, accounts.csv, lists.csv | their addresses in order, companies, who is on which list |
| suppressions.csv | rules that forbid contact, also those that were lifted |
| erased.csv | keyed hashes of addresses that must not come back |
| sequences/ID/vN/ | every applied version: the YAML and the files it names |
| *.jsonl | one JSON object a line: enrollments, events (the log), tasks, notes, drafts, sends, inbound (answers), … |
| audit.jsonl | who changed what; it is read, and not taken in |
| config.toml | the configuration, without secrets; not taken in |
| {index} | the format, and each file's SHA-256 |

Instants are in UTC (ISO 8601), mails in `raw` are base 64 of zlib. A cell that a spreadsheet would calculate has an
apostrophe before it. An empty cell is no value.
"""
PERSON_README = """# What is known of {name} <{address}>

As of {at}. person.json has all of it: the person, addresses, lists, rules that forbid contact, every step that was
taken (events), tasks, notes of the reps, mails in numbers. mails/ has each mail as it was sent or came in (.eml opens
in any mail program). Nothing else about the person is kept here, but codes and numbers in reports.
"""


def file_of(table: str) -> str:
    """The file that a table is in."""
    return CSV_FILES.get(table) or ("sequences/versions.jsonl" if table == "versions" else f"{table}.jsonl")


def text_path(sequence_id: str, version: int, name: str) -> str:
    """Where a file of an applied version lies."""
    return f"sequences/{sequence_id}/v{version}/{name}"


def export_all(database: Database, config: Config, target: Path, schema: str, now: datetime) -> dict[str, int]:
    """Write everything to `target`, a new folder or .zip; returns how many rows each table has."""
    with Writing(target).opened() as writing:
        counts: dict[str, int] = database.read(lambda connection: _write_tables(connection, writing))
        if config.path_of_file.is_file():
            writing.put("config.toml", masked(config.path_of_file.read_text()).encode())
        told = README.format(at=f"{now:%Y-%m-%d %H:%M} UTC", name=target.name, index=INDEX)
        writing.put("README.md", told.encode())
        _put_index(writing, {"schema": schema, "made_at": now.isoformat(), "rows": counts})
    return counts


def _put_index(writing: Writing, values: Mapping[str, Any]) -> None:
    index = {"format": FORMAT, **values, "files": dict(sorted(writing.files.items()))}
    writing.put(INDEX, json.dumps(index, ensure_ascii=False, indent=1).encode())


def _write_tables(connection: Connection, writing: Writing) -> dict[str, int]:
    counts: dict[str, int] = {}
    first = _first_addresses(connection)
    for name, table in dump.CARRIED.items():
        rows = _counted(dump.rows(connection, table), name, counts)
        if name == "versions":
            writing.put(file_of(name), write_lines(list(_texts_apart(rows, writing))))
        elif name in CSV_FILES:
            names = [column.name for column in dump.columns(table)]
            read = list(rows)
            if name in DERIVED:
                names.insert(0, DERIVED[name])
                key = "id" if name == "prospects" else "prospect_id"
                read = [{DERIVED[name]: first.get(row[key]), **row} for row in read]
            writing.put(file_of(name), write_csv(names, read))
        else:
            writing.put(file_of(name), write_lines(rows))
    writing.put("audit.jsonl", write_lines(_audit_rows(connection)))
    return counts


def _counted(rows: Iterable[dict[str, Any]], name: str, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    counts[name] = 0
    for row in rows:
        counts[name] += 1
        yield row


def _first_addresses(connection: Connection) -> dict[int, str]:
    known = people.load_prospects(connection, people.everybody(connection))
    return {key: person.addresses[0].email for key, person in known.items() if person.addresses}


def _texts_apart(rows: Iterable[dict[str, Any]], writing: Writing) -> Iterator[dict[str, Any]]:
    """Each version's YAML and files as files of their own; the line that is left names them."""
    for row in rows:
        sequence_id, version = row["sequence_id"], row["version"]
        writing.put(text_path(sequence_id, version, f"{sequence_id}.yaml"), row["source"].encode())
        for name, text in row["files"].items():
            writing.put(text_path(sequence_id, version, f"templates/{name}"), text.encode())
        yield {**row, "source": f"{sequence_id}.yaml", "files": sorted(row["files"])}


def _audit_rows(connection: Connection) -> Iterator[dict[str, Any]]:
    for row in reversed(list(audit.rows(connection))):
        yield {
            "id": row.id, "at": row.at.isoformat(), "by": row.by, "via": row.via, "verb": row.verb,
            "asked": dict(row.asked),
        }  # fmt: skip


def export_person(database: Database, address: str, target: Path, now: datetime) -> Face:
    """Write one person's own copy: all that is known of them, readable. Raises NotFound, InputError."""

    def write(connection: Connection) -> Face:
        face = face_at(connection, address)
        with Writing(target).opened() as writing:
            known: dict[str, Any] = dict(dump.of_person(connection, face.id))
            known["account"] = _account(connection, face)
            rules = people.suppressions_of(connection, [face.prospect]).get(face.id, ())
            known["suppressions"] = [
                {"kind": rule.kind, "value": rule.value, "channel": rule.channel, "reason": rule.reason,
                 "at": rule.at.isoformat()}
                for rule in rules
            ]  # fmt: skip
            for table, word in (("sends", "sent"), ("inbound", "received")):
                for row in known[table]:
                    if raw := row.pop("raw"):
                        writing.put(f"mails/{word}-{row['id']}.eml", zlib.decompress(base64.b64decode(raw)))
            writing.put("person.json", json.dumps(known, ensure_ascii=False, indent=1).encode())
            told = PERSON_README.format(name=face.name, address=face.address, at=f"{now:%Y-%m-%d %H:%M} UTC")
            writing.put("README.md", told.encode())
        return face

    return database.read(write)


def _account(connection: Connection, face: Face) -> dict[str, Any] | None:
    if face.account is None:
        return None
    one = face.account
    return {"id": one.id, "name": one.name, "domain": one.domain, "fields": dict(one.fields)}
