"""Laws of the days: nobody is lost, no day holds more than fits, a spread avoids every delay that it can avoid."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import events as e
from sequencer.core.foresight import Entrant, Foresight, Futures, foresee
from sequencer.core.ledger import Ledger, Slot, slots_of
from sequencer.core.people import Address, Mailbox, Policy, Rep
from sequencer.core.progress import enroll
from sequencer.core.sequence import Sequence
from sequencer.core.spread import Starts, spread
from tests.property.limited import mailboxes
from tests.unit.core.build import ANA, facts, prospect

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
ZONES = [ZoneInfo("Europe/Madrid"), ZoneInfo("America/Denver"), ZoneInfo("Pacific/Auckland")]
EMAIL = {"id": "intro", "email": "a.md"}
LATER = [
    {"id": "call", "wait": "1bd", "call": "c.md"},
    {"id": "bump", "wait": "2bd", "email": "b.md"},
    {"id": "connect", "wait": "3d", "linkedin": "connect"},
    {"id": "last", "wait": "4bd", "email": "b.md"},
]

sequences = st.lists(st.sampled_from(range(len(LATER))), max_size=4, unique=True).map(
    lambda chosen: Sequence.model_validate(
        {"id": "vp", "title": "VP", "steps": [EMAIL, *(LATER[at] for at in sorted(chosen))]}
    )
)
reps = st.builds(Rep, st.just("ana"), st.just("ana@x.test"), st.just(ZONES[0]), st.integers(1, 6), st.integers(3, 12))


class Crowd:
    """Newcomers to one sequence with one mailbox and one rep; three of them share an account."""

    def __init__(self, sequence: Sequence, mailbox: Mailbox, rep: Rep, zones: list[ZoneInfo]) -> None:
        self.sequence, self.mailbox, self.rep, self.zones = sequence, mailbox, rep, zones
        self.policy = Policy(person_touches_per_week=50)

    def ledger(self) -> Ledger:
        return Ledger({self.mailbox.address: self.mailbox}, {"ana": self.rep}, self.policy, {}, Counter())

    def entrants(self, starts: Starts | None = None) -> list[Entrant]:
        made = []
        for number, zone in enumerate(self.zones):
            domain = f"d{number // 3}.test"
            person = prospect(id=number, addresses=(Address(f"p{number}@{domain}"),), account_id=domain)
            known = facts(
                key=str(number), prospect=person, mailbox=self.mailbox, rep=self.rep, policy=self.policy, zone=zone
            )
            at = starts.at[number] if starts else None
            first = e.Enrolled(
                sequence="vp", version=1, step="intro", rep="ana", mailbox="ana@x.test", by=ANA, starts_at=at,
                spread_days=starts.days if starts else 0,
            )  # fmt: skip
            progress = enroll(first, START)
            made.append(Entrant(self.sequence, progress, known, (zone.key, at), domain))
        return made


def taken(crowd: Crowd, found: Foresight) -> Counter[Slot]:
    """What the dates that were told take, counted anew."""
    return Counter(
        slot
        for one, future in zip(crowd.entrants(), found.futures, strict=True)
        for touch in future.expected
        for slot in slots_of(one.sequence, one.facts, one.domain, touch)
    )


crowds = st.builds(
    Crowd,
    sequences,
    mailboxes(st.sampled_from(ZONES), st.integers(1, 6), 3),
    reps,
    st.lists(st.sampled_from(ZONES), max_size=16),
)


@settings(max_examples=60, deadline=None)
@given(crowd=crowds)
def test_everybody_goes_in_the_end_and_no_day_holds_more_than_fits(crowd: Crowd) -> None:
    entrants, ledger = crowd.entrants(), crowd.ledger()
    found = foresee(entrants, ledger, START)
    slots = taken(crowd, found)
    assert slots == ledger.taken
    assert all(number <= (ledger.capacity(slot) or 0) for slot, number in slots.items())
    steps = [step.id for step in crowd.sequence.steps]
    assert all([each.step for each in future.expected if each.step] == steps for future in found.futures)
    assert all(each.at >= START for future in found.futures for each in future.expected)
    assert all(delay.wanted >= START for delays in found.delays for delay in delays)
    assert found == foresee(crowd.entrants(), crowd.ledger(), START)


@settings(max_examples=60, deadline=None)
@given(crowd=crowds)
def test_a_spread_without_a_number_leaves_nobody_waiting(crowd: Crowd) -> None:
    """Later days are free, so it can always avoid a day that is too full."""
    starts = spread(crowd.entrants(), crowd.ledger(), Futures(START), None)
    assert starts == spread(crowd.entrants(), crowd.ledger(), Futures(START), None)
    assert all(at is None or at > START for at in starts.at)
    found = foresee(crowd.entrants(starts), crowd.ledger(), START)
    assert [load for load in found.loads if load.over] == []
    assert not any(found.delays)


@settings(max_examples=60, deadline=None)
@given(crowd=crowds, days=st.integers(1, 6))
def test_a_spread_over_days_goes_over_only_where_no_day_had_room(crowd: Crowd, days: int) -> None:
    entrants, ledger, futures = crowd.entrants(), crowd.ledger(), Futures(START)
    starts = spread(entrants, ledger, futures, days)
    assert len(starts.at) == len(entrants)
    assert 0 <= starts.days <= days or not entrants
    for zone in set(crowd.zones):
        local = {
            at.astimezone(zone).date() for at, own in zip(starts.at, crowd.zones, strict=True) if at and own is zone
        }
        assert len(local) < days
        assert all(day.weekday() < 5 for day in local)
    replayed = crowd.ledger()
    for number, one in enumerate(entrants):
        before = Counter(replayed.taken)
        alone = spread([one], replayed, Futures(START), days)  # with no share to keep: the first day with room
        touches = _taken_by(crowd, number, starts, futures)
        room = _over(crowd, before, touches) == 0
        best = _over(crowd, before, Counter(replayed.taken) - before) == 0
        assert room or not best, alone
        replayed = crowd.ledger()
        replayed.take((before + touches).elements())


def _taken_by(crowd: Crowd, number: int, starts: Starts, futures: Futures) -> Counter[Slot]:
    one, at = crowd.entrants()[number], starts.at[number]
    future, _ = futures.of(one, ((one.progress.step, at),) if at else ())
    return Counter(slot for each in future.expected for slot in slots_of(one.sequence, one.facts, one.domain, each))


def _over(crowd: Crowd, before: Counter[Slot], touches: Counter[Slot]) -> int:
    ledger = crowd.ledger()
    ledger.take(before.elements())
    return ledger.over(touches)


def test_an_empty_crowd_has_no_days() -> None:
    assert spread([], Ledger({}, {}, Policy(), {}, Counter()), Futures(START), None) == Starts((), 1)
    assert foresee([], Ledger({}, {}, Policy(), {}, Counter()), START) == Foresight((), (), ())


def test_the_first_day_is_the_day_of_the_first_touch() -> None:
    """On Friday evening the first possible day is Monday, so the second is Tuesday."""
    box = Mailbox("ana@x.test", "Ana", "ana", ZONES[0], cap_per_day=1)
    crowd = Crowd(
        Sequence.model_validate({"id": "vp", "title": "VP", "steps": [EMAIL]}), box, Rep("ana", "a@x", ZONES[0]),
        [ZONES[0]] * 3,
    )  # fmt: skip
    friday = START + timedelta(days=4, hours=10)
    starts = spread(crowd.entrants(), crowd.ledger(), Futures(friday), None)
    assert [at and at.astimezone(ZONES[0]).date() for at in starts.at] == [None, date(2026, 12, 1), date(2026, 12, 2)]
