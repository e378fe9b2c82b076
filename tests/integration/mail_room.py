"""An installation that reads a Maildir: sends without a socket, mail put into folders by hand, and ingest.

Everything but the wire is the product's own: rendering, fence, outcome, events.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from sqlalchemy import Connection, select

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.outcome import Accepted, Outcome
from sequencer.core.people import Address, Prospect
from sequencer.core.ports import Inbox
from sequencer.engine.advance import Advance
from sequencer.engine.amnesia import message_key
from sequencer.engine.catalog import Catalog
from sequencer.engine.doubting import doubt_all
from sequencer.engine.ingest import Ingest
from sequencer.engine.outcomes import Sent, settle_all
from sequencer.engine.prepare import limits_of, prepare
from sequencer.engine.situation import Surroundings
from sequencer.inbound.maildir import Maildir
from sequencer.store import fence, inbox, leases, log, people, sends
from sequencer.store.tables import INBOUND, NOT_OURS, SUPPRESSIONS
from tests.integration.installation import KEY, TEMPLATES, Installation

ANA = "ana@ourco.test"
OWNER = "mail room"
LEASE = timedelta(seconds=20)


class MailRoom(Installation):
    """One rep's inbox and the engine behind it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, port=1)
        self.maildir = folder / "mail"
        for place in ("", ".Sent", ".Junk", ".Archive", ".Trash"):
            for part in ("new", "cur", "tmp"):
                (self.maildir / place / part).mkdir(parents=True, exist_ok=True)
        self._delivered = 0
        self.ingest = self.new_ingest()
        self.apply(files={**TEMPLATES, "intro.md": "Subject: An idea\n\nHi {{ prospect.first_name }}\n"})

    def new_ingest(self, inbox: Inbox | None = None, patience_s: float = 10.0) -> Ingest:
        """A service that knows nothing but the database, as after a crash. `inbox`: another reader of the Maildir."""

        def inbox_of(name: str) -> Inbox:
            return inbox or Maildir(self.maildir)

        return Ingest(self.database, self.advance, inbox_of, KEY, patience_s)

    def after_restart(self) -> Ingest:
        """As `new_ingest`, with an engine that has parsed no sequence yet."""
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))
        return self.new_ingest()

    def stranger(self, email: str) -> int:
        """A person without an account, at a free-mail domain."""
        prospect = Prospect(0, (Address(email),), {"first_name": "Lu"}, None, "UTC", "file")
        return self.database.write(lambda connection: people.add_prospect(connection, prospect, self.clock.now()))

    def written_to(self, prospect_id: int, outcome: Outcome | None = None) -> int:
        """Enrol the person and send them what is due; returns the enrollment."""
        enrollment = self.enroll(prospect_id)
        self.send_due(outcome)
        return enrollment

    def enroll_beside(self, prospect_id: int, sequence_id: str, step: str) -> int:
        """Enrol into a further sequence that is not exclusive; returns the enrollment."""
        now = self.clock.now()
        first = e.Enrolled(sequence=sequence_id, version=1, step=step, rep="ana", mailbox=ANA, by="person:ana")

        def add(connection: Connection) -> int:
            key = log.add_enrollment(connection, prospect_id, False, p.enroll(first, now))
            log.append(connection, [log.Entry(now, prospect_id, key, first)])
            return key

        return self.database.write(add)

    def send_due(self, outcome: Outcome | None = None) -> None:
        """Everything that may go now passes its fence and ends as `outcome`, accepted if None."""
        now = self.clock.now()
        mailbox = self.config.mailboxes_by_address[ANA]

        def go(connection: Connection) -> None:
            while self.advance.advance_due(connection, now):
                pass
            batch = prepare(connection, self.advance.around, mailbox, message_key(connection, KEY), now)
            sends.put_prepared(connection, batch.ready)
            settle_all(connection, self.advance, batch.refused)
            doubt_all(connection, self.advance, KEY, batch.doubts, now)
            number = leases.lease(connection, [ANA], OWNER, now, LEASE)[ANA]
            intents = [fence.Intent(one.send_id, OWNER, number) for one in batch.ready]
            limits = {ANA: limits_of(mailbox, self.advance.around, 0, now)}
            refused = fence.pass_fence(connection, intents, limits, now)
            assert not any(refused.values()), refused
            done = outcome or Accepted(250, "OK")
            settle_all(connection, self.advance, [Sent(one.send_id, number, done, now) for one in batch.ready])

        self.database.write(go)

    def sent(self, prospect_id: int) -> sends.SendRow:
        """The last mail to this person that went to the wire."""
        rows = self.database.read(lambda connection: sends.sends_of(connection, prospect_id))
        return [row for row in rows if row.message_id][-1]

    def deliver(self, raw: str | bytes, folder: str = "") -> Path:
        """Put a mail into a folder (`.Junk`; "" is the INBOX), as a server would."""
        self._delivered += 1
        path = self.maildir / folder / "new" / f"{1_700_000_000 + self._delivered}.{self._delivered}.host"
        path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
        return path

    async def read(self) -> int:
        """Read all inboxes to the end and let everything act."""
        return await self.ingest.run_once(self.clock.now())

    def inbound(self) -> list[inbox.InboundRow]:
        rows = self.database.read(
            lambda connection: list(connection.scalars(select(INBOUND.c.id).order_by(INBOUND.c.id)))
        )
        return [self.database.read(lambda connection, key=key: inbox.inbound(connection, key)) for key in rows]  # type: ignore[misc]

    def raws(self) -> list[bytes]:
        """The bytes of every mail that is kept, in the order in which they came."""
        ids = [row.id for row in self.inbound()]
        return list(self.database.read(lambda connection: inbox.raw_mail(connection, ids)).values())

    def not_ours(self) -> list[tuple[str, int, str]]:
        query = select(NOT_OURS.c.folder, NOT_OURS.c.uid, NOT_OURS.c.hash)
        return [tuple(row) for row in self.database.read(lambda connection: connection.execute(query).all())]

    def suppressed(self, *, standing: bool = False) -> list[tuple[str, str, str]]:
        """Every rule that was ever put; `standing`: without those that were lifted."""
        query = select(SUPPRESSIONS.c.kind, SUPPRESSIONS.c.value, SUPPRESSIONS.c.channel)
        query = query.where(SUPPRESSIONS.c.lifted_at.is_(None)) if standing else query
        return [tuple(row) for row in self.database.read(lambda connection: connection.execute(query).all())]

    def person_events(self, prospect_id: int) -> list[e.Event]:
        entries = self.database.read(lambda connection: log.read_person(connection, prospect_id))
        return [entry.event for entry in entries]

    def is_valid(self, email: str, prospect_id: int) -> bool:
        person = self.database.read(lambda connection: people.load_prospects(connection, [prospect_id]))[prospect_id]
        return next(address.valid for address in person.addresses if address.email == email)


def mail(
    body: str = "Sounds good, tell me more.",
    *,
    sender: str = "Jo Roe <jo@acme.test>",
    to: str = f"Ana Ruiz <{ANA}>",
    subject: str = "Re: An idea for Acme",
    answers: str | None = None,
    at: datetime | None = None,
    number: int = 1,
    more: str = "",
) -> str:
    """A mail as a program writes it. `answers`: the Message-ID that it names; `more`: further header lines."""
    thread = f"In-Reply-To: {answers}\nReferences: {answers}\n" if answers else ""
    date = f"Date: {format_datetime(at)}\n" if at else ""
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <mail-{number}@prospect.test>\n"
    return f"{head}{date}{thread}{more}MIME-Version: 1.0\n\n{body}\n"


def bounce(
    recipient: str = "jo@acme.test",
    *,
    status: str = "5.1.1",
    action: str = "failed",
    text: str = "550 5.1.1 no such user",
    about: str | None = None,
    number: int = 9,
) -> str:
    """A delivery status notification (RFC 3464) as Postfix writes it; `about`: the returned mail's Message-ID."""
    returned = f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {about}\nTo: {recipient}\n\n" if about else ""
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.test (Mail Delivery System)\n"
        f"To: {ANA}\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n"
        f"Message-ID: <bounce-{number}@mx.test>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nI'm sorry to have to inform you that your message could not be delivered.\n\n"
        f"<{recipient}>: {text}\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {text}\n\n{returned}--b--\n"
    )


def complaint(about: str | None = None, recipient: str = "jo@acme.test") -> str:
    """An abuse report (RFC 5965)."""
    original = f"Message-ID: {about}\n" if about else ""
    return (
        f"From: <feedback@isp.test>\nTo: {ANA}\nSubject: Abuse report\nMessage-ID: <arf@isp.test>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n"
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: T/1\nVersion: 1\n"
        f"Original-Rcpt-To: <{recipient}>\n\n"
        f"--b\nContent-Type: message/rfc822\n\nFrom: {ANA}\nTo: {recipient}\n{original}Subject: hi\n\nhi\n--b--\n"
    )
