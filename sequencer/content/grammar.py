"""What a template may say: an allow-list over Jinja's syntax tree, walked when a template is loaded.

It is here because Jinja's sandbox stops escapes, not waste: what cannot be written cannot run for ever or fill the
memory. It also knows what a template uses (fields, polls, includes), for the checks and for naming a missing field.
It runs nothing; sandbox.py does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from sequencer.content.filters import FILTERS
from sequencer.content.guess import guess

__all__ = ["FUNCTIONS", "ROOTS", "Inspection", "Problem", "inspect"]

DEPTH_MAX = 20
NUMBER_MAX = 10**15
LOOP_ITEMS_MAX = 100
ANY: frozenset[str] = frozenset()
# Root -> its fields; `ANY`: whatever the import brought.
ROOTS: Mapping[str, frozenset[str]] = {
    "prospect": ANY,
    "account": ANY,
    "rep": frozenset({"name", "email", "first_name", "meeting_link"}),
    "mailbox": frozenset({"address", "display_name"}),
    "sequence": frozenset({"id", "title", "owner"}),
    "step": frozenset({"id"}),
}
SCALARS = frozenset({"now"})
LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length"})
TESTS = frozenset({"defined", "undefined"})
# Function -> (fewest, most) arguments.
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "pick": (2, 20),
    "link": (1, 1),
    "meeting_link": (0, 0),
    "poll": (3, 3),
    "video": (2, 2),
    "signature": (0, 0),
    "postal_address": (0, 0),
    "unsubscribe_link": (0, 0),
}
_FILTER_ARGUMENTS: Mapping[str, tuple[int, int]] = {
    "default": (1, 2),
    "replace": (2, 2),
    "join": (0, 1),
    "round": (0, 1),
    "truncate": (1, 1),
    "date": (0, 1),
}
_OPERATORS: Mapping[type[nodes.Node], str] = {
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Concat: "~",
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
}


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} — {self.hint}" if self.hint else self.message


@dataclass(slots=True)
class Inspection:
    """What one template says. Lines count from the top of the file; `cost` and `chars` without its includes."""

    problems: list[Problem] = field(default_factory=list)
    includes: list[tuple[str, int, int]] = field(default_factory=list)  # path, line, how often at most
    fields: dict[str, int] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    cost: int = 0
    chars: int = 0
    chars_least: int = 0


def inspect(tree: nodes.Template) -> Inspection:
    """Walk a parsed template; never raises for what a template can say."""
    walk = _Walk()
    walk.body(tree.body, depth=0)
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found = Inspection()
        self._names: set[str] = set()
        self._times = 1
        self._rules: dict[type[nodes.Node], Callable[[Any, int], None]] = {
            nodes.Output: self._output,
            nodes.TemplateData: self._text,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Assign: self._assign,
            nodes.Include: self._include,
            nodes.Name: self._name,
            nodes.Const: self._const,
            nodes.Getattr: self._getattr,
            nodes.Getitem: self._getitem,
            nodes.Call: self._call,
            nodes.Filter: self._filter,
            nodes.Test: self._test,
            nodes.List: self._list,
            nodes.Tuple: self._list,
            **dict.fromkeys(
                (nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Neg), self._parts
            ),
        }

    def body(self, body: list[nodes.Node], depth: int) -> int:
        """The fewest characters of fixed text that the body writes."""
        before = self.found.chars_least
        for node in body:
            self._visit(node, depth)
        return self.found.chars_least - before

    def _wrong(self, node: nodes.Node, message: str, hint: str = "") -> None:
        self.found.problems.append(Problem(node.lineno or 1, message, hint))

    def _visit(self, node: nodes.Node, depth: int) -> None:
        self.found.cost += self._times
        rule = self._rules.get(type(node))
        if depth > DEPTH_MAX:
            self._wrong(node, "too deeply nested", "put part of it into another line")
        elif rule is None:
            self._wrong(node, f"{_spoken(node)} is not available in templates")
        else:
            rule(node, depth + 1)

    def _parts(self, node: nodes.Node, depth: int) -> None:
        for part in node.iter_child_nodes():
            self._visit(part, depth)

    def _text(self, node: nodes.TemplateData, depth: int) -> None:
        self.found.chars += len(node.data) * self._times
        self.found.chars_least += len(node.data) * self._times

    def _output(self, node: nodes.Output, depth: int) -> None:
        for part in node.nodes:
            for named in (part, *part.find_all((nodes.Getattr, nodes.Getitem))):
                if (name := _field(named)) is not None:
                    self.found.fields.setdefault(name, named.lineno)
            self._visit(part, depth)

    def _if(self, node: nodes.If, depth: int) -> None:
        self._visit(node.test, depth)
        least = self.found.chars_least
        shortest = []
        for body in (node.body, *(branch.body for branch in node.elif_), node.else_):
            shortest.append(self.body(body, depth))
        for branch in node.elif_:
            self._visit(branch.test, depth)
        self.found.chars_least = least + min(shortest)

    def _for(self, node: nodes.For, depth: int) -> None:
        items = node.iter.items if isinstance(node.iter, nodes.List | nodes.Tuple) else None
        if items is None or not isinstance(node.target, nodes.Name) or node.recursive or node.test:
            self._wrong(node, "a loop runs over a written list", '{% for name in ["first", "second"] %}')
            return
        if len(items) > LOOP_ITEMS_MAX:
            self._wrong(node, f"a loop has at most {LOOP_ITEMS_MAX} items")
            return
        if "loop" in self._names:
            self._wrong(node, "a loop inside a loop is not available in templates")
            return
        self._visit(node.iter, depth)
        self._define(node.target)
        self._names.add("loop")
        self._times = max(1, len(items))
        self.body(node.body, depth)
        self._times = 1
        self._names.discard("loop")
        self.body(node.else_, depth)

    def _assign(self, node: nodes.Assign, depth: int) -> None:
        if not isinstance(node.target, nodes.Name):
            self._wrong(node, "set gives one name a value", '{% set name = "value" %}')
        elif isinstance(node.node, nodes.List | nodes.Tuple):
            self._wrong(node, "set gives a name one value, not a list")
        else:
            self._visit(node.node, depth)
            self._define(node.target)

    def _define(self, target: nodes.Name) -> None:
        if target.name in ROOTS or target.name in FUNCTIONS or target.name in SCALARS or target.name == "loop":
            self._wrong(target, f"{target.name} has a meaning already", "choose another name")
        elif target.name.startswith("_"):
            self._wrong(target, f"{target.name}: a name begins with a letter")
        self._names.add(target.name)

    def _include(self, node: nodes.Include, depth: int) -> None:
        path = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(path, str) or node.ignore_missing or not node.with_context:
            self._wrong(node, "include names one file", '{% include "snippets/name.md" %}')
        else:
            self.found.includes.append((path, node.lineno, self._times))

    def _name(self, node: nodes.Name, depth: int) -> None:
        if node.name in self._names - {"loop"} or node.name in SCALARS:
            return
        if node.name in ROOTS:
            self._wrong(
                node, f"{node.name} is not one value", f"name a field of it, such as {node.name}.{_sample(node)}"
            )
        elif node.name in FUNCTIONS:
            self._wrong(node, f"{node.name} is used without brackets", f"write {node.name}(…)")
        else:
            known = {*ROOTS, *SCALARS, *FUNCTIONS, *self._names}
            hint = guess(node.name, known) or f"a person's field is written prospect.{node.name}"
            self._wrong(node, f"{node.name}: no such name", hint)

    def _const(self, node: nodes.Const, depth: int) -> None:
        if isinstance(node.value, str) and ("{%" in node.value or "{#" in node.value):
            self._wrong(node, "a text may not contain {% or {#")
        if isinstance(node.value, int | float) and not abs(node.value) <= NUMBER_MAX:
            # Python writes no number of thousands of digits, and an infinite one as a name that is not there.
            self._wrong(node, "a number is too large", f"the largest is {NUMBER_MAX:,}")

    def _getattr(self, node: nodes.Getattr, depth: int) -> None:
        root = node.node.name if isinstance(node.node, nodes.Name) else ""
        if root == "loop" and "loop" in self._names:
            if node.attr not in LOOP_FIELDS:
                self._wrong(node, f"loop.{node.attr}: no such field", guess(node.attr, LOOP_FIELDS))
        elif root in ROOTS:
            self._known_field(node, root, node.attr)
        else:
            self._wrong(node, f".{node.attr}: only {', '.join(ROOTS)} have fields", guess(root, ROOTS))

    def _getitem(self, node: nodes.Getitem, depth: int) -> None:
        name = _field(node)
        if name is None:
            self._wrong(node, "[…] names one field", 'prospect["field name"]')
        else:
            self._known_field(node, *name.split(".", 1))

    def _known_field(self, node: nodes.Node, root: str, name: str) -> None:
        if name.startswith("_"):
            self._wrong(node, f"{root}.{name}: a field begins with a letter")
        elif ROOTS[root] and name not in ROOTS[root]:
            hint = guess(name, ROOTS[root]) or f"it has {', '.join(sorted(ROOTS[root]))}"
            self._wrong(node, f"{root}.{name}: no such field", hint)

    def _call(self, node: nodes.Call, depth: int) -> None:
        name = node.node.name if isinstance(node.node, nodes.Name) else None
        if name is None:
            self._wrong(node, "only functions of the product can be called", f"they are {', '.join(FUNCTIONS)}")
            return
        if name not in FUNCTIONS:
            self._wrong(
                node, f"{name}(): no such function", guess(name, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
            )
            return
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            self._wrong(node, f"{name}: write the arguments in their order, without names")
            return
        self.found.called.add(name)
        self._count(node, name, len(node.args), FUNCTIONS[name])
        for argument in node.args:
            self._visit(argument, depth)
        if name == "poll" and len(node.args) == 3:
            self._poll(node)

    def _poll(self, node: nodes.Call) -> None:
        poll_id, _, options = node.args
        if not isinstance(poll_id, nodes.Const) or not isinstance(poll_id.value, str):
            self._wrong(node, "poll: its id is a written text", 'poll("priority", "Still a priority?", ["Yes", "No"])')
        else:
            self.found.polls.setdefault(poll_id.value, node.lineno)
        if not isinstance(options, nodes.List) or not 2 <= len(options.items) <= 10:
            self._wrong(node, "poll: its answers are a written list of 2 to 10", '["Yes", "Later", "No"]')

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        if node.node is None:
            self._wrong(node, "a filter block is not available in templates")
            return
        if node.name not in FILTERS:
            hint = guess(node.name, FILTERS) or f"there are {', '.join(FILTERS)}"
            self._wrong(node, f"{node.name}: no such filter", hint)
        elif node.kwargs or node.dyn_args or node.dyn_kwargs:
            self._wrong(node, f"{node.name}: write the arguments in their order, without names")
        else:
            self._count(node, node.name, len(node.args), _FILTER_ARGUMENTS.get(node.name, (0, 0)))
        for part in (node.node, *node.args):
            self._visit(part, depth)

    def _test(self, node: nodes.Test, depth: int) -> None:
        if node.name not in TESTS or node.args or node.kwargs:
            self._wrong(node, f"is {node.name}: no such test", f"there are {' and '.join(sorted(TESTS))}")
        self._visit(node.node, depth)

    def _list(self, node: nodes.List | nodes.Tuple, depth: int) -> None:
        for item in node.items:
            # A list in a list could double with every line.
            if not isinstance(item, nodes.Const) and _field(item) is None:
                self._wrong(item, "a list holds texts, numbers and fields")
            else:
                self._visit(item, depth)

    def _count(self, node: nodes.Node, name: str, given: int, wanted: tuple[int, int]) -> None:
        fewest, most = wanted
        if not fewest <= given <= most:
            number = str(fewest) if fewest == most else f"{fewest} to {most}"
            self._wrong(node, f"{name} takes {number} argument{'' if number == '1' else 's'}, not {given}")


def _field(node: nodes.Node) -> str | None:
    """`account.hiring`, if that is what the node reads."""
    if not isinstance(node, nodes.Getattr | nodes.Getitem) or not isinstance(node.node, nodes.Name):
        return None
    if node.node.name not in ROOTS:
        return None
    if isinstance(node, nodes.Getattr):
        return f"{node.node.name}.{node.attr}"
    key = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return f"{node.node.name}.{key}" if isinstance(key, str) else None


def _sample(node: nodes.Name) -> str:
    return {"account": "name", "prospect": "first_name"}.get(node.name) or min(ROOTS[node.name])


def _spoken(node: nodes.Node) -> str:
    """A piece of syntax in the words of its author."""
    if type(node) in _OPERATORS:
        return f"the operator {_OPERATORS[type(node)]}"
    return {"AssignBlock": "a set block", "CallBlock": "a call block", "FilterBlock": "a filter block"}.get(
        type(node).__name__, type(node).__name__.lower()
    )
