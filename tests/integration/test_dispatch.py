"""The send, end to end on SQLite and a real SMTP server: who goes, what arrives, what each answer of a server means."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from sequencer.core import events as e
from sequencer.core.people import Mailbox, OuterPause
from sequencer.core.reason import Reason
from sequencer.engine.dispatch import Dispatch
from sequencer.store import log, scopes, sends
from sequencer.store.tables import SENDS
from tests.fresh import ON_BOTH
from tests.integration.installation import KEY, MONDAY, HandClock, Installation, World
from tests.integration.scripted_channel import ScriptedChannel

pytestmark = ON_BOTH


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    house = Installation(tmp_path, world.port)
    house.apply()
    yield house
    house.close()


async def test_a_person_gets_the_first_mail_and_the_follow_up_in_its_thread(house: Installation, world: World) -> None:
    enrollment = house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    await house.run(dispatch)
    assert [recipient for recipient, _ in world.accepted] == ["jo@acme.test"]
    house.clock.forward(days=2)
    house.inbox_read()
    await house.run(dispatch)
    await dispatch.stop()
    first, second = (message_from_bytes(raw, policy=policy.default) for _, raw in world.accepted)
    assert first["Subject"] == "An idea for Acme"
    body = first.get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    assert text == "Hi Jo,\n\nshall we talk?\n\n1 Example Street, 28001 Madrid, Spain\n"
    assert second["Subject"] == "Re: An idea for Acme"
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["References"] == first["Message-ID"]
    assert second["Date"].datetime == house.clock.now()
    assert house.kinds(enrollment) == ["Enrolled", "TouchQueued", "TouchSent", "TouchQueued", "TouchSent"]


async def test_one_channel_carries_every_batch_of_a_mailbox(house: Installation) -> None:
    made: list[ScriptedChannel] = []

    def channel_of(mailbox: Mailbox) -> ScriptedChannel:
        made.append(ScriptedChannel())
        return made[-1]

    dispatch = Dispatch(house.database, house.advance, house.clock, channel_of, KEY, "test", timedelta(seconds=20))
    for batch in (1, 2, 3):
        house.enroll(house.person(f"p{batch}@acme{batch}.test"))
        await house.run(dispatch)
    await dispatch.stop()
    assert [len(channel.accepted) for channel in made] == [3]


async def test_the_stored_state_is_the_folded_log(house: Installation, world: World) -> None:
    enrollment = house.enroll(house.person("jo@acme.test"))
    await house.run_and_stop(house.dispatch())
    assert house.folded(enrollment) == house.progress(enrollment)


async def test_a_follow_up_waits_for_an_inbox_that_was_read_lately(house: Installation, world: World) -> None:
    house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    await house.run(dispatch)
    house.clock.forward(days=2)
    await house.run(dispatch)
    assert len(world.accepted) == 1
    row = house.database.read(lambda connection: sends.in_state(connection, "queued"))[0]
    assert row.wait_reason == "inbox_stale"
    house.inbox_read()
    await house.run(dispatch)
    assert len(world.accepted) == 2
    await dispatch.stop()


@pytest.mark.parametrize(
    ("where", "reply", "state", "hold", "address_valid"),
    [
        # the address does not exist: it is never written to again
        ("answers", "550 5.1.1 no such user", "failed", Reason.BAD_ADDRESS, False),
        # a bare 550 at RCPT means the same (LIFECYCLE)
        ("answers", "550 no", "failed", Reason.BAD_ADDRESS, False),
        # policy: held, but the address stays valid
        ("answers", "554 5.7.1 rejected", "failed", Reason.REFUSED, True),
        ("at_dot", "554 5.7.1 looks like spam", "failed", Reason.REFUSED, True),
        # mailbox full: as deferred
        ("answers", "552 5.2.2 full", "queued", None, True),
        # greylisted
        ("answers", "451 4.7.1 later", "queued", None, True),
        ("at_dot", "451 4.3.0 later", "queued", None, True),
    ],
)
async def test_what_a_refusal_means(
    house: Installation, world: World, where: str, reply: str, state: str, hold: Reason | None, address_valid: bool
) -> None:
    getattr(world, where)["jo@acme.test"] = reply
    enrollment = house.enroll(house.person("jo@acme.test"))
    await house.run_and_stop(house.dispatch())
    (row,) = house.database.read(lambda connection: sends.in_state(connection, "queued", "failed", "sent"))
    assert row.state == state
    progress = house.progress(enrollment)
    assert [held.reason for held in progress.holds] == ([hold] if hold else [])
    used = house.database.read(lambda connection: sends.used(connection, "mailbox", ["ana@ourco.test"], MONDAY.date()))
    assert used.get("ana@ourco.test", 0) == 0
    invalid = e.TouchRefused in [type(event) for event in house.events(enrollment)] and not address_valid
    assert invalid == (not address_valid)


async def test_a_deferred_mail_goes_again_with_the_same_bytes_and_is_held_after_the_fourth_time(
    house: Installation, world: World
) -> None:
    world.at_dot["jo@acme.test"] = "451 4.3.0 later"
    enrollment = house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    seen = set()
    for hours in (0, 1, 6, 24):
        house.clock.forward(hours=hours)
        await house.run(dispatch)
        raw = house.database.read(lambda connection: sends.raw_bytes(connection, [1]))
        seen.add(raw[1])
    await dispatch.stop()
    assert len(seen) == 1
    deferred = [event for event in house.events(enrollment) if isinstance(event, e.TouchDeferred)]
    assert [event.again_at is None for event in deferred] == [False, False, False, True]
    assert [held.reason for held in house.progress(enrollment).holds] == [Reason.DEFERRED]


async def test_the_cap_counts_the_mailbox_s_local_day(tmp_path: Path, world: World) -> None:
    house = Installation(tmp_path, world.port, cap=3)
    house.apply()
    for number in range(5):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    dispatch = house.dispatch()
    await house.run(dispatch)
    assert len(world.accepted) == 3
    house.clock.forward(hours=7)
    await house.run(dispatch)
    assert len(world.accepted) == 3
    house.clock.to(MONDAY + timedelta(days=1))
    await house.run(dispatch)
    await dispatch.stop()
    house.close()
    assert len(world.accepted) == 5
    assert len({recipient for recipient, _ in world.accepted}) == 5


async def test_the_gap_lets_one_go_at_a_time(tmp_path: Path, world: World) -> None:
    house = Installation(tmp_path, world.port, gap="90s")
    house.apply()
    for number in range(3):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    dispatch = house.dispatch()
    for sent in (1, 2, 3):
        await house.run(dispatch)
        assert len(world.accepted) == sent
        assert dispatch.next_at == (house.clock.now() + timedelta(seconds=90) if sent < 3 else None)
        house.clock.forward(seconds=90)
    await dispatch.stop()
    house.close()


async def test_nothing_leaves_outside_the_window(house: Installation, world: World) -> None:
    house.clock.to(MONDAY.replace(hour=20))
    enrollment = house.enroll(house.person("jo@acme.test"))
    dispatch = house.dispatch()
    await house.run(dispatch)
    assert world.accepted == []
    row = house.database.read(lambda connection: log.load(connection, [enrollment]))[enrollment]
    assert row.due_at == MONDAY.replace(day=24, hour=8, minute=30)
    await dispatch.stop()


async def test_a_missing_field_holds_that_person_alone(house: Installation, world: World) -> None:
    house.apply(
        files={
            "intro.md": "Subject: Hi\n\nYou are {{ prospect.title }} in {{ prospect.team }}.\n",
            "bump.md": "\nHello\n",
        }
    )
    without = house.enroll(house.person("jo@acme.test"))
    house.enroll(house.person("li@other.test", title="CTO", team="ops"))
    await house.run_and_stop(house.dispatch())
    assert [recipient for recipient, _ in world.accepted] == ["li@other.test"]
    (held,) = house.progress(without).holds
    assert (held.reason, held.detail) == (Reason.MISSING_FIELD, "prospect.title, prospect.team")


async def test_a_pause_of_everything_stops_what_is_queued(house: Installation, world: World) -> None:
    house.enroll(house.person("jo@acme.test"))
    while await house.advance.run_once(house.clock.now()):
        pass
    pause = OuterPause("all", "", "panic", "ana", house.clock.now())
    house.database.write(lambda connection: scopes.pause_scope(connection, pause))
    dispatch = house.dispatch()
    await house.run(dispatch)
    assert world.accepted == []
    house.database.write(lambda connection: scopes.resume_scope(connection, "all"))
    await house.run(dispatch)
    assert len(world.accepted) == 1
    await dispatch.stop()


async def test_two_daemons_never_send_the_same_mail(house: Installation, world: World) -> None:
    for number in range(20):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    one, other = house.dispatch("one"), house.dispatch("other")
    await house.run(one, rounds=1)
    await house.run(other, rounds=2)
    await house.run(one, rounds=2)
    await one.stop()
    await other.stop()
    assert len(world.accepted) == len({recipient for recipient, _ in world.accepted}) == 20


async def test_a_reply_between_the_decision_and_the_fence_wins(house: Installation, world: World) -> None:
    enrollment = house.enroll(house.person("jo@acme.test"))
    world.at_rcpt = lambda recipient: house.record(enrollment, e.ReplyReceived(message=1, answer="other"))
    await house.run_and_stop(house.dispatch())
    assert world.accepted == []
    states = house.database.read(lambda connection: list(connection.scalars(select(SENDS.c.state))))
    assert states == ["cancelled"]
    assert house.progress(enrollment).finished == "replied"


async def test_the_clock_going_back_stops_sending(house: Installation, world: World) -> None:
    dispatch = house.dispatch()
    house.clock.forward(days=1)
    await house.run(dispatch)
    house.clock = HandClock()
    house.enroll(house.person("jo@acme.test"))
    again = house.dispatch("again")
    await house.run(again)
    assert world.accepted == []
    await dispatch.stop()
    await again.stop()
