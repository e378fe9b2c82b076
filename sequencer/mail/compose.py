"""Writes one letter as the bytes that cross the wire: RFC 5322 headers, MIME bodies (RFC 2045, 2047, 2231), 7-bit.

It writes the bytes itself, because they must be the same on every run (no clock, no random boundary), and because
email.message takes several times longer. Equal letters give equal bytes.
It renders no template, knows no envelope and signs nothing.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from sequencer.mail.address import ascii_domain
from sequencer.mail.kept import compiled

__all__ = ["Attachment", "HeaderRefused", "Letter", "compose", "digest_in", "message_id", "touch_digest"]

_LINE_CHARS = 78  # RFC 5322 2.1.1: should; 998 is the limit that no line may pass
_WORD_CHARS = 75  # RFC 2047 2: an encoded word
_WORD_FRAME = len("=?utf-8?b??=")
_TOKEN_CHARS_MAX = 900  # a word, id or URL that cannot be folded, with its field name below 998
_QUOTED_CHARS_MAX = 60
_SECTION_CHARS = 48

_REFUSED = compiled("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATOMS = compiled(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_PART = compiled(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = compiled(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MESSAGE_ID = compiled(r"<[!-;=?-~]+>")
_OURS = compiled(r"<([0-9a-f]{40})@[^@<>]+>")
_URI = compiled(r"(?:mailto:|https?://)[!-;=?-~]+")
_EXTRA_NAME = compiled(r"[Xx]-[A-Za-z0-9-]{1,60}")
_MEDIA_TYPE = compiled(r"(?!multipart/|message/)[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}", re.IGNORECASE)
# RFC 2047 5 (3): what may stand in a Q word inside a display name, so it may stand anywhere.
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_PERCENT_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class HeaderRefused(ValueError):
    """A field of the letter that cannot be written safely; `field`: its name in Letter, or the extra header's."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along; `content_type` is neither multipart/* nor message/*, which may not be base64."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that one mail says. Ids have their angle brackets; `date` is aware, its offset is written as it stands.

    `list_unsubscribe_mailto` is a `mailto:` URI (RFC 2369). `list_unsubscribe_url`: with https, one click is offered
    too (RFC 8058). `headers`: extra fields, whose names begin with X-.
    """

    message_id: str
    date: datetime
    sender_name: str
    sender_address: str
    recipient_name: str
    recipient_address: str
    reply_to: str | None = None
    subject: str
    text: str
    html: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    list_unsubscribe_mailto: str | None = None
    list_unsubscribe_url: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def message_id(key: bytes, enrollment: int, step: str, attempt: int, domain: str) -> str:
    """The Message-ID of a touch, `<40 hex digits@domain>`: the same for the same touch, unguessable without `key`.

    `key` has 1 to 64 bytes. `domain`: the sender's. Raises: HeaderRefused if that is no domain.
    """
    return f"<{touch_digest(key, enrollment, step, attempt)}@{_domain('domain', domain)}>"


def touch_digest(key: bytes, enrollment: int, step: str, attempt: int) -> str:
    """What stands before the `@` of a touch's Message-ID."""
    digest = blake2b(f"{enrollment}\0{step}\0{attempt}".encode(), digest_size=20, key=key, person=b"message-id")
    return digest.hexdigest()


def digest_in(message_id: str) -> str | None:
    """The digest in a Message-ID that has the shape of ours; None in another one."""
    found = _OURS.fullmatch(message_id)
    return found[1] if found else None


def compose(letter: Letter) -> bytes:
    """The letter as bytes: CRLF line ends, no line over 998 characters, ASCII only, ended by CRLF.

    Line ends in the bodies become CRLF, and a body is ended by one. Raises: HeaderRefused.
    """
    return b"\r\n".join([*_header_lines(letter), *_content(letter)])


def _header_lines(letter: Letter) -> Iterator[bytes]:
    lines = [
        f"Date: {_date(letter.date)}",
        _mailbox("From", "sender_name", letter.sender_name, "sender_address", letter.sender_address),
        _mailbox("To", "recipient_name", letter.recipient_name, "recipient_address", letter.recipient_address),
    ]
    if letter.reply_to is not None:
        lines.append(f"Reply-To: {_address('reply_to', letter.reply_to)}")
    lines.append(_unstructured("Subject", "subject", letter.subject))
    lines.append(f"Message-ID: {_id('message_id', letter.message_id)}")
    if letter.in_reply_to is not None:
        lines.append(f"In-Reply-To: {_id('in_reply_to', letter.in_reply_to)}")
    if letter.references:
        lines.append(_folded("References", (_id("references", reference) for reference in letter.references)))
    lines.extend(_list_unsubscribe(letter))
    for name, value in letter.headers:
        if not _EXTRA_NAME.fullmatch(name):
            raise HeaderRefused("headers", f"{name!r} is no name of an extra header (X-...)")
        lines.append(_unstructured(name, name, value))
    lines.append("MIME-Version: 1.0")
    return (line.encode("ascii") for line in lines)


def _list_unsubscribe(letter: Letter) -> Iterator[str]:
    targets = []
    if letter.list_unsubscribe_mailto is not None:
        targets.append(_uri("list_unsubscribe_mailto", letter.list_unsubscribe_mailto, ("mailto:",)))
    if letter.list_unsubscribe_url is not None:
        targets.append(_uri("list_unsubscribe_url", letter.list_unsubscribe_url, ("https://", "http://")))
    if targets:
        yield _folded("List-Unsubscribe", (f"{target}," for target in targets)).removesuffix(",")
    if (letter.list_unsubscribe_url or "").startswith("https://"):
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def _refuse_controls(field: str, value: str) -> None:
    if found := _REFUSED.search(value):
        raise HeaderRefused(field, f"U+{ord(found[0]):04X} may not stand in a header")


def _unstructured(name: str, field: str, value: str) -> str:
    """A field of free text whose decoded value is exactly `value`."""
    _refuse_controls(field, value)
    words = value.split(" ")
    if value.isascii() and "=?" not in value and all(0 < len(word) <= _TOKEN_CHARS_MAX for word in words):
        return _folded(name, words)
    return f"{name}: " + "\r\n ".join(_encoded_words(value, len(name) + 2)) if value else f"{name}:"


def _folded(name: str, words: Iterable[str]) -> str:
    """The field with its words on lines of at most 78 characters, unless a single word is longer."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > _LINE_CHARS and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def _encoded_words(value: str, taken: int) -> list[str]:
    """`value` as encoded words (RFC 2047) of whole characters; `taken`: characters before the first on its line."""
    room = _WORD_CHARS - _WORD_FRAME
    in_q = [_q(character) for character in value]
    bytes_of = [len(character.encode("utf-8")) for character in value]
    if sum(map(len, in_q)) <= (sum(bytes_of) + 2) // 3 * 4:
        spans = _spans([len(encoded) for encoded in in_q], room - taken, room)
        return [f"=?utf-8?q?{''.join(in_q[begin:end])}?=" for begin, end in spans]
    spans = _spans(bytes_of, (room - taken) // 4 * 3, room // 4 * 3)
    return [f"=?utf-8?b?{_base64(value[begin:end])}?=" for begin, end in spans]


def _spans(sizes: Sequence[int], first_room: int, room: int) -> list[tuple[int, int]]:
    """Consecutive spans of characters whose sizes fit the room; a character larger than the room stands alone."""
    spans: list[tuple[int, int]] = []
    begin, used = 0, 0
    for at, size in enumerate(sizes):
        if used + size > (room if spans else first_room) and at > begin:
            spans.append((begin, at))
            begin, used = at, 0
        used += size
    spans.append((begin, len(sizes)))
    return spans


@lru_cache(maxsize=4096)
def _q(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(byte) if byte in _Q_PLAIN else f"={byte:02X}" for byte in character.encode("utf-8"))


@lru_cache(maxsize=4096)
def _percent(character: str) -> str:
    return "".join(chr(byte) if byte in _PERCENT_PLAIN else f"%{byte:02X}" for byte in character.encode("utf-8"))


def _base64(text: str) -> str:
    return binascii.b2a_base64(text.encode("utf-8"), newline=False).decode("ascii")


def _mailbox(header: str, name_field: str, name: str, address_field: str, address: str) -> str:
    _refuse_controls(name_field, name)
    angle = f"<{_address(address_field, address)}>"
    if not name:
        return f"{header}: {angle[1:-1]}"
    if len(name) > _QUOTED_CHARS_MAX or not name.isascii() or "=?" in name or not all(name.split(" ")):
        phrase = _encoded_words(name, len(header) + 2)
    elif _ATOMS.fullmatch(name):
        phrase = [name]
    else:
        phrase = ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
    fold = "\r\n " if len(phrase[-1]) + len(angle) + len(header) + 3 > _LINE_CHARS else " "
    return f"{header}: " + "\r\n ".join(phrase) + fold + angle


@lru_cache(maxsize=1024)
def _address(field: str, address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at or len(local) > 64 or not _LOCAL_PART.fullmatch(local):
        raise HeaderRefused(field, f"{address!r} is no address with an ASCII local part")
    return f"{local}@{_domain(field, domain)}"


def _domain(field: str, domain: str) -> str:
    lowered = ascii_domain(domain)
    if len(lowered) > 253 or domain.endswith(".") or domain != domain.strip() or not _DOMAIN.fullmatch(lowered):
        raise HeaderRefused(field, f"{domain!r} is no domain")
    return lowered


def _id(field: str, value: str) -> str:
    if len(value) > _TOKEN_CHARS_MAX or not _MESSAGE_ID.fullmatch(value):
        raise HeaderRefused(field, f"{value[:100]!r} is no message id in angle brackets")
    return value


def _uri(field: str, value: str, schemes: tuple[str, ...]) -> str:
    if len(value) > _TOKEN_CHARS_MAX or not value.startswith(schemes) or not _URI.fullmatch(value):
        raise HeaderRefused(field, f"{value[:100]!r} is no ASCII {' or '.join(schemes)} URI")
    return f"<{value}>"


def _date(date: datetime) -> str:
    offset = date.utcoffset()
    if offset is None:
        raise HeaderRefused("date", "it has no zone")
    minutes = offset // timedelta(minutes=1)
    local = date.replace(tzinfo=None) - offset + timedelta(minutes=minutes)  # offsets before 1900 have seconds
    hours, rest = divmod(abs(minutes), 60)
    return (
        f"{_DAYS[local.weekday()]}, {local.day:02d} {_MONTHS[local.month - 1]} {local.year:04d} "
        f"{local.hour:02d}:{local.minute:02d}:{local.second:02d} {'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"
    )


def _content(letter: Letter) -> list[bytes]:
    """The lines from Content-Type on: of the text alone, or of the multipart that holds it.

    `=_` can stand neither in quoted-printable nor in base64, and no header line begins with `--`, so a boundary that
    begins with it cannot occur in a part.
    """
    parts = _text_part("plain", "text", letter.text)
    if letter.html is None and not letter.attachments:
        return parts
    seed = blake2b(letter.message_id.encode("ascii"), digest_size=16)
    for line in parts:
        seed.update(line)
    if letter.html is not None:
        html = _text_part("html", "html", letter.html)
        for line in html:
            seed.update(line)
        parts = _multipart("alternative", seed.hexdigest(), [parts, html])
    if letter.attachments:
        attached = [_attachment_part(attachment) for attachment in letter.attachments]
        for line in (line for part in attached for line in part):
            seed.update(line)
        parts = _multipart("mixed", seed.hexdigest(), [parts, *attached])
    return parts


def _multipart(subtype: str, seed: str, parts: list[list[bytes]]) -> list[bytes]:
    boundary = f"=_{subtype[0]}{seed}".encode("ascii")
    lines = [b"Content-Type: multipart/" + subtype.encode("ascii") + b';\r\n boundary="' + boundary + b'"', b""]
    for part in parts:
        lines.append(b"--" + boundary)
        lines.extend(part)
    lines.extend((b"--" + boundary + b"--", b""))
    return lines


def _text_part(subtype: str, field: str, text: str) -> list[bytes]:
    try:
        content = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8")
    except UnicodeEncodeError as error:
        raise HeaderRefused(field, "it has half a surrogate pair") from error
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    encoding, encoded = b"quoted-printable", binascii.b2a_qp(content)
    if len(encoded) > len(content) * 78 // 57:
        encoding, encoded = b"base64", _base64_lines(content)
    return [
        b'Content-Type: text/%b; charset="utf-8"' % subtype.encode("ascii"),
        b"Content-Transfer-Encoding: " + encoding,
        b"",
        encoded,
    ]


def _base64_lines(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _attachment_part(attachment: Attachment) -> list[bytes]:
    _refuse_controls("attachments", attachment.filename)
    if not _MEDIA_TYPE.fullmatch(attachment.content_type):
        raise HeaderRefused("attachments", f"{attachment.content_type!r} cannot be attached")
    disposition = ["attachment;", *(f"{parameter};" for parameter in _filename(attachment.filename))]
    return [
        b"Content-Type: " + attachment.content_type.lower().encode("ascii"),
        b"Content-Transfer-Encoding: base64",
        _folded("Content-Disposition", disposition).removesuffix(";").encode("ascii"),
        b"",
        _base64_lines(attachment.content),
    ]


def _filename(name: str) -> list[str]:
    """The filename parameter; where it is not short ASCII, percent-encoded UTF-8 in sections (RFC 2231 3, 4)."""
    if name.isascii() and len(name) <= _QUOTED_CHARS_MAX and '"' not in name and "\\" not in name and "=?" not in name:
        return [f'filename="{name}"']
    encoded = [_percent(character) for character in name]
    spans = _spans([len(part) for part in encoded], _SECTION_CHARS, _SECTION_CHARS)
    sections = ["".join(encoded[begin:end]) for begin, end in spans]
    if len(sections) == 1:
        return [f"filename*=utf-8''{sections[0]}"]
    sections[0] = f"utf-8''{sections[0]}"
    return [f"filename*{number}*={section}" for number, section in enumerate(sections)]
