"""Turns HTML into the plain text that a person would read: of HTML-only replies, and for the text part of a template.

It is here because html2text is GPL and writes Markdown, and html.parser is slow and, on some input, quadratic; this
scanner is linear on any input. It does not clean HTML for showing in a browser, and of style it reads only whether an
element is shown at all and the line that Outlook draws above a quote.
"""

import re
from dataclasses import dataclass
from html import unescape

from sequencer.mail.kept import compiled

__all__ = ["HTML_CHARS_MAX", "html_to_text"]

HTML_CHARS_MAX = 500_000
_QUOTE_DEPTH_MAX = 10
# Outlook writes <hr> into its plain text as a line of underscores; the readers of quoted text know that line.
_RULE = "_" * 32

_TAG_START = compiled(r"<(?:(!--)|[!?]|(/?)([A-Za-z][A-Za-z0-9:-]*))")
_IN_TAG = compiled(r"[\"'>]")
_ATTRIBUTE = compiled(r"""(?<![\w-])(href|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_MARKED = compiled(r"""(?<![\w-])(?:class|id)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_HIDDEN = compiled(
    r"display\s{0,4}:\s{0,4}none|visibility\s{0,4}:\s{0,4}hidden|(?:max-height|font-size)\s{0,4}:\s{0,4}0(?![.\d])",
    re.IGNORECASE,
)
_DRAWN_ABOVE = compiled(r"border-top\s{0,4}:\s{0,4}solid\s{0,4}#(?:E1E1E1|B5C4DF)", re.IGNORECASE)
# How mail programs name what they put around a quote, where it is no <blockquote> …
_QUOTE_NAMES = (
    *("gmail_attr", "moz-cite-prefix", "yahoo_quoted", "olk_src_body_section", "isreplycontent"),
    *("ms-outlook-mobile-reference-message", "mail-editor-reference-message-container", "reply-intro"),
)
# … and what stands above the first line of one that goes on to the end.
_ABOVE_QUOTE_NAMES = ("divrplyfwdmsg", "appendonsend")
_SPACES = compiled(r"[ \t\r\n\f\xa0]+")
_REFERENCE = compiled(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")

_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "textarea", "select", "svg"})
_LINE = frozenset(
    {"address", "article", "aside", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"}
    | {"figure", "footer", "form", "header", "html", "legend", "li", "main", "nav", "section", "summary", "table"}
    | {"tbody", "tfoot", "thead", "tr"}
)
_PARAGRAPH = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"})
_BLOCK = _LINE | _PARAGRAPH
_MAY_BE_MARKED = frozenset({"blockquote", "div", "p", "section", "span", "table", "td", "tr"})


def html_to_text(html: str, *, links: bool = False) -> str:
    """The text of the first HTML_CHARS_MAX characters of `html`, each line ended by LF; '' if there is nothing to read.

    Quoted blocks (<blockquote>) get `> ` as in plain mail. `links`: write the target behind the text of a link.
    """
    html = html[:HTML_CHARS_MAX]
    page, elements = _Page(links=links), _Elements(html)
    at = 0
    while (start := _TAG_START.search(html, at)) is not None:
        page.text(html[at : start.start()])
        name = (start[3] or "").lower()
        if not name:
            at = elements.after("-->" if start[1] else ">", start.end())
            continue
        at = elements.tag_end(start.end())
        if start[2]:
            page.close(name)
        elif name in _SILENT:
            at = elements.closed(name, at)
        else:
            page.open(name, html[start.end() : at])
    page.text(html[at:])
    return page.result()


class _Elements:
    """Finds where tags and silent elements end. What was once searched for in vain is not searched for again."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._quotes_hide = True
        self._never_closed: set[str] = set()

    def after(self, mark: str, at: int) -> int:
        found = self._html.find(mark, at)
        return len(self._html) if found < 0 else found + len(mark)

    def tag_end(self, at: int) -> int:
        """Behind the `>` that ends the tag: the first outside of quoted values, else the first of all."""
        start = at
        while self._quotes_hide:
            mark = _IN_TAG.search(self._html, at)
            if mark is not None and mark[0] == ">":
                return mark.end()
            closing = -1
            if mark is not None:
                opens_value = self._html[max(start, mark.start() - 8) : mark.start()].rstrip().endswith("=")
                closing = self._html.find(mark[0], mark.end()) if opens_value else mark.start()
            self._quotes_hide = closing >= 0
            at = closing + 1
        return self.after(">", start)

    def closed(self, name: str, at: int) -> int:
        """Behind the closing tag of an element that nobody reads; of one never closed only the tag is hidden."""
        if name in self._never_closed:
            return at
        closing = compiled(f"</{name}", re.IGNORECASE).search(self._html, at)
        if closing is None:
            self._never_closed.add(name)
            return at
        return self.after(">", closing.end())


@dataclass(slots=True)
class _Marked:
    """An open element that is hidden or quoted, with how many of its name are open in it."""

    name: str
    hidden: bool
    depth: int = 1


class _Page:
    """Collects text as lines, collapsing white space as a browser does."""

    def __init__(self, *, links: bool) -> None:
        self._links = links
        self._lines: list[str] = []
        self._line: list[str] = []
        self._space_wanted = False
        self._gap_quotes: int | None = None  # an empty line is wanted before the next text, at this depth of quoting
        self._quotes = 0
        self._preformatted = 0
        self._target = ""
        self._marked: list[_Marked] = []
        self._hidden = 0

    def text(self, source: str) -> None:
        if not source or self._hidden:
            return
        text = _unreferenced(source)
        if self._preformatted:
            self._write_preformatted(text)
            return
        collapsed = _SPACES.sub(" ", text)
        self._space_wanted = self._space_wanted or collapsed[0] == " "
        if words := collapsed.strip(" "):
            self._write(words)
            self._space_wanted = collapsed[-1] == " "

    def open(self, name: str, attributes: str) -> None:
        self._enter(name, attributes)
        if self._hidden:
            return
        match name:
            case "br":
                self._end_line()
            case "hr":
                self._rule()
            case "td" | "th":
                self._space_wanted = True
            case "img":
                self._write(_unreferenced(_attribute(attributes, "alt")))
            case "a" if self._links:
                self._target = _unreferenced(_attribute(attributes, "href"))
            case _ if name in _LINE or name in _PARAGRAPH:
                self._break(gap=name in _PARAGRAPH)
                self._begin_block(name)

    def close(self, name: str) -> None:
        self._leave(name)
        if self._hidden:
            return
        if name == "a" and self._target:
            target, self._target = self._target.removeprefix("mailto:"), ""
            if not self._line or target not in self._line[-1]:
                self._write(f" <{target}>")
        elif name in _LINE or name in _PARAGRAPH:
            self._break(gap=name in _PARAGRAPH)
            if name == "blockquote":
                self._quotes = max(0, self._quotes - 1)
                self._break(gap=True)
            elif name == "pre":
                self._preformatted = max(0, self._preformatted - 1)

    def result(self) -> str:
        self._break()
        text = "\n".join(self._lines).strip("\n")
        return text + "\n" if text else ""

    def _enter(self, name: str, attributes: str) -> None:
        """Begins an element that is hidden or quoted, and counts those of the same name within it."""
        if self._marked and self._marked[-1].name == "p" and name in _BLOCK:
            self._unmark()  # a paragraph ends where the next block begins
        hidden = quoted = False
        if name in _MAY_BE_MARKED and "=" in attributes:
            hidden = bool(_HIDDEN.search(attributes))
            names = " ".join("".join(match.groups("")) for match in _MARKED.finditer(attributes)).lower()
            quoted = any(known in names for known in _QUOTE_NAMES)
            if _DRAWN_ABOVE.search(attributes) or any(known in names for known in _ABOVE_QUOTE_NAMES):
                self._rule()
        if hidden or quoted:
            self._marked.append(_Marked(name, hidden))
            self._hidden += hidden
            self._quote(not hidden)
        elif self._marked and self._marked[-1].name == name:
            self._marked[-1].depth += 1

    def _leave(self, name: str) -> None:
        if self._marked and name in _BLOCK and self._marked[-1].name not in _BLOCK and name != "p":
            self._unmark()  # left open within the block that ends here
        if self._marked and self._marked[-1].name == name:
            self._marked[-1].depth -= 1
            if not self._marked[-1].depth:
                self._unmark()

    def _unmark(self) -> None:
        ended = self._marked.pop()
        self._hidden -= ended.hidden
        if not ended.hidden and not self._hidden:
            self._break(gap=True)
            self._quotes = max(0, self._quotes - 1)
            self._break(gap=True)

    def _quote(self, quoted: bool) -> None:
        if quoted and not self._hidden:
            self._break(gap=True)
            self._quotes = min(_QUOTE_DEPTH_MAX, self._quotes + 1)

    def _rule(self) -> None:
        self._break()
        if not (self._lines and self._lines[-1].endswith(_RULE)):
            self._write(_RULE)
            self._break()

    def _begin_block(self, name: str) -> None:
        if name == "blockquote":
            self._quotes = min(_QUOTE_DEPTH_MAX, self._quotes + 1)
        elif name == "pre":
            self._preformatted += 1
        elif name == "li":
            self._write("- ")

    def _write(self, text: str) -> None:
        if text:
            if self._space_wanted and self._line and not self._line[-1].endswith(" "):
                self._line.append(" ")
            self._space_wanted = False
            self._line.append(text)

    def _write_preformatted(self, text: str) -> None:
        first, *others = text.replace("\r\n", "\n").split("\n")
        self._write(first)
        for other in others:
            self._end_line()
            self._write(other)

    def _break(self, *, gap: bool = False) -> None:
        """Ends the line if anything stands on it; `gap`: an empty line is wanted before the next text."""
        if self._line:
            self._end_line()
        self._space_wanted = False
        if gap:
            self._gap_quotes = self._quotes if self._gap_quotes is None else min(self._gap_quotes, self._quotes)

    def _end_line(self) -> None:
        """Ends the line, also an empty one; of several empty lines one is kept."""
        text = "".join(self._line).rstrip()
        self._line.clear()
        self._space_wanted = False
        if text and self._gap_quotes is not None:
            self._append(">" * self._gap_quotes)
        self._gap_quotes = None
        self._append(f"{'>' * self._quotes} {text}" if self._quotes and text else ">" * self._quotes + text)

    def _append(self, line: str) -> None:
        if line.strip(">") or (self._lines and self._lines[-1].strip(">")):
            self._lines.append(line)


def _unreferenced(text: str) -> str:
    return _REFERENCE.sub(lambda match: unescape(match[0]), text) if "&" in text else text


def _attribute(attributes: str, name: str) -> str:
    for match in _ATTRIBUTE.finditer(attributes):
        if match[1].lower() == name:
            return (match[2] or match[3] or match[4] or "").strip()
    return ""
