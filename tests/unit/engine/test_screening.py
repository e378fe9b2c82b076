"""What ingest reads from headers and says of failures, without a database."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.config import parse as parse_config
from sequencer.engine.matching import recipients_of
from sequencer.engine.ours import ours_of
from sequencer.engine.screening import looks_automatic, read_header, says_automatic
from sequencer.engine.sorting import judge
from sequencer.mail.classify import Judgement
from sequencer.store.inbox import InboundRow

CONFIG = """
[company]
own_domains = ["ourco.test", "bücher.test"]
[[reps]]
name = "ana"
email = "ana.ruiz@ourco.test"
timezone = "UTC"
[[mailboxes]]
address = "Ana@Go-Ourco.test"
rep = "ana"
timezone = "UTC"
maildir = "mail"
smtp = { host = "h", port = 25, security = "none" }
[[mailboxes]]
address = "ana2@go-ourco.test"
rep = "ana"
timezone = "UTC"
replies_to = "ana@go-ourco.test"
smtp = { host = "h", port = 25, security = "none" }
"""
OURS = ours_of(parse_config(CONFIG))
HEADER = b"From: Jo <jo@acme.test>\r\nSubject: hi\r\n"


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        # as it comes, LF only, CR only, without a body, after empty lines
        (HEADER + b"\r\nSubject: no\r\n", "hi"),
        (HEADER.replace(b"\r", b"") + b"\nSubject: no\n", "hi"),
        (HEADER.replace(b"\n", b"") + b"\rSubject: no\r", "hi"),
        (HEADER, "hi"),
        (b"\r\n\r\n" + HEADER + b"\r\nbody", "hi"),
        # a multipart body has parts beyond the parser's limit: the header is read all the same
        (
            b'Subject: hi\nContent-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 300,
            "hi",
        ),
        # a line that is no field ends the header, so what follows is no part of it
        (b'Subject: hi\nContent-Type: multipart/mixed; boundary="b"\nno field\n' + b"--b\n\nx\n" * 300, "hi"),
        # a header beyond the parser's limit is read as far as it
        (b"Subject: hi\nX-Long: " + b"x" * 200_000 + b"\nTo: jo@acme.test\n\n", "hi"),
        (b"Subject: hi\n" + b"X: y\n" * 40_000 + b"\n", "hi"),
        (b"", ""),
    ],
)
def test_a_header_is_read_from_any_mail(raw: bytes, subject: str) -> None:
    assert read_header(raw).subject == subject


PIECES = [
    b"X:\n", b"X:\r\n", b"From: a@b.test\n", b"From x\n", b" \n", b"\t", b"\r", b"\n", b"no field\n", b"--b\n", b":",
    b'Content-Type: multipart/mixed; boundary="b"\n', b"\x00\xff", b"=?utf-8?q?", b"<<<", b"x" * 300,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join), st.integers(1, 30_000))
@settings(deadline=2000)  # about 20 ms on an idle machine
def test_no_bytes_stop_a_walk(raw: bytes, times: int) -> None:
    read_header((raw * times)[:200_000])


@pytest.mark.parametrize(
    ("address", "wrote", "includes"),
    [
        ("ana@go-ourco.test", True, True),
        ("ANA+x@go-ourco.test", True, True),
        ("ana.ruiz@ourco.test", True, True),
        ("bo@ourco.test", False, True),
        ("bo@mail.ourco.test", False, True),
        ("bo@xn--bcher-kva.test", False, True),
        # a domain that only ends alike, another person at a mailbox's domain, nobody
        ("bo@notourco.test", False, False),
        ("jo@go-ourco.test", False, False),
        ("", False, False),
    ],
)
def test_who_we_are(address: str, wrote: bool, includes: bool) -> None:
    assert (OURS.wrote(address), OURS.includes(address)) == (wrote, includes)


def test_two_mailboxes_are_read_through_one_inbox() -> None:
    assert OURS.mailboxes == {"maildir:mail": ("ana@go-ourco.test", "ana2@go-ourco.test")}


@pytest.mark.parametrize(
    ("header", "looks", "says"),
    [
        (b"From: jo@acme.test\nSubject: Re: hi\n", False, False),
        (b"Auto-Submitted: auto-replied\n", True, True),
        (b"Auto-Submitted: NO\n", False, False),
        (b"Content-Type: multipart/report; report-type=delivery-status\n", True, False),
        (b"Return-Path: <>\n", True, False),
        (b"Return-Path: <jo@acme.test>\n", False, False),
        # a rep who tells of their holidays by hand is no machine: only the subject looks like one
        (b"From: ana@ourco.test\nSubject: Out of office: next week\n", True, False),
    ],
)
def test_what_looks_automatic(header: bytes, looks: bool, says: bool) -> None:
    parsed = read_header(header)
    assert (looks_automatic(parsed), says_automatic(parsed)) == (looks, says)


def test_hidden_recipients_count_too() -> None:
    header = read_header(b"To: a@x.test\nCc: B <b@x.test>, a@x.test\nBcc: c@x.test\n")
    assert recipients_of(header) == ("a@x.test", "b@x.test", "c@x.test")


def row(*, outgoing: bool = False, reason: str = "") -> InboundRow:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return InboundRow(1, "i", "x", "INBOX", outgoing, at, "stored", 0, "", None, None, None, None, reason, None)


@pytest.mark.parametrize(
    ("stored", "raw", "judged"),
    [
        # what a rep wrote is not judged, however large
        (row(outgoing=True, reason="too large"), b"\xff" * 10, "other"),
        (row(), HEADER + b"\r\nYes, let us talk.", "reply"),
    ],
)
def test_a_mail_is_judged(stored: InboundRow, raw: bytes, judged: str) -> None:
    found = judge(stored, raw, OURS)
    assert isinstance(found, Judgement)
    assert found.kind == judged


@pytest.mark.parametrize(
    ("stored", "raw", "problem"),
    [
        (row(reason="too large"), HEADER, "too large"),
        (
            row(),
            b'From: secret@acme.test\nContent-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nsecret\n" * 300,
            "unreadable: more than 200 parts",
        ),
    ],
)
def test_what_cannot_be_judged_says_why_and_quotes_nothing(stored: InboundRow, raw: bytes, problem: str) -> None:
    assert judge(stored, raw, OURS) == problem
