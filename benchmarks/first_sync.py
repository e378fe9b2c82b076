"""How long the first look at a full inbox takes, and how much memory, on a real Dovecot.

    python -m benchmarks.first_sync [--messages 20000] [--kill]

Needs Debian's dovecot-imapd and root, and a checkout (the server is the tests'). One mail in a hundred is ours; the
rest are strangers', whose bodies stay where they are. `read` is the child whose memory is measured: the product's own
services on SQLite with synchronous=FULL. Meanwhile a small write is made ten times a second, as sends make them: how
long it waits is told. `--kill`: the child is killed (SIGKILL) half-way and another goes on.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Connection, func, select

from sequencer.app import make_services, open_app, real_doors
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.core.people import Address, Prospect
from sequencer.store import people
from sequencer.store.database import Database
from sequencer.store.tables import INBOUND, NOT_OURS

OURS_EVERY, PEOPLE, BODY_LINES = 100, 50, 80
WRITE_EVERY_S = 0.1
SETTLED = "SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM not_ours)"
USER, PASSWORD = "ana@example.test", "secret"
CONFIG = """
[[reps]]
name = "ana"
email = "{user}"
timezone = "UTC"
[[mailboxes]]
address = "{user}"
rep = "ana"
timezone = "UTC"
smtp = {{ host = "127.0.0.1", port = 25, security = "none" }}
imap = {{ host = "127.0.0.1", port = {port}, security = "none", username = "{user}", password = "env:ANA_PW" }}
"""


def measure(messages: int, *, kill: bool) -> None:
    from tests.integration.mail_servers import dovecot

    with dovecot({USER: PASSWORD}) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(server.folder / "mail" / USER, messages)
        (folder / "config.toml").write_text(CONFIG.format(user=USER, port=server.imap_port))
        command = [sys.executable, "-m", "benchmarks.first_sync", "read", "--dir", str(folder)]
        environment = {**os.environ, "ANA_PW": PASSWORD}
        if kill:
            half = killed_half_way(command, environment, folder, messages // 2)
            sys.stdout.write(f"killed after {half} messages\n")
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    messages -= found["before"]
    sys.stdout.write(f"{messages} messages in {found['seconds']:.1f} s: {messages / found['seconds']:.0f}/s\n")
    sys.stdout.write(f"{found['kept']} kept, {found['passed']} passed by; {found['rss_mb']:.0f} MB at most\n")
    sys.stdout.write(f"a write meanwhile: {found['write_ms']:.0f} ms, {found['write_ms_max']:.0f} ms at most; ")
    sys.stdout.write(f"the loop stood still for {found['still_ms_max']:.0f} ms at most\n")
    sys.stdout.write(f"a second look, when all is known: {found['again_s']:.2f} s\n")


def killed_half_way(command: list[str], environment: dict[str, str], folder: Path, messages: int) -> int:
    """How many messages were settled when the child died."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while (settled := settled_in(folder)) < messages and child.poll() is None:
        time.sleep(0.2)
    child.kill()
    child.wait()
    return settled


def settled_in(folder: Path) -> int:
    found = list(folder.glob("*.db"))
    if not found:
        return 0
    with sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True) as database:
        try:
            return int(database.execute(SETTLED).fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0


def fill(maildir: Path, messages: int) -> None:
    """Lay the mail down as Dovecot would, half a minute apart, the newest today."""
    from tests.integration.mail_servers import MAIL_UID

    now = time.time()
    for place in (maildir, *(maildir / part for part in ("cur", "new", "tmp"))):
        place.mkdir(exist_ok=True)
        os.chown(place, MAIL_UID, MAIL_UID)
    text = "\r\n".join(f"line {number} of a mail as people write them" for number in range(BODY_LINES))
    for number in range(messages):
        sender = f"p{number % PEOPLE}@acme.test" if number % OURS_EVERY == 0 else f"s{number}@stranger.test"
        head = f"From: {sender}\r\nTo: {USER}\r\nSubject: mail {number}\r\nMessage-ID: <{number}@stranger.test>\r\n"
        path = maildir / "cur" / f"{1_700_000_000 + number}.M{number}.host:2,S"
        path.write_text(f"{head}\r\n{text}\r\n")
        os.chown(path, MAIL_UID, MAIL_UID)
        arrived = now - (messages - number) * 30
        os.utime(path, (arrived, arrived))


async def read(folder: Path) -> None:
    clock = SystemClock()
    app = open_app(load(folder / "config.toml"))

    def add(connection: Connection) -> None:
        for number in range(PEOPLE):
            prospect = Prospect(0, (Address(f"p{number}@acme.test"),), {}, None, "UTC", "file")
            people.add_prospect(connection, prospect, clock.now())

    before = settled_in(folder)
    if not before:
        app.database.write(add)
    services = make_services(app, clock, real_doors(app.config, clock), "benchmark", timedelta(seconds=20))
    took = []
    stop = asyncio.Event()
    meanwhile = asyncio.create_task(write_until(stop, app.database))
    for _ in range(2):
        began = time.monotonic()
        await services.ingest.sync(clock.now())
        took.append(time.monotonic() - began)
    stop.set()
    waits, still = await meanwhile
    await services.ingest.stop()
    kept, passed = app.database.read(
        lambda connection: [connection.scalar(select(func.count()).select_from(table)) for table in (INBOUND, NOT_OURS)]
    )
    app.close()
    rss_mb = peak_kb() / 1024
    found = {
        "seconds": took[0], "again_s": took[1], "kept": kept, "passed": passed, "rss_mb": rss_mb, "before": before,
        "write_ms": 1000 * statistics.median(waits), "write_ms_max": 1000 * max(waits), "still_ms_max": 1000 * still,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


def peak_kb() -> int:
    """The most memory this program held (proc(5), VmHWM); getrusage would count whoever started it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


async def write_until(stop: asyncio.Event, database: Database) -> tuple[list[float], float]:
    """How many seconds each write waited for its turn, and how long the loop stood still at most."""
    waits, beats = [], [time.monotonic()]
    while not stop.is_set():
        began = time.monotonic()
        await database.awrite(lambda connection: None, urgent=True)
        waits.append(time.monotonic() - began)
        for _ in range(10):
            await asyncio.sleep(WRITE_EVERY_S / 10)
            beats.append(time.monotonic())
    return waits, max(later - earlier for earlier, later in pairwise(beats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=["measure", "read"], default="measure")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--dir", type=Path)
    asked = parser.parse_args()
    if asked.command == "read":
        asyncio.run(read(asked.dir))
    else:
        measure(asked.messages, kill=asked.kill)


if __name__ == "__main__":
    main()
