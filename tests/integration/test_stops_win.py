"""Stops win: replies, opt-outs and pauses at every scope, each racing the fence of the very mail that it forbids.

Every stop is committed by another connection while the mail is on the wire. In its own transaction it notes whether the
mail had passed its fence; none that had not may ever pass it. On PostgreSQL two daemons send.
"""

import asyncio
import os
import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.outcome import Outcome
from sequencer.core.people import Account, Address, Prospect
from sequencer.core.ports import Envelope
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.dispatch import Dispatch
from sequencer.engine.outer_stops import ScopeName, pause_scope, resume_scope
from sequencer.engine.situation import Surroundings
from sequencer.engine.stops import opt_out, pause_person
from sequencer.store import log, people, sends
from sequencer.store.database import Database
from sequencer.store.tables import SENDS
from tests.fresh import ON_BOTH, open_database
from tests.integration.installation import ALWAYS_OPEN, KEY, SEQUENCE, Installation
from tests.integration.scripted_channel import ScriptedChannel

STOPS = int(os.environ.get("STOPS", "300"))
STOPPERS = 3
BOXES = ("ana@ourco.test", "bo@ourco.test")
SEQUENCES = ("first", "second", "third")
EVERY = 60  # so many mails on the wire to one pause of a scope, which is lifted after half as many
CONFIG = ALWAYS_OPEN + ALWAYS_OPEN[ALWAYS_OPEN.index("[[mailboxes]]") :].replace(BOXES[0], BOXES[1]).replace(
    '"mail"', '"mail-of-bo"'
)
SCOPES: tuple[tuple[ScopeName, str], ...] = (
    ("sequence", SEQUENCES[0]), ("mailbox", BOXES[0]), ("all", ""), ("sequence", SEQUENCES[1]), ("mailbox", BOXES[1]),
)  # fmt: skip


class Stopper:
    """Other processes as far as the database is concerned: threads with connections and a turn of their own.

    `too_late`: whose mail had passed its fence when the stop was committed; `in_time`: whose had not.
    """

    def __init__(self, house: Installation) -> None:
        self._house = house
        self._databases = [open_database(house.database.url) for _ in range(STOPPERS)]
        self._advance = Advance(self._databases[0], Surroundings(house.config, Catalog()))
        self._stoppers, self._pauser = ThreadPoolExecutor(STOPPERS), ThreadPoolExecutor(1)
        self._numbers = count()
        self._fenced_below: dict[tuple[str, str], set[int]] = {}
        self.too_late: set[str] = set()
        self.in_time: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.ran: list[Future[None]] = []

    def close(self) -> None:
        self._stoppers.shutdown()
        self._pauser.shutdown()
        for database in self._databases:
            database.close()

    async def at_the_wire(self, envelope: Envelope) -> Outcome | None:
        """Go on to the fence at once, or in the moment in which the stop of this very mail asks for its turn."""
        number, begun = next(self._numbers), Future[None]()
        self.ran.append(self._stoppers.submit(self._stop, envelope.recipient, number, begun))
        scope = SCOPES[number // EVERY % len(SCOPES)]
        if number % EVERY == 0:
            self.ran.append(self._pauser.submit(self._pause, *scope))
        elif number % EVERY == EVERY // 2:
            self.ran.append(self._pauser.submit(self._resume, *scope))
        if number % 2:
            await asyncio.wrap_future(begun)
        return None

    def resume_all(self) -> None:
        for scope in list(self._fenced_below):
            self._pauser.submit(self._resume, *scope).result()  # type: ignore[arg-type]

    def _stop(self, address: str, number: int, begun: Future[None]) -> None:
        now, how = self._house.clock.now(), number % 3

        def work(connection: Connection) -> bool:
            person = people.owners(connection, [address])[address]
            (enrollment,) = log.live_of(connection, [person]) or log.all_of(connection, person)
            match how:
                case 0:
                    answered = e.ReplyReceived(message=person, answer="other")
                    self._advance.record(connection, [(enrollment, [answered])], now)
                case 1:
                    opt_out(connection, self._advance, address, "ana", now)
                case _ if log.live_of(connection, [person]):
                    pause_person(connection, self._advance, address, "ana", now)
            return bool(_fenced(connection, SENDS.c.enrollment_id == enrollment))

        begun.set_result(None)
        had_left = self._databases[number % STOPPERS].write(work)
        (self.too_late if had_left else self.in_time).add(address)
        self.counts[("reply", "opt-out", "pause")[how]] += 1

    def _pause(self, scope: ScopeName, key: str) -> None:
        if (scope, key) in self._fenced_below:
            return

        def work(connection: Connection) -> set[int]:
            pause_scope(connection, self._house.config, scope, key, "ana", "a test", self._house.clock.now())
            return _fenced(connection, *_below(scope, key))

        self._fenced_below[scope, key] = self._databases[0].write(work)
        self.counts[f"pause of {scope}"] += 1

    def _resume(self, scope: ScopeName, key: str) -> None:
        """Nothing below the scope has passed its fence since the pause was committed."""
        if (scope, key) not in self._fenced_below:
            return

        def work(connection: Connection) -> set[int]:
            fenced = _fenced(connection, *_below(scope, key))
            resume_scope(connection, self._house.config, scope, key, "ana", self._house.clock.now())
            return fenced

        passed = self._databases[0].write(work) - self._fenced_below.pop((scope, key))
        assert not passed, f"fences after the pause of {scope} {key}: {passed}"


def _below(scope: ScopeName, key: str) -> list[ColumnElement[bool]]:
    return {"all": [], "sequence": [SENDS.c.sequence_id == key], "mailbox": [SENDS.c.mailbox == key]}[scope]


def _fenced(connection: Connection, *which: object) -> set[int]:
    return set(connection.scalars(select(SENDS.c.id).where(SENDS.c.sending_at.is_not(None), *which)))  # type: ignore[arg-type]


def crowd(house: Installation, number: int) -> None:
    now = house.clock.now()

    def add(connection: Connection, part: range) -> None:
        for each in part:
            domain = f"acme{each}.test"
            people.put_account(connection, Account(domain, "Acme", domain))
            one = Prospect(0, (Address(f"jo@{domain}"),), {"first_name": "Jo"}, domain, "UTC", "file")
            person = people.add_prospect(connection, one, now)
            first = e.Enrolled(
                sequence=SEQUENCES[each % len(SEQUENCES)], version=1, step="intro", rep="ana",
                mailbox=BOXES[each % len(BOXES)], by="person:ana",
            )  # fmt: skip
            enrollment = log.add_enrollment(connection, person, True, p.enroll(first, now))
            log.append(connection, [log.Entry(now, person, enrollment, first)])

    for at in range(0, number, 500):
        house.database.write(lambda connection, at=at: add(connection, range(at, min(at + 500, number))))  # type: ignore[misc]


async def send_all(house: Installation, daemons: list[Dispatch]) -> None:
    def waiting() -> bool:
        return bool(house.database.read(lambda connection: sends.in_state(connection, "queued", "sending")))

    while await house.advance.run_once(house.clock.now()):
        pass
    while waiting():
        for daemon in daemons:
            await daemon.run_once(house.clock.now())
        if tasks := [task for daemon in daemons for task in daemon.at_work]:
            await asyncio.wait(tasks)
        while await house.advance.run_once(house.clock.now()):
            pass
    for daemon in daemons:
        await daemon.stop()


@ON_BOTH
async def test_no_mail_passes_its_fence_after_a_committed_stop(tmp_path: Path, backend: str) -> None:
    house = Installation(tmp_path, 25, cap=STOPS, config=CONFIG, connections=8)
    for name in SEQUENCES:
        house.apply(name, SEQUENCE)
    crowd(house, STOPS)
    with ExitStack() as open_ones:
        open_ones.callback(house.close)
        stopper = open_ones.enter_context(closing(Stopper(house)))
        channel = ScriptedChannel(wire=stopper.at_the_wire)
        databases = [house.database]
        if backend == "postgresql":
            databases.append(open_ones.enter_context(closing(open_database(house.database.url))))
        daemons = [daemon(house, channel, database, f"daemon {n}") for n, database in enumerate(databases)]
        sending = asyncio.create_task(send_all(house, daemons))
        while not sending.done():  # scopes that were paused when the last mail was on the wire are resumed here
            await asyncio.wait([sending], timeout=0.5)
            for ran in [ran for ran in stopper.ran if ran.done()]:
                ran.result()
            if all(ran.done() for ran in stopper.ran):
                await asyncio.to_thread(stopper.resume_all)
        await sending
        for ran in stopper.ran:
            ran.result()
        check(house, stopper, channel)


def daemon(house: Installation, channel: ScriptedChannel, database: Database, name: str) -> Dispatch:
    advance = Advance(database, Surroundings(house.config, Catalog()))
    return Dispatch(database, advance, house.clock, lambda _: channel, KEY, name, timedelta(seconds=20))


def check(house: Installation, stopper: Stopper, channel: ScriptedChannel) -> None:
    fenced = {row.address for row in house.database.read(lambda c: sends.in_state(c, "sent", "uncertain", "failed"))}
    arrived = Counter(envelope.recipient for envelope in channel.accepted)
    assert sum(stopper.counts.values()) >= STOPS
    assert fenced == set(arrived)
    assert max(arrived.values(), default=1) == 1
    assert not (stopper.in_time - stopper.too_late) & fenced
    assert len(stopper.in_time | stopper.too_late) == STOPS
    # It was a race: neither side won it every time.
    sys.stdout.write(f"{dict(stopper.counts)}: {len(stopper.in_time)} in time, {len(fenced)} had left\n")
    assert stopper.in_time
    assert stopper.too_late
    assert set(stopper.counts) >= {"reply", "opt-out", "pause", "pause of all", "pause of sequence", "pause of mailbox"}
