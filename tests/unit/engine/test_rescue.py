"""Sends that nobody settles: swept once their fence is stale, looked for, then a person's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine.prepare import prepare
from sequencer.engine.rescue import LOOKS, Rescue
from sequencer.store import fence, leases, sends
from sequencer.store.fence import Intent, Limits
from sequencer.store.sends import SendRow
from tests.fresh import end_leases
from tests.integration.installation import MONDAY, Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over

BOX = "ana@ourco.test"
LEASE = timedelta(seconds=20)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    house = Installation(tmp_path, 25)
    house.apply()
    yield house
    house.close()


async def on_the_wire(house: Installation, number: int = 1) -> list[int]:
    """Enrollments whose mail passed the fence of a daemon that then died."""
    found = [house.enroll(house.person(f"p{each}@acme{each}.test")) for each in range(number)]
    while await house.advance.run_once(house.clock.now()):
        pass

    def put(connection: Connection) -> None:
        mailbox = house.config.mailboxes_by_address[BOX]
        held = leases.lease(connection, [BOX], "dead", MONDAY, LEASE)[BOX]
        ready = prepare(connection, house.advance.around, mailbox, b"key", MONDAY).ready
        sends.put_prepared(connection, ready)
        limits = {BOX: Limits(MONDAY.date(), 100, 100, 100)}
        answers = fence.pass_fence(connection, [Intent(one.send_id, "dead", held) for one in ready], limits, MONDAY)
        assert not any(answers.values())

    house.database.write(put)
    return found


def lease_ends(house: Installation) -> None:
    house.clock.forward(seconds=20)
    house.database.write(lambda connection: end_leases(connection, house.clock.now()))


def rows(house: Installation, *states: str) -> list[SendRow]:
    return house.database.read(lambda connection: sends.in_state(connection, *states))


def nothing(_mailbox: str, _message_id: str) -> bool:
    return False


async def test_a_sweep_waits_for_the_lease_and_then_holds(house: Installation) -> None:
    (one,) = await on_the_wire(house)
    rescue = Rescue(house.database, house.advance, nothing)
    assert await rescue.sweep_once(house.clock.now()) == 0
    lease_ends(house)
    assert await rescue.sweep_once(house.clock.now()) == 1
    assert await rescue.sweep_once(house.clock.now()) == 0
    assert house.progress(one).hold(Reason.UNCERTAIN)


async def test_what_has_no_outcome_long_after_any_answer_is_swept_under_a_live_lease(house: Installation) -> None:
    await on_the_wire(house)
    rescue = Rescue(house.database, house.advance, nothing)
    house.clock.forward(minutes=14)
    house.database.write(lambda c: leases.lease(c, [BOX], "dead", house.clock.now(), timedelta(hours=1)))
    (row,) = rows(house, "sending")
    house.database.write(lambda c: c.exec_driver_sql("UPDATE mailboxes SET fence = 1"))
    assert (row.fence, await rescue.sweep_once(house.clock.now())) == (1, 0)
    house.clock.forward(minutes=2)
    assert await rescue.sweep_once(house.clock.now()) == 1


async def test_one_that_cannot_be_swept_keeps_no_other_on_the_wire(
    house: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    await on_the_wire(house, 3)
    trigger = (
        "CREATE TRIGGER bug BEFORE UPDATE OF state ON sends WHEN NEW.address = 'p1@acme1.test' "
        "BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )
    house.database.write(lambda connection: connection.exec_driver_sql(trigger))
    lease_ends(house)
    assert await Rescue(house.database, house.advance, nothing).sweep_once(house.clock.now()) == 2
    assert [row.address for row in rows(house, "sending")] == ["p1@acme1.test"]
    assert "a bug" in caplog.text


async def test_it_is_looked_for_four_times_and_then_a_person_is_asked(house: Installation) -> None:
    await on_the_wire(house)
    looks: list[timedelta] = []

    def look(_mailbox: str, _message_id: str) -> bool:
        looks.append(house.clock.now() - swept)
        raise OSError("the server is away")

    rescue = Rescue(house.database, house.advance, look)
    lease_ends(house)
    swept = house.clock.now()
    for _ in range(70):
        await rescue.run_once(house.clock.now())
        house.clock.forward(minutes=1)
    assert looks == list(LOOKS)
    assert [row.state for row in rows(house, "uncertain", "person")] == ["person"]


@pytest.mark.parametrize(
    ("back", "looks_before"),
    [
        pytest.param({"days": 1}, 0, id="a day that somebody set wrongly"),
        pytest.param({"hours": 2}, 2, id="between two looks"),
        pytest.param({"seconds": 5}, 0, id="a step of NTP"),
    ],
)
async def test_a_clock_that_moves_back_keeps_nobody_in_doubt(
    house: Installation, back: dict[str, int], looks_before: int
) -> None:
    """Its looks would begin when the clock has caught up: for a day nobody would hear of a mail that may be lost."""
    await on_the_wire(house)
    looks: list[timedelta] = []

    def look(_mailbox: str, _message_id: str) -> bool:
        looks.append(house.clock.now() - counted_from)
        return False

    rescue = Rescue(house.database, house.advance, look)
    lease_ends(house)
    counted_from = house.clock.now()
    await rescue.run_once(counted_from)
    if looks_before:
        house.clock.forward(minutes=1)
        await rescue.run_once(house.clock.now())
        house.clock.forward(minutes=4)
        await rescue.run_once(house.clock.now())
    house.clock.forward(seconds=-timedelta(**back).total_seconds())
    counted_from = house.clock.now()
    looks.clear()
    for _ in range(61):
        await rescue.run_once(house.clock.now())
        house.clock.forward(minutes=1)
    assert looks == list(LOOKS[looks_before:])
    assert [row.state for row in rows(house, "uncertain", "person")] == ["person"]


async def test_a_copy_in_the_sent_folder_settles_as_of_the_fence(house: Installation) -> None:
    (one,) = await on_the_wire(house)
    rescue = Rescue(house.database, house.advance, lambda _mailbox, message_id: message_id.endswith("@ourco.test>"))
    lease_ends(house)
    await rescue.run_once(house.clock.now())
    house.clock.forward(minutes=1)
    await rescue.run_once(house.clock.now())
    assert [row.settled_by for row in rows(house, "sent")] == ["sent_folder"]
    (settled,) = [event for event in house.events(one) if isinstance(event, e.TouchSettled)]
    assert settled.sent_at == MONDAY
    assert not house.progress(one).holds
    channel = ScriptedChannel()
    await house.run_and_stop(dispatch_over(house, channel))
    assert channel.wired == []


async def test_looking_holds_no_connection_to_the_database(house: Installation) -> None:
    """No network inside a transaction: a server that hangs may hold up nobody."""
    await on_the_wire(house)
    out: list[int] = []

    def look(_mailbox: str, _message_id: str) -> bool:
        out.append(house.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return True

    rescue = Rescue(house.database, house.advance, look)
    lease_ends(house)
    await rescue.run_once(house.clock.now())
    house.clock.forward(minutes=1)
    await rescue.run_once(house.clock.now())
    assert out == [0]
