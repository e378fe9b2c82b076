"""`export` and the `import` of it: the same installation elsewhere, in which nothing leaves before somebody says so."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.app import KEY
from sequencer.core import progress as p
from sequencer.core.reason import Reason
from sequencer.store import dump, log, scopes
from sequencer.store.columns import Table
from sequencer.store.database import Database
from tests.integration.typed import Run

Move = Callable[[str], Path]
ITS_OWN = {"README.md", "export.json", "audit.jsonl", "config.toml"}


@pytest.fixture
def here(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "first"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def moved_to(run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Stand in a new installation of this name, with the same config.toml."""

    def move(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(here / "config.toml", folder)
        monkeypatch.chdir(folder)
        assert run("init", ".").code == 0
        return folder

    return move


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an export but those that say when and where it was written."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in ITS_OWN)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_table_is_carried_or_has_a_reason() -> None:
    assert dump.CARRIED.keys() | dump.LEFT_BEHIND.keys() == Table.metadata.tables.keys()
    assert not dump.CARRIED.keys() & dump.LEFT_BEHIND.keys()


def test_the_same_installation_elsewhere_waits_for_a_word(run: Run, here: Path, moved_to: Move, tmp_path: Path) -> None:
    assert run("erase", "jo.smith@acme.test", "--as", "ana", "--yes").code == 0
    assert run("opt-out", "jo@acme.test", "--as", "ana").code == 0
    assert run("export", "--to", "../one").code == 0
    assert run("export", "--to", "../one.zip").code == 0
    second = moved_to("second")
    assert run("import", "../one", "--dry-run").code == 0
    taken = run("import", "../one.zip", "--json").json
    assert taken["paused"] == taken["rows"]["enrollments"] - 1  # di has answered

    def check(connection: Connection) -> None:
        enrollments = log.load(connection, dump.enrollments(connection))
        for key, one in enrollments.items():
            entries = log.read_log(connection, key)
            assert p.fold((entry.at, entry.event) for entry in entries) == one.progress
            assert one.progress.finished or one.progress.pause(Reason.IMPORTED)

    database = Database(f"sqlite:///{second}/sequencer.db")
    database.read(check)
    database.close()
    assert "was erased on" in run("why", "jo.smith@acme.test").err
    (tmp_path / "back.csv").write_text("email\njo.smith@acme.test\n")
    assert run("import", str(tmp_path / "back.csv")).code == 2
    assert "jo@acme.test" in run("suppress", "--list").out
    assert "brought in by an export" in run("why", "bo@acme.test").out
    assert run("resume", "--list", "q4", "--as", "ana").code == 0
    assert "brought in by an export" not in run("why", "bo@acme.test").out


def test_export_import_export_is_the_same(run: Run, here: Path, moved_to: Move, tmp_path: Path) -> None:
    """Once everybody waits for a word; the first time the pauses are what differs."""
    assert run("export", "--to", "../one").code == 0
    moved_to("second")
    assert run("import", "../one").code == 0
    assert run("export", "--to", "../two").code == 0
    moved_to("third")
    assert run("import", "../two").code == 0
    assert run("export", "--to", "../three").code == 0
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert two == three
    differs = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    assert differs <= {"enrollments.jsonl", "events.jsonl", "people.csv", "sends.jsonl", "tasks.jsonl"}
    assert two["events.jsonl"].startswith(one["events.jsonl"])


def test_it_is_refused_where_somebody_is_known_and_where_it_is_damaged(run: Run, here: Path, moved_to: Move) -> None:
    assert run("export", "--to", "../one").code == 0
    again = run("export", "--to", "../one")
    assert (again.code, "is there already" in again.err) == (2, True)
    known = run("import", "../one")
    assert (known.code, "already: make a new one" in known.err) == (2, True)
    moved_to("second")
    assert "--list is for a CSV file" in run("import", "../one", "--list", "q4").err
    lists = Path("../one/lists.csv")
    lists.write_bytes(lists.read_bytes() + b"more,1\r\n")
    assert "lists.csv was changed" in run("import", "../one").err
    lists.unlink()
    assert "lists.csv is missing" in run("import", "../one").err
    index = json.loads(Path("../one/export.json").read_text())
    index["files"]["../../etc/passwd"] = ""
    index["files"].pop("lists.csv")
    Path("../one/export.json").write_text(json.dumps(index))
    assert "is no file of an export" in run("import", "../one").err
    Path("../one/export.json").write_text(json.dumps({**index, "schema": "9999"}))
    assert "newer version" in run("import", "../one").err
    Path("../one/export.json").unlink()
    assert "is no export of sequencer" in run("import", "../one").err


def test_secrets_stay_and_nobody_else_may_read_it(run: Run, here: Path, tmp_path: Path) -> None:
    assert run("export", "--to", "../one").code == 0
    assert run("export", "--to", "../one.zip").code == 0
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0
    assert (tmp_path / "one.zip").stat().st_mode & 0o077 == 0
    files = {str(path.relative_to(tmp_path / "one")): path for path in (tmp_path / "one").rglob("*") if path.is_file()}
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert set(packed.namelist()) == files.keys()
    database = Database(f"sqlite:///{here}/sequencer.db")
    key = database.read(lambda connection: scopes.meta(connection, KEY))
    database.close()
    assert key
    assert not any(key.encode() in path.read_bytes() for path in files.values())


def test_a_persons_own_copy(run: Run, here: Path, tmp_path: Path) -> None:
    assert run("export", "di@acme.test", "--to", "../di").code == 0
    known = json.loads((tmp_path / "di" / "person.json").read_text())
    assert known["addresses"][0]["email"] == "di@acme.test"
    assert known["account"]["domain"] == "acme.test"
    assert next(event["kind"] for event in known["events"]) == "Enrolled"
    assert b"Sounds good. When?" in (tmp_path / "di" / "mails" / "received-1.eml").read_bytes()
    assert "bo@acme.test" not in (tmp_path / "di" / "person.json").read_text()
    assert run("export", "nobody@acme.test", "--to", "../nobody").code == 2
    assert not (tmp_path / "nobody").exists()
