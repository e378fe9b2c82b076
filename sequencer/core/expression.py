"""The language of `when`, `branch`, `rules` and `--where`: text in, a checked tree out, or a sentence why not.

It exists so that an expression is checked whole, in names, kinds and size, before anything relies on it. It runs no
Python (`ast` only reads) and evaluates nothing: core/condition.py does that.
"""

import ast
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise

from sequencer.core.expression_scan import NESTING_MAX, quoted
from sequencer.core.expression_tree import (
    FACTS,
    NUMBER_FACTS,
    OWNERS,
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
    FactName,
    Field,
    Node,
    Not,
    Operator,
    Owner,
    Subject,
    Truth,
    as_number,
    as_yes_no,
)
from sequencer.core.people import FieldValue

SOURCE_CHARS_MAX = 500
NODES_MAX = 50

Operand = Subject | Constant | Choices

_FACT_NAMED: dict[str, FactName] = {name: name for name in FACTS}
_OWNER_NAMED: dict[str, Owner] = {name: name for name in OWNERS}
_ONLY = (
    "only and, or, not, comparisons, in, text, numbers, lists, prospect.field, account.field "
    "and facts can stand in an expression"
)
_WORDS = {"true": True, "false": False}
_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_SWAPPED: dict[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def read(source: str) -> Node:
    """The checked tree of `source`. Raises ConditionError, and nothing else, on any text."""
    if len(source) > SOURCE_CHARS_MAX:
        raise ConditionError(f"longer than {SOURCE_CHARS_MAX} characters: split it into several steps or rules")
    text = quoted(source)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        near = text[max((error.offset or 1) - 1, 0) :][:30].strip() or "the end"
        raise ConditionError(f"cannot be understood near {near} — is an and, or, quote or bracket missing?") from None
    except (ValueError, RecursionError, MemoryError):
        raise ConditionError("cannot be understood: simplify it") from None
    return _Reader().condition(tree.body, 1)


class _Reader:
    """Turns `ast` nodes into ours and counts them."""

    def __init__(self) -> None:
        self._nodes = 0

    def condition(self, node: ast.expr, depth: int) -> Node:
        match node:
            case ast.BoolOp():
                self._count(depth)
                parts = tuple(self.condition(value, depth + 1) for value in node.values)
                return Every(parts) if isinstance(node.op, ast.And) else Either(parts)
            case ast.UnaryOp(op=ast.Not()):
                self._count(depth)
                return Not(self.condition(node.operand, depth + 1))
            case ast.Compare():
                self._count(depth)
                operands = [self._operand(each, depth + 1) for each in (node.left, *node.comparators)]
                links = [
                    _comparison(left, operator, right)
                    for (left, right), operator in zip(pairwise(operands), node.ops, strict=True)
                ]
                return links[0] if len(links) == 1 else Every(tuple(links))
            case _:
                return _alone(self._operand(node, depth))

    def _operand(self, node: ast.expr, depth: int) -> Operand:
        self._count(depth)
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return Choices(tuple(self._element(element, depth + 1) for element in elements))
            case ast.Constant(value=str() | int() | float() as value):
                return Constant(_written(value))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if not isinstance(
                value, bool
            ):
                return Constant(-value)
            case ast.Name(id=name):
                return _name(name)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                if owner not in _OWNER_NAMED:
                    raise ConditionError(f"{owner} has no fields{_meant(owner, OWNERS) or f'; {_ONLY}'}")
                if name.startswith("_"):
                    raise ConditionError(f'"{name}" is no field: a field starts with a letter')
                return Field(_OWNER_NAMED[owner], name)
            case ast.Attribute():
                raise ConditionError("only one dot, as in prospect.stage or account.industry")
            case ast.Call():
                return _call(node)
            case ast.BinOp():
                raise ConditionError("there is no arithmetic in an expression; text and ids with a hyphen go in quotes")
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                raise ConditionError(
                    "a comparison has a fact, a field or a value on each side; use and, or, not around it"
                )
            case _:
                raise ConditionError(_ONLY)

    def _element(self, node: ast.expr, depth: int) -> FieldValue:
        element = self._operand(node, depth)
        if not isinstance(element, Constant):
            raise ConditionError('a list holds text and numbers only, as in ["ES", "PT"]')
        return element.value

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise ConditionError(f"more than {NODES_MAX} parts: split it into several steps or rules")
        if depth > NESTING_MAX:
            raise ConditionError(f"nested deeper than {NESTING_MAX}")


def _written(value: FieldValue) -> FieldValue:
    if isinstance(value, str) and not value.strip():
        raise ConditionError("a blank cell is not stored, so nothing equals empty text: write not prospect.field")
    return value


def _name(name: str) -> Fact | Constant:
    if name in _WORDS:
        return Constant(_WORDS[name])
    if name in OWNERS:
        example = "stage" if name == "prospect" else "industry"
        raise ConditionError(f"`{name}` needs a field, as in {name}.{example}")
    if name in STEP_FACTS:
        raise ConditionError(f"`{name}` needs the id of a step, as in {name}(intro)")
    if name in POLL_FACTS:
        raise ConditionError(f"`{name}` needs the id of a poll, as in {name}(priority)")
    if name in _FACT_NAMED:
        return Fact(_FACT_NAMED[name])
    raise ConditionError(f"{name} is no fact{_meant(name) or '; text goes in quotes'}")


def _call(node: ast.Call) -> Fact:
    if not isinstance(node.func, ast.Name):
        raise ConditionError("nothing but a fact can be called, as in opened(intro)")
    name = node.func.id
    if name not in _FACT_NAMED:
        raise ConditionError(f"{name} is no fact{_meant(name) or f'; {_ONLY}'}")
    if name not in STEP_FACTS | POLL_FACTS:
        raise ConditionError(f"`{name}` takes nothing in brackets: write {name}")
    match node:
        case ast.Call(args=[ast.Constant(value=str() as about)], keywords=[]) if about.strip():
            return Fact(_FACT_NAMED[name], about.strip())
    about = "poll" if name in POLL_FACTS else "step"
    raise ConditionError(f'`{name}` takes the id of one {about}, as in {name}(intro) or {name}("call-1")')


def _alone(operand: Operand) -> Truth:
    match operand:
        case Fact(name="days_since"):
            raise ConditionError(f"{operand} is a number of days: compare it, as in {operand} >= 3")
        case Choices():
            raise ConditionError(
                'a list alone is no condition: compare with it, as in prospect.country in ["ES", "PT"]'
            )
        case Constant(value=value) if not isinstance(value, bool):
            shown = f'"{value}"' if isinstance(value, str) else value
            raise ConditionError(f"{shown} alone is no condition: for one of several write prospect.field in [...]")
        case Constant() | Fact() | Field():
            return Truth(operand)


def _comparison(left: Operand, written: ast.cmpop, right: Operand) -> Comparison:
    operator = _OPERATORS.get(type(written))
    if operator is None:
        raise ConditionError(_ONLY)
    if isinstance(left, Constant) and isinstance(right, Constant | Choices):
        raise ConditionError(
            "a comparison of two written values says nothing about the person: one side is a fact or field"
        )
    if operator in ("in", "not in"):
        return _membership(left, operator, right)
    if isinstance(left, Choices) or isinstance(right, Choices):
        raise ConditionError('a list is compared with in, as in prospect.country in ["ES", "PT"]')
    if isinstance(left, Constant):
        assert not isinstance(right, Constant)
        left, operator, right = right, _SWAPPED[operator], left
    return _kinds_checked(Comparison(left, operator, right))


def _membership(left: Operand, operator: Operator, right: Operand) -> Comparison:
    if isinstance(right, Choices) and right.values and isinstance(left, Fact | Field):
        return _kinds_checked(Comparison(left, operator, right))
    holds_text = isinstance(right, Field) or (isinstance(right, Fact) and right.name in ("outcome", "answered"))
    if isinstance(right, Fact | Field) and holds_text and not isinstance(left, Choices):
        return Comparison(right, "contains" if operator == "in" else "lacks", left)
    raise ConditionError(f'{operator} needs a list or a field after it, as in prospect.country {operator} ["ES", "PT"]')


def _kinds_checked(comparison: Comparison) -> Comparison:
    """Refuse what could never hold: a yes-or-no fact that is ordered, a count that is compared with a word."""
    left, right = comparison.left, comparison.right
    values: Sequence[FieldValue] = ()
    if isinstance(right, Constant):
        values = (right.value,)
    elif isinstance(right, Choices):
        values = right.values
    equality = comparison.operator in ("==", "!=", "in", "not in")
    if isinstance(left, Fact) and left.name in YES_NO_FACTS:
        if not equality or any(as_yes_no(value) is None for value in values):
            raise ConditionError(f"{left} is only yes or no: write {left} or not {left}")
    elif isinstance(left, Fact) and left.name in NUMBER_FACTS and any(as_number(value) is None for value in values):
        raise ConditionError(f"{left} is a number: compare it with one, as in {left} >= 2")
    elif not equality and any(isinstance(value, bool) for value in values):
        raise ConditionError(f"True and False have no order: write {left} or not {left}")
    return comparison


def _meant(name: str, among: Sequence[str] = (*FACTS, *OWNERS)) -> str:
    close = get_close_matches(name.lower(), among, n=1)
    return f' — did you mean "{close[0]}"?' if close else ""
