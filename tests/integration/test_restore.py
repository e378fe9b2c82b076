"""Backup, restore, copies of a whole installation: real daemons, a real SMTP server, a Maildir with a Sent folder."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sequencer.clock import SystemClock
from sequencer.store import epoch, sends
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World
from tests.integration.processes import wait_for
from tests.integration.typed import typed_in

FILED = ALWAYS_OPEN.replace('maildir = "mail"', 'maildir = "mail"\nsent_copy = "append"')
BEFORE, AFTER = 5, 7


def house_in(folder: Path, world: World, config: str = FILED) -> Installation:
    folder.mkdir(exist_ok=True)
    for place in ("", ".Sent"):
        for part in ("cur", "new", "tmp"):
            (folder / "mail" / place / part).mkdir(parents=True)
    house = Installation(folder, world.port, config=config, clock=HandClock(SystemClock().now()))
    house.apply()
    return house


def in_a_process(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sequencer", "--config", str(folder / "config.toml"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


@contextmanager
def daemon(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "sequencer", "--config", str(folder / "config.toml"), "daemon", "--lease", "3"]
    with (folder / "daemon.log").open("ab") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)


def people(house: Installation, name: str, count: int) -> None:
    for number in range(count):
        house.enroll(house.person(f"{name}{number}@{name}{number}.test"))


def states(house: Installation, *wanted: str) -> list[str]:
    return sorted(row.address for row in house.database.read(lambda connection: sends.in_state(connection, *wanted)))


def all_filed(house: Installation) -> bool:
    """Whether the Sent folder has a copy of every mail that is known as sent."""
    return len(list((house.folder / "mail" / ".Sent").glob("[cn]*/*"))) == len(states(house, "sent"))


def is_held(house: Installation) -> bool:
    return house.database.read(epoch.held) is not None


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def restored(tmp_path: Path, world: World) -> Installation:
    """BEFORE mails are in the copy, AFTER left since; the copy is the database again, and no daemon runs."""
    house = house_in(tmp_path / "here", world)
    folder = house.folder
    people(house, "a", BEFORE)
    with daemon(folder):
        wait_for(lambda: len(states(house, "sent")) == BEFORE and all_filed(house), "the first mails")
        assert typed_in(folder, "pause", "--all").code == 0
        people(house, "b", AFTER)  # in the copy they are enrolled, and nothing of theirs is queued
        assert typed_in(folder, "backup", "monday.db").code == 0
        assert typed_in(folder, "resume", "--all", "--as", "ana").code == 0
        wait_for(lambda: len(world.accepted) == BEFORE + AFTER, "the mails after the copy")
        wait_for(lambda: len(states(house, "sent")) == BEFORE + AFTER and all_filed(house), "their copies")
    house.close()
    said = typed_in(folder, "db", "restore", "monday.db")
    assert said.code == 0, said.err
    assert typed_in(folder, "resume", "--all", "--as", "ana").code == 0
    again = Installation.__new__(Installation)
    again.__dict__.update(house.__dict__)
    again.database = type(house.database)(house.database.url)
    return again


def test_a_restored_database_sends_nothing_until_it_is_reconciled(restored: Installation, world: World) -> None:
    folder = restored.folder
    with daemon(folder):
        wait_for(lambda: is_held(restored), "the hold")
        beats = 0 if (first := _heartbeat(restored)) is None else first
        wait_for(lambda: (_heartbeat(restored) or 0) > beats + 4, "some heartbeats")
        assert len(world.accepted) == BEFORE + AFTER
        assert typed_in(folder, "resume", "--all", "--as", "ana").code == 0
        assert is_held(restored)
        status = typed_in(folder, "status")
        assert "all sends are held" in status.out
        assert f"{AFTER} mails may have left since" in status.out
        why = typed_in(folder, "why", "b0@b0.test")
        assert "sequencer db reconcile" in why.out, why.out
        shutil.move(folder / "mail", folder / "away")
        said = typed_in(folder, "db", "reconcile", "--as", "ana")
        assert said.code == 1
        assert "--doubt ana@ourco.test" in said.out
        shutil.move(folder / "away", folder / "mail")
        looked = typed_in(folder, "db", "reconcile", "--dry-run", "--json", "--as", "ana").json
        assert (looked["lifted"], looked["missing"], len(looked["left"])) == (True, 0, AFTER)
        assert is_held(restored)
        said = typed_in(folder, "db", "reconcile", "--as", "ana")
        assert said.code == 0, said.out + said.err
        assert "sends go on" in said.out
        assert not is_held(restored)
        assert len(states(restored, "sent")) == BEFORE + AFTER
        people(restored, "c", 2)
        wait_for(lambda: len(world.accepted) == BEFORE + AFTER + 2, "mail to the new people")
        wait_for(lambda: len(states(restored, "sent")) == BEFORE + AFTER + 2, "their outcome")
        newest = len(world.accepted)
        wait_for(lambda: restored.database.read(epoch.newest_enrollment) == newest, "a heartbeat that notes them")
    assert max(Counter(recipient for recipient, _ in world.accepted).values()) == 1
    ids = Counter(line for _, raw in world.accepted for line in raw.split(b"\r\n") if line.startswith(b"Message-ID"))
    assert max(ids.values()) == 1
    with daemon(folder):
        wait_for(lambda: (_heartbeat(restored) or 0) > 0, "a heartbeat")
    assert not is_held(restored)
    restored.close()


def _heartbeat(house: Installation) -> float | None:
    from sequencer.engine.leaving import seen_at

    seen = house.database.read(seen_at)
    return seen.timestamp() if seen else None


def test_a_copied_folder_sends_nothing_beside_the_original(tmp_path: Path, world: World) -> None:
    house = house_in(tmp_path / "here", world)
    people(house, "a", 2)
    with daemon(house.folder):
        wait_for(lambda: len(states(house, "sent")) == 2 and all_filed(house), "the first mails")
    people(house, "b", 3)
    house.close()
    shutil.copytree(house.folder, tmp_path / "there")
    there = type(house.database)(f"sqlite:///{tmp_path}/there/sequencer.db")
    with daemon(tmp_path / "there"):
        wait_for(lambda: there.read(epoch.held) is not None, "the hold of the copy")
        with daemon(house.folder):
            wait_for(lambda: len(world.accepted) == 5, "the original's mail")
    there.close()
    assert max(Counter(recipient for recipient, _ in world.accepted).values()) == 1


def test_one_file_under_two_names_has_no_second_daemon(tmp_path: Path, world: World) -> None:
    house = house_in(tmp_path / "here", world)
    (tmp_path / "linked.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/link.db"\n' + (house.folder / "config.toml").read_text()
    )
    house.close()
    (tmp_path / "link.db").symlink_to(house.folder / "sequencer.db")
    second = [sys.executable, "-m", "sequencer", "--config", str(tmp_path / "linked.toml"), "daemon"]
    with daemon(house.folder):
        wait_for(lambda: (house.folder / "sequencer.db.epoch").exists(), "the daemon")
        refused = subprocess.run(second, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 2
        assert "another daemon runs on" in refused.stderr
    (tmp_path / "link.db").unlink()
    (tmp_path / "link.db").hardlink_to(house.folder / "sequencer.db")
    refused = subprocess.run(second, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "hard links" in refused.stderr


def test_a_backup_while_mail_leaves_at_full_speed_is_whole(tmp_path: Path, world: World) -> None:
    house = house_in(tmp_path / "here", world, ALWAYS_OPEN)
    people(house, "p", 150)
    with daemon(house.folder):
        wait_for(lambda: len(world.accepted) > 10, "mail on its way")
        for number in range(3):
            said = typed_in(house.folder, "backup", f"copy{number}.db")
            assert said.code == 0, said.err
        refused = typed_in(house.folder, "backup", "copy0.db")
        assert refused.code == 2
        assert "--force" in refused.err
        assert typed_in(house.folder, "backup", "copy0.db", "--force").code == 0
        wait_for(lambda: len(states(house, "sent")) == 150, "every mail", 90)
    house.close()
    for number in range(3):
        copy = house.folder / f"copy{number}.db"
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(copy)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert opened.execute("SELECT count(*) FROM enrollments").fetchone() == (150,)
    assert not list(house.folder.glob(".*.partial"))


def test_a_restore_waits_for_the_daemon_to_stop(tmp_path: Path, world: World) -> None:
    house = house_in(tmp_path / "here", world)
    house.close()
    assert in_a_process(house.folder, "backup", "a.db").returncode == 0
    with daemon(house.folder):
        wait_for(lambda: (house.folder / "sequencer.db.epoch").exists(), "the daemon")
        said = in_a_process(house.folder, "db", "restore", "a.db")
        assert said.returncode == 2
        assert "another daemon runs" in said.stderr
    (house.folder / "text.db").write_text("no database")
    assert in_a_process(house.folder, "db", "restore", "text.db").returncode in (1, 2)
    assert in_a_process(house.folder, "db", "restore", "a.db").returncode == 0
    assert [path.name[:21] for path in house.folder.glob("*.replaced-*")] == ["sequencer.db.replaced"]
