"""One logged-in IMAP connection that says of every failure whether trying again can help.

imapclient reports a dead line, a refused password and a refused command as subclasses of one another; here they become
InboxLost and InboxBroken, once, so that `imap.py` is free of it. It knows no folders and does not retry.
"""

import imaplib
import ipaddress
import re
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from sequencer.errors import InboxBroken, InboxLost, SequencerError
from sequencer.mail import xoauth2

Security = Literal["tls", "starttls", "none"]

# RFC 5530: the server cannot say now whether the password is right; Gmail's and Exchange's own words for it
_TRY_LATER = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|THROTTLED|OVERQUOTA)\b|too many simultaneous connections|server (is )?busy",
    re.IGNORECASE,
)
BEYOND_SENSE = (ValueError, IndexError, OverflowError, AttributeError, TypeError)  # what imapclient makes of an answer
TOKENS_MAX = 2  # tried in one login
_TEXT_MAX = 300  # characters of a server's own words in an error


@dataclass(frozen=True)
class ImapServer:
    """Where a mailbox is read. `ca_file` replaces the system's authorities.

    One of `password` and `token` is called at each login. `token` gets the access token that the server has just
    refused, "" at first, and gives another if there is one.
    """

    host: str
    port: int
    security: Security
    username: str
    password: Callable[[], str] | None = field(default=None, repr=False)
    ca_file: str | None = None
    token: Callable[[str], str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.username} at {self.host}:{self.port}"


class Refused(InboxLost):
    """The server said NO to a command, and the line was well."""


class Line:
    """Connects on the first `ask`; any failure closes it, and the next `ask` connects anew."""

    def __init__(self, server: ImapServer, timeout_s: float) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._client: Any = None

    def ask(self, command: str, *arguments: Any, **named: Any) -> Any:
        """Call that method of imapclient's. Raises InboxLost, InboxBroken."""
        if self._client is None:
            self._client = self._connect()
        try:
            return getattr(self._client, command)(*arguments, **named)
        except (OSError, imaplib.IMAP4.error, *BEYOND_SENSE) as error:
            self.close()
            said = f"{self._server}: {command}: {_words(error)}"
            raise (Refused(said) if _is_refusal(error) else InboxLost(said)) from error

    def readable(self, seconds: float) -> bool:
        """Whether the server said something, or closed, within this time."""
        poll = select.poll()
        poll.register(self._client.socket().fileno(), select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            _shut(client)

    def _connect(self) -> Any:
        server = self._server
        context = self._tls_context()
        client = None
        try:
            client = IMAPClient(
                server.host,
                server.port,
                ssl=server.security == "tls",
                ssl_context=context,
                timeout=self._timeout_s,
            )
            client.normalise_times = False  # with their offset, not as this machine's local time
            client.folder_encode = False  # it gives up the whole list for one name that is not well encoded
            if server.security == "starttls":
                if not client.has_capability("STARTTLS"):
                    raise InboxBroken(f"{server}: the server offers no STARTTLS")
                client.starttls(context)
            self._log_in(client)
        except ssl.SSLCertVerificationError as error:
            _shut(client)
            raise InboxBroken(f"{server}: certificate: {error.verify_message}") from error
        except (OSError, imaplib.IMAP4.error, *BEYOND_SENSE) as error:
            _shut(client)
            raise InboxLost(f"{server}: {_words(error)}") from error
        except BaseException:
            _shut(client)
            raise
        return client

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._server.security == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self._server.ca_file)
        except OSError as error:  # ssl.SSLError, for a file that holds no certificate, is one
            raise InboxBroken(f"{self._server}: ca_file {self._server.ca_file}: {_words(error)}") from error

    def _log_in(self, client: Any) -> None:
        server = self._server
        if server.security == "none" and not _is_loopback(client.socket().getpeername()[0]):
            raise InboxBroken(f"{server}: no password is sent in clear text to another machine: set security to tls")
        if server.token is not None:
            self._log_in_by_token(client, server.token)
            return
        try:
            password = server.password() if server.password else ""
        except SequencerError as error:
            raise InboxBroken(f"{server}: {error}") from error
        try:
            if client.has_capability("AUTH=PLAIN"):  # LOGIN takes neither spaces in a name nor letters beyond ASCII
                client.plain_login(server.username, password)
            else:
                client.login(server.username, password)
        except LoginError as error:
            if _may_pass(error):
                raise
            raise InboxBroken(f"{server}: login refused: {_words(error)}") from error
        except UnicodeEncodeError as error:
            raise InboxBroken(f"{server}: this server takes only ASCII in a user name and password") from error

    def _log_in_by_token(self, client: Any, token_of: Callable[[str], str]) -> None:
        """A token that is refused may only have expired: one other is tried, when there is one."""
        server = self._server
        if not client.has_capability("AUTH=XOAUTH2"):
            raise InboxBroken(f"{server}: the server offers no login with a token (AUTH=XOAUTH2)")
        refused, refusal = "", ""
        for _ in range(TOKENS_MAX):
            try:
                token = token_of(refused)
            except SequencerError as error:
                raise InboxBroken(f"{server}: the token cannot be read: {error}") from error
            if token == refused:
                break
            login = _TokenLogin(server.username, token)
            try:
                client.sasl_login("XOAUTH2", login)
                return
            except LoginError as error:
                if _may_pass(error):
                    raise
                refused, refusal = token, login.without_token(f"{_words(error)} {login.told}".rstrip())
        raise InboxBroken(f"{server}: login refused: {refusal}")


class _TokenLogin:
    """The client's side of XOAUTH2: who it is, then an empty line to whatever the server says of it in `told`."""

    def __init__(self, username: str, token: str) -> None:
        self._username, self._token = username, token
        self._said = False
        self.told = ""

    def __call__(self, challenge: bytes) -> bytes:
        if self._said:
            words = xoauth2.error_words(challenge)
            self.told = f"({words})" if words else ""
            return b""
        self._said = True
        return xoauth2.initial_response(self._username, self._token)

    def without_token(self, text: str) -> str:
        return xoauth2.without_token(text, self._username, self._token)


def _is_refusal(error: Exception) -> bool:
    return (
        isinstance(error, imaplib.IMAP4.error)
        and not isinstance(error, imaplib.IMAP4.abort)
        and not _TRY_LATER.search(str(error))
    )


def _may_pass(error: LoginError) -> bool:
    """Whether the server judged no login: it cannot now, or the line died, which imapclient calls a refusal too."""
    return isinstance(error.__context__, imaplib.IMAP4.abort) or bool(_TRY_LATER.search(str(error)))


def _shut(client: Any) -> None:
    if client is not None:
        with suppress(OSError):
            client.shutdown()  # not logout(): that would wait for an answer


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _words(error: BaseException) -> str:
    """The server's or the system's own words: imaplib hands them on as the repr of bytes."""
    text = re.sub(r"""^b(['"])(.*)\1$""", r"\2", str(error), flags=re.DOTALL) or type(error).__name__
    return text[:_TEXT_MAX]
