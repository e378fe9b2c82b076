"""The files of one Maildir folder: listed by unique name, read wherever a mail program has moved them meanwhile.

Apart from `maildir.py` because these are the races of the format, and nothing else. Reads only, apart from `file_copy`.
Source: https://cr.yp.to/proto/maildir.html, and Maildir++ for the flags.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RENAMES_MAX = 3  # tries to open a message that a mail program flags at the same time
DIGEST_BYTES = 8  # two of 100,000 names share one with a probability of 3e-10


@dataclass(frozen=True, slots=True, order=True)
class MessageFile:
    """Ordered by the delivery time in its name (seconds; 0 when the name tells none), then by the unique name."""

    delivered_at: int
    unique: str
    path: Path

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(os.fsencode(self.unique), digest_size=DIGEST_BYTES).digest()

    @property
    def filed_at(self) -> datetime | None:
        """The delivery time, UTC; None where the name tells none that there can be."""
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(self.delivered_at, UTC) if self.delivered_at else None
        return None


def listed(folder: Path, stamp_min: int) -> list[MessageFile]:
    """The messages of a folder in the order of delivery, those delivered and last written before `stamp_min` left out.

    Without drafts (flag D): nobody has sent them.

    Listed twice, new/ before cur/: a mail program moves files that way, and a file that is renamed during a listing
    may be missing from it.
    """
    found: dict[str, MessageFile] = {}
    for part in ("new", "cur") * 2:
        with os.scandir(folder / part) as entries:
            for entry in entries:
                unique, _, flags = entry.name.partition(":")
                if unique[:1] in ("", ".") or "D" in flags or not entry.is_file(follow_symlinks=False):
                    continue
                stamp = unique.partition(".")[0]
                delivered_at = int(stamp) if stamp.isascii() and stamp.isdigit() else 0
                if delivered_at >= stamp_min or _written_at(entry) >= stamp_min:
                    found[unique] = MessageFile(delivered_at, unique, Path(entry.path))
    return sorted(found.values())


def read(file: MessageFile, bytes_max: int) -> tuple[int, bytes] | None:
    """Size and at most `bytes_max` bytes, or None if the message is gone from its folder."""
    folder = file.path.parent.parent
    candidates = [file.path]
    for _ in range(RENAMES_MAX):
        for path in candidates:
            with suppress(FileNotFoundError), path.open("rb") as opened:
                return os.fstat(opened.fileno()).st_size, opened.read(bytes_max)
        candidates = _renamed(folder, file.unique)
    return None


def header_of(raw: bytes) -> bytes:
    """Up to the first empty line, with it; all of `raw` when there is none."""
    ends = [at + len(mark) for mark in (b"\n\n", b"\n\r\n") if (at := raw.find(mark)) >= 0]
    return raw[: min(ends, default=len(raw))]


def file_copy(folder: Path, raw: bytes) -> None:
    """Put `raw` into `folder` as read; twice the same bytes are one file, because its name holds their digest."""
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    if any(digest in file.unique for file in listed(folder, 0)):
        return
    unfinished = folder / "tmp" / f"{digest}.sequencer"
    with unfinished.open("wb") as opened:
        opened.write(raw)
        opened.flush()
        os.fsync(opened.fileno())
        delivered_at = int(os.fstat(opened.fileno()).st_mtime)
    unfinished.rename(folder / "cur" / f"{delivered_at}.{digest}.sequencer:2,S")


def _written_at(entry: "os.DirEntry[str]") -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # renamed a moment ago: the second listing has its new name
        return 0.0


def _renamed(folder: Path, unique: str) -> list[Path]:
    paths = (path for part in ("new", "cur") for path in (folder / part).iterdir())
    return [path for path in paths if path.name.partition(":")[0] == unique]
