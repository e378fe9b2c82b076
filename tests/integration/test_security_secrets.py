"""A canary in each place that a password may come from is seen by the server alone: in no log, error, dump or list."""

import base64
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from sequencer.clock import SystemClock
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation
from tests.integration.mail_servers import free_ports
from tests.integration.typed import typed_in

WAIT_S_MAX = 60.0
CANARIES = {place: f"canary-{place}-5f3c9e" for place in ("env", "file", "cmd")}
MAILBOX = """
[[mailboxes]]
address = "{place}@ourco.test"
rep = "ana"
timezone = "UTC"
gap = {{ min = "0s", jitter = "0s" }}
smtp = {{ host = "127.0.0.1", port = {port}, security = "none", username = "{place}", password = "{reference}" }}
maildir = "mail"
"""


class Refusing:
    """An SMTP server that takes no login and remembers the passwords it heard."""

    def __init__(self) -> None:
        self.heard: set[str] = set()
        (self.port,) = free_ports(1)
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, auth_require_tls=False, authenticator=self._authenticate
        )

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        self.heard.add(login.password.decode())
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 wrong: {login.password.decode()}")

    def __enter__(self) -> "Refusing":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


@pytest.fixture
def server() -> Iterator[Refusing]:
    with Refusing() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, server: Refusing) -> Iterator[Installation]:
    for folder in ("mail/cur", "mail/new", "mail/tmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "password").write_text(CANARIES["file"])
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "keyring").write_text(f"#!/bin/sh\necho {CANARIES['cmd']}\necho {CANARIES['cmd']} >&2\n")
    references = {
        "env": "env:CANARY_PW", "file": f"file:{tmp_path / 'password'}", "cmd": f"cmd:sh {tmp_path / 'keyring'}",
    }  # fmt: skip
    boxes = "".join(
        MAILBOX.format(place=place, port=server.port, reference=reference).replace("{", "{{").replace("}", "}}")
        for place, reference in references.items()
    )
    house = Installation(tmp_path, server.port, config=ALWAYS_OPEN + boxes, clock=HandClock(SystemClock().now()))
    house.apply()
    for place in CANARIES:
        house.enroll(house.person(f"jo@{place}.test"), mailbox=f"{place}@ourco.test")
    yield house
    house.close()


def shapes(canary: str) -> list[str]:
    """The secret, and how it looks in a login (RFC 4616, RFC 4954)."""
    place = canary.split("-")[1]
    logins = (canary, f"\0{place}\0{canary}")
    return [canary, *(base64.b64encode(login.encode()).decode().rstrip("=") for login in logins)]


def wait_until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not ready():
        assert time.monotonic() < deadline, f"{what} took longer than {WAIT_S_MAX} s"
        time.sleep(0.05)


def test_a_password_is_seen_by_its_server_alone(
    house: Installation, server: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_PW", CANARIES["env"])
    command = [sys.executable, "-m", "sequencer", "--config", str(house.folder / "config.toml"), "daemon", "--verbose"]
    shown: dict[str, str] = {}
    log = house.folder / "daemon.log"
    with log.open("w") as stream:
        daemon = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        wait_until(lambda: server.heard == set(CANARIES.values()), "three logins")
        wait_until(lambda: log.read_text().count("cannot send") >= len(CANARIES), "their refusals")
        process = Path(f"/proc/{daemon.pid}")
        shown["cmdline"] = process.joinpath("cmdline").read_text()
        variables = process.joinpath("environ").read_text().split("\0")
        shown["environ"] = "\n".join(line for line in variables if not line.startswith("CANARY_PW="))
        for words in (("doctor", "--skip-network"), ("doctor", "--skip-network", "--json"), ("status",),
                      ("status", "--json"), ("why", "jo@cmd.test"), ("why", "jo@file.test", "--json"),
                      ("timeline", "jo@env.test")):  # fmt: skip
            ran = typed_in(house.folder, *words)
            shown[" ".join(words)] = ran.out + ran.err
            assert "Traceback" not in ran.err
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(WAIT_S_MAX)
    shown["log"] = log.read_text()
    with sqlite3.connect(house.folder / "sequencer.db") as database:
        shown["dump"] = "\n".join(database.iterdump())
    for file in house.folder.glob("sequencer.db*"):
        shown[file.name] = file.read_bytes().decode("latin-1")
    assert "5.7.8" in shown["log"]
    found = [(where, shape) for where, text in shown.items() for each in CANARIES.values() for shape in shapes(each)
             if shape in text]  # fmt: skip
    assert not found
