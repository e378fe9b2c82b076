"""Puts people into a sequence, or says why not: the gates at the door, the choice of the mailbox, the first event.

It is here so that CLI, web and API refuse for the same reasons in the same words. It sends nothing and decides no
step: engine/advance.py goes on from what it writes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.definition import Bundle
from sequencer.content.guess import guess
from sequencer.core import events as e
from sequencer.core.people import Mailbox, Prospect
from sequencer.core.progress import enroll as first_progress
from sequencer.core.reason import Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.suppression import Suppression
from sequencer.engine.advance import Advance
from sequencer.engine.candidates import own_address
from sequencer.engine.mailbox_choice import Choice, usable
from sequencer.errors import AlreadyEnrolled, InputError
from sequencer.store import enrollments, log, people, tasks, versions
from sequencer.store.enrollments import Answered, Past

ENROLLED_PER_TRANSACTION_MAX = 200
NO_STARTS: Mapping[int, "Start"] = MappingProxyType({})
OVERRIDABLE = (Reason.REENROLL, Reason.COOL_OFF)
_COOL_OFF_WORDS = {"replied": "answered", "meeting": "booked a meeting", "not_interested": "was not interested"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who is not let in and why; `sentence` says until when, or what would mend it."""

    prospect: Prospect
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Start:
    """Nothing before `at`, when the person's `day` begins: the enrolment is spread over so many business days."""

    at: datetime
    day: date
    days: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who is let in. `enrollment` is 0 while nothing is written. `over`: the gates that were overridden."""

    prospect: Prospect
    rep: str
    mailbox: str
    step: str
    enrollment: int = 0
    over: tuple[Refusal, ...] = ()
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    enrolled: tuple[Seat, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """What is the same for everybody who is enrolled by one command.

    `mailboxes`: the rep's that may be used; `left_out`: those that may not, each with the reason. `override`: why a
    named person enrols although a cool-off runs, "" if nobody does.
    """

    bundle: Bundle
    version: int
    step: str
    rep: str
    mailboxes: tuple[Mailbox, ...]
    by: str
    override: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)


def open_door(
    connection: Connection,
    advance: Advance,
    sequence_id: str,
    rep: str,
    by: str,
    *,
    step: str | None = None,
    override: str = "",
    mailbox: str | None = None,
) -> Door:
    """Check what does not depend on the person. `rep` enrols; the sequence's owner, if it has one, does the work.

    `mailbox`: the one that writes; else it is chosen. Raises InputError: no such sequence, step or rep, or no mailbox
    that can be used.
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
    choice = usable(connection, config, bundle.sequence, worker, mailbox)
    return Door(
        bundle, newest[sequence_id].version, step or sequence.steps[0].id, worker, choice.mailboxes, by, override,
        choice.left_out,
    )  # fmt: skip


def admit(
    connection: Connection,
    config: Config,
    door: Door,
    ids: Sequence[int],
    now: datetime,
    starts: Mapping[int, Start] = NO_STARTS,
) -> Enrolment:
    """Who may come in, and who not and why; nothing is written. `starts`: by person, who begins on a later day."""
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
    choice = Choice(connection, door.mailboxes, now)
    enrolled, refused = [], []
    for person in (persons[person_id] for person_id in dict.fromkeys(ids) if person_id in persons):
        closed = known.closed(person)
        final = next((each for each in closed if not (door.override and each.reason in OVERRIDABLE)), None)
        if final:
            refused.append(final)
            continue
        mailbox = choice.take(person.id)
        enrolled.append(Seat(person, door.rep, mailbox, door.step, over=closed, start=starts.get(person.id)))
    return Enrolment(tuple(enrolled), tuple(refused))


def enroll(
    connection: Connection,
    advance: Advance,
    door: Door,
    ids: Sequence[int],
    now: datetime,
    starts: Mapping[int, Start] = NO_STARTS,
) -> Enrolment:
    """Enrol these people in the caller's transaction; at most 200 at a time, so that no stop waits for it."""
    return take_in(connection, advance, door, admit(connection, advance.around.config, door, ids, now, starts), now)


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
    event = enrolled_event(door.bundle.sequence.id, door.version, seat, door.by)
    progress = first_progress(event, now)
    exclusive = door.bundle.sequence.settings.exclusive
    enrollment_id = log.add_enrollment(connection, seat.prospect.id, exclusive, progress)
    log.append(connection, [log.Entry(now, seat.prospect.id, enrollment_id, event)])
    if seat.over:
        text = f"enrolled in {event.sequence} although: {seat.over[0].sentence}. Reason given: {door.override}"
        tasks.add_note(connection, seat.prospect.id, None, door.by, text, now)
    return replace(seat, enrollment=enrollment_id)


def enrolled_event(sequence_id: str, version: int, seat: Seat, by: str) -> e.Enrolled:
    """The first event of an enrollment, written or only rehearsed."""
    return e.Enrolled(
        sequence=sequence_id,
        version=version,
        step=seat.step,
        rep=seat.rep,
        mailbox=seat.mailbox,
        by=f"{e.PERSON}{by}",
        starts_at=seat.start.at if seat.start else None,
        spread_days=seat.start.days if seat.start else 0,
        over=tuple(each.reason for each in seat.over),
    )


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

    def closed(self, person: Prospect) -> tuple[Refusal, ...]:
        """The gates that are closed: refusals of the person before those of time, which alone may be overridden."""
        gates = (
            self._suppressed, self._one_of_us, self._inside, self._no_address, self._too_soon, self._cooling_off,
        )  # fmt: skip
        return tuple(refusal for gate in gates if (refusal := gate(person)))

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
