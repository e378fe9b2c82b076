"""`why` when a daemon, a mailbox or an inbox does not work: it promises nothing and says what is wrong."""

from datetime import timedelta

from sequencer.store import inbox, scopes, sends
from tests.unit.engine.asking import BOX, BUMP, at_work, beat, said, shut, standing, waiting
from tests.unit.engine.people_house import House, house

__all__ = ["house"]


def test_a_stale_inbox_stops_a_follow_up_but_no_first_mail(house: House) -> None:
    house.inside()
    beat(house)
    assert "inbox" not in shut(house)
    house.sent()
    house.later(minutes=6)
    house.database.write(
        lambda connection: scopes.put_meta(connection, "highest_instant", house.clock.now().isoformat())
    )
    assert "inbox" in shut(house)
    assert "was not read to its end lately" in said(house)


def test_a_mailbox_that_broke_is_told_with_its_answer(house: House) -> None:
    waiting(house)
    house.database.write(lambda connection: sends.break_mailbox(connection, BOX, "535 no", house.clock.now()))
    assert "mailbox works" in shut(house)
    assert "535 no" in said(house)


def rest(house: House) -> None:
    until, reason = house.clock.now() + timedelta(minutes=1), "cannot reach smtp.ourco.test: Name or service not known"
    house.database.write(lambda connection: sends.rest_mailbox(connection, BOX, until, reason))


def test_a_queued_mail_of_a_mailbox_that_rests_is_promised_nothing(house: House) -> None:
    house.inside()
    beat(house)
    rest(house)
    assert said(house) == (
        'Bo waits: the step "intro" is queued. But ana@ourco.test rests: cannot reach smtp.ourco.test: '
        "Name or service not known; it tries again Mon 23 Nov 09:01"
    )
    assert shut(house) == ["mailbox works"]
    assert standing(house).goes_at == house.clock.now() + timedelta(minutes=1)


def test_a_later_mail_keeps_its_hour_while_the_mailbox_rests(house: House) -> None:
    waiting(house)
    rest(house)
    assert said(house).startswith(f"{BUMP}. But {BOX} rests: cannot reach")


def test_a_queued_mail_of_a_broken_mailbox_waits_for_its_mending(house: House) -> None:
    house.inside()
    beat(house)
    house.database.write(lambda connection: sends.break_mailbox(connection, BOX, "535 no", house.clock.now()))
    one = standing(house)
    assert (one.goes_at, one.closed.name if one.closed else "") == (None, "mailbox works")
    assert said(house).startswith("Bo waits: the mailbox cannot log in or send (535 no")
    assert said(house).count("535 no") == 1


def test_a_queued_follow_up_waits_for_the_inbox_and_says_why_it_is_not_read(house: House) -> None:
    waiting(house)
    house.later(days=2)
    beat(house)
    house.later(minutes=6)
    lost = "imap.ourco.test: Name or service not known"
    at_work(house)
    house.database.write(lambda connection: inbox.put_lost(connection, "maildir:mail", lost, house.clock.now()))
    one = standing(house)
    assert (one.goes_at, one.closed.name if one.closed else "") == (None, "inbox")
    assert one.closed
    assert one.closed.detail == f"maildir:mail was read at 2026-11-25 09:00 UTC: {lost}"
    assert said(house).count(lost) == 1


def test_without_a_daemon_nothing_moves_and_that_is_said(house: House) -> None:
    house.inside()
    assert said(house).endswith('But no daemon runs, so nothing moves: start it: "sequencer daemon"')
    ahead = house.clock.now() + timedelta(hours=2)
    house.database.write(lambda connection: scopes.put_meta(connection, "highest_instant", ahead.isoformat()))
    assert "the clock is 2:00:00 behind the highest instant seen" in said(house)
