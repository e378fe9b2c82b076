"""What the tests of this folder share: small installations, and real mail servers, one set a session.

Without Dovecot and Postfix the tests that ask for `mail` skip.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from sequencer.clock import SystemClock
from sequencer.inbound.imap import ImapServer
from tests.fresh import on_backend
from tests.integration.fault_proxy import FaultProxy
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World
from tests.integration.mail_room import MailRoom
from tests.integration.mail_servers import DOMAIN, HOST, MailServers, mail_servers, missing
from tests.integration.prepared import Prepared
from tests.integration.restored import Restored
from tests.integration.typed import Run, typing

ACCOUNTS_MAX = 200
PASSWORD = 'sécret "\\ 1'  # a space, quotes and a letter beyond ASCII: passwords have them
READS_IMAP = ALWAYS_OPEN.replace("ana@ourco.test", "{box}").replace(
    'maildir = "mail"',
    'imap = {{ host = "127.0.0.1", port = {imap}, security = "none", username = "{box}", password = "env:ANA_PW" }}',
)
_account_numbers = count()


@dataclass(frozen=True)
class Account:
    """A mailbox nobody else uses."""

    address: str
    password: str
    imap_port: int

    def server(self, port: int | None = None) -> ImapServer:
        """How the product reads it, in clear text on loopback; `port`: of a proxy in between."""
        return ImapServer(HOST, port or self.imap_port, "none", self.address, lambda: self.password)

    @contextmanager
    def mail_program(self) -> Iterator[Any]:
        """What the user reads it with meanwhile: an imapclient.IMAPClient."""
        with IMAPClient(HOST, self.imap_port, ssl=False, timeout=10) as client:
            client.plain_login(self.address, self.password)
            yield client

    def put(self, folder: str, *raws: bytes) -> None:
        with self.mail_program() as client:
            client.multiappend(folder, raws)

    def move(self, text: str, source: str, target: str) -> None:
        """Move what has `text` in its subject."""
        with self.mail_program() as client:
            client.select_folder(source)
            client.move(client.search(["SUBJECT", text]), target)

    def expunge(self, text: str, folder: str = "INBOX") -> None:
        """Delete for good what has `text` in its subject."""
        with self.mail_program() as client:
            client.select_folder(folder)
            client.delete_messages(client.search(["SUBJECT", text]))
            client.expunge()


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServers]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with mail_servers({f"box{n}@{DOMAIN}": PASSWORD for n in range(ACCOUNTS_MAX)}) as servers:
        yield servers


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation in the middle of its life; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("prepared")
    Prepared(folder).close()
    return folder


@pytest.fixture
def account(mail: MailServers) -> Account:
    return Account(f"box{next(_account_numbers)}@{DOMAIN}", PASSWORD, mail.imap_port)


@pytest.fixture
def proxy(mail: MailServers) -> Iterator[FaultProxy]:
    """In front of the IMAP server."""
    with FaultProxy(mail.imap_port) as broken_line:
        yield broken_line


@pytest.fixture(autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The database of the test's installations: SQLite, unless the test is parametrized with BACKENDS."""
    chosen = getattr(request, "param", None)
    with on_backend(chosen) if chosen else nullcontext():
        yield chosen or "sqlite"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types one command in the test's folder."""
    monkeypatch.chdir(tmp_path)
    return typing(monkeypatch, capsys)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def house(tmp_path: Path, backend: str) -> Iterator[Installation]:
    """One whose server nobody reaches: sending goes over a scripted channel."""
    house = Installation(tmp_path, 25)
    house.apply()
    yield house
    house.close()


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Restored]:
    """A mail room that can lose its database; a copy of its beginning is kept."""
    restored = Restored(tmp_path)
    restored.keep()
    yield restored
    restored.close()


@pytest.fixture
def imap_house(
    tmp_path: Path, world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """One that reads a real IMAP server and files there what it sent; its clock shows the hour of the test."""
    monkeypatch.setenv("ANA_PW", PASSWORD)
    config = READS_IMAP.replace("{box}", account.address).replace("{imap}", str(account.imap_port))
    clock = HandClock(SystemClock().now())
    house = Installation(tmp_path, world.port, config=config + 'sent_copy = "append"\n', clock=clock)
    house.apply()
    yield house
    house.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[MailRoom]:
    room = MailRoom(tmp_path)
    yield room
    room.close()
