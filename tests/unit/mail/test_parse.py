"""Mail as it really comes: by the book, against the book, and made to hurt."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.mail.html_text import HTML_CHARS_MAX
from sequencer.mail.parse import Parsed, parse


def mail(text: str) -> Parsed:
    return parse(text.encode("utf-8", "surrogateescape"))


def test_a_mail_by_the_book() -> None:
    parsed = mail(
        "Delivered-To: ana+token@ourco.test\r\n"
        "Message-ID: <m@acme.test>\r\n"
        "In-Reply-To: <1@ourco.test>\r\n"
        "References: <0@ourco.test>\r\n <1@ourco.test>\r\n"
        "From: =?utf-8?q?Jos=C3=A9_P=2E?= <JO@Acme.test>\r\n"
        'To: "Ruiz, Ana" <ana@ourco.test>, bo@ourco.test (Bo)\r\n'
        "Cc: team: x@acme.test, y@acme.test;\r\n"
        "Reply-To: jo@home.test\r\n"
        "Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?b?IGF1cw==?=\r\n Bonn\r\n"
        "Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Sch=F6n=\r\ne Gr=FC=DFe\r\n"
    )
    assert parsed.message_id == "<m@acme.test>"
    assert parsed.in_reply_to == "<1@ourco.test>"
    assert parsed.references == ("<0@ourco.test>", "<1@ourco.test>")
    assert (parsed.from_name, parsed.from_address) == ("José P.", "jo@acme.test")
    assert parsed.to == ("ana@ourco.test", "bo@ourco.test")
    assert parsed.cc == ("x@acme.test", "y@acme.test")
    assert parsed.reply_to == ("jo@home.test",)
    assert parsed.delivered_to == ("ana+token@ourco.test",)
    assert parsed.subject == "Grüße aus Bonn"
    assert parsed.date == datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert parsed.text == "Schöne Grüße\n"
    assert (parsed.html, parsed.content_type, parsed.is_report, parsed.report_type) == (None, "text/plain", False, None)
    assert parsed.header("SUBJECT") == parsed.subject
    assert parsed.header("X-None") is None


@pytest.mark.parametrize(
    ("field", "name", "address"),
    [
        ("ana@x.test", "", "ana@x.test"),
        ("<ana@x.test>", "", "ana@x.test"),
        ("Ana <ana@x.test", "Ana", "ana@x.test"),  # never closed
        ("Ruiz, Ana <ana@x.test>", "Ruiz, Ana", "ana@x.test"),  # the comma should have been quoted
        ('"Ana \\"A\\" Ruiz" <ana@x.test>', 'Ana "A" Ruiz', "ana@x.test"),
        ('"=?utf-8?q?An=C3=A1?=" <ana@x.test>', "Aná", "ana@x.test"),  # encoded inside quotes, as Outlook does
        ("=?utf-8?q?Ruiz=2C_Ana?= <ana@x.test>", "Ruiz, Ana", "ana@x.test"),
        ("ana@x.test (Ana, of x)", "Ana, of x", "ana@x.test"),
        ("ana@x.test <bo@y.test>", "ana@x.test", "bo@y.test"),  # a name that looks like an address
        ("Ana <@relay.test:ana@x.test>", "Ana", "ana@x.test"),  # a route, RFC 822
        ("An\xe1 <ana@x.test>", "Aná", "ana@x.test"),  # raw UTF-8
        ("undisclosed-recipients:;", "", ""),
        ("Mail Delivery System", "", ""),
        ("", "", ""),
    ],
)
def test_senders(field: str, name: str, address: str) -> None:
    parsed = mail(f"From: {field}\n\n")
    assert (parsed.from_name, parsed.from_address) == (name, address)


def test_raw_windows_1252_headers_are_read() -> None:
    assert parse(b"Subject: Gr\xfc\xdfe \x80\n\n").subject == "Grüße €"


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("=?UTF-8?Q?Are_you_there=3F?=", "Are you there?"),
        ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),  # glued
        ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),  # a character split over two words
        ("=?utf-8*de?q?x?=", "x"),  # with a language, RFC 2231
        ("=?nonsense?q?=E9?=", "é"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?gb2312?b?6UY=?=", "镕"),  # senders say GB 2312 and write its successor
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?punycode?q?abc?=", "abc"),  # a codec of Python, but no charset
        ("=?utf-7?q?+2AA-?=", "\ufffd"),  # half a surrogate pair, which no database takes
    ],
)
def test_encoded_words(encoded: str, decoded: str) -> None:
    assert mail(f"Subject: {encoded}\n\n").header("Subject") == decoded


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        ("Sat, 21 Nov 2026 10:00:00 -0000", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("21 Nov 2026 10:00 EST", datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Sat, 21 Nov 99999999 10:00:00 +0000", None),
        ("Sat, 31 Dec 9999 23:59:59 -2300", None),  # out of range in UTC
        ("9" * 5_000, None),
    ],
)
def test_dates(date: str, instant: datetime | None) -> None:
    assert mail(f"Date: {date}\n\n").date == instant


ALTERNATIVE = """Content-Type: multipart/alternative; boundary="b 1"

preamble
--b 1
Content-Type: text/plain

{plain}
--b 1
Content-Type: text/html; charset=utf-8

<p>from html</p>
--b 1--
epilogue
"""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (ALTERNATIVE.format(plain="from plain"), "from plain\n"),
        (ALTERNATIVE.format(plain=" "), "from html\n"),  # some clients send an empty plain part
        (ALTERNATIVE.format(plain="from plain").replace("--b 1--\nepilogue\n", ""), "from plain\n"),  # cut off
        ("Content-Type: text/html\n\n<b>only</b> html", "only html\n"),
        # HTML reply with the footer of a list: both are read
        (
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/html\n\n<p>reply</p>\n"
            "--o\nContent-Type: text/plain\n\nfooter\n--o--\n",
            "reply\nfooter\n",
        ),
        # An attached text is not the body
        (
            "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nbody\n"
            "--o\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nfile\n--o--\n",
            "body\n",
        ),
        # A forwarded message is not the body
        (
            "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nbody\n"
            "--o\nContent-Type: message/rfc822\n\nSubject: old\n\nold body\n--o--\n",
            "body\n",
        ),
        ("Content-Type: multipart/mixed\n\nno boundary", ""),
        ("Content-Type: multipart/mixed; boundary=x\n\nnever used", ""),
        ("Content-Type: nonsense\n\nplain then", "plain then\n"),
        ("Subject: x\nno field at all\n\nbody", "no field at all\n\nbody\n"),
        ("From ana@x.test Sat Nov 21\nSubject: x\n\nbody", "body\n"),  # an mbox separator
        ("\n\nSubject: x\n\nbody", "body\n"),
        ("Subject: only headers", ""),
        ("", ""),
        ("Content-Transfer-Encoding: base64\n\n!!SGV\nsbG8=\n-- \nlist footer", "Hello\n"),
        ("Content-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQhI", "Hello world!\n"),  # a lost last character
        ("Content-Transfer-Encoding: quoted-printable\n\na=ZZ=\nb=3D=E9", "a=ZZb=é\n"),
        ("Content-Type: text/plain; charset=no-such\n\ncaf\xe9", "café\n"),
        ("Content-Type: text/plain; charset=us-ascii\n\ncaf\xe9", "café\n"),
        ("Content-Type: text/plain; charset\n\na\0b", "a\ufffdb\n"),
    ],
)
def test_reading_text(raw: str, text: str) -> None:
    assert mail(raw).text == text
    assert mail(raw.replace("\n", "\r\n")).text == text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_field_goes_on_behind_a_separator_that_a_relay_kept(line_end: str) -> None:
    raw = "From ana@x.test Sat Nov 21\nSubject: one\n  two\n>From bo@x.test Sat Nov 21\n\tthree\nX-Last: end\n\nbody"
    parsed = mail(raw.replace("\n", line_end))
    assert parsed.headers.fields == (("Subject", "one  two\tthree"), ("X-Last", "end"))


def test_html_is_read_up_to_a_limit_over_all_parts() -> None:
    part = "--b\nContent-Type: text/html\n\n<p>" + "x" * (HTML_CHARS_MAX // 2) + "</p>\n"
    parsed = mail("Content-Type: multipart/mixed; boundary=b\n\n" + part * 5)
    assert parsed.text.count("x") < HTML_CHARS_MAX
    assert len(parsed.text.splitlines()) == 2


def test_line_ends_of_old_macs() -> None:
    parsed = parse(b"Subject: x\rFrom: a@x.test\r\rbody\rmore")
    assert (parsed.subject, parsed.from_address, parsed.text) == ("x", "a@x.test", "body\nmore\n")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_one_boundary_that_begins_like_another(line_end: str) -> None:
    raw = (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n"
        "--bb\n\ninner --b\n--bb--\n--b\n\nouter\n--b--\n"
    )
    parsed = mail(raw.replace("\n", line_end))
    assert [part.text for part in parsed.parts] == ["inner --b", "outer"]


BOUNCE = """From: MAILER-DAEMON@acme.test
Content-Type: multipart/report; report-type=Delivery-Status; boundary=r

--r

It failed.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.test

Final-Recipient: rfc822; jo@acme.test
Action: failed
--r
Content-Type: {original}

Message-ID: <1@ourco.test>
To: jo@acme.test

Hi
--r--
"""


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers", "message/global"])
def test_a_bounce_shows_its_report_and_the_mail_that_came_back(original: str) -> None:
    parsed = mail(BOUNCE.format(original=original))
    assert (parsed.is_report, parsed.report_type) == (True, "delivery-status")
    assert [part.content_type for part in parsed.parts] == ["text/plain", "message/delivery-status", original]
    assert "Final-Recipient: rfc822; jo@acme.test\nAction: failed" in parsed.parts[1].text
    assert [headers.get("message-id") for headers in parsed.embedded] == ["<1@ourco.test>"]
    assert parsed.text == "It failed.\n"
    assert parsed.message_id is None


@pytest.mark.parametrize(
    ("headers", "filename"),
    [
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        ('Content-Disposition: attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf", "ü.pdf"),
        ("Content-Disposition: attachment; filename*1*=%BC.pdf; filename*0*=utf-8''%C3", "ü.pdf"),  # in any order
        ('Content-Disposition: attachment; filename="=?utf-8?q?=C3=BC.pdf?="', "ü.pdf"),
        ("Content-Type: application/pdf; name=a.pdf", "a.pdf"),
        ("Content-Disposition: attachment", None),
    ],
)
def test_filenames(headers: str, filename: str | None) -> None:
    part = mail(f"{headers}\n\nx").parts[0]
    assert part.filename == filename
    assert part.is_attachment


FRAGMENTS = [
    b"Content-Type: multipart/mixed; boundary=b\n",
    b"Content-Type: multipart/report; boundary=b\n",
    b"--b\n",
    b"--b--\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: text/html; charset=utf-16\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Disposition: attachment; filename*0*=x'y'%zz\n",
    b"\n",
    b"\r",
    b"\n\n",
    b"From: =?x?b?=?=, <a@\xff>, (\n",
    b"Date: 1 Jan 1 1:1 +9999\n",
    b"Message-ID: <<>>@<\n",
    b"To: a@\xc3\xa9.test\n",
    b"\0",
    b"=",
    b"\xff\xfe",
    b" folded\n",
    b":\n",
    b"Subject: =?utf-7?q?+2AA-?=\n",
    b"<p><blockquote>&#xD800;",
    b"\x1b$B",
    b"Content-Type: text/plain; charset=hz\n",
]


@given(st.binary(max_size=300) | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join))
@example(b"Content-Type: multipart/mixed; boundary=\xff\n\n--\xff\n")
@settings(max_examples=400, deadline=None)
def test_nothing_but_unparseable_is_raised_and_all_text_can_be_stored(raw: bytes) -> None:
    parsed = parse(raw)
    for text in (parsed.text, parsed.html or "", parsed.subject, parsed.from_name, parsed.from_address, *parsed.to):
        text.encode("utf-8")
        assert "\0" not in text
    for part in parsed.parts:
        part.text.encode("utf-8")
        assert "\r" not in part.text
