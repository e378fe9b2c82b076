"""Every example in `--help` is typed as it stands, in an installation in the middle of its life."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from sequencer.cli import root
from tests.integration.changes import audit_rows, contents
from tests.integration.prepared import ANSWER_TASK, CALL_TASKS
from tests.reference import described, typed

# path -> why its example is not run here
NOT_RUN = {
    "sequencer daemon": "runs until it is told to stop: test_daemon.py",
    "sequencer test": "counts on business hours, and here it is always open: ../scenario/test_shipped.py",
    "sequencer db restore": "needs a copy that was made before: test_restore.py",
    "sequencer db reconcile": "needs a database that was restored: test_restore.py",
    "sequencer demo": "plays weeks and needs half a minute: test_demo.py",
}
# what a documented exit code other than 0 means here
EXITS = {"sequencer doctor": 1}  # the servers of the example do not exist
ALL = list(described())
EXAMPLES = [
    pytest.param(example, EXITS.get(each.path, 0), id=example)
    for each in ALL
    if each.path not in NOT_RUN
    for example in each.examples
]


@pytest.fixture
def here(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, with ana at the keyboard and an editor that writes a line."""
    folder = tmp_path / "installation"
    shutil.copytree(prepared, folder)
    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\n{ sed 2q "$1"; echo "Tuesday at 10?"; sed 1,2d "$1"; } > "$1.new"\nmv "$1.new" "$1"\n'
    )
    editor.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SEQUENCER_CONFIG", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("SEQUENCER_REP", "ana")
    return folder


@pytest.mark.parametrize(("example", "code"), EXAMPLES)
def test_the_example_works_as_it_is_typed(here: Path, example: str, code: int) -> None:
    """And each that changes anything writes one row into the audit: a new command that writes none is red here."""
    words, said = typed(example)
    file = here / "sequencer.db"
    before, rows = contents(file), len(audit_rows(file))
    ran = CliRunner().invoke(root, words, input=said)
    assert (ran.exit_code, ran.exception if code == 0 else None) == (code, None), ran.output
    written = [verb for _, verb, _ in audit_rows(file)[rows:]]
    assert len(written) <= 1
    assert written or contents(file) == before, "it changed something and the audit does not tell"
    assert all(example.partition("sequencer ")[2].startswith(verb) for verb in written)


def test_what_is_not_run_is_a_command_and_says_where_it_is_tested() -> None:
    paths = {each.path for each in ALL}
    for path, why in NOT_RUN.items():
        assert path in paths
        assert (Path(__file__).parent / why.rpartition(" ")[2]).exists()


def test_the_prepared_tasks_are_what_examples_say(here: Path) -> None:
    listed = CliRunner().invoke(root, ["tasks", "--all"]).output.splitlines()
    works = {line.split("\t")[0]: line.split("\t")[1] for line in listed if line[:1].isdigit()}
    assert (works[str(CALL_TASKS)], works[str(ANSWER_TASK)]) == ("call", "answer")
