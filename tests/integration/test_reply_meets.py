"""A rep's own answer meets what other commands do: suppress, merge, reassign, a mailbox that is gone, a closed task."""

import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core import events as e
from sequencer.core.outcome import Uncertain
from sequencer.core.progress import fold
from sequencer.core.suppression import Suppression
from sequencer.engine import answering, merging, reassigning, settling, task_verbs
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.prepare import Batch, limits_of, prepare
from sequencer.engine.situation import Surroundings
from sequencer.errors import InputError
from sequencer.store import fence, leases, log, people, sends
from sequencer.store.due import due_sends
from sequencer.store.tables import SENDS
from tests.fresh import end_leases
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, bounce, mail
from tests.integration.test_reply import NIGHT, Night

BO = "bo@ourco.test"


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    room = Night(tmp_path)
    await room.read()
    yield room
    room.close()


def states(night: Night) -> list[str]:
    return [row.state for row in night.answers()]


def suppress(night: Night, kind: str, value: str) -> None:
    rule = Suppression(kind, value, None, "no", night.clock.now())  # type: ignore[arg-type]
    night.database.write(lambda c: people.suppress(c, rule, "person:ana"))


def bo_takes_over(night: Night) -> None:
    """Ana's mailbox leaves config.toml; Bo has one."""
    told = tomllib.loads((night.folder / "config.toml").read_text())
    (box,) = told["mailboxes"]
    told["mailboxes"] = [{**box, "address": BO, "rep": "bo", "maildir": "mail-bo"}]
    told["reps"].append({"name": "bo", "email": "bo@home.test", "timezone": "UTC"})
    night.config = Config.model_validate(told)
    night.config._folder = night.folder
    night.advance = Advance(night.database, Surroundings(night.config, Catalog()))


async def other_reply_to(night: Night, address: str) -> None:
    more = f"Reply-To: {address}\n"
    night.deliver(mail("Yes. Write to me there.", answers=night.first.message_id, at=NIGHT, number=8, more=more))
    await night.read()


@pytest.mark.parametrize(("kind", "value"), [("domain", "rival.test"), ("address", "jo@rival.test")])
async def test_where_they_want_their_answer_may_be_forbidden(night: Night, kind: str, value: str) -> None:
    await other_reply_to(night, "jo@rival.test")
    night.reply()
    suppress(night, kind, value)
    night.send_due()
    assert states(night) == ["failed"]
    with pytest.raises(InputError, match="may not be written to"):
        night.reply()


@pytest.mark.parametrize("kind", ["address", "person"])
async def test_a_rule_on_where_it_goes_wins_at_the_fence(night: Night, kind: str) -> None:
    kim = night.person("kim@rival.test", "Kim") if kind == "person" else 0
    await other_reply_to(night, "kim@rival.test")
    night.reply()
    box = night.config.mailboxes_by_address[ANA]

    def pass_fence(connection: Connection, batch: Batch) -> dict[int, str]:
        end_leases(connection, NIGHT)
        number = leases.lease(connection, [ANA], "test", NIGHT, timedelta(seconds=20))[ANA]
        intents = [fence.Intent(one.send_id, "test", number) for one in batch.ready]
        return fence.pass_fence(connection, intents, {ANA: limits_of(box, night.advance.around, 0, NIGHT)}, NIGHT)

    batch = night.database.read(lambda c: prepare(c, night.advance.around, box, KEY, NIGHT))
    night.database.write(lambda c: sends.put_prepared(c, batch.ready))
    suppress(night, kind, str(kim) if kim else "kim@rival.test")
    refused = night.database.write(lambda c: pass_fence(c, batch))
    assert list(refused.values()) == ["something was recorded meanwhile"]


async def test_another_person_who_refused_gets_no_answer_meant_for_them(night: Night) -> None:
    kim = night.person("kim@rival.test", "Kim")
    await other_reply_to(night, "kim@rival.test")
    night.reply()
    suppress(night, "person", str(kim))
    night.send_due()
    assert states(night) == ["failed"]


def test_a_mail_written_by_hand_calls_a_queued_answer_back(night: Night) -> None:
    night.reply()
    night.record(night.enrollment, e.OwnerWrote(message=99))
    assert night.task.state == "cancelled"
    night.send_due()
    assert states(night) == ["failed"]


def test_a_skipped_task_calls_its_queued_answer_back(night: Night) -> None:
    night.reply()
    night.database.write(lambda c: task_verbs.skip(c, night.advance, night.task.id, "ana", NIGHT))
    night.send_due()
    assert states(night) == ["failed"]


def test_an_answer_whose_task_was_said_to_be_done_leaves(night: Night) -> None:
    night.reply()
    said = task_verbs.Said("", "ana")
    night.database.write(lambda c: task_verbs.done(c, night.advance, night.task.id, said, NIGHT))
    night.send_due()
    assert states(night) == ["sent"]


def test_what_is_answered_is_not_answered_twice(night: Night) -> None:
    night.reply()
    night.send_due()
    with pytest.raises(InputError, match="done already"):
        night.reply()


def test_a_new_mailbox_takes_no_answer_of_the_old_one_along(night: Night) -> None:
    night.reply()
    bo_takes_over(night)
    with pytest.raises(InputError, match="not in config"):
        night.reply()
    reassigning.reassign(night.database, night.advance, "ana", "bo", None, "ana", NIGHT, answers_read=True)
    assert (night.task.rep, night.task.state, states(night)) == ("bo", "open", ["failed"])


def test_an_uncertain_answer_of_a_mailbox_that_is_gone_is_not_sent_again(night: Night) -> None:
    night.reply()
    night.send_due(Uncertain("the connection was lost", "dot"))
    bo_takes_over(night)
    (row,) = night.answers()
    with pytest.raises(InputError, match="say sent or skip"):
        night.database.write(lambda c: settling.send_again(c, night.advance, row.id, "ana", NIGHT))


def test_a_queued_answer_goes_with_its_person_when_two_are_merged(night: Night) -> None:
    joanna = night.person("joanna@acme.test", "Joanna")
    night.reply()
    night.database.write(
        lambda c: merging.merge(c, night.advance, "joanna@acme.test", "jo@acme.test", "ana", night.clock.now())
    )
    night.jo = joanna
    night.clock.to(NIGHT + timedelta(minutes=1))
    night.send_due()
    assert (states(night), night.task.state) == (["sent"], "done")


@pytest.mark.parametrize("status", ["5.1.1", "4.2.2"])
async def test_an_answer_that_bounces_is_to_be_answered_again(night: Night, status: str) -> None:
    night.reply()
    night.send_due()
    (row,) = night.answers()
    night.clock.to(NIGHT + timedelta(hours=1))
    night.deliver(bounce(status=status, text=f"550 {status} no", about=row.message_id))
    await night.read()
    assert (night.task.work, night.task.state, night.task.key) == ("answer", "open", "answer_bounced:answer#2")
    entries = night.database.read(lambda c: log.read_log(c, night.enrollment))
    assert fold((entry.at, entry.event) for entry in entries) == night.progress(night.enrollment)


async def test_a_step_that_bounces_after_the_end_asks_for_no_answer(night: Night) -> None:
    night.deliver(bounce(about=night.first.message_id))
    await night.read()
    assert [night.task.key] == ["reply:answer#1"]


async def test_a_mail_of_somebody_who_may_be_them_is_not_answered_before_it_is_confirmed(night: Night) -> None:
    known = night.database.read(lambda c: people.load_prospects(c, [night.jo]))[night.jo]
    named = replace(known, fields={"first_name": "Jo", "last_name": "Roe"})
    night.database.write(lambda c: people.update_prospect(c, named))
    night.deliver(mail("It is me.", sender="Jo Roe <someone@acme.test>", at=NIGHT, number=8))
    await night.read()
    parked = night.inbound()[-1]
    assert (parked.state, parked.prospect_id) == ("parked", night.jo)
    blank = night.database.read(lambda c: answering.blank(c, night.advance, night.task.id, NIGHT))
    assert blank.address == "jo@acme.test"


def test_an_answer_is_looked_at_before_a_long_line_of_follow_ups(night: Night) -> None:
    """Only so many queued mails are read in one pass."""
    night.clock.to(NIGHT - timedelta(hours=8))
    night.enroll(night.person("kim@acme.test", "Kim"))
    night.database.write(lambda c: night.advance.advance_due(c, night.clock.now()))
    night.database.write(lambda c: c.execute(SENDS.update().values(first_touch=False)))
    night.clock.to(NIGHT)
    night.reply()
    first = night.database.read(lambda c: due_sends(c, ANA, NIGHT, 1))
    assert [row.answers for row in first] == [night.task.id]
