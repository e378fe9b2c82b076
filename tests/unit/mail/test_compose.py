"""What a letter looks like on the wire, and what may not be written."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sequencer.mail.compose import Attachment, HeaderRefused, Letter, compose, message_id

LETTER = Letter(
    message_id="<1@ourco.test>",
    date=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
    sender_name="Ana Ruiz",
    sender_address="ana@ourco.test",
    recipient_name="Jo",
    recipient_address="jo@acme.test",
    subject="Hello",
    text="Hi Jo,\n\nshall we talk?\n",
)


def head_of(letter: Letter) -> str:
    return compose(letter).partition(b"\r\n\r\n")[0].decode("ascii")


def test_the_plainest_letter() -> None:
    assert compose(LETTER) == (
        b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        b"From: Ana Ruiz <ana@ourco.test>\r\n"
        b"To: Jo <jo@acme.test>\r\n"
        b"Subject: Hello\r\n"
        b"Message-ID: <1@ourco.test>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"Hi Jo,\r\n\r\nshall we talk?\r\n"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "To: jo@acme.test"),
        ("Jo B", "To: Jo B <jo@acme.test>"),
        ("Jo B.", 'To: "Jo B." <jo@acme.test>'),  # a dot is no atom
        ("B, Jo", 'To: "B, Jo" <jo@acme.test>'),  # unquoted, this would be two recipients
        ('Jo "B" \\', 'To: "Jo \\"B\\" \\\\" <jo@acme.test>'),
        ("eve@evil.test>", 'To: "eve@evil.test>" <jo@acme.test>'),
        ("Zoë", "To: =?utf-8?q?Zo=C3=AB?= <jo@acme.test>"),
        ("Zoë Smith-Jones", "To: =?utf-8?q?Zo=C3=AB_Smith-Jones?= <jo@acme.test>"),  # the shorter of the two
        ("山田", "To: =?utf-8?b?5bGx55Sw?= <jo@acme.test>"),
        ("=?utf-8?q?x?=", "To: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <jo@acme.test>"),  # it looks encoded, it is not
        ("Jo  B", "To: =?utf-8?q?Jo__B?= <jo@acme.test>"),  # readers would shrink the two spaces
    ],
)
def test_display_names(name: str, written: str) -> None:
    assert written in head_of(replace(LETTER, recipient_name=name)).split("\r\n")


@pytest.mark.parametrize(
    ("date", "written"),
    [
        (datetime(2026, 7, 1, 9, 5, 7, tzinfo=ZoneInfo("America/Denver")), "Wed, 01 Jul 2026 09:05:07 -0600"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=ZoneInfo("Asia/Kathmandu")), "Thu, 01 Jan 2026 00:00:00 +0545"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=-30))), "Thu, 01 Jan 2026 00:00:00 -0030"),
        # An offset with seconds has no form in RFC 5322: the same instant in whole minutes
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=90))), "Wed, 31 Dec 2025 23:59:30 +0001"),
    ],
)
def test_dates_keep_the_offset_of_the_sender(date: datetime, written: str) -> None:
    assert f"Date: {written}" in head_of(replace(LETTER, date=date))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date": datetime(2026, 1, 1)}, "date"),  # noqa: DTZ001 -- naive on purpose
        ({"recipient_address": "jo"}, "recipient_address"),
        ({"recipient_address": "@acme.test"}, "recipient_address"),
        ({"recipient_address": "jo@"}, "recipient_address"),
        ({"recipient_address": "jö@acme.test"}, "recipient_address"),  # would need SMTPUTF8
        ({"recipient_address": "jo@acme.test,eve@evil.test"}, "recipient_address"),
        ({"recipient_address": "jo@acme.test> <eve@evil.test"}, "recipient_address"),
        ({"recipient_address": "jo@[127.0.0.1]"}, "recipient_address"),
        ({"recipient_address": "jo@-acme.test"}, "recipient_address"),
        ({"recipient_address": "jo@acme..test"}, "recipient_address"),
        ({"recipient_address": "jo@acme.test\n"}, "recipient_address"),
        ({"recipient_address": f"jo@{'a' * 64}.test"}, "recipient_address"),
        ({"recipient_address": "jo@\u2028.test"}, "recipient_address"),
        ({"sender_address": "a b@ourco.test"}, "sender_address"),
        ({"reply_to": "x"}, "reply_to"),
        ({"subject": "Hi\r\nBcc: eve@evil.test"}, "subject"),
        ({"subject": "Hi\tJo"}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"message_id": "1@ourco.test"}, "message_id"),
        ({"message_id": "<1@ourco.test>\n"}, "message_id"),
        ({"message_id": f"<{'1' * 990}@x>"}, "message_id"),
        ({"in_reply_to": "<a b@x>"}, "in_reply_to"),
        ({"references": ("<a@b>", "<é@b>")}, "references"),
        ({"list_unsubscribe_mailto": "u@ourco.test"}, "list_unsubscribe_mailto"),
        ({"list_unsubscribe_url": "javascript:alert(1)"}, "list_unsubscribe_url"),
        ({"list_unsubscribe_url": "https://x.test/>,<mailto:eve@evil.test"}, "list_unsubscribe_url"),
        ({"headers": (("Bcc", "eve@evil.test"),)}, "headers"),  # only X- fields come from outside
        ({"headers": (("X-A: b\r\nBcc", "eve"),)}, "headers"),
        ({"headers": (("X-A", "a\rb"),)}, "X-A"),
        ({"attachments": (Attachment("a\n.pdf", "application/pdf", b""),)}, "attachments"),
        ({"attachments": (Attachment("a", "multipart/mixed", b""),)}, "attachments"),
        ({"attachments": (Attachment("a", "text/plain; x=y", b""),)}, "attachments"),
        ({"text": "\udfff"}, "text"),
        ({"html": "\udfff"}, "html"),
    ],
)
def test_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(HeaderRefused) as refused:
        compose(replace(LETTER, **change))
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_a_domain_is_written_in_ascii() -> None:
    assert "To: Jo <jo@xn--bcher-kva.test>" in head_of(replace(LETTER, recipient_address="jo@Bücher.test"))


def test_headers_are_folded_below_78_and_never_inside_a_character() -> None:
    head = head_of(
        replace(
            LETTER,
            sender_name="Ana María del Carmen Fernández-Villaverde y Gutiérrez de la Concha",
            subject="Überprüfung der Sicherheitsanforderungen für die Plattform " * 4,
            references=tuple(f"<{number:030d}@mail.ourco.test>" for number in range(9)),
        )
    )
    lines = head.split("\r\n")
    assert max(map(len, lines)) <= 78
    for word in re.findall(r"=\?utf-8\?[qb]\?[^?]*\?=", head):
        assert len(word) <= 75
        assert "\ufffd" not in str(
            message_from_bytes(f"Subject: {word}\n\n".encode(), policy=policy.default)["Subject"]
        )


@pytest.mark.parametrize(
    "subject", ["=?utf-8?q?x?=", "a =?utf-8?b?eA==?= b", " a", "a ", "a  b", "a" * 80 + "  " + "b" * 80, ""]
)
def test_a_subject_that_readers_would_change_is_encoded(subject: str) -> None:
    letter = replace(LETTER, subject=subject, headers=(("X-Note", subject),))
    mail = message_from_bytes(compose(letter), policy=policy.default)
    assert (mail["Subject"], mail["X-Note"]) == (subject, subject)


def test_a_word_that_cannot_be_folded_is_encoded() -> None:
    subject = "x" * 5_000
    mail = compose(replace(LETTER, subject=subject))
    assert max(map(len, mail.split(b"\r\n"))) <= 78
    assert message_from_bytes(mail, policy=policy.default)["Subject"] == subject


@pytest.mark.parametrize(
    ("mailto", "url", "written"),
    [
        ("mailto:u@ourco.test", None, ["List-Unsubscribe: <mailto:u@ourco.test>"]),
        (None, "http://localhost/u", ["List-Unsubscribe: <http://localhost/u>"]),  # one click needs https
        (
            "mailto:u@ourco.test",
            "https://ourco.test/u?a=1,2",
            [
                "List-Unsubscribe: <mailto:u@ourco.test>, <https://ourco.test/u?a=1,2>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ],
        ),
        (None, None, []),
    ],
)
def test_list_unsubscribe(mailto: str | None, url: str | None, written: list[str]) -> None:
    head = head_of(replace(LETTER, list_unsubscribe_mailto=mailto, list_unsubscribe_url=url))
    assert [line for line in head.split("\r\n") if line.startswith("List-")] == written


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "quoted-printable"),
        ("A naïve question over a coffee?", "quoted-printable"),
        ("Здравствуйте, Анна! " * 9, "base64"),  # Cyrillic is twice as long in quoted-printable
        ("", "quoted-printable"),
    ],
)
def test_the_shorter_transfer_encoding_is_chosen(text: str, encoding: str) -> None:
    mail = message_from_bytes(compose(replace(LETTER, text=text)), policy=policy.default)
    assert mail["Content-Transfer-Encoding"] == encoding
    assert mail.get_payload(decode=True) == f"{text}\r\n".encode()


@pytest.mark.parametrize(
    "text", ["a\n.\nb", "a\r.\rb", "a\r\n.\r\nb", "\n.\n", ".\r\r\n.", "a \t\nb", "x" * 3000, "\0"]
)
def test_no_body_carries_a_bare_line_end_or_a_long_line(text: str) -> None:
    mail = compose(replace(LETTER, text=text, html=text))
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", mail) is None
    assert max(map(len, mail.split(b"\r\n"))) <= 78


def test_alternative_inside_mixed() -> None:
    letter = replace(LETTER, html="<p>Hi</p>", attachments=(Attachment("a.pdf", "application/pdf", b"%PDF"),))
    mail = message_from_bytes(compose(letter), policy=policy.default)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    assert not mail.defects


def test_a_boundary_cannot_be_guessed_into_a_part() -> None:
    html_letter = replace(LETTER, html="<p>Hi</p>")
    boundary = message_from_bytes(compose(html_letter)).get_boundary()
    assert boundary is not None
    hostile = replace(html_letter, html=f"\r\n--{boundary}\r\nX-Evil: 1\r\n\r\n--{boundary}--\r\n")
    mail = message_from_bytes(compose(hostile), policy=policy.default)
    assert len(list(mail.walk())) == 3
    assert compose(hostile).count(mail.get_boundary("").encode()) == 4  # declared once, three delimiter lines


@pytest.mark.parametrize(
    "filename",
    [
        "plan.pdf",
        "Angebot für Müller.pdf",
        'a "b" \\ c.pdf',
        "見積書" * 40 + ".pdf",
        "x" * 300,
        "=?utf-8?q?x?=",
        "a;b=c",
        "%41'",
    ],
)
def test_filenames_arrive(filename: str) -> None:
    letter = replace(LETTER, attachments=(Attachment(filename, "application/pdf", b"1"),))
    mail = message_from_bytes(compose(letter), policy=policy.default)
    assert [part.get_filename() for part in mail.walk()][-1] == filename


def test_message_id_is_keyed_and_repeats() -> None:
    made = message_id(b"k" * 32, 7, "intro", 1, "Ourco.test")
    assert re.fullmatch(r"<[0-9a-f]{40}@ourco\.test>", made)
    assert made == message_id(b"k" * 32, 7, "intro", 1, "ourco.test")
    others = [
        message_id(b"l" * 32, 7, "intro", 1, "ourco.test"),
        message_id(b"k" * 32, 8, "intro", 1, "ourco.test"),
        message_id(b"k" * 32, 7, "bump", 1, "ourco.test"),
        message_id(b"k" * 32, 7, "intro", 2, "ourco.test"),
    ]
    assert len({made, *others}) == 5
    with pytest.raises(HeaderRefused):
        message_id(b"k" * 32, 7, "intro", 1, "ourco.test>\n")
