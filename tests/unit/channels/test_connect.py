"""Connecting: TLS that is verified, logins that stay secret, and whose trouble a failure is."""

import base64
import hmac
import socket
import time
from collections.abc import Callable

import pytest

from sequencer.channels.connect import Security, Server, connect
from sequencer.channels.conversation import TIMEOUTS_S, Conversation, Envelope
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken
from sequencer.errors import ConfigError
from tests.unit.channels.conftest import PASSWORD, Certificate, RealServers
from tests.unit.channels.scripted import FIN, MUTE, RST, Say, ScriptedServer

ENVELOPE = Envelope("ana@ourco.test", "jo@acme.test", b"Subject: hello\r\n\r\nhello\r\n")
QUICK_S = {**TIMEOUTS_S, "connect": 0.2, "auth": 0.2}
SECURITIES: list[Security] = ["none", "starttls", "tls"]
AUTH = ("AUTH PLAIN LOGIN",)
NEVER = float("inf")


async def connected(server: Server, patient: bool = True) -> Conversation | Deferred | MailboxBroken:
    result = await connect(server, TIMEOUTS_S if patient else QUICK_S, time.monotonic)
    if isinstance(result, Conversation):
        result.abort()
    return result


def ana(port: int, security: Security = "none", ca_file: str | None = None, password: str = PASSWORD) -> Server:
    return Server("localhost", port, security, "ana", lambda: password, None, ca_file)


# ---- a real server


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("auth", [False, True])
async def test_a_real_server(
    security: Security, auth: bool, certificate: Certificate, real_server: RealServers
) -> None:
    async with real_server(security, certificate, auth) as running:
        where = ana(running.port, security, certificate.ca_file)
        if not auth:
            where = Server(where.host, where.port, where.security, ca_file=where.ca_file)
        conversation = await connect(where, TIMEOUTS_S, time.monotonic)
        assert isinstance(conversation, Conversation)
        for _ in range(2):
            assert await conversation.open(ENVELOPE) is None
            assert isinstance(await conversation.commit(NEVER), Accepted)
        await conversation.quit()
        assert running.messages == [ENVELOPE.body] * 2
        assert running.logins == (["PLAIN"] if auth else [])


@pytest.mark.parametrize("security", SECURITIES)
async def test_a_wrong_password_is_tried_once(
    security: Security, certificate: Certificate, real_server: RealServers
) -> None:
    async with real_server(security, certificate, auth=True) as running:
        outcome = await connected(ana(running.port, security, certificate.ca_file, "wrong"))
        assert isinstance(outcome, MailboxBroken)
        assert outcome.code == 535
        assert running.logins == ["PLAIN"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_unknown_origin(
    security: Security, certificate: Certificate, real_server: RealServers
) -> None:
    async with real_server(security, certificate, auth=True) as running:
        outcome = await connected(ana(running.port, security, ca_file=None))
        assert isinstance(outcome, MailboxBroken)
        assert "not trusted: self" in outcome.text
        assert running.logins == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_host(
    security: Security, other_certificate: Certificate, real_server: RealServers
) -> None:
    async with real_server(security, other_certificate, auth=True) as running:
        outcome = await connected(ana(running.port, security, other_certificate.ca_file))
        assert isinstance(outcome, MailboxBroken)
        assert "Hostname mismatch" in outcome.text
        assert running.logins == []


async def test_tls_to_a_server_that_speaks_plainly(real_server: RealServers) -> None:
    async with real_server("none", auth=True) as running:
        outcome = await connected(ana(running.port, "tls"))
        assert isinstance(outcome, MailboxBroken)
        assert outcome.text.startswith("no TLS with this server")


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_an_unreadable_ca_file(content: str | None, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    if content:
        path.write_text(content)
    async with ScriptedServer() as server:
        outcome = await connected(ana(server.port, "starttls", str(path)))
        assert isinstance(outcome, MailboxBroken)
        assert outcome.text.startswith("ca_file cannot be read")
        assert server.connections == 0


# ---- STARTTLS


async def test_starttls_is_required_when_configured() -> None:
    async with ScriptedServer(extensions=AUTH) as server:
        outcome = await connected(ana(server.port, "starttls"))
        assert isinstance(outcome, MailboxBroken)
        assert "STARTTLS" in outcome.text
        assert server.verbs() == ["EHLO"]


async def test_plaintext_injected_behind_starttls_is_not_believed(certificate: Certificate) -> None:
    injected = Say(b"220 go ahead\r\n250-evil\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n235 you are in\r\n250 evil\r\n")
    context = certificate.server_context()
    async with ScriptedServer({"starttls": [injected]}, ("STARTTLS", "SIZE 5000", *AUTH), context) as server:
        conversation = await connect(ana(server.port, "starttls", certificate.ca_file), TIMEOUTS_S, time.monotonic)
        assert isinstance(conversation, Conversation)
        assert conversation.extensions["size"] == "5000"
        assert await conversation.open(ENVELOPE) is None
        assert isinstance(await conversation.commit(NEVER), Accepted)
        assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "DOT"]
        conversation.abort()


async def test_what_was_offered_before_the_encryption_is_forgotten(certificate: Certificate) -> None:
    plain = Say(b"250-scripted\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n")
    context = certificate.server_context()
    async with ScriptedServer({"ehlo": [plain]}, ("SIZE 5000",), context) as server:
        outcome = await connected(ana(server.port, "starttls", certificate.ca_file))
        assert isinstance(outcome, MailboxBroken)
        assert "no login that we know" in outcome.text
        assert "AUTH" not in server.verbs()


# ---- AUTH


def own_address() -> str | None:
    """An address of this machine that is not loopback; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


async def test_no_login_in_clear_off_loopback() -> None:
    if (address := own_address()) is None:
        pytest.skip("this machine has only a loopback address")
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return PASSWORD

    async with ScriptedServer(extensions=AUTH, host=address) as server:
        outcome = await connected(Server(address, server.port, "none", "ana", password))
        assert isinstance(outcome, MailboxBroken)
        assert "clear text" in outcome.text
        assert "AUTH" not in server.verbs()
        assert asked == []
        # without a login, such a relay is fine
        assert isinstance(await connected(Server(address, server.port, "none")), Conversation)


def _raises(error: Exception) -> Callable[[], str]:
    def read() -> str:
        raise error

    return read


@pytest.mark.parametrize(
    ("password", "text"),
    [
        (None, "a username is set, but no password"),
        (lambda: "", "the password is empty"),
        (_raises(ConfigError("smtp.password", "a set variable", "nothing")), "expected a set variable"),
        (_raises(ValueError(PASSWORD)), "the password cannot be read: ValueError"),
        (_raises(KeyError("ANA_PW")), "the password cannot be read: KeyError"),
    ],
)
async def test_a_password_that_cannot_be_had(password: Callable[[], str] | None, text: str) -> None:
    async with ScriptedServer(extensions=AUTH) as server:
        outcome = await connected(Server("localhost", server.port, "none", "ana", password))
        assert isinstance(outcome, MailboxBroken)
        assert text in outcome.text
        assert PASSWORD not in outcome.text
        assert "AUTH" not in server.verbs()


async def test_the_secret_is_read_at_each_login() -> None:
    passwords = iter(["first", "second"])
    async with ScriptedServer(extensions=AUTH) as server:
        where = Server("localhost", server.port, "none", "ana", lambda: next(passwords))
        for _ in range(2):
            assert isinstance(await connected(where), Conversation)
        said = [command for command in server.commands if command.startswith("AUTH")]
        assert len(set(said)) == 2


@pytest.mark.parametrize(
    "echo",
    [
        "535 5.7.8 refused: {command}",
        "500 unrecognized command <{command}>",
        "454 4.7.0 try later: {command}",
        "535 5.7.8 the password 'canary 7f3a secret' is wrong",
        "garbage {command}",
    ],
)
async def test_a_server_that_quotes_the_login_cannot_leak_it(echo: str, caplog: pytest.LogCaptureFixture) -> None:
    command = "AUTH PLAIN AGFuYQBjYW5hcnkgN2YzYSBzZWNyZXQ="
    reply = echo.format(command=command).encode() + b"\r\n"
    async with ScriptedServer({"auth": [Say(reply)]}, AUTH) as server:
        where = ana(server.port)
        outcome = await connected(where)
        assert command in server.commands
        assert not isinstance(outcome, Conversation)
        shown = f"{outcome!r} {where!r} {caplog.text}"
        for secret in ("canary", "7f3a", "AGFuYQBjYW5hcnkgN2YzYSBzZWNyZXQ"):
            assert secret not in shown


PROOF = hmac.new(PASSWORD.encode(), b"<123@real.test>", "md5").hexdigest()
CHALLENGE = b"334 " + base64.b64encode(b"<123@real.test>") + b"\r\n"


@pytest.mark.parametrize(
    ("extensions", "answers", "said"),
    [
        (("AUTH LOGIN PLAIN CRAM-MD5",), [b"235 ok\r\n"], ["AUTH PLAIN"]),
        # offered, but not there: the next one
        (("AUTH PLAIN LOGIN",), [b"504 5.5.4 unknown\r\n", b"334 UGFzc3dvcmQ6\r\n"], ["AUTH PLAIN", "AUTH LOGIN"]),
        # the old way to offer it
        (("AUTH=CRAM-MD5",), [CHALLENGE], ["AUTH CRAM-MD5"]),
    ],
)
async def test_mechanisms(extensions: tuple[str, ...], answers: list[bytes], said: list[str]) -> None:
    second_lines = [base64.b64encode(proof.encode()).decode().lower() for proof in (PASSWORD, f"ana {PROOF}")]
    script = {"auth": [Say(answer) for answer in answers], **{line: [Say(b"235 ok\r\n")] for line in second_lines}}
    async with ScriptedServer(script, extensions) as server:
        assert isinstance(await connected(ana(server.port)), Conversation)
        assert [" ".join(line.split()[:2]) for line in server.commands if line.startswith("AUTH")] == said


# ---- whose trouble a failure is


@pytest.mark.parametrize(
    ("verb", "said", "expected"),
    [
        ("banner", Say(b"554 no service\r\n"), MailboxBroken("no service", 554)),
        ("banner", Say(b"421 4.3.2 busy\r\n", "fin"), Deferred(421, "4.3.2 busy", "connect", "4.3.2")),
        ("banner", Say(b"450 greylisted\r\n"), Deferred(450, "greylisted", "connect")),
        ("banner", Say(b"HTTP/1.1 400 Bad Request\r\n"), Deferred(0, "", "connect")),
        ("banner", Say(b"220-" + b"x" * 100_000), Deferred(0, "", "connect")),
        ("banner", FIN, Deferred(0, "", "connect")),
        ("banner", RST, Deferred(0, "", "connect")),
        ("banner", MUTE, Deferred(0, "", "connect")),
        # no falling back to HELO, which offers neither STARTTLS nor AUTH
        ("ehlo", Say(b"550 5.7.1 blocked\r\n"), MailboxBroken("5.7.1 blocked", 550)),
        ("ehlo", Say(b"502 what?\r\n"), MailboxBroken("what?", 502)),
        ("ehlo", Say(b"421 busy\r\n", "fin"), Deferred(421, "busy", "connect")),
        ("ehlo", FIN, Deferred(0, "", "connect")),
        ("ehlo", MUTE, Deferred(0, "", "connect")),
        ("auth", Say(b"535 5.7.8 wrong\r\n"), MailboxBroken("5.7.8 wrong", 535)),
        ("auth", Say(b"535 5.7.8 wrong\r\n", "fin"), MailboxBroken("5.7.8 wrong", 535)),
        ("auth", Say(b"454 4.7.0 later\r\n"), Deferred(454, "4.7.0 later", "auth", "4.7.0")),
        ("auth", Say(b"421 busy\r\n", "fin"), Deferred(421, "busy", "auth")),
        ("auth", Say(b"334 go on\r\n"), Deferred(0, "", "auth")),
        ("auth", FIN, Deferred(0, "", "auth")),
        ("auth", MUTE, Deferred(0, "", "auth")),
    ],
)
async def test_refused_before_any_message(verb: str, said: Say, expected: Deferred | MailboxBroken) -> None:
    async with ScriptedServer({verb: [said]}, AUTH) as server:
        outcome = await connected(ana(server.port), patient=said is not MUTE)
        assert type(outcome) is type(expected)
        assert isinstance(outcome, Deferred | MailboxBroken)
        assert outcome.text
        if expected.text:
            assert outcome == expected
        if isinstance(outcome, Deferred):
            assert (outcome.code, outcome.phase) == (expected.code, getattr(expected, "phase", ""))
        assert "HELO" not in server.verbs()
        await server.until_gone() if said is not MUTE else None


@pytest.mark.parametrize(("reply", "kind"), [(b"454 4.7.0 TLS not now\r\n", Deferred), (b"554 no\r\n", MailboxBroken)])
async def test_starttls_refused(reply: bytes, kind: type) -> None:
    async with ScriptedServer({"starttls": [Say(reply)]}, ("STARTTLS", *AUTH)) as server:
        outcome = await connected(ana(server.port, "starttls"))
        assert type(outcome) is kind
        assert getattr(outcome, "phase", "connect") == "connect"
        assert server.verbs() == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("end", [FIN, RST])
async def test_lost_in_the_handshake_is_no_fault_of_the_mailbox(end: Say) -> None:
    async with ScriptedServer({"starttls": [Say(b"220 go\r\n", end.end)]}, ("STARTTLS",)) as server:
        outcome = await connected(ana(server.port, "starttls"))
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.phase) == (0, "connect")


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        (b"\x15\x03\x03\x00\x02\x01\x00", Deferred),  # close_notify: it goes away
        (b"\x15\x03\x03\x00\x02\x02\x28", MailboxBroken),  # handshake_failure: we have no version or cipher in common
    ],
)
async def test_tls_alerts(alert: bytes, kind: type) -> None:
    async with ScriptedServer({"banner": [Say(alert, "fin")]}) as server:
        assert type(await connected(ana(server.port, "tls"))) is kind


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outcome = await connected(Server("127.0.0.1", port, "none"))
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.phase) == (0, "connect")


@pytest.mark.parametrize(("host", "kind"), [("no-such-host.invalid", Deferred), ("two..dots", MailboxBroken)])
async def test_names(host: str, kind: type) -> None:
    assert type(await connected(Server(host, 25, "none"), patient=False)) is kind


async def test_ehlo_says_the_address_literal_or_the_configured_name() -> None:
    async with ScriptedServer() as server:
        for name in (None, "mail.ourco.test"):
            await connected(Server("127.0.0.1", server.port, "none", local_hostname=name))
        await connected(Server("127.0.0.1", server.port, "none", local_hostname="two words"))
        assert server.commands == ["EHLO [127.0.0.1]", "EHLO mail.ourco.test"]
