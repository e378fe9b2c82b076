"""The tables, for SQLite and PostgreSQL alike.

SQLModel gives the shape and alembic its history; hot paths use SQLAlchemy Core on `Model.__table__`. Names, addresses
and texts stand only in tables that erasure can reach; events carry ids, codes and numbers. No query is written here.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from sequencer.store.columns import Instant, Table, Word, core, json_column, partial_index


class Meta(Table, table=True):
    """Facts of the installation: its key, its epoch, the highest instant it has seen."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


class Scope(Table, table=True):
    """What stands above people: the installation ("all"), a sequence, a mailbox, an account.

    `seq` is raised by everything that may change whether a mail of this scope may leave; the fence compares it.
    """

    __tablename__ = "scopes"
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    seq: int = 0
    paused_at: datetime | None = Field(default=None, sa_type=Instant)
    paused_by: str | None = None
    pause_reason: str | None = None


class Account(Table, table=True):
    __tablename__ = "accounts"
    id: str = Field(primary_key=True)
    name: str = ""
    domain: str = Field(default="", index=True)
    fields: dict[str, Any] = json_column()


class Prospect(Table, table=True):
    """A person. `seq` is raised with every event of theirs.

    `merged_into`: whose second row this was. A row that was merged, or erased, is empty; its id names nobody else.
    """

    __tablename__ = "prospects"
    id: int | None = Field(default=None, primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="accounts.id", index=True)
    timezone: str | None = None
    zone_source: str = "unknown"
    country: str | None = None
    phone: str | None = None
    linkedin: str | None = None
    fields: dict[str, Any] = json_column()
    seq: int = 0
    created_at: datetime = Field(sa_type=Instant)
    merged_into: int | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Instant)


class Address(Table, table=True):
    """An address has one owner. `email` is normalised."""

    __tablename__ = "addresses"
    email: str = Field(primary_key=True)
    prospect_id: int = Field(foreign_key="prospects.id", index=True)
    position: int = 0
    valid: bool = True
    invalid_code: str | None = None


class ListMember(Table, table=True):
    """A list is a named set of prospects and owns nothing."""

    __tablename__ = "list_members"
    name: str = Field(primary_key=True)
    prospect_id: int = Field(primary_key=True, foreign_key="prospects.id")


class Suppression(Table, table=True):
    """A rule that forbids contact; `channel` "" is every channel. A lifted rule stays, with who lifted it and why."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("kind", "value", "channel"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    value: str
    channel: str = ""
    reason: str
    by: str
    at: datetime = Field(sa_type=Instant)
    opt_out: bool = Field(default=False, sa_column_kwargs={"server_default": text("FALSE")})
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    lifted_by: str | None = None
    lift_reason: str | None = None


class Version(Table, table=True):
    """An applied sequence with every file it names, so that the daemon needs no working copy."""

    __tablename__ = "versions"
    sequence_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    source: str = Field(sa_type=Text)
    files: dict[str, Any] = json_column()
    applied_at: datetime = Field(sa_type=Instant)
    applied_by: str


class Enrollment(Table, table=True):
    """One prospect in one sequence; `progress` is the projection of its events."""

    __tablename__ = "enrollments"
    __table_args__ = (
        partial_index("uq_enrollments_live", "prospect_id", "sequence_id", unique=True, where="status <> 'finished'"),
        partial_index(
            "uq_enrollments_exclusive", "prospect_id", unique=True, where="exclusive AND status <> 'finished'",
        ),
        partial_index("ix_enrollments_due", "due_at", where="due_at IS NOT NULL"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    prospect_id: int = Field(foreign_key="prospects.id")
    sequence_id: str = Field(index=True)
    version: int
    mailbox: str
    rep: str
    exclusive: bool
    status: str = Field(sa_type=Word)
    step: str
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    progress: str = Field(sa_type=Text)
    enrolled_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    finish_reason: str | None = None
    last_touch_at: datetime | None = Field(default=None, sa_type=Instant)


class Event(Table, table=True):
    """The log: appended, never edited. `body` is the event's fields as JSON."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_enrollment", "enrollment_id", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Instant)
    prospect_id: int = Field(index=True)
    enrollment_id: int | None = None
    kind: str
    body: str = Field(sa_type=Text)


class Task(Table, table=True):
    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "key"),
        partial_index("ix_tasks_open", "rep", "due_at", where="state = 'open'"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = Field(foreign_key="enrollments.id")
    prospect_id: int = Field(foreign_key="prospects.id", index=True)
    key: str
    step: str | None = None
    rep: str
    work: str
    priority: str
    script: str | None = None
    review: bool = False
    state: str = Field(default="open", sa_type=Word)
    due_at: datetime = Field(sa_type=Instant)
    opened_at: datetime = Field(sa_type=Instant)
    snoozed_until: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None


class Draft(Table, table=True):
    """What a rep wrote for one person in place of the template (personal data)."""

    __tablename__ = "drafts"
    enrollment_id: int = Field(primary_key=True, foreign_key="enrollments.id")
    step: str = Field(primary_key=True)
    subject: str | None = None
    body: str = Field(sa_type=Text)


class Note(Table, table=True):
    """What a rep noted when a task was done (personal data)."""

    __tablename__ = "notes"
    id: int | None = Field(default=None, primary_key=True)
    prospect_id: int = Field(foreign_key="prospects.id", index=True)
    task_id: int | None = None
    at: datetime = Field(sa_type=Instant)
    by: str
    text: str = Field(sa_type=Text)


class Send(Table, table=True):
    """One attempt to send one mail. The row and its bytes are committed before the socket opens.

    `seqs`: the numbers that its decision read. `fence`: the mailbox's lease number under which the dot was allowed.
    `copied_at`: when we filed its copy in the Sent folder, or found it there; NULL also where nobody asked for one.
    """

    __tablename__ = "sends"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "attempt"),
        partial_index("ix_sends_due", "mailbox", "due_at", where="state = 'queued'"),
        partial_index("uq_sends_open", "prospect_id", unique=True, where="state IN ('sending', 'uncertain', 'person')"),
        Index("ix_sends_sent", "mailbox", "sending_at"),
        Index("ix_sends_prospect", "prospect_id", "sending_at"),
        partial_index("ix_sends_failed", "mailbox", "settled_at", where="state = 'failed'"),
        partial_index("ix_sends_uncopied", "mailbox", "sending_at", where="state = 'sent' AND copied_at IS NULL"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = Field(foreign_key="enrollments.id")
    step: str
    attempt: int
    prospect_id: int = Field(foreign_key="prospects.id")
    account_id: str | None = None
    sequence_id: str
    mailbox: str
    variant: str = ""
    version: int
    state: str = Field(default="queued", sa_type=Word)
    due_at: datetime = Field(sa_type=Instant)
    not_before: datetime | None = Field(default=None, sa_type=Instant)
    first_touch: bool = False
    address: str = ""
    domain: str | None = None
    message_id: str | None = Field(default=None, index=True)
    subject: str = ""
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    rendered_at: datetime | None = Field(default=None, sa_type=Instant)
    seqs: str = ""
    valid_until: datetime | None = Field(default=None, sa_type=Instant)
    fence: int | None = None
    local_day: date | None = Field(default=None, sa_type=Date)
    sending_at: datetime | None = Field(default=None, sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    code: int = 0
    enhanced: str = ""
    reply: str = Field(default="", sa_type=Text)
    settled_by: str = ""
    looks: int = 0
    wait_reason: str = ""
    copied_at: datetime | None = Field(default=None, sa_type=Instant)


class Usage(Table, table=True):
    """Counters that the fence takes: mails of a mailbox, an account, a domain on one local day of the mailbox."""

    __tablename__ = "usage"
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    n: int = 0


class Mailbox(Table, table=True):
    """What changes about a mailbox: its lease, its pace, whether it works.

    `answers_read_at`: when a person said that all answers in it were read, after it had left config.toml.
    `resting_until` and `rest_reason` stand from a try that reached no person until a server judges a mail again.
    """

    __tablename__ = "mailboxes"
    address: str = Field(primary_key=True)
    owner: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    fence: int = 0
    last_sent_at: datetime | None = Field(default=None, sa_type=Instant)
    broken_at: datetime | None = Field(default=None, sa_type=Instant)
    broken_reason: str | None = None
    resting_until: datetime | None = Field(default=None, sa_type=Instant)
    rest_reason: str | None = None
    answers_read_at: datetime | None = Field(default=None, sa_type=Instant)
    answers_read_by: str | None = None


class Inbox(Table, table=True):
    """One inbox, however many reps share it. `synced_at`: when the last walk began that reached every folder's end."""

    __tablename__ = "inboxes"
    name: str = Field(primary_key=True)
    synced_at: datetime | None = Field(default=None, sa_type=Instant)
    broken_at: datetime | None = Field(default=None, sa_type=Instant)
    broken_reason: str | None = None
    lost_at: datetime | None = Field(default=None, sa_type=Instant)
    lost_reason: str | None = None


class Cursor(Table, table=True):
    """How far a folder was walked. The numbers are IMAP's, of 32 bits without a sign (RFC 9051, 2.3.1.1)."""

    __tablename__ = "cursors"
    inbox: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    uid_validity: int = Field(sa_type=BigInteger)
    uid_last: int = Field(default=0, sa_type=BigInteger)
    state: str = Field(default="", sa_type=Text)
    messages_left: int = 0


class Inbound(Table, table=True):
    """A mail that is ours: stored before it is judged, then projected to exactly one event, or parked.

    `state`: stored, judged, projected or parked. `raw` is compressed. `set_by`: who said what it is, "" for the rules.
    """

    __tablename__ = "inbound"
    __table_args__ = (
        partial_index("ix_inbound_open", "state", where="state IN ('stored', 'judged')"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    identity: str = Field(unique=True)
    inbox: str
    folder: str
    outgoing: bool = False
    received_at: datetime = Field(sa_type=Instant)
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str = Field(default="stored", sa_type=Word)
    classifier: int = 0
    judgement: str = Field(default="", sa_type=Text)
    answer: str | None = None
    prospect_id: int | None = Field(default=None, index=True)
    enrollment_id: int | None = None
    send_id: int | None = Field(default=None, index=True)
    reason: str = ""
    projected_at: datetime | None = Field(default=None, sa_type=Instant)
    set_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class RelayId(Table, table=True):
    """The id that a relay gave to a mail of ours in the place of ours: `known_as`, as answers name it."""

    __tablename__ = "relay_ids"
    known_as: str = Field(primary_key=True)
    send_id: int = Field(foreign_key="sends.id", index=True)


class NotOurs(Table, table=True):
    """Mail that was looked at and left alone: where it lies and a keyed hash, nothing else."""

    __tablename__ = "not_ours"
    inbox: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    uid_validity: int = Field(primary_key=True, sa_type=BigInteger)
    uid: int = Field(primary_key=True, sa_type=BigInteger)
    hash: str


class Erased(Table, table=True):
    """An address of somebody who was erased, as a keyed hash; `salt` is the key it was made with (store/erasure.py)."""

    __tablename__ = "erased"
    hash: str = Field(primary_key=True)
    salt: str
    at: datetime = Field(sa_type=Instant)


META, SCOPES, VERSIONS = core(Meta), core(Scope), core(Version)
ACCOUNTS, PROSPECTS, ADDRESSES, LIST_MEMBERS = core(Account), core(Prospect), core(Address), core(ListMember)
SUPPRESSIONS, ENROLLMENTS, EVENTS = core(Suppression), core(Enrollment), core(Event)
TASKS, DRAFTS, NOTES = core(Task), core(Draft), core(Note)
SENDS, USAGE, MAILBOXES = core(Send), core(Usage), core(Mailbox)
INBOXES, CURSORS, INBOUND, NOT_OURS = core(Inbox), core(Cursor), core(Inbound), core(NotOurs)
RELAY_IDS = core(RelayId)
ERASED = core(Erased)
