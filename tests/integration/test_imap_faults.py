"""Imap on a broken line, against a real Dovecot: every loss is told, and afterwards each message was settled once."""

import threading
import time
from collections.abc import Callable

import pytest

from sequencer.core.ports import Head
from sequencer.errors import InboxLost
from sequencer.inbound.imap import Imap
from sequencer.inbound.inbox import HEAD_BATCH_MAX
from tests.integration.conftest import Account
from tests.integration.fault_proxy import FaultProxy
from tests.integration.shelf import Shelf, message, subject

pytestmark = pytest.mark.servers

Fault = Callable[[FaultProxy], None]
TIMEOUT_S = 0.4

FAULTS = [
    pytest.param(FaultProxy.fin, id="fin"),  # closed in good order, without a word
    pytest.param(FaultProxy.reset, id="rst"),
    pytest.param(lambda proxy: proxy.say(b"* BYE shutting down\r\n"), id="bye"),
    pytest.param(FaultProxy.hole, id="black hole"),  # nothing is closed, nothing arrives
    pytest.param(FaultProxy.mute, id="mute"),  # the server hears, its answers are lost
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_lost_in_a_walk_loses_and_repeats_no_message(account: Account, proxy: FaultProxy, fault: Fault) -> None:
    texts = [f"m{n}" for n in range(HEAD_BATCH_MAX + 3)]
    account.put("INBOX", *map(message, texts))
    account.put("Junk", message("junk"))
    faults = [fault]

    def wanted(head: Head) -> bool:
        if faults and subject(head.header) == texts[-2]:  # the first batch is settled, the second is not
            faults.pop()(proxy)
        return True

    inbox = Imap(account.server(proxy.port), timeout_s=TIMEOUT_S)
    shelf = Shelf(wanted)
    with pytest.raises(InboxLost):
        shelf.walk(inbox)
    assert shelf.subjects == texts[:HEAD_BATCH_MAX]
    proxy.heal()
    shelf.walk(inbox)  # the same reader connects anew
    assert shelf.subjects == [*texts, "junk"]
    inbox.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_lost_while_waiting_is_told(account: Account, proxy: FaultProxy, fault: Fault) -> None:
    inbox = Imap(account.server(proxy.port), timeout_s=TIMEOUT_S, round_s=0.2)
    Shelf().walk(inbox)
    silent = fault in (FaultProxy.hole, FaultProxy.mute)
    wait_s = 0.6 if silent else 60.0  # silence is noticed when the wait is over, a closed line at once
    threading.Timer(0.2, fault, (proxy,)).start()
    began = time.monotonic()
    with pytest.raises(InboxLost):
        inbox.wait(threading.Event(), wait_s)
    assert time.monotonic() - began < 3
    inbox.close()


def test_a_keep_alive_is_neither_news_nor_a_loss(account: Account, proxy: FaultProxy) -> None:
    inbox = Imap(account.server(proxy.port), timeout_s=TIMEOUT_S, round_s=0.2)
    Shelf().walk(inbox)
    threading.Timer(0.1, proxy.say, (b"* OK Still here\r\n",)).start()
    assert not inbox.wait(threading.Event(), 0.4)
    assert Shelf().walk(inbox) == []
    inbox.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\xff\r\n",
        b"* 1 FETCH (UID\r\n",
        b"* 1 FETCH (UID 1 BODY[] {4}\r\n",  # the answer that follows is swallowed as its literal
    ],
)
def test_an_answer_beyond_sense_is_a_loss(account: Account, proxy: FaultProxy, nonsense: bytes) -> None:
    account.put("Sent", message("copy", message_id="<copy@example.test>"))
    inbox = Imap(account.server(proxy.port), timeout_s=TIMEOUT_S)

    def wanted(head: Head) -> bool:
        proxy.say(nonsense)
        time.sleep(0.05)  # the words travel through the proxy
        return True

    with pytest.raises(InboxLost):
        Shelf(wanted).walk(inbox)
    assert inbox.find_sent("<copy@example.test>")
    inbox.close()
