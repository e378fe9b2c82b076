"""An export as a folder or a .zip: CSV for what people read in a spreadsheet, JSON lines for the rest.

A CSV file holds the same values as the rows it was made of and gives them back as they were; `fields` become columns
of their own, and no cell is a formula (content/neutral.py). The list of files carries each one's SHA-256, so that a
damaged or shortened copy is refused. It knows no table and no meaning of a value.
"""

import csv
import fcntl
import glob
import io
import json
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sequencer.content.neutral import neutralised, restored
from sequencer.errors import InputError

__all__ = [
    "INDEX",
    "UNREADABLE",
    "Archive",
    "Writing",
    "is_archive",
    "read_csv",
    "read_lines",
    "write_csv",
    "write_lines",
]

INDEX = "export.json"
FIELDS, FIELD, MORE = "fields", "fields.", "fields (JSON)"
UNFINISHED = ".unfinished-export"
DAY_ZERO = (1980, 1, 1, 0, 0, 0)  # the earliest that a .zip can say: the same rows give the same bytes
ENTRY_BYTES_MAX, INDEX_BYTES_MAX, LINE_CHARS_MAX = 4 << 30, 16 << 20, 64 << 20
SMALL_BYTES, PACKED_MAX = 16 << 20, 100  # rows of people and mails are packed to a fifth or a tenth of their size
# What a damaged, encrypted or hostile file makes zipfile and json raise; a RecursionError is a RuntimeError.
UNREADABLE = (
    OSError, KeyError, ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(slots=True)
class Writing:
    """An export that is being written beside `target`; it appears there whole or not at all."""

    target: Path
    files: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def opened(self) -> Iterator["Writing"]:
        """Begin, and put it in its place at the end.

        Raises InputError when something is there already, or it cannot be written.
        """
        if self.target.exists() and not (self.target.is_dir() and not any(self.target.iterdir())):
            raise InputError(f"{self.target} is there already: name a new folder or .zip")
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(self.target)
            with _beside(self.target) as scratch:
                whole = self._folder = scratch / "files"
                whole.mkdir(mode=0o700)
                yield self
                if self._zipped:
                    whole = scratch / "packed"
                    _pack(self._folder, whole)
                elif self.target.exists():
                    self.target.rmdir()
                os.replace(whole, self.target)
        except OSError as error:
            raise InputError(f"{self.target} cannot be written: {error.strerror}") from None

    def put(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write one file; it is remembered with its SHA-256."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = sha256()
        with path.open("wb") as stream:
            for part in (content,) if isinstance(content, bytes) else content:
                digest.update(part)
                stream.write(part)
        self.files[name] = digest.hexdigest()

    @property
    def _zipped(self) -> bool:
        return self.target.suffix.lower() == ".zip"

    _folder: Path = field(init=False, repr=False, default=Path())


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new folder that this process alone has, gone at the end."""
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=UNFINISHED))
    try:
        with _locked(scratch):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether nobody else has it; they will not while this lasts."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_unfinished(target: Path) -> None:
    """Remove what an export to the same place left that was killed: it holds personal data."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.????????{UNFINISHED}"):
        with suppress(OSError), _locked(left) as nobodys:
            if nobodys:
                shutil.rmtree(left)


def _pack(folder: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), DAY_ZERO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, packed.open(entry, "w", force_zip64=True) as stream:
                shutil.copyfileobj(source, stream)


def is_archive(path: Path) -> bool:
    """Whether this is an export, by what it is and not by whether it can be read."""
    return path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file())


class Archive:
    """An export that is read. Raises InputError for what is none, or is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = None if path.is_dir() else zipfile.ZipFile(path)
            with self._stream(INDEX) as stream:
                written = stream.read(INDEX_BYTES_MAX + 1)
            if len(written) > INDEX_BYTES_MAX:
                raise InputError(f"{path}: {INDEX} is too large")
            self.index: Mapping[str, Any] = dict(json.loads(written))
            self.files: Mapping[str, str] = dict(self.index["files"])
        except UNREADABLE:
            raise InputError(f"{path} is no export of sequencer: it has no readable {INDEX}") from None

    def check(self) -> None:
        """Every file is there and as it was written. Raises InputError."""
        for name, wanted in self.files.items():
            digest = sha256()
            try:
                with self._stream(name) as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
            except UNREADABLE:
                raise InputError(f"{self.path}: {name} is missing or damaged: copy the export again") from None
            if digest.hexdigest() != wanted:
                raise InputError(f"{self.path}: {name} was changed since the export was written")

    @contextmanager
    def text(self, name: str) -> Iterator[IO[str]]:
        """One file, as UTF-8 with its line ends as they are."""
        with self._stream(name) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            yield text

    @contextmanager
    def _stream(self, name: str) -> Iterator[IO[bytes]]:
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise InputError(f"{self.path}: {name} is no file of an export")
        if self._zip is None:
            with (self.path / name).open("rb") as stream:
                yield stream
        else:
            entry = self._zip.getinfo(name)
            if entry.file_size > min(ENTRY_BYTES_MAX, SMALL_BYTES + entry.compress_size * PACKED_MAX):
                raise InputError(f"{self.path}: {name} is too large, or unpacks to more than any export does")
            with self._zip.open(name) as stream:
                yield stream


def write_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in rows:
        yield (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n").encode()


def read_lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """What `write_lines` wrote. Raises ValueError."""
    while line := stream.readline(LINE_CHARS_MAX):
        if len(line) == LINE_CHARS_MAX:
            raise ValueError("a line is too long")
        yield dict(json.loads(line))


def write_csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """`names` as columns, in this order; of `fields` each name that a row has, and what is no text as JSON."""
    own = sorted({key for row in rows for key, value in row.get(FIELDS, {}).items() if _is_cell(value)})
    plain = [name for name in names if name != FIELDS]
    header = [*plain, *(f"{FIELD}{name}" for name in own), *([MORE] if FIELDS in names else [])]
    yield b"\xef\xbb\xbf" + _line(header)
    for row in rows:
        fields = row.get(FIELDS, {})
        cells = [_cell(row[name]) for name in plain]
        cells += [fields[name] if _is_cell(fields.get(name)) else "" for name in own]
        if FIELDS in names:
            more = {name: value for name, value in fields.items() if not _is_cell(value)}
            cells.append(json.dumps(more, ensure_ascii=False, sort_keys=True) if more else "")
        yield _line(cells)


def read_csv(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """Rows of text and None, with their `fields` as they were."""
    lines = csv.reader(stream)
    header = [restored(cell) for cell in next(lines)]
    for cells in lines:
        row: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        for name, raw in zip(header, cells, strict=True):
            cell = restored(raw)
            if name == MORE:
                fields |= json.loads(cell) if cell else {}
            elif not name.startswith(FIELD):
                row[name] = cell or None
            elif cell:
                fields[name.removeprefix(FIELD)] = cell
        yield {**row, FIELDS: fields} if MORE in header else row


def _is_cell(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_MINIMAL).writerow([neutralised(cell) for cell in cells])
    return line.getvalue().encode()
