"""Makes two people one: the first stays, whatever the second had becomes theirs, and no stop of either is lost.

Two rows for one human are how somebody is written to twice, or again after they refused. So the stricter wins: pauses
and holds that concern the person, refusals, answers and meetings of the one count for the other. It cannot be undone:
nobody could say any more whose event was whose.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.people import Channel, Prospect
from sequencer.core.progress import Pause
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.suppression import Suppression, may_contact
from sequencer.engine.advance import Advance
from sequencer.engine.situation import Situation
from sequencer.engine.stops import rest_from
from sequencer.engine.verbs import Face, by_name, face_at, live_situations, refuse_in_flight
from sequencer.errors import InputError
from sequencer.store import enrollments, log, merging, people, suppression
from sequencer.store.suppression import StandingRule

__all__ = ["Merge", "forbidden", "merge", "plan"]

# Holds that say something of the person; the others are about one enrollment's mail or mailbox and stay where they are.
PERSONAL_HOLDS = (Reason.BAD_ADDRESS, Reason.BAD_PHONE, Reason.LONG_ABSENCE, Reason.UNREADABLE_MAIL)
ANSWERED = (FinishReason.REPLIED, FinishReason.MEETING)
ANSWERS_READ = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Ending:
    """An enrollment that a merge ends, and why, in words."""

    enrollment_id: int
    sequence_id: str
    reason: FinishReason
    because: str


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge does. `united` is the person after it; `shared` the stops that the others' enrollments get, too.

    `forbidden`: channels on which the person may not be contacted after it.
    """

    stays: Face
    goes: Face
    united: Prospect
    endings: tuple[Ending, ...]
    shared: Mapping[int, tuple[e.PausePut | e.HoldPut, ...]]
    live: Mapping[int, str]
    lists: tuple[str, ...]
    rules: tuple[tuple[Suppression, str], ...]
    forbidden: tuple[Channel, ...]


def plan(connection: Connection, advance: Advance, first: str, second: str, now: datetime) -> Merge:
    """What `merge` would do now.

    Raises NotFound for an unknown address; InputError when both are one person already, or a mail to either is in
    flight.
    """
    stays, goes = face_at(connection, first), face_at(connection, second)
    if stays.id == goes.id:
        raise InputError(f"{first} and {second} are addresses of {stays.name} already")
    refuse_in_flight(connection, stays, goes)
    united = _united(stays.prospect, goes.prospect)
    own = {face.id: live_situations(connection, advance.around, face.id, now) for face in (stays, goes)}
    endings = tuple(_endings(connection, advance, own, stays, goes, now))
    over = {ending.enrollment_id for ending in endings}
    left = {key: [one for one in ones if one.enrollment.id not in over] for key, ones in own.items()}
    rules = tuple(_rules(connection, stays.prospect, goes.prospect, united, now))
    standing = people.suppressions_of(connection, [united]).get(united.id, ())
    return Merge(
        stays, goes, united, endings,
        {one.enrollment.id: found for ones in left.values() for one in ones if (found := _shared(one, own))},
        {one.enrollment.id: one.enrollment.sequence_id for ones in left.values() for one in ones},
        _new_lists(connection, stays.id, goes.id), rules, forbidden(united, (*standing, *(rule for rule, _ in rules))),
    )  # fmt: skip


def merge(connection: Connection, advance: Advance, first: str, second: str, by: str, now: datetime) -> Merge:
    """Do it, in the caller's transaction. Raises as `plan` does."""
    planned = plan(connection, advance, first, second, now)
    who, stays, goes = by_name(by), planned.stays.id, planned.goes.id
    merged = e.PersonMerged(person=goes, by=who)
    ends: list[tuple[int, Sequence[e.Event]]] = [
        (each.enrollment_id, [merged, e.Finished(reason=each.reason, by=who)]) for each in planned.endings
    ]
    advance.record(connection, ends, now)
    merging.unite(connection, planned.united, goes)
    for rule, put_by in planned.rules:
        people.suppress(connection, rule, put_by)
    happened: list[tuple[int, Sequence[e.Event]]] = [
        (key, [merged, *planned.shared.get(key, ())]) for key in planned.live
    ]
    advance.record(connection, happened, now)
    if not ends and not happened:
        log.append(connection, [log.Entry(now, stays, None, merged)])
    return planned


def _new_lists(connection: Connection, stays: int, goes: int) -> tuple[str, ...]:
    known = people.lists_of(connection, stays)
    return tuple(name for name in people.lists_of(connection, goes) if name not in known)


def _united(stays: Prospect, goes: Prospect) -> Prospect:
    """The first person, filled in from the second where they have nothing."""
    zone = stays if stays.timezone or not goes.timezone else goes
    return replace(
        stays,
        addresses=(*stays.addresses, *goes.addresses),
        fields={**goes.fields, **stays.fields},
        account_id=stays.account_id or goes.account_id,
        timezone=zone.timezone,
        zone_source=zone.zone_source,
        country=stays.country or goes.country,
        phone=stays.phone or goes.phone,
        linkedin=stays.linkedin or goes.linkedin,
    )


def _endings(
    connection: Connection,
    advance: Advance,
    own: Mapping[int, Sequence[Situation]],
    stays: Face,
    goes: Face,
    now: datetime,
) -> Iterator[Ending]:
    """What an answer of the other one ends, or what they had already; then what cannot go on twice."""
    left: list[Situation] = []
    for face, other in ((stays, goes), (goes, stays)):
        for one in own[face.id]:
            ending = _answered(connection, advance, one, other, now) or _had(connection, one, other, now)
            if ending:
                yield ending
            else:
                left.append(one)
    # The one that has come farther stays: going on with the other would repeat to the person what they had.
    left.sort(key=lambda one: (-_touches(one), one.enrollment.prospect_id != stays.id, one.enrollment.id))
    kept: list[Situation] = []
    for one in left:
        twin = next((other for other in kept if _cannot_both(one, other)), None)
        if twin is None:
            kept.append(one)
            continue
        where = twin.enrollment.sequence_id
        same = "" if one.enrollment.sequence_id == where else ", and both are exclusive"
        farther = " has come farther" if _touches(twin) > _touches(one) else " goes on"
        words = f"{_whose(twin, stays, goes)}{farther} in {where}{same}"
        yield Ending(one.enrollment.id, one.enrollment.sequence_id, FinishReason.MOVED, words)


def _whose(one: Situation, stays: Face, goes: Face) -> str:
    return (stays if one.enrollment.prospect_id == stays.id else goes).address


def _cannot_both(one: Situation, other: Situation) -> bool:
    mine, theirs = one.enrollment, other.enrollment
    return mine.sequence_id == theirs.sequence_id or (mine.exclusive and theirs.exclusive)


def _touches(one: Situation) -> int:
    return sum(touch.state in ("sent", "done", "uncertain") for touch in one.enrollment.progress.touches.values())


def _answered(connection: Connection, advance: Advance, one: Situation, other: Face, now: datetime) -> Ending | None:
    """The end that the other one's answer or meeting would have been, had one row stood for both.

    One before the enrollment began counts too, while the policy's cool-off would have kept the person out.
    """
    cool_off = advance.around.config.policy.cool_off
    answers = enrollments.answers(connection, [other.id], now - ANSWERS_READ).get(other.id, [])
    happened = [(FinishReason.REPLIED, each.answer, each.at) for each in answers]
    for past in enrollments.pasts(connection, [other.id]).get(other.id, []):
        if past.finish_reason in ANSWERED and past.finished_at:
            happened.append((FinishReason(past.finish_reason), past.finish_reason, past.finished_at))
    for reason, what, at in sorted(happened, key=lambda each: each[2], reverse=True):
        rest = cool_off.get(what) or cool_off.get(reason.value)
        if at >= one.enrollment.progress.enrolled_at or (rest and at + rest.elapsed > now):
            did = "booked a meeting" if reason is FinishReason.MEETING else "answered"
            words = f"{other.address} {did} on {at:%d %b %Y}"
            return Ending(one.enrollment.id, one.enrollment.sequence_id, reason, words)
    return None


def _had(connection: Connection, one: Situation, other: Face, now: datetime) -> Ending | None:
    """The end where the other one has had the same mails lately: `reenroll_after` would have kept the person out."""
    sequence_id, rest = one.enrollment.sequence_id, one.bundle.sequence.settings.reenroll_after.elapsed
    for past in enrollments.pasts(connection, [other.id]).get(other.id, []):
        touched = past.last_touch_at
        if past.sequence_id == sequence_id and not past.live and touched and touched + rest > now:
            words = f"{other.address} had its last touch on {touched:%d %b %Y} (reenroll_after)"
            return Ending(one.enrollment.id, sequence_id, FinishReason.REMOVED, words)
    return None


def _shared(one: Situation, own: Mapping[int, Sequence[Situation]]) -> tuple[e.PausePut | e.HoldPut, ...]:
    """The stops of the other person's enrollments that this one has not, or has less strictly."""
    mine = one.enrollment.progress
    theirs = [
        other.enrollment.progress
        for key, others in own.items() if key != one.enrollment.prospect_id
        for other in others
    ]  # fmt: skip
    found: list[e.PausePut | e.HoldPut] = []
    for progress in theirs:
        for pause in progress.pauses:
            if _is_stricter(pause, mine.pause(pause.reason)):
                rest = rest_from(one, pause.until)
                found.append(e.PausePut(reason=pause.reason, until=pause.until, due_at=rest, by=pause.by))
        for hold in progress.holds:
            if hold.reason in PERSONAL_HOLDS and not mine.hold(hold.reason):
                found.append(e.HoldPut(reason=hold.reason, detail=hold.detail))
    return tuple(found)


def _is_stricter(pause: Pause, than: Pause | None) -> bool:
    if than is None:
        return True
    return than.until is not None and (pause.until is None or pause.until > than.until)


def _rules(
    connection: Connection, stays: Prospect, goes: Prospect, united: Prospect, now: datetime
) -> Iterator[tuple[Suppression, str]]:
    """Rules to put anew: those on the person who goes, and those on an account that the united one is not at."""
    keys = {("person", str(goes.id))}
    keys |= {("account", goes.account_id)} if goes.account_id and goes.account_id != united.account_id else set()
    for each in suppression.standing_on(connection, keys):
        yield _moved(each, stays, united, now), each.by


def _moved(each: StandingRule, stays: Prospect, united: Prospect, now: datetime) -> Suppression:
    if each.rule.kind == "person":
        return replace(each.rule, value=str(stays.id))
    reason = f"{each.rule.reason} (on account {each.rule.value}, kept when two people were merged)"
    return Suppression("address", united.addresses[0].email, each.rule.channel, reason, now)


def forbidden(person: Prospect, rules: Sequence[Suppression]) -> tuple[Channel, ...]:
    """The channels on which these rules leave the person alone."""
    return tuple(channel for channel in get_args(Channel) if not may_contact(channel, person, rules).allowed)
