"""All that happened with one person, over every sequence, in order: events in words, and notes between them.

Events carry no texts, so subjects, first words of mails and notes are looked up beside them; what was erased is
simply not there any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.engine.event_words import QUIET, Beside, words_of
from sequencer.engine.mail_words import first_words
from sequencer.engine.verbs import Face, face_at, faces
from sequencer.engine.why_words import When, told
from sequencer.store import brakes, inbox, log, reads, sends, tasks

__all__ = ["Line", "Timeline", "timeline"]

MAILS_READ_MAX = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `kind`: the event's name, or `Note`; `quiet`: bookkeeping."""

    at: datetime
    sequence_id: str
    kind: str
    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    face: Face
    lines: tuple[Line, ...]


def timeline(connection: Connection, address: str, when: When) -> Timeline:
    """Everything recorded about a person. Raises NotFound for an address that nobody has."""
    face = face_at(connection, address)
    entries = log.read_person(connection, face.id)
    sequences = reads.sequences_of(connection, {entry.enrollment_id for entry in entries if entry.enrollment_id})
    beside = _beside(connection, face, entries, when)
    empty = Beside(when)
    lines = [
        Line(
            entry.at, sequences.get(entry.enrollment_id or 0, ""), type(entry.event).__name__,
            words_of(entry.event, beside.get(entry.enrollment_id, empty)), type(entry.event) in QUIET,
        )
        for entry in entries
    ]  # fmt: skip
    lines += [
        Line(note.at, "", "Note", f"{note.by} noted: “{note.text}”") for note in reads.notes_of(connection, face.id)
    ]
    lines += _brakes(connection, face, when)
    return Timeline(face, tuple(sorted(lines, key=lambda line: line.at)))


def _brakes(connection: Connection, face: Face, when: When) -> Iterator[Line]:
    """When the mailbox that writes to them stopped by itself, and who let it go on."""
    heads = reads.heads(connection, face.id)
    for one in brakes.brakes_of(connection, {head.mailbox for head in heads}):
        for head in heads:
            concerned = head.mailbox == one.mailbox and head.enrolled_at <= (one.lifted_at or one.at)
            if not concerned or (head.finished_at and head.finished_at < one.at):
                continue
            said = f"{one.mailbox} was stopped by the brake: {told(one.reason, when)}"
            yield Line(one.at, head.sequence_id, "MailboxBraked", said)
            if one.lifted_at:
                goes_on = f"{one.mailbox} goes on, said {one.lifted_by}"
                yield Line(one.lifted_at, head.sequence_id, "MailboxResumed", goes_on)


def _beside(connection: Connection, face: Face, entries: list[log.Entry], when: When) -> Mapping[int | None, Beside]:
    """What each enrollment's events need to be told."""
    subjects: dict[int, dict[tuple[str, int], str]] = {}
    for row in sends.sends_of(connection, face.id):
        subjects.setdefault(row.enrollment_id, {})[row.step, row.attempt] = row.subject
    rows: dict[int, dict[str, tasks.TaskRow]] = {}
    for task in tasks.person_tasks(connection, face.id):
        rows.setdefault(task.enrollment_id, {})[task.key] = task
    events = [entry.event for entry in entries]
    messages = {message for event in events if (message := getattr(event, "message", None)) is not None}
    mails = first_words(row for row in _stored(connection, face) if row.id in messages)
    others = {event.person for event in events if isinstance(event, e.ColleagueReplied) and event.person}
    names = {key: other.name for key, other in faces(connection, others).items()}
    ids = {entry.enrollment_id for entry in entries}
    return {key: Beside(when, subjects.get(key or 0, {}), rows.get(key or 0, {}), mails, names) for key in ids}


def _stored(connection: Connection, face: Face) -> list[inbox.InboundRow]:
    return inbox.latest(connection, MAILS_READ_MAX, prospect_id=face.id)
