"""What a stored mail says, for people: its subject, the person's own words, what was read out of it and what it did.

It reads judgements as ingest stored them; it judges nothing anew and changes nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from sequencer.engine.matching import match
from sequencer.engine.screening import read_header
from sequencer.engine.verbs import Face, faces
from sequencer.mail.judgement import Judgement
from sequencer.store import inbox, reads
from sequencer.store.inbox import InboundRow

__all__ = [
    "Mail", "effect_words", "first_words", "judgement_of", "last_words", "mail", "mails", "next_words", "whose_words",
]  # fmt: skip

FIRST_WORDS_CHARS = 100
LATEST_READ_MAX = 20
_TOLD_BY = {
    "address": "by the sender's address", "tag": "by the sender's address, without its tag",
    "name": "by the sender's name, at the same company", "subject": "by the subject, from the same company",
    "person": "a person said so",
}  # fmt: skip
_WAITING = {"stored": "not read yet", "judged": "read, its effect is to come"}


@dataclass(frozen=True, slots=True)
class Mail:
    """One stored mail. `judgement` is None while nothing was read; `face` None where nobody is known."""

    row: InboundRow
    subject: str
    sender: str
    judgement: Judgement | None
    face: Face | None
    sequence_id: str

    @property
    def text(self) -> str:
        """The person's own words."""
        return self.judgement.text if self.judgement else ""


def mails(connection: Connection, rows: Collection[InboundRow]) -> list[Mail]:
    """These mails with what people want to see of them, in the same order."""
    known = faces(connection, {row.prospect_id for row in rows if row.prospect_id})
    sequences = reads.sequences_of(connection, {row.enrollment_id for row in rows if row.enrollment_id})
    return [_mail(row, inbox.raw_of(connection, row.id), known, sequences) for row in rows]


def mail(connection: Connection, inbound_id: int) -> Mail:
    """Raises NotFound."""
    return mails(connection, [inbox.inbound(connection, inbound_id)])[0]


def _mail(row: InboundRow, raw: bytes, known: dict[int, Face], sequences: dict[int, str]) -> Mail:
    header = read_header(raw)
    return Mail(
        row, header.subject, header.from_address, judgement_of(row),
        known.get(row.prospect_id or 0), sequences.get(row.enrollment_id or 0, ""),
    )  # fmt: skip


def judgement_of(row: InboundRow) -> Judgement | None:
    """What was read out of the mail; None before it was read, and for a judgement of another version's shape."""
    if not row.judgement:
        return None
    try:
        return _adapter().validate_json(row.judgement)
    except ValidationError:
        return None


@cache
def _adapter() -> TypeAdapter[Judgement]:
    return TypeAdapter(Judgement)


def last_words(connection: Connection, prospect_id: int) -> InboundRow | None:
    """The person's last mail of their own, else the last one of any kind: an automatic reply hides no answer.

    A parked one is left out: nobody has said yet that it is theirs.
    """
    latest = inbox.latest(connection, LATEST_READ_MAX, prospect_id=prospect_id)
    rows = [row for row in latest if row.state != "parked"]
    own = (row for row in rows if (judgement := judgement_of(row)) and judgement.kind == "reply")
    return next(own, rows[0] if rows else None)


def first_words(rows: Iterable[InboundRow]) -> dict[int, str]:
    """The beginning of the person's own words, in one line, by the mail's id."""
    found = {}
    for row in rows:
        judgement = judgement_of(row)
        text = " ".join(judgement.text.split()) if judgement else ""
        found[row.id] = text if len(text) <= FIRST_WORDS_CHARS else f"{text[: FIRST_WORDS_CHARS - 1]}…"
    return found


def effect_words(one: Mail) -> str:
    """What became of the mail, or what it waits for."""
    if one.row.state == "parked":
        return f"parked: {one.row.reason}"
    if one.row.state != "projected":
        return _WAITING.get(one.row.state, one.row.state)
    return one.row.reason or (f"acted on {one.sequence_id}" if one.sequence_id else "kept")


def next_words(one: Mail) -> str:
    """What a person does about a parked mail; "" for others."""
    if one.row.state != "parked":
        return ""
    number, refuse = one.row.id, f'"sequencer inbox refuse {one.row.id}" lets it go'
    if one.judgement is None:
        return f'read it in your mail program, then "sequencer inbox set {number} CLASS" says what it is; {refuse}'
    if one.face:
        return f'"sequencer inbox accept {number}": it is from {one.face.name}; {refuse}'
    theirs = f'"sequencer inbox accept {number} --person EMAIL" says whose it is'
    if one.judgement.answer == "opt_out":
        return f'"sequencer inbox accept {number}": never write to {one.sender}; {theirs}; {refuse}'
    return f"{theirs}; {refuse}"


def whose_words(connection: Connection, one: Mail) -> str:
    """Which rule found the person; "" where nobody was found or nothing of the mail is kept."""
    raw = inbox.raw_mail(connection, [one.row.id]).get(one.row.id)
    if raw is None or one.face is None:
        return ""
    ids = one.judgement.original_message_ids if one.judgement else ()
    found = match(connection, read_header(raw), ids, one.row.received_at)
    if found.send is not None:
        return f'{one.face.name}: it names our mail "{found.send.subject}" (step {found.send.step})'
    if one.judgement and one.judgement.recipients:
        return f"{one.face.name}: it is about {', '.join(one.judgement.recipients)}, to whom this mailbox wrote"
    return f"{one.face.name}: {_TOLD_BY[found.by]}" if found.by in _TOLD_BY else one.face.name
