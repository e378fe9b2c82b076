"""`status` as values: what does not work comes first, and no line promises what it cannot keep."""

import pytest

from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from sequencer.engine.outcomes import REST, Sent, settle_all
from sequencer.engine.overview import Overview, overview
from sequencer.engine.resting import rest_reason
from sequencer.store import inbox, leases, sends
from sequencer.store.sends import MailboxState
from tests.fresh import end_leases
from tests.unit.engine.asking import BOX, at_work
from tests.unit.engine.people_house import House, house

__all__ = ["house"]

INBOX = "maildir:mail"
HOST = "smtp.ourco.test"
UNKNOWN = "Error connecting to smtp.ourco.test on port 587: [Errno -2] Name or service not known"
NO_ROUTE = Deferred(0, UNKNOWN, "connect")


def seen(house: House) -> Overview:
    return house.database.read(lambda connection: overview(connection, house.advance.around, house.clock.now()))


def texts(house: House, kind: str) -> list[str]:
    return [each.text for each in seen(house).troubles if each.kind == kind]


def settle(house: House, *outcomes: Outcome) -> None:
    """One queued mail for each outcome, settled in one group."""
    queued, now = house.rows("queued"), house.clock.now()
    sent = [Sent(row.id, None, outcome, now) for row, outcome in zip(queued, outcomes, strict=False)]
    house.database.write(lambda connection: settle_all(connection, house.advance, sent))


def state(house: House) -> MailboxState:
    return house.database.read(sends.mailbox_states)[BOX]


def queue(house: House, number: int = 1) -> None:
    at_work(house)
    for each in range(number):
        house.inside(email=f"p{each}@acme{each}.test")


# the outcome, what is kept of it
REASONS: list[tuple[Outcome, str]] = [
    (NO_ROUTE, f"cannot reach {HOST}: Name or service not known"),
    (Deferred(0, "[Errno 111] Connection refused", "connect"), f"cannot reach {HOST}: Connection refused"),
    (Deferred(421, "too busy", "mail"), f"{HOST} answered 421 too busy"),
    (Deferred(0, "connection lost", "body"), f"{HOST} was lost: connection lost"),
    (Deferred(0, "no answer in time: auth", "auth"), f"no login at {HOST}: no answer in time: auth"),
    (Deferred(0, "the fence could not be committed: full", "fence"), "the fence could not be committed: full"),
    # these say something about the person, or about the mailbox for good
    (Deferred(451, "greylisted", "rcpt"), ""),
    (Accepted(250, "OK"), ""),
    (MailboxBroken("535 no", 535), ""),
]


@pytest.mark.parametrize(("outcome", "reason"), REASONS, ids=lambda each: str(each)[:30])
def test_only_what_lies_with_no_person_is_a_reason_to_rest(outcome: Outcome, reason: str) -> None:
    assert rest_reason(outcome, HOST) == reason


def test_a_mailbox_that_rests_is_a_trouble_and_promises_nothing(house: House) -> None:
    queue(house)
    assert texts(house, "resting") == []
    settle(house, NO_ROUTE)
    (trouble,) = [each for each in seen(house).troubles if each.kind == "resting"]
    assert trouble.text == f"{BOX} rests: cannot reach 127.0.0.1: Name or service not known"
    assert trouble.mend == "it tries again 2026-11-23 09:01 UTC"
    (line,) = seen(house).mailboxes
    assert (line.state, line.next_at) == ("resting", house.clock.now() + REST)
    house.clock.forward(seconds=61)
    at_work(house)
    (line,) = seen(house).mailboxes
    assert (line.state, line.next_at) == ("resting", None)


# what comes of the next mail, whether the mailbox still rests
NEXT: list[tuple[Outcome, bool]] = [
    (Accepted(250, "OK"), False),
    (Refused(550, "no such user", "rcpt", "5.1.1", True), False),
    (Deferred(451, "greylisted", "rcpt"), False),
    # ours, without any server
    (Refused(0, "the address failed meanwhile", "rcpt", "", True), True),
    (Uncertain("the connection was lost", "dot"), True),
    (Deferred(0, "no answer in time: connect", "connect"), True),
]


@pytest.mark.parametrize(("outcome", "rests"), NEXT, ids=lambda each: str(each)[:40])
def test_a_rest_ends_when_a_server_judges_a_mail(house: House, outcome: Outcome, rests: bool) -> None:
    queue(house, 2)
    settle(house, NO_ROUTE)
    settle(house, *[outcome] * 2)
    assert (state(house).resting_until is not None, state(house).rest_reason is not None) == (rests, rests)


# one group's outcomes in order, whether the mailbox rests after it
GROUPS: list[tuple[list[Outcome], bool]] = [
    ([Accepted(250, "OK"), NO_ROUTE], True),
    ([NO_ROUTE, Accepted(250, "OK")], False),
]


@pytest.mark.parametrize(("outcomes", "rests"), GROUPS)
def test_the_last_word_of_a_group_counts(house: House, outcomes: list[Outcome], rests: bool) -> None:
    queue(house, 2)
    settle(house, *outcomes)
    assert (state(house).resting_until is not None) == rests


def test_a_broken_mailbox_does_not_rest_as_well(house: House) -> None:
    queue(house)
    settle(house, NO_ROUTE)
    settle(house, MailboxBroken("535 no", 535))
    assert (state(house).resting_until, state(house).broken_reason) == (None, "535 no")
    assert texts(house, "resting") == []


def test_a_daemon_that_let_go_of_its_leases_is_missed_at_once(house: House) -> None:
    queue(house)
    assert texts(house, "daemon") == []
    assert seen(house).mailboxes[0].next_at is not None
    house.database.write(lambda connection: leases.release(connection, "daemon"))
    assert texts(house, "daemon") == ["no daemon runs (last seen 2026-11-23 09:00 UTC)"]
    assert seen(house).mailboxes[0].next_at is None


def test_a_lease_that_ran_out_is_not_yet_a_missing_daemon(house: House) -> None:
    queue(house)
    house.clock.forward(seconds=40)
    house.database.write(lambda connection: end_leases(connection, house.clock.now()))
    assert texts(house, "daemon") == []
    house.clock.forward(seconds=40)
    assert len(texts(house, "daemon")) == 1


def lose(house: House, reason: str = "imap.ourco.test: Name or service not known") -> None:
    now = house.clock.now()
    house.database.write(lambda connection: inbox.put_lost(connection, INBOX, reason, now))


def test_an_inbox_is_a_trouble_until_it_was_read_to_its_end(house: House) -> None:
    at_work(house)
    assert texts(house, "inbox") == [f"the inbox {INBOX} was never read to its end"]
    lose(house)
    assert texts(house, "inbox") == [
        f"the inbox {INBOX} was never read to its end: imap.ourco.test: Name or service not known"
    ]
    house.inbox_read()
    assert texts(house, "inbox") == []


def test_an_inbox_that_is_lost_or_stale_says_since_when(house: House) -> None:
    at_work(house)
    house.inbox_read()
    house.clock.forward(minutes=3)
    assert texts(house, "inbox") == []
    lose(house)
    assert texts(house, "inbox") == [
        f"the inbox {INBOX} was last read 3 min ago: imap.ourco.test: Name or service not known"
    ]
    house.inbox_read()
    house.clock.forward(minutes=12)
    assert texts(house, "inbox") == [f"the inbox {INBOX} was last read 12 min ago"]


def test_a_lost_inbox_keeps_the_first_instant_and_the_last_reason(house: House) -> None:
    first = house.clock.now()
    lose(house, "one")
    house.clock.forward(minutes=1)
    lose(house, "two")
    known = house.database.read(inbox.inbox_states)[INBOX]
    assert (known["lost_at"], known["lost_reason"]) == (first, "two")
    house.inbox_read()
    known = house.database.read(inbox.inbox_states)[INBOX]
    assert (known["lost_at"], known["lost_reason"]) == (None, None)


def test_without_any_daemon_yet_an_unread_inbox_is_no_news(house: House) -> None:
    assert texts(house, "inbox") == []
