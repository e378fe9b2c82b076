"""A named person says what a mail really is: what it did is taken back, and it acts once more as what it is.

Each correction is one transaction. `--dry-run` and the question before it carry it out and roll it back, so they tell
exactly what it would do. A mail set by a person stays as they said, whatever later rules read in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar, get_args

from pydantic import TypeAdapter
from sqlalchemy import Connection

from sequencer.engine import stops
from sequencer.engine.advance import Advance
from sequencer.engine.answers import NO_ANSWER, Post, let_act
from sequencer.engine.answers import whose as acts_on
from sequencer.engine.changes import Change, changes, states
from sequencer.engine.mail_words import judgement_of
from sequencer.engine.matching import match, people_of_domain
from sequencer.engine.ours import ours_of
from sequencer.engine.screening import read_header
from sequencer.engine.taking_back import TakingBack
from sequencer.engine.verbs import by_name, face_at
from sequencer.errors import InputError
from sequencer.mail.address import is_free_mail
from sequencer.mail.author import author
from sequencer.mail.dates import come_back_day, first_day_back
from sequencer.mail.judgement import ANSWERS, VERSION, Answer, Judgement
from sequencer.mail.parse import Parsed
from sequencer.store import inbox, people, sends
from sequencer.store.database import Database
from sequencer.store.inbox import InboundRow

__all__ = ["WORDS", "Correction", "Said", "accept", "correct", "foreseen", "reads_as", "word_of"]

Word = Literal[
    "interested", "meeting", "question", "not_now", "referral", "not_interested", "opt_out", "other",
    "auto_reply", "left", "hard_bounce", "soft_bounce", "delay", "complaint", "no_answer", "not_ours",
]  # fmt: skip
WORDS: tuple[Word, ...] = get_args(Word)
DATED: tuple[Word, ...] = ("auto_reply", "not_now")
ZONES_DIFFER = timedelta(hours=12)  # it may still be yesterday where the rep is
# What one of our own company may have sent: our own server reports too.
NO_PERSONS: tuple[Word, ...] = ("hard_bounce", "soft_bounce", "delay", "complaint", "no_answer", "not_ours")
_ADAPTER: TypeAdapter[Judgement] = TypeAdapter(Judgement)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Said:
    """What a mail is. `address`: whose it is.

    `until`: the first day back, or the day they ask to be written to; None: the one that the mail names.
    """

    word: Word
    until: date | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """What was carried out, and for whom it changed something; `notes`: what could not be taken back, and why."""

    mail: int
    was: str
    now: str
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def gist(self) -> tuple[object, ...]:
        """What two foresights have in common while nothing moved between them."""
        ends = [(each.face.id, moved.sequence_id, moved.after.status) for each in self.changes for moved in each.moved]
        tasks = [(each.face.id, len(each.opened), [row.id for row in each.closed]) for each in self.changes]
        return self.was, self.now, ends, tasks, self.notes


def foreseen(database: Database, work: Callable[[Connection], Result]) -> Result:
    """What `work` would give, rolled back."""

    def rehearse(connection: Connection) -> Result:
        trial = connection.begin_nested()
        try:
            return work(connection)
        finally:
            trial.rollback()

    return database.write(rehearse)


def word_of(judgement: Judgement | None) -> str:
    """A judgement in one word, as WORDS has them."""
    match judgement:
        case None:
            return "unreadable"
        case Judgement(kind="auto_reply", left=True):
            return "left"
        case Judgement(kind="reply", answer=answer):
            return answer or "other"
        case Judgement(kind="other"):
            return "no_answer"
    return judgement.kind


def correct(connection: Connection, advance: Advance, mail_id: int, said: Said, by: str, now: datetime) -> Correction:
    """Mail `mail_id` is `said`: take back what it did and let it act as that.

    Raises NotFound; InputError for what cannot be corrected, and where it is not known whose mail it is.
    """
    row, header = _kept(connection, mail_id)
    before = judgement_of(row)
    told_before = row.prospect_id if row.state == "parked" or row.set_by else None
    whose = face_at(connection, said.address).id if said.address else told_before
    if said.word not in NO_PERSONS and ours_of(advance.around.config).includes(author(header)):
        raise InputError(f"mail {mail_id} was written by one of your own company: it is nobody's answer")
    if said.word == "not_ours":
        judgement = Judgement("other", evidence=(f"said by {by}",))
    else:
        sent = (header.date or row.received_at).date()
        _must_be_to_come(mail_id, said, now)
        judgement = _as_said(before, said, by, sent)
        known = judgement_of(row) is not None and row.state == "projected" and whose in (None, row.prospect_id)
        if known and reads_as(before) == reads_as(judgement):
            inbox.reread_by(connection, mail_id, by_name(by))
            return Correction(mail_id, word_of(before), word_of(before))
    return reread(connection, advance, row, header, judgement, said.word, by, now, set_by=by_name(by), whose=whose)


def reread(
    connection: Connection,
    advance: Advance,
    row: InboundRow,
    header: Parsed,
    judgement: Judgement,
    word: str,
    by: str,
    now: datetime,
    *,
    set_by: str = "",
    whose: int | None = None,
) -> Correction:
    """The same for a judgement that is there already; without `set_by` later rules may judge the mail again."""
    who, was = by_name(by), word_of(judgement_of(row))
    concerned = _concerned(connection, row, header, whose)
    before = states(connection, concerned)
    same_person = whose in (None, row.prospect_id)
    post = Post(
        connection, advance, ours_of(advance.around.config), row, header, judgement, now, said_by=who, whose=whose
    )
    theirs = acts_on(post) if word != "not_ours" else ()
    taken = TakingBack(connection, advance, row, word, judgement, who, now, same_person=same_person, theirs=theirs)
    for person in concerned:
        taken.person(person, was)
    taken.of_nobody(author(header))
    inbox.reread(
        connection, row.id, VERSION, _ADAPTER.dump_json(judgement, exclude_defaults=True).decode(), set_by=set_by
    )
    post = replace(post, row=inbox.inbound(connection, row.id))
    if word == "not_ours":
        post.forget()
    else:
        let_act(post)
        if set_by:
            _must_have_acted(connection, row.id, word)
    advance.record(connection, [(key, ()) for key in taken.touched], now)
    changed = changes(connection, advance.around, before, now)
    return Correction(row.id, was, word, changed, tuple(dict.fromkeys(taken.notes)))


def reads_as(judgement: Judgement | None) -> tuple[object, ...]:
    """All of a judgement that an enrollment acts on."""
    if judgement is None:
        return ("unreadable",)
    dated = judgement.return_date if word_of(judgement) in DATED else None
    about = judgement.recipients if judgement.kind.endswith("bounce") or judgement.kind == "complaint" else ()
    return word_of(judgement), dated, about


def accept(connection: Connection, advance: Advance, mail_id: int, address: str, by: str, now: datetime) -> Correction:
    """A parked mail is theirs: of the person at `address`, else of the one it was parked for; now it acts.

    From now on its sender's address is theirs too. A refusal that is nobody's forbids its sender's address. Raises
    NotFound, InputError.
    """
    row, header = _kept(connection, mail_id)
    if row.state != "parked":
        raise InputError(f'mail {mail_id} is not parked: "sequencer inbox set {mail_id} CLASS" corrects what it did')
    judgement, sender = judgement_of(row), author(header)
    if judgement is None:
        raise InputError(f'mail {mail_id} could not be read: "sequencer inbox set {mail_id} CLASS" says what it is')
    whose = face_at(connection, address).id if address else row.prospect_id
    if whose is None and judgement.answer == "opt_out":
        stops.opt_out(connection, advance, sender, by, now)
        inbox.put_projected(connection, mail_id, now, reason=f"{sender} is never written to", set_by=by_name(by))
        return Correction(mail_id, "parked", "opt_out", notes=(f"{sender} is never written to",))
    if whose is None:
        raise InputError(f'say whose it is: "sequencer inbox accept {mail_id} --person EMAIL", or refuse it')
    if judgement.kind in ("reply", "auto_reply") and not people.owners(connection, [sender]):
        known = people.load_prospects(connection, [whose])[whose]
        people.put_addresses(connection, whose, [*(each.email for each in known.addresses), sender])
    word = word_of(judgement)
    return replace(
        reread(connection, advance, row, header, judgement, word, by, now, set_by=by_name(by), whose=whose),
        was="parked",
    )


def _kept(connection: Connection, mail_id: int) -> tuple[InboundRow, Parsed]:
    row = inbox.inbound(connection, mail_id)
    if row.outgoing:
        raise InputError(f"mail {mail_id} was written by a rep: there is nothing to correct")
    if row.state in ("stored", "judged"):
        raise InputError(f"mail {mail_id} is not read yet: the daemon reads it at its next beat")
    raw = inbox.raw_mail(connection, [mail_id]).get(mail_id)
    if raw is None:
        raise InputError(f"nothing of mail {mail_id} is kept any more, so it cannot act as something else")
    return row, read_header(raw)


def _must_be_to_come(mail_id: int, said: Said, now: datetime) -> None:
    """A day that has passed would count as none, and the person would wait for the days that are usual then."""
    if said.until is None or said.until >= (now - ZONES_DIFFER).date():
        return
    back = f': whoever is back is waited for no longer, "sequencer inbox set {mail_id} no-answer" lets them go on'
    raise InputError(f"{said.until} has passed{back if said.word == 'auto_reply' else ': name a day to come'}")


def _as_said(before: Judgement | None, said: Said, by: str, sent: date) -> Judgement:
    old = before or Judgement("other")
    dated = said.until if said.word in DATED else None
    if said.until and dated is None:
        raise InputError("a date belongs to auto-reply (their first day back) and to not-now (when to ask again)")
    if dated is None and word_of(before) == said.word:
        dated = old.return_date
    elif dated is None and said.word in DATED:
        dated = (first_day_back if said.word == "auto_reply" else come_back_day)(old.text, sent)
    fresh = replace(
        old, kind="other", answer=None, left=False, return_date=dated, permanent=None, confidence=1.0,
        evidence=(f"said by {by}",),
    )  # fmt: skip
    match said.word:
        case "auto_reply" | "left":
            return replace(fresh, kind="auto_reply", left=said.word == "left")
        case "hard_bounce" | "soft_bounce":
            return replace(fresh, kind=said.word, permanent=said.word == "hard_bounce")
        case "delay" | "complaint":
            return replace(fresh, kind=said.word)
        case "no_answer" | "not_ours":
            return fresh
    answer: Answer = next(each for each in ANSWERS if each == said.word)
    return replace(fresh, kind="reply", answer=answer)


def _concerned(connection: Connection, row: InboundRow, header: Parsed, whose: int | None) -> tuple[int, ...]:
    """Everybody in whose log the mail may stand or will: whose it is, whom it names, all at their accounts."""
    found = match(connection, header)
    send = sends.load_sends(connection, [row.send_id]).get(row.send_id) if row.send_id else None
    own = {*found.people, *([row.prospect_id] if row.prospect_id else []), *([whose] if whose else [])}
    own |= {send.prospect_id} if send else set()
    accounts = {each.account_id for each in people.load_prospects(connection, own).values() if each.account_id}
    there = {
        other for account in accounts if not is_free_mail(account) for other in people.colleagues(connection, account)
    }
    return tuple(sorted(own | there | set(people_of_domain(connection, author(header)))))


def _must_have_acted(connection: Connection, mail_id: int, word: str) -> None:
    row = inbox.inbound(connection, mail_id)
    if row.state == "parked" or (row.prospect_id is None and row.reason != NO_ANSWER):
        raise InputError(
            f'nobody here is known by mail {mail_id}: "sequencer inbox set {mail_id} {word.replace("_", "-")} --person '
            f'EMAIL" says whose it is, "sequencer inbox set {mail_id} not-ours" lets it go'
        )
