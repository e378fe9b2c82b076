"""`doctor` as a person types it: a zone of its own, Dovecot, an SMTP server with login, and each of them broken."""

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from sequencer.app import imap_server
from sequencer.config import load
from sequencer.doctor.login import imap
from sequencer.doctor.secret import Secrets
from tests.integration.conftest import PASSWORD, Account
from tests.integration.mail_servers import HOST, MailServers, free_ports
from tests.integration.scripted_imap import scripted_imap
from tests.integration.typed import Run
from tests.unit.doctor.zone_server import zone_server

pytestmark = pytest.mark.servers
ZONE = """
example.test MX 10 mx.example.test
mx.example.test A 192.0.2.1
example.test TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.example.test TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.test"
"""


@dataclass(frozen=True)
class Servers:
    """How config.toml names them."""

    address: str
    smtp_port: int
    imap_port: int
    ca_file: str
    password: str = "env:DOCTOR_PW"
    imap_security: str = "tls"
    sent_copy: str = "auto"

    def write(self, folder: Path) -> None:
        """An installation of `init` with this mailbox alone."""
        login = f'username = "{self.address}", password = "{self.password}", ca_file = "{self.ca_file}"'
        text = (folder / "config.toml").read_text().partition("[[mailboxes]]")[0].replace("ourco.test", "example.test")
        (folder / "config.toml").write_text(f"""{text}
[[mailboxes]]
address = "{self.address}"
rep = "ana"
timezone = "Europe/Madrid"
sent_copy = "{self.sent_copy}"
smtp = {{ host = "{HOST}", port = {self.smtp_port}, security = "starttls", {login} }}
imap = {{ host = "{HOST}", port = {self.imap_port}, security = "{self.imap_security}", {login} }}
""")


def tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


class Listener:
    """Accepts everybody's envelope; remembers what would leave a trace."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.commands.append(f"MAIL {address}")
        if address.startswith("stranger"):
            return "553 5.7.1 not your address"
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802
        self.commands.append("RCPT")
        return "250 ok"

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        self.commands.append("DATA")
        return "250 ok"


@contextmanager
def submission(folder: Path, ident: str = "ready") -> Iterator[tuple[int, Listener]]:
    """STARTTLS and a login with PASSWORD, by the certificate in `folder`. Yields (port, what it heard)."""
    (port,) = free_ports(1)
    heard = Listener()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    class Submission(Controller):
        def factory(self) -> SMTP:
            return SMTP(
                self.handler, hostname="mx.example.test", ident=ident, tls_context=tls(folder), require_starttls=True,
                authenticator=authenticate, auth_required=True,
            )  # fmt: skip

    server = Submission(heard, hostname=HOST, port=port)
    server.start()
    try:
        yield port, heard
    finally:
        server.stop()


@pytest.fixture
def servers(mail: MailServers, account: Account) -> Iterator[Servers]:
    with submission(mail.dovecot.folder) as (port, heard):
        yield Servers(account.address, port, mail.dovecot.imaps_port, str(mail.dovecot.ca_file))
    assert not {"RCPT", "DATA"} & set(heard.commands)


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """In an installation as `init` makes it."""
    monkeypatch.setenv("DOCTOR_PW", PASSWORD)
    run("init")
    return run


def look(run: Run, servers: Servers, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    """(exit code, the mailbox's and domain's findings by name)."""
    servers.write(Path())
    with zone_server(ZONE) as dns:
        done = run("doctor", "--mailbox", servers.address, "--dns", dns, "--json", *words)
    assert PASSWORD not in done.out + done.err
    return done.code, {each["name"]: each for each in json.loads(done.out)["findings"]}


def test_a_mailbox_that_works(run: Run, servers: Servers, account: Account) -> None:
    account.put("INBOX", b"Subject: unread\r\n\r\nx\r\n")
    code, found = look(run, servers)
    assert code == 0, found
    assert {name: each["status"] for name, each in found.items()} == {
        "mx": "ok", "spf": "ok", "dkim": "warn", "dmarc": "ok", "password": "ok", "smtp": "ok", "imap": "ok",
        "sent copy": "ok",
    }  # fmt: skip
    assert found["smtp"]["text"].startswith(f"verified TLS 1.3 to {HOST}:{servers.smtp_port}, logged in as")
    assert "reads INBOX, Junk, Archive, Trash, Sent" in found["imap"]["text"]
    assert 'dkim_selector = "…" at config.toml:' in found["dkim"]["mend"]
    with account.mail_program() as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search(["UNSEEN"]) == client.search(["ALL"])


def test_starttls_on_both(run: Run, servers: Servers, mail: MailServers) -> None:
    code, found = look(run, replace(servers, imap_port=mail.imap_port, imap_security="starttls"))
    assert (code, found["imap"]["status"]) == (0, "ok")


def test_a_wrong_password(run: Run, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_PW", "canary-4711")
    code, found = look(run, servers)
    assert code == 1
    for name in ("smtp", "imap"):
        assert found[name]["status"] == "fail"
        assert "login" in found[name]["text"]
        assert "correct username or password (env:DOCTOR_PW) at config.toml:" in found[name]["mend"]
    assert "canary" not in json.dumps(found)


def test_a_missing_password_is_told_once(run: Run, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCTOR_PW")
    code, found = look(run, servers)
    assert code == 1
    assert found["password"]["text"] == "env:DOCTOR_PW is not set here"
    assert found["password"]["mend"].startswith("export DOCTOR_PW=…")
    for name in ("smtp", "imap"):  # the rest of the way was looked at
        assert found[name]["status"] == "warn"
        assert "verified TLS" in found[name]["text"]


def test_a_certificate_that_nobody_vouches_for(run: Run, servers: Servers) -> None:
    own = "/etc/ssl/certs/ca-certificates.crt"
    if not Path(own).is_file():
        pytest.skip("no system authorities")
    code, found = look(run, replace(servers, ca_file=own))
    assert code == 1
    for name in ("smtp", "imap"):
        assert found[name]["status"] == "fail"
        assert "self-signed" in found[name]["text"]
        assert 'ca_file = "PATH"' in found[name]["mend"]


def test_an_expired_certificate(run: Run, servers: Servers, tmp_path: Path) -> None:
    folder = tmp_path / "expired"
    folder.mkdir()
    request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"]
    request += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", "key.pem", "-out", "asked.csr"]
    sign = ["x509", "-req", "-in", "asked.csr", "-signkey", "key.pem", "-days", "-1", "-copy_extensions", "copy"]
    sign += ["-out", "cert.pem"]
    for words in (request, sign):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    with submission(folder) as (port, _):
        _, found = look(run, replace(servers, smtp_port=port, ca_file=str(folder / "cert.pem")))
    assert found["smtp"]["status"] == "fail"
    assert "certificate has expired" in found["smtp"]["text"]
    assert found["smtp"]["mend"] == "renew the certificate on the server"


def test_a_server_that_lets_us_send_as_nobody_else(run: Run, servers: Servers, mail: MailServers) -> None:
    _, found = look(run, replace(servers, address="stranger@example.test"))
    assert found["smtp"]["status"] == "fail"
    assert "refuses mail from stranger@example.test: 553" in found["smtp"]["text"]


def test_closed_ports(run: Run, servers: Servers) -> None:
    ports = free_ports(2)
    code, found = look(run, replace(servers, smtp_port=ports[0], imap_port=ports[1]))
    assert code == 1
    for name, port in zip(("smtp", "imap"), ports, strict=True):
        assert found[name]["status"] == "fail"
        assert f"{HOST}:{port}" in found[name]["text"]
        assert "no firewall is between" in found[name]["mend"]


def test_servers_that_hang_cost_ten_seconds_together(run: Run, servers: Servers) -> None:
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        code, found = look(run, replace(servers, smtp_port=port, imap_port=port))
        assert time.monotonic() - began < 10
    assert code == 1
    assert found["smtp"]["status"] == found["imap"]["status"] == "fail"
    assert "no answer in time" in found["smtp"]["text"]


def test_a_banner_with_a_date_is_a_clock(run: Run, servers: Servers, mail: MailServers) -> None:
    with submission(mail.dovecot.folder, "ESMTP Exim 4.96 Sun, 22 Nov 2020 02:28:08 +0000") as (port, _):
        replace(servers, smtp_port=port).write(Path())
        with zone_server(ZONE) as dns:
            found = json.loads(run("doctor", "--dns", dns, "--json").out)["findings"]
    (clock,) = [each for each in found if each["name"] == "clock"]
    assert clock["status"] == "fail"
    assert f"ahead of {HOST}" in clock["text"]


SENT: list[tuple[str, str, str]] = [
    # sent_copy, status, what is said of a server without a Sent folder
    ("auto", "warn", "no Sent folder"),
    ("append", "fail", "no Sent folder"),
    ("none", "ok", "no copies"),
]
INBOX_ALONE = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n",
    "LIST": b'* LIST () "/" INBOX\r\n{tag} OK done\r\n',
    "EXAMINE": b"* 0 EXISTS\r\n{tag} OK [READ-ONLY] done\r\n",
}


@pytest.mark.parametrize(("sent_copy", "status", "said"), SENT)
def test_a_server_without_a_sent_folder(run: Run, servers: Servers, sent_copy: str, status: str, said: str) -> None:
    with scripted_imap(INBOX_ALONE) as server:
        asked = replace(servers, imap_port=server.port, imap_security="none", sent_copy=sent_copy)
        _, found = look(run, asked)
    assert (found["sent copy"]["status"], said in found["sent copy"]["text"]) == (status, True)
    verbs = {line.split()[1] for line in server.heard if len(line.split()) > 1}
    assert verbs <= {b"CAPABILITY", b"AUTHENTICATE", b"LIST", b"EXAMINE", b"LOGOUT"}


FILED: list[tuple[str, str, str]] = [
    # the Message-ID of the last mail sent, status, what is said
    ("<filed@example.test>", "ok", "in Sent"),
    ("<lost@example.test>", "warn", "the last mail sent is not in Sent"),
]


@pytest.mark.parametrize(("message_id", "status", "said"), FILED)
def test_auto_is_believed_when_the_last_mail_is_in_sent(
    run: Run, servers: Servers, account: Account, message_id: str, status: str, said: str
) -> None:
    account.put("Sent", b"Message-ID: <filed@example.test>\r\nSubject: x\r\n\r\nx\r\n")
    servers.write(Path())
    config = load(Path("config.toml"))
    (box,) = config.mailboxes
    assert box.imap is not None
    found = list(imap(box, imap_server(box.imap, box), Secrets(lambda reference: PASSWORD), config, lambda: message_id))
    assert [finding.name for finding in found] == ["imap", "sent copy"]
    assert (found[1].status, said in found[1].text) == (status, True)


def test_the_whole_as_a_person_reads_it(run: Run, servers: Servers, tmp_path: Path) -> None:
    servers.write(tmp_path)
    tmp_path.chmod(0o700)
    with zone_server(ZONE) as dns:
        done = run("doctor", "--dns", dns)
    lines = done.out.splitlines()
    groups = [line for line in lines if line and not line.startswith(" ")]
    assert groups[:-1] == ["installation", "domain example.test", f"mailbox {servers.address}"]
    assert "\x1b" not in done.out
    for line in lines:
        if line.startswith(("  WARN", "  FAIL")):
            assert lines[lines.index(line) + 1].strip().startswith("→ "), line
    counts = json.loads(run("doctor", "--skip-network", "--json").out)["counts"]
    assert set(counts) == {"ok", "warn", "fail"}
    assert lines[-1].endswith("ok.")
    # bo has no mailbox here, the public address is empty, DKIM cannot be found: warnings alone.
    assert (done.code, lines[-1].startswith("0 failures")) == (0, True), done.out


def test_without_the_network_nobody_is_asked(run: Run, servers: Servers, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as never:
        never.settimeout(0.2)
        port = never.getsockname()[1]
        replace(servers, smtp_port=port, imap_port=port, password=f"cmd:touch {tmp_path}/ran; echo x").write(Path())
        done = run("doctor", "--skip-network")
        with pytest.raises(TimeoutError):
            never.accept()
    assert "Not looked at: DNS, servers and the public address (--skip-network)." in done.out
    assert "domain" not in done.out
    assert not (tmp_path / "ran").exists()


def test_doctor_makes_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    for path in tmp_path.glob("sequencer.db*"):
        path.unlink()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = run("doctor", "--skip-network")
    assert done.code == 1
    assert "there is no file" in done.out
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


TYPED = [
    (("doctor", "--mailbox", "anna@ourco.test"), 'there is no mailbox "anna@ourco.test" in config.toml — did you mean'),
    (("doctor", "--dns", "dns.example.com"), "no ADDRESS or ADDRESS:PORT"),
    (("--config", "no.toml", "doctor"), "there is no file no.toml"),
]


@pytest.mark.parametrize(("words", "says"), TYPED)
def test_wrong_input_is_one_line(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1
