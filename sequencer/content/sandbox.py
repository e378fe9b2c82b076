"""Compiles templates: Jinja's immutable sandbox behind the allow-list of grammar.py, over plain values only.

It is here because templates are text that many people write and a daemon runs. What a template prints never enters
the compiled text: a short mark stands for each value, and render.py puts the value in once it is known whether the
place is text, HTML or a link. So no value can become Markdown, HTML or template language.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import FunctionLoader, Template, TemplateNotFound, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sequencer.content.filters import FILTERS, TemplateText, text_of
from sequencer.content.grammar import TESTS, Inspection, Problem, inspect

__all__ = ["MARK", "SCHEME", "Draft", "Fields", "Missing", "Sandbox"]

SOURCE_CHARS_MAX = 64_000
# Markdown is laid out more slowly than the rest is read.
MARKDOWN_CHARS_MAX = 16_000
TAGS_MAX = 500
COST_MAX = 20_000
INCLUDE_DEPTH_MAX = 5
# qzv: a value as text · qzu: a whole URL (it looks like one, so that Markdown takes it for one) · the others are made
# by layout.py from these: t in an attribute, h inside a link's target, l the beginning of one.
MARK = re.compile(r"https://qzu(\d+)zq|qz([vthl])(\d+)zq")
# What a link may lead to.
SCHEME = re.compile(r"(?:https?://|mailto:)[^\s<>\"'\\]+", re.IGNORECASE)
_RESERVED = re.compile(r"qz[a-z]\d+zq", re.IGNORECASE)
_TAG_OPENS = re.compile(r"\{[%#]")
_TAG_WORD = re.compile(r"\{%[-+]?\s*(\w+)")


class Missing(Undefined):
    """A value that a person does not have: false in `if` and in every comparison, covered by `default`."""

    __slots__ = ()

    @property
    def field(self) -> str:
        return str(self._undefined_name)

    def _false(self, other: object) -> bool:
        return False

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _false  # type: ignore[assignment]
    __hash__ = Undefined.__hash__


class Fields:
    """`prospect`, `account` and the like: named plain values and nothing else."""

    __slots__ = ("_name", "_values")

    def __init__(self, name: str, values: Mapping[str, object]) -> None:
        self._name, self._values = name, values

    def read(self, name: object) -> object:
        value = self._values.get(str(name))
        if value is None or (isinstance(value, str) and not value.strip()):
            return Missing(name=f"{self._name}.{name}")
        return value


@dataclass(slots=True)
class Draft:
    """What one rendering has printed so far. `values` and `urls` are numbered by their marks."""

    path: str
    kind: str
    values: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)

    def value(self, value: object) -> str:
        """The mark of a value as text."""
        if isinstance(value, Missing):
            self.missing.append(value.field)
            return ""
        self.values.append(text_of(value).replace("\r\n", "\n"))
        return f"qzv{len(self.values) - 1}zq"

    def url(self, url: str) -> str:
        """The mark of a URL that was checked."""
        self.urls.append(url)
        return f"https://qzu{len(self.urls) - 1}zq"


@pass_context
def _print(context: Context, value: object) -> str:
    if isinstance(value, TemplateText):
        return value
    draft: Draft = context["_draft"]
    return draft.value(value)


class Sandbox(ImmutableSandboxedEnvironment):
    """Compiles and keeps templates; `files` maps paths below templates/ to their text."""

    def __init__(self, files: Mapping[str, str], functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=FunctionLoader(lambda path: self._source(path)),
            undefined=Missing,
            finalize=_print,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._files = files
        self._inspections: dict[str, Inspection] = {}
        self._fields: dict[str, dict[str, int]] = {}
        self.globals = dict(functions)
        self.filters = dict(FILTERS)
        self.tests = {name: test for name, test in self.tests.items() if name in TESTS}

    def _source(self, path: str) -> tuple[str, str, Callable[[], bool]] | None:
        source = self._files.get(path)
        return None if source is None else (source, path, lambda: True)

    def body(self, path: str, source: str) -> Template:
        """Compile `source`, a part of the file `path`, and what it includes. Raises TemplateSyntaxError."""
        code = self.compile(source, path, path)
        self._bounded(path, self._inspections[path])
        return Template.from_code(self, code, self.make_globals(None), lambda: True)

    def examine(self, path: str, source: str) -> tuple[nodes.Template | None, Inspection]:
        """The syntax tree of a template, and what it says, whether or not it may; never raises."""
        if problem := _at_first_sight(path, source):
            return None, Inspection([problem])
        try:
            tree = super()._parse(_lines_of_tags_vanish(source), path, path)
            return tree, inspect(tree)
        except TemplateSyntaxError as error:
            message = (error.message or "it cannot be read").rstrip(".")
            return None, Inspection([Problem(error.lineno, f"the template language does not allow this: {message}")])
        except ValueError:  # what int() says of a number with thousands of digits
            return None, Inspection([Problem(0, "a number in it has too many digits")])
        except (RecursionError, MemoryError):
            return None, Inspection([Problem(0, "too deeply nested", "write it in several lines")])

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        path = name or ""
        tree, inspection = self.examine(path, source)
        if inspection.problems or tree is None:
            first = inspection.problems[0]
            raise TemplateSyntaxError(str(first), first.line, name, filename)
        self._inspections[path] = inspection
        fields = self._fields.setdefault(path, {})
        fields |= {name: line for name, line in inspection.fields.items() if name not in fields}
        for ordinal, call in enumerate(tree.find_all(nodes.Call)):
            if isinstance(call.node, nodes.Name) and call.node.name == "pick":
                written = all(isinstance(option, nodes.Const) for option in call.args)
                call.args[:0] = [nodes.Const(f"{path}:{ordinal}"), nodes.Const(written)]
        tree.set_environment(self)
        return tree

    def _bounded(self, path: str, inspection: Inspection) -> None:
        """Raises TemplateSyntaxError when the includes are missing, go round in a circle or multiply too far."""
        cost, chars = self._total(path, inspection, 0)
        if cost > COST_MAX or chars > _chars_max(path):
            raise TemplateSyntaxError("with its loops and includes the text is too long", 1, path, path)

    def _total(self, path: str, inspection: Inspection, depth: int) -> tuple[int, int]:
        cost, chars = inspection.cost, inspection.chars
        for include, line, times in inspection.includes:
            if depth >= INCLUDE_DEPTH_MAX:
                raise TemplateSyntaxError("includes are nested too deeply, or in a circle", line, path, path)
            try:
                self.get_template(include)
            except TemplateNotFound:
                raise TemplateSyntaxError(f'no file "{include}"', line, path, path) from None
            inner_cost, inner_chars = self._total(include, self._inspections[include], depth + 1)
            cost, chars = cost + times * inner_cost, chars + times * inner_chars
            if cost > COST_MAX or chars > SOURCE_CHARS_MAX:
                break
        return cost, chars

    def line_of(self, path: str, name: str) -> tuple[str, int]:
        """The file and line that print the field `name` first, looking through includes."""
        seen, todo = set(), [path]
        while todo:
            at = todo.pop(0)
            seen.add(at)
            if line := self._fields.get(at, {}).get(name):
                return at, line
            if inspection := self._inspections.get(at):
                todo += [include for include, _, _ in inspection.includes if include not in seen]
        return path, 0

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj.read(attribute) if isinstance(obj, Fields) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return obj.read(argument) if isinstance(obj, Fields) else super().getitem(obj, argument)


def _at_first_sight(path: str, source: str) -> Problem | None:
    """What is refused before the parser sees it: the parser's own work must stay small."""
    if len(source) > _chars_max(path):
        return Problem(0, f"the file is longer than {_chars_max(path)} characters")
    if sum(map(source.count, ("{{", "{%", "{#"))) > TAGS_MAX:
        return Problem(0, f"{{{{ and {{% stand more than {TAGS_MAX} times in the file")
    if reserved := _RESERVED.search(source):
        line = source.count("\n", 0, reserved.start()) + 1
        return Problem(line, f'"{reserved[0]}" is a text that only the product may write')
    for tag in _TAG_WORD.finditer(source):
        if tag[1] == "raw":
            return Problem(source.count("\n", 0, tag.start()) + 1, "raw is not available in templates")
    return None


def _chars_max(path: str) -> int:
    return MARKDOWN_CHARS_MAX if path.endswith(".md") else SOURCE_CHARS_MAX


def _lines_of_tags_vanish(source: str) -> str:
    """Marks tags that share their line with text, so that only lines of nothing but tags are taken out.

    Jinja's trim_blocks would also eat the line end behind `{% endif %}` at the end of a sentence, and with it the
    paragraph. An include stands for text, so its line stays.
    """
    pieces, at = [], 0
    for group in _groups(source):
        start, end = group[0][0], group[-1][1]
        before, after = source[:start].rpartition("\n")[2], source[end:].partition("\n")[0]
        words = {word[1] for tag in group if (word := _TAG_WORD.match(source, tag[0]))}
        if "include" in words or before.strip() or after.strip():
            for opens, closes in group:
                pieces += [source[at:opens], _kept(source[opens:closes])]
                at = closes
        else:
            pieces.append(source[at:end])
            at = end + len(after)
    return "".join([*pieces, source[at:]])


def _groups(source: str) -> Iterator[list[tuple[int, int]]]:
    """Tags as (start, end), those together that have only blanks between them."""
    group: list[tuple[int, int]] = []
    at = 0
    while opens := _TAG_OPENS.search(source, at):
        closes = source.find(f"{opens[0][1]}}}", opens.end())
        if closes < 0:
            break
        if group and source[at : opens.start()].strip(" \t"):
            yield group
            group = []
        at = closes + 2
        group.append((opens.start(), at))
    if group:
        yield group


def _kept(tag: str) -> str:
    """The tag with `+`, which keeps the white space on that side, where the author wrote no sign."""
    opening, inside, closing = tag[:2], tag[2:-2], tag[-2:]
    before = "" if inside[:1] in ("-", "+") else "+"
    after = "" if inside[-1:] in ("-", "+") else "+"
    return f"{opening}{before}{inside}{after}{closing}"
