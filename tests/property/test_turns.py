"""Turns against the plainest player there is: everybody who is due is asked about every time, as dispatch asks."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core import events as e
from sequencer.core.capacity import Due, Usage, admit, sending_days_before
from sequencer.core.ledger import Ledger, Slot
from sequencer.core.people import Account, Mailbox, Policy
from sequencer.core.progress import enroll, step
from sequencer.core.reason import Reason
from sequencer.core.turns import PLAYED_DAYS_MAX, Turns, Waiter
from sequencer.core.window import local_date, next_open, no_holidays
from tests.property.limited import GAPS, mailboxes, policies
from tests.unit.core.build import DENVER, HOURS, denver, facts, prospect, sequence

NOW = denver(23, 7)
ENDS = NOW + timedelta(days=PLAYED_DAYS_MAX)
INTRO, BUMP = {"id": "intro", "email": "a.md"}, {"id": "bump", "email": "b.md"}
Told = tuple[datetime | None, Reason | None]

# Of whom, of which sequence, whether a first touch, minutes since it is due.
mails = st.lists(
    st.sampled_from(list(product(range(8), ("one", "two", "three"), (True, False), (0, 5, 60)))), max_size=25
)


def waiter(key: int, box: Mailbox, person: int, name: str, first_touch: bool, minutes: int) -> Waiter:
    """Its last mail waits in the queue under its own key; several people share an account and a domain."""
    of = sequence(INTRO, id=name) if first_touch else sequence(INTRO, BUMP, id=name)
    account = f"account-{person % 3}" if person % 2 else None
    due = NOW - timedelta(minutes=minutes)
    begun = enroll(
        e.Enrolled(sequence=of.id, version=1, step="intro", rep="ana", mailbox=box.address, by="person:ana"), due
    )
    if not first_touch:
        begun = step(begun, e.TouchSent(step="intro", attempt=1, sent_at=due), due)
    queued = e.TouchQueued(step="intro" if first_touch else "bump", attempt=1, variant="only", version=1)
    who = facts(
        key=str(key), mailbox=box, prospect=prospect(id=person, account_id=account), account=Account(account or "none")
    )
    return Waiter(key, of, step(begun, queued, due), who, f"domain-{person % 4}.test", queued=(key, due))


def asked_plainly(waiters: Sequence[Waiter], box: Mailbox, policy: Policy) -> dict[int, Told]:
    """When each goes and what stopped it first; nobody comes again, so it serves for last steps alone."""
    box = replace(box, connections=500)
    waiting, told, touches = (
        {one.key: one for one in waiters},
        dict[int, Told](),
        defaultdict[int, list[datetime]](list),
    )
    first_gate: dict[int, Reason | None] = {}
    used: dict[str, Counter[str]] = defaultdict(Counter)
    sent_on: list[datetime] = []
    now: datetime | None = next_open(HOURS, DENVER, no_holidays, NOW)
    while waiting and now is not None and now <= ENDS:
        day = local_date(DENVER, now)
        days = sorted({local_date(DENVER, each) for each in sent_on} - {day}, reverse=True)
        usage = Usage(
            sent_today=sum(local_date(DENVER, each) == day for each in sent_on),
            sending_days=sending_days_before(day, days),
            last_sent_at=sent_on[-1] if sent_on else None,
            person_touches={
                key: tuple(at for at in each if at > now - timedelta(days=7)) for key, each in touches.items()
            },
            account_today=used[f"account {day}"],
            domain_today=used[f"domain {day}"],
        )
        admission = admit([due_of(one) for one in waiting.values()], usage, box, policy, now)
        for key, gate in admission.wait:
            first_gate.setdefault(key, gate.reason)
        for key in admission.go:
            one = waiting.pop(key)
            told[key] = (now, first_gate.get(key))
            sent_on.append(now)
            touches[one.facts.prospect.id].append(now)
            used[f"account {day}"][one.facts.prospect.account_id or ""] += 1
            used[f"domain {day}"][one.domain or ""] += 1
        if not admission.go:
            later = admission.next_at
            now = next_open(HOURS, DENVER, no_holidays, later) if later else None
    return told | {key: (None, first_gate.get(key)) for key in waiting}


def due_of(one: Waiter) -> Due:
    assert one.queued is not None
    person, (number, due_at) = one.facts.prospect, one.queued
    first_touch = one.progress.flight is not None and one.progress.flight.step == "intro"
    return Due(
        number, one.key, person.id, person.account_id, one.domain, one.sequence.id, due_at, first_touch=first_touch
    )


@given(mails, mailboxes(st.just(DENVER), st.integers(0, 6), 3, **GAPS), policies(2))
@settings(max_examples=150)
def test_a_turn_is_what_asking_about_everybody_gives(
    drawn: list[tuple[int, str, bool, int]], box: Mailbox, policy: Policy
) -> None:
    waiters = [waiter(key, box, *each) for key, each in enumerate(drawn, 1)]
    rep = facts(mailbox=box).rep
    played = Turns(waiters, Ledger({box.address: box}, {rep.name: rep}, policy, {}, Counter[Slot]()), {}, NOW)
    turns = {one.key: played.turn_of(one.key) for one in waiters}
    told = {key: (turn.at, turn.gate.reason if turn.gate else None) for key, turn in turns.items() if turn}
    assert told == asked_plainly(waiters, box, policy)
