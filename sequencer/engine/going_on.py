"""Lets somebody go on whose sequence a misread mail had ended: a new enrollment where the old one stood.

Same sequence, mailbox and threads, the same steps behind them, the pauses and holds of that moment; nothing leaves
finished (LIFECYCLE). It moves nobody on: engine/advance.py does, once the caller has recorded the rest.
"""

from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.reason import Reason
from sequencer.core.sequence import END
from sequencer.engine.advance import Advance
from sequencer.engine.misread import after, refusals
from sequencer.errors import AlreadyEnrolled, InputError
from sequencer.store import log, people, versions

__all__ = ["go_on", "why_not"]

HAD = ("sent", "done", "skipped", "refused")
_ENDED_BY_THEM = (e.ReplyReceived, e.MeetingBooked)


def why_not(connection: Connection, advance: Advance, old: log.Enrollment, mail: int) -> str:
    """Why this one, which the mail ended, does not go on; "" when it does. Raises InputError for a mail on its way."""
    progress = old.progress
    bundle = advance.around.catalog.bundle(connection, old.sequence_id, _version(connection, old))
    if progress.step not in (END, *bundle.sequence.index):
        return f'the step "{progress.step}" is not in {old.sequence_id} any more: enrol the person anew'
    if progress.flight is not None and progress.flight.state == "uncertain":
        raise InputError('nobody knows whether the last mail to them arrived: settle it first, "sequencer uncertain"')
    if progress.flight is not None:
        raise InputError("a mail to them is on the wire at this moment: try again in a minute")
    entries = log.read_person(connection, old.prospect_id)
    corrected = {entry.event.message for entry in entries if isinstance(entry.event, e.Corrected)} | {mail}
    since = [entry for entry in entries if progress.finished_at and entry.at >= progress.finished_at]
    answered = [entry.event for entry in since if isinstance(entry.event, _ENDED_BY_THEM)]
    if any(getattr(event, "message", None) not in corrected for event in answered):
        return "the person answered in another mail, or booked a meeting"
    if refusals(entries) - {mail}:
        return "the person refused in another way, and that stands"
    live = log.load(connection, log.live_of(connection, [old.prospect_id])).values()
    exclusive = bundle.sequence.settings.exclusive
    other = next((row for row in live if row.sequence_id == old.sequence_id or (exclusive and row.exclusive)), None)
    return f"the person is in {other.sequence_id} meanwhile" if other else ""


def go_on(connection: Connection, advance: Advance, old: log.Enrollment, by: str, now: datetime) -> int:
    """Begin the new enrollment; the caller has it decided on. `old`: finished, with the correction recorded.

    Raises AlreadyEnrolled.
    """
    left, version = old.progress, _version(connection, old)
    bundle = advance.around.catalog.bundle(connection, old.sequence_id, version)
    enrolled = e.Enrolled(
        sequence=old.sequence_id, version=version, step=left.step, rep=left.rep, mailbox=left.mailbox, by=by
    )
    events = [_continued(old), *_stops(left, now)]
    progress = after(p.enroll(enrolled, now), events, now)
    try:
        new = log.add_enrollment(connection, old.prospect_id, bundle.sequence.settings.exclusive, progress)
    except AlreadyEnrolled:
        raise AlreadyEnrolled(f"the person was enrolled elsewhere while {old.sequence_id} should go on") from None
    log.append(connection, [log.Entry(now, old.prospect_id, new, event) for event in (enrolled, *events)])
    people.raise_seq(connection, [old.prospect_id])
    return new


def _continued(old: log.Enrollment) -> e.Continued:
    left = old.progress
    return e.Continued(
        earlier=(*left.earlier, old.id), step_done=left.step_done, since=left.since, not_before=left.not_before,
        touches={step: touch for step, touch in left.touches.items() if touch.state in HAD}, fired=left.fired,
        polls=left.polls, linkedin_connected=left.linkedin_connected, silenced=left.silenced,
        soft_bounces=left.soft_bounces, colleagues=left.colleagues,
    )  # fmt: skip


def _stops(left: p.Progress, now: datetime) -> list[e.Event]:
    """The pauses and holds that stood when it ended, as far as their time has not come; an open one gives its rest."""
    stops: list[e.Event] = []
    for pause in left.pauses:
        if pause.until is None or pause.until > now:
            due_at = now + (pause.due_at - pause.put_at) if pause.until is None and pause.due_at else None
            stops.append(e.PausePut(reason=pause.reason, until=pause.until, due_at=due_at, by=pause.by))
    held = [hold for hold in left.holds if hold.reason is not Reason.UNCERTAIN]
    return [*stops, *(e.HoldPut(reason=hold.reason, detail=hold.detail) for hold in held)]


def _version(connection: Connection, old: log.Enrollment) -> int:
    return versions.latest(connection)[old.sequence_id].version
