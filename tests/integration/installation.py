"""A whole installation in a temporary folder, for tests: config, an applied sequence, people, the engine's services.

A real database, real sockets, the product's own code; the clock is a hand-set one that the test moves.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection

from sequencer.channels.connect import Server
from sequencer.channels.smtp import Smtp
from sequencer.config import Config, parse
from sequencer.content.definition import from_stored
from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.people import Account, Address, Mailbox, Prospect
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.dispatch import Dispatch
from sequencer.engine.situation import Surroundings
from sequencer.store import log, people, versions, walks
from sequencer.store.epoch import key_number
from sequencer.store.epoch_file import EpochFile
from tests.fresh import fresh_database, named, open_database
from tests.integration.mail_servers import free_ports

KEY = b"a key of the tests"
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

CONFIG = """
[company]
name = "Ourco"
postal_address = "1 Example Street, 28001 Madrid, Spain"
own_domains = ["ourco.test"]
[windows.business_hours]
mon-fri = ["08:30-17:00"]
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "UTC"
[[mailboxes]]
address = "ana@ourco.test"
display_name = "Ana Ruiz"
rep = "ana"
timezone = "UTC"
cap_per_day = {cap}
gap = {{ min = "{gap}", jitter = "0s" }}
connections = {connections}
smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}
maildir = "mail"
"""
ALWAYS_OPEN = CONFIG.replace('mon-fri = ["08:30-17:00"]', 'mon-sun = ["00:00-24:00"]')

SEQUENCE = """
title: Three mails
steps:
  - id: intro
    email: intro.md
  - id: bump
    wait: 2bd
    email: bump.md
    reply_to: intro
  - id: breakup
    wait: 2bd
    email: bump.md
    reply_to: intro
"""
TEMPLATES = {
    "intro.md": "Subject: An idea for {{ account.name }}\n\nHi {{ prospect.first_name }},\n\nshall we talk?\n",
    "bump.md": "\nHi {{ prospect.first_name }}, any thoughts?\n",
}


@dataclass(slots=True)
class HandClock:
    """A clock that moves only when it is told to; `monotonic` moves with it."""

    at: datetime = MONDAY
    passed_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.passed_s

    def to(self, at: datetime) -> None:
        self.passed_s += (at - self.at).total_seconds()
        self.at = at

    def forward(self, **length: float) -> None:
        self.to(self.at + timedelta(**length))


@dataclass(slots=True)
class World:
    """An SMTP server that keeps what it accepts.

    `answers`: recipient -> reply to RCPT, `at_dot`: reply to the dot. `at_rcpt` is called while the client waits.
    """

    port: int = 0
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    at_dot: dict[str, str] = field(default_factory=dict)
    at_rcpt: Callable[[str], None] | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_rcpt:
            self.at_rcpt(address)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        recipient = envelope.rcpt_tos[0]
        if recipient in self.at_dot:
            return self.at_dot[recipient]
        self.accepted.append((recipient, envelope.original_content or b""))
        return "250 OK"

    def __enter__(self) -> "World":
        (self.port,) = free_ports(1)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    _controller: Controller = field(init=False, repr=False)


class Installation:
    """The engine on a fresh database, a SQLite file in `folder` unless the test is about PostgreSQL."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        cap: int = 1000,
        gap: str = "0s",
        connections: int = 4,
        clock: HandClock | None = None,
        config: str = CONFIG,
        url: str = "",
    ) -> None:
        self.folder, self.clock = folder, clock or HandClock()
        url = url or fresh_database(folder)
        text = named(url, folder) + config.format(cap=cap, gap=gap, connections=connections, port=port)
        (folder / "config.toml").write_text(text)
        self.config: Config = parse(text)
        self.config._folder = folder
        self.database = open_database(url)
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))

    def close(self) -> None:
        self.database.close()

    def dispatch(
        self, owner: str = "test", lease: timedelta = timedelta(seconds=20), outside: EpochFile | None = None
    ) -> Dispatch:
        """A sending service of its own."""

        def channel_of(mailbox: Mailbox) -> Smtp:
            section = self.config.mailbox_section(mailbox.address)
            assert section is not None
            server = Server(section.smtp.host, section.smtp.port, "none", local_hostname="ourco.test")
            return Smtp(server, mailbox.connections, self.clock.monotonic)

        return Dispatch(self.database, self.advance, self.clock, channel_of, KEY, owner, lease, outside)

    def apply(self, sequence_id: str = "three", source: str = SEQUENCE, files: Mapping[str, str] | None = None) -> None:
        """Keep a version without asking whether it may be applied."""
        kept = dict(TEMPLATES if files is None else files)
        bundle = from_stored(sequence_id, source, kept)

        def add(connection: Connection) -> None:
            known = versions.latest(connection).get(sequence_id)
            number = known.version + 1 if known else 1
            stored = versions.StoredVersion(sequence_id, number, bundle.digest, source, kept, self.clock.now(), "ana")
            versions.add_version(connection, stored)

        self.database.write(add)

    def person(self, email: str, first_name: str = "Jo", account: str | None = None, **fields: str) -> int:
        """Add a prospect with a zone of UTC; returns the id."""
        domain = account or email.rpartition("@")[2]

        def add(connection: Connection) -> int:
            people.put_account(connection, Account(domain, domain.split(".")[0].title(), domain))
            prospect = Prospect(
                0, (Address(email),), {"first_name": first_name, **fields}, domain, "UTC", "file",
            )  # fmt: skip
            return people.add_prospect(connection, prospect, self.clock.now())

        return self.database.write(add)

    def enroll(self, prospect_id: int, sequence_id: str = "three", mailbox: str = "ana@ourco.test") -> int:
        """Enrol without the gates of `enroll`; returns the enrollment's id."""
        now = self.clock.now()

        def add(connection: Connection) -> int:
            version = versions.latest(connection)[sequence_id].version
            bundle = self.advance.around.catalog.bundle(connection, sequence_id, version)
            first = e.Enrolled(
                sequence=sequence_id, version=version, step=bundle.sequence.steps[0].id, rep="ana", mailbox=mailbox,
                by="person:ana",
            )  # fmt: skip
            key = log.add_enrollment(connection, prospect_id, True, p.enroll(first, now))
            log.append(connection, [log.Entry(now, prospect_id, key, first)])
            return key

        return self.database.write(add)

    def record(self, enrollment_id: int, *events: e.Event) -> None:
        now = self.clock.now()
        self.database.write(lambda connection: self.advance.record(connection, [(enrollment_id, events)], now))

    def inbox_read(self) -> None:
        """As if the inbox had just been read to its end."""
        name = self.config.inbox_of("ana@ourco.test") or ""
        self.database.write(lambda connection: walks.end(connection, name, self.clock.now(), key_number(connection)))

    def progress(self, enrollment_id: int) -> p.Progress:
        return self.database.read(lambda connection: log.load(connection, [enrollment_id]))[enrollment_id].progress

    def folded(self, enrollment_id: int) -> p.Progress:
        """The progress that the log gives."""
        entries = self.database.read(lambda connection: log.read_log(connection, enrollment_id))
        return p.fold((entry.at, entry.event) for entry in entries)

    def events(self, enrollment_id: int) -> list[e.Event]:
        entries = self.database.read(lambda connection: log.read_log(connection, enrollment_id))
        return [entry.event for entry in entries]

    async def run(self, dispatch: Dispatch, rounds: int = 3) -> None:
        """Beat advance and dispatch until both are quiet, at this instant."""
        for _ in range(rounds):
            while await self.advance.run_once(self.clock.now()):
                pass
            await dispatch.run_once(self.clock.now())
            if dispatch.at_work:
                await asyncio.wait(dispatch.at_work)

    async def run_and_stop(self, dispatch: Dispatch, rounds: int = 3) -> None:
        await self.run(dispatch, rounds)
        await dispatch.stop()

    def kinds(self, enrollment_id: int) -> Sequence[str]:
        return [type(event).__name__ for event in self.events(enrollment_id)]
