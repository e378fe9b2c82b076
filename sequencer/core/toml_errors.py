"""What is wrong in config.toml: a refused model's problems as errors, each with the line of its key.

TOML readers drop line numbers, so the text is read again: headers and the beginnings of lines. It checks nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sequencer.errors import ConfigError

Places = Sequence[int | str]

_HEADER = re.compile(r"(\[\[?)\s*([\w.-]+)\s*\]")
_KEY = re.compile(r'"?([\w-]+)"?\s*=')


def config_errors(problems: Iterable[Mapping[str, Any]], text: str) -> list[ConfigError]:
    """Pydantic's problems (`type`, `loc`, `msg`, `input`) with the file that `text` came from; no password is shown.

    A problem of the whole file may hold several lines `key: what is wrong`.
    """
    return [error for problem in problems for error in _told(problem, text)]


def _told(problem: Mapping[str, Any], text: str) -> Iterator[ConfigError]:
    said, places = problem["msg"].removeprefix("Value error, "), problem["loc"]
    match problem["type"]:
        case "extra_forbidden":
            yield _at(places, "there is no such key", text)
        case "missing":
            yield _at(places, "is missing", text)
        case "value_error" if not places:
            for line in said.splitlines():
                key, _, sentence = line.partition(": ")
                yield _at([int(part) if part.isdigit() else part for part in key.split(".")], sentence, text)
        case "value_error":
            yield _at(places, said, text)
        case "tuple_type":
            yield _at(places, f"must be a list in brackets, found {problem['input']!r:.80}", text)
        case _:
            found = "a value that is not shown" if "password" in places else repr(problem["input"])[:80]
            yield _at(places, f"{said[:1].lower()}{said[1:]}, found {found}", text)


def _at(places: Places, said: str, text: str) -> ConfigError:
    key = ".".join(place for place in places if isinstance(place, str))
    return ConfigError(key, said, line=line_of(text, places))


def line_of(text: str, places: Places) -> int:
    """The line (from 1) of `places`, as in ("mailboxes", 1, "cap_per_day"); the nearest one above it; 0 for none."""
    wanted = tuple(places)
    table: tuple[int | str, ...] = ()
    seen: dict[str, int] = {}
    best, depth = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line.strip()):
            table = tuple(header[2].split("."))
            if header[1] == "[[":
                seen[header[2]] = seen.get(header[2], -1) + 1
                table = (*table, seen[header[2]])
            written = table
        elif key := _KEY.match(line.strip()):
            written = (*table, key[1])
        else:
            continue
        if len(written) > depth and wanted[: len(written)] == written:
            best, depth = number, len(written)
    return best
