"""How long the first look at a full inbox takes, and how much memory, on a real Dovecot.

    python -m benchmarks.first_sync [--messages 20000]

Needs Debian's dovecot-imapd and root, and a checkout (the server is the tests'). One mail in a hundred is ours; the
rest are strangers', whose bodies stay where they are. `read` is the child whose memory is measured: the product's own
services on SQLite with synchronous=FULL.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from sequencer.app import make_services, open_app, real_doors
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.core.people import Address, Prospect
from sequencer.store import people
from sequencer.store.tables import INBOUND, NOT_OURS

OURS_EVERY, PEOPLE, BODY_LINES = 100, 50, 80
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


def measure(messages: int) -> None:
    from tests.integration.mail_servers import dovecot

    with dovecot({USER: PASSWORD}) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(server.folder / "mail" / USER, messages)
        (folder / "config.toml").write_text(CONFIG.format(user=USER, port=server.imap_port))
        command = [sys.executable, "-m", "benchmarks.first_sync", "read", "--dir", str(folder)]
        done = subprocess.run(
            command, env={**os.environ, "ANA_PW": PASSWORD}, check=True, capture_output=True, text=True
        )
    found = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{messages} messages in {found['seconds']:.1f} s: {messages / found['seconds']:.0f}/s\n")
    sys.stdout.write(f"{found['kept']} kept, {found['passed']} passed by; {found['rss_mb']:.0f} MB at most\n")
    sys.stdout.write(f"a second look, when all is known: {found['again_s']:.2f} s\n")


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

    app.database.write(add)
    services = make_services(app, clock, real_doors(app.config, clock), "benchmark", timedelta(seconds=20))
    took = []
    for _ in range(2):
        began = time.monotonic()
        await services.ingest.sync(clock.now())
        took.append(time.monotonic() - began)
    await services.ingest.stop()
    kept, passed = app.database.read(
        lambda connection: [connection.scalar(select(func.count()).select_from(table)) for table in (INBOUND, NOT_OURS)]
    )
    app.close()
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": took[0], "again_s": took[1], "kept": kept, "passed": passed, "rss_mb": rss_mb}
    sys.stdout.write(json.dumps(found) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=["measure", "read"], default="measure")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--dir", type=Path)
    asked = parser.parse_args()
    if asked.command == "read":
        asyncio.run(read(asked.dir))
    else:
        measure(asked.messages)


if __name__ == "__main__":
    main()
