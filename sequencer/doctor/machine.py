"""The machine: its clock beside every clock that could be read, its disk, its time zone rules.

A clock that is wrong sends at the wrong hour and makes daemons mistrust each other's leases. The servers' own dates are
compared, so no third party is asked for the time; what gave no date is said.
"""

import ctypes
import shutil
import threading
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from pathlib import Path

from sequencer.doctor.finding import Finding, counted, fail, ok, warn

__all__ = ["ClockReadings", "Machine", "clock", "disk", "time_zones"]

SKEW_S_WARN = 30.0
SKEW_S_FAIL = 300.0
DISK_BYTES_FAIL = 100_000_000
DISK_BYTES_WARN = 1_000_000_000
RULES_YEARS_MAX = 2  # some country changes its rules in most years
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit Linux


def _kernel_says_synchronised() -> bool | None:
    """Whether something keeps this clock right (adjtimex(2), read only); None where the kernel does not say."""
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine says of itself. The defaults ask it; a test hands in its own."""

    free_bytes: Callable[[Path], int] = _free
    synchronised: Callable[[], bool | None] = _kernel_says_synchronised
    zone_folders: tuple[str, ...] = field(default_factory=lambda: zoneinfo.TZPATH)


class ClockReadings:
    """How far other clocks are from ours, gathered by checks that meet them; from many threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def saw(self, source: str, instant: datetime) -> None:
        """`source` says that it is `instant` now."""
        with self._lock:
            self._seconds[source] = (self._now() - instant).total_seconds()

    def taken(self) -> dict[str, float]:
        """Seconds by which our clock is ahead of each source."""
        with self._lock:
            return dict(self._seconds)


def clock(readings: ClockReadings, machine: Machine, now: datetime) -> Iterator[Finding]:
    """Ours beside all that were read."""
    taken = readings.taken()
    mend = "sudo timedatectl set-ntp true, or start another NTP service"
    if not taken:
        shown = f"{now:%Y-%m-%d %H:%M:%S} UTC; no server told its time"
        match machine.synchronised():
            case True:
                yield ok("clock", f"{shown}, but the system keeps it synchronised")
            case _:
                yield warn(
                    "clock", f"{shown}, so it could not be compared", f'compare it with "date -u" elsewhere; {mend}'
                )
        return
    source, seconds = min(taken.items(), key=lambda reading: abs(reading[1]))
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if abs(seconds) < SKEW_S_WARN:
        yield ok("clock", f"{shown}, within {max(1, round(abs(seconds)))} s of {source}")
        return
    direction = "ahead of" if seconds > 0 else "behind"
    told = fail if abs(seconds) >= SKEW_S_FAIL else warn
    yield told("clock", f"{shown} is {_length(abs(seconds))} {direction} {source}", mend)


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"


def disk(folder: Path, machine: Machine) -> Iterator[Finding]:
    """Room beside the database."""
    free = machine.free_bytes(folder)
    shown = f"{size(free)} free at {folder}"
    mend = f"free some space there; du -xh {folder} | sort -h | tail shows what is large"
    if free < DISK_BYTES_FAIL:
        yield fail("disk", f"only {shown}: a full disk stops every send", mend)
    elif free < DISK_BYTES_WARN:
        yield warn("disk", f"only {shown}", mend)
    else:
        yield ok("disk", shown)


def size(number: float) -> str:
    """`1.2 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def time_zones(machine: Machine, now: datetime) -> Iterator[Finding]:
    """Whether the rules of the world's zones are there, and of which year; the system's go before the wheel's."""
    folder = next((Path(each) for each in machine.zone_folders if (Path(each) / "Europe" / "Madrid").is_file()), None)
    version = _system_version(folder) if folder else _wheel_version()
    where = str(folder) if folder else "the package tzdata"
    mend = "apt-get install --only-upgrade tzdata" if folder else "pip install --upgrade tzdata"
    if folder is None and not version:
        yield fail("time zones", "there are none on this machine", "pip install tzdata")
    elif version[:4].isdigit() and now.year - int(version[:4]) > RULES_YEARS_MAX:
        yield warn("time zones", f"the rules are those of {version} ({where}); daylight saving may have changed", mend)
    else:
        known = counted(len(zoneinfo.available_timezones()), "zone")
        yield ok("time zones", f"{known}, rules of {version or 'an unknown year'} ({where})")


def _system_version(folder: Path) -> str:
    try:
        with (folder / "tzdata.zi").open() as file:
            return file.readline().removeprefix("# version").strip()
    except OSError:
        return ""


def _wheel_version() -> str:
    try:
        return metadata.version("tzdata")
    except metadata.PackageNotFoundError:
        return ""
