"""Who pressed "this is spam", as feedback loops tell it; each written anew for this test."""

import pytest

from sequencer.mail.complaint import read_complaint
from sequencer.mail.parse import parse

RETURNED = "Message-ID: <m1@ourco.test>\nFrom: ana@ourco.test\nTo: jo@acme.test\nSubject: Hi\n\nHi\n"


def report(fields: str) -> bytes:
    return (
        "From: fbl@provider.test\nTo: ana@ourco.test\nSubject: complaint\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n\nA complaint.\n'
        f"--b\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--b\nContent-Type: message/rfc822\n\n{RETURNED}\n--b--\n"
    ).encode()


def prose(sender: str, said: str, header: str = "") -> bytes:
    return f"From: {sender}\nTo: ana@ourco.test\nSubject: Abuse report\n{header}\n{said}\n".encode()


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "opt-out", "other"])
def test_feedback_report(kind: str) -> None:
    complaint = read_complaint(parse(report(f"Feedback-Type: {kind}\nOriginal-Rcpt-To: <bo@acme.test>\n")))
    assert complaint is not None
    assert (complaint.recipients, complaint.original_ids) == (("bo@acme.test",), ("<m1@ourco.test>",))


def test_a_hidden_complainer_is_whom_the_mail_was_for() -> None:
    complaint = read_complaint(parse(report("Feedback-Type: abuse\n")))
    assert complaint is not None
    assert complaint.recipients == ("jo@acme.test",)


@pytest.mark.parametrize("kind", ["auth-failure", "dmarc", "not-spam"])
def test_reports_that_are_no_complaint(kind: str) -> None:
    assert read_complaint(parse(report(f"Feedback-Type: {kind}\n"))) is None


PROSE = [
    "This is an email abuse report for a message with the message-id of <m1@ourco.test>.\nRecipient: jo@acme.test",
    "The recipient jo@acme.test marked your message as spam. Its id was <m1@ourco.test>.",
    "Der Empfänger jo@acme.test hat Ihre Mail als Spam gemeldet: <m1@ourco.test>",
]


@pytest.mark.parametrize("said", PROSE)
def test_an_abuse_desk_that_writes_prose(said: str) -> None:
    complaint = read_complaint(parse(prose("Abuse Desk <abuse@provider.test>", said)))
    assert complaint is not None
    assert (complaint.recipients, complaint.original_ids) == (("jo@acme.test",), ("<m1@ourco.test>",))


def test_a_person_who_says_so_is_read_as_a_person() -> None:
    """Their words are a request to stop, which the answer's reader finds."""
    assert read_complaint(parse(prose("Jo <jo@acme.test>", PROSE[1]))) is None
    assert read_complaint(parse(prose("abuse@acme.test", PROSE[1], "In-Reply-To: <m1@ourco.test>\n"))) is None
