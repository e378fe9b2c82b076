"""What was lost with a database and nobody can bring back: what may act in spite of it, and what waits for a person."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.core import events as e
from sequencer.core.reason import FinishReason
from sequencer.engine.answers import TO_A_LOST_ONE
from sequencer.engine.correcting import accept
from sequencer.engine.reconciling import Words
from sequencer.store import tasks
from tests.integration.installation import SEQUENCE
from tests.integration.mail_room import ANA, mail
from tests.integration.restored import Restored

TASK_BETWEEN = SEQUENCE.replace(
    "  - id: bump", "  - id: look\n    wait: 1bd\n    task: Look at their page.\n  - id: bump"
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Restored]:
    room = Restored(tmp_path)
    room.keep()
    yield room
    room.close()


@pytest.mark.parametrize("was_open", [False, True], ids=["before its task opened", "while its task was open"])
def test_a_forgotten_mail_behind_a_task_that_was_done_takes_the_sequence_past_the_task(
    room: Restored, was_open: bool
) -> None:
    """What was done of tasks is lost, but nobody got to the second mail without it."""
    room.apply("profile", TASK_BETWEEN)
    enrollment = room.enroll(room.person("jo@jo.test"), "profile")
    room.send()
    if not was_open:
        room.keep()
    room.clock.forward(days=1)
    room.send()
    if was_open:
        room.keep()
    room.record(enrollment, e.TaskDone(task="look#1", outcome="done", by="person:ana"))
    room.clock.forward(days=2)
    room.inbox_read()
    room.send()
    room.lose()
    assert [row.step for row in room.reconcile().left] == ["bump"]
    assert room.progress(enrollment).tasks == {}
    room.clock.forward(days=4)
    room.inbox_read()
    room.send()
    assert room.kinds_of("sent") == [("jo@jo.test", step) for step in ("breakup", "bump", "intro")]
    assert room.progress(enrollment) == room.folded(enrollment)
    assert room.database.read(tasks.open_tasks) == []


@pytest.mark.parametrize("early", [True, False], ids=["read before anybody reconciled", "comes later"])
async def test_a_strangers_answer_to_a_mail_that_is_lost_for_good_waits_for_a_person(
    room: Restored, early: bool
) -> None:
    """Nobody here can be told by it. Unseen it would stop nobody, also not whoever is enrolled once more."""
    person = room.stranger("jo@gmail.com")
    room.keep()
    room.enroll(person)
    room.send(filed=False)
    left = room.sent(person)
    room.lose()
    answer = mail("Not now.", sender="Office <office@gmail.com>", answers=left.message_id, at=room.clock.now())
    if early:
        room.deliver(answer)
        await room.read()
        assert room.inbound() == []
    assert room.reconcile(Words(trusted=frozenset({ANA}))).lifted
    if not early:
        room.deliver(answer)
    await room.read()
    (parked,) = room.inbound()
    assert (parked.state, parked.reason, parked.prospect_id) == ("parked", TO_A_LOST_ONE, None)
    again, now = room.enroll(person), room.clock.now()
    room.database.write(lambda c: accept(c, room.advance, parked.id, "jo@gmail.com", "ana", now))
    assert room.progress(again).finished is FinishReason.REPLIED


@pytest.mark.parametrize(
    "answered",
    ["<{digest}@elsewhere.test>", "<{digest}0@ourco.test>", "<note@ourco.test>"],
    ids=["another domain", "another shape", "by hand"],
)
async def test_an_answer_to_what_others_wrote_is_not_kept_after_a_restore(room: Restored, answered: str) -> None:
    room.lose()
    assert room.reconcile().lifted
    room.deliver(mail(sender="Office <office@gmail.com>", answers=answered.format(digest="0f" * 20)))
    await room.read()
    assert room.inbound() == []
