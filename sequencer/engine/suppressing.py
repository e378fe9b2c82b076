"""Forbids contact by a rule of ours, lifts such a rule, and tells which rules stand.

The rule's own commit is the stop: every fence that read an older number refuses from then on. Whoever it covers is
decided on right after it, so that sequences end and queued mail is called back. A person's own refusal is
engine/stops.py's opt_out; here it is only taken back, on that person's word.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.people import Channel
from sequencer.core.suppression import Suppression, rules_covering
from sequencer.engine.advance import Advance
from sequencer.engine.effect import Effect, carry_out, foresee
from sequencer.engine.situation import Situation
from sequencer.engine.suppression_targets import Target
from sequencer.engine.verbs import by_name, faces
from sequencer.errors import InputError
from sequencer.store import log, people, suppression
from sequencer.store.database import Database
from sequencer.store.suppression import StandingRule

__all__ = ["Lifted", "ListedRule", "Suppressed", "lift", "listed", "suppress"]

RULES_PER_TRANSACTION_MAX = 500


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What a suppression did: how many of its rules are new, and what they stopped."""

    rules: int
    new: int
    effect: Effect


def suppress(
    database: Database,
    advance: Advance,
    targets: Collection[Target],
    channel: Channel | None,
    reason: str,
    by: str,
    now: datetime,
    *,
    dry: bool = False,
) -> Suppressed:
    """Forbid contact with all of these, on one channel or on every one; twice changes nothing.

    `dry`: only say what that would do.
    """
    rules = [Suppression(each.kind, each.value, channel, reason, now) for each in dict.fromkeys(targets)]
    known = database.read(lambda c: _already(c, rules))
    if not dry:
        for at in range(0, len(rules), RULES_PER_TRANSACTION_MAX):
            part = rules[at : at + RULES_PER_TRANSACTION_MAX]
            database.write(lambda c, part=part: people.suppress_all(c, part, by_name(by)), urgent=True)  # type: ignore[misc]
    covered = database.read(lambda c: _covered(c, rules))
    if dry:
        by_key: dict[tuple[str, str], list[Suppression]] = {}
        for rule in rules:
            by_key.setdefault((rule.kind, rule.value), []).append(rule)
        effect = database.read(lambda c: foresee(c, advance, covered, _decide, now, lambda one: _under(one, by_key)))
    else:
        effect = carry_out(database, advance, covered, _decide, now)
    return Suppressed(len(rules), len(rules) - known, effect)


def _decide(one: Situation) -> Sequence[e.Event] | None:
    """Nothing to record: the rule alone makes the decision (core/decide.py)."""
    return None if one.enrollment.status == "finished" else ()


def _under(one: Situation, rules: Mapping[tuple[str, str], Sequence[Suppression]]) -> Situation:
    more = (rule for key in sorted(rules_covering(one.facts.prospect)) for rule in rules.get(key, ()))
    return replace(one, facts=replace(one.facts, suppressions=(*one.facts.suppressions, *more)))


def _already(connection: Connection, rules: Sequence[Suppression]) -> int:
    keys = {(rule.kind, rule.value) for rule in rules}
    standing = {
        (each.rule.kind, each.rule.value, each.rule.channel) for each in suppression.standing_on(connection, keys)
    }
    return sum((rule.kind, rule.value, rule.channel) in standing for rule in rules)


def _covered(connection: Connection, rules: Sequence[Suppression]) -> list[int]:
    keys = {(rule.kind, rule.value) for rule in rules}
    found = (key for key, person in suppression.live_people(connection) if not keys.isdisjoint(rules_covering(person)))
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was lifted, the refusals that stand because nobody said they were taken back, what else still forbids."""

    lifted: tuple[StandingRule, ...]
    kept: tuple[StandingRule, ...]
    still: tuple[Suppression, ...]


def lift(
    database: Database,
    advance: Advance,
    targets: Collection[Target],
    channel: Channel | None,
    reason: str,
    by: str,
    now: datetime,
    *,
    opted_in: bool = False,
) -> Lifted:
    """Allow contact again with all of these; `channel` lifts the rules for that channel alone.

    A person's own refusal is lifted only with `opted_in`: they themselves said so. Raises InputError when no rule
    stands on any of them, or nothing but refusals does.
    """
    meant = frozenset(targets)
    owners = set(
        database.read(lambda c: people.owners(c, [each.value for each in meant if each.kind == "address"])).values()
    )
    found = [
        each
        for each in database.read(lambda c: suppression.standing_on(c, _keys(c, meant, owners)))
        if channel in (None, each.rule.channel) and (each.rule.refusal or _target(each.rule) in meant)
    ]
    kept = () if opted_in else tuple(each for each in found if each.rule.refusal)
    lifted = tuple(each for each in found if opted_in or not each.rule.refusal)
    if not lifted:
        database.read(lambda c: _refuse(c, targets, owners, found))
    refused = {each.rule.channel for each in lifted if each.rule.refusal}
    taken_back = [e.ContactAllowed(channel=each, by=by_name(by)) for each in sorted(refused, key=str)]
    # Told before the rules go: were the command killed between, the stricter would stand and it could be said again.
    for person in sorted(owners) if taken_back else ():

        def tell(connection: Connection, person: int = person) -> None:
            _tell(connection, advance, person, taken_back, now)

        database.write(tell, urgent=True)
    for at in range(0, len(lifted), RULES_PER_TRANSACTION_MAX):
        ids = [each.id for each in lifted[at : at + RULES_PER_TRANSACTION_MAX]]

        def forget(connection: Connection, ids: list[int] = ids) -> None:
            suppression.lift(connection, ids, by_name(by), reason, now, refusals=opted_in)

        database.write(forget, urgent=True)
    return Lifted(lifted, kept, database.read(lambda c: _rules_on(c, owners)))


def _rules_on(connection: Connection, persons: Collection[int]) -> tuple[Suppression, ...]:
    known = people.load_prospects(connection, set(persons))
    rules = people.suppressions_of(connection, known.values())
    return tuple(dict.fromkeys(rule for each in rules.values() for rule in each))


def _keys(connection: Connection, targets: Collection[Target], owners: Collection[int]) -> set[tuple[str, str]]:
    """The rules named, and of people who are meant the refusals on all that is theirs."""
    keys: set[tuple[str, str]] = {(each.kind, each.value) for each in targets}
    for person in people.load_prospects(connection, set(owners)).values():
        keys |= {("person", str(person.id)), *(("address", address.email) for address in person.addresses)}
    return keys


def _target(rule: Suppression) -> Target:
    return Target(rule.kind, rule.value)


def _refuse(
    connection: Connection, targets: Collection[Target], owners: Collection[int], found: Sequence[StandingRule]
) -> None:
    what = ", ".join(each.words for each in list(targets)[:3]) + (" …" if len(targets) > 3 else "")
    if found:
        since = f"{found[0].rule.at:%d %b %Y}"
        raise InputError(
            f"{what} refused contact on {since}: only their own word lifts that; if you have it, say --opted-in"
        )
    if others := _rules_on(connection, owners):
        names = ", ".join(sorted({f"{rule.kind} {rule.value}" for rule in others}))
        raise InputError(f"no rule stands on {what} itself, but on {names}: lift that one")
    raise InputError(f'no rule forbids contact with {what}: "sequencer suppress --list" shows all')


def _tell(connection: Connection, advance: Advance, person: int, events: Sequence[e.Event], now: datetime) -> None:
    """Record them on every live enrollment, else on the last one, else on the person alone."""
    ids = log.live_of(connection, [person]) or log.all_of(connection, person)[:1]
    advance.record(connection, [(key, events) for key in ids], now)
    if not ids:
        log.append(connection, [log.Entry(now, person, None, event) for event in events])
        people.raise_seq(connection, [person])


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule as a list shows it; `who`: the person's name, "" where the rule is on no person."""

    what: str
    who: str
    rule: Suppression
    by: str


def listed(connection: Connection, needle: str = "") -> list[ListedRule]:
    """The rules that stand, the newest first; those whose value, name or reason has `needle` in it.

    The addresses that a refusal took along are one line with their owner.
    """
    rules = suppression.standing(connection)
    ids = {int(each.rule.value) for each in rules if each.rule.kind == "person"}
    persons = faces(connection, ids)
    theirs = {address.email for face in persons.values() for address in face.prospect.addresses}
    shown = []
    for each in rules:
        rule = each.rule
        if rule.kind == "address" and rule.opt_out and rule.value in theirs:
            continue
        face = persons.get(int(rule.value)) if rule.kind == "person" else None
        what = (face.address if face else "") or f"{rule.kind} {rule.value}"
        shown.append(
            ListedRule(rule.value if rule.kind == "address" else what, face.name if face else "", rule, each.by)
        )
    wanted = needle.strip().lower()
    return [each for each in shown if wanted in f"{each.what} {each.who} {each.rule.reason}".lower()]
