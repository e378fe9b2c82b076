"""A small installation on disk, for the tests of what people do before anything is sent: two reps, three mailboxes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from sqlalchemy import select

from sequencer.config import load
from sequencer.content.people_csv import read
from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.people import Prospect
from sequencer.engine.advance import Advance
from sequencer.engine.applying import Change, apply, check
from sequencer.engine.catalog import Catalog
from sequencer.engine.enrolling import NO_STARTS, Enrolment, Start, admit, enroll, open_door
from sequencer.engine.importing import Report, import_rows
from sequencer.engine.rehearsal import Rehearsal, rehearse
from sequencer.engine.situation import Surroundings
from sequencer.store import log, people
from sequencer.store.columns import Table
from tests.fresh import fresh_database, named, open_database

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

CONFIG = """
[company]
postal_address = "1 Example Street, 28001 Madrid, Spain"
own_domains = ["ourco.test"]
[windows.business_hours]
mon-fri = ["08:30-17:00"]
[[reps]]
name = "ana"
email = "ana@home.test"
timezone = "UTC"
[[reps]]
name = "bo"
email = "bo@ourco.test"
timezone = "UTC"
[[reps]]
name = "cy"
email = "cy@ourco.test"
timezone = "UTC"
[[mailboxes]]
address = "ana@ourco.test"
rep = "ana"
timezone = "UTC"
cap_per_day = 4
smtp = { host = "127.0.0.1", port = 25, security = "none" }
maildir = "mail"
[[mailboxes]]
address = "ana@ourco-mail.test"
rep = "ana"
timezone = "UTC"
cap_per_day = 2
smtp = { host = "127.0.0.1", port = 25, security = "none" }
maildir = "mail"
[[mailboxes]]
address = "bo@ourco.test"
rep = "bo"
timezone = "UTC"
smtp = { host = "127.0.0.1", port = 25, security = "none" }
"""

SEQUENCE = """
title: Three touches
steps:
  - id: intro
    email: intro.md
  - id: ring
    wait: 2bd
    call: ring.md
  - id: known
    branch: linkedin_connected
    within: 5bd
    then: bump
    else: bump
  - id: bump
    wait: 2bd
    email: bump.md
    reply_to: intro
"""
ONE_MAIL = "title: One mail\nsteps:\n  - id: only\n    email: intro.md\n"
CALLS = "title: Calls\nsettings: {exclusive: false}\nsteps:\n  - id: ring\n    call: ring.md\n"
TEMPLATES = {
    "intro.md": 'Subject: Hello\n\nHi {{ prospect.first_name }}{% include "proof.md" %}\n',
    "bump.md": "\nAny thoughts, {{ prospect.first_name }}?\n",
    "ring.md": "Ask {{ prospect.first_name }}\n",
    "proof.md": " (we are good)\n",
}


class Office:
    """The engine without its daemon; `now` stands still unless it is set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, MONDAY
        (folder / "sequences").mkdir()
        (folder / "templates").mkdir()
        url = fresh_database(folder)
        (folder / "config.toml").write_text(named(url, folder) + CONFIG)
        for name, text in TEMPLATES.items():
            (folder / "templates" / name).write_text(text)
        self.config = load(folder / "config.toml")
        self.database = open_database(url)
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))

    def close(self) -> None:
        self.database.close()

    def reconfigure(self, *changes: tuple[str, str]) -> None:
        """Replace texts of config.toml, as a daemon sees it that has read it again."""
        path = self.folder / "config.toml"
        for old, new in changes:
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
        self.config = load(path)
        self.advance = Advance(self.database, Surroundings(self.config, self.advance.around.catalog))

    def write(self, sequence_id: str, text: str) -> None:
        (self.folder / "sequences" / f"{sequence_id}.yaml").write_text(text)

    def template(self, name: str, text: str) -> None:
        (self.folder / "templates" / name).write_text(text)

    def apply(self, sequence_id: str, text: str | None = None) -> Change:
        """Write the file and apply it. Raises as `apply` does."""
        if text is not None:
            self.write(sequence_id, text)
        checked = check(self.config, [sequence_id])
        assert not checked.errors, checked.errors
        return self.database.write(lambda c: apply(c, self.advance, checked.bundles, "ana", self.now))[0]

    def bring(self, text: str, *, list_name: str = "", update: bool = False) -> Report:
        """Import a CSV text."""
        rows = read(BytesIO(text.encode()), "people.csv")
        return import_rows(
            self.database, self.advance, rows, list_name=list_name, update=update, now=self.now
        )  # fmt: skip

    def person(self, email: str, row: str = "Jo", columns: str = "first_name") -> int:
        """Import one person; returns the id."""
        report = self.bring(f"email,{columns}\n{email},{row}\n")
        assert report.added == 1, report
        return self.id_of(email)

    def id_of(self, email: str) -> int:
        return self.database.read(lambda c: people.owners(c, [email]))[email]

    def prospect(self, email: str) -> Prospect:
        key = self.id_of(email)
        return self.database.read(lambda c: people.load_prospects(c, [key]))[key]

    def enroll(
        self,
        sequence_id: str,
        ids: Sequence[int],
        rep: str = "ana",
        *,
        step: str | None = None,
        override: str = "",
        mailbox: str | None = None,
        starts: Mapping[int, Start] = NO_STARTS,
    ) -> Enrolment:
        door = self.database.read(
            lambda c: open_door(c, self.advance, sequence_id, rep, rep, step=step, override=override, mailbox=mailbox)
        )
        return self.database.write(lambda c: enroll(c, self.advance, door, ids, self.now, starts))

    def rehearse(self, sequence_id: str, ids: Sequence[int], rep: str = "ana", *, days: int | None = 0) -> Rehearsal:
        """What enrolling these people would bring; nothing is written."""
        door = self.database.read(lambda c: open_door(c, self.advance, sequence_id, rep, rep))
        planned = self.database.read(lambda c: admit(c, self.config, door, ids, self.now))
        return self.database.read(lambda c: rehearse(c, self.advance, door, planned.enrolled, self.now, days))

    def inside(self, sequence_id: str, email: str) -> int:
        """Enrol one person; returns the enrollment's id."""
        (seat,) = self.enroll(sequence_id, [self.id_of(email)]).enrolled
        return seat.enrollment

    def record(self, enrollment_id: int, *events: e.Event) -> None:
        self.database.write(lambda c: self.advance.record(c, [(enrollment_id, events)], self.now))

    def sent(self, enrollment_id: int, step: str) -> None:
        self.record(enrollment_id, e.TouchSent(step=step, attempt=1, sent_at=self.now))

    def progress(self, enrollment_id: int) -> p.Progress:
        return self.database.read(lambda c: log.load(c, [enrollment_id]))[enrollment_id].progress

    def folded(self, enrollment_id: int) -> p.Progress:
        """The progress that the log gives."""
        entries = self.database.read(lambda c: log.read_log(c, enrollment_id))
        return p.fold((entry.at, entry.event) for entry in entries)

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table: what must not change when nothing may."""
        tables = Table.metadata.sorted_tables
        return self.database.read(
            lambda c: {table.name: sorted(map(tuple, c.execute(select(table))), key=repr) for table in tables}
        )
