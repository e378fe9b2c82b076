"""A small world in which every guarantee holds, made by hand, so that a test can break exactly one thing in it.

One person gets two mails and answers the second; another one opts out after the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sequencer.config import AwaySection, Config, parse
from sequencer.content.definition import from_stored
from sequencer.core import events as e
from sequencer.core.people import Address, Prospect
from sequencer.core.progress import fold
from sequencer.core.reason import FinishReason
from sequencer.store.census import Census, Rule
from sequencer.store.inbox import InboundRow
from sequencer.store.log import Enrollment, Entry
from sequencer.store.sends import SendRow
from sequencer.store.tasks import TaskRow
from sequencer.world.evidence import Evidence
from sequencer.world.record import Delivered, Read, Record, Took

ANA = "ana@ourco.test"
JO, KAI = "jo@acme.test", "kai@zeta.test"
INTRO_AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # Monday, nine o'clock in Denver
KAI_AT = INTRO_AT + timedelta(minutes=5)
BUMP_AT = datetime(2026, 11, 25, 16, 30, tzinfo=UTC)
ANSWER_AT = BUMP_AT + timedelta(hours=2)
ENDS = datetime(2026, 12, 10, tzinfo=UTC)

CONFIG: Config = parse("""
[company]
name = "Ourco"
own_domains = ["ourco.test"]
[windows.business_hours]
mon-fri = ["08:30-11:30", "13:30-17:00"]
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "Europe/Madrid"
[[mailboxes]]
address = "ana@ourco.test"
rep = "ana"
timezone = "Europe/Madrid"
cap_per_day = 50
ramp = { start = 2, step = 1 }
gap = { min = "90s", jitter = "0s" }
smtp = { host = "127.0.0.1", port = 25, security = "none" }
maildir = "mail"
""")
SEQUENCE = from_stored(
    "two",
    "title: Two\nsteps:\n  - id: intro\n    email: a.md\n  - id: bump\n    wait: 2bd\n    email: a.md\n",
    {"a.md": "Subject: Hi\n\nHello\n"},
).sequence


@dataclass
class SmallWorld:
    """What `seen()` is made of; tests change it before they call that."""

    record: Record = field(default_factory=Record)
    sends: list[SendRow] = field(default_factory=list)
    logs: dict[int, list[Entry]] = field(default_factory=dict)
    alone: list[Entry] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)
    usage: dict[tuple[str, str, date], int] = field(default_factory=dict)
    inbound: list[InboundRow] = field(default_factory=list)
    mails: dict[int, bytes] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    lying: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    due_at: dict[int, datetime | None] = field(default_factory=dict)
    stored: dict[int, Any] = field(default_factory=dict)
    away: list[AwaySection] = field(default_factory=list)

    def took(self, message_id: str, at: datetime, recipient: str = JO, raw: bytes = b"mail") -> None:
        self.record.note(
            Took, at=at, sender=ANA, recipient=recipient, message_id=message_id, subject=message_id, raw=raw
        )  # fmt: skip

    def read(self, at: datetime) -> None:
        self.record.note(Read, at=at, mailbox=ANA, begun=self.record.mark())

    def delivered(self, at: datetime, person: str, effect: str, raw: bytes, **values: Any) -> None:
        name = f"new/{len(self.lying)}"
        self.lying[ANA, "", name] = raw
        self.record.note(
            Delivered, at=at, mailbox=ANA, folder="", name=name, raw=raw, kind=effect, person=person, effect=effect,
            **values,
        )  # fmt: skip

    def seen(self) -> Evidence:
        progress = {key: fold((entry.at, entry.event) for entry in log) for key, log in self.logs.items()}
        enrollments = {
            key: Enrollment(
                key,
                key,
                "two",
                1,
                ANA,
                "ana",
                True,
                one.status,
                self.due_at.get(key),
                self.stored.get(key, one),
                0,
            )
            for key, one in progress.items()
        }
        census = Census(
            enrollments=enrollments,
            finish_reasons={key: one.finished.value if one.finished else None for key, one in progress.items()},
            events={key: tuple(log) for key, log in self.logs.items()}, alone=tuple(self.alone),
            sends=tuple(self.sends), tasks=tuple(self.tasks), usage=self.usage, inbound=tuple(self.inbound),
            mails=self.mails, not_ours=0, rules=tuple(self.rules),
            people={
                1: Prospect(1, (Address(JO),), {}, "acme.test", "America/Denver", "file", "US"),
                2: Prospect(2, (Address(KAI),), {}, "zeta.test", "America/Denver", "file", "US"),
            },
        )  # fmt: skip
        config = CONFIG.model_copy(update={"away": tuple(self.away)})
        return Evidence(config, {"two": SEQUENCE}, self.record, census, self.lying, ENDS)

    def change_send(self, message_id: str, **values: Any) -> None:
        self.sends = [row._replace(**values) if row.message_id == message_id else row for row in self.sends]

    def entry(self, key: int, at: datetime, *events: e.Event) -> None:
        """Further lines of one log, in the order of time."""
        self.logs[key] = sorted(
            [*self.logs[key], *(Entry(at, key, key, event) for event in events)], key=lambda x: x.at
        )


def send(
    key: int, enrollment: int, step: str, message_id: str, at: datetime | None, account: str, **values: Any
) -> SendRow:
    blank: dict[str, Any] = dict.fromkeys(SendRow._fields, "")
    return SendRow(**{
        **blank, "id": key, "enrollment_id": enrollment, "step": step, "attempt": 1, "prospect_id": enrollment,
        "account_id": account, "sequence_id": "two", "mailbox": ANA, "version": 1, "state": "sent",
        "due_at": at or INTRO_AT, "not_before": None, "first_touch": step == "intro", "address": "", "domain": account,
        "message_id": message_id, "rendered_at": at, "valid_until": at, "fence": 1,
        "local_day": at.date() if at else None, "sending_at": at, "settled_at": at, "code": 250, "looks": 0, **values,
    })  # fmt: skip


def task(key: int, person: int, work: Any, state: str, opened_at: datetime, closed_at: datetime | None) -> TaskRow:
    return TaskRow(
        key, person, person, f"{work}#{key}", None, "ana", work, "normal", None, False, state, opened_at, opened_at,
        None, closed_at, None,
    )  # fmt: skip


def mail_row(key: int, person: int, **values: Any) -> InboundRow:
    blank: dict[str, Any] = {one.name: "" for one in fields(InboundRow)}
    return InboundRow(**{
        **blank, "id": key, "outgoing": False, "received_at": ANSWER_AT, "state": "projected", "classifier": 1,
        "answer": None, "prospect_id": person, "enrollment_id": person, "send_id": None, "projected_at": ANSWER_AT,
        **values,
    })  # fmt: skip


def small_world() -> SmallWorld:
    """Everything holds."""
    world = SmallWorld()
    first = e.Enrolled(sequence="two", version=1, step="intro", rep="ana", mailbox=ANA, by="person:ana")
    for key, log in ((1, _jo()), (2, _kai())):
        world.logs[key] = [Entry(at, key, key, event) for at, event in [(INTRO_AT, first), *log]]
    world.read(INTRO_AT)
    world.took("<1@x>", INTRO_AT)
    world.took("<2@x>", KAI_AT, KAI)
    world.delivered(KAI_AT + timedelta(hours=1), KAI, "opt_out", b"please stop")
    world.delivered(KAI_AT + timedelta(hours=1), "", "noise", b"the menu")
    world.read(KAI_AT + timedelta(hours=1))
    world.read(BUMP_AT - timedelta(minutes=1))
    world.took("<3@x>", BUMP_AT)
    world.delivered(ANSWER_AT, JO, "stop", b"tell me more")
    world.read(ANSWER_AT)
    world.sends = [
        send(1, 1, "intro", "<1@x>", INTRO_AT, "acme.test"), send(2, 2, "intro", "<2@x>", KAI_AT, "zeta.test"),
        send(3, 1, "bump", "<3@x>", BUMP_AT, "acme.test"),
    ]  # fmt: skip
    for row in world.sends:
        assert row.local_day is not None
        for place in (("mailbox", ANA), ("account", row.account_id or ""), ("domain", row.domain or "")):
            world.usage[*place, row.local_day] = world.usage.get((*place, row.local_day), 0) + 1
    world.inbound = [mail_row(1, 2), mail_row(2, 1)]
    world.mails = {1: b"please stop", 2: b"tell me more"}
    world.rules = [Rule("person", "2", "", KAI_AT)]
    return world


def _jo() -> Iterable[tuple[datetime, e.Event]]:
    yield INTRO_AT, e.TouchQueued(step="intro", attempt=1, variant="only", version=1)
    yield INTRO_AT, e.TouchSent(step="intro", attempt=1, sent_at=INTRO_AT)
    yield BUMP_AT, e.TouchQueued(step="bump", attempt=1, variant="only", version=1)
    yield BUMP_AT, e.TouchSent(step="bump", attempt=1, sent_at=BUMP_AT)
    yield ANSWER_AT, e.ReplyReceived(message=2, answer="interested")
    yield ANSWER_AT, e.Finished(reason=FinishReason.REPLIED, by="reply")


def _kai() -> Iterable[tuple[datetime, e.Event]]:
    yield KAI_AT, e.TouchQueued(step="intro", attempt=1, variant="only", version=1)
    yield KAI_AT, e.TouchSent(step="intro", attempt=1, sent_at=KAI_AT)
    yield KAI_AT + timedelta(hours=1), e.OptedOut(by="reply", message=1)
    yield KAI_AT + timedelta(hours=1), e.Finished(reason=FinishReason.OPTED_OUT, by="reply")
