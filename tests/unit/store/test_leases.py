"""Leases: one owner, a rising number, fair shares, nothing let go that is on the wire."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from sequencer.store import fence, leases, walks
from sequencer.store.database import Database
from sequencer.store.fence import Intent
from sequencer.store.installation_tables import DAEMONS
from sequencer.store.tables import MAILBOXES
from tests.fresh import age_leases
from tests.unit.store.test_fence import BOX, NOW, ROOMY, queued

LEASE = timedelta(seconds=20)
BOXES = [BOX, *(f"box{number}@ourco.test" for number in range(4))]


def beat(database: Database, owner: str, addresses: Collection[str] = BOXES) -> dict[str, int]:
    return database.write(lambda connection: leases.lease(connection, list(addresses), owner, NOW, LEASE))


def passes(database: Database, seconds: float) -> None:
    database.write(lambda connection: age_leases(connection, timedelta(seconds=seconds)))


def test_a_lease_has_one_owner_and_a_rising_number(database: Database) -> None:
    told = [beat(database, "one", [BOX])]
    passes(database, 18)
    told += [beat(database, "two", [BOX]), beat(database, "one", [BOX])]
    passes(database, 20)
    told += [beat(database, "two", [BOX]), beat(database, "one", [BOX])]
    assert told == [{BOX: 1}, {}, {BOX: 1}, {BOX: 2}, {}]


def test_a_lease_far_in_the_future_counts_as_lost(database: Database) -> None:
    beat(database, "one", [BOX])
    passes(database, -86_400)
    assert beat(database, "two", [BOX]) == {BOX: 2}


def test_a_daemon_that_comes_gets_its_share_and_one_that_dies_leaves_it(database: Database) -> None:
    assert len(beat(database, "one")) == 5
    assert beat(database, "two") == {}
    first, second = set(beat(database, "one")), set(beat(database, "two"))
    assert (len(first), len(second), first | second) == (3, 2, set(BOXES))
    assert (set(beat(database, "one")), set(beat(database, "two"))) == (first, second)
    passes(database, 12)
    beat(database, "two")
    passes(database, 12)  # "one" has said nothing for longer than a lease
    assert set(beat(database, "two")) == set(BOXES)
    assert beat(database, "one") == {}


def test_three_daemons_share_five_mailboxes_and_each_has_one_owner(database: Database) -> None:
    for _ in range(3):
        shares = [set(beat(database, owner)) for owner in ("one", "two", "three")]
    assert sorted(map(len, shares)) == [1, 2, 2]
    assert sorted(address for share in shares for address in share) == sorted(BOXES)


def test_a_stop_lets_go_at_once(database: Database) -> None:
    beat(database, "one")
    database.write(lambda connection: leases.release(connection, "one"))
    assert len(beat(database, "two")) == 5
    assert database.read(lambda c: len(c.execute(DAEMONS.select()).all())) == 1


def test_a_mailbox_with_mail_on_the_wire_is_not_let_go(database: Database) -> None:
    number = beat(database, "one")[BOX]

    def on_the_wire(connection: Connection) -> None:
        intent = Intent(queued(connection, 1), "one", number)
        assert fence.pass_fence(connection, [intent], {BOX: ROOMY}, NOW) == {intent.send_id: ""}

    database.write(on_the_wire)
    for owner in ("two", "three", "four", "five"):
        beat(database, owner)
    assert beat(database, "one") == {BOX: number}


def test_what_another_daemon_works_for(database: Database) -> None:
    def reads(owner: str, mailbox: str = BOX) -> bool:
        return database.read(lambda connection: walks.begin(connection, "an inbox", mailbox, owner, NOW)) is not None

    assert reads("one")
    beat(database, "one")
    assert (reads("one"), reads("two"), reads("two", "nobody@ourco.test"), reads("", "")) == (True, False, True, True)
    passes(database, 20)
    assert reads("two")


def test_an_owner_whose_lease_has_ended_gets_a_new_number(database: Database) -> None:
    """`lease_until` of long ago is a lease that has ended, whoever had it."""
    beat(database, "one", [BOX])
    database.write(lambda c: c.execute(update(MAILBOXES).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC))))
    assert beat(database, "one", [BOX]) == {BOX: 2}
