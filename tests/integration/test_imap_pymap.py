"""Imap against a server from the registry, so that reading is tested on machines without Dovecot too.

pymap tells no SPECIAL-USE: folders are found by their names.
"""

import threading
from collections.abc import Iterator

import pytest

from sequencer.errors import InboxBroken
from sequencer.inbound.imap import Imap
from tests.integration.conftest import Account
from tests.integration.mail_servers import pymap
from tests.integration.shelf import Shelf, message, subject


@pytest.fixture
def account() -> Iterator[Account]:
    address, password = "rep@example.test", "secret"
    with pymap(address, password) as port:
        yield Account(address, password, port)


def test_reading_waiting_and_filing_without_dovecot(account: Account) -> None:
    inbox = Imap(account.server(), timeout_s=5, round_s=0.2)
    shelf = Shelf()
    account.put("INBOX", message("alone"))
    assert [item.head.folder for item in shelf.walk(inbox)] == ["INBOX"]  # the only folder there is
    with pytest.raises(InboxBroken, match="no Sent folder"):
        inbox.append_sent(message("homeless"))

    with account.mail_program() as client:
        for folder in ("Sent Items", "Spam", "Customers/Archive"):
            client.create_folder(folder)
    account.put("Spam", message("filtered"))
    account.put("Customers/Archive", message("a folder of the user's own"))
    inbox.append_sent(message("copy", message_id="<copy.1@example.test>"))
    assert inbox.find_sent("<copy.1@example.test>")
    assert not inbox.find_sent("<copy.2@example.test>")
    assert [(subject(item.head.header), item.head.role) for item in shelf.walk(inbox)] == [
        ("filtered", "junk"),
        ("copy", "sent"),
    ]
    assert shelf.walk(inbox) == []

    threading.Timer(0.2, account.put, ("INBOX", message("pushed"))).start()
    assert inbox.wait(threading.Event(), 20)
    (pushed,) = shelf.walk(inbox)
    assert pushed.fetched is not None
    assert pushed.fetched.raw == message("pushed")
    with account.mail_program() as client:
        assert client.folder_status("INBOX", ["UNSEEN"]) == {b"UNSEEN": 2}
    inbox.close()
