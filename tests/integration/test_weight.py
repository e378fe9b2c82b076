"""What an idle daemon weighs, and what it and a command that reads rows leave unloaded.

Sizes and module names, no timings: a machine that is slow does not fail here.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sequencer.clock import SystemClock
from tests.integration.typed import typed_in

NOBODY_ENROLLED_KB_MAX = 80_000
FOUR_COUNTRIES_KB_MAX = 84_000  # the first calendar of holidays takes several MB
FOUR_COUNTRIES = {"germany", "india", "spain", "united_states"}  # of the sample people
SETTLED_S, SETTLED_S_MAX = 3.0, 60.0
# Compiled modules are kept, as an installed program has them: compiling takes memory of its own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT |= {"ANA_PW": "-", "BO_PW": "-", "SEQUENCER_REP": "ana"}
TELLS_WHAT_IT_LOADED = (
    "import atexit, json, sys\n"
    "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
    "from sequencer.cli import main\n"
    "main()\n"
)
FOR_OTHERS = ("alembic", "email_validator", "phonenumbers", "sqlalchemy.dialects.postgresql")
FOR_TEXTS = ("jinja2", "markdown_it", "sequencer.content.render")
FOR_MAIL = ("aiosmtplib", "imapclient", "sequencer.mail.classify")
FOR_A_TERMINAL = ("rich",)
FOR_THE_DAEMON = ("apscheduler", "sequencer.engine.ingest")


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", TELLS_WHAT_IT_LOADED, *words], cwd=folder, env=ENVIRONMENT,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def loaded(started: "subprocess.Popen[str]") -> set[str]:
    """The modules that it had loaded when it ended."""
    _, said = started.communicate(timeout=60)
    assert started.returncode == 0, said
    return set(json.loads(said.splitlines()[-1]))


@pytest.fixture(scope="module")
def outreach(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped example with its 40 people enrolled; their first mails wait for a day that is not near."""
    folder = tmp_path_factory.mktemp("outreach")
    assert typed_in(folder, "init").code == 0
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(SystemClock().now().weekday() + 3) % 7]
    config = folder / "config.toml"
    config.write_text(re.sub(r"(?m)^mon-fri = .*$", f'{day} = ["10:00-11:00"]', config.read_text()))
    assert typed_in(folder, "apply", "--as", "ana").code == 0
    assert typed_in(folder, "import", "sequences/people.csv", "--list", "first").code == 0
    loaded(start(folder, "enroll", "vp-engineering", "--list", "first"))  # compiles the holidays of its people
    return folder


def resident_kb(number: int) -> int:
    """What the operating system counts as this program's memory (proc(5), VmRSS)."""
    status = Path(f"/proc/{number}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def settled_kb(number: int) -> int:
    """The same, once it has not grown by a percent for SETTLED_S."""
    give_up = time.monotonic() + SETTLED_S_MAX
    size, since = 0, time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        assert time.monotonic() < give_up
        if (now := resident_kb(number)) > size * 1.01:
            size, since = now, time.monotonic()
        time.sleep(0.1)
    return resident_kb(number)


def wrongly(modules: set[str], *groups: Sequence[str]) -> set[str]:
    return modules & {name for group in groups for name in group}


def idle_daemon(folder: Path) -> tuple[int, set[str]]:
    """How many kB it takes, and the modules that it loads."""
    daemon = start(folder, "daemon")
    try:
        size = settled_kb(daemon.pid)
    finally:
        daemon.send_signal(signal.SIGTERM)
        modules = loaded(daemon)
    return size, modules


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_an_idle_daemon_is_small(tmp_path: Path, outreach: Path) -> None:
    assert typed_in(tmp_path, "init").code == 0
    idle_daemon(tmp_path)  # compiles what nobody has loaded yet
    size, _ = idle_daemon(tmp_path)
    assert size < NOBODY_ENROLLED_KB_MAX
    size, modules = idle_daemon(outreach)
    countries = {name.rpartition(".")[2] for name in modules if name.startswith("holidays.countries.")}
    assert countries == FOUR_COUNTRIES
    assert not wrongly(modules, FOR_OTHERS, FOR_TEXTS, FOR_A_TERMINAL, ["sequencer.mail.classify"])
    assert size < FOUR_COUNTRIES_KB_MAX


@pytest.mark.parametrize(
    "words", [("tasks",), ("timeline", "lucia.ferrer@brisapagos.test")], ids=lambda words: words[0]
)
def test_a_command_that_reads_rows_loads_no_more_than_that(outreach: Path, words: tuple[str, ...]) -> None:
    modules = loaded(start(outreach, *words))
    assert not wrongly(modules, FOR_OTHERS, FOR_TEXTS, FOR_MAIL, FOR_THE_DAEMON, ["holidays"])


def test_classify_loads_what_reads_mail_and_neither_engine_nor_database(tmp_path: Path) -> None:
    (tmp_path / "answer.eml").write_bytes(b"From: Jo <jo@acme.test>\r\nSubject: Re: Hello\r\n\r\nTell me more.\r\n")
    modules = loaded(start(tmp_path, "classify", "answer.eml"))
    assert not wrongly(modules, FOR_OTHERS, FOR_TEXTS, FOR_A_TERMINAL, FOR_THE_DAEMON, ["sqlalchemy", "pydantic"])


def test_status_reads_templates_and_lays_none_out(outreach: Path) -> None:
    modules = loaded(start(outreach, "status"))
    assert not wrongly(modules, FOR_OTHERS, FOR_MAIL, FOR_THE_DAEMON, ["holidays", "markdown_it"])


def test_why_asks_the_countries_of_those_who_wait_in_the_same_line(outreach: Path) -> None:
    modules = loaded(start(outreach, "why", "lucia.ferrer@brisapagos.test"))
    asked = {name.rpartition(".")[2] for name in modules if name.startswith("holidays.countries.")}
    assert "spain" in asked
    assert asked <= FOUR_COUNTRIES
    assert not wrongly(modules, FOR_OTHERS, FOR_MAIL, FOR_THE_DAEMON)
