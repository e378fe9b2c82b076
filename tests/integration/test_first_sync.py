"""The first look at a full inbox on a real Dovecot: what is asked of the server, what is kept, where it goes on."""

import os
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sequencer.core.ports import Cursor, FolderName, Head, Settled
from sequencer.engine.freshness import still_to_read
from sequencer.engine.ingest import Ingest
from sequencer.inbound.imap import Imap
from sequencer.inbound.inbox import HEAD_BATCH_MAX
from sequencer.store import inbox
from tests.integration.conftest import Account
from tests.integration.fault_proxy import FaultProxy
from tests.integration.mail_room import MailRoom
from tests.integration.mail_room import mail as written
from tests.integration.mail_servers import MAIL_UID, MailServers
from tests.integration.shelf import Shelf, message, subject

pytestmark = pytest.mark.servers
NAME = "maildir:mail"  # what the room calls its inbox, whoever reads it
LONG_AGO, LATELY = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
SINCE = datetime(2026, 8, 25, tzinfo=UTC).date()
STRANGERS = 3 * HEAD_BATCH_MAX + 20
PRIVATE = "a secret between strangers"


class Listening(FaultProxy):
    """Keeps what the client asks and what the server answers."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self.asked, self.answered = b"", b""

    async def _pump(self, reader: Any, writer: Any, swallowed_in: str) -> None:
        heard = reader.read

        async def read(limit: int) -> bytes:
            said: bytes = await heard(limit)
            if swallowed_in == "hole":
                self.asked += said
            else:
                self.answered += said
            return said

        reader.read = read
        await super()._pump(reader, writer, swallowed_in)


def fill(mail: MailServers, account: Account, raws: Sequence[bytes], arrived: datetime, first: int = 0) -> None:
    """Deliver behind the server's back; Dovecot takes the file's time for the date of arrival."""
    account.put("INBOX", message("makes the folder"))
    account.expunge("makes")
    for number, raw in enumerate(raws, first):
        path = mail.dovecot.folder / "mail" / account.address / "cur" / f"{1_700_000_000 + number}.M{number}.host:2,"
        path.write_bytes(raw)
        os.chown(path, MAIL_UID, MAIL_UID)
        os.utime(path, (arrived.timestamp(), arrived.timestamp()))


def strangers(number: int) -> list[bytes]:
    return [message(f"m{each}", f"{PRIVATE} {each}") for each in range(number)]


@pytest.fixture
def line(mail: MailServers) -> Any:
    with Listening(mail.imap_port) as proxy:
        yield proxy


@pytest.fixture
async def reading(room: MailRoom, account: Account, line: Listening) -> AsyncIterator[Ingest]:
    """The engine on this mailbox, through the line."""
    ingest = room.new_ingest(Imap(account.server(line.port), SINCE, timeout_s=10))
    yield ingest
    await ingest.stop()


async def test_only_the_bodies_of_what_is_ours_are_fetched(
    room: MailRoom, mail: MailServers, account: Account, line: Listening, reading: Ingest
) -> None:
    room.written_to(room.person("jo@acme.test"))
    room.clock.forward(hours=1)
    answer = written("Sounds good", answers=room.sent(1).message_id).replace("\n", "\r\n").encode()
    private = strangers(STRANGERS)
    fill(mail, account, [*private[:150], answer, *private[150:]], LATELY)
    fill(mail, account, [message(f"old {each}", PRIVATE) for each in range(200)], LONG_AGO, first=5000)
    assert await reading.run_once(room.clock.now()) == 1

    assert PRIVATE.encode() not in line.answered  # no body of a stranger came over the wire
    assert b"Subject: old" not in line.answered  # and of what is too old not even the header
    bodies = re.findall(rb"UID FETCH (\S+) \(BODY\.PEEK\[\]", line.asked)
    assert len(bodies) == 1
    headers = re.findall(rb"UID FETCH \S+ \(RFC822\.SIZE INTERNALDATE BODY\.PEEK\[HEADER\]", line.asked)
    assert len(headers) == -(-(STRANGERS + 1) // HEAD_BATCH_MAX)
    assert b" SINCE 25-Aug-2026" in line.asked
    assert not re.search(rb"BODY\[|SELECT|STORE", line.asked)  # nothing becomes read
    assert len(room.inbound()) == 1
    assert len(room.not_ours()) == STRANGERS


async def test_a_walk_broken_off_in_the_middle_goes_on_there(
    room: MailRoom, mail: MailServers, account: Account, line: Listening
) -> None:
    """Old mail that lies behind the new by its number, as after a move of folders, is still not asked for."""
    fill(mail, account, strangers(STRANGERS), LATELY)
    fill(mail, account, [message(f"old {each}") for each in range(100)], LONG_AGO, first=5000)
    shelf = Shelf(wanted=lambda head: False)
    reader = Imap(account.server(line.port), SINCE, timeout_s=10)

    def two_batches(folder: FolderName, cursor: Cursor, items: Sequence[Settled]) -> None:
        if len(shelf.settled) >= 2 * HEAD_BATCH_MAX:
            raise RuntimeError("the daemon dies here")
        shelf.settle(folder, cursor, items)

    with pytest.raises(RuntimeError):
        reader.walk(shelf.cursors, shelf.wanted, two_batches)
    assert shelf.cursors["INBOX"].left == STRANGERS - 2 * HEAD_BATCH_MAX
    reader.close()
    line.asked = line.answered = b""

    later = Imap(account.server(line.port), SINCE, timeout_s=10)
    second = shelf.walk(later)
    later.close()
    assert [subject(item.head.header) for item in second] == [f"m{n}" for n in range(2 * HEAD_BATCH_MAX, STRANGERS)]
    assert b"Subject: m0\r" not in line.answered
    assert b"Subject: old" not in line.answered
    assert shelf.cursors["INBOX"].left == 0


async def test_status_tells_how_far_the_first_look_is(
    room: MailRoom, mail: MailServers, account: Account, line: Listening
) -> None:
    fill(mail, account, strangers(STRANGERS), LATELY)
    told: list[str] = []

    class Watched(Imap):
        def walk(self, cursors: Any, wanted: Any, settle: Any) -> None:
            def told_at(head: Head) -> bool:
                told.append(room.database.read(lambda connection: still_to_read(connection, NAME)))
                return bool(wanted(head))

            super().walk(cursors, told_at, settle)

    ingest = room.new_ingest(Watched(account.server(), SINCE, timeout_s=10))
    await ingest.run_once(room.clock.now())
    await ingest.stop()
    assert list(dict.fromkeys(told)) == [
        f"{left} mails in INBOX still to look at" for left in (STRANGERS, *range(STRANGERS - HEAD_BATCH_MAX, 0, -100))
    ]
    assert room.database.read(lambda connection: inbox.left_to_read(connection, NAME)) == (0, "")
