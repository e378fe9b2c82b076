"""The main job on real servers: out through Postfix, answers and reports in through Dovecot, nothing touched there."""

import asyncio
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from sequencer.app import App, Services, make_services, real_doors
from sequencer.core.progress import Progress
from sequencer.core.reason import Reason
from tests.integration.conftest import PASSWORD, Account
from tests.integration.installation import CONFIG, KEY, MONDAY, Installation
from tests.integration.mail_servers import HOST, MailServers

TEMPLATE = CONFIG.replace("ana@ourco.test", "{box}").replace(
    'maildir = "mail"',
    'imap = {{ host = "127.0.0.1", port = {imap}, security = "none", username = "{box}", password = "env:ANA_PW" }}',
)
STEP_S_MAX = 15.0


@pytest.fixture
def house(
    tmp_path: Path, mail: MailServers, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setenv("ANA_PW", PASSWORD)
    config = TEMPLATE.replace("{box}", account.address).replace("{imap}", str(mail.imap_port))
    house = Installation(tmp_path, mail.smtp_port, connections=2, config=config)
    house.apply()
    yield house
    house.close()


async def beat(house: Installation, services: Services) -> None:
    """One round of every service at this instant: inbound before due work."""
    await services.ingest.run_once(house.clock.now())
    while services.ingest.busy:
        await asyncio.sleep(0.01)
        await services.ingest.run_once(house.clock.now())
    await house.run(services.dispatch)
    await services.rescue.run_once(house.clock.now())


async def test_three_people_and_their_answers(house: Installation, mail: MailServers, account: Account) -> None:
    app = App(house.config, house.database, house.advance, KEY)
    services = make_services(app, house.clock, real_doors(house.config, house.clock), "test")
    box = account.address
    ids = {
        name: house.enroll(house.person(f"{name}@{name}-{box.partition('@')[0]}.test", name.title()), mailbox=box)
        for name in ("jo", "li", "max", "nobody")
    }
    address = {name: f"{name}@{name}-{box.partition('@')[0]}.test" for name in ids}

    await beat(house, services)
    await arrived(mail, [address[name] for name in ("jo", "li", "max")])
    answer(mail, box, address["jo"], first(mail, address["jo"]), "Yes, call me on Thursday.\n")
    answer(
        mail, box, address["max"], first(mail, address["max"]), "I am out of the office and back on 1 December 2026.\n",
        automatic=True,
    )  # fmt: skip
    await until(house, services, lambda: bool(state(house, ids["nobody"]).holds and state(house, ids["max"]).pauses))

    assert state(house, ids["jo"]).finished == "replied"
    assert [task.work for task in state(house, ids["jo"]).tasks.values()] == ["answer"]
    assert state(house, ids["max"]).pauses[0].reason is Reason.AWAY
    assert state(house, ids["max"]).pauses[0].until == datetime(2026, 12, 2, tzinfo=UTC)
    assert state(house, ids["nobody"]).holds[0].reason is Reason.BAD_ADDRESS
    assert state(house, ids["li"]).status == "active"

    house.clock.to(MONDAY + timedelta(days=2))
    await beat(house, services)
    await arrived(mail, [address["li"]] * 2)
    house.clock.to(datetime(2026, 12, 2, 9, 0, tzinfo=UTC))
    await beat(house, services)
    await arrived(mail, [address["max"]] * 2)
    await services.dispatch.stop()
    await services.ingest.stop()

    assert len(received(mail, address["jo"])) == 1
    opened, followed = received(mail, address["li"])[:2]
    assert followed["Subject"] == f"Re: {opened['Subject']}"
    assert followed["In-Reply-To"] == opened["Message-ID"]
    with account.mail_program() as client:
        client.select_folder("INBOX", readonly=True)
        flags = client.get_flags(client.search())
    assert len(flags) == 3
    assert all(not set(found) - {b"\\Recent"} for found in flags.values())


def state(house: Installation, enrollment_id: int) -> Progress:
    return house.progress(enrollment_id)


def received(mail: MailServers, recipient: str) -> list[EmailMessage]:
    """What the outside world got for this address, in order."""
    raws = [raw for _, recipients, raw in mail.sink.accepted if recipient in recipients]
    return [message_from_bytes(raw, policy=policy.default) for raw in raws]


def first(mail: MailServers, recipient: str) -> EmailMessage:
    return received(mail, recipient)[0]


def answer(mail: MailServers, box: str, sender: str, to: EmailMessage, text: str, *, automatic: bool = False) -> None:
    """A person, or their machine, answers through Postfix."""
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = sender, box, f"Re: {to['Subject']}"
    reply["Date"], reply["Message-ID"] = MONDAY + timedelta(hours=1), f"<answer-{sender}>"
    reply["In-Reply-To"] = to["Message-ID"]
    if automatic:
        reply["Auto-Submitted"] = "auto-replied"
    reply.set_content(text)
    with smtplib.SMTP(HOST, mail.smtp_port) as smtp:
        smtp.send_message(reply)


async def arrived(mail: MailServers, recipients: list[str]) -> None:
    """Postfix takes some milliseconds to pass a mail on."""
    async with asyncio.timeout(STEP_S_MAX):
        while any(len(received(mail, one)) < recipients.count(one) for one in recipients):
            await asyncio.sleep(0.02)


async def until(house: Installation, services: Services, done) -> None:  # type: ignore[no-untyped-def]
    """Beat until the mailbox has shown everything that is under way."""
    async with asyncio.timeout(STEP_S_MAX):
        while not done():
            await asyncio.sleep(0.1)
            await beat(house, services)
