"""The store of sends against a model of it in dicts: leases, fences, outcomes, stops and people's words in any order.

After each step the rows say what the model says, counters are what rows add up to, and nobody has two mails open.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, insert, select

from sequencer.store import fence, leases, people, scopes, sends
from sequencer.store.fence import Intent, Limits, Settlement
from sequencer.store.sends import OPEN
from sequencer.store.tables import ACCOUNTS, ENROLLMENTS, PROSPECTS, SENDS, USAGE
from tests.fresh import fresh_database, open_database, person_numbers

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PEOPLE, ENROLLMENTS_EACH = 6, 2
BOXES, DAEMONS = ("ana@ourco.test", "bo@ourco.test"), ("one", "two")
LEASE, GOOD_FOR = timedelta(seconds=20), timedelta(minutes=15)
MAILBOX_DAY, ACCOUNT_DAY, DOMAIN_DAY = 3, 4, 4
TAKEN = ("sending", "sent", "uncertain", "person", "skipped")

owners = st.sampled_from(DAEMONS)
boxes = st.sampled_from(BOXES)
persons = st.integers(1, PEOPLE)
picks = st.integers(0, 50)
stale_by = st.sampled_from([0, 0, 0, 0, 1])


@dataclass
class Send:
    """What the model knows of one row. `number`: that of the lease under which it passed its fence last."""

    person: int
    mailbox: str
    attempt: int
    state: str = "queued"
    number: int | None = None
    seen: tuple[int, ...] | None = None
    good_until: datetime = BEGINS
    left_at: datetime = BEGINS
    day: object = None


def account_of(person: int) -> str:
    return f"a{person % 2}.test"


class Sends(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="store-"))
        self.database = open_database(fresh_database(self.folder))
        self.now = BEGINS
        self.sends: dict[int, Send] = {}
        self.leases: dict[str, tuple[str, int, datetime]] = {}
        self.numbers: Counter[object] = Counter()

    @initialize()
    def people(self) -> None:
        def add(connection: Connection) -> None:
            for account in {account_of(person) for person in range(1, PEOPLE + 1)}:
                connection.execute(insert(ACCOUNTS).values(id=account, name="", domain="", fields={}))
            for person in range(1, PEOPLE + 1):
                connection.execute(insert(PROSPECTS).values(
                    id=person, account_id=account_of(person), zone_source="file", fields={}, seq=0, created_at=BEGINS,
                ))  # fmt: skip
                for number in range(ENROLLMENTS_EACH):
                    connection.execute(insert(ENROLLMENTS).values(
                        id=person * 10 + number, prospect_id=person, sequence_id=f"s{number}", version=1,
                        mailbox=BOXES[number], rep="ana", exclusive=False, status="active", step="intro",
                        progress="{}", enrolled_at=BEGINS,
                    ))  # fmt: skip

        self.database.write(add)
        for person in range(1, PEOPLE + 1):
            for number in range(ENROLLMENTS_EACH):
                self.put_in_queue(person, number)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def pick(self, number: int, *states: str) -> int | None:
        """One of the sends in these states."""
        found = [key for key, one in self.sends.items() if not states or one.state in states]
        return found[number % len(found)] if found else None

    def above(self, send_id: int) -> tuple[int, ...]:
        one = self.sends[send_id]
        sequence = f"s{BOXES.index(one.mailbox)}"
        places = ("all", ("sequence", sequence), ("mailbox", one.mailbox), ("account", account_of(one.person)))
        return (*(self.numbers[place] for place in places), self.numbers["person", one.person])

    def recount(self) -> Counter[tuple[str, str, object]]:
        counts: Counter[tuple[str, str, object]] = Counter()
        for one in self.sends.values():
            if one.state in TAKEN:
                account = account_of(one.person)
                keys = (("mailbox", one.mailbox), ("account", account), ("domain", account))
                counts.update((kind, key, one.day) for kind, key in keys)
        return counts

    @rule(person=persons, number=st.integers(0, ENROLLMENTS_EACH - 1))
    def queue(self, person: int, number: int) -> None:
        self.put_in_queue(person, number)

    def put_in_queue(self, person: int, number: int) -> None:
        """A first attempt; one that was called back is queued again, any other stays as it is."""
        enrollment, mailbox = person * 10 + number, BOXES[number]
        row = {
            "enrollment_id": enrollment, "step": "intro", "attempt": 1, "prospect_id": person,
            "account_id": account_of(person), "sequence_id": f"s{number}", "mailbox": mailbox, "variant": "",
            "version": 1, "due_at": self.now, "first_touch": True, "address": f"p{person}@{account_of(person)}",
            "domain": account_of(person),
        }  # fmt: skip
        asked = select(SENDS.c.id).where(SENDS.c.enrollment_id == enrollment, SENDS.c.attempt == 1)

        def write(connection: Connection) -> int:
            sends.queue_sends(connection, [row])
            return int(connection.scalars(asked).one())

        known = self.sends.setdefault(self.database.write(write), Send(person, mailbox, 1))
        if known.state == "cancelled":
            known.state = "queued"

    @rule(number=picks)
    def prepare(self, number: int) -> None:
        if (send_id := self.pick(number, "queued")) is not None:
            self.make_ready(send_id)

    def make_ready(self, send_id: int) -> None:
        good_until = self.now + GOOD_FOR

        def write(connection: Connection) -> None:
            row = sends.load_sends(connection, [send_id])[send_id]
            above = fence.scopes_of(row.sequence_id, row.mailbox, row.account_id)
            person = person_numbers(connection, [row.prospect_id])[row.prospect_id]
            text = fence.numbers_text(above, scopes.scope_numbers(connection, above), person)
            sends.put_prepared(connection, [sends.Prepared(
                send_id, b"bytes", f"<{send_id}@ourco.test>", "s", self.now, text, good_until, row.address, row.domain,
                row.account_id, "", 1,
            )])  # fmt: skip

        self.database.write(write)
        self.sends[send_id].seen, self.sends[send_id].good_until = self.above(send_id), good_until

    @rule(owner=owners, mailbox=boxes)
    def lease(self, owner: str, mailbox: str) -> None:
        self.take_lease(owner, mailbox)

    def take_lease(self, owner: str, mailbox: str) -> None:
        ours = self.database.write(lambda c: leases.lease(c, [mailbox], owner, self.now, LEASE))
        held, number, until = self.leases.get(mailbox, ("", 0, self.now))
        if held and held != owner and until > self.now:
            assert ours == {}
            return
        number += not (held == owner and until > self.now)
        assert ours == {mailbox: number}
        self.leases[mailbox] = (owner, number, self.now + LEASE)

    @rule(owner=owners)
    def release(self, owner: str) -> None:
        self.database.write(lambda c: leases.release(c, owner))
        for mailbox, (held, number, _) in self.leases.items():
            if held == owner:
                self.leases[mailbox] = ("", number, self.now)

    @rule(first=picks, count=st.integers(1, 4), owner=owners, older=stale_by)
    def ask_the_fence(self, first: int, count: int, owner: str, older: int) -> None:
        ids = list(dict.fromkeys(self.pick(first + each) or 0 for each in range(count))) if self.sends else []
        self.ask([Intent(key, owner, self.leases.get(self.sends[key].mailbox, ("", 0))[1] - older) for key in ids])

    @rule(first=picks, count=st.integers(1, 5))
    def leave(self, first: int, count: int) -> None:
        """As a daemon does it, from the lease to the fence, for several at once."""
        ids = list(dict.fromkeys(self.pick(first + each, "queued") or 0 for each in range(count)))
        intents = []
        for send_id in ids if self.pick(0, "queued") else []:
            mailbox = self.sends[send_id].mailbox
            owner = self.leases.get(mailbox, ("", 0))[0] or DAEMONS[0]
            self.take_lease(owner, mailbox)
            self.make_ready(send_id)
            intents.append(Intent(send_id, owner, self.leases[mailbox][1]))
        self.ask(intents)

    def ask(self, intents: Sequence[Intent]) -> None:
        day = self.now.date()
        limits = dict.fromkeys(BOXES, Limits(day, MAILBOX_DAY, ACCOUNT_DAY, DOMAIN_DAY))
        answers = self.database.write(lambda c: fence.pass_fence(c, intents, limits, self.now)) if intents else {}
        for intent in intents:
            passed = self.may_pass(intent)
            assert (answers[intent.send_id] == "") is passed, answers[intent.send_id]
            if passed:
                one = self.sends[intent.send_id]
                one.state, one.number, one.left_at, one.day = "sending", intent.fence, self.now, day

    def may_pass(self, intent: Intent) -> bool:
        one = self.sends[intent.send_id]
        held, number, until = self.leases.get(one.mailbox, ("", 0, self.now))
        used, day, account = self.recount(), self.now.date(), account_of(one.person)
        return (
            one.state == "queued"
            and (held, number) == (intent.owner, intent.fence)
            and until > self.now
            and one.seen == self.above(intent.send_id)
            and self.now <= one.good_until
            and not any(other.state in OPEN for other in self.sends.values() if other.person == one.person)
            and used["mailbox", one.mailbox, day] < MAILBOX_DAY
            and used["account", account, day] < ACCOUNT_DAY
            and used["domain", account, day] < DOMAIN_DAY
        )

    @rule(number=picks, older=stale_by, state=st.sampled_from(["sent", "sent", "failed", "queued", "uncertain"]))
    def hear(self, number: int, older: int, state: str) -> None:
        """An outcome; one that comes under another number than the fence's changes nothing."""
        send_id = self.pick(number, "sending") if number % 4 else self.pick(number)
        if send_id is None:
            return
        one = self.sends[send_id]
        under = (one.number or 1) - older
        settled = self.database.write(lambda c: fence.settle(c, [Settlement(send_id, under, state, self.now)]))
        assert bool(settled) is (one.state == "sending" and one.number == under)
        one.state = state if settled else one.state

    @rule(number=picks)
    def fail_before_the_fence(self, number: int) -> None:
        send_id = self.pick(number, "queued") if number % 16 == 0 else self.pick(number, "sending", "sent", "person")
        if send_id is not None:
            one = self.sends[send_id]
            settled = self.database.write(lambda c: fence.settle(c, [Settlement(send_id, None, "failed", self.now)]))
            assert bool(settled) is (one.state == "queued")
            one.state = "failed" if settled else one.state

    @rule(number=picks)
    def call_back(self, number: int) -> None:
        send_id = self.pick(number)
        if send_id is not None:
            one = self.sends[send_id]
            enrollment = one.person * 10 + BOXES.index(one.mailbox)
            done = self.database.write(lambda c: sends.call_back(c, enrollment, "intro", one.attempt))
            assert done is (one.state == "queued")
            one.state = "cancelled" if done else one.state

    @rule(number=picks)
    def hand_to_a_person(self, number: int) -> None:
        send_id = self.pick(number)
        if send_id is not None:
            self.database.write(lambda c: fence.hand_to_person(c, send_id))
            one = self.sends[send_id]
            one.state = "person" if one.state == "uncertain" else one.state

    @rule(number=picks, state=st.sampled_from(["sent", "skipped"]))
    def settle_by_evidence(self, number: int, state: str) -> None:
        send_id = self.pick(number)
        if send_id is not None:
            one = self.sends[send_id]
            done = self.database.write(lambda c: fence.settle_open(c, send_id, state, "person:ana", self.now))
            assert done is (one.state in ("uncertain", "person"))
            one.state = state if done else one.state

    @precondition(lambda self: self.pick(0, "person") is not None)
    @rule(number=picks)
    def send_again(self, number: int) -> None:
        """A person gives one up and asks for one more attempt, once."""
        send_id = self.pick(number, "person")
        assert send_id is not None
        one = self.sends[send_id]
        later = (SENDS.c.enrollment_id == one.person * 10 + BOXES.index(one.mailbox)) & (SENDS.c.attempt > one.attempt)

        def write(connection: Connection) -> int:
            fence.settle_open(connection, send_id, "skipped", "person:ana", self.now)
            sends.reattempt(connection, send_id, self.now)
            return int(connection.scalars(select(SENDS.c.id).where(later)).one())

        new = self.database.write(write)
        one.state = "skipped"
        self.sends[new] = Send(one.person, one.mailbox, one.attempt + 1, number=one.number)

    @rule(person=persons)
    def record_about(self, person: int) -> None:
        self.database.write(lambda c: people.raise_seq(c, [person]))
        self.numbers["person", person] += 1

    @rule(scope=st.sampled_from(["all", "sequence", "mailbox", "account"]), number=st.integers(0, 1))
    def stop_above(self, scope: scopes.ScopeKind, number: int) -> None:
        key = {"all": "", "sequence": f"s{number}", "mailbox": BOXES[number], "account": f"a{number}.test"}[scope]
        self.database.write(lambda c: scopes.raise_scope(c, scope, key))
        self.numbers["all" if scope == "all" else (scope, key)] += 1

    @rule(seconds=st.sampled_from([1, 1, 5, 5, 15, 25, 600, 1000, 40_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        """What a daemon left on the wire is found as soon as its lease is not its own any more."""
        found = {row.id for row in self.database.read(lambda c: fence.stale(c, self.now))}
        left = set()
        for key, one in self.sends.items():
            held, number, until = self.leases.get(one.mailbox, ("", 0, self.now))
            alive = held and number == one.number and until > self.now
            if one.state == "sending" and (not alive or self.now > one.left_at + fence.OUTCOME_AFTER_MAX):
                left.add(key)
        assert found == left

    @invariant()
    def rows_are_the_model(self) -> None:
        rows = self.database.read(lambda c: sends.load_sends(c, list(self.sends)))
        assert {key: row.state for key, row in rows.items()} == {key: one.state for key, one in self.sends.items()}
        used = self.database.read(lambda c: {(row.kind, row.key, row.day): row.n for row in c.execute(select(USAGE))})
        assert Counter({place: n for place, n in used.items() if n}) == self.recount()
        busy = Counter(one.person for one in self.sends.values() if one.state in OPEN)
        assert max(busy.values(), default=0) <= 1


TestSends = Sends.TestCase
# Without shrinking, which takes minutes here: what is printed replays the failure as it is.
TestSends.settings = settings(
    max_examples=15, stateful_step_count=50, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
