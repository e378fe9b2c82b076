"""What waits in a mailbox's queue: nobody behind somebody else's reason, nobody longer than the reason lasts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.outcome import Deferred, Outcome, Refused
from sequencer.core.people import Account, Address, OuterPause, Prospect
from sequencer.core.ports import Envelope
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.suppression import Suppression
from sequencer.engine.outer_stops import notice_config, resume_scope
from sequencer.store import contacts, leases, log, people, scopes, sends, tasks
from sequencer.store.sends import SendRow
from sequencer.store.tables import ENROLLMENTS, PROSPECTS, SENDS
from tests.integration.installation import MONDAY, SEQUENCE, Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over

BOX = "ana@ourco.test"


def crowd(house: Installation, number: int, sequence_id: str) -> list[int]:
    """Many people enrolled in one transaction; returns their enrollments."""
    now = house.clock.now()

    def add(connection: Connection) -> list[int]:
        found = []
        for each in range(number):
            domain = f"{sequence_id}{each}.test"
            people.put_account(connection, Account(domain, "Acme", domain))
            one = Prospect(0, (Address(f"jo@{domain}"),), {"first_name": "Jo"}, domain, "UTC", "file")
            person = people.add_prospect(connection, one, now)
            first = e.Enrolled(
                sequence=sequence_id, version=1, step="intro", rep="ana", mailbox=BOX, by="person:ana"
            )  # fmt: skip
            found.append(log.add_enrollment(connection, person, True, p.enroll(first, now)))
            log.append(connection, [log.Entry(now, person, found[-1], first)])
        return found

    return house.database.write(add)


def queued(house: Installation, *states: str) -> list[SendRow]:
    return house.database.read(lambda connection: sends.in_state(connection, *(states or ("queued",))))


async def advanced(house: Installation) -> None:
    while await house.advance.run_once(house.clock.now()):
        pass


def pause(house: Installation, sequence_id: str) -> None:
    put = OuterPause("sequence", sequence_id, "", "ana", house.clock.now())
    house.database.write(lambda connection: scopes.pause_scope(connection, put))


async def test_nobody_waits_behind_a_paused_sequence_and_resuming_it_needs_no_clock(house: Installation) -> None:
    house.apply("large", SEQUENCE)
    crowd(house, 300, "large")
    await advanced(house)
    pause(house, "large")
    house.clock.forward(seconds=1)
    free = crowd(house, 5, "three")
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch, rounds=1)
    assert len(channel.accepted) == len(free)
    assert {row.wait_reason for row in queued(house)} == {Reason.SEQUENCE_PAUSED}
    house.database.write(lambda c: resume_scope(c, house.config, "sequence", "large", "ana", house.clock.now()))
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 305


async def test_nobody_waits_behind_follow_ups_whose_inbox_was_not_read(house: Installation) -> None:
    crowd(house, 300, "three")
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    house.clock.forward(days=2)
    await advanced(house)
    house.enroll(house.person("new@acme.test"))
    await house.run(dispatch, rounds=1)
    assert [each.recipient for each in channel.accepted[300:]] == ["new@acme.test"]
    house.inbox_read()
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 601


async def test_a_wait_that_says_the_same_again_is_not_written_again(tmp_path: Path) -> None:
    house = Installation(tmp_path, 25, cap=1)
    house.apply()
    crowd(house, 3, "three")
    dispatch = dispatch_over(house, ScriptedChannel())
    await house.run(dispatch)
    trigger = "CREATE TRIGGER quiet BEFORE UPDATE ON sends BEGIN SELECT RAISE(ABORT, 'written again'); END"
    house.database.write(lambda connection: connection.exec_driver_sql(trigger))
    await house.run(dispatch)
    assert dispatch.next_at == MONDAY.replace(day=24, hour=0)
    await dispatch.stop()
    house.close()


async def test_mail_that_waits_for_its_window_leaves_when_the_zone_is_corrected(
    house: Installation,
) -> None:
    person = house.person("jo@acme.test")
    enrollment = house.enroll(person)
    await advanced(house)

    def put(zone: str) -> None:
        def work(connection: Connection) -> None:
            known = people.load_prospects(connection, [person])[person]
            people.update_prospect(connection, replace(known, timezone=zone))
            log.make_due(connection, [enrollment], house.clock.now())

        house.database.write(work)

    put("America/Denver")
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    (row,) = queued(house)
    assert (row.wait_reason, row.not_before) == (Reason.WINDOW_CLOSED, MONDAY.replace(hour=15, minute=30))
    put("Europe/Madrid")
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 1


async def test_a_daemon_that_starts_looks_at_everything_again_but_what_a_server_put_off(house: Installation) -> None:
    async def greylists(envelope: Envelope) -> Outcome | None:
        return Deferred(451, "later", "rcpt") if envelope.recipient == "jo@three0.test" else None

    crowd(house, 2, "three")
    await advanced(house)
    until = MONDAY + timedelta(hours=5)
    first = dispatch_over(house, ScriptedChannel(wire=greylists))
    house.database.write(lambda c: sends.put_waits(c, [(2, until, Reason.PERSON_GAP)]))
    await first.run_once(house.clock.now())  # a mailbox that is newly ours
    while first.at_work:
        await first.at_work[0]
    assert [row.address for row in queued(house)] == ["jo@three0.test"]
    await first.stop()
    channel = ScriptedChannel()
    second = dispatch_over(house, channel, "second")
    await house.run(second)
    assert channel.wired == []
    await second.stop()


async def test_a_person_whose_account_changed_while_queued_is_sent_to(house: Installation) -> None:
    person = house.person("jo@acme.test")
    house.enroll(person)
    await advanced(house)

    def move(connection: Connection) -> None:
        people.put_account(connection, Account("other", "Other", ""))
        known = people.load_prospects(connection, [person])[person]
        people.update_prospect(connection, replace(known, account_id="other"))
        scopes.raise_scope(connection, "account", "other")

    house.database.write(move)
    channel = ScriptedChannel()
    await house.run_and_stop(dispatch_over(house, channel))
    assert len(channel.accepted) == 1
    day = MONDAY.date()
    assert house.database.read(lambda c: sends.used(c, "account", ["other", "acme.test"], day)) == {"other": 1}


async def test_kept_bytes_do_not_leave_for_an_address_that_failed_meanwhile(house: Installation) -> None:
    """Guarantee 2: no email after a hard bounce of that address, although a deferred mail keeps its bytes."""
    refusals: list[Outcome] = [Deferred(451, "later", "dot")]

    async def later_then_yes(envelope: Envelope) -> Outcome | None:
        return None

    async def dot(envelope: Envelope) -> Outcome:
        return refusals.pop() if refusals else Refused(550, "should not be asked", "dot")

    person = house.person("old@acme.test")
    enrollment = house.enroll(person)
    channel = ScriptedChannel(dot=dot, wire=later_then_yes)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)

    def bounced(connection: Connection) -> None:
        people.invalidate_address(connection, "old@acme.test", "5.1.1")
        people.put_addresses(connection, person, ["old@acme.test", "new@acme.test"])

    house.database.write(bounced)
    house.clock.forward(hours=1)
    await house.run(dispatch)
    assert len(channel.wired) == 1
    assert [row.state for row in queued(house, "failed", "queued")] == ["failed"]
    assert house.progress(enrollment).hold(Reason.BAD_ADDRESS)
    house.record(enrollment, e.HoldTaken(reason=Reason.BAD_ADDRESS, by="person:ana"))
    await house.run(dispatch)
    await dispatch.stop()
    assert [each.recipient for each in channel.wired] == ["old@acme.test", "new@acme.test"]


async def test_a_second_attempt_after_a_no_is_a_new_mail_until_it_was_fenced(house: Installation) -> None:
    async def no(_: Envelope) -> Outcome | None:
        return Refused(554, "no", "rcpt", "5.7.1") if len(channel.wired) == 1 else None

    async def put_off(_: Envelope) -> Outcome | None:
        house.record(enrollment, e.OwnerWrote(message=9)) if len(channel.wired) == 2 else None
        return await no(_)

    enrollment = house.enroll(house.person("jo@acme.test"))
    channel = ScriptedChannel(wire=put_off)
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    house.record(enrollment, e.HoldTaken(reason=Reason.REFUSED, by="person:ana"))
    await house.run(dispatch)  # on the wire, and called back before its fence
    house.record(enrollment, e.PauseTaken(reason=Reason.OWNER_WROTE, by="person:ana"))
    house.clock.forward(days=1)
    await house.run(dispatch)
    await dispatch.stop()
    first, _, last = (message_from_bytes(each.body, policy=policy.default) for each in channel.wired)
    assert first["Message-ID"] != last["Message-ID"]
    assert last["Date"].datetime == house.clock.now()
    assert [each.body for each in channel.accepted] == [channel.wired[2].body]


@pytest.mark.parametrize(
    "rule",
    [
        ("domain", "acme.test"),
        ("account", "acme.test"),
        ("address", "jo@acme.test"),
        ("person", "1"),
    ],
)
async def test_a_suppression_between_decision_and_fence_wins(house: Installation, rule: tuple[str, str]) -> None:
    kind, value = rule

    async def meanwhile(_: Envelope) -> Outcome | None:
        forbids = Suppression(kind, value, None, "asked", house.clock.now())  # type: ignore[arg-type]
        house.database.write(lambda connection: people.suppress(connection, forbids, "person:ana"))
        return None

    enrollment = house.enroll(house.person("jo@acme.test"))
    channel = ScriptedChannel(wire=meanwhile)
    await house.run_and_stop(dispatch_over(house, channel))
    assert channel.accepted == []
    assert [row.state for row in queued(house, "queued", "cancelled")] == ["cancelled"]
    assert house.progress(enrollment).finished in (FinishReason.DISQUALIFIED, FinishReason.OPTED_OUT)


@pytest.mark.parametrize("broken", ["timezone", "progress"])
async def test_a_person_whose_row_is_broken_stops_only_themself(house: Installation, broken: str) -> None:
    bad, *_ = crowd(house, 3, "three")
    await advanced(house)

    def spoil(connection: Connection) -> None:
        if broken == "timezone":
            connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == 1).values(timezone="Mars/Base"))
        else:
            connection.execute(update(ENROLLMENTS).where(ENROLLMENTS.c.id == bad).values(progress='{"of": "old"}'))
        log.make_due(connection, [1, 2, 3], house.clock.now())

    house.database.write(spoil)
    channel = ScriptedChannel()
    await house.run_and_stop(dispatch_over(house, channel))
    assert [each.recipient for each in channel.accepted] == ["jo@three1.test", "jo@three2.test"]
    (row,) = queued(house)
    assert row.wait_reason == Reason.BUG


async def test_the_first_mail_of_another_sequence_waits_for_the_inbox_that_the_person_may_have_answered(
    house: Installation,
) -> None:
    person = house.person("jo@acme.test")
    first = house.enroll(person)
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    house.record(first, e.Finished(reason=FinishReason.MOVED, by="person:ana"))
    house.clock.forward(days=2)
    house.apply("second", SEQUENCE)
    house.enroll(person, "second")
    await house.run(dispatch)
    assert len(channel.accepted) == 1
    assert [row.wait_reason for row in queued(house)] == [Reason.INBOX_STALE]
    house.inbox_read()
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 2


async def test_an_uncertain_mail_that_was_given_up_may_be_answered_all_the_same(house: Installation) -> None:
    wrote = {"state": "skipped", "sending_at": MONDAY}
    house.enroll(house.person("jo@acme.test"))
    await advanced(house)
    house.database.write(lambda c: c.execute(update(SENDS).values(**wrote)))
    found = house.database.read(lambda c: contacts.mailboxes_that_wrote(c, [1], MONDAY - timedelta(days=1)))
    assert found == {1: {BOX}}


async def test_a_changed_config_has_everybody_decided_on_again_once(house: Installation) -> None:
    house.clock.to(MONDAY.replace(hour=20))
    crowd(house, 2, "three")
    await advanced(house)
    assert house.database.read(log.next_due_at) == MONDAY.replace(day=24, hour=8, minute=30)

    def noticed() -> int:
        return house.database.write(lambda connection: notice_config(connection, house.config, house.clock.now()))

    assert [noticed(), noticed()] == [2, 0]
    assert house.database.read(log.next_due_at) == house.clock.now()


def touches(house: Installation, at: Sequence[timedelta]) -> None:
    """Calls that were made to person 1."""

    def add(connection: Connection) -> None:
        for number, before in enumerate(at):
            opened = e.TaskOpened(
                task=f"ring#{number}", step=None, work="call", priority="normal", due_at=MONDAY - before
            )  # fmt: skip
            connection.execute(insert(ENROLLMENTS).values(
                id=100 + number, prospect_id=1, sequence_id=f"calls{number}", version=1, mailbox="", rep="ana",
                exclusive=False, status="finished", step="ring", progress="{}", enrolled_at=MONDAY,
            ))  # fmt: skip
            tasks.open_task(connection, 100 + number, 1, "ana", opened, MONDAY - before)
            tasks.close_task(connection, 100 + number, f"ring#{number}", "done", MONDAY - before, "connected")

    house.database.write(add)


@pytest.mark.parametrize(
    ("calls", "reason", "until"),
    [
        # a call an hour ago: 20 hours between two touches, whatever the channel
        ([timedelta(hours=1)], Reason.PERSON_GAP, MONDAY + timedelta(hours=19)),
        # five calls in the week: the oldest of them has to be a week ago
        ([timedelta(days=each, hours=1) for each in range(1, 6)], Reason.PERSON_WEEK, MONDAY + timedelta(hours=47)),
    ],
)
async def test_touches_of_every_channel_count_for_a_person(
    house: Installation, calls: Sequence[timedelta], reason: Reason, until: object
) -> None:
    house.enroll(house.person("jo@acme.test"))
    touches(house, calls)
    channel = ScriptedChannel()
    await house.run_and_stop(dispatch_over(house, channel))
    (row,) = queued(house)
    assert (channel.wired, row.wait_reason, row.not_before) == ([], reason, until)


async def test_an_attempt_of_an_uncertain_mail_keeps_its_bytes_and_its_counters_stay(house: Installation) -> None:
    house.enroll(house.person("jo@acme.test"))
    await advanced(house)
    house.database.write(lambda c: leases.lease(c, [BOX], "x", MONDAY, timedelta(seconds=20)))
    house.database.write(lambda c: c.execute(update(SENDS).values(fence=1, state="skipped", wait_reason="cap")))
    house.database.write(lambda c: sends.reattempt(c, 1, MONDAY))
    (row,) = queued(house)
    assert (row.attempt, row.fence, row.wait_reason, row.sending_at, row.local_day) == (2, 1, "", None, None)


async def test_a_small_sequence_is_read_beside_a_big_one_however_long_its_queue(tmp_path: Path) -> None:
    """1,200 older mails would fill every page that is read before the 3 of the small one."""
    house = Installation(tmp_path, 25, cap=8)
    house.apply()
    house.apply("large", SEQUENCE)
    crowd(house, 1200, "large")
    await advanced(house)
    house.clock.forward(minutes=1)
    crowd(house, 3, "three")
    channel = ScriptedChannel()
    await house.run_and_stop(dispatch_over(house, channel))
    left = [each.recipient.partition("@")[2] for each in channel.accepted]
    assert len(left) == 8
    assert sum(domain.startswith("three") for domain in left) == 3
    house.close()
