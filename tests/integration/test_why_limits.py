"""Each limit in turn holds one mail: `why` names it, its line in config.toml and an instant, and then it goes.

Real store, real engine; a channel without a socket. A second before the instant nothing leaves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from sequencer.core import events as e
from sequencer.core.outcome import Outcome, Uncertain
from sequencer.core.ports import Envelope
from sequencer.core.reason import FinishReason, Gate, Reason
from sequencer.engine import settling
from sequencer.engine.why import Standing, why
from sequencer.engine.why_words import sentence
from sequencer.store import contacts, people, scopes, sends
from sequencer.store.tables import SENDS, USAGE
from tests.integration.installation import ALWAYS_OPEN, CONFIG, MONDAY, HandClock, Installation
from tests.integration.scripted_channel import ScriptedChannel, accept, dispatch_over

BOX, BO = "ana@ourco.test", "bo@acme.test"
POLICY = """[policy]
person_touches_per_week = 5
person_gap = "20h"
account_touches_per_day = 3
domain_messages_per_day = 20
"""
RAMPED = POLICY + CONFIG.replace("cap_per_day = {cap}", "cap_per_day = {cap}\nramp = {{ start = 10, step = 5 }}")
TODAY = MONDAY.date()
TUESDAY = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


class Held(Installation):
    """Bo's first mail is queued on Monday at nine, behind one limit."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 25, cap=50, gap="90s", connections=1, config=RAMPED)
        self.apply()
        self.channel = ScriptedChannel()
        self.dispatch_ = dispatch_over(self, self.channel)

    def bo(self) -> int:
        person = self.person(BO)
        self.enroll(person)
        return person

    def use(self, kind: str, key: str, n: int, day: date = TODAY) -> None:
        row = {"kind": kind, "key": key, "day": day, "n": n}
        self.database.write(lambda c: c.execute(insert(USAGE).values(**row)) and None)

    def wrote(self, person: int, *at: datetime, state: str = "sent") -> None:
        """Mails of other times to the person; this one's own sequence knows nothing of them."""
        other = self.enroll_past(person)

        def add(connection: Connection) -> None:
            for number, instant in enumerate(at):
                connection.execute(insert(SENDS).values(
                    enrollment_id=other, step=f"s{number}", attempt=1, prospect_id=person, sequence_id="three",
                    mailbox=BOX, version=1, state=state, due_at=instant, sending_at=instant, settled_at=instant,
                    address=BO,
                ))  # fmt: skip

        self.database.write(add)

    def enroll_past(self, person: int) -> int:
        """An enrollment that is over."""
        key = self.enroll(person)
        self.record(key, e.Finished(reason=FinishReason.COMPLETED, by="sequence"))
        return key

    async def beat(self) -> None:
        self.inbox_read()
        await self.run(self.dispatch_, rounds=1)

    def standing(self) -> Standing:
        (one,) = self.database.read(lambda c: why(c, self.advance, BO, self.clock.now())).standings
        return one

    @property
    def gone(self) -> bool:
        return any(each.recipient == BO for each in self.channel.accepted)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    held = Held(tmp_path)
    yield held
    held.close()


def cap(held: Held) -> None:
    """Six sending days before: the ramp allows 40, all used."""
    for day in (12, 13, 16, 17, 18, 19):
        held.use("mailbox", BOX, 1, date(2026, 11, day))
    held.use("mailbox", BOX, 40)
    held.bo()


def ramp(held: Held) -> None:
    """20 idle days began it anew."""
    held.use("mailbox", BOX, 50, date(2026, 11, 3))
    held.use("mailbox", BOX, 10)
    held.bo()


def account(held: Held) -> None:
    held.use("account", "acme.test", 3)
    held.bo()


def domain(held: Held) -> None:
    held.use("domain", "acme.test", 20)
    held.bo()


def person_gap(held: Held) -> None:
    person = held.person(BO)
    held.wrote(person, MONDAY - timedelta(hours=15))
    held.enroll(person)


def person_week(held: Held) -> None:
    person = held.person(BO)
    days = (timedelta(days=each) for each in (2, 3, 4, 5, 6))
    held.wrote(person, *(MONDAY - each for each in days))
    held.enroll(person)


def given_up_just_now(held: Held) -> None:
    """Nobody knows whether a mail arrived that a person gave up: it may have."""
    person = held.person(BO)
    held.wrote(person, MONDAY - timedelta(hours=15), state="skipped")
    held.enroll(person)


def given_up_this_week(held: Held) -> None:
    person = held.person(BO)
    held.wrote(person, *(MONDAY - timedelta(days=each) for each in (2, 3, 4, 5)))
    held.wrote(person, MONDAY - timedelta(days=6), state="skipped")
    held.enroll(person)


def gap(held: Held) -> None:
    """Another mail leaves at nine, then Bo comes."""
    held.enroll(held.person("first@beta.test"))


@dataclass(frozen=True, slots=True)
class Case:
    arrange: Callable[[Held], None]
    reason: Reason
    line: str
    goes_at: datetime
    detail: str


CASES = [
    Case(cap, Reason.CAP, "ramp = ", TUESDAY, "40 of 40 today"),
    Case(ramp, Reason.CAP, "ramp = ", TUESDAY, "10 of 10 today"),
    Case(account, Reason.ACCOUNT_DAY, "account_touches_per_day = ", TUESDAY, "acme.test: 3 of 3 today"),
    Case(domain, Reason.DOMAIN_DAY, "domain_messages_per_day = ", TUESDAY, "acme.test: 20 of 20 today"),
    Case(person_gap, Reason.PERSON_GAP, "person_gap = ", MONDAY + timedelta(hours=5), "20h between two"),
    Case(person_week, Reason.PERSON_WEEK, "person_touches_per_week = ", MONDAY + timedelta(days=1), "5 of 5 in 7 days"),
    Case(given_up_just_now, Reason.PERSON_GAP, "person_gap = ", MONDAY + timedelta(hours=5), "20h between two"),
    Case(
        given_up_this_week,
        Reason.PERSON_WEEK,
        "person_touches_per_week = ",
        MONDAY + timedelta(days=1),
        "5 of 5 in 7 days",
    ),
    Case(gap, Reason.GAP, "gap = ", MONDAY + timedelta(seconds=90), ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.arrange.__name__)
async def test_why_names_the_limit_its_line_and_when_it_goes(held: Held, case: Case) -> None:
    case.arrange(held)
    await held.beat()
    if case.arrange is gap:
        held.bo()
        await held.beat()
    one = held.standing()
    limits: Gate = next(gate for gate in one.gates if gate.name == "limits")
    assert (limits.passed, limits.reason) == (False, case.reason)
    assert case.detail in limits.detail
    lines = (held.folder / "config.toml").read_text().splitlines()
    assert lines[limits.place.line - 1].startswith(case.line)
    assert one.goes_at == case.goes_at
    assert f"{case.goes_at:%d %H:%M}" in sentence(one, "Bo", lambda at: f"{at:%d %H:%M}")
    await goes_exactly_then(held, case.goes_at)


async def goes_exactly_then(held: Held, at: datetime) -> None:
    held.clock.to(at - timedelta(seconds=1))
    await held.beat()
    assert not held.gone
    held.clock.to(at)
    await held.beat()
    await held.dispatch_.stop()
    assert held.gone


async def test_a_mail_that_a_person_sends_again_does_not_wait_for_its_own_first_try(held: Held) -> None:
    async def nobody_answers(_: Envelope) -> Outcome:
        return Uncertain("no answer", "dot")

    held.bo()
    held.channel.dot = nobody_answers
    await held.beat()
    (first,) = held.database.read(lambda c: sends.in_state(c, "uncertain"))
    held.clock.forward(minutes=2)
    held.database.write(lambda c: settling.send_again(c, held.advance, first.id, "ana", held.clock.now()))
    one = held.standing()
    assert next(gate for gate in one.gates if gate.name == "limits").passed
    assert one.goes_at == held.clock.now()
    held.channel.dot = accept
    await held.beat()
    await held.dispatch_.stop()
    (again,) = held.database.read(lambda c: sends.in_state(c, "sent"))
    assert (again.attempt, again.message_id) == (2, first.message_id)
    touched = held.database.read(lambda c: contacts.recent_touches(c, [again.prospect_id], held.clock.now()))
    assert touched[again.prospect_id] == [first.sending_at, again.sending_at], "both may have arrived"


async def test_a_stale_inbox_names_its_line_and_the_mail_goes_when_it_was_read(held: Held) -> None:
    held.wrote(held.person(BO), MONDAY - timedelta(days=8))
    held.enroll(held.database.read(lambda c: people.owners(c, [BO]))[BO])
    await held.run(held.dispatch_, rounds=1)  # nothing was ever read
    one = held.standing()
    shut = next(gate for gate in one.gates if gate.name == "inbox")
    assert (shut.reason, shut.place.path, one.goes_at) == (Reason.INBOX_STALE, "config.toml", None)
    assert not held.gone
    await held.beat()
    await held.dispatch_.stop()
    assert held.gone


async def test_free_mail_has_no_domain_limit(held: Held) -> None:
    held.use("domain", "gmail.com", 500)
    held.enroll(held.person("jo@gmail.com"))
    await held.beat()
    await held.dispatch_.stop()
    assert [each.recipient for each in held.channel.accepted] == ["jo@gmail.com"]
    assert held.database.read(lambda c: scopes.meta(c, "highest_instant"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# the mailbox's zone, an instant of its day, when the day ends
DAYS = [
    ("Pacific/Kiritimati", utc("2026-11-23T09:00"), utc("2026-11-23T10:00")),  # 23:00 there
    ("America/Adak", utc("2026-11-23T09:30"), utc("2026-11-23T10:00")),  # 23:30 on the 22nd, an hour before
    ("Pacific/Apia", utc("2011-12-30T09:00"), utc("2011-12-30T10:00")),  # the 29th; the 31st follows
    ("Asia/Kolkata", utc("2026-11-23T09:00"), utc("2026-11-23T18:30")),
    ("Asia/Kathmandu", utc("2026-11-23T09:00"), utc("2026-11-23T18:15")),
    ("Pacific/Chatham", utc("2026-09-26T11:16"), utc("2026-09-27T10:15")),  # 23 hours
    ("Australia/Lord_Howe", utc("2026-10-03T13:31"), utc("2026-10-04T13:00")),  # 23 and a half
    ("Europe/Madrid", utc("2026-10-24T22:01"), utc("2026-10-25T23:00")),  # 25 hours
    ("Europe/Madrid", utc("2026-03-28T23:01"), utc("2026-03-29T22:00")),  # 23 hours
]


@pytest.mark.parametrize(("zone", "now", "midnight"), DAYS, ids=lambda each: str(each))
async def test_a_caps_day_ends_at_the_mailboxs_own_midnight(
    tmp_path: Path, zone: str, now: datetime, midnight: datetime
) -> None:
    """One mail a day: the second goes with the first second of the next local day."""
    text = ALWAYS_OPEN.replace('rep = "ana"\ntimezone = "UTC"', f'rep = "ana"\ntimezone = "{zone}"')
    assert zone in text
    house = Installation(tmp_path, 25, cap=1, clock=HandClock(now), config=text)
    house.apply()
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    for name in ("one", "two"):
        house.enroll(house.person(f"{name}@{name}.test"))
    house.inbox_read()
    await house.run(dispatch)
    assert [each.recipient for each in channel.accepted] == ["one@one.test"]
    (two,) = house.database.read(lambda c: why(c, house.advance, "two@two.test", house.clock.now())).standings
    assert two.goes_at == midnight
    house.clock.to(midnight - timedelta(seconds=1))
    await house.run(dispatch)
    assert len(channel.accepted) == 1
    house.clock.to(midnight)
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 2
    house.close()
