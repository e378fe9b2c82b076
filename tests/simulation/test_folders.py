"""What a look into a simulated account leaves for the daemon."""

from collections.abc import Sequence

import pytest

from sequencer.core.ports import Cursor, FolderName, Settled
from sequencer.world.record import Delivered, Read
from tests.simulation.folders import Account, Reader
from tests.simulation.stage import Stage


@pytest.mark.parametrize("keeps", [True, False], ids=["a daemon", "a command that reconciles"])
def test_mail_is_read_when_a_daemon_has_walked_past_it(keeps: bool) -> None:
    stage = Stage(1)
    stage.faults.calm = True
    account = Account(stage, "ana@ourco.test")
    account.put("INBOX", b"Subject: Yes\r\n\r\nPlease.\r\n", None)
    walked: list[Settled] = []

    def settle(folder: FolderName, cursor: Cursor, items: Sequence[Settled]) -> None:
        walked.extend(items)

    Reader(account, keeps=keeps).walk({}, lambda head: True, settle)
    assert len(walked) == 1
    assert account.unread is not keeps
    assert len(list(stage.record.of(Read))) == keeps
    stage.loop.bury()


def test_mail_that_was_deleted_unread_never_came_also_where_it_was_sent_twice() -> None:
    stage = Stage(1)
    account = Account(stage, "ana@ourco.test")
    raw = b"Subject: Yes\r\n\r\nPlease.\r\n"
    for name in ("1", "2"):
        entry = stage.record.note(
            Delivered, at=stage.clock.now(), mailbox=account.address, folder="INBOX", name=name, raw=raw,
            kind="interested", person="jo@crux.test", effect="stop",
        )  # fmt: skip
        assert isinstance(entry, Delivered)
        account.folders["INBOX"].add(raw, stage.clock.now(), entry)
    account.delete_unread(raw)
    assert not account.unread
    assert list(stage.record.of(Delivered)) == []
    stage.loop.bury()
