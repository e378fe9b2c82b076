"""merge(A, B) never loses a stop, whatever mix of pauses, holds, rules and refusals either of them had.

One installation for all examples, two new people for each: a database of its own would cost more than the merge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import events as e
from sequencer.core.people import Account
from sequencer.core.progress import Progress
from sequencer.core.reason import Reason
from sequencer.core.suppression import Suppression
from sequencer.engine import merging, stops
from sequencer.store import log, people, sends
from tests.unit.engine.people_house import ALL_KINDS, FILES, House, do

FREE = "title: F\nsettings: {exclusive: false}\nsteps:\n  - id: a\n    email: intro.md\n  - id: b\n    call: call.md\n"
DAYS = st.sampled_from([None, 1, 5, 40])
CHANNELS = st.sampled_from([None, "email", "call", "linkedin"])
PAUSES = st.tuples(
    st.just("pause"), st.sampled_from([Reason.AWAY, Reason.BY_PERSON, Reason.ACCOUNT, Reason.OWNER_WROTE]), DAYS
)
HOLDS = st.tuples(st.just("hold"), st.sampled_from([*merging.PERSONAL_HOLDS, Reason.MISSING_FIELD]), st.none())
RULES = st.tuples(st.sampled_from(["address", "domain", "account", "opt-out"]), CHANNELS, st.none())
LIVES = st.tuples(st.sampled_from([None, "three", "kinds", "free"]), st.lists(PAUSES | HOLDS | RULES, max_size=4))
_numbers = count()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("merging"))
    for name, source in (("three", None), ("kinds", ALL_KINDS), ("free", FREE)):
        house.apply(name, source, FILES) if source else house.apply(name)
    yield house
    house.close()


@dataclass(frozen=True, slots=True)
class Someone:
    id: int
    email: str
    forbidden: set[str]
    live: dict[int, Progress]


def someone(house: House, sequence: str | None, happened: list[Any]) -> Someone:
    """A person at an account and a domain of their own, with all that happened to them."""
    name = f"p{next(_numbers)}"
    email, account = f"jo@{name}.test", f"account-{name}"
    person = house.person(email, name)
    house.database.write(lambda c: people.put_account(c, Account(account, account)))
    known = house.database.read(lambda c: people.load_prospects(c, [person]))[person]
    house.database.write(lambda c: people.update_prospect(c, replace(known, account_id=account, phone="+13035550131")))
    key = house.enroll(person, sequence) if sequence else None
    for what, detail, days in happened:
        befall(house, key, email, {"address": email, "domain": f"{name}.test", "account": account}, what, detail, days)
    return state(house, person, email)


def befall(house: House, key: int | None, email: str, values: Any, what: str, detail: Any, days: Any) -> None:
    now = house.clock.now()
    if what == "opt-out":
        do(house, stops.opt_out, email, "ana", now, detail)
    elif what in values:
        rule = Suppression(what, values[what], detail, "rule", now)  # type: ignore[arg-type]
        house.database.write(lambda c: people.suppress(c, rule, "person:ana"))
    elif key is not None and what == "pause":
        until = now + timedelta(days=days) if days else None
        house.record(key, e.PausePut(reason=detail, until=until, due_at=None, by="person:ana"))
    elif key is not None:
        house.record(key, e.HoldPut(reason=detail))


def state(house: House, person: int, email: str) -> Someone:
    def read(connection: Any) -> Someone:
        known = people.load_prospects(connection, [person])
        rules = people.suppressions_of(connection, known.values()).get(person, ())
        rows = log.load(connection, log.live_of(connection, [person]))
        live = {key: row.progress for key, row in rows.items()}
        return Someone(person, email, set(merging.forbidden(known[person], rules)), live)

    return house.database.read(read)


@settings(max_examples=40, deadline=None)
@given(LIVES, LIVES)
def test_a_merge_loses_no_stop(house: House, first: Any, second: Any) -> None:
    a, b = someone(house, *first), someone(house, *second)
    do(house, merging.merge, a.email, b.email, "ana", house.clock.now())
    after = state(house, a.id, a.email)
    assert after.forbidden >= a.forbidden | b.forbidden
    before = [*a.live.values(), *b.live.values()]
    for progress in after.live.values():
        for pause in (pause for each in before for pause in each.pauses):
            kept = progress.pause(pause.reason)
            assert kept is not None
            assert kept.until is None or (pause.until is not None and kept.until >= pause.until)
        holds = {hold.reason for hold in progress.holds}
        assert holds >= {hold.reason for each in before for hold in each.holds} & set(merging.PERSONAL_HOLDS)
    for key, progress in {**a.live, **b.live}.items():
        if key in after.live:
            assert {hold.reason for hold in after.live[key].holds} >= {hold.reason for hold in progress.holds}
    all_ids = house.database.read(lambda c: log.all_of(c, a.id))
    for key in all_ids:
        assert house.folded(key) == house.progress(key)
    queued = house.database.read(lambda c: sends.in_state(c, "queued"))
    going = {key for key, progress in after.live.items() if progress.status == "active"}
    mine = [row for row in queued if row.enrollment_id in all_ids]
    assert {row.enrollment_id for row in mine} <= going
    assert not mine or "email" not in after.forbidden
    assert house.database.read(lambda c: log.all_of(c, b.id)) == []
