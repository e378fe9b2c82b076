"""Finds sends that nobody settles any more, and settles uncertain ones by positive evidence.

A daemon that died between the dot and the outcome leaves `sending` rows under a stale fence: nobody knows whether the
mail arrived, so they become uncertain. The Sent folder is asked at 1, 5, 15 and 60 minutes; absence never re-sends,
and after the last look a person settles it. Where the clock has moved back, the minutes count from then on.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outcome import Uncertain
from sequencer.engine import answering
from sequencer.engine.advance import Advance
from sequencer.engine.evidence import told_by_mail
from sequencer.engine.outcomes import Sent, settle_each
from sequencer.store import fence, recovered, sends
from sequencer.store.database import Database
from sequencer.store.sends import SendRow

LOOKS: tuple[timedelta, ...] = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))

logger = logging.getLogger(__name__)
FindSent = Callable[[str, str], bool]


class Rescue:
    """The service for stale and uncertain sends. `find_sent(mailbox, message_id)` looks into the Sent folder."""

    def __init__(self, database: Database, advance: Advance, find_sent: FindSent) -> None:
        self._database, self._advance, self._find_sent = database, advance, find_sent

    async def run_once(self, now: datetime) -> None:
        """Sweep, then look for what is uncertain."""
        await self.sweep_once(now)
        await self.look_once(now)

    async def sweep_once(self, now: datetime) -> int:
        """What a dead daemon left on the wire becomes uncertain; returns how many. It waits for no server."""
        return await self._database.awrite(lambda connection: sweep(connection, self._advance, now))

    async def look_once(self, now: datetime) -> None:
        """Look into the Sent folders for what is uncertain, where it is time to."""
        uncertain = await self._database.aread(lambda connection: sends.in_state(connection, "uncertain"))
        ahead = [row.id for row in uncertain if _is_ahead(row, now)]
        if ahead:
            await self._database.awrite(lambda connection: fence.look_from(connection, ahead, now))
        for row in uncertain:
            if look_due(row, now):
                await self._look(row, now)

    async def _look(self, row: SendRow, now: datetime) -> None:
        found = await asyncio.to_thread(self._found, row)
        await self._database.awrite(lambda connection: self._note(connection, row, found, now))

    def _found(self, row: SendRow) -> bool:
        try:
            return bool(row.message_id) and self._find_sent(row.mailbox, row.message_id or "")
        except Exception:
            logger.warning("send %d: the Sent folder of %s could not be asked", row.id, row.mailbox, exc_info=True)
            return False

    def _note(self, connection: Connection, row: SendRow, found: bool, now: datetime) -> None:
        if by := "sent_folder" if found else told_by_mail(connection, row):
            settle_as_sent(connection, self._advance, row, by, now)
            return
        counted = fence.count_look(connection, row.id, row.looks)
        if counted and row.looks + 1 >= len(LOOKS):
            fence.hand_to_person(connection, row.id)


def sweep(connection: Connection, advance: Advance, now: datetime) -> int:
    """Every `sending` row under a stale fence becomes uncertain; returns how many.

    One that a mail names which came in meanwhile is sent.
    """
    stale = fence.stale(connection, now)
    lost = [
        Sent(row.id, row.fence, Uncertain("the daemon stopped before the server's answer was recorded", "dot"), now)
        for row in stale
    ]
    failed = [error for error in settle_each(connection, advance, lost) if error is not None] if lost else []
    for error in failed:
        logger.error("a lost send could not be recorded as uncertain: a bug", exc_info=error)
    for row in stale:
        if by := told_by_mail(connection, row):
            settle_as_sent(connection, advance, row, by, now)
    return len(lost) - len(failed)


def _is_ahead(row: SendRow, now: datetime) -> bool:
    """Whether it became uncertain by a clock that has moved back since: the looks would wait for it to catch up."""
    return row.settled_at is not None and row.settled_at > now


def look_due(row: SendRow, now: datetime) -> bool:
    """Whether the next look into the Sent folder is due."""
    if row.looks >= len(LOOKS) or row.settled_at is None:
        return False
    return now >= row.settled_at + LOOKS[row.looks]


def next_look_at(rows: list[SendRow]) -> datetime | None:
    """When the first of these is looked for again."""
    instants = [row.settled_at + LOOKS[row.looks] for row in rows if row.settled_at and row.looks < len(LOOKS)]
    return min(instants, default=None)


def settle_as_sent(connection: Connection, advance: Advance, row: SendRow, by: str, now: datetime) -> bool:
    """Positive evidence, or a named person, says that it arrived; False when it is settled already."""
    if not fence.settle_open(connection, row.id, "sent", by, now):
        return False
    _record_sent(connection, advance, row, by, now)
    return True


def count_as_sent(connection: Connection, advance: Advance, row: SendRow, why: str, now: datetime) -> None:
    """A copy says that a mail left which the database takes for queued. It is open at no instant: another may be."""
    recovered.count_as_sent(connection, row.id, "sent_folder", why, now)
    _record_sent(connection, advance, row, "sent_folder", now)


def _record_sent(connection: Connection, advance: Advance, row: SendRow, by: str, now: datetime) -> None:
    settled: list[e.Event]
    if row.answers is not None:
        settled = answering.answered(connection, row, now, by)
    else:
        settled = [e.TouchSettled(step=row.step, attempt=row.attempt, sent_at=row.sending_at or now, by=by)]
    advance.record(connection, [(row.enrollment_id, settled)], now)
