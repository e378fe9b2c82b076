"""What a beat asks of the database while nothing happens: a daemon does little else, and every look is paid for.

Counted, not timed. A number that grows here is work that every installation does every two seconds.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sequencer.core.ports import Cursor, FolderName, Settle, Wanted
from sequencer.engine.ingest import Ingest
from tests.integration.installation import KEY, Installation

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


class QuietInbox:
    """Nothing lies there."""

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        """There is no folder."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return False

    def find_sent(self, message_id: str) -> bool:
        return False

    def append_sent(self, raw: bytes) -> None:
        raise AssertionError("nothing is filed here")

    def close(self) -> None:
        """There is no connection."""


@pytest.fixture
def house(backend: str, tmp_path: Path) -> Iterator[Installation]:
    house = Installation(tmp_path, port=1)
    yield house
    house.close()


@contextmanager
def asked(house: Installation) -> Iterator[list[str]]:
    """Every statement but those that begin and end transactions."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(house.database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(house.database.engine, "before_cursor_execute", note)


async def test_a_heartbeat_is_six_statements_and_an_idle_mailbox_one(house: Installation) -> None:
    dispatch = house.dispatch()
    await dispatch.run_once(house.clock.now())
    await asyncio.gather(*dispatch.at_work)
    with asked(house) as statements:
        await dispatch.run_once(house.clock.now())
        await asyncio.gather(*dispatch.at_work)
    assert len(statements) == 7, statements


async def test_nobody_due_is_one_statement(house: Installation) -> None:
    with asked(house) as statements:
        await house.advance.run_once(house.clock.now())
    assert len(statements) == 1, statements


async def test_a_quiet_inbox_is_three_statements(house: Installation) -> None:
    ingest = Ingest(house.database, house.advance, lambda name: QuietInbox(), KEY, owner="test")
    with asked(house) as statements:
        await ingest.run_once(house.clock.now())
    await ingest.stop()
    assert len(statements) == 3, statements
