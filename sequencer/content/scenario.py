"""What a scenario test may say, as checked models: who, from when, what happens, what is expected.

A scenario meets the same door as a sequence does: past it no code meets a malformed value. Files are read by
scenario_file.py; whether the steps that it names exist is engine/scenario_check.py's question.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, model_validator

from sequencer.core.people import Account, Prospect
from sequencer.core.reaction import Frozen, TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import StepId
from sequencer.core.span import Span
from sequencer.errors import DefinitionError

__all__ = ["START", "Case", "Expect", "Given", "Instant", "Scenario", "WallTime", "spoken"]

START = "start"
ENTRIES_MAX = 100
_AFTER = re.compile(r"\+?\s*(\d+\s*[a-z]+)\s+after\s+([a-z0-9]+(?:-[a-z0-9]+)*)")
_ENTRY = re.compile(r"^(given|expect)\.(\d+)")


@dataclass(frozen=True, slots=True)
class WallTime:
    """A day where the prospect is, and perhaps the minute of it."""

    day: date
    clock: time | None = None

    @classmethod
    def parse(cls, value: Any) -> "WallTime":
        """Read `2026-11-23` or `2026-11-23 09:00`. Raises ValueError, with what was expected."""
        text = str(value).strip()
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            read = None
        if read is None or read.tzinfo is not None:
            raise ValueError(f'"{text}" is no date: write it as in 2026-11-23, or "2026-11-23 09:00" on their clock')
        return cls(read.date(), read.time() if len(text) > len("2026-11-23") else None)

    def __str__(self) -> str:
        return f"{self.day:%a %d %b %Y}" + (f" {self.clock:%H:%M}" if self.clock else "")


@dataclass(frozen=True, slots=True)
class Instant:
    """A wall time of the prospect, or so long `after` a step happened (its mail left, its task opened)."""

    wall: WallTime | None = None
    span: Span | None = None
    after: str = START

    @classmethod
    def parse(cls, value: Any) -> "Instant":
        """Read `+2h after intro` or `2026-11-24 10:00`. Raises ValueError, with what was expected."""
        text = str(value).strip()
        if found := _AFTER.fullmatch(text):
            return cls(span=Span.parse(found[1]), after=found[2])
        try:
            return cls(wall=_with_clock(WallTime.parse(text)))
        except ValueError:
            raise ValueError(
                f'"{text}" is no instant: write +2h after intro, +1d after {START}, or "2026-11-24 10:00" (their clock)'
            ) from None

    def __str__(self) -> str:
        return str(self.wall) if self.wall else f"{self.span} after {self.after}"


def _with_clock(wall: WallTime) -> WallTime:
    if wall.clock is None:
        raise ValueError(f'"{wall.day}" has no time of day: write it as in "{wall.day} 09:00"')
    return wall


def _true(value: bool) -> bool:
    if not value:
        raise ValueError("write true, or remove the line")
    return value


def _length_of_pause(value: Any) -> Span | WallTime | None:
    text = str(value).strip()
    if text == "open":
        return None
    try:
        return Span.parse(text)
    except ValueError:
        pass
    try:
        return WallTime.parse(text)
    except ValueError:
        raise ValueError(f'"{text}" is no pause: write 5d, a date such as 2026-12-01, or open') from None


Moment = Annotated[Instant, PlainValidator(Instant.parse)]
Wall = Annotated[WallTime, PlainValidator(WallTime.parse)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Yes = Annotated[bool, AfterValidator(_true)]


class _Choice(Frozen):
    """An entry with exactly one of its kinds."""

    @property
    def kind(self) -> str:
        """The key that says what this is."""
        return next(name for name in self.kinds() if name in self.model_fields_set)

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        return tuple(name for name in cls.model_fields if name not in cls.beside())

    @classmethod
    def beside(cls) -> tuple[str, ...]:
        return ()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        found = [name for name in self.kinds() if name in self.model_fields_set]
        if len(found) != 1:
            said = f", not {' and '.join(found)}" if found else ""
            raise ValueError(f"write exactly one of {', '.join(self.kinds())}{said}")
        return self


class Given(_Choice):
    """One thing that happens. `step`: whose task is done or skipped; by default the one that `at` counts from."""

    at: Moment | None = None
    step: StepId | None = None
    reply: Text | None = None
    auto_reply: Text | None = None
    bounce: Literal["hard", "soft"] | None = None
    opt_out: Yes | None = None
    complaint: Yes | None = None
    meeting: Yes | None = None
    colleague_reply: Yes | None = None
    owner_wrote: Yes | None = None
    linkedin_connected: Yes | None = None
    open: StepId | None = None
    click: StepId | None = None
    poll: Annotated[Mapping[str, str], Field(min_length=1, max_length=1)] | None = None
    done: Text | None = None
    skip: Yes | None = None
    undone: StepId | None = None
    pause: Annotated[Span | WallTime | None, PlainValidator(_length_of_pause)] = None
    resume: Yes | None = None

    @classmethod
    def beside(cls) -> tuple[str, ...]:
        return ("at", "step")

    @property
    def of_task(self) -> str | None:
        """The step whose task it does or skips."""
        if self.done is None and self.skip is None:
            return None
        return self.step or (self.at.after if self.at and not self.at.wall else None)

    @model_validator(mode="after")
    def _when(self) -> Self:
        if (self.at is None) != (self.kind == "undone"):
            raise ValueError(
                "undone needs no at: nobody ever does that task" if self.at else "at is missing: when does it happen?"
            )
        if self.kind in ("done", "skip") and self.of_task in (None, START):
            raise ValueError(f"{self.kind} needs step: whose task is it?")
        if self.step is not None and self.kind not in ("done", "skip"):
            raise ValueError("step belongs to done and skip")
        return self


class Expect(_Choice):
    """One thing that is expected. Without `on`: at any time."""

    on: Wall | None = None
    because: Reason | None = None
    to: str | None = None
    until: Wall | None = None
    step: StepId | None = None
    skipped: StepId | None = None
    branch: StepId | None = None
    task: TaskKind | None = None
    finished: FinishReason | None = None
    held: Reason | None = None
    paused: Reason | None = None
    never: StepId | None = None
    nothing_after: Wall | None = None

    @classmethod
    def beside(cls) -> tuple[str, ...]:
        return ("on", "because", "to", "until")

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        for name, kind in (("because", "skipped"), ("to", "branch"), ("until", "paused")):
            if name in self.model_fields_set and self.kind != kind:
                raise ValueError(f"{name} belongs to {kind}")
        if self.on is not None and self.kind in ("never", "nothing_after"):
            raise ValueError(f"on does not belong to {self.kind}")
        return self


class Scenario(Frozen):
    """One scenario as it is written."""

    scenario: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    sequence: StepId
    prospect: Mapping[str, str]
    account: Mapping[str, str] = Field(default_factory=dict)
    rep: str | None = None
    start: Annotated[WallTime, PlainValidator(lambda value: _with_clock(WallTime.parse(value)))]
    given: Annotated[tuple[Given, ...], Field(max_length=ENTRIES_MAX)] = ()
    expect: Annotated[tuple[Expect, ...], Field(min_length=1, max_length=ENTRIES_MAX)]


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario with the people it speaks of; `lines` of its keys (`given.0.at` -> 7), "" of its beginning."""

    path: str
    lines: Mapping[str, int]
    scenario: Scenario
    person: Prospect
    account: Account | None

    def line(self, key: str) -> int:
        """Where `key` is written, or the nearest key above it."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key, 0)

    def wrong(self, key: str, message: str, hint: str = "") -> DefinitionError:
        return spoken(DefinitionError(self.path, self.line(key), message, hint))


def spoken(error: DefinitionError) -> DefinitionError:
    """`given 2` for `given.1`: people count from one."""
    said = _ENTRY.sub(lambda found: f"{found[1]} {int(found[2]) + 1}", error.message)
    return DefinitionError(error.path, error.line, said, error.hint)
