"""LIFECYCLE, "Whose mail is it?": for every way in which an answer can come, whose it is and what follows."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection

from sequencer.config import parse
from sequencer.core import events as e
from sequencer.core.outcome import Accepted
from sequencer.core.people import Account, Address, Prospect
from sequencer.core.reason import Reason
from sequencer.store import correspondence, people
from tests.integration.mail_room import ANA, MailRoom, bounce, mail

AMAZON = "0102018c1a2b3c4d-1a2b3c4d-1111-2222-3333-444455556666-000000"
AT_GMAIL = "lu@gmail.com"


@dataclass(frozen=True)
class Case:
    """`write`: the mail, given the id of ours. What becomes of Jo (written to) and of Kim, a colleague (written to)."""

    write: Callable[[str], str]
    jo: str = "active"
    kim: str = "active"
    state: str = "projected"


ANSWERED = ("finished", "paused")  # Jo, and Kim because a colleague answered
CASES: dict[str, Case] = {
    # In-Reply-To alone, References alone, and among others
    "in-reply-to": Case(lambda sent: mail(more=f"In-Reply-To: {sent}\n"), *ANSWERED),
    "references": Case(lambda sent: mail(more=f"References: <a@x.test> {sent} <b@x.test>\n"), *ANSWERED),
    # by its id from anywhere: another address of theirs, an unknown domain, a forged sender
    "id from a private address": Case(lambda sent: mail(sender="Jo <jo@home.test>", answers=sent), *ANSWERED),
    "id from an assistant elsewhere": Case(lambda sent: mail(sender="x@agency.test", answers=sent), *ANSWERED),
    # a relay's own id, and ours in one of the fields that it leaves it in
    "x-original-message-id": Case(
        lambda sent: mail(sender="x@else.test", more=f"X-Original-Message-ID: {sent}\n"), *ANSWERED,
    ),
    "x-ms-exchange-parent": Case(
        lambda sent: mail(sender="x@else.test", more=f"X-MS-Exchange-Parent-Message-Id: {sent}\n"), *ANSWERED,
    ),
    # our mail was forwarded as it was, and the answer carries it
    "id of a carried mail": Case(
        lambda sent: mail(
            f"--b\n\nYes.\n--b\nContent-Type: message/rfc822\n\nMessage-ID: {sent}\nSubject: An idea\n\nHi\n--b--",
            sender="The Boss <boss@acme.test>", subject="Fwd: x", more='Content-Type: multipart/mixed; boundary="b"\n',
        ),
        *ANSWERED,
    ),
    # without any id: their address, with a tag of theirs, in other letters
    "address": Case(lambda sent: mail(), *ANSWERED),
    "tag": Case(lambda sent: mail(sender="jo+x@acme.test"), *ANSWERED),
    "letters": Case(lambda sent: mail(sender="JO@ACME.TEST"), *ANSWERED),
    # From is unknown, and who shall get the answers, or who handed it in, is known
    "reply-to": Case(lambda sent: mail(sender="crm@else.test", more="Reply-To: jo@acme.test\n"), *ANSWERED),
    "sender": Case(lambda sent: mail(sender="office@else.test", more="Sender: jo@acme.test\n"), *ANSWERED),
    # From wins over both
    "from before reply-to": Case(
        lambda sent: mail(sender="kim@acme.test", more="Reply-To: jo@acme.test\n"), "paused", "finished",
    ),
    # a list or a group mailbox of ours put its own address into From
    "via our group": Case(
        lambda sent: mail(
            sender=f"'Jo Roe' via Sales <{ANA}>", more="Reply-To: Jo Roe <jo@acme.test>\nList-ID: <sales.ourco.test>\n",
        ),
        *ANSWERED,
    ),
    "via their list": Case(
        lambda sent: mail(sender="Jo Roe via Team <team@lists.test>", more="X-Original-From: Jo <jo@acme.test>\n"),
        *ANSWERED,
    ),
    # a colleague answers for Jo: Jo's sequence ends, the colleague's own as well if we write to them
    "unknown colleague": Case(lambda sent: mail(sender="boss@acme.test", answers=sent), *ANSWERED),
    "known colleague": Case(lambda sent: mail(sender="kim@acme.test", answers=sent), "finished", "finished"),
    # our mail was handed on inside, and the answer names nothing of ours but the subject
    "handed on": Case(
        lambda sent: mail(sender="boss@acme.test", subject="AW: WG: An idea for Jo"), state="parked",
    ),
    # the subject is ours, yet nothing marks it as an answer
    "same subject": Case(lambda sent: mail(sender="boss@acme.test", subject="An idea for Jo"), state="not ours"),
    # exact name at the same account, in either order; one name alone tells nobody
    "name": Case(lambda sent: mail(sender='"Roe, Jo" <j.roe@acme.test>', subject="Hi"), state="parked"),
    "first name": Case(lambda sent: mail(sender="Jo <j.roe@acme.test>", subject="Hi"), state="not ours"),
    # a name and an address of another account, or of free mail, tell nothing
    "name elsewhere": Case(lambda sent: mail(sender="Jo Roe <jo.roe@gmail.com>", subject="Hi"), state="unseen"),
    # nobody at all
    "null sender": Case(lambda sent: mail(sender="<>", subject="Hi"), state="unseen"),
    # sent by ourselves: a forward to a colleague, a note to oneself, an answer by somebody at our own domain
    "forward inside": Case(lambda sent: mail(sender="bo@ourco.test", to=ANA, answers=sent), state="unseen"),
    "written by another of us": Case(
        lambda sent: mail(sender="cy@ourco.test", to="jo@acme.test", more=f"Cc: {ANA}\n"), state="unseen",
    ),
    "note to self": Case(lambda sent: mail(sender=ANA, to=ANA, answers=sent), state="unseen"),
    # written by hand: several recipients, one of them known
    "by hand": Case(lambda sent: mail(sender=ANA, to="x@else.test, Team: jo@acme.test;"), "paused"),
    "by hand, hidden": Case(lambda sent: mail(sender=ANA, to="x@else.test", more="Bcc: jo@acme.test\n"), "paused"),
    # a report about our mail by its id, by an address that we wrote to; about neither
    "report by id": Case(lambda sent: bounce("someone@else.test", about=sent), "held"),
    "report by address": Case(lambda sent: bounce(), "held"),
    "report by tag": Case(lambda sent: bounce("jo+x@acme.test"), "held"),
    "report of others": Case(lambda sent: bounce("someone@else.test"), state="parked"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_whose_mail_it_is(room: MailRoom, case: Case) -> None:
    room.apply(files={"intro.md": "Subject: An idea for {{ prospect.first_name }}\n\nHi\n", "bump.md": "\nHi\n"})
    jo, kim = room.person("jo@acme.test", last_name="Roe"), room.person("kim@acme.test", "Kim", last_name="Lee")
    of_jo, of_kim = room.written_to(jo), room.written_to(kim)
    room.clock.forward(hours=2)
    room.deliver(case.write(room.sent(jo).message_id or ""))
    await room.read()
    assert (room.progress(of_jo).status, room.progress(of_kim).status) == (case.jo, case.kim)
    rows = room.inbound()
    states = ["not ours" if row.reason == "not ours" else row.state for row in rows] or ["unseen"]
    assert states == [case.state]


def other_address(room: MailRoom, person: int, email: str) -> None:
    room.database.write(lambda c: people.put_addresses(c, person, ["jo@acme.test", email]))


async def test_a_second_address_of_theirs_is_theirs(room: MailRoom) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    other_address(room, jo, "jo@home.test")
    room.clock.forward(hours=2)
    room.deliver(mail(sender="jo@home.test"))
    await room.read()
    assert room.progress(enrollment).finished == "replied"


async def test_a_mailbox_that_an_account_shares_is_its_owner_s(room: MailRoom) -> None:
    """One address has one owner: who else is behind info@ is a colleague."""
    info, kim = room.person("info@acme.test", "Info"), room.person("kim@acme.test", "Kim")
    of_info, of_kim = room.written_to(info), room.written_to(kim)
    room.clock.forward(hours=2)
    room.deliver(mail(sender="Max <info@acme.test>"))
    await room.read()
    assert room.progress(of_info).finished == "replied"
    assert room.progress(of_kim).pause(Reason.ACCOUNT)


async def test_two_namesakes_are_no_suggestion(room: MailRoom) -> None:
    for email in ("jo@acme.test", "jo2@acme.test"):
        room.person(email, last_name="Roe")
    room.deliver(mail(sender="Jo Roe <j.roe@acme.test>"))
    await room.read()
    assert [row.reason for row in room.inbound()] == ["not ours"]


async def test_the_id_that_amazon_gave_is_ours(room: MailRoom) -> None:
    """The server tells its id in the answer to the dot; the receiver sees it with a domain."""
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo, Accepted(250, f"Ok {AMAZON}"))
    room.clock.forward(hours=2)
    room.deliver(mail(sender="x@else.test", answers=f"<{AMAZON}@eu-west-1.amazonses.com>", number=2))
    await room.read()
    assert room.progress(enrollment).finished == "replied"
    assert e.ReplyReceived(message=1, answer="interested", step="intro") in room.events(enrollment)


async def test_a_blind_copy_to_oneself_under_amazon_s_id_is_no_mail_by_hand(room: MailRoom) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo, Accepted(250, f"Ok {AMAZON}"))
    room.deliver(f"From: {ANA}\nTo: jo@acme.test\nMessage-ID: <{AMAZON}@email.amazonses.com>\n\nHi\n")
    await room.read()
    assert (room.inbound(), room.progress(enrollment).status) == ([], "active")


@pytest.mark.parametrize(
    "copy",
    [
        # the copy keeps our id beside the relay's
        "X-Google-Original-Message-ID: {sent}\nMessage-ID: <new@mail.gmail.com>\n",
        # it keeps nothing but the second in which we made it
        "Message-ID: <new@mail.gmail.com>\nDate: {date}\n",
    ],
)
async def test_the_copy_in_the_sent_folder_tells_the_id_that_a_relay_gave(room: MailRoom, copy: str) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    sent = room.sent(jo)
    assert sent.rendered_at is not None
    head = copy.format(sent=sent.message_id, date=sent.rendered_at.strftime("%a, %d %b %Y %H:%M:%S +0000"))
    room.deliver(f"From: {ANA}\nTo: jo@acme.test\nSubject: {sent.subject}\n{head}\nHi\n", ".Sent")
    await room.read()
    found = room.database.read(lambda c: correspondence.sends_named(c, ["<new@mail.gmail.com>"]))
    assert {key: row.id for key, row in found.items()} == {"<new@mail.gmail.com>": sent.id}
    room.clock.forward(hours=2)
    room.deliver(mail(sender="x@else.test", answers="<new@mail.gmail.com>"))
    await room.read()
    assert room.progress(enrollment).finished == "replied"


async def test_a_mail_in_two_inboxes_is_one_event(room: MailRoom) -> None:
    """Several mailboxes read what came to sales@; what they see is the same mail."""
    text = (room.folder / "config.toml").read_text()
    second = text[text.index("[[mailboxes]]") :].replace("ana@ourco.test", "bo@ourco.test").replace('"mail"', '"bo"')
    room.config = parse(text + second)
    room.config._folder = room.folder
    room.ingest = room.after_restart()
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    room.clock.forward(hours=2)
    room.deliver(mail(to="sales@ourco.test", answers=room.sent(jo).message_id))
    assert await room.read() == 1
    assert len([event for event in room.events(enrollment) if isinstance(event, e.ReplyReceived)]) == 1
    assert len(room.inbound()) == 1


async def test_people_at_free_mail_are_never_suggested(room: MailRoom) -> None:
    def add(connection: Connection) -> int:
        people.put_account(connection, Account("gmail.com", "Gmail", "gmail.com"))
        person = Prospect(0, (Address(AT_GMAIL),), {"first_name": "Lu", "last_name": "Roe"}, "gmail.com", "UTC", "file")
        return people.add_prospect(connection, person, room.clock.now())

    room.database.write(add)
    room.deliver(mail(sender="Lu Roe <lu.roe@gmail.com>"))
    await room.read()
    assert room.inbound() == []
