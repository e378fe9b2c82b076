"""Copies in the Sent folder: of what has gone, the very bytes, once; and what we filed ourselves is no evidence."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sequencer.config import Config, parse
from sequencer.core.outcome import Uncertain
from sequencer.core.ports import Inbox
from sequencer.engine import answering, settling
from sequencer.engine.filing import BACK_OFF_MIN, Filing
from sequencer.engine.overview import overview
from sequencer.engine.situation import Surroundings
from sequencer.errors import InboxBroken, InboxLost
from sequencer.inbound.maildir import Maildir
from sequencer.store import inbox, leases, sends, tasks, walks
from sequencer.store.copies import OWED_FOR
from tests.integration.installation import CONFIG, KEY
from tests.integration.mail_room import ANA, OWNER, MailRoom, mail

LEASE = timedelta(hours=1)
NOBODY_KNOWS = Uncertain("the line was lost", "dot")


class Room(MailRoom):
    """A mail room whose mailbox wants copies; its clock moves, the lease of its mailbox is renewed with each run."""

    def __init__(self, folder: Path, sent_copy: str = "append") -> None:
        super().__init__(folder)
        self.wants: Config = parse(
            CONFIG.format(cap=10, gap="0s", connections=1, port=1) + f'sent_copy = "{sent_copy}"\n'
        )

    def filing(self, inbox_of: Callable[[str], Inbox] | None = None, owner: str = OWNER) -> Filing:
        """A service that knows nothing but the database, as after a crash."""
        return Filing(self.database, self.wants, self.clock, inbox_of or (lambda _: Maildir(self.maildir)), owner)

    async def file(self, filing: Filing | None = None, owner: str = OWNER) -> None:
        now = self.clock.now()
        self.database.write(lambda connection: leases.lease(connection, [ANA], owner, now, LEASE))
        await (filing or self.filing()).run_once(now)

    @property
    def copies(self) -> list[bytes]:
        """What lies in Sent as read."""
        assert not list((self.maildir / ".Sent" / "new").iterdir())
        return [path.read_bytes() for path in sorted((self.maildir / ".Sent" / "cur").iterdir())]

    def raw(self, row: sends.SendRow) -> bytes:
        return self.database.read(lambda connection: sends.raw_bytes(connection, [row.id]))[row.id]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.close()


class Dying(Maildir):
    """Its daemon dies between the copy and its note."""

    def append_sent(self, raw: bytes) -> None:
        super().append_sent(raw)
        raise RuntimeError("the daemon dies here")


class Deaf(Maildir):
    """Its server takes no copy for now, or none of these bytes; counts the logins."""

    trouble: Exception | None = None
    refuses = b"(nothing)"
    asked = 0

    def find_sent(self, message_id: str) -> bool:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return super().find_sent(message_id)

    def append_sent(self, raw: bytes) -> None:
        if self.refuses in raw:
            raise InboxLost("append: too large")
        super().append_sent(raw)


async def test_what_has_gone_is_filed_once_as_read_and_byte_by_byte(room: Room) -> None:
    jo = room.person("jo@acme.test")
    room.written_to(jo)
    await room.file()
    await room.file()
    await room.file(room.filing())
    assert room.copies == [room.raw(room.sent(jo))]
    assert [path.name[-4:] for path in (room.maildir / ".Sent" / "cur").iterdir()] == [":2,S"]


async def test_a_rep_s_own_answer_is_filed_too(room: Room) -> None:
    jo = room.person("jo@acme.test")
    room.written_to(jo)
    room.deliver(mail(answers=room.sent(jo).message_id))
    await room.read()
    (task,) = room.database.read(lambda connection: tasks.person_tasks(connection, jo))
    now = room.clock.now()
    room.database.write(lambda c: answering.reply(c, room.advance, KEY, task.id, "", "Tuesday?\n", "ana", now))
    room.send_due()
    await room.file()
    answer = room.sent(jo)
    assert answer.answers == task.id
    assert sorted(room.copies) == sorted(
        room.raw(row) for row in room.database.read(lambda connection: sends.sends_of(connection, jo))
    )


async def test_our_own_copy_is_neither_an_answer_nor_the_owner_s_mail(room: Room) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    await room.file()
    before = room.kinds(enrollment)
    await room.read()
    assert len(room.copies) == 1
    assert (room.inbound(), room.kinds(enrollment)) == ([], before)


@pytest.mark.parametrize("sent_copy", ["auto", "none"])
async def test_nothing_is_filed_where_nobody_asks_for_it(tmp_path: Path, sent_copy: str) -> None:
    room = Room(tmp_path, sent_copy)
    room.written_to(room.person("jo@acme.test"))
    await room.file()
    assert room.copies == []
    room.close()


async def test_an_uncertain_mail_is_filed_only_when_it_is_known_to_have_gone(room: Room) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo, NOBODY_KNOWS)
    await room.file()
    await room.read()
    assert room.copies == []
    assert room.sent(jo).state == "uncertain"
    now = room.clock.now()
    room.database.write(lambda connection: settling.say_sent(connection, room.advance, room.sent(jo).id, "ana", now))
    await room.file()
    assert room.copies == [room.raw(room.sent(jo))]
    assert "TouchSettled" in room.kinds(enrollment)


async def test_a_copy_that_settled_an_uncertain_mail_gets_no_second_beside_it(room: Room) -> None:
    jo = room.person("jo@acme.test")
    room.written_to(jo, NOBODY_KNOWS)
    room.deliver(room.raw(room.sent(jo)), ".Sent")
    await room.read()
    assert (room.sent(jo).state, room.sent(jo).settled_by) == ("sent", "sent_folder")
    await room.file()
    assert list((room.maildir / ".Sent" / "cur").iterdir()) == []


async def test_of_several_tries_only_the_one_that_has_gone_is_filed(room: Room) -> None:
    jo, kim = room.person("jo@acme.test"), room.person("kim@kim.test", "Kim")
    room.written_to(jo, NOBODY_KNOWS)
    room.written_to(kim, NOBODY_KNOWS)
    again, left, now = room.sent(jo).id, room.sent(kim).id, room.clock.now()
    room.database.write(lambda connection: settling.send_again(connection, room.advance, again, "ana", now))
    room.database.write(lambda connection: settling.give_up(connection, room.advance, left, "ana", now))
    await room.file()
    assert room.copies == []
    room.clock.forward(days=1)
    room.inbox_read()
    room.send_due()
    await room.file()
    assert (room.sent(jo).attempt, room.sent(jo).state, room.sent(kim).state) == (2, "sent", "skipped")
    assert room.copies == [room.raw(room.sent(jo))]


async def test_a_daemon_that_dies_between_the_copy_and_its_note_files_no_second(room: Room) -> None:
    jo = room.person("jo@acme.test")
    room.written_to(jo)
    await room.file(room.filing(lambda _: Dying(room.maildir)))
    assert len(room.copies) == 1
    program = (room.maildir / ".Sent" / "cur").iterdir()
    next(program).rename(room.maildir / ".Sent" / "cur" / "1.renamed-by-a-mail-program:2,S")
    await room.file()
    await room.file()
    assert len(room.copies) == 1


@pytest.mark.parametrize("trouble", [InboxLost("no answer"), InboxBroken("login refused")], ids=["lost", "broken"])
async def test_an_inbox_in_trouble_stops_no_mail_and_gets_its_copies_later(
    room: Room, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    deaf = Deaf(room.maildir)
    deaf.trouble = trouble
    filing = room.filing(lambda _: deaf)
    start = room.clock.now()
    tried: list[datetime] = []
    for minute in range(15):
        if minute < 2:
            room.written_to(room.person(f"p{minute}@acme{minute}.test"))
        before = deaf.asked
        await room.file(filing)
        tried += [room.clock.now()] if deaf.asked > before else []
        room.clock.forward(minutes=1)
    assert 2 <= len(tried) <= 6
    assert tried[0] == start
    assert caplog.text.count("copies of sent mail wait") == 1
    assert room.copies == []
    deaf.trouble = None
    await room.file(room.filing(lambda _: deaf))
    assert len(room.copies) == 2


async def test_an_inbox_that_somebody_has_to_mend_is_not_tried_for_its_copies(room: Room) -> None:
    """Whoever reads it tries its password, seldom; a second one beside that would lock the account sooner."""
    deaf = Deaf(room.maildir)
    deaf.trouble = InboxBroken("login refused")
    room.written_to(room.person("jo@acme.test"))
    now = room.clock.now()
    room.database.write(lambda connection: inbox.put_broken(connection, "maildir:mail", "login refused", now))
    await room.file(room.filing(lambda _: deaf))
    assert deaf.asked == 0
    room.database.write(lambda connection: walks.end(connection, "maildir:mail", now, 0))
    deaf.trouble = None
    await room.file(room.filing(lambda _: deaf))
    assert len(room.copies) == 1


async def test_a_mail_that_the_folder_refuses_keeps_no_other_out(room: Room) -> None:
    for name in ("jo", "kim", "li"):
        room.written_to(room.person(f"{name}@{name}.test", name.title()))
    deaf = Deaf(room.maildir)
    deaf.refuses = b"Hi Jo"
    filing = room.filing(lambda _: deaf)
    await room.file(filing)
    room.clock.forward(seconds=BACK_OFF_MIN.total_seconds() + 1)
    await room.file(filing)
    assert sorted(name for raw in room.copies for name in ("Jo", "Kim", "Li") if f"Hi {name}" in raw.decode()) == [
        "Kim", "Li",
    ]  # fmt: skip


async def test_another_daemon_s_mailbox_is_left_alone(room: Room) -> None:
    room.written_to(room.person("jo@acme.test"))
    await room.file(room.filing(owner="another"))
    assert room.copies == []


async def test_what_went_long_before_is_not_filed(room: Room) -> None:
    room.written_to(room.person("jo@acme.test"))
    room.clock.forward(seconds=OWED_FOR.total_seconds() + 1)
    room.written_to(room.person("kim@kim.test", "Kim"))
    await room.file()
    (raw,) = room.copies
    assert b"Hi Kim" in raw


async def test_after_a_stop_nothing_more_is_filed(room: Room) -> None:
    room.written_to(room.person("jo@acme.test"))
    filing = room.filing()
    await room.file(filing)
    await filing.stop()
    room.written_to(room.person("kim@kim.test", "Kim"))
    await room.file(filing)
    assert len(room.copies) == 1


async def test_status_names_copies_that_wait_for_long(room: Room) -> None:
    def told() -> list[str]:
        around = Surroundings(room.wants, room.advance.around.catalog)
        seen = room.database.read(lambda connection: overview(connection, around, room.clock.now()))
        return [each.text for each in seen.troubles if each.kind == "copies"]

    room.written_to(room.person("jo@acme.test"))
    assert told() == []
    room.clock.forward(minutes=16)
    assert told() == ["ana@ourco.test: the copy of a mail sent at 2026-11-23 09:00 UTC is not in Sent yet"]
    await room.file()
    assert told() == []
