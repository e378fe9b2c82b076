"""Reads a list of addresses and domains that must not be contacted: what other products export, or a text file.

One address or domain a line, or a CSV file with a column for either. It knows no rule and no person.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sequencer.content.csv_rows import BadRow, CsvRow, rows
from sequencer.errors import DefinitionError

__all__ = ["Listed", "Unread", "read"]

EMAIL_COLUMNS = ("email", "emailaddress", "mail", "address", "workemail", "primaryemail", "contactemail", "recipient")
DOMAIN_COLUMNS = ("domain", "companydomain", "emaildomain", "website")
_LOOKS_LIKE_ONE = re.compile(r"\S*@?\S+\.\S+")


@dataclass(frozen=True, slots=True)
class Listed:
    """One cell as it stands in the file, without spaces around it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A line from which nothing could be read, and why."""

    line: int
    reason: str


def read(path: str, stream: BinaryIO) -> Iterator[Listed | Unread]:
    """Every address and domain of the file. Raises DefinitionError for a table without a column of either."""
    column: int | None = None
    for row in rows(path, stream):
        if isinstance(row, BadRow):
            yield Unread(row.line, row.reason)
        elif column is None:
            column, header = _column(path, row)
            if not header:
                yield from _cell(row, column)
        else:
            yield from _cell(row, column)


def _column(path: str, first: CsvRow) -> tuple[int, bool]:
    """Which column holds them, and whether the first row is its header."""
    names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in first.cells]
    for wanted in (*EMAIL_COLUMNS, *DOMAIN_COLUMNS):
        if wanted in names:
            return names.index(wanted), True
    if len(names) == 1:
        return 0, not _LOOKS_LIKE_ONE.fullmatch(first.cells[0].strip())
    known = ", ".join(cell.strip() for cell in first.cells[:8])
    raise DefinitionError(path, first.line, f"no column email or domain among {known}", "call the column email")


def _cell(row: CsvRow, column: int) -> Iterator[Listed | Unread]:
    text = row.cells[column].strip() if column < len(row.cells) else ""
    if text and not text.startswith("#"):
        yield Listed(row.line, text)
