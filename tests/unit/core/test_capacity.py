"""Admission: every gate with the instant at which it opens, and the order of those that go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from sequencer.core.capacity import Due, Usage, admit, effective_cap, gap_after
from sequencer.core.people import Mailbox, Policy, Ramp
from sequencer.core.reason import Gate, Reason
from sequencer.core.span import Span

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)  # of Madrid
BULK = Mailbox("ana@ourco.test", "Ana", "ana", MADRID, gap_s_min=0, gap_s_jitter=0, connections=100)
PACED = replace(BULK, gap_s_min=90, gap_s_jitter=60, connections=1)
POLICY = Policy()
SEND = Due(1, 11, 101, "acme", "acme.test", "cold", NOW - timedelta(hours=1))


def some(*send_ids: int, sequence: str = "cold", first_touch: bool = False) -> list[Due]:
    """Due sends of as many people at as many accounts; the higher the id the later due."""
    return [
        Due(
            send_id=send_id,
            enrollment_id=send_id,
            person_id=send_id,
            account_id=f"account-{send_id}",
            domain=f"{send_id}.test",
            sequence_id=sequence,
            due_at=NOW - timedelta(days=2) + timedelta(minutes=send_id),
            first_touch=first_touch,
        )
        for send_id in send_ids
    ]


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def only_gate(send: Due, usage: Usage, mailbox: Mailbox = BULK, policy: Policy = POLICY) -> Gate | None:
    admission = admit([send], usage, mailbox, policy, NOW)
    if admission.go:
        assert admission.go == (send.send_id,)
        assert not admission.wait
        return None
    [(send_id, gate)] = admission.wait
    assert send_id == send.send_id
    assert not gate.passed
    assert gate.frees_at or gate.frees_by
    assert admission.next_at == gate.frees_at
    return gate


def touches(*instants: datetime) -> Usage:
    return Usage(person_touches={SEND.person_id: instants})


def test_nothing_due() -> None:
    admission = admit([], Usage(), BULK, POLICY, NOW)
    assert (admission.go, admission.wait, admission.next_at) == ((), (), None)


def test_nothing_in_the_way() -> None:
    assert only_gate(SEND, Usage()) is None


@pytest.mark.parametrize(
    ("send", "usage", "mailbox", "reason", "frees_at"),
    [
        # the fiftieth mail of the day was the last
        (SEND, Usage(sent_today=50), BULK, Reason.CAP, MIDNIGHT),
        # what is in flight has its place in the cap
        (SEND, Usage(sent_today=49, in_flight=1), BULK, Reason.CAP, MIDNIGHT),
        # a new mailbox: 10 on its first day, 15 on the second
        (SEND, Usage(sent_today=10), replace(BULK, ramp=Ramp(10, 5)), Reason.CAP, MIDNIGHT),
        # no cap at all: no clock opens it
        (SEND, Usage(), replace(BULK, cap_per_day=0), Reason.CAP, None),
        # 90 s between two
        (SEND, Usage(last_sent_at=ago(seconds=30)), replace(PACED, gap_s_jitter=0), Reason.GAP, ago(seconds=-60)),
        # the clock was moved back: the last one counts as now
        (SEND, Usage(last_sent_at=ago(hours=-3)), replace(PACED, gap_s_jitter=0), Reason.GAP, ago(seconds=-90)),
        # with a gap nothing goes beside one in flight
        (SEND, Usage(in_flight=1), replace(PACED, connections=2), Reason.TURN, None),
        # every connection is busy
        (SEND, Usage(in_flight=2), replace(BULK, connections=2), Reason.TURN, None),
        # the fifth touch in 7 days; the oldest of the five leaves the week first
        (SEND, touches(*(ago(days=days) for days in (2, 3, 4, 5, 6.5))), BULK, Reason.PERSON_WEEK, ago(days=-0.5)),
        # six of five (the limit was lowered): two have to leave the week
        (SEND, touches(*(ago(days=days) for days in (2, 3, 4, 5, 6, 6.5))), BULK, Reason.PERSON_WEEK, ago(days=-1)),
        # 20 h between two touches of a person
        (SEND, touches(ago(hours=15), ago(hours=40)), BULK, Reason.PERSON_GAP, ago(hours=-5)),
        # a touch in the future counts as now
        (SEND, touches(ago(hours=-2)), BULK, Reason.PERSON_GAP, ago(hours=-20)),
        (SEND, Usage(account_today={"acme": 3}), BULK, Reason.ACCOUNT_DAY, MIDNIGHT),
        (SEND, Usage(domain_today={"acme.test": 20}), BULK, Reason.DOMAIN_DAY, MIDNIGHT),
        (SEND, Usage(in_flight=1, in_flight_people=frozenset({101})), BULK, Reason.IN_FLIGHT, None),
        (replace(SEND, opens=ago(hours=-2)), Usage(), BULK, Reason.WINDOW_CLOSED, ago(hours=-2)),
        # its opening ended, and nobody has looked up the next one
        (replace(SEND, closes_at=NOW), Usage(), BULK, Reason.WINDOW_CLOSED, None),
        (replace(SEND, inbox_fresh=False), Usage(), BULK, Reason.INBOX_STALE, None),
        # not due yet: refused, whoever asked
        (replace(SEND, due_at=ago(hours=-1)), Usage(), BULK, Reason.WAIT, ago(hours=-1)),
        # two gates: the one that opens last says when it can go
        (replace(SEND, opens=ago(days=-2)), Usage(account_today={"acme": 3}), BULK, Reason.WINDOW_CLOSED, ago(days=-2)),
        # two gates, one that no clock opens: that one needs to be told
        (replace(SEND, opens=ago(hours=-2), inbox_fresh=False), Usage(), BULK, Reason.INBOX_STALE, None),
    ],
)  # fmt: skip
def test_gate(send: Due, usage: Usage, mailbox: Mailbox, reason: Reason, frees_at: datetime | None) -> None:
    gate = only_gate(send, usage, mailbox)
    assert gate is not None
    assert (gate.reason, gate.frees_at) == (reason, frees_at)


@pytest.mark.parametrize(
    ("send", "usage", "mailbox"),
    [
        (SEND, Usage(sent_today=49), BULK),  # the last of the day
        (SEND, Usage(sent_today=10, sending_days=1), replace(BULK, ramp=Ramp(10, 5))),  # the ramp's second day
        (SEND, Usage(last_sent_at=ago(seconds=150)), PACED),  # least gap and all of the jitter are over
        (SEND, Usage(in_flight=1), replace(BULK, connections=2)),  # a connection is free
        (SEND, touches(*(ago(days=days) for days in (2, 3, 4, 5, 7))), BULK),  # the fifth left the week just now
        (SEND, touches(ago(hours=20)), BULK),  # the gap ends at its last second
        (SEND, Usage(account_today={"acme": 2}, domain_today={"acme.test": 19}), BULK),
        (replace(SEND, account_id=None, domain=None), Usage(account_today={"": 9}), BULK),  # free-mail is exempt
        (replace(SEND, opens=NOW, closes_at=ago(seconds=-1)), Usage(), BULK),  # first and last second of its opening
        (replace(SEND, due_at=NOW), Usage(), BULK),
        (SEND, Usage(in_flight=1, in_flight_people=frozenset({999})), BULK),  # somebody else's mail
    ],
)
def test_gate_is_open(send: Due, usage: Usage, mailbox: Mailbox) -> None:
    assert only_gate(send, usage, mailbox) is None


def test_each_limit_of_the_policy_counts() -> None:
    touched = touches(ago(days=1), ago(days=2))
    assert only_gate(SEND, touched, policy=Policy(person_touches_per_week=3)) is None
    for policy, reason in [
        (Policy(person_touches_per_week=2), Reason.PERSON_WEEK),
        (Policy(person_gap=Span(2, "d")), Reason.PERSON_GAP),
        (Policy(account_touches_per_day=0), Reason.ACCOUNT_DAY),  # 0 forbids: only a person can raise it
        (Policy(domain_messages_per_day=0), Reason.DOMAIN_DAY),
    ]:
        gate = only_gate(SEND, touched, policy=policy)
        assert gate is not None
        assert gate.reason is reason


def test_answer_ignores_window_person_gap_and_week_but_not_the_cap() -> None:
    answer = replace(SEND, answer=True, opens=ago(hours=-9), closes_at=NOW)
    busy = touches(*(ago(hours=hours) for hours in range(1, 9)))
    assert only_gate(answer, busy) is None
    gate = only_gate(answer, replace(busy, sent_today=50))
    assert gate is not None
    assert gate.reason is Reason.CAP


def test_two_people_of_one_account_count_against_each_other() -> None:
    due = [replace(SEND, send_id=n, person_id=n) for n in range(5)]
    admission = admit(due, Usage(account_today={"acme": 1}), BULK, POLICY, NOW)
    assert admission.go == (0, 1)
    assert [gate.reason for _, gate in admission.wait] == [Reason.ACCOUNT_DAY] * 3


def test_a_domain_counts_over_its_accounts() -> None:
    due = [replace(send, domain="acme.test") for send in some(*range(5))]
    admission = admit(due, Usage(domain_today={"acme.test": 18}), BULK, POLICY, NOW)
    assert admission.go == (0, 1)


def test_one_open_send_a_person() -> None:
    due = [SEND, replace(SEND, send_id=2, sequence_id="other", enrollment_id=12)]
    admission = admit(due, Usage(), BULK, POLICY, NOW)
    assert admission.go == (1,)
    assert admission.wait[0][1].reason is Reason.IN_FLIGHT


def test_a_blocked_one_does_not_take_the_place_of_the_next() -> None:
    stale, *others = some(1, 2, 3)
    admission = admit([replace(stale, inbox_fresh=False), *others], Usage(), PACED, POLICY, NOW)
    assert admission.go == (2,)


def test_with_a_gap_one_goes_and_the_others_take_their_turn() -> None:
    admission = admit(some(1, 2, 3, 4), Usage(sent_today=47), PACED, POLICY, NOW)
    assert admission.go == (1,)
    assert [(send_id, gate.reason) for send_id, gate in admission.wait] == [
        (2, Reason.TURN),
        (3, Reason.TURN),
        (4, Reason.CAP),  # the cap has no place for it today
    ]
    assert admission.next_at == ago(seconds=-90)


def test_in_a_gap_the_next_one_waits_for_the_gap_and_the_others_for_their_turn() -> None:
    last = ago(seconds=10)
    admission = admit(some(1, 2), Usage(last_sent_at=last), PACED, POLICY, NOW)
    assert [(send_id, gate.reason) for send_id, gate in admission.wait] == [(1, Reason.GAP), (2, Reason.TURN)]
    assert admission.next_at == gap_after(PACED, last)


def test_without_a_gap_as_many_go_as_cap_and_connections_allow() -> None:
    due = some(*range(10))
    assert len(admit(due, Usage(in_flight=1), replace(BULK, connections=4), POLICY, NOW).go) == 3
    assert len(admit(due, Usage(sent_today=48), BULK, POLICY, NOW).go) == 2


def test_answers_then_follow_ups_then_first_touches_each_oldest_first() -> None:
    [answer] = some(9)
    due = [*some(2, 1, first_touch=True), *some(4, 3), replace(answer, answer=True)]
    assert admit(due, Usage(), BULK, POLICY, NOW).go == (9, 3, 4, 1, 2)


def test_ids_settle_ties_whatever_the_order_of_the_list() -> None:
    due = [replace(send, due_at=NOW) for send in some(3, 1, 2)]
    assert admit(due, Usage(), BULK, POLICY, NOW).go == (1, 2, 3)
    assert admit(due[::-1], Usage(), BULK, POLICY, NOW).go == (1, 2, 3)


def test_sequences_take_turns() -> None:
    due = [*some(1, 2, 3, 4, sequence="big"), *some(10, 11, sequence="small")]
    assert admit(due, Usage(), BULK, POLICY, NOW).go == (1, 10, 2, 11, 3, 4)


def test_sequences_take_turns_over_passes_of_one() -> None:
    """With one mail a pass the turn lives in the day's count, or the big sequence would begin every pass."""
    left = [*some(*range(100), sequence="big"), *some(200, 201, 202, sequence="small")]
    gone: list[int] = []
    for sent in range(6):
        admission = admit(left, Usage(sent_today=sent), PACED, POLICY, NOW)
        gone += admission.go
        left = [send for send in left if send.send_id not in admission.go]
    assert gone == [0, 200, 1, 201, 2, 202]


def test_the_day_is_that_of_the_mailbox_zone_also_when_a_date_is_left_out() -> None:
    apia = replace(BULK, timezone=ZoneInfo("Pacific/Apia"))
    now = datetime(2011, 12, 30, 9, tzinfo=UTC)  # 29 December 23:00 there; the 30th does not exist
    old = replace(SEND, due_at=now)
    [(_, gate)] = admit([old], Usage(sent_today=50), apia, POLICY, now).wait
    assert gate.frees_at == datetime(2011, 12, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ramp", "sending_days", "cap"),
    [
        (None, 0, 50),
        (Ramp(10, 5), 0, 10),
        (Ramp(10, 5), 3, 25),
        (Ramp(10, 5), 99, 50),  # never above the cap
    ],
)
def test_effective_cap(ramp: Ramp | None, sending_days: int, cap: int) -> None:
    assert effective_cap(replace(BULK, ramp=ramp), sending_days) == cap


def test_gap_is_fixed_by_mailbox_and_instant_and_spread_over_the_jitter() -> None:
    gaps = [gap_after(PACED, NOW + timedelta(seconds=n)) - NOW - timedelta(seconds=n) for n in range(200)]
    assert all(timedelta(seconds=90) <= gap < timedelta(seconds=150) for gap in gaps)
    assert min(gaps) < timedelta(seconds=95)
    assert max(gaps) > timedelta(seconds=145)
    assert gap_after(PACED, NOW) == gap_after(PACED, NOW.astimezone(MADRID))
    assert gap_after(PACED, NOW) != gap_after(replace(PACED, address="bo@ourco.test"), NOW)


def test_five_thousand_due_are_divided_in_well_under_a_second() -> None:
    due = [replace(send, sequence_id=f"s{send.send_id % 40}") for send in some(*range(5000))]
    began = process_time()
    admission = admit(due, Usage(), replace(BULK, cap_per_day=2000, connections=2000), POLICY, NOW)
    assert process_time() - began < 1
    assert len(admission.go) == 2000
