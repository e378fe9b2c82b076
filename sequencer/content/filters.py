"""The filters of the template language: a closed list of small functions over text, numbers and dates.

Jinja's own filters are not used, because some of them make text of any length out of little, run methods of values,
or turn what is no number into 0. None of these sees anything but plain values.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from jinja2 import Undefined

__all__ = ["FILTERS", "TEXT_CHARS_MAX", "TemplateText", "WrongValue", "date_text", "text_of"]

TEXT_CHARS_MAX = 10_000
DECIMALS_MAX = 10
# strftime of glibc takes a width (%999999999d), so only bare directives pass.
_DATE_FORMAT = re.compile(r"(?:[^%]|%-?[aAbBdHIjmMpSyY%])*")

_MARKED = re.compile(r"qz[a-z]\d+zq")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


class TemplateText(str):
    """Text that belongs to the template itself: it is laid out (Markdown, HTML), not escaped. It may hold marks."""

    __slots__ = ()


class WrongValue(ValueError):
    """A filter or function was given what it cannot use; says what, for a person."""


def text_of(value: object) -> str:
    """A plain value as a mail prints it. Raises WrongValue."""
    match value:
        case TemplateText() if _MARKED.search(value):
            # Changed by a filter, a mark would no longer stand for its value.
            raise WrongValue("what a function gives can only be printed")
        case bool():
            return "yes" if value else "no"
        case str() | int() | float():
            return _bounded(str(value))
        case date():
            return date_text(value)
        case _:
            raise WrongValue("a list cannot be printed: use join")


def date_text(value: object, form: str = "%-d %B %Y") -> str:
    """`now | date("%d/%m/%Y")`; text must be an ISO date (2026-11-23)."""
    if not _DATE_FORMAT.fullmatch(form):
        raise WrongValue(f'"{form}" is no date format: use %-d %d %m %B %b %Y %y %A %a %H %M')
    if isinstance(value, date):
        return value.strftime(form)
    text = text_of(value).strip()
    try:
        return datetime.fromisoformat(text).strftime(form)
    except ValueError:
        raise WrongValue(f'"{text[:40]}" is no date such as 2026-11-23') from None


def _bounded(text: str) -> str:
    if len(text) > TEXT_CHARS_MAX:
        raise WrongValue("a value is longer than 10 kB")
    return text


def _capital(word: re.Match[str]) -> str:
    """`o'rourke` -> `O'Rourke`, but `it's` -> `It's`."""
    return "".join(part.capitalize() for part in re.split(r"(?<=^[^\W\d_]['’])", word[0]))


def _default(value: object, instead: object = "", empty_too: object = False) -> object:
    return instead if isinstance(value, Undefined) or (empty_too and not value) else value


def _replace(value: object, old: object, new: object) -> str:
    text, old_text, new_text = text_of(value), text_of(old), text_of(new)
    if not old_text:
        raise WrongValue("replace needs something to look for")
    if len(text) + text.count(old_text) * len(new_text) > TEXT_CHARS_MAX * 2:
        raise WrongValue("replace makes the value longer than 10 kB")
    return _bounded(text.replace(old_text, new_text))


def _join(value: object, between: object = "") -> str:
    if not isinstance(value, list | tuple):
        return text_of(value)
    return _bounded(text_of(between).join(text_of(item) for item in value if not isinstance(item, Undefined)))


def _end(value: object, index: int) -> object:
    if isinstance(value, list | tuple):
        return value[index] if value else Undefined()
    return text_of(value)[index]


def _number(value: object) -> float:
    try:
        number = float(value if isinstance(value, int | float) else _ungrouped(text_of(value)))
    except (ValueError, OverflowError):
        raise WrongValue(f'"{text_of(value)[:40]}" is no number') from None
    if not abs(number) < 1e15:
        raise WrongValue("a number is too large")
    return number


def _ungrouped(text: str) -> str:
    """`12,500` without its commas; `1,5` stays, as nobody can tell what it means."""
    return text.replace(",", "") if _GROUPED.fullmatch(text.strip()) else text


def _round(value: object, decimals: int = 0) -> int | float:
    if not isinstance(decimals, int) or not 0 <= decimals <= DECIMALS_MAX:
        raise WrongValue(f"round takes 0 to {DECIMALS_MAX} decimals")
    return round(_number(value), decimals) if decimals else round(_number(value))


def _truncate(value: object, length: int = 100) -> str:
    text = text_of(value)
    if not isinstance(length, int) or length < 1:
        raise WrongValue("truncate takes a number of characters")
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else len(text_of(value))


def _present(run: Callable[..., Any]) -> Callable[..., Any]:
    """What is missing stays missing through a filter."""

    def of_present(value: object, *arguments: Any) -> Any:
        missing = next((each for each in (value, *arguments) if isinstance(each, Undefined)), None)
        return run(value, *arguments) if missing is None else missing

    return of_present


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "lower": _present(lambda value: text_of(value).lower()),
    "upper": _present(lambda value: text_of(value).upper()),
    "title": _present(lambda value: _WORD.sub(_capital, text_of(value))),
    "capitalize": _present(lambda value: text_of(value).capitalize()),
    "trim": _present(lambda value: text_of(value).strip()),
    "replace": _present(_replace),
    "join": _present(_join),
    "first": _present(lambda value: _end(value, 0)),
    "last": _present(lambda value: _end(value, -1)),
    "length": _present(_length),
    "int": _present(lambda value: int(_number(value))),
    "round": _present(_round),
    "truncate": _present(_truncate),
    "date": _present(date_text),
    # Every value is escaped where it is put into HTML; a second time would show &amp; to the reader.
    "e": _present(text_of),
}
