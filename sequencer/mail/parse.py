"""Takes a received mail apart into frozen values: addresses, ids, text, parts, the headers that a bounce carries.

The standard library's parser is not used on strangers' mail: it recurses, and it is super-linear on hostile nesting
and header words. Here limits are checked before and while reading, the work is linear, and malformed mail gives the
best guess. Only what is a leaf of the tree is copied, and of a leaf no more than anybody reads.
It does not judge what a mail means: bounce.py, autoreply.py, quoting.py and classify.py do.
"""

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sequencer.errors import UnparseableMessage
from sequencer.mail.fields import (
    Headers,
    decode_base64,
    decode_bytes,
    decode_words,
    mailboxes,
    message_ids_in,
    parameters,
    sent_at,
)
from sequencer.mail.flowed import unflowed
from sequencer.mail.kept import compiled

__all__ = [
    "DEPTH_MAX",
    "FIELDS_MAX",
    "HEADER_BYTES_MAX",
    "MESSAGE_BYTES_MAX",
    "PARTS_MAX",
    "Headers",
    "Parsed",
    "Part",
    "Unparseable",
    "parse",
]

MESSAGE_BYTES_MAX = 5_000_000
PARTS_MAX = 200
DEPTH_MAX = 20
HEADER_BYTES_MAX = 64 * 1024
FIELDS_MAX = 10_000
# Of one part that a person reads, of any other, and of all parts together: nothing looks at more of them.
BODY_CHARS_MAX, OTHER_CHARS_MAX, TEXT_CHARS_MAX = 500_000, 150_000, 1_000_000
ENCODED_BYTES_MAX = 6  # of one character: four bytes of UTF-8 in base64

_FIELD = compiled(rb"([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_CONTINUED = compiled(rb"[ \t][^\n]*\n?")
_SEPARATOR = compiled(rb">?From [^\n]*\n?")  # of mbox files, kept by some relays
_EMPTY_LINE = compiled(rb"\r*(?:\n|\Z)")
_LINE_ENDS = compiled(rb"[\r\n]*")
_REST_OF_DELIMITER = compiled(rb"(--)?[ \t\r]*(?=\n|\Z)")
_CONTENT_TYPE = compiled(r"\s*([A-Za-z0-9.+_-]{1,100}/[A-Za-z0-9.+_-]{1,100})")
_BODY_TYPES = frozenset({"text/plain", "text/html"})
_EMBEDDED_HEADERS = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
)
_DELIVERED_TO = ("Delivered-To", "X-Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")


class Unparseable(UnparseableMessage):
    """The mail is beyond a limit of this module."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of the MIME tree; a message within the message is one leaf too.

    `text`: the decoded content of text/* and message/* parts with LF line ends, '' for the others. `raw`: the content
    of a message or header block with its transfer encoding undone, b'' for the others. Both end where nobody reads on
    (BODY_CHARS_MAX and its like). `disposition`: inline, attachment or ''.
    """

    headers: Headers
    content_type: str
    charset: str | None
    filename: str | None
    disposition: str
    raw: bytes
    text: str

    @property
    def is_attachment(self) -> bool:
        return self.disposition == "attachment" or (self.filename is not None and self.disposition != "inline")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A received mail.

    Addresses are normalised for matching (address.normalise), ids have their angle brackets, `date` is UTC.
    `text`: the plain parts of the body, or its HTML as text, with LF line ends. `html`: the first HTML part.
    `content_type`: of the top level. `report_type`: of the outermost multipart/report, lower case.
    `embedded`: the headers of each message or header block carried as a part, for bounces the mail that came back.
    """

    headers: Headers
    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    from_name: str
    from_address: str
    reply_to: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    delivered_to: tuple[str, ...]
    subject: str
    date: datetime | None
    content_type: str
    is_report: bool
    report_type: str | None
    parts: tuple[Part, ...]
    embedded: tuple[Headers, ...]
    text: str
    html: str | None

    def header(self, name: str) -> str | None:
        """The first value of the field, unfolded and decoded; None if there is none."""
        return self.headers.get(name)


def parse(raw: bytes) -> Parsed:
    """Takes `raw` apart; line ends may be CRLF, LF or CR. Raises: Unparseable beyond a limit, and nothing else."""
    if len(raw) > MESSAGE_BYTES_MAX:
        raise Unparseable(f"larger than {MESSAGE_BYTES_MAX} bytes")
    raw = raw.lstrip()
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    reader = _Reader(raw)
    tree = reader.tree(0, len(raw), depth=0)
    headers = tree.headers
    sender = next(iter(mailboxes(headers.raw("From"))), None)
    parts = tuple(leaf for node in tree.walk() if (leaf := node.leaf) is not None)
    report = next((node for node in tree.walk() if node.content_type == "multipart/report"), None)
    return Parsed(
        headers=headers,
        message_id=_first_id(headers.raw("Message-ID")),
        in_reply_to=_first_id(headers.raw("In-Reply-To")),
        references=message_ids_in(" ".join(headers.raw_all("References"))),
        from_name=sender.name if sender else "",
        from_address=sender.address if sender else "",
        reply_to=_addresses(headers, "Reply-To"),
        to=_addresses(headers, "To"),
        cc=_addresses(headers, "Cc"),
        delivered_to=_addresses(headers, *_DELIVERED_TO),
        subject=" ".join((headers.get("Subject") or "").split()),
        date=sent_at(headers.raw("Date")),
        content_type=tree.content_type,
        is_report=report is not None,
        report_type=report.parameters.get("report-type", "").lower() or None if report else None,
        parts=parts,
        embedded=tuple(reader.headers_of(part) for part in parts if part.content_type in _EMBEDDED_HEADERS),
        text=_reading_text(tree.body()),
        html=next((part.text for part in parts if part.content_type == "text/html" and not part.is_attachment), None),
    )


@dataclass(frozen=True, slots=True)
class _Node:
    headers: Headers
    content_type: str
    parameters: dict[str, str]
    leaf: Part | None
    children: tuple["_Node", ...]

    def walk(self) -> Iterator["_Node"]:
        yield self
        for child in self.children:
            yield from child.walk()

    def body(self) -> Iterator[Part]:
        """The leaves that a person reads, each alternative decided: plain text before HTML."""
        if self.leaf is not None:
            if self.content_type in _BODY_TYPES and not self.leaf.is_attachment:
                yield self.leaf
        elif self.content_type == "multipart/alternative":
            for child in sorted(self.children, key=lambda child: child.content_type != "text/plain"):
                chosen = tuple(child.body())
                if any(part.text.strip() for part in chosen):
                    yield from chosen
                    return
        else:
            for child in self.children:
                yield from child.body()


class _Reader:
    """Reads one message by positions in its bytes; counts parts, header fields and characters over all levels."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parts = 0
        self._fields = 0
        self._chars_left = TEXT_CHARS_MAX

    def tree(self, start: int, end: int, depth: int) -> _Node:
        if depth > DEPTH_MAX:
            raise Unparseable(f"nested deeper than {DEPTH_MAX} levels")
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise Unparseable(f"more than {PARTS_MAX} parts")
        headers, at = self._header_block(self._raw, start, end)
        declared = headers.raw("Content-Type")
        match = _CONTENT_TYPE.match(declared)
        content_type = match[1].lower() if match else "text/plain"
        named = parameters(declared)
        if content_type.startswith("multipart/"):
            sections = _sections(self._raw, at, end, named.get("boundary", ""))
            if children := tuple(self.tree(*section, depth + 1) for section in sections):
                return _Node(headers, content_type, named, None, children)
        return _Node(headers, content_type, named, self._part(headers, content_type, named, at, end), ())

    def headers_of(self, part: Part) -> Headers:
        """The fields at the beginning of a part that is a message."""
        return self._header_block(part.raw, 0, len(part.raw))[0]

    def _header_block(self, raw: bytes, start: int, end: int) -> tuple[Headers, int]:
        """The fields and where they end: behind an empty line, or before a line that is no field."""
        fields: list[tuple[str, list[bytes]]] = []
        blank = _LINE_ENDS.match(raw, start, end)
        at = start = blank.end() if blank else start
        most = min(end, start + 2 * HEADER_BYTES_MAX)  # of a field no more is read: each of its lines takes memory
        while at < end:
            if found := _FIELD.match(raw, at, most):
                fields.append((found[1].decode("ascii"), [found[2]]))
            elif fields and (found := _CONTINUED.match(raw, at, most)):  # behind a separator
                fields[-1][1].append(found[0])
            elif not (found := _SEPARATOR.match(raw, at, most)):
                ended = _EMPTY_LINE.match(raw, at, end)
                at = ended.end() if ended else at
                break
            at = found.end()
            if at - start > HEADER_BYTES_MAX:
                raise Unparseable(f"a header block of more than {HEADER_BYTES_MAX} bytes")
        self._fields += len(fields)
        if self._fields > FIELDS_MAX:
            raise Unparseable(f"more than {FIELDS_MAX} header fields")
        return Headers(tuple([(name, decode_bytes(_unfolded(b"\n".join(lines)), None)) for name, lines in fields])), at

    def _part(self, headers: Headers, content_type: str, named: dict[str, str], start: int, end: int) -> Part:
        declared = headers.raw("Content-Disposition")
        disposition = declared.partition(";")[0].strip().lower()
        filename = decode_words(parameters(declared).get("filename") or named.get("name", "")) or None
        charset = named.get("charset")
        decoded, text = b"", ""
        if content_type.startswith(("text/", "message/", "multipart/")):
            longest = BODY_CHARS_MAX if content_type in _BODY_TYPES else OTHER_CHARS_MAX
            content = self._raw[start : min(end, start + ENCODED_BYTES_MAX * longest)]
            decoded = _transfer_decoded(content, headers.raw("Content-Transfer-Encoding"))
            text = _line_feeds(decode_bytes(decoded, charset, min(longest, self._chars_left)))
            self._chars_left -= len(text)
        return Part(
            headers=headers,
            content_type=content_type,
            charset=charset,
            filename=filename,
            disposition=disposition if disposition in {"inline", "attachment"} else "",
            raw=decoded if content_type in _EMBEDDED_HEADERS else b"",
            text=text,
        )


def _sections(raw: bytes, start: int, end: int, boundary: str) -> list[tuple[int, int]]:
    """What stands between the delimiter lines (RFC 2046 5.1.1); a missing last delimiter counts as the end."""
    if not boundary:
        return []
    delimiter = b"\n--" + boundary.encode("utf-8", "replace")
    sections: list[tuple[int, int]] = []
    begun: int | None = None
    behind = start - 1 + len(delimiter)
    if not raw.startswith(delimiter[1:], start, end):
        behind = _behind(delimiter, raw, start, end)
    while behind > 0:
        rest = _REST_OF_DELIMITER.match(raw, behind, end)
        if rest is not None:
            if begun is not None:
                last = behind - len(delimiter)
                sections.append((begun, max(begun, last - (raw[last - 1 : last] == b"\r"))))
                if len(sections) > PARTS_MAX:
                    raise Unparseable(f"more than {PARTS_MAX} parts")
            if rest[1]:
                return sections
            begun = rest.end() + 1
        behind = _behind(delimiter, raw, behind if rest is None else rest.end(), end)
    if begun is not None and begun < end:
        sections.append((begun, end))
    return sections


def _behind(mark: bytes, raw: bytes, start: int, end: int) -> int:
    """The position behind the next `mark`, 0 if there is none."""
    found = raw.find(mark, start, end)
    return 0 if found < 0 else found + len(mark)


def _transfer_decoded(content: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return decode_base64(content)
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case _:
            return content


def _unfolded(value: bytes) -> bytes:
    return b"".join([line.strip(b"\r") for line in value.split(b"\n")]).strip()


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _first_id(value: str) -> str | None:
    return next(iter(message_ids_in(value)), None)


def _addresses(headers: Headers, *names: str) -> tuple[str, ...]:
    found = (box.address for name in names for value in headers.raw_all(name) for box in mailboxes(value))
    return tuple(dict.fromkeys(found))


def _reading_text(body: Iterable[Part]) -> str:
    from sequencer.mail.html_text import HTML_CHARS_MAX, html_to_text  # weighs half a MB: for who reads, not who waits

    pieces: list[str] = []
    html_chars_left = HTML_CHARS_MAX
    for part in body:
        text = part.text
        named = parameters(part.headers.raw("Content-Type"))
        if part.content_type == "text/plain" and named.get("format", "").lower() == "flowed":
            text = unflowed(text, delete_space=named.get("delsp", "").lower() == "yes")
        if part.content_type == "text/html":
            text = html_to_text(part.text[:html_chars_left])
            html_chars_left = max(0, html_chars_left - len(part.text))
        if text.strip():
            pieces.append(text if text.endswith("\n") else text + "\n")
    return "".join(pieces)
