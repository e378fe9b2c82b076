"""A rep's days away as stretches of instants, each with whoever does the rep's tasks meanwhile.

Config resolves days, zones and covers once into these values, so that a decision about somebody whose rep is at work
costs one look at an empty tuple. What waits because of an absence is core/gates.py's and core/tidy.py's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sequencer.core.people import Absence, Rep
from sequencer.core.window import Window, WindowNeverOpens, business_days_after, start_of_day

__all__ = ["Away", "Stretch", "away_at", "due_at_work", "end_without_cover", "next_begin", "refusals", "resolve"]

YEARS = (2000, 2199)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an absence, from `begins` to `ends` (excluded, both aware UTC), in which one person covers.

    `cover`: who does the tasks, None while nobody does. `back`: the start of the first working day after the whole
    absence.
    """

    absence: Absence
    begins: datetime
    ends: datetime
    back: datetime
    cover: str | None


Away = tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    absence: Absence
    begins: datetime
    back: datetime


def resolve(absences: Sequence[Absence], reps: Mapping[str, Rep], window: Window) -> dict[str, Away]:
    """Every rep's stretches in order of time; `window`: the hours that reps keep.

    A cover who is away too hands on to their own cover; where nobody in that chain is at work, nobody covers.
    """
    spans = [_span(each, absences, reps[each.rep].timezone, window) for each in absences]
    spans.sort(key=lambda span: span.begins)
    edges = sorted({edge for span in spans for edge in (span.begins, span.back)})
    found: dict[str, list[Stretch]] = defaultdict(list)
    for begins, ends in pairwise(edges):
        out = {span.absence.rep: span for span in spans if span.begins <= begins < span.back}
        for rep, span in out.items():
            _append(found[rep], Stretch(span.absence, begins, ends, span.back, _cover(rep, out)))
    return {rep: tuple(stretches) for rep, stretches in found.items()}


def _span(absence: Absence, absences: Iterable[Absence], zone: ZoneInfo, window: Window) -> _Span:
    own = [each for each in absences if each.rep == absence.rep]

    def away(day: date) -> str | None:
        return "away" if any(each.first <= day <= each.last for each in own) else None

    try:
        first_day = business_days_after(absence.last, 1, window, away)
    except WindowNeverOpens:
        first_day = absence.last + timedelta(days=1)
    return _Span(absence, start_of_day(zone, absence.first), start_of_day(zone, first_day))


def _cover(rep: str, out: Mapping[str, _Span]) -> str | None:
    asked, cover = {rep}, out[rep].absence.cover
    while cover is not None and cover in out:
        if cover in asked:
            return None
        asked.add(cover)
        cover = out[cover].absence.cover
    return cover


def _append(stretches: list[Stretch], following: Stretch) -> None:
    """Add it, as the rest of the last one if nothing but somebody else's absence lies between them."""
    last = stretches[-1] if stretches else None
    if last and (last.ends, last.absence, last.cover) == (following.begins, following.absence, following.cover):
        stretches[-1] = replace(last, ends=following.ends)
    else:
        stretches.append(following)


def away_at(away: Away, at: datetime) -> Stretch | None:
    """The stretch that contains `at`, None when the rep is at work."""
    return next((stretch for stretch in away if stretch.begins <= at < stretch.ends), None)


def end_without_cover(away: Away, at: datetime) -> datetime:
    """The first instant >= `at` at which somebody does the rep's tasks."""
    for stretch in away:
        if stretch.cover is None and stretch.begins <= at < stretch.ends:
            at = stretch.ends
    return at


def due_at_work(away: Away, due_at: datetime, now: datetime) -> datetime:
    """When a task that is open at `now` counts as due: the days on which nobody could do it are left out."""
    for stretch in away:
        if stretch.cover is None and stretch.begins <= now:
            due_at = max(due_at, stretch.ends)
    return due_at


def next_begin(away: Away, at: datetime, *, uncovered: bool = False) -> datetime | None:
    """When a stretch begins after `at`; `uncovered`: one in which nobody does the tasks."""
    begins = (stretch.begins for stretch in away if stretch.begins > at and not (uncovered and stretch.cover))
    return next(begins, None)


def refusals(absences: Sequence[Absence], reps: Collection[str]) -> Iterator[str]:
    """What is wrong with [[away]] of config.toml, as `away.0.to: what is wrong`."""
    for at, each in enumerate(absences):
        place = f"away.{each.number}"
        if each.rep not in reps:
            yield f'{place}.rep: there is no rep "{each.rep}"'
        if each.cover is not None and each.cover not in reps:
            yield f'{place}.cover: there is no rep "{each.cover}"'
        if each.cover == each.rep:
            yield f"{place}.cover: nobody covers for themself: name another rep, or leave it out"
        if each.last < each.first:
            yield f"{place}.to: {each.last} is before {each.first}"
        for key, day in (("from", each.first), ("to", each.last)):
            if not YEARS[0] <= day.year <= YEARS[1]:
                yield f"{place}.{key}: {day} is too far away: write a day of the years {YEARS[0]} to {YEARS[1]}"
        for other in absences[:at]:
            if other.rep == each.rep and other.first <= each.last and each.first <= other.last:
                yield f"{place}.from: {each.rep} is away until {other.until} already: make it one absence"
    for each in sorted(absences, key=lambda absence: absence.first):
        out = {other.rep: other for other in absences if other.first <= each.first <= other.last}
        if out.get(each.rep) == each and (circle := _circle(each, out)):
            covers = ", ".join(f"{cover} covers for {rep}" for rep, cover in pairwise(circle))
            yield f"away.{each.number}.cover: nobody is left on {each.first}: {covers}"
            return


def _circle(absence: Absence, out: Mapping[str, Absence]) -> list[str]:
    """The names on the way from cover to cover back to the absent rep; none when it ends elsewhere."""
    names, cover = [absence.rep], absence.cover
    while cover is not None and cover != absence.rep and cover in out and cover not in names:
        names.append(cover)
        cover = out[cover].cover
    return [*names, absence.rep] if cover == absence.rep and len(names) > 1 else []
