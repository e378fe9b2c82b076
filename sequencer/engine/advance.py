"""Moves enrollments: record what happened, ask `decide`, carry out what it asks, until it asks for nothing more.

The only place where an enrollment moves. Ingest, dispatch, rescue and the commands all come through `record`, which
runs inside the caller's transaction: events, projection, tasks and sends are one commit. No SQL between decisions.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.decide import DECISIONS_PER_PASS_MAX, decide
from sequencer.core.gates import expires_at
from sequencer.core.progress import Progress, step
from sequencer.core.reason import Reason
from sequencer.core.timing import due_time
from sequencer.engine import project
from sequencer.engine.situation import Situation, Surroundings, is_connect, load
from sequencer.errors import InvariantBroken
from sequencer.store import log, people, sends
from sequencer.store.database import Database, is_refusal

DUE_BATCH_MAX = 200
PUT_OFF = timedelta(hours=1)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Pass:
    """One enrollment's way through one pass: what was recorded and where it stands after it.

    `waited_since`: since when the mail of (step, attempt) that was queued here had waited for its hour or its rep.
    """

    situation: Situation
    progress: Progress
    recorded: list[e.Event] = field(default_factory=list)
    due_at: datetime | None = None
    waited_since: dict[tuple[str, int], datetime] = field(default_factory=dict)

    def record(self, event: e.Event, at: datetime) -> None:
        if isinstance(event, e.TouchQueued):
            due = due_time(self.situation.bundle.sequence.step(event.step), self.progress, self.situation.facts)
            self.waited_since[event.step, event.attempt] = min(at, due.at)
        self.progress = step(self.progress, event, at)
        self.recorded.append(event)

    @property
    def still_queued(self) -> bool:
        """Whether it came and went with the same mail queued: what that mail waits for may be over."""
        flight = self.progress.flight
        return flight is not None and flight.state == "queued" and flight == self.situation.enrollment.progress.flight


class Advance:
    """The service that works on due enrollments; `record` is what every other service calls."""

    def __init__(self, database: Database, around: Surroundings) -> None:
        self._database = database
        self.around = around

    async def run_once(self, now: datetime) -> int:
        """Decide on one batch of due enrollments; returns how many."""
        return await self._database.awrite(lambda connection: self.advance_due(connection, now))

    def advance_due(self, connection: Connection, now: datetime) -> int:
        """The same inside the caller's transaction. One that cannot be decided on keeps nobody else waiting."""
        ids = log.due(connection, now, DUE_BATCH_MAX)
        if ids and not self._decided(connection, ids, now):
            for enrollment_id in ids:
                if not self._decided(connection, [enrollment_id], now):
                    log.put_off(connection, enrollment_id, now + PUT_OFF)
        return len(ids)

    def _decided(self, connection: Connection, ids: Sequence[int], now: datetime) -> bool:
        try:
            with connection.begin_nested():
                self.record(connection, [(enrollment_id, ()) for enrollment_id in ids], now)
        except Exception as error:
            if is_refusal(error):
                raise
            if len(ids) == 1:
                logger.exception("enrollment %d cannot be decided on; it is tried again in %s", ids[0], PUT_OFF)
            return False
        return True

    def record(
        self, connection: Connection, happened: Iterable[tuple[int, Sequence[e.Event]]], now: datetime
    ) -> dict[int, Pass]:
        """Record these events of each enrollment and settle it. Returns each one's pass."""
        wanted: dict[int, list[e.Event]] = {}
        for enrollment_id, events in happened:
            wanted.setdefault(enrollment_id, []).extend(events)
        return self.record_in(connection, load(connection, self.around, list(wanted), now), wanted, now)

    def record_in(
        self,
        connection: Connection,
        situations: Mapping[int, Situation],
        wanted: Mapping[int, Sequence[e.Event]],
        now: datetime,
    ) -> dict[int, Pass]:
        """The same for situations that the caller has read in this transaction, after its own last write."""
        passes: dict[int, Pass] = {}
        opened = _Opened()
        for enrollment_id, events in wanted.items():
            if enrollment_id in situations:
                one = settled(opened.counted(situations[enrollment_id]), events, now)
                opened.count(one)
                passes[enrollment_id] = one
        write(connection, passes, now)
        return passes


class _Opened:
    """What this pass itself opens for each rep: the counts in the facts were read before it."""

    def __init__(self) -> None:
        self._calls, self._connects = Counter[str](), Counter[str]()

    def counted(self, situation: Situation) -> Situation:
        """The situation with its rep's counts as they are by now."""
        facts, worker = situation.facts, _worker(situation)
        if worker not in self._calls and worker not in self._connects:
            return situation
        calls, connects = facts.calls_today + self._calls[worker], facts.connects_this_week + self._connects[worker]
        return replace(situation, facts=replace(facts, calls_today=calls, connects_this_week=connects))

    def count(self, one: Pass) -> None:
        for event in one.recorded:
            if isinstance(event, e.TaskOpened):
                self._calls[_worker(one.situation)] += event.work == "call" and event.step is not None
                self._connects[_worker(one.situation)] += _is_connect(one.situation, event)


def _worker(situation: Situation) -> str:
    return (situation.facts.cover or situation.facts.rep).name


def _is_connect(situation: Situation, event: e.TaskOpened) -> bool:
    sequence = situation.bundle.sequence
    return event.step is not None and event.step in sequence.index and is_connect(sequence.step(event.step))


def settled(situation: Situation, events: Sequence[e.Event], now: datetime) -> Pass:
    """Fold the events, then decide until nothing is asked. A broken invariant holds this enrollment alone."""
    one = Pass(situation, situation.enrollment.progress)
    try:
        for event in events:
            one.record(event, now)
        _decide_all(one, now)
    except Exception:
        logger.exception("enrollment %d is held: an internal check failed", situation.enrollment.id)
        one = Pass(situation, situation.enrollment.progress)
        for event in events:
            one.record(event, now)
        if not one.progress.hold(Reason.BUG):
            one.record(e.HoldPut(reason=Reason.BUG), now)
        one.due_at = min(filter(None, map(expires_at, one.progress.holds)), default=None)
    return one


def _decide_all(one: Pass, now: datetime) -> None:
    sequence, facts = one.situation.bundle.sequence, one.situation.facts
    for _ in range(DECISIONS_PER_PASS_MAX):
        decision = decide(sequence, one.progress, facts, now, all_gates=False)
        if not decision.actions:
            one.due_at = decision.due_at
            return
        for action in decision.actions:
            one.record(action, now)
    raise InvariantBroken(f"no end of decisions in enrollment {one.situation.enrollment.id}")


def write(connection: Connection, passes: Mapping[int, Pass], now: datetime) -> None:
    """Append the events, project them onto tasks and sends, save where each enrollment stands."""
    entries, touched = [], set()
    for enrollment_id, one in passes.items():
        person = one.situation.enrollment.prospect_id
        entries += [log.Entry(now, person, enrollment_id, event) for event in one.recorded]
        if one.recorded:
            touched.add(person)
    log.append(connection, entries)
    queued = []
    for enrollment_id, one in passes.items():
        for event in one.recorded:
            if isinstance(event, e.TouchQueued):
                waited_since = one.waited_since[event.step, event.attempt]
                queued.append(project.queued_row(enrollment_id, one.situation, event, waited_since))
            else:
                project.onto_rows(connection, enrollment_id, one.situation, one.progress, event, now)
    sends.queue_sends(connection, queued)
    log.save(connection, [(enrollment_id, one.progress, one.due_at) for enrollment_id, one in passes.items()])
    people.raise_seq(connection, touched)
    sends.look_again(connection, [enrollment_id for enrollment_id, one in passes.items() if one.still_queued])
