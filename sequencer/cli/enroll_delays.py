"""The honest consequence of days that are too full: how many people get what on a later day, and which limit it is.

Apart from cli/enroll_report.py, which has the dates: this only counts and says.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sequencer.cli.plain_text import counted
from sequencer.config import Config
from sequencer.core.reason import SENTENCE, Reason
from sequencer.engine.rehearsal import Prospective, Rehearsal

__all__ = ["delay_lines", "limit_words"]

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
