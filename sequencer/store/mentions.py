"""Which files of a folder still mention somebody: also packed ones, and lists as a spreadsheet writes them.

Everything is read in blocks, and what is packed only as far as people's files unpack: a bomb is named and left. What
could not be looked into is named too, because nobody may take it for clean.
"""

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["Mentions", "mentions", "stands_in"]

BLOCK_BYTES = 1 << 20
FILES_MAX = 20_000
SMALL_BYTES, PACKED_MAX = 16 << 20, 100  # lists and mails are packed to a fifth or a tenth of their size
UNPACKED_BYTES_MAX = 1 << 30  # of all files together; some seconds
_OPENED_BY: Mapping[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ\x00": lzma.LZMAFile,
}  # fmt: skip
_ZIP = b"PK\x03\x04"
_OF_OTHERS = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x28\xb5\x2f\xfd")  # 7z, RAR, Zstandard
_UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(slots=True)
class Mentions:
    """`found`: files in which a word stands. `closed`: those that could not be looked into.

    `ended_early`: there are more files than FILES_MAX, and nobody looked into those.
    """

    found: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)
    ended_early: bool = False


class _TooLarge(OSError):
    """It unpacks to more than it should."""


def mentions(folder: Path, skipped: Collection[Path], words: Collection[str]) -> Mentions:
    """The files below `folder` in which one of the words stands, but for those `skipped` (resolved paths)."""
    told, needles, left = Mentions(), _needles(words), [UNPACKED_BYTES_MAX]
    for number, path in enumerate(_files(folder, told.closed)):
        if number == FILES_MAX:
            told.ended_early = True
            break
        try:
            if path.resolve() not in skipped and any(_stands(stream, needles) for stream in _streams(path, left)):
                told.found.append(path)
        except _UNREADABLE:
            told.closed.append(path)
    return told


def stands_in(path: Path, words: Collection[str]) -> bool:
    """Whether one of the words stands in the file as it is, in any case of letters; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return _stands(iter(lambda: stream.read(BLOCK_BYTES), b""), _needles(words))
    except OSError:
        return False


def _files(folder: Path, closed: list[Path]) -> Iterator[Path]:
    """Files one after another, without listing them all first."""
    for place, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file():
                yield path


def _needles(words: Collection[str]) -> list[bytes]:
    """As which bytes the words may stand: bytes are compared in lower case, which only ASCII letters have."""
    forms = {cased for word in words for cased in (word.lower(), word.upper())}
    return sorted({form.encode(code).lower() for form in forms for code in ("utf-8", "utf-16-le", "utf-16-be")})


def _streams(path: Path, left: list[int]) -> Iterator[Iterator[bytes]]:
    """The file's own blocks, and those of what is packed in it. `left`: how much more may be unpacked."""
    with path.open("rb") as raw:
        magic = raw.read(8)
        raw.seek(0)
        yield iter(lambda: raw.read(BLOCK_BYTES), b"")
    if magic.startswith(_OF_OTHERS):
        raise OSError("no program here unpacks it")
    if magic.startswith(_ZIP):
        with zipfile.ZipFile(path) as packed:
            for entry in packed.infolist():
                with packed.open(entry) as member:
                    yield _unpacked(member, entry.compress_size, left)
    for begin, opened in _OPENED_BY.items():
        if magic.startswith(begin):
            with opened(path) as stream:
                yield _unpacked(stream, path.stat().st_size, left)


def _unpacked(stream: IO[bytes], packed: int, left: list[int]) -> Iterator[bytes]:
    most, read = SMALL_BYTES + packed * PACKED_MAX, 0
    while block := stream.read(BLOCK_BYTES):
        read += len(block)
        left[0] -= len(block)
        if read > most or left[0] < 0:
            raise _TooLarge
        yield block


def _stands(blocks: Iterator[bytes], needles: Collection[bytes]) -> bool:
    overlap = max(map(len, needles), default=1) - 1
    kept = b""
    for block in blocks:
        text = kept + block.lower()
        if any(needle in text for needle in needles):
            return True
        kept = text[-overlap:] if overlap else b""
    return False
