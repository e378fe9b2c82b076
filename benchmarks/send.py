"""How fast the whole send is: `prepare` enrols people whose first step is due, `run` delivers them and ends.

    python benchmarks/send.py prepare --n 5000 --dir DIR
    python benchmarks/send.py run --dir DIR --smtp 127.0.0.1:2525

DIR/sample.py, when it is there, gives the templates and rows of the mail, so that peers send the same text. `run` is
the product's own daemon code on SQLite with synchronous=FULL: leases, admission, rendering, fence, outcome.
"""

import argparse
import asyncio
import importlib.util
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, func, select

from sequencer.app import Doors, make_services, open_app, real_doors
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.content.definition import from_stored
from sequencer.core.people import Address, Prospect
from sequencer.engine.enrolling import enroll, open_door
from sequencer.store import log, people, versions
from sequencer.store.tables import SENDS

CONNECTIONS = 80
ENROLLED_AT_ONCE = 200
CONFIG = """
[company]
name = "Example"
postal_address = "1 Example Street"
[policy]
window = "always"
domain_messages_per_day = 100000000
account_touches_per_day = 100000000
[windows.always]
mon-sun = ["00:00-24:00"]
[[reps]]
name = "jo"
email = "jo@example.com"
timezone = "UTC"
[[mailboxes]]
address = "jo@example.com"
display_name = "Jo Rep"
rep = "jo"
timezone = "UTC"
cap_per_day = 100000000
gap = {{ min = "0s", jitter = "0s" }}
connections = {connections}
smtp = {{ host = "{host}", port = {port}, security = "none" }}
"""
SEQUENCE = "title: Benchmark\nsettings:\n  holidays: none\nsteps:\n  - id: intro\n    email: intro.html\n"
SUBJECT = "{{ prospect.first_name }}, a quick idea for {{ prospect.company }}"
TEXT = """Hi {{ prospect.first_name }},

I noticed {{ prospect.company }} is growing in {{ prospect.city }} — congratulations. Teams like yours often lose
{{ prospect.hours|default(5) }} hours a week on manual follow-up.

Would {{ prospect.day }} at 10:00 work for a 15 minute call?
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare_command = commands.add_parser("prepare")
    prepare_command.add_argument("--n", type=int, required=True)
    prepare_command.add_argument("--dir", type=Path, required=True)
    run_command = commands.add_parser("run")
    run_command.add_argument("--dir", type=Path, required=True)
    run_command.add_argument("--smtp", required=True)
    arguments = parser.parse_args()
    if arguments.command == "prepare":
        prepare(arguments.dir, arguments.n)
    else:
        asyncio.run(run(arguments.dir, arguments.smtp))


def prepare(folder: Path, n: int) -> None:
    """A database with `n` people, enrolled as the product enrols them, whose first step is due."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_config(folder, "127.0.0.1", 25)
    app = open_app(load(folder / "config.toml"))
    now = datetime.now(UTC)
    files = {"intro.html": f"Subject: {_subject(folder)}\n\n{_html(folder)}"}
    digest = from_stored("benchmark", SEQUENCE, files).digest
    stored = versions.StoredVersion("benchmark", 1, digest, SEQUENCE, files, now, "jo")
    app.database.write(lambda connection: versions.add_version(connection, stored))
    rows = _rows(folder, n)
    door = app.database.read(lambda connection: open_door(connection, app.advance, "benchmark", "jo", "person:jo"))
    for start in range(0, n, ENROLLED_AT_ONCE):
        part = rows[start : start + ENROLLED_AT_ONCE]

        def add(connection: Connection, part: list[dict[str, Any]] = part) -> None:
            known = [
                people.add_prospect(connection, Prospect(0, (Address(row.pop("email")),), row, None, "UTC"), now)
                for row in part
            ]
            refused = enroll(connection, app.advance, door, known, now).refused
            assert not refused, refused

        app.database.write(add)
    app.close()


async def run(folder: Path, smtp: str) -> None:
    """Deliver everything that is due, then end."""
    host, _, port = smtp.rpartition(":")
    _write_config(folder, host, int(port))
    clock = SystemClock()
    app = open_app(load(folder / "config.toml"))
    doors: Doors = real_doors(app.config, clock)
    services = make_services(app, clock, doors, "benchmark")
    while True:
        await services.dispatch.run_once(clock.now())
        advanced = await services.advance.run_once(clock.now())
        if services.dispatch.at_work:
            await asyncio.wait(services.dispatch.at_work, timeout=0.2)
        if not advanced and not await app.database.aread(_left):
            break
    await services.dispatch.stop()
    app.close()


def _left(connection: Connection) -> int:
    queued = connection.scalar(select(func.count()).select_from(SENDS).where(SENDS.c.state.in_(("queued", "sending"))))
    return int(queued or 0) + len(log.due(connection, datetime.now(UTC), 1))


def _write_config(folder: Path, host: str, port: int) -> None:
    (folder / "config.toml").write_text(CONFIG.format(connections=CONNECTIONS, host=host, port=port))


def _sample(folder: Path) -> ModuleType | None:
    path = folder / "sample.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


LOOP = re.compile(r"\{% for p in points %\}(.*?)\{% endfor %\}", re.DOTALL)
NAMES = re.compile(r"(?<![.\w])(first_name|company|hiring|city|hours|industry|day|sender|unsub|point_\d)\b")


def _translated(text: str) -> str:
    """The peers' template as ours: `{{ first_name }}` is `{{ prospect.first_name }}`, their loop is written out."""
    unrolled = LOOP.sub(
        lambda loop: "".join(loop[1].replace("{{ p }}", f"{{{{ point_{n} }}}}") for n in range(3)), text
    )
    return re.sub(r"\{[{%].*?[%}]\}", lambda tag: NAMES.sub(r"prospect.\1", tag[0]), unrolled)


def _subject(folder: Path) -> str:
    sample = _sample(folder)
    return _translated(sample.SUBJECT) if sample else SUBJECT


def _html(folder: Path) -> str:
    sample = _sample(folder)
    if sample is None:
        return "<html><body><p>" + TEXT.replace("\n\n", "</p><p>") + "</p></body></html>"
    return _translated(sample.HTML)


def _rows(folder: Path, n: int) -> list[dict[str, Any]]:
    sample = _sample(folder)
    if sample:
        return [_flat(sample.row(i)) for i in range(n)]
    return [
        {
            "email": f"p{i}@example.org",
            "first_name": f"Zoë{i}",
            "company": f"Acme {i}",
            "city": "Köln",
            "day": "Tuesday",
        }
        for i in range(n)
    ]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    points = row.pop("points")
    return {**row, **{f"point_{n}": point for n, point in enumerate(points)}}


if __name__ == "__main__":
    main()
