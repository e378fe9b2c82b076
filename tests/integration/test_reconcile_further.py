"""What may have left in a lost time and could not be doubted at once: it is, before it would go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.core.outcome import Uncertain
from sequencer.engine import settling, task_verbs
from sequencer.store import sends, tasks
from tests.integration.installation import SEQUENCE
from tests.integration.restored import Restored, someone

ASKED = """
title: A task first
steps:
  - id: ask
    task: Ask their colleague
  - id: intro
    email: intro.md
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Restored]:
    """Somebody's mail was filed, so that the mailbox can tell; of what left later no copy is."""
    room = Restored(tmp_path)
    room.keep()
    someone(room, "di")
    room.send()
    room.clock.forward(minutes=30)
    yield room
    room.close()


def states(room: Restored, person: int) -> list[tuple[int, str, int, str]]:
    rows = room.database.read(lambda connection: sends.sends_of(connection, person))
    return sorted((row.enrollment_id, row.step, row.attempt, row.state) for row in rows)


def doubted(room: Restored, person: int) -> list[str]:
    """The steps of theirs that reconciling doubts at once."""
    return [row.step for row in room.reconcile().doubts if row.prospect_id == person]


def say(room: Restored, word: str) -> None:
    """One word about every mail that waits for one."""
    settle = {"sent": settling.say_sent, "again": settling.send_again, "skip": settling.give_up}[word]

    def settle_all(connection: Connection) -> None:
        for row in sends.in_state(connection, *sends.OPEN):
            settle(connection, room.advance, row.id, "ana", room.clock.now())

    room.database.write(settle_all)


def answered(room: Restored) -> None:
    """Every open task is done."""

    def done(connection: Connection) -> None:
        for task in tasks.open_tasks(connection):
            task_verbs.done(connection, room.advance, task.id, task_verbs.Said("", "ana"), room.clock.now())

    room.database.write(done)


def later(room: Restored, days: int) -> None:
    """Some days on, with the inbox read; what may go goes."""
    room.clock.forward(days=days)
    room.inbox_read()
    room.send(filed=False)


@pytest.mark.parametrize("word", ["sent", "again", "skip"])
def test_the_second_of_two_mails_to_one_person_waits_for_a_word_of_its_own(room: Restored, word: str) -> None:
    """Two sequences, both due when the copy was made; only one mail to them may be open at a time."""
    person = room.person("jo@jo.test")
    first = room.enroll(person)
    room.apply("beside", SEQUENCE)
    second = room.enroll_beside(person, "beside", "intro")
    room.keep()
    room.send(filed=False)
    later(room, 1)
    assert states(room, person) == [(first, "intro", 1, "sent"), (second, "intro", 1, "sent")]
    room.lose()
    assert [row.enrollment_id for row in room.reconcile().doubts] == [first]
    say(room, word)
    for _ in range(3):
        later(room, 1)
    assert (second, "intro", 1, "person") in states(room, person)
    assert room.progress(second) == room.folded(second)


@pytest.mark.parametrize("word", ["sent", "again", "skip"])
def test_the_step_behind_a_doubt_is_one_too_when_it_may_have_left_as_well(room: Restored, word: str) -> None:
    person = room.person("jo@jo.test")
    enrollment = room.enroll(person)
    room.keep()
    room.send(filed=False)
    later(room, 3)
    assert room.sent(person).step == "bump"
    room.lose()
    assert doubted(room, person) == ["intro"]
    say(room, word)
    for _ in range(2):
        later(room, 4)
    assert (enrollment, "bump", 1, "person") in states(room, person)
    assert room.progress(enrollment) == room.folded(enrollment)
    # The third one cannot have left: it was not due by then, however early the others were.
    say(room, "sent")
    for _ in range(2):
        later(room, 4)
    assert (enrollment, "breakup", 1, "sent") in states(room, person)


def test_the_step_behind_a_mail_that_was_uncertain_already_is_a_doubt(room: Restored) -> None:
    """Somebody said that it was sent, the next one left, and the copy knows neither."""
    person = room.person("jo@jo.test")
    room.enroll(person)
    room.send_due(Uncertain("no answer", "dot"))
    room.keep()
    room.clock.forward(minutes=5)
    say(room, "sent")
    later(room, 3)
    assert room.sent(person).step == "bump"
    room.lose()
    assert doubted(room, person) == []
    say(room, "sent")
    for _ in range(2):
        later(room, 4)
    assert [(step, state) for _, step, _, state in states(room, person)] == [("bump", "person"), ("intro", "sent")]


def test_the_mail_behind_a_task_that_may_have_been_done_in_the_lost_time_is_a_doubt(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.apply("asked", ASKED)
    enrollment = room.enroll_beside(person, "asked", "ask")
    room.send()
    room.keep()
    answered(room)
    room.send(filed=False)
    assert (enrollment, "intro", 1, "sent") in states(room, person)
    room.clock.forward(minutes=1)
    room.lose()
    assert doubted(room, person) == []
    room.clock.forward(minutes=1)
    answered(room)
    room.send()
    assert states(room, person) == [(enrollment, "intro", 1, "person")]


def test_the_mail_behind_a_task_that_was_not_due_by_then_goes(room: Restored) -> None:
    person = room.person("jo@jo.test")
    room.apply("asked", ASKED.replace("task: Ask", "wait: 2bd\n    task: Ask"))
    enrollment = room.enroll_beside(person, "asked", "ask")
    room.keep()
    someone(room, "max")
    room.send(filed=False)
    room.lose()
    assert doubted(room, person) == []
    room.clock.forward(days=2)
    room.inbox_read()
    room.send()
    answered(room)
    room.send()
    assert states(room, person) == [(enrollment, "intro", 1, "sent")]


def test_what_was_not_due_by_then_and_whoever_came_later_is_not_doubted(room: Restored) -> None:
    """The follow-up's wait was not over when the time was lost; a new person has nothing to do with it."""
    person = room.person("jo@jo.test")
    enrollment = room.enroll(person)
    room.keep()
    room.send(filed=False)
    room.clock.forward(days=1)
    room.lose()
    assert doubted(room, person) == ["intro"]
    new = room.person("max@max.test")
    begun = room.enroll(new)
    say(room, "sent")
    for _ in range(3):
        later(room, 3)
    assert (enrollment, "bump", 1, "sent") in states(room, person)
    assert (begun, "bump", 1, "sent") in states(room, new)
