"""Stored mail judged again, and corrections one after the other: what was said last counts."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from sequencer.core.reason import Reason
from sequencer.engine.correcting import WORDS, Word
from sequencer.engine.rereading import replay
from sequencer.store.database import Database
from sequencer.store.tables import INBOUND
from tests.integration.installation import MONDAY
from tests.integration.mail_room import MailRoom, bounce, complaint, mail
from tests.integration.put_right import AWAY, BACK, Desk

T = TypeVar("T")


@pytest.fixture
def desk(room: MailRoom) -> Desk:
    return Desk(room)


async def test_a_replay_tells_what_is_read_differently_and_acts_only_when_told(desk: Desk) -> None:
    await desk.got(mail("I am in Peru.", answers=desk.sent, subject="Automatic reply: x", more=AWAY))
    desk.set("interested")
    room = desk.room
    room.database.write(lambda c: c.execute(update(INBOUND).values(set_by="")))
    before = desk.stands()
    found = replay(room.database, room.advance, MONDAY, "", room.clock.now())
    (difference,) = found.differences
    assert (difference.was, getattr(difference.now, "kind", "")) == ("interested", "auto_reply")
    assert desk.stands() == before
    replay(room.database, room.advance, MONDAY, "ana", room.clock.now(), apply=True)
    assert desk.last.progress.pause(Reason.AWAY)
    assert desk.room.inbound()[0].set_by == ""
    desk.sound()
    assert replay(room.database, room.advance, MONDAY, "ana", room.clock.now()).differences == []


class Interrupted(Database):
    """One in which a person is quicker than the next transaction."""

    def __init__(self, database: Database, person: Callable[[], object]) -> None:
        self._database, self._person = database, person

    def read(self, work: Callable[[Connection], T]) -> T:
        return self._database.read(work)

    def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        self._person()
        return self._database.write(work, urgent=urgent)


async def test_what_a_person_says_during_a_replay_stands(desk: Desk) -> None:
    await desk.got(mail("I am in Peru.", answers=desk.sent))
    room = desk.room
    room.database.write(lambda c: c.execute(update(INBOUND).values(judgement='{"kind":"other"}')))
    interrupted = Interrupted(room.database, lambda: desk.set("referral"))
    (difference,) = replay(interrupted, room.advance, MONDAY, "ana", room.clock.now(), apply=True).differences
    assert "left alone" in difference.problem
    assert (room.inbound()[0].answer, room.inbound()[0].set_by, desk.open_work) == ("referral", "person:ana", ["refer"])


async def test_a_replay_says_whose_bytes_are_gone(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent))
    desk.room.database.write(lambda c: c.execute(update(INBOUND).values(raw=None)))
    found = replay(desk.room.database, desk.room.advance, MONDAY, "", desk.room.clock.now())
    assert (found.judged, found.gone) == (0, [1])


async def test_a_replay_reads_no_further_back_than_told(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent, at=desk.room.clock.now()))
    later = desk.room.clock.now() + timedelta(days=1)
    assert replay(desk.room.database, desk.room.advance, later, "", later).judged == 0


REVERSIBLE: tuple[Word, ...] = tuple(word for word in WORDS if word != "not_ours")


@pytest.mark.parametrize("first", ["reply", "away", "bounce", "opt-out", "complaint"])
@given(words=st.lists(st.sampled_from(REVERSIBLE), min_size=1, max_size=3))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_said_between_what_is_said_last_counts(
    tmp_path_factory: pytest.TempPathFactory, first: str, words: list[Word]
) -> None:
    room = MailRoom(tmp_path_factory.mktemp("room"))
    desk = Desk(room)
    raws = {
        "reply": mail("Sounds good.", answers=desk.sent),
        "away": mail("Away.", answers=desk.sent, subject="Automatic reply", more=AWAY),
        "bounce": bounce(about=desk.sent),
        "opt-out": mail("Please unsubscribe me.", answers=desk.sent),
        "complaint": complaint(about=desk.sent),
    }
    asyncio.run(desk.got(raws[first]))
    desk.set("interested")
    answered = desk.stands()
    for word in words:
        desk.set(word, BACK if word in ("auto_reply", "not_now") else None)
    desk.set("interested")
    assert desk.stands() == answered
    desk.set("no_answer")
    plain = desk.stands()
    for word in words:
        desk.set(word, BACK if word in ("auto_reply", "not_now") else None)
    desk.set("no_answer")
    assert desk.stands() == plain
    room.close()
