"""The interactive list of `sequencer tasks`: keys in, what was recorded, what is shown; then at a real terminal."""

import os
import pty
import re
import select
import shutil
import signal
import string
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from fcntl import ioctl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sequencer.app import open_app
from sequencer.cli.desk.state import Confirming, Desk, Intent, letters, offers, press, snoozes
from sequencer.cli.desk.view import render
from sequencer.cli.desk.work import Work
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.engine import task_verbs
from sequencer.store import audit, reads, tasks
from sequencer.store.tasks import TaskRow
from tests.integration.prepared import ANSWER_TASK, REVIEW_TASK

NAMED = ("up", "down", "home", "end", "page up", "page down", "enter", "esc", "backspace", "ctrl-u")


class Sitting:
    """A rep at the list, without a terminal."""

    def __init__(self, folder: Path) -> None:
        self.app = open_app(load(folder / "config.toml"))
        self.clock = SystemClock()
        self.work = Work(self.app, "ana")
        self.desk = self.work.opened(self.clock.now())

    def type(self, *keys: str) -> Desk:
        for key in keys:
            self.desk, intent = press(self.desk, key)
            at = self.clock.now()
            if intent:
                self.desk = self.work.perform(self.desk, intent, at, nullcontext)
            else:
                self.desk = self.work.with_detail(self.desk, at)
        return self.desk

    def task(self, number: int) -> TaskRow:
        return self.app.database.read(lambda connection: tasks.task(connection, number))

    def screen(self, width: int = 80, height: int = 24) -> str:
        return "\n".join(line.plain for line in render(self.desk, width, height))


@pytest.fixture
def sitting(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sitting]:
    monkeypatch.setenv("TZ", "UTC")
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    one = Sitting(tmp_path)
    yield one
    one.app.close()


# keys, the task they are about, its state and outcome then, what the line says, the task chosen then
KEYS: list[tuple[tuple[str, ...], int, tuple[str, str | None], str, int]] = [
    (("j", "v"), 1, ("done", "voicemail"), "task 1 is done (voicemail); next: mail intro", 2),
    (("j", "c"), 1, ("done", "connected"), "their sequence is finished", 2),
    (("down", "down", "n"), 2, ("done", "no_answer"), "task 2 is done (no answer)", 3),
    (("j", "t"), 1, ("done", "gatekeeper"), "task 1 is done (gatekeeper)", 2),  # the sequence's own: gaTekeeper
    (("j", "b", "2", "h", "enter"), 1, ("open", None), "task 1 is put off until", 2),
    (("j", "b", "enter"), 1, ("open", None), "task 1 is put off until", 2),
    (("j", "b", "esc"), 1, ("open", None), "nothing was recorded", 1),
    (("j", "D"), 1, ("open", None), "", 1),  # asks first
    (("j", "D", "n"), 1, ("open", None), "nothing was recorded", 1),
    (("j", "D", "enter"), 1, ("open", None), "nothing was recorded", 1),
    (("j", "D", "y"), 1, ("done", "do_not_call"), "task 1 is done (do not call)", 2),
    (("j", "s", "t"), 1, ("open", None), "task 1 is put off until", 2),
    (("j", "s", "v"), 1, ("open", None), "nothing was recorded", 1),
    (("j", "s", "d", *"3d", "enter"), 1, ("open", None), "task 1 is put off until", 2),
    (("j", "s", "d", *"2020-01-01", "enter"), 1, ("open", None), '"2020-01-01" has passed', 1),
    (("j", "s", "d", *"sooner", "enter"), 1, ("open", None), '"sooner" is no date', 1),
    (("j", "x"), 1, ("skipped", None), "task 1 is skipped; next: mail intro", 2),
    (("j", "o", *"rings long", "enter"), 1, ("open", None), "noted", 1),
    (("j", "o", "enter"), 1, ("open", None), "nothing was recorded", 1),
    (("d",), ANSWER_TASK, ("done", "done"), "task 13 is done", 1),
    (("G", "a"), REVIEW_TASK, ("done", "done"), "task 14 is done; next: mail intro", ANSWER_TASK),
    (("j", "a"), 1, ("open", None), "", 1),  # nothing to approve here, so the screen names no such key
    (("j", "d"), 1, ("open", None), "", 1),
    (("j", "y"), 1, ("open", None), "", 1),
    (("k", "up"), ANSWER_TASK, ("open", None), "", ANSWER_TASK),  # nothing above the first
]  # fmt: skip


@pytest.mark.parametrize(("keys", "about", "became", "said", "chosen"), KEYS, ids=[" ".join(row[0]) for row in KEYS])
def test_keys_record_what_the_screen_names(
    sitting: Sitting, keys: tuple[str, ...], about: int, became: tuple[str, str | None], said: str, chosen: int
) -> None:
    desk = sitting.type(*keys)
    task = sitting.task(about)
    assert (task.state, task.outcome) == became
    assert said in desk.said
    assert bool(desk.said) == bool(said)
    assert desk.chosen == chosen


def test_a_note_is_kept_and_shown_with_the_person(sitting: Sitting) -> None:
    sitting.type("j", "o", *"rings long", "enter")
    person = sitting.task(1).prospect_id
    (note,) = sitting.app.database.read(lambda connection: reads.notes_of(connection, person))
    assert (note.by, note.text, note.task_id) == ("ana", "rings long", 1)
    kept = sitting.app.database.read(lambda connection: next(audit.rows(connection)))
    assert (kept.by, kept.verb, kept.asked["task_id"]) == ("ana", "note", 1)
    assert "rings" not in str(kept.asked)
    assert "rings long" in sitting.screen(height=60)


def test_the_screen_has_what_a_rep_needs_for_a_call(sitting: Sitting) -> None:
    sitting.type("j")
    shown = sitting.screen(100, 60)
    for words in (
        "ana: 14 to do", "▸  call", "P1, CTO, Other1", "+13035550131", "linkedin.com/in/P1", "their time",
        "their hours are open", "First call: P1", "c connected", "v voicemail", "n no answer", "w wrong number",
        "b call back", "D do not call", "t gatekeeper", "s snooze", "x skip", "o note", "/ filter", "? help", "q quit",
    ):  # fmt: skip
        assert words in shown


def test_an_answer_and_a_mail_to_approve_show_their_texts(sitting: Sitting) -> None:
    assert "Sounds good. When?" in sitting.screen()
    sitting.type("G")
    shown = sitting.screen(100, 40)
    assert "Subject: " in shown
    assert "a approve  e edit" in shown


@pytest.mark.parametrize("keys", [("j",), ("j", "s"), ("j", "D"), ("j", "b"), ("?",), ("/", *"nobody"), ("G",)])
def test_every_size_gets_a_frame_that_fits(sitting: Sitting, keys: tuple[str, ...]) -> None:
    desk = sitting.type(*keys)
    for width, height in ((60, 24), (20, 6), (35, 10), (76, 24), (100, 12), (200, 70)):
        lines = render(desk, width, height)
        assert len(lines) == height, (width, height)
        assert max(cell_len(line.plain) for line in lines) <= width, (width, height)


@pytest.mark.parametrize("start", [(), ("j",), ("j", "s"), ("j", "D"), ("G",)])
def test_no_key_that_the_screen_does_not_name_asks_for_anything(sitting: Sitting, start: tuple[str, ...]) -> None:
    desk = sitting.type(*start)
    named = {offer.key for offer in (offers(desk) if not isinstance(desk.mode, Confirming) else ())}
    named |= {offer.key for offer in snoozes(1)} if "s" in start else set()
    named |= {"y", "Y"} if isinstance(desk.mode, Confirming) else set()
    for key in (*string.printable, *NAMED):
        _, intent = press(desk, key)
        assert intent is None or key in named or intent == Intent("quit"), key


def test_the_filter_narrows_the_list_and_esc_shows_all(sitting: Sitting) -> None:
    sitting.type("/", *"other1", "2", "enter")
    assert [one.face.name for one in sitting.desk.visible] == ["P12"]
    assert 'with "other12", of 14' in sitting.screen()
    sitting.type("v")
    assert sitting.task(12).outcome == "voicemail"
    assert "Nothing here has these words" in sitting.screen()
    assert len(sitting.type("esc").visible) == 13


def test_what_others_do_is_seen_and_refused_without_harm(sitting: Sitting) -> None:
    sitting.type("j")
    now = sitting.clock.now()
    said = task_verbs.Said("voicemail", "bo")
    sitting.app.database.write(lambda c: task_verbs.done(c, sitting.app.advance, 1, said, now))
    desk = sitting.type("c")  # on a screen that did not know it yet
    assert desk.wrong
    assert "task 1 is done already (voicemail)" in desk.said
    assert desk.chosen == 2
    sitting.app.database.write(lambda c: task_verbs.skip(c, sitting.app.advance, 3, "bo", now))
    desk = sitting.work.refreshed(desk, now + timedelta(seconds=2))
    assert 3 not in {one.row.id for one in desk.tasks}
    assert (desk.chosen, desk.wrong) == (2, True)  # the sentence stays until a key is pressed


def test_an_editor_that_fails_leaves_the_task_open(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    for editor, words in (("true", "nothing was saved"), ("no-such-editor-here", "Editing failed")):
        monkeypatch.setenv("EDITOR", editor)
        monkeypatch.setenv("VISUAL", editor)
        assert words in sitting.type("r").said or "nothing was saved" in sitting.desk.said
        assert sitting.type("G", "e").wrong
        sitting.type("g")
    assert (sitting.task(ANSWER_TASK).state, sitting.task(REVIEW_TASK).state) == ("open", "open")


def test_an_answer_is_written_in_the_editor(sitting: Sitting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\n{ sed 2q "$1"; echo "Tuesday?"; sed 1,2d "$1"; } > "$1.new"\nmv "$1.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    assert "your answer to di@acme.test is queued" in sitting.type("r").said
    sitting.type("g")
    assert "your answer is queued and leaves in a moment" in sitting.screen()


def test_a_list_that_becomes_empty_says_what_comes(sitting: Sitting) -> None:
    for _ in range(14):
        sitting.type("x")
    assert (sitting.desk.tasks, sitting.desk.chosen) == ((), 0)
    assert "Nothing to do now" in sitting.screen()
    assert "x skip" not in sitting.screen()


def test_names_cannot_steer_the_terminal(sitting: Sitting) -> None:
    one = sitting.desk.tasks[0]
    face = replace(one.face, prospect=replace(one.face.prospect, fields={"first_name": "Di\x1b[2J\u202e"}))
    desk = replace(sitting.desk, tasks=(replace(one, face=face),), said="no\x1b[31m")
    for line in render(desk, 80, 24):
        assert not any(ord(char) < 32 or char == "\u202e" for char in line.plain)


def test_outcomes_keep_their_letters() -> None:
    usual = ("connected", "voicemail", "no_answer", "wrong_number", "call_back", "do_not_call")
    assert "".join(letters(usual).values()) == "cvnwbD"
    assert letters(("gatekeeper", *usual))["connected"] == "c"
    assert letters(("done", "accepted")) == {"done": "d", "accepted": "p"}
    assert letters(("later", "left_company")) == {"later": "l", "left_company": "f"}


@given(st.lists(st.text(string.ascii_lowercase + "_", min_size=1, max_size=12), max_size=20, unique=True))
def test_no_two_outcomes_share_a_letter_and_none_takes_a_key_of_the_list(names: list[str]) -> None:
    given_to = letters(names)
    assert list(given_to) == names
    assert len(set(given_to.values())) == len(names)
    assert not set(given_to.values()) & set("jkgGqsxeaor/? ")


class Typist:
    """Somebody at a real terminal of 80 x 24."""

    def __init__(self, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        program = str(Path(sys.executable).parent / "sequencer")
        editor = folder / "editor"
        editor.write_text('#!/bin/sh\nstty -a | grep -q " icanon" && sed -i "$ a so long" "$1"\n')
        editor.chmod(0o755)
        env = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", "NO_COLOR": "1", "VISUAL": str(editor)}
        self.program = subprocess.Popen(
            [program, "tasks", "--rep", "ana"], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=_own_terminal,
        )  # fmt: skip
        self.theirs = theirs
        self.said = ""

    def sees(self, words: str, within_s: float = 30.0) -> None:
        while words not in re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self.said):
            assert select.select([self.ours], [], [], within_s)[0], f"{words!r} never came: {self.said!r}"
            self.said += os.read(self.ours, 65536).decode(errors="replace")

    def presses(self, keys: str) -> None:
        self.said = ""
        os.write(self.ours, keys.encode())

    def resizes(self, rows: int, columns: int) -> None:
        self.said = ""
        ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def leaves(self) -> int:
        """The exit code; the terminal must be as it was."""
        code = self.program.wait(timeout=30)
        while select.select([self.ours], [], [], 0)[0]:
            self.said += os.read(self.ours, 65536).decode(errors="replace")
        assert self.said.endswith("\x1b[?25h\x1b[?1049l")
        assert termios.tcgetattr(self.theirs) == self.before
        return code


def _own_terminal() -> None:
    ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background of a shell ignores it


@pytest.fixture
def typist(prepared: Path, tmp_path: Path) -> Iterator[Typist]:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    one = Typist(tmp_path)
    yield one
    if one.program.poll() is None:
        one.program.kill()
        one.program.wait()
    os.close(one.ours)
    os.close(one.theirs)


def test_a_rep_works_at_a_real_terminal(typist: Typist, tmp_path: Path) -> None:
    typist.sees("ana: 14 to do")
    typist.presses("\x1b[B")
    typist.sees("P1, CTO, Other1")
    typist.presses("v")
    typist.sees("task 1 is done (voicemail); next: mail intro")
    typist.resizes(30, 60)
    typist.sees("─" * 60)
    typist.presses("G")
    typist.sees("a approve  e edit")
    typist.presses("e")  # the editor has the terminal as any program wants it
    typist.sees("task 14 is done")
    typist.presses("\x1a")  # Ctrl-Z outside a shell with jobs only gives the screen back for a moment
    typist.sees("ana: ")  # what is typed before the screen is back goes to nobody
    typist.presses("q")
    assert typist.leaves() == 0
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", typist.said)  # NO_COLOR
    sitting = Sitting(tmp_path)
    assert sitting.task(1).outcome == "voicemail"
    drafts = sitting.app.database.read(lambda c: tasks.drafts(c, [sitting.task(REVIEW_TASK).enrollment_id]))
    assert [body.endswith("so long\n") for _, body in drafts.values()] == [True]
    sitting.app.close()


@pytest.mark.parametrize(("way", "code"), [("\x03", 0), ("\x04", 0), ("TERM", 128 + signal.SIGTERM)])
def test_the_terminal_is_given_back_however_it_ends(typist: Typist, way: str, code: int) -> None:
    typist.sees("ana: 14 to do")
    if way == "TERM":
        typist.program.terminate()
    else:
        typist.presses(way)
    assert typist.leaves() == code
