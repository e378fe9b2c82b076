"""Whatever stands in a letter, the standard library's reader finds exactly that, and nothing that was not written."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from string import ascii_letters, ascii_lowercase, digits
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.mail.address import check
from sequencer.mail.compose import Attachment, HeaderRefused, Letter, compose
from sequencer.mail.parse import parse

REFUSED_CHARACTERS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xD800, 0xDFFF)]
header_text = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), max_size=200)
# Long words and long runs of spaces are what breaks folding, so they are made often.
spaced_text = st.lists(
    st.sampled_from([" ", "  ", "a", "é", "=?", "?=", "\u202e", "😀", "x" * 950, "w" * 70, '"', "\\", "@,;:<>"]),
    max_size=40,
)
field_text = header_text | spaced_text.map("".join)
body_text = st.text(max_size=400)  # no surrogates: that is the default
wire_text = st.lists(
    st.sampled_from(["\r", "\n", "\r\n", ".", "..", " ", "\t", "From ", "=", "é", "a" * 80, "--"]), max_size=40
)
any_body = body_text | wire_text.map("".join)
LETTERS = ascii_letters + digits
dotted = st.text(ascii_lowercase + digits, min_size=1, max_size=9).map(".{}".format)
local_part = st.builds(
    "{}{}".format, st.text(LETTERS + "!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20), st.just("") | dotted
)
host = st.sampled_from(["acme.test", "bücher.test", "a-b.example.co.uk", "例え.test"])
address = st.builds("{}@{}".format, local_part, host)
offset = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instant = st.builds(
    lambda seconds, zone: datetime.fromtimestamp(seconds, zone), st.integers(600_000_000, 4_000_000_000), offset
)
message_id = st.builds(
    "<{}@{}>".format,
    st.text(LETTERS + ".$=_+-", min_size=1, max_size=200),
    st.text(ascii_lowercase + digits + ".-", min_size=1, max_size=60),
)
uri_tail = st.text(LETTERS + "/?=&%._~,;-", min_size=1, max_size=300)
attachment = st.builds(
    Attachment, field_text.filter(bool), st.sampled_from(["application/pdf", "text/calendar"]), st.binary(max_size=300)
)
letters = st.builds(
    Letter,
    message_id=message_id,
    date=instant,
    sender_name=field_text,
    sender_address=address,
    recipient_name=field_text,
    recipient_address=address,
    reply_to=st.none() | address,
    subject=field_text,
    text=any_body,
    html=st.none() | any_body,
    in_reply_to=st.none() | message_id,
    references=st.lists(message_id, max_size=5).map(tuple),
    list_unsubscribe_mailto=st.none() | uri_tail.map("mailto:u@ourco.test?{}".format),
    list_unsubscribe_url=st.none() | uri_tail.map("https://u.ourco.test/{}".format),
    attachments=st.lists(attachment, max_size=2).map(tuple),
    headers=st.lists(st.tuples(st.sampled_from(["X-Touch", "X-" + "n" * 60]), field_text), max_size=2).map(tuple),
)
LETTER = Letter(
    message_id="<1@ourco.test>",
    date=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
    sender_name="Ana",
    sender_address="ana@ourco.test",
    recipient_name="Jo",
    recipient_address="jo@acme.test",
    subject="Hello",
    text="Hi",
)

HEADER_FIELDS = (
    *("message_id", "sender_name", "sender_address", "recipient_name", "recipient_address", "reply_to", "subject"),
    *("in_reply_to", "list_unsubscribe_mailto", "list_unsubscribe_url"),
)


def as_received(body: str) -> str:
    normal = body.replace("\r\n", "\n").replace("\r", "\n")
    return normal if normal.endswith("\n") else normal + "\n"


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def expected_names(letter: Letter) -> list[str]:
    unsubscribe = bool(letter.list_unsubscribe_mailto or letter.list_unsubscribe_url)
    wanted = {
        "Date": True,
        "From": True,
        "To": True,
        "Reply-To": letter.reply_to is not None,
        "Subject": True,
        "Message-ID": True,
        "In-Reply-To": letter.in_reply_to is not None,
        "References": bool(letter.references),
        "List-Unsubscribe": unsubscribe,
        "List-Unsubscribe-Post": letter.list_unsubscribe_url is not None,
    }
    is_multipart = letter.html is not None or bool(letter.attachments)
    extra = [name for name, _ in letter.headers]
    content = ["MIME-Version", "Content-Type", *([] if is_multipart else ["Content-Transfer-Encoding"])]
    return [name for name, is_there in wanted.items() if is_there] + extra + content


def ascii_address(written: str) -> str:
    local, _, domain = written.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


@given(letters)
@settings(max_examples=50, deadline=None)
def test_wire_rules_hold_and_bytes_repeat(letter: Letter) -> None:
    written = compose(letter)
    assert written == compose(replace(letter))
    assert written.isascii()
    assert b"\0" not in written
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", written) is None
    assert written.endswith(b"\r\n")
    assert max(map(len, written.split(b"\r\n"))) <= 998
    assert re.search(rb"\r\n[ \t]+\r\n", written.partition(b"\r\n\r\n")[0] + b"\r\n") is None


@given(letters)
@settings(max_examples=50, deadline=None)
def test_exactly_the_written_headers_arrive(letter: Letter) -> None:
    mail = message_from_bytes(compose(letter), policy=policy.compat32)
    assert mail.keys() == expected_names(letter)
    for header, name, written in (
        ("From", letter.sender_name, letter.sender_address),
        ("To", letter.recipient_name, letter.recipient_address),
    ):
        found_name, found_address = parseaddr(mail[header].replace("\r\n", ""))
        assert (decoded(found_name), found_address) == (name, ascii_address(written))
    assert len(getaddresses(mail.get_all("To", []) + mail.get_all("Cc", []) + mail.get_all("Bcc", []))) == 1
    assert decoded(mail["Subject"].replace("\r\n", "")) == letter.subject
    extra = [(name, decoded(value.replace("\r\n", ""))) for name, value in mail.items() if name.startswith("X-")]
    assert extra == list(letter.headers)
    assert mail["Message-ID"] == letter.message_id
    assert mail["In-Reply-To"] == letter.in_reply_to
    assert tuple((mail["References"] or "").split()) == letter.references
    targets = [f"<{target}>" for target in (letter.list_unsubscribe_mailto, letter.list_unsubscribe_url) if target]
    assert (mail["List-Unsubscribe"] or "").replace("\r\n", "") == ", ".join(targets)


@given(letters)
@settings(max_examples=50, deadline=None)
def test_bodies_and_attachments_arrive(letter: Letter) -> None:
    mail = message_from_bytes(compose(letter), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not [defect for part in mail.walk() for defect in part.defects]
    assert mail["Date"].datetime == letter.date
    assert mail["Date"].datetime.utcoffset() == letter.date.utcoffset()
    leaves = [part for part in mail.walk() if not part.is_multipart()]
    bodies = [letter.text] + ([letter.html] if letter.html is not None else [])
    texts = [part.get_payload(decode=True) for part in leaves[: len(bodies)]]
    assert texts == [as_received(body).replace("\n", "\r\n").encode() for body in bodies]
    files = leaves[len(bodies) :]
    assert [part.get_payload(decode=True) for part in files] == [a.content for a in letter.attachments]
    assert [part.get_content_type() for part in files] == [a.content_type for a in letter.attachments]


@given(letters)
@settings(max_examples=50, deadline=None)
def test_our_own_reader_agrees(letter: Letter) -> None:
    parsed = parse(compose(letter))
    assert parsed.message_id == letter.message_id
    assert parsed.references == tuple(dict.fromkeys(letter.references))
    assert parsed.in_reply_to == letter.in_reply_to
    assert parsed.header("Subject") == letter.subject
    assert parsed.date == letter.date
    assert parsed.to == (ascii_address(letter.recipient_address).lower(),)
    assert parsed.from_name == " ".join(letter.sender_name.split()).strip(",")
    assert parsed.parts[0].text == as_received(letter.text).replace("\0", "\ufffd")  # NUL: no text column takes it
    files = parsed.parts[len(parsed.parts) - len(letter.attachments) :]
    assert [part.filename for part in files] == [each.filename for each in letter.attachments]


@given(field_text, st.sampled_from(REFUSED_CHARACTERS), field_text)
@example("Jo", "\n", "Bcc: eve@evil.test")
@settings(max_examples=30, deadline=None)
def test_a_control_character_is_refused_in_every_header(before: str, character: str, after: str) -> None:
    value = before + character + after
    for field in HEADER_FIELDS:
        change: dict[str, Any] = {field: value}
        with pytest.raises(HeaderRefused) as refused:
            compose(replace(LETTER, **change))
        assert refused.value.field == field
    for changed in (
        replace(LETTER, references=("<a@b>", value)),
        replace(LETTER, headers=(("X-Touch", value),)),
        replace(LETTER, headers=((f"X-{value}", "1"),)),
        replace(LETTER, attachments=(Attachment(value, "text/csv", b""),)),
        replace(LETTER, attachments=(Attachment("a.csv", f"text/{value}", b""),)),
    ):
        with pytest.raises(HeaderRefused):
            compose(changed)


@given(st.emails() | address)
@settings(max_examples=100, deadline=None)
def test_what_the_import_check_accepts_can_be_written(written: str) -> None:
    checked = check(written)
    if isinstance(checked, str):
        mail = message_from_bytes(compose(replace(LETTER, recipient_address=checked)), policy=policy.default)
        assert [found.addr_spec for found in mail["To"].addresses] == [checked]


def test_bytes_are_equal_in_processes_with_other_hash_seeds() -> None:
    program = """
import sys
from datetime import datetime, timezone
from sequencer.mail.compose import Attachment, Letter, compose
sys.stdout.buffer.write(compose(Letter(
    message_id="<1@ourco.test>", date=datetime(2026, 11, 21, tzinfo=timezone.utc),
    sender_name="Zoë", sender_address="ana@ourco.test", recipient_name="Jo", recipient_address="jo@bücher.test",
    subject="Grüße", text="Hi é", html="<p>Hi</p>", attachments=(Attachment("ü.pdf", "application/pdf", b"1"),),
)))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert b"multipart/mixed" in runs[0]
