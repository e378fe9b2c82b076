"""What a check says: one line that is ok, a warning or a failure, and a second line that says how to mend it.

Here so that every check speaks one language, whether it asked a server, a file or a table. It formats nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Finding", "Line", "Status", "counted", "fail", "ok", "warn"]

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`name`: what was looked at, one or two words. `mend`: the record, key or command that puts it right."""

    name: str
    status: Status
    text: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` may block and may raise. `last`: it needs what the others found."""

    group: str
    name: str
    run: Callable[[], Iterable[Finding]]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A finding and the group it stands in: "installation", "domain ourco.test", "mailbox ana@ourco.test"."""

    group: str
    finding: Finding


def ok(name: str, text: str) -> Finding:
    return Finding(name, "ok", text)


def warn(name: str, text: str, mend: str = "") -> Finding:
    return Finding(name, "warn", text, mend)


def fail(name: str, text: str, mend: str = "") -> Finding:
    return Finding(name, "fail", text, mend)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 rep`, `2 reps`; `many` where it is not made by an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
