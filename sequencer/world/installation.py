"""The shipped example as a running installation: copied to a folder of its own, pointed at the simulated world.

The demo shows what a user gets, so it takes the example's own config, sequence, templates and people, and uses the
product's own importer and enroller. Only servers, inboxes and the number of people are changed, and one rep is away
for some days.
"""

import csv
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import zip_longest
from pathlib import Path

from sqlalchemy import Connection

from sequencer.app import KEY, App, example_folder, open_app
from sequencer.config import Config, load
from sequencer.content import people_csv
from sequencer.core.people import Prospect
from sequencer.engine import applying, enrolling
from sequencer.engine.importing import import_rows
from sequencer.errors import InputError
from sequencer.store import people, scopes
from sequencer.store.database import Database
from sequencer.store.migrate import migrate
from sequencer.world.chance import token

__all__ = ["REP", "SEQUENCE", "copy_example", "founded", "name_of", "populate"]

SEQUENCE = "vp-engineering"
REP = "ana"
LIST = "demo"
# While the follow-ups are due, and over before the world ends.
AWAY = """
[[away]]
rep = "ana"
from = 2026-12-16
to = 2026-12-18
cover = "bo"
"""


def copy_example(folder: Path, port: int, people_max: int) -> Config:
    """Copy the example into `folder`, with its mail going to `port` and its inboxes in `folder`/mail."""
    example = example_folder()
    for name in ("sequences", "templates"):
        shutil.copytree(example / name, folder / name)
    text = (example / "config.toml").read_text(encoding="utf-8")
    server = f'smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}'
    text = re.sub(r"^smtp = .*$", server, text, flags=re.MULTILINE)
    numbers = iter(range(1, 1000))
    text = re.sub(r"^imap = .*$", lambda _: f'maildir = "mail/{next(numbers)}"', text, flags=re.MULTILINE)
    (folder / "config.toml").write_text(text + AWAY, encoding="utf-8")
    table = folder / "sequences" / "people.csv"
    table.write_text(_some(table.read_text(encoding="utf-8"), people_max), encoding="utf-8")
    return load(folder / "config.toml")


def _some(table: str, people_max: int) -> str:
    """The first people of every zone in turn, so that a small world has many zones too."""
    rows = list(csv.DictReader(StringIO(table)))
    by_country: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_country.setdefault(row["timezone"] or row["country"], []).append(row)
    turns = [row for turn in zip_longest(*by_country.values()) for row in turn if row is not None]
    if people_max > len(rows):
        raise InputError(f"the example has {len(rows)} people: --people {len(rows)} at most")
    written = StringIO()
    writer = csv.DictWriter(written, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(turns[:people_max])
    return written.getvalue()


def founded(config: Config, seed: int) -> App:
    """Open the installation under a key that the seed fixes, so that two runs write the same Message-IDs."""
    migrate(config.database_url)
    database = Database(config.database_url)
    key = token(seed, "key") + token(seed, "and its other half")
    database.write(lambda connection: scopes.put_meta(connection, KEY, key))
    database.close()
    return open_app(config)


def populate(app: App, now: datetime) -> Sequence[Prospect]:
    """Apply the sequence, import the people, enrol them; returns those who were let in."""
    checked = applying.check(app.config)
    if checked.errors:
        raise InputError("\n".join(map(str, checked.errors)))
    app.database.write(lambda connection: applying.apply(connection, app.advance, checked.bundles, REP, now))
    rows = people_csv.read(app.config.sequences_folder / "people.csv")
    import_rows(app.database, app.advance, rows, list_name=LIST, now=now)

    def enroll(connection: Connection) -> Sequence[Prospect]:
        door = enrolling.open_door(connection, app.advance, SEQUENCE, REP, REP)
        members = people.list_members(connection, LIST)
        done = enrolling.enroll(connection, app.advance, door, members, now)
        return [seat.prospect for seat in done.enrolled]

    return app.database.write(enroll)


def name_of(fields: Mapping[str, object]) -> str:
    """First and last name."""
    return " ".join(_given(fields))


def _given(fields: Mapping[str, object]) -> Iterable[str]:
    return (str(fields[part]) for part in ("first_name", "last_name") if part in fields)
