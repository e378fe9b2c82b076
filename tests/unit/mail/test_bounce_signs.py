"""Which mail is a failure report at all: a false one would invalidate the address of a person who answered."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.bounce import read_bounce
from sequencer.mail.parse import parse

AUTO = "Return-Path: <>\nAuto-Submitted: auto-replied\n"
REPLY = "In-Reply-To: <m1@ourco.test>\n"
QUOTE = "\n\nOn Mon, 6 Jul 2026 Ana <ana@ourco.test> wrote:\n> Hi Jo,\n> are you free?\n"
ORIGINAL = (
    "\n\n-----Original Message-----\nFrom: Ana <ana@ourco.test>\nSent: Monday\nTo: jo@acme.test\nSubject: Hi\n\nHi\n"
)
FORWARDED = (
    "---------- Forwarded message ---------\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@mx.test>\n"
    "Subject: Returned mail\n\n> Final-Recipient: rfc822; jo@acme.test\n> Action: failed\n> Status: 5.1.1\n"
)


def mail(sender: str, subject: str, body: str, header: str = "") -> bytes:
    head = f"From: {sender}\nTo: ana@ourco.test\nSubject: {subject}\n{header}Content-Type: text/plain; charset=utf-8"
    return f"{head}\n\n{body}\n".encode()


JO = "Jo Doe <jo@acme.test>"
NO_BOUNCES = [
    # automatic replies: an empty return path, and words that a bounce could have
    (JO, "Automatic reply: Hi", "I am away and will not be reached by phone. Write to bo@acme.test.", AUTO),
    (JO, "Out of office", "Your message has not been forwarded and will not be delivered." + ORIGINAL, AUTO + REPLY),
    (JO, "Abwesenheitsnotiz", "Ihre Nachricht wird nicht weitergeleitet. Kontakt: bo@acme.test", AUTO),
    (JO, "Réponse automatique", "Votre message n'a pas été transmis. Contactez bo@acme.test" + ORIGINAL, AUTO),
    (JO, "Respuesta automática", "Su mensaje no ha sido enviado a nadie. Escriba a bo@acme.test", AUTO),
    (JO, "自動返信", "メールは転送できません。bo@acme.test へ送信してください。", AUTO),
    ("noreply@acme.test", "Re: Hi", "Your message could not be delivered to a person. Ask desk@acme.test.", AUTO),
    ("Desk <support@acme.test>", "[Ticket 550] Request received", "Your request (550) was not sent twice.", AUTO),
    # parcels, payments and newsletters
    (
        "no-reply@parcel.test",
        "Delivery failed: parcel 550 123",
        "It could not be delivered to: Dock 4, Street 550.",
        "",
    ),
    ("DHL <noreply@dhl.test>", "Zustellung fehlgeschlagen", "Die Sendung konnte nicht zugestellt werden.", ""),
    ("Shop <no-reply@shop.test>", "Delivery problem", "We were unable to deliver. Write to desk@shop.test", ""),
    ("Mailer Inc <sales@mailer.test>", "Offer", "Your message was not delivered? Write to sales@mailer.test", ""),
    (
        "News <news@acme.test>",
        "Why mail delivery fails",
        "Undeliverable mail costs.",
        "List-Unsubscribe: <mailto:x@y.test>\n",
    ),
    # people who speak of delivery, of mail systems, and of bounces
    (JO, "Undeliverable", "Hi Ana, my last mail to bob@acme.test could not be delivered, is he gone?", ""),
    (JO, "Delivery problem", "The machines were not delivered. Please call me at 550 1234.", ""),
    (JO, "Mail system outage", "Our mail system was down and your mail was delayed, sorry. Jo", ""),
    (JO, "Mail delivery", "Our server rejected your last message with 550 5.7.1, please resend. jo@acme.test", ""),
    (JO, "Entrega fallida", "No se pudo entregar el pedido en la dirección. jo@acme.test", ""),
    (JO, "Re: Hi", "The contract could not be sent because his mailbox was full, sorry." + QUOTE, REPLY),
    (JO, "Re: Undelivered Mail Returned to Sender", "see below\n\n> <x@y.test>: 550 5.1.1 User unknown", REPLY),
    ("Jo Bounce <jo@acme.test>", "Hi", "It can't be sent today.", ""),
    # postmasters are people too
    ("Postmaster <postmaster@acme.test>", "Re: your offer", "Please call me." + QUOTE, REPLY),
    ("Postmaster <postmaster@acme.test>", "Your offer", "We run 550 mailboxes. A quote, please. jo@acme.test", ""),
    ("System Administrator <sysadmin@acme.test>", "Question", "Does it work with Exchange?" + QUOTE, REPLY),
    ("Mail Administrator <mail@acme.test>", "Quarantine summary", "In quarantine:\n\nx@bad.test  Win now\n", ""),
    # what arrived
    ("postmaster@acme.test", "Delivery Status Notification (Success)", "Delivered to:\n\n  jo@acme.test\n", ""),
    ("MAILER-DAEMON@mx.test", "Successful Mail Delivery Report", "It was successfully delivered to:\njo@acme.test", ""),
    ("postmaster@acme.test", "Delivery report", "Your message was successfully relayed to: jo@acme.test", ""),
    # a filter signs what it sells, and a colleague tells of one
    ("Spam Firewall <news@vendor.test>", "News", "10,000 mails were blocked.\n\nsales@vendor.test\n", ""),
    (JO, "Hi", "It was blocked by our spam filter. Write to:\n\njo@home.test\n", ""),
    ("E-Mail Filter <jo@acme.test>", "Re: Hi", "It was blocked here:\n\nbo@acme.test\n", REPLY),
    # an issue tracker that quotes one
    ("GitHub <notify@git.test>", "[mail] Undelivered mail (#550)", "not delivered to users@acme.test: 550 no", ""),
    # a colleague who forwards a report and says what to do
    (JO, "Fwd: Undeliverable", "Please write to my colleague Bo from now on, I have left.\n\n" + FORWARDED, ""),
]


@pytest.mark.parametrize(("sender", "subject", "body", "header"), NO_BOUNCES)
def test_no_bounce(sender: str, subject: str, body: str, header: str) -> None:
    assert read_bounce(parse(mail(sender, subject, body, header))) is None


RETURNS_OURS = (
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nCould not be delivered to '
    "jo@acme.test, the mailbox is full.\n--b\nContent-Type: message/rfc822\n\nFrom: ana@ourco.test\n"
    "To: jo@acme.test\nMessage-ID: <m1@ourco.test>\n\nHi\n--b--\n"
)
BOUNCES = [
    # a carrier without a daemon's name gives our own mail back
    (b"From: no-reply@carrier.test\nTo: ana@ourco.test\nSubject: Mail\n" + RETURNS_OURS.encode()),
    # no author at all
    mail("<>", "Mail", "550 5.1.1 <jo@acme.test>: no such user"),
    # a transcript is sign enough from a daemon
    mail("postmaster@acme.test", "Re: Hi", ">>> RCPT TO:<jo@acme.test>\n<<< 550 no such user"),
    # a gateway of an unknown name, with the code of the next server
    mail("scan@acme.test", "Undeliverable mail", "Could not be delivered.\n\njo@acme.test\n550 5.1.1 unknown"),
    # a colleague forwards the report without a word
    mail(JO.replace("jo@", "cy@"), "Fwd: Returned mail", FORWARDED),
    mail(JO.replace("jo@", "cy@"), "WG: Returned mail", "FYI\n\n" + FORWARDED),
    # blank lines before the header, as an export leaves them
    b"   \n\n" + mail("MAILER-DAEMON@mx.test", "failure notice", "<jo@acme.test>:\nno such user"),
    # the header alone names the recipient
    mail("MAILER-DAEMON@mx.test", "Mail delivery failed", "It failed.", "X-Failed-Recipients: jo@acme.test\n"),
]


@pytest.mark.parametrize("raw", BOUNCES)
def test_bounce(raw: bytes) -> None:
    bounce = read_bounce(parse(raw))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]


def test_a_gateway_s_notice_around_a_report() -> None:
    inner = (
        "From: postmaster@acme.test\nTo: ana@ourco.test\nSubject: Delivery Status Notification (Failure)\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="i"\n\n--i\n\nFailed.\n'
        "--i\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n"
        "Final-Recipient: rfc822; jo@acme.test\nAction: failed\nStatus: 5.1.1\n\n--i--\n"
    )
    raw = (
        "From: postmaster@gateway.test\nTo: ana@ourco.test\nSubject: Delivery Status Notification (Failure)\n"
        f'Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n'
    )
    bounce = read_bounce(parse(raw.encode()))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]
    assert bounce.hard


PIECES = st.sampled_from(
    ["jo@acme.test", "<", ">", ":", "550 ", "5.1.1 ", "\n", "\n\n", " ", "user unknown ", "Final-Recipient: rfc822; ",
     "Action: failed\n", "Status: 5.0.0\n", "could not be delivered to ", "--b\n", "--b--\n", "From: ", "To: ",
     "Received: ", "Content-Type: message/delivery-status\n\n", "Content-Type: message/rfc822\n\n", "=FF", "ü", "宛",
     "@", "- "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=80), st.booleans())
def test_any_mixture_of_what_bounces_are_made_of_is_read(pieces: list[str], multipart: bool) -> None:
    kind = 'multipart/report; report-type=delivery-status; boundary="b"' if multipart else "text/plain; charset=utf-8"
    head = f"From: MAILER-DAEMON@mx.test\nTo: ana@ourco.test\nSubject: failure notice\nContent-Type: {kind}\n\n"
    bounce = read_bounce(parse((head + "".join(pieces)).encode()))
    if bounce is not None:
        assert all(failure.recipient == "" or "@" in failure.recipient for failure in bounce.failures)


LONG = [
    "@" * 200_000, "a@" * 100_000, "550 " * 50_000, ">" * 200_000, " " * 200_000, "\n" * 200_000, "-" * 200_000,
    "user mailbox address account recipient " * 5_000, "not be not the user mailbox is not " * 5_000,
    "Final-Recipient: rfc822;a@b.test\nAction: failed\n\n" * 3_000,
    "".join(f"<a{n}@b.test>:\nno\n" for n in range(5_000)),
    " ".join(f"a{n}@b.test" for n in range(5_000)), "宛先ユーザアドレス" * 20_000, "Received: x\n" * 20_000,
    "5.1.0 - Unknown address error " * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("body", LONG, ids=lambda body: body[:12])
def test_no_mail_takes_long(body: str) -> None:
    """Work is linear and capped, whatever a stranger sends."""
    raw = mail("MAILER-DAEMON@mx.test", "failure notice", body)
    began = time.process_time()
    read_bounce(parse(raw))
    assert time.process_time() - began < 2
