"""Reads YAML as plain text values that know their lines: every scalar stays what its author wrote.

It is here because YAML's own typing turns `NO`, `on` and `1e3` into other things, and its anchors and tags are a way
to large or hidden structures. It reads events of PyYAML's C parser, where anchors, tags and depth are seen before
anything is built. It knows no key: definition.py does.
"""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = ["FILE_BYTES_MAX", "NESTING_MAX", "Lines", "Plain", "decode", "read"]

FILE_BYTES_MAX = 1_000_000
NESTING_MAX = 20
_EMPTY = ("", "~", "null", "Null", "NULL")
_UNPRINTABLE = re.compile("[^\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

Plain = str | list["Plain"] | dict[str, "Plain"]
Lines = dict[str, int]


def decode(path: str, content: bytes) -> str:
    """The text of a UTF-8 file, without a byte order mark and with LF line ends. Raises DefinitionError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DefinitionError(path, line, "this is not UTF-8", "save the file with the encoding UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(path: str, text: str) -> tuple[Plain, Lines]:
    """The values of a YAML file as str, list and dict, and the line of each key (`steps.3.wait` -> 14).

    Raises DefinitionErrors: bad syntax, a duplicate key, an anchor, tag or tab, an empty value, too large, too deep.
    """
    if len(text.encode("utf-8", "replace")) > FILE_BYTES_MAX:
        raise DefinitionErrors([DefinitionError(path, 0, "the file is larger than 1 MB", "split it")])
    if tabs := [at for at, line in enumerate(text.split("\n"), 1) if "\t" in line]:
        hint = "indent with spaces"
        raise DefinitionErrors([DefinitionError(path, at, "a tab is not allowed here", hint) for at in tabs[:20]])
    return _Reader(path).read(text)


class _Reader:
    """Builds one file's values from its events, gathering what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: Lines = {}
        self._errors: list[DefinitionError] = []

    def read(self, text: str) -> tuple[Plain, Lines]:
        try:
            value = self._document(yaml.parse(text, Loader=yaml.CSafeLoader))
        except yaml.MarkedYAMLError as error:
            self._wrong(error.problem_mark.line + 1 if error.problem_mark else 0, *_syntax(error))
        except (yaml.reader.ReaderError, UnicodeEncodeError):
            at = next((at for at, line in enumerate(text.split("\n"), 1) if _UNPRINTABLE.search(line)), 0)
            self._wrong(at, "a control character is not allowed here", "retype the line")
        if self._errors:
            raise DefinitionErrors(self._errors)
        return value, self._lines

    def _wrong(self, line: int, message: str, hint: str = "") -> None:
        self._errors.append(DefinitionError(self._path, line, message, hint))

    def _stop(self, line: int, message: str, hint: str = "") -> NoReturn:
        self._wrong(line, message, hint)
        raise DefinitionErrors(self._errors)

    def _document(self, events: Iterator[Any]) -> Plain:
        value: Plain = {}
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._wrong(_line(event), "a second document begins here", "remove the line ---")
                    return value
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, events, "", 0)
        if not documents:
            self._wrong(0, "the file is empty")
        return value

    def _node(self, event: Any, events: Iterator[Any], where: str, depth: int) -> Plain:
        line = _line(event)
        self._plain(event, line)
        if depth >= NESTING_MAX and not isinstance(event, yaml.ScalarEvent):
            # Going on would recurse as deep as the file likes.
            self._stop(line, f"nested more than {NESTING_MAX} deep")
        match event:
            case yaml.AliasEvent():
                return ""
            case yaml.ScalarEvent():
                if _is_empty(event):
                    line = self._lines.get(where, line)
                    self._wrong(line, f"{where or 'the file'}: no value", "write one, or remove the line")
                return str(event.value)
            case yaml.SequenceStartEvent():
                return self._list(events, where, depth)
            case _:
                return self._map(events, where, depth)

    def _plain(self, event: Any, line: int) -> None:
        """Refuses what makes a value more than it looks."""
        if isinstance(event, yaml.AliasEvent):
            self._wrong(line, f"*{event.anchor} is a YAML alias", "write the value out")
        elif event.anchor is not None:
            self._wrong(line, f"&{event.anchor} is a YAML anchor", "write the value out, or quote it")
        elif event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._wrong(line, f"{tag} is a YAML tag", "remove it, or quote the value")

    def _list(self, events: Iterator[Any], where: str, depth: int) -> list[Plain]:
        values: list[Plain] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            key = f"{where}.{len(values)}" if where else str(len(values))
            self._lines[key] = _line(event)
            values.append(self._node(event, events, key, depth + 1))
        return values

    def _map(self, events: Iterator[Any], where: str, depth: int) -> dict[str, Plain]:
        values: dict[str, Plain] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or _is_empty(event):
                self._stop(line, "a key must be a word", 'quote a value that begins with { or [: "{…}"')
            self._plain(event, line)
            name = str(event.value)
            key = f"{where}.{name}" if where else name
            duplicate = name in values
            if duplicate:
                self._wrong(line, f'"{name}" is written twice', f"the first is on line {self._lines[key]}")
            else:
                self._lines[key] = line
            value = self._node(next(events), events, key, depth + 1)
            if not duplicate:
                values[name] = value
        return values


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _is_empty(event: Any) -> bool:
    return not event.style and event.value in _EMPTY


def _syntax(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    """What libyaml says, in words for somebody who does not know YAML's grammar."""
    problem = error.problem or "cannot be read"
    match problem:
        case "mapping values are not allowed in this context":
            return "a colon where no key can stand", 'indent the line like its neighbours, or quote the text: "a: b"'
        case "did not find expected key" | "could not find expected ':'":
            return "this line does not fit the ones above it", "check its indentation, its quotes and its colon"
        case "did not find expected ',' or '}'" | "did not find expected ',' or ']'":
            return "a { or [ is not closed", "close it, or quote the text"
        case "found unexpected end of stream":
            return "a quote is opened and never closed", "close it"
        case "found character that cannot start any token":
            return "a character that cannot begin a value", "quote the text"
        case _:
            return f"this is not YAML: {problem}", "check the indentation and the quotes"
