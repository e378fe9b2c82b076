"""Reads a list of people from a CSV file: each row checked, normalised and placed, or refused with a reason.

It is here because whatever enters by this door is later mailed, called and printed into headers. It stores nothing and
does not know who is in the database already.

A cell that begins with = + - or @ is a formula to a spreadsheet: in names, title and company it refuses the row, in
other fields it stays text, and exports quote it. A malformed phone or LinkedIn address is left out with a note, since
mail does not need it; a malformed zone or country refuses the row, since a wrong guess would write at night.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sequencer.content.csv_rows import BadRow, CsvRow, rows
from sequencer.content.place import (
    country_of_phone,
    find_country,
    find_phone,
    find_zone,
    zone_of_country,
    zone_of_phone,
)
from sequencer.core.people import ZoneSource
from sequencer.errors import DefinitionError
from sequencer.mail.address import AddressProblem, check, is_free_mail, normalise, registrable_domain

__all__ = ["Refused", "Row", "read"]

ADDRESSES_MAX = 10
NAMES = ("first_name", "last_name", "title", "company")
PLACED = frozenset({"email", "phone", "linkedin", "timezone", "country", "company", "domain", "account_id"})
# Columns that tell of the company; any other of its fields is a column account_….
ACCOUNT_COLUMNS = frozenset({"hiring", "industry", "employees", "revenue", "funding", "technologies", "headquarters"})
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[ \t]*(?:\r\n|\r|\n|\t)[ \t]*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_LINKEDIN = re.compile(r"(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/((?:in|pub|sales/lead)/[^\s?#]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One person. `emails` in the order of the file, normalised; blank cells are not in `fields`; `notes` say what was
    left out. `country` is the file's, else the phone's. No account: a free-mail address without a company domain."""

    line: int
    emails: tuple[str, ...]
    fields: Mapping[str, str]
    phone: str | None = None
    linkedin: str | None = None
    timezone: str | None = None
    zone_source: ZoneSource = "unknown"
    country: str | None = None
    account_id: str | None = None
    account_name: str = ""
    account_domain: str = ""
    account_fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not imported; `reason` says how to mend it, `cells` is the row as it stood, if it could be read."""

    line: int
    reason: str
    cells: tuple[str, ...] = ()


class _Mend(ValueError):
    """Why a row is refused."""


def read(source: Path | BinaryIO, path: str = "") -> Iterator[Row | Refused]:
    """The rows of a CSV file, in order; `path` is how errors name a stream.

    Raises DefinitionError for a file that cannot be used: no header, no email column, unknown encoding, too large.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from _read(path or str(source), stream)
    else:
        yield from _read(path or "the file", source)


def _read(path: str, stream: BinaryIO) -> Iterator[Row | Refused]:
    with closing(rows(path, stream)) as lines:
        header = next(lines, None)
        if header is None:
            raise DefinitionError(path, 0, "the file is empty", "its first line names the columns: email,first_name,…")
        if isinstance(header, BadRow):
            raise DefinitionError(path, header.line, header.reason)
        columns = _columns(path, header)
        seen: dict[str, int] = {}
        for each in lines:
            yield Refused(each.line, each.reason) if isinstance(each, BadRow) else _checked(columns, each, seen)


def _checked(columns: list[str], cells: CsvRow, seen: dict[str, int]) -> Row | Refused:
    try:
        row = _row(columns, cells)
        _unseen(row, seen)
    except _Mend as error:
        return Refused(cells.line, str(error), cells.cells)
    return row


def _columns(path: str, header: CsvRow) -> list[str]:
    columns = [re.sub(r"[\s.\-/]+", "_", cell.strip().lower()).strip("_") for cell in header.cells]
    while columns and not columns[-1]:
        columns.pop()
    for name, cell in zip(columns, header.cells, strict=False):
        if not _COLUMN.fullmatch(name):
            hint = "write letters, digits and _, as in first_name"
            raise DefinitionError(path, header.line, f'the column "{cell.strip()[:60]}" has no usable name', hint)
        if columns.count(name) > 1:
            raise DefinitionError(path, header.line, f'the column "{name}" stands there twice', "rename or remove one")
    if "email" not in columns:
        raise DefinitionError(
            path, header.line, 'no column "email"', "the first line names the columns: email,first_name,…"
        )
    return columns


def _row(columns: list[str], row: CsvRow) -> Row:
    if len(row.cells) > len(columns) and any(map(str.strip, row.cells[len(columns) :])):
        raise _Mend(f"{len(row.cells)} cells for {len(columns)} columns: put a text with a delimiter in quotes")
    cells = {name: text for name, cell in zip(columns, row.cells, strict=False) if (text := _cell(name, cell))}
    notes: list[str] = []
    emails = _emails(cells.get("email", ""))
    country = _country(cells.get("country"))
    phone = _phone(cells.get("phone"), country, notes)
    if country is None and phone is not None:
        country = country_of_phone(phone)
    timezone, source = _zone(cells.get("timezone"), phone, country)
    domain = _domain(cells.get("domain"), emails)
    return Row(
        row.line,
        emails,
        {name: text for name, text in cells.items() if not _is_account(name) and name not in PLACED},
        phone,
        _linkedin(cells.get("linkedin"), notes),
        timezone,
        source,
        country,
        cells.get("account_id") or domain or None,
        cells.get("company", ""),
        domain,
        {name.removeprefix("account_"): text for name, text in cells.items() if _is_account(name)},
        tuple(notes),
    )


def _is_account(column: str) -> bool:
    return column in ACCOUNT_COLUMNS or (column.startswith("account_") and column != "account_id")


def _cell(column: str, cell: str) -> str:
    text = cell.strip()
    if column not in PLACED and column not in NAMES:
        text = _LINE_BREAKS.sub(" ", text)
    if _CONTROL.search(text):
        raise _Mend(f"{column} contains a line break or control character: retype it on one line")
    if column in NAMES and text[:1] in ("=", "+", "-", "@"):
        raise _Mend(f'{column} begins with "{text[0]}", as a spreadsheet formula does: retype it')
    return text


def _emails(cell: str) -> tuple[str, ...]:
    given = [part.strip() for part in cell.split(";") if part.strip()]
    if not given:
        raise _Mend("email is empty: without an address nobody can be told apart")
    if len(given) > ADDRESSES_MAX:
        raise _Mend(f"email holds {len(given)} addresses: {ADDRESSES_MAX} are allowed")
    checked = []
    for address in given:
        found = check(address)
        if isinstance(found, AddressProblem):
            raise _Mend(f'email "{address[:80]}" cannot be written to: {found}')
        checked.append(normalise(found))
    return tuple(dict.fromkeys(checked))


def _country(cell: str | None) -> str | None:
    if cell is None:
        return None
    if (country := find_country(cell)) is None:
        raise _Mend(f'country "{cell[:60]}" is not known: write a code of two letters such as ES, or the English name')
    return country


def _phone(cell: str | None, country: str | None, notes: list[str]) -> str | None:
    if cell is None:
        return None
    if (phone := find_phone(cell, country)) is None:
        notes.append(f'phone "{cell[:40]}" left out: write it with + and the country, as in +34 612 345 678')
    return phone


def _linkedin(cell: str | None, notes: list[str]) -> str | None:
    if cell is None:
        return None
    found = _LINKEDIN.fullmatch(cell.partition("?")[0])
    if found is None:
        notes.append(f'linkedin "{cell[:60]}" left out: write the profile\'s address, https://www.linkedin.com/in/…')
        return None
    return f"https://www.linkedin.com/{found[1].rstrip('/')}"


def _zone(cell: str | None, phone: str | None, country: str | None) -> tuple[str | None, ZoneSource]:
    if cell is not None:
        if (zone := find_zone(cell)) is None:
            raise _Mend(f'timezone "{cell[:60]}" is not known: write a name such as Europe/Madrid, or leave it empty')
        return zone, "file"
    if phone is not None and (zone := zone_of_phone(phone)):
        return zone, "phone"
    if country is not None and (zone := zone_of_country(country)):
        return zone, "country"
    return None, "unknown"


def _domain(cell: str | None, emails: tuple[str, ...]) -> str:
    """The company's registrable domain; '' if there is none or anybody can have an address there."""
    if cell is not None:
        host = normalise(re.sub(r"^[a-z]+://", "", cell.lower())).partition("/")[0].partition(":")[0]
        if not _DOMAIN.fullmatch(host):
            raise _Mend(f'domain "{cell[:60]}" is no web domain: write it as in acme.com, or leave it empty')
        named = registrable_domain(host)
        if not is_free_mail(named):
            return named
    own = (registrable_domain(email) for email in emails if not is_free_mail(email.rpartition("@")[2]))
    return next(own, "")


def _unseen(row: Row, seen: dict[str, int]) -> None:
    for email in row.emails:
        if email in seen:
            raise _Mend(f"{email} is also on line {seen[email]}: keep one of the two")
    seen.update(dict.fromkeys(row.emails, row.line))
