"""Daemons as processes of their own, for tests that kill, freeze and starve them."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from sequencer.store import sends
from tests.integration.installation import Installation, World


class SlowWorld(World):
    """Takes 20 ms for each mail, so that a kill finds some on the wire."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.02)
        return answer


def start(folder: Path, lease_s: float = 1.0) -> "subprocess.Popen[bytes]":
    """A daemon; what it says goes to daemon.log."""
    command = [sys.executable, "-m", "sequencer", "--config", str(folder / "config.toml"), "daemon"]
    with (folder / "daemon.log").open("ab") as log:
        return subprocess.Popen([*command, "--lease", str(lease_s)], stdout=log, stderr=log)


def said(folder: Path) -> str:
    """The end of what the daemons said."""
    return (folder / "daemon.log").read_text()[-3000:]


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Asks often, but spends no more than a thirtieth of the time on asking: others need the processor."""
    deadline = time.monotonic() + seconds
    begun = time.thread_time()
    while not ready():
        assert time.monotonic() < deadline, f"{what} took longer than {seconds} s"
        time.sleep(max(0.005, 29 * (time.thread_time() - begun)))
        begun = time.thread_time()


def states(house: Installation, *wanted: str) -> list[sends.SendRow]:
    return house.database.read(lambda connection: sends.in_state(connection, *wanted))


def all_settled(house: Installation, number: int) -> bool:
    """Whether each of `number` mails has left or is uncertain."""
    return len(states(house, "sent", "uncertain", "person")) == number and not states(house, "queued", "sending")
