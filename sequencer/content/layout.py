"""Lays a text out as plain text and HTML before its values are known, and then puts the values in.

It is here because laying out is slow and the same for everybody: one layout serves all people who get the same
branches, and a value is escaped for the very place where it stands. Markdown is read in content/markdown.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from urllib.parse import quote

from sequencer.content.filters import WrongValue
from sequencer.content.sandbox import MARK, SCHEME
from sequencer.mail.html_text import html_to_text

__all__ = ["VALUE", "Layout", "html_lines", "lay_out", "mark_target"]

VALUE = re.compile(r"qzv(\d+)zq")
_HIDDEN_OPENS = re.compile(r"<!--|<(?:script|style|title)\b", re.IGNORECASE)
_TAG = re.compile(r"""<[a-zA-Z/!](?:[^"'<>]++|"[^"]*+"|'[^']*+')*+>""")
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*("[^"]*"|'[^']*')""")
_ADDRESS_ATTRIBUTES = frozenset({"href", "src", "background", "action", "poster", "cite"})
_CODE_ATTRIBUTES = re.compile(r"on.*|style|srcset|formaction|xlink:href", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Slots:
    """Fixed text with numbered places: literal, kind, number, literal, …, literal."""

    literals: tuple[str, ...]
    places: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, text: str) -> "_Slots":
        marks = list(MARK.finditer(text))
        edges = [0, *(edge for mark in marks for edge in mark.span()), len(text)]
        literals = tuple(text[start:end] for start, end in list(pairwise(edges))[::2])
        return cls(literals, tuple((mark[2] or "u", int(mark[1] or mark[3])) for mark in marks))


@dataclass(frozen=True, slots=True)
class Layout:
    """A text whose values are still to come; `html` is None for plain text."""

    text: _Slots
    html: _Slots | None = None

    def fill(self, values: Sequence[str], urls: Sequence[str]) -> tuple[str, str | None]:
        """The text and HTML for one person. Raises WrongValue when a value cannot stand where it is put."""
        text = [self.text.literals[0]]
        for (kind, number), literal in zip(self.text.places, self.text.literals[1:], strict=True):
            text += (_in_text(kind, urls[number] if kind == "u" else values[number]), literal)
        if self.html is None:
            return "".join(text), None
        html = [self.html.literals[0]]
        for (kind, number), literal in zip(self.html.places, self.html.literals[1:], strict=True):
            html += (_in_html(kind, urls[number] if kind == "u" else values[number]), literal)
        return "".join(text), "".join(html)


def lay_out(kind: str, source: str) -> Layout:
    """Lay out a body of the kind `md`, `txt` or `html`. Raises WrongValue when a value stands where none may stand."""
    match kind:
        case "md":
            from sequencer.content.markdown import text_and_html  # the library is loaded with the first .md file

            text, html = text_and_html(source)
            return Layout(_Slots.of(text), _Slots.of(html))
        case "html":
            html = _mark_html(source.strip("\n"))
            return Layout(_Slots.of(html_to_text(html, links=True).strip("\n")), _Slots.of(html))
        case _:
            return Layout(_Slots.of(source.strip("\n")))


def html_lines(text: str) -> str:
    """Escaped text that keeps its line breaks."""
    return escape(text).replace("\n", "<br>\n")


def _in_text(kind: str, value: str) -> str:
    if kind in "hl":
        return _in_link(kind, value)
    return " ".join(value.split()) if kind == "t" else value


def _in_html(kind: str, value: str) -> str:
    if kind in "hl":
        return escape(_in_link(kind, value))
    if kind == "t":
        return escape(" ".join(value.split()))
    return html_lines(value)


def _in_link(kind: str, value: str) -> str:
    if kind == "h":
        return quote(value, safe="")
    url = value.strip()
    if not SCHEME.fullmatch(url):
        raise WrongValue(f'"{url[:60]}" is used as a link but does not begin with https://, http:// or mailto:')
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")


def mark_target(url: str) -> str:
    """Marks inside a link's target: the one that begins it must be a URL, others a part of one."""
    target = VALUE.sub(r"qzh\1zq", url)
    return f"qzl{target[3:]}" if target.startswith("qzh") else target


def _mark_html(source: str) -> str:
    """Tells each mark in HTML what it stands in. Raises WrongValue where a value could become more than text."""
    shown = _without_hidden(source)
    outside = _TAG.sub("", shown)
    if opened := re.search(r"<[a-zA-Z/!][^\n]{0,20}", outside):
        raise WrongValue(f'"{opened[0]}" begins a tag that is not closed')
    return _TAG.sub(lambda tag: _mark_tag(tag[0]), source)


def _without_hidden(source: str) -> str:
    """The source without comments, styles and scripts, which may hold no value."""
    shown, at, lowered = [], 0, source.lower()
    while opens := _HIDDEN_OPENS.search(source, at):
        end = "-->" if opens[0] == "<!--" else f"</{opens[0][1:].lower()}"
        closes = lowered.find(end, opens.end())
        if closes < 0:
            raise WrongValue(f"{opens[0]} is not closed")
        if MARK.search(source, opens.start(), closes):
            raise WrongValue("a value may not stand in a comment, style, script or title")
        shown.append(source[at : opens.start()])
        at = closes + (3 if end == "-->" else 0)
    return "".join([*shown, source[at:]])


def _mark_tag(tag: str) -> str:
    def attribute(found: re.Match[str]) -> str:
        name = found[1].lower()
        if MARK.search(found[2]) and _CODE_ATTRIBUTES.fullmatch(name):
            raise WrongValue(f"a value may not stand in the attribute {name}")
        if name in _ADDRESS_ATTRIBUTES:
            return f"{found[1]}={found[2][0]}{mark_target(found[2][1:-1].strip())}{found[2][0]}"
        return found[1] + "=" + VALUE.sub(r"qzt\1zq", found[2])

    marked = _ATTRIBUTE.sub(attribute, tag)
    if MARK.search(_ATTRIBUTE.sub("", marked)):
        raise WrongValue("a value inside a tag must stand between quotes")
    return marked
