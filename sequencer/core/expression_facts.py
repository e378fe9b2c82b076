"""What an expression can ask of one enrollment, and the answers for a person to whom nothing has happened yet.

`Facts` is structural: the projection of an enrollment's events satisfies it without knowing it, `NoTouches` serves
`enroll --where`. It compares nothing: core/condition.py does that.
"""

from dataclasses import dataclass, field
from typing import Protocol, assert_never

from sequencer.core.expression_tree import Constant, Fact, Field, Subject
from sequencer.core.people import Fields, FieldValue


class Facts(Protocol):
    """What is known of one enrollment. A step that never happened: False or None; never an error."""

    @property
    def replied(self) -> bool: ...
    @property
    def clicks(self) -> int: ...
    @property
    def engaged(self) -> bool: ...
    @property
    def linkedin_connected(self) -> bool: ...
    @property
    def prospect(self) -> Fields: ...
    @property
    def account(self) -> Fields: ...
    def opened(self, step: str, /) -> bool: ...
    def clicked(self, step: str, /) -> bool: ...
    def outcome(self, step: str, /) -> str | None: ...
    def answered(self, poll: str, /) -> str | None: ...
    def days_since(self, step: str, /) -> float | None: ...


@dataclass(frozen=True, slots=True)
class NoTouches:
    """The facts of a person to whom nothing has happened yet: what `enroll --where` is asked about."""

    prospect: Fields
    account: Fields
    replied: bool = field(default=False, init=False)
    clicks: int = field(default=0, init=False)
    engaged: bool = field(default=False, init=False)
    linkedin_connected: bool = field(default=False, init=False)

    def opened(self, step: str, /) -> bool:
        return False

    def clicked(self, step: str, /) -> bool:
        return False

    def outcome(self, step: str, /) -> str | None:
        return None

    def answered(self, poll: str, /) -> str | None:
        return None

    def days_since(self, step: str, /) -> float | None:
        return None


def value_of(operand: Subject | Constant, facts: Facts) -> FieldValue | None:
    """What it is now; None when missing, blank or not a number at all (NaN)."""
    value = _stored(operand, facts)
    if isinstance(value, str):
        return value if value.strip() else None
    return value if value == value else None


def _stored(operand: Subject | Constant, facts: Facts) -> FieldValue | None:
    match operand:
        case Constant(value):
            return value
        case Field(owner, name):
            return (facts.prospect if owner == "prospect" else facts.account).get(name)
        case Fact():
            return _told(operand, facts)
        case _:
            assert_never(operand)


def _told(fact: Fact, facts: Facts) -> FieldValue | None:
    match fact.name:
        case "replied":
            return facts.replied
        case "engaged":
            return facts.engaged
        case "linkedin_connected":
            return facts.linkedin_connected
        case "clicks":
            return facts.clicks
        case "opened":
            return facts.opened(fact.about)
        case "clicked":
            return facts.clicked(fact.about)
        case "days_since":
            return facts.days_since(fact.about)
        case "outcome":
            return facts.outcome(fact.about)
        case "answered":
            return facts.answered(fact.about)
        case _:
            assert_never(fact.name)
