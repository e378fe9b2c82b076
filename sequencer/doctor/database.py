"""The database: there, of this version's schema, sound; what the clock, the daemon and the people in it say.

It is opened without a migration and without a write: `doctor` may be run while a daemon works, or before an upgrade.
"""

import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.definition import from_stored
from sequencer.doctor.finding import Finding, counted, fail, ok, warn
from sequencer.doctor.machine import ClockReadings, size
from sequencer.engine.amnesia import restored_words
from sequencer.engine.leaving import daemon_gates
from sequencer.errors import DefinitionErrors, StoreError
from sequencer.store import reads, versions
from sequencer.store.database import Database, refusals, sqlite_file
from sequencer.store.health import ServerHealth, complaints, health, server_health
from sequencer.store.migrate import revision, revisions

__all__ = ["applied_owners", "at_work", "backups", "integrity", "last_sent", "schema"]

QUICK_CHECK_S_MAX = 8.0
FREE_SHARE_WARN = 0.5
FREE_BYTES_WARN = 50_000_000
T = TypeVar("T")
_NOT_THERE = "sequencer init makes it; or correct url in [database]"


def schema(config: Config, readings: ClockReadings) -> Iterator[Finding]:
    """Opens, has our schema, is in WAL mode, and is not mostly air."""
    url, file = config.database_url, sqlite_file(config.database_url)
    if file is not None and not file.is_file():
        yield fail("database", f"there is no file {file}", _NOT_THERE)
        return
    try:
        if file is not None:
            health(file)
        found = _revision(url)
    except StoreError as error:
        yield fail("database", str(error), "restore the last copy, or correct url in [database]")
        return
    newest = revisions()[-1]
    if found != newest:
        yield _other_schema(found, newest)
        return
    if file is None:
        server = server_health(url)
        readings.saw("the database server", server.instant)
        yield _server(server, found)
        return
    state = health(file)
    pages = f"{size(state.pages * state.page_bytes)}, {state.free_pages:,} of {state.pages:,} pages free"
    free = state.free_pages * state.page_bytes
    if state.journal != "wal":
        said = f"journal mode {state.journal}: its file system cannot share a write-ahead log, so readers block"
        yield warn("database", said, "move the database to a local disk (not NFS or SMB) and correct url in [database]")
    elif free > FREE_BYTES_WARN and free > FREE_SHARE_WARN * state.pages * state.page_bytes:
        vacuum = f"stop the daemon, then  sqlite3 {shlex.quote(str(file))} VACUUM"
        yield warn("database", f"{pages}: most of the file is air", vacuum)
    else:
        yield ok("database", f"{file.name} opens, schema {found}, WAL, {pages}")


def _server(server: ServerHealth, found: str) -> Finding:
    if server.standby:
        return fail("database", "the server is a standby: it can only be read", "name the primary in [database]")
    if server.encoding != "UTF8":
        said = f"encoding {server.encoding} cannot keep every name and every mail"
        return fail("database", said, "move to a database made with  createdb --encoding=UTF8 --template=template0")
    if server.forgets:
        said = (
            f"{' and '.join(server.forgets)} off: a crash makes the server forget what was sent, and it is sent twice"
        )
        return fail("database", said, "set them on in postgresql.conf and reload it")
    return ok("database", f"PostgreSQL {server.version}, schema {found}, {size(server.size_bytes)}")


def _other_schema(found: str, newest: str) -> Finding:
    if not found:
        return fail("database", "it has no tables", _NOT_THERE)
    if found not in revisions():
        said = f"schema {found} is of a newer version of sequencer, which knows up to {newest}"
        return fail("database", said, "install the newer version again")
    return warn("database", f"schema {found}, and this version needs {newest}", "sequencer db upgrade")


def integrity(config: Config) -> Iterator[Finding]:
    """SQLite's own quick_check, as long as the time allows."""
    file = sqlite_file(config.database_url)
    if file is None or not file.is_file():
        return
    found = complaints(file, QUICK_CHECK_S_MAX)
    if found is None:
        mend = f"at a quiet hour:  sqlite3 {shlex.quote(str(file))} 'PRAGMA quick_check'"
        yield warn("integrity", f"the database is too large to be checked in {QUICK_CHECK_S_MAX:g} s", mend)
    elif found:
        mend = "sequencer pause --all, stop the daemon, keep a copy of the file, restore the last good one"
        yield fail("integrity", f"the database is damaged: {'; '.join(found)}", mend)
    else:
        yield ok("integrity", "quick_check finds nothing")


def backups(config: Config, now: datetime) -> Iterator[Finding]:
    """The newest copy that lies beside the database; a copy elsewhere cannot be known."""
    file = sqlite_file(config.database_url)
    if file is None:
        yield ok("backup", "copies of a server's database are not known here; pg_dump makes one")
        return
    if not ready(config):
        return
    ours = {f"{file.name}.daemon", f"{file.name}.epoch", f"{file.name}.epoch.new"}
    copies = {path: path.stat().st_mtime for path in file.parent.glob(f"{file.name}.*") if path.name not in ours}
    if copies:
        newest = max(copies, key=lambda path: copies[path])
        days = (now - datetime.fromtimestamp(copies[newest], UTC)).days
        yield ok("backup", f"{newest.name}, {counted(days, 'day')} old; copies elsewhere are not known here")
    elif _read(config, reads.people_count):
        mend = f"sequencer backup {shlex.quote(f'{file}.copy')}, then take the copy to another machine"
        yield warn("backup", "no copy lies beside the database; copies elsewhere are not known here", mend)
    else:
        yield ok("backup", "nobody is in the database yet, so nothing would be lost")


def at_work(config: Config, now: datetime) -> Iterator[Finding]:
    """Whether a daemon holds the mailboxes, and whether our clock is behind what it has seen."""
    if not ready(config):
        return
    held, mend = _read(config, restored_words)
    if held:
        yield fail("restored", held, mend)
    people, gates = _read(config, lambda connection: (reads.people_count(connection), daemon_gates(connection, now)))
    for gate in gates:
        if gate.passed:
            yield ok("daemon", "it runs")
        elif gate.name == "clock":
            yield fail("clock", gate.detail, gate.frees_by)
        elif people:
            yield warn("daemon", f"none runs ({gate.detail}), so nothing is sent and no answer is read", gate.frees_by)
        else:
            yield ok("daemon", f"none runs ({gate.detail}), and nobody is there to write to")


def applied_owners(config: Config) -> dict[str, str]:
    """Owners of the sequences that the daemon runs, by sequence; {} while the database cannot be read."""

    def owners(connection: Connection) -> dict[str, str]:
        found = {}
        for name, stored in versions.latest(connection).items():
            try:
                sequence = from_stored(name, stored.source, stored.files).sequence
            except DefinitionErrors:
                continue
            if sequence.owner:
                found[name] = sequence.owner
        return found

    return _read(config, owners) if ready(config) else {}


def ready(config: Config) -> bool:
    """Whether the tables can be read: without them the line "database" says what is wrong."""
    file = sqlite_file(config.database_url)
    if file is not None and not file.is_file():
        return False
    try:
        return _revision(config.database_url) == revisions()[-1]
    except StoreError:
        return False


def _revision(url: str) -> str:
    with refusals():
        return revision(url)


def last_sent(config: Config, before: datetime) -> dict[str, str]:
    """The Message-ID of each mailbox's last mail that was accepted before this instant."""
    return _read(config, lambda connection: reads.last_message_ids(connection, before)) if ready(config) else {}


def _read(config: Config, work: Callable[[Connection], T]) -> T:
    with closing(Database(config.database_url)) as database:
        return database.read(work)
