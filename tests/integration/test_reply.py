"""`reply`: a rep's own answer over the same wire and fence as the machine's mails, but beside the steps."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner

from sequencer.cli import root
from sequencer.core import events as e
from sequencer.core.outcome import Deferred, Outcome, Refused, Uncertain
from sequencer.core.people import OuterPause
from sequencer.core.timing import BACK_OFF
from sequencer.engine import answering, settling
from sequencer.errors import InputError
from sequencer.store import answers, scopes, sends, tasks
from tests.integration.installation import KEY, MONDAY
from tests.integration.mail_room import ANA, MailRoom, mail

NIGHT = MONDAY + timedelta(hours=14)
WORDS = "Tuesday at 10 suits me.\n\nAna\n"


class Night(MailRoom):
    """Jo was written to in the morning and answered; it is night, the window is shut."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.jo = self.person("jo@acme.test")
        self.enrollment = self.written_to(self.jo)
        self.first = self.sent(self.jo)
        self.clock.to(NIGHT)
        answer = mail("Sounds good.\nWhen?", answers=self.first.message_id, at=NIGHT, number=7)
        self.deliver(answer)

    @property
    def task(self) -> tasks.TaskRow:
        return self.database.read(lambda c: tasks.person_tasks(c, self.jo))[-1]

    def reply(self, text: str = WORDS, subject: str = "") -> None:
        self.database.write(
            lambda c: answering.reply(c, self.advance, KEY, self.task.id, subject, text, "ana", self.clock.now())
        )

    def answers(self) -> list[sends.SendRow]:
        return self.database.read(lambda c: answers.answers_to(c, self.task.id))

    def raw(self, row: sends.SendRow) -> bytes:
        return self.database.read(lambda c: sends.raw_bytes(c, [row.id]))[row.id]


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    room = Night(tmp_path)
    await room.read()
    yield room
    room.close()


def test_an_answer_leaves_at_night_in_the_thread_and_closes_the_task(night: Night) -> None:
    assert night.progress(night.enrollment).finished
    night.reply()
    night.send_due()

    (row,) = night.answers()
    assert (row.state, row.address, row.mailbox, night.task.state, night.task.outcome) == (
        "sent", "jo@acme.test", ANA, "done", "answered",
    )  # fmt: skip
    sent = message_from_bytes(night.raw(row), policy=policy.default)
    assert sent["In-Reply-To"] == "<mail-7@prospect.test>"
    assert str(sent["References"]).split() == [night.first.message_id, "<mail-7@prospect.test>"]
    assert (sent["Subject"], sent["To"].addresses[0].addr_spec) == ("Re: An idea for Acme", "jo@acme.test")
    assert sent["List-Unsubscribe"] is None  # one person's answer to another
    assert sent.get_content().replace("\r\n", "\n") == WORDS
    assert night.kinds(night.enrollment)[-4:-1] == ["AnswerQueued", "AnswerSent", "TaskDone"]
    assert night.folded(night.enrollment) == night.progress(night.enrollment)


def test_the_blank_has_the_quoted_mail_under_the_signature(night: Night) -> None:
    blank = night.database.read(lambda c: answering.blank(c, night.advance, night.task.id, NIGHT))
    assert blank.text == "\n\nOn Mon, 23 Nov 2026 at 23:00, Jo Roe wrote:\n> Sounds good.\n> When?\n"
    assert (blank.address, blank.subject) == ("jo@acme.test", "Re: An idea for Acme")


async def test_an_automatic_reply_that_came_later_hides_no_answer(night: Night) -> None:
    more = "Auto-Submitted: auto-replied\n"
    night.deliver(mail("I am away.", answers=night.first.message_id, at=NIGHT, number=8, more=more))
    await night.read()
    blank = night.database.read(lambda c: answering.blank(c, night.advance, night.task.id, NIGHT))
    assert "> Sounds good.\n" in blank.text


def test_an_opt_out_stops_a_queued_answer(night: Night) -> None:
    night.reply()
    night.record(night.enrollment, e.OptedOut(by="person:ana"))
    night.send_due()
    (row,) = night.answers()
    assert row.state == "failed"
    assert e.AnswerRefused(task=night.task.key, number=1, code=0, enhanced="") in night.events(night.enrollment)
    with pytest.raises(InputError, match="may not be written to"):
        night.reply()


@pytest.mark.parametrize(("scope", "key"), [("all", ""), ("mailbox", ANA)])
def test_the_panic_button_stops_a_queued_answer_until_it_is_lifted(night: Night, scope: str, key: str) -> None:
    night.reply()
    pause = OuterPause(scope, key, "", "ana", NIGHT)  # type: ignore[arg-type]
    night.database.write(lambda c: scopes.pause_scope(c, pause))
    night.send_due()
    assert [row.state for row in night.answers()] == ["queued"]
    night.database.write(lambda c: scopes.resume_scope(c, scope, key))  # type: ignore[arg-type]
    night.clock.forward(minutes=16)
    night.send_due()
    assert [row.state for row in night.answers()] == ["sent"]


@pytest.mark.parametrize(
    "outcome", [Refused(550, "no such user", "rcpt", "5.1.1", True), Refused(554, "policy", "dot")]
)
def test_a_refused_answer_keeps_the_task_and_may_be_written_again(night: Night, outcome: Outcome) -> None:
    night.reply()
    night.send_due(outcome)
    assert night.task.state == "open"
    night.reply("Once more.")
    night.send_due()
    first, second = night.answers()
    assert (first.state, second.state, second.attempt, night.task.state) == ("failed", "sent", 2, "done")
    assert first.message_id != second.message_id


def test_a_deferred_answer_goes_again_and_fails_in_the_end(night: Night) -> None:
    night.reply()
    for pause in BACK_OFF:
        night.send_due(Deferred(450, "later", "rcpt", "4.2.1"))
        assert [row.state for row in night.answers()] == ["queued"]
        night.clock.forward(hours=pause.total_seconds() / 3600)
    night.send_due(Deferred(450, "later", "rcpt", "4.2.1"))
    assert [row.state for row in night.answers()] == ["failed"]
    assert night.kinds(night.enrollment).count("AnswerDeferred") == len(BACK_OFF)
    assert night.task.state == "open"


def test_an_uncertain_answer_is_settled_by_a_person(night: Night) -> None:
    night.reply()
    night.send_due(Uncertain("the connection was lost", "dot"))
    (row,) = night.answers()
    with pytest.raises(InputError, match="sequencer uncertain"):
        night.reply()
    night.database.write(lambda c: settling.say_sent(c, night.advance, row.id, "ana", NIGHT))
    assert (night.task.state, night.answers()[0].state) == ("done", "sent")


def test_an_uncertain_answer_that_is_sent_again_has_the_same_bytes(night: Night) -> None:
    night.reply()
    night.send_due(Uncertain("the connection was lost", "dot"))
    (row,) = night.answers()
    night.database.write(lambda c: settling.send_again(c, night.advance, row.id, "ana", NIGHT))
    night.send_due()
    first, second = night.answers()
    assert (first.state, second.state, first.message_id) == ("skipped", "sent", second.message_id)
    assert night.raw(first) == night.raw(second)
    assert night.task.state == "done"


def test_an_uncertain_answer_that_is_left_keeps_the_task(night: Night) -> None:
    night.reply()
    night.send_due(Uncertain("the connection was lost", "dot"))
    night.database.write(lambda c: settling.give_up(c, night.advance, night.answers()[0].id, "ana", NIGHT))
    assert night.task.state == "open"
    night.reply("Anew.")
    night.send_due()
    assert [row.state for row in night.answers()] == ["skipped", "sent"]


def test_an_edit_of_the_sequence_leaves_a_queued_answer_alone(night: Night) -> None:
    night.reply()
    night.database.write(lambda c: sends.drop_unfenced_bytes(c, "three"))
    night.send_due()
    assert [row.state for row in night.answers()] == ["sent"]


def test_what_cannot_be_answered_says_so(night: Night) -> None:
    night.reply()
    with pytest.raises(InputError, match="is under way"):
        night.reply()
    with pytest.raises(InputError, match="without a word"):
        night.reply(" \n")


def test_a_header_that_breaks_lines_is_refused_and_nothing_is_queued(night: Night) -> None:
    with pytest.raises(ValueError, match="subject"):
        night.reply(subject="Hello\r\nBcc: all@acme.test")
    assert night.answers() == []


async def test_their_next_mail_is_known_by_the_answer_that_it_names(night: Night) -> None:
    night.reply()
    night.send_due()
    (row,) = night.answers()
    night.clock.forward(hours=1)
    night.deliver(mail("Fine.", sender="jo@home.example", answers=row.message_id, number=8, at=night.clock.now()))
    await night.read()
    assert night.inbound()[-1].prospect_id == night.jo


def test_the_command_opens_the_editor_and_says_what_comes(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = night.folder / "editor"
    editor.write_text(
        '#!/bin/sh\n{ sed -n 1,2p "$1"; echo "Tuesday at 10?"; sed 1,2d "$1"; } > "$1.new"\nmv "$1.new" "$1"\n'
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    asked = ["--config", str(night.folder / "config.toml"), "reply", str(night.task.id), "--as", "ana"]
    ran = CliRunner().invoke(root, asked)
    assert ran.exit_code == 0, ran.output
    assert f'"Re: An idea for Acme" to Jo <jo@acme.test> is queued; it leaves from {ANA}' in ran.output
    night.send_due()
    (row,) = night.answers()
    text = message_from_bytes(night.raw(row), policy=policy.default).get_content().replace("\r\n", "\n")
    assert text.startswith("Tuesday at 10?\n")
    assert "> Sounds good.\n> When?\n" in text


def test_a_text_from_the_pipe_needs_no_editor(night: Night) -> None:
    asked = ["--config", str(night.folder / "config.toml"), "reply", str(night.task.id), "--text", "-", "--json"]
    ran = CliRunner().invoke(root, asked, input="Yes.\n", env={"SEQUENCER_REP": "ana"})
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output)["to"] == "jo@acme.test"
    assert [row.state for row in night.answers()] == ["queued"]
