"""What was lost with a database and nobody can bring back: what may act in spite of it, and what waits for a person."""

import pytest

from sequencer.app import KEY as INSTALLATION_KEY
from sequencer.core import events as e
from sequencer.core.reason import FinishReason
from sequencer.engine.answers import TO_A_LOST_ONE
from sequencer.engine.correcting import accept
from sequencer.engine.reconciling import Words
from sequencer.store import epoch, scopes, sends, tasks
from tests.integration.installation import KEY, SEQUENCE
from tests.integration.mail_room import ANA, mail
from tests.integration.restored import Restored
from tests.integration.typed import typed_in

TASK_BETWEEN = SEQUENCE.replace(
    "  - id: bump", "  - id: look\n    wait: 1bd\n    task: Look at their page.\n  - id: bump"
)


@pytest.mark.parametrize("was_open", [False, True], ids=["before its task opened", "while its task was open"])
def test_a_forgotten_mail_behind_a_task_that_was_done_takes_the_sequence_past_the_task(
    restored: Restored, was_open: bool
) -> None:
    """What was done of tasks is lost, but nobody got to the second mail without it."""
    restored.apply("profile", TASK_BETWEEN)
    enrollment = restored.enroll(restored.person("jo@jo.test"), "profile")
    restored.send()
    if not was_open:
        restored.keep()
    restored.clock.forward(days=1)
    restored.send()
    if was_open:
        restored.keep()
    restored.record(enrollment, e.TaskDone(task="look#1", outcome="done", by="person:ana"))
    restored.send_after(days=2)
    restored.lose()
    assert [row.step for row in restored.reconcile().left] == ["bump"]
    assert restored.progress(enrollment).tasks == {}
    restored.send_after(days=4)
    assert restored.kinds_of("sent") == [("jo@jo.test", step) for step in ("breakup", "bump", "intro")]
    assert restored.progress(enrollment) == restored.folded(enrollment)
    assert restored.database.read(tasks.open_tasks) == []


@pytest.mark.parametrize("early", [True, False], ids=["read before anybody reconciled", "comes later"])
async def test_a_strangers_answer_to_a_mail_that_is_lost_for_good_waits_for_a_person(
    restored: Restored, early: bool
) -> None:
    """Nobody here can be told by it. Unseen it would stop nobody, also not whoever is enrolled once more."""
    person = restored.stranger("jo@gmail.com")
    restored.keep()
    restored.enroll(person)
    restored.send(filed=False)
    left = restored.sent(person)
    restored.lose()
    answer = mail("Not now.", sender="Office <office@gmail.com>", answers=left.message_id, at=restored.clock.now())
    if early:
        restored.deliver(answer)
        await restored.read()
        assert [row.reason for row in restored.inbound()] == [TO_A_LOST_ONE]
    assert restored.reconcile(Words(trusted=frozenset({ANA}))).lifted
    if not early:
        restored.deliver(answer)
    await restored.read()
    (parked,) = restored.inbound()
    assert (parked.state, parked.reason, parked.prospect_id) == ("parked", TO_A_LOST_ONE, None)
    again, now = restored.enroll(person), restored.clock.now()
    restored.database.write(lambda c: accept(c, restored.advance, parked.id, "jo@gmail.com", "ana", now))
    assert restored.progress(again).finished is FinishReason.REPLIED


async def test_an_answer_to_a_mail_that_is_lost_stops_whoever_was_enrolled_again_by_a_clock_that_is_ahead(
    restored: Restored,
) -> None:
    """By its Date it is older than their enrollment, but nobody who enrolled them has seen it (seed 22490)."""
    person = restored.person("jo@jo.test")
    restored.keep()
    restored.enroll(person)
    restored.send(filed=False)
    left = restored.sent(person)
    restored.lose(counted=False)
    answered_at = restored.clock.now()
    restored.clock.forward(days=1)
    again = restored.enroll(person)
    assert restored.reconcile(Words(trusted=frozenset({ANA}))).lifted
    restored.deliver(mail("Yes!", sender="Jo <jo@jo.test>", answers=left.message_id, at=answered_at))
    await restored.read()
    assert restored.progress(again).finished is FinishReason.REPLIED


@pytest.mark.parametrize("named", [True, False], ids=["it names the lost mail", "a mail of its own"])
@pytest.mark.parametrize("noticed", [True, False], ids=["under the hold", "before a daemon noticed"])
async def test_an_answer_of_the_lost_time_stops_whoever_was_enrolled_again_before_it_was_read(
    restored: Restored, noticed: bool, named: bool
) -> None:
    """By its Date it is older than their enrollment, too (seeds 26702, 26897). The lost mail's id is notice enough."""
    person = restored.person("jo@jo.test")
    restored.keep()
    restored.enroll(person)
    restored.send(filed=False)
    left = restored.sent(person)
    restored.clock.forward(hours=5)
    about = left.message_id if named else ""
    restored.deliver(mail("Yes!", sender="Jo <jo@jo.test>", answers=about, at=restored.clock.now()))
    restored.clock.forward(hours=5)
    restored.lose(noticed=noticed)
    restored.clock.forward(hours=5)
    again = restored.enroll(person)
    await restored.read()
    assert (restored.progress(again).finished is FinishReason.REPLIED) == (noticed or named)
    assert (restored.database.read(epoch.held) is not None) == (noticed or named)


@pytest.mark.parametrize("filed", [True, False], ids=["in Sent", "moved out of it"])
def test_a_mail_to_somebody_who_is_lost_is_listed_wherever_its_copy_lies(restored: Restored, filed: bool) -> None:
    """Or they would be enrolled again and get it twice."""
    restored.database.write(lambda connection: scopes.put_meta(connection, INSTALLATION_KEY, KEY.hex()))
    restored.apply()
    restored.keep()
    restored.enroll(restored.person("jo@jo.test"))
    restored.send(filed=filed)
    if not filed:
        left = restored.sent(1).id
        restored.deliver(restored.database.read(lambda connection: sends.raw_bytes(connection, [left]))[left])
    restored.lose()
    said = typed_in(restored.folder, "db", "reconcile", "--trust", ANA, "--as", "ana")
    assert said.code == 0, said.err
    assert "jo@jo.test" in said.out
    assert ("perhaps: it is not in Sent" in said.out) is not filed
    assert ("1 more mail may have left" in said.out) is not filed


@pytest.mark.parametrize("noticed", [True, False], ids=["after the restore was noticed", "before"])
async def test_a_colleagues_answer_to_a_forgotten_mail_that_was_read_too_early_is_read_again(
    restored: Restored, noticed: bool
) -> None:
    """A daemon that runs through a restore may read mail before its next heartbeat notices."""
    person = restored.person("jo@jo.test")
    enrollment = restored.enroll(person)
    restored.keep()
    restored.send()
    left = restored.sent(person)
    restored.lose(noticed=noticed)
    answer = mail("Send it to me.", sender="Robin <office@jo.test>", answers=left.message_id, at=restored.clock.now())
    restored.deliver(answer)
    await restored.read()
    restored.clock.forward(minutes=1)
    if not noticed:
        restored.notice()
    assert restored.reconcile().lifted
    await restored.read()
    assert restored.progress(enrollment).finished is FinishReason.REPLIED


@pytest.mark.parametrize(
    "answered",
    ["<{digest}@elsewhere.test>", "<{digest}0@ourco.test>", "<note@ourco.test>"],
    ids=["another domain", "another shape", "by hand"],
)
async def test_an_answer_to_what_others_wrote_is_not_kept_after_a_restore(restored: Restored, answered: str) -> None:
    restored.lose()
    assert restored.reconcile().lifted
    restored.deliver(mail(sender="Office <office@gmail.com>", answers=answered.format(digest="0f" * 20)))
    await restored.read()
    assert restored.inbound() == []
