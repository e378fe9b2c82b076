"""Each checker is shown worlds in which its guarantee is broken: one that cannot fail is worthless."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sequencer.config import AwaySection
from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.store.log import Entry
from sequencer.world import check_rows, check_sending, check_stops
from sequencer.world.evidence import Evidence, Verdict
from sequencer.world.guarantees import CHECKS, judge
from tests.unit.world.small_world import (
    ANA,
    ANSWER_AT,
    BUMP_AT,
    ENDS,
    INTRO_AT,
    JO,
    KAI,
    KAI_AT,
    SmallWorld,
    mail_row,
    send,
    small_world,
    task,
)

Check = Callable[[Evidence], Verdict]
Break = Callable[[SmallWorld], Any]
MONDAY = INTRO_AT.date()
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_in_the_small_world_every_guarantee_holds_and_counts_something() -> None:
    for verdict in judge(small_world().seen()):
        assert verdict.held, (verdict.guarantee, verdict.broken)
        assert any(character.isdigit() and character != "0" for character in verdict.counted) or "0 people" in (
            verdict.counted
        ), verdict


def late_mail(at: datetime, recipient: str = JO, **values: Any) -> Break:
    """A further mail, with a row that allows it: only its instant is wrong."""
    person = 1 if recipient == JO else 2

    def apply(world: SmallWorld) -> None:
        world.took("<9@x>", at, recipient)
        world.sends.append(send(9, person, "bump", "<9@x>", at, "acme.test", attempt=1, **values))

    return apply


def moved(message_id: str, at: datetime, read: bool = True) -> Break:
    """The mail left at another instant, right after a look into the inbox."""

    def apply(world: SmallWorld) -> None:
        entries = [entry for entry in world.record.entries if getattr(entry, "message_id", "") != message_id]
        (mail,) = [entry for entry in world.record.entries if getattr(entry, "message_id", "") == message_id]
        world.record.entries = [*entries, replace(mail, at=at)]
        world.change_send(message_id, sending_at=at)

    return apply


def without_read(world: SmallWorld) -> None:
    """Nobody looked into the inbox in the minutes before the follow-up."""
    world.record.entries = [
        entry for entry in world.record.entries
        if type(entry).__name__ != "Read" or not timedelta() <= BUMP_AT - entry.at < HOUR
    ]  # fmt: skip


def held_at_the_bump(world: SmallWorld) -> None:
    world.entry(1, BUMP_AT - HOUR, e.HoldPut(reason=Reason.BAD_PHONE))
    world.entry(1, BUMP_AT + HOUR, e.HoldTaken(reason=Reason.BAD_PHONE, by="person:ana"))


def paused_at_the_bump(world: SmallWorld) -> None:
    world.entry(
        1, BUMP_AT - HOUR, e.PausePut(reason=Reason.AWAY, until=BUMP_AT + HOUR, due_at=None, by="auto_reply")
    )  # fmt: skip
    world.entry(1, BUMP_AT + HOUR, e.PauseTaken(reason=Reason.AWAY, by="date"))


def finished_before_the_bump(world: SmallWorld) -> None:
    world.entry(1, BUMP_AT - HOUR, e.MeetingBooked(by="person:ana"), e.Finished(reason=FinishReason.MEETING, by="x"))


def away_until(until: datetime) -> Break:
    """An automatic reply that was read on Monday."""

    def apply(world: SmallWorld) -> None:
        read = next(entry for entry in world.record.entries if type(entry).__name__ == "Read" and entry.at > KAI_AT)
        world.delivered(INTRO_AT + HOUR, JO, "away", b"away", until=until)
        world.record.entries.append(replace(world.record.entries.pop(), order=read.order - 2))

    return apply


def active_again(world: SmallWorld) -> None:
    world.logs[2] = [entry for entry in world.logs[2] if not isinstance(entry.event, e.Finished)]
    world.due_at[2] = ENDS + HOUR


def active(due_at: datetime | None) -> Break:
    def apply(world: SmallWorld) -> None:
        world.logs[1] = world.logs[1][:3]
        world.due_at[1] = due_at

    return apply


def absence(first: date, last: date, rep: str = "ana") -> AwaySection:
    return AwaySection.model_validate({"rep": rep, "from": first, "to": last})


def queued_for_ever(world: SmallWorld) -> None:
    world.sends.append(send(9, 1, "bump", "<9@x>", None, "acme.test", attempt=2, state="queued"))
    world.entry(1, ENDS - HOUR, e.TouchReattempted(step="bump", attempt=2, by="person:ana"))


def uncertain_for_ever(world: SmallWorld) -> None:
    world.change_send("<3@x>", state="uncertain")


def reattempted_by(by: str) -> Break:
    def apply(world: SmallWorld) -> None:
        world.took("<3@x>", BUMP_AT + MINUTE * 2)
        row = send(9, 1, "bump", "<3@x>", BUMP_AT + MINUTE * 2, "acme.test", attempt=2)
        world.sends.append(row)
        world.entry(1, BUMP_AT + MINUTE, e.TouchReattempted(step="bump", attempt=2, by=by))
        world.entry(1, BUMP_AT + MINUTE * 2, e.TouchSent(step="bump", attempt=2, sent_at=BUMP_AT + MINUTE * 2))

    return apply


def change_file(world: SmallWorld) -> None:
    place = next(iter(world.lying))
    world.lying[place] = b"changed"


def flag_file(world: SmallWorld) -> None:
    (mailbox, folder, name), raw = next(iter(world.lying.items()))
    del world.lying[mailbox, folder, name]
    world.lying[mailbox, folder, name.replace("new/", "cur/") + ":2,S"] = raw


def delete_file(world: SmallWorld) -> None:
    del world.lying[next(iter(world.lying))]


def add_file(world: SmallWorld) -> None:
    world.lying[ANA, "", "new/stranger"] = b"?"


def mail_twice(world: SmallWorld) -> None:
    world.inbound.append(mail_row(3, 1))
    world.mails[3] = b"tell me more"


def effect_twice(world: SmallWorld) -> None:
    world.entry(1, ANSWER_AT, e.ReplyReceived(message=2, answer="interested"))


def without_effect(world: SmallWorld) -> None:
    world.logs[1] = [entry for entry in world.logs[1] if not isinstance(entry.event, e.ReplyReceived)]


def noise_is_stored(world: SmallWorld) -> None:
    world.inbound.append(mail_row(3, 1, reason="not ours"))
    world.mails[3] = b"the menu"


def change_inbound(**values: Any) -> Break:
    def apply(world: SmallWorld) -> None:
        world.inbound[1] = replace(world.inbound[1], **values)

    return apply


def lost_event(world: SmallWorld) -> None:
    """The row says more than the log."""
    world.stored[1] = world.seen().census.enrollments[1].progress
    world.logs[1] = [entry for entry in world.logs[1] if entry.at < ANSWER_AT]


def nameless_finish(world: SmallWorld) -> None:
    event = e.Finished(reason=FinishReason.REPLIED, by="reply")
    object.__setattr__(event, "reason", None)
    world.logs[1] = [*world.logs[1][:-1], Entry(ANSWER_AT, 1, 1, event)]


# what is broken -> by which checker it must be found
BROKEN: list[tuple[str, Check, Break]] = [
    ("the same mail is accepted twice", check_sending.never_twice, lambda w: w.took("<3@x>", BUMP_AT + MINUTE)),
    ("a mail that no row knows", check_sending.never_twice, lambda w: w.took("<7@x>", BUMP_AT)),
    ("attempt 2 by the machine", check_sending.never_twice, reattempted_by("sent_folder")),
    ("sent, but nobody got it", check_sending.never_twice, lambda w: w.sends.append(
        send(9, 2, "bump", "<9@x>", BUMP_AT, "zeta.test"))),
    ("two rows of one key", check_sending.never_twice, late_mail(BUMP_AT + MINUTE * 2)),
    ("a mail after a reply was read", check_stops.nothing_after_a_stop, late_mail(ANSWER_AT + MINUTE)),
    ("a mail after an opt-out was read", check_stops.nothing_after_a_stop, late_mail(BUMP_AT, KAI)),
    ("a mail during an absence", check_stops.nothing_after_a_stop, away_until(BUMP_AT + HOUR)),
    ("a mail during a hold", check_stops.stopped_by_the_log, held_at_the_bump),
    ("a mail during a pause", check_stops.stopped_by_the_log, paused_at_the_bump),
    ("a mail after the meeting", check_stops.stopped_by_the_log, finished_before_the_bump),
    ("the inbox was read too long ago", check_sending.fresh, without_read),
    ("before the window", check_sending.in_hours, moved("<1@x>", datetime(2026, 11, 23, 15, 29, tzinfo=UTC))),
    ("in the break", check_sending.in_hours, moved("<1@x>", datetime(2026, 11, 23, 18, 30, tzinfo=UTC))),
    ("at the close", check_sending.in_hours, moved("<1@x>", datetime(2026, 11, 24, 0, 0, tzinfo=UTC))),
    ("on a Saturday", check_sending.in_hours, moved("<3@x>", datetime(2026, 11, 28, 16, 0, tzinfo=UTC))),
    ("on Thanksgiving", check_sending.in_hours, moved("<3@x>", datetime(2026, 11, 26, 16, 0, tzinfo=UTC))),
    ("while ana was away", check_sending.none_while_away, lambda w: w.away.append(absence(MONDAY, MONDAY))),
    ("on the last day away", check_sending.none_while_away, lambda w: w.away.append(
        absence(MONDAY - timedelta(days=9), MONDAY))),
    ("over the ramp", check_sending.under_limits, late_mail(INTRO_AT + HOUR * 2, KAI)),
    ("within the gap", check_sending.under_limits, moved("<2@x>", INTRO_AT + timedelta(seconds=89))),
    ("two touches in a day", check_sending.under_limits, moved("<3@x>", INTRO_AT + timedelta(hours=19))),
    ("a call the hour before", check_sending.under_limits, lambda w: w.tasks.append(
        task(1, 1, "call", "done", INTRO_AT, BUMP_AT - HOUR))),
    ("a counter too high", check_rows.counters_recounted, lambda w: w.usage.update(
        {("mailbox", ANA, INTRO_AT.date()): 3})),
    ("a counter is missing", check_rows.counters_recounted, lambda w: w.usage.pop(
        ("account", "acme.test", BUMP_AT.date()))),
    ("opted out, not suppressed", check_stops.opt_outs_cover_everything, lambda w: w.rules.clear()),
    ("opted out of mail only", check_stops.opt_outs_cover_everything, lambda w: w.rules.__setitem__(
        0, replace(w.rules[0], channel="email"))),
    ("opted out, still in a sequence", check_stops.opt_outs_cover_everything, active_again),
    ("opted out, a task is open", check_stops.opt_outs_cover_everything, lambda w: w.tasks.append(
        task(1, 2, "call", "open", INTRO_AT, None))),
    ("a mail is not stored", check_rows.every_mail_once, lambda w: w.inbound.pop()),
    ("a mail is stored twice", check_rows.every_mail_once, mail_twice),
    ("a mail acts twice", check_rows.every_mail_once, effect_twice),
    ("a mail has no effect", check_rows.every_mail_once, without_effect),
    ("a mail is left unread", check_rows.every_mail_once, change_inbound(state="stored")),
    ("parked without a reason", check_rows.every_mail_once, change_inbound(state="parked")),
    ("private mail is stored", check_rows.every_mail_once, noise_is_stored),
    ("a file was changed", check_rows.mailboxes_untouched, change_file),
    ("a mail was marked as read", check_rows.mailboxes_untouched, flag_file),
    ("a mail was deleted", check_rows.mailboxes_untouched, delete_file),
    ("a mail was added", check_rows.mailboxes_untouched, add_file),
    ("an end without a reason", check_rows.reasons, nameless_finish),
    ("parked without a reason, for people", check_rows.reasons, change_inbound(state="parked")),
    ("the row says more than the log", check_rows.log_replayed, lost_event),
    ("active and overdue", check_rows.nobody_forgotten, active(ENDS - timedelta(days=1))),
    ("active, and nothing moves it", check_rows.nobody_forgotten, active(None)),
    ("queued without a reason", check_rows.nobody_forgotten, queued_for_ever),
    ("uncertain, and nobody was told", check_rows.nobody_forgotten, uncertain_for_ever),
]  # fmt: skip


@pytest.mark.parametrize(("check", "broken"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_guarantee_is_found(check: Check, broken: Break) -> None:
    world = small_world()
    broken(world)
    assert not check(world.seen()).held


def test_every_checker_has_been_shown_a_broken_world() -> None:
    assert {check for _, check, _ in BROKEN} == set(CHECKS)


def test_a_second_attempt_that_a_person_asked_for_breaks_nothing() -> None:
    world = small_world()
    reattempted_by("person:ana")(world)
    assert check_sending.never_twice(world.seen()).held


def test_a_mail_that_left_before_the_answer_was_read_has_crossed() -> None:
    world = small_world()
    world.delivered(ENDS - HOUR, JO, "stop", b"one more word")
    world.took("<4@x>", ENDS - MINUTE)
    world.record.entries = [entry for entry in world.record.entries if getattr(entry, "raw", b"") != b"tell me more"]
    assert check_stops.nothing_after_a_stop(world.seen()).held
    world.read(ENDS)
    assert check_stops.nothing_after_a_stop(world.seen()).held


def test_a_day_away_forbids_neither_the_days_around_it_nor_the_mail_of_others() -> None:
    world = small_world()
    day = timedelta(days=1)
    world.away += [absence(MONDAY - day, MONDAY - day), absence(MONDAY + day, MONDAY + day)]
    world.away.append(absence(MONDAY, MONDAY, rep="bo"))
    assert check_sending.none_while_away(world.seen()).held


def test_an_absence_that_is_over_forbids_nothing() -> None:
    world = small_world()
    away_until(BUMP_AT)(world)
    assert check_stops.nothing_after_a_stop(world.seen()).held


def answered(at: datetime, person: int = 1, attempt: int = 1) -> Break:
    """Ana answers the person's mail, which is a touch of no step."""

    def apply(world: SmallWorld) -> None:
        key, account, recipient = (1, "acme.test", JO) if person == 1 else (2, "zeta.test", KAI)
        row = send(20 + attempt, key, "answer:7", f"<a{attempt}@x>", at, account, attempt=attempt)
        world.took(f"<a{attempt}@x>", at, recipient)
        world.sends.append(row)
        world.tasks = [replace(task(7, key, "answer", "done", ANSWER_AT, at), key="reply:answer#1")]
        world.entry(key, at, e.AnswerQueued(task="reply:answer#1", number=attempt, message=2, by="person:ana"))
        world.entry(key, at, e.AnswerSent(task="reply:answer#1", number=attempt, sent_at=at))
        assert row.local_day is not None
        for place in (("mailbox", ANA), ("account", account), ("domain", account)):
            world.usage[*place, row.local_day] = world.usage.get((*place, row.local_day), 0) + 1

    return apply


def test_a_reps_own_answer_may_leave_after_the_reply_at_night_and_while_away() -> None:
    world = small_world()
    at = ANSWER_AT + HOUR * 10
    answered(at)(world)
    answered(at + HOUR, attempt=2)(world)  # the first one bounced, say: she wrote again
    world.away.append(absence(at.date(), at.date()))
    assert [(verdict.guarantee, verdict.broken) for verdict in judge(world.seen()) if not verdict.held] == []


def test_no_answer_of_a_rep_may_leave_after_an_opt_out() -> None:
    world = small_world()
    answered(BUMP_AT, person=2)(world)
    assert not check_stops.nothing_after_a_stop(world.seen()).held


def test_an_answer_that_nobody_wrote_is_found() -> None:
    world = small_world()
    answered(ANSWER_AT + HOUR, attempt=2)(world)
    world.logs[1] = [entry for entry in world.logs[1] if not isinstance(entry.event, e.AnswerQueued)]
    assert not check_sending.never_twice(world.seen()).held
