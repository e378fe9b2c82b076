"""The tree of an expression: which facts there are, what each part is, and how stored text reads as a number or a yes.

One closed union of frozen values, so that whoever walks a condition handles every case. It reads no text and evaluates
nothing: core/expression.py makes the tree, core/condition.py asks it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from sequencer.core.people import FieldValue

Owner = Literal["prospect", "account"]
FactName = Literal[
    "replied",
    "engaged",
    "linkedin_connected",
    "opened",
    "clicked",
    "clicks",
    "days_since",
    "outcome",
    "answered",
]
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "lacks"]

OWNERS: tuple[Owner, ...] = get_args(Owner)
FACTS: tuple[FactName, ...] = get_args(FactName)
YES_NO_FACTS = frozenset({"replied", "engaged", "linkedin_connected", "opened", "clicked"})
NUMBER_FACTS = frozenset({"clicks", "days_since"})
STEP_FACTS = frozenset({"opened", "clicked", "outcome", "days_since"})
POLL_FACTS = frozenset({"answered"})

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_YES_NO = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


class ConditionError(ValueError):
    """An expression that cannot be used; the message is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the expression."""

    value: FieldValue


@dataclass(frozen=True, slots=True)
class Choices:
    """A list written in the expression; stands on the right of `in` and `not in` only."""

    values: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the enrollment; `about` is the id of a step or a poll, or empty."""

    name: FactName
    about: str = ""

    def __str__(self) -> str:
        return f"{self.name}({self.about})" if self.about else self.name


@dataclass(frozen=True, slots=True)
class Field:
    """What import stored about the person or the company."""

    owner: Owner
    name: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


Subject = Fact | Field


@dataclass(frozen=True, slots=True)
class Comparison:
    """`"vp" in prospect.title` is stored as prospect.title contains "vp", `2 <= clicks` as clicks >= 2."""

    left: Subject
    operator: Operator
    right: Subject | Constant | Choices


@dataclass(frozen=True, slots=True)
class Truth:
    """A fact, a field, True or False standing alone."""

    of: Subject | Constant


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """`and`; also a chained comparison."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`or`."""

    parts: tuple["Node", ...]


Node = Comparison | Truth | Not | Every | Either


def leaves(node: Node) -> Iterator[Truth | Comparison]:
    """What its `and`, `or` and `not` join, from left to right."""
    match node:
        case Every() | Either():
            for part in node.parts:
                yield from leaves(part)
        case Not():
            yield from leaves(node.part)
        case _:
            yield node


def as_number(value: FieldValue) -> int | float | None:
    """The number that `value` is, or that its text spells (import stores text); None for everything else and NaN."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    return value if value == value else None


def as_yes_no(value: FieldValue) -> bool | None:
    """The truth that `value` is or that its text spells: true/false, yes/no, y/n, 1/0."""
    if isinstance(value, bool):
        return value
    return _YES_NO.get(value.strip().casefold()) if isinstance(value, str) else None
