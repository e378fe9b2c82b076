"""The pool: who gets which connection, what is replaced silently, and what never happens twice."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from sequencer.channels.smtp import TIMEOUTS_S, Envelope, Pending, Security, Server, Smtp
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from tests.unit.channels.conftest import PASSWORD, Certificate, RealServers
from tests.unit.channels.scripted import FIN, LAST_LINE, NOTHING, PLAIN, Say, ScriptedServer

NEVER = float("inf")
BODY = b"Subject: hello\r\n\r\nhello\r\n" + LAST_LINE
QUICK_S = {**TIMEOUTS_S, "mail": 0.05, "dot": 0.05}


def envelope(body: bytes = BODY) -> Envelope:
    return Envelope("ana@ourco.test", "jo@acme.test", body)


def channel(
    server: ScriptedServer, connections: int = 1, clock: Callable[[], float] = time.monotonic, quick: bool = False
) -> Smtp:
    where = Server("127.0.0.1", server.port, "none")
    return Smtp(where, connections, clock, QUICK_S if quick else TIMEOUTS_S)


async def send(smtp: Smtp, body: bytes = BODY) -> Outcome:
    pending = await smtp.wire(envelope(body))
    return await pending.commit(NEVER) if isinstance(pending, Pending) else pending


async def at_the_fence(smtp: Smtp, body: bytes = BODY) -> Pending:
    pending = await smtp.wire(envelope(body))
    assert isinstance(pending, Pending)
    return pending


async def test_a_connection_is_used_again() -> None:
    async with ScriptedServer() as server:
        smtp = channel(server)
        for _ in range(3):
            assert isinstance(await send(smtp), Accepted)
        await smtp.close()
        assert (server.connections, len(server.messages)) == (1, 3)
        assert server.verbs()[-1] == "QUIT"


async def test_two_messages_never_share_a_connection_and_the_third_waits() -> None:
    async with ScriptedServer() as server:
        smtp = channel(server, connections=2)
        first, second = await at_the_fence(smtp, b"1\r\n"), await at_the_fence(smtp, b"2\r\n")
        third = asyncio.create_task(at_the_fence(smtp, b"3\r\n"))
        await asyncio.sleep(0.02)
        assert not third.done()
        assert server.connections == 2
        assert isinstance(await second.commit(NEVER), Accepted)
        assert isinstance(await (await third).commit(NEVER), Accepted)
        assert isinstance(await first.commit(NEVER), Accepted)
        assert server.messages == [b"2\r\n", b"3\r\n", b"1\r\n"]
        assert server.connections == 2
        await smtp.close()


async def test_a_connection_idle_for_too_long_is_closed() -> None:
    now = 1000.0
    async with ScriptedServer() as server:
        smtp = channel(server, clock=lambda: now)
        for idle_s, connections in [(0.0, 1), (60.0, 1), (60.1, 2)]:
            now += idle_s
            assert isinstance(await send(smtp), Accepted)
            assert server.connections == connections
        await server.until("quit")
        now += 61
        smtp.close_expired()
        await server.until_gone()
        assert server.verbs().count("QUIT") == 2
        await smtp.close()


REFUSED_FIRST = {"mail": [Say(b"250 ok\r\n")], "rcpt": [Say(b"550 5.1.1 no such user\r\n")]}
STALE: dict[str, tuple[dict[str, Sequence[Say]], Say | None]] = {
    # what the server's script is, and what it says while the connection is idle
    "closed while idle": ({}, FIN),
    "421 while idle": ({}, Say(b"421 4.4.2 timeout\r\n", "fin")),
    "garbage while idle": ({}, Say(b"what?\r\n")),
    "closed at MAIL": ({"mail": [Say(b"250 ok\r\n"), FIN]}, None),
    "421 at MAIL": ({"mail": [Say(b"250 ok\r\n"), Say(b"421 4.7.0 too many\r\n", "fin")]}, None),
    "mute at MAIL": ({"mail": [Say(b"250 ok\r\n"), NOTHING]}, None),
    "closed at RSET": ({**REFUSED_FIRST, "rset": [FIN]}, None),
    "refused RSET": ({**REFUSED_FIRST, "rset": [Say(b"500 what?\r\n")]}, None),
}


@pytest.mark.parametrize("name", STALE)
async def test_a_stale_connection_is_replaced_once_and_silently(name: str) -> None:
    script, idle = STALE[name]
    async with ScriptedServer(script, PLAIN) as server:
        smtp = channel(server, quick=True)
        assert isinstance(await send(smtp), Refused if "rset" in script else Accepted)
        if idle:
            server.say_to_all(idle)
            await asyncio.sleep(0.01)
        assert isinstance(await send(smtp, b"second\r\n"), Accepted)
        assert server.connections == 2
        assert server.messages[-1] == b"second\r\n"
        await smtp.close()


async def test_the_replacement_itself_is_not_replaced() -> None:
    async with ScriptedServer({"mail": [Say(b"250 ok\r\n"), FIN, FIN]}, PLAIN) as server:
        smtp = channel(server)
        assert isinstance(await send(smtp), Accepted)
        outcome = await send(smtp)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.phase, server.connections) == (0, "mail", 2)


@pytest.mark.parametrize(
    ("script", "kind", "phase"),
    [
        ({"rcpt": [Say(b"250 ok\r\n"), FIN]}, Deferred, "rcpt"),
        ({"data": [Say(b"354 ok\r\n"), FIN]}, Deferred, "data"),
        ({"mail": [Say(b"250 ok\r\n"), Say(b"451 4.3.0 later\r\n")]}, Deferred, "mail"),
        ({"mail": [Say(b"250 ok\r\n"), Say(b"550 5.1.8 who?\r\n")]}, MailboxBroken, ""),
        ({"dot": [Say(b"250 ok\r\n"), FIN]}, Uncertain, "dot"),
        ({"dot": [Say(b"250 ok\r\n"), NOTHING]}, Uncertain, "dot"),
        ({"dot": [Say(b"250 ok\r\n"), Say(b"421 bye\r\n", "fin")]}, Deferred, "dot"),
    ],
)
async def test_what_went_further_is_never_tried_again(script: dict[str, list[Say]], kind: type, phase: str) -> None:
    async with ScriptedServer(script, PLAIN) as server:
        smtp = channel(server, quick=True)
        assert isinstance(await send(smtp), Accepted)
        outcome = await send(smtp)
        assert type(outcome) is kind
        assert getattr(outcome, "phase", "") == phase
        assert server.connections == 1
        await smtp.close()


async def test_no_connection_is_an_outcome_and_frees_the_slot() -> None:
    async with ScriptedServer({"banner": [Say(b"421 4.3.2 busy\r\n", "fin")]}) as server:
        smtp = channel(server)
        assert await send(smtp) == Deferred(421, "4.3.2 busy", "connect", "4.3.2")
        assert isinstance(await send(smtp), Accepted)
        await smtp.close()


async def test_a_refused_recipient_costs_neither_connection_nor_slot() -> None:
    async with ScriptedServer({"rcpt": [Say(b"550 5.1.1 no such user\r\n")]}, PLAIN) as server:
        smtp = channel(server)
        assert await send(smtp) == Refused(550, "5.1.1 no such user", "rcpt", "5.1.1", True)
        assert isinstance(await send(smtp), Accepted)
        assert (server.connections, server.verbs().count("RSET")) == (1, 1)
        await smtp.close()


async def test_a_message_larger_than_the_server_takes_is_refused_before_mail_from() -> None:
    async with ScriptedServer(extensions=("SIZE 1000",)) as server:
        smtp = channel(server)
        outcome = await send(smtp, b"x" * 1001)
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.address_invalid) == (0, False)
        assert server.verbs() == ["EHLO"]
        await smtp.close()


async def test_abort_delivers_nothing_and_frees_the_slot() -> None:
    async with ScriptedServer() as server:
        smtp = channel(server)
        pending = await at_the_fence(smtp)
        pending.abort()
        pending.abort()
        assert isinstance(await send(smtp, b"second\r\n"), Accepted)
        assert (server.messages, server.connections) == ([b"second\r\n"], 2)
        # a second abort has not freed a second slot
        held = await at_the_fence(smtp)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await smtp.wire(envelope())
        held.abort()


async def test_an_ended_message_cannot_commit_another_ones_dot() -> None:
    async with ScriptedServer() as server:
        smtp = channel(server)
        first = await at_the_fence(smtp)
        assert isinstance(await first.commit(NEVER), Accepted)
        second = await at_the_fence(smtp)  # on the same connection
        with pytest.raises(RuntimeError):
            await first.commit(NEVER)
        first.abort()
        assert len(server.messages) == 1
        assert isinstance(await second.commit(NEVER), Accepted)
        assert server.connections == 1
        await smtp.close()


async def test_past_not_after_nothing_is_delivered() -> None:
    now = 50.0
    async with ScriptedServer() as server:
        smtp = channel(server, clock=lambda: now)
        pending = await at_the_fence(smtp)
        now = 53.0
        outcome = await pending.commit(not_after=52.0)
        assert outcome == Deferred(0, "held too long at the fence", "fence")
        assert not pending.dot_written
        await server.until_gone()
        assert server.messages == []


@pytest.mark.parametrize("verb", ["banner", "mail", "dot"])
async def test_a_cancelled_send_frees_its_slot_and_drops_its_connection(verb: str) -> None:
    async with ScriptedServer({verb: [NOTHING]}, PLAIN) as server:
        smtp = channel(server)
        pending: list[Pending] = []

        async def cancelled() -> None:
            pending.append(await at_the_fence(smtp))
            await pending[0].commit(NEVER)

        task = asyncio.create_task(cancelled())
        await server.until(verb)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until_gone()
        assert [one.dot_written for one in pending] == ([True] if verb == "dot" else [])
        assert isinstance(await send(smtp, b"second\r\n"), Accepted)
        await smtp.close()


async def test_close_lets_a_message_at_the_fence_end() -> None:
    async with ScriptedServer() as server:
        smtp = channel(server, connections=2)
        pending = await at_the_fence(smtp)
        assert isinstance(await send(smtp, b"other\r\n"), Accepted)
        await smtp.close()
        assert isinstance(await pending.commit(NEVER), Accepted)
        await server.until_gone()
        assert server.messages == [b"other\r\n", BODY]
        with pytest.raises(RuntimeError):
            await smtp.wire(envelope())


async def test_close_does_not_wait_for_a_mute_server() -> None:
    async with ScriptedServer({"quit": [NOTHING]}) as server:
        smtp = Smtp(Server("127.0.0.1", server.port, "none"), 1, time.monotonic, {**TIMEOUTS_S, "quit": 0.05})
        assert isinstance(await send(smtp), Accepted)
        async with asyncio.timeout(1):
            await smtp.close()
        await server.until_gone()


# ---- a real server

SMUGGLED = b"MAIL FROM:<evil@ourco.test>\r\nRCPT TO:<jo@acme.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
SMUGGLING = [
    b"\n.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n.\r\n",
    b"\r\n..\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n.",
    b"\r\n.\r\n.\r\n",
]


@pytest.mark.parametrize("end", SMUGGLING)
async def test_smuggling(end: bytes, real_server: RealServers) -> None:
    body = b"Subject: x\r\n\r\nhello" + end + SMUGGLED
    well_formed = body.count(b"\r\n") == body.count(b"\r") == body.count(b"\n")
    async with real_server() as running:
        smtp = Smtp(Server("127.0.0.1", running.port, "none"), 1, time.monotonic)
        outcome = await send(smtp, body)
        assert isinstance(outcome, Accepted if well_formed else Refused)
        assert isinstance(await send(smtp, b"next\r\n"), Accepted)
        await smtp.close()
        assert running.messages == ([body] if well_formed else []) + [b"next\r\n"]


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize("body", [b"a\r\n.\r\n", (b"." * 900 + b"\r\n") * 150], ids=["small", "large"])
async def test_fifty_connections_dropped_at_the_fence_deliver_nothing(
    security: Security, body: bytes, certificate: Certificate, real_server: RealServers
) -> None:
    async with real_server(security, certificate, auth=True) as running:
        where = Server("localhost", running.port, security, "ana", lambda: PASSWORD, None, certificate.ca_file)
        smtp = Smtp(where, 50, time.monotonic)
        pending = await asyncio.gather(*(at_the_fence(smtp, body) for _ in range(50)))
        for one in pending:
            one.abort()
        assert isinstance(await send(smtp, b"control\r\n"), Accepted)
        await smtp.close()
        await asyncio.sleep(0.05)  # the server reads what is left of the fifty
        assert running.messages == [b"control\r\n"]
