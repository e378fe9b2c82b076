"""Reads the header of a people file: whose export it is, which field each column means, what was probably meant.

It is here so that an export imports as it is, and so that nobody finds out later what became of a column: each one is
recognised, mapped by hand, kept as a field of one's own, or left out, and says so. It sees no row.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from sequencer.content.exports import COMMON, LAYOUTS, LEFT_OUT, PLAIN, Layout
from sequencer.errors import DefinitionError, InputError

__all__ = ["FIELDS", "REASON", "Column", "Headings", "recognise"]

Fate = Literal["recognised", "mapped", "own", "left out"]
REASON = "refused_because"
MARKS_MIN = 2
FIELD_CHARS_MAX = 60
LIKENESS_MIN = 0.8
SHORT_CHARS_MAX = 3  # among headings of two or three letters everything looks alike
NOWHERE = "-"
# What a column may mean beside a field of one's own.
FIELDS = frozenset(COMMON)
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Letters that do not come apart into a plain one and an accent.
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `field` "" is nowhere; `meant`: a field whose heading looks much like this one.

    Fields that begin with `account_` are the company's: account_industry is account.industry in texts and conditions.
    """

    heading: str
    field: str
    fate: Fate
    meant: str = ""

    @property
    def spoken(self) -> str:
        """The field as templates and conditions say it."""
        if self.field == "account_id":
            return "account.id"
        if self.field.startswith("account_"):
            return f"account.{self.field.removeprefix('account_')}"
        return {"company": "account.name", "domain": "account.domain"}.get(self.field, self.field)

    @property
    def is_nameless(self) -> bool:
        """Whether it is left out because nothing in a text or condition could call it by its heading."""
        return self.fate == "left out" and not _FIELD.fullmatch(_own_name(self.heading))


@dataclass(frozen=True, slots=True)
class Headings:
    """What a header says. `layout`: the product whose export it is, or "". `places`: columns of each field, the
    preferred one first."""

    layout: str
    columns: tuple[Column, ...]
    places: Mapping[str, tuple[int, ...]]


def recognise(path: str, line: int, header: Sequence[str], maps: Sequence[str] = ()) -> Headings:
    """What the columns mean. `maps`: `Column=field`, or `Column=-` to leave one out; they win over what is recognised.

    Raises InputError for a map that names no column, DefinitionError for a header that cannot be used.
    """
    cells = [cell.strip() for cell in header]
    while cells and not cells[-1]:
        cells.pop()
    _checked(path, line, cells)
    keys = list(map(_key, cells))
    chosen = dict(_chosen(maps, cells))
    layout = _layout(keys)
    ranked, left_out = _meanings(layout.name if layout else "")
    columns = []
    for cell, key in zip(cells, keys, strict=True):
        if cell in chosen:
            columns.append(Column(cell, chosen[cell], "mapped" if chosen[cell] else "left out"))
        else:
            columns.append(_column(cell, key, ranked, left_out))
    places: dict[str, list[tuple[int, int]]] = {}
    for at, (column, key) in enumerate(zip(columns, keys, strict=True)):
        if column.field:
            rank = -1 if column.fate == "mapped" else ranked.get(key, ("", 0))[1]
            places.setdefault(column.field, []).append((rank, at))
    if "email" not in places:
        raise _no_address(path, line, cells)
    ordered = {name: tuple(at for _, at in sorted(found)) for name, found in places.items()}
    return Headings(layout.name if layout else "", tuple(columns), ordered)


def _checked(path: str, line: int, cells: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for at, cell in enumerate(cells, 1):
        if not cell:
            hint = "each column needs a name in the first line"
            raise DefinitionError(path, line, f"column {at} of {len(cells)} has no name", hint)
        if not cell.replace("\n", " ").replace("\r", " ").replace("\t", " ").replace("\xa0", " ").isprintable():
            raise DefinitionError(path, line, f"the name of column {at} holds control characters", "retype it")
        # Headings without a Latin letter have no key: they are the same when they are written the same.
        key = _key(cell) or cell
        if key in seen:
            raise DefinitionError(
                path, line, f'the column "{seen[key][:60]}" stands there twice', "rename or remove one"
            )
        seen[key] = cell


def _chosen(maps: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, str]]:
    by_key = {_key(cell): cell for cell in cells}
    for given in maps:
        heading, equals, target = (part.strip() for part in given.rpartition("="))
        if not equals or not heading or not target:
            raise InputError(f'--map {given}: write --map "Column=field", or --map "Column=-" to leave it out')
        column = heading if heading in cells else by_key.get(_key(heading) or heading)
        if column is None:
            close = get_close_matches(heading, cells, 1)
            hint = f' — did you mean "{close[0]}"?' if close else f": there is {', '.join(cells[:12])}"
            raise InputError(f'--map {given}: the file has no column "{heading}"{hint}')
        yield column, "" if target == NOWHERE else _target(given, target)


def _target(given: str, target: str) -> str:
    owner, dot, name = target.rpartition(".")
    if owner == "account":
        target = {"name": "company", "domain": "domain", "id": "account_id"}.get(name, f"account_{name}")
    elif dot and owner == "prospect":
        target = name
    if not _FIELD.fullmatch(target):
        raise InputError(
            f'--map {given}: "{target}" is no field: write small letters, digits and _, such as first_name, score, '
            "account.industry, or a name of your own"
        )
    return target


def _column(cell: str, key: str, ranked: Mapping[str, tuple[str, int]], left_out: frozenset[str]) -> Column:
    if key in left_out:
        return Column(cell, "", "left out")
    if key in ranked:
        return Column(cell, ranked[key][0], "recognised")
    name = _plain_names().get(key) or _own_name(cell)
    if not _FIELD.fullmatch(name):
        return Column(cell, "", "left out")
    if name in FIELDS or name.startswith("account_"):
        return Column(cell, name, "recognised")
    return Column(cell, name, "own", _meant(key))


def _own_name(cell: str) -> str:
    text = cell if re.search(r"[^A-Za-z0-9]", cell) else _CAMEL.sub("_", cell)
    return re.sub(r"[^a-z0-9]+", "_", _latin(text)).strip("_")[:FIELD_CHARS_MAX].rstrip("_")


def _layout(keys: Sequence[str]) -> Layout | None:
    """The product most of whose marks are there."""
    present = set(keys)
    marks = {layout.name: sum(_key(mark) in present for mark in layout.marks) for layout in LAYOUTS}
    best = max(LAYOUTS, key=lambda layout: marks[layout.name])
    return best if marks[best.name] >= MARKS_MIN else None


@lru_cache(maxsize=16)
def _meanings(layout_name: str) -> tuple[Mapping[str, tuple[str, int]], frozenset[str]]:
    """Heading's key -> (field, rank among the headings of that field); and the keys that are left out."""
    ranked: dict[str, tuple[str, int]] = {}
    for name, headings in COMMON.items():
        ranked |= {_key(heading): (name, 1000 + rank) for rank, heading in enumerate(headings)}
        ranked.setdefault(_key(name), (name, 999))
    layout = next((each for each in LAYOUTS if each.name == layout_name), None)
    left_out = set(map(_key, LEFT_OUT))
    if layout is not None:
        for name, headings in layout.fields.items():
            ranked |= {_key(heading): (name, rank) for rank, heading in enumerate(headings)}
        left_out |= set(map(_key, layout.left_out))
    return ranked, frozenset(left_out)


def _meant(key: str) -> str:
    if len(key) <= SHORT_CHARS_MAX or key in _plain_keys():
        return ""
    close = get_close_matches(key, [*_meanings("")[0], *_plain_keys()], 1, LIKENESS_MIN)
    return _meanings("")[0].get(close[0], ("", 0))[0] if close else ""


@lru_cache(maxsize=1)
def _plain_names() -> Mapping[str, str]:
    return {_key(heading): _own_name(heading) for heading in PLAIN}


@lru_cache(maxsize=1)
def _plain_keys() -> frozenset[str]:
    layouts = [heading for layout in LAYOUTS for heading in (*layout.marks, *layout.left_out)]
    return frozenset(map(_key, (*PLAIN, *layouts)))


def _no_address(path: str, line: int, cells: Sequence[str]) -> DefinitionError:
    close = next((cell for cell in cells if _meant(_key(cell)) == "email" and _key(cell) != "email"), "")
    if close:
        return DefinitionError(path, line, "no column with addresses", f'did you mean --map "{close}=email"?')
    hint = 'the first line names the columns: email,first_name,…; --map "Column=email" says which one it is'
    return DefinitionError(path, line, 'no column "email"', hint)


@lru_cache(maxsize=4096)
def _key(heading: str) -> str:
    """What headings are compared by: "First Name", first_name and firstName are one."""
    return re.sub(r"[^a-z0-9]", "", _latin(heading))


def _latin(text: str) -> str:
    """In small letters without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
