"""Plays a month on a hand-set clock: the engine's own services over real SMTP, people and reps who act by hash.

For tests/integration/test_why_month.py. Whatever the machine could not foresee is kept as a `Surprise`.
"""

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.people import Account, Address, Prospect
from sequencer.core.reason import FinishReason
from sequencer.engine import outer_stops, stops, task_verbs
from sequencer.engine.absence import works_for
from sequencer.engine.task_verbs import Said
from sequencer.errors import InputError
from sequencer.store import log, people, scopes, sends, tasks, versions, walks
from sequencer.store.log import Entry
from sequencer.store.tables import EVENTS
from sequencer.store.tasks import TaskRow
from tests.integration import month_town as town
from tests.integration.installation import HandClock, Installation
from tests.integration.month_town import BEGINS, BOX_OF, CALM, ENDS, Door, Villager, day_back, is_calm

SESSIONS = (time(10, 5), time(15, 20))
PAUSED_BOX = (datetime(2026, 12, 2, 6, tzinfo=UTC), datetime(2026, 12, 3, 6, tzinfo=UTC))
PAUSED_SEQUENCE = (datetime(2026, 12, 15, 9, tzinfo=UTC), datetime(2026, 12, 16, 9, tzinfo=UTC))
ROUNDS_MAX = 50


@dataclass(frozen=True, slots=True)
class Surprise:
    """What nobody could foresee: to one enrollment of this rep, or with `key` 0 to all of a mailbox or sequence."""

    at: datetime
    key: int
    rep: str
    what: str
    sequence: str = ""


class Month(Installation):
    """`happened`: every event of each enrollment, in order. `surprises` in order of time."""

    def __init__(self, folder: Path, port: int, door: Door, scale: float) -> None:
        text = town.CONFIG
        for name, (least, of_500) in town.LIMITS.items():
            text = text.replace(f"{{{name}}}", str(max(least, int(of_500 * scale))))
        super().__init__(folder, port, clock=HandClock(BEGINS), config=text)
        self.door = door
        self.villagers: dict[int, Villager] = {}
        self.happened: dict[int, list[Entry]] = defaultdict(list)
        self.surprises: list[Surprise] = []
        self.sender = self.dispatch("month")
        self.instants = 0
        self._seen = 0
        self._put_off = False
        self._written: Counter[int] = Counter()
        self._to_come: list[tuple[datetime, int, Callable[[], None]]] = []
        self._send_at: list[datetime] = []
        self._braked: set[datetime] = set()
        self._order = itertools.count()
        self._worked: set[tuple[str, datetime]] = set()
        for name, source in town.SEQUENCES.items():
            self.apply(name, source, town.TEMPLATES)

    def later(self, at: datetime, act: Callable[[], None]) -> None:
        """Have the world act at `at`; what falls on calm days comes after them, as it lies."""
        for begins, ends in CALM:
            if begins <= at < ends:
                at = ends + (at - begins) / 24
        heapq.heappush(self._to_come, (at, next(self._order), act))

    def surprise(self, key: int, rep: str, what: str, sequence: str = "") -> None:
        self.surprises.append(Surprise(self.clock.now(), key, rep, what, sequence))

    def populate(self, count: int) -> None:
        """Everybody is known from the beginning; they join later."""
        for one in town.villagers(count):
            self.later(one.joins_at, partial(self._join, one))
        for rep, zone in town.REPS.items():
            for session in _sessions(ZoneInfo(zone)):
                if not is_calm(session):
                    self.later(session, partial(self._session, rep))
        self.later(PAUSED_BOX[0], partial(self._outer, "mailbox", BOX_OF["cy"], True))
        self.later(PAUSED_BOX[1], partial(self._outer, "mailbox", BOX_OF["cy"], False))
        self.later(PAUSED_SEQUENCE[0], partial(self._outer, "sequence", "mornings", True))
        self.later(PAUSED_SEQUENCE[1], partial(self._outer, "sequence", "mornings", False))

    async def play(self, asks: list[datetime], ask: Callable[[datetime], None]) -> None:
        """To the end; `ask` is called at each of `asks`, when all that is due then has happened, and whenever a server
        has put a mail off: it waits for an hour, and few do."""
        coming = sorted(asks)
        await self._instant()
        while self.clock.now() < ENDS:
            at = min([ENDS, *self._next(), *coming[:1]])
            self.clock.to(at)
            asked = bool(coming) and at == coming[0]
            await self._instant(beat=asked)
            if asked:
                coming.pop(0)
            if asked or self._put_off:
                self._put_off = False
                ask(at)
        await self.sender.stop()

    def _next(self) -> Iterator[datetime]:
        now = self.clock.now()
        due_at, look_at = self.database.read(lambda c: (log.next_due_at(c), sends.next_send_at(c, now)))
        self._send_at = [at for at in (look_at, self.sender.next_at) if at is not None and at > now]
        instants = [*self._send_at, due_at, self._to_come[0][0] if self._to_come else None]
        return (at for at in instants if at is not None and at > now)

    async def _instant(self, beat: bool = False) -> None:
        now = self.clock.now()
        self.instants += 1
        self.door.calm = is_calm(now)
        send = beat or now in self._send_at
        while self._to_come and self._to_come[0][0] <= now:
            heapq.heappop(self._to_come)[2]()
            send = True
        for _ in range(ROUNDS_MAX):
            while await self.advance.run_once(now):
                send = True
            if not send:
                return
            await self._send()
            self._learn()
            send = False
        raise AssertionError(f"no rest at {now}")

    async def _send(self) -> None:
        now = self.clock.now()
        names = [self.config.inbox_of(box) or "" for box in BOX_OF.values()]

        def read_to_the_end(connection: Connection) -> None:
            for name in names:
                walks.end(connection, name, now, 0)

        await self.database.awrite(read_to_the_end)
        await self.sender.run_once(self.clock.now())
        while self.sender.at_work:
            await asyncio.wait(self.sender.at_work)

    def _learn(self) -> None:
        """Look at what was recorded, and let people react."""

        def read(connection: Connection) -> list[Entry]:
            rows = connection.execute(select(EVENTS).where(EVENTS.c.id > self._seen).order_by(EVENTS.c.id))
            return [Entry(r.at, r.prospect_id, r.enrollment_id, e.from_json(r.kind, r.body), r.id) for r in rows]

        for entry in self.database.read(read):
            self._seen = entry.id
            key = entry.enrollment_id or 0
            self.happened[key].append(entry)
            self._put_off |= isinstance(entry.event, e.TouchDeferred)
            if isinstance(entry.event, e.TouchSent):
                self._react(self.villagers[key])
            elif isinstance(entry.event, e.TouchDeferred | e.TouchRefused | e.TouchNotRendered | e.TouchUncertain):
                self.surprise(key, self.villagers[key].rep, type(entry.event).__name__)

        for pause in self.database.read(scopes.paused_scopes).values():
            if pause.braked and pause.at not in self._braked:
                self._braked.add(pause.at)
                self.surprise(0, pause.key.partition("@")[0], "mailbox braked")
                self.later(pause.at + timedelta(days=1), partial(self._outer, "mailbox", pause.key, False))

    def _join(self, one: Villager) -> None:
        now = self.clock.now()

        def add(connection: Connection) -> tuple[int, int]:
            people.put_account(connection, Account(one.account, one.account.split(".")[0], one.account))
            account = None if one.account == "gmail.com" else one.account
            person = people.add_prospect(
                connection,
                Prospect(0, (Address(one.address),), dict(one.fields), account, one.zone or None,
                         "file" if one.zone else "unknown", one.country or None, one.phone or None),
                now,
            )  # fmt: skip
            version = versions.latest(connection)[one.sequence].version
            bundle = self.advance.around.catalog.bundle(connection, one.sequence, version)
            first = e.Enrolled(
                sequence=one.sequence, version=version, step=bundle.sequence.steps[0].id, rep=one.rep,
                mailbox=BOX_OF[one.rep], by="person:ana",
            )  # fmt: skip
            key = log.add_enrollment(connection, person, True, p.enroll(first, now))
            log.append(connection, [Entry(now, person, key, first)])
            return person, key

        person, key = self.database.write(add)
        one = replace(one, id=person, key=key)
        self.villagers[key] = one
        self.surprise(key, one.rep, "enrolled")
        self._plan(one)

    def _plan(self, one: Villager) -> None:
        """What others do with this person, whatever they answer."""
        luck, at = one.luck("command"), self.clock.now() + timedelta(days=1 + 16 * one.luck("when"), hours=3)
        if luck < 0.04:
            until = at + timedelta(days=3, hours=5)
            self.later(at, partial(self._command, one, "paused until", partial(_pause_until, until)))
        elif luck < 0.07:
            self.later(at, partial(self._command, one, "paused", stops.pause_person))
            self.later(at + timedelta(days=4), partial(self._command, one, "resumed", stops.resume_person))
        elif luck < 0.08:
            ended = partial(_finish, FinishReason.DISQUALIFIED)
            self.later(at, partial(self._command, one, "finished", ended))
        if "first_name" not in one.fields and one.luck("mended") < 0.6:
            self.later(at, partial(self._mend, one))

    def _command(self, one: Villager, what: str, verb: Callable[..., object]) -> None:
        now = self.clock.now()
        try:
            self.database.write(partial(verb, advance=self.advance, address=one.address, by="ana", now=now))
        except InputError:
            return
        self.surprise(one.key, one.rep, what)

    def _mend(self, one: Villager) -> None:
        def write(connection: Connection) -> None:
            known = people.load_prospects(connection, [one.id])[one.id]
            people.update_prospect(connection, replace(known, fields={**known.fields, "first_name": "Late"}))
            people.raise_seq(connection, [one.id])

        self.database.write(write)
        self._command(one, "mended", stops.resume_person)

    def _outer(self, scope: outer_stops.ScopeName, key: str, stop: bool) -> None:
        verb = outer_stops.pause_scope if stop else outer_stops.resume_scope
        reason = {"reason": "a day off"} if stop else {}
        now = self.clock.now()
        self.database.write(
            partial(verb, config=self.config, scope=scope, key=key, by="ana", now=now, **reason)  # type: ignore[arg-type]
        )
        rep, sequence = (key.partition("@")[0], "") if scope == "mailbox" else ("", key)
        self.surprise(0, rep, f"{scope} {'paused' if stop else 'resumed'}", sequence)

    def _react(self, one: Villager) -> None:
        self._written[one.key] += 1
        number = self._written[one.key]
        luck, now = one.luck("answers", number), self.clock.now()
        hours = timedelta(hours=0.5 + 20 * one.luck("thinks", number))
        soon = timedelta(seconds=40)
        back = day_back(now, one.luck("back", number))
        told: tuple[timedelta, e.Event] | None = None
        if luck < 0.05:
            told = hours, e.ReplyReceived(message=number, answer="interested")
        elif luck < 0.06:
            told = hours, e.ReplyReceived(message=number, answer="not_interested")
        elif luck < 0.11:
            told = soon, e.AutoReplyReceived(message=number, return_date=back)
        elif luck < 0.12:
            told = soon, e.AutoReplyReceived(message=number, return_date=None)
        elif luck < 0.13:
            told = 3 * soon, e.Bounced(message=number, hard=True, status="5.1.1")
        elif luck < 0.14:
            told = hours, e.OptedOut(by="reply", message=number)
        elif luck < 0.15:
            told = hours, e.ColleagueReplied(person=0, message=number)
        elif luck < 0.16:
            told = hours, e.OwnerWrote(message=number)
        if told:
            self.later(now + told[0], partial(self._record, one, told[1]))

    def _record(self, one: Villager, event: e.Event) -> None:
        if self.progress(one.key).finished:
            return
        self.record(one.key, event)
        self.surprise(one.key, one.rep, type(event).__name__)

    def _session(self, rep: str) -> None:
        """The rep works off what is due, theirs and of whoever they cover."""
        now = self.clock.now()
        if rep not in works_for(self.config, rep, now) or self._is_away(rep):
            return
        for name in works_for(self.config, rep, now):
            for row in self.database.read(partial(tasks.open_tasks, reps=[name])):
                if row.due_at <= now and row.work != "fix":
                    self._do(rep, row)

    def _is_away(self, rep: str) -> bool:
        day = self.clock.now().astimezone(ZoneInfo(town.REPS[rep])).date()
        return any(away.rep == rep and away.first <= day <= away.last for away in self.config.absences)

    def _do(self, rep: str, row: TaskRow) -> None:
        one, now = self.villagers[row.enrollment_id], self.clock.now()
        luck = one.luck("task", row.id, now)
        if luck < 0.12:
            return
        if luck < 0.18:
            until = now + timedelta(hours=26)
            verb: Callable[[Connection], object] = partial(
                task_verbs.snooze, advance=self.advance, task_id=row.id, until=until, by=rep, now=now
            )
        elif luck < 0.24:
            verb = partial(task_verbs.skip, advance=self.advance, task_id=row.id, by=rep, now=now)
        else:
            said = Said(_outcome(row, one.luck("outcome", row.id)), rep, until=None)
            verb = partial(task_verbs.done, advance=self.advance, task_id=row.id, said=said, now=now)
            if row.step == "connect" and one.luck("accepts") < 0.4:
                thinks = timedelta(hours=50 * one.luck("accepts when"))
                self.later(now + thinks, partial(self._record, one, e.LinkedInConnected()))
        try:
            self.database.write(verb)
        except InputError:
            return
        self.surprise(one.key, one.rep, f"task {row.work}")


def _outcome(row: TaskRow, luck: float) -> str:
    if row.work != "call":
        return ""
    if row.step is None:
        return "voicemail"
    return "no_answer" if luck < 0.3 else "wrong_number" if luck < 0.33 else "voicemail"


def _pause_until(until: datetime, connection: Connection, **rest: object) -> object:
    return stops.pause_person(connection, **rest, until=lambda _: until)  # type: ignore[arg-type]


def _finish(reason: FinishReason, connection: Connection, **rest: object) -> object:
    return stops.finish_person(connection, reason=reason, **rest)  # type: ignore[arg-type]


def _sessions(zone: ZoneInfo) -> Iterator[datetime]:
    for ahead in range((ENDS - BEGINS).days):
        day = BEGINS.date() + timedelta(days=ahead)
        if day.weekday() < 5:
            yield from (datetime.combine(day, hour, zone).astimezone(UTC) for hour in SESSIONS)
