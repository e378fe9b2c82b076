"""The simulated people: who they are and how each of them answers, by the seed and their address alone.

A fixed deck of behaviours is dealt to people in the order of a hash, so that every run of 40 has every behaviour in it
and another seed gives them to other people. They write letters (world/letters.py); when those arrive is the
mailroom's business. Nothing here knows the product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sequencer.world import letters, phrases
from sequencer.world.chance import among, share, token
from sequencer.world.letters import Original, Writer
from sequencer.world.mailroom import Parcel
from sequencer.world.phrases import Language

__all__ = ["Character", "Kind", "cast", "reactions", "working_instant"]

Kind = Literal[
    "silent", "interested", "question", "not_now", "referral", "not_interested", "opt_out", "meeting", "goal",
    "away", "away_then_interested", "colleague", "hard_bounce", "soft_bounce", "unknown_user", "greylisted", "busy",
    "lost_then_answers", "lost_then_copied", "lost_unseen",
]  # fmt: skip

# Dealt from the top: the first twelve already show what matters.
DECK: tuple[Kind, ...] = (
    "interested", "away_then_interested", "hard_bounce", "opt_out", "unknown_user", "silent", "meeting", "greylisted",
    "lost_then_answers", "not_now", "lost_unseen", "silent",
    "colleague", "question", "soft_bounce", "not_interested", "referral", "lost_then_copied", "away", "goal",
    "busy", "silent", "interested", "silent", "opt_out", "silent", "question", "silent", "silent", "away",
    "silent", "silent", "interested", "silent", "silent", "silent", "not_interested", "silent", "silent", "silent",
)  # fmt: skip

ON_THE_PHONE: tuple[Kind, ...] = ("meeting", "goal")
_LANGUAGES: Mapping[str, Language] = {"ES": "es", "DE": "de"}
_OPENS, _CLOSES = time(9, 0), time(17, 30)
_MORNING = timedelta(minutes=100)


@dataclass(frozen=True, slots=True)
class Character:
    """One simulated person. `answers_to`: the number of the mail to which they answer, from 1."""

    address: str
    name: str
    zone: ZoneInfo
    country: str
    language: Language
    kind: Kind
    answers_to: int
    connects: bool

    @property
    def writer(self) -> Writer:
        return Writer(self.name, self.address, self.language, self.zone)


def cast(seed: int, rows: Sequence[Mapping[str, str]]) -> dict[str, Character]:
    """The characters of these people (address, name, timezone, country and phone of each), by address."""
    ordered = sorted(rows, key=lambda row: token(seed, row["address"]))
    kinds = _dealt([bool(row["phone"]) for row in ordered])
    return {row["address"]: _character(seed, row, kind) for row, kind in zip(ordered, kinds, strict=True)}


def _dealt(has_phone: Sequence[bool]) -> list[Kind]:
    """The deck in order; what happens on the phone goes to the nearest person who has one."""
    kinds = [DECK[at % len(DECK)] for at in range(len(has_phone))]
    for at, kind in enumerate(kinds):
        if kind in ON_THE_PHONE and not has_phone[at]:
            others = (n for n in range(len(kinds)) if has_phone[n] and kinds[n] not in ON_THE_PHONE)
            nearest = min(others, key=lambda n: (abs(n - at), n), default=at)
            kinds[at], kinds[nearest] = kinds[nearest], kinds[at]
    return kinds


def _character(seed: int, row: Mapping[str, str], kind: Kind) -> Character:
    address = row["address"]
    return Character(
        address, row["name"], ZoneInfo(row["timezone"]), row["country"], _LANGUAGES.get(row["country"], "en"), kind,
        answers_to=among((1, 1, 2), seed, address, "answers to"), connects=share(seed, address, "connects") < 0.4,
    )  # fmt: skip


def reactions(
    seed: int, one: Character, original: Original, number: int, at: datetime
) -> list[tuple[datetime, Parcel]]:
    """What arrives because this person got mail number `number` at `at`: (when, mail) of each."""
    match one.kind:
        case "interested" | "question" | "not_now" | "referral" | "not_interested" | "opt_out" | "colleague":
            return [_answer(seed, one, original, at, one.kind)] if number == one.answers_to else []
        case "away":
            return [_absence(seed, one, original, at)] if number == 1 else []
        case "away_then_interested":
            if number == 1:
                return [_absence(seed, one, original, at)]
            return [_answer(seed, one, original, at, "interested")] if number == 2 else []
        case "lost_then_answers":
            return [_quick_answer(one, original, at)] if number == 1 else []
        case "hard_bounce":
            return [_report(one, original, at, "5.1.1", "550 5.1.1 user unknown", "hard bounce")]
        case "soft_bounce":
            return [_report(one, original, at, "4.2.2", "452 4.2.2 mailbox full", "soft bounce")]
    return []


def working_instant(zone: ZoneInfo, at: datetime, morning: float) -> datetime:
    """`at` if somebody works then in `zone`, else early on the next working day; `morning` (0..1) says how early."""
    local = at.astimezone(zone)
    if local.weekday() < 5 and _OPENS <= local.time() < _CLOSES:
        return at.astimezone(UTC)
    day = local.date() + timedelta(days=0 if local.time() < _OPENS else 1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, _OPENS, zone).astimezone(UTC) + _MORNING * round(morning, 3)


def _answer(
    seed: int, one: Character, original: Original, at: datetime, kind: phrases.Answer
) -> tuple[datetime, Parcel]:
    """Hours later, in their own working time."""
    thought = timedelta(hours=0.5 + 20 * share(seed, one.address, original.message_id, "thinks"))
    written = working_instant(one.zone, at + thought, share(seed, one.address, "morning")).replace(microsecond=0)
    writer, text = one.writer, _text(seed, one, kind, written)
    if kind == "colleague":
        writer = Writer(_deputy(one), f"office@{one.address.rpartition('@')[2]}", one.language, one.zone)
    raw = letters.answer(writer, original, text, written, quoted=share(seed, one.address, "quotes") < 0.8)
    return written, Parcel(
        mailbox=original.sender, raw=raw, kind=kind.replace("_", " "), person=one.address, answers=original.message_id,
        effect="opt_out" if kind == "opt_out" else "stop",
    )  # fmt: skip


def _text(seed: int, one: Character, kind: phrases.Answer, written: datetime) -> str:
    text = among(phrases.ANSWERS[kind][one.language], seed, one.address, "text")
    successor = _deputy(one)
    domain = one.address.rpartition("@")[2]
    month = phrases.month_name(one.language, (written.month + 1) % 12 + 1)
    name = one.name if kind == "colleague" else successor
    return text.format(month=month, name=name, address=f"{successor.split()[0].lower()}@{domain}")


def _deputy(one: Character) -> str:
    """Somebody else at the same company, whom nobody imported."""
    return {"en": "Robin Vance", "es": "Carmen Soto", "de": "Petra Lang"}[one.language]


def _quick_answer(one: Character, original: Original, at: datetime) -> tuple[datetime, Parcel]:
    """Half an hour later: it proves that a mail arrived whose server never answered."""
    written = at.replace(microsecond=0) + timedelta(minutes=25)
    text = phrases.ANSWERS["interested"][one.language][0]
    raw = letters.answer(one.writer, original, text, written)
    return written, Parcel(
        mailbox=original.sender, raw=raw, kind="interested", person=one.address, answers=original.message_id,
        effect="stop",
    )  # fmt: skip


def _absence(seed: int, one: Character, original: Original, at: datetime) -> tuple[datetime, Parcel]:
    """A vacation programme's answer, seconds later; its owner is back on a working day."""
    back = at.astimezone(one.zone).date() + timedelta(days=6 + int(7 * share(seed, one.address, "away")))
    while back.weekday() >= 5:
        back += timedelta(days=1)
    subject, text = phrases.ABSENCES[one.language]
    written = at.replace(microsecond=0) + timedelta(seconds=40)
    raw = letters.automatic_reply(
        one.writer, original, subject.format(subject=original.subject),
        text.format(date=phrases.in_words(one.language, back)), written,
    )  # fmt: skip
    return written, Parcel(
        mailbox=original.sender, raw=raw, kind="automatic reply", person=one.address, answers=original.message_id,
        effect="away", until=datetime.combine(back, time(0), one.zone).astimezone(UTC),
    )  # fmt: skip


def _report(
    one: Character, original: Original, at: datetime, status: str, said: str, kind: str
) -> tuple[datetime, Parcel]:
    written = at.replace(microsecond=0) + timedelta(minutes=2)
    raw = letters.delivery_report(original, status, said, written)
    return written, Parcel(
        mailbox=original.sender, raw=raw, kind=kind, person=one.address, answers=original.message_id,
        effect="address" if status.startswith("5") else "none",
    )  # fmt: skip
