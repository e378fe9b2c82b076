"""Reconciling where nothing tells how many mails left since the copy: the epoch file is gone, torn or of elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sequencer.app import KEY as INSTALLATION_KEY
from sequencer.engine import settling
from sequencer.engine.reconciling import Words
from sequencer.engine.sent_before import Copy
from sequencer.store import epoch, scopes
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA
from tests.integration.restored import Restored, someone
from tests.integration.typed import Ran, typed_in

Typed = Callable[..., Ran]


def lost_two(restored: Restored) -> None:
    """Jo's mail left and its copy was filed; Bo's left and was not, and the machine is gone."""
    someone(restored, "jo")
    someone(restored, "bo")
    restored.keep()
    restored.send(filed=False)
    rows = restored.database.read(restored.sent_bytes)
    restored.file(rows["jo@jo.test"])
    restored.clock.forward(minutes=30)
    restored.lose(counted=False)


def test_a_mail_that_was_due_and_is_not_found_needs_a_word(restored: Restored) -> None:
    lost_two(restored)
    done = restored.reconcile()
    assert (done.lifted, done.missing, done.doubts) == (False, None, ())
    assert [row.address for row in done.left] == ["jo@jo.test"]
    assert [(each.mailbox, each.trouble) for each in done.unsaid] == [
        (ANA, "1 mail was due and no copy is in it, and nobody counted what left")
    ]


def test_a_doubted_one_waits_for_its_own_word(restored: Restored) -> None:
    lost_two(restored)
    restored.reconcile()
    done = restored.reconcile(Words(doubted=frozenset({ANA})))
    assert (done.lifted, [row.address for row in done.doubts]) == (True, ["bo@bo.test"])
    restored.send_after(days=1)
    assert restored.kinds_of("sent") == [("jo@jo.test", "intro")]
    assert restored.kinds_of("person") == [("bo@bo.test", "intro")]


def test_where_a_person_says_that_nothing_left_it_is_sent(restored: Restored) -> None:
    lost_two(restored)
    done = restored.reconcile(Words(trusted=frozenset({ANA})))
    assert (done.lifted, done.doubts) == (True, ())
    restored.send_after(minutes=5)
    assert restored.kinds_of("sent") == [("bo@bo.test", "intro"), ("jo@jo.test", "intro")]


def test_nobody_is_asked_where_nothing_else_was_due(restored: Restored) -> None:
    someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.lose(counted=False)
    done = restored.reconcile()
    assert (done.lifted, len(done.left), done.doubts) == (True, 1, ())


@pytest.mark.parametrize("counted", [True, False])
def test_a_follow_up_of_whoever_was_enrolled_after_the_last_heartbeat_may_have_left(
    restored: Restored, counted: bool
) -> None:
    """The copy has them; by the instant alone they would have begun after the loss (seed 22041)."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.known_until = restored.clock.now() - timedelta(minutes=40)
    restored.send(filed=False)
    restored.send_after(days=3, filed=False)
    restored.clock.forward(hours=1)
    restored.lose(counted=counted)
    done = restored.reconcile(Words(doubted=frozenset({ANA})))
    assert [row.step for row in done.doubts] == ["intro"]
    doubted, now = restored.sent(person).id, restored.clock.now()
    restored.database.write(lambda connection: settling.say_sent(connection, restored.advance, doubted, "ana", now))
    restored.send_after(days=5)
    assert restored.kinds_of("sent") == [("jo@jo.test", "intro")]
    assert restored.kinds_of("person") == [("jo@jo.test", "bump")]


def test_whoever_is_enrolled_under_the_hold_has_got_nothing(restored: Restored) -> None:
    someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.lose(counted=False)
    restored.clock.forward(hours=1)
    someone(restored, "bo")
    restored.clock.forward(hours=1)
    done = restored.reconcile()
    assert (done.lifted, done.doubts) == (True, ())
    restored.send_after(minutes=5)
    assert restored.kinds_of("sent") == [("bo@bo.test", "intro"), ("jo@jo.test", "intro")]


MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
FILED = Copy("<1@x>", MONDAY, filed=True)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(
            replace(FILED, filed_at=MONDAY), replace(FILED, filed_at=MONDAY + timedelta(hours=4)), id="filed twice"
        ),
        pytest.param(FILED, replace(FILED, filed_at=MONDAY + timedelta(hours=4)), id="one does not tell when"),
        pytest.param(FILED, replace(FILED, at=MONDAY + timedelta(hours=4)), id="by their Dates"),
        pytest.param(replace(FILED, at=None), FILED, id="one has no Date"),
        pytest.param(Copy("<1@x>"), replace(FILED, at=None), id="one does not lie in Sent"),
    ],
)
def test_of_two_copies_of_a_mail_the_one_that_was_filed_last_counts(earlier: Copy, later: Copy) -> None:
    """A mail that was sent again keeps the Date of its first try; whichever of its copies is read last."""
    assert later.or_later(None) == later
    assert (later.or_later(earlier), earlier.or_later(later)) == (later, later)


@pytest.mark.parametrize("stamp", ["253402300799", "99999999999999"], ids=["the last day there is", "none there is"])
def test_a_copy_that_was_filed_at_the_end_of_time_left_before_the_restore(restored: Restored, stamp: str) -> None:
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.send(filed=False)
    (raw,) = restored.database.read(restored.sent_bytes).values()
    restored.file(raw, stamp)
    restored.clock.forward(hours=9)
    restored.lose()
    (left,) = restored.reconcile().left
    assert left.state == "sent"
    assert left.sending_at is not None
    assert left.sending_at <= restored.clock.now()


def test_a_date_of_the_end_of_time_is_not_later_than_that(restored: Restored) -> None:
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.send(filed=False)
    (raw,) = restored.database.read(restored.sent_bytes).values()
    head, _, rest = raw.partition(b"\r\n")
    assert head.startswith(b"Date: ")
    restored.file(b"Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n" + rest)
    restored.lose()
    assert len(restored.reconcile().left) == 1


@pytest.fixture
def typed(restored: Restored) -> Typed:
    """`db reconcile` after two mails were lost, without a count, in an installation of two mailboxes."""
    lost_two(restored)
    restored.database.write(lambda connection: scopes.put_meta(connection, INSTALLATION_KEY, KEY.hex()))
    return lambda *words: typed_in(restored.folder, "db", "reconcile", *words, "--as", "ana")


def test_the_command_asks_for_a_word_and_takes_one_for_all(typed: Typed, restored: Restored) -> None:
    asked = typed()
    assert asked.code == 1
    assert f"{ANA}: 1 mail was due and no copy is in it, and nobody counted what left" in asked.out
    assert f"sequencer db reconcile --doubt {ANA}" in asked.out
    refused = typed("--trust", "all", "--doubt", "all")
    assert (refused.code, "not with both" in refused.err) == (2, True)
    unknown = typed("--trust", "nobody@ourco.test")
    assert (unknown.code, "there is no mailbox" in unknown.err) == (2, True)
    looked = typed("--trust", "all", "--dry-run", "--json").json
    assert (looked["lifted"], looked["missing"], looked["doubts"]) == (True, None, [])
    assert restored.database.read(epoch.held) is not None
    doubted = typed("--doubt", "ALL", "--json").json
    assert (doubted["lifted"], [one["address"] for one in doubted["doubts"]]) == (True, ["bo@bo.test"])
    assert restored.database.read(epoch.held) is None


def test_one_mailbox_is_named_and_all_are_the_others(typed: Typed) -> None:
    done = typed("--trust", "all", "--doubt", ANA, "--json").json
    assert (done["lifted"], [one["address"] for one in done["doubts"]]) == (True, ["bo@bo.test"])


def test_the_report_says_when_a_mail_that_was_found_left(typed: Typed, restored: Restored) -> None:
    (left,) = typed("--dry-run", "--json").json["left"]
    assert left["address"] == "jo@jo.test"
    assert left["at"] is not None
