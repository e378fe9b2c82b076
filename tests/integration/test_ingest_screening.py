"""Whose mail is kept, by its header alone: a table, read in one walk of a Maildir."""

import re
from datetime import timedelta

from tests.integration.installation import MONDAY
from tests.integration.mail_room import ANA, MailRoom, mail

COPIES_BY_ID = 3  # of our own mail not even the place is noted
TO_HER = "Auto-Submitted: auto-replied\n"


def cases(sent: str) -> list[tuple[bool, str, str]]:
    """(kept, folder, mail)."""
    return [
        # a known address, its tag, another case, a name around it
        (True, "", mail(sender="jo@acme.test")),
        (True, "", mail(sender="Jo <JO+x@ACME.test>")),
        # the account's domain and what lies below it; not a domain that only ends alike
        (True, "", mail(sender="who@acme.test")),
        (True, "", mail(sender="who@mail.acme.test")),
        (False, "", mail(sender="who@notacme.test")),
        # a known person at a free-mail domain, and anybody else there
        (True, "", mail(sender="lu@gmail.com")),
        (False, "", mail(sender="li@gmail.com")),
        # our Message-ID, wherever a program puts it; from junk too
        (True, "", mail(sender="li@gmail.com", answers=sent)),
        (True, ".Junk", mail(sender="li@gmail.com", more=f"References: <a@b.test>\n\t{sent} <c@d.test>\n")),
        (True, "", mail(sender="li@gmail.com", more=f"X-MS-Exchange-Parent-Message-Id: {sent}\n")),
        (False, "", mail(sender="li@gmail.com", answers="<0000@ourco.test>")),
        # the id of another installation at our domain: this database has forgotten nothing
        (False, "", mail(sender="li@gmail.com", answers=f"<{'0f' * 20}@ourco.test>")),
        # a machine's mail to us, with any of the usual signs; the same to somebody else who shares the inbox
        (True, "", mail(sender="MAILER-DAEMON@mx.test")),
        (True, "", mail(sender="postmaster@ourco.test")),
        (True, "", mail(sender="x@mx.test", more="Return-Path: <>\n")),
        (True, "", mail(sender="x@mx.test", more="X-Failed-Recipients: jo@acme.test\n")),
        (True, "", mail(sender="x@mx.test", subject="Delivery Status Notification (Failure)")),
        (True, "", mail(sender="x@mx.test", subject="Out of Office: hi")),
        (True, "", mail(sender="x@mx.test", more=TO_HER)),
        (True, "", mail(sender="x@mx.test", to="Postbox: ana+tag@ourco.test;", more=TO_HER)),
        (False, "", mail(sender="x@mx.test", more="Auto-Submitted: no\n")),
        (False, "", mail(sender="x@mx.test", to="mum@home.test", more=TO_HER)),
        # a refusal as mail programs send it
        (True, "", mail(sender="x@mx.test", subject="unsubscribe")),
        (False, "", mail(sender="x@mx.test", subject="How to unsubscribe")),
        # what a rep writes by hand: to a known person, openly or hidden; else it is private
        (True, ".Sent", mail(sender=ANA, to="jo@acme.test")),
        (True, ".Sent", mail(sender=ANA, to="mum@home.test", more="Bcc: jo@acme.test\n")),
        (False, ".Sent", mail(sender=ANA, to="mum@home.test")),
        # our own mail: by its id, even from a mailbox that config no longer has; under a relay's id, by its second
        (False, ".Sent", mail(sender=ANA, to="jo@acme.test").replace("<mail-1@prospect.test>", sent)),
        (False, "", mail(sender="old@go.test", answers=sent).replace("<mail-1@prospect.test>", sent)),
        (False, ".Sent", mail(sender=ANA, to="jo@acme.test", more=f"X-Google-Original-Message-ID: {sent}\n")),
        (False, ".Sent", mail(sender=ANA, to="jo@acme.test", at=MONDAY)),
        (True, ".Sent", mail(sender=ANA, to="jo@acme.test", at=MONDAY + timedelta(seconds=2))),
        # one of us, who forwards a thread of ours or writes about it
        (False, "", mail(sender="boss@ourco.test", answers=sent)),
        (False, "", mail(sender="boss@sales.ourco.test", to="jo@acme.test, ana@ourco.test")),
        # nothing to go by
        (False, "", "\n\nno header at all\n"),
        (False, "", mail(sender="")),
    ]


async def test_the_header_decides_whose_mail_is_kept(room: MailRoom) -> None:
    jo = room.person("jo@acme.test")
    room.stranger("lu@gmail.com")
    room.written_to(jo)
    room.clock.forward(hours=1)
    table = cases(room.sent(jo).message_id or "")
    for number, (_, folder, raw) in enumerate(table):
        room.deliver(raw.replace("<mail-1@", f"<case-{number}@"), folder)
    await room.ingest.sync(room.clock.now())
    kept = {int(found[1]) for raw in room.raws() if (found := re.search(rb"<case-(\d+)@", raw))}
    assert kept == {number for number, (is_kept, *_) in enumerate(table) if is_kept}
    assert len(room.not_ours()) == len(table) - len(kept) - COPIES_BY_ID
