"""Events: recorded facts in the past tense, never edited. Folding them gives an enrollment's Progress.

They carry ids, codes, numbers and instants; never a name, an address, a note or a text (those are personal data and
live in tables that erasure can reach). What an event does to an enrollment is told by core/progress.py.

`by` says who did it. `person:NAME` is a named rep, by command, web or API: only that counts as a person's word. The
machine's own: `sequence` (a reaction or the end of the steps), `date` (a pause is over), `pause` (snoozed by one),
`reply`, `complaint`, `fixed` (what was wanting is there now, and no person said "go on"), and, for an uncertain
touch, `sent_folder`, `bounce`, `reply` or `click`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import PlainSerializer, PlainValidator, TypeAdapter

from sequencer.core.answers import (
    AnswerDeferred,
    AnswerGivenUp,
    AnswerQueued,
    AnswerRefused,
    AnswerSent,
    AnswerUncertain,
)  # fmt: skip
from sequencer.core.corrections import Continued, Corrected
from sequencer.core.person_events import ContactAllowed, ContactSuppressed, PersonErased, PersonMerged
from sequencer.core.reaction import Priority, TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.signals import (
    AutoReplyReceived,
    Bounced,
    Clicked,
    ColleagueReplied,
    Complained,
    LeftCompany,
    LinkedInConnected,
    MailUnreadable,
    MeetingBooked,
    Opened,
    OptedOut,
    OwnerWrote,
    PollAnswered,
    ReplyReceived,
)

PERSON = "person:"


def by_person(by: str) -> bool:
    """Whether a named person did it."""
    return by.startswith(PERSON) and len(by) > len(PERSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """`starts_at`: nothing before then, because the enrolment was spread over `spread_days` business days.

    `over`: the gates at the door that a person overrode; their words are a note beside the log.
    """

    sequence: str
    version: int
    step: str
    rep: str
    mailbox: str
    by: str
    starts_at: datetime | None = None
    spread_days: int = 0
    over: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchQueued:
    step: str
    attempt: int
    variant: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchSent:
    """`sent_at`: when the final dot was written. `crossed`: a stop was recorded meanwhile."""

    step: str
    attempt: int
    sent_at: datetime
    crossed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchDeferred:
    """A 4xx inside the SMTP dialogue. `again_at` is None when every try is used up."""

    step: str
    attempt: int
    code: int
    enhanced: str
    again_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchRefused:
    step: str
    attempt: int
    code: int
    enhanced: str
    address_invalid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchUncertain:
    step: str
    attempt: int
    fenced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchSettled:
    """An uncertain touch turned out to be sent (`sent_at`), by positive evidence or a named person."""

    step: str
    attempt: int
    sent_at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchReattempted:
    """A named person asked for one more attempt: of an uncertain touch the same bytes and Message-ID, else new ones."""

    step: str
    attempt: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchCancelled:
    """A queued touch was called back and may be queued again; of an uncertain one: a person gave it up for good."""

    step: str
    attempt: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchNotRendered:
    """`field` is the missing field's name (`account.name`) or the template's path: never a value."""

    step: str
    reason: Literal[Reason.MISSING_FIELD, Reason.TEMPLATE_ERROR]
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOpened:
    """`task` is unique in the enrollment: `call-1#2`, `reply:answer#3`, `rule:hot:call#4`; `step` None: beside them.

    Recorded again for a task that was just closed, it takes the closing back (undo).
    """

    task: str
    step: str | None
    work: TaskKind
    priority: Priority
    due_at: datetime
    script: str | None = None
    review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDone:
    """`until`: when to call back, where the outcome asks for it."""

    task: str
    outcome: str
    by: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSkipped:
    """A person skipped the task, and with it its step."""

    task: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSnoozed:
    """The task is due at `until`; a later one replaces it, in both directions."""

    task: str
    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled:
    task: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOverdue:
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted:
    """A step that a person performed is over; `as_of` is what the next wait counts from."""

    step: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    step: str
    reason: Reason
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlanned:
    """The step opens again at `again_at`; `counted` tries are limited by the reaction's `max`."""

    step: str
    again_at: datetime
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchTaken:
    step: str
    target: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WentTo:
    step: str
    target: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PausePut:
    """`until` None: open. `due_at`: when the enrollment was due before, so that resuming can give the rest back."""

    reason: Reason
    until: datetime | None
    due_at: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseTaken:
    reason: Reason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPut:
    """`detail`: a field's name, a reply code, a date; never a value of a person."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTaken:
    """By a person: they say that it goes on. Else, after more than 14 days, a rep is asked to confirm that."""

    reason: Reason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    reason: FinishReason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """The signal that was event number `to` of this enrollment has been answered."""

    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFired:
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    about: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassigned:
    """`mailbox` None: the mailbox stays."""

    rep: str
    mailbox: str | None = None
    by: str = "sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionApplied:
    """The person follows version `version` from now on; `step` is where an edit moved them, if it did.

    `renamed`: old and new id of each renamed step; `sequence`: the sequence's new id.
    """

    version: int
    step: str | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    sequence: str | None = None


Event = (
    Enrolled | TouchQueued | TouchSent | TouchDeferred | TouchRefused | TouchUncertain | TouchSettled
    | TouchReattempted | TouchCancelled | TouchNotRendered | AnswerQueued | AnswerSent | AnswerDeferred
    | AnswerRefused | AnswerUncertain | AnswerGivenUp | TaskOpened | TaskDone | TaskSkipped | TaskSnoozed
    | TaskCancelled | TaskOverdue | StepCompleted | StepSkipped | RetryPlanned | BranchTaken | WentTo | PausePut
    | PauseTaken | HoldPut | HoldTaken | Finished | Reacted | RuleFired | Notified | ContactSuppressed | Reassigned
    | ReplyReceived | AutoReplyReceived | LeftCompany | Bounced | OptedOut | Complained | MeetingBooked
    | ColleagueReplied | OwnerWrote | MailUnreadable | Opened | Clicked | PollAnswered | LinkedInConnected
    | VersionApplied | ContactAllowed | PersonMerged | PersonErased | Corrected | Continued
)  # fmt: skip

# What needs an answer by `decide`: each stays in Progress.signals until a Reacted names it.
Signal = (
    TouchDeferred | TouchRefused | TouchUncertain | TouchSettled | TouchReattempted | TouchNotRendered | TaskDone
    | TaskSkipped | TaskOverdue | ReplyReceived | AutoReplyReceived | LeftCompany | Bounced | OptedOut | Complained
    | MeetingBooked | ColleagueReplied | OwnerWrote | MailUnreadable
)  # fmt: skip

EVENT_KINDS: dict[str, type[Any]] = {event.__name__: event for event in get_args(Event)}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(EVENT_KINDS[kind])


def kind_of(event: Event) -> str:
    """The name under which the log keeps it."""
    return type(event).__name__


def to_json(event: Event) -> str:
    """The event's fields as JSON, without its kind; what the log stores."""
    return _adapter(kind_of(event)).dump_json(event, exclude_defaults=True).decode()


def from_json(kind: str, text: str) -> Event:
    """Raises KeyError for a kind that this version does not know, ValueError for fields that do not fit."""
    event: Event = _adapter(kind).validate_json(text)
    return event


def _revive(stored: Any) -> Event:
    return from_json(stored[0], stored[1]) if isinstance(stored, list | tuple) else stored


StoredSignal = Annotated[
    Signal,
    PlainSerializer(lambda signal: (kind_of(signal), to_json(signal)), return_type=tuple[str, str]),
    PlainValidator(_revive),
]
