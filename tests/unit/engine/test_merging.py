"""Two rows turn out to be one person: what stays, what ends and why, what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.people import Account
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.suppression import Suppression
from sequencer.engine import merging, stops
from sequencer.engine.merging import Merge
from sequencer.errors import InputError, NotFound
from sequencer.store import log, people, reads, sends, tasks
from sequencer.store.columns import Table
from tests.fresh import person_numbers
from tests.unit.engine.people_house import House, do, house

__all__ = ["house"]

BO, ROBERT = "bo@acme.test", "robert@acme.test"
FREE = "title: F\nsettings: {exclusive: false}\nsteps:\n  - id: a\n    task: x\n  - id: b\n    email: intro.md\n"


def plan(house: House, first: str = BO, second: str = ROBERT) -> Merge:
    return house.database.read(lambda c: merging.plan(c, house.advance, first, second, house.clock.now()))


def merge(house: House, first: str = BO, second: str = ROBERT) -> Merge:
    merged: Merge = do(house, merging.merge, first, second, "ana", house.clock.now())
    return merged


def test_everything_of_the_second_becomes_the_firsts(house: House) -> None:
    bo = house.person(BO, "Bo", title="CTO")
    robert = house.person(ROBERT, "Robert", city="Denver")
    house.database.write(lambda c: people.add_to_list(c, "q4", [bo, robert]))
    house.database.write(lambda c: people.add_to_list(c, "fair", [robert]))
    house.database.write(lambda c: tasks.add_note(c, robert, None, "ana", "met", house.clock.now()))
    done = merge(house)
    known = house.database.read(lambda c: people.load_prospects(c, [bo]))[bo]
    assert [address.email for address in known.addresses] == [BO, ROBERT]
    assert known.fields == {"first_name": "Bo", "title": "CTO", "city": "Denver"}
    assert house.database.read(lambda c: people.lists_of(c, bo)) == ["fair", "q4"]
    assert house.database.read(lambda c: reads.notes_of(c, bo))[0].text == "met"
    assert house.database.read(people.everybody) == [bo]
    assert done.lists == ("fair",)
    with pytest.raises(InputError, match="are addresses of Bo already"):
        plan(house)
    with pytest.raises(NotFound, match="nobody has the address"):
        plan(house, "x@y.test")


def test_no_table_knows_the_second_any_more(house: House) -> None:
    """Every table with a prospect_id, also one that somebody adds later."""
    house.inside("kinds")
    house.inside("three", ROBERT, "Robert")
    house.sent()
    do(house, stops.opt_out, ROBERT, "ana", house.clock.now(), "call")
    merge(house)

    def owners(connection: Any) -> dict[str, set[int]]:
        named = [table for table in Table.metadata.sorted_tables if "prospect_id" in table.c]
        return {table.name: set(connection.scalars(select(table.c.prospect_id))) for table in named}

    found = house.database.read(owners)
    assert set().union(*found.values()) == {1}
    assert {"addresses", "enrollments", "events", "tasks", "sends"} <= {name for name, ids in found.items() if ids}


# what was done of the second before, on what channels the united person may not be contacted
STOPS = [
    ("opt-out", None, {"email", "call", "linkedin"}),
    ("opt-out", "call", {"call"}),
    ("account", None, {"email", "call", "linkedin"}),  # an account that the first is not at
    ("account", "email", {"email"}),
    ("address", "email", {"email"}),
    ("domain", None, {"email", "call", "linkedin"}),
]


@pytest.mark.parametrize(("kind", "channel", "forbidden"), STOPS)
@pytest.mark.parametrize("swapped", [False, True])
def test_no_refusal_and_no_rule_is_lost(
    house: House, kind: Any, channel: Any, forbidden: set[str], swapped: bool
) -> None:
    key = house.inside("three")
    house.database.write(lambda c: people.put_account(c, Account("other.test", "Other", "other.test")))
    eve = house.person("eve@other.test", "Eve")
    now = house.clock.now()
    if kind == "opt-out":
        do(house, stops.opt_out, "eve@other.test", "ana", now, channel)
    else:
        value = {"account": "other.test", "address": "eve@other.test", "domain": "other.test"}[kind]
        house.database.write(lambda c: people.suppress(c, Suppression(kind, value, channel, "rule", now), "person:ana"))
    done = merge(house, "eve@other.test", BO) if swapped else merge(house, BO, "eve@other.test")
    assert set(done.forbidden) == forbidden
    united = eve if swapped else 1
    known = house.database.read(lambda c: people.load_prospects(c, [united]))
    rules = house.database.read(lambda c: people.suppressions_of(c, known.values())).get(united, ())
    assert set(merging.forbidden(known[united], rules)) == forbidden
    assert (house.progress(key).status == "finished") is ("email" in forbidden)
    assert house.folded(key) == house.progress(key)


def test_the_same_sequence_goes_on_where_it_has_come_farther(house: House) -> None:
    fresh = house.inside("three")
    ahead = house.inside("three", ROBERT, "Robert")
    house.record(ahead, e.TouchSent(step="intro", attempt=1, sent_at=house.clock.now()))
    (ending,) = plan(house).endings
    assert (ending.enrollment_id, ending.reason) == (fresh, FinishReason.MOVED)
    assert ending.because == "robert@acme.test has come farther in three"
    merge(house)
    assert (house.progress(fresh).finished, house.progress(ahead).status) == (FinishReason.MOVED, "active")
    assert house.progress(fresh).flight is None
    assert house.folded(fresh) == house.progress(fresh)
    assert house.folded(ahead) == house.progress(ahead)


def test_of_two_exclusive_sequences_the_firsts_goes_on(house: House) -> None:
    mine, theirs = house.inside("three"), house.inside("kinds", ROBERT, "Robert")
    merge(house)
    assert (house.progress(mine).status, house.progress(theirs).finished) == ("active", FinishReason.MOVED)
    assert house.open_tasks() == []


def test_pauses_and_personal_holds_of_either_stop_both(house: House) -> None:
    house.apply("free", FREE, {"intro.md": "Subject: Hi\n\nHi\n"})
    now = house.clock.now()
    key = house.inside("three")
    other = _nonexclusive(house)
    until = now + timedelta(days=9)
    house.record(key, e.PausePut(reason=Reason.AWAY, until=now + timedelta(days=2), due_at=None, by="sequence"))
    house.record(other, e.PausePut(reason=Reason.AWAY, until=until, due_at=None, by="sequence"))
    house.record(other, e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by="person:ana"))
    house.record(other, e.HoldPut(reason=Reason.BAD_ADDRESS), e.HoldPut(reason=Reason.MISSING_FIELD, detail="x"))
    merge(house)
    progress = house.progress(key)
    away = progress.pause(Reason.AWAY)
    assert away
    assert (away.until, bool(progress.pause(Reason.BY_PERSON))) == (until, True)
    # What one mail lacked says nothing of the other.
    assert [hold.reason for hold in progress.holds] == [Reason.BAD_ADDRESS]
    assert {hold.reason for hold in house.progress(other).holds} == {Reason.BAD_ADDRESS, Reason.MISSING_FIELD}
    assert house.rows("queued") == []
    assert house.folded(key) == house.progress(key)


def _nonexclusive(house: House) -> int:
    person = house.person(ROBERT, "Robert")
    first = e.Enrolled(
        sequence="free", version=1, step="a", rep="ana", mailbox="ana@ourco.test", by="person:ana"
    )  # fmt: skip

    def add(connection: Any) -> int:
        now = house.clock.now()
        key = log.add_enrollment(connection, person, False, p.enroll(first, now))
        log.append(connection, [log.Entry(now, person, key, first)])
        return key

    key = house.database.write(add)
    house.advance_all()
    return key


# how the second ended, days before the first was enrolled, whether that ends the first's
ENDED = [
    (FinishReason.REPLIED, 0, True),
    (FinishReason.MEETING, 0, True),
    (FinishReason.REPLIED, 3, True),  # within policy.cool_off
    (FinishReason.REPLIED, 300, False),
    (FinishReason.COMPLETED, 0, False),
]


@pytest.mark.parametrize(("reason", "days", "ends"), ENDED)
def test_an_answer_of_the_one_ends_what_the_other_gets(
    house: House, reason: FinishReason, days: int, ends: bool
) -> None:
    other = house.inside("kinds", ROBERT, "Robert")
    house.record(other, e.Finished(reason=reason, by="reply"))
    house.clock.forward(days=days)
    key = house.inside("three")
    merge(house)
    assert house.progress(key).finished is (reason if ends else None)


def test_no_merge_while_a_mail_is_in_flight(house: House) -> None:
    house.inside()
    house.person(ROBERT, "Robert")
    house.on_the_wire()
    for first, second in ((BO, ROBERT), (ROBERT, BO)):
        with pytest.raises(InputError, match="a mail to Bo is on the wire"):
            merge(house, first, second)


def test_no_merge_while_nobody_knows_whether_a_mail_arrived(house: House) -> None:
    house.inside()
    house.person(ROBERT, "Robert")
    house.on_the_wire("uncertain")
    with pytest.raises(InputError, match="settle it first"):
        merge(house)


def test_a_mail_decided_on_for_the_second_does_not_pass_its_fence(house: House) -> None:
    """The second's number may happen to be what the first's becomes: a merge takes a higher one than either had."""
    key = house.inside("three", ROBERT, "Robert")
    house.person(BO, "Bo")
    (row,) = house.rows("queued")
    numbers = house.database.read(lambda c: person_numbers(c, [1, 2]))
    merge(house)
    after = house.database.read(lambda c: person_numbers(c, [2]))
    assert after[2] > max(numbers.values())
    assert house.database.read(lambda c: sends.sends_of(c, 2))[0].id == row.id
    assert house.progress(key).flight
