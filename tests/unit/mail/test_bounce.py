"""Bounces of the kinds seen in the wild, each written anew for this test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.bounce import read_bounce
from sequencer.mail.bounce_reason import judge
from sequencer.mail.bounce_report import RECIPIENTS_MAX, read_groups
from sequencer.mail.parse import parse

HEAD = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: ana@ourco.test
Subject: {subject}
Return-Path: <>
"""
RETURNED = """\
Received: from ourco.test by mx.example.net
Message-ID: <m1@ourco.test>
From: ana@ourco.test
To: jo@acme.test
Subject: Hi

Hi
"""


def report(fields: str, *, said: str = "Delivery failed.", status_type: str = "delivery-status") -> bytes:
    return (
        HEAD.format(subject="Delivery Status Notification")
        + 'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        + f"--b\n\n{said}\n--b\nContent-Type: message/{status_type}\n\nReporting-MTA: dns; mx.example.net\n\n{fields}\n"
        + f"--b\nContent-Type: message/rfc822\n\n{RETURNED}\n--b--\n"
    ).encode()


def plain(body: str, *, subject: str = "Undelivered Mail Returned to Sender") -> bytes:
    return (HEAD.format(subject=subject) + "\n" + body).encode()


def test_report_of_a_dead_address() -> None:
    raw = report(
        "Final-Recipient: rfc822; Jo@acme.test\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user"
    )
    bounce = read_bounce(parse(raw))
    assert bounce is not None
    assert (bounce.hard, bounce.permanent, bounce.delayed) == (True, True, False)
    assert [(failure.recipient, failure.verdict.status, failure.verdict.smtp_code) for failure in bounce.failures] == [
        ("jo@acme.test", "5.1.1", 550)
    ]
    assert bounce.original_ids == ("<m1@ourco.test>",)


def test_internationalised_report() -> None:
    """RFC 6533: another part type and an address type of utf-8."""
    raw = report(
        "Final-Recipient: utf-8; jö@acme.test\nAction: failed\nStatus: 5.1.1", status_type="global-delivery-status"
    )
    bounce = read_bounce(parse(raw))
    assert bounce is not None
    assert bounce.failures[0].recipient == "jö@acme.test"


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_success_report_is_no_failure(action: str) -> None:
    assert read_bounce(parse(report(f"Final-Recipient: rfc822; jo@acme.test\nAction: {action}\nStatus: 2.0.0"))) is None


def test_delay_warning_is_neither_hard_nor_permanent() -> None:
    bounce = read_bounce(parse(report("Final-Recipient: rfc822; jo@acme.test\nAction: delayed\nStatus: 4.4.1")))
    assert bounce is not None
    assert (bounce.delayed, bounce.hard, bounce.permanent) == (True, False, False)


def test_report_with_two_recipients_and_one_delivered() -> None:
    fields = (
        "Final-Recipient: rfc822; jo@acme.test\nAction: failed\nStatus: 5.2.2\n\n"
        "Final-Recipient: rfc822; bo@acme.test\nAction: delivered\nStatus: 2.1.5\n\n"
        "Final-Recipient: rfc822; cy@acme.test\nAction: failed\nStatus: 5.1.1\n"
    )
    bounce = read_bounce(parse(report(fields)))
    assert bounce is not None
    assert [(failure.recipient, failure.verdict.dead) for failure in bounce.failures] == [
        ("jo@acme.test", False),
        ("cy@acme.test", True),
    ]


def test_a_report_may_hold_delays_beside_failures() -> None:
    """Who may still get the mail is no failure."""
    fields = (
        "Final-Recipient: rfc822; jo@acme.test\nAction: delayed\nStatus: 4.4.1\n\n"
        "Final-Recipient: rfc822; cy@acme.test\nAction: failed\nStatus: 5.1.1\n"
    )
    bounce = read_bounce(parse(report(fields)))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["cy@acme.test"]
    assert (bounce.hard, bounce.delayed) == (True, False)


RECIPIENTS = [
    # a comment, brackets, upper case
    ("Final-Recipient: RFC822; <Jo@ACME.test> (Jo Doe)", "jo@acme.test"),
    # xtext (RFC 3461 4), and a plus that is none
    ("Original-Recipient: rfc822;jo+2Bnews@acme.test", "jo+news@acme.test"),
    ("Final-Recipient: rfc822; jo+news@acme.test", "jo+news@acme.test"),
    # an internationalised address, as it is and as ASCII (RFC 6533 3)
    ("Final-Recipient: utf-8; jö@acme.test", "jö@acme.test"),
    ("Final-Recipient: utf-8; j\\x{F6}@acme.test", "jö@acme.test"),
    # the final one is a name inside the server: a source route (RFC 5321 C), a host without a domain
    ("Original-Recipient: rfc822;jo@acme.test\nFinal-Recipient: rfc822;@in.acme.test:jo@box", "jo@acme.test"),
    ("Original-Recipient: rfc822;jo@acme.test\nFinal-Recipient: rfc822;jo@box", "jo@acme.test"),
    ("Final-Recipient: rfc822;@in.acme.test,@b.test:jo@acme.test", "jo@acme.test"),
    # both are addresses: the final one failed
    ("Original-Recipient: rfc822;all@acme.test\nFinal-Recipient: rfc822;jo@acme.test", "jo@acme.test"),
    # only the server's own kind of name, and a hidden one
    ("Final-Recipient: x400; /S=jo/O=acme/C=de/\nX-Actual-Recipient: rfc822; jo@acme.test", "jo@acme.test"),
    ("Final-Recipient: local; jo", ""),
]


@pytest.mark.parametrize(("fields", "recipient"), RECIPIENTS)
def test_who_a_group_is_about(fields: str, recipient: str) -> None:
    assert [group.recipient for group in read_groups(f"{fields}\nAction: failed\nStatus: 5.1.1\n")] == [recipient]


def test_a_hidden_recipient_is_taken_from_the_words() -> None:
    raw = report("Final-Recipient: local; jo\nAction: failed\nStatus: 5.1.1", said="<jo@acme.test>: no such user")
    bounce = read_bounce(parse(raw))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]


def test_a_report_pasted_into_text() -> None:
    body = "Final-Recipient: rfc822; jo@acme.test\nAction: failed\nStatus: 5.2.2\n"
    bounce = read_bounce(parse(plain(f"It failed.\n\n{body}")))
    assert bounce is not None
    assert [(failure.recipient, failure.verdict.reason) for failure in bounce.failures] == [("jo@acme.test", "full")]


QMAIL = f"""\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<jo@acme.test>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{RETURNED}"""
EXIM = f"""\
This message was created automatically by mail delivery software.
A message that you sent could not be delivered.

  jo@acme.test
    SMTP error from remote mail server after RCPT TO:<jo@acme.test>:
    host mx [192.0.2.1]: 552 Mailbox full

------ This is a copy of the message, including all the headers. ------
{RETURNED}"""
EXCHANGE = """\
Your message

  To:      x
  Subject: Hi

did not reach the following recipient(s):

jo@acme.test on Mon, 6 Jul 2026
    The recipient name is not recognized
"""
POSTFIX = """\
I'm sorry to have to inform you that your message could not be delivered.

<jo@acme.test>: host mx.acme.test said: 554 5.7.1
    Message rejected as spam (in reply to end of DATA command)
"""
YAHOO = f"""\
Message from yahoo.com.
Unable to deliver message to the following address(es).

<jo@acme.test>:
This user doesn't have an account.

--- Original message follows.

{RETURNED}"""
TRANSCRIPT = """\
   ----- Transcript of session follows -----
... while talking to mx.acme.test.:
>>> RCPT To:<jo@acme.test>
<<< 550 unknown user
"""
TEXTS = [
    (QMAIL, True),
    (EXIM, False),  # the mailbox is full
    (EXCHANGE, True),
    (POSTFIX, False),  # about the content
    (YAHOO, True),
    (TRANSCRIPT, True),
    ("Ihre Nachricht konnte nicht zugestellt werden.\n\njo@acme.test\nEmpfänger unbekannt\n", True),
    ("次のメールは配信できませんでした。\n\n<jo@acme.test>\n宛先のメールアドレスが見つかりません。\n", True),
]


@pytest.mark.parametrize(("body", "hard"), TEXTS)
def test_free_text(body: str, hard: bool) -> None:
    bounce = read_bounce(
        parse(plain(body).replace(b"Return-Path", b"Content-Type: text/plain; charset=utf-8\nReturn-Path"))
    )
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]
    assert bounce.hard is hard
    assert bounce.permanent


def test_several_recipients_keep_their_own_reasons() -> None:
    body = (
        "Unable to deliver message to the following address(es).\n\n"
        "<jo@acme.test>:\nUser unknown\n\n<bo@acme.test>:\nMailbox quota exceeded\n"
    )
    bounce = read_bounce(parse(plain(body)))
    assert bounce is not None
    assert [(failure.recipient, failure.verdict.reason) for failure in bounce.failures] == [
        ("jo@acme.test", "unknown"),
        ("bo@acme.test", "full"),
    ]


def test_a_notice_around_notices_is_opened_a_few_times_only() -> None:
    """Each may be opened in two places: without an end to it forty of them would take years."""

    def wrapped(times: int, inner: str) -> bytes:
        for level in range(times):
            boundary = f"Content-Type: multipart/mixed; boundary=n{level}\n\n--n{level}\n\n"
            notice = "I'm sorry to have to inform you that your message could not be delivered.\n"
            around = f"{HEAD.format(subject='Undelivered Mail')}{boundary}{notice}--n{level}\n"
            inner = f"{around}Content-Type: message/rfc822\n\n{inner}"
        return inner.encode()

    dead = report("Final-Recipient: rfc822; jo@acme.test\nAction: failed\nStatus: 5.1.1\n").decode()
    found = read_bounce(parse(wrapped(2, dead)))
    assert found is not None
    assert [failure.recipient for failure in found.failures] == ["jo@acme.test"]
    assert read_bounce(parse(wrapped(40, dead))) is not None
    assert read_bounce(parse(wrapped(1000, "Subject: inmost\n\nhi\n"))) is not None


def test_a_report_names_so_many_recipients_at_most() -> None:
    group = "Final-Recipient: rfc822; jo{}@acme.test\nAction: failed\nStatus: 5.1.1\n\n"
    part = "--r\nContent-Type: message/delivery-status\n\n"
    parts = "".join(part + "".join(group.format(100 * at + each) for each in range(100)) for at in range(50))
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n"
    found = read_bounce(parse((HEAD.format(subject="Failure") + kind + parts + "--r--\n").encode()))
    assert found is not None
    assert len(found.failures) == RECIPIENTS_MAX


def test_ses_notification() -> None:
    said = (
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"jo@acme.test",'
        '"status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},'
        '"mail":{"commonHeaders":{"messageId":"<m1@ourco.test>"}}}'
    )
    bounce = read_bounce(
        parse(f"From: no-reply@sns.amazonaws.com\nSubject: AWS Notification Message\n\n{said}\n".encode())
    )
    assert bounce is not None
    assert (bounce.failures[0].recipient, bounce.hard, bounce.original_ids) == (
        "jo@acme.test",
        True,
        ("<m1@ourco.test>",),
    )


@pytest.mark.parametrize(
    "raw",
    [
        # a person who quotes a bounce
        b"From: Jo <jo@acme.test>\nSubject: Re: Undelivered Mail Returned to Sender\n\n"
        b"I got this, why?\n\n> could not be delivered\n> <x@y.test>: 550\n",
        # a person who speaks of delivery
        b"From: Jo <jo@acme.test>\nSubject: Delivery\n\n"
        b"The pallets could not be delivered to the following address: Dock 4.\n",
        # a postmaster who writes as a person
        b"From: Postmaster <postmaster@acme.test>\nSubject: Re: your offer\n\nPlease call me.\n",
        # a read receipt
        b"From: jo@acme.test\nSubject: Read: Hi\n"
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b--\n",
        b"",
    ],
)
def test_no_bounce(raw: bytes) -> None:
    assert read_bounce(parse(raw)) is None


REASONS = [
    ("550 5.1.1 User unknown", "unknown", True),
    ("552 5.2.2 Mailbox full", "full", False),
    ("552 message size exceeds fixed limit", "size", False),
    ("554 5.7.1 Client host blocked using dnsbl", "policy", False),
    ("550 5.7.26 unauthenticated mail, DMARC", "policy", False),
    ("451 4.7.1 Greylisted, try again later", "policy", False),
    ("connect to mx.acme.test: Connection timed out", "unreachable", False),
    ("Host or domain name not found. Name service error", "no_domain", True),
    ("550", "unknown", True),  # a bare 550 is about the mailbox
    ("554", "unclear", False),
]


@pytest.mark.parametrize(("text", "reason", "dead"), REASONS)
def test_reasons(text: str, reason: str, dead: bool) -> None:
    verdict = judge(text)
    assert (verdict.reason, verdict.dead) == (reason, dead)


def test_a_temporary_code_is_never_dead() -> None:
    verdict = judge("450 4.1.1 user unknown")
    assert (verdict.permanent, verdict.dead) == (False, False)


def test_numbers_that_are_no_codes() -> None:
    """An address, a version and a domain carry digits with dots."""
    assert judge("host 192.0.2.1 (qmail 5.1.1.2) says: <a550@b.test> over quota").status == "5.0.0"


@given(st.text(max_size=400))
def test_groups_of_any_text(text: str) -> None:
    for group in read_groups(text):
        assert group.recipient == "" or "@" in group.recipient


@given(st.binary(max_size=600))
def test_any_body_is_read(body: bytes) -> None:
    read_bounce(parse(b"From: MAILER-DAEMON@x.test\nSubject: failure notice\n\n" + body))
