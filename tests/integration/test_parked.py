"""Mail that waits for a person's word: whose it is, what it is, or that it is nobody's."""

from collections.abc import Callable

import pytest

from sequencer.core.people import Prospect
from sequencer.core.reason import FinishReason, Reason
from sequencer.errors import InputError
from sequencer.store import people
from tests.integration.mail_room import MailRoom, bounce, mail
from tests.integration.put_right import JO, Desk


@pytest.fixture
def desk(room: MailRoom) -> Desk:
    return Desk(room)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        # our own colleague's mail is nobody's answer
        (lambda sent: mail("Hi", sender="x@else.test", subject="unsubscribe"), "nobody here is known by mail 1"),
        (lambda sent: bounce("someone@else.test"), "nobody here is known by mail 1"),
    ],
)
async def test_a_mail_of_nobody_asks_whose_it_is(desk: Desk, raw: Callable[[str], str], words: str) -> None:
    await desk.got(raw(desk.sent))
    with pytest.raises(InputError, match=words):
        desk.set("interested")
    assert desk.room.inbound()[0].state == "parked"
    desk.set("interested", address=JO)
    assert desk.last.progress.finished is FinishReason.REPLIED


async def test_nothing_is_kept_of_what_is_not_ours(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent))
    desk.set("not_ours")
    assert desk.room.raws() == []
    assert desk.last.status == "active"
    with pytest.raises(InputError, match="nothing of mail 1 is kept"):
        desk.set("interested")


async def test_an_unreadable_mail_lets_go_when_a_person_says_what_it_is(desk: Desk) -> None:
    parts = 'Content-Type: multipart/mixed; boundary="b"\n'
    await desk.got(mail("--b\n\nx\n" * 300, answers=desk.sent, more=parts))
    assert desk.last.progress.hold(Reason.UNREADABLE_MAIL)
    desk.set("question")
    progress = desk.last.progress
    assert progress.finished is FinishReason.REPLIED
    assert not progress.holds


async def test_a_suggestion_is_accepted_and_its_address_is_theirs_from_then_on(room: MailRoom) -> None:
    desk = Desk(room)
    named = Prospect(desk.person, (), {"first_name": "Jo", "last_name": "Roe"}, "acme.test", "UTC", "file")
    room.database.write(lambda c: people.update_prospect(c, named))
    await desk.got(mail(sender='"Roe, Jo" <j.roe@acme.test>'))
    assert room.inbound()[0].state == "parked"
    desk.accept()
    desk.sound()
    assert desk.last.progress.finished is FinishReason.REPLIED
    owners = room.database.read(lambda c: people.owners(c, ["j.roe@acme.test"]))
    assert owners == {"j.roe@acme.test": desk.person}
    person = room.database.read(lambda c: people.load_prospects(c, [desk.person]))[desk.person]
    assert person.address == JO
    with pytest.raises(InputError, match="is not parked"):
        desk.accept()


async def test_what_was_said_of_a_suggestion_stays_its_person_s(room: MailRoom) -> None:
    desk = Desk(room)
    await desk.got(mail("Yes.", sender="boss@acme.test", subject="Re: An idea"))
    assert room.inbound()[0].reason.startswith("suggestion: answers what we wrote")
    desk.set("interested")
    assert desk.last.progress.finished is FinishReason.REPLIED
    desk.set("no_answer")
    assert (room.inbound()[0].prospect_id, desk.last.status) == (desk.person, "active")


async def test_a_report_is_accepted_for_a_person(desk: Desk) -> None:
    await desk.got(bounce("someone@else.test"))
    with pytest.raises(InputError, match="--person EMAIL"):
        desk.accept()
    desk.accept(JO)
    assert not desk.room.is_valid(JO, desk.person)
    assert desk.last.progress.hold(Reason.BAD_ADDRESS)


async def test_a_report_of_our_own_server_is_accepted_and_put_right_like_any_other(desk: Desk) -> None:
    own = bounce("someone@else.test").replace("MAILER-DAEMON@mx.test", "MAILER-DAEMON@mx.ourco.test")
    await desk.got(own)
    desk.accept(JO)
    assert desk.last.progress.hold(Reason.BAD_ADDRESS)
    desk.set("soft_bounce")
    assert (desk.room.is_valid(JO, desk.person), desk.last.status) == (True, "active")
    with pytest.raises(InputError, match="written by one of your own company"):
        desk.set("interested")


async def test_a_refusal_of_nobody_forbids_its_address(desk: Desk) -> None:
    await desk.got(mail("", sender="x@else.test", subject="unsubscribe"))
    desk.accept()
    assert ("address", "x@else.test", "") in desk.room.suppressed()
    assert desk.room.inbound()[0].state == "projected"
    done = desk.set("not_ours")
    assert desk.room.suppressed(standing=True) == []
    assert done.notes == ("x@else.test may be written to again",)


async def test_a_parked_mail_is_refused(desk: Desk) -> None:
    await desk.got(bounce("someone@else.test"))
    desk.set("not_ours")
    assert [row.reason for row in desk.room.inbound()] == ["not ours"]
