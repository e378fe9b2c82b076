"""Whether a login may write as an address is asked without a message: MAIL FROM, RSET, and nothing is left open."""

from collections.abc import Sequence

import pytest

from sequencer.channels.connect import Server, connect
from sequencer.channels.conversation import TIMEOUTS_S, Conversation
from sequencer.clock import SystemClock
from sequencer.core.outcome import Deferred, MailboxBroken
from tests.unit.channels.conftest import RealServers
from tests.unit.channels.scripted import FIN, PIPELINING, PLAIN, Say, ScriptedServer


async def opened(port: int) -> Conversation:
    conversation = await connect(Server("127.0.0.1", port, "none"), TIMEOUTS_S, SystemClock().monotonic)
    assert isinstance(conversation, Conversation)
    return conversation


async def test_an_accepted_sender_leaves_no_envelope(real_server: RealServers) -> None:
    async with real_server() as server:
        conversation = await opened(server.port)
        assert (conversation.banner, conversation.tls_version) == ("real.test real", "")
        assert await conversation.try_sender("ana@ourco.test") is None
        assert await conversation.try_sender("ana@ourco.test") is None
        assert conversation.usable
        await conversation.quit()
    assert server.messages == []


@pytest.mark.parametrize("sender", ["añá@ourco.test", "a b@ourco.test", "a@b.test>\r\nDATA", ""])
async def test_what_is_no_address_never_reaches_the_server(real_server: RealServers, sender: str) -> None:
    async with real_server() as server:
        conversation = await opened(server.port)
        assert isinstance(await conversation.try_sender(sender), MailboxBroken)
        assert conversation.usable
        await conversation.quit()


REFUSALS: list[tuple[dict[str, Sequence[Say]], type[Deferred | MailboxBroken], str]] = [
    # what the server says, what it means, its words
    ({"mail": [Say(b"553 5.7.1 not your address\r\n")]}, MailboxBroken, "5.7.1 not your address"),
    ({"mail": [Say(b"451 4.3.0 later\r\n")]}, Deferred, "4.3.0 later"),
    ({"mail": [FIN]}, Deferred, "connection lost"),
    ({"mail": [Say(b"hello\r\n")]}, Deferred, "not an SMTP reply"),
    ({"rset": [Say(b"502 no\r\n")]}, Deferred, "no"),
]


@pytest.mark.parametrize("extensions", [PIPELINING, PLAIN])
@pytest.mark.parametrize(("script", "kind", "said"), REFUSALS)
async def test_a_sender_that_is_refused(
    script: dict[str, Sequence[Say]], kind: type[Deferred | MailboxBroken], said: str, extensions: Sequence[str]
) -> None:
    async with ScriptedServer(script, extensions) as server:
        conversation = await opened(server.port)
        refusal = await conversation.try_sender("ana@ourco.test")
        assert isinstance(refusal, kind)
        assert said in refusal.text
        await conversation.quit()
        assert not {"RCPT", "DATA"} & set(server.verbs())
