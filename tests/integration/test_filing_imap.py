"""Copies in the Sent folder of a real IMAP server, and a daemon that is killed between the copy and its note."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sequencer.app import App, make_services, real_doors
from sequencer.clock import SystemClock
from sequencer.store import sends
from tests.integration.conftest import Account
from tests.integration.installation import KEY, Installation, World

DIES_AFTER_THE_COPY = """
import asyncio, os, pathlib, signal, sys
from datetime import timedelta
from sequencer.app import Doors, imap_server, make_services, open_app, real_doors
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.inbound.imap import Imap

class Dying(Imap):
    def append_sent(self, raw):
        super().append_sent(raw)
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    app, clock = open_app(load(pathlib.Path(sys.argv[1]))), SystemClock()
    (section,) = app.config.mailboxes
    doors = Doors(real_doors(app.config, clock).channel_of, lambda _: Dying(imap_server(section.imap, section)))
    services = make_services(app, clock, doors, "dies", timedelta(seconds=1))
    await services.dispatch.run_once(clock.now())
    await services.filing.run_once(clock.now())

asyncio.run(main())
"""


@pytest.fixture
def house(imap_house: Installation) -> Installation:
    return imap_house


def filed(account: Account) -> list[tuple[bytes, tuple[bytes, ...]]]:
    """What lies in Sent: the bytes and the flags, in order."""
    with account.mail_program() as client:
        client.select_folder("Sent", readonly=True)
        found: dict[int, Any] = client.fetch(client.search(), ["BODY.PEEK[]", "FLAGS"])
    return [(found[uid][b"BODY[]"], tuple(set(found[uid][b"FLAGS"]) - {b"\\Recent"})) for uid in sorted(found)]


def die_after_the_copy(folder: Path) -> None:
    program = [sys.executable, "-c", DIES_AFTER_THE_COPY, str(folder / "config.toml")]
    killed = subprocess.run(program, check=False, timeout=60, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


async def test_a_mail_is_filed_by_the_running_services_and_read_as_nothing(
    house: Installation, world: World, account: Account
) -> None:
    enrollment = house.enroll(house.person("jo@acme.test"), mailbox=account.address)
    app = App(house.config, house.database, house.advance, KEY)
    services = make_services(app, house.clock, real_doors(house.config, house.clock), "test")
    await house.run(services.dispatch)
    for _ in range(2):
        await services.filing.run_once(house.clock.now())
    await services.ingest.run_once(house.clock.now())
    await services.filing.stop()
    await services.dispatch.stop()
    await services.ingest.stop()
    assert filed(account) == [(world.accepted[0][1], (b"\\Seen",))]
    assert house.kinds(enrollment) == ["Enrolled", "TouchQueued", "TouchSent"]


async def test_a_daemon_killed_between_the_copy_and_its_note_leaves_one_copy(
    house: Installation, account: Account
) -> None:
    house.enroll(house.person("jo@acme.test"), mailbox=account.address)
    first = house.dispatch()
    await house.run(first)
    await first.stop()
    assert house.database.read(lambda connection: sends.in_state(connection, "sent"))
    die_after_the_copy(house.folder)
    assert len(filed(account)) == 1
    app = App(house.config, house.database, house.advance, KEY)
    services = make_services(app, house.clock, real_doors(house.config, house.clock), "next")
    house.clock.to(SystemClock().now())
    house.clock.forward(seconds=60)
    await services.dispatch.run_once(house.clock.now())
    await services.filing.run_once(house.clock.now())
    assert len(filed(account)) == 1
    assert not house.database.read(lambda c: c.exec_driver_sql("SELECT 1 FROM sends WHERE copied_at IS NULL").all())
    await services.filing.stop()
    await services.dispatch.stop()
