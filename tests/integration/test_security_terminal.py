"""Whatever strangers write, no command lets it steer the terminal; and what a rep writes lies open to nobody."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.store import inbox
from tests.integration.installation import World
from tests.integration.mail_room import MailRoom, mail
from tests.integration.typed import Run, typing

HOSTILE = "Jo\x1b]0;owned\x07\x1b[2J\u202egnp.exe\u2066\u2028forged\x9b31m\r\x08"
STEERING = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200e\u200f\u2028\u2029"}
STEERING |= {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
COMMANDS = [
    ("status",), ("inbox",), ("inbox", "--parked"), ("inbox", "show", "1"), ("tasks", "--plain"),
    ("why", "jo@acme.test"), ("suppress", "hostile.txt", "--reason", "x", "--as", "ana"),
    ("timeline", "jo@acme.test"), ("suppress",), ("uncertain", "list"), ("why", HOSTILE),
    ("timeline", f"{HOSTILE}@x.test"), ("import", "hostile.csv"), ("check",),
    ("import", f"{HOSTILE}.csv"), ("tasks", "show", "1"), ("pause", "jo@acme.test", "--as", "ana"),
    ("apply", HOSTILE, "--as", "ana"), ("reply", "1", "--as", HOSTILE),
]  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailRoom]:
    room = MailRoom(tmp_path)
    monkeypatch.chdir(tmp_path)
    jo = room.person("jo@acme.test", HOSTILE, note=HOSTILE)
    room.enroll(jo)
    now = room.clock.now()
    raw = mail(f"Sounds good {HOSTILE}", sender=f'"{HOSTILE}" <jo@acme.test>', subject="x").encode()
    raw = raw.replace(b"Subject: x", b"Subject: =?utf-8?B?Sm8bWzMxbeKArmV4ZQ==?=")
    arrival = inbox.Arrival("a" * 40, "maildir:mail", "INBOX", False, now, raw)
    room.database.write(lambda connection: inbox.store_arrival(connection, arrival))
    room.database.write(lambda connection: inbox.park(connection, 1, f"why {HOSTILE}", now))
    (tmp_path / "hostile.txt").write_text(f"{HOSTILE}\n@{HOSTILE}\nlu@gone.test\n")
    (tmp_path / "hostile.csv").write_text(f"email,{HOSTILE}\n{HOSTILE},x\n")
    (tmp_path / "sequences").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "sequences" / "x.yaml").write_text(f"title: x\n'{HOSTILE.replace(chr(27), '')}': 1\n")
    yield room
    room.close()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2])[:20].encode("ascii", "ignore"))
@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_prints_what_steers(words: tuple[str, ...], as_json: bool, hostile: MailRoom, run: Run) -> None:
    ran = run(*words, *(["--json"] if as_json else []))
    said = ran.out + ran.err
    assert said
    assert "Traceback" not in said
    assert not (STEERING - {"\n", "\t"}) & set(said)


def test_the_editor_s_file_is_its_owners_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sequencer.cli.editor import edit

    script, seen = tmp_path / "editor.sh", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\nstat -c "%a %n" "$1" > {seen}\necho "Subject: x\n\nmine" > "$1"\n')
    script.write_text(script.read_text() + 'touch -d "+1 minute" "$1"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)
    written = edit("$(touch owned) `touch owned`; x", "text", "")
    mode, _, name = seen.read_text().strip().partition(" ")
    assert (written.body, mode) == ("mine\n", "600")
    assert not Path(name).exists()
    assert not (tmp_path / "owned").exists()


def test_init_leaves_the_installation_to_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = typing(monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    assert run("init", "outreach").code == 0
    folder = tmp_path / "outreach"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.glob("*.*"))}
    assert modes["outreach"] == 0o700
    assert modes["config.toml"] == modes["sequencer.db"] == 0o600


@pytest.mark.parametrize("words", [("why", "\udcff\udcfe@acme.test"), ("enroll", "three", "--email", "\udcff")])
def test_bytes_that_are_no_text_are_refused_in_a_line(words: tuple[str, ...], hostile: MailRoom, run: Run) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert ran.err.startswith("sequencer: ")


@pytest.mark.parametrize("word", ["--all", "-x@acme.test", "a;rm -rf /@acme.test", "$(id)@acme.test", "|id@acme.test"])
def test_an_address_that_looks_like_an_option_or_a_command_is_an_address(
    word: str, hostile: MailRoom, run: Run, world: World
) -> None:
    ran = run("why", "--", word)
    assert ran.code == 2
    assert word in ran.err
