"""Stopping a daemon: nothing new begins, what is under way ends or is found by the next one, the lease is let go."""

import asyncio
from contextlib import suppress
from pathlib import Path

from sequencer.core.outcome import Accepted, Outcome
from sequencer.core.ports import Envelope
from sequencer.core.reason import Reason
from sequencer.engine.rescue import sweep
from sequencer.store import fence, sends
from tests.fresh import ON_BOTH, end_leases
from tests.integration.installation import Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over, enrolled

pytestmark = ON_BOTH

BOX = "ana@ourco.test"


def states(house: Installation) -> list[str]:
    found = house.database.read(lambda connection: sends.in_state(connection, "queued", "sending", "sent", "uncertain"))
    return [row.state for row in found]


async def test_stopping_begins_no_further_mail(tmp_path: Path) -> None:
    house = Installation(tmp_path, 25, connections=2)
    house.apply()
    enrolled(house, 10)
    stopping: list[asyncio.Task[None]] = []

    async def slow(_: Envelope) -> Outcome:
        if not stopping:
            stopping.append(asyncio.create_task(dispatch.stop()))
        await asyncio.sleep(0.05)
        return Accepted(250, "OK")

    channel = ScriptedChannel(dot=slow)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    await stopping[0]
    assert len(channel.accepted) == 2
    assert sorted(states(house)) == ["queued"] * 8 + ["sent"] * 2
    house.close()


async def test_a_late_beat_takes_no_lease_after_the_stop(house: Installation) -> None:
    dispatch = dispatch_over(house, ScriptedChannel())
    await house.run(dispatch, rounds=1)
    await dispatch.stop()
    await dispatch.run_once(house.clock.now())
    assert house.database.read(sends.mailbox_states)[BOX].owner == ""


async def test_leases_are_renewed_while_a_stopping_daemon_waits_for_an_answer(house: Installation) -> None:
    enrolled(house, 1)
    held: list[bool] = []

    async def slow(_: Envelope) -> Outcome:
        stopping = asyncio.create_task(dispatch.stop())
        for _beat in range(3):
            await asyncio.sleep(0)
            house.clock.forward(seconds=15)
            await dispatch.run_once(house.clock.now())
            held.append(not house.database.read(lambda c: fence.stale(c, house.clock.now())))
        assert not stopping.done()
        return Accepted(250, "OK")

    dispatch = dispatch_over(house, ScriptedChannel(dot=slow))
    await house.run(dispatch, rounds=1)
    assert (held, states(house)) == ([True] * 3, ["sent"])


async def test_a_server_that_never_answers_the_dot_ends_uncertain_after_the_next_start(house: Installation) -> None:
    (enrollment,) = enrolled(house, 1)
    asked = asyncio.Event()

    async def never(_: Envelope) -> Outcome:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    dispatch = dispatch_over(house, ScriptedChannel(dot=never), "first")
    while await house.advance.run_once(house.clock.now()):
        pass
    await dispatch.run_once(house.clock.now())
    await asked.wait()
    with suppress(TimeoutError):
        await asyncio.wait_for(dispatch.stop(), 0.05)
    for task in dispatch.at_work:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert states(house) == ["sending"]

    def swept() -> int:
        return house.database.write(lambda connection: sweep(connection, house.advance, house.clock.now()))

    assert swept() == 0
    house.clock.forward(seconds=20)
    house.database.write(lambda connection: end_leases(connection, house.clock.now()))
    assert (swept(), states(house)) == (1, ["uncertain"])
    assert house.progress(enrollment).hold(Reason.UNCERTAIN)
    channel = ScriptedChannel()
    second = dispatch_over(house, channel, "second")
    house.clock.forward(days=3)
    house.inbox_read()
    await house.run(second)
    await second.stop()
    assert channel.wired == []
