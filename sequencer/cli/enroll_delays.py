"""The honest consequence of days that are too full: how many people get what on a later day, and which limit it is.

Apart from cli/enroll_report.py, which has the dates: this only counts and says.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import ceil

from sequencer.cli.plain_text import counted, plain
from sequencer.config import Config
from sequencer.core.reason import SENTENCE, Reason
from sequencer.engine.candidates import name_of
from sequencer.engine.enrolling import Door
from sequencer.engine.rehearsal import Prospective, Rehearsal

__all__ = ["delay_lines", "gap_lines", "limit_words", "unplaced_lines"]

TOLD_ONE_BY_ONE_MAX = 3
_FIRST = {"email": "first mail", "task": "first task"}


@dataclass(frozen=True, slots=True)
class _Late:
    """One person's first touch: expected on the day `wanted` without limits, on `at` with them; days of the person."""

    touch: str
    wanted: date
    at: date
    because: str


def delay_lines(config: Config, rehearsal: Rehearsal) -> Iterator[str]:
    """One sentence for each pair of days, or one for each limit where there are many."""
    late = Counter(each for one in rehearsal.prospects if (each := _late(config, one)))
    for because in dict.fromkeys(each.because for each in late):
        some = {each: number for each, number in late.items() if each.because == because}
        if len(some) <= TOLD_ONE_BY_ONE_MAX:
            for each, number in sorted(some.items(), key=lambda item: (item[0].at, item[0].wanted)):
                yield f"{_get(number, each.touch)} {_days(each)}: {because}"
        else:
            first, last = min(each.wanted for each in some), max(each.at for each in some)
            number, touch = sum(some.values()), next(iter(some)).touch
            yield f"{_get(number, touch)} later than {_day(first)}, the last on {_day(last)}: {because}"
    later = sum(each.step != _first_step(one) for one in rehearsal.prospects for each in one.delays)
    if later:
        yield f"{counted(later, 'later touch waits', 'later touches wait')} for room, too, and what follows with it"


def gap_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """For each mailbox from which several first mails are due at one time: how long the last of the most waits."""
    together = Counter(
        (one.facts.mailbox, one.touches[0].at)
        for one in rehearsal.prospects
        if one.facts.mailbox and one.touches and one.touches[0].kind == "email"
    )
    most = {box: number for (box, _), number in reversed(together.most_common())}
    for box, number in most.items():
        if number > 1 and box.gap_s_min + box.gap_s_jitter > 0:
            minutes = ceil((number - 1) * (box.gap_s_min + box.gap_s_jitter / 2) / 60)
            between = f"{box.gap_s_min:.0f} to {box.gap_s_min + box.gap_s_jitter:.0f} s"
            yield (
                f"mails from {box.address} leave {between} apart (its gap): of {number:,} that are due at one time the"
                f" last leaves about {counted(minutes, 'minute', 'minutes')} later"
            )


def unplaced_lines(door: Door, rehearsal: Rehearsal) -> Iterator[str]:
    """Who is written to in the mailbox's hours because nobody knows where they are."""
    if door.bundle.sequence.settings.timezone != "prospect":
        return
    some = [one for one in rehearsal.prospects if one.seat.prospect.timezone is None]
    if some:
        names = ", ".join(plain(name_of(one.seat.prospect)) for one in some[:TOLD_ONE_BY_ONE_MAX])
        more = f" and {len(some) - TOLD_ONE_BY_ONE_MAX:,} more" if len(some) > TOLD_ONE_BY_ONE_MAX else ""
        yield (
            f"the time zone of {counted(len(some), 'person', 'people')} is not known, so the mailbox's counts:"
            f" {names}{more}; a file with a column timezone tells it: sequencer import FILE.csv --update"
        )


def _get(number: int, touch: str) -> str:
    return f"{counted(number, 'person gets', 'people get')} the {touch}"


def _days(late: _Late) -> str:
    if late.at == late.wanted:
        return f"later on {_day(late.at)}"
    return f"on {_day(late.at)} instead of {_day(late.wanted)}"


def _first_step(one: Prospective) -> str | None:
    return one.touches[0].step if one.touches else None


def _late(config: Config, one: Prospective) -> _Late | None:
    wanted, got = one.wanted, next(iter(one.touches), None)
    if wanted is None or got is None or got.at <= wanted.at:
        return None
    zone = one.facts.zone
    before, after = wanted.at.astimezone(zone).date(), got.at.astimezone(zone).date()
    delay = next((each for each in one.delays if each.step == got.step), None)
    return _Late(_FIRST[got.kind], before, after, limit_words(config, one, delay.gate.reason if delay else None))


def limit_words(config: Config, one: Prospective, reason: Reason | None) -> str:
    """Which limit lets somebody wait, with its number in config.toml."""
    rep = one.facts.rep
    match reason:
        case Reason.CAP if one.facts.mailbox:
            box = one.facts.mailbox
            ramp = f", ramping up from {box.ramp.start}" if box.ramp else ""
            return f"the cap of {box.address} is {box.cap_per_day} a day{ramp}"
        case Reason.GAP if one.facts.mailbox:
            return f"{one.facts.mailbox.address} leaves a gap after each mail, and their hours are too short for all"
        case Reason.ACCOUNT_DAY:
            return f"the policy allows {config.policy.account_touches_per_day} mails a day to one account"
        case Reason.DOMAIN_DAY:
            return f"the policy allows {config.policy.domain_messages_per_day} mails a day to one domain"
        case Reason.REP_DAY:
            return f"{rep.name} does {rep.calls_per_day} calls a day and {rep.connects_per_week} connects a week"
        case Reason():
            return SENTENCE[reason]
    return "they were touched a short while ago (person_gap, person_touches_per_week)"


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%b}"
