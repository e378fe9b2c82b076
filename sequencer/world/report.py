"""The closing report of a played world: what became of everybody, what was done, and each guarantee with its count.

Counted from events and from the world's record. It formats nothing for a terminal: cli/demo.py prints it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sequencer.app import App
from sequencer.core import events as e
from sequencer.engine.why import Why, why
from sequencer.store import log, people, reads
from sequencer.store.log import Enrollment
from sequencer.world.evidence import Evidence, Verdict
from sequencer.world.guarantees import judge
from sequencer.world.record import Acted, Declined, Took
from sequencer.world.scene import Played

__all__ = ["Activity", "Explained", "Outcomes", "Report", "explain", "report"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many people each was true of; one person may be in several."""

    people: int
    reached: int
    replied: int
    meetings: int
    connected: int
    bounced: int
    opted_out: int
    away: int
    completed: int
    inside: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What was done. `uncertain`: mails of which nobody knew for a while; `settled_by_person`: how many of them a rep
    settled; `deferred`: how often a server asked to come again."""

    mails: int
    calls: int
    linkedin: int
    other_tasks: int
    answers: int
    deferred: int
    refused: int
    uncertain: int
    settled_by_person: int


@dataclass(frozen=True, slots=True)
class Explained:
    """What `why` said of one person at `at`."""

    at: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class Report:
    """`explained`: one person who was stopped or waited halfway. `trace`: equal for equal runs."""

    seed: int
    weeks: int
    instants: int
    outcomes: Outcomes
    activity: Activity
    guarantees: Sequence[Verdict]
    explained: Explained | None
    trace: str

    @property
    def held(self) -> bool:
        return all(verdict.held for verdict in self.guarantees)

    def values(self) -> dict[str, Any]:
        """The report as plain values, without the explanation of one person."""
        verdicts = [
            {"guarantee": each.guarantee, "held": each.held, "counted": each.counted, "broken": list(each.broken)}
            for each in self.guarantees
        ]
        return {
            "seed": self.seed, "weeks": self.weeks, "instants": self.instants, "outcomes": asdict(self.outcomes),
            "activity": asdict(self.activity), "held": self.held, "guarantees": verdicts, "trace": self.trace,
        }  # fmt: skip


def report(played: Played, explained: Explained | None) -> Report:
    """Count and judge."""
    seen = played.seen
    return Report(
        played.script.seed, played.script.weeks, played.instants, _outcomes(seen), _activity(seen), judge(seen),
        explained, seen.record.digest(),
    )  # fmt: skip


def _outcomes(seen: Evidence) -> Outcomes:
    enrollments = seen.census.enrollments.values()
    reached = {seen.person_of[mail.recipient] for mail in seen.took}

    def people(*kinds: type, where: Callable[[Any], bool] = lambda event: True) -> int:
        return len({
            log[0].prospect_id for log in seen.census.events.values()
            if any(isinstance(entry.event, kinds) and where(entry.event) for entry in log)
        })  # fmt: skip

    return Outcomes(
        people=len(seen.census.people),
        reached=len(reached),
        replied=people(e.ReplyReceived, e.OptedOut),
        meetings=people(e.MeetingBooked),
        connected=people(e.TaskDone, where=lambda event: event.outcome == "connected"),
        bounced=people(e.Bounced, e.TouchRefused, where=lambda event: getattr(event, "hard", True)),
        opted_out=len({rule.value for rule in seen.census.rules if rule.kind == "person" and not rule.channel}),
        away=people(e.AutoReplyReceived),
        completed=sum(one.progress.finished == "completed" for one in enrollments),
        inside=sum(one.status != "finished" for one in enrollments),
    )


def _activity(seen: Evidence) -> Activity:
    done = [task for task in seen.census.tasks if task.state == "done"]
    log = [entry.event for events in seen.census.events.values() for entry in events]
    by_rep = sum(entry.what.startswith("asks") for entry in seen.record.of(Acted))
    return Activity(
        mails=sum(1 for _ in seen.record.of(Took)),
        calls=sum(task.work == "call" for task in done) + sum(isinstance(event, e.MeetingBooked) for event in log),
        linkedin=sum(task.work == "linkedin" for task in done),
        other_tasks=sum(task.work not in ("call", "linkedin") for task in done),
        answers=sum(mail.effect in ("stop", "opt_out") for mail in seen.delivered),
        deferred=sum(isinstance(event, e.TouchDeferred) for event in log),
        refused=sum(entry.reply.startswith("5") for entry in seen.record.of(Declined)),
        uncertain=sum(isinstance(event, e.TouchUncertain) for event in log),
        settled_by_person=by_rep,
    )


def explain(app: App, now: datetime) -> Explained | None:
    """`why` for whoever is held, else paused, else waits for a date, else for a task; None when all are through."""

    def read(connection: Connection) -> Explained | None:
        live = log.load(connection, reads.live_ids(connection)).values()
        chosen = min(live, key=_interest, default=None)
        if chosen is None:
            return None
        person = people.load_prospects(connection, [chosen.prospect_id])[chosen.prospect_id]
        return Explained(now, why(connection, app.advance, person.addresses[0].email, now))

    return app.database.read(read)


def _interest(one: Enrollment) -> tuple[int, int]:
    rank = {"held": 0, "paused": 1}.get(one.status, 2 if one.due_at else 3)
    return rank, one.id
