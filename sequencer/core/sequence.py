"""What a sequence file may say: frozen pydantic models, which are also its JSON Schema.

Past this door no code meets a malformed value. Whether names and targets exist is checked by content/lint.py, where
the line is known; nothing here reads a file.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, PrivateAttr, StringConstraints, Tag, model_validator

from sequencer.core.people import Channel
from sequencer.core.reaction import Answers, Frozen, OverdueReaction, Priority, Reaction
from sequencer.core.reason import Place
from sequencer.core.span import NOTHING, Span

STEPS_MAX = 100
RULES_MAX = 20
END = "end"
HOURS = re.compile(r"([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d")

StepId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Hours = Annotated[str, StringConstraints(pattern=rf"^{HOURS.pattern}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Wait(Frozen):
    """How long after the step before it, or after the step `anchor` names."""

    span: Span = Field(default=NOTHING, validation_alias="for")
    anchor: StepId | None = Field(default=None, validation_alias="from")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"for": value} if isinstance(value, str | Span) else value


class Tracking(Frozen):
    opens: bool = False
    clicks: bool = False


def _hours(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _countries(value: Any) -> Any:
    return value if isinstance(value, str) else tuple(value)


WindowHours = Mapping[str, Annotated[tuple[Hours, ...], BeforeValidator(_hours)]]


class Settings(Frozen):
    """Choices of one sequence; what is not set comes from config.toml's policy."""

    window: str | WindowHours | None = None
    timezone: str = "prospect"
    holidays: Annotated[str | tuple[str, ...], BeforeValidator(_countries)] = "prospect"
    exclusive: bool = True
    reenroll_after: Span = Span(90, "d")
    track: Tracking = Tracking()


class StepBase(Frozen):
    """What every step may say."""

    kind: ClassVar[str]
    channel: ClassVar[Channel | None] = None

    id: StepId
    wait: Wait = Wait()
    at: Hours | None = None
    when: Expression | None = None
    next: str | None = None
    renamed_from: StepId | None = None


class ManualStep(StepBase):
    """A step that a person performs: it opens a task."""

    priority: Priority = "normal"
    outcomes: Mapping[str, Reaction] = Field(default_factory=dict)
    on_overdue: OverdueReaction | None = None


class EmailVariants(Frozen):
    variants: Mapping[StepId, str] = Field(min_length=1, max_length=10)
    choose: Literal["even", "adaptive"] | Mapping[StepId, Annotated[int, Field(ge=0, le=1000)]] = "even"

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if isinstance(self.choose, Mapping):
            if unknown := sorted(set(self.choose) - set(self.variants)):
                raise ValueError(f"choose names {', '.join(unknown)}, which is no variant")
            if not sum(self.choose.values()):
                raise ValueError("choose gives every variant the weight 0")
        return self


def _one_template(value: Any) -> Any:
    return {"variants": {"only": value}} if isinstance(value, str) else value


class EmailStep(StepBase):
    kind: ClassVar[str] = "email"
    channel: ClassVar[Channel | None] = "email"

    email: Annotated[EmailVariants, BeforeValidator(_one_template)]
    reply_to: StepId | None = None
    review: bool = False
    priority: Priority = "normal"
    on_overdue: OverdueReaction | None = None

    @property
    def outcomes(self) -> Mapping[str, Reaction]:
        return {}


class CallStep(ManualStep):
    kind: ClassVar[str] = "call"
    channel: ClassVar[Channel | None] = "call"

    call: str


class LinkedInStep(ManualStep):
    kind: ClassVar[str] = "linkedin"
    channel: ClassVar[Channel | None] = "linkedin"

    linkedin: Literal["view", "connect", "message", "inmail", "follow", "like"]
    note: str | None = None


class TaskStep(ManualStep):
    kind: ClassVar[str] = "task"

    task: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    script: str | None = None


class BranchStep(StepBase):
    kind: ClassVar[str] = "branch"

    branch: Expression
    within: Span | None = None
    then: str
    otherwise: str = Field(validation_alias="else")


KINDS = ("email", "call", "linkedin", "task", "branch")


def _kind(value: Any) -> str | None:
    if isinstance(value, StepBase):
        return value.kind
    found = [kind for kind in KINDS if isinstance(value, Mapping) and kind in value]
    return found[0] if len(found) == 1 else None


Step = Annotated[
    Annotated[EmailStep, Tag("email")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[LinkedInStep, Tag("linkedin")]
    | Annotated[TaskStep, Tag("task")]
    | Annotated[BranchStep, Tag("branch")],
    Discriminator(
        _kind,
        custom_error_type="step_kind",
        custom_error_message="a step has exactly one of email, call, linkedin, task and branch",
    ),
]
AnyStep = EmailStep | CallStep | LinkedInStep | TaskStep | BranchStep


class Rule(Frozen):
    """A reaction at any moment, once an enrollment."""

    id: StepId
    when: Expression
    do: Reaction


class Sequence(Frozen):
    """One sequence file. `id` is the file's stem."""

    id: StepId
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    owner: str | None = None
    tags: tuple[str, ...] = ()
    renamed_from: StepId | None = None
    settings: Settings = Settings()
    on: Answers = Answers()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=STEPS_MAX)
    rules: tuple[Rule, ...] = Field(default=(), max_length=RULES_MAX)

    _path: str = PrivateAttr("")
    _lines: Mapping[str, int] = PrivateAttr(default_factory=dict)

    def located(self, path: str, lines: Mapping[str, int]) -> Self:
        """The same sequence, knowing its file and the line of each key (`steps.2.wait` -> 14)."""
        copy = self.model_copy()
        copy._path, copy._lines = path, lines
        return copy

    def place(self, key: str) -> Place:
        """Where `key` is written; the nearest key above it if it is not written at all."""
        if (found := self._places.get(key)) is None:
            written = key
            while written and written not in self._lines:
                written = written.rpartition(".")[0]
            found = self._places[key] = Place(self._path, self._lines.get(written, 0))
        return found

    @cached_property
    def _places(self) -> dict[str, Place]:
        return {}

    @cached_property
    def index(self) -> Mapping[str, int]:
        return {step.id: at for at, step in enumerate(self.steps)}

    def step(self, step_id: str) -> AnyStep:
        """Raises KeyError for an id that no step has."""
        return self.steps[self.index[step_id]]

    def step_place(self, step_id: str, key: str = "") -> Place:
        where = f"steps.{self.index[step_id]}"
        return self.place(f"{where}.{key}" if key else where)

    def after(self, step_id: str) -> str | None:
        """The id of the step that follows; None at the end."""
        at = self.index[step_id]
        target = self.steps[at].next
        if target is not None:
            return None if target == END else target
        return self.steps[at + 1].id if at + 1 < len(self.steps) else None
