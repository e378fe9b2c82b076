"""Checks the templates of a sequence: headers, names, filters, links, includes, lengths; all at once, with lines.

It is apart from lint.py because a template is wrong in itself, whoever names it. It renders nothing: what a person's
missing field does shows in preview.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from sequencer.content import message
from sequencer.content.failure import TemplateFailed
from sequencer.content.folder import name_problem
from sequencer.content.functions import FUNCTIONS, POLL_ID
from sequencer.content.grammar import Inspection
from sequencer.content.guess import guess
from sequencer.content.render import KINDS, Renderer, kind_of
from sequencer.content.sandbox import SCHEME, Sandbox
from sequencer.core.sequence import AnyStep, LinkedInStep
from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = ["CONNECT_NOTE_CHARS_MAX", "TemplateLint", "text_limit"]

CONNECT_NOTE_CHARS_MAX = 300
_MARKDOWN_LINK = re.compile(r"\]\(\s*<?([^\s)>]*)")


def text_limit(step: AnyStep | None) -> int | None:
    """How many characters the step's note may have; None: as many as one likes."""
    return CONNECT_NOTE_CHARS_MAX if isinstance(step, LinkedInStep) and step.linkedin == "connect" else None


class TemplateLint:
    """The checks of one sequence's files; `folder` is how errors name templates/."""

    def __init__(self, files: Mapping[str, str], folder: str = "templates") -> None:
        self._files, self._folder = files, folder
        self._sandbox = Sandbox(files, FUNCTIONS)
        self._renderer = Renderer(files)

    @property
    def polls(self) -> Iterator[str]:
        """Ids of all polls in the files."""
        for path, text in self._files.items():
            if "poll" in text:
                yield from self._sandbox.examine(path, text)[1].polls

    def problems(
        self, path: str, role: Literal["message", "text"], *, is_reply: bool | None, chars_max: int | None
    ) -> list[DefinitionError]:
        """What is wrong with the file as `role`, and with what it includes. `is_reply` None: nobody knows."""
        if path.rpartition(".")[2].lower() not in KINDS:
            return [self._wrong(path, 0, "a template ends in .md, .txt or .html")]
        text = self._files[path]
        found = list(self._headers(path, text, is_reply)) if role == "message" else []
        inspection = self._sandbox.examine(path, text)[1]
        found += self._content(path, text, inspection, ())
        if chars_max is not None and inspection.chars_least > chars_max:
            words = f"the note has at least {inspection.chars_least} characters, LinkedIn allows {chars_max}"
            found.append(self._wrong(path, 0, words))
        if not found:
            found += self._compiles(path, role)
        return found

    def _wrong(self, path: str, line: int, text: str, hint: str = "") -> DefinitionError:
        return DefinitionError(f"{self._folder}/{path}", line, text, hint)

    def _headers(self, path: str, text: str, is_reply: bool | None) -> Iterator[DefinitionError]:
        try:
            parsed = message.parse(f"{self._folder}/{path}", text)
        except DefinitionErrors as error:
            yield from error.errors
            return
        if parsed.subject is None and is_reply is False:
            yield self._wrong(path, 1, "an email needs a Subject", "begin the file with Subject: …, or set reply_to")
        if parsed.subject is not None and is_reply:
            hint = "remove it: a step with reply_to takes the subject of its thread"
            yield self._wrong(path, parsed.subject.line, "a reply has no Subject of its own", hint)
        if not parsed.body.strip():
            yield self._wrong(path, 0, "the email has no text")
        for attach in parsed.attach:
            if problem := name_problem(attach.text):
                yield self._wrong(path, attach.line, f'"{attach.text}" is no file below templates/', problem)
            elif attach.text.rpartition(".")[2].lower() in KINDS:
                yield self._wrong(path, attach.line, "a template cannot be attached", "attach a .pdf or the like")
            elif attach.text not in self._files:
                yield self._wrong(path, attach.line, f"no file {self._folder}/{attach.text}")

    def _content(
        self, path: str, text: str, inspection: Inspection, above: tuple[str, ...]
    ) -> Iterator[DefinitionError]:
        for problem in inspection.problems:
            yield self._wrong(path, problem.line, problem.message, problem.hint)
        for poll_id, line in inspection.polls.items():
            if not POLL_ID.fullmatch(poll_id):
                yield self._wrong(path, line, f'poll: "{poll_id}" is no id', "use lower-case words joined by - or _")
        if kind_of(path) == "md":
            for at, row in enumerate(text.split("\n"), 1):
                for target in _MARKDOWN_LINK.findall(row):
                    if target and not SCHEME.match(target) and not target.startswith("{{"):
                        hint = "write the whole address: https://…"
                        yield self._wrong(path, at, f'the link "{target}" leads nowhere', hint)
        for include, line, _ in inspection.includes:
            if problem_text := name_problem(include):
                yield self._wrong(path, line, f'"{include}" is no file below templates/', problem_text)
            elif include not in self._files:
                yield self._wrong(path, line, f"no file {self._folder}/{include}", guess(include, self._files))
            elif include not in (*above, path):
                source = self._files[include]
                inside = self._sandbox.examine(include, source)[1]
                yield from self._content(include, source, inside, (*above, path))

    def _compiles(self, path: str, role: Literal["message", "text"]) -> Iterator[DefinitionError]:
        """What only shows when all parts are put together: circles, sizes."""
        try:
            self._renderer.prepare(path, role)
        except TemplateFailed as error:
            yield self._wrong(error.template, error.line, error.message)
