"""The daemon as a process: it drains, it is alone on its file, a service that fails beats again."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from sequencer.clock import SystemClock
from sequencer.daemon import Heartbeat, frozen_after_s, sd_notify
from sequencer.engine.outer_stops import config_trouble
from sequencer.engine.overview import overview
from sequencer.errors import StoreError
from sequencer.store import sends
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World

START_S_MAX = 20.0


class PatientWorld(World):
    """Takes a third of a second to answer the dot."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0.3)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def world() -> Iterator[World]:
    with PatientWorld() as world:
        yield world


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / "mail" / folder).mkdir(parents=True)
    clock = HandClock(SystemClock().now())
    house = Installation(tmp_path, world.port, connections=4, config=ALWAYS_OPEN, clock=clock)
    house.apply()
    yield house
    house.close()


def daemon(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sequencer", "--config", str(folder / "config.toml"), "daemon"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S_MAX
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_mail(world: World, n: int) -> None:
    wait_until(lambda: len(world.accepted) >= n)


def test_sigterm_lets_what_is_on_the_wire_end(house: Installation, world: World) -> None:
    for number in range(40):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    running = daemon(house.folder)
    wait_for_mail(world, 4)
    running.send_signal(signal.SIGTERM)
    _, log = running.communicate(timeout=40)
    assert running.returncode == 0, log
    sent = house.database.read(lambda connection: sends.in_state(connection, "sent"))
    open_ones = house.database.read(lambda connection: sends.in_state(connection, "sending", "uncertain", "person"))
    queued = house.database.read(lambda connection: sends.in_state(connection, "queued"))
    assert {row.address for row in sent} == {recipient for recipient, _ in world.accepted}
    assert not open_ones
    assert queued


def test_sighup_takes_a_good_config_and_leaves_a_bad_one(house: Installation, world: World) -> None:
    for number in range(4):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    file = house.folder / "config.toml"
    text = file.read_text()
    file.write_text(text.replace("cap_per_day = 1000", "cap_per_day = 2"))
    running = daemon(house.folder)
    try:
        wait_for_mail(world, 2)
        file.write_text("this is = no [toml")
        running.send_signal(signal.SIGHUP)
        wait_until(lambda: "TOML" in house.database.read(config_trouble))
        troubles = house.database.read(lambda c: overview(c, house.advance.around, SystemClock().now())).troubles
        assert [each.kind for each in troubles if each.kind == "config"] == ["config"]
        assert len(world.accepted) == 2
        file.write_text(text)
        running.send_signal(signal.SIGHUP)
        wait_for_mail(world, 4)
        assert house.database.read(config_trouble) == ""
    finally:
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=40)
    assert running.returncode == 0, log


def test_sighup_sends_through_the_server_that_config_names_now(house: Installation, world: World) -> None:
    house.enroll(house.person("before@acme.test"))
    file = house.folder / "config.toml"
    running = daemon(house.folder)
    try:
        wait_for_mail(world, 1)
        with World() as other:
            file.write_text(file.read_text().replace(f"port = {world.port}", f"port = {other.port}"))
            running.send_signal(signal.SIGHUP)
            house.enroll(house.person("after@initech.test"))
            wait_for_mail(other, 1)
    finally:
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=40)
    assert running.returncode == 0, log
    assert [recipient for recipient, _ in world.accepted] == ["before@acme.test"]
    assert [recipient for recipient, _ in other.accepted] == ["after@initech.test"]


def test_a_second_daemon_on_the_same_file_refuses(house: Installation, world: World) -> None:
    house.enroll(house.person("jo@acme.test"))
    first = daemon(house.folder)
    try:
        wait_for_mail(world, 1)
        second = daemon(house.folder)
        _, said = second.communicate(timeout=20)
        assert second.returncode == 2
        assert "another daemon runs on sequencer.db" in said.splitlines()[-1]
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=40)


async def test_a_service_that_fails_beats_again_and_stops_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    beats = {"broken": 0, "sound": 0}

    async def broken() -> None:
        beats["broken"] += 1
        raise ConnectionError("on purpose")

    async def sound() -> None:
        beats["sound"] += 1

    heartbeat = Heartbeat()
    with caplog.at_level(logging.ERROR):
        heartbeat.add("broken", broken, 0.02, SystemClock())
        heartbeat.add("sound", sound, 0.02, SystemClock())
        heartbeat.start()
        async with asyncio.timeout(5):
            while min(beats.values()) < 3:
                await asyncio.sleep(0.01)
        assert await heartbeat.drain() == 0
    assert "broken failed; it beats again" in caplog.text


async def test_a_database_that_refuses_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    async def refused() -> None:
        told.set()
        raise StoreError("the database is full")

    heartbeat = Heartbeat()
    heartbeat.add("sweep", refused, 60.0, SystemClock())
    heartbeat.start()
    await asyncio.wait_for(told.wait(), 30)
    await heartbeat.drain()
    (record,) = [each for each in caplog.records if each.name == "sequencer.daemon"]
    assert (record.getMessage(), record.exc_info) == ("sweep: the database is full; it beats again in 60 s", None)


@pytest.mark.parametrize(
    ("lease_s", "frozen_s"),
    [
        (20.0, 10.0),  # who waits for a frozen daemon still has half of their own lease
        (10.0, 5.0),
        (1.0, 5.0),  # a busy machine is no freeze
        (600.0, 10.0),  # a stop waits for it, too
    ],
)
def test_a_freeze_ends_within_half_a_lease(lease_s: float, frozen_s: float) -> None:
    assert frozen_after_s(timedelta(seconds=lease_s)) == frozen_s


async def test_a_drain_waits_for_the_beat_that_runs() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def long() -> None:
        began.set()
        await asyncio.sleep(0.1)
        ended.set()

    heartbeat = Heartbeat()
    heartbeat.add("long", long, 60, SystemClock())
    heartbeat.start()
    await began.wait()
    assert await heartbeat.drain() == 0
    assert ended.is_set()


def test_systemd_hears_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        sd_notify("READY=1")
        assert systemd.recv(100) == b"READY=1"
