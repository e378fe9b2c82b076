"""Evidence and recovery at the same time: whatever comes first, an uncertain mail is settled once, never sent twice."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outcome import Uncertain
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine import settling
from sequencer.engine.prepare import limits_of, prepare
from sequencer.engine.rescue import LOOKS, Rescue
from sequencer.errors import InputError
from sequencer.store import fence, leases, sends
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, LEASE, MailRoom, bounce, complaint, mail
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over

Evidence = Callable[[str], str]
AWAY = "Auto-Submitted: auto-replied\n"
# what comes in, as what it settles the mail
EVIDENCE: list[tuple[Evidence, str]] = [
    (lambda sent: mail(answers=sent), "reply"),
    (lambda sent: mail("I am away.", answers=sent, subject="Out of office", more=AWAY), "reply"),
    (lambda sent: bounce(about=sent), "bounce"),
    (lambda sent: complaint(about=sent), "bounce"),
]
IDS = ["reply", "away", "bounce", "complaint"]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[MailRoom]:
    room = MailRoom(tmp_path)
    yield room
    room.close()


def on_the_wire(room: MailRoom) -> tuple[int, int]:
    """Jo's mail passed its fence, and its daemon died; returns the person and the enrollment."""
    person = room.person("jo@acme.test")
    enrollment, now = room.enroll(person), room.clock.now()
    mailbox = room.config.mailboxes_by_address[ANA]

    def go(connection: Connection) -> None:
        while room.advance.advance_due(connection, now):
            pass
        (ready,) = prepare(connection, room.advance.around, mailbox, KEY, now).ready
        sends.put_prepared(connection, [ready])
        number = leases.lease(connection, [ANA], "dead", now, LEASE)[ANA]
        limits = {ANA: limits_of(mailbox, room.advance.around, 0, now)}
        assert fence.pass_fence(connection, [fence.Intent(ready.send_id, "dead", number)], limits, now) == {
            ready.send_id: ""
        }

    room.database.write(go)
    return person, enrollment


def rescue(room: MailRoom, found: bool = False) -> Rescue:
    return Rescue(room.database, room.advance, lambda _mailbox, _message_id: found)


def settled_by(room: MailRoom, enrollment: int) -> list[str]:
    return [event.by for event in room.events(enrollment) if isinstance(event, e.TouchSettled)]


@pytest.mark.parametrize(("evidence", "by"), EVIDENCE, ids=IDS)
async def test_what_names_a_mail_before_its_daemon_is_missed_settles_it_when_it_is(
    room: MailRoom, evidence: Evidence, by: str
) -> None:
    """The answer was faster than the lease: nobody is asked whether a mail arrived that was answered."""
    person, enrollment = on_the_wire(room)
    room.clock.forward(seconds=10)
    room.deliver(evidence(room.sent(person).message_id or ""))
    await room.read()
    assert room.sent(person).state == "sending"
    room.clock.forward(seconds=30)
    await rescue(room).run_once(room.clock.now())
    row = room.sent(person)
    assert (row.state, row.settled_by, settled_by(room, enrollment)) == ("sent", by, [by])
    assert not room.progress(enrollment).hold(Reason.UNCERTAIN)
    assert room.folded(enrollment) == room.progress(enrollment)


@pytest.mark.parametrize(("evidence", "by"), EVIDENCE, ids=IDS)
@pytest.mark.parametrize("look_first", [True, False], ids=["look-first", "mail-first"])
async def test_a_copy_and_a_mail_at_the_same_time_settle_once(
    room: MailRoom, evidence: Evidence, by: str, look_first: bool
) -> None:
    person, enrollment = on_the_wire(room)
    room.clock.forward(minutes=1)
    await rescue(room).sweep_once(room.clock.now())
    assert room.progress(enrollment).hold(Reason.UNCERTAIN)
    room.clock.forward(minutes=1)
    room.deliver(evidence(room.sent(person).message_id or ""))
    look = rescue(room, found=True).run_once
    first, second = (look(room.clock.now()), room.read()) if look_first else (room.read(), look(room.clock.now()))
    await first
    await second
    assert settled_by(room, enrollment) == ["sent_folder" if look_first else by]
    assert room.sent(person).state == "sent"


async def test_mail_about_another_send_proves_nothing(room: MailRoom) -> None:
    person, enrollment = on_the_wire(room)
    room.deliver(mail(number=1))  # names nothing
    room.deliver(mail(answers="<other@ourco.test>", number=2))
    await room.read()
    room.clock.forward(minutes=1)
    service = rescue(room)
    await service.run_once(room.clock.now())
    for length in LOOKS:
        room.clock.forward(minutes=length.total_seconds() // 60)
        await service.run_once(room.clock.now())
    assert (room.sent(person).state, settled_by(room, enrollment)) == ("person", [])


async def test_a_persons_word_that_comes_too_late_is_refused_and_evidence_after_it_changes_nothing(
    room: MailRoom,
) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person, Uncertain("no answer", "dot"))
    send = room.sent(person)
    room.clock.forward(minutes=5)
    room.deliver(mail(answers=send.message_id))
    await room.read()
    for verb in (settling.send_again, settling.give_up, settling.say_sent):
        with pytest.raises(InputError, match="is sent, not uncertain"):
            room.database.write(lambda c, verb=verb: verb(c, room.advance, send.id, "ana", room.clock.now()))  # type: ignore[misc]
    assert settled_by(room, enrollment) == ["reply"]


async def test_an_answer_to_a_mail_that_a_person_sends_again_stops_the_second_one(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person, Uncertain("no answer", "dot"))
    send = room.sent(person)
    room.clock.forward(minutes=90)
    room.database.write(lambda c: settling.send_again(c, room.advance, send.id, "ana", room.clock.now()))
    room.deliver(mail(answers=send.message_id))
    await room.read()
    assert room.progress(enrollment).finished is FinishReason.REPLIED
    channel = ScriptedChannel()
    await room.run_and_stop(dispatch_over(room, channel))
    assert channel.wired == []


async def test_recovery_and_the_outcome_of_a_thawed_daemon_settle_once(room: MailRoom) -> None:
    """The sweep and the look run side by side: one of them settles."""
    person, enrollment = on_the_wire(room)
    room.clock.forward(minutes=1)
    room.deliver(mail(answers=room.sent(person).message_id))
    service = rescue(room, found=True)
    await asyncio.gather(service.sweep_once(room.clock.now()), room.read())
    room.clock.forward(seconds=timedelta(minutes=1).total_seconds())
    await asyncio.gather(service.run_once(room.clock.now()), room.read())
    assert len(settled_by(room, enrollment)) == 1
    assert room.sent(person).state == "sent"
