"""The composition root: from config.toml to a store, channels, inboxes and the engine. The only wiring.

The CLI opens an App for one command; the daemon also asks it for Services. Nothing decides or sends here.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sequencer.clock import Clock
from sequencer.config import Config, MailboxSection, ServerSection
from sequencer.core.people import Mailbox
from sequencer.core.ports import Channel, Inbox
from sequencer.engine import amnesia
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.freshness import WROTE_WITHIN
from sequencer.engine.situation import Surroundings
from sequencer.errors import InputError, SequencerError
from sequencer.secret import Tokens, read_secret
from sequencer.store import audit, scopes
from sequencer.store.database import Database, sqlite_file
from sequencer.store.epoch_file import EpochFile
from sequencer.store.migrate import migrate

if TYPE_CHECKING:  # what only a daemon needs is loaded by make_services: a command should not wait for it
    from sequencer.channels.connect import Server
    from sequencer.engine.dispatch import Dispatch
    from sequencer.engine.filing import Filing
    from sequencer.engine.ingest import Ingest
    from sequencer.engine.rescue import Rescue
    from sequencer.inbound.imap import ImapServer

KEY = "key"
LEASE = timedelta(seconds=20)
KEY_BYTES = 32
DAEMONS_MAX_OF_A_FOLDER = 64  # on PostgreSQL
TokenOf = Callable[[str, str], str]  # (reference, the token a server has just refused) -> token, as Tokens.of


@dataclass(frozen=True, slots=True)
class App:
    """One installation, opened. `key` is made once and never rotates: Message-IDs, tokens and tombstones hang on it."""

    config: Config
    database: Database
    advance: Advance
    key: bytes

    @property
    def around(self) -> Surroundings:
        return self.advance.around

    def close(self) -> None:
        self.database.close()


def epoch_path(config: Config) -> Path:
    """Where the database's epoch is written a second time: beside a SQLite file, unless config names a place."""
    if config.database.epoch_file:
        return config.path(config.database.epoch_file)
    file = sqlite_file(config.database_url)
    return Path(f"{file.resolve()}.epoch") if file else config.path("sequencer.epoch")


def daemons_max(config: Config) -> int:
    """How many daemons of one folder may share the database, each with an epoch file of its own."""
    return 1 if sqlite_file(config.database_url) else DAEMONS_MAX_OF_A_FOLDER


def open_app(config: Config) -> App:
    """Open the installation; the schema is brought up to date on the way. Raises StoreError, SchemaTooNew."""
    migrate(config.database_url)
    database = Database(config.database_url)
    key = _key(database, epoch_path(config))
    return App(config, database, Advance(database, Surroundings(config, Catalog())), key)


def recorded(app: App, command: audit.Command) -> App:
    """The same installation for one command: its first change writes the command's row of the audit, too."""
    database = audit.Recorded(app.database, command)
    return App(app.config, database, Advance(database, app.around), app.key)


def with_config(app: App, config: Config) -> App:
    """The same installation, open as it is, by another config.toml. The database stays the one that was opened."""
    around = Surroundings(config, app.around.catalog)
    return App(config, app.database, Advance(app.database, around), app.key)


def _key(database: Database, outside: Path) -> bytes:
    known = database.read(lambda connection: scopes.meta(connection, KEY))
    if known is None:
        new = secrets.token_hex(KEY_BYTES)

        def make(connection):  # type: ignore[no-untyped-def]
            found = scopes.meta(connection, KEY)
            if found is None:
                scopes.put_meta(connection, KEY, new)
                amnesia.begin(connection, outside, bytes.fromhex(new))
            return found or new

        known = database.write(make)
    return bytes.fromhex(known)


@dataclass(frozen=True, slots=True)
class Services:
    """What a daemon runs."""

    app: App
    dispatch: "Dispatch"
    ingest: "Ingest"
    rescue: "Rescue"
    filing: "Filing"

    @property
    def advance(self) -> Advance:
        return self.app.advance


@dataclass(frozen=True, slots=True)
class Doors:
    """How the outside is reached. The defaults are the real ones; the demo hands in its own world's."""

    channel_of: Callable[[Mailbox], Channel]
    inbox_of: Callable[[str], Inbox]


def real_doors(config: Config, clock: Clock, since: date | None = None) -> Doors:
    """SMTP servers, IMAP servers and maildirs as config.toml names them; mail from before `since` is not read."""
    tokens = Tokens(read_secret, clock.monotonic)

    def channel_of(mailbox: Mailbox) -> Channel:
        from sequencer.channels.smtp import Smtp  # loaded with the first mail, as each reader with the first look

        section = config.mailbox_section(mailbox.address)
        assert section is not None
        return Smtp(smtp_server(section.smtp, section.address, tokens.of), mailbox.connections, clock.monotonic)

    def inbox_of(name: str) -> Inbox:
        from sequencer.inbound.imap import Imap
        from sequencer.inbound.maildir import Maildir

        section = next(box for box in config.mailboxes if box.inbox == name)
        # What came before that answers nobody whom a follow-up waits for.
        first = since or (clock.now() - WROTE_WITHIN).date()
        also = {folder for box in config.mailboxes if box.inbox == name for folder in box.also_read}
        if section.imap is None:
            return Maildir(config.path(str(section.maildir)), first, also)
        return Imap(imap_server(section.imap, section, tokens.of), first, also)

    return Doors(channel_of, inbox_of)


def _read_token(reference: str, refused: str) -> str:
    return read_secret(reference)


def smtp_server(section: ServerSection, address: str, token_of: TokenOf = _read_token) -> "Server":
    """The server through which `address` sends."""
    from sequencer.channels.connect import Server

    username = section.username or (address if section.token else "")
    return Server(
        section.host, section.port, section.security, username, _password(section),
        address.rpartition("@")[2], section.ca_file, _token(section, token_of),
    )  # fmt: skip


def imap_server(section: ServerSection, mailbox: MailboxSection, token_of: TokenOf = _read_token) -> "ImapServer":
    """The server on which answers arrive. Raises InputError when neither password nor token is named."""
    from sequencer.inbound.imap import ImapServer

    if section.secret is None:
        raise InputError(
            f"{mailbox.address}: imap has no password; write one as env:NAME, file:PATH or cmd:COMMAND, "
            'or auth = "xoauth2" and a token'
        )
    return ImapServer(
        section.host, section.port, section.security, section.username or mailbox.address, _password(section),
        section.ca_file, _token(section, token_of),
    )  # fmt: skip


def _password(section: ServerSection) -> Callable[[], str] | None:
    reference = section.password
    return None if reference is None else lambda: read_secret(reference)


def _token(section: ServerSection, token_of: TokenOf) -> Callable[[str], str] | None:
    reference = section.token
    return None if reference is None else lambda refused: token_of(reference, refused)


def missing_passwords(config: Config) -> Iterator[str]:
    """What is wrong with each password and token that a variable or a file should hold; no command is run for this."""
    for box in config.mailboxes:
        sections = [section for section in (box.smtp, box.imap) if section]
        for reference in dict.fromkeys(section.secret for section in sections):
            if reference and not reference.startswith("cmd:"):
                try:
                    read_secret(reference)
                except SequencerError as error:
                    yield f"{box.address}: {error}"


def daemon_name() -> str:
    """A name that no other process has: whose lease is whose."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def make_services(
    app: App, clock: Clock, doors: Doors, owner: str, lease: timedelta = LEASE, epoch_file: EpochFile | None = None
) -> Services:
    """Everything that one daemon runs. `epoch_file`: by it a database that was restored is noticed."""
    from sequencer.engine.dispatch import Dispatch
    from sequencer.engine.filing import Filing
    from sequencer.engine.ingest import Ingest
    from sequencer.engine.rescue import Rescue

    ingest = Ingest(app.database, app.advance, doors.inbox_of, app.key, owner=owner)
    dispatch = Dispatch(app.database, app.advance, clock, doors.channel_of, app.key, owner, lease, epoch_file)

    def find_sent(mailbox: str, message_id: str) -> bool:
        name = app.config.inbox_of(mailbox)
        if name is None:
            return False
        inbox = doors.inbox_of(name)
        try:
            return inbox.find_sent(message_id)
        finally:
            inbox.close()

    filing = Filing(app.database, app.config, clock, doors.inbox_of, owner)
    return Services(app, dispatch, ingest, Rescue(app.database, app.advance, find_sent), filing)


def example_folder() -> Path:
    """Where the shipped example lies: in the wheel, or at the top of a checkout."""
    here = Path(__file__).parent
    packaged = here / "example"
    return packaged if packaged.is_dir() else here.parent
