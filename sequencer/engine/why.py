"""`why`: what one person waits for, every gate in order, and when the next touch goes.

The flagship of the people's commands: nobody may ever ask "active, but nothing is sent" and get no reason. It asks
decide's own gates, outlook and admit, and re-implements none of their rules. It returns values; engine/why_words.py
has the sentences.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.decide import standing
from sequencer.core.gates import absence_then, contact_gates, flight_gate, gates_of, leaving_gates, pause_gates
from sequencer.core.outlook import NO_LIMITS, Expected, Outlook, outlook
from sequencer.core.reason import FinishReason, Gate, Reason
from sequencer.core.sequence import AnyStep, CallStep, EmailStep
from sequencer.core.turns import Turn
from sequencer.engine.absence import absence_place, worker_of
from sequencer.engine.advance import Advance
from sequencer.engine.again import Return, may_return
from sequencer.engine.config_lines import config_place
from sequencer.engine.leaving import daemon_gates, inbox_gate, limits_gate, mailbox_gate, text_gate
from sequencer.engine.mailbox_turns import MailboxTurns
from sequencer.engine.situation import Situation, Surroundings
from sequencer.engine.verbs import Face, face_at, live_situations
from sequencer.errors import InvariantBroken
from sequencer.store import log, tasks
from sequencer.store.tasks import TaskRow

__all__ = ["ORDER", "Past", "Skipped", "Standing", "Why", "standing_of", "why"]

ORDER = (
    "database", "installation", "daemon", "clock", "sequence", "mailbox", "mailbox works", "account", "paused", "held",
    "task", "in flight", "wait", "branch", "window", "holiday", "rep away", "rep capacity", "limits", "suppression",
    "text", "inbox",
)  # fmt: skip

_OF_HOURS = ("window", "holiday", "rep away")
_BEFORE_A_TASK = ("wait", "window", "holiday", "rep away", "rep capacity", "branch")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that was passed by, and why."""

    step: str
    reason: Reason
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one live enrollment stands.

    `goes_at`: when the first of `expected` leaves or its task opens, None when no clock decides it; then `closed` is
    the gate that a person or an event opens. `task`: what the step waits for. `hours`: the name of the window.
    `worker`: who has the rep's tasks then, the rep themself unless somebody covers. `skipped`: in order of time.
    """

    enrollment_id: int
    sequence_id: str
    title: str
    status: str
    rep: str
    worker: str
    mailbox: str
    step: str | None
    kind: str
    gates: tuple[Gate, ...]
    closed: Gate | None
    goes_at: datetime | None
    queued: bool
    task: TaskRow | None
    zone: ZoneInfo
    hours: str
    expected: tuple[Expected, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """An enrollment that is over."""

    sequence_id: str
    reason: FinishReason
    at: datetime
    by: str
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """All that `why` tells of one person.

    `again`: of somebody who is in no sequence, which ones they could enter. `open_tasks`: all that wait for a rep.
    """

    face: Face
    standings: tuple[Standing, ...]
    past: tuple[Past, ...]
    again: tuple[Return, ...]
    open_tasks: tuple[TaskRow, ...]


def why(
    connection: Connection, advance: Advance, address: str, now: datetime, turns: MailboxTurns | None = None
) -> Why:
    """Everything about one person; `turns`: of this very instant, for who asks about many.

    Raises NotFound for an address that nobody has.
    """
    face, around = face_at(connection, address), advance.around
    turns = turns or MailboxTurns(connection, around, now)
    live = live_situations(connection, around, face.id, now)
    standings = tuple(standing_of(connection, around, one, now, turns) for one in live)
    past = tuple(_past(connection, face.id))
    again = () if standings else may_return(connection, advance, face, now)
    return Why(face, standings, past, again, tuple(tasks.open_tasks(connection, prospect_id=face.id)))


def standing_of(
    connection: Connection, around: Surroundings, situation: Situation, now: datetime, turns: MailboxTurns | None = None
) -> Standing:
    """Where one live enrollment stands, through every gate; `turns` as in `why`."""
    enrollment, sequence, facts = situation.enrollment, situation.bundle.sequence, situation.facts
    progress = enrollment.progress
    try:
        step = standing(sequence, progress)
        future = outlook(sequence, progress, facts, now)
    except InvariantBroken as error:
        step, future = (
            None,
            Outlook((), Gate("step", False, Reason.BUG, str(error), frees_by="resume, or move the person")),
        )
    flight = progress.flight
    queued = flight is not None and flight.state == "queued" and step is not None and flight.step == step.id
    gates = [*daemon_gates(connection, now), mailbox_gate(connection, situation, now)]
    gates += _core_gates(situation, step, queued, now)
    goes_at, kept_by = None if progress.step_task else _goes_at(future), None
    turn = None
    if goes_at is not None and future.next and future.next.kind in ("email", "task"):
        turn = (turns or MailboxTurns(connection, around, now)).turn_of(situation)
        goes_at = turn.at if turn else goes_at
        if goes_at is not None and goes_at > future.next.at:
            future = _from(situation, future.next, goes_at, now)
    if turn and turn.gate and turn.gate.reason is Reason.REP_DAY:
        gates = [*(gate for gate in gates if gate.name != turn.gate.name), turn.gate]
    if isinstance(step, EmailStep):
        mail = turn if future.next and future.next.kind == "email" else None
        gates.append(_limits(connection, around, situation, step, goes_at or now, mail))
        gates.append(inbox_gate(connection, around.config, situation, now))
        if future.next and future.next.kind == "email":
            goes_at, kept_by = _unless_kept(gates, goes_at, now)
    if step is not None and step.channel is not None:
        gates.append(text_gate(connection, around, situation, step.id, now))
    ordered = _ordered([_with_absence(gate, around, situation, step, queued, now) for gate in gates], around, situation)
    return Standing(
        enrollment.id, enrollment.sequence_id, sequence.title, enrollment.progress.status, enrollment.rep,
        worker_of(around.config, enrollment.rep, goes_at or now), enrollment.mailbox, step.id if step else None,
        step.kind if step else "", ordered,
        kept_by or _closed(ordered, future, goes_at), goes_at, queued, _task(connection, situation), facts.zone,
        _hours(around, situation), future.expected, _skipped_by(connection, enrollment),
    )  # fmt: skip


def _from(situation: Situation, first: Expected, at: datetime, now: datetime) -> Outlook:
    """What is to come once `first` happens at `at`, later than it could if it were alone."""
    sequence, progress, facts = situation.bundle.sequence, situation.enrollment.progress, situation.facts
    if first.kind == "email":
        return outlook(sequence, progress, facts, now, leaves_at=at)
    return outlook(sequence, progress, facts, now, {first.step: at} if first.step else NO_LIMITS)


def _core_gates(situation: Situation, step: AnyStep | None, queued: bool, now: datetime) -> list[Gate]:
    """decide's gates; of a mail in the queue those that it must still pass when it leaves."""
    sequence, progress, facts = situation.bundle.sequence, situation.enrollment.progress, situation.facts
    if step is None:
        return [*pause_gates(sequence, progress, facts), flight_gate(progress, now)]
    gates = [*gates_of(step, sequence, progress, facts, now), *contact_gates(step, facts, progress)]
    if queued and isinstance(step, EmailStep):
        leaving = {gate.name: gate for gate in leaving_gates(step, sequence, progress, facts, now)}
        gates = [leaving.get(gate.name, gate) if gate.name in _OF_HOURS else gate for gate in gates]
        gates = [_in_queue(gate, facts.on_the_wire) if gate.name == "in flight" else gate for gate in gates]
    return gates


def _in_queue(gate: Gate, on_the_wire: bool) -> Gate:
    """A mail that only waits for its turn is in nobody's way."""
    if on_the_wire:
        return replace(gate, detail="on the wire", frees_by="the server's answer")
    if gate.reason is Reason.IN_FLIGHT:
        return Gate("in flight", True, detail="queued")
    return gate


def _goes_at(future: Outlook) -> datetime | None:
    following = future.next
    return following.at if following and following.kind != "finished" else None


def _limits(
    connection: Connection, around: Surroundings, situation: Situation, step: EmailStep, at: datetime, turn: Turn | None
) -> Gate:
    """A mail that something else stops is asked about as of now."""
    progress = situation.enrollment.progress
    if situation.facts.on_the_wire or (progress.flight and progress.flight.state == "uncertain"):
        return Gate("limits", True, detail="asked once the mail before it is settled")
    return limits_gate(connection, around, situation, step, at, turn)


def _unless_kept(gates: Iterable[Gate], goes_at: datetime | None, now: datetime) -> tuple[datetime | None, Gate | None]:
    """When a mail goes whose mailbox or inbox does not work; None, and the gate, when no clock says.

    Until the mail is due that may be mended. Without a daemon nobody knows better.
    """
    shut = {gate.name: gate for gate in gates if not gate.passed}
    if goes_at is None or {"daemon", "clock"} & shut.keys():
        return goes_at, None
    untimed = [shut[name] for name in ("mailbox works", "inbox") if name in shut and shut[name].frees_at is None]
    if untimed and goes_at <= now:
        return None, untimed[0]
    again_at = shut["mailbox works"].frees_at if "mailbox works" in shut else None
    return max(goes_at, again_at or goes_at), None


def _closed(gates: Iterable[Gate], future: Outlook, goes_at: datetime | None) -> Gate | None:
    """The gate that a person or an event has to open before anything moves, None when only time has to pass."""
    if goes_at is not None:
        return None
    untimed = (
        gate for gate in gates if not gate.passed and gate.frees_at is None and gate.name not in ("daemon", "inbox")
    )
    return future.stopped_by or next(untimed, None)


def _ordered(gates: list[Gate], around: Surroundings, situation: Situation) -> tuple[Gate, ...]:
    """The gates in the order in which `why` tells them, with the account's own pause under its own name."""
    named = [replace(gate, name="account") if gate.reason is Reason.ACCOUNT else gate for gate in gates]
    if not any(gate.name == "account" for gate in named):
        named.append(Gate("account", True, detail=situation.facts.prospect.account_id or "none known"))
    if not any(gate.name == "paused" for gate in named):
        named.append(Gate("paused", True))
    if situation.enrollment.progress.step_task:
        named = [_begun(gate) if gate.name in _BEFORE_A_TASK else gate for gate in named]
    told = [_with_window(gate, around, situation) if gate.name == "window" else gate for gate in named]
    told = [_with_brake(gate, around) if gate.reason is Reason.BRAKE else gate for gate in told]
    told = [_with_rep(gate, around, situation) if gate.reason is Reason.REP_DAY else gate for gate in told]
    return tuple(sorted(told, key=lambda gate: ORDER.index(gate.name)))


def _begun(gate: Gate) -> Gate:
    """What had to be open before the task was: it is behind."""
    return Gate(gate.name, True, detail="the task is open", place=gate.place)


def _with_absence(
    gate: Gate, around: Surroundings, situation: Situation, step: AnyStep | None, queued: bool, now: datetime
) -> Gate:
    """The gate with the line of its [[away]] in config.toml."""
    if gate.name != "rep away" or step is None:
        return gate
    stretch = absence_then(step, situation.enrollment.progress, situation.facts, now, leaving=queued)
    return replace(gate, place=absence_place(around.config, stretch.absence)) if stretch else gate


def _with_brake(gate: Gate, around: Surroundings) -> Gate:
    """The gate with the line of its rates in config.toml, which may be a table of their own."""
    inline = config_place(around.config, "policy", "brake")
    return replace(gate, place=inline if inline.line else config_place(around.config, "policy.brake"))


def _with_rep(gate: Gate, around: Surroundings, situation: Situation) -> Gate:
    """The gate with the line of the budget of whoever does the task."""
    step = standing(situation.bundle.sequence, situation.enrollment.progress)
    key = "calls_per_day" if isinstance(step, CallStep) else "connects_per_week"
    rep = situation.facts.cover or situation.facts.rep
    return replace(gate, place=config_place(around.config, "reps", key, rep.name))


def _with_window(gate: Gate, around: Surroundings, situation: Situation) -> Gate:
    """The gate with the name of its hours and their line in config.toml; that line is its rule where the sequence names
    none."""
    if gate.reason is Reason.NEVER_OPENS:
        return gate
    hours, window = _hours(around, situation), situation.bundle.sequence.settings.window
    place = config_place(around.config, f"windows.{hours}")
    if window is None:
        return replace(gate, detail=f"{hours}: {gate.detail}", place=place)
    named = f"{hours}, {place}" if isinstance(window, str) and place.line else hours
    return replace(gate, detail=f"{named}: {gate.detail}")


def _hours(around: Surroundings, situation: Situation) -> str:
    window = situation.bundle.sequence.settings.window
    if window is None:
        return around.config.policy_section.window
    return window if isinstance(window, str) else "the sequence's own hours"


def _task(connection: Connection, situation: Situation) -> TaskRow | None:
    key = situation.enrollment.progress.step_task
    rows = tasks.open_tasks(connection, prospect_id=situation.enrollment.prospect_id) if key else []
    own = (row for row in rows if (row.enrollment_id, row.key) == (situation.enrollment.id, key))
    return next(own, None)


def _past(connection: Connection, person: int) -> Iterable[Past]:
    for row in log.load(connection, log.all_of(connection, person)).values():
        reason, at = row.progress.finished, row.progress.finished_at
        if reason is None or at is None:
            continue
        events = [entry.event for entry in log.read_log(connection, row.id)]
        by = next((event.by for event in events if isinstance(event, e.Finished)), "")
        yield Past(row.sequence_id, reason, at, by, _skipped_by(connection, row))


def _skipped_by(connection: Connection, row: log.Enrollment) -> tuple[Skipped, ...]:
    """Which steps were passed by; most people have none, and then the log is not read."""
    if all(touch.state != "skipped" for touch in row.progress.touches.values()):
        return ()
    entries = [(entry.at, entry.event) for entry in log.read_log(connection, row.id)]
    return tuple(Skipped(event.step, event.reason, at) for at, event in entries if isinstance(event, e.StepSkipped))
