"""An installation for tests of the people's verbs: one sequence with every kind of step, and people in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.store import people, sends, tasks
from sequencer.store.sends import SendRow
from sequencer.store.tables import SENDS
from sequencer.store.tasks import TaskRow
from tests.integration.installation import TEMPLATES, HandClock, Installation

ALL_KINDS = """
title: Every kind of step
steps:
  - id: call
    call: call.md
    outcomes:
      connected: {finish: goal}
      voicemail: next
      call_back: snooze
      later: {retry: {after: 1d, max: 3}}
  - id: connect
    linkedin: connect
    note: note.txt
  - id: accepted
    branch: linkedin_connected
    within: 5d
    then: note
    else: note
  - id: note
    task: Send the sheet
  - id: review
    email: intro.md
    review: true
  - id: last
    wait: 2d
    email: bump.md
    reply_to: review
"""
BARE = """
title: A call that names no outcome
steps:
  - id: call
    call: call.md
  - id: intro
    email: intro.md
"""
FILES = {
    **TEMPLATES,
    "call.md": "Ask {{ prospect.first_name }} about {{ account.name }}.\n",
    "note.txt": "Hi {{ prospect.first_name }}, glad to connect.\n",
}


class House(Installation):
    """An installation in which nothing is ever really sent."""

    def __init__(self, folder: Path, clock: HandClock | None = None) -> None:
        super().__init__(folder, 1, cap=10, gap="60s", connections=1, clock=clock)

    def inside(self, sequence_id: str = "three", email: str = "bo@acme.test", name: str = "Bo", **fields: str) -> int:
        """A person, enrolled and advanced; returns the enrollment."""
        person = self.person(email, name, **fields)
        self.database.write(lambda connection: reachable(connection, person))
        key = self.enroll(person, sequence_id)
        self.advance_all()
        return key

    def advance_all(self) -> None:
        while self.database.write(lambda connection: self.advance.advance_due(connection, self.clock.now())):
            pass

    def open_tasks(self) -> list[TaskRow]:
        return self.database.read(tasks.open_tasks)

    def rows(self, *states: str) -> list[SendRow]:
        return self.database.read(lambda connection: sends.in_state(connection, *states))

    def on_the_wire(self, state: str = "sending") -> SendRow:
        """The queued mail as if its fence had been passed; `uncertain`: and its connection lost."""
        row, now = self.rows("queued")[0], self.clock.now()

        def write(connection: Connection) -> None:
            values = {"state": state, "sending_at": now, "fence": 1, "message_id": f"<{row.id}@ourco.test>"}
            if state == "uncertain":
                values |= {"settled_at": now, "reply": "the connection was lost"}
            connection.execute(SENDS.update().where(SENDS.c.id == row.id).values(**values, raw=b"x", subject="An idea"))
            if state == "uncertain":
                event = e.TouchUncertain(step=row.step, attempt=row.attempt, fenced_at=now)
                self.advance.record(connection, [(row.enrollment_id, [event])], now)

        self.database.write(write)
        return self.rows(state)[0]

    def sent(self) -> None:
        """The queued mail left and was accepted."""
        row, now = self.on_the_wire(), self.clock.now()

        def write(connection: Connection) -> None:
            connection.execute(SENDS.update().where(SENDS.c.id == row.id).values(state="sent", settled_at=now))
            event = e.TouchSent(step=row.step, attempt=row.attempt, sent_at=now)
            self.advance.record(connection, [(row.enrollment_id, [event])], now)

        self.database.write(write)

    def later(self, **length: float) -> None:
        self.clock.to(self.clock.at + timedelta(**length))
        self.advance_all()


def do(house: House, verb: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Run a verb in one transaction."""
    return house.database.write(lambda connection: verb(connection, house.advance, *args, **named))


def reachable(connection: Connection, person: int) -> None:
    """Give the person a phone number and a page."""
    known = people.load_prospects(connection, [person])[person]
    people.update_prospect(connection, replace(known, phone="+13035550131", linkedin="https://linkedin.test/bo"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    one.apply("three")
    one.apply("kinds", ALL_KINDS, FILES)
    one.apply("bare", BARE, FILES)
    yield one
    one.close()


__all__ = ["ALL_KINDS", "FILES", "House", "do", "house", "reachable"]
