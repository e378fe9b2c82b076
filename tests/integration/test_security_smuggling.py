"""A body that looks like an end of mail arrives as the one mail that it is, through the real channel.

SMTP smuggling (CVE-2023-51764 and others) lives on line ends that two servers read differently; here they are in the
text a template may print. Postfix judges where it is installed, aiosmtpd everywhere.
"""

import asyncio
import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from sequencer.channels.connect import Server
from sequencer.channels.smtp import Smtp
from sequencer.core.outcome import Accepted, Outcome, Refused
from sequencer.core.ports import Envelope
from sequencer.mail.compose import Letter, compose
from tests.integration.installation import World
from tests.integration.mail_servers import HOST, MailServers

WAIT_S_MAX = 60.0
SECOND = "MAIL FROM:<eve@evil.test>\r\nRCPT TO:<all@acme.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled"
ENDS = [
    "\n.\n",
    "\r.\r",
    "\r\n.\r\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r\n",
    "\n\n.\n\n",
    "\r\n..\r\n",
    "\u2028.\u2028",
    "\x85.\x85",
]


def letter(body: str, recipient: str) -> bytes:
    return compose(
        Letter(
            message_id="<1@ourco.test>",
            date=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
            sender_name="Ana",
            sender_address="ana@ourco.test",
            recipient_name="Jo",
            recipient_address=recipient,
            subject="Hello",
            text=body,
        )
    )


def body(end: str) -> str:
    return f"first{end}{SECOND}{end}last"


def text_of(raw: bytes) -> str:
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "Hello"
    return str(mail.get_content()).replace("\r\n", "\n")


def as_written(text: str) -> str:
    """Line ends are one kind on the wire."""
    return text.replace("\r\n", "\n").replace("\r", "\n") + "\n"


async def send(port: int, bodies: list[tuple[str, str]]) -> None:
    """(recipient, text) each over the product's own channel, one connection for all."""
    channel = Smtp(Server(HOST, port, "none", local_hostname="ourco.test"), 1, time.monotonic)
    for recipient, text in bodies:
        pending = await channel.wire(Envelope("ana@ourco.test", recipient, letter(text, recipient)))
        assert not isinstance(pending, Outcome)
        assert isinstance(await pending.commit(float("inf")), Accepted)
    await channel.close()


async def test_a_body_ends_no_mail(world: World) -> None:
    bodies = [(f"jo{number}@acme.test", body(end)) for number, end in enumerate(ENDS)]
    await send(world.port, bodies)
    assert [recipient for recipient, _ in world.accepted] == [recipient for recipient, _ in bodies]
    for (_, raw), (_, text) in zip(world.accepted, bodies, strict=True):
        assert text_of(raw) == as_written(text)


@pytest.mark.servers
async def test_a_body_ends_no_mail_for_postfix(mail: MailServers) -> None:
    bodies = [(f"jo{number}@smuggling.test", body(end)) for number, end in enumerate(ENDS)]
    await send(mail.smtp_port, bodies)

    def arrived() -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for _, recipients, raw in list(mail.sink.accepted):
            for recipient in recipients:
                found.setdefault(recipient, []).append(raw)
        return found

    async with asyncio.timeout(WAIT_S_MAX):
        while not all(recipient in arrived() for recipient, _ in bodies):
            await asyncio.sleep(0.05)
    found = arrived()
    assert "all@acme.test" not in found
    for recipient, text in bodies:
        assert [text_of(raw) for raw in found[recipient]] == [as_written(text)]


@pytest.mark.parametrize("bare", [b"a\rb\r\n", b"a\nb\r\n", b"a\r\n.\nb\r\n", b"a\n.\r\nb\r\n"])
async def test_a_bare_line_end_never_reaches_the_wire(bare: bytes, world: World) -> None:
    channel = Smtp(Server(HOST, world.port, "none", local_hostname="ourco.test"), 1, time.monotonic)
    outcome = await channel.wire(Envelope("ana@ourco.test", "jo@acme.test", b"Subject: x\r\n\r\n" + bare))
    assert isinstance(outcome, Refused)
    await channel.close()
    assert not world.accepted
