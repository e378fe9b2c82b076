"""SMTP logins with an access token: the exact words on the wire, and a refusal that may only mean an old token."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from sequencer.channels.connect import Server, connect
from sequencer.channels.conversation import TIMEOUTS_S, Conversation
from sequencer.core.outcome import Deferred, MailboxBroken
from sequencer.errors import ConfigError
from tests.unit.channels.scripted import FIN, Say, ScriptedServer

ANA = "ana@ourco.test"
XOAUTH2 = ("AUTH LOGIN XOAUTH2",)
REASON = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
FRESH = "ya29." + "x" * 2500  # Microsoft's tokens are of this length


def login(token: str) -> str:
    return base64.b64encode(f"user={ANA}\x01auth=Bearer {token}\x01\x01".encode()).decode()


def asked(tokens: Sequence[str], refused: list[str] | None = None) -> Callable[[str], str]:
    """Gives one token after the other, the last for ever."""
    left = list(tokens)

    def token_of(just_refused: str) -> str:
        if refused is not None:
            refused.append(just_refused)
        return left.pop(0) if len(left) > 1 else left[0]

    return token_of


def ana(port: int, token_of: Callable[[str], str]) -> Server:
    return Server("localhost", port, "none", ANA, token=token_of)


async def connected(server: Server) -> Conversation | Deferred | MailboxBroken:
    result = await connect(server, TIMEOUTS_S, time.monotonic)
    if isinstance(result, Conversation):
        result.abort()
    return result


@dataclass
class Provider:
    """What Gmail does: takes one token, and answers another one with a challenge that wants an empty line."""

    port: int = 0
    said: list[str] = field(default_factory=list)

    async def auth_XOAUTH2(self, server: Any, words: list[str]) -> AuthResult:  # noqa: N802  aiosmtpd's name
        self.said += words[1:]
        if words[1] == login(FRESH):
            return AuthResult(success=True)
        answer = await server.challenge_auth(REASON)
        self.said.append(answer.decode())
        return AuthResult(success=False, handled=False, message="535 5.7.8 Username and Password not accepted.")


class LongLines(SMTP):
    """Takes AUTH lines as long as RFC 4954 4 asks for; aiosmtpd by itself does not."""

    line_length_limit = 12_288

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.command_size_limits["AUTH"] = self.line_length_limit


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    running, loop = Provider(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: LongLines(running, hostname="real.test", loop=loop, auth_require_tls=False), "127.0.0.1", 0
    )
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        await asyncio.sleep(0.02)  # lets aiosmtpd's tasks see the end of their connections


async def test_a_good_token_logs_in_with_one_command() -> None:
    async with provider() as gmail:
        assert isinstance(await connected(ana(gmail.port, asked([FRESH]))), Conversation)
    assert gmail.said == [login(FRESH)]


async def test_an_expired_token_is_replaced_and_no_wrong_password() -> None:
    refused: list[str] = []
    async with provider() as gmail:
        assert isinstance(await connected(ana(gmail.port, asked(["expired", FRESH], refused))), Conversation)
    assert gmail.said == [login("expired"), "", login(FRESH)]  # the challenge got its empty line
    assert refused == ["", "expired"]


async def test_a_token_that_stays_the_same_is_tried_once_and_the_server_s_reason_is_told() -> None:
    async with provider() as gmail:
        outcome = await connected(ana(gmail.port, asked(["expired"])))
    assert gmail.said == [login("expired"), ""]
    assert isinstance(outcome, MailboxBroken)
    assert outcome.code == 535
    assert outcome.text.endswith("(status 400, schemes Bearer, scope https://mail.google.com/)")


async def test_two_tokens_are_tried_and_no_third() -> None:
    async with provider() as gmail:
        outcome = await connected(ana(gmail.port, asked(["one", "two", "three"])))
    assert [word for word in gmail.said if word] == [login("one"), login("two")]
    assert isinstance(outcome, MailboxBroken)


ENDS: list[tuple[list[Say], type, int]] = [
    # what the server says to AUTH, what it means, the code
    ([Say(b"535 5.7.3 Authentication unsuccessful\r\n")], MailboxBroken, 535),  # Microsoft: no challenge
    ([Say(b"454 4.7.0 Temporary authentication failure\r\n")], Deferred, 454),
    ([FIN], Deferred, 0),
]


@pytest.mark.parametrize(("says", "kind", "code"), ENDS)
async def test_whose_trouble_a_refusal_is(says: list[Say], kind: type, code: int) -> None:
    async with ScriptedServer({"auth": says}, XOAUTH2) as server:
        outcome = await connected(ana(server.port, asked(["token"])))
        assert type(outcome) is kind
        assert isinstance(outcome, Deferred | MailboxBroken)
        assert outcome.code == code
        assert sum(command.startswith("AUTH") for command in server.commands) == 1


async def test_a_server_in_trouble_does_not_cost_a_new_token() -> None:
    refused: list[str] = []
    async with ScriptedServer({"auth": [Say(b"454 4.7.0 later\r\n")]}, XOAUTH2) as server:
        await connected(ana(server.port, asked(["one", "two"], refused)))
    assert refused == [""]


async def test_a_server_that_takes_no_tokens_gets_none() -> None:
    async with ScriptedServer({}, ("AUTH PLAIN LOGIN",)) as server:
        outcome = await connected(ana(server.port, asked(["token"])))
        assert outcome == MailboxBroken("the server offers no login with a token (XOAUTH2)")
        assert "AUTH" not in server.verbs()


async def test_a_token_that_cannot_be_had_now_lets_the_mailbox_rest() -> None:
    """Whoever gives out tokens may be out of reach, as a mail server may."""

    def fails(refused: str) -> str:
        raise ConfigError("cmd", "a command that ends with 0", "exit 1: cannot reach login.example")

    async with ScriptedServer({}, XOAUTH2) as server:
        outcome = await connected(ana(server.port, fails))
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.phase) == (0, "auth")
        assert "the token cannot be read" in outcome.text
        assert "cannot reach login.example" in outcome.text
        assert "AUTH" not in server.verbs()


@pytest.mark.parametrize("echo", ["535 5.7.8 refused: {login}", "535 5.7.8 bad token {token}", "454 4.7.0 {login}"])
async def test_a_server_that_quotes_the_login_cannot_leak_the_token(
    echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    reply = echo.format(login=login("canary"), token="canary").encode() + b"\r\n"
    async with ScriptedServer({"auth": [Say(reply)]}, XOAUTH2) as server:
        where = ana(server.port, asked(["canary"]))
        outcome = await connected(where)
        shown = f"{outcome!r} {where!r} {caplog.text}"
    assert "***" in shown
    for secret in ("canary", login("canary")):
        assert secret not in shown
