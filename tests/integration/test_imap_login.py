"""Imap at the door: TLS, certificates, passwords. What a person must mend is told apart from what passes by itself."""

import base64
import socket
import threading
import time

import pytest

from sequencer.errors import ConfigError, InboxBroken, InboxLost
from sequencer.inbound.imap import Imap, ImapServer, Security
from tests.integration.conftest import Account
from tests.integration.mail_servers import HOST, MailServers, free_ports
from tests.integration.scripted_imap import CUT, scripted_imap
from tests.integration.shelf import Shelf, message

LOGIN_ONLY = b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"
SASL = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n"


def at(port: int, security: Security = "none", host: str = HOST, password: str = "secret") -> ImapServer:
    return ImapServer(host, port, security, "ana", lambda: password)


def sent_folder(server: ImapServer) -> None:
    """The least that needs a login."""
    inbox = Imap(server, timeout_s=2)
    try:
        inbox.find_sent("<any@example.test>")
    finally:
        inbox.close()


@pytest.mark.servers
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_is_read_over_tls(mail: MailServers, account: Account, security: Security) -> None:
    account.put("INBOX", message("secure"))
    port = mail.dovecot.imaps_port if security == "tls" else mail.imap_port
    inbox = Imap(
        ImapServer(HOST, port, security, account.address, lambda: account.password, str(mail.dovecot.ca_file)),
        timeout_s=5,
        round_s=0.2,
    )
    shelf = Shelf()
    shelf.walk(inbox)
    assert shelf.subjects == ["secure"]
    inbox.close()


@pytest.mark.servers
@pytest.mark.parametrize(
    ("security", "host", "trusted", "why"),
    [
        ("tls", HOST, False, "self-signed"),  # the system's authorities do not know it
        ("starttls", HOST, False, "self-signed"),
        ("tls", "127.1", True, "not valid for '127.1'"),  # another name of the same host
        ("starttls", "127.1", True, "not valid for '127.1'"),
    ],
)
def test_a_wrong_certificate_breaks_the_inbox_before_any_password(
    mail: MailServers, account: Account, security: Security, host: str, trusted: bool, why: str
) -> None:
    asked: list[str] = []

    def password() -> str:
        asked.append("password")
        return account.password

    port = mail.dovecot.imaps_port if security == "tls" else mail.imap_port
    ca_file = str(mail.dovecot.ca_file) if trusted else None
    server = ImapServer(host, port, security, account.address, password, ca_file)
    with pytest.raises(InboxBroken, match=why):
        sent_folder(server)
    assert asked == []


@pytest.mark.servers
def test_a_wrong_password_breaks_the_inbox(account: Account) -> None:
    server = ImapServer(HOST, account.imap_port, "none", account.address, lambda: "wrong")
    with pytest.raises(InboxBroken, match=r"login refused: .*AUTHENTICATIONFAILED"):
        sent_folder(server)


def test_the_password_is_read_at_each_login() -> None:
    passwords = iter(["old", "new"])
    with scripted_imap({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"{tag} NO wrong password\r\n"}) as server:
        inbox = Imap(ImapServer(HOST, server.port, "none", "ana", lambda: next(passwords)), timeout_s=2)
        for password in (b"old", b"new"):
            with pytest.raises(InboxBroken):
                inbox.find_sent("<any@example.test>")
            assert password in server.heard[-1]


def test_a_missing_secret_breaks_the_inbox() -> None:
    def missing() -> str:
        raise ConfigError("mailboxes.ana.imap.password", "the variable ANA_PW", "nothing")

    with scripted_imap({}) as server, pytest.raises(InboxBroken, match="ANA_PW"):
        sent_folder(ImapServer(HOST, server.port, "none", "ana", missing))


def test_a_ca_file_that_is_not_there_breaks_the_inbox() -> None:
    with pytest.raises(InboxBroken, match="ca_file /nowhere"):
        sent_folder(ImapServer(HOST, 1, "tls", "ana", lambda: "secret", "/nowhere.pem"))


def test_a_server_that_does_not_listen_is_a_loss() -> None:
    (port,) = free_ports(1)
    with pytest.raises(InboxLost, match="refused"):
        sent_folder(at(port))


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"{tag} NO wrong password\r\n"}, InboxBroken),
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"}, InboxBroken),
        # RFC 5530: the server's own trouble
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"{tag} NO [UNAVAILABLE] later\r\n"}, InboxLost),
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"{tag} NO [LIMIT] too many connections\r\n"}, InboxLost),
        ({"CAPABILITY": SASL, "AUTHENTICATE": b"{tag} NO [UNAVAILABLE] later\r\n"}, InboxLost),
        # Gmail, which allows 15 connections
        ({"CAPABILITY": SASL, "AUTHENTICATE": b"{tag} NO [ALERT] Too many simultaneous connections.\r\n"}, InboxLost),
        # imapclient calls these a refused login
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": CUT}, InboxLost),
        ({"CAPABILITY": SASL, "AUTHENTICATE": CUT}, InboxLost),
        ({"CAPABILITY": LOGIN_ONLY, "LOGIN": b"* BYE too many connections\r\n"}, InboxLost),
        ({"CAPABILITY": CUT}, InboxLost),
    ],
)
def test_a_refused_password_is_told_apart_from_a_server_in_trouble(
    answers: dict[str, bytes], raised: type[Exception]
) -> None:
    with scripted_imap(answers) as server, pytest.raises(raised):
        sent_folder(at(server.port))


def test_a_server_without_sasl_takes_no_password_beyond_ascii() -> None:
    with scripted_imap({"CAPABILITY": LOGIN_ONLY}) as server, pytest.raises(InboxBroken, match="only ASCII"):
        sent_folder(at(server.port, password="contraseña"))


def test_no_password_goes_out_when_starttls_is_configured_but_not_offered() -> None:
    with scripted_imap({"CAPABILITY": LOGIN_ONLY}) as server:
        with pytest.raises(InboxBroken, match="no STARTTLS"):
            sent_folder(at(server.port, "starttls"))
        assert not any(b"LOGIN" in line or b"secret" in line for line in server.heard)


def test_no_password_goes_to_another_machine_in_clear_text() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nothing_is_sent:
        try:
            nothing_is_sent.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = nothing_is_sent.getsockname()[0]
    with scripted_imap({"CAPABILITY": LOGIN_ONLY}, host="0.0.0.0") as server:
        with pytest.raises(InboxBroken, match="clear text"):
            sent_folder(at(server.port, host=address))
        assert not any(b"LOGIN" in line or b"secret" in line for line in server.heard)


@pytest.mark.servers
def test_the_password_shows_in_no_error_and_no_log(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    sasl = at(account.imap_port, password="canary")
    with scripted_imap({"LOGIN": b"{tag} NO wrong password\r\n"}) as scripted:
        for server in (sasl, at(scripted.port, password="canary")):
            with pytest.raises(InboxBroken) as raised:
                sent_folder(server)
            shown = f"{server} {server!r} {raised.value}"
            assert "canary" not in shown
    assert caplog.records
    for secret in ("canary", base64.b64encode(b"\0ana\0canary").decode()):
        assert secret not in caplog.text


def test_a_search_answered_beyond_sense_is_a_loss() -> None:
    answers = {
        "LIST": b'* LIST () "/" INBOX\r\n{tag} OK done\r\n',
        "EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] is\r\n{tag} OK [READ-ONLY] done\r\n",
        "UID SEARCH": b"* SEARCH one two\r\n{tag} OK done\r\n",
    }
    with scripted_imap(answers) as server, pytest.raises(InboxLost, match="search"):
        Shelf().walk(Imap(at(server.port), timeout_s=2))


def test_a_name_that_is_not_well_encoded_hides_no_other_folder() -> None:
    """As some servers list what a user typed; Exchange lists numbers bare."""
    listed = b'* LIST () "/" INBOX\r\n* LIST () "/" "R&D"\r\n* LIST () "/" 2024\r\n'
    answers = {
        "CAPABILITY": LOGIN_ONLY,
        "LIST": listed + b'* LIST () "/" "Gel&APY-schte Elemente"\r\n* LIST () "/" "Caf\xe9"\r\n{tag} OK done\r\n',
        "EXAMINE": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] is\r\n* OK [UIDNEXT 1] is\r\n{tag} OK [READ-ONLY] done\r\n",
        "UID SEARCH": b"* SEARCH\r\n{tag} OK done\r\n",
    }
    with scripted_imap(answers) as server:
        inbox, shelf = Imap(at(server.port), timeout_s=2), Shelf()
        shelf.walk(inbox)
        inbox.close()
    assert list(shelf.cursors) == ["INBOX", "Gelöschte Elemente"]
    assert any(b'EXAMINE "Gel&APY-schte Elemente"' in line for line in server.heard)


def test_a_folder_without_uidvalidity_cannot_be_read() -> None:
    inbox_only = b'* LIST () "/" INBOX\r\n{tag} OK done\r\n'
    answers = {"CAPABILITY": LOGIN_ONLY, "LIST": inbox_only, "EXAMINE": b"* 0 EXISTS\r\n{tag} OK [READ-ONLY] done\r\n"}
    with scripted_imap(answers) as server:
        inbox = Imap(at(server.port), timeout_s=2)
        with pytest.raises(InboxBroken, match="UIDVALIDITY"):
            Shelf().walk(inbox)
        inbox.close()


def test_a_server_without_idle_is_not_asked_for_it_and_its_wait_ends_on_stop() -> None:
    with scripted_imap({"CAPABILITY": LOGIN_ONLY}) as server:
        inbox, stop = Imap(at(server.port)), threading.Event()
        threading.Timer(0.1, stop.set).start()
        began = time.monotonic()
        assert not inbox.wait(stop, 20)
        inbox.close()
    assert time.monotonic() - began < 5
    assert not any(b"IDLE" in line.upper() for line in server.heard)


def test_a_folder_that_is_listed_and_may_not_be_opened_breaks_the_inbox() -> None:
    """Answers may lie in it: the walk must not end as if it had been read."""
    answers = {
        "CAPABILITY": LOGIN_ONLY,
        "LIST": b'* LIST () "/" INBOX\r\n* LIST () "/" Archive\r\n{tag} OK done\r\n',
        'EXAMINE "ARCHIVE"': b"{tag} NO [NOPERM] no right to read it\r\n",
        "EXAMINE": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] is\r\n* OK [UIDNEXT 1] is\r\n{tag} OK [READ-ONLY] done\r\n",
        "UID SEARCH": b"* SEARCH\r\n{tag} OK done\r\n",
    }
    with scripted_imap(answers) as server:
        inbox = Imap(at(server.port), timeout_s=2)
        with pytest.raises(InboxBroken, match=r"no right to read it.*: the folder Archive is there"):
            Shelf().walk(inbox)
        inbox.close()


def test_a_folder_that_cannot_be_opened_now_is_a_loss() -> None:
    answers = {
        "CAPABILITY": LOGIN_ONLY,
        "LIST": b'* LIST () "/" INBOX\r\n{tag} OK done\r\n',
        "EXAMINE": b"{tag} NO [INUSE] locked\r\n",
    }
    with scripted_imap(answers) as server:
        inbox = Imap(at(server.port), timeout_s=2)
        with pytest.raises(InboxLost, match="locked"):
            Shelf().walk(inbox)
        inbox.close()


def test_a_line_of_which_half_has_come_is_no_lost_connection() -> None:
    """What is pushed may be cut anywhere on its way."""
    answers = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n",
        "EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] is\r\n* OK [UIDNEXT 3] is\r\n{tag} OK [READ-ONLY] done\r\n",
        "IDLE": b"+ idling\r\n{later}* 2 FETCH (",
        "DONE": b"FLAGS (\\Seen))\r\n* 3 EXISTS\r\n{tag} OK done\r\n",
    }
    with scripted_imap(answers) as server:
        inbox = Imap(at(server.port), timeout_s=5, round_s=0.2)
        assert inbox.wait(threading.Event(), 20)
        inbox.close()
