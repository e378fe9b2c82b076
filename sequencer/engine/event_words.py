"""Every kind of event in words: one entry a kind, so that a timeline can tell all that ever happened.

The table is total over core's EVENT_KINDS and a test holds it so. Names and texts come from `Beside`, because events
carry none. It reads nothing and knows no zone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sequencer.core import events as e
from sequencer.core.answers import ANSWER
from sequencer.core.reason import SENTENCE, Reason
from sequencer.engine.verbs import person_word
from sequencer.engine.why_words import FINISHED, task_words
from sequencer.store.tasks import TaskRow

__all__ = ["QUIET", "WORDS", "Beside", "words_of"]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside one enrollment's events.

    `subjects` by step and attempt; `tasks` by key; `mails`: first words of a stored mail by its id; `names` of
    colleagues by person id; `when` writes an instant for the reader.
    """

    when: Callable[[datetime], str]
    subjects: Mapping[tuple[str, int], str] = field(default_factory=dict)
    tasks: Mapping[str, TaskRow] = field(default_factory=dict)
    mails: Mapping[int, str] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def mail(self, event: Any) -> str:
        subject = self.subjects.get((event.step, event.attempt), "")
        return f"{event.step}: {subject}" if subject else str(event.step)

    def task(self, event: Any) -> str:
        row = self.tasks.get(event.task)
        name: str = event.task.partition("#")[0]
        if row is None:
            return name.replace(":", ", ")
        return f"{task_words(row.work)} ({f'{row.step}, ' if row.step else ''}task {row.id})"

    def said(self, message: int | None) -> str:
        text = self.mails.get(message, "") if message is not None else ""
        return f": “{text}”" if text else ""


# Bookkeeping that only `--all` shows: each is the other half of a line that says the same.
QUIET: frozenset[type[Any]] = frozenset({e.Reacted, e.StepCompleted, e.TouchQueued})

_BY = {
    "sequence": "by the sequence", "date": "its date has come", "pause": "by a pause", "reply": "in an answer",
    "away": "the rep is away",
    "complaint": "after a complaint", "fixed": "mended", "sent_folder": "found in the Sent folder",
    "bounce": "a bounce names it", "click": "a click names it",
}  # fmt: skip


def words_of(event: e.Event, beside: Beside) -> str:
    """The event as one sentence without its instant."""
    return WORDS[type(event)](event, beside)


def _by(by: str) -> str:
    return f"by {person_word(by)}" if by.startswith(e.PERSON) else _BY.get(by, f"by {by}")


def _reason(reason: Reason) -> str:
    return SENTENCE[reason]


def _code(event: Any) -> str:
    return " ".join(str(part) for part in (event.code or "", event.enhanced) if part)


def _until(until: datetime | None, beside: Beside) -> str:
    return f"until {beside.when(until)}" if until else "until somebody resumes"


def _day(day: date | None) -> str:
    return f", back on {day:%d %b %Y}" if day else ""


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _detail(detail: str) -> str:
    return f" ({detail})" if detail else ""


def _channel(channel: str | None) -> str:
    return f"by {channel}" if channel else "on any channel"


def _bounced(event: e.Bounced) -> str:
    kind = "a delay warning" if event.delayed else "a hard bounce" if event.hard else "a soft bounce"
    what = "the rep's answer" if (event.step or "").startswith(ANSWER) else event.step
    about = f" for {what}" if what else ""
    return f"{kind}{about}{_detail(event.status)}"


def _enrolled(event: e.Enrolled, beside: Beside) -> str:
    from_ = f", from {event.mailbox}" if event.mailbox else ""
    start = (
        f"; not before {beside.when(event.starts_at)}: spread over {event.spread_days} days" if event.starts_at else ""
    )
    over = f"; overridden: {' and '.join(map(_reason, event.over))}" if event.over else ""
    return f"enrolled in {event.sequence} at {event.step}, {_by(event.by)}{from_}{start}{over}"


def _edited(event: e.VersionApplied) -> str:
    moved = f", standing on {event.step} now" if event.step else ""
    renamed = f", called {event.sequence} now" if event.sequence else ""
    return f"follows version {event.version} of the sequence{renamed}{moved}"


_OF_TOUCHES: dict[type[Any], Callable[[Any, Beside], str]] = {
    e.Enrolled: _enrolled,
    e.TouchQueued: lambda one, b: f"mail queued, {b.mail(one)}",
    e.TouchSent: lambda one, b: f"mail sent, {b.mail(one)}" + (" (crossed a stop on its way)" if one.crossed else ""),
    e.TouchDeferred: lambda one, b: (
        f"mail put off by the server ({_code(one)}), {b.mail(one)}; "
        + (f"again {b.when(one.again_at)}" if one.again_at else "that was the last try")
    ),
    e.TouchRefused: lambda one, b: (
        f"mail refused by the server ({_code(one)}), {b.mail(one)}"
        + ("; the address does not work" if one.address_invalid else "")
    ),
    e.TouchUncertain: lambda one, b: f"nobody knows whether the mail arrived, {b.mail(one)}",
    e.TouchSettled: lambda one, b: f"the uncertain mail did arrive, {b.mail(one)} ({_by(one.by)})",
    e.TouchReattempted: lambda one, b: f"attempt {one.attempt} asked for {_by(one.by)}, {b.mail(one)}",
    e.TouchCancelled: lambda one, b: f"mail called back, {b.mail(one)}: {_reason(one.reason)}",
    e.TouchNotRendered: lambda one, _: f"{one.step} could not be written: {_reason(one.reason)}{_detail(one.field)}",
}
_OF_ANSWERS: dict[type[Any], Callable[[Any, Beside], str]] = {
    e.AnswerQueued: lambda one, b: f"an answer to their mail is queued{b.said(one.message)}, {_by(one.by)}",
    e.AnswerSent: lambda one, _: "the rep answered their mail" + (f" ({_by(one.evidence)})" if one.evidence else ""),
    e.AnswerDeferred: lambda one, b: f"answer put off by the server ({_code(one)}); again {b.when(one.again_at)}",
    e.AnswerRefused: lambda one, _: (
        f"answer refused by the server ({_code(one)})"
        if one.code
        else "answer not sent: its task was closed, its mailbox is gone or they may not be written to"
    ),
    e.AnswerUncertain: lambda one, _: "nobody knows whether the answer arrived",
    e.AnswerGivenUp: lambda one, _: f"the uncertain answer is left as it is, {_by(one.by)}",
}
_OF_TASKS: dict[type[Any], Callable[[Any, Beside], str]] = {
    e.TaskOpened: lambda one, b: f"task opened: {b.task(one)}, due {b.when(one.due_at)}",
    e.TaskDone: lambda one, b: (
        f"task done: {b.task(one)}"
        + (f": {one.outcome.replace('_', ' ')}" if one.outcome else "")
        + f", {_by(one.by)}"
        + (f"; again {b.when(one.until)}" if one.until else "")
    ),
    e.TaskSkipped: lambda one, b: f"task skipped: {b.task(one)}, {_by(one.by)}",
    e.TaskSnoozed: lambda one, b: f"task put off: {b.task(one)}, until {b.when(one.until)}, {_by(one.by)}",
    e.TaskCancelled: lambda one, b: f"task dropped: {b.task(one)}: {_reason(one.reason)}",
    e.TaskOverdue: lambda one, b: f"task overdue: {b.task(one)}",
}
_OF_STEPS: dict[type[Any], Callable[[Any, Beside], str]] = {
    e.StepCompleted: lambda one, _: f"step {one.step} is done",
    e.StepSkipped: lambda one, _: f"step {one.step} passed by: {_reason(one.reason)}",
    e.RetryPlanned: lambda one, b: f"step {one.step} again {b.when(one.again_at)}",
    e.BranchTaken: lambda one, _: f"branch {one.step}: went to {one.target}",
    e.WentTo: lambda one, _: f"went from {one.step} to {one.target}",
    e.PausePut: lambda one, b: f"paused {_until(one.until, b)}: {_reason(one.reason)} ({_by(one.by)})",
    e.PauseTaken: lambda one, _: f"pause over: {_reason(one.reason)} ({_by(one.by)})",
    e.HoldPut: lambda one, _: f"held: {_reason(one.reason)}{_detail(one.detail)}",
    e.HoldTaken: lambda one, _: f"hold over: {_reason(one.reason)} ({_by(one.by)})",
    e.Finished: lambda one, _: f"finished: {FINISHED[one.reason]}" + ("" if one.by == "reply" else f" ({_by(one.by)})"),
    e.Reacted: lambda one, _: f"event {one.to} of this enrollment was answered",
    e.RuleFired: lambda one, _: f"rule {one.rule} came true",
    e.Notified: lambda one, _: f"{one.to} was told: {one.about.replace('_', ' ')}",
    e.ContactSuppressed: lambda one, _: (
        f"may not be contacted {_channel(one.channel)}" + ("" if one.everywhere else " in this sequence")
    ),
    e.Reassigned: lambda one, _: (
        f"given to {one.rep}" + (f", mailbox {one.mailbox}" if one.mailbox else "") + f" ({_by(one.by)})"
    ),
    e.ContactAllowed: lambda one, _: f"may be contacted again {_channel(one.channel)} ({_by(one.by)})",
    e.PersonMerged: lambda one, _: f"merged with person {one.person}, who is the same one ({_by(one.by)})",
    e.PersonErased: lambda one, _: f"erased ({_by(one.by)})",
    e.VersionApplied: lambda one, _: _edited(one),
    e.Continued: lambda one, _: (
        "goes on where it stood before a mail was misread"
        + (f": {len(one.touches)} steps are done" if len(one.touches) > 1 else "")
    ),
    e.Corrected: lambda one, b: (
        f"mail {one.message} was misread{b.said(one.message)}: "
        f"not {_plain(one.was)} but {_plain(one.now)}, {_by(one.by)}"
    ),
}
_OF_THE_WORLD: dict[type[Any], Callable[[Any, Beside], str]] = {
    e.ReplyReceived: lambda one, b: f"answered ({one.answer.replace('_', ' ')}){b.said(one.message)}",
    e.AutoReplyReceived: lambda one, b: f"automatic reply{_day(one.return_date)}{b.said(one.message)}",
    e.LeftCompany: lambda one, b: f"left the company{b.said(one.message)}",
    e.Bounced: lambda one, _: _bounced(one),
    e.OptedOut: lambda one, b: f"opted out {_channel(one.channel)} ({_by(one.by)}){b.said(one.message)}",
    e.Complained: lambda one, _: "complained about a mail to their provider",
    e.MeetingBooked: lambda one, _: f"meeting booked ({_by(one.by)})",
    e.ColleagueReplied: lambda one, b: f"a colleague answered{_detail(b.names.get(one.person, ''))}",
    e.OwnerWrote: lambda one, b: f"the rep wrote by hand{b.said(one.message)}",
    e.MailUnreadable: lambda one, _: f"a mail of theirs could not be read (mail {one.message})",
    e.Opened: lambda one, _: f"opened {one.step}",
    e.Clicked: lambda one, _: f"clicked in {one.step}",
    e.PollAnswered: lambda one, _: f"poll {one.poll}: {one.option}",
    e.LinkedInConnected: lambda one, _: "connected on LinkedIn",
}
WORDS: Mapping[type[Any], Callable[[Any, Beside], str]] = {
    **_OF_TOUCHES, **_OF_ANSWERS, **_OF_TASKS, **_OF_STEPS, **_OF_THE_WORLD,
}  # fmt: skip
