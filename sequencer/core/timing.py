"""When a step is due: its wait, then its hours, in the right zone (LIFECYCLE, Time).

Between core/window.py, which knows calendars, and core/decide.py, which knows enrollments. Everything is computed anew
from the instant that a wait counts from, so a corrected zone corrects the date. It decides nothing.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core.absence import Away, away_at, next_begin
from sequencer.core.facts import HAPPENED, Facts
from sequencer.core.progress import Progress
from sequencer.core.sequence import AnyStep, BranchStep, CallStep, EmailStep
from sequencer.core.span import Span
from sequencer.core.window import (
    ALWAYS,
    Holidays,
    Window,
    WindowNeverOpens,
    add_wait,
    business_days_after,
    closes_at,
    local_date,
    narrow,
    next_open,
    no_holidays,
    parse_hours,
    start_of_day,
)

HOLD_EXPIRES = timedelta(days=30)
PREPARED_GOOD_FOR = timedelta(minutes=15)  # a mail's bytes; then it is asked again whether it may leave
BACK_OFF: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))


@dataclass(frozen=True, slots=True)
class Hours:
    """The local hours in which a step may happen; `of_rep`: where the rep works, not where the prospect is."""

    window: Window
    zone: ZoneInfo
    holidays: Holidays
    of_rep: bool = False


@dataclass(frozen=True, slots=True)
class DueTime:
    """`at`: when the wait is over. `opens`: the first opening from then on, None if its hours never open."""

    at: datetime
    opens: datetime | None


def hours_of(step: AnyStep, facts: Facts, reviewing: bool = False) -> Hours:
    """Mail and calls keep the prospect's hours, a branch none; other tasks the rep's, a mail's review among them."""
    match step:
        case BranchStep():
            return Hours(ALWAYS, facts.zone, no_holidays)
        case EmailStep() if reviewing:
            return Hours(facts.rep_window, facts.rep.timezone, facts.rep_holidays, of_rep=True)
        case EmailStep() | CallStep():
            hours = Hours(facts.window, facts.zone, facts.holidays)
        case _:
            hours = Hours(facts.rep_window, facts.rep.timezone, facts.rep_holidays, of_rep=True)
    if step.at is None:
        return hours
    return replace(hours, window=narrow(hours.window, parse_hours(step.at)))


def hours_now(step: AnyStep, progress: Progress, facts: Facts) -> Hours:
    """The hours of what `step` does next: of its review until that is approved, then of the mail."""
    return hours_of(step, facts, isinstance(step, EmailStep) and step.review and not progress.approved)


def opening(hours: Hours, at: datetime) -> datetime | None:
    """The first instant >= `at` inside the hours, None if they never open."""
    try:
        return next_open(hours.window, hours.zone, hours.holidays, at)
    except WindowNeverOpens:
        return None


def opening_at_work(hours: Hours, away: Away, at: datetime, *, covered: bool = False) -> datetime | None:
    """The first opening >= `at` on which the rep is at work, or (`covered`) somebody else for them; None if never."""
    opens = opening(hours, at)
    while opens and (stretch := away_at(away, opens)) and not (covered and stretch.cover):
        opens = opening(hours, stretch.ends)
    return opens


def leaves_before(hours: Hours, away: Away, now: datetime) -> datetime:
    """Until when, excluded, a mail that may leave `now` still may. Raises ValueError when the window is closed."""
    closes, begins = closes_at(hours.window, hours.zone, hours.holidays, now), next_begin(away, now)
    return min(closes, begins) if begins else closes


def due_time(step: AnyStep, progress: Progress, facts: Facts, not_before: datetime | None = None) -> DueTime:
    """When `step` is due, if it is the one that comes next. `not_before`: at the earliest then (now, usually)."""
    base, ever = _base(step, progress), True
    try:
        at = add_wait(step.wait.span, facts.zone, facts.window, facts.holidays, base)
    except WindowNeverOpens:
        at, ever = wait_end(step.wait.span, facts, base), isinstance(step, BranchStep)
    if progress.not_before:
        at = max(at, progress.not_before)
    hours = hours_now(step, progress, facts)
    return DueTime(at, opening(hours, max(at, not_before or at)) if ever else None)


def wait_end(span: Span, facts: Facts, start: datetime) -> datetime:
    """When `span` from `start` is over where the prospect is; where no business day ever comes, days are counted."""
    try:
        return add_wait(span, facts.zone, facts.window, facts.holidays, start)
    except WindowNeverOpens:
        return add_wait(Span(span.amount, "d"), facts.zone, facts.window, facts.holidays, start)


def _base(step: AnyStep, progress: Progress) -> datetime:
    anchor = progress.touches.get(step.wait.anchor) if step.wait.anchor else None
    return anchor.at if anchor and anchor.state in HAPPENED else progress.since


def within_end(step: BranchStep, progress: Progress, facts: Facts) -> datetime:
    """When a branch gives up: at once without `within`, else that long after it came due."""
    due = due_time(step, progress, facts)
    return wait_end(step.within, facts, due.at) if step.within else due.at


def pause_end(span: Span, facts: Facts, now: datetime) -> datetime:
    """When a pause of this length ends: hours elapse, days end at the start of their day where the prospect is."""
    end = wait_end(span, facts, now)
    return start_of_day(facts.zone, local_date(facts.zone, end)) if span.unit in ("d", "bd") else end


def back_at_work(first_day: date, facts: Facts) -> datetime:
    """One business day after the first day back: the start of that day where the prospect is."""
    try:
        day = business_days_after(first_day, 1, facts.window, facts.holidays)
    except WindowNeverOpens:
        day = first_day + timedelta(days=1)
    return start_of_day(facts.zone, day)


def again_after(deferrals: int, now: datetime) -> datetime | None:
    """When a mail that was put off `deferrals` times before this one goes again; None: no more tries."""
    return now + BACK_OFF[deferrals] if deferrals < len(BACK_OFF) else None
