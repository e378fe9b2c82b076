"""The send when things fail between its stages: whatever happens, no second copy, no lost outcome, nobody stuck."""

import asyncio
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select, update

from sequencer.core import events as e
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from sequencer.core.ports import Envelope
from sequencer.core.reason import Reason
from sequencer.engine.dispatch import GUARD_S, SLOW_FENCES_MAX, Dispatch
from sequencer.engine.outcomes import Sent, settle_all
from sequencer.engine.prepare import limits_of, prepare
from sequencer.engine.rescue import sweep
from sequencer.store import fence, leases, sends
from sequencer.store.sends import SendRow
from sequencer.store.tables import MAILBOXES, SENDS
from tests.integration.installation import KEY, MONDAY, Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over, enrolled, refusing

BOX = "ana@ourco.test"


def rows(house: Installation) -> list[SendRow]:
    every = ("queued", "sending", "sent", "failed", "uncertain", "person", "cancelled", "skipped")
    return house.database.read(lambda connection: sends.in_state(connection, *every))


def states(house: Installation) -> list[str]:
    return [row.state for row in rows(house)]


def used(house: Installation, at: int = 0) -> int:
    day = (MONDAY + timedelta(days=at)).date()
    return house.database.read(lambda connection: sends.used(connection, "mailbox", [BOX], day)).get(BOX, 0)


async def test_an_outcome_waits_for_a_database_that_refuses(house: Installation) -> None:
    (enrollment,) = enrolled(house, 1)
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    with refusing(house, "reply") as take_again:
        asyncio.get_running_loop().call_later(0.2, take_again)
        await house.run(dispatch, rounds=1)
    await dispatch.stop()
    assert len(channel.accepted) == 1
    assert states(house) == ["sent"]
    assert house.kinds(enrollment)[-1] == "TouchSent"


async def test_a_fence_that_the_database_refuses_leaves_the_mail_queued_and_unsent(house: Installation) -> None:
    enrolled(house, 1)
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    with refusing(house, "sending_at"):
        await house.run(dispatch, rounds=1)
        assert (channel.accepted, channel.aborted, states(house), used(house)) == ([], 1, ["queued"], 0)
    house.clock.forward(seconds=61)
    await house.run(dispatch)
    await dispatch.stop()
    assert (len(channel.accepted), states(house), used(house)) == (1, ["sent"], 1)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ConnectionResetError("no outcome")])
async def test_an_exception_at_the_dot_is_uncertain(house: Installation, error: Exception) -> None:
    async def fails(_: Envelope) -> Outcome:
        raise error

    (enrollment,) = enrolled(house, 1)
    channel = ScriptedChannel(dot=fails)
    await house.run_and_stop(dispatch_over(house, channel))
    assert states(house) == ["uncertain"]
    assert house.progress(enrollment).hold(Reason.UNCERTAIN)


async def test_an_exception_on_the_wire_stops_only_its_own_mail(house: Installation) -> None:
    async def fails_for_one(envelope: Envelope) -> Outcome | None:
        if envelope.recipient == "p0@acme0.test":
            raise RuntimeError("a bug")
        await asyncio.sleep(0.05)
        return None

    enrolled(house, 3)
    channel = ScriptedChannel(wire=fails_for_one)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    assert states(house) == ["queued", "sent", "sent"]
    assert not dispatch.at_work
    await dispatch.stop()


async def test_an_outcome_carries_the_number_of_its_own_fence(house: Installation) -> None:
    """The lease ended and was taken again while the server thought about the dot."""
    enrolled(house, 1)

    async def after_a_minute(_: Envelope) -> Outcome:
        house.clock.forward(seconds=60)
        await dispatch.run_once(house.clock.now())
        return Accepted(250, "OK")

    dispatch = dispatch_over(house, ScriptedChannel(dot=after_a_minute))
    await house.run(dispatch)
    await dispatch.stop()
    (row,) = rows(house)
    assert (row.state, row.fence) == ("sent", 1)


async def test_bytes_of_an_older_lease_get_no_dot(house: Installation) -> None:
    """Another daemon may have made other bytes of the row meanwhile."""
    enrolled(house, 1)

    async def frozen(_: Envelope) -> Outcome | None:
        if not channel.accepted and len(channel.wired) == 1:
            house.clock.forward(seconds=60)
            await dispatch.run_once(house.clock.now())
        return None

    channel = ScriptedChannel(wire=frozen)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    assert (channel.accepted, channel.aborted, states(house)) == ([], 1, ["queued"])
    await house.run(dispatch)
    await dispatch.stop()
    assert (len(channel.accepted), states(house)) == (1, ["sent"])


async def test_bytes_that_another_daemon_has_fenced_stay(house: Installation) -> None:
    """This one was frozen after it had made bytes and before it wrote them down."""
    enrolled(house, 1)
    await house.advance.run_once(house.clock.now())
    read = threading.Event()
    fenced: list[bytes] = []

    def other(connection: Connection) -> None:
        """Our writes wait for this one: another daemon takes over, sends, and the server puts the mail off."""
        assert read.wait(30)
        house.clock.forward(seconds=60)
        now, mailbox = house.clock.now(), house.config.mailboxes_by_address[BOX]
        (ready,) = prepare(connection, house.advance.around, mailbox, KEY, now).ready
        sends.put_prepared(connection, [ready])
        number = leases.lease(connection, [BOX], "other", now, timedelta(seconds=20))[BOX]
        limits = {BOX: limits_of(mailbox, house.advance.around, 0, now)}
        assert not fence.pass_fence(connection, [fence.Intent(ready.send_id, "other", number)], limits, now)[1]
        put_off = Deferred(450, "later", "dot", "4.2.0")
        settle_all(connection, house.advance, [Sent(ready.send_id, number, put_off, now)])
        fenced.append(ready.raw)

    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await dispatch.run_once(house.clock.now())
    event.listen(house.database.engine, "checkin", lambda *_: read.set())
    busy = house.database.submit(other)
    await asyncio.wait(dispatch.at_work)
    busy.result()
    assert (house.database.read(lambda c: sends.raw_bytes(c, [1])), channel.wired) == ({1: fenced[0]}, [])
    house.clock.forward(hours=1)
    await house.run_and_stop(dispatch)
    assert [envelope.body for envelope in channel.accepted] == fenced


async def test_one_slow_commit_of_many_mails_is_one_slow_commit(tmp_path: Path) -> None:
    house = Installation(tmp_path, 25, connections=5)
    house.apply()
    enrolled(house, 5)

    async def late(_: Envelope) -> Outcome:
        house.clock.forward(seconds=GUARD_S + 1)
        return Deferred(0, "held too long at the fence", "fence")

    channel = ScriptedChannel(dot=late)
    dispatch = dispatch_over(house, channel)
    for slow in range(SLOW_FENCES_MAX):
        broken = house.database.read(sends.mailbox_states).get(BOX)
        assert broken is None or broken.broken_at is None, slow
        await house.run(dispatch, rounds=1)
        house.clock.forward(minutes=2)
    reason = house.database.read(sends.mailbox_states)[BOX].broken_reason or ""
    assert reason.startswith("database slow")
    assert (channel.accepted, set(states(house)), used(house)) == ([], {"queued"}, 0)
    await dispatch.stop()
    house.close()


async def test_a_wrong_password_is_tried_once(tmp_path: Path) -> None:
    """A login for every queued mail would lock the account."""

    async def refused(_: Envelope) -> Outcome | None:
        return MailboxBroken("535 wrong password", 535)

    house = Installation(tmp_path, 25, connections=1)
    house.apply()
    enrolled(house, 10)
    channel = ScriptedChannel(wire=refused)
    await house.run_and_stop(dispatch_over(house, channel))
    house.close()
    assert len(channel.wired) == 1


async def test_the_clock_going_back_in_mid_batch_gives_no_dot(house: Installation) -> None:
    enrolled(house, 1)

    async def back(_: Envelope) -> Outcome | None:
        house.clock.forward(hours=-1)
        return None

    channel = ScriptedChannel(wire=back)
    await house.run_and_stop(dispatch_over(house, channel), rounds=2)
    assert (channel.accepted, states(house)) == ([], ["queued"])


async def test_a_mail_that_crossed_a_reply_says_so(house: Installation) -> None:
    (enrollment,) = enrolled(house, 1)

    async def answered_meanwhile(_: Envelope) -> Outcome:
        house.record(enrollment, e.ReplyReceived(message=1, answer="other"))
        return Accepted(250, "OK")

    await house.run_and_stop(dispatch_over(house, ScriptedChannel(dot=answered_meanwhile)))
    (sent,) = [event for event in house.events(enrollment) if isinstance(event, e.TouchSent)]
    assert sent.crossed
    assert house.progress(enrollment).finished == "replied"


async def test_a_mail_that_came_back_from_the_fence_of_a_stopped_person_is_called_back(house: Installation) -> None:
    (enrollment,) = enrolled(house, 1)

    async def answered_and_lost(_: Envelope) -> Outcome:
        house.record(enrollment, e.ReplyReceived(message=1, answer="other"))
        return Deferred(421, "closing", "fence")

    await house.run_and_stop(dispatch_over(house, ScriptedChannel(dot=answered_and_lost)))
    assert (states(house), used(house)) == (["cancelled"], 0)


async def test_a_definite_no_after_midnight_gives_back_the_day_it_was_taken_from(house: Installation) -> None:
    enrolled(house, 1)

    async def tomorrow(_: Envelope) -> Outcome:
        assert used(house) == 1
        house.clock.to(MONDAY + timedelta(days=1))
        return Refused(554, "no", "dot", "5.7.1")

    await house.run_and_stop(dispatch_over(house, ScriptedChannel(dot=tomorrow)), rounds=1)
    assert (states(house), used(house), used(house, 1)) == (["failed"], 0, 0)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        # nobody knows whether it arrived, so it counts
        (Uncertain("no answer", "dot"), "uncertain"),
        (Accepted(250, "OK"), "sent"),
    ],
)
async def test_what_may_have_arrived_is_counted(house: Installation, outcome: Outcome, state: str) -> None:
    async def says(_: Envelope) -> Outcome:
        return outcome

    enrolled(house, 1)
    await house.run_and_stop(dispatch_over(house, ScriptedChannel(dot=says)))
    assert (states(house), used(house)) == ([state], 1)


async def test_a_settlement_that_fails_for_one_settles_the_others(house: Installation) -> None:
    """A bug in one person's rows; here a trigger plays it. The row is swept once nobody can be waiting for it."""
    enrolled(house, 3)
    trigger = (
        "CREATE TRIGGER bug BEFORE UPDATE OF state ON sends WHEN NEW.state = 'sent' AND NEW.address = 'p1@acme1.test' "
        "BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )
    house.database.write(lambda connection: connection.exec_driver_sql(trigger))
    dispatch = dispatch_over(house, ScriptedChannel())
    await house.run(dispatch, rounds=1)
    assert sorted(states(house)) == ["sending", "sent", "sent"]
    house.clock.forward(minutes=16)
    await dispatch.run_once(house.clock.now())
    assert house.database.write(lambda connection: sweep(connection, house.advance, house.clock.now())) == 1
    assert sorted(states(house)) == ["sent", "sent", "uncertain"]
    await dispatch.stop()


async def test_no_address_of_a_person_reaches_the_log_or_the_mailbox(
    house: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    async def tells(envelope: Envelope) -> Outcome | None:
        return MailboxBroken(f"530 <{envelope.recipient}>: authentication required", 530)

    enrolled(house, 1)
    dispatch = dispatch_over(house, ScriptedChannel(wire=tells))
    with caplog.at_level(logging.DEBUG, "sequencer"):
        await house.run(dispatch)
    await dispatch.stop()
    reason = house.database.read(sends.mailbox_states)[BOX].broken_reason or ""
    assert "authentication required" in reason
    assert "p0@acme0.test" not in reason + caplog.text


async def test_two_beats_drain_a_mailbox_once(house: Installation) -> None:
    enrolled(house, 4)
    beats: list[int] = []

    async def slow(_: Envelope) -> Outcome:
        await dispatch.run_once(house.clock.now())
        beats.append(len(dispatch.at_work))
        return Accepted(250, "OK")

    channel = ScriptedChannel(dot=slow)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    await dispatch.stop()
    assert (len(channel.wired), set(beats)) == (4, {1})


async def test_a_daemon_that_lost_its_lease_sends_nothing_more(house: Installation) -> None:
    """Nor does it hand its server the rest of the batch, only to hang up before each dot."""
    enrolled(house, 12)

    async def taken(_: Envelope) -> Outcome | None:
        def take(connection: Connection) -> None:
            connection.execute(update(MAILBOXES).values(owner="other", fence=9))

        house.database.write(take)
        return None

    channel = ScriptedChannel(wire=taken)
    dispatch: Dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    await dispatch.stop()
    assert (channel.accepted, channel.aborted, len(channel.wired)) == ([], 4, 4)  # one on each connection
    assert set(house.database.read(lambda c: c.scalars(select(SENDS.c.state)).all())) == {"queued"}


async def test_a_lease_is_renewed_before_what_waits_to_be_written(house: Installation) -> None:
    dispatch, ahead = dispatch_over(house, ScriptedChannel()), threading.Event()
    busy = house.database.submit(lambda _: ahead.wait(30))
    waiting = house.database.submit(lambda connection: connection.scalar(select(MAILBOXES.c.owner)))
    beat = asyncio.create_task(dispatch.run_once(house.clock.now()))
    await asyncio.sleep(0)
    ahead.set()
    await beat
    assert (busy.result(), waiting.result()) == (True, "test")
    await dispatch.stop()
