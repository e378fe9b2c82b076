"""Works off the mail that sync stored: classify judges it, project lets it act; each mail stops nobody but itself.

Both begin where the last run ended, because a mail's state is in its row. What cannot be read is parked, and its
known sender's enrollments are held: an answer may be in it. It asks no network.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.engine.advance import Advance
from sequencer.engine.answers import Post, let_act
from sequencer.engine.matching import match
from sequencer.engine.ours import Ours, ours_of
from sequencer.engine.screening import read_header
from sequencer.errors import NotFound, SequencerError, StoreError, UnparseableMessage
from sequencer.mail.author import author
from sequencer.mail.judgement import VERSION, Judgement
from sequencer.mail.parse import parse
from sequencer.store import inbox, log
from sequencer.store.database import Database

BATCH_MAX = 50

logger = logging.getLogger(__name__)
_JUDGEMENT: TypeAdapter[Judgement] = TypeAdapter(Judgement)
Judged = Judgement | str


class Sorting:
    """The second and the third stage; `stopping` is asked between two mails."""

    def __init__(self, database: Database, advance: Advance, stopping: Callable[[], bool]) -> None:
        self._database, self._advance, self._stopping = database, advance, stopping

    async def any_waiting(self) -> bool:
        """Whether either stage has something to do."""
        return await self._database.aread(inbox.any_waiting)

    async def classify(self, now: datetime) -> int:
        """Judge every stored mail; returns how many."""
        count = 0
        while not self._stopping() and (batch := await self._batch("stored")):
            judged = await asyncio.to_thread(lambda: list(self._judged(batch, self._ours)))
            good = [(row.id, judgement) for row, judgement in judged if isinstance(judgement, Judgement)]
            await self._database.awrite(lambda connection: _put_judgements(connection, good))  # noqa: B023
            for row, problem in judged:
                if isinstance(problem, str):
                    await self._park(row, problem, "stored", now)
            count += len(batch)
        return count

    async def project(self, now: datetime) -> int:
        """Let every judged mail act, in the order in which they came; returns how many."""
        count = 0
        while not self._stopping() and (batch := await self._batch("judged")):
            for row in batch:
                if self._stopping():
                    break
                await self._project(row, now)
                count += 1
        return count

    @property
    def _ours(self) -> Ours:
        return ours_of(self._advance.around.config)

    async def _batch(self, state: str) -> list[inbox.InboundRow]:
        return await self._database.aread(lambda connection: inbox.in_state(connection, state, BATCH_MAX))

    def _judged(self, batch: Sequence[inbox.InboundRow], ours: Ours) -> Iterator[tuple[inbox.InboundRow, Judged]]:
        """The bytes of one mail at a time: a batch of the largest would take all the memory there is."""
        for row in batch:
            yield row, judge(row, self._database.read(lambda connection: inbox.raw_of(connection, row.id)), ours)  # noqa: B023

    async def _project(self, row: inbox.InboundRow, now: datetime) -> None:
        ours = self._ours
        raw = await self._database.aread(lambda connection: inbox.raw_of(connection, row.id))

        def act(connection: Connection) -> None:
            if inbox.claim(connection, row.id, "judged"):
                let_act(Post(connection, self._advance, ours, row, read_header(raw), _stored(row, raw, ours), now))

        try:
            await self._database.awrite(act)
        except Exception as error:
            if _is_the_database(error):
                raise
            await self._park(row, _problem(error), "judged", now)

    async def _park(self, row: inbox.InboundRow, problem: str, state: str, now: datetime) -> None:
        """Show the mail to a person and hold those whose it may be; if even that fails, at least show it."""
        logger.error("mail %d is parked: %s", row.id, problem)
        try:
            await self._database.awrite(lambda connection: self._hold(connection, row, problem, state, now))
        except Exception as error:
            if _is_the_database(error):
                raise
            logger.error("mail %d: its sender could not be held: %s", row.id, _problem(error))
            await self._database.awrite(lambda connection: inbox.park(connection, row.id, problem, now))

    def _hold(self, connection: Connection, row: inbox.InboundRow, problem: str, state: str, now: datetime) -> None:
        if not inbox.claim(connection, row.id, state):
            return
        raw = inbox.raw_of(connection, row.id)
        header = read_header(raw)
        whose = () if row.outgoing or self._ours.includes(author(header)) else match(connection, header).people
        inbox.park(connection, row.id, problem, now, next(iter(whose), None))
        unreadable = e.MailUnreadable(message=row.id)
        self._advance.record(connection, [(key, (unreadable,)) for key in log.live_of(connection, whose)], now)


def judge(row: inbox.InboundRow, raw: bytes, ours: Ours) -> Judged:
    """What the mail is, or why it cannot be judged: never an exception."""
    if row.reason and not row.outgoing:
        return row.reason
    try:
        return _judgement(row, raw, ours)
    except Exception as error:
        return _problem(error)


def _judgement(row: inbox.InboundRow, raw: bytes, ours: Ours) -> Judgement:
    if row.outgoing:
        return Judgement("other", evidence=("written by a rep",))
    from sequencer.mail.classify import classify  # its rules and word lists are loaded with the first mail

    return classify(parse(raw), our_addresses=ours.addresses)


def _stored(row: inbox.InboundRow, raw: bytes, ours: Ours) -> Judgement:
    """The judgement as it is stored; an older version's is made anew before it acts."""
    return _JUDGEMENT.validate_json(row.judgement) if row.classifier == VERSION else _judgement(row, raw, ours)


def _put_judgements(connection: Connection, judged: list[tuple[int, Judgement]]) -> None:
    for inbound_id, judgement in judged:
        inbox.put_judgement(
            connection, inbound_id, VERSION, _JUDGEMENT.dump_json(judgement, exclude_defaults=True).decode()
        )


def _is_the_database(error: Exception) -> bool:
    """Whether the next mail would fail in the same way: then this one is not to blame, and comes again."""
    return isinstance(error, StoreError) and not isinstance(error, NotFound)


def _problem(error: Exception) -> str:
    """What went wrong, in words that quote nothing of the mail: an exception's own text may."""
    if isinstance(error, UnparseableMessage):
        return f"unreadable: {error}"
    if isinstance(error, SequencerError):
        return f"{type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return " ".join([type(error).__name__, *(f"in {frame.name}, line {frame.lineno}" for frame in last)])
