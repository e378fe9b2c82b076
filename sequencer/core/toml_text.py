"""Reads TOML within limits: whatever stands in the text, it becomes tables or one refusal, soon.

The daemon reads config.toml again while it runs, and Python's reader ends a deep nesting with RecursionError, a number
of 5,000 digits with ValueError, and takes minutes for a key of very many parts. It knows no key and opens no file.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from sequencer.errors import ConfigError

__all__ = ["TEXT_BYTES_MAX", "one_line", "tables"]

TEXT_BYTES_MAX = 1_000_000
KEY_PARTS_MAX = 50
NUMBER_MAX = 10**9
_NO_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # C0, C1, and what Unicode calls a line's end
# The time that tomllib takes grows with the square of the parts.
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){{{KEY_PARTS_MAX}}}")


def tables(text: str) -> dict[str, Any]:
    """The tables of a TOML document. Raises ConfigError."""
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise ConfigError("", f"a key has more than {KEY_PARTS_MAX} parts", line=line)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("", f"this is not TOML: {error}") from None
    except RecursionError:
        raise ConfigError("", "it is nested too deeply") from None
    except ValueError:  # what int() says of a number with thousands of digits
        raise ConfigError("", "a number in it has too many digits") from None
    if any(abs(number) > NUMBER_MAX for number in _numbers(found)):
        raise ConfigError("", f"a number in it is larger than {NUMBER_MAX:,}")
    return found


def _numbers(found: dict[str, Any]) -> Iterator[int]:
    """Every whole number, however deep; a database could not keep a larger one."""
    todo: list[Any] = [found]
    while todo:
        match todo.pop():
            case dict() as table:
                todo.extend(table.values())
            case list() as array:
                todo.extend(array)
            case int() as number:
                yield number


def one_line(value: str) -> str:
    """`value`, which stands in a header or is said to a server and so may end no line. Raises ValueError."""
    if _NO_LINE.search(value):
        raise ValueError("this holds a line break or control character: retype it on one line")
    return value
