"""Plays one scenario on a stepping clock: what the sequence does, what the world does, and what comes of both.

It is here so that a sequence is tested by the engine's own rules: `settled` decides, `leaving_gates` and `admit` let a
mail leave, the inbox's classifier reads the answers, a rep's words go through task_verbs. Only the world is played:
mail is accepted, and a rep does every task when it is due unless the scenario says otherwise. It asks no database and
sends nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sequencer.config import Config
from sequencer.content.definition import Bundle
from sequencer.content.failure import MissingField, RenderError
from sequencer.content.render import Renderer
from sequencer.content.scenario import START, Case, Given, Instant, WallTime
from sequencer.core import events as e
from sequencer.core.capacity import Due, Usage, admit
from sequencer.core.decide import due_of
from sequencer.core.facts import Facts
from sequencer.core.gates import leaving_gates
from sequencer.core.people import Mailbox
from sequencer.core.progress import enroll
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.span import Span
from sequencer.core.state import Flight, TaskState
from sequencer.core.timing import pause_end, wait_end
from sequencer.core.window import start_of_day
from sequencer.engine import task_verbs
from sequencer.engine.advance import settled
from sequencer.engine.judged import answer_event
from sequencer.engine.letter import render, render_facts
from sequencer.engine.project import limited_domain
from sequencer.engine.scenario_events import event_of, judged
from sequencer.engine.situation import Situation, facts_of, zone_of
from sequencer.engine.verbs import by_name
from sequencer.errors import InputError
from sequencer.store.log import Enrollment
from sequencer.store.tasks import TaskRow

__all__ = ["Happened", "Played", "Problem", "instant_of", "play"]

INSTANTS_MAX = 2_000
DAYS_MAX = 800
TOUCHING = ("call", "linkedin")


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    event: e.Event


@dataclass(frozen=True, slots=True)
class Problem:
    """What fails a scenario whatever it expects: a text that cannot be written, something that could not happen.

    `key`: the scenario's key that it is about; `holds`: why a person is held because of it.
    """

    key: str
    message: str
    holds: Reason | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """`zone`: where the prospect's days are counted."""

    zone: ZoneInfo
    happened: tuple[Happened, ...]
    problems: tuple[Problem, ...]


def play(config: Config, bundle: Bundle, case: Case, rep: str) -> Played:
    """The whole course of the scenario's prospect, until nothing more would happen; `rep` enrols them."""
    stage = _Stage(config, bundle, case, rep)
    stage.run()
    return Played(stage.zone, tuple(stage.happened), tuple(dict.fromkeys(stage.problems)))


def instant_of(wall: WallTime, zone: ZoneInfo) -> datetime:
    """A wall time of the prospect in UTC; a day is its beginning, a repeated time its first occurrence."""
    if wall.clock is None:
        return start_of_day(zone, wall.day)
    return datetime.combine(wall.day, wall.clock, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Next:
    """What the world or the clock does at `at`; of several at one instant the lowest rank comes first."""

    at: datetime
    rank: int
    act: Callable[[], None]


class _Stage:
    """One enrollment and the world around it."""

    def __init__(self, config: Config, bundle: Bundle, case: Case, rep: str) -> None:
        self._config, self._bundle, self._scenario = config, bundle, case.scenario
        self._person, self._account = case.person, case.account
        self._renderer = Renderer(bundle.files)
        sequence = bundle.sequence
        worker = sequence.owner or rep
        boxes = [box.address for box in config.mailboxes_by_address.values() if box.rep == worker]
        first = e.Enrolled(
            sequence=sequence.id, version=1, step=sequence.steps[0].id, rep=worker,
            mailbox=boxes[0] if boxes else "", by=by_name(rep),
        )  # fmt: skip
        known = case.person.timezone
        mailbox = config.mailboxes_by_address.get(first.mailbox)
        self.zone = ZoneInfo(known) if known else zone_of(sequence.settings, case.person, mailbox)[0]
        self._now = instant_of(self._scenario.start, self.zone)
        self._progress = enroll(first, self._now)
        self._due_at: datetime | None = None
        self._touched_at: list[datetime] = []
        self._last_mail: str | None = None
        self._began = {START: self._now}
        self.happened = [Happened(self._now, first)]
        self.problems: list[Problem] = []
        self._events_left: list[int] = []
        self._tasks_left: dict[str, list[int]] = defaultdict(list)
        for number, given in enumerate(self._scenario.given):
            if given.of_task is not None:
                self._tasks_left[given.of_task].append(number)
            elif given.undone is None:
                self._events_left.append(number)
        self._undone = {given.undone for given in self._scenario.given}

    def run(self) -> None:
        self._settle()
        end = self._now + timedelta(days=DAYS_MAX)
        for _ in range(INSTANTS_MAX):
            following = min(self._to_come(), key=lambda each: (each.at, each.rank), default=None)
            if following is None or following.at > end:
                break
            self._now = max(self._now, following.at)
            following.act()
        for number in sorted([*self._events_left, *(each for left in self._tasks_left.values() for each in left)]):
            self._wrong(number, f"this could not happen: {self._why_not(self._scenario.given[number])}")

    def _why_not(self, given: Given) -> str:
        if given.of_task is not None:
            return f"no task of {given.of_task} was open for it"
        return f"{given.at.after if given.at else 'its step'} never came"

    def _wrong(self, number: int, message: str) -> None:
        self.problems.append(Problem(f"given.{number}", message))

    def _facts(self) -> Facts:
        return facts_of(
            self._config, self._bundle, self._person.addresses[0].email, self._person, self._account,
            self._progress.rep, self._progress.mailbox,
        )  # fmt: skip

    def _situation(self) -> Situation:
        sequence, progress = self._bundle.sequence, self._progress
        row = Enrollment(
            1, self._person.id, sequence.id, progress.version, progress.mailbox, progress.rep,
            sequence.settings.exclusive, progress.status, self._due_at, progress, 0,
        )  # fmt: skip
        return Situation(row, self._bundle, self._facts(), "")

    def _settle(self, *events: e.Event) -> None:
        """Record what happened and let the engine answer it."""
        one = settled(self._situation(), events, self._now)
        self._progress, self._due_at = one.progress, one.due_at
        for event in one.recorded:
            self.happened.append(Happened(self._now, event))
            match event:
                case e.TouchSent(step=step):
                    self._began.setdefault(step, self._now)
                    self._touched_at.append(self._now)
                    self._last_mail = step
                case e.TaskOpened():
                    self._opened(event)

    def _to_come(self) -> Iterator[_Next]:
        """What arrives comes before what is done, and both before what is due (LIFECYCLE, Time)."""
        for number in self._events_left:
            if at := self._at(self._scenario.given[number].at):
                yield _Next(at, 0, partial(self._happens, number))
        if task := self._task():
            yield task
        if mail := self._mail():
            yield mail
        if self._due_at:
            yield _Next(self._due_at, 3, self._settle)

    def _at(self, instant: Instant | None, of_task: TaskState | None = None) -> datetime | None:
        """None while the step that it counts from has not begun. A task's own step begins each time it is opened."""
        if instant is None:
            return None
        if instant.wall:
            return instant_of(instant.wall, self.zone)
        base = self._began.get(instant.after)
        if of_task and of_task.step == instant.after:
            base = of_task.snoozed_until or of_task.opened_at
        return wait_end(instant.span, self._facts(), base) if base and instant.span is not None else None

    def _task(self) -> _Next | None:
        """The open task of the step: as the scenario says, else done when it is due."""
        key = self._progress.step_task
        task = self._progress.tasks[key] if key else None
        if key is None or task is None or task.step in self._undone:
            return None
        scripted = self._tasks_left.get(task.step or "")
        if scripted:
            at = self._at(self._scenario.given[scripted[0]].at, task)
            return _Next(max(at, task.opened_at), 1, lambda: self._scripted(key, task, scripted.pop(0))) if at else None
        if self._progress.pauses or self._progress.holds:
            return None
        done = e.TaskDone(task=key, outcome="", by=by_name(self._progress.rep))
        return _Next(max(self._now, task.due_at), 1, lambda: self._done(task, done))

    def _scripted(self, key: str, task: TaskState, number: int) -> None:
        given, rep = self._scenario.given[number], self._progress.rep
        if given.skip:
            self._settle(e.TaskSkipped(task=key, by=by_name(rep)))
            return
        row = TaskRow(
            0, 1, self._person.id, key, task.step, rep, task.work, "normal", None, task.review, "open", task.due_at,
            task.opened_at, task.snoozed_until, None, None,
        )  # fmt: skip
        try:
            said = task_verbs.Said(given.done or "", rep)
            self._done(task, *task_verbs.events_of(row, self._situation(), said, self._now))
        except InputError as error:
            self._wrong(number, str(error))

    def _done(self, task: TaskState, *events: e.Event) -> None:
        if task.work in TOUCHING:
            self._touched_at.append(self._now)
        self._settle(*events)

    def _mail(self) -> _Next | None:
        """The queued mail leaves when nothing that a clock opens is in its way."""
        flight, sequence = self._progress.flight, self._bundle.sequence
        if flight is None or flight.state != "queued":
            return None
        step = sequence.step(flight.step)
        assert isinstance(step, EmailStep)
        closed = self._closed(step)
        if any(gate.frees_at is None for gate in closed):
            return None
        at = max((gate.frees_at for gate in closed if gate.frees_at), default=self._now)
        return _Next(at, 2, lambda: self._leave(flight, step) if not self._closed(step) else None)

    def _closed(self, step: EmailStep) -> list[Gate]:
        facts = self._facts()
        gates = leaving_gates(step, self._bundle.sequence, self._progress, facts, self._now)
        closed = [gate for gate in gates if not gate.passed]
        return closed if closed or facts.mailbox is None else self._not_admitted(facts, facts.mailbox)

    def _not_admitted(self, facts: Facts, mailbox: Mailbox) -> list[Gate]:
        """The policy's limits on touches to one person; the mailbox has nothing else to send."""
        person = facts.prospect
        send = Due(
            1,
            1,
            person.id,
            person.account_id,
            limited_domain(person.address or ""),
            self._bundle.sequence.id,
            self._now,
        )
        usage = Usage(person_touches={person.id: tuple(self._touched_at)})
        return [gate for _, gate in admit([send], usage, mailbox, facts.policy, self._now).wait]

    def _leave(self, flight: Flight, step: EmailStep) -> None:
        """Every variant is written, so that none fails unseen; the one that is chosen leaves."""
        facts, chosen = self._facts(), self._progress.touches[flight.step].variant
        failed: RenderError | None = None
        for variant in step.email.variants:
            try:
                render(self._config, self._renderer, self._bundle.sequence, step, variant, facts, self._now)
            except RenderError as error:
                self._unwritten(step.id, error)
                failed = error if variant == chosen else failed
        if failed is None:
            self._settle(e.TouchSent(step=step.id, attempt=flight.attempt, sent_at=self._now))
        elif isinstance(failed, MissingField):
            self._settle(e.TouchNotRendered(step=step.id, reason=Reason.MISSING_FIELD, field=", ".join(failed.fields)))
        else:
            self._settle(e.TouchNotRendered(step=step.id, reason=Reason.TEMPLATE_ERROR, field=failed.template))

    def _opened(self, task: e.TaskOpened) -> None:
        if task.step and not task.review:
            self._began.setdefault(task.step, self._now)
        if task.script is None:
            return
        facts = render_facts(self._config, self._bundle.sequence, task.step or "", self._facts(), self._now)
        try:
            self._renderer.render_text(task.script, facts)
        except RenderError as error:
            self.problems.append(Problem("", f"{task.step or task.task} cannot be written: {error}"))

    def _unwritten(self, step: str, error: RenderError) -> None:
        holds = Reason.MISSING_FIELD if isinstance(error, MissingField) else Reason.TEMPLATE_ERROR
        self.problems.append(Problem("", f"{step} cannot be written: {error}", holds))

    def _happens(self, number: int) -> None:
        self._events_left.remove(number)
        given = self._scenario.given[number]
        match given.kind:
            case "reply" | "auto_reply":
                self._arrives(number, given)
            case "bounce":
                self._bounces(number, hard=given.bounce == "hard")
            case "pause":
                self._settle(self._pause(given.pause))
            case "resume":
                self._settle(*self._resume())
            case kind:
                self._settle(event_of(kind, given, number, by_name(self._progress.rep)))

    def _arrives(self, number: int, given: Given) -> None:
        judgement = judged(
            given, self._person.addresses[0].email, self._progress.mailbox, self._now.astimezone(self.zone)
        )
        event = answer_event(judgement, number, self._last_mail)
        if event is None:
            self._wrong(number, "the inbox would take this text for no answer at all")
        else:
            self._settle(event)

    def _bounces(self, number: int, *, hard: bool) -> None:
        if self._last_mail is None:
            self._wrong(number, "no mail has left that could bounce")
            return
        if hard:
            address = self._person.address
            kept = tuple(replace(each, valid=each.valid and each.email != address) for each in self._person.addresses)
            self._person = replace(self._person, addresses=kept)
        status = "5.1.1" if hard else "4.2.2"
        self._settle(e.Bounced(message=number, hard=hard, status=status, step=self._last_mail))

    def _pause(self, length: Span | WallTime | None) -> e.PausePut:
        facts, until = self._facts(), None
        if isinstance(length, Span):
            until = pause_end(length, facts, self._now)
        elif length:
            until = instant_of(length, self.zone)
        rest = None if until else due_of(self._bundle.sequence, self._progress, facts)
        return e.PausePut(reason=Reason.BY_PERSON, until=until, due_at=rest, by=by_name(self._progress.rep))

    def _resume(self) -> Iterator[e.Event]:
        by = by_name(self._progress.rep)
        yield from (e.PauseTaken(reason=pause.reason, by=by) for pause in self._progress.pauses)
        yield from (e.HoldTaken(reason=hold.reason, by=by) for hold in self._progress.holds)
