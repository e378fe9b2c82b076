"""Puts people into a sequence, or says why not: the gates at the door, the choice of the mailbox, the first event.

It is here so that CLI, web and API refuse for the same reasons in the same words. It sends nothing and decides no
step: engine/advance.py goes on from what it writes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.definition import Bundle, mails
from sequencer.content.guess import guess
from sequencer.core import events as e
from sequencer.core.capacity import effective_cap
from sequencer.core.people import Mailbox, Prospect
from sequencer.core.progress import enroll as first_progress
from sequencer.core.reason import Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.suppression import Suppression
from sequencer.core.window import local_date
from sequencer.engine.advance import Advance
from sequencer.engine.candidates import own_address
from sequencer.errors import AlreadyEnrolled, InputError
from sequencer.store import enrollments, log, people, sends, tasks, versions
from sequencer.store.enrollments import Answered, Past

ENROLLED_PER_TRANSACTION_MAX = 200
OVERRIDABLE = (Reason.REENROLL, Reason.COOL_OFF)
_COOL_OFF_WORDS = {"replied": "answered", "meeting": "booked a meeting", "not_interested": "was not interested"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who is not let in and why; `sentence` says until when, or what would mend it."""

    prospect: Prospect
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who is let in. `enrollment` is 0 while nothing is written. `over`: the gate that was overridden."""

    prospect: Prospect
    rep: str
    mailbox: str
    step: str
    enrollment: int = 0
    over: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    enrolled: tuple[Seat, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """What is the same for everybody who is enrolled by one command. `mailboxes`: the rep's that may be used."""

    bundle: Bundle
    version: int
    step: str
    rep: str
    mailboxes: tuple[Mailbox, ...]
    by: str
    override: str = ""


def open_door(
    connection: Connection,
    advance: Advance,
    sequence_id: str,
    rep: str,
    by: str,
    *,
    step: str | None = None,
    override: str = "",
) -> Door:
    """Check what does not depend on the person. `rep` enrols; the sequence's owner, if it has one, does the work.

    Raises InputError: no such sequence, step or rep, or no mailbox that can be used.
    """
    config, newest = advance.around.config, versions.latest(connection)
    if sequence_id not in newest:
        hint = guess(sequence_id, newest) or f'"sequencer apply {sequence_id}" makes it ready, if the file is there'
        raise InputError(f'no sequence "{sequence_id}" is applied: {hint}')
    bundle = advance.around.catalog.bundle(connection, sequence_id, newest[sequence_id].version)
    sequence = bundle.sequence
    if step is not None and step not in sequence.index:
        hint = guess(step, sequence.index) or f"steps: {', '.join(sequence.index)}"
        raise InputError(f'{sequence_id} has no step "{step}": {hint}')
    worker = sequence.owner or rep
    if worker not in config.reps_by_name:
        hint = guess(worker, config.reps_by_name) or f"there is {', '.join(config.reps_by_name)}"
        raise InputError(f'there is no rep "{worker}" in config.toml: {hint}')
    mailboxes = _usable(config, bundle, worker)
    return Door(bundle, newest[sequence_id].version, step or sequence.steps[0].id, worker, mailboxes, by, override)


def _usable(config: Config, bundle: Bundle, rep: str) -> tuple[Mailbox, ...]:
    """The rep's mailboxes that can run this sequence; none is needed for one without mail."""
    own = tuple(box for box in config.mailboxes_by_address.values() if box.rep == rep)
    number = mails(bundle.sequence)
    if number == 0:
        return own
    if not own:
        raise InputError(f"rep {rep} has no mailbox: add one under [[mailboxes]] in config.toml")
    readable = tuple(box for box in own if box.has_inbox)
    if number > 1 and not readable:
        raise InputError(
            f"{own[0].address} has no inbox, and {bundle.sequence.id} writes {number} mails: nobody would see an answer"
            " to the first. Give the mailbox imap, maildir or replies_to in config.toml"
        )
    return readable if number > 1 else own


def admit(connection: Connection, config: Config, door: Door, ids: Sequence[int], now: datetime) -> Enrolment:
    """Who may come in, and who not and why; nothing is written."""
    persons = people.load_prospects(connection, ids)
    rules = people.suppressions_of(connection, persons.values())
    cool_off = {name: span.elapsed for name, span in config.policy.cool_off.items()}
    known = _Known(
        config,
        door,
        rules,
        enrollments.pasts(connection, ids),
        enrollments.answers(connection, ids, now - max(cool_off.values(), default=timedelta())),
        cool_off,
        now,
    )
    choice = _Choice(connection, door, now)
    enrolled, refused = [], []
    for person in (persons[person_id] for person_id in dict.fromkeys(ids) if person_id in persons):
        refusal = known.refusal(person)
        if refusal and not (door.override and refusal.reason in OVERRIDABLE):
            refused.append(refusal)
            continue
        mailbox = choice.take(person.id)
        enrolled.append(Seat(person, door.rep, mailbox, door.step, over=refusal))
    return Enrolment(tuple(enrolled), tuple(refused))


def enroll(connection: Connection, advance: Advance, door: Door, ids: Sequence[int], now: datetime) -> Enrolment:
    """Enrol these people in the caller's transaction; at most 200 at a time, so that no stop waits for it."""
    return take_in(connection, advance, door, admit(connection, advance.around.config, door, ids, now), now)


def take_in(connection: Connection, advance: Advance, door: Door, planned: Enrolment, now: datetime) -> Enrolment:
    """Write what `admit` allowed. Whoever was enrolled elsewhere meanwhile is refused: the unique index decides."""
    refused, enrolled = list(planned.refused), []
    for seat in planned.enrolled:
        try:
            with connection.begin_nested():
                enrolled.append(_seated(connection, door, seat, now))
        except AlreadyEnrolled as error:
            refused.append(Refusal(seat.prospect, Reason.ALREADY_ENROLLED, str(error)))
    people.raise_seq(connection, [seat.prospect.id for seat in enrolled])
    advance.record(connection, [(seat.enrollment, ()) for seat in enrolled], now)
    return Enrolment(tuple(enrolled), tuple(refused))


def _seated(connection: Connection, door: Door, seat: Seat, now: datetime) -> Seat:
    event = e.Enrolled(
        sequence=door.bundle.sequence.id,
        version=door.version,
        step=seat.step,
        rep=seat.rep,
        mailbox=seat.mailbox,
        by=f"{e.PERSON}{door.by}",
    )
    progress = first_progress(event, now)
    exclusive = door.bundle.sequence.settings.exclusive
    enrollment_id = log.add_enrollment(connection, seat.prospect.id, exclusive, progress)
    log.append(connection, [log.Entry(now, seat.prospect.id, enrollment_id, event)])
    if seat.over:
        text = f"enrolled in {event.sequence} although: {seat.over.sentence}. Reason given: {door.override}"
        tasks.add_note(connection, seat.prospect.id, None, door.by, text, now)
    return Seat(seat.prospect, seat.rep, seat.mailbox, seat.step, enrollment_id, seat.over)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the gates at the door ask of many people, read at once."""

    config: Config
    door: Door
    rules: Mapping[int, Collection[Suppression]]
    pasts: Mapping[int, Sequence[Past]]
    answers: Mapping[int, Sequence[Answered]]
    cool_off: Mapping[str, timedelta]
    now: datetime

    def refusal(self, person: Prospect) -> Refusal | None:
        """The first gate that is closed; refusals of the person before those of time."""
        return (
            self._suppressed(person)
            or self._one_of_us(person)
            or self._inside(person)
            or self._no_address(person)
            or self._too_soon(person)
            or self._cooling_off(person)
        )

    def _suppressed(self, person: Prospect) -> Refusal | None:
        channels = {step.channel for step in self.door.bundle.sequence.steps if step.channel}
        rules = self.rules.get(person.id, ())
        whole = next((rule for rule in rules if rule.channel is None), None)
        covered = {rule.channel for rule in rules}
        if whole is None and not (channels and channels <= covered):
            return None
        rule = whole or next(iter(rules))
        what = "may not be contacted" if whole else f"may not be contacted by {', '.join(sorted(channels))}"
        return Refusal(person, Reason.SUPPRESSED, f"{what} ({rule.kind}: {rule.reason}, {rule.at:%d %b %Y})")

    def _one_of_us(self, person: Prospect) -> Refusal | None:
        own = next((a.email for a in person.addresses if own_address(self.config, a.email)), None)
        if own is None:
            return None
        return Refusal(person, Reason.SUPPRESSED, f"{own} is an address of your own company")

    def _inside(self, person: Prospect) -> Refusal | None:
        sequence = self.door.bundle.sequence
        for past in self.pasts.get(person.id, ()):
            where = f"{past.sequence_id} since {past.enrolled_at:%d %b %Y}, by {past.rep}"
            if past.live and past.sequence_id == sequence.id:
                return Refusal(person, Reason.ALREADY_ENROLLED, f"already {past.status} in {where}")
            if past.live and past.exclusive and sequence.settings.exclusive:
                mend = "finish that first, or move the person"
                return Refusal(person, Reason.EXCLUSIVE, f"{past.status} in {where}, and both are exclusive: {mend}")
        return None

    def _no_address(self, person: Prospect) -> Refusal | None:
        first = self.door.bundle.sequence.step(self.door.step)
        if not isinstance(first, EmailStep) or person.address is not None:
            return None
        if not person.addresses:
            return Refusal(person, Reason.NO_ADDRESS, "no address to write to: import one with --update")
        dead = ", ".join(address.email for address in person.addresses)
        return Refusal(person, Reason.BAD_ADDRESS, f"{dead} does not work: import a working address with --update")

    def _too_soon(self, person: Prospect) -> Refusal | None:
        sequence = self.door.bundle.sequence
        own = (past for past in self.pasts.get(person.id, ()) if past.sequence_id == sequence.id)
        touched = max((past.last_touch_at for past in own if past.last_touch_at), default=None)
        again = touched + sequence.settings.reenroll_after.elapsed if touched else None
        if touched is None or again is None or again <= self.now:
            return None
        words = f"had the last touch of {sequence.id} on {touched:%d %b %Y}; again from {again:%d %b %Y}"
        return Refusal(person, Reason.REENROLL, f"{words} (reenroll_after: {sequence.settings.reenroll_after})")

    def _cooling_off(self, person: Prospect) -> Refusal | None:
        """After an answer everybody leaves the person alone for a while; the longest such time counts."""
        happened = [
            ("not_interested" if each.answer == "not_interested" else "replied", each.at)
            for each in self.answers.get(person.id, ())
        ]
        happened += [
            (past.finish_reason, past.finished_at)
            for past in self.pasts.get(person.id, ())
            if past.finish_reason and past.finished_at
        ]
        ends = [(at + self.cool_off[what], what, at) for what, at in happened if what in self.cool_off]
        end, what, at = max(ends, default=(self.now, "", self.now))
        if end <= self.now:
            return None
        words = f"{_COOL_OFF_WORDS.get(what, what)} on {at:%d %b %Y}; left alone until {end:%d %b %Y}"
        return Refusal(person, Reason.COOL_OFF, f"{words} (policy.cool_off.{what})")


@dataclass(slots=True)
class _Choice:
    """Which mailbox writes: the one with most room left today; equal ones share the people by a hash."""

    connection: Connection
    door: Door
    now: datetime
    _room: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        boxes = self.door.mailboxes
        waiting = enrollments.backlog(self.connection, [box.address for box in boxes])
        self._room = {box.address: self._left_today(box) - waiting[box.address] for box in boxes}

    def _left_today(self, box: Mailbox) -> int:
        today = local_date(box.timezone, self.now)
        used = sends.used(self.connection, "mailbox", [box.address], today).get(box.address, 0)
        return effective_cap(box, sends.sending_days(self.connection, box.address, today)) - used

    def take(self, person_id: int) -> str:
        """The mailbox for this person, whose room gets one less; "" where the sequence needs none."""
        if not self._room:
            return ""
        chosen = max(self._room, key=lambda address: (self._room[address], _tie(person_id, address)))
        self._room[chosen] -= 1
        return chosen


def _tie(person_id: int, address: str) -> bytes:
    return blake2b(f"{person_id}:{address}".encode(), digest_size=8).digest()
