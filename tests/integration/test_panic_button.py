"""`pause --all` in the middle of a send at full speed: a real daemon, a real SMTP server, the command as a process.

What passed its fence before the pause's commit may arrive, nothing else may. The commit is seen by one that looks at
the database all the time: in the first snapshot that shows the pause stand all the sends that were quicker.
"""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection

from sequencer.clock import SystemClock
from sequencer.store import scopes, sends
from sequencer.store.sends import SendRow
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World

PEOPLE = 250
BEFORE_THE_PAUSE = 30
ANSWER_S = 0.15  # eight connections at once: some 50 a second
WAIT_S_MAX = 60.0
QUIET_S = 1.0
# The command as it is, but that its modules are loaded before it is told to go: a busy machine takes seconds for that.
READY = "import sys; from sequencer import cli; from sequencer.cli import stops; sys.stdin.readline(); cli.main()"
FENCED = ("sending", "sent", "failed", "uncertain", "person")


@dataclass(slots=True)
class Sink(World):
    """Notes when each dot came."""

    dots: list[tuple[str, datetime]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.dots.append((envelope.rcpt_tos[0], SystemClock().now()))
        await asyncio.sleep(ANSWER_S)
        return await World.handle_DATA(self, server, session, envelope)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink  # type: ignore[misc]


@pytest.fixture
def house(tmp_path: Path, sink: Sink) -> Iterator[Installation]:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "mail" / folder).mkdir(parents=True)
    house = Installation(tmp_path, sink.port, connections=8, config=ALWAYS_OPEN, clock=HandClock(SystemClock().now()))
    house.apply()
    for number in range(PEOPLE):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    yield house
    house.close()


def program(folder: Path, how: tuple[str, str], *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *how, "--config", str(folder / "config.toml"), *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@dataclass(slots=True)
class Watcher:
    """Looks until the pause stands; keeps which sends had passed their fence in that very snapshot, and when it saw."""

    house: Installation
    fenced: set[int] = field(default_factory=set)
    seen_at: datetime | None = None

    def run(self) -> None:
        deadline = time.monotonic() + WAIT_S_MAX
        while self.seen_at is None and time.monotonic() < deadline:
            paused, rows = self.house.database.read(self.look)
            if paused:
                self.fenced, self.seen_at = {row.id for row in rows}, SystemClock().now()

    @staticmethod
    def look(connection: Connection) -> tuple[bool, list[SendRow]]:
        paused = bool(scopes.paused_scopes(connection))
        return paused, sends.in_state(connection, *FENCED) if paused else []


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_nothing_leaves_after_the_commit_of_pause_all(house: Installation, sink: Sink) -> None:
    panic = program(house.folder, ("-c", READY), "pause", "--all", "--reason", "the wrong template")
    daemon, watcher = program(house.folder, ("-m", "sequencer"), "daemon"), Watcher(house)
    try:
        wait_until(lambda: len(sink.dots) >= BEFORE_THE_PAUSE)
        looking = threading.Thread(target=watcher.run)
        looking.start()
        said, complaint = panic.communicate("now\n", timeout=WAIT_S_MAX)
        looking.join()
        assert panic.returncode == 0, complaint
        time.sleep(QUIET_S)  # time for any dot that would come too late
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, log = daemon.communicate(timeout=40)
    assert daemon.returncode == 0, log
    rows = house.database.read(lambda connection: sends.in_state(connection, *FENCED))
    queued = house.database.read(lambda connection: sends.in_state(connection, "queued"))
    assert watcher.seen_at is not None
    # It was in the middle, and no send passed its fence after it.
    assert BEFORE_THE_PAUSE <= len(rows) < PEOPLE
    assert {row.id for row in rows} == watcher.fenced
    assert max(row.sending_at for row in rows if row.sending_at) <= watcher.seen_at
    # Every dot in the sink is one of those, and every one of those is in the sink.
    assert {row.state for row in rows} == {"sent"}
    assert sorted(row.address for row in rows) == sorted(address for address, _ in sink.dots)
    late = {address for address, at in sink.dots if at > watcher.seen_at}
    assert late <= {row.address for row in rows if row.id in watcher.fenced}
    # What stays says so, and no number that a fence compared is newer than the pause.
    number = house.database.read(lambda connection: scopes.scope_numbers(connection, [scopes.EVERYTHING]))
    assert all(int(row.seqs.partition(".")[0]) < number[scopes.EVERYTHING] for row in rows)
    assert len(queued) + len(rows) == PEOPLE
    assert f"{PEOPLE} people wait in 1 sequence" in said
    assert 'until somebody says "sequencer resume --all"' in said
