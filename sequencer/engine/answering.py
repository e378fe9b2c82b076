"""A rep answers a person's mail: a message beside the steps, in the person's thread, over the same wire and fence.

Neither the window nor the reply itself stops it; an opt-out does (LIFECYCLE). The rep sees the very text that leaves,
so it is composed when it is queued and never rendered anew. Nothing is sent here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.facts import Facts
from sequencer.core.gates import answer_gates
from sequencer.core.outcome import Accepted, Deferred, Outcome, Refused, Uncertain
from sequencer.core.suppression import Suppression
from sequencer.core.timing import again_after
from sequencer.engine.advance import Advance
from sequencer.engine.amnesia import message_key
from sequencer.engine.mail_words import last_words
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, load
from sequencer.engine.task_verbs import must_be_open
from sequencer.engine.verbs import Face, by_name, faces
from sequencer.errors import InputError
from sequencer.mail.compose import Letter, compose, message_id
from sequencer.mail.parse import Parsed, parse
from sequencer.mail.thread import references_for, reply_subject
from sequencer.store import answers, inbox, log, people, sends, tasks
from sequencer.store.answers import Answer
from sequencer.store.inbox import InboundRow
from sequencer.store.sends import SendRow
from sequencer.store.tasks import TaskRow

__all__ = ["Blank", "answered", "blank", "called_back", "deferrals_of", "given_up", "once_more", "reply", "what_came"]

QUOTED_CHARS_MAX = 20_000
BODY_CHARS_MAX = 100_000
OUTCOME = "answered"


@dataclass(frozen=True, slots=True)
class Blank:
    """What the rep begins with: to whom, under which subject, the signature and the quoted mail as the text."""

    face: Face
    address: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class _Thread:
    task: TaskRow
    situation: Situation
    mail: InboundRow
    parsed: Parsed
    written: tuple[SendRow, ...]

    @property
    def address(self) -> str:
        return next(iter(self.parsed.reply_to), self.parsed.from_address)


def blank(connection: Connection, advance: Advance, task_id: int, now: datetime) -> Blank:
    """Raises NotFound; InputError where there is no mail to answer or nobody may be written to."""
    thread = _thread(connection, advance, task_id, now)
    face = faces(connection, [thread.task.prospect_id])[thread.task.prospect_id]
    signature = thread.situation.facts.rep.signature
    text = "\n\n" + (f"{signature}\n\n" if signature else "") + _quoted(thread, face)
    return Blank(face, thread.address, reply_subject(thread.parsed.subject), text)


def _quoted(thread: _Thread, face: Face) -> str:
    at = thread.parsed.date or thread.mail.received_at
    mailbox = thread.situation.facts.mailbox
    here = at.astimezone(mailbox.timezone) if mailbox else at
    who = thread.parsed.from_name or face.name
    lines = thread.parsed.text.strip()[:QUOTED_CHARS_MAX].splitlines()
    return (
        "\n".join([f"On {here:%a, %d %b %Y at %H:%M}, {who} wrote:", *(f"> {line}".rstrip() for line in lines)]) + "\n"
    )


def reply(
    connection: Connection, advance: Advance, key: bytes, task_id: int, subject: str, body: str, by: str, now: datetime
) -> Answer:
    """Queue the rep's answer; the task is done when it has gone.

    Raises NotFound, InputError, HeaderRefused.
    """
    if not body.strip():
        raise InputError("an answer without a word is not sent; the task stays open")
    if len(body) > BODY_CHARS_MAX:
        raise InputError(f"an answer has at most {BODY_CHARS_MAX} characters, this one {len(body)}")
    thread = _thread(connection, advance, task_id, now)
    number = max((row.attempt for row in thread.written), default=0) + 1
    answer = _composed(thread, message_key(connection, key), subject, body, number, now)
    answers.queue_answer(connection, answer, number, now)
    said = e.AnswerQueued(task=thread.task.key, number=number, message=thread.mail.id, by=by_name(by))
    advance.record(connection, [(thread.task.enrollment_id, (said,))], now)
    return answer


def _composed(thread: _Thread, key: bytes, subject: str, body: str, number: int, now: datetime) -> Answer:
    task, enrollment, facts = thread.task, thread.situation.enrollment, thread.situation.facts
    sender = facts.mailbox
    assert sender is not None
    step = answers.answer_key(task.id)
    identifier = message_id(key, enrollment.id, step, number, sender.address.rpartition("@")[2])
    threading = references_for(thread.parsed.references, thread.parsed.message_id)
    letter = Letter(
        message_id=identifier,
        date=now.astimezone(sender.timezone),
        sender_name=sender.display_name,
        sender_address=sender.address,
        recipient_name=thread.parsed.from_name,
        recipient_address=thread.address,
        subject=subject.strip() or reply_subject(thread.parsed.subject),
        text=body,
        in_reply_to=threading.in_reply_to,
        references=threading.references,
    )
    return Answer(
        task.id, enrollment.id, enrollment.prospect_id, facts.prospect.account_id, enrollment.sequence_id,
        enrollment.progress.version, sender.address, thread.address, limited_domain(thread.address), letter.subject,
        identifier, compose(letter),
    )  # fmt: skip


def _thread(connection: Connection, advance: Advance, task_id: int, now: datetime) -> _Thread:
    task = tasks.task(connection, task_id)
    if task.work != "answer":
        raise InputError(f'task {task_id} is no answer to write: "sequencer tasks" lists those that are')
    row = last_words(connection, task.prospect_id)
    raw = inbox.raw_mail(connection, [row.id]).get(row.id) if row else None
    if row is None or raw is None:
        raise InputError(f"task {task_id}: no mail of theirs is kept, so there is none to answer")
    written = tuple(answers.answers_to(connection, task_id))
    situation = load(connection, advance.around, [task.enrollment_id], now)[task.enrollment_id]
    thread = _Thread(task, situation, row, parse(raw), written)
    if not thread.address:
        raise InputError(f"mail {row.id} names no sender: it cannot be answered from here")
    _may_be_answered(situation.facts, people.suppressions_at(connection, thread.address))
    under_way = next((each for each in written if each.state in ("queued", *sends.OPEN)), None)
    if under_way and under_way.state in ("queued", "sending"):
        raise InputError(f"your answer to task {task_id} is under way: it leaves in a moment")
    if under_way:
        raise InputError(
            f'nobody knows whether your last answer arrived: "sequencer uncertain" settles mail {under_way.id}'
        )
    must_be_open(task)
    return thread


def _may_be_answered(facts: Facts, there: Collection[Suppression]) -> None:
    if facts.mailbox is None:
        raise InputError("its mailbox is not in config.toml any more: put it back, or answer from your mail program")
    gates = answer_gates(facts, there)
    refused = next((gate for gate in gates if not gate.passed and gate.name == "suppression"), None)
    if refused:
        raise InputError(f"they may not be written to any more ({refused.detail})")


def deferrals_of(connection: Connection, row: SendRow) -> int:
    """How often a server put this answer off."""
    name = _name(connection, row)
    entries = (entry.event for entry in log.read_log(connection, row.enrollment_id))
    return sum(isinstance(one, e.AnswerDeferred) and (one.task, one.number) == name for one in entries)


def what_came(connection: Connection, row: SendRow, outcome: Outcome, deferrals: int, at: datetime) -> list[e.Event]:
    """The outcome of an answer as events; none where it says nothing about the person."""
    key, number = _name(connection, row)
    match outcome:
        case Accepted():
            return answered(connection, row, at)
        case Uncertain():
            return [e.AnswerUncertain(task=key, number=number, fenced_at=row.sending_at or at)]
        case Refused(code=code, enhanced=enhanced):
            return [e.AnswerRefused(task=key, number=number, code=code, enhanced=enhanced)]
        case Deferred(code=code, enhanced=enhanced, of_the_person=True):
            again_at = again_after(deferrals, at)
            if again_at is None:
                return [e.AnswerRefused(task=key, number=number, code=code, enhanced=enhanced)]
            return [e.AnswerDeferred(task=key, number=number, code=code, enhanced=enhanced, again_at=again_at)]
        case _:
            return []


def answered(connection: Connection, row: SendRow, at: datetime, evidence: str = "") -> list[e.Event]:
    """It has gone, so the task is done by whoever wrote it."""
    queued = _queued(connection, row)
    gone = e.AnswerSent(task=queued.task, number=queued.number, sent_at=row.sending_at or at, evidence=evidence)
    return [gone, e.TaskDone(task=queued.task, outcome=OUTCOME, by=queued.by)]


def once_more(connection: Connection, row: SendRow, by: str) -> list[e.Event]:
    """A named person sends the same bytes again, as the next number."""
    return [replace(_queued(connection, row), number=row.attempt + 1, by=by)]


def called_back(connection: Connection, enrollment_ids: Collection[int]) -> dict[int, list[e.Event]]:
    """Take back the answers of these enrollments that have not left; what is to be recorded of each enrollment."""
    found: dict[int, list[e.Event]] = {}
    for row in answers.queued_answers(connection, enrollment_ids):
        if sends.call_back(connection, row.enrollment_id, row.step, row.attempt):
            key, number = _name(connection, row)
            refused = e.AnswerRefused(task=key, number=number, code=0, enhanced="")
            found.setdefault(row.enrollment_id, []).append(refused)
    return found


def given_up(connection: Connection, row: SendRow, by: str) -> list[e.Event]:
    """A named person leaves an uncertain one as it is; the task stays open."""
    key, number = _name(connection, row)
    return [e.AnswerGivenUp(task=key, number=number, by=by)]


def _queued(connection: Connection, row: SendRow) -> e.AnswerQueued:
    """How this one was asked for."""
    name = _name(connection, row)
    entries = (entry.event for entry in log.read_log(connection, row.enrollment_id))
    return next(one for one in entries if isinstance(one, e.AnswerQueued) and (one.task, one.number) == name)


def _name(connection: Connection, row: SendRow) -> tuple[str, int]:
    assert row.answers is not None
    return tasks.task(connection, row.answers).key, row.attempt
