"""Text without control characters, so that no mail, no name and no file can steer a terminal.

Apart from cli/show.py because errors are cleaned too, and an error must not wait for the tables' library.
"""

import re

# C0 and C1 controls, the marks that turn the direction of writing, and the tab that separates cells in a pipe.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_STEERING_BUT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


def plain(text: str) -> str:
    """One line without control characters."""
    return _STEERING.sub(" ", text).strip()


def plain_lines(text: str) -> str:
    """The same for a text of several lines."""
    return _STEERING_BUT_LINES.sub("", text.replace("\r\n", "\n"))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 mail`, `2,000 mails`; `many` where it is not made by an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
