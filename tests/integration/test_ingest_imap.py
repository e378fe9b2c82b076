"""Ingest on a real Dovecot: what the user and the server do to a mail never gives it a second effect, or none."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from sequencer.core import events as e
from sequencer.engine.ingest import Ingest
from sequencer.inbound.folders import Folder
from sequencer.inbound.imap import Imap
from sequencer.store import inbox, walks
from sequencer.store.tables import NOT_OURS
from tests.integration.conftest import PASSWORD, Account
from tests.integration.mail_room import MailRoom
from tests.integration.mail_room import mail as written
from tests.integration.mail_servers import MailServers, dovecot, missing

pytestmark = pytest.mark.servers


@dataclass
class Desk:
    """Ana wrote to Jo; her answers arrive in a mailbox on Dovecot."""

    room: MailRoom
    account: Account
    ingest: Ingest
    enrollment: int
    answer: bytes

    async def read(self) -> int:
        """How many mails acted."""
        return await self.ingest.run_once(self.room.clock.now())

    @property
    def effects(self) -> int:
        return sum(isinstance(event, e.ReplyReceived) for event in self.room.events(self.enrollment))

    @property
    def kept(self) -> int:
        return len(self.room.inbound())


@pytest.fixture
async def desk(room: MailRoom, account: Account) -> AsyncIterator[Desk]:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    room.clock.forward(hours=1)
    ingest = room.new_ingest(Imap(account.server(), timeout_s=5))
    yield Desk(room, account, ingest, enrollment, written(answers=room.sent(person).message_id).encode())
    await ingest.stop()


def renumber(mail: MailServers, account: Account) -> None:
    """The server loses its notes on the INBOX, as after a restored backup: another UIDVALIDITY."""
    folder = mail.dovecot.folder / "mail" / account.address
    for path in folder.glob("dovecot.index*"):
        path.unlink()
    uids = folder / "dovecot-uidlist"  # begins "3 V1795326897 N3 G…": its version, UIDVALIDITY, UIDNEXT, GUID
    uids.write_text(re.sub(r"V(\d+)", lambda found: f"V{int(found[1]) + 7}", uids.read_text(), count=1))


async def test_a_new_uidvalidity_has_everything_read_again_and_nothing_act_again(desk: Desk, mail: MailServers) -> None:
    desk.account.put("INBOX", desk.answer, b"From: x@y.test\r\nSubject: private\r\nMessage-ID: <p@y.test>\r\n\r\nx\r\n")
    assert await desk.read() == 1
    (before,) = validities(desk)
    renumber(mail, desk.account)
    assert await desk.read() == 0
    assert (desk.effects, desk.kept) == (1, 1)
    assert validities(desk) == {before, before + 7}  # everything was read again
    desk.account.put("INBOX", desk.answer.replace(b"<mail-1@", b"<mail-2@"))
    assert await desk.read() == 1  # and the cursor goes on from there


def validities(desk: Desk) -> set[int]:
    """The UIDVALIDITYs under which private mail was looked at."""
    query = select(NOT_OURS.c.uid_validity).where(NOT_OURS.c.folder == "INBOX")
    return set(desk.room.database.read(lambda connection: connection.scalars(query).all()))


MOVES = [
    ["Archive"],
    ["Junk", "INBOX"],  # a filter was wrong, the user mends it
    ["Trash", "Archive", "INBOX", "Archive"],
]


@pytest.mark.parametrize("way", MOVES, ids="-".join)
@pytest.mark.parametrize("read_between", [True, False])
async def test_a_mail_that_is_moved_about_acts_once(desk: Desk, way: list[str], read_between: bool) -> None:
    desk.account.put("INBOX", desk.answer)
    acted, here = await desk.read() if read_between else 0, "INBOX"
    for folder in way:
        desk.account.move("An idea", here, folder)
        here = folder
        acted += await desk.read() if read_between else 0
    acted += await desk.read()
    assert (acted, desk.effects, desk.kept) == (1, 1, 1)
    (row,) = desk.room.inbound()
    assert row.folder == ("INBOX" if read_between else here)  # where it was found first


async def test_the_same_mail_in_two_folders_acts_once(desk: Desk) -> None:
    desk.account.put("INBOX", desk.answer)
    desk.account.put("Archive", desk.answer)
    assert await desk.read() == 1
    desk.account.put("Trash", desk.answer)
    assert await desk.read() == 0
    assert (desk.effects, desk.kept) == (1, 1)


class Losing(Imap):
    """Between the list of folders and its reading, somebody deletes one."""

    def __init__(self, account: Account, folder: str) -> None:
        super().__init__(account.server(), timeout_s=5)
        self._account, self._lost = account, [folder]

    def _folders(self) -> tuple[Folder, ...]:
        listed = super()._folders()
        while self._lost:
            with self._account.mail_program() as client:
                client.delete_folder(self._lost.pop())
        return listed


async def test_a_folder_that_vanishes_holds_up_no_other(desk: Desk) -> None:
    desk.account.put("Trash", desk.answer)
    ingest = desk.room.new_ingest(Losing(desk.account, "Archive"))
    assert await ingest.run_once(desk.room.clock.now()) == 1
    assert list(desk.room.database.read(inbox.synced_at).values()) == [desk.room.clock.now()]
    await ingest.stop()


NO_FLAGS = (
    "namespace inbox {\n"
    + "".join(
        f"  mailbox {name} {{\n    auto = no\n    special_use =\n  }}\n"
        for name in ("Sent", "Junk", "Archive", "Trash")
    )
    + "}\n"
)


async def test_folders_that_only_their_names_tell_are_read(room: MailRoom) -> None:
    """A server without SPECIAL-USE, where mail programs made folders in their own languages (modified UTF-7)."""
    if reason := missing():
        pytest.skip(reason)
    enrollment = room.written_to(room.person("jo@acme.test"))
    room.clock.forward(hours=1)
    answer = written(answers=room.sent(1).message_id).encode()
    with dovecot({"ana@example.test": PASSWORD}, NO_FLAGS) as server:
        account = Account("ana@example.test", PASSWORD, server.imap_port)
        with account.mail_program() as client:
            for name in ("Gelöschte Elemente", "Éléments envoyés", "Courrier indésirable", "Café", "Entwürfe"):
                client.create_folder(name)
            assert all(b"\\" + use not in flags for flags, _, _ in client.list_folders() for use in (b"Trash", b"Sent"))
        account.put("Gelöschte Elemente", answer)
        reader = Imap(account.server(), timeout_s=5)
        ingest = room.new_ingest(reader)
        assert await ingest.run_once(room.clock.now()) == 1
        assert sum(isinstance(event, e.ReplyReceived) for event in room.events(enrollment)) == 1
        begun = room.database.read(lambda c: walks.begin(c, "maildir:mail", "", "", room.clock.now()))
        assert begun is not None
        assert {row.folder for row in begun[0]} == {
            "INBOX",
            "Gelöschte Elemente",
            "Éléments envoyés",
            "Courrier indésirable",
        }
        await ingest.stop()
