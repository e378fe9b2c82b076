"""While a daemon sends at speed, hostile templates, people and mail arrive: each is refused or held, and it sends on.

A real daemon, a real SMTP server, the real command line beside it. What a refusal costs is counted in CPU time of the
command, and the daemon tells how late its event loop was, so that a busy machine changes little.
"""

import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sequencer.clock import SystemClock
from sequencer.store.tables import INBOUND, NOT_OURS
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World
from tests.integration.mail_room import mail

PEOPLE = 400
REFUSED_CPU_S_MAX = 2.0
LAG_MS_MAX = 100
WAIT_S_MAX = 60.0
TEMPLATES = {
    "escape.md": "Subject: Hi\n\n{{ ''.__class__.__mro__[1].__subclasses__() }}\n",
    "power.md": "Subject: Hi\n\n{{ 9 ** 9 ** 9 }}\n",
    "loop.md": "Subject: Hi\n\n{% for a in range(10 ** 9) %}x{% endfor %}\n",
    "digits.md": "Subject: Hi\n\n{{ 9" + "9" * 5_000 + " }}\n",
    "circle.md": "Subject: Hi\n\n{% include 'circle.md' %}\n",
    "away.md": "Subject: Hi\n\n{% include '../config.toml' %}\n",
}
PEOPLE_FILES = {
    "long.csv": b"email\n" + b"x" * 30_000_000,
    "columns.csv": b",".join(b"c%d" % number for number in range(10_000)) + b"\nx\n",
    "nul.csv": b"email,first_name\njo@acme.test,J\x00o\n",
    "header.csv": b'email,first_name\njo@acme.test,"Jo\r\nBcc: all@acme.test"\n',
    "formula.csv": b"email,first_name\njo@acme.test,=cmd|' /C calc'!A0\n",
    "quotes.csv": b"email,first_name\n" + b'jo@acme.test,"open\n' * 50_000,
}
BOMBS = {
    "nested": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000)),
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000,
    "line": b"\r\nOn a " + b"a " * 8_000 + b"wrote:\r\n> x\r\n",
    "header": b"X-Long: " + b"a " * 100_000 + b"\r\n\r\nx\r\n",
    "html": b"Content-Type: text/html\r\n\r\n" + b"<div><blockquote>" * 50_000,
    "encoded": b"Subject: " + b"=?utf-8?Q?a?= " * 5_000 + b"\r\n\r\nx\r\n",
}


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    for folder in ("mail/cur", "mail/new", "mail/tmp", "sequences", "templates"):
        (tmp_path / folder).mkdir(parents=True)
    house = Installation(tmp_path, world.port, connections=4, config=ALWAYS_OPEN, clock=HandClock(SystemClock().now()))
    house.apply()
    for number in range(PEOPLE):
        house.enroll(house.person(f"p{number}@acme{number}.test"))
    yield house
    house.close()


def command(house: Installation, *words: str) -> list[str]:
    return [sys.executable, "-m", "sequencer", "--config", str(house.folder / "config.toml"), *words]


def refused_cpu_s(house: Installation, *words: str) -> float:
    """Type a command that must be refused cleanly; how much CPU time it took beyond what it takes to start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        command(house, *words), cwd=house.folder, capture_output=True, text=True, timeout=WAIT_S_MAX, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ran.returncode in (1, 2), (words, ran.stdout, ran.stderr)
    assert "Traceback" not in ran.stderr, ran.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wait_until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not ready():
        assert time.monotonic() < deadline, f"{what} took longer than {WAIT_S_MAX} s"
        time.sleep(0.05)


def bombs_read(house: Installation) -> int:
    """How many were read to their end: taken for something, parked, or found not to be ours."""
    ours = select(func.count()).select_from(INBOUND).where(INBOUND.c.state.in_(("projected", "parked")))
    others = select(func.count()).select_from(NOT_OURS)
    return house.database.read(lambda connection: (connection.scalar(ours) or 0) + (connection.scalar(others) or 0))


def attack(house: Installation) -> dict[str, float]:
    """All of it, one after the other; CPU seconds of each refusal."""
    for number, (name, tail) in enumerate(BOMBS.items()):
        head = mail("", sender="p1@acme1.test", subject=name, number=number).partition("\n\n")[0]
        content = head.replace("\n", "\r\n").encode() + b"\r\n" + tail
        (house.folder / "mail" / "new" / f"1.{name}").write_bytes(content)
    for name, text in TEMPLATES.items():
        (house.folder / "templates" / name).write_text(text)
        sequence = f"title: Hostile\nsteps:\n  - id: intro\n    email: {name}\n"
        (house.folder / "sequences" / f"{name.removesuffix('.md')}.yaml").write_text(sequence)
    (house.folder / "sequences" / "keys.yaml").write_text("\n".join(f"k{number}: 1" for number in range(5_000)))
    took = {"check": refused_cpu_s(house, "check"), "apply": refused_cpu_s(house, "apply", "escape", "--as", "ana")}
    for name, content in PEOPLE_FILES.items():
        (house.folder / name).write_bytes(content)
        took[f"import {name}"] = refused_cpu_s(house, "import", name)
    return took


def test_each_attack_is_refused_or_held_while_the_daemon_sends_on(house: Installation, world: World) -> None:
    with (house.folder / "daemon.log").open("w") as log:
        daemon = subprocess.Popen(command(house, "daemon", "--verbose"), stdout=log, stderr=log)
    try:
        wait_until(lambda: len(world.accepted) > 0, "the first mail")
        first = len(world.accepted)
        took = attack(house)
        wait_until(lambda: len(world.accepted) == PEOPLE, "sending to all")
        wait_until(lambda: bombs_read(house) >= len(BOMBS), "reading the bombs")
    finally:
        daemon.send_signal(signal.SIGTERM)
        ended = daemon.wait(WAIT_S_MAX)
    said = (house.folder / "daemon.log").read_text()
    assert ended == 0, said[-2000:]
    late = re.search(r"event loop late by p50 (\d+), p95 (\d+), p99 (\d+), at most (\d+) ms", said)
    assert late, said[-2000:]
    slowest = max(took, key=lambda name: took[name])
    figures = f"slowest: {slowest} {took[slowest]:.2f} s CPU; {late[0]}; {first} of {PEOPLE} sent before"
    print(figures)  # noqa: T201  what a release is judged by
    assert first < PEOPLE
    assert took[slowest] < REFUSED_CPU_S_MAX + took["import nul.csv"], took
    assert int(late[2]) < LAG_MS_MAX
    assert len({recipient for recipient, _ in world.accepted}) == PEOPLE
