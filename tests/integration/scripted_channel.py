"""A channel that does what a test says, and a SQLite that refuses when a test says so: faults that no server plays."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import event

from sequencer.core.outcome import Accepted, Outcome
from sequencer.core.ports import Envelope
from sequencer.engine.dispatch import Dispatch
from tests.integration.installation import KEY, Installation

Dot = Callable[[Envelope], Awaitable[Outcome]]
Wire = Callable[[Envelope], Awaitable[Outcome | None]]


async def accept(_: Envelope) -> Outcome:
    return Accepted(250, "OK")


async def take_body(_: Envelope) -> Outcome | None:
    return None


class ScriptedPending:
    """`commit` asks the script; `aborted` counts the connections that were dropped without the dot."""

    def __init__(self, channel: "ScriptedChannel", envelope: Envelope) -> None:
        self._channel, self._envelope, self._ended = channel, envelope, False

    async def commit(self, not_after: float) -> Outcome:
        self._ended = True
        outcome = await self._channel.dot(self._envelope)
        if isinstance(outcome, Accepted):
            self._channel.accepted.append(self._envelope)
        return outcome

    def abort(self) -> None:
        self._channel.aborted += not self._ended
        self._ended = True


class ScriptedChannel:
    """`wire` and `dot` say what the server says; `wired` and `accepted` keep what it saw."""

    def __init__(self, dot: Dot = accept, wire: Wire = take_body) -> None:
        self.dot, self._wire = dot, wire
        self.wired: list[Envelope] = []
        self.accepted: list[Envelope] = []
        self.aborted = 0

    async def wire(self, envelope: Envelope) -> ScriptedPending | Outcome:
        self.wired.append(envelope)
        await asyncio.sleep(0)
        return await self._wire(envelope) or ScriptedPending(self, envelope)

    async def close(self) -> None:
        return None


def dispatch_over(house: Installation, channel: ScriptedChannel, owner: str = "test") -> Dispatch:
    """A sending service whose mailboxes all use this channel."""
    return Dispatch(
        house.database, house.advance, house.clock, lambda _: channel, KEY, owner, timedelta(seconds=20)
    )  # fmt: skip


@contextmanager
def refusing(house: Installation, column: str) -> Iterator[Callable[[], None]]:
    """Until the yielded function is called, the database takes no update of this column of `sends`."""
    refuses = True

    def authorize(action: int, table: str | None, name: str | None, *_: str | None) -> int:
        denied = refuses and action == sqlite3.SQLITE_UPDATE and (table, name) == ("sends", column)
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    def watch(driver_connection: Any, *_: object) -> None:
        driver_connection.set_authorizer(authorize)

    def take_again() -> None:
        nonlocal refuses
        refuses = False

    event.listen(house.database.engine, "checkout", watch)
    try:
        yield take_again
    finally:
        refuses = False
        event.remove(house.database.engine, "checkout", watch)


def enrolled(house: Installation, number: int) -> list[int]:
    """New people, each at an account of their own; their enrollments' ids."""
    return [house.enroll(house.person(f"p{each}@acme{each}.test")) for each in range(number)]
