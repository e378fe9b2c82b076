"""`kill -9` in mid-send, again and again, on real processes: no second copy, nothing lost, every doubt listed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from sequencer.clock import SystemClock
from sequencer.core.reason import Reason
from sequencer.store import sends
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World

KILLS = int(os.environ.get("KILLS", "10"))
CONNECTIONS = 4
PEOPLE = 15 * KILLS


class SlowWorld(World):
    """Takes 20 ms for each mail, so that a kill finds some on the wire."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.02)
        return answer


def start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "sequencer", "--config", str(folder / "config.toml"), "daemon", "--lease", "1"]
    with (folder / "daemon.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} took longer than {seconds} s"
        time.sleep(0.005)


def test_nothing_is_sent_twice_or_lost_when_the_daemon_is_killed(tmp_path: Path) -> None:
    with SlowWorld() as world:
        house = Installation(
            tmp_path, world.port, connections=CONNECTIONS, config=ALWAYS_OPEN, clock=HandClock(SystemClock().now())
        )
        house.apply()
        for number in range(PEOPLE):
            house.enroll(house.person(f"p{number}@acme{number}.test"))
        (tmp_path / "mail").mkdir()
        for folder in ("cur", "new", "tmp"):
            (tmp_path / "mail" / folder).mkdir()
        for kill in range(KILLS):
            before = len(world.accepted)
            daemon = start(tmp_path)
            wait_for(lambda before=before: len(world.accepted) > before + 3, f"mail after kill {kill}")  # type: ignore[misc]
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        daemon = start(tmp_path)
        try:
            wait_for(lambda: not _unsettled(house), "settling everything", 60)
        finally:
            daemon.send_signal(signal.SIGTERM)
            ended = daemon.wait(40)
        assert ended == 0, (tmp_path / "daemon.log").read_text()[-2000:]
        _check(house, world)
        house.close()


def _unsettled(house: Installation) -> bool:
    rows = house.database.read(lambda connection: sends.in_state(connection, "queued", "sending"))
    settled = house.database.read(lambda connection: sends.in_state(connection, "sent", "uncertain", "person"))
    return bool(rows) or len(settled) < PEOPLE


def _check(house: Installation, world: World) -> None:
    copies = Counter(recipient for recipient, _ in world.accepted)
    sent = house.database.read(lambda connection: sends.in_state(connection, "sent"))
    uncertain = house.database.read(lambda connection: sends.in_state(connection, "uncertain", "person"))
    assert max(copies.values()) == 1
    assert len(sent) + len(uncertain) == PEOPLE
    assert {row.address for row in sent} <= set(copies)
    assert set(copies) - {row.address for row in sent} <= {row.address for row in uncertain}
    assert len(uncertain) <= CONNECTIONS * KILLS
    for row in uncertain:
        assert house.progress(row.enrollment_id).hold(Reason.UNCERTAIN)
    listed = subprocess.run(
        [sys.executable, "-m", "sequencer", "--config", str(house.folder / "config.toml"), "uncertain", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for row in uncertain:
        assert row.address in listed.stdout
