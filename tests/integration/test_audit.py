"""`audit` as it is typed: who did what, without an address in it; what tampering looks like to whoever checks."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.changes import audit_rows
from tests.integration.typed import Run


@pytest.fixture
def here(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "installation"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    return folder / "sequencer.db"


def test_a_row_tells_who_and_what_and_names_nobody(run: Run, here: Path) -> None:
    assert run("suppress", "secret.person@acme.test", "--reason", "a secret reason", "--as", "bo").code == 0
    assert run("move", "bo@acme.test", "--to", "nurture:intro", "--as", "ana").code == 0
    *_, (by, verb, asked), moved = audit_rows(here)
    assert (by, verb) == ("bo", "suppress")
    assert "secret" not in asked
    assert moved[:2] == ("ana", "move")
    assert json.loads(moved[2])["target"] == "nurture:intro"
    about = run("audit", "--about", " BO@acme.test", "--json").json
    assert [each["verb"] for each in about] == ["move"]
    assert [each["verb"] for each in run("audit", "--by", "bo", "--json").json] == ["suppress"]
    assert run("audit", "--verb", "suppress", "--since", "2026-01-01").out.count("suppress\t") == 2
    assert run("audit", "--since", "soon").code == 2
    assert "no row is like that" in run("audit", "--verb", "nothing").out


def test_what_was_refused_or_only_tried_leaves_no_row(run: Run, here: Path) -> None:
    before = audit_rows(here)
    assert run("pause", "nobody@acme.test", "--as", "ana").code == 2
    assert run("suppress", "acme.test", "--dry-run", "--as", "ana").code == 0
    assert run("import", "people.csv", "--dry-run").code == 0
    assert run("tasks", "--all").code == 0
    assert audit_rows(here) == before


def test_verify_names_the_row_and_exits_with_one(run: Run, here: Path) -> None:
    good = run("audit", "verify")
    assert good.code == 0
    head = good.out.rpartition(": ")[2].strip()
    assert run("audit", "verify", "--head", head).code == 0
    with closing(sqlite3.connect(here)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET by = 'bo' WHERE id = 2")
        connection.commit()
    bad = run("audit", "verify")
    assert (bad.code, bad.out) == (1, "row 2 was changed\n")
    assert run("audit", "verify", "--json").json["wrong"] == ["row 2 was changed"]
