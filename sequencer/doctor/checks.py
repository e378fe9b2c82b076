"""Everything that is looked at, in the order in which it is told: the installation, each domain, each mailbox.

The one place that knows all checks. What they need from outside comes in as an Outside; what runs them is examine.py.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sequencer.channels.connect import Server
from sequencer.clock import Clock
from sequencer.config import Config, MailboxSection
from sequencer.doctor import database, domain, installation, login, permissions, web_address
from sequencer.doctor.dkim import dkim
from sequencer.doctor.finding import Check, Finding, fail, ok, warn
from sequencer.doctor.lookup import Resolver
from sequencer.doctor.machine import ClockReadings, Machine, clock, disk, time_zones
from sequencer.doctor.secret import Secrets
from sequencer.doctor.spf import spf
from sequencer.engine.config_lines import config_place
from sequencer.inbound.imap import ImapServer
from sequencer.inbound.maildir import Maildir
from sequencer.mail.address import ascii_domain
from sequencer.store.database import sqlite_file

__all__ = ["Outside", "checks"]

INSTALLATION = "installation"
FILED_AFTER = timedelta(minutes=10)  # a provider has put what it sends into Sent by then


@dataclass(frozen=True, slots=True)
class Outside:
    """All that is not in the folder. `smtp_of`, `imap_of`: a mailbox's servers; their passwords are not used."""

    clock: Clock
    resolver: Resolver
    read_secret: Callable[[str], str]
    smtp_of: Callable[[MailboxSection], Server]
    imap_of: Callable[[MailboxSection], ImapServer]
    ask_web: Callable[[str], web_address.WebAnswer] = web_address.ask_web
    machine: Machine = field(default_factory=Machine)


def checks(
    config: Config, outside: Outside, mailboxes: Collection[str] | None = None, *, network: bool = True
) -> list[Check]:
    """`mailboxes`: these alone, without the installation's own; None: everything. `network` False: nobody is asked."""
    boxes = [box for box in config.mailboxes if mailboxes is None or box.address in mailboxes]
    readings = ClockReadings(outside.clock.now)
    found = list(_installation(config, outside, readings, network)) if mailboxes is None else []
    found += _domains(config, boxes, outside) if network else ()
    found += _mailboxes(config, boxes, outside, readings, network)
    return found


def _installation(config: Config, outside: Outside, readings: ClockReadings, network: bool) -> Iterator[Check]:
    now, file = outside.clock.now(), sqlite_file(config.database_url)
    folder = file.parent if file and file.parent.is_dir() else config.folder
    ask = outside.ask_web if network else None
    asked = (
        ("files", partial(installation.files, config)),
        ("reps", partial(installation.reps, config)),
        ("owners", lambda: installation.owners(config, database.applied_owners(config))),
        ("postal address", partial(installation.postal_address, config)),
        ("public address", partial(web_address.base_url, config, ask, readings.saw)),
        ("database", partial(database.schema, config, readings)),
        ("integrity", partial(database.integrity, config)),
        ("backup", partial(database.backups, config, now)),
        ("daemon", partial(database.at_work, config, now)),
        ("permissions", partial(permissions.permissions, config, file)),
        ("disk", partial(disk, folder, outside.machine)),
        ("time zones", partial(time_zones, outside.machine, now)),
    )
    for name, run in asked:
        yield Check(INSTALLATION, name, run)
    yield Check(INSTALLATION, "clock", lambda: clock(readings, outside.machine, outside.clock.now()), last=True)


def _domains(config: Config, boxes: Collection[MailboxSection], outside: Outside) -> Iterator[Check]:
    by_domain: dict[str, list[MailboxSection]] = {}
    for box in boxes:
        by_domain.setdefault(ascii_domain(box.address.rpartition("@")[2]), []).append(box)
    resolver = outside.resolver
    for name, members in by_domain.items():
        where = str(config_place(config, "mailboxes", "address", members[0].address))
        hosts = {box.smtp.host for box in members}
        asked: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
            ("mx", partial(domain.mx, resolver, name)),
            ("spf", partial(spf, resolver, name, hosts)),
        ]
        for selector in dict.fromkeys(box.dkim_selector for box in members):
            at = next(_selector_place(config, box) for box in members if box.dkim_selector == selector)
            asked.append(("dkim", partial(dkim, resolver, name, selector, at)))
        asked.append(("dmarc", partial(domain.dmarc, resolver, name)))
        for what, run in asked:
            yield Check(f"domain {name}", what, partial(domain.in_dns, resolver, name, what, where, run))


def _selector_place(config: Config, box: MailboxSection) -> str:
    place = config_place(config, "mailboxes", "dkim_selector", box.address)
    return str(place if place.line else config_place(config, "mailboxes", "", box.address))


def _mailboxes(
    config: Config,
    boxes: Collection[MailboxSection],
    outside: Outside,
    readings: ClockReadings,
    network: bool,
) -> Iterator[Check]:
    secrets = Secrets(outside.read_secret)
    for box in boxes:
        group = f"mailbox {box.address}"
        yield Check(group, "password", partial(login.password, box, secrets, config, run_commands=network))
        if network:
            yield Check(group, "smtp", partial(_smtp, config, box, outside, secrets, readings))
        if network and box.imap:
            yield Check(group, "imap", partial(_imap, config, box, outside, secrets))
        if box.maildir:
            yield Check(group, "maildir", partial(_maildir, config, box))
        if not box.inbox:
            yield Check(group, "inbox", partial(_elsewhere, config, box))


def _smtp(
    config: Config, box: MailboxSection, outside: Outside, secrets: Secrets, readings: ClockReadings
) -> Iterator[Finding]:
    return login.smtp(box, outside.smtp_of(box), secrets, config, outside.clock.monotonic, readings.saw)


def _imap(config: Config, box: MailboxSection, outside: Outside, secrets: Secrets) -> Iterator[Finding]:
    def was_sent() -> str | None:
        return database.last_sent(config, outside.clock.now() - FILED_AFTER).get(box.address)

    return login.imap(box, outside.imap_of(box), secrets, config, was_sent)


def _maildir(config: Config, box: MailboxSection) -> Iterator[Finding]:
    """Looked at by the reader itself: a search for a Message-ID that no mail has."""
    folder = config.path(str(box.maildir))
    if not all((folder / part).is_dir() for part in ("cur", "new")):
        at = config_place(config, "mailboxes", "maildir", box.address)
        mend = f"correct maildir at {at}, or let the mail server deliver there"
        yield warn("maildir", f"{folder} is no maildir (no cur and new in it)", mend)
        return
    reader = Maildir(folder, also=box.also_read)
    reader.find_sent("<doctor@invalid>")
    yield ok("maildir", f"{folder} can be read")
    if box.sent_copy == "append" and not reader.has_sent:
        at = config_place(config, "mailboxes", "sent_copy", box.address)
        mend = f'make one ({folder / ".Sent"}, with cur, new and tmp), or write sent_copy = "none" at {at}'
        yield fail("sent copy", 'sent_copy = "append", and the maildir has no Sent folder', mend)


def _elsewhere(config: Config, box: MailboxSection) -> Iterator[Finding]:
    if config.inbox_of(box.address):
        yield ok("inbox", f"answers are read in {box.replies_to}")
        return
    at = config_place(config, "mailboxes", "replies_to" if box.replies_to else "", box.address)
    said = "none: no follow-up is sent, for nobody could see an answer"
    yield warn("inbox", said, f"add imap, maildir or replies_to at {at}")
