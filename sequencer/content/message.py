"""Takes a message template apart: header lines as a mail has them, an empty line, the body.

It is here because subject and body become different parts of a mail, and a header may never hold a second line. It
does not know the template language; the body keeps its line numbers, so that later errors name the right line.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = ["HEADERS", "Header", "Message", "parse"]

HEADERS = ("Subject", "Preheader", "Attach")
ATTACHMENTS_MAX = 5
_HEADER_LINE = re.compile(r"([A-Za-z][A-Za-z-]{0,40}):(?:[ \t]+(.*))?")


@dataclass(frozen=True, slots=True)
class Header:
    """One header line: its value as written, and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message template; `body` begins with as many empty lines as the headers took."""

    body: str
    subject: Header | None = None
    preheader: Header | None = None
    attach: tuple[Header, ...] = ()


def parse(path: str, text: str) -> Message:
    """Read a message template. Raises DefinitionErrors: an unknown, empty, repeated or unended header."""
    lines = text.split("\n")
    found: dict[str, list[Header]] = {name: [] for name in HEADERS}
    errors: list[DefinitionError] = []
    at = 0
    while at < len(lines) and (header := _HEADER_LINE.fullmatch(lines[at])):
        at += 1
        name, value = _known(header[1]), (header[2] or "").strip()
        if name is None:
            errors.append(DefinitionError(path, at, f"{header[1]}: no such header", _hint(header[1])))
        elif not value:
            errors.append(DefinitionError(path, at, f"{name}: no value", "write one, or remove the line"))
        elif found[name] and name != "Attach":
            errors.append(DefinitionError(path, at, f"{name} is written twice"))
        else:
            found[name].append(Header(value, at))
    if at and at < len(lines) and lines[at].strip():
        errors.append(DefinitionError(path, at + 1, "the header lines end here", "put an empty line above the body"))
    if len(found["Attach"]) > ATTACHMENTS_MAX:
        errors.append(DefinitionError(path, found["Attach"][-1].line, f"more than {ATTACHMENTS_MAX} attachments"))
    if errors:
        raise DefinitionErrors(errors)
    subject, preheader = (next(iter(found[name]), None) for name in ("Subject", "Preheader"))
    return Message("\n" * at + "\n".join(lines[at:]), subject, preheader, tuple(found["Attach"]))


def _known(name: str) -> str | None:
    return next((header for header in HEADERS if header.lower() == name.lower()), None)


def _hint(name: str) -> str:
    close = get_close_matches(name.capitalize(), HEADERS, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return "headers are Subject, Preheader and Attach; if this is text, put an empty line above it"
