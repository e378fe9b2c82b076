"""The people's commands from the outside: a real installation in a folder, the real program, its words and exit codes.

Hours are open all week in this installation, because the commands read the system's clock.
"""

import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.store import inbox
from sequencer.store.tables import DRAFTS, SENDS
from tests.integration.installation import HandClock
from tests.integration.typed import Ran, Run
from tests.unit.engine.people_house import ALL_KINDS, BARE, FILES, House

BO = "bo@acme.test"
ANSWER = b"""From: Bo <bo@acme.test>\r
To: ana@ourco.test\r
Subject: Re: An idea\r
Date: Mon, 16 Nov 2026 10:00:00 +0000\r
Message-ID: <1@acme.test>\r
In-Reply-To: <x@ourco.test>\r
\r
Please remove me from your list.\r
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, HandClock(SystemClock().now()))
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace('mon-fri = ["08:30-17:00"]', 'mon-sun = ["00:00-24:00"]'))
    one.config = load(path)
    one.advance = Advance(one.database, Surroundings(one.config, Catalog()))
    for name, source in (("kinds", ALL_KINDS), ("bare", BARE)):
        one.apply(name, source, FILES)
    one.apply("three")
    yield one
    one.close()


def refused(ran: Ran, words: str) -> None:
    """One clear line, exit 2, nothing on standard output."""
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("sequencer: ")
    assert ran.err.count("\n") == 1
    assert words in ran.err


def test_a_day_of_a_rep(home: House, run: Run) -> None:
    home.inside("kinds")
    listed = run("tasks")
    assert listed.code == 0
    assert listed.out.splitlines()[0].split("\t")[:3] == ["id", "what", "who"]
    assert "+13035550131" in listed.out
    shown = run("tasks", "show", "1")
    assert "Ask Bo about Acme." in shown.out
    assert "sequencer done 1 --outcome connected | voicemail" in shown.out
    done = run("done", "1", "--outcome", "voicemail", "--note", "rings long")
    assert done.out.startswith("task 1 is done (voicemail); next: linkedin connect")
    assert "linkedin.test/bo" in run("tasks").out
    assert run("snooze", "2", "--for", "2d").out.startswith("task 2 is put off until")
    assert "opens" in run("tasks").out
    assert "is skipped" in run("skip", "2").out
    assert "ana noted: “rings long”" in run("timeline", BO).out


def test_an_empty_list_says_what_comes(home: House, run: Run) -> None:
    assert "nobody is under way" in run("tasks").out
    key = home.inside("three")
    assert "1 person is under way" in run("tasks").out  # a mail is queued: no clock says when it is sent
    home.sent()
    assert home.progress(key).step_done
    assert "The next step of your people is due" in run("tasks").out


# arguments, words of the one line
WRONG = [
    (("why", "bu@acme.test"), "did you mean bo@acme.test?"),
    (("timeline", "nobody@nowhere.test"), '"sequencer import" brings people in'),
    (("done", "1", "--outcome", "voicemial"), "did you mean voicemail?"),
    (("done", "1"), "say what came of task 1: --outcome connected | voicemail"),
    (("done", "99", "--outcome", "done"), "there is no task 99"),
    (("done", "1", "--outcome", "voicemail", "--edit"), "no mail to approve"),
    (("done", "1", "--outcome", "call_back", "--until", "soon"), '"soon" is no date'),
    (("done", "1", "--outcome", "call_back", "--until", "2020-01-01"), "has passed"),
    (("snooze", "1"), "say until when"),
    (("snooze", "1", "--for", "3weeks"), "is no length of time"),
    (("tasks", "--rep", "carl"), 'there is no rep "carl"'),
    (("pause",), "name one: EMAIL"),
    (("pause", BO, "--all"), "name one: EMAIL"),
    (("pause", BO, "--until", "2020-01-01"), "has passed"),
    (("pause", "--all", "--for", "3d"), "until somebody resumes it"),
    (("pause", "--sequence", "kind"), "did you mean kinds?"),
    (("pause", "--mailbox", "an@ourco.test"), "did you mean ana@ourco.test?"),
    (("resume", "--all"), "say who lifts it: --as ana"),
    (("move", BO, "--to", "kinds:nowhere"), 'kinds has no step "nowhere"'),
    (("move", BO, "--to", "nowhere"), "no applied sequence"),
    (("opt-out", "acme.test"), "is no mail address"),
    (("uncertain", "sent", "7"), "there is no mail 7"),
    (("inbox", "show", "7"), "there is no mail 7"),
]


@pytest.mark.parametrize(("args", "words"), WRONG, ids=[" ".join(args)[:40] for args, _ in WRONG])
def test_wrong_input_is_one_line_that_says_how_to_mend_it(
    home: House, run: Run, args: tuple[str, ...], words: str
) -> None:
    key = home.inside("kinds")
    refused(run(*args), words)
    assert home.kinds(key) == ["Enrolled", "TaskOpened"]


def test_why_tells_a_sentence_gates_and_what_comes(home: House, run: Run) -> None:
    home.inside("three")
    ran = run("why", BO)
    assert ran.out.startswith('Bo waits: the step "intro" is queued and goes ')
    assert "✗\tdaemon\tnone has run yet" in ran.out
    assert "config.toml:" in ran.out
    assert "then, if nothing comes between:" in ran.out
    (one,) = run("why", BO, "--json").json["enrollments"]
    assert (one["step"], one["queued"], one["status"]) == ("intro", True, "active")
    assert [gate["name"] for gate in one["gates"] if not gate["passed"]] == ["daemon"]


def test_why_of_somebody_outside(home: House, run: Run) -> None:
    home.person("new@acme.test", "New")
    ran = run("why", "new@acme.test")
    assert ran.out.startswith("New is in no sequence and never was.")
    assert "sequencer enroll three --email new@acme.test" in ran.out
    assert run("why", "new@acme.test", "--json").json["may_enroll"][0]["allowed"]


def test_pause_resume_finish(home: House, run: Run) -> None:
    key = home.inside("three")
    assert "is paused in three until somebody resumes" in run("pause", BO).out
    assert home.progress(key).status == "paused"
    resumed = run("resume", BO).out
    assert "lifted: paused by a person" in resumed
    assert 'the step "intro" is queued' in resumed
    assert "Bo is paused in three until" in run("pause", BO, "--for", "5d").out
    assert "was neither" not in run("resume", BO).out
    assert "was neither paused nor held" in run("resume", BO).out
    assert "is finished in three (disqualified)" in run("finish", BO, "--reason", "disqualified").out
    refused(run("finish", BO), "in no sequence now")


def test_the_panic_button_needs_no_name_and_its_end_does(home: House, run: Run) -> None:
    home.inside("three")
    assert 'until somebody says "sequencer resume --all"' in run("pause", "--all").out
    assert "was paused already" in run("pause", "--all").out
    assert run("why", BO).out.startswith("All sending is paused, by ana since")
    assert "all sending is paused" in run("status").out
    assert "1 person goes on" in run("resume", "--all", "--as", "ana").out
    assert "was not paused" in run("resume", "--all", "--as", "ana").out


def test_move_and_opt_out(home: House, run: Run) -> None:
    home.inside("three")
    assert "has left three and begins kinds at connect" in run("move", BO, "--to", "kinds:connect").out
    gone = run("opt-out", BO).out
    assert "never contacted again on any channel" in gone
    assert "finished in kinds" in gone
    assert "recorded before" in run("opt-out", BO).out
    assert "nobody here has x@y.test" in run("opt-out", "x@y.test").out
    assert "may not enter kinds, three, bare: may not be contacted (person: asked" in run("why", BO).out


def test_an_address_hold_needs_the_word_that_it_works(home: House, run: Run) -> None:
    key = home.inside("three")
    home.record(key, e.HoldPut(reason=Reason.BAD_ADDRESS))
    assert "say --address-works if it does" in run("resume", BO).out
    assert home.progress(key).status == "held"
    run("resume", BO, "--address-works")
    assert home.progress(key).status == "active"


def test_uncertain_mail_is_listed_explained_and_settled(home: House, run: Run) -> None:
    home.inside("three")
    assert run("uncertain", "list").out == "No mail is uncertain.\n"
    row = home.on_the_wire("uncertain")
    listed = run("uncertain", "list").out
    assert "Nobody knows whether these arrived" in listed
    assert "0 of 4 looks made" in listed
    assert "a mail is uncertain" in run("status").out
    assert "with the same Message-ID" in run("uncertain", "resend", str(row.id), "--as", "ana").out
    refused(run("uncertain", "skip", str(row.id)), "is skipped, not uncertain, settled by ana")
    assert run("uncertain", "list", "--json").json == []


def test_several_uncertain_mails_are_settled_together_or_none(home: House, run: Run) -> None:
    home.inside("three")
    row = home.on_the_wire("uncertain")
    refused(run("uncertain", "sent", str(row.id), "999"), "there is no mail 999")
    assert len(run("uncertain", "list", "--json").json) == 1
    settled = run("uncertain", "sent", str(row.id), str(row.id))
    assert settled.out.count("counts as sent") == 1
    assert run("uncertain", "list", "--json").json == []


def test_a_mail_that_was_never_rendered_is_not_called_by_an_empty_subject(home: House, run: Run) -> None:
    home.inside("three")
    row = home.on_the_wire("uncertain")
    bare = update(SENDS).values(subject="", message_id=None)
    home.database.write(lambda connection: connection.execute(bare))
    again = run("uncertain", "resend", str(row.id)).out
    assert again.startswith("the mail to ")
    assert "Message-ID" not in again


def review(home: House, run: Run) -> None:
    home.inside("kinds")
    for task, outcome in (("1", "voicemail"), ("2", "accepted"), ("3", "done")):
        assert run("done", task, "--outcome", outcome).code == 0


def editor(home: House, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = home.folder / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.setenv(name, str(path))


def test_a_mail_is_edited_before_it_is_approved(home: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    review(home, run)
    assert "Subject: An idea for Acme" in run("tasks", "show", "4").out
    # The editor's clock may not have moved on since the file was written: say that it was saved.
    editor(home, monkeypatch, 'sed -i "s/shall we talk/shall we meet/" "$1"; touch -d "+1 minute" "$1"')
    done = run("done", "4", "--edit")
    assert done.out.startswith("task 4 is done; next: mail review")
    assert [row.step for row in home.rows("queued")] == ["review"]
    assert "shall we meet" in _draft(home)


def test_an_editor_that_saves_nothing_approves_nothing(home: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    review(home, run)
    editor(home, monkeypatch, "exit 0")
    refused(run("done", "4", "--edit"), "nothing was saved")
    editor(home, monkeypatch, 'echo "no subject" > "$1"; touch -d "+1 minute" "$1"')
    refused(run("done", "4", "--edit"), 'the first line is "Subject: …"')
    assert [task.id for task in home.open_tasks()] == [4]


def _draft(home: House) -> str:
    return home.database.read(lambda connection: str(connection.execute(DRAFTS.select()).one().body))


def test_an_empty_installation_is_friendly(tmp_path: Path, run: Run) -> None:
    House(tmp_path).close()
    ran = run("status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Nobody is known yet")
    assert run("inbox").out == "Nobody has answered yet.\n"
    refused(run("why", BO), "nobody is known yet")


def test_status_compares_the_files_with_what_runs(home: House, run: Run) -> None:
    folder = home.folder / "sequences"
    folder.mkdir()
    (folder / "bare.yaml").write_text(BARE + "\n# edited\n")
    (folder / "new.yaml").write_text(BARE)
    (folder / "wrong.yaml").write_text("title: 1\nstepz: []\n")
    texts = [each["text"] for each in run("status", "--json").json["troubles"] if each["kind"] == "files"]
    assert "bare: its files differ from version 1, which runs" in texts
    assert "new was never applied" in texts
    assert "sequences/wrong.yaml has errors; the daemon runs what was applied last" in texts
    assert "three has no file any more; version 1 runs on" in texts


def test_the_inbox_shows_own_words_and_what_waits(home: House, run: Run) -> None:
    home.inside("three")
    now = home.clock.now()
    arrival = inbox.Arrival("a" * 40, "maildir:mail", "INBOX", False, now, ANSWER)
    home.database.write(lambda connection: inbox.store_arrival(connection, arrival))
    assert "not read yet" in run("inbox").out
    home.database.write(lambda connection: inbox.park(connection, 1, "nobody is known", now))
    parked = run("inbox", "--parked")
    assert "parked: nobody is known" in parked.out
    assert "1 mail waits for a person" in run("status").out
    shown = run("inbox", "show", "1")
    assert "mail 1 from bo@acme.test" in shown.out
    assert "subject: Re: An idea" in shown.out
    assert run("inbox", "--json").json[0]["state"] == "parked"


def test_control_characters_of_a_stranger_never_reach_the_terminal(home: House, run: Run) -> None:
    home.inside("three", name="Bo\x1b[31m\x07")
    for command in (("why", BO), ("timeline", BO), ("tasks",), ("pause", BO)):
        assert not any(ord(char) < 32 and char not in "\t\n" for char in run(*command).out)


@pytest.mark.parametrize("more", ["", "mailboxes_extra = 3\n"], ids=["as it is", "with an error"])
def test_classify_takes_no_mailbox_of_ours_for_a_referral(run: Run, tmp_path: Path, more: str) -> None:
    """Nor a rep's own address; whatever else is wrong with config.toml."""
    boxes = '[[mailboxes]]\naddress = "Ana@ourco.test"\n[[reps]]\nemail = "bo@home.test"\n'
    (tmp_path / "config.toml").write_text(more + boxes)
    (tmp_path / "b.eml").write_text("From: jo@acme.test\n\nAsk ana@ourco.test, bo@home.test or kim@acme.test.\n")
    assert run("classify", "--json", "b.eml").json["addresses"] == ["kim@acme.test"]


def test_classify_needs_no_installation(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(ANSWER)
    (tmp_path / "body.txt").write_text("Sounds great, call me tomorrow.\n")
    (tmp_path / "empty.eml").write_text("")
    assert "a.eml: answer, opt out" in run("classify", "a.eml").out
    lines = run("classify", "--json", "a.eml", "a.eml").out.splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["opt_out", "opt_out"]
    assert json.loads(run("classify", "--text", "--json", "body.txt").out)["kind"] == "reply"
    missing = run("classify", "a.eml", "none.eml")
    assert (missing.code, missing.err) == (2, "sequencer: none.eml: No such file or directory\n")
    assert "a.eml: answer" in missing.out
    assert run("classify", "empty.eml").code == 1
    assert not os.path.exists(tmp_path / "sequencer.db")


def away_now(home: House, cover: str = "") -> None:
    """ana is away around today, by config.toml."""
    today = home.clock.now().date()
    path = home.folder / "config.toml"
    bo = '[[reps]]\nname = "bo"\nemail = "bo@ourco.test"\ntimezone = "UTC"\n'
    days = f'[[away]]\nrep = "ana"\nfrom = {today - timedelta(days=3)}\nto = {today + timedelta(days=3)}\n'
    path.write_text(path.read_text() + bo + days + (f'cover = "{cover}"\n' if cover else ""))


def test_the_absence_of_a_rep_in_every_list(home: House, run: Run) -> None:
    home.inside("kinds")
    away_now(home, cover="bo")
    last = home.clock.now().date() + timedelta(days=3)
    until = f"{last.day} {last:%B}"
    assert f"bo for ana, away until {until}" in run("tasks", "--rep", "bo").out
    assert f"ana is away until {until}: bo has these tasks meanwhile" in run("tasks", "--rep", "ana").out
    (task,) = run("tasks", "--rep", "bo", "--json").json
    assert (task["rep"], task["cover"], task["away_until"]) == ("ana", "bo", str(last))
    assert f"bo for ana, away until {until}" in run("tasks", "show", "1").out
    assert run("tasks", "--rep", "ana", "--json").json == [task]
    status = run("status").out
    assert f"ana is away until {until}, back on" in status
    assert "bo covers and has 1 task; 0 mails wait for the return" in status
    assert run("status", "--json").json["absences"][0]["cover"] == "bo"
    assert "Bo waits for bo, who covers for ana: a call (task 1)" in run("why", BO).out


def test_enroll_tells_of_an_absence(home: House, run: Run) -> None:
    away_now(home)
    home.person("kim@zeta.test", "Kim")
    for more in (["--dry-run"], []):
        ran = run("enroll", "three", "--email", "kim@zeta.test", "--as", "ana", *more)
        assert ran.code == 0
        said = ran.out if more else ran.err
        assert "note: 1 first touch waits until ana is back on" in said
        assert "ana is away from" in said
        assert "(config.toml:" in said
    waits = run("why", "kim@zeta.test")
    assert "the rep is away (ana until" in waits.out
    assert "nobody covers; 0 tasks and 1 mail wait for the return" in run("status").out
    assert "nobody covers meanwhile" in run("tasks", "--rep", "ana").out
