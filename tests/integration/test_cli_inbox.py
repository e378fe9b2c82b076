"""`inbox set`, `accept`, `refuse` and `replay` as they are typed, in the installation of the examples."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import update

from sequencer.config import load
from sequencer.store.tables import INBOUND
from tests.fresh import open_database
from tests.integration.typed import Run

DI = "di@acme.test"
UNDONE = "nothing was changed"


class Terminal(StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())

    def as_ana(*words: str) -> object:
        return run("inbox", *words, *(() if words and words[0] == "show" else ("--as", "ana")))

    return as_ana  # type: ignore[return-value]


def test_a_dry_run_says_what_would_change_and_changes_nothing(typed: Run, run: Run) -> None:
    said = typed("set", "1", "auto-reply", "--until", "2027-01-07", "--dry-run")
    assert said.code == 0
    assert "mail 1 was taken for: interested; it is: auto reply" in said.out
    assert "Di in vp-engineering: was finished (the person answered) → goes on where it stood: Di is paused" in said.out
    assert "Di: task 13 closes: an answer to write" in said.out
    assert said.out.endswith(f"{UNDONE}\n")
    assert "13\t" in run("tasks", "--rep", "ana").out
    assert run("inbox", "--json").json[1]["set_by"] is None


def test_where_nobody_can_answer_nothing_changes_without_yes(typed: Run, run: Run) -> None:
    said = typed("set", "1", "no-answer")
    assert said.code == 2
    assert "so say --yes" in said.err
    assert run("inbox", "--json").json[1]["set_by"] is None
    assert typed("set", "1", "no-answer", "--yes").code == 0
    one = run("inbox", "--json").json[1]
    assert (one["set_by"], one["judgement"]["kind"]) == ("ana", "other")
    assert "said by ana; no rules change that" in run("inbox", "show", "1").out
    assert "mail 1 was misread: “Sounds good. When?”: not interested but no answer, by ana" in run("timeline", DI).out


@pytest.mark.parametrize(("answer", "set_by"), [("y\n", "ana"), ("n\n", None), ("\n", None)])
def test_a_person_is_asked(
    typed: Run, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, set_by: str | None
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    said = typed("set", "1", "question")
    assert said.code == 0
    assert "Do it? [y/N]" in said.out
    assert (UNDONE in said.out) is (set_by is None)
    assert run("inbox", "--json").json[1]["set_by"] == set_by


def test_somebody_who_stays_away_too_long_is_let_go_by_one_command(typed: Run) -> None:
    said = typed("set", "1", "auto-reply", "--until", "9999-12-31", "--dry-run")
    assert f'(9999-12-31); "sequencer resume {DI}" lets it go on (ends by itself on' in said.out


def test_json_tells_what_changed(typed: Run) -> None:
    said = typed("set", "1", "opt-out", "--yes", "--json").json
    assert (said["was"], said["is"], said["applied"]) == ("interested", "opt_out", True)
    (change,) = [each for each in said["changes"] if each["name"] == "Di"]
    assert change["never_contacted_again"] is True
    assert [task["work"] for task in change["tasks_closed"]] == ["answer"]


def test_a_parked_mail_says_what_to_do_with_it(typed: Run, run: Run) -> None:
    assert '"sequencer inbox accept ID" or "refuse ID"' in run("inbox", "--parked").out
    shown = run("inbox", "show", "2").out
    assert '"sequencer inbox accept 2": never write to post@else.test' in shown
    assert "post@else.test is never written to" in typed("accept", "2", "--yes").out
    assert "post@else.test" in run("suppress", "--list").out
    assert "No mail is parked." in run("inbox", "--parked").out


def test_a_parked_mail_is_somebody_s(typed: Run, run: Run) -> None:
    said = typed("accept", "2", "--person", "bo@acme.test", "--yes")
    assert "Bo is never contacted again, at any of their addresses" in said.out
    assert "finished (the person asked not to be contacted)" in said.out
    assert "whose it is: Bo" in run("inbox", "show", "2").out


def test_a_parked_mail_is_let_go(typed: Run, run: Run) -> None:
    assert "nothing of what it says is kept" in typed("refuse", "2", "--yes").out
    assert "No mail is parked." in run("inbox", "--parked").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "1", "auto-replay"), "did you mean auto-reply?"),
        (("set", "1", "bot"), "interested, meeting, question, not-now"),
        (("set", "9", "question"), "there is no mail 9"),
        (("set", "99999999999999999999", "question"), "invalid value for 'ID'"),
        (("set", "1", "auto-reply", "--until", "2020-01-07"), '"sequencer inbox set 1 no-answer" lets them go on'),
        (("set", "1", "not-now", "--until", "2020-01-07"), "name a day to come"),
        (("set", "1", "question", "--until", "2027-01-07"), "a date belongs to auto-reply"),
        (("set", "1", "auto-reply", "--until", "soon"), '"soon" is no date'),
        (("set", "2", "interested", "--person", "bu@acme.test"), "did you mean bo@acme.test?"),
        (("set", "2", "interested"), "--person EMAIL"),
        (("accept", "1"), '"sequencer inbox set 1 CLASS"'),
        (("refuse", "1"), '"sequencer inbox set 1 not-ours"'),
    ],
)
def test_wrong_input_says_how_to_mend_it(typed: Run, words: tuple[str, ...], said: str) -> None:
    ran = typed(*words, "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_replay_shows_what_is_read_differently_and_applies_it_when_told(typed: Run, run: Run, tmp_path: Path) -> None:
    assert "2 mails of the last 90d judged again: every one is read as before" in typed("replay").out
    database = open_database(load(tmp_path / "config.toml").database_url)
    worse = update(INBOUND).where(INBOUND.c.id == 1).values(judgement='{"kind":"other"}', classifier=0)
    database.write(lambda c: c.execute(worse))
    database.close()
    said = typed("replay")
    assert "mail 1 from Di: was no answer, is interested (because of sounds good)" in said.out
    assert "1 of 2 mails is read differently by version" in said.out
    assert run("inbox", "show", "1").out.count("read as: other") == 1
    (difference,) = typed("replay", "--json").json["differences"]
    assert (difference["id"], difference["was"], difference["is"]) == (1, "no_answer", "interested")
    assert "1 mail of 2 read anew" in typed("replay", "--apply").out
    assert "read as: reply, interested" in run("inbox", "show", "1").out
