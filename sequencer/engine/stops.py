"""Stops and their end: pause, resume, finish and opt-out, of a person, a sequence, a mailbox or everything.

A stop that is committed before a mail's fence wins, so callers run these as urgent writes. What a stop means for
queued mail and open tasks follows from the state (core/tidy.py) and is not repeated here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.decide import due_of
from sequencer.core.people import Address, Channel, OuterPause, Prospect
from sequencer.core.progress import Hold, Pause
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.suppression import Suppression
from sequencer.engine.advance import Advance, Pass
from sequencer.engine.situation import Situation
from sequencer.engine.verbs import Face, by_name, face_at, live_situations
from sequencer.errors import InputError, InvariantBroken
from sequencer.mail.address import AddressProblem, check, normalise
from sequencer.store import log, people, sends

__all__ = [
    "FINISH_REASONS",
    "OptOut",
    "Paused",
    "Resumed",
    "ended",
    "finish_person",
    "opt_out",
    "pause_person",
    "put_pause",
    "rest_from",
    "resume_person",
]  # fmt: skip

FINISH_REASONS = (
    FinishReason.REMOVED, FinishReason.DISQUALIFIED, FinishReason.GOAL, FinishReason.MEETING, FinishReason.REPLIED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paused:
    """One enrollment after a pause: its pause, and whether a mail had left too far to be called back."""

    sequence_id: str
    pause: Pause
    on_the_wire: bool


def pause_person(
    connection: Connection,
    advance: Advance,
    address: str,
    by: str,
    now: datetime,
    until: Callable[[Situation], datetime] | None = None,
) -> tuple[Face, list[Paused]]:
    """Pause every live enrollment, open or until an instant that may depend on the person's zone.

    A pause that stands already is never shortened. Raises NotFound; InputError when nothing is live, or for the past.
    """
    face = face_at(connection, address)
    situations = _live(connection, advance, face, now)
    events = [(one.enrollment.id, [put_pause(one, by, now, until)]) for one in situations]
    passes = advance.record(connection, events, now)
    return face, [_paused(one) for one in passes.values()]


def put_pause(
    situation: Situation, by: str, now: datetime, until: Callable[[Situation], datetime] | None = None
) -> e.PausePut:
    """The pause of one enrollment by a named person. Raises InputError for the past."""
    end = until(situation) if until else None
    if end is not None and end <= now:
        raise InputError(f"{end:%Y-%m-%d %H:%M %Z} has passed: name a day to come")
    return e.PausePut(reason=Reason.BY_PERSON, until=end, due_at=rest_from(situation, end), by=by_name(by))


def rest_from(situation: Situation, until: datetime | None) -> datetime | None:
    """When the next step was due, so that an open pause can give the rest of its wait back."""
    if until is not None:
        return None
    try:
        return due_of(situation.bundle.sequence, situation.enrollment.progress, situation.facts)
    except InvariantBroken:
        return None


def _paused(one: Pass) -> Paused:
    pause = one.progress.pause(Reason.BY_PERSON)
    assert pause is not None
    return Paused(one.situation.enrollment.sequence_id, pause, one.situation.facts.on_the_wire)


@dataclass(frozen=True, slots=True)
class Resumed:
    """One enrollment after a resume: what was taken, and what still stands with the reason why."""

    enrollment_id: int
    sequence_id: str
    pauses: tuple[Pause, ...]
    holds: tuple[Hold, ...]
    left: tuple[tuple[Hold, str], ...]
    outer: tuple[OuterPause, ...]


def resume_person(
    connection: Connection, advance: Advance, address: str, by: str, now: datetime, *, address_works: bool = False
) -> tuple[Face, list[Resumed]]:
    """Take every pause and hold that a person's word may take. Raises NotFound, InputError when nothing is live."""
    face = face_at(connection, address)
    situations = _live(connection, advance, face, now)
    if address_works:
        people.revalidate_addresses(connection, face.id)
    new_address = address_works or _has_new_address(connection, face.prospect)
    plans = {one.enrollment.id: _plan(one, new_address) for one in situations}
    who = by_name(by)
    events: list[tuple[int, Sequence[e.Event]]] = [
        (key, [e.PauseTaken(reason=each.reason, by=who) for each in plan.pauses]
         + [e.HoldTaken(reason=each.reason, by=who) for each in plan.holds])
        for key, plan in plans.items() if plan.pauses or plan.holds
    ]  # fmt: skip
    advance.record(connection, events, now)
    return face, list(plans.values())


def _plan(one: Situation, new_address: bool) -> Resumed:
    progress = one.enrollment.progress
    left = tuple(
        (hold, why) for hold in progress.holds if (why := _why_it_stays(hold, one.facts.prospect, new_address))
    )
    stay = [hold for hold, _ in left]
    taken = tuple(hold for hold in progress.holds if hold not in stay)
    return Resumed(one.enrollment.id, one.enrollment.sequence_id, progress.pauses, taken, left, one.facts.outer)


def _why_it_stays(hold: Hold, person: Prospect, new_address: bool) -> str:
    match hold.reason:
        case Reason.UNCERTAIN:
            return 'say what became of the mail first: "sequencer uncertain list"'
        case Reason.BAD_ADDRESS if not new_address:
            return "import a working address with --update, or say --address-works if it does"
        case Reason.NO_ADDRESS if person.address is None:
            return "import an address with --update first"
    return ""


def _has_new_address(connection: Connection, person: Prospect) -> bool:
    """Whether the address to write to is another one than the last that was tried."""
    tried = [
        row.address for row in sends.sends_of(connection, person.id) if row.state in ("sent", "failed", "uncertain")
    ]
    return person.address is not None and bool(tried) and person.address != tried[-1]


def finish_person(
    connection: Connection, advance: Advance, address: str, reason: FinishReason, by: str, now: datetime
) -> tuple[Face, list[str]]:
    """End every live enrollment; returns their sequences. Raises NotFound, InputError when nothing is live."""
    face = face_at(connection, address)
    situations = _live(connection, advance, face, now)
    advance.record(connection, [(one.enrollment.id, [ended(reason, by)]) for one in situations], now)
    return face, [one.enrollment.sequence_id for one in situations]


def ended(reason: FinishReason, by: str) -> e.Event:
    """The event by which a named person ends an enrollment."""
    who = by_name(by)
    return e.MeetingBooked(by=who) if reason is FinishReason.MEETING else e.Finished(reason=reason, by=who)


@dataclass(frozen=True, slots=True)
class OptOut:
    """What an opt-out did. `face` None: nobody has the address, so the address itself is suppressed."""

    face: Face | None
    address: str
    already: bool
    finished: tuple[str, ...] = ()
    on_the_wire: bool = False


def opt_out(
    connection: Connection, advance: Advance, address: str, by: str, now: datetime, channel: Channel | None = None
) -> OptOut:
    """Never contact the person again: all addresses, all sequences, on every channel unless one is named.

    Raises InputError for what is no address.
    """
    checked = check(address)
    wanted = normalise(address)
    owner = people.owners(connection, [wanted]).get(wanted)
    if owner is None and isinstance(checked, AddressProblem):
        raise InputError(f'"{address}" is no mail address: {checked}')
    reason = f"asked not to be contacted, recorded by {by}"
    if owner is None:
        before = people.suppressions_of(connection, [_stranger(wanted)])
        people.suppress(connection, Suppression("address", wanted, channel, reason, now, True), by_name(by))
        return OptOut(None, wanted, bool(before))
    face = face_at(connection, wanted)
    rules = people.suppressions_of(connection, [face.prospect]).get(owner, ())
    already = any(rule.channel in (None, channel) for rule in rules)
    people.suppress(connection, Suppression("person", str(owner), channel, reason, now), by_name(by))
    for each in face.prospect.addresses:
        people.suppress(connection, Suppression("address", each.email, channel, reason, now, True), by_name(by))
    return _tell_enrollments(connection, advance, face, OptOut(face, wanted, already), channel, by, now)


def _tell_enrollments(
    connection: Connection, advance: Advance, face: Face, done: OptOut, channel: Channel | None, by: str, now: datetime
) -> OptOut:
    """Record it on every live enrollment; on the last one, or on the person alone, when none is live."""
    event = e.OptedOut(by=by_name(by), channel=channel)
    live = live_situations(connection, advance.around, face.id, now)
    ids = [one.enrollment.id for one in live] or log.all_of(connection, face.id)[:1]
    passes = advance.record(connection, [(key, [event]) for key in ids], now)
    if not ids:
        log.append(connection, [log.Entry(now, face.id, None, event)])
        people.raise_seq(connection, [face.id])
    ended = tuple(
        one.situation.enrollment.sequence_id for one in passes.values()
        if one.progress.finished and one.situation.enrollment.status != "finished"
    )  # fmt: skip
    wired = any(one.facts.on_the_wire for one in live)
    return OptOut(done.face, done.address, done.already, ended, wired)


def _stranger(address: str) -> Prospect:
    return Prospect(0, (Address(address),))


def _live(connection: Connection, advance: Advance, face: Face, now: datetime) -> list[Situation]:
    found = live_situations(connection, advance.around, face.id, now)
    if not found:
        raise InputError(f'{face.name} is in no sequence now: "sequencer why {face.address}" says since when')
    return found
