"""The fence: what it compares, what it counts, what it never does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, insert, select, update

from sequencer.core.people import OuterPause
from sequencer.store import fence, leases, people, ramp, scopes, sends
from sequencer.store.database import Database
from sequencer.store.fence import Intent, Limits, Settlement
from sequencer.store.tables import ACCOUNTS, ENROLLMENTS, MAILBOXES, PROSPECTS, SENDS, USAGE
from tests.fresh import age_leases, person_numbers

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BOX = "ana@ourco.test"
ROOMY = Limits(NOW.date(), 100, 100, 100)
LEASE = timedelta(seconds=20)


def queued(connection: Connection, number: int, person: int | None = None, domain: str | None = None) -> int:
    """A send that is ready for its dot; returns its id."""
    person = person or number
    if connection.scalar(select(func.count()).select_from(PROSPECTS).where(PROSPECTS.c.id == person)) == 0:
        connection.execute(insert(ACCOUNTS).values(id=f"a{person}.test", name="", domain="", fields={}))
        connection.execute(
            insert(PROSPECTS).values(
                id=person, account_id=f"a{person}.test", zone_source="file", fields={}, seq=0, created_at=NOW
            )
        )
    connection.execute(
        insert(ENROLLMENTS).values(
            id=number, prospect_id=person, sequence_id=f"s{number}", version=1, mailbox=BOX, rep="ana", exclusive=False,
            status="active", step="intro", progress="{}", enrolled_at=NOW,
        )
    )  # fmt: skip
    row = {
        "enrollment_id": number, "step": "intro", "attempt": 1, "prospect_id": person,
        "account_id": f"a{person}.test", "sequence_id": f"s{number}", "mailbox": BOX, "variant": "", "version": 1,
        "due_at": NOW, "first_touch": True, "address": f"p{person}@a{person}.test", "domain": domain,
    }  # fmt: skip
    sends.queue_sends(connection, [row])
    send_id = int(connection.scalars(select(SENDS.c.id).where(SENDS.c.enrollment_id == number)).one())
    prepare(connection, send_id)
    return send_id


def prepare(connection: Connection, send_id: int) -> None:
    row = sends.load_sends(connection, [send_id])[send_id]
    above = fence.scopes_of(row.sequence_id, row.mailbox, row.account_id)
    numbers = scopes.scope_numbers(connection, above)
    person = person_numbers(connection, [row.prospect_id])[row.prospect_id]
    text = fence.numbers_text(above, numbers, person)
    ready = sends.Prepared(
        send_id, b"bytes", f"<{send_id}@ourco.test>", "s", NOW, text, NOW + timedelta(minutes=15), row.address,
        row.domain, row.account_id, "", 1,
    )  # fmt: skip
    sends.put_prepared(connection, [ready])


def leased(connection: Connection, owner: str = "one") -> int:
    return leases.lease(connection, [BOX], owner, NOW, LEASE)[BOX]


def taken_over(connection: Connection) -> None:
    """Our lease ends, and another daemon takes the mailbox."""
    age_leases(connection, LEASE)
    leased(connection, "two")


def try_fence(
    database: Database,
    meanwhile: Callable[[Connection], object] | None = None,
    limits: Limits = ROOMY,
    at: datetime = NOW,
) -> str:
    """Queue, let something happen, ask the fence: the reason it gives, "" for a pass."""

    def work(connection: Connection) -> str:
        send_id = queued(connection, 1)
        number = leased(connection)
        if meanwhile:
            meanwhile(connection)
        return fence.pass_fence(connection, [Intent(send_id, "one", number)], {BOX: limits}, at)[send_id]

    return database.write(work)


def pause(scope: str, key: str = "") -> Callable[[Connection], object]:
    return lambda connection: scopes.pause_scope(connection, OuterPause(scope, key, "", "ana", NOW))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (None, ""),
        # anything recorded about the person
        (lambda c: people.raise_seq(c, [1]), "something was recorded meanwhile"),
        # a stop above the person
        (pause("all"), "something was recorded meanwhile"),
        (pause("sequence", "s1"), "something was recorded meanwhile"),
        (pause("mailbox", BOX), "something was recorded meanwhile"),
        (lambda c: scopes.raise_scope(c, "account", "a1.test"), "something was recorded meanwhile"),
        # a stop of somebody else
        (pause("sequence", "s2"), ""),
        (lambda c: people.raise_seq(c, [2]), ""),
        # another daemon took the mailbox after our lease ended
        (taken_over, "the lease is lost"),
        # nobody took it, but it has ended
        (lambda c: age_leases(c, LEASE), "the lease is lost"),
        # cancelled by a decision
        (lambda c: sends.call_back(c, 1, "intro", 1), "the send is cancelled"),
    ],
)
def test_what_the_fence_refuses(
    database: Database, meanwhile: Callable[[Connection], object] | None, reason: str
) -> None:
    assert try_fence(database, meanwhile) == reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(replace(ROOMY, mailbox=0), "a limit is reached"), (replace(ROOMY, account=0), "a limit is reached")],
)
def test_limits_are_counted_in_the_fence(database: Database, limits: Limits, reason: str) -> None:
    assert try_fence(database, limits=limits) == reason


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        # the last instant that it is good for, and the next
        (NOW + timedelta(minutes=15), ""),
        (NOW + timedelta(minutes=15, microseconds=1), "the time it was good for is over"),
    ],
)
def test_the_time_it_was_good_for(database: Database, at: datetime, reason: str) -> None:
    def renew(connection: Connection) -> None:
        connection.execute(update(MAILBOXES).values(lease_until=NOW + timedelta(days=9999)))

    assert try_fence(database, renew, at=at) == reason


def test_one_group_shares_its_counters_and_its_people(database: Database) -> None:
    def work(connection: Connection) -> tuple[dict[int, str], int]:
        ids = [
            queued(connection, 1, 1, "x.test"),
            queued(connection, 2, 1, "x.test"),
            queued(connection, 3, 3, "x.test"),
        ]
        ids.append(queued(connection, 4, 4, "x.test"))
        number = leased(connection)
        intents = [Intent(send_id, "one", number) for send_id in ids]
        answers = fence.pass_fence(connection, intents, {BOX: replace(ROOMY, domain=2)}, NOW)
        total = connection.scalar(select(USAGE.c.n).where(USAGE.c.kind == "domain"))
        return {at: answers[send_id] for at, send_id in enumerate(ids, 1)}, int(total or 0)

    answers, counted = database.write(work)
    assert answers == {1: "", 2: "another mail to this person is under way", 3: "", 4: "a limit is reached"}
    assert counted == 2


def test_only_the_fence_s_own_outcome_settles(database: Database) -> None:
    def work(connection: Connection) -> list[bool]:
        send_id = queued(connection, 1)
        number = leased(connection)
        fence.pass_fence(connection, [Intent(send_id, "one", number)], {BOX: ROOMY}, NOW)
        return [
            bool(fence.settle(connection, [Settlement(send_id, number + 1, "failed", NOW)])),
            bool(fence.settle(connection, [Settlement(send_id, number, "sent", NOW, 250)])),
            bool(fence.settle(connection, [Settlement(send_id, number, "failed", NOW)])),
        ]

    assert database.write(work) == [False, True, False]
    assert [row.state for row in database.read(lambda c: sends.in_state(c, "sent"))] == ["sent"]


def test_a_fenced_send_under_nobody_s_lease_is_stale(database: Database) -> None:
    def work(connection: Connection) -> tuple[int, int]:
        send_id = queued(connection, 1)
        number = leased(connection)
        fence.pass_fence(connection, [Intent(send_id, "one", number)], {BOX: ROOMY}, NOW)
        before = len(fence.stale(connection, NOW))
        age_leases(connection, LEASE)
        return before, len(fence.stale(connection, NOW))

    assert database.write(work) == (0, 1)


def test_bytes_stay_once_fenced_and_go_before(database: Database) -> None:
    def work(connection: Connection) -> list[set[int]]:
        send_id = queued(connection, 1)
        sends.drop_unfenced_bytes(connection, "s1")
        dropped = set(sends.raw_bytes(connection, [send_id]))
        prepare(connection, send_id)
        number = leased(connection)
        fence.pass_fence(connection, [Intent(send_id, "one", number)], {BOX: ROOMY}, NOW)
        fence.settle(connection, [Settlement(send_id, number, "queued", NOW, 451)])
        sends.drop_unfenced_bytes(connection, "s1")
        return [dropped, set(sends.raw_bytes(connection, [send_id]))]

    assert database.write(work) == [set(), {1}]


def test_a_ramp_counts_sending_days_and_starts_anew_after_two_idle_weeks(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        for back in (1, 2, 5, 25):
            day = NOW.date() - timedelta(days=back)
            connection.execute(insert(USAGE).values(kind="mailbox", key=BOX, day=day, n=1))
        later = NOW.date() + timedelta(days=20)
        return [ramp.sending_days(connection, BOX, NOW.date()), ramp.sending_days(connection, BOX, later)]

    assert database.write(work) == [3, 0]
