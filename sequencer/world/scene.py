"""One world, built and played: an installation in a folder, its people, servers and reps, from a seed.

The demo plays it once; tests play it with other seeds and sizes. The same seed gives the same record, to the byte.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from sequencer.app import App, Doors, make_services, real_doors
from sequencer.config import Config
from sequencer.core.people import Prospect
from sequencer.core.ports import Inbox
from sequencer.inbound.maildir import Maildir
from sequencer.store import census, versions
from sequencer.world import letters
from sequencer.world.clock import SteppingClock
from sequencer.world.evidence import Evidence
from sequencer.world.inboxes import Outage, WatchedInbox
from sequencer.world.installation import copy_example, founded, name_of, populate
from sequencer.world.mailroom import Mailroom, Parcel
from sequencer.world.people import Character, cast
from sequencer.world.record import Record
from sequencer.world.reps import Reps
from sequencer.world.runner import Runner
from sequencer.world.smtp import SmtpServer
from sequencer.world.town import Town

__all__ = ["BEGINS", "Played", "Script", "play"]

BEGINS = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday, nine o'clock in Madrid, three days before Thanksgiving
OUTAGE = Outage(BEGINS + timedelta(days=17, hours=16), BEGINS + timedelta(days=18, hours=7))  # when follow-ups are due
NEWSLETTER_DAYS = (1, 8, 15)
OWNER = "demo"


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be played. `people`: 1 to 40."""

    seed: int = 1
    people: int = 40
    weeks: int = 6

    @property
    def halfway(self) -> datetime:
        return BEGINS + timedelta(weeks=self.weeks) / 2

    @property
    def ends(self) -> datetime:
        return BEGINS + timedelta(weeks=self.weeks)


@dataclass(frozen=True, slots=True)
class Played:
    """The world after the run. `people`: characters by person id; `instants`: how often the clock jumped.

    `app` is open; whoever asked for the run closes it.
    """

    script: Script
    app: App
    people: Mapping[int, Character]
    seen: Evidence
    instants: int


async def play(
    script: Script,
    folder: Path,
    record: Record,
    *,
    met: Callable[[Collection[Character]], None] = lambda people: None,
    halfway: Callable[[App, datetime], None] = lambda app, now: None,
) -> Played:
    """Build the world in `folder` and run it to its end.

    `met` is called when the people are known, `halfway` in the middle of the time. The caller closes `Played.app`.
    """
    clock = SteppingClock(BEGINS)
    town = Town(script.seed, clock, record)
    server = SmtpServer(town)
    await server.start()
    app: App | None = None
    try:
        config = await asyncio.to_thread(copy_example, folder, server.port, script.people)
        app = opened = await asyncio.to_thread(founded, config, script.seed)
        seated = await asyncio.to_thread(populate, app, clock.now())
        people = _characters(script.seed, seated)
        met(people.values())
        mailroom = Mailroom(_maildirs(config), record)
        town.settle(people.values(), mailroom)
        _post_newsletters(mailroom, config)
        services = make_services(app, clock, _doors(config, clock, record), OWNER)
        reps = Reps(script.seed, app, people, town.arrived.__contains__, record)
        runner = Runner(services, clock, mailroom, reps, record)
        await runner.run(script.halfway)
        await asyncio.to_thread(halfway, app, clock.now())
        await runner.run(script.ends)
        seen = await app.database.aread(lambda connection: _evidence(connection, opened, record, mailroom, clock.now()))
        played = Played(script, app, people, seen, runner.instants)
        await services.dispatch.stop()
        await services.ingest.stop()
        return played
    except BaseException:
        if app is not None:
            app.close()
        raise
    finally:
        await server.stop()


def _evidence(connection: Connection, app: App, record: Record, mailroom: Mailroom, now: datetime) -> Evidence:
    catalog, stored = app.around.catalog, versions.latest(connection)
    sequences = {name: catalog.bundle(connection, name, each.version).sequence for name, each in stored.items()}
    return Evidence(app.config, sequences, record, census.take(connection), mailroom.lying(), now)


def _characters(seed: int, seated: Sequence[Prospect]) -> dict[int, Character]:
    rows = [
        {
            "address": person.address or "",
            "name": name_of(person.fields),
            "timezone": person.timezone or "UTC",
            "country": person.country or "",
            "phone": person.phone or "",
        }
        for person in seated
    ]
    by_address = cast(seed, rows)
    return {person.id: by_address[person.address or ""] for person in seated}


def _maildirs(config: Config) -> dict[str, Path]:
    return {box.address: config.path(box.maildir) for box in config.mailboxes if box.maildir}


def _doors(config: Config, clock: SteppingClock, record: Record) -> Doors:
    def inbox_of(name: str) -> Inbox:
        box = next(box for box in config.mailboxes if box.inbox == name)
        return WatchedInbox(Maildir(config.path(str(box.maildir))), box.address, clock, record, OUTAGE)

    return Doors(real_doors(config, clock).channel_of, inbox_of)


def _post_newsletters(mailroom: Mailroom, config: Config) -> None:
    """Private mail in the same mailbox, which must leave no trace in the database."""
    for day in NEWSLETTER_DAYS:
        at = BEGINS + timedelta(days=day, hours=3)
        for box in config.mailboxes:
            raw = letters.newsletter(box.address, f"Menu of week {day // 7 + 1}", at)
            mailroom.post(Parcel(mailbox=box.address, raw=raw, kind="newsletter", effect="noise"), at)
