"""Turns a template file and the facts of one person into the text that they will read.

It is here as the one door to the template language: preview, queue, tasks and check use the same Renderer. A text is
made from its arguments alone, byte for byte the same each time. It builds no mail (mail/compose.py) and sends nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from jinja2 import Template, TemplateSyntaxError

from sequencer.content import message
from sequencer.content.failure import MissingField, RenderError, TemplateFailed
from sequencer.content.filters import WrongValue
from sequencer.content.functions import FUNCTIONS, Linked
from sequencer.content.layout import Layout, html_lines, lay_out
from sequencer.content.rendered import Rendered, RenderFacts
from sequencer.content.sandbox import Draft, Fields, Sandbox
from sequencer.errors import DefinitionErrors

__all__ = ["MissingField", "RenderError", "RenderFacts", "Rendered", "Renderer", "TemplateFailed"]

RENDER_BYTES_MAX = 64_000
LAYOUTS_MAX = 256
KINDS = ("md", "txt", "html")
NO_HEADER = "a header cannot hold a line break or control character"
NO_TEXT = "a value contains a control character"
# C0 and C1 controls but tab and line feed; a lone surrogate cannot be encoded.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_HEADER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(slots=True)
class _Part:
    """A compiled piece of a template and the layouts made of it so far."""

    path: str
    kind: str
    template: Template
    layouts: dict[str, Layout] = field(default_factory=dict)

    def layout(self, source: str) -> Layout:
        layout = self.layouts.get(source)
        if layout is None:
            if len(self.layouts) >= LAYOUTS_MAX:
                self.layouts.clear()
            layout = self.layouts[source] = lay_out(self.kind, source)
        return layout


@dataclass(slots=True)
class _Prepared:
    body: _Part
    subject: _Part | None = None
    preheader: _Part | None = None
    attachments: tuple[str, ...] = ()


class Renderer:
    """Renders the template files of one sequence; `files` maps paths below templates/ to their text."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._sandbox = Sandbox(files, FUNCTIONS)
        self._messages: dict[str, _Prepared] = {}
        self._texts: dict[str, _Part] = {}

    def render_message(self, path: str, facts: RenderFacts) -> Rendered:
        """The mail of the template at `path`. Raises MissingField, TemplateFailed."""
        prepared = self._message(path)
        missing: list[str] = []
        heads = [self._line(part, facts, missing) for part in (prepared.subject, prepared.preheader)]
        draft = Linked(path, prepared.body.kind, facts=facts)
        layout = self._layout(prepared.body, draft, missing)
        if missing:
            raise self._missing(path, missing)
        text, html = self._filled(prepared.body, layout, draft)
        tail = [facts.signature] if "signature" not in draft.placed else []
        tail += [facts.postal_address] if facts.automatic and "postal_address" not in draft.placed else []
        text, html = _with_tail(text, html, [each.strip() for each in tail if each.strip()])
        return Rendered(
            heads[0],
            self._bounded(path, text),
            None if html is None else self._bounded(path, html),
            heads[1],
            prepared.attachments,
            tuple(draft.links),
        )

    def render_text(self, path: str, facts: RenderFacts) -> str:
        """A call script or LinkedIn note as plain text. Raises MissingField, TemplateFailed."""
        return self._page(path, facts)[0]

    def render_html(self, path: str, facts: RenderFacts) -> str | None:
        """A script as HTML for the workspace; None for a .txt file. Raises MissingField, TemplateFailed."""
        return self._page(path, facts)[1]

    def prepare(self, path: str, role: Literal["message", "text"]) -> None:
        """Load the template and what it includes, for nobody yet. Raises TemplateFailed."""
        if role == "message":
            self._message(path)
        else:
            self._text(path)

    def _page(self, path: str, facts: RenderFacts) -> tuple[str, str | None]:
        part = self._text(path)
        draft = Linked(path, part.kind, facts=facts)
        missing: list[str] = []
        layout = self._layout(part, draft, missing)
        if missing:
            raise self._missing(path, missing)
        text, html = self._filled(part, layout, draft)
        return self._bounded(path, text), None if html is None else self._bounded(path, html)

    def _source(self, path: str) -> str:
        source = self._files.get(path)
        if source is None:
            raise TemplateFailed(path, 0, "no such file below templates/")
        return source

    def _text(self, path: str) -> _Part:
        part = self._texts.get(path)
        if part is None:
            part = self._texts[path] = self._compiled(path, self._source(path), kind_of(path))
        return part

    def _message(self, path: str) -> _Prepared:
        prepared = self._messages.get(path)
        if prepared is None:
            try:
                parsed = message.parse(path, self._source(path))
            except DefinitionErrors as error:
                raise TemplateFailed(path, error.errors[0].line, error.errors[0].message) from None
            prepared = self._messages[path] = _Prepared(
                self._compiled(path, parsed.body, kind_of(path)),
                self._header(path, parsed.subject),
                self._header(path, parsed.preheader),
                tuple(attach.text for attach in parsed.attach),
            )
        return prepared

    def _header(self, path: str, header: message.Header | None) -> _Part | None:
        return None if header is None else self._compiled(path, "\n" * (header.line - 1) + header.text, "line")

    def _compiled(self, path: str, source: str, kind: str) -> _Part:
        try:
            return _Part(path, kind, self._sandbox.body(path, source))
        except TemplateSyntaxError as error:
            raise TemplateFailed(error.filename or path, error.lineno, error.message or "") from None

    def _layout(self, part: _Part, draft: Linked, missing: list[str]) -> Layout | None:
        """Run the template; what it lacks is added to `missing`, and then there is no layout."""
        facts = draft.facts
        roots = {
            name: Fields(name, getattr(facts, name))
            for name in ("prospect", "account", "rep", "mailbox", "sequence", "step")
        }
        context = part.template.new_context({**roots, "now": facts.now, "_draft": draft})
        try:
            source = "".join(part.template.root_render_func(context))
            missing += draft.missing
            return None if draft.missing else part.layout(source)
        except (WrongValue, TemplateSyntaxError, TypeError, ValueError, LookupError) as error:
            file, line = self._where(part.path, error.__traceback__)
            raise TemplateFailed(file, line, _spoken(error)) from error

    def _filled(self, part: _Part, layout: Layout | None, draft: Draft) -> tuple[str, str | None]:
        assert layout is not None
        refused, message_text = (_NOT_IN_HEADER, NO_HEADER) if part.kind == "line" else (_CONTROL, NO_TEXT)
        if any(map(refused.search, draft.values)):
            raise TemplateFailed(part.path, 0, message_text)
        try:
            return layout.fill(draft.values, draft.urls)
        except WrongValue as error:
            raise TemplateFailed(part.path, 0, str(error)) from None
        except LookupError:
            # The template put a mark together out of pieces.
            raise TemplateFailed(part.path, 0, "the text holds what only the product may write") from None

    def _line(self, part: _Part | None, facts: RenderFacts, missing: list[str]) -> str | None:
        """A header's value: one line, or a refusal."""
        if part is None:
            return None
        draft = Linked(part.path, "line", facts=facts)
        layout = self._layout(part, draft, missing)
        if layout is None:
            return None
        text = self._filled(part, layout, draft)[0]
        if _NOT_IN_HEADER.search(text):
            raise TemplateFailed(part.path, 0, NO_HEADER)
        text = text.strip()
        if not text:
            raise TemplateFailed(part.path, 0, "a header is empty for this person")
        return text

    def _missing(self, path: str, missing: list[str]) -> MissingField:
        fields = tuple(dict.fromkeys(missing))
        return MissingField(fields, *self._sandbox.line_of(path, fields[0]))

    def _bounded(self, path: str, text: str) -> str:
        if len(text.encode("utf-8", "replace")) > RENDER_BYTES_MAX:
            raise TemplateFailed(path, 0, "the text is longer than 64 kB")
        return text

    def _where(self, path: str, trace: TracebackType | None) -> tuple[str, int]:
        """The file and line that the innermost compiled template stood at."""
        file, line = path, 0
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if isinstance(template, Template) and name in self._files:
                file, line = name, template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return file, line


def kind_of(path: str) -> str:
    """`md`, `txt` or `html`, by the file's name; plain text if it has none of these endings."""
    ending = path.rpartition(".")[2].lower()
    return ending if ending in KINDS else "txt"


def _with_tail(text: str, html: str | None, tail: list[str]) -> tuple[str, str | None]:
    if not tail:
        return text, html
    text = "\n\n".join(filter(None, [text, *tail]))
    if html is None:
        return text, None
    paragraphs = "".join(f"<p>{html_lines(each)}</p>\n" for each in tail)
    at = html.lower().rfind("</body>")
    return text, html + paragraphs if at < 0 else html[:at] + paragraphs + html[at:]


def _spoken(error: Exception) -> str:
    if isinstance(error, TypeError):
        return "text and numbers do not compare: write the field with | int"
    return str(error)
