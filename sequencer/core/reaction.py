"""Reaction: the one shape in which a sequence file says what happens next.

`on`, `outcomes`, `on_overdue` and `rules` all use it: a word (`next`, `skip`, `snooze`) or one map with at most one
move, plus `task` and `notify`. It only says; core/react.py turns it into actions.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sequencer.core.people import Channel
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.span import Span

MOVES = ("next", "skip", "snooze", "finish", "pause", "hold", "goto", "retry", "suppress", "reassign")
WORDS = ("next", "skip", "snooze")
TaskKind = Literal["call", "email", "linkedin", "answer", "refer", "fix", "other"]
Priority = Literal["low", "normal", "high", "urgent"]


class Frozen(BaseModel):
    """A checked, immutable value; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryRule(Frozen):
    """Do the step again `after` a while, at most `max` times."""

    after: Span
    max: Annotated[int, Field(ge=1, le=20)]


class Reaction(Frozen):
    """At most one move (next by default), and what goes with it."""

    next: bool = False
    skip: bool | Channel = False
    snooze: bool | Span = False
    finish: FinishReason | None = None
    pause: Literal["until_return"] | Span | None = None
    otherwise: Span | None = Field(
        default=None, validation_alias="else", description="with pause: until_return, when no date is given"
    )
    max: Span | None = Field(default=None, description="with pause: a longer absence holds instead")
    hold: Reason | None = None
    goto: str | None = None
    retry: RetryRule | None = None
    suppress: Channel | Literal["all"] | None = None
    reassign: str | None = None
    task: TaskKind | None = None
    script: str | None = None
    priority: Priority = "normal"
    due: Span | None = None
    notify: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in WORDS:
                raise ValueError(f'"{value}" is no reaction: write next, skip, snooze or a map, as in {{finish: goal}}')
            return {value: True}
        return value

    @model_validator(mode="after")
    def _one_move(self) -> Self:
        if len(self.moves) > 1:
            raise ValueError(f"one reaction has one move, not {' and '.join(self.moves)}")
        if (self.otherwise or self.max) and self.pause is None:
            raise ValueError("else and max belong to pause: until_return")
        if self.script and not self.task:
            raise ValueError("script belongs to task")
        return self

    @property
    def moves(self) -> tuple[str, ...]:
        return tuple(name for name in MOVES if getattr(self, name) not in (None, False))


class CountedReaction(Frozen):
    """A reaction to the nth event `within` a time."""

    after: Annotated[int, Field(ge=1, le=100)]
    within: Span
    then: Reaction


class OverdueReaction(Frozen):
    """What to `do` when a task is this long past its due time."""

    after: Span
    do: Reaction


class FixedReaction(Frozen):
    """Beside a fixed rule (reply, opt-out, meeting) only the task and the notice may be chosen."""

    task: TaskKind | Literal["none"] | None = None
    script: str | None = None
    priority: Priority = "normal"
    due: Span | None = None
    notify: str | None = None
    finish: FinishReason | None = None


class Answers(Frozen):
    """`on:` — what answers do, on top of LIFECYCLE's fixed rules. The defaults are those of LIFECYCLE's table."""

    reply: FixedReaction = FixedReaction(task="answer")
    opt_out: FixedReaction = FixedReaction()
    meeting_booked: FixedReaction = FixedReaction()
    auto_reply: Reaction = Reaction.model_validate({"pause": "until_return", "else": "10d", "max": "60d"})
    left_company: Reaction = Reaction(hold=Reason.BAD_ADDRESS, task="fix")
    hard_bounce: Reaction = Reaction(hold=Reason.BAD_ADDRESS, task="fix")
    soft_bounce: CountedReaction = CountedReaction(
        after=3, within=Span(30, "d"), then=Reaction(hold=Reason.BAD_ADDRESS, task="fix")
    )
    account_reply: Reaction = Reaction(pause=Span(14, "d"), notify="owner")
    owner_wrote: Reaction = Reaction(pause=Span(5, "d"))
