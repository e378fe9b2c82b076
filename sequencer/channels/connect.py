"""Opens a connection to a submission server: TCP, TLS, EHLO and login, by aiosmtplib.

The steps are taken one by one, because aiosmtplib's own `connect()` falls back to HELO and to weaker logins and does
not say at which step it failed. It sends no message: conversation.py does.
"""

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from sequencer.channels.conversation import Conversation
from sequencer.channels.replies import judge_session, readable
from sequencer.core.outcome import Deferred, MailboxBroken, Phase
from sequencer.errors import SequencerError
from sequencer.mail import xoauth2

__all__ = ["Security", "Server", "connect"]

Security = Literal["tls", "starttls", "none"]

# In this order: PLAIN is what every server that offers anything can do; the channel is encrypted or loopback.
MECHANISMS = ("plain", "login", "cram-md5")
TOKENS_MAX = 2  # tried in one login
TOKEN_ERROR = 334  # the server says first, as a challenge, what it has against the token
UNKNOWN_MECHANISM = 504  # RFC 4954 4: offered, but not there; any other refusal would only lock the account sooner
MASKED_CHARS_MIN = 4


@dataclass(frozen=True, slots=True)
class Server:
    """Where and as whom to submit.

    `password` reads the secret at each login; it may block and may raise. `token`, instead of it, gets the access token
    that the server has just refused, "" at first, and gives another if there is one. `ca_file` replaces the system's
    trust store.
    `local_hostname` is what EHLO says; None: the address literal of our end (RFC 5321 4.1.4).
    """

    host: str
    port: int
    security: Security
    username: str = ""
    password: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    local_hostname: str | None = None
    ca_file: str | None = None
    token: Callable[[str], str] | None = field(default=None, repr=False, compare=False)


class _SetupError(Exception):
    """This mailbox cannot work before somebody changes something; no reply code says so."""


class _NoTokenError(Exception):
    """Whoever gives out access tokens gives none now: a server of theirs may be out of reach."""


async def connect(
    server: Server, timeouts_s: Mapping[str, float], clock: Callable[[], float]
) -> Conversation | Deferred | MailboxBroken:
    """A connection ready for MAIL, or why there is none. A Deferred has phase connect or auth: no person's doing."""
    phase: Phase = "connect"
    client: aiosmtplib.SMTP | None = None
    try:
        async with asyncio.timeout(timeouts_s["connect"]):
            client = await _client(server)
            banner = await _greet(client, server)
        if server.username:
            phase = "auth"
            async with asyncio.timeout(timeouts_s["auth"]):
                await _login(client, server)
        return Conversation.take_over(client, timeouts_s, clock, banner)
    except (aiosmtplib.SMTPException, OSError, ValueError, _SetupError, _NoTokenError) as error:
        return _failure(error, phase)
    finally:
        if client is not None:  # a no-op after take_over
            client.close()


async def _client(server: Server) -> aiosmtplib.SMTP:
    trust = None
    if server.security != "none":
        try:
            trust = await asyncio.to_thread(ssl.create_default_context, cafile=server.ca_file)
        except OSError as error:
            raise _SetupError(f"ca_file cannot be read: {error.strerror or type(error).__name__}") from error
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=None,  # ours are around it: its own use wait_for, which on Python 3.11 can swallow a cancellation
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=trust,
        local_hostname="localhost",  # unused: each EHLO names us; without it aiosmtplib asks the DNS
    )


async def _greet(client: aiosmtplib.SMTP, server: Server) -> str:
    """Banner, EHLO, STARTTLS, EHLO again: nothing said before the encryption is believed (RFC 3207 4.2).

    Returns the banner's text, for people alone.
    """
    banner = await client.connect()
    us = server.local_hostname or _address_literal(client)
    await client.ehlo(hostname=us)
    if server.security == "starttls":
        if not client.supports_extension("starttls"):
            raise _SetupError("the server offers no STARTTLS, which this mailbox requires")
        await client.starttls()
        await client.ehlo(hostname=us)
    return readable(banner.message)


async def _login(client: aiosmtplib.SMTP, server: Server) -> None:
    """One mechanism, one try: a wrong password tried three ways locks accounts."""
    if client.get_transport_info("sslcontext") is None and not _peer_is_loopback(client):
        raise _SetupError("no login in clear text except to a loopback address: use security starttls or tls")
    if server.token is not None:
        await _login_by_token(client, server.username, server.token)
        return
    offered = [name for name in MECHANISMS if name in client.server_auth_methods]
    if not offered:
        raise _SetupError("the server offers no login that we know (PLAIN, LOGIN, CRAM-MD5)")
    password = await _password(server)
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    for name in offered:
        try:
            await ways[name](server.username, password)
            return
        except aiosmtplib.SMTPResponseException as error:
            if error.code != UNKNOWN_MECHANISM or name == offered[-1]:
                text = _masked(error.message, server.username, password)
                raise aiosmtplib.SMTPAuthenticationError(error.code, text) from None


async def _login_by_token(client: aiosmtplib.SMTP, username: str, token_of: Callable[[str], str]) -> None:
    """A token that is refused may only have expired: one other is tried, when there is one."""
    if "xoauth2" not in client.server_auth_methods:
        raise _SetupError("the server offers no login with a token (XOAUTH2)")
    refused, refusal = "", aiosmtplib.SMTPAuthenticationError(0, "")
    for _ in range(TOKENS_MAX):
        try:
            token = await asyncio.to_thread(token_of, refused)
        except SequencerError as error:
            raise _NoTokenError(f"the token cannot be read: {error}") from None
        if token == refused:
            break
        said = base64.b64encode(xoauth2.initial_response(username, token))
        response, told = await client.execute_command(b"AUTH", b"XOAUTH2", said), ""
        if response.code == TOKEN_ERROR:
            told = xoauth2.error_words(response.message.encode())
            response = await client.execute_command(b"")
        if response.code == aiosmtplib.SMTPStatus.auth_successful:
            return
        text = xoauth2.without_token(f"{response.message} ({told})" if told else response.message, username, token)
        refused, refusal = token, aiosmtplib.SMTPAuthenticationError(response.code, text)
        if response.code < 500:  # no word on the token
            break
    raise refusal


async def _password(server: Server) -> str:
    if server.password is None:
        raise _SetupError("a username is set, but no password")
    try:
        password = await asyncio.to_thread(server.password)
    except SequencerError as error:
        raise _SetupError(f"the password cannot be read: {error}") from None
    except Exception as error:  # whatever the reference meets; its text might quote the secret
        raise _SetupError(f"the password cannot be read: {type(error).__name__}") from None
    if not password:
        raise _SetupError("the password is empty")
    return password


def _failure(error: Exception, phase: Phase) -> Deferred | MailboxBroken:
    match error:
        case _SetupError():
            return MailboxBroken(str(error))
        case _NoTokenError():
            return Deferred(0, readable(str(error)), phase)
        case aiosmtplib.SMTPResponseException(code=code, message=message):
            return judge_session(code, message, phase)
    cause = error.__cause__ if isinstance(error, aiosmtplib.SMTPConnectError) else error
    match cause:
        case ssl.SSLCertVerificationError(verify_message=why):
            return MailboxBroken(readable(f"the server's certificate is not trusted: {why}"))
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Deferred(0, "connection lost during the TLS handshake", phase)
        case ssl.SSLError(reason=why):
            return MailboxBroken(readable(f"no TLS with this server: {why}"))
        case TimeoutError() if not str(cause):
            return Deferred(0, f"no answer in time: {phase}", phase)
        case OSError() | aiosmtplib.SMTPException():
            return Deferred(0, readable(str(error)), phase)
    return MailboxBroken(readable(f"the server's name or EHLO name cannot be used: {error}"))


def _address_literal(client: aiosmtplib.SMTP) -> str:
    ours = _ip_address(client, "sockname")
    return f"[IPv6:{ours}]" if ours.version == 6 else f"[{ours}]"


def _peer_is_loopback(client: aiosmtplib.SMTP) -> bool:
    """By the address we really talk to: a name may lead anywhere."""
    return _ip_address(client, "peername").is_loopback


def _ip_address(client: aiosmtplib.SMTP, end: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(str(client.get_transport_info(end)[0]).partition("%")[0])


def _masked(text: str, username: str, password: str) -> str:
    """The text without any word of the login: some servers quote the command they refuse."""
    plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    secrets = (password, plain, base64.b64encode(password.encode()).decode())

    def tells(word: str) -> bool:
        bare = word.strip("<>()[]\"'.,:;`")
        whole = any(secret in word for secret in secrets)
        return whole or (len(bare) >= MASKED_CHARS_MIN and any(bare in secret for secret in secrets))

    return " ".join("***" if tells(word) else word for word in text.split())
