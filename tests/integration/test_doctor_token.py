"""`doctor` on a mailbox that logs in with a token: both servers, a token that they refuse, and none at all."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tests.integration.mail_servers import HOST, Dovecot, free_ports
from tests.integration.oauth_dovecot import oauth_dovecot, token
from tests.integration.typed import Run
from tests.unit.doctor.zone_server import zone_server

pytestmark = pytest.mark.servers
ANA = "ana@example.test"
MAILBOX = """
[[mailboxes]]
address = "{ana}"
rep = "ana"
timezone = "Europe/Madrid"
smtp = {{ host = "{host}", port = {smtp}, security = "none", auth = "xoauth2", token = "{token}" }}
imap = {{ host = "{host}", port = {imap}, security = "none", auth = "xoauth2", token = "{token}" }}
"""


@pytest.fixture(scope="module")
def imap() -> Iterator[Dovecot]:
    with oauth_dovecot(ANA) as running:
        yield running


class Submission:
    """Takes the token that is in `right`."""

    def __init__(self) -> None:
        self.right = ""
        (self.port,) = free_ports(1)

    async def auth_XOAUTH2(self, server: SMTP, words: list[str]) -> AuthResult:  # noqa: N802  aiosmtpd's name
        right = f"user={ANA}\x01auth=Bearer {self.right}\x01\x01"
        return AuthResult(success=base64.b64decode(words[1]).decode() == right, handled=False)


@pytest.fixture
def smtp() -> Iterator[Submission]:
    taken = Submission()

    class Server(Controller):
        def factory(self) -> SMTP:
            server = SMTP(self.handler, hostname="mx.example.test", auth_require_tls=False)
            server.command_size_limits["AUTH"] = 12_288
            return server

    server = Server(taken, hostname=HOST, port=taken.port)
    server.start()
    try:
        yield taken
    finally:
        server.stop()


def look(run: Run, smtp: Submission, imap: Dovecot, reference: str, *words: str) -> dict[str, dict[str, str]]:
    """The mailbox's findings by name."""
    run("init")
    text = Path("config.toml").read_text().partition("[[mailboxes]]")[0].replace("ourco.test", "example.test")
    mailbox = MAILBOX.format(ana=ANA, host=HOST, smtp=smtp.port, imap=imap.imap_port, token=reference)
    Path("config.toml").write_text(text + mailbox)
    with zone_server("example.test MX 10 mx.example.test\nmx.example.test A 192.0.2.1\n") as dns:
        done = run("doctor", "--mailbox", ANA, "--dns", dns, "--json", *words)
    assert "eyJ" not in done.out + done.err  # how every JWT begins
    return {each["name"]: each for each in json.loads(done.out)["findings"]}


def test_a_token_opens_both_servers(run: Run, smtp: Submission, imap: Dovecot, tmp_path: Path) -> None:
    smtp.right = token(ANA)
    (tmp_path / "tool").write_text(f"echo run >> {tmp_path}/runs\necho {smtp.right}\n")
    found = look(run, smtp, imap, f"cmd:sh {tmp_path}/tool")
    assert {name: found[name]["status"] for name in ("token", "smtp", "imap")} == dict.fromkeys(
        ("token", "smtp", "imap"), "ok"
    )
    assert f"logged in as {ANA}" in found["smtp"]["text"]
    assert f"logged in as {ANA}" in found["imap"]["text"]
    assert (tmp_path / "runs").read_text() == "run\n"  # once for both


def test_a_token_that_has_expired(run: Run, smtp: Submission, imap: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANA_TOKEN", token(ANA, lives_s=-60))
    found = look(run, smtp, imap, "env:ANA_TOKEN")
    assert found["token"]["status"] == "ok"
    assert "(status 401, schemes bearer, scope mail)" in found["imap"]["text"]
    for name in ("smtp", "imap"):
        assert found[name]["status"] == "fail"
        assert "see that the token (env:ANA_TOKEN) at config.toml:" in found[name]["mend"]
        assert "has not expired" in found[name]["mend"]


def test_a_command_that_has_no_token(run: Run, smtp: Submission, imap: Dovecot) -> None:
    found = look(run, smtp, imap, "cmd:echo 'log in again' >&2; exit 1")
    assert found["token"]["status"] == "fail"
    assert "exit 1: log in again" in found["token"]["text"]
    assert found["token"]["mend"].startswith("make the command print the token and end with 0")
    for name in ("smtp", "imap"):
        assert (found[name]["status"], found[name]["mend"]) == ("warn", "mend the token first")
