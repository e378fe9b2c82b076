"""What a tab offers: commands, options, and the words of the installation at hand; never an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from sequencer.cli import root
from sequencer.cli.completion import VARIABLE
from sequencer.cli.known_words import OFFERED_MAX
from tests.integration.prepared import OTHERS

PROGRAM = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def _here(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared)
    monkeypatch.delenv("SEQUENCER_CONFIG", raising=False)


def offered(*words: str) -> list[str]:
    *before, begun = words
    completions = BashComplete(root, {}, "sequencer", VARIABLE).get_completions(before, begun)
    return [each.value for each in completions]


SEQUENCES = [
    "calls", "event-follow-up", "inbound-lead", "nurture", "personal", "re-engagement", "referral-ask",
    "vp-engineering",
]  # fmt: skip
# what was typed up to the tab, what is offered
CASES: list[tuple[tuple[str, ...], list[str]]] = [
    (("en",), ["enroll"]),
    (("snooze", "1", "--f"), ["--for"]),
    (("uncertain", "s"), ["sent", "skip"]),  # a command below a command
    (("enroll", ""), SEQUENCES),
    (("apply", "calls", "n"), ["nurture"]),  # an argument that is taken several times
    (("pause", "--sequence", "v"), ["vp-engineering"]),
    (("move", "bo@acme.test", "--to", "n"), ["nurture"]),
    (("enroll", "calls", "--list", ""), ["q4"]),
    (("pause", "--mailbox", "b"), ["bo@ourco.test"]),
    (("tasks", "--rep", ""), ["ana", "bo"]),
    (("done", "1", "--as", "b"), ["bo"]),
    (("why", "b"), ["bo@acme.test"]),
    (("why", "Bo@A"), []),  # bash replaces what was typed, and only by what begins so
    (("preview", "calls", "--prospect", "jo@"), ["jo@acme.test"]),
    (("enroll", "calls", "--email", "c"), ["cy@acme.test"]),
    (("why", "%"), []),  # no pattern of SQL
    (("finish", "bo@acme.test", "--reason", "dis"), ["disqualified"]),
    (("completion", "z"), ["zsh"]),
    (("nonsense", "x"), []),
    (("--config", "nowhere.toml", "why", "b"), []),
    (("--config", "answer.eml", "enroll", ""), []),
]


@pytest.mark.parametrize(("words", "expected"), CASES, ids=[" ".join(words) for words, _ in CASES])
def test_a_tab_offers(words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_people_are_offered_by_what_was_typed_and_not_all_of_them() -> None:
    assert offered("why", "p") == sorted(OTHERS)
    assert len(offered("why", "")) <= OFFERED_MAX


def test_a_tab_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy("config.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert offered("why", "b") == []
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("number", ["3", "three"])  # of the word: with a config that is none, and from a broken shell
def test_an_error_at_a_tab_prints_nothing(tmp_path: Path, number: str) -> None:
    (tmp_path / "config.toml").write_text("[[")
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "sequencer enroll --list q", "COMP_CWORD": number}
    done = subprocess.run(
        [PROGRAM / "sequencer"], cwd=tmp_path, env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_names_of_commands_are_offered_without_the_heavy_libraries() -> None:
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "sequencer st", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sequencer"], env={**os.environ, **asked}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "plain,status"
    assert not any(name in done.stderr for name in ("sqlalchemy", "pydantic", "rich"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_an_address_beyond_its_at_sign() -> None:
    typed = "sequencer why bo@ac"
    script = (
        "source <(sequencer completion bash); [[ $COMP_WORDBREAKS != *@* ]] || exit 3; "
        f'COMP_WORDS=({typed}); COMP_CWORD=2; _sequencer_completion sequencer; echo "${{COMPREPLY[@]}}"'
    )
    path = f"{PROGRAM}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "bo@acme.test"), done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    from click.testing import CliRunner

    ran = CliRunner().invoke(root, ["completion", shell])
    assert ran.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in ran.output
