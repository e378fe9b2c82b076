"""Several daemons: an inbox is read by the one that holds the lease of its mailbox."""

from datetime import timedelta

from sequencer.core.ports import Inbox
from sequencer.engine.ingest import Ingest
from sequencer.inbound.maildir import Maildir
from sequencer.store import inbox, leases
from tests.fresh import ON_BOTH, end_leases
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, MailRoom, mail

pytestmark = ON_BOTH
LEASE = timedelta(seconds=20)


async def test_an_inbox_is_left_to_the_daemon_that_holds_its_mailbox(room: MailRoom) -> None:
    opened: list[str] = []

    def inbox_of(name: str) -> Inbox:
        opened.append(name)
        return Maildir(room.maildir)

    def take(owner: str) -> None:
        room.database.write(lambda connection: leases.lease(connection, [ANA], owner, now, LEASE))

    def synced() -> bool:
        return bool(room.database.read(inbox.synced_at))

    now = room.clock.now()
    ours = Ingest(room.database, room.advance, inbox_of, KEY, owner="one")
    room.deliver(mail("Sounds good. When?", sender="Jo <jo@acme.test>", at=now))
    take("two")
    await ours.run_once(now)
    assert (opened, synced()) == ([], False)
    room.database.write(lambda connection: end_leases(connection, now))
    take("one")
    await ours.run_once(now)
    assert (len(opened), synced()) == (1, True)
    room.database.write(lambda connection: leases.release(connection, "one"))
    take("two")
    await ours.run_once(now)
    assert len(opened) == 1
    await ours.stop()
