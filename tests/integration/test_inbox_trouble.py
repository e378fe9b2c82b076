"""An inbox that cannot be read, hour after hour: how often it is tried, what people are told, how it mends itself."""

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sequencer.clock import SystemClock
from sequencer.engine.dispatch import Dispatch
from sequencer.engine.ingest import Ingest
from sequencer.inbound.imap import Imap, ImapServer
from tests.integration.conftest import PASSWORD, READS_IMAP, Account
from tests.integration.installation import KEY, HandClock, Installation, World
from tests.integration.mail_servers import HOST, dovecot, free_ports, missing
from tests.integration.typed import Run

pytestmark = pytest.mark.servers
JO = "jo@acme.test"


@dataclass
class Week:
    """Ana wrote to Jo a week ago; her follow-up is due. `server` is how the inbox is reached at the moment."""

    house: Installation
    server: ImapServer
    ingest: Ingest = field(init=False)
    dispatch: Dispatch = field(init=False)
    tries: int = 0

    def __post_init__(self) -> None:
        self.ingest = self.new_ingest()
        self.dispatch = self.house.dispatch()

    def new_ingest(self) -> Ingest:
        return Ingest(self.house.database, self.house.advance, self._inbox_of, KEY)

    def _inbox_of(self, name: str) -> Imap:
        self.tries += 1
        return Imap(self.server, timeout_s=5)

    async def read_for(self, length: timedelta, every: timedelta) -> None:
        """As the daemon does, on the house's clock."""
        end = self.house.clock.now() + length
        while self.house.clock.now() < end:
            self.house.clock.to(min(self.house.clock.now() + every, end))
            await self.ingest.run_once(self.house.clock.now())

    async def send(self) -> None:
        await self.house.run(self.dispatch)


Weeks = Callable[[ImapServer, timedelta], Any]


@pytest.fixture
def week(tmp_path: Path, world: World, account: Account) -> Weeks:
    """`week(server, ago)`: the follow-up is due; its inbox was last read this long before the system's now."""

    @asynccontextmanager
    async def begin(server: ImapServer, ago: timedelta) -> AsyncIterator[Week]:
        now = SystemClock().now()
        config = READS_IMAP.replace("{box}", account.address).replace("{imap}", str(account.imap_port))
        house = Installation(tmp_path, world.port, config=config, clock=HandClock(now - timedelta(days=7)))
        house.apply()
        house.enroll(house.person(JO), mailbox=account.address)
        week = Week(house, account.server())
        await week.send()
        house.clock.to(now - ago)
        await week.ingest.run_once(house.clock.now())
        await week.ingest.stop()
        week.ingest, week.server, week.tries = week.new_ingest(), server, 0
        try:
            yield week
        finally:
            await week.dispatch.stop()
            await week.ingest.stop()
            house.close()

    return begin


def inbox_trouble(run: Run) -> dict[str, str]:
    troubles: list[dict[str, str]] = run("status", "--json").json["troubles"]
    return next((each for each in troubles if each["kind"] == "inbox"), {})


async def test_a_server_gone_for_an_hour(week: Weeks, account: Account, world: World, run: Run) -> None:
    (closed,) = free_ports(1)
    async with week(account.server(closed), timedelta(hours=1)) as at:
        await at.read_for(timedelta(hours=1), timedelta(seconds=10))
        assert 15 <= at.tries <= 25  # 1, 2, 4 … 256 s apart, then 5 min
        await at.send()
        assert len(world.accepted) == 1  # the follow-up waits
        told = inbox_trouble(run)
        assert "last read 60 min ago" in told["text"]
        assert "Connection refused" in told["text"]
        assert told["mend"] == "follow-ups wait until the daemon has read it"
        said = run("why", JO).out
        assert "Connection refused" in said
        assert account.address in said

        at.server = account.server()
        at.tries = 0
        await at.read_for(timedelta(minutes=5), timedelta(seconds=10))
        await at.send()
        assert [recipient for recipient, _ in world.accepted] == [JO, JO]
        assert inbox_trouble(run) == {}


async def test_a_wrong_password_is_not_tried_often_enough_to_lock_the_account(
    week: Weeks, account: Account, world: World, run: Run
) -> None:
    wrong = ImapServer(HOST, account.imap_port, "none", account.address, lambda: "canary")
    async with week(wrong, timedelta(hours=12)) as at:
        await at.read_for(timedelta(minutes=30), timedelta(minutes=1))
        assert at.tries == 3  # after 0, 5 and 15 minutes
        await at.read_for(timedelta(hours=11, minutes=30), timedelta(minutes=1))
        assert at.tries <= 16  # then an hour apart
        await at.send()
        assert len(world.accepted) == 1
        told = inbox_trouble(run)
        assert "cannot be read since" in told["text"]
        assert "login refused: [AUTHENTICATIONFAILED]" in told["text"]
        assert '"sequencer doctor" says how to mend it' in told["mend"]
        said = run("why", JO).out
        assert "login refused" in said
        assert "canary" not in f"{told} {said}"

        at.server = account.server()  # somebody corrects it
        await at.read_for(timedelta(hours=1), timedelta(minutes=1))
        await at.send()
        assert len(world.accepted) == 2


def expired(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key for this host, whose time was over yesterday."""
    make = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"]
    make += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", "key.pem", "-out", "asked.csr"]
    sign = ["x509", "-req", "-in", "asked.csr", "-signkey", "key.pem", "-days", "-1", "-copy_extensions", "copy"]
    for words in (make, [*sign, "-out", "cert.pem"]):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


async def test_an_expired_certificate_is_told_before_any_password_goes_out(
    week: Weeks, account: Account, world: World, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if reason := missing():
        pytest.skip(reason)
    cert, key = expired(tmp_path_factory.mktemp("expired"))
    asked: list[str] = []

    def password() -> str:
        asked.append("password")
        return PASSWORD

    with dovecot({account.address: PASSWORD}, f"ssl_cert = <{cert}\nssl_key = <{key}\n") as server:
        line = ImapServer(HOST, server.imaps_port, "tls", account.address, password, str(cert))
        async with week(line, timedelta(hours=1)) as at:
            await at.read_for(timedelta(hours=1), timedelta(minutes=1))
            await at.send()
            assert len(world.accepted) == 1
            assert "certificate: certificate has expired" in inbox_trouble(run)["text"]
            assert "certificate has expired" in run("why", JO).out
            assert (asked, at.tries <= 6) == ([], True)
            at.server = account.server()  # as if it had been renewed
            await at.read_for(timedelta(hours=1), timedelta(minutes=1))
            await at.send()
            assert len(world.accepted) == 2
