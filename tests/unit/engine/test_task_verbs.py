"""What a rep says of a task, on a real database: what is recorded, what is refused and in which words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sequencer.engine import task_verbs
from sequencer.engine.letter import Draft
from sequencer.engine.task_verbs import Said
from sequencer.errors import InputError, NotFound
from sequencer.store import people, reads, tasks
from tests.unit.engine.people_house import House, do, house

__all__ = ["house"]

TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)


def say(house: House, task_id: int, outcome: str, **said: Any) -> Any:
    return do(house, task_verbs.done, task_id, Said(outcome, "ana", **said), house.clock.now())


def test_an_outcome_moves_the_sequence_as_it_says(house: House) -> None:
    key = house.inside("kinds")
    say(house, 1, "voicemail", note="rings long")
    assert house.progress(key).touches["call"].outcome == "voicemail"
    assert [task.step for task in house.open_tasks()] == ["connect"]
    (note,) = house.database.read(lambda connection: reads.notes_of(connection, 1))
    assert (note.by, note.text) == ("ana", "rings long")


# sequence, outcome, what is refused
REFUSED = [
    ("kinds", "voicemial", "did you mean voicemail?"),  # a slip of the finger
    ("kinds", "sold", "has no outcome"),  # nothing close
    ("kinds", "", "say what came of task 1"),  # a call has no plain "done"
]


@pytest.mark.parametrize(("sequence", "outcome", "words"), REFUSED)
def test_an_unknown_outcome_changes_nothing(house: House, sequence: str, outcome: str, words: str) -> None:
    key = house.inside(sequence)
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        say(house, 1, outcome)
    assert house.kinds(key) == ["Enrolled", "TaskOpened"]


def test_a_task_is_done_once(house: House) -> None:
    house.inside("kinds")
    say(house, 1, "voicemail")
    with pytest.raises(InputError, match=r"task 1 is done already \(voicemail\)"):
        say(house, 1, "voicemail")
    with pytest.raises(NotFound, match="no task 77"):
        say(house, 77, "voicemail")


def test_call_back_reopens_the_call_when_it_was_promised(house: House) -> None:
    key = house.inside("kinds")
    promised = TUESDAY + timedelta(hours=14)
    say(house, 1, "call_back", until=promised)
    assert house.progress(key).not_before == promised
    assert house.open_tasks() == []


def test_call_back_without_a_date_is_the_next_business_day(house: House) -> None:
    key = house.inside("kinds")
    say(house, 1, "call back")
    assert house.progress(key).not_before == house.clock.now() + timedelta(days=1)


def test_call_back_of_a_step_that_does_not_plan_it_puts_the_task_off(house: House) -> None:
    house.inside("bare")
    say(house, 1, "call_back", until=TUESDAY)
    (task,) = house.open_tasks()
    assert (task.state, task.due_at) == ("open", TUESDAY)


def test_do_not_call_silences_calls_also_where_the_step_does_not_say_so(house: House) -> None:
    house.inside("bare")
    say(house, 1, "do_not_call")
    person = house.database.read(lambda connection: people.load_prospects(connection, [1]))
    rules = house.database.read(lambda connection: people.suppressions_of(connection, person.values()))[1]
    assert [(rule.kind, rule.channel) for rule in rules] == [("person", "call")]
    assert [row.step for row in house.rows("queued")] == ["intro"]


def test_until_needs_an_outcome_that_puts_off(house: House) -> None:
    house.inside("kinds")
    with pytest.raises(InputError, match="--until belongs to"):
        say(house, 1, "voicemail", until=TUESDAY)
    with pytest.raises(InputError, match="has passed"):
        say(house, 1, "call_back", until=house.clock.now())


def test_accepted_records_the_connection_also_after_the_task_was_done(house: House) -> None:
    key = house.inside("kinds")
    say(house, 1, "voicemail")
    say(house, 2, "done")
    assert not house.progress(key).linkedin_connected
    say(house, 2, "accepted")
    assert house.progress(key).linkedin_connected
    assert "BranchTaken" in house.kinds(key)


def test_skip_and_snooze(house: House) -> None:
    key = house.inside("kinds")
    now = house.clock.now()
    do(house, task_verbs.snooze, 1, TUESDAY, "ana", now)
    assert house.open_tasks()[0].due_at == TUESDAY
    with pytest.raises(InputError, match="has passed"):
        do(house, task_verbs.snooze, 1, now, "ana", now)
    do(house, task_verbs.skip, 1, "ana", now)
    assert house.progress(key).touches["call"].state == "skipped"
    with pytest.raises(InputError, match="task 1 is skipped already"):
        do(house, task_verbs.skip, 1, "ana", now)


def at_review(house: House) -> int:
    key = house.inside("kinds")
    for task, outcome in ((1, "voicemail"), (2, "accepted"), (3, "done")):
        say(house, task, outcome)
    return key


def test_a_reviewed_mail_is_queued_with_the_draft(house: House) -> None:
    key = at_review(house)
    say(house, 4, "", draft=Draft("My own", "Dear Bo\n"))
    assert [row.step for row in house.rows("queued")] == ["review"]
    drafts = house.database.read(lambda connection: tasks.drafts(connection, [key]))
    assert drafts == {(key, "review"): ("My own", "Dear Bo\n")}


def test_only_a_mail_can_be_edited(house: House) -> None:
    house.inside("kinds")
    with pytest.raises(InputError, match="no mail to review"):
        say(house, 1, "voicemail", draft=Draft(None, "x"))
