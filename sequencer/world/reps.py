"""The simulated reps: they look at their tasks a few times a day and do them, through the verbs that people use.

What a person on the other side says on the phone or on LinkedIn is decided by their character. A rep never calls
outside the person's working hours; who is away is covered as config.toml says. Reps mend no addresses: who is held for
that stays held, so that the report can show it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.app import App
from sequencer.core.reason import FinishReason
from sequencer.engine import settling, stops, task_verbs
from sequencer.engine.task_verbs import Said
from sequencer.store import tasks
from sequencer.store.tasks import TaskRow
from sequencer.world.chance import share
from sequencer.world.people import Character, working_instant
from sequencer.world.record import Acted, Record

__all__ = ["Reps"]

SESSIONS = (time(9, 10), time(11, 10), time(13, 40), time(16, 10), time(18, 10))
CALLED_FROM, CALLED_UNTIL = time(8, 30), time(17, 30)
CALL_BACK_AFTER = timedelta(days=1)
MENDS_NOTHING = "fix"


@dataclass(frozen=True, slots=True)
class _Acceptance:
    """Somebody accepts a LinkedIn invitation at `at`; the rep sees it at the next look."""

    at: datetime
    task_id: int
    person: str
    rep: str


class Reps:
    """Everybody in config.toml. `people`: characters by person id; `arrived`: whether a mail has reached its reader."""

    def __init__(
        self, seed: int, app: App, people: Mapping[int, Character], arrived: Callable[[str], bool], record: Record
    ) -> None:
        self._seed, self._app, self._people, self._arrived, self._record = seed, app, people, arrived, record
        self._accepting: list[_Acceptance] = []
        self._worked: dict[str, datetime] = {}

    def next_at(self, now: datetime) -> datetime | None:
        """When a rep with something to do looks at it next."""
        busy = self._app.database.read(self._busy)
        instants = [_next_session(zone, now) for name, zone in self._zones() if name in busy]
        return min(instants, default=None)

    def _busy(self, connection: Connection) -> set[str]:
        """Reps with tasks of their own, or of somebody whom they cover, or with mail that waits for their word."""
        names = {task.rep for task in tasks.open_tasks(connection) if task.work != MENDS_NOTHING}
        boxes = self._app.config.mailboxes_by_address
        names |= {boxes[one.row.mailbox].rep for one in settling.unsettled(connection)}
        names |= {each.rep for each in self._accepting}
        covers = {away.cover for away in self._app.config.absences if away.cover and away.rep in names}
        return names | covers

    def _zones(self) -> Iterator[tuple[str, ZoneInfo]]:
        return ((rep.name, rep.timezone) for rep in self._app.config.reps_by_name.values())

    def work(self, now: datetime) -> int:
        """Whoever has a session now works it off, once; returns how many things were done."""
        done = 0
        for name, zone in self._zones():
            local = now.astimezone(zone)
            in_session = local.weekday() < 5 and local.time() in SESSIONS
            if in_session and self._worked.get(name) != now and not self._is_away(name, now):
                self._worked[name] = now
                done += self._session(name, now)
        return done

    def _is_away(self, name: str, now: datetime) -> bool:
        zone = self._app.config.reps_by_name[name].timezone
        day = now.astimezone(zone).date()
        return any(away.rep == name and away.first <= day <= away.last for away in self._app.config.absences)

    def _session(self, name: str, now: datetime) -> int:
        done = self._settle(name, now) + self._see_acceptances(name, now)
        for row in self._app.database.read(lambda connection: self._open_tasks(connection, name, now)):
            if row.due_at <= now and row.work != MENDS_NOTHING and self._reachable(row, now):
                done += self._do(name, row, now)
        return done

    def _open_tasks(self, connection: Connection, name: str, now: datetime) -> list[TaskRow]:
        """The rep's own, then those of whom they cover."""
        return [row for rep in self._for(name, now) for row in tasks.open_tasks(connection, [rep])]

    def _for(self, name: str, now: datetime) -> list[str]:
        """For whom this rep works now."""
        absences = self._app.config.absences
        return [name, *(away.rep for away in absences if away.cover == name and self._is_away(away.rep, now))]

    def _reachable(self, row: TaskRow, now: datetime) -> bool:
        """Nobody is called in their night."""
        local = now.astimezone(self._people[row.prospect_id].zone)
        return row.work != "call" or (local.weekday() < 5 and CALLED_FROM <= local.time() < CALLED_UNTIL)

    def _do(self, name: str, row: TaskRow, now: datetime) -> int:
        one = self._people[row.prospect_id]
        if row.work == "call" and row.step and one.kind == "meeting":
            return self._book(name, row, one, now)
        said = self._outcome(name, row, one, now)

        def write(connection: Connection) -> bool:
            if tasks.task(connection, row.id).state != "open":
                return False
            task_verbs.done(connection, self._app.advance, row.id, said, now)
            return True

        if not self._app.database.write(write):
            return 0
        if row.work == "linkedin" and row.step == "connect" and one.connects:
            thought = timedelta(hours=2 + 40 * share(self._seed, one.address, "accepts"))
            accepts = working_instant(one.zone, now + thought, share(self._seed, one.address, "accepts early"))
            self._accepting.append(_Acceptance(accepts, row.id, one.address, row.rep))
        what = "approves the mail" if row.review else f"{row.work} done" if row.work != "call" else "calls"
        self._note(name, f"{what}: {said.outcome}" if said.outcome else what, one.address, now)
        return 1

    def _outcome(self, name: str, row: TaskRow, one: Character, now: datetime) -> Said:
        if row.work != "call":
            return Said("", name)
        if row.step is None:
            return Said("voicemail", name)
        if one.kind == "goal":
            return Said("connected", name)
        luck = share(self._seed, one.address, row.key)
        if luck < 0.1:
            return Said("call_back", name, until=now + CALL_BACK_AFTER)
        return Said("no_answer" if luck < 0.5 else "voicemail", name)

    def _book(self, name: str, row: TaskRow, one: Character, now: datetime) -> int:
        def write(connection: Connection) -> bool:
            if tasks.task(connection, row.id).state != "open":
                return False
            stops.finish_person(connection, self._app.advance, one.address, FinishReason.MEETING, name, now)
            return True

        booked = self._app.database.write(write)
        if booked:
            self._note(name, "calls and books a meeting", one.address, now)
        return int(booked)

    def _see_acceptances(self, name: str, now: datetime) -> int:
        mine = self._for(name, now)
        seen = [each for each in self._accepting if each.at <= now and each.rep in mine]
        for each in seen:
            said = Said("accepted", name)
            accept = partial(task_verbs.done, advance=self._app.advance, task_id=each.task_id, said=said, now=now)
            self._app.database.write(accept)
            self._note(name, "sees that the invitation was accepted", each.person, now)
        self._accepting = [each for each in self._accepting if each not in seen]
        return len(seen)

    def _settle(self, name: str, now: datetime) -> int:
        """Mail of which nobody knows: the rep asks the person, and says what they said."""
        boxes, mine = self._app.config.mailboxes_by_address, self._for(name, now)
        unsettled = self._app.database.read(settling.unsettled)
        waiting = [one for one in self._for_a_person(unsettled) if boxes[one.row.mailbox].rep in mine]
        for one in waiting:
            arrived = self._arrived(one.row.message_id or "")
            settle = settling.say_sent if arrived else settling.send_again
            self._app.database.write(partial(settle, advance=self._app.advance, send_id=one.row.id, by=name, now=now))
            what = "asks, and it had arrived" if arrived else "asks, it never arrived: sends it again"
            self._note(name, what, one.face.address, now)
        return len(waiting)

    @staticmethod
    def _for_a_person(waiting: Iterable[settling.Unsettled]) -> Iterator[settling.Unsettled]:
        """The machine has stopped looking for evidence of these."""
        return (one for one in waiting if one.row.state == "person")

    def _note(self, name: str, what: str, person: str, now: datetime) -> None:
        self._record.note(Acted, at=now, who=name, what=what, person=person)


def _next_session(zone: ZoneInfo, now: datetime) -> datetime:
    local = now.astimezone(zone)
    for ahead in range(8):
        day = local.date() + timedelta(days=ahead)
        for hour in SESSIONS:
            at = datetime.combine(day, hour, zone)
            if day.weekday() < 5 and at > local:
                return at.astimezone(now.tzinfo)
    raise AssertionError("every week has a working day")
