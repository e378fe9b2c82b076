"""The copy of the epoch outside the database: by it a daemon notices that its database is older than what was sent.

Two slots in one file are written in turn, each with its digest, so that a crash in mid-write leaves the one before. The
file is written in place and names its machine, its own inode and when it was written: so a copy of it is known as one,
also one that is put back over it. Every few seconds it is made anew, on another inode, so that an older copy that is
written into it with its old date (cp -a, rsync --inplace) names the wrong one. One process has it open.

A mail leaves in this order: 1 the fence raises the database's epoch and commits; 2 this file says that epoch, durable;
3 the dot. "Held" is decided by: the file says more than the database.

    crash before 1      database n,   file n      equal: goes on, nothing left
    between 1 and 2     database n+1, file n      the database is ahead: goes on, nothing left
    in the middle of 2  database n+1, file n      the torn slot does not count, the other one does
    between 2 and 3     database n+1, file n+1    equal: goes on; the mail is uncertain, by its row
    after 3             database n+1, file n+1    equal: goes on; the same
    database from before 1, after 3               n < n+1: held. So nothing false is held and nothing lost is missed.
"""

import fcntl
import json
import os
import stat
import struct
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from sequencer.errors import InputError, StoreError
from sequencer.store.durable import make_durable
from sequencer.store.epoch import Epoch

SLOT_BYTES = 4096  # no two slots in one sector of any disk
AHEAD_MAX = 20  # so often the clock may be set back, each time less far; two count as one then, as late as either
TOUCHED_S = 2.0  # some file systems tell times in steps of this; what is later was not written by a daemon
RENEWED_AFTER_S = 10.0
GENERATION = 0x80007601 | struct.calcsize("l") << 16  # FS_IOC_GETVERSION: an inode's number is given again, this is not
MACHINE_ID = Path("/etc/machine-id")
Standing = Literal["none", "unreadable", "copy", "good"]


@dataclass(frozen=True, slots=True)
class Told:
    """What the file at `path` says. `standing`: it is new, torn, a copy of another file, or itself.

    `installation`: whose it is. `at`: when it was written last, in seconds since 1970.
    `ahead`: (when a mail left by a clock that was set back since, how many mails were counted by then)
    """

    path: Path
    standing: Standing
    epoch: Epoch = Epoch()
    installation: str = ""
    at: float = 0.0
    ahead: tuple[tuple[float, int], ...] = ()

    def until(self, mails: int) -> float:
        """When the last mail left beside these first ones, as far as the file tells; in seconds since 1970."""
        return max(self.at, *(at for at, counted in self.ahead if counted > mails), 0.0)


class EpochFile:
    """An open epoch file. `installation` names the database that it belongs to, whatever copy of it that is.

    `others` tells what the files of the other daemons of this folder say. `held_in_series`: the series of our ids when
    sends were held last, by what it said; None while they are not.
    """

    def __init__(
        self,
        path: Path,
        descriptor: int,
        installation: str,
        machine: Path = MACHINE_ID,
        others: Callable[[], Collection[Told]] = tuple,
    ) -> None:
        self.path, self._descriptor, self._installation, self._others = path, descriptor, installation, others
        self._machine, self._renewed_at = _machine(machine), 0.0
        self._self, self._generation = self._names_of(descriptor)
        self._slot, self._ahead, self._counted = 0, tuple[tuple[float, int], ...](), False
        self.held_in_series: int | None = None
        own = self._read()
        if own.installation not in ("", installation) and not own.epoch.mails:
            own = Told(path, "none")  # another database's, which sent nothing: it vouches for nobody
        self.told = _together(own, others(), installation)
        self.written = self.told.epoch if self.told.installation == installation else Epoch()

    def write(self, epoch: Epoch) -> None:
        """Durable when it returns. Raises StoreError."""
        try:
            if self._counted:
                self._ahead = _with_later(self._ahead, os.fstat(self._descriptor).st_mtime, self.written.mails)
            written_at = self._now()
            if self.written.number and not 0 <= written_at - self._renewed_at < RENEWED_AFTER_S:
                self._renew(written_at)
            said = self._said(epoch, written_at, (self._self, self._generation))
            os.pwrite(self._descriptor, said, self._slot * SLOT_BYTES)
            os.fdatasync(self._descriptor)
            os.utime(self._descriptor, (written_at, written_at))
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from None
        self._slot = 1 - self._slot
        self._counted = epoch.mails > self.written.mails
        self.written = epoch
        self.told = Told(self.path, "good", epoch, self._installation)

    def _said(self, epoch: Epoch, at: float, names: tuple[str, int]) -> bytes:
        said = {
            "epoch": epoch.number, "mails": epoch.mails, "line": epoch.line, "file": names[0],
            "generation": names[1], "installation": self._installation, "at": at, "ahead": self._ahead,
        }  # fmt: skip
        return _sealed(json.dumps(said).encode())

    def _renew(self, at: float) -> None:
        """The same on another inode. Where nothing can be made beside the file, or it is mounted, it stays as it is."""
        path = Path(os.path.realpath(self.path))
        beside = path.with_name(f"{path.name}.new")
        try:
            fresh = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
                before = os.fstat(self._descriptor)
                os.fchown(fresh, before.st_uid, before.st_gid)
                os.fchmod(fresh, stat.S_IMODE(before.st_mode))
                self._fill(fresh, at)
                os.replace(beside, path)
                os.dup2(fresh, self._descriptor, inheritable=False)
                make_durable(path.parent)
            finally:
                os.close(fresh)
        except OSError:
            with suppress(OSError):
                beside.unlink()
        self._self, self._generation = self._names_of(self._descriptor)
        self._renewed_at = at

    def _fill(self, descriptor: int, at: float) -> None:
        """What was said last, so that nothing is missing if nothing is written after it."""
        said = self._said(self.written, at, self._names_of(descriptor))
        os.pwrite(descriptor, said, (1 - self._slot) * SLOT_BYTES)
        os.fdatasync(descriptor)
        os.utime(descriptor, (at, at))

    def _names_of(self, descriptor: int) -> tuple[str, int]:
        return f"{self._machine} {os.fstat(descriptor).st_ino}", _generation(descriptor)

    def _now(self) -> float:
        """Seconds since 1970 by the clock of the file system, which the file bears as its date."""
        os.utime(self._descriptor)
        return os.fstat(self._descriptor).st_mtime

    def look_around(self) -> None:
        """Count what the other daemons have written since this file was opened."""
        self.told = _together(self.told, self._others(), self._installation)

    def accept(self) -> None:
        """Somebody reconciled: that it was new, torn or a copy when it was opened means nothing any more."""
        if self.told.installation in ("", self._installation):
            self.told = replace(self.told, standing="good", installation=self._installation)

    def _read(self) -> Told:
        raw = [os.pread(self._descriptor, SLOT_BYTES, slot * SLOT_BYTES) for slot in (0, 1)]
        if not any(each.strip(b"\0\n ") for each in raw):
            return Told(self.path, "none")
        good = [(said, slot) for slot, each in enumerate(raw) if (said := _opened(each)) is not None]
        if not good:
            return Told(self.path, "unreadable")
        ours = [each for each in good if each[0]["installation"] == self._installation]
        good = ours or good  # the other slot is still that of another database, whose file this was
        good.sort(key=lambda each: int(str(each[0]["epoch"])))
        said, slot = good[-1]
        before = int(str(good[0][0]["mails"])) if len(good) > 1 else 0
        epoch = Epoch(int(str(said["epoch"])), int(str(said["mails"])), int(str(said.get("line", 0))))
        self._slot, self._counted = 1 - slot, epoch.mails > before
        ahead = said.get("ahead")
        self._ahead = tuple((float(when), int(mails)) for when, mails in ahead) if isinstance(ahead, list) else ()
        at = os.fstat(self._descriptor).st_mtime
        standing: Standing = "good" if self._is_itself(said, at) else "copy"
        return Told(self.path, standing, epoch, str(said["installation"]), at, self._ahead)

    def _is_itself(self, said: Mapping[str, object], at: float) -> bool:
        """Whether a daemon wrote this on this inode, and nobody since; `at`: when it was written last."""
        written, generation = float(str(said.get("at", at))), said.get("generation", self._generation)
        return said["file"] == self._self and generation == self._generation and at <= written + TOUCHED_S


def _generation(descriptor: int) -> int:
    """Which file of this inode it is; 0 where the file system does not tell."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, GENERATION, bytes(8))[:4], sys.byteorder)
    except OSError:
        return 0


def _with_later(ahead: tuple[tuple[float, int], ...], at: float, mails: int) -> tuple[tuple[float, int], ...]:
    """Also this instant, by which so many mails had left. An earlier one counts for nothing where this one is later."""
    kept = tuple(each for each in ahead if each[0] > at)
    if len(kept) == AHEAD_MAX:
        kept = (*kept[:-2], (kept[-2][0], kept[-1][1]))
    return (*kept, (at, mails))


def _sealed(body: bytes) -> bytes:
    return (_digest(body) + b" " + body + b"\n").ljust(SLOT_BYTES, b"\n")


def _opened(raw: bytes) -> dict[str, object] | None:
    digest, _, body = raw.rstrip(b"\n\0").partition(b" ")
    if not body or digest != _digest(body):
        return None
    said: dict[str, object] = json.loads(body)
    return said


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).hexdigest().encode()


def _machine(file: Path) -> str:
    try:
        return file.read_text().strip() or "-"
    except OSError:
        return "-"


def installation_of(key: bytes) -> str:
    """A name for the database and all its copies, which tells nothing of its key."""
    return blake2b(digest_size=12, key=key, person=b"installation").hexdigest()


def _together(own: Told, others: Collection[Told], installation: str) -> Told:
    """What the files of one database say: the furthest counts, and one that lags belongs to a daemon that has stopped.

    One that nobody can read may have been the furthest. Those of another database say nothing.
    """
    if own.installation not in ("", installation):
        return own
    ours = [each for each in others if each.installation == installation]
    torn = [each for each in others if each.standing == "unreadable"]
    first = torn[0] if torn and own.standing in ("none", "good") else own
    epoch, at = max(each.epoch for each in (own, *ours)), max(each.at for each in (own, *ours))
    ahead = tuple(one for each in (own, *ours) for one in each.ahead)
    return replace(first, epoch=epoch, at=at, ahead=ahead, installation=installation if ours else own.installation)


def _names(path: Path, daemons_max: int) -> list[Path]:
    return [path, *(path.with_name(f"{path.name}.{number}") for number in range(2, daemons_max + 1))]


def begin(path: Path, key: bytes, epoch: Epoch) -> None:
    """The file of a database that is made now. One by which another one sent, or that nobody can read, stays.

    Raises StoreError.
    """
    with _taken(path) as descriptor:
        if descriptor is not None:
            make_durable(path.parent)
            file = EpochFile(path, descriptor, installation_of(key))
            if file.told.standing == "none":
                file.write(epoch)


@contextmanager
def opened(path: Path, key: bytes, machine: Path = MACHINE_ID, *, daemons_max: int = 1) -> Iterator[EpochFile]:
    """The file, made where there is none, for this process alone. Raises InputError, StoreError.

    `daemons_max`: how many daemons of one folder may share the database. Each has a file of its own then, the first
    that is free of `path`, `path.2` ...: a database that is older than any of them has forgotten something, also where
    the daemon of that file does not run.
    """
    names = _names(path, daemons_max)
    for one in names:
        with _taken(one) as descriptor:
            if descriptor is not None:
                make_durable(one.parent)
                others = partial(_look_at_all, [each for each in names if each != one], key)
                yield EpochFile(one, descriptor, installation_of(key), machine, others)
                return
    raise InputError(f"another daemon has {path} open: its database is this one, or a copy of it")


@contextmanager
def _taken(path: Path) -> Iterator[int | None]:
    """The descriptor of the file, made where there is none; None while another process has it. Raises StoreError."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield None
            return
        if _is_still(descriptor, path):
            break
        os.close(descriptor)  # it was made anew between the two
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def look(path: Path, key: bytes, *, daemons_max: int = 1) -> Told:
    """What the files say together, also while daemons have them open. Raises StoreError."""
    installation = installation_of(key)
    own, *others = [_look_at(each, installation) for each in _names(path, daemons_max)]
    return _together(own, others, installation)


def _look_at_all(paths: Collection[Path], key: bytes) -> list[Told]:
    return [look(each, key) for each in paths]


def _look_at(path: Path, installation: str) -> Told:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Told(path, "none")
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from None
    try:
        return EpochFile(path, descriptor, installation).told
    finally:
        os.close(descriptor)


def write_all(path: Path, key: bytes, epoch: Epoch, *, daemons_max: int = 1) -> None:
    """Each file that no daemon has open says this epoch, also one that nobody could read. Raises StoreError.

    A daemon writes its own. The other files of another database stay.
    """
    installation = installation_of(key)
    for one in _names(path, daemons_max):
        if one != path and _look_at(one, installation).installation not in ("", installation):
            continue
        if one == path or one.exists():
            with _taken(one) as descriptor:
                if descriptor is not None:
                    make_durable(one.parent)
                    EpochFile(one, descriptor, installation).write(epoch)
