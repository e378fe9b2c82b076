"""People, mailboxes and policy as the core sees them: values, read by the store or config and handed in.

They carry what a decision or a template needs and nothing else. They know no table and no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sequencer.core.span import Span

Channel = Literal["email", "call", "linkedin"]
ZoneSource = Literal["file", "phone", "country", "person", "unknown"]
FieldValue = str | int | float | bool
Fields = Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class Account:
    """The prospect's company. `id` is the CRM's id, else its web domain."""

    id: str
    name: str = ""
    domain: str = ""
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address of a person, in normalised form; `valid` is false after a hard bounce."""

    email: str
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Prospect:
    """A person. `addresses` in order of preference; `fields` holds what import brought (blank cells are not there)."""

    id: int
    addresses: tuple[Address, ...] = ()
    fields: Fields = field(default_factory=dict)
    account_id: str | None = None
    timezone: str | None = None
    zone_source: ZoneSource = "unknown"
    country: str | None = None
    phone: str | None = None
    linkedin: str | None = None

    @property
    def address(self) -> str | None:
        """The address to write to: the first valid one."""
        return next((address.email for address in self.addresses if address.valid), None)


@dataclass(frozen=True, slots=True)
class Rep:
    name: str
    email: str
    timezone: ZoneInfo
    calls_per_day: int = 40
    connects_per_week: int = 80
    meeting_link: str = ""
    signature: str = ""
    role: Literal["rep", "manager", "admin"] = "rep"


@dataclass(frozen=True, slots=True)
class Ramp:
    """A new mailbox's cap: `start` on its first sending day, `step` more on each further one."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A sending identity. `cap_per_day` counts in `timezone`'s local day; gap and jitter in seconds."""

    address: str
    display_name: str
    rep: str
    timezone: ZoneInfo
    cap_per_day: int = 50
    ramp: Ramp | None = None
    gap_s_min: float = 90.0
    gap_s_jitter: float = 60.0
    connections: int = 1
    has_inbox: bool = True


@dataclass(frozen=True, slots=True)
class Brake:
    """Shares of a mailbox's mails above which it stops by itself, and of how many mails at least (core/brake.py)."""

    bounce_rate: float = 0.05
    complaint_rate: float = 0.003
    min_sent: int = 50


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of the installation; they always win over a sequence."""

    person_touches_per_week: int = 5
    person_gap: Span = Span(20, "h")
    account_touches_per_day: int = 3
    domain_messages_per_day: int = 20
    inbox_max_age: Span = Span(5, "m")
    cool_off: Mapping[str, Span] = field(default_factory=dict)
    brake: Brake = Brake()


@dataclass(frozen=True, slots=True)
class Absence:
    """A rep's days away, both ends included, in the rep's zone; `number`: which [[away]] of config.toml, from 0."""

    rep: str
    first: date
    last: date
    cover: str | None = None
    number: int = 0

    @property
    def until(self) -> str:
        """The last day away, in words."""
        return f"{self.last.day} {self.last:%B}"


BRAKE = "brake"


@dataclass(frozen=True, slots=True)
class OuterPause:
    """A pause above the enrollment: of the installation, a sequence or a mailbox; by a person, or by the brake.

    "restored": the database may have forgotten what was sent; nobody resumes that, it is reconciled.
    """

    scope: Literal["all", "sequence", "mailbox", "restored"]
    key: str
    reason: str
    by: str
    at: datetime

    @property
    def braked(self) -> bool:
        """Whether the mailbox stopped by itself; then `reason` has the numbers."""
        return self.by == BRAKE
