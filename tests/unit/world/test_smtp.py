"""The world's SMTP server, on a real socket: the protocol, and the ways in which it misbehaves on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from sequencer.world.smtp import SmtpServer, Verdict


@dataclass
class Shelf:
    """Keeps what it gets; `replies` to RCPT by address, `breaks` at the dot."""

    replies: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)

    def at_rcpt(self, sender: str, recipient: str) -> str:
        return self.replies.get(recipient, "250 OK")

    def at_dot(self, sender: str, recipient: str, raw: bytes) -> Verdict:
        self.taken.append((sender, recipient, raw))
        return Verdict(then="break") if self.breaks else Verdict("250 2.0.0 kept")


class Talk:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, text: str) -> str:
        """Send, and read one reply, all its lines."""
        self._writer.write(text.encode())
        return await self.hear()

    async def hear(self) -> str:
        lines = []
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 5)).decode()
            lines.append(line.rstrip())
            if line[3:4] != "-":
                return "\n".join(lines)


@asynccontextmanager
async def talking(shelf: Shelf) -> AsyncIterator[Talk]:
    server = SmtpServer(shelf)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    talk = Talk(reader, writer)
    try:
        assert (await talk.hear()).startswith("220 ")
        yield talk
    finally:
        writer.close()
        await server.stop()


ENVELOPE = "MAIL FROM:<ana@ourco.test> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<jo@acme.test>\r\nDATA\r\n"


async def test_ehlo_offers_what_the_client_may_use() -> None:
    async with talking(Shelf()) as talk:
        offered = await talk.say("EHLO ourco.test\r\n")
        assert all(word in offered for word in ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"))


async def test_a_pipelined_mail_arrives_without_its_doubled_dots() -> None:
    shelf = Shelf()
    async with talking(shelf) as talk:
        await talk.say("EHLO ourco.test\r\n")
        assert (await talk.say(ENVELOPE)).startswith("250")
        assert (await talk.hear()).startswith("250")
        assert (await talk.hear()).startswith("354")
        # A line of one dot, doubled by the client, is a line of one dot; two doubled dots are two.
        assert (await talk.say("Subject: x\r\n\r\n..\r\n...a\r\nb.\r\n.\r\n")).startswith("250 2.0.0 kept")
        assert (await talk.say("QUIT\r\n")).startswith("221")
    assert shelf.taken == [("ana@ourco.test", "jo@acme.test", b"Subject: x\r\n\r\n.\r\n..a\r\nb.\r\n")]


async def test_a_mail_without_its_dot_is_forgotten() -> None:
    shelf = Shelf()
    async with talking(shelf) as talk:
        await talk.say("EHLO ourco.test\r\n")
        await talk.say(ENVELOPE + "Subject: x\r\n\r\nbody\r\n")
    assert shelf.taken == []


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "451 4.7.1 later"])
async def test_without_a_recipient_there_is_no_data(reply: str) -> None:
    async with talking(Shelf({"jo@acme.test": reply})) as talk:
        await talk.say("EHLO ourco.test\r\n")
        await talk.say(ENVELOPE)
        assert await talk.hear() == reply
        assert (await talk.hear()).startswith("554")
        assert (await talk.say("RSET\r\n")).startswith("250")
        assert (await talk.say("NOOP\r\n")).startswith("250")


async def test_421_ends_the_connection() -> None:
    async with talking(Shelf({"jo@acme.test": "421 4.3.2 busy"})) as talk:
        await talk.say("EHLO ourco.test\r\n")
        await talk.say("MAIL FROM:<ana@ourco.test>\r\n")
        assert await talk.say("RCPT TO:<jo@acme.test>\r\n") == "421 4.3.2 busy"
        assert await talk.hear() == ""


async def test_a_broken_connection_says_nothing_about_the_dot() -> None:
    shelf = Shelf(breaks=True)
    async with talking(shelf) as talk:
        await talk.say("EHLO ourco.test\r\n")
        await talk.say(ENVELOPE)
        await talk.hear()
        await talk.hear()
        with pytest.raises((ConnectionError, AssertionError)):
            assert await talk.say("Subject: x\r\n\r\nbody\r\n.\r\n")
    assert len(shelf.taken) == 1


# what is said -> the code that it gets
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("HELP\r\n", "500"),  # unknown
        ("RCPT TO:<jo@acme.test>\r\n", "503"),  # before MAIL
        ("MAIL TO:<jo@acme.test>\r\n", "501"),  # the wrong word
        ("MAIL FROM:jo\r\n", "501"),  # no brackets
        ("DATA\r\n", "554"),  # without an envelope
    ],
)
async def test_what_is_no_protocol_is_refused(said: str, code: str) -> None:
    async with talking(Shelf()) as talk:
        await talk.say("EHLO ourco.test\r\n")
        assert (await talk.say(said)).startswith(code)
