"""`kill -9` in mid-send, again and again, on real processes: no second copy, nothing lost, every doubt listed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sequencer.clock import SystemClock
from sequencer.core.reason import Reason
from sequencer.store import sends
from tests.fresh import ON_BOTH
from tests.integration.conftest import PASSWORD, READS_IMAP, Account
from tests.integration.installation import HandClock, Installation, World
from tests.integration.processes import SlowWorld, all_settled, said, start, wait_for

KILLS = int(os.environ.get("KILLS", "10"))
CONNECTIONS = 4
WAITING_MIN = 50  # mails that are still to go when a daemon is started


@ON_BOTH
def test_nothing_is_sent_twice_or_lost_when_the_daemon_is_killed(
    tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANA_PW", PASSWORD)
    config = READS_IMAP.replace("{box}", account.address).replace("{imap}", str(account.imap_port))
    with SlowWorld() as world:
        house = Installation(
            tmp_path, world.port, cap=1_000_000, connections=CONNECTIONS, config=config,
            clock=HandClock(SystemClock().now()),
        )  # fmt: skip
        house.apply()
        people = 0
        for kill in range(KILLS):
            before = len(world.accepted)
            while people < before + WAITING_MIN:
                house.enroll(house.person(f"p{people}@acme{people}.test"), mailbox=account.address)
                people += 1
            daemon = start(tmp_path)
            wait_for(lambda before=before: len(world.accepted) > before + 3, f"mail after kill {kill}")  # type: ignore[misc]
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        daemon = start(tmp_path)
        try:
            wait_for(lambda: all_settled(house, people), "settling everything", 120)
        finally:
            daemon.send_signal(signal.SIGTERM)
            ended = daemon.wait(40)
        assert ended == 0, said(tmp_path)
        _check(house, world, people)
        house.close()


def _check(house: Installation, world: World, people: int) -> None:
    copies = Counter(recipient for recipient, _ in world.accepted)
    sent = house.database.read(lambda connection: sends.in_state(connection, "sent"))
    uncertain = house.database.read(lambda connection: sends.in_state(connection, "uncertain", "person"))
    assert max(copies.values()) == 1
    assert len(sent) + len(uncertain) == people
    assert {row.address for row in sent} <= set(copies)
    assert set(copies) - {row.address for row in sent} <= {row.address for row in uncertain}
    assert len(uncertain) <= CONNECTIONS * KILLS
    sys.stdout.write(f"{KILLS} kills: {len(sent)} sent, {len(uncertain)} uncertain, {len(copies)} accepted once each\n")
    for row in uncertain:
        assert house.progress(row.enrollment_id).hold(Reason.UNCERTAIN)
    listed = subprocess.run(
        [sys.executable, "-m", "sequencer", "--config", str(house.folder / "config.toml"), "uncertain", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for row in uncertain:
        assert row.address in listed.stdout
