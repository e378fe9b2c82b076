"""Text without control characters, so that no mail, no name and no file can steer a terminal.

Apart from cli/show.py because errors are cleaned too, and an error must not wait for the tables' library.
"""

import json
import re
from typing import Any

# C0 and C1 controls, the marks that turn the direction of writing or end a line, and the tab that separates cells in
# a pipe.
_MARKS = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_STEERING = re.compile(f"[\x00-\x1f{_MARKS}]+")
_STEERING_BUT_LINES = re.compile(f"[\x00-\x08\x0b-\x1f{_MARKS}]+")
_STEERING_ONE = re.compile(f"[\x00-\x1f{_MARKS}]")
_STEERING_IN_JSON = re.compile(f"[{_MARKS}]")


def plain(text: str) -> str:
    """One line without control characters."""
    return _STEERING.sub(" ", text).strip()


def plain_lines(text: str) -> str:
    """The same for a text of several lines."""
    return _STEERING_BUT_LINES.sub("", text.replace("\r\n", "\n"))


def escaped(text: str) -> str:
    """One line in which such characters are seen: `\\n`, `\\x1b`, `\\u202e`."""
    return _STEERING_ONE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def json_text(value: Any, indent: int | None = 2) -> str:
    """A JSON document that steers no terminal either: such characters are escaped in it, and read back the same."""
    written = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _STEERING_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 mail`, `2,000 mails`; `many` where it is not made by an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
