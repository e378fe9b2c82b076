"""Imap with an access token: a real Dovecot that knows an expired one from a good one, and servers with odd words."""

import base64
from collections.abc import Iterator, Sequence

import pytest

from sequencer.errors import ConfigError, InboxBroken, InboxLost
from sequencer.inbound.imap import Imap, ImapServer
from tests.integration.mail_servers import HOST, Dovecot
from tests.integration.oauth_dovecot import oauth_dovecot, token
from tests.integration.scripted_imap import CUT, scripted_imap

ANA = "ana@example.test"
TAKES_TOKENS = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n"}


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with oauth_dovecot(ANA) as running:
        yield running


class Shop:
    """Gives one token after the other, the last for ever; remembers what was refused."""

    def __init__(self, *tokens: str) -> None:
        self._left = list(tokens)
        self.refused: list[str] = []

    def __call__(self, refused: str) -> str:
        self.refused.append(refused)
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def log_in(port: int, shop: Shop) -> None:
    inbox = Imap(ImapServer(HOST, port, "none", ANA, token=shop), timeout_s=5)
    try:
        inbox.find_sent("<any@example.test>")
    finally:
        inbox.close()


@pytest.mark.servers
def test_a_good_token_opens_the_mailbox_and_shows_nowhere(server: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    good = token(ANA)
    shop = Shop(good)
    log_in(server.imap_port, shop)
    assert shop.refused == [""]
    login = base64.b64encode(f"user={ANA}\x01auth=Bearer {good}\x01\x01".encode()).decode()
    assert caplog.records
    assert good not in caplog.text
    assert login not in caplog.text


@pytest.mark.servers
def test_an_expired_token_is_replaced_and_no_wrong_password(server: Dovecot) -> None:
    old = token(ANA, lives_s=-60)
    shop = Shop(old, token(ANA))
    log_in(server.imap_port, shop)
    assert shop.refused == ["", old]


@pytest.mark.servers
@pytest.mark.parametrize(
    "bad",
    [
        token(ANA, lives_s=-60),
        token("bo@example.test"),  # of another user
        token(ANA, scope="calendar"),
        "garbage",
    ],
)
def test_a_token_that_stays_bad_breaks_the_inbox_with_the_server_s_reason(server: Dovecot, bad: str) -> None:
    shop = Shop(bad)
    with pytest.raises(InboxBroken, match=r"login refused: .*\(status 401, .*scope mail\)") as raised:
        log_in(server.imap_port, shop)
    assert bad not in str(raised.value)
    assert shop.refused == ["", bad]


def test_two_tokens_are_tried_and_no_third() -> None:
    refuses = {**TAKES_TOKENS, "AUTHENTICATE": b"{tag} NO AUTHENTICATE failed.\r\n"}  # Microsoft's words
    with scripted_imap(refuses) as scripted:
        with pytest.raises(InboxBroken, match="login refused: AUTHENTICATE failed"):
            log_in(scripted.port, Shop("one", "two", "three"))
        assert sum(b"AUTHENTICATE" in line for line in scripted.heard) == 2


def test_a_server_that_takes_no_tokens_gets_none() -> None:
    plain = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n"}
    with scripted_imap(plain) as scripted:
        with pytest.raises(InboxBroken, match="no login with a token"):
            log_in(scripted.port, Shop("token"))
        assert not any(b"AUTHENTICATE" in line for line in scripted.heard)


@pytest.mark.parametrize("answer", [b"{tag} NO [UNAVAILABLE] later\r\n", CUT])
def test_a_server_in_trouble_does_not_cost_a_new_token(answer: bytes) -> None:
    shop = Shop("one", "two")
    with scripted_imap({**TAKES_TOKENS, "AUTHENTICATE": answer}) as scripted, pytest.raises(InboxLost):
        log_in(scripted.port, shop)
    assert shop.refused == [""]


def test_a_token_that_cannot_be_had_breaks_the_inbox_before_any_login() -> None:
    def fails(refused: str) -> str:
        raise ConfigError("cmd", "a command that ends with 0", "exit 1: log in again")

    with scripted_imap(TAKES_TOKENS) as scripted:
        inbox = Imap(ImapServer(HOST, scripted.port, "none", ANA, token=fails), timeout_s=2)
        with pytest.raises(InboxBroken, match=r"the token cannot be read: .*log in again"):
            inbox.find_sent("<any@example.test>")
        assert not any(b"AUTHENTICATE" in line for line in scripted.heard)


SHAPES: Sequence[str] = ("canary", base64.b64encode(f"user={ANA}\x01auth=Bearer canary\x01\x01".encode()).decode())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_server_that_quotes_the_login_cannot_leak_the_token(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")  # imapclient logs all that a server says when asked to debug
    quotes = {**TAKES_TOKENS, "AUTHENTICATE": b"{tag} NO wrong: " + shape.encode() + b"\r\n"}
    with scripted_imap(quotes) as scripted, pytest.raises(InboxBroken) as raised:
        log_in(scripted.port, Shop("canary"))
    assert "***" in str(raised.value)
    for each in SHAPES:
        assert each not in f"{raised.value} {caplog.text}"
