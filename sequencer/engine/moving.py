"""Moves a person to another sequence, or to another step: the old enrollment finishes, a new one begins.

Same person, same mailbox, one transaction, so that nobody ever sees them in both or in neither.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.reason import FinishReason
from sequencer.engine.advance import Advance
from sequencer.engine.situation import Situation
from sequencer.engine.verbs import Face, by_name, did_you_mean, face_at, live_situations
from sequencer.errors import AlreadyEnrolled, InputError, NotFound
from sequencer.store import log, people, sends, versions

__all__ = ["Moved", "move"]


@dataclass(frozen=True, slots=True)
class Moved:
    """Who moved from where to where."""

    face: Face
    left: str
    sequence_id: str
    step: str
    enrollment_id: int


def move(
    connection: Connection,
    advance: Advance,
    address: str,
    target: str,
    by: str,
    now: datetime,
    left: str | None = None,
) -> Moved:
    """Finish one enrollment as moved and begin `SEQ` or `SEQ:STEP` in its mailbox; `left` names the one to leave.

    Raises NotFound for an unknown person, sequence or step; InputError while a mail is in flight, or when it is not
    clear which enrollment is meant; AlreadyEnrolled.
    """
    face = face_at(connection, address)
    sequence_id, _, step = target.partition(":")
    live = live_situations(connection, advance.around, face.id, now)
    old = _leaving(face, live, sequence_id, left)
    bundle = advance.around.catalog.bundle(connection, sequence_id, _version(connection, sequence_id))
    steps = [each.id for each in bundle.sequence.steps]
    step = step or steps[0]
    if step not in steps:
        raise NotFound(f'{sequence_id} has no step "{step}"{did_you_mean(step, steps) or ": " + ", ".join(steps)}')
    _refuse(connection, face, old)
    advance.record(connection, [(old.enrollment.id, [e.Finished(reason=FinishReason.MOVED, by=by_name(by))])], now)
    enrolled = e.Enrolled(
        sequence=sequence_id, version=_version(connection, sequence_id), step=step,
        rep=old.enrollment.rep, mailbox=old.enrollment.mailbox, by=by_name(by),
    )  # fmt: skip
    new = _begin(connection, advance, face, enrolled, bundle.sequence.settings.exclusive, now)
    return Moved(face, old.enrollment.sequence_id, sequence_id, step, new)


def _begin(
    connection: Connection, advance: Advance, face: Face, enrolled: e.Enrolled, exclusive: bool, now: datetime
) -> int:
    try:
        new = log.add_enrollment(connection, face.id, exclusive, p.enroll(enrolled, now))
    except AlreadyEnrolled:
        raise AlreadyEnrolled(
            f"{face.name} is already in {enrolled.sequence}, or in another exclusive sequence: finish that one first"
        ) from None
    log.append(connection, [log.Entry(now, face.id, new, enrolled)])
    people.raise_seq(connection, [face.id])
    advance.record(connection, [(new, ())], now)
    return new


def _leaving(face: Face, live: list[Situation], sequence_id: str, left: str | None) -> Situation:
    names = [one.enrollment.sequence_id for one in live]
    if not live:
        raise InputError(f'{face.name} is in no sequence: "sequencer enroll {sequence_id} --email {face.address}"')
    wanted = left or (sequence_id if sequence_id in names else names[0] if len(names) == 1 else None)
    if wanted is None:
        raise InputError(f"{face.name} is in {' and '.join(names)}: say which to leave with --from")
    if wanted not in names:
        raise InputError(f"{face.name} is not in {wanted} but in {', '.join(names)}")
    return live[names.index(wanted)]


def _refuse(connection: Connection, face: Face, old: Situation) -> None:
    flight = old.enrollment.progress.flight
    if old.facts.on_the_wire or any(row.prospect_id == face.id for row in sends.in_state(connection, "sending")):
        raise InputError(f"a mail to {face.name} is on the wire at this moment: try again in a minute")
    if flight is not None and flight.state == "uncertain":
        raise InputError(
            f'nobody knows whether the last mail to {face.name} arrived: settle it first, "sequencer uncertain list"'
        )
    if any(rule.channel is None for rule in old.facts.suppressions):
        raise InputError(f"{face.name} may not be contacted any more: the refusal stands")


def _version(connection: Connection, sequence_id: str) -> int:
    known = versions.latest(connection)
    if sequence_id not in known:
        hint = did_you_mean(sequence_id, known) or ': "sequencer apply" makes a file\'s sequence run'
        raise NotFound(f'there is no applied sequence "{sequence_id}"{hint}')
    return known[sequence_id].version
