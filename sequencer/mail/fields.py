"""Reads what header fields say: unfolding, encoded words, parameters, mailboxes, message ids, dates.

It is apart from parse.py because a mail, its parts and the headers inside a bounce are read by the same rules. Every
function is total and linear: a stranger wrote the input, so malformed text gives the best guess, never an exception.
It does not write headers: compose.py does.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from sequencer.mail.address import normalise
from sequencer.mail.kept import compiled

__all__ = ["Headers", "Mailbox", "decode_bytes", "decode_words", "mailboxes", "message_ids_in", "parameters", "sent_at"]

PARAMETER_CHARS_MAX = 8_000
DATE_CHARS_MAX = 100
ADDRESS_CHARS_MAX = 320  # the longest of RFC 5321 4.5.3.1 and a route before it; what is longer is no address
BYTES_PER_CHAR_MAX = 4  # of UTF-8 and of UTF-32

# Only these name families reach the codec registry: it also knows `punycode` and `idna` (quadratic), `unicode_escape`
# and byte transforms, none of which is a charset of mail.
_CHARSET = compiled(
    r"(?:x-)?(?:utf|us-ascii|ascii|iso|windows|win|cp|ibm|latin|koi8|gb|big5|hz|euc|shift|s-?jis|ks_c|johab|mac|tis)"
    r"[A-Za-z0-9_:-]{0,24}",
    re.ASCII | re.IGNORECASE,
)
# What senders write -> what they mean (WHATWG Encoding Standard).
_CHARSET_MEANT = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
}
_UNSTORABLE = compiled("[\x00\ud800-\udfff]")
_WORD_HEAD = compiled(r"=\?([^?\s]{1,80})\?([bBqQ])\?")
_MAILBOX_TOKEN = compiled(r'"(?:[^"\\]|\\.)*"?|<[^<>]*>?|[(),;:\\>]|[^"<>(),;:\\]+', re.DOTALL)
_END = ""
_MESSAGE_ID = compiled(r"<([^<>]{1,998})>")
_ESCAPED = compiled(r"\\(.)", re.DOTALL)
_BETWEEN_BARE_IDS = compiled(r"[\s<>,;\"()]+")
_PARAMETER = compiled(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_PARAMETER_SECTION = compiled(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of an address field; `name` is decoded, `address` is normalised for matching."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields of one header block, in their order: name as written, value unfolded but not decoded."""

    fields: tuple[tuple[str, str], ...] = ()
    _by_name: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, list[str]] = {}
        for name, value in self.fields:
            values.setdefault(name.lower(), []).append(value)
        object.__setattr__(self, "_by_name", {name: tuple(found) for name, found in values.items()})

    def raw(self, name: str) -> str:
        """The first value of the field as it came, '' if there is none."""
        found = self._by_name.get(name.lower())
        return found[0] if found else ""

    def raw_all(self, name: str) -> tuple[str, ...]:
        return self._by_name.get(name.lower(), ())

    def get(self, name: str) -> str | None:
        """The first value of the field with its encoded words decoded; None if there is none."""
        found = self._by_name.get(name.lower())
        return decode_words(found[0]) if found else None


def decode_bytes(content: bytes, charset: str | None, chars_max: int | None = None) -> str:
    """`content` by its charset, else UTF-8, else Windows-1252; what no text column can store becomes U+FFFD.

    `chars_max`: more characters are not decoded; None decodes all.
    """
    if charset is None and content.isascii():
        return content[:chars_max].decode("ascii").replace("\x00", "\ufffd")
    whole = chars_max is None or len(content) <= BYTES_PER_CHAR_MAX * chars_max
    if not whole and chars_max is not None:
        content = content[: BYTES_PER_CHAR_MAX * chars_max]
    for name in (charset, "utf-8"):
        if (codec := _codec(name)) is None:
            continue
        try:
            # Where it is cut, the last character may be half there: its rest is "to come".
            text = content.decode(codec) if whole else codecs.getincrementaldecoder(codec)().decode(content)
            break
        except (LookupError, ValueError):
            continue
    else:
        text = content.decode("cp1252", "replace")
    return _UNSTORABLE.sub("\ufffd", text[:chars_max])


def _codec(charset: str | None) -> str | None:
    if charset is None or not _CHARSET.fullmatch(charset):
        return None
    return _CHARSET_MEANT.get(charset.lower(), charset)


def decode_words(value: str) -> str:
    """`value` with its encoded words (RFC 2047) decoded, also those against the rules: glued, or inside quotes."""
    pieces: list[str] = []
    glued: list[tuple[str, bytes]] = []  # adjacent words: a character may be split across two of them
    at = 0
    while (head := _WORD_HEAD.search(value, at)) is not None:
        end = value.find("?=", head.end())
        if end < 0:
            break
        between = value[at : head.start()]
        if not glued or between.strip():
            pieces.extend((_joined(glued), between))
            glued.clear()
        glued.append((head[1].partition("*")[0].lower(), _word_bytes(value[head.end() : end], head[2])))
        at = end + 2
    pieces.extend((_joined(glued), value[at:]))
    return "".join(pieces)


def _joined(words: list[tuple[str, bytes]]) -> str:
    text: list[str] = []
    run: list[bytes] = []
    for index, (charset, content) in enumerate(words):
        run.append(content)
        if index + 1 == len(words) or words[index + 1][0] != charset:
            text.append(decode_bytes(b"".join(run), charset))
            run.clear()
    return "".join(text)


def _word_bytes(encoded: str, encoding: str) -> bytes:
    content = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(content, header=True)
    return decode_base64(content)


_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def decode_base64(content: bytes) -> bytes:
    """As much as can be decoded, up to the first padding: list software appends plain footers to base64 bodies."""
    kept = content.translate(None, _NOT_BASE64).partition(b"=")[0]
    whole = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def parameters(value: str) -> dict[str, str]:
    """The parameters of a field, names in lower case (RFC 2045), continuations put together (RFC 2231)."""
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(value[:PARAMETER_CHARS_MAX]):
        name = _PARAMETER_SECTION.fullmatch(match[1].lower())
        if name is not None:
            sections.setdefault(name[1], []).append((int(name[2] or 0), bool(name[3]), _unquoted(match[2].strip())))
    return {name: _parameter(found) for name, found in sections.items()}


def _parameter(sections: list[tuple[int, bool, str]]) -> str:
    sections.sort(key=lambda section: section[0])
    if not any(encoded for _, encoded, _ in sections):
        return "".join(text for _, _, text in sections)
    charset, content = "", b""
    for number, encoded, text in sections:
        if number == 0 and encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        content += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return decode_bytes(content, charset)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The addresses of an address field as it came (RFC 5322 3.4), groups opened; what holds no address is left out."""
    return tuple(_mailboxes(value))


def _mailboxes(value: str) -> Iterator[Mailbox]:
    phrase: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth, holds_address = 0, False
    for token in [*_MAILBOX_TOKEN.findall(value), _END]:
        if depth and token != _END:
            depth += (token == "(") - (token == ")")
            comment.append(_unquoted(token) if depth else "")
        elif token == "(":
            depth = 1
        elif token == "," and not holds_address:
            phrase.append(token)  # `Ruiz, Ana <ana@x>`, unquoted: a name, not an address
        elif token in {",", ";", _END}:
            if holds_address and len(angle or "".join(phrase)) <= ADDRESS_CHARS_MAX:
                yield _mailbox(phrase, comment, angle)
            phrase, comment, angle, depth, holds_address = [], [], None, 0, False
        elif token == ":":
            phrase = []
        elif token.startswith("<"):
            angle, holds_address = token.strip("<>"), True
        elif angle is None:
            phrase.append(_unquoted(token))
            holds_address = holds_address or "@" in token


def _mailbox(phrase: list[str], comment: list[str], angle: str | None) -> Mailbox:
    if angle is None:
        name, address = "".join(comment), "".join(phrase).strip(" ,")
    else:
        name, address = "".join(phrase) or "".join(comment), angle
    return Mailbox(" ".join(decode_words(name).split()).strip(","), normalise(address.rpartition(":")[2]))


def message_ids_in(value: str) -> tuple[str, ...]:
    """The message ids of a field, each as `<left@right>`, without repeats; also where the brackets are missing."""
    found = ["".join(match.split()) for match in _MESSAGE_ID.findall(value)]
    if not found:
        found = [token for token in _BETWEEN_BARE_IDS.split(value) if "@" in token.strip("@")]
    return tuple(dict.fromkeys(f"<{inner}>" for inner in found if inner))


def sent_at(value: str) -> datetime | None:
    """The instant of a Date field; `-0000` and a missing zone count as UTC; None if it is no date."""
    try:
        instant = parsedate_to_datetime(value[:DATE_CHARS_MAX])
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
