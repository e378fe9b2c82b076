"""Why something waits, was skipped, held or refused: a closed list, one sentence each.

Every gate, hold, pause, skip and finish stores one of these codes, so that `why` never has to guess. Details that
differ by person (a field's name, a number, a date) go beside the code. No text is rendered here beyond the sentence.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FinishReason(StrEnum):
    """The ends of an enrollment (LIFECYCLE)."""

    COMPLETED = "completed"
    REPLIED = "replied"
    MEETING = "meeting"
    GOAL = "goal"
    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"
    MOVED = "moved"
    REMOVED = "removed"
    DISQUALIFIED = "disqualified"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Codes of gates, holds, pauses, skips and refusals."""

    # gates that open by themselves
    WAIT = "wait"
    SPREAD = "spread"
    WINDOW_CLOSED = "window_closed"
    HOLIDAY = "holiday"
    WITHIN = "within"
    RETRY = "retry"
    CAP = "cap"
    GAP = "gap"
    PERSON_WEEK = "person_week"
    PERSON_GAP = "person_gap"
    ACCOUNT_DAY = "account_day"
    DOMAIN_DAY = "domain_day"
    REP_DAY = "rep_day"
    REP_AWAY = "rep_away"
    INBOX_STALE = "inbox_stale"
    INBOX_UNREAD = "inbox_unread"
    IN_FLIGHT = "in_flight"
    TURN = "turn"
    BACK_OFF = "back_off"
    MAILBOX_RESTS = "mailbox_rests"
    DATABASE_SLOW = "database_slow"
    # pauses
    AWAY = "away"
    ACCOUNT = "account"
    OWNER_WROTE = "owner_wrote"
    BY_PERSON = "by_person"
    BY_SEQUENCE = "by_sequence"
    IMPORTED = "imported"
    SEQUENCE_PAUSED = "sequence_paused"
    MAILBOX_PAUSED = "mailbox_paused"
    ALL_PAUSED = "all_paused"
    RESTORED = "restored"
    BRAKE = "brake"
    # holds
    BAD_ADDRESS = "bad_address"
    BAD_PHONE = "bad_phone"
    NO_ADDRESS = "no_address"
    NO_PHONE = "no_phone"
    MISSING_FIELD = "missing_field"
    TEMPLATE_ERROR = "template_error"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    LONG_ABSENCE = "long_absence"
    UNREADABLE_MAIL = "unreadable_mail"
    MAILBOX_GONE = "mailbox_gone"
    MAILBOX_BROKEN = "mailbox_broken"
    NO_INBOX = "no_inbox"
    CONFIRM_DATE = "confirm_date"
    NEVER_OPENS = "never_opens"
    BUG = "bug"
    # a person's turn
    TASK_OPEN = "task_open"
    REVIEW = "review"
    # skips and cancellations
    CONDITION_FALSE = "condition_false"
    OVERDUE = "overdue"
    RETRIES_USED = "retries_used"
    SUPPRESSED = "suppressed"
    SKIPPED_BY_PERSON = "skipped_by_person"
    BRANCHED_OVER = "branched_over"
    STOPPED = "stopped"
    EDITED = "edited"
    CORRECTED = "corrected"
    # refusals at the door
    ALREADY_ENROLLED = "already_enrolled"
    EXCLUSIVE = "exclusive"
    REENROLL = "reenroll"
    COOL_OFF = "cool_off"
    NO_MAILBOX = "no_mailbox"
    # the end
    FINISHED = "finished"


SENTENCE: dict[Reason, str] = {
    Reason.WAIT: "the step's wait is not over",
    Reason.SPREAD: "the start was put on a later day",
    Reason.WINDOW_CLOSED: "outside the hours in which a touch may leave",
    Reason.HOLIDAY: "a holiday where the person is",
    Reason.WITHIN: "the branch still waits for its condition",
    Reason.RETRY: "the call is tried again later",
    Reason.CAP: "the mailbox's share of today is taken",
    Reason.GAP: "the mailbox leaves a gap between two mails",
    Reason.PERSON_WEEK: "the person had as many touches this week as the policy allows",
    Reason.PERSON_GAP: "the person had a touch a short while ago",
    Reason.ACCOUNT_DAY: "the account had as many touches today as the policy allows",
    Reason.DOMAIN_DAY: "the recipient's domain had as many mails today as the policy allows",
    Reason.REP_DAY: "the rep has as many tasks of this kind as they can do",
    Reason.REP_AWAY: "the rep is away",
    Reason.INBOX_STALE: "the mailbox was not read to its end lately, so an answer could be waiting in it",
    Reason.INBOX_UNREAD: "nothing leaves before the mailbox was read once after a start",
    Reason.IN_FLIGHT: "a mail to this person is on its way",
    Reason.TURN: "other mail of this mailbox goes first",
    Reason.BACK_OFF: "the receiving server asked to try again later",
    Reason.MAILBOX_RESTS: "the mailbox rests for a moment, because its last try failed",
    Reason.DATABASE_SLOW: "the database was too slow to send safely",
    Reason.AWAY: "an automatic reply says that the person is away",
    Reason.ACCOUNT: "a colleague at the account answered",
    Reason.OWNER_WROTE: "the rep wrote to the person by hand",
    Reason.BY_PERSON: "paused by a person",
    Reason.BY_SEQUENCE: "paused by a rule of the sequence",
    Reason.IMPORTED: "brought in by an export: check that no other installation writes to them before you resume",
    Reason.SEQUENCE_PAUSED: "the whole sequence is paused",
    Reason.MAILBOX_PAUSED: "the whole mailbox is paused",
    Reason.ALL_PAUSED: "all sending is paused",
    Reason.RESTORED: "all sends are held, for this database may not know of every mail that has left",
    Reason.BRAKE: "too many bounces or complaints: sending stopped by itself",
    Reason.BAD_ADDRESS: "the address does not work",
    Reason.BAD_PHONE: "the phone number is wrong",
    Reason.NO_ADDRESS: "no address to write to",
    Reason.NO_PHONE: "no phone number to call",
    Reason.MISSING_FIELD: "the text needs a field that this person does not have",
    Reason.TEMPLATE_ERROR: "the template fails for this person",
    Reason.DEFERRED: "the receiving server put the mail off four times",
    Reason.REFUSED: "the receiving server refused the mail",
    Reason.UNCERTAIN: "nobody knows whether the last mail arrived",
    Reason.LONG_ABSENCE: "the person is away for longer than the sequence waits",
    Reason.UNREADABLE_MAIL: "a mail from this person could not be read",
    Reason.MAILBOX_GONE: "the mailbox of this enrollment is no longer in config.toml",
    Reason.MAILBOX_BROKEN: "the mailbox cannot log in or send",
    Reason.NO_INBOX: "the mailbox has no inbox to read answers from",
    Reason.CONFIRM_DATE: "held for more than 14 days: the rep confirms that it should go on",
    Reason.NEVER_OPENS: "the step's hours never open",
    Reason.BUG: "an internal check failed",
    Reason.TASK_OPEN: "a task waits to be done",
    Reason.REVIEW: "a rep approves this mail before it goes",
    Reason.CONDITION_FALSE: "the step's `when` is false",
    Reason.OVERDUE: "the task was overdue",
    Reason.RETRIES_USED: "all retries are used up",
    Reason.SUPPRESSED: "the person may not be contacted on this channel",
    Reason.SKIPPED_BY_PERSON: "skipped by a person",
    Reason.BRANCHED_OVER: "another branch was taken",
    Reason.STOPPED: "the person answered or was stopped meanwhile",
    Reason.EDITED: "the sequence was edited meanwhile",
    Reason.CORRECTED: "the mail that asked for it was misread",
    Reason.ALREADY_ENROLLED: "already in this sequence",
    Reason.EXCLUSIVE: "already in another exclusive sequence",
    Reason.REENROLL: "was in this sequence a short while ago",
    Reason.COOL_OFF: "answered a short while ago",
    Reason.NO_MAILBOX: "the rep has no mailbox",
    Reason.FINISHED: "finished",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is written: a file below the installation's folder and its line (0: not known)."""

    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that a touch has to pass, and what it said.

    `frees_at`: when it opens by itself (aware UTC); `frees_by`: the command or act that opens it. A failed gate has
    one of the two. `detail` is for a person: numbers, zone, names of fields.
    """

    name: str
    passed: bool
    reason: Reason | None = None
    detail: str = ""
    place: Place = Place()
    frees_at: datetime | None = None
    frees_by: str = ""
