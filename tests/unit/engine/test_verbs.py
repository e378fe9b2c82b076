"""Stops, moves and settling, on a real database: what they record, what they refuse and in which words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine import moving, outer_stops, settling, stops
from sequencer.errors import AlreadyEnrolled, InputError, NotFound
from sequencer.store import leases, log, people, scopes, sends
from tests.unit.engine.people_house import House, do, house

__all__ = ["house"]

BO = "bo@acme.test"
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_pause_calls_back_what_is_queued_and_resume_queues_it_again(house: House) -> None:
    key = house.inside()
    assert len(house.rows("queued")) == 1
    face, (paused,) = do(house, stops.pause_person, BO, "ana", house.clock.now())
    assert (face.name, paused.pause.until, paused.on_the_wire) == ("Bo", None, False)
    assert house.progress(key).status == "paused"
    assert house.rows("queued") == []
    _, (resumed,) = do(house, stops.resume_person, "BO@acme.test", "ana", house.clock.now())
    assert [pause.reason for pause in resumed.pauses] == [Reason.BY_PERSON]
    assert len(house.rows("queued")) == 1


def test_an_open_pause_gives_the_rest_of_the_wait_back(house: House) -> None:
    key = house.inside()
    house.sent()  # the next mail is due on Wednesday
    due = house.progress(key).since + timedelta(days=2)
    house.later(days=1)
    do(house, stops.pause_person, BO, "ana", house.clock.now())
    assert house.progress(key).pauses[0].due_at == due
    house.later(days=1, hours=1)
    do(house, stops.resume_person, BO, "ana", house.clock.now())
    assert house.progress(key).not_before == house.clock.now() + timedelta(days=1)


def test_a_pause_snoozes_the_task_to_its_day(house: House) -> None:
    house.inside("kinds")
    do(house, stops.pause_person, BO, "ana", house.clock.now(), lambda _: TUESDAY)
    assert house.open_tasks()[0].due_at == TUESDAY


def test_a_mail_on_the_wire_is_not_called_back_and_is_said_so(house: House) -> None:
    house.inside()
    house.on_the_wire()
    _, (paused,) = do(house, stops.pause_person, BO, "ana", house.clock.now())
    assert paused.on_the_wire
    assert len(house.rows("sending")) == 1


def test_a_pause_of_somebody_outside_or_until_yesterday_is_refused(house: House) -> None:
    house.person("out@acme.test")
    now = house.clock.now()
    with pytest.raises(InputError, match="in no sequence now"):
        do(house, stops.pause_person, "out@acme.test", "ana", now)
    with pytest.raises(NotFound, match=r"did you mean out@acme\.test"):
        do(house, stops.pause_person, "ut@acme.test", "ana", now)
    house.inside()
    with pytest.raises(InputError, match="has passed"):
        do(house, stops.pause_person, BO, "ana", now, lambda _: now)


# hold, --address-works, whether it is taken
HOLDS = [
    (Reason.MISSING_FIELD, False, True),
    (Reason.REFUSED, False, True),
    (Reason.BAD_ADDRESS, False, False),  # nobody said that it works
    (Reason.BAD_ADDRESS, True, True),
    (Reason.UNCERTAIN, True, False),  # only `uncertain` settles it
]


@pytest.mark.parametrize(("reason", "works", "taken"), HOLDS)
def test_resume_takes_only_what_a_word_can_take(house: House, reason: Reason, works: bool, taken: bool) -> None:
    key = house.inside("bare")
    house.record(key, e.HoldPut(reason=reason))
    _, (resumed,) = do(house, stops.resume_person, BO, "ana", house.clock.now(), address_works=works)
    assert [hold.reason for hold in resumed.holds] == ([reason] if taken else [])
    assert [hold.reason for hold, _ in resumed.left] == ([] if taken else [reason])
    assert house.progress(key).status == ("active" if taken else "held")


def test_a_new_address_is_enough_to_resume(house: House) -> None:
    key = house.inside()
    house.sent()
    house.record(key, e.HoldPut(reason=Reason.BAD_ADDRESS))
    house.database.write(lambda connection: people.put_addresses(connection, 1, ["bo@new.test"]))
    do(house, stops.resume_person, BO, "ana", house.clock.now())
    assert house.progress(key).status == "active"


def test_finish_ends_every_enrollment_and_cancels_its_tasks(house: House) -> None:
    key = house.inside("kinds")
    _, ended = do(house, stops.finish_person, BO, FinishReason.DISQUALIFIED, "ana", house.clock.now())
    assert ended == ["kinds"]
    assert house.progress(key).finished is FinishReason.DISQUALIFIED
    assert house.open_tasks() == []


def test_a_meeting_is_recorded_as_one(house: House) -> None:
    key = house.inside()
    do(house, stops.finish_person, BO, FinishReason.MEETING, "ana", house.clock.now())
    assert "MeetingBooked" in house.kinds(key)
    assert house.progress(key).finished is FinishReason.MEETING


def test_opt_out_covers_the_person_with_all_addresses(house: House) -> None:
    key = house.inside()
    house.database.write(lambda connection: people.put_addresses(connection, 1, [BO, "bo@home.test"]))
    done = do(house, stops.opt_out, "bo@home.test", "ana", house.clock.now())
    assert (done.face.name, done.already, done.finished) == ("Bo", False, ("three",))
    assert house.progress(key).finished is FinishReason.OPTED_OUT
    assert house.rows("queued") == []
    person = house.database.read(lambda connection: people.load_prospects(connection, [1]))
    rules = house.database.read(lambda connection: people.suppressions_of(connection, person.values()))[1]
    assert {(rule.kind, rule.value) for rule in rules} == {
        ("person", "1"), ("address", BO), ("address", "bo@home.test"),
    }  # fmt: skip
    assert do(house, stops.opt_out, BO, "ana", house.clock.now()).already


def test_opt_out_of_one_channel_leaves_the_sequence_going(house: House) -> None:
    key = house.inside()
    done = do(house, stops.opt_out, BO, "ana", house.clock.now(), "call")
    assert done.finished == ()
    assert house.progress(key).status == "active"


def test_opt_out_of_a_stranger_suppresses_the_address(house: House) -> None:
    done = do(house, stops.opt_out, "New@Other.test", "ana", house.clock.now())
    assert (done.face, done.address, done.already) == (None, "new@other.test", False)
    assert do(house, stops.opt_out, "new@other.test", "ana", house.clock.now()).already
    with pytest.raises(InputError, match="no mail address"):
        do(house, stops.opt_out, "acme.test", "ana", house.clock.now())


def test_a_pause_above_people_is_one_row_and_resume_makes_them_due(house: House) -> None:
    now, write = house.clock.now(), house.database.write

    def pause(sequence: str) -> bool:
        return write(
            lambda connection: outer_stops.pause_scope(connection, house.config, "sequence", sequence, "ana", "", now)
        )[1]

    assert pause("three")
    assert not pause("three")  # the first one stands
    house.inside()
    assert house.rows("queued") == []
    lifted = write(lambda c: outer_stops.resume_scope(c, house.config, "sequence", "three", "ana", now))
    assert lifted.pause is not None
    assert (lifted.pause.by, lifted.people) == ("ana", 1)
    house.advance_all()
    assert len(house.rows("queued")) == 1
    with pytest.raises(NotFound, match="did you mean three"):
        pause("thre")


def test_resume_of_a_mailbox_mends_it(house: House) -> None:
    box, now = "ana@ourco.test", house.clock.now()

    def break_it(connection: Any) -> None:
        leases.lease(connection, [box], "d", now, timedelta(seconds=1))
        sends.break_mailbox(connection, box, "535 wrong password", now)

    house.database.write(break_it)
    lifted = house.database.write(
        lambda connection: outer_stops.resume_scope(connection, house.config, "mailbox", box, "ana", now)
    )
    assert lifted.mended == "535 wrong password"
    assert house.database.read(sends.mailbox_states)[box].broken_at is None


def test_resume_of_everything_trusts_the_clock_again(house: House) -> None:
    ahead = house.clock.now() + timedelta(hours=2)
    house.database.write(lambda connection: scopes.put_meta(connection, "highest_instant", ahead.isoformat()))
    lifted = house.database.write(
        lambda connection: outer_stops.resume_scope(connection, house.config, "all", "", "ana", house.clock.now())
    )
    assert lifted.clock_reset


def test_move_finishes_and_begins_in_one_go(house: House) -> None:
    key = house.inside()
    moved = do(house, moving.move, BO, "kinds:connect", "ana", house.clock.now())
    assert house.progress(key).finished is FinishReason.MOVED
    assert (moved.left, moved.step) == ("three", "connect")
    assert house.progress(moved.enrollment_id).mailbox == "ana@ourco.test"
    assert [task.step for task in house.open_tasks()] == ["connect"]
    assert house.rows("queued") == []


# target, error, words
MOVES = [
    ("tree", NotFound, "did you mean three"),
    ("kinds:conect", NotFound, "did you mean connect"),
]


@pytest.mark.parametrize(("target", "error", "words"), MOVES)
def test_a_move_to_nowhere_changes_nothing(house: House, target: str, error: type[Exception], words: str) -> None:
    key = house.inside()
    with pytest.raises(error, match=words):
        do(house, moving.move, BO, target, "ana", house.clock.now())
    assert house.progress(key).finished is None


def test_no_move_while_a_mail_is_on_the_wire_or_uncertain(house: House) -> None:
    house.inside()
    house.on_the_wire()
    with pytest.raises(InputError, match="on the wire"):
        do(house, moving.move, BO, "kinds", "ana", house.clock.now())


def test_no_move_while_nobody_knows_whether_a_mail_arrived(house: House) -> None:
    house.inside()
    house.on_the_wire("uncertain")
    with pytest.raises(InputError, match="settle it first"):
        do(house, moving.move, BO, "kinds", "ana", house.clock.now())


def test_somebody_in_two_sequences_is_asked_which_to_leave(house: House) -> None:
    house.apply("free", "title: F\nsettings: {exclusive: false}\nsteps:\n  - id: a\n    task: x\n", {})
    person = house.person(BO, "Bo")
    for sequence in ("free", "three"):
        _enroll(house, person, sequence)
    with pytest.raises(InputError, match="--from"):
        do(house, moving.move, BO, "kinds", "ana", house.clock.now())
    with pytest.raises(AlreadyEnrolled, match="finish that one first"):
        do(house, moving.move, BO, "kinds", "ana", house.clock.now(), "free")
    moved = do(house, moving.move, BO, "kinds", "ana", house.clock.now(), "three")
    assert moved.left == "three"


def _enroll(house: House, person: int, sequence_id: str) -> None:
    first = e.Enrolled(
        sequence=sequence_id, version=1, step="a" if sequence_id == "free" else "intro", rep="ana",
        mailbox="ana@ourco.test", by="person:ana",
    )  # fmt: skip

    def add(connection: Any) -> None:
        now = house.clock.now()
        key = log.add_enrollment(connection, person, sequence_id != "free", p.enroll(first, now))
        log.append(connection, [log.Entry(now, person, key, first)])

    house.database.write(add)
    house.advance_all()


def uncertain(house: House) -> tuple[int, int]:
    """(enrollment, send) of a mail of which nobody knows whether it arrived."""
    key = house.inside()
    row = house.on_the_wire("uncertain")
    assert house.progress(key).status == "held"
    return key, row.id


def test_a_person_says_that_an_uncertain_mail_arrived(house: House) -> None:
    key, send = uncertain(house)
    do(house, settling.say_sent, send, "ana", house.clock.now())
    progress = house.progress(key)
    assert (progress.status, progress.touches["intro"].state, progress.flight) == ("active", "sent", None)
    with pytest.raises(InputError, match="is sent, not uncertain, settled by ana"):
        do(house, settling.say_sent, send, "ana", house.clock.now())


def test_a_resent_mail_keeps_its_message_id_and_takes_the_next_number(house: House) -> None:
    key, send = uncertain(house)
    do(house, settling.send_again, send, "ana", house.clock.now())
    (again,) = house.rows("queued")
    assert (again.attempt, again.message_id, again.fence) == (2, f"<{send}@ourco.test>", 1)
    assert [row.id for row in house.rows("skipped")] == [send]
    assert house.progress(key).status == "active"


def test_an_uncertain_mail_that_is_given_up_passes_its_step_by(house: House) -> None:
    key, send = uncertain(house)
    do(house, settling.give_up, send, "ana", house.clock.now())
    progress = house.progress(key)
    assert (progress.status, progress.touches["intro"].state, progress.step_done) == ("active", "skipped", True)
    assert house.rows("queued") == []


def test_nothing_is_resent_to_somebody_who_refused(house: House) -> None:
    _, send = uncertain(house)
    do(house, stops.opt_out, BO, "ana", house.clock.now())
    with pytest.raises(InputError, match="finished"):
        do(house, settling.send_again, send, "ana", house.clock.now())
    with pytest.raises(NotFound, match="no mail 99"):
        do(house, settling.give_up, 99, "ana", house.clock.now())
