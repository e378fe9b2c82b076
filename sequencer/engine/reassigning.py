"""Hands a rep's people and open tasks over to another rep.

Threads keep their mailbox, so that nobody is written to by a stranger in the middle of a conversation. Only where the
mailbox has left config.toml does one of the new rep's take over: it begins its own threads, and a named person has to
say that the answers in the old one were read, because nobody reads it any more (decision 011). Who is enrolled from
now on is not this module's business.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core import events as e
from sequencer.core.outcome import Refused
from sequencer.core.people import Mailbox
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance
from sequencer.engine.effect import portions
from sequencer.engine.freshness import WROTE_WITHIN
from sequencer.engine.mailbox_choice import Choice, troubles
from sequencer.engine.outcomes import Sent, settle_all
from sequencer.engine.verbs import by_name, did_you_mean
from sequencer.errors import InputError, NotFound
from sequencer.store import answers, contacts, enrollments, log, sends, tasks, versions
from sequencer.store.database import Database

__all__ = ["Handover", "Plan", "plan", "reassign"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who would move. `gone`: enrollments by the mailbox that left config.toml; `unread`: of these, who was written to.

    `ids`: enrollments. `boxes`: the new rep's mailboxes that can take over, if any left.
    """

    ids: tuple[int, ...]
    people: int
    sequences: Mapping[str, int]
    open_tasks: int
    gone: Mapping[str, Collection[int]]
    unread: Mapping[str, int]
    boxes: tuple[Mailbox, ...]

    @property
    def freed(self) -> int:
        """How many another mailbox takes over."""
        return sum(map(len, self.gone.values())) if self.boxes else 0


@dataclass(slots=True)
class Handover:
    """What a reassignment did, over all its transactions. `taken_over`: people by their new mailbox."""

    plan: Plan
    moved: int = 0
    taken_over: dict[str, int] = field(default_factory=dict)
    holds_freed: int = 0


def plan(
    connection: Connection, advance: Advance, giver: str, taker: str, sequence_id: str | None, now: datetime
) -> Plan:
    """What would move from one rep to another.

    Raises NotFound for an unknown rep or sequence; InputError when there is nothing to move, or when no mailbox of the
    new rep that should take over is in order.
    """
    config = advance.around.config
    _check(connection, config, giver, taker, sequence_id)
    ids = enrollments.of_rep(connection, giver, sequence_id)
    if not ids:
        where = f" in {sequence_id}" if sequence_id else ""
        raise InputError(f"{giver} has nobody under way{where} and no open task: nothing to hand over")
    rows = log.load(connection, ids)
    live = [row for row in rows.values() if row.status != "finished"]
    gone: dict[str, list[int]] = {}
    for row in live:
        if row.mailbox and row.mailbox not in config.mailboxes_by_address:
            gone.setdefault(row.mailbox, []).append(row.id)
    return Plan(
        ids=tuple(ids),
        people=len({row.prospect_id for row in rows.values()}),
        sequences=Counter(row.sequence_id for row in live),
        open_tasks=tasks.open_count(connection, ids, giver),
        gone=gone,
        unread=_unread(connection, gone, {row.id: row.prospect_id for row in live}, now),
        boxes=_boxes(connection, config, taker) if gone else (),
    )


def _boxes(connection: Connection, config: Config, taker: str) -> tuple[Mailbox, ...]:
    """The new rep's mailboxes that can take over; none where no inbox would show the answers.

    Raises InputError when each of those that could is out of order.
    """
    own = {box.address: box for box in config.mailboxes_by_address.values() if box.rep == taker and box.has_inbox}
    shut = dict(troubles(connection, config, own, read=True))
    if own and len(shut) == len(own):
        raise InputError("; ".join(f"{address} {why}" for address, why in shut.items()))
    return tuple(box for address, box in own.items() if address not in shut)


def _check(connection: Connection, config: Config, giver: str, taker: str, sequence_id: str | None) -> None:
    if giver == taker:
        raise InputError(f"{giver} has them already: name another rep with --to")
    if taker not in config.reps_by_name:
        known = ", ".join(config.reps_by_name)
        raise NotFound(f'there is no rep "{taker}" in config.toml{did_you_mean(taker, config.reps_by_name)}: {known}')
    worked = {*config.reps_by_name, *enrollments.reps(connection)}
    if giver not in worked:
        raise NotFound(f'nobody ever knew a rep "{giver}"{did_you_mean(giver, worked)}: {", ".join(sorted(worked))}')
    if sequence_id is not None and sequence_id not in (known_ids := versions.latest(connection)):
        raise NotFound(f'there is no applied sequence "{sequence_id}"{did_you_mean(sequence_id, known_ids)}')


def _unread(
    connection: Connection, gone: Mapping[str, Collection[int]], person_of: Mapping[int, int], now: datetime
) -> dict[str, int]:
    """Per mailbox that left: how many of its people it wrote to lately, and nobody said that the answers were read."""
    persons = {person_of[key] for ids in gone.values() for key in ids}
    wrote = contacts.mailboxes_that_wrote(connection, persons, now - WROTE_WITHIN) if persons else {}
    states = sends.mailbox_states(connection)
    unread: dict[str, int] = {}
    for mailbox, ids in gone.items():
        state = states.get(mailbox)
        number = sum(mailbox in wrote.get(person_of[key], ()) for key in ids)
        if number and (state is None or state.answers_read_at is None):
            unread[mailbox] = number
    return unread


def reassign(
    database: Database,
    advance: Advance,
    giver: str,
    taker: str,
    sequence_id: str | None,
    by: str,
    now: datetime,
    *,
    answers_read: bool = False,
) -> Handover:
    """Move them, in portions; what was moved stays moved if the rest fails, and the same command goes on from there.

    `answers_read`: the named person has read what arrived in mailboxes that left config.toml. Raises as `plan` does,
    and InputError where that word is wanting.
    """
    planned = database.read(lambda connection: plan(connection, advance, giver, taker, sequence_id, now))
    if planned.unread and planned.boxes and not answers_read:
        mailbox, number = next(iter(planned.unread.items()))
        raise InputError(
            f"{mailbox} has left config.toml and had written to {number} of them, so an answer may lie in it that"
            " nobody sees: read its inbox, then say --answers-read"
        )
    done = Handover(planned)
    gone = {key: mailbox for mailbox, ids in planned.gone.items() for key in ids} if planned.boxes else {}
    for part in portions(planned.ids):

        def work(connection: Connection, part: list[int] = part) -> None:
            _move(connection, advance, part, gone, taker, by, now, done, answers_read)

        database.write(work, urgent=True)
    return done


def _move(
    connection: Connection,
    advance: Advance,
    ids: Collection[int],
    gone: Mapping[int, str],
    taker: str,
    by: str,
    now: datetime,
    done: Handover,
    answers_read: bool,
) -> None:
    """One portion. Twice through `record`: what the new rep and mailbox allow is read after they are known."""
    who = by_name(by)
    rows = log.load(connection, ids)
    choice = Choice(connection, done.plan.boxes, now) if gone else None
    first = []
    for key, row in rows.items():
        mailbox = choice.take(row.prospect_id) if choice and key in gone else None
        first.append((key, [e.Reassigned(rep=taker, mailbox=mailbox, by=who)]))
        if mailbox:
            if answers_read:
                sends.put_answers_read(connection, gone[key], who, now)
            done.taken_over[mailbox] = done.taken_over.get(mailbox, 0) + 1
    passes = advance.record(connection, first, now)
    second: list[tuple[int, list[e.Event]]] = []
    for key, one in passes.items():
        held = key in gone and one.progress.hold(Reason.MAILBOX_GONE) and not one.progress.finished
        second.append((key, [e.HoldTaken(reason=Reason.MAILBOX_GONE, by=who)] if held else []))
        done.holds_freed += bool(held)
    advance.record(connection, second, now)
    _call_back_answers(connection, advance, ids, now)
    done.moved += len(rows)


def _call_back_answers(connection: Connection, advance: Advance, ids: Collection[int], now: datetime) -> None:
    """A rep's own answer in a mailbox that left config.toml never leaves: its task stays open to be answered anew."""
    boxes = advance.around.config.mailboxes_by_address
    lost = [row for row in answers.queued_answers(connection, ids) if row.mailbox not in boxes]
    no = Refused(0, "its mailbox has left config.toml", "fence")
    settle_all(connection, advance, [Sent(row.id, None, no, now) for row in lost])
