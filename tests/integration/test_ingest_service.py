"""Ingest as a service: crashes between its stages, mail that nobody can read, inboxes that fail, waiting for news."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from sequencer.core import events as e
from sequencer.core.ports import Cursor, FolderName, Head, Settle, Settled, Wanted
from sequencer.core.reason import Reason
from sequencer.engine.ingest import Ingest
from sequencer.errors import InboxLost
from sequencer.inbound.maildir import Maildir
from sequencer.store import inbox
from sequencer.store.tables import VERSIONS
from tests.integration.mail_room import ANA, MailRoom, mail

NAME = "maildir:mail"


class Dying(Maildir):
    """Its daemon dies right after the first batch was committed."""

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        def once(folder: FolderName, cursor: Cursor, items: Sequence[Settled]) -> None:
            settle(folder, cursor, items)
            raise RuntimeError("the daemon dies here")

        super().walk(cursors, wanted, once)


class Flaky(Maildir):
    """Its server cannot be reached while `lost`; counts the tries."""

    lost = True
    tries = 0

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        self.tries += 1
        if self.lost:
            raise InboxLost("no answer")
        super().walk(cursors, wanted, settle)


class Counting(Maildir):
    """Counts the mails of which somebody asks whether they are wanted."""

    asked = 0

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        def counted(head: Head) -> bool:
            self.asked += 1
            return wanted(head)

        super().walk(cursors, counted, settle)


class Restless(Maildir):
    """Its server always says that there is news."""

    waits = walks = 0

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        self.walks += 1
        super().walk(cursors, wanted, settle)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits += 1
        return True


class CutOff(Maildir):
    """Its server hangs up on the first wait."""

    waits = 0

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits += 1
        if self.waits == 1:
            raise InboxLost("the server said BYE")
        return super().wait(stop, seconds)


class Slow(Maildir):
    """Its server answers when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.may_go = threading.Event()
        self.walks = 0

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        self.walks += 1
        self.may_go.wait(20)
        super().walk(cursors, wanted, settle)


def answered(room: MailRoom, name: str = "jo") -> int:
    """A person at an account of their own was written to and answered; returns the enrollment."""
    person = room.person(f"{name}@{name}.test", name.title())
    enrollment = room.written_to(person)
    sent = room.sent(person).message_id
    room.deliver(mail(sender=f"{name}@{name}.test", answers=sent, number=person))
    return enrollment


def replies(room: MailRoom, enrollment: int) -> int:
    return room.kinds(enrollment).count("ReplyReceived")


def synced_at(room: MailRoom) -> datetime | None:
    return room.database.read(inbox.synced_at).get(NAME)


async def test_a_crash_after_any_stage_loses_and_repeats_nothing(room: MailRoom) -> None:
    enrollment = answered(room)
    now = room.clock.now()
    for _ in range(2):
        await room.new_ingest().sync(now)
        await room.new_ingest().sync(now)
        await room.new_ingest().classify(now)
        await room.new_ingest().classify(now)
        await room.new_ingest().project(now)
        await room.new_ingest().project(now)
    assert replies(room, enrollment) == 1
    assert [row.state for row in room.inbound()] == ["projected"]


async def test_two_daemons_that_work_off_the_same_mail_let_it_act_once(room: MailRoom) -> None:
    enrollments = [answered(room, f"p{n}") for n in range(4)]
    now = room.clock.now()
    one, other = room.new_ingest(), room.new_ingest()
    await asyncio.gather(one.sync(now), other.sync(now))
    await asyncio.gather(one.classify(now), other.classify(now))
    await asyncio.gather(one.project(now), other.project(now))
    assert [replies(room, enrollment) for enrollment in enrollments] == [1, 1, 1, 1]


async def test_each_mail_is_looked_at_once(room: MailRoom) -> None:
    answered(room)
    room.deliver(mail(sender="mum@home.test", number=7))
    counting = Counting(room.maildir)
    await room.new_ingest(counting).run_once(room.clock.now())
    await room.new_ingest(counting).run_once(room.clock.now())
    assert counting.asked == 2


async def test_a_crash_in_the_middle_of_a_walk_loses_and_repeats_nothing(room: MailRoom) -> None:
    first, second = answered(room, "jo"), answered(room, "kim")
    room.deliver(mail(sender="mum@home.test", number=7), ".Junk")
    ingest = room.new_ingest(Dying(room.maildir))
    await ingest.sync(room.clock.now())
    assert synced_at(room) is None
    assert room.not_ours() == []
    said = room.database.read(lambda connection: inbox.trouble_of(connection, NAME))
    assert said == "an internal error (RuntimeError); the daemon's log has more"
    await room.read()
    assert (replies(room, first), replies(room, second)) == (1, 1)
    assert len(room.not_ours()) == 1
    assert synced_at(room) == room.clock.now()


@pytest.mark.parametrize(
    "raw",
    [
        # more parts than the parser takes
        'From: Jo <jo@jo.test>\nMessage-ID: <x@jo.test>\nContent-Type: multipart/mixed; boundary="b"\n\n'
        + "--b\n\nx\n" * 300
        + "--b--\n",
        # larger than what is fetched: only its header is there
        "From: Jo <jo@jo.test>\nMessage-ID: <x@jo.test>\n\n" + "x" * 5_000_000,
        # a header without end
        "From: Jo <jo@jo.test>\nX-Long: " + "x" * 100_000 + "\nMessage-ID: <x@jo.test>\n\nhi\n",
    ],
    ids=["parts", "size", "header"],
)
async def test_what_nobody_can_read_is_parked_and_its_sender_held(room: MailRoom, raw: str) -> None:
    person = room.person("jo@jo.test")
    enrollment = room.written_to(person)
    room.deliver(raw)
    other = answered(room, "kim")
    await room.read()
    unreadable, _ = room.inbound()
    assert (unreadable.state, unreadable.prospect_id) == ("parked", person)
    assert "x" * 20 not in unreadable.reason
    assert e.MailUnreadable(message=unreadable.id) in room.events(enrollment)
    assert room.progress(enrollment).hold(Reason.UNREADABLE_MAIL)
    assert replies(room, other) == 1


async def test_a_mail_that_cannot_act_stops_only_itself(room: MailRoom, caplog: pytest.LogCaptureFixture) -> None:
    broken = answered(room, "jo")
    room.apply("other")
    kim = room.person("kim@kim.test", "Kim")
    fine = room.enroll(kim, "other")
    room.deliver(mail(sender="kim@kim.test", number=50))
    room.database.write(
        lambda connection: connection.execute(delete(VERSIONS).where(VERSIONS.c.sequence_id == "three"))
    )
    room.ingest = room.after_restart()
    await room.read()
    assert replies(room, broken) == 0
    assert replies(room, fine) == 1
    assert [row.state for row in room.inbound()] == ["parked", "projected"]
    assert "mail 1 is parked: NotFound" in caplog.text


async def test_nothing_in_the_mailbox_is_moved_marked_or_changed(room: MailRoom) -> None:
    answered(room)
    room.deliver(mail(sender="mum@home.test", number=8))
    room.deliver(mail(sender=ANA, to="jo@jo.test", number=9), ".Sent")
    before = contents(room.maildir)
    await room.read()
    assert contents(room.maildir) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


async def test_a_lost_inbox_is_tried_again_later_and_later(room: MailRoom, caplog: pytest.LogCaptureFixture) -> None:
    enrollment = answered(room)
    flaky = Flaky(room.maildir)
    ingest = room.new_ingest(flaky)
    start = room.clock.now()
    tried: list[float] = []
    for second in range(40):
        before = flaky.tries
        await ingest.run_once(start + timedelta(seconds=second))
        tried += [second] if flaky.tries > before else []
    assert tried == [0, 1, 3, 7, 15, 31]
    assert synced_at(room) is None
    assert caplog.text.count("no answer") == 1
    state = room.database.read(inbox.inbox_states)[NAME]
    assert (state.lost_at, "no answer" in state.lost_reason) == (start, True)
    flaky.lost = False
    assert await ingest.run_once(start + timedelta(minutes=6)) == 1
    assert replies(room, enrollment) == 1
    assert synced_at(room) == start + timedelta(minutes=6)
    state = room.database.read(inbox.inbox_states)[NAME]
    assert (state.lost_at, state.lost_reason) == (None, None)


async def test_a_broken_inbox_is_shown_and_said_once(room: MailRoom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = room.clock.now()
    room.maildir.rename(room.folder / "not mounted")
    for minutes in (0, 1, 6):
        await room.ingest.run_once(now + timedelta(minutes=minutes))
    state = room.database.read(inbox.inbox_states)[NAME]
    assert state.broken_at == now
    assert "not a Maildir" in state.broken_reason
    assert caplog.text.count("until somebody mends it") == 1
    (room.folder / "not mounted").rename(room.maildir)
    await room.ingest.run_once(now + timedelta(minutes=20))
    state = room.database.read(inbox.inbox_states)[NAME]
    assert (state.broken_at, state.synced_at) == (None, now + timedelta(minutes=20))
    assert "is read again" in caplog.text


async def test_a_slow_inbox_is_not_waited_for_and_not_walked_twice(room: MailRoom) -> None:
    enrollment = answered(room)
    slow = Slow(room.maildir)
    ingest = room.new_ingest(slow, patience_s=0.05)
    assert await ingest.run_once(room.clock.now()) == 0
    assert await ingest.run_once(room.clock.now()) == 0
    assert (slow.walks, ingest.busy, len(ingest.at_work)) == (1, True, 1)
    slow.may_go.set()
    await asyncio.wait(ingest.at_work)
    assert not ingest.busy
    assert await ingest.run_once(room.clock.now()) == 1
    assert slow.walks == 2
    assert replies(room, enrollment) == 1


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not ready():
            await asyncio.sleep(0.01)


async def watched(room: MailRoom, inbox: Maildir) -> tuple[Ingest, asyncio.Event, asyncio.Task[None]]:
    """The service with its watchers begun and its first regular run over; set the event, then await the task."""
    ingest, stop = room.new_ingest(inbox), asyncio.Event()
    watching = asyncio.create_task(ingest.watch(stop, room.clock.now))
    await asyncio.sleep(0)
    await ingest.run_once(room.clock.now())
    return ingest, stop, watching


async def test_news_are_read_at_once_and_a_walk_does_not_wait_for_the_wait(room: MailRoom) -> None:
    ingest, stop, watching = await watched(room, Maildir(room.maildir, round_s=0.02))
    await ingest.run_once(room.clock.now())
    first = answered(room, "jo")
    await until(lambda: replies(room, first) == 1)
    room.clock.forward(seconds=10)
    second = answered(room, "kim")
    await until(lambda: replies(room, second) == 1)
    stop.set()
    await watching
    async with asyncio.timeout(10):
        await ingest.stop()


async def test_a_server_that_has_news_for_ever_is_read_with_pauses(room: MailRoom) -> None:
    restless = Restless(room.maildir)
    ingest, stop, watching = await watched(room, restless)
    await until(lambda: restless.waits == 2)
    await asyncio.sleep(0.2)
    assert restless.walks == 2
    began = asyncio.get_running_loop().time()
    stop.set()
    await watching
    await ingest.stop()
    assert asyncio.get_running_loop().time() - began < 1


async def test_a_wait_that_fails_is_begun_again_by_the_next_regular_run(room: MailRoom) -> None:
    cut = CutOff(room.maildir, round_s=0.02)
    ingest, stop, watching = await watched(room, cut)
    await until(lambda: cut.waits == 1)
    await asyncio.sleep(0.1)
    assert cut.waits == 1
    await ingest.run_once(room.clock.now())
    await until(lambda: cut.waits == 2)
    enrollment = answered(room)
    await until(lambda: replies(room, enrollment) == 1)
    stop.set()
    await watching
    await ingest.stop()


async def test_stop_ends_a_walk_at_its_next_message_and_the_next_daemon_goes_on(room: MailRoom) -> None:
    enrollment = answered(room)
    slow = Slow(room.maildir)
    ingest = room.new_ingest(slow, patience_s=0.05)
    await ingest.run_once(room.clock.now())
    stopping = asyncio.create_task(ingest.stop())
    await asyncio.sleep(0)
    slow.may_go.set()
    await stopping
    assert synced_at(room) is None
    assert room.inbound() == []
    assert await ingest.run_once(room.clock.now()) == 0
    assert await room.read() == 1
    assert replies(room, enrollment) == 1
