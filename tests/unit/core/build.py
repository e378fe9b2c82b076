"""Values for tests of the core, and `Life`: one enrollment that moves as the engine moves it.

`Life` keeps its whole log, so that a test can fold it anew; it takes the part of the engine and of nothing else.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sequencer.core import events as e
from sequencer.core.decide import DECISIONS_PER_PASS_MAX, Decision, decide
from sequencer.core.facts import Facts
from sequencer.core.people import Account, Address, Mailbox, OuterPause, Policy, Prospect, Rep
from sequencer.core.progress import Progress, enroll, step
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import Sequence
from sequencer.core.window import no_holidays, parse_window

DENVER, MADRID = ZoneInfo("America/Denver"), ZoneInfo("Europe/Madrid")
HOURS = parse_window({"mon-fri": ["08:30-11:30", "13:30-17:00"]})
ANA = "person:ana"
EMAIL = {"id": "intro", "email": "intro.md"}
CALL = {"id": "call-1", "wait": "1bd", "call": "call.md"}
BREAKUP = {"id": "breakup", "wait": "4bd", "email": "breakup.md"}


def denver(day: int, hour: int = 0, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    """A wall time where the prospect is, in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=DENVER).astimezone(UTC)


START = denver(23, 9)  # a Monday


def sequence(*steps: dict[str, Any], **more: Any) -> Sequence:
    return Sequence.model_validate({"id": "vp", "title": "VP", "steps": steps or (EMAIL, CALL, BREAKUP), **more})


def prospect(**changes: Any) -> Prospect:
    values: dict[str, Any] = {"id": 1, "addresses": (Address("jo@acme.test"),), "account_id": "acme.test"}
    return Prospect(**{**values, "phone": "+13035550100", **changes})


def facts(**changes: Any) -> Facts:
    """Somebody in Denver, whose rep is in Denver too unless `rep` says otherwise."""
    values: dict[str, Any] = {
        "key": "1", "prospect": prospect(), "account": Account("acme.test"), "rep": Rep("ana", "ana@x.test", DENVER),
        "mailbox": Mailbox("ana@x.test", "Ana", "ana", DENVER), "policy": Policy(), "zone": DENVER,
        "zone_detail": "America/Denver, from the file", "window": HOURS, "holidays": no_holidays,
        "rep_window": HOURS, "rep_holidays": no_holidays,
    }  # fmt: skip
    return Facts(**{**values, **changes})


def holiday(*days: date) -> Any:
    return lambda day: "a holiday" if day in days else None


def outer(scope: Any, at: datetime = START) -> OuterPause:
    return OuterPause(scope, "vp", "", "ana", at)


class Life:
    """One enrollment from `START` on. Every method settles it: decisions are carried out until nothing is asked."""

    def __init__(self, of: Sequence | None = None, known: Facts | None = None, at: datetime = START) -> None:
        self.sequence, self.facts, self.now = of or sequence(), known or facts(), at
        first = e.Enrolled(
            sequence="vp", version=1, step=self.sequence.steps[0].id, rep="ana", mailbox="ana@x.test", by=ANA
        )
        self.log: list[tuple[datetime, e.Event]] = [(at, first)]
        self.progress: Progress = enroll(first, at)
        self.decision = Decision()
        self.settle()

    def settle(self) -> list[e.Event]:
        before = len(self.log)
        for _ in range(DECISIONS_PER_PASS_MAX):
            self.decision = decide(self.sequence, self.progress, self.facts, self.now)
            if not self.decision.actions:
                return [event for _, event in self.log[before:]]
            for action in self.decision.actions:
                self.record(action)
        raise AssertionError("no end of decisions")

    def record(self, event: e.Event) -> None:
        self.progress = step(self.progress, event, self.now)
        self.log.append((self.now, event))

    def hear(self, *events: e.Event) -> list[e.Event]:
        """Record what happened; returns the events that answered it, without Reacted."""
        for event in events:
            self.record(event)
        return [event for event in self.settle() if not isinstance(event, e.Reacted)]

    def at(self, when: datetime | timedelta) -> list[e.Event]:
        """Let the time come to `when`, working at every due instant on the way."""
        end = self.now + when if isinstance(when, timedelta) else when
        events: list[e.Event] = []
        while (due := self.decision.due_at) is not None and due <= end:
            self.now = max(self.now, due)
            events += self.settle()
        self.now = end
        return [event for event in events + self.settle() if not isinstance(event, e.Reacted)]

    def sent(self) -> list[e.Event]:
        """The queued mail is accepted now."""
        flight = self.progress.flight
        assert flight is not None
        return self.hear(e.TouchSent(step=flight.step, attempt=flight.attempt, sent_at=self.now))

    def done(self, outcome: str = "done", until: datetime | None = None) -> list[e.Event]:
        """The task of the current step is done now."""
        key = self.progress.step_task
        assert key is not None
        return self.hear(e.TaskDone(task=key, outcome=outcome, by=ANA, until=until))

    def closed(self) -> Gate:
        """The first gate that is closed."""
        return next(gate for gate in self.decision.gates if not gate.passed)

    @property
    def reasons(self) -> set[Reason | None]:
        return {gate.reason for gate in self.decision.gates if not gate.passed}


def kinds(events: Iterable[e.Event]) -> list[str]:
    return [e.kind_of(event) for event in events]


def at_call(**more: Any) -> Life:
    """Intro sent on Monday at nine; on Tuesday at nine the call task opens."""
    life = Life(sequence(EMAIL, {**CALL, **more}, BREAKUP))
    life.sent()
    life.at(denver(24, 9))
    assert life.progress.step_task == "call-1#1"
    return life
