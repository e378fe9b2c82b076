"""Secrets at the moment of use: what a reference gives, what it says when it cannot, and how long a token is kept."""

import os
import threading
import time
from pathlib import Path

import pytest

from sequencer import secret
from sequencer.errors import ConfigError
from sequencer.secret import TOKEN_S_MAX, Tokens, read_secret


def test_a_variable_a_file_and_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANA_PW", "from the variable")
    file = tmp_path / "password"
    file.write_text("from the file\n")
    file.chmod(0o400)
    assert read_secret("env:ANA_PW") == "from the variable"
    assert read_secret(f"file:{file}") == "from the file"
    assert read_secret("cmd:printf 'one two' | tr o 0") == "0ne tw0"  # a shell runs it, as mutt and msmtp do


REFUSALS: list[tuple[str, str]] = [
    # the reference, what is said of it
    ("env:NO_SUCH_NAME", "env:NO_SUCH_NAME: expected an environment variable"),
    ("file:/nowhere/at/all", "file:/nowhere/at/all: expected a readable file"),
    ("cmd:exit 3", "found exit 3"),
    ("cmd:echo first >&2; echo 'invalid_grant: log in again' >&2; exit 1", "found exit 1: invalid_grant: log in again"),
    ("cmd:echo canary; echo 'cannot use canary' >&2; exit 1", "found exit 1: cannot use ***"),
    ("cmd:printf 'red \\033[31m' >&2; exit 1", "found exit 1: red [31m"),  # nothing that moves a terminal
    ("literal", "expected a reference"),
]


@pytest.mark.parametrize(("reference", "said"), REFUSALS)
def test_what_cannot_be_had_is_told(reference: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_secret(reference)
    assert said in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o700])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(f"file:{file}")


def test_a_link_is_followed_and_its_target_counts(tmp_path: Path) -> None:
    file, link = tmp_path / "password", tmp_path / "link"
    file.write_text("secret")
    link.symlink_to(file)
    file.chmod(0o600)
    assert read_secret(f"file:{link}") == "secret"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(f"file:{link}")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o600)
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigError, match="file:"):
            read_secret(f"file:{tmp_path / name}")


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, 65_534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    with pytest.raises(ConfigError, match="a file of ours or of root"):
        read_secret(f"file:{file}")


def test_bytes_that_are_no_text_are_refused_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"canary\xff\xfe")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="text in UTF-8") as raised:
        read_secret(f"file:{file}")
    assert raised.value.__suppress_context__
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("command", ["sleep 60", "sleep 60 | cat", "sleep 60 & echo token", "read answer; sleep 60"])
def test_a_command_that_hangs_is_ended_with_what_it_started(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "COMMAND_S_MAX", 0.2)
    began = time.monotonic()
    with pytest.raises(ConfigError, match="an answer within"):
        read_secret(f"cmd:{command}")
    assert time.monotonic() - began < 20


class Printer:
    """A command that prints another token each time."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, reference: str) -> str:
        self.runs += 1
        return f"token {self.runs}"


def test_what_a_command_printed_serves_several_logins() -> None:
    now = [0.0]
    printer = Printer()
    tokens = Tokens(printer, lambda: now[0])
    assert [tokens.of("cmd:x") for _ in range(3)] == ["token 1"] * 3
    now[0] = TOKEN_S_MAX
    assert tokens.of("cmd:x") == "token 2"


def test_a_refused_token_is_replaced_once_however_many_logins_it_failed() -> None:
    tokens = Tokens(Printer(), lambda: 0.0)
    first = tokens.of("cmd:x")
    assert [tokens.of("cmd:x", first) for _ in range(3)] == ["token 2"] * 3
    assert tokens.of("cmd:x") == "token 2"
    assert tokens.of("cmd:another") == "token 3"  # each reference has its own


@pytest.mark.parametrize("reference", ["file:PATH", "env:NAME"])
def test_a_file_or_variable_is_read_at_each_login(reference: str) -> None:
    tokens = Tokens(Printer(), lambda: 0.0)
    assert [tokens.of(reference), tokens.of(reference)] == ["token 1", "token 2"]


def test_no_token_is_no_login() -> None:
    with pytest.raises(ConfigError, match="an access token"):
        Tokens(lambda reference: "", lambda: 0.0).of("cmd:true")


def test_a_slow_command_holds_up_no_other_mailbox() -> None:
    asked, let_go = threading.Event(), threading.Event()

    def read(reference: str) -> str:
        if reference == "cmd:slow":
            asked.set()
            assert let_go.wait(30)
        return reference

    tokens = Tokens(read, lambda: 0.0)
    slow = threading.Thread(target=tokens.of, args=("cmd:slow",))
    slow.start()
    try:
        assert asked.wait(30)
        assert tokens.of("cmd:quick") == "cmd:quick"
    finally:
        let_go.set()
        slow.join(30)


def test_a_command_that_failed_is_run_again_at_the_next_login() -> None:
    failures = [ConfigError("cmd", "a command that ends with 0", "exit 1")]

    def read(reference: str) -> str:
        if failures:
            raise failures.pop()
        return "token"

    tokens = Tokens(read, lambda: 0.0)
    with pytest.raises(ConfigError, match="exit 1"):
        tokens.of("cmd:x")
    assert tokens.of("cmd:x") == "token"
