"""What may have left in a lost time and could not be doubted at once: it is, before it would go."""

import tomllib

import pytest
from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core.outcome import Uncertain
from sequencer.core.people import Mailbox
from sequencer.engine import reassigning, settling, task_verbs
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.prepare import Batch, prepare
from sequencer.engine.situation import Surroundings
from sequencer.store import sends, tasks, walks
from sequencer.store.epoch import key_number
from tests.integration.installation import KEY, SEQUENCE
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
def restored(restored: Restored) -> Restored:
    """Somebody's mail was filed, so that the mailbox can tell; of what left later no copy is."""
    someone(restored, "di")
    restored.send()
    restored.clock.forward(minutes=30)
    return restored


def states(restored: Restored, person: int) -> list[tuple[int, str, int, str]]:
    rows = restored.database.read(lambda connection: sends.sends_of(connection, person))
    return sorted((row.enrollment_id, row.step, row.attempt, row.state) for row in rows)


def doubted(restored: Restored, person: int) -> list[str]:
    """The steps of theirs that reconciling doubts at once."""
    return [row.step for row in restored.reconcile().doubts if row.prospect_id == person]


def say(restored: Restored, word: str) -> None:
    """One word about every mail that waits for one."""
    settle = {"sent": settling.say_sent, "again": settling.send_again, "skip": settling.give_up}[word]

    def settle_all(connection: Connection) -> None:
        for row in sends.in_state(connection, *sends.OPEN):
            settle(connection, restored.advance, row.id, "ana", restored.clock.now())

    restored.database.write(settle_all)


def answered(restored: Restored) -> None:
    """Every open task is done."""

    def done(connection: Connection) -> None:
        for task in tasks.open_tasks(connection):
            task_verbs.done(connection, restored.advance, task.id, task_verbs.Said("", "ana"), restored.clock.now())

    restored.database.write(done)


def later(restored: Restored, days: int) -> None:
    """Some days on, with the inbox read; what may go goes."""
    restored.send_after(days=days, filed=False)


@pytest.mark.parametrize("word", ["sent", "again", "skip"])
def test_the_second_of_two_mails_to_one_person_waits_for_a_word_of_its_own(restored: Restored, word: str) -> None:
    """Two sequences, both due when the copy was made; only one mail to them may be open at a time."""
    person = restored.person("jo@jo.test")
    first = restored.enroll(person)
    restored.apply("beside", SEQUENCE)
    second = restored.enroll_beside(person, "beside", "intro")
    restored.keep()
    restored.send(filed=False)
    later(restored, 1)
    assert states(restored, person) == [(first, "intro", 1, "sent"), (second, "intro", 1, "sent")]
    restored.lose()
    assert [row.enrollment_id for row in restored.reconcile().doubts] == [first]
    say(restored, word)
    for _ in range(3):
        later(restored, 1)
    assert (second, "intro", 1, "person") in states(restored, person)
    assert restored.progress(second) == restored.folded(second)


@pytest.mark.parametrize("word", ["sent", "again", "skip"])
def test_the_step_behind_a_doubt_is_one_too_when_it_may_have_left_as_well(restored: Restored, word: str) -> None:
    person = restored.person("jo@jo.test")
    enrollment = restored.enroll(person)
    restored.keep()
    restored.send(filed=False)
    later(restored, 3)
    assert restored.sent(person).step == "bump"
    restored.lose()
    assert doubted(restored, person) == ["intro"]
    say(restored, word)
    for _ in range(2):
        later(restored, 4)
    assert (enrollment, "bump", 1, "person") in states(restored, person)
    assert restored.progress(enrollment) == restored.folded(enrollment)
    # The third one cannot have left: it was not due by then, however early the others were.
    say(restored, "sent")
    for _ in range(2):
        later(restored, 4)
    assert (enrollment, "breakup", 1, "sent") in states(restored, person)


def test_the_step_behind_a_mail_that_was_uncertain_already_is_a_doubt(restored: Restored) -> None:
    """Somebody said that it was sent, the next one left, and the copy knows neither."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.send_due(Uncertain("no answer", "dot"))
    restored.keep()
    restored.clock.forward(minutes=5)
    say(restored, "sent")
    later(restored, 3)
    assert restored.sent(person).step == "bump"
    restored.lose()
    assert doubted(restored, person) == []
    say(restored, "sent")
    for _ in range(2):
        later(restored, 4)
    assert [(step, state) for _, step, _, state in states(restored, person)] == [("bump", "person"), ("intro", "sent")]


def test_a_mail_whose_first_mailbox_left_since_is_a_doubt(restored: Restored) -> None:
    """Bo's mailbox can tell what it sent; Ana's cannot, and the follow-up may have left from there."""
    restored.enroll(restored.person("jo@jo.test"))
    restored.keep()
    restored.send(filed=False)
    later(restored, 3)
    restored.lose()
    restored.reconcile()
    say(restored, "sent")
    box = hand_over_to_bo(restored)
    restored.clock.forward(days=4)
    now = restored.clock.now()

    def due(connection: Connection) -> Batch:
        walks.end(connection, "mail-bo", now, key_number(connection))
        while restored.advance.advance_due(connection, now):
            pass
        return prepare(connection, restored.advance.around, box, KEY, now)

    batch = restored.database.write(due)
    queued = restored.database.read(lambda connection: sends.in_state(connection, "queued"))
    follow_up = [row.id for row in queued if row.address == "jo@jo.test"]
    assert [doubt.send_id for doubt in batch.doubts] == follow_up
    assert len(follow_up) == 1
    assert follow_up[0] not in [one.send_id for one in batch.ready]


def hand_over_to_bo(restored: Restored) -> Mailbox:
    """Ana's mailbox leaves config.toml, and Bo takes her people over."""
    told = tomllib.loads((restored.folder / "config.toml").read_text())
    told["mailboxes"] = [told["mailboxes"][0] | {"address": "bo@ourco.test", "rep": "bo", "maildir": "mail-bo"}]
    told["reps"].append({"name": "bo", "email": "bo@home.test", "timezone": "UTC"})
    restored.config = Config.model_validate(told)
    restored.config._folder = restored.folder
    restored.advance = Advance(restored.database, Surroundings(restored.config, Catalog()))
    now = restored.clock.now()
    reassigning.reassign(restored.database, restored.advance, "ana", "bo", None, "ana", now, answers_read=True)
    return restored.config.mailboxes_by_address["bo@ourco.test"]


def test_the_mail_behind_a_task_that_may_have_been_done_in_the_lost_time_is_a_doubt(restored: Restored) -> None:
    person = restored.person("jo@jo.test")
    restored.apply("asked", ASKED)
    enrollment = restored.enroll_beside(person, "asked", "ask")
    restored.send()
    restored.keep()
    answered(restored)
    restored.send(filed=False)
    assert (enrollment, "intro", 1, "sent") in states(restored, person)
    restored.clock.forward(minutes=1)
    restored.lose()
    assert doubted(restored, person) == []
    restored.clock.forward(minutes=1)
    answered(restored)
    restored.send()
    assert states(restored, person) == [(enrollment, "intro", 1, "person")]


def test_the_mail_behind_a_task_that_was_not_due_by_then_goes(restored: Restored) -> None:
    person = restored.person("jo@jo.test")
    restored.apply("asked", ASKED.replace("task: Ask", "wait: 2bd\n    task: Ask"))
    enrollment = restored.enroll_beside(person, "asked", "ask")
    restored.keep()
    someone(restored, "max")
    restored.send(filed=False)
    restored.lose()
    assert doubted(restored, person) == []
    restored.send_after(days=2)
    answered(restored)
    restored.send()
    assert states(restored, person) == [(enrollment, "intro", 1, "sent")]


def test_what_was_not_due_by_then_and_whoever_came_later_is_not_doubted(restored: Restored) -> None:
    """The follow-up's wait was not over when the time was lost; a new person has nothing to do with it."""
    person = restored.person("jo@jo.test")
    enrollment = restored.enroll(person)
    restored.keep()
    restored.send(filed=False)
    restored.clock.forward(days=1)
    restored.lose()
    assert doubted(restored, person) == ["intro"]
    new = restored.person("max@max.test")
    begun = restored.enroll(new)
    say(restored, "sent")
    for _ in range(3):
        later(restored, 3)
    assert (enrollment, "bump", 1, "sent") in states(restored, person)
    assert (begun, "bump", 1, "sent") in states(restored, new)
