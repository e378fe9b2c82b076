"""Judges stored mail again with the rules of today, and tells what they would have decided differently.

The bytes are kept, so a better reading can be compared with the old one before it acts. Nothing changes unless told;
then each mail takes the way of a person's correction. What a person has set is left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from sequencer.engine.advance import Advance
from sequencer.engine.arrivals import TOO_LARGE
from sequencer.engine.correcting import Correction, foreseen, reads_as, reread, word_of
from sequencer.engine.mail_words import Mail, judgement_of, mails
from sequencer.engine.ours import ours_of
from sequencer.engine.screening import read_header
from sequencer.engine.sorting import judge
from sequencer.errors import InputError
from sequencer.mail.judgement import VERSION, Judgement
from sequencer.store import inbox
from sequencer.store.database import Database
from sequencer.store.inbox import InboundRow

__all__ = ["Difference", "Replay", "replay"]

BATCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A mail that is read otherwise now. `correction`: what that would change, or changed; `problem`: why it cannot."""

    mail: Mail
    was: str
    now: Judgement | str
    correction: Correction | None = None
    problem: str = ""


@dataclass(slots=True)
class Replay:
    """How many mails were judged again, and what became of the others.

    `left`: set by a person; `gone`: their bytes are not kept any more; `passed`: such as turned out not to be ours.
    """

    judged: int = 0
    left: int = 0
    gone: list[int] = field(default_factory=list)
    passed: int = 0
    differences: list[Difference] = field(default_factory=list)


def replay(
    database: Database, advance: Advance, since: datetime, by: str, now: datetime, *, apply: bool = False
) -> Replay:
    """Judge again what came since then; `apply`: and let it act as it is read now."""
    done = Replay()
    for row, raw in _stored(database, since):
        if row.set_by:
            done.left += 1
        elif raw is None and row.reason == inbox.NOT_OUR_MAIL:
            done.passed += 1
        elif raw is None:
            done.gone.append(row.id)
        else:
            done.judged += 1
            if difference := _difference(database, advance, row, raw, by, now, apply):
                done.differences.append(difference)
    return done


def _stored(database: Database, since: datetime) -> Iterator[tuple[InboundRow, bytes | None]]:
    last = 0
    while batch := database.read(lambda c, last=last: inbox.read_since(c, since, last, BATCH_MAX)):  # type: ignore[misc]
        last = batch[-1].id
        for row in batch:  # one mail at a time: a batch of the largest would take all the memory there is
            yield row, database.read(lambda c, key=row.id: inbox.raw_mail(c, [key])).get(row.id)  # type: ignore[misc]


def _difference(
    database: Database, advance: Advance, row: InboundRow, raw: bytes, by: str, now: datetime, apply: bool
) -> Difference | None:
    judged = judge(row if row.reason == TOO_LARGE else replace(row, reason=""), raw, ours_of(advance.around.config))
    before = judgement_of(row)
    readable = judged if isinstance(judged, Judgement) else None
    if reads_as(before) == reads_as(readable):
        if apply and row.classifier != VERSION and readable:
            database.write(lambda connection: inbox.put_version(connection, row.id, VERSION))
        return None
    one = database.read(lambda connection: mails(connection, [row]))[0]
    if isinstance(judged, str):
        return Difference(one, word_of(before), judged, problem="it stays as it was read: a person has to look at it")

    def work(connection: Connection) -> Correction:
        if inbox.inbound(connection, row.id) != row:
            raise InputError("somebody said meanwhile what it is, or it acted: it was left alone")
        return reread(connection, advance, row, read_header(raw), judged, word_of(judged), by, now)

    try:
        done = database.write(work, urgent=True) if apply else foreseen(database, work)
    except InputError as error:
        return Difference(one, word_of(before), judged, problem=str(error))
    return Difference(one, word_of(before), judged, done)
