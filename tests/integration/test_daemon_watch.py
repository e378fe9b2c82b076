"""The daemon as a process on a real IMAP server: an answer is read when it comes, a copy of what left is filed."""

import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from sequencer.store import inbox, sends
from sequencer.store.sends import SendRow
from tests.integration.conftest import Account
from tests.integration.installation import Installation
from tests.integration.mail_room import mail
from tests.integration.test_daemon import wait_until

LATENCY_S_MAX, STOP_S_MAX = 10.0, 5.0
# Only the walk at its start is regular: what comes later has to be told.
WALKS_ONCE = """
import asyncio, pathlib, sys
from sequencer.app import open_app
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.daemon import Pace, run
asyncio.run(run(open_app(load(pathlib.Path(sys.argv[1]))), SystemClock(), Pace(ingest_s=3600, rescue_s=1)))
"""


@pytest.fixture
def house(imap_house: Installation) -> Installation:
    return imap_house


def read_at(house: Installation) -> datetime | None:
    return next(iter(house.database.read(inbox.synced_at).values()), None)


def sent(house: Installation) -> list[SendRow]:
    return house.database.read(lambda connection: sends.in_state(connection, "sent"))


def seconds_until_read(house: Installation, account: Account, enrollment: int, name: str) -> float:
    """This person answers; how long until the answer has stopped their sequence."""
    written = next(row.message_id for row in sent(house) if row.enrollment_id == enrollment)
    answer = mail(sender=f"{name}@{name}.test", to=account.address, answers=written, number=enrollment)
    began = time.monotonic()
    account.put("INBOX", answer.encode())
    wait_until(lambda: house.progress(enrollment).finished == "replied")
    return time.monotonic() - began


def copies(account: Account) -> int:
    with account.mail_program() as client:
        return int(client.folder_status("Sent", ["MESSAGES"])[b"MESSAGES"])


def test_an_answer_is_read_when_it_comes_also_after_sighup(house: Installation, account: Account) -> None:
    box = account.address
    jo, kim = (house.enroll(house.person(f"{name}@{name}.test"), mailbox=box) for name in ("jo", "kim"))
    running = subprocess.Popen(
        [sys.executable, "-c", WALKS_ONCE, str(house.folder / "config.toml")], stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(sent(house)) == 2)
        wait_until(lambda: read_at(house) is not None)
        assert seconds_until_read(house, account, jo, "jo") < LATENCY_S_MAX
        wait_until(lambda: copies(account) == 2)
        before = read_at(house)
        running.send_signal(signal.SIGHUP)
        wait_until(lambda: read_at(house) != before)
        assert seconds_until_read(house, account, kim, "kim") < LATENCY_S_MAX
    finally:
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=40)
    assert running.returncode == 0, log
    assert time.monotonic() - began < STOP_S_MAX
    assert copies(account) == 2
