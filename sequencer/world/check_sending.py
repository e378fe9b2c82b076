"""Checks of what was sent: never twice, never unseen by a row, in the hours and under the limits.

Hours, holidays, caps and gaps are worked out here anew from config.toml's own words, because a check that called the
engine's functions would repeat its mistakes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from sequencer.config import MailboxSection
from sequencer.content.holiday import known_country
from sequencer.core import events as e
from sequencer.core.sequence import EmailStep
from sequencer.store.sends import SendRow
from sequencer.world.evidence import Evidence, Verdict
from sequencer.world.record import Took

__all__ = ["fresh", "in_hours", "never_twice", "none_while_away", "under_limits"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
IDLE_DAYS_RESTART_RAMP = 14
WROTE_WITHIN = timedelta(days=90)
WEEK = timedelta(days=7)


def never_twice(seen: Evidence) -> Verdict:
    """At most one mail for each (enrollment, step, attempt); attempt 1 is the machine's, a further one a person's."""
    broken: list[str] = []
    by_id = Counter(mail.message_id for mail in seen.took)
    touches: set[tuple[int, str]] = set()
    for message_id, times in by_id.items():
        rows = [row for row in seen.rows_by_message_id.get(message_id, ()) if row.sending_at is not None]
        touches |= {(row.enrollment_id, row.step) for row in rows}
        if times > len(rows):
            broken.append(f"{message_id} was accepted {times} times and allowed {len(rows)} times")
    for row in seen.census.sends:
        broken += _unfounded(seen, row, by_id)
    keys = Counter((row.enrollment_id, row.step, row.attempt) for row in seen.census.sends)
    broken += [f"{key} has {times} send rows" for key, times in keys.items() if times > 1]
    counted = f"{len(seen.took)} mails, {len(touches)} different (enrollment, step)"
    return Verdict("no touch twice, and none that no row knows", counted, tuple(broken))


def _unfounded(seen: Evidence, row: SendRow, accepted: Mapping[str, int]) -> Iterator[str]:
    """A mail that is called sent although nobody got it, or an attempt that nobody asked for."""
    named = f"send {row.id} ({row.step}, attempt {row.attempt})"
    if row.state == "sent" and not row.settled_by.startswith(e.PERSON) and not accepted.get(row.message_id or ""):
        yield f"{named} is sent by the machine's word, but nobody got it"
    if row.attempt > 1:
        log = seen.log_of(row)
        asked = any(
            isinstance(event, e.TouchReattempted | e.HoldTaken) and e.by_person(event.by)
            and getattr(event, "step", row.step) == row.step
            for event in log
        )  # fmt: skip
        if row.answers is not None:
            keys = [task.key for task in seen.census.tasks if task.id == row.answers]
            written = [event for event in log if isinstance(event, e.AnswerQueued) and e.by_person(event.by)]
            asked = any(event.task in keys and event.number == row.attempt for event in written)
        if not asked:
            yield f"{named}: no person asked for it"


def fresh(seen: Evidence) -> Verdict:
    """No follow-up with an inbox that was read longer ago than `inbox_max_age`."""
    broken: list[str] = []
    allowed = seen.config.policy.inbox_max_age.elapsed
    oldest, followups = timedelta(), 0
    wrote: dict[str, dict[str, datetime]] = defaultdict(dict)
    for mail in seen.took:
        before = wrote[mail.recipient]
        followup = not seen.is_answer(mail)
        followups += bool(before) and followup
        for mailbox, at in before.items() if followup else ():
            if at < mail.at - WROTE_WITHIN:
                continue
            read = seen.last_read(mailbox, mail.order)
            age = mail.at - read.at if read else None
            if age is None or age > allowed:
                broken.append(f"{mail} left when {mailbox} had not been read for {age or 'ever'}")
            oldest = max(oldest, age or oldest)
        before[mail.sender] = mail.at
    counted = f"{followups} follow-ups, the inbox read at most {oldest.total_seconds():g} s before"
    return Verdict("no follow-up with a stale inbox", counted, tuple(broken))


def in_hours(seen: Evidence) -> Verdict:
    """Inside the window, in the recipient's zone, off their holidays."""
    broken: list[str] = []
    zones: set[str] = set()
    for mail in seen.took:
        row = seen.row_of(mail)
        if row is None:
            broken.append(f"{mail}: no row says when it may leave")
            continue
        if row.answers is not None:
            continue
        countries = seen.countries_of(row, mail)
        candidates = seen.zones_of(row, mail)
        zones |= set(map(str, candidates))
        clocks = [seen.left_at(mail).astimezone(zone) for zone in candidates]
        if not any(_open(seen, row, local) for local in clocks):
            broken.append(f"{mail} left at {clocks[0]:%a %d %b %H:%M} in {candidates[0]}")
        elif countries and all(
            local.date() in _holidays(country, local.year) for local in clocks for country in countries
        ):
            broken.append(f"{mail} left on a holiday in {countries[0]}, {clocks[0]:%d %b}")
    counted = f"{len(seen.took)} mails in {len(zones)} zones"
    return Verdict("in the hours of the person's zone, off their holidays", counted, tuple(broken))


def _open(seen: Evidence, row: SendRow, local: datetime) -> bool:
    sequence = seen.sequences[row.sequence_id]
    name = sequence.settings.window
    written = seen.config.windows.get(name) if isinstance(name, str) else name
    hours = _hours(written or seen.config.windows[seen.config.policy_section.window], local.weekday())
    step = sequence.step(row.step)
    minute = local.hour * 60 + local.minute
    inside = any(opens <= minute < closes for opens, closes in hours)
    if isinstance(step, EmailStep) and step.at:
        opens, closes = _minutes(step.at)
        return inside and opens <= minute < closes
    return inside


def _hours(window: Mapping[str, str | tuple[str, ...]], weekday: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for days, hours in window.items():
        for part in days.split(","):
            first, _, last = part.strip().partition("-")
            if WEEKDAYS.index(first) <= weekday <= WEEKDAYS.index(last or first):
                found += [_minutes(text) for text in ((hours,) if isinstance(hours, str) else hours)]
    return found


def _minutes(hours: str) -> tuple[int, int]:
    opens, closes = (int(part[:2]) * 60 + int(part[3:5]) for part in hours.replace(" ", "").split("-"))
    return opens, closes


@lru_cache(maxsize=500)
def _holidays(country: str, year: int) -> frozenset[date]:
    from holidays import country_holidays

    return frozenset(country_holidays(country, years=year, expand=False)) if known_country(country) else frozenset()


def none_while_away(seen: Evidence) -> Verdict:
    """No mail of a rep on a day they are away, with or without a cover: nobody would answer the reply."""
    broken: list[str] = []
    days: set[tuple[str, date]] = set()
    for mail in seen.took:
        row = seen.row_of(mail)
        if row is None:
            broken.append(f"{mail}: no row says whose it is")
            continue
        if row.answers is not None:
            continue
        name = seen.census.enrollments[row.enrollment_id].rep
        zone = next(rep.timezone for rep in seen.config.reps if rep.name == name)
        day = mail.at.astimezone(zone).date()
        days.add((name, day))
        for absence in seen.config.away:
            if absence.rep == name and absence.first <= day <= absence.last:
                broken.append(f"{mail} left on {day}, when {name} was away")
    counted = f"{len(days)} days with mail, {len(seen.config.away)} absences"
    return Verdict("no mail of a rep on a day they are away", counted, tuple(broken))


def under_limits(seen: Evidence) -> Verdict:
    """Under the mailbox's cap and ramp, with its gap, and under the limits of a person and an account."""
    broken: list[str] = []
    days: Counter[tuple[str, date]] = Counter()
    accounts: Counter[tuple[str, str, date]] = Counter()
    by_mailbox: dict[str, list[Took]] = defaultdict(list)
    for mail in seen.took:
        by_mailbox[mail.sender].append(mail)
        row, day = seen.row_of(mail), mail.at.astimezone(_mailbox(seen, mail.sender).timezone).date()
        days[mail.sender, day] += 1
        if row and row.account_id:
            accounts[mail.sender, row.account_id, day] += 1
        if row and row.attempt == 1 and row.answers is None:
            broken += _too_many_touches(seen, mail, row)
    for sender, mails in by_mailbox.items():
        box = _mailbox(seen, sender)
        sent = {day: n for (address, day), n in days.items() if address == sender}
        # A mail that a person gave up may have left for all that the engine knows: its day is a sending day.
        given_up = {row.local_day: 0 for row in seen.census.sends if row.state == "skipped" and row.mailbox == sender}
        broken += _over_cap(box, {**{day: n for day, n in given_up.items() if day}, **sent})
        broken += _too_close(box, mails)
    allowed = seen.config.policy.account_touches_per_day
    broken += [f"{account} had {n} mails on {day}" for (_, account, day), n in accounts.items() if n > allowed]
    most = max(days.values(), default=0)
    return Verdict("under every cap, gap and limit", f"at most {most} mails a mailbox and day", tuple(broken))


def _over_cap(box: MailboxSection, sent: Mapping[date, int]) -> Iterator[str]:
    """The ramp: so many on the first sending day, more on each further one, anew after 14 idle days."""
    before: list[date] = []
    for day in sorted(sent):
        if before and (day - before[-1]).days > IDLE_DAYS_RESTART_RAMP:
            before = []
        cap = box.cap_per_day
        if box.ramp:
            cap = min(cap, box.ramp.start + box.ramp.step * len(before))
        if sent[day] > cap:
            yield f"{box.address} sent {sent[day]} mails on {day}, its cap was {cap}"
        before.append(day)


def _too_close(box: MailboxSection, mails: list[Took]) -> Iterator[str]:
    gap = box.gap.min.elapsed
    for earlier, later in pairwise(mails if gap else []):  # a clock set back makes even no gap too short
        if later.at - earlier.at < gap:
            yield f"{box.address}: {later} left {later.at - earlier.at} after another mail, the gap is {gap}"


def _too_many_touches(seen: Evidence, mail: Took, row: SendRow) -> Iterator[str]:
    policy = seen.config.policy
    mails = [other.at for other in seen.took if other.recipient == mail.recipient and other.order < mail.order]
    tasks = [
        task.closed_at for task in seen.tasks_of(row, mail)
        if task.state == "done" and task.work in ("call", "linkedin")
        and task.closed_at is not None and task.closed_at < mail.at
    ]  # fmt: skip
    touches = sorted([*mails, *tasks])
    if touches and mail.at - touches[-1] < policy.person_gap.elapsed:
        yield f"{mail} left {mail.at - touches[-1]} after the touch before, the policy asks for {policy.person_gap}"
    if sum(at > mail.at - WEEK for at in touches) >= policy.person_touches_per_week:
        yield f"{mail} was touch {len(touches) + 1} within a week"


def _mailbox(seen: Evidence, address: str) -> MailboxSection:
    section = seen.config.mailbox_section(address)
    assert section is not None, f"{address} is no mailbox of config.toml"
    return section
