"""Every fault at every verb, against a scripted server; and that the dot is never written unfenced."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.channels.connect import Server, connect
from sequencer.channels.conversation import TIMEOUTS_S, Conversation, Envelope, dot_stuffed
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from tests.unit.channels.scripted import FIN, LAST_LINE, MUTE, NOTHING, PIPELINING, PLAIN, RST, Say, ScriptedServer

BODY = b"Subject: hello\r\n\r\n.a line that begins with a dot\r\n" + LAST_LINE
ENVELOPE = Envelope("ana@ourco.test", "jo@acme.test", BODY)
NEVER = float("inf")
PATIENCE_S = 0.06
IMPATIENT_S = dict.fromkeys(TIMEOUTS_S, PATIENCE_S) | {"connect": 5.0}

both_ways = pytest.mark.parametrize("extensions", [PIPELINING, PLAIN], ids=["pipelined", "one by one"])


async def converse(server: ScriptedServer, patient: bool = True) -> Conversation:
    where = Server("127.0.0.1", server.port, "none", local_hostname="client.test")
    conversation = await connect(where, TIMEOUTS_S if patient else IMPATIENT_S, time.monotonic)
    assert isinstance(conversation, Conversation)
    return conversation


@both_ways
async def test_a_good_message_leaves_only_by_its_dot(extensions: tuple[str, ...]) -> None:
    async with ScriptedServer(extensions=extensions) as server:
        conversation = await converse(server)
        for _ in range(2):
            assert await conversation.open(ENVELOPE) is None
            await server.until("fence")
            assert (conversation.phase, conversation.dot_written) == ("fence", False)
            before = len(server.messages)
            assert await conversation.commit(NEVER) == Accepted(250, "2.0.0 queued")
            assert server.messages[before:] == [BODY]
            assert conversation.usable
            assert conversation.dot_written
        await conversation.quit()
    assert server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA", "DOT"] * 2, "QUIT"]  # no RSET after an acceptance
    assert server.commands[0] == "EHLO client.test"


# A fault, and the outcome when it answers RSET, MAIL, RCPT, DATA and the dot; None: it is no fault there
D, R, B, U = Deferred, Refused, MailboxBroken, Uncertain
ANSWERS: dict[str, tuple[Say, tuple[type | None, ...]]] = {
    "4yz": (Say(b"451 4.3.0 later\r\n"), (D, D, D, D, D)),
    "5yz": (Say(b"554 5.7.1 no\r\n"), (D, B, R, R, R)),
    "5yz in three lines": (Say(b"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n"), (D, B, R, R, R)),
    "5yz, then hung up": (Say(b"554 5.7.1 no\r\n", "fin"), (D, B, R, R, R)),
    "421, then hung up": (Say(b"421 4.3.2 closing\r\n", "fin"), (D, D, D, D, D)),
    "421 and still there": (Say(b"421 4.3.2 closing\r\n"), (D, D, D, D, D)),
    "3yz": (Say(b"354 go on\r\n"), (D, D, D, None, U)),
    "2yz": (Say(b"250 fine\r\n"), (None, None, None, D, None)),
    "garbage": (Say(b"hello?\r\n"), (D, D, D, D, U)),
    "two codes in a reply": (Say(b"250-yes\r\n550 no\r\n"), (D, D, D, D, U)),
    "an endless line": (Say(b"250-" + b"x" * 9_000), (D, D, D, D, U)),
    "endless lines": (Say(b"250-x\r\n" * 20_000), (D, D, D, D, U)),
    "half a reply": (Say(b"250 o", "fin"), (D, D, D, D, U)),
    "half a reply and silence": (Say(b"250-o\r\n", "hang"), (D, D, D, D, U)),
    "closed": (FIN, (D, D, D, D, U)),
    "reset": (RST, (D, D, D, D, U)),
    "mute": (MUTE, (D, D, D, D, U)),
}
VERBS = ("rset", "mail", "rcpt", "data", "dot")
GOES_ON = {"4yz", "5yz", "5yz in three lines"}  # plain refusals, after which the connection serves the next message
CASES = [
    (name, verb, kind) for name, (_, row) in ANSWERS.items() for verb, kind in zip(VERBS, row, strict=True) if kind
]


@both_ways
@pytest.mark.parametrize(("name", "verb", "kind"), CASES, ids=lambda value: getattr(value, "__name__", value))
async def test_every_fault_at_every_verb(name: str, verb: str, kind: type, extensions: tuple[str, ...]) -> None:
    # an envelope refused before puts RSET in front of the next one
    first_refused = {"mail": [Say(b"451 no\r\n")], "rcpt": [Say(b"503 no\r\n")], "data": [Say(b"503 no\r\n")]}
    if not (pipelining := "PIPELINING" in extensions):
        first_refused = {"mail": [Say(b"451 no\r\n")]}
    script = dict(first_refused) if verb == "rset" else {}
    script[verb] = [*script.get(verb, []), ANSWERS[name][0]]
    if verb in ("mail", "rcpt") and pipelining:  # a sane server refuses what follows a refusal
        script |= {later: [Say(b"503 5.5.1 sequence\r\n")] for later in VERBS[VERBS.index(verb) + 1 : 4]}
    async with ScriptedServer(script, extensions) as server:
        conversation = await converse(server, patient="mute" not in name and "silence" not in name)
        if verb == "rset":
            assert isinstance(await conversation.open(ENVELOPE), Deferred)
        outcome = await conversation.open(ENVELOPE)
        if verb == "dot":
            assert outcome is None
            outcome = await conversation.commit(NEVER)
        assert type(outcome) is kind
        if not (name == "reset" and pipelining):  # a RST takes along the replies that we had not yet read
            assert getattr(outcome, "phase", verb) == verb
        if isinstance(outcome, Deferred | Refused | MailboxBroken) and ANSWERS[name][0].reply[:1] in (b"4", b"5"):
            assert outcome.code == int(ANSWERS[name][0].reply[:3])
        elif isinstance(outcome, Deferred):
            assert outcome.code == 0
            assert outcome.text
        assert conversation.dot_written is (verb == "dot")
        assert len(server.messages) == (1 if verb == "dot" else 0)
        if name in GOES_ON and verb != "rset":
            assert conversation.usable
            assert await conversation.open(ENVELOPE) is None
            assert "RSET" in server.verbs()
            assert isinstance(await conversation.commit(NEVER), Accepted)
        elif not name.endswith("hung up"):  # there, the end may still be on its way to us
            assert not conversation.usable
        conversation.abort()


# What is said at the fence or in the body, where nobody asked: it judges the connection, not the message
UNASKED: dict[str, tuple[Say, type, int]] = {
    "421": (Say(b"421 4.4.2 timeout\r\n", "fin"), Deferred, 421),
    "4yz": (Say(b"451 4.3.0 later\r\n"), Deferred, 451),
    "5yz": (Say(b"550 5.1.1 no such user\r\n"), Deferred, 550),
    "3yz": (Say(b"354 go on\r\n"), Deferred, 0),
    "garbage": (Say(b"hello?\r\n"), Deferred, 0),
    "half a 421": (Say(b"42"), Deferred, 0),
    "closed": (FIN, Deferred, 0),
    "reset": (RST, Deferred, 0),
    "2yz": (Say(b"250 queued already\r\n"), Uncertain, 0),
    "half a 2yz": (Say(b"25"), Uncertain, 0),
    "half a 2yz of many lines": (Say(b"250-queued\r\n"), Uncertain, 0),
}


@pytest.mark.parametrize("phase", ["body", "fence"])
@pytest.mark.parametrize("name", UNASKED)
async def test_unasked_before_the_dot(name: str, phase: str) -> None:
    said, kind, code = UNASKED[name]
    async with ScriptedServer({phase: [said]}) as server:
        conversation = await converse(server)
        if phase == "body":  # more than the sockets hold, so that the client is still writing
            outcome = await conversation.open(Envelope("ana@ourco.test", "jo@acme.test", b"a line\r\n" * 700_000))
        else:
            assert await conversation.open(ENVELOPE) is None
            await server.until("fence")
            if said.end:
                await server.until_gone()  # then the end is in our kernel
            outcome = await conversation.commit(NEVER)
        assert type(outcome) is kind
        assert getattr(outcome, "code", 0) == code
        assert getattr(outcome, "phase", "") == phase
        assert not conversation.usable
        assert not conversation.dot_written
        assert server.messages == []


async def test_354_after_a_refused_recipient_gets_no_dot() -> None:
    async with ScriptedServer({"rcpt": [Say(b"550 5.1.1 no such user\r\n")]}, PIPELINING) as server:
        conversation = await converse(server)
        assert await conversation.open(ENVELOPE) == Refused(550, "5.1.1 no such user", "rcpt", "5.1.1", True)
        assert not conversation.usable
        await server.until_gone()
        assert "DOT" not in server.verbs()
        assert server.messages == []


async def test_the_first_refusal_of_a_group_counts_even_if_the_rest_never_comes() -> None:
    refused = Say(b"550 5.1.1 no such user\r\n", "fin")
    async with ScriptedServer({"rcpt": [refused]}, PIPELINING) as server:
        outcome = await (await converse(server)).open(ENVELOPE)
        assert outcome == Refused(550, "5.1.1 no such user", "rcpt", "5.1.1", True)


async def test_accepted_and_421_in_one_segment_is_accepted_and_dropped() -> None:
    async with ScriptedServer({"dot": [Say(b"250 queued\r\n421 closing\r\n", "fin")]}) as server:
        conversation = await converse(server)
        assert await conversation.open(ENVELOPE) is None
        assert await conversation.commit(NEVER) == Accepted(250, "queued")
        assert not conversation.usable


@pytest.mark.parametrize(("late_s", "kind"), [(0.0, Accepted), (0.001, Deferred)])
async def test_past_not_after_there_is_no_dot(late_s: float, kind: type) -> None:
    now = 100.0
    async with ScriptedServer() as server:
        where = Server("127.0.0.1", server.port, "none")
        conversation = await connect(where, TIMEOUTS_S, lambda: now)
        assert isinstance(conversation, Conversation)
        assert await conversation.open(ENVELOPE) is None
        now += 2 + late_s
        outcome = await conversation.commit(not_after=102.0)
        assert type(outcome) is kind
        if isinstance(outcome, Deferred):
            assert (outcome.code, outcome.phase) == (0, "fence")
            await server.until_gone()
            assert server.messages == []


@pytest.mark.parametrize("verb", ["mail", "dot"])
async def test_a_cancelled_wait_drops_the_connection_and_tells_whether_the_dot_is_out(verb: str) -> None:
    async with ScriptedServer({verb: [NOTHING]}, PLAIN) as server:
        conversation = await converse(server)

        async def send() -> Outcome | None:
            return await conversation.open(ENVELOPE) or await conversation.commit(NEVER)

        task = asyncio.create_task(send())
        await server.until(verb)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert conversation.dot_written is (verb == "dot")
        assert not conversation.usable
        await server.until_gone()


async def test_wrong_order_is_a_bug() -> None:
    async with ScriptedServer() as server:
        conversation = await converse(server)
        with pytest.raises(RuntimeError):
            await conversation.commit(NEVER)
        assert await conversation.open(ENVELOPE) is None
        with pytest.raises(RuntimeError):
            await conversation.open(ENVELOPE)
        conversation.abort()


async def test_quit_at_the_fence_only_drops() -> None:
    async with ScriptedServer() as server:
        conversation = await converse(server)
        assert await conversation.open(ENVELOPE) is None
        await conversation.quit()
        await server.until_gone()
        assert server.messages == []
        assert "QUIT" not in server.verbs()


# ---- what can be told without asking the server

EIGHT_BIT = "Grüße\r\n".encode()
UNSENDABLE: list[tuple[Envelope, tuple[str, ...], Any]] = [
    (Envelope("änä@ourco.test", "jo@acme.test", BODY), PLAIN, MailboxBroken),
    (Envelope("ana@ourco.test> SIZE=1", "jo@acme.test", BODY), PLAIN, MailboxBroken),
    (Envelope("ana@ourco.test", "jö@acme.test", BODY), PLAIN, Refused),
    (Envelope("ana@ourco.test", "jo@acme.test>\r\nRCPT TO:<all@acme.test", BODY), PLAIN, Refused),
    (Envelope("ana@ourco.test", "two words@acme.test", BODY), PLAIN, Refused),
    (Envelope("ana@ourco.test", "", BODY), PLAIN, Refused),
    (Envelope("ana@ourco.test", "j" * 250 + "@acme.test", BODY), PLAIN, Refused),
    (Envelope("ana@ourco.test", "jo@acme.test", b"a\nb\r\n"), PLAIN, Refused),
    (Envelope("ana@ourco.test", "jo@acme.test", b"a\rb\r\n"), PLAIN, Refused),
    (Envelope("ana@ourco.test", "jo@acme.test", EIGHT_BIT), ("SIZE 100",), Refused),
    (Envelope("ana@ourco.test", "jo@acme.test", b"x" * 101), ("SIZE 100",), Refused),
]


@pytest.mark.parametrize(("envelope", "extensions", "kind"), UNSENDABLE)
async def test_unsendable_is_refused_before_mail_from(
    envelope: Envelope, extensions: tuple[str, ...], kind: Any
) -> None:
    async with ScriptedServer(extensions=extensions) as server:
        conversation = await converse(server)
        outcome = await conversation.open(envelope)
        assert type(outcome) is kind
        assert conversation.usable
        assert server.verbs() == ["EHLO"]
        recipient_is_bad = envelope.recipient != "jo@acme.test" and kind is Refused
        assert getattr(outcome, "address_invalid", False) is recipient_is_bad
        conversation.abort()


@pytest.mark.parametrize(
    ("extensions", "body", "options"),
    [
        ((), b"x\r\n", ""),
        (("SIZE",), b"x\r\n", " SIZE=3"),
        (("SIZE 0",), b"x\r\n", " SIZE=3"),
        (("SIZE three",), b"x\r\n", " SIZE=3"),
        (("SIZE 3",), b"x\r\n", " SIZE=3"),
        (("8BITMIME",), b"x\r\n", ""),
        (("8BITMIME", "SIZE 100"), EIGHT_BIT, " SIZE=9 BODY=8BITMIME"),
    ],
)
async def test_options_when_offered_and_needed(extensions: tuple[str, ...], body: bytes, options: str) -> None:
    async with ScriptedServer(extensions=extensions) as server:
        conversation = await converse(server)
        assert await conversation.open(Envelope("ana@ourco.test", "jo@acme.test", body)) is None
        assert server.commands[1] == f"MAIL FROM:<ana@ourco.test>{options}"
        conversation.abort()


# ---- dot-stuffing


def unstuffed(wire: bytes) -> tuple[bytes, bytes]:
    """A strict server's reading (RFC 5321 4.5.2), byte by byte: the message, and what would be commands after it."""
    message = bytearray()
    at_line_start, position = True, 0
    while position < len(wire):
        if at_line_start and wire[position] == ord("."):
            if wire[position + 1 : position + 3] == b"\r\n":
                return bytes(message), wire[position + 3 :]
            position += 1
        message.append(wire[position])
        at_line_start = message.endswith(b"\r\n")
        position += 1
    raise AssertionError("the message never ends")


@given(st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\r\n.", b"a", b"\x00", b"\xff", b"RSET\r\n"])).map(b"".join))
def test_dot_stuffing_is_undone_by_a_server_and_nothing_is_left_over(body: bytes) -> None:
    completed = body if body.endswith(b"\r\n") else body + b"\r\n"
    assert unstuffed(dot_stuffed(body) + b".\r\n") == (completed, b"")


def test_the_unstuffer_sees_an_early_end() -> None:
    assert unstuffed(b"a\r\n.\r\nMAIL FROM:<x@y.test>\r\n.\r\n") == (b"a\r\n", b"MAIL FROM:<x@y.test>\r\n.\r\n")
