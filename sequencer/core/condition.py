"""A condition over facts: does it hold, and in words why or why not.

`when`, `branch`, `rules` and `--where` share it, so that one wording means one thing everywhere. It asks no clock and
no store (`Facts` is handed in) and does not know whether a step, poll or field exists: content checks `steps`, `polls`
and `fields` where the line is known.

What a comparison means:
- A missing value (no such field, a blank cell, an outcome or date that never came) makes it false whichever the
  operator, `!=` and `not in` too; `not` around it is then true. The same goes for values that do not compare.
- A number and text that spells a number compare as numbers, since import stores text; so do two texts under < and >
  when both spell numbers. Yes/no text compares with True and False.
- Text compares without regard to case and outer blanks; < and > are alphabetical.
- `"vp" in prospect.title` looks for a part of the text, without regard to case.
- A field alone is true when it is there and is not 0, False, "no", "false" or "n"; `outcome(id)`, `answered(id)` and a
  country alone are true when there is one.
"""

import math
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any, assert_never

from sequencer.core.expression import read
from sequencer.core.expression_facts import Facts, NoTouches, value_of
from sequencer.core.expression_tree import (
    NUMBER_FACTS,
    POLL_FACTS,
    STEP_FACTS,
    YES_NO_FACTS,
    Choices,
    Comparison,
    ConditionError,
    Constant,
    Either,
    Every,
    Fact,
    Field,
    Node,
    Not,
    Operator,
    Subject,
    Truth,
    as_number,
    as_yes_no,
    leaves,
)
from sequencer.core.people import FieldValue

__all__ = ["Condition", "ConditionError", "Facts", "NoTouches", "explain", "holds", "parse"]

SHOWN_CHARS_MAX = 60
_PARSED_MAX = 4096
_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_NEEDS: dict[Operator, str] = {
    "==": "{}",
    "!=": "anything but {}",
    "<": "less than {}",
    "<=": "at most {}",
    ">": "more than {}",
    ">=": "at least {}",
    "in": "one of {}",
    "not in": "none of {}",
    "contains": "to contain {}",
    "lacks": "not to contain {}",
}
_OPPOSITE: dict[Operator, Operator] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "in": "not in",
    "not in": "in",
    "contains": "lacks",
    "lacks": "contains",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked expression: `source` as it was written and its tree."""

    source: str
    tree: Node = field(repr=False)

    @property
    def steps(self) -> frozenset[str]:
        """Ids of the steps it names."""
        return frozenset(
            each.about for each in _subjects(self.tree) if isinstance(each, Fact) and each.name in STEP_FACTS
        )

    @property
    def polls(self) -> frozenset[str]:
        """Ids of the polls it names."""
        return frozenset(
            each.about for each in _subjects(self.tree) if isinstance(each, Fact) and each.name in POLL_FACTS
        )

    @property
    def fields(self) -> frozenset[str]:
        """Fields it names, as `prospect.stage`."""
        return frozenset(str(each) for each in _subjects(self.tree) if isinstance(each, Field))

    def __str__(self) -> str:
        return self.source


@lru_cache(maxsize=_PARSED_MAX)
def parse(source: str) -> Condition:
    """Check `source` whole; at most 500 characters, 50 parts, 10 deep. Raises ConditionError, with what to write."""
    return Condition(source, read(source))


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether `condition` is true of `facts`; never raises."""
    return _true(condition.tree, facts)


def explain(condition: Condition, facts: Facts) -> str:
    """Short sentences: what made it true ("clicks is 3"), or what is wanting ("clicks is 1, needs at least 2").

    Shows field values of the person: for the screen, not for events.
    """
    return _reasons(condition.tree, facts, goal=True)


def _subjects(node: Node) -> Iterator[Subject]:
    for leaf in leaves(node):
        sides = (leaf.of,) if isinstance(leaf, Truth) else (leaf.left, leaf.right)
        yield from (each for each in sides if isinstance(each, Fact | Field))


def _true(node: Node, facts: Facts) -> bool:
    match node:
        case Every():
            return all(_true(part, facts) for part in node.parts)
        case Either():
            return any(_true(part, facts) for part in node.parts)
        case Not():
            return not _true(node.part, facts)
        case Truth():
            return _stands(node.of, facts)
        case Comparison():
            return _compared(node, facts) is True
        case _:
            assert_never(node)


def _stands(operand: Subject | Constant, facts: Facts) -> bool:
    value = value_of(operand, facts)
    match operand:
        # The answer "No" is an answer, and the country NO is Norway.
        case Fact(name="outcome" | "answered") | Field(name="country"):
            return value is not None
        case _:
            return value is not None and as_yes_no(value) is not False and as_number(value) != 0


def _compared(node: Comparison, facts: Facts) -> bool | None:
    """None: a side is missing, or the two do not compare."""
    left = value_of(node.left, facts)
    if left is None:
        return None
    if isinstance(node.right, Choices):
        equal = [_ordered(left, "==", each) for each in node.right.values]
        if all(each is None for each in equal):
            return None
        return (True in equal) == (node.operator == "in")
    right = value_of(node.right, facts)
    return None if right is None else _ordered(left, node.operator, right)


def _ordered(left: FieldValue, operator: Operator, right: FieldValue) -> bool | None:
    if operator in ("contains", "lacks"):
        if not (isinstance(left, str) and isinstance(right, str)):
            return None
        return (_folded(right) in _folded(left)) == (operator == "contains")
    if isinstance(left, bool) or isinstance(right, bool):
        yes_left, yes_right = as_yes_no(left), as_yes_no(right)
        if yes_left is None or yes_right is None or operator not in ("==", "!="):
            return None
        return (yes_left == yes_right) == (operator == "==")
    both_text = isinstance(left, str) and isinstance(right, str)
    if not both_text or operator not in ("==", "!="):
        number_left, number_right = as_number(left), as_number(right)
        if number_left is not None and number_right is not None:
            return _TESTS[operator](number_left, number_right)
    if isinstance(left, str) and isinstance(right, str):
        return _TESTS[operator](_folded(left).strip(), _folded(right).strip())
    return None


def _folded(text: str) -> str:
    """Composed and without case: "JOSÉ" typed with a combining accent equals "josé"."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _reasons(node: Node, facts: Facts, *, goal: bool) -> str:
    """Why the truth of `node` is, or is not yet, what is wanted of it."""
    match node:
        case Not():
            return _reasons(node.part, facts, goal=not goal)
        case Every() | Either():
            met = _true(node, facts) is goal
            telling = [part for part in node.parts if (_true(part, facts) is goal) is met]
            any_would_do = not met and isinstance(node, Either) is goal
            sentences = dict.fromkeys(_reasons(part, facts, goal=goal) for part in telling)
            return ("; or " if any_would_do else "; ").join(sentences)
        case Truth(Constant()):
            return "always true" if _true(node, facts) else "never true"
        case Truth() | Comparison():
            return _leaf(node, facts, goal=goal)
        case _:
            assert_never(node)


def _leaf(leaf: Truth | Comparison, facts: Facts, *, goal: bool) -> str:
    subject = leaf.left if isinstance(leaf, Comparison) else leaf.of
    assert not isinstance(subject, Constant)
    value = value_of(subject, facts)
    if value is not None:
        state = f"{subject} is {_shown(value)}"
    else:
        state = f"{subject} is missing" if isinstance(subject, Field) else f"{subject} has no value yet"
    if _true(leaf, facts) is goal:
        return state
    if isinstance(leaf, Truth):
        return f"{state}, needs {_wanted(subject, goal=goal)}"
    if value is not None and _compared(leaf, facts) is None and not _right_missing(leaf, facts):
        return f"{state}, which does not compare with {_right_shown(leaf, facts)}"
    operator = leaf.operator if goal else _OPPOSITE[leaf.operator]
    return f"{state}, needs {_NEEDS[operator].format(_right_shown(leaf, facts))}"


def _wanted(subject: Subject, *, goal: bool) -> str:
    """What a subject that stands alone has to be."""
    if isinstance(subject, Field):
        return "a value other than no and 0" if goal else "no or nothing"
    if subject.name in YES_NO_FACTS:
        return "yes" if goal else "no"
    if subject.name in NUMBER_FACTS:
        return "at least 1" if goal else "0"
    return "one" if goal else "none"


def _right_missing(leaf: Comparison, facts: Facts) -> bool:
    return not isinstance(leaf.right, Choices) and value_of(leaf.right, facts) is None


def _right_shown(leaf: Comparison, facts: Facts) -> str:
    match leaf.right:
        case Choices(values):
            return ", ".join(_shown(value) for value in values)
        case Constant(value):
            return _shown(value)
        case Fact() | Field():
            value_now = value_of(leaf.right, facts)
            return f"{leaf.right} ({'missing' if value_now is None else _shown(value_now)})"
        case _:
            assert_never(leaf.right)


def _shown(value: FieldValue) -> str:
    """A value in a sentence: one line, at most 60 characters; a long fraction is cut: 2.9999999 is not shown as 3."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        text = " ".join("".join(char if char.isprintable() else " " for char in value[: SHOWN_CHARS_MAX * 2]).split())
        return f'"{text}"' if len(text) <= SHOWN_CHARS_MAX else f'"{text[: SHOWN_CHARS_MAX - 1]}…"'
    if abs(value) >= 10**15:
        return "a very large number"
    text = str(value)
    if isinstance(value, float) and len(text) > 8:
        text = f"{math.floor(value * 100) / 100:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
