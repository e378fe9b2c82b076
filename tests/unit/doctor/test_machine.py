"""Clock, disk, time zones and permissions, each as machines are found."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sequencer.doctor.finding import Finding
from sequencer.doctor.machine import ClockReadings, Machine, clock, disk, size, time_zones
from sequencer.doctor.permissions import permissions
from tests.unit.doctor.installed import TEXT, installed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(ahead_s: dict[str, float], synchronised: bool | None = None) -> Finding:
    readings = ClockReadings(lambda: NOW)
    for source, seconds in ahead_s.items():
        readings.saw(source, NOW - timedelta(seconds=seconds))
    (only,) = clock(readings, Machine(synchronised=lambda: synchronised), NOW)
    return only


CLOCKS: list[tuple[dict[str, float], bool | None, str, str]] = [
    # seconds by which we are ahead of each source, what the kernel says, status, what is said
    ({"smtp.test": 0.4}, None, "ok", "within 1 s of smtp.test"),
    ({"smtp.test": -20}, False, "ok", "within 20 s of smtp.test"),
    ({"smtp.test": 45}, True, "warn", "is 45 s ahead of smtp.test"),
    ({"smtp.test": -400}, None, "fail", "is 7 min behind smtp.test"),
    ({"smtp.test": 7200}, None, "fail", "is 2 h ahead of smtp.test"),
    ({"wrong.test": 7200, "right.test": 2}, None, "ok", "within 2 s of right.test"),  # one of them agrees with us
    ({}, True, "ok", "the system keeps it synchronised"),
    ({}, False, "warn", "could not be compared"),
    ({}, None, "warn", "no server told its time"),
]


@pytest.mark.parametrize(("ahead_s", "synchronised", "status", "said"), CLOCKS)
def test_the_clock(ahead_s: dict[str, float], synchronised: bool | None, status: str, said: str) -> None:
    only = told(ahead_s, synchronised)
    assert (only.status, said in only.text) == (status, True)
    assert bool(only.mend) == (status != "ok")


def test_the_kernel_is_asked_without_harm() -> None:
    assert Machine().synchronised() in (True, False, None)


@pytest.mark.parametrize(("free", "status"), [(50_000_000, "fail"), (500_000_000, "warn"), (5_000_000_000, "ok")])
def test_the_disk(tmp_path: Path, free: int, status: str) -> None:
    (only,) = disk(tmp_path, Machine(free_bytes=lambda folder: free))
    assert (only.status, size(free) in only.text) == (status, True)
    assert Machine().free_bytes(tmp_path) > 0


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999 bytes"), (1500, "1.5 kB"), (250_000, "250 kB"), (2e12, "2.0 TB")]
)
def test_a_size(number: float, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("first_line", "status", "said"),
    [
        ("# version 2026b\n", "ok", "rules of 2026b"),
        ("# version 2022a\n", "warn", "those of 2022a"),
        ("", "ok", "an unknown year"),  # Debian's file always says it, others may have none
    ],
)
def test_time_zones(tmp_path: Path, first_line: str, status: str, said: str) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Madrid").write_bytes(b"TZif")
    (tmp_path / "tzdata.zi").write_text(first_line)
    (only,) = time_zones(Machine(zone_folders=("/nowhere", str(tmp_path))), NOW)
    assert (only.status, said in only.text) == (status, True)


def test_time_zones_of_the_package_serve_a_machine_without() -> None:
    (only,) = time_zones(Machine(zone_folders=()), NOW)
    assert (only.status, "the package tzdata" in only.text) == ("ok", True)


def test_a_closed_folder_closes_all_that_is_in_it(tmp_path: Path) -> None:
    config = installed(tmp_path)
    (tmp_path / "config.toml").chmod(0o644)
    (tmp_path / "sequencer.db").chmod(0o644)
    (only,) = permissions(config, tmp_path / "sequencer.db")
    assert only.status == "ok"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where others can come: pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_what_others_can_read_and_write_is_named_with_its_command(open_folder: Path) -> None:
    folder = open_folder / "out reach"
    folder.mkdir()
    config = installed(folder)
    folder.chmod(0o755)
    (folder / "config.toml").chmod(0o640)
    (folder / "sequencer.db").chmod(0o644)
    (read,) = permissions(config, folder / "sequencer.db")
    assert (read.status, read.text) == ("warn", "others on this machine can read config.toml, sequencer.db")
    assert read.mend == f"chmod 700 '{folder}'"
    (folder / "config.toml").chmod(0o600)
    (folder / "sequencer.db").chmod(0o640)  # a group of operators may share it
    assert [finding.status for finding in permissions(config, folder / "sequencer.db")] == ["ok"]
    (folder / "config.toml").chmod(0o666)
    written = next(iter(permissions(config, None)))
    assert (written.status, written.mend) == ("fail", f"chmod 600 '{folder / 'config.toml'}'")
    (folder / "config.toml").chmod(0o600)
    open_folder.chmod(0o700)
    (folder / "config.toml").chmod(0o666)
    assert [finding.status for finding in permissions(config, None)] == ["ok"]  # the folder above is closed
    open_folder.chmod(0o755)
    folder.chmod(0o777)
    anybody = next(iter(permissions(config, None)))
    assert (anybody.status, "anybody may put files" in anybody.text) == ("fail", True)


@pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o400, "ok"), (0o640, "fail"), (0o604, "fail")])
def test_a_password_file_is_its_owners_alone(tmp_path: Path, mode: int, status: str) -> None:
    secret = tmp_path / "pw"
    secret.write_text("canary")
    secret.chmod(mode)
    config = installed(tmp_path, TEXT.replace("env:ANA_PW", f"file:{secret}"))
    (only,) = permissions(config, None)
    assert only.status == status
    assert "canary" not in f"{only}"
    if status == "fail":
        assert only.mend == f"chmod 600 {secret}"


def test_the_password_file_of_another_user_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "pw"
    secret.write_text("x")
    secret.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(secret, 65_534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    config = installed(tmp_path, TEXT.replace("env:ANA_PW", f"file:{secret}"))
    said = [finding for finding in permissions(config, None) if "another user" in finding.text]
    assert [finding.status for finding in said] == ["fail"]
