"""Which found mails answer for those that were counted and lost: none but what left since the copy, from here."""

from sequencer.core.outcome import Uncertain
from sequencer.store import sends
from tests.integration.mail_room import ANA
from tests.integration.restored import Restored, someone


def bytes_to(restored: Restored, name: str) -> bytes:
    return restored.database.read(restored.sent_bytes)[f"{name}@{name}.test"]


def test_a_doubtful_mail_of_the_copy_was_counted_before(restored: Restored) -> None:
    """Its copy lies in Sent, and does not answer for one that left later and has none."""
    doubtful = restored.person("x@x.test")
    restored.enroll(doubtful)
    restored.send_due(Uncertain("cut", "dot"))
    row = restored.sent(doubtful)
    restored.file(restored.database.read(lambda connection: sends.raw_bytes(connection, [row.id]))[row.id])
    someone(restored, "y")
    restored.clock.forward(minutes=30)
    restored.keep()
    restored.clock.forward(minutes=30)
    restored.send(filed=False)
    restored.lose()
    done = restored.reconcile()
    assert ([row.address for row in done.left], done.missing) == (["x@x.test"], 1)
    assert [row.address for row in done.doubts] == ["y@y.test"]


def test_a_mail_that_was_lost_before_does_not_answer_for_one_that_is_lost_now(restored: Restored) -> None:
    """It is of an earlier series of ids, and was counted at the earlier restore."""
    someone(restored, "z")
    restored.send()
    restored.clock.forward(minutes=20)
    restored.keep()
    for name in ("p", "q"):
        someone(restored, name)
    restored.send()
    restored.lose()
    assert (restored.reconcile().missing, restored.kinds_of("sent")) == (0, [("z@z.test", "intro")])
    restored.clock.forward(minutes=20)
    for name in ("r", "s", "t"):
        someone(restored, name)
    restored.clock.forward(minutes=20)
    restored.keep()
    restored.clock.forward(minutes=20)
    restored.send(filed=False)
    restored.lose()
    done = restored.reconcile()
    assert (done.missing, done.left) == (3, ())
    assert sorted(row.address for row in done.doubts) == ["r@r.test", "s@s.test", "t@t.test"]


def test_a_mail_of_another_installation_answers_for_none_of_ours(restored: Restored) -> None:
    """A staging that sends from the same mailbox: the ids have the same shape."""
    first = restored.person("z@z.test")
    restored.enroll(first)
    restored.send()
    known = restored.sent(first).message_id
    assert known is not None
    someone(restored, "q")
    restored.keep()
    restored.clock.forward(minutes=20)
    restored.send(filed=False)
    other = f"<{'ab' * 20}@{ANA.rpartition('@')[2]}>"
    restored.file(bytes_to(restored, "z").replace(known.encode(), other.encode()))
    restored.lose()
    done = restored.reconcile()
    assert ([copy.message_id for copy in done.lost], done.missing) == ([other], 1)
    assert [row.address for row in done.doubts] == ["q@q.test"]


def test_a_lost_mail_is_not_credited_to_whoever_got_its_number(restored: Restored) -> None:
    """Whoever was enrolled after the first restore was never written to when the second one comes."""
    someone(restored, "z")
    restored.send()
    restored.clock.forward(minutes=20)
    restored.keep()
    lost = someone(restored, "p")
    restored.send()
    restored.lose()
    restored.reconcile()
    restored.clock.forward(minutes=20)
    new = someone(restored, "q")
    assert new == lost
    restored.clock.forward(minutes=20)
    restored.keep()
    restored.clock.forward(minutes=20)
    restored.lose()
    done = restored.reconcile()
    assert ([row.address for row in done.left], [copy.recipients for copy in done.lost]) == ([], [("p@p.test",)])
    restored.send_after(minutes=20)
    assert restored.kinds_of("sent") == [("q@q.test", "intro"), ("z@z.test", "intro")]


def test_a_lost_mail_to_somebody_of_the_lost_time_is_counted(restored: Restored) -> None:
    """Its id is one that our key makes for an enrollment behind the last one of the copy."""
    someone(restored, "z")
    restored.send()
    restored.clock.forward(minutes=20)
    waiting = someone(restored, "w")
    restored.keep()
    for name in ("a", "b", "c"):
        someone(restored, name)
    restored.send()
    restored.lose()
    done = restored.reconcile()
    assert (done.missing, len(done.lost), [row.enrollment_id for row in done.left]) == (0, 3, [waiting])
