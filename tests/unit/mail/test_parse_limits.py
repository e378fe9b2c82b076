"""Mail at the limits of what is read, and beyond: refused or cut, in linear time and little memory."""

import time
import tracemalloc
from base64 import b64encode

import pytest

from sequencer.errors import UnparseableMessage
from sequencer.mail.parse import (
    BODY_CHARS_MAX,
    DEPTH_MAX,
    FIELDS_MAX,
    HEADER_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    PARTS_MAX,
    TEXT_CHARS_MAX,
    Unparseable,
    parse,
)


def nested(levels: int) -> bytes:
    heads = (f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n' for level in range(levels))
    return "".join(heads).encode() + b"\nbody"


def parts_of(count: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * count


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (b"\n" + b"x" * (MESSAGE_BYTES_MAX - 1), b"\n" + b"x" * MESSAGE_BYTES_MAX),
        (b"A: " + b"x" * (HEADER_BYTES_MAX - 5) + b"\n\n", b"A: " + b"x" * HEADER_BYTES_MAX + b"\n\n"),
        (b"A: b\n" * FIELDS_MAX + b"\n", b"A: b\n" * (FIELDS_MAX + 1) + b"\n"),
        (nested(DEPTH_MAX), nested(DEPTH_MAX + 1)),
        (nested(DEPTH_MAX), nested(2_000)),
        (parts_of(PARTS_MAX - 1), parts_of(PARTS_MAX)),  # the whole is one of them
        (parts_of(PARTS_MAX - 1), parts_of(500_000)),
    ],
)
def test_limits(within: bytes, beyond: bytes) -> None:
    parse(within)
    with pytest.raises(Unparseable) as refused:
        parse(beyond)
    assert isinstance(refused.value, UnparseableMessage)
    assert refused.value.reason


MULTIPART = b"Content-Type: multipart/mixed; boundary=b\n\n"
SMILE = "\U0001f600".encode()  # makes each character of its text take four bytes


@pytest.mark.parametrize("line", [b"\n b", b"\nb: c", b"\n>From b"])
def test_a_header_block_beyond_the_limit_takes_little_memory(line: bytes) -> None:
    """It is refused before the regular expression has seen it whole, which takes memory for each line."""
    raw = b"X: a" + line * (MESSAGE_BYTES_MAX // len(line) - 10)
    tracemalloc.start()
    try:
        with pytest.raises(Unparseable):
            parse(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * MESSAGE_BYTES_MAX


@pytest.mark.parametrize(
    "raw",
    [
        nested(19) + b"\nSure." * 800_000,
        b"Content-Type: text/plain; charset=utf-8\n\n" + SMILE + b"Sure. " * 800_000,
        b"Content-Type: text/html; charset=utf-8\n\n" + SMILE + b"Sure. " * 800_000,
        b"Content-Type: text/plain; charset=utf-32-le\n\n" + b"\x00\xf6\x01\x00" * 1_200_000,
        b"Content-Transfer-Encoding: base64\n\n" + b64encode(SMILE + b"Sure. " * 600_000),
        b"Content-Transfer-Encoding: quoted-printable\n\n" + b"a=\n" * 1_600_000,
        MULTIPART + (b"--b\nContent-Type: text/plain; charset=utf-8\n\n" + SMILE + b"Sure. " * 4000 + b"\n") * 190,
        MULTIPART + (b"--b\nContent-Type: message/rfc822\n\nSubject: x\n\n" + b"Sure. " * 4000 + b"\n") * 190,
        MULTIPART + b"--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b"iVBO" * 1_200_000,
        b"\n" + b"\n" * 4_900_000,
    ],
)
def test_the_largest_mail_takes_little_more_memory_than_its_bytes(raw: bytes) -> None:
    tracemalloc.start()
    try:
        parse(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MESSAGE_BYTES_MAX  # the bytes themselves are not counted


@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "cp932"])
def test_a_text_is_cut_between_two_characters(charset: str) -> None:
    text = "a" + "Да" * BODY_CHARS_MAX
    raw = f"Content-Type: text/plain; charset={charset}\n\n".encode() + text.encode(charset)
    assert parse(raw).text == text[:BODY_CHARS_MAX] + "\n"


def test_of_many_texts_only_so_much_is_read() -> None:
    parts = b"--b\n\n" + b"x" * BODY_CHARS_MAX + b"\n"
    assert parse(MULTIPART + parts * 5).text.count("x") == TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("head", "unit", "bound"),
    [
        (b"", b"\0", 5_000_000),
        (b"", b"\n", 5_000_000),
        (b"", b"a", 5_000_000),
        (MULTIPART, b"--b", 5_000_000),  # one line of delimiters
        (MULTIPART, b"\n--bx", 5_000_000),
        (MULTIPART, b"--b--b\n", 5_000_000),
        (nested(19), b"--b\n-", 4_900_000),
        (b"Content-Type: text/html\n\n", b'<a x=">" ', 4_900_000),
        (b"Content-Type: text/html\n\n", b"<p>", 4_900_000),
        (MULTIPART, b"--b\nContent-Type: text/html\n\n" + b"<p>" * 160_000 + b"\n", 4_900_000),
        (b"Content-Transfer-Encoding: base64\n\n", b"A!", 4_900_000),
        (b"Content-Transfer-Encoding: quoted-printable\n\n", b"=4", 4_900_000),
        (b"Content-Type: text/plain; charset=idna\n\n", b"a-", 4_900_000),
        (b"Content-Type: text/plain; charset=punycode\n\n", b"a-", 4_900_000),
        (b"A: b\nFrom x\n", b" \n", 65_000),  # lines that go on behind a separator
        (b"From: ", b"(", 65_000),
        (b"From: ", b"a,", 65_000),
        (b"From: ", b'"', 65_000),
        (b"To: ", b"<", 65_000),
        (b"To: ", b"a@b,", 65_000),
        (b"Subject: ", b"=?a?q?", 65_000),
        (b"Subject: ", b"=?utf-8?q?=80?= ", 65_000),
        (b"References: ", b"<", 65_000),
        (b"References: ", b"a", 65_000),
        (b"References: ", b"a@b ", 65_000),
        (b"Content-Type: text/plain", b';a="', 65_000),
        (b"Content-Type: text/plain", b";a*0*=", 65_000),
        (b"Date: ", b"9", 65_000),
        (b"", b"a:\n", 65_000),
        (b"Subject: x", b"\n ", 65_000),
    ],
)
def test_rubbish_takes_linear_time(head: bytes, unit: bytes, bound: int) -> None:
    raw = head + unit * (bound // len(unit))
    begun = time.process_time()
    try:
        parsed = parse(raw)
        parsed.header("Subject")
    except Unparseable:
        pass
    assert time.process_time() - begun < 5  # about 0.5 s on an idle machine; quadratic work would take minutes
