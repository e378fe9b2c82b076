"""One enrollment under random sequences, random answers and random delays: the laws that hold in every one of them."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import events as e
from sequencer.core.decide import decide
from sequencer.core.outlook import outlook
from sequencer.core.progress import Progress, enroll, fold, from_json, step, to_json
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import Sequence
from sequencer.core.timing import again_after
from tests.unit.core.build import ANA, Life, facts, holiday, outer, prospect, sequence

# A run that needs more instants than this is one that goes round in circles.
INSTANTS_MAX = 400

SPANS = ["30m", "4h", "1d", "3d", "1bd", "2bd"]
MOVES: list[Any] = [
    "next", "skip", "snooze", {"finish": "goal"}, {"hold": "bad_phone"}, {"goto": "end"}, {"pause": "2d"},
    {"pause": "4h"}, {"retry": {"after": "1bd", "max": "2"}}, {"suppress": "call"}, {"suppress": "all"},
    {"skip": "email"}, {"reassign": "bo"}, {"task": "call", "notify": "owner"}, {"notify": "owner"},
]  # fmt: skip
CONDITIONS = [
    "replied", "not replied", "clicks >= 1", "linkedin_connected", "not engaged", "days_since(s0) > 2", "True",
]  # fmt: skip
KINDS = ["email", "email", "email", "review", "call", "linkedin", "task", "branch"]
ONWARD = ["due", "sent", "done"]
OUTCOMES = ["defer", "refuse", "uncertain", "render", "wire"]
PEOPLE = ["this", "skip", "snooze", "pause", "hold", "outer", "zone", "edit", "click", "connect"]
ANSWERS = ["away", "left", "hard", "soft", "opt_call", "colleague", "owner", "unreadable"]
ENDS = ["reply", "opt", "meeting"]
MENDING = ["lift", "lift", "fixed", "resume", "settle", "reattempt", "give_up", "expire"]


def one_step(dice: Random, number: int, count: int) -> dict[str, Any]:
    below = [f"s{later}" for later in range(number + 1, count)] + ["end"]
    body: dict[str, Any] = {"id": f"s{number}", "wait": dice.choice([*SPANS, "0m"])}
    if dice.random() < 0.2:
        body["when"] = dice.choice(CONDITIONS)
    match dice.choice(KINDS):
        case "email":
            return body | {"email": {"variants": {"a": "a.md", "b": "b.md"}}, "wait": dice.choice(SPANS)}
        case "branch":
            body |= {"branch": dice.choice(CONDITIONS), "then": dice.choice(below), "else": below[0]}
            return body | ({"within": dice.choice(SPANS)} if dice.random() < 0.5 else {})
        case "review":
            body |= {"email": "x.md", "review": "true"}
        case "call":
            body |= {"call": "c.md", "outcomes": {"this": dice.choice(MOVES)}}
        case "linkedin":
            body |= {"linkedin": "connect", "outcomes": {"this": dice.choice(MOVES)}}
        case _:
            body |= {"task": "T", "outcomes": {"this": dice.choice(MOVES)}}
    if dice.random() < 0.5:
        body["on_overdue"] = {"after": dice.choice(SPANS), "do": dice.choice(MOVES)}
    return body


def any_sequence(dice: Random) -> Sequence:
    count = dice.randint(2, 6)
    rules = [
        {"id": f"r{number}", "when": dice.choice(CONDITIONS), "do": dice.choice(MOVES)}
        for number in range(dice.choice([0, 0, 1, 2]))
    ]
    on = {"hard_bounce": dice.choice(MOVES), "owner_wrote": dice.choice(MOVES)} if dice.random() < 0.3 else {}
    return sequence(*[one_step(dice, number, count) for number in range(count)], rules=rules, on=on)


def any_run(dice: Random) -> list[tuple[str, int]]:
    """What the world does, and after how many minutes; mostly it goes on, and a few kinds of trouble recur."""
    trouble = dice.sample(OUTCOMES, 3) * 3 + dice.sample(PEOPLE, 4) + dice.sample(ANSWERS, 2)
    pool = ONWARD * 8 + MENDING * 2 + trouble + ([dice.choice(ENDS)] if dice.random() < 0.5 else [])
    return [(dice.choice(pool), dice.choice([0, 0, 5, 400, 4000])) for _ in range(dice.randint(20, 80))]


# Seeds rather than drawn lists: drawn lists stay short, and few enrollments got as far as their second mail.
dices = st.randoms(use_true_random=True)
sequences = dices.map(any_sequence)
runs = dices.map(any_run)
STOPS = (e.ReplyReceived, e.OptedOut, e.MeetingBooked, e.Complained)


@dataclass
class World:
    """Drives one `Life` and writes down what the laws are about."""

    life: Life
    stopped: bool = False
    allowed: int = 1
    queued: list[e.TouchQueued] = field(default_factory=list)

    def turn(self, name: str, number: int) -> None:
        life = self.life
        life.now += timedelta(minutes=number)
        if name == "due" and life.progress.holds:
            name = "lift"
        if name in ("due", "expire") and life.decision.due_at:
            life.now = max(life.now, life.decision.due_at)
        self.around(name)
        event = self.event(name, number)
        if event is not None:
            life.record(event)
        if isinstance(event, e.TouchReattempted) or (isinstance(event, e.HoldTaken) and event.by == ANA):
            self.allowed += 1
        before = len(life.log)
        life.settle()
        self.laws([event for _, event in life.log[before:]])
        if isinstance(event, STOPS) and not (isinstance(event, e.OptedOut) and event.channel):
            self.stopped = True

    def around(self, name: str) -> None:
        life = self.life
        flying = life.progress.flight is not None and life.progress.flight.state == "queued"
        life.facts = replace(life.facts, on_the_wire=flying and (life.facts.on_the_wire or name == "wire"))
        if name == "outer":
            life.facts = replace(life.facts, outer=() if life.facts.outer else (outer("sequence", life.now),))
        if name == "zone":
            life.facts = facts(outer=life.facts.outer, on_the_wire=life.facts.on_the_wire, holidays=holiday())

    def event(self, name: str, number: int) -> e.Event | None:
        progress, now = self.life.progress, self.life.now
        flight, key = progress.flight, progress.step_task
        if flight is not None and (made := self.outcome(name, flight.step, flight.attempt, flight.state)):
            return made
        if key is not None and name in ("done", "this"):
            return e.TaskDone(task=key, outcome=name, by=ANA)
        if key is not None and name == "skip":
            return e.TaskSkipped(task=key, by=ANA)
        if key is not None and name == "snooze":
            return e.TaskSnoozed(task=key, until=now + timedelta(minutes=number), by=ANA)
        if progress.holds and name in ("lift", "fixed"):
            return e.HoldTaken(reason=progress.holds[0].reason, by=ANA if name == "lift" else "fixed")
        if progress.pauses and name == "resume":
            return e.PauseTaken(reason=progress.pauses[0].reason, by=ANA)
        return self.answer(name, number)

    def outcome(self, name: str, step_id: str, attempt: int, state: str) -> e.Event | None:
        now, flight = self.life.now, self.life.progress.flight
        assert flight is not None
        if state == "uncertain":
            if name == "settle":
                return e.TouchSettled(step=step_id, attempt=attempt, sent_at=now, by="sent_folder")
            if name == "give_up":
                return e.TouchCancelled(step=step_id, attempt=attempt, reason=Reason.SKIPPED_BY_PERSON)
            return e.TouchReattempted(step=step_id, attempt=attempt + 1, by=ANA) if name == "reattempt" else None
        match name:
            case "sent":
                return e.TouchSent(step=step_id, attempt=attempt, sent_at=now)
            case "defer":
                again = again_after(flight.deferrals, now)
                return e.TouchDeferred(step=step_id, attempt=attempt, code=451, enhanced="", again_at=again)
            case "refuse":
                return e.TouchRefused(step=step_id, attempt=attempt, code=550, enhanced="", address_invalid=False)
            case "uncertain":
                return e.TouchUncertain(step=step_id, attempt=attempt, fenced_at=now)
            case "render":
                return e.TouchNotRendered(step=step_id, reason=Reason.MISSING_FIELD, field="account.name")
        return None

    def answer(self, name: str, number: int) -> e.Event | None:
        events: dict[str, e.Event] = {
            "reply": e.ReplyReceived(message=1, answer="interested"),
            "away": e.AutoReplyReceived(message=1, return_date=date(2026, 11, 23) + timedelta(days=number // 40)),
            "left": e.LeftCompany(message=1),
            "hard": e.Bounced(message=1, hard=True, status="5.1.1"),
            "soft": e.Bounced(message=1, hard=False, status="4.2.2"),
            "opt": e.OptedOut(by="reply"),
            "opt_call": e.OptedOut(by=ANA, channel="call"),
            "meeting": e.MeetingBooked(by=ANA),
            "colleague": e.ColleagueReplied(person=number % 3, message=1),
            "owner": e.OwnerWrote(message=1),
            "unreadable": e.MailUnreadable(message=1),
            "click": e.Clicked(step="s0"),
            "connect": e.LinkedInConnected(),
            "pause": e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=self.life.decision.due_at, by=ANA),
            "hold": e.HoldPut(reason=Reason.BAD_PHONE),
            "edit": e.VersionApplied(version=self.life.progress.version + 1),
        }
        return events.get(name)

    def laws(self, answers: list[e.Event]) -> None:
        life = self.life
        progress, decision = life.progress, life.decision
        for event in answers:
            if isinstance(event, e.TouchQueued):
                assert not self.stopped, "a mail was queued after a stop"
                assert event.attempt <= self.allowed, "the machine made attempt 2"
                self.queued.append(event)
        assert not progress.signals, "a signal was not answered"
        assert decision.due_at is None or decision.due_at > life.now
        closed = [gate for gate in decision.gates if not gate.passed]
        assert closed, "nothing is asked, and no gate says why"
        assert all(gate.frees_at or gate.frees_by for gate in closed)
        assert all(gate.frees_at is None or gate.frees_at > life.now for gate in closed)
        assert all(gate.reason for gate in closed)
        if decision.due_at is None:
            assert any(gate.frees_by for gate in closed)
        if progress.pauses or progress.holds or progress.finished:
            queued = progress.flight is not None and progress.flight.state == "queued"
            assert not queued or life.facts.on_the_wire, "a mail stays queued under a stop"
        if progress.finished:
            assert all(task.step is None for task in progress.tasks.values())
            assert decision.due_at is None


def lived(of: Sequence, run: list[tuple[str, int]]) -> World:
    world = World(Life(of, facts(prospect=prospect())))
    for name, number in run:
        world.turn(name, number)
    return world


def in_flight_at_most_once(log: list[tuple[datetime, e.Event]]) -> None:
    flying: set[tuple[str, int]] = set()
    sent: set[str] = set()
    for _, event in log:
        match event:
            case e.TouchQueued() | e.TouchReattempted():
                # A reattempt takes the place of the uncertain one.
                flying = set() if isinstance(event, e.TouchReattempted) else flying
                assert not flying, "two mails in flight"
                assert isinstance(event, e.TouchReattempted) or event.step not in sent, "a step was sent twice"
                flying.add((event.step, event.attempt))
            case e.TouchSent() | e.TouchSettled():
                flying.discard((event.step, event.attempt))
                sent.add(event.step)
            case e.TouchRefused() | e.TouchCancelled():
                flying.discard((event.step, event.attempt))


def in_order(of: Sequence, log: list[tuple[datetime, e.Event]]) -> None:
    begun = [
        of.index[event.step]
        for _, event in log
        if isinstance(event, e.TouchQueued | e.TaskOpened) and event.step is not None
    ]
    assert all(earlier <= later for earlier, later in pairwise(begun)), "steps out of order"


@settings(max_examples=150, deadline=None)
@given(sequences, runs)
def test_laws_of_every_life(of: Sequence, run: list[tuple[str, int]]) -> None:
    world = lived(of, run)
    log = world.life.log
    in_flight_at_most_once(log)
    in_order(of, log)
    # Guarantee 9: the log folded one by one, from any point of it and through its stored form, is the same state.
    progress: Progress | None = None
    for count, (at, event) in enumerate(log, 1):
        if isinstance(event, e.Enrolled):
            progress = enroll(event, at)
            continue
        assert progress is not None
        stored = e.from_json(e.kind_of(event), e.to_json(event))
        assert stored == event
        progress = step(from_json(to_json(progress)), stored, at)
        if count % 7 == 0:
            assert progress == fold(log[:count])
    assert progress == world.life.progress == fold(log)
    assert progress is not None
    revived = from_json(to_json(progress))
    # Determinism, also through the stored form.
    life = world.life
    assert decide(of, revived, life.facts, life.now) == decide(of, progress, life.facts, life.now) == life.decision


@settings(max_examples=80, deadline=None)
@given(sequences, runs)
def test_every_life_ends_or_waits_for_a_named_reason(of: Sequence, run: list[tuple[str, int]]) -> None:
    life = lived(of, run).life
    for _ in range(INSTANTS_MAX):
        if life.decision.due_at is None:
            break
        life.now = life.decision.due_at
        life.settle()
        flight, key = life.progress.flight, life.progress.step_task
        if flight and flight.state == "queued" and not (life.progress.pauses or life.progress.holds):
            life.sent()
        elif key:
            life.done()
    assert life.decision.due_at is None
    if not life.progress.finished:
        assert any(gate.frees_by for gate in life.decision.gates if not gate.passed)


@settings(max_examples=80, deadline=None)
@given(sequences, runs)
def test_the_outlook_is_ordered_and_ends_or_says_what_stops_it(of: Sequence, run: list[tuple[str, int]]) -> None:
    life = lived(of, run).life
    ahead = outlook(of, life.progress, life.facts, life.now)
    instants = [entry.at for entry in ahead.expected]
    assert instants == sorted(instants)
    assert all(at >= life.now for at in instants)
    if not life.progress.finished:
        ends = bool(ahead.expected) and ahead.expected[-1].kind == "finished"
        assert ends != (ahead.stopped_by is not None)
    assert life.progress.finished is None or isinstance(life.progress.finished, FinishReason)
