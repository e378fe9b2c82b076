"""Markdown as plain text and as HTML, with the marks of values that are still to come told what they stand in.

It is a file of its own because its library is loaded with the first Markdown text and not before. Sources: CommonMark
0.31 (markdown-it-py), with a line break where the author broke the line, as in a mail. It puts no value in.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from sequencer.content.filters import WrongValue
from sequencer.content.layout import VALUE, mark_target
from sequencer.content.sandbox import MARK, SCHEME

__all__ = ["text_and_html"]

# What markdown-it takes long over: for each of these it looks through the rest of the text. sign -> how many at most
SIGNS_MAX = {"[": 500, "*": 2_000, "_": 2_000, "\n": 2_000}
_BARE_URL = re.compile(r"(https://qzu\d+zq)")

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
_markdown.validateLink = lambda url: bool(SCHEME.match(url) or MARK.match(url))  # type: ignore[method-assign]


def text_and_html(source: str) -> tuple[str, str]:
    """Both forms of a Markdown text. Raises WrongValue for one that would take too long to read."""
    _short_enough(source)
    tokens = _markdown.parse(source)
    _mark_places(tokens)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return _blocks(SyntaxTreeNode(tokens).children), html


def _short_enough(source: str) -> None:
    for sign, most in SIGNS_MAX.items():
        if source.count(sign) > most:
            name = "line breaks" if sign == "\n" else f'"{sign}"'
            raise WrongValue(f"a text has at most {most} {name}")


def _mark_places(tokens: Sequence[Token]) -> None:
    """Tells each mark in Markdown's tokens what it stands in, and makes bare URLs links."""
    for token in tokens:
        if token.info:
            token.info = VALUE.sub(r"qzt\1zq", token.info)
        for name, value in token.attrs.items():
            if isinstance(value, str):
                marked = mark_target(value) if name in ("href", "src") else VALUE.sub(r"qzt\1zq", value)
                token.attrs[name] = marked
        if token.type == "image":
            for part in token.children or ():
                part.content = VALUE.sub(r"qzt\1zq", part.content)
        elif token.children:
            token.children = _linked(token.children)
            _mark_places(token.children)


def _linked(tokens: Sequence[Token]) -> list[Token]:
    result: list[Token] = []
    inside = 0
    for token in tokens:
        inside += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "text" or inside:
            result.append(token)
            continue
        for piece in _BARE_URL.split(token.content):
            text = Token("text", "", 0, content=piece, level=token.level)
            if not _BARE_URL.fullmatch(piece):
                result.append(text)
                continue
            opening = Token("link_open", "a", 1, attrs={"href": piece}, info="auto", level=token.level)
            result += [opening, text, Token("link_close", "a", -1, level=token.level)]
    return result


def _blocks(nodes: Sequence[SyntaxTreeNode], between: str = "\n\n") -> str:
    return between.join(filter(None, map(_block, nodes)))


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "bullet_list":
            return _items(node, lambda number: "- ")
        case "ordered_list":
            start = int(node.attrs.get("start", 1))
            return _items(node, lambda number: f"{start + number}. ")
        case "blockquote":
            return "\n".join(f"> {line}".rstrip() for line in _blocks(node.children).split("\n"))
        case "fence" | "code_block":
            return node.content.rstrip("\n")
        case "hr":
            return "-" * 20
        case "inline":
            return "".join(map(_inline, node.children))
        case _:
            return _blocks(node.children)


def _items(node: SyntaxTreeNode, sign: Callable[[int], str]) -> str:
    tight = all(part.hidden for item in node.children for part in item.children if part.type == "paragraph")
    between = "\n" if tight else "\n\n"
    items = []
    for number, item in enumerate(node.children):
        head = sign(number)
        lines = _blocks(item.children, between).split("\n")
        items.append(
            "\n".join((head if at == 0 else " " * len(head) if line else "") + line for at, line in enumerate(lines))
        )
    return between.join(items)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "text" | "code_inline" | "text_special":
            return node.content
        case "image":
            return "".join(map(_inline, node.children))
        case "link":
            label, target = "".join(map(_inline, node.children)), str(node.attrs["href"])
            if node.info == "auto" or label == target:
                return label
            return f"{label} ({target.removeprefix('mailto:')})" if label else target
        case _:
            return "".join(map(_inline, node.children))
