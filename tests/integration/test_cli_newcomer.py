"""What somebody meets who types it wrongly, has a broken file or a narrow window: one clear line, never a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sequencer.app import missing_passwords
from sequencer.cli import COMMANDS
from sequencer.cli.plain_text import plain
from sequencer.config import load
from tests.integration.typed import Run, typing

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).parent / "sequencer")


def typed(folder: Path, *words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as a shell starts it: for what only a process shows."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("SEQUENCER_")}
    return subprocess.run(
        [PROGRAM, *words], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation as `init` makes it; tests write no file in it."""
    folder = tmp_path_factory.mktemp("installation")
    assert typed(folder, "init").returncode == 0
    return folder


@pytest.fixture
def run_there(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types one command in that installation."""
    monkeypatch.chdir(made)
    return typing(monkeypatch, capsys)


USAGE: list[tuple[tuple[str, ...], str]] = [
    (("wy",), 'there is no command "wy" — did you mean why? — "sequencer --help"'),
    (("--hlp",), '"sequencer --help"'),
    (("why",), "missing argument 'EMAIL' — \"sequencer why --help\""),
    (("why", "--jsn", "a@b.test"), "no such option '--jsn'"),
    (("done", "abc"), "'abc' is not a valid number"),
    (("uncertain", "sent", "1", "x"), "'x' is not a valid number"),
    (("finish", "a@b.test", "--reason", "tired"), "'removed', 'disqualified'"),
    (("uncertain", "foo"), "\"sequencer uncertain --help\""),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), USAGE, ids=[" ".join(words) for words, _ in USAGE])
def test_a_wrong_command_is_one_line_with_the_help_that_mends_it(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("sequencer: ")
    assert done.err.count("\n") == 1
    assert said in done.err


def test_a_process_ends_with_the_same_line_and_code(tmp_path: Path) -> None:
    done = typed(tmp_path, "why")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sequencer: missing argument 'EMAIL' — ")
    assert done.stderr.count("\n") == 1


def test_what_is_typed_or_read_cannot_steer_the_terminal(tmp_path: Path) -> None:
    assert plain("a\x1b[31mb\u202ec\nd") == "a [31mb c d"
    done = typed(tmp_path, "w\x1b[2Jy")
    assert "\x1b" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_all_errors_of_the_config_come_at_once_with_their_lines(made: Path, tmp_path: Path, run: Run) -> None:
    text = (made / "config.toml").read_text()
    wrong = {
        "person_touches_per_week = 5": "person_touches_a_week = 5",
        'inbox_max_age = "5m"': 'inbox_max_age = "5x"',
        'timezone = "America/New_York"': 'timezone = "America/New_Yorck"',  # of a rep and of a mailbox
        '"env:BO_PW"': '"hunter2"',  # smtp and imap
    }
    for right, mistake in wrong.items():
        assert right in text
        text = text.replace(right, mistake)
    (tmp_path / "config.toml").write_text(text)
    lines = text.splitlines()
    said = run("status").err.splitlines()
    places = [re.match(r"sequencer: config\.toml:(\d+): ([\w.]+): ", one) for one in said]
    found = [(lines[int(place[1]) - 1], place[2]) for place in places if place]
    assert len(found) == len(said) == 6  # every line names its line and key
    for line, key in found:
        assert line.strip().startswith((key.rpartition(".")[2], "smtp", "imap"))
    assert "hunter2" not in "".join(said)
    values = run("check", "--json").json
    assert len([one for one in values["errors"] if one["path"] == "config.toml"]) == 6


CONFIGS: list[tuple[str, str, str]] = [
    ('rep = "bo"', 'rep = "bob"', 'mailboxes.rep: there is no rep "bob"'),
    ('name = "bo"', 'name = "ana"', 'reps.name: there are two reps "ana"'),
    ('"08:30-11:30"', '"11:30-08:30"', 'windows.business_hours: "11:30-08:30" closes before it opens'),
    ("sqlite:///sequencer.db", "mysql://x/y", 'database.url: write "sqlite:///FILE" or'),
    *(
        ("sqlite:///sequencer.db", f"postgresql+psycopg://{rest}", "database.url: a password has no place here")
        for rest in (
            "me:secret@host/x",
            "me@host/x?password=secret",
            "me@host/x?sslmode=require&PASSWORD=secret",
            "/x?host=/run&pass%77ord=secret",
            "me@host/x?sslpassword=secret",
        )
    ),
    ('address = "bo@ourco.test"', 'address = "bo"', 'mailboxes.address: "bo" is no mail address'),
    ('address = "bo@ourco.test"\n', "", "mailboxes.address: is missing"),
    ("[company]", "[company", "config.toml: this is not TOML: "),
]


@pytest.mark.parametrize(("right", "wrong", "said"), CONFIGS, ids=[said[:40] for *_, said in CONFIGS])
def test_a_wrong_config_says_what_is_wrong_and_where(
    made: Path, tmp_path: Path, run: Run, right: str, wrong: str, said: str
) -> None:
    text = (made / "config.toml").read_text()
    assert right in text
    (tmp_path / "config.toml").write_text(text.replace(right, wrong))
    done = run("status")
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_nothing_of_a_password_in_the_database_address_is_shown(made: Path, tmp_path: Path) -> None:
    text = (made / "config.toml").read_text()
    address = "postgresql+psycopg://sequencer:hunter2@127.0.0.1:1/sequencer"
    (tmp_path / "config.toml").write_text(text.replace("sqlite:///sequencer.db", address))
    done = typed(tmp_path, "status")
    assert done.returncode in (1, 2)
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_and_a_closed_pipe_are_no_traceback(made: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = typed(made, "status", stdout=full.fileno())
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    read, write = os.pipe()
    os.close(read)
    done = typed(made, "status", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_uncertain_alone_lists(run_there: Run) -> None:
    assert run_there("uncertain").out == "No mail is uncertain.\n"


def test_classify_takes_nothing_for_a_mail_that_is_none(made: Path, run_there: Run) -> None:
    for name in ("config.toml", "sequencer.db"):
        read = run_there("classify", name)
        assert (read.code, read.out) == (2, "")
        assert '"sequencer classify --text"' in read.err
    for words in (("-",), ("--text", "-")):  # of which nothing comes
        done = typed(made, "classify", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "it is empty" in done.stderr


def test_a_date_in_the_past_is_named_as_it_was_typed(run_there: Run) -> None:
    assert run_there("import", "sequences/people.csv").code == 0
    assert run_there("apply", "--as", "ana").code == 0
    who = "lucia.ferrer@brisapagos.test"
    assert run_there("enroll", "vp-engineering", "--email", who, "--as", "ana").code == 0
    assert '"2020-01-01" has passed' in run_there("pause", who, "--until", "2020-01-01").err
    assert "is paused in vp-engineering until somebody resumes\n" in run_there("pause", who).out
    assert "a pause without a date stands already" in run_there("pause", who, "--for", "3d").out
    why = run_there("why", who).out
    assert f'"sequencer resume {who}" lets it go on' in why  # the whole command, ready to be pasted


def test_a_daemon_would_name_each_password_that_is_missing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANA_PW", raising=False)
    monkeypatch.setenv("BO_PW", "a secret")
    (trouble,) = missing_passwords(load(made / "config.toml"))
    assert trouble.startswith("ana@ourco.test: config.toml: env:ANA_PW")


def test_what_many_places_lack_is_said_once_and_hours_have_their_line(tmp_path: Path, run: Run) -> None:
    assert run("init").code == 0
    (tmp_path / "team.csv").write_text("email,first name,company,timezone\njo@acme.test,Jo,Acme,Pacific/Chatham\n")
    assert run("import", "team.csv").code == 0
    notes = run("check").err.splitlines()
    (event,) = (note for note in notes if "no imported person has prospect.event" in note)
    assert event.endswith(" other places)")
    assert run("apply", "--as", "ana").code == 0
    enrolled = run("enroll", "vp-engineering", "--email", "jo@acme.test", "--as", "ana")
    assert '"sequencer why jo@acme.test" says when' in enrolled.out
    why = run("why", "jo@acme.test").out
    number = (tmp_path / "config.toml").read_text().splitlines().index("[windows.business_hours]") + 1
    assert f"business_hours, config.toml:{number}: " in why
    preview = run("preview", "vp-engineering", "--prospect", "jo@acme.test", "--as", "ana").out
    assert re.search(r"^intro: email — .* \(their \w{3} \d\d:\d\d\)$", preview, re.MULTILINE)
    # Whoever may enter nothing is told so in one line.
    assert run("suppress", "acme.test").code == 0
    assert run("why", "jo@acme.test").out.count("may not enter") == 1


def test_the_mailbox_line_of_status_promises_nothing_while_all_is_paused(run_there: Run) -> None:
    assert run_there("pause", "--all").code == 0
    rows = [line.split("\t") for line in run_there("status").out.splitlines() if line.startswith("ana@")]
    assert rows == [["ana@ourco.test", "paused", "0/10", "0", "—"]]
    assert run_there("resume", "--all", "--as", "ana").code == 0


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "config.toml",
        "docs/writing-sequences.md",
        "docs/library.md",
        "sequences/vp-engineering.yaml",
        "sequences/inbound-lead.yaml",
    ],
)
def test_every_command_that_the_shipped_words_name_exists(file: str) -> None:
    text = (ROOT / file).read_text()
    named = set(re.findall(r"(?:^|[`\"])sequencer ([a-z-]+)", text, re.MULTILINE))
    assert named <= set(COMMANDS)
