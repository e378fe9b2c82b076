"""Reads the rows of a CSV file from a stranger: any usual encoding and delimiter, never more than one row in memory.

It is here because exports come from Excel, CRMs and strangers alike: a line of a gigabyte, a quote that is never
closed or ten thousand columns must end in a sentence, not in a full memory. It knows no column.
"""

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE, getincrementaldecoder
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sequencer.errors import DefinitionError

__all__ = ["BadRow", "CsvRow", "Form", "form_of", "rows"]

FILE_BYTES_MAX = 200_000_000
ROW_CHARS_MAX = 64_000
FIELD_CHARS_MAX = 10_000
COLUMNS_MAX = 1_000
UNCLOSED_MAX = 100
DELIMITERS = ",;\t|"
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_CHUNK = 1 << 16
_SAVE_AS = "save it as CSV with the encoding UTF-8"
# How files begin that people take for CSV.
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel workbook or another archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)
# Excel's own note of the delimiter, as a line before the header.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)
# "Ã" and a byte of a second half: in a file that is not UTF-8 as a whole, names would arrive as "LucÃ­a".
_UTF8_PAIR = re.compile(rb"\xc3[\x80-\xbf]")


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written; `header_skip` characters stand before the header."""

    encoding: str
    delimiter: str
    header_skip: int = 0

    def __str__(self) -> str:
        names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
        return f"{ENCODINGS[self.encoding]}, {names[self.delimiter]}"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row and the line on which it begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why."""

    line: int
    reason: str


def form_of(path: str, stream: BinaryIO) -> Form:
    """Encoding and delimiter of a seekable stream. Raises DefinitionError for a file that is no CSV file at all."""
    size = stream.seek(0, io.SEEK_END)
    if size > FILE_BYTES_MAX:
        raise DefinitionError(path, 0, f"the file is larger than {FILE_BYTES_MAX // 1_000_000} MB", "split it")
    encoding = _encoding(path, stream)
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        return _form(encoding, text)
    finally:
        text.detach()


def rows(path: str, stream: BinaryIO, form: Form | None = None) -> Generator[CsvRow | BadRow, None, None]:
    """Rows of a seekable stream, empty lines left out. Raises DefinitionError for a file that is no CSV file at all."""
    form = form or form_of(path, stream)
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=form.encoding, newline="")
    try:
        text.read(form.header_skip)
        yield from _Rows(path, text, form.delimiter, bool(form.header_skip)).read()
    finally:
        text.detach()


def _encoding(path: str, stream: BinaryIO) -> str:
    """By the byte order mark; else UTF-8 if all of it is, else Windows-1252, as Excel writes it in the west."""
    stream.seek(0)
    start = stream.read(4096)
    for sign, what in _OTHER_FILES:
        if start[: len(sign)].lower() == sign.lower():
            raise DefinitionError(path, 0, f"this is {what}, not a CSV file", _SAVE_AS)
    if start.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):
        raise DefinitionError(path, 0, "the file's encoding is UTF-32", _SAVE_AS)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif start.startswith(BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif len(start) > 20 and start.count(0) > len(start) // 3:
        raise DefinitionError(path, 0, "the file's encoding is UTF-16 without its mark, or it is no text", _SAVE_AS)
    else:
        candidates = ["utf-8", "cp1252"]
    for encoding in candidates:
        if _decodes(path, stream, encoding):
            return encoding
    words = "the file's encoding is not known: UTF-8, UTF-16 with its mark and Windows-1252 are read"
    raise DefinitionError(path, 0, words, _SAVE_AS)


def _decodes(path: str, stream: BinaryIO, encoding: str) -> bool:
    decoder = getincrementaldecoder(encoding)()
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
            if encoding == "cp1252" and _UTF8_PAIR.search(chunk):
                words = "the file is partly UTF-8 and partly in another encoding, so names would be garbled"
                raise DefinitionError(path, 0, words, "export it again, or " + _SAVE_AS)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _form(encoding: str, text: io.TextIOWrapper) -> Form:
    """The delimiter is the one that stands most often in the first line that has any text, outside quotes."""
    line = text.readline(ROW_CHARS_MAX)
    if named := _SEPARATOR_LINE.fullmatch(line):
        return Form(encoding, named[1], len(line))
    while line and not line.strip():
        line = text.readline(ROW_CHARS_MAX)
    unquoted = "".join(line.split('"')[::2])
    return Form(encoding, max(DELIMITERS, key=unquoted.count))


class _TooLong(Exception):
    """The row at hand passed ROW_CHARS_MAX."""


class _Rows:
    """Feeds csv.reader line by line, counting; lines that a broken row swallowed are read again."""

    def __init__(self, path: str, text: io.TextIOWrapper, delimiter: str, is_after_first_line: bool) -> None:
        self._path, self._text, self._delimiter = path, text, delimiter
        self._line = int(is_after_first_line)
        self._taken: list[str] = []
        self._chars = 0
        self._again: list[str] = []
        self._unclosed = 0

    def read(self) -> Iterator[CsvRow | BadRow]:
        reader = self._reader()
        while True:
            self._taken, self._chars = [], 0
            first = self._line + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (_TooLong, csv.Error) as error:
                reader = self._reader()
                yield self._broken(first, error)
                continue
            if not any(map(str.strip, cells)):
                continue
            yield self._checked(first, cells)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(iter(self._next, ""), delimiter=self._delimiter, strict=True)

    def _next(self) -> str:
        """The next line; '' at the end of the file."""
        line = self._again.pop() if self._again else self._text.readline(ROW_CHARS_MAX + 1)
        self._line += bool(line)
        self._taken.append(line)
        self._chars += len(line)
        if self._chars > ROW_CHARS_MAX:
            raise _TooLong
        return line

    def _broken(self, first: int, error: Exception) -> BadRow:
        if len(self._taken) == 1 and isinstance(error, _TooLong):
            self._skip_line()
            return BadRow(first, f"the row is longer than {ROW_CHARS_MAX // 1000} kB: remove what is not needed")
        if len(self._taken) > 1:
            self._unclosed += 1
            if self._unclosed > UNCLOSED_MAX:
                hint = "export it again; a text with quotes doubles them"
                raise DefinitionError(self._path, first, "quotes are opened and not closed all over the file", hint)
            self._again += reversed([line for line in self._taken[1:] if line])
            self._line = first
            return BadRow(first, 'a quote is opened and not closed: close it, or double a quote inside a text: ""')
        return BadRow(first, f"the row cannot be read ({error}): a text with quotes stands in quotes and doubles them")

    def _skip_line(self) -> None:
        line = self._taken[0]
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(_CHUNK)

    def _checked(self, line: int, cells: list[str]) -> CsvRow | BadRow:
        if len(cells) > COLUMNS_MAX:
            return BadRow(line, f"the row has {len(cells)} columns: {COLUMNS_MAX} are allowed")
        if self._chars > FIELD_CHARS_MAX and any(len(cell) > FIELD_CHARS_MAX for cell in cells):
            return BadRow(line, f"a cell is longer than {FIELD_CHARS_MAX // 1000} kB: shorten it")
        return CsvRow(line, tuple(cells))
