"""A situation: one enrollment with everything that a decision about it may know, read in few queries for many.

This is the only place where rows and config become the core's Facts. It decides nothing and writes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.definition import Bundle
from sequencer.content.holiday import holidays_of
from sequencer.core.facts import Facts
from sequencer.core.people import Account, Mailbox, OuterPause, Prospect, Rep
from sequencer.core.sequence import AnyStep, CallStep, LinkedInStep, Settings
from sequencer.core.suppression import Suppression
from sequencer.core.window import Holidays, Window, local_date, no_holidays, parse_window, start_of_day
from sequencer.engine.absence import worker_of, works_for
from sequencer.engine.catalog import Catalog
from sequencer.store import fence, log, people, scopes, tasks

ZONE_SOURCES = {
    "file": "from the file", "phone": "from the phone number", "country": "from the country",
    "person": "set by a person",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Situation:
    """`numbers`: what the fence compares, as read together with all the rest."""

    enrollment: log.Enrollment
    bundle: Bundle
    facts: Facts
    numbers: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every situation is built from."""

    config: Config
    catalog: Catalog


def load(connection: Connection, around: Surroundings, ids: Collection[int], now: datetime) -> dict[int, Situation]:
    """The situations of these enrollments."""
    enrollments = log.load(connection, ids)
    if not enrollments:
        return {}
    persons = people.load_prospects(connection, {row.prospect_id for row in enrollments.values()})
    accounts = people.load_accounts(connection, {p.account_id for p in persons.values() if p.account_id})
    rules = people.suppressions_of(connection, persons.values())
    above = {
        row.id: fence.scopes_of(row.sequence_id, row.mailbox, persons[row.prospect_id].account_id)
        for row in enrollments.values()
    }
    numbers, paused = scopes.standing(connection, {scope for each in above.values() for scope in each})
    loads = _Loads(connection, around, now)
    found: dict[int, Situation] = {}
    for row in enrollments.values():
        bundle = around.catalog.bundle(connection, row.sequence_id, row.progress.version)
        person = persons[row.prospect_id]
        facts = facts_of(
            around.config, bundle, str(row.id), person, accounts.get(person.account_id or ""), row.rep, row.mailbox,
            suppressions=rules.get(person.id, ()),
            outer=tuple(paused[scope] for scope in (scopes.RESTORED, *above[row.id]) if scope in paused),
            on_the_wire=row.on_the_wire,
            cover=loads.cover_of(row.rep),
            loads=loads.of(row.rep, bundle),
        )  # fmt: skip
        text = fence.numbers_text(above[row.id], numbers, row.person_seq)
        found[row.id] = Situation(row, bundle, facts, text)
    return found


def facts_of(
    config: Config,
    bundle: Bundle,
    key: str,
    person: Prospect,
    account: Account | None,
    rep_name: str,
    mailbox_address: str,
    *,
    suppressions: tuple[Suppression, ...] = (),
    outer: tuple[OuterPause, ...] = (),
    on_the_wire: bool = False,
    cover: Rep | None = None,
    loads: tuple[int, int] = (0, 0),
) -> Facts:
    """The core's facts; used for people who are enrolled and for people who might be."""
    settings = bundle.sequence.settings
    rep, mailbox = _rep(config, rep_name), config.mailboxes_by_address.get(mailbox_address)
    zone, detail = zone_of(settings, person, mailbox)
    return Facts(
        key=key,
        prospect=person,
        account=account,
        rep=rep,
        mailbox=mailbox,
        policy=config.policy,
        zone=zone,
        zone_detail=detail,
        window=window_of(config, settings),
        holidays=_holidays(settings, person),
        rep_window=config.windows_by_name[config.policy_section.window],
        rep_holidays=no_holidays,
        suppressions=suppressions,
        outer=outer,
        on_the_wire=on_the_wire,
        away=config.away_by_rep.get(rep_name, ()),
        cover=cover,
        calls_today=loads[0],
        connects_this_week=loads[1],
    )


def zone_of(settings: Settings, person: Prospect, mailbox: Mailbox | None) -> tuple[ZoneInfo, str]:
    """The zone in which the sequence's hours count, and where it comes from."""
    fallback = mailbox.timezone if mailbox else ZoneInfo("UTC")
    if settings.timezone == "mailbox":
        return fallback, f"{fallback} (the mailbox's)"
    if settings.timezone != "prospect":
        return ZoneInfo(settings.timezone), f"{settings.timezone} (the sequence's)"
    if person.timezone is None:
        return fallback, f"{fallback} (the mailbox's: the person's is not known)"
    return ZoneInfo(person.timezone), f"{person.timezone} ({ZONE_SOURCES.get(person.zone_source, 'source unknown')})"


def window_of(config: Config, settings: Settings) -> Window:
    if settings.window is None:
        return config.windows_by_name[config.policy_section.window]
    if isinstance(settings.window, str):
        return config.windows_by_name.get(settings.window) or config.windows_by_name[config.policy_section.window]
    return parse_window(settings.window)


def _holidays(settings: Settings, person: Prospect) -> Holidays:
    if settings.holidays == "none":
        return no_holidays
    if settings.holidays == "prospect":
        return holidays_of(person.country)
    calendars = [holidays_of(country) for country in settings.holidays]
    return lambda day: next((name for calendar in calendars if (name := calendar(day))), None)


def _rep(config: Config, name: str) -> Rep:
    """The rep, or what is left of one whom config no longer names."""
    return config.reps_by_name.get(name) or Rep(name, "", ZoneInfo("UTC"))


class _Loads:
    """How much each rep got already, read once a pass; of a rep who is away, the one who covers, with all that is
    theirs."""

    def __init__(self, connection: Connection, around: Surroundings, now: datetime) -> None:
        self._connection, self._around, self._now = connection, around, now
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def cover_of(self, rep_name: str) -> Rep | None:
        """Who does the tasks of a rep who is away now; None when they are at work, or nobody does."""
        worker = worker_of(self._around.config, rep_name, self._now)
        return _rep(self._around.config, worker) if worker != rep_name else None

    def of(self, rep_name: str, bundle: Bundle) -> tuple[int, int]:
        """(calls that came up today, connection requests that came up this week), in the zone of whoever does them."""
        worker = worker_of(self._around.config, rep_name, self._now)
        key = (worker, bundle.digest)
        if key not in self._known:
            reps = works_for(self._around.config, worker, self._now)
            self._known[key] = rep_load(
                self._connection, self._around.catalog, reps, _rep(self._around.config, worker),
                bundle.sequence.steps, self._now,
            )  # fmt: skip
        return self._known[key]


def rep_load(
    connection: Connection,
    catalog: Catalog,
    reps: Collection[str],
    worker: Rep,
    steps: Collection[AnyStep],
    now: datetime,
) -> tuple[int, int]:
    """(calls that came up today, connection requests that came up this week) for these reps, in the worker's zone.

    Of every sequence; only a kind that is among `steps` is looked up.
    """
    today = local_date(worker.timezone, now)
    monday = start_of_day(worker.timezone, today - timedelta(days=today.weekday()))
    calls, connects = 0, 0
    if any(isinstance(step, CallStep) for step in steps):
        calls = tasks.came_up(connection, reps, "call", start_of_day(worker.timezone, today), now).total()
    if any(is_connect(step) for step in steps):
        for (sequence_id, version, step_id), number in tasks.came_up(connection, reps, "linkedin", monday, now).items():
            sequence = catalog.bundle(connection, sequence_id, version).sequence
            # Nobody knows any more what a step was that an edit removed: it counts.
            if step_id not in sequence.index or is_connect(sequence.step(step_id)):
                connects += number
    return calls, connects


def is_connect(step: AnyStep) -> bool:
    """Whether the step is a connection request on LinkedIn, of which a rep has so many a week."""
    return isinstance(step, LinkedInStep) and step.linkedin == "connect"
