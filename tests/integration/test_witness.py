"""The mailbox tells what the database has forgotten: which mail proves it, and who waits until the mailbox was read."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sequencer.core.outcome import Uncertain
from sequencer.core.reason import Reason
from sequencer.engine import settling, witness
from sequencer.engine.erasing import erase
from sequencer.engine.overview import overview
from sequencer.engine.reconciling import Words
from sequencer.engine.why import why
from sequencer.mail.compose import touch_digest
from sequencer.store import epoch, epoch_file, inbox, scopes, sends
from sequencer.store.epoch_file import EpochFile
from tests.fresh import ON_BOTH
from tests.integration.installation import KEY, Installation, World
from tests.integration.mail_room import ANA, mail
from tests.integration.restored import Restored, someone


def a_copy_of_somebody_known(room: Restored) -> None:
    someone(room, "jo")
    room.keep()
    room.send()


def a_copy_of_an_enrollment_that_is_lost(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.keep()
    room.enroll(person)
    room.send()


def a_copy_of_somebody_who_is_lost(room: Restored) -> None:
    room.keep()
    someone(room, "jo")
    room.send()


def a_follow_up(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    room.keep()
    room.send_after(days=2)


def an_answer_alone(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.enroll(person)
    room.keep()
    room.send(filed=False)
    room.deliver(mail(sender="jo@jo.test", answers=room.sent(person).message_id, at=room.clock.now()))


def a_strangers_answer_alone(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.keep()
    room.enroll(person)
    room.send(filed=False)
    room.deliver(mail(sender="office@away.test", answers=room.sent(person).message_id, at=room.clock.now()))


def a_mail_that_was_prepared_in_the_copy(room: Restored) -> None:
    someone(room, "jo")
    room.render_due()
    room.keep()
    room.send()


@pytest.mark.parametrize(
    "left",
    [
        a_copy_of_somebody_known,
        a_copy_of_an_enrollment_that_is_lost,
        a_copy_of_somebody_who_is_lost,
        a_mail_that_was_prepared_in_the_copy,
        a_follow_up,
        an_answer_alone,
        a_strangers_answer_alone,
    ],
)
async def test_a_mail_that_only_this_installation_can_have_made_proves_that_it_was_forgotten(
    restored: Restored, left: Callable[[Restored], None]
) -> None:
    left(restored)
    restored.lose(noticed=False)
    restored.database.write(lambda connection: witness.ask(connection, restored.known_until, restored.clock.now()))
    await restored.read()
    found = restored.database.read(epoch.held)
    assert found is not None
    assert "only this installation can have made" in found.why
    assert (found.since, found.mails) == (restored.known_until, None)
    restored.send_due()
    assert restored.kinds_of("sending") == []


def nothing_forgotten(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    room.keep()


def reconciled(room: Restored) -> None:
    """The lost mail is of the series before, also where its copy is filed late and it can be nobody's."""
    room.keep()
    someone(room, "jo")
    room.send(filed=False)
    (raw,) = room.database.read(room.sent_bytes).values()
    room.lose()
    assert room.reconcile(Words(trusted=frozenset({ANA}))).lifted
    room.file(raw)
    room.keep()


def of_another_key(room: Restored) -> None:
    """As of another installation that sends from the same mailbox."""
    someone(room, "jo")
    room.send()
    theirs = touch_digest(b"another key of 32 bytes for ids.", 1, "intro", 1)
    room.file(mail(sender=ANA, to="jo@jo.test").replace("mail-1@prospect", f"{theirs}@ourco").encode())
    room.keep()


def of_a_domain_that_is_not_ours(room: Restored) -> None:
    digest = touch_digest(KEY, 1, "intro", 1)
    room.deliver(mail(sender="jo@jo.test", answers=f"<{digest}@elsewhere.test>"))
    room.keep()


def sent_again_by_a_person(room: Restored) -> None:
    """One more attempt waits under the first one's id, whose copy is filed late."""
    person = room.person("jo@jo.test")
    room.enroll(person)
    room.send_due(Uncertain("the line broke", "dot"))
    (raw,) = room.database.read(lambda connection: sends.raw_bytes(connection, [room.sent(person).id])).values()
    again, now = room.sent(person).id, room.clock.now()
    room.database.write(lambda connection: settling.send_again(connection, room.advance, again, "ana", now))
    room.file(raw)
    room.keep()


def under_an_id_that_a_server_wrote_otherwise(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.enroll(person)
    room.send()
    known_as = (room.sent(person).message_id or "").replace("@ourco", "@OurCo")
    room.deliver(mail(sender="jo@jo.test", answers=known_as))
    room.keep()


def of_somebody_who_was_erased(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    now = room.clock.now()
    room.database.write(lambda connection: erase(connection, room.advance, KEY, "jo@jo.test", "ana", now))
    room.keep()


@pytest.mark.parametrize(
    "prepare",
    [
        nothing_forgotten, reconciled, of_another_key, of_a_domain_that_is_not_ours,
        sent_again_by_a_person, under_an_id_that_a_server_wrote_otherwise, of_somebody_who_was_erased,
    ],
)  # fmt: skip
async def test_what_proves_nothing_holds_nothing(restored: Restored, prepare: Callable[[Restored], None]) -> None:
    prepare(restored)
    restored.lose(noticed=False)
    await restored.read()
    assert restored.database.read(epoch.held) is None
    assert restored.database.read(inbox.synced_at) != {}


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    house = Installation(tmp_path, world.port)
    house.apply()
    yield house
    house.close()


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[EpochFile]:
    with epoch_file.opened(tmp_path / "epoch", KEY) as file:
        yield file


async def ran_before(house: Installation, outside: EpochFile) -> None:
    """A daemon has run, and nothing is to be sent yet."""
    await house.run_and_stop(house.dispatch(outside=outside))
    house.clock.forward(minutes=3)
    house.enroll(house.person("jo@acme.test"))


def standing_in_the_way(house: Installation) -> list[str]:
    """What `status` says of inboxes."""
    told = house.database.read(lambda c: overview(c, house.advance.around, house.clock.now()))
    return [each.mend for each in told.troubles if each.kind == "inbox"]


@ON_BOTH
async def test_after_a_start_nothing_leaves_before_the_mailbox_was_read(
    house: Installation, world: World, outside: EpochFile
) -> None:
    await ran_before(house, outside)
    dispatch = house.dispatch(outside=outside)
    await house.run(dispatch)
    assert world.accepted == []
    told = house.database.read(lambda c: why(c, house.advance, "jo@acme.test", house.clock.now())).standings[0]
    shut = next(gate for gate in told.gates if gate.name == "inbox")
    assert (shut.reason, told.goes_at, told.closed) == (Reason.INBOX_UNREAD, None, shut)
    house.clock.forward(minutes=5)
    await house.run(dispatch)
    assert world.accepted == []
    assert standing_in_the_way(house) == ["nothing leaves until the daemon has read it"]
    house.inbox_read()
    await house.run(dispatch)
    assert [recipient for recipient, _ in world.accepted] == ["jo@acme.test"]
    house.enroll(house.person("di@acme.test"))
    house.clock.forward(hours=1)
    await house.run_and_stop(dispatch)
    assert len(world.accepted) == 2, "one reading is enough for one start"


@ON_BOTH
async def test_the_first_start_waits_for_nothing(house: Installation, world: World, outside: EpochFile) -> None:
    house.enroll(house.person("jo@acme.test"))
    await house.run_and_stop(house.dispatch(outside=outside))
    assert len(world.accepted) == 1


async def test_an_inbox_that_cannot_be_read_is_waited_for_a_minute(
    house: Installation, world: World, outside: EpochFile
) -> None:
    await ran_before(house, outside)
    dispatch = house.dispatch(outside=outside)
    name = house.config.inbox_of(ANA) or ""
    house.database.write(lambda connection: inbox.put_lost(connection, name, "no route to host", house.clock.now()))
    await house.run(dispatch)
    assert world.accepted == []
    house.clock.forward(minutes=1)
    await house.run_and_stop(dispatch)
    assert len(world.accepted) == 1


async def test_a_machine_that_stood_still_waits_as_after_a_start(
    house: Installation, world: World, outside: EpochFile
) -> None:
    """It may have been put back as it ran."""
    dispatch = house.dispatch(outside=outside)
    await house.run(dispatch)
    house.enroll(house.person("jo@acme.test"))
    house.clock.forward(hours=2)
    await house.run(dispatch)
    assert world.accepted == []
    house.inbox_read()
    await house.run_and_stop(dispatch)
    assert len(world.accepted) == 1


async def test_a_daemon_beside_one_that_goes_on_waits_for_nothing(
    house: Installation, world: World, outside: EpochFile
) -> None:
    first = house.dispatch("first", outside=outside)
    await house.run(first)
    house.clock.forward(seconds=5)
    house.enroll(house.person("jo@acme.test"))
    second = house.dispatch("second", outside=outside)
    await house.run(second)
    assert house.database.read(witness.start_of) is None
    await house.run_and_stop(first)
    await second.stop()
    assert len(world.accepted) == 1


def test_what_was_asked_in_vain_keeps_its_time(house: Installation) -> None:
    now, name = house.clock.now(), house.config.inbox_of(ANA) or ""
    for minutes in (-30, -10):
        known_until = now + timedelta(minutes=minutes)
        house.database.write(lambda connection, until=known_until: witness.ask(connection, until, now))  # type: ignore[misc]
    start = house.database.read(witness.start_of)
    assert start is not None
    assert start.known_until == now - timedelta(minutes=30)
    house.inbox_read()
    house.database.write(lambda connection: witness.hears(connection, house.config))
    assert house.database.read(lambda connection: witness.silent_inbox(connection, house.config, ANA, now)) == ""
    house.database.write(lambda connection: witness.ask(connection, now, now + timedelta(minutes=1)))
    start = house.database.read(witness.start_of)
    assert start is not None
    assert (start.known_until, start.heard) == (now, False)
    assert house.database.read(lambda connection: witness.silent_inbox(connection, house.config, ANA, now)) == name
    assert house.database.read(lambda connection: scopes.meta(connection, witness.STARTED)) is not None
