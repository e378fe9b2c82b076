"""Admission laws over days of simulated passes, counted from the sends that went and not from what `admit` was told."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core.capacity import Due, Usage, admit, effective_cap
from sequencer.core.people import Mailbox, Policy
from tests.property.limited import GAPS, mailboxes, policies

START = datetime(2026, 10, 23, 20, tzinfo=UTC)  # two days before Madrid's clock goes back
ZONE = ZoneInfo("Europe/Madrid")
# Where a day begins, and when the passes do: near a change of the clock, on both sides of the date line, between hours.
PLACES = [
    ("Europe/Madrid", START),  # 25 hours on Sunday
    ("Europe/Madrid", datetime(2026, 3, 27, 20, tzinfo=UTC)),  # 23 hours
    ("Pacific/Kiritimati", START),  # UTC+14
    ("America/Adak", datetime(2026, 10, 30, 20, tzinfo=UTC)),  # UTC-9, -10 from Sunday on
    ("Pacific/Apia", datetime(2011, 12, 28, 20, tzinfo=UTC)),  # 30 December was left out
    ("Asia/Kolkata", START),  # half an hour
    ("Asia/Kathmandu", START),  # three quarters
    ("Pacific/Chatham", datetime(2026, 9, 25, 2, tzinfo=UTC)),  # three quarters and DST
    ("Australia/Lord_Howe", datetime(2026, 10, 2, 2, tzinfo=UTC)),  # DST of half an hour
]
PEOPLE, ACCOUNTS, DOMAINS = 12, 5, 4

boxes = mailboxes(st.just(ZONE), st.integers(0, 12), 4, **GAPS, connections=st.integers(1, 4))


# Person, sequence, first touch, fresh inbox (nine of ten): drawn at once, because drawing takes longer than admitting.
kinds = st.sampled_from(list(product(range(PEOPLE), ("one", "two", "three"), (False, True), (True,) * 9 + (False,))))
counts, minutes = st.integers(0, 40), st.integers(0, 600)


@st.composite
def due_lists(draw: st.DrawFn) -> list[Due]:
    sends = []
    for send_id in range(draw(counts)):
        person, sequence_id, first_touch, inbox_fresh = draw(kinds)
        sends.append(
            Due(
                send_id=send_id,
                enrollment_id=send_id,
                person_id=person,
                account_id=None if person == 0 else f"account-{person % ACCOUNTS}",
                domain=None if person == 0 else f"{person % DOMAINS}.test",
                sequence_id=sequence_id,
                due_at=START - timedelta(minutes=draw(minutes)),
                first_touch=first_touch,
                inbox_fresh=inbox_fresh,
            )
        )
    return sends


class World:
    """A mailbox whose mails take one pass to settle; it keeps every send and counts from scratch each time."""

    def __init__(self, mailbox: Mailbox, policy: Policy, due: list[Due]) -> None:
        self.mailbox, self.policy, self.left = mailbox, policy, due
        self.sent: list[tuple[datetime, Due]] = []
        self.flying: list[tuple[datetime, Due]] = []

    def usage(self, now: datetime) -> Usage:
        zone = self.mailbox.timezone
        today = now.astimezone(zone).date()
        days = {at.astimezone(zone).date() for at, _ in self.sent}
        of_today = [send for at, send in self.sent if at.astimezone(zone).date() == today]
        counted = of_today + [send for _, send in self.flying]
        return Usage(
            sent_today=len(of_today),
            sending_days=len(days - {today}),
            last_sent_at=max((at for at, _ in self.sent), default=None),
            in_flight=len(self.flying),
            in_flight_people=frozenset(send.person_id for _, send in self.flying),
            person_touches={
                person: tuple(at for at, send in self.sent if send.person_id == person) for person in range(PEOPLE)
            },
            account_today=Counter(send.account_id for send in counted if send.account_id),
            domain_today=Counter(send.domain for send in counted if send.domain),
        )

    def look(self, now: datetime) -> datetime | None:
        """One pass at `now`; the mails of the pass before have settled if a second went by."""
        self.sent += [(at, send) for at, send in self.flying if at < now]
        self.flying = [(at, send) for at, send in self.flying if at >= now]
        admission = admit(self.left, self.usage(now), self.mailbox, self.policy, now)
        assert sorted([*admission.go, *(send_id for send_id, _ in admission.wait)]) == sorted(
            send.send_id for send in self.left
        )
        for _, gate in admission.wait:
            assert not gate.passed
            assert gate.frees_at is None or gate.frees_at >= now
            assert gate.frees_at or gate.frees_by
        by_id = {send.send_id: send for send in self.left}
        self.flying += [(now, by_id[send_id]) for send_id in admission.go]
        self.left = [send for send in self.left if send.send_id not in admission.go]
        return admission.next_at


@given(
    boxes, policies(3), due_lists(), st.lists(st.integers(0, 8 * 3600), min_size=5, max_size=25),
    st.sampled_from(PLACES),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_no_limit_is_ever_passed(
    mailbox: Mailbox, policy: Policy, due: list[Due], steps: list[int], place: tuple[str, datetime]
) -> None:
    mailbox, now = replace(mailbox, timezone=ZoneInfo(place[0])), place[1]
    world = World(mailbox, policy, [replace(send, due_at=send.due_at - START + now) for send in due])
    for step_s in steps:
        now += timedelta(seconds=step_s)
        world.look(now)
        assert len(world.flying) <= mailbox.connections
    all_sent = sorted([*world.sent, *world.flying], key=lambda entry: entry[0])
    check_limits(mailbox, policy, all_sent)


def check_limits(mailbox: Mailbox, policy: Policy, sent: list[tuple[datetime, Due]]) -> None:
    assert all(send.inbox_fresh for _, send in sent)
    zone = mailbox.timezone
    dates = sorted({at.astimezone(zone).date() for at, _ in sent})
    for sending_days, date in enumerate(dates):
        of_day = [send for at, send in sent if at.astimezone(zone).date() == date]
        assert len(of_day) <= effective_cap(mailbox, sending_days)
        accounts = Counter(send.account_id for send in of_day if send.account_id)
        assert all(count <= policy.account_touches_per_day for count in accounts.values())
        domains = Counter(send.domain for send in of_day if send.domain)
        assert all(count <= policy.domain_messages_per_day for count in domains.values())
    if mailbox.gap_s_min:
        assert all(
            (later - earlier).total_seconds() >= mailbox.gap_s_min for (earlier, _), (later, _) in pairwise(sent)
        )
    for person in range(PEOPLE):
        touches = [at for at, send in sent if send.person_id == person]
        assert all(later - earlier >= policy.person_gap.elapsed for earlier, later in pairwise(touches))
        for touch in touches:
            week = [other for other in touches if touch - timedelta(days=7) < other <= touch]
            assert len(week) <= policy.person_touches_per_week


@given(boxes.filter(lambda mailbox: mailbox.cap_per_day > 0), policies(3), due_lists())
@settings(max_examples=60, deadline=None)
def test_waking_at_next_at_sends_everything_that_can_go(mailbox: Mailbox, policy: Policy, due: list[Due]) -> None:
    """`next_at` never strands a send: following it (or a settled mail) drains all but what only a person frees."""
    world, now = World(mailbox, policy, due), START
    for _ in range(600):
        next_at = world.look(now)
        if not world.left:
            return
        if world.flying:
            now += timedelta(seconds=1)
        elif next_at is None:
            break
        else:
            now = max(next_at, now)
    assert not any(send.inbox_fresh for send in world.left)


@given(due_lists(), st.integers(0, 2**32).map(Random))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_list_does_not_matter(due: list[Due], chance: Random) -> None:
    mailbox = Mailbox("ana@ourco.test", "Ana", "ana", ZONE, gap_s_min=0, gap_s_jitter=0, connections=20)
    shuffled = list(due)
    chance.shuffle(shuffled)
    one = admit(due, Usage(), mailbox, Policy(), START)
    other = admit(shuffled, Usage(), mailbox, Policy(), START)
    assert one.go == other.go
    assert one.next_at == other.next_at
    assert {send_id: gate.reason for send_id, gate in one.wait} == {
        send_id: gate.reason for send_id, gate in other.wait
    }


@given(st.booleans(), st.sampled_from([0.0, 90.0]), st.integers(1, 4))
def test_a_big_sequence_does_not_starve_a_small_one(big_is_first: bool, gap_s: float, connections: int) -> None:
    """100 due and 3 due, the 100 all older: the 3 leave among the first, in one pass or in many."""
    mailbox = Mailbox("ana@ourco.test", "Ana", "ana", ZONE, 200, None, gap_s, 0.0, connections)
    big, small = ("a", "b") if big_is_first else ("b", "a")
    sequences = [big] * 100 + [small] * 3
    left = [
        Due(number, number, number, None, None, name, START - timedelta(hours=2 if name == big else 1))
        for number, name in enumerate(sequences)
    ]
    gone: list[str] = []
    while gone.count(small) < 3:
        go = admit(left, Usage(sent_today=len(gone)), mailbox, Policy(), START).go
        gone += [sequences[send_id] for send_id in go]
        left = [send for send in left if send.send_id not in go]
    assert len(gone) <= 6 + connections


@given(st.lists(st.integers(1, 25), min_size=2, max_size=5), st.integers(1, 7), st.sampled_from([0.0, 90.0]))
@settings(max_examples=60, deadline=None)
def test_whoever_has_mail_gets_their_turn_over_days_of_any_cap(sizes: list[int], cap: int, gap_s: float) -> None:
    """At no time has a sequence with mail left had fewer than the busiest, but for a turn each sequence and day."""
    mailbox = Mailbox("ana@ourco.test", "Ana", "ana", ZONE, cap, None, gap_s, 0.0, 1)
    names = [name for name, size in zip("abcde", sizes, strict=False) for _ in range(size)]
    left = [Due(number, number, number, None, None, name, START) for number, name in enumerate(names)]
    gone: Counter[str] = Counter()
    for day in range(sum(sizes)):
        for sent in range(cap):
            go = admit(left, Usage(sent_today=sent, sending_days=day), mailbox, Policy(), START).go
            gone.update(names[send_id] for send_id in go)
            left = [send for send in left if send.send_id not in go]
        waiting = {names[send.send_id] for send in left}
        if waiting:
            assert max(gone.values()) - min(gone[name] for name in waiting) <= 2 * len(sizes)
    assert not left
