"""A month of 500 people: the installation, its sequences, and what each person and rep does, by hash and not by dice.

For tests/integration/test_why_month.py. What happens when is tests/integration/month.py's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sequencer.world.chance import among, share
from sequencer.world.smtp import Verdict

BEGINS = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # a Monday, three days before Thanksgiving
# Nobody answers, commands or works a task then: what comes was foreseeable, to the second.
CALM = (
    (datetime(2026, 11, 25, 4, tzinfo=UTC), datetime(2026, 11, 27, 4, tzinfo=UTC)),
    (datetime(2026, 12, 8, 4, tzinfo=UTC), datetime(2026, 12, 11, 4, tzinfo=UTC)),
)
ENDS = datetime(2026, 12, 21, 5, 0, tzinfo=UTC)
REPS = {"ana": "Europe/Madrid", "bo": "America/New_York", "cy": "Asia/Kolkata"}
HOMES = (
    ("Europe/Madrid", "ES"), ("Europe/Berlin", "DE"), ("Europe/London", "GB"), ("America/New_York", "US"),
    ("America/Los_Angeles", "US"), ("Asia/Kolkata", "IN"), ("Asia/Tokyo", "JP"), ("Australia/Lord_Howe", "AU"),
    ("", ""),
)  # fmt: skip
# What caps and loads are with 500 people, and at least.
LIMITS: Mapping[str, tuple[int, int]] = {
    "cap": (3, 45), "start": (2, 12), "step": (1, 4), "tight": (2, 22), "calls": (2, 9), "connects": (3, 45),
}  # fmt: skip

CONFIG = """
[company]
name = "Ourco"
postal_address = "1 Example Street, 28001 Madrid, Spain"
own_domains = ["ourco.test"]
[policy]
window = "business_hours"
person_touches_per_week = 3
person_gap = "20h"
account_touches_per_day = 2
domain_messages_per_day = 6
[windows.business_hours]
mon-fri = ["08:30-11:30", "13:30-17:00"]
[windows.mornings]
mon-fri = ["08:00-12:00"]
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "Europe/Madrid"
calls_per_day = {calls}
[[reps]]
name = "bo"
email = "bo@ourco.test"
timezone = "America/New_York"
calls_per_day = 40
connects_per_week = {connects}
[[reps]]
name = "cy"
email = "cy@ourco.test"
timezone = "Asia/Kolkata"
[[mailboxes]]
address = "ana@ourco.test"
rep = "ana"
timezone = "Europe/Madrid"
cap_per_day = {cap}
ramp = {{ start = {start}, step = {step} }}
gap = {{ min = "90s", jitter = "60s" }}
connections = 1
smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}
maildir = "mail/ana"
[[mailboxes]]
address = "bo@ourco.test"
rep = "bo"
timezone = "America/New_York"
cap_per_day = {cap}
gap = {{ min = "60s", jitter = "30s" }}
connections = 1
smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}
maildir = "mail/bo"
[[mailboxes]]
address = "cy@ourco.test"
rep = "cy"
timezone = "Asia/Kolkata"
cap_per_day = {tight}
gap = {{ min = "0s", jitter = "0s" }}
connections = 2
smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}
maildir = "mail/cy"
[[away]]
rep = "bo"
from = 2026-12-09
to = 2026-12-11
[[away]]
rep = "ana"
from = 2026-12-03
to = 2026-12-04
cover = "cy"
"""

SEQUENCES: Mapping[str, str] = {
    "outbound": """
title: Mails and a call
on:
  auto_reply: {pause: until_return, else: 5d, max: 30d}
  account_reply: {pause: 3d}
steps:
  - id: intro
    email: intro.md
  - id: ring
    wait: 2bd
    call: ring.md
    outcomes: {no_answer: {retry: {after: 1bd, max: 2}}, call_back: snooze, wrong_number: {hold: bad_phone}}
    on_overdue: {after: 4bd, do: skip}
  - id: bump
    wait: 1bd
    at: "09:00-10:30"
    email: bump.md
    reply_to: intro
  - id: proof
    wait: 3d
    email: proof.md
    reply_to: intro
  - id: breakup
    wait: 4bd
    email: bump.md
    reply_to: intro
""",
    "social": """
title: LinkedIn first
steps:
  - id: connect
    linkedin: connect
    note: note.txt
    on_overdue: {after: 3bd, do: skip}
  - id: hello
    wait: 1d
    email: intro.md
  - id: accepted
    branch: linkedin_connected
    within: 2bd
    then: message
    else: nudge
  - id: message
    linkedin: message
    note: note.txt
    next: last
  - id: nudge
    wait: 1bd
    email: bump.md
    when: not replied
  - id: last
    wait: 3bd
    email: bump.md
    when: days_since(hello) < 12
""",
    "mornings": """
title: Three mails in the morning
settings: {window: mornings, timezone: mailbox, holidays: [US, DE]}
steps:
  - id: first
    email: intro.md
  - id: second
    wait: 26h
    email: bump.md
    review: true
  - id: third
    wait: {for: 4bd, from: first}
    email: proof.md
""",
}
TEMPLATES = {
    "intro.md": "Subject: An idea\n\nHi {{ prospect.first_name }},\n\nshall we talk?\n",
    "bump.md": "Subject: Again\n\nHi {{ prospect.first_name }}, any thoughts?\n",
    "proof.md": "Subject: Proof\n\nHi {{ prospect.first_name }}, {{ prospect.topic }} matters.\n",
    "ring.md": "Ask {{ prospect.first_name }}\n",
    "note.txt": "Hello {{ prospect.first_name }}\n",
}
BOX_OF = {name: f"{name}@ourco.test" for name in REPS}


@dataclass(frozen=True, slots=True)
class Villager:
    """One simulated person; `id` and `key` are those of their rows."""

    number: int
    address: str
    zone: str
    country: str
    account: str
    fields: Mapping[str, str]
    rep: str
    sequence: str
    joins_at: datetime
    phone: str
    id: int = 0
    key: int = 0

    def luck(self, *what: object) -> float:
        return share("month", self.number, *what)


def villagers(people: int) -> Iterator[Villager]:
    """Everybody, the same for the same number of people."""
    for number in range(people):
        zone, country = HOMES[number % len(HOMES)]
        firm = number // 3 if number % 4 else number
        account = "gmail.com" if number % 11 == 5 else f"firm{firm}.test"
        fields = {"topic": "speed"} if number % 17 else {}
        if number % 29 != 7:
            fields["first_name"] = f"P{number}"
        joins = BEGINS + timedelta(days=(0, 0, 0, 1, 7, 8)[int(6 * share("joins", number))], minutes=number % 50)
        yield Villager(
            number, f"p{number}@{account}", zone, country, account, fields, among(tuple(REPS), "rep", number),
            among(tuple(SEQUENCES), "sequence", number), joins, "+34810123499" if number % 9 else "",
        )  # fmt: skip


@dataclass(slots=True)
class Door:
    """Where their mail arrives: takes it at once, but for some addresses. `seen`: how often each was tried."""

    seen: dict[str, int] = field(default_factory=dict)
    calm: bool = False

    def at_rcpt(self, sender: str, recipient: str) -> str:
        tried = self.seen[recipient] = self.seen.get(recipient, 0) + 1
        luck = share("door", recipient)
        if luck < 0.02:
            return "550 5.1.1 no such user here"
        if luck < 0.05 and tried % 4 == 1 and not self.calm:
            return "451 4.7.1 greylisted, try again later"
        return "250 2.1.5 OK"

    def at_dot(self, sender: str, recipient: str, raw: bytes) -> Verdict:
        return Verdict()


def is_calm(at: datetime) -> bool:
    return any(begins <= at < ends for begins, ends in CALM)


def day_back(at: datetime, luck: float) -> date:
    """When somebody who is away says that they are back."""
    return at.date() + timedelta(days=2 + int(6 * luck))
