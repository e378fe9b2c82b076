"""Reads a list of people from a CSV file: each row checked, normalised and placed, or refused with a reason.

It is here because a row of a stranger's file becomes a person that the engine writes to. Columns are recognised by
headings.py, cells checked by cells.py. It stores nothing and does not know who is in the database already.

A cell that begins with = + - or @ is a formula to a spreadsheet and a text to us: it refuses the row only in a name,
title or company, which no formula is; exports quote it. A malformed phone, profile or website is left out with a note,
since mail does not need it; a malformed zone or country refuses the row, since a wrong guess would write at night.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sequencer.content import cells as c
from sequencer.content.csv_rows import BadRow, CsvRow, Form, form_of, rows
from sequencer.content.headings import REASON, Headings, recognise
from sequencer.content.neutral import restored
from sequencer.core.people import ZoneSource
from sequencer.errors import DefinitionError

__all__ = ["Refused", "Row", "Survey", "read", "survey"]

SAMPLED_ROWS_MAX = 200
# What is not kept as a text of the person: it is placed elsewhere in a Row, or only decides about it.
PLACED = frozenset(
    ("email", "phone", "linkedin", "timezone", "country", "company", "domain", "account_id", "full_name",
     "opted_out", "do_not_call")
)  # fmt: skip
NAMES = ("first_name", "last_name", "full_name", "title", "company")
NUMBERS = frozenset(("score", "account_employees", "account_revenue"))
LINES = frozenset((*NAMES, *PLACED))
NORMAL = frozenset((*NAMES, *NUMBERS, "stage"))


@dataclass(frozen=True, slots=True)
class Row:
    """One person. `emails` in order of preference, normalised; blank cells are not in `fields`; `notes` say what was
    left out. Further phones are the fields phone_2, phone_3, …. `country` is the file's, else the phone's. No account:
    a free-mail address without a company domain. `has_account_id`: the file itself names the account."""

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
    has_account_id: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not imported; `reason` says how to mend it, `cells` is the row as it stood, if it could be read."""

    line: int
    reason: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """A file as a whole. `samples`: the first text of each column; `rows`: how many lines of people."""

    form: Form
    headings: Headings
    samples: tuple[str, ...]
    rows: int


def survey(path: Path, maps: Sequence[str] = ()) -> Survey:
    """Read the file once without judging its rows, so that nothing is written of one that cannot be used.

    Raises as `read` does.
    """
    with path.open("rb") as stream:
        form = form_of(str(path), stream)
        with closing(rows(str(path), stream, form)) as lines:
            headings = _headings(str(path), lines, maps)
            samples, number = [""] * len(headings.columns), 0
            for row in _people(lines, headings):
                number += 1
                if number <= SAMPLED_ROWS_MAX and isinstance(row, CsvRow):
                    samples = [had or cell.strip() for had, cell in zip(samples, _padded(row, samples), strict=True)]
    return Survey(form, headings, tuple(samples), number)


def _padded(row: CsvRow, like: Sequence[str]) -> list[str]:
    return [*row.cells, *[""] * len(like)][: len(like)]


def read(source: Path | BinaryIO, path: str = "", maps: Sequence[str] = ()) -> Iterator[Row | Refused]:
    """The rows of a CSV file, in order; `path` is how errors name a stream, `maps` as in `recognise`.

    Raises DefinitionError for a file that cannot be used: no header, no email column, unknown encoding, too large.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from _read(path or str(source), stream, maps)
    else:
        yield from _read(path or "the file", source, maps)


def _read(path: str, stream: BinaryIO, maps: Sequence[str]) -> Iterator[Row | Refused]:
    with closing(rows(path, stream)) as lines:
        headings = _headings(path, lines, maps)
        reader = _Reader(headings)
        for each in _people(lines, headings):
            yield Refused(each.line, each.reason) if isinstance(each, BadRow) else reader.checked(each)


def _headings(path: str, lines: Iterator[CsvRow | BadRow], maps: Sequence[str]) -> Headings:
    header = next(lines, None)
    if header is None:
        raise DefinitionError(path, 0, "the file is empty", "its first line names the columns: email,first_name,…")
    if isinstance(header, BadRow):
        raise DefinitionError(path, header.line, header.reason)
    return recognise(path, header.line, header.cells, maps)


def _people(lines: Iterator[CsvRow | BadRow], headings: Headings) -> Iterator[CsvRow | BadRow]:
    """The rows without the foot of a Salesforce report: its title, a copyright and who made it, one cell each."""
    has_foot = headings.layout == "Salesforce" and len(headings.columns) > 1
    return (row for row in lines if not (has_foot and isinstance(row, CsvRow) and len(row.cells) == 1))


class _Reader:
    """Makes rows of cells; remembers every address, since one that stands twice is refused."""

    def __init__(self, headings: Headings) -> None:
        self._width = len(headings.columns)
        self._is_mended = headings.columns[-1].heading == REASON
        several = ("email", "phone")
        self._several = {name: headings.places.get(name, ()) for name in several}
        self._single = [
            (name, places, name in LINES, name in NORMAL)
            for name, places in headings.places.items()
            if name not in several
        ]
        names = [name for name, *_ in self._single]
        self._account = {name: name.removeprefix("account_") for name in names if _is_account(name)}
        # The parts of a full name are fields too, whether or not there are columns of them.
        self._own = (
            {"first_name", "last_name", *names} - PLACED - {name for name in names if name.startswith("account_")}
        )
        self._seen: dict[str, int] = {}

    def checked(self, row: CsvRow) -> Row | Refused:
        try:
            found = self._row(row)
            for email in found.emails:
                if email in self._seen:
                    raise c.Mend(f"{email} is also on line {self._seen[email]}: keep one of the two")
        except c.Mend as error:
            return Refused(row.line, str(error), row.cells)
        self._seen.update(dict.fromkeys(found.emails, row.line))
        return found

    def _row(self, row: CsvRow) -> Row:
        cells = self._cells(row)
        texts = self._texts(cells)
        if c.is_yes(texts.get("opted_out", "")):
            raise c.Mend('has opted out by the file: they are not imported; "sequencer opt-out ADDRESS" records it')
        notes: list[str] = []
        emails = c.addresses([c.clean("email", cells[at], is_line=True) for at in self._several["email"]], notes)
        country = c.country(texts.get("country", ""), texts.get("location", ""))
        phones = c.phones([c.clean("phone", cells[at], is_line=True) for at in self._several["phone"]], country, notes)
        if phones and c.is_yes(texts.get("do_not_call", "")):
            phones = ()
            notes.append("phones left out: the file says not to call")
        country = country or next((phone.country for phone in phones if phone.country), None)
        timezone, source = c.zone(texts.get("timezone", ""), phones, country)
        domain = c.web_domain(texts.get("domain", ""), emails, notes)
        account_id = texts.get("account_id", "").partition(";")[0].strip()
        more = {f"phone_{at}": phone.number for at, phone in enumerate(phones[1:], 2)}
        return Row(
            row.line,
            emails,
            {**{name: text for name, text in texts.items() if name in self._own}, **more},
            phones[0].number if phones else None,
            c.linkedin(texts.get("linkedin", ""), notes),
            timezone,
            source,
            country,
            account_id or domain or None,
            texts.get("company", ""),
            domain,
            {self._account[name]: text for name, text in texts.items() if name in self._account},
            tuple(notes),
            bool(account_id),
        )

    def _cells(self, row: CsvRow) -> Sequence[str]:
        cells = row.cells
        if len(cells) > self._width:
            if any(map(str.strip, cells[self._width :])):
                raise c.Mend(f"{len(cells)} cells for {self._width} columns: put a text with a delimiter in quotes")
        elif len(cells) < self._width:
            cells = (*cells, *[""] * (self._width - len(cells)))
        return list(map(restored, cells)) if self._is_mended else cells

    def _texts(self, cells: Sequence[str]) -> dict[str, str]:
        """The first text of each field's columns; fields without one are left out."""
        texts: dict[str, str] = {}
        for name, places, is_line, is_special in self._single:
            for at in places:
                if cells[at] and (text := c.clean(name, cells[at], is_line=is_line)):
                    texts[name] = _normal(name, text) if is_special else text
                    break
        if "account_phone" in texts:
            texts["account_phone"] = c.company_phone(texts["account_phone"], texts.get("account_country", ""))
        if "full_name" in texts:
            first, last = c.split_name(texts["full_name"])
            if "first_name" not in texts and "last_name" not in texts:
                texts |= {name: text for name, text in (("first_name", first), ("last_name", last)) if text}
        return texts


def _normal(name: str, text: str) -> str:
    if name in NAMES:
        return c.checked_name(name, text)
    if name == "stage":
        return c.stage(text)
    return c.number(text) if name in NUMBERS else text


def _is_account(name: str) -> bool:
    return name.startswith("account_") and name != "account_id"
