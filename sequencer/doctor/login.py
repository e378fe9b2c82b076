"""A mailbox at its servers: the name resolves, TLS is verified, the login works, and the sender is accepted.

It goes as far as a server can be asked without a trace: SMTP up to MAIL FROM and RSET, IMAP up to LIST and EXAMINE. No
message is written, no flag is set, no second password is tried.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from sequencer.channels.connect import Server, connect
from sequencer.config import Config, MailboxSection, ServerSection
from sequencer.core.outcome import Deferred, MailboxBroken, Outcome, Refused
from sequencer.doctor.finding import Finding, fail, ok, warn
from sequencer.doctor.provider import provider_of
from sequencer.doctor.secret import Secrets
from sequencer.engine.config_lines import config_place
from sequencer.errors import InboxBroken, InboxLost, SequencerError
from sequencer.inbound.folders import Folder, special_folders, wire_name
from sequencer.inbound.imap_line import ImapServer, Line

__all__ = ["SmtpDate", "imap", "password", "smtp"]

TIMEOUTS_S: Mapping[str, float] = {"connect": 4.0, "auth": 4.0, "mail": 3.0, "rset": 3.0, "quit": 1.0}
IMAP_SILENCE_S_MAX = 4.0
SmtpDate = Callable[[str, datetime], None]
# The date at the end of the banners of Exim, Sendmail and Microsoft (RFC 5322 3.3).
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")

# What a refusal is about, by its words -> what to do; {at}: where the server is written in config.toml.
_MENDS: tuple[tuple[str, str], ...] = (
    ("expired", "renew the certificate on the server"),
    ("not valid for|mismatch", "write the host as the certificate names it, at {at}"),
    ("certificate", 'if your own authority signed it, name it: ca_file = "PATH" at {at}'),
    ("no STARTTLS", 'write security = "tls" with its port (SMTP 465, IMAP 993) at {at}'),
    ("no TLS with this server|WRONG_VERSION|record layer", (
        'port and security do not fit: 465 and 993 are "tls", 587 and 143 "starttls", at {at}'
    )),
    ("clear text", 'write security = "starttls" or "tls" at {at}'),
    ("no login with a token", 'write auth = "password" and a password at {at}, or ask its operator to allow XOAUTH2'),
    ("no login that we know", "the server must offer PLAIN or LOGIN after TLS; ask its operator for the right port"),
    ("ca_file", "correct ca_file at {at}"),
    ("also_read", "write the folder as the server has it, or take it out, in also_read below {at}"),
)  # fmt: skip
_UNKNOWN_HOST = "correct the host at {at}"
_UNREACHED = "see that host and port at {at} are right, that the server runs, and that no firewall is between"
_REFUSED_LOGIN = (
    "correct username or password ({secret}) at {at}; Google wants an app password, and Microsoft a token "
    '(auth = "xoauth2", docs/oauth.md)'
)
_REFUSED_TOKEN = (
    "see that the token ({secret}) at {at} is of the account {username}, has not expired, and is for IMAP and SMTP "
    "(docs/oauth.md lists the scopes)"
)


def password(mailbox: MailboxSection, secrets: Secrets, config: Config, *, run_commands: bool) -> Iterator[Finding]:
    """Whether each reference of the mailbox leads to a secret."""
    servers = {"smtp": mailbox.smtp} | ({"imap": mailbox.imap} if mailbox.imap else {})
    places: dict[str, str] = {}
    for key, server in servers.items():
        if server.secret is None and server.username:
            said = f"{key} has a username and no password"
            yield fail("password", said, f'add password = "env:NAME" to {key} at {_at(config, mailbox, key)}')
        elif server.secret is not None:
            places.setdefault(server.secret, key)
    for reference, key in places.items():
        if reference.startswith("cmd:") and not run_commands:
            continue
        what = _what(servers[key])
        try:
            found = secrets.of(reference)
        except SequencerError as error:
            mend = f"{_mend_of(reference, what)}, or name another place at {_at(config, mailbox, key)}"
            said = f"{reference} is not set here" if reference.startswith("env:") else f"cannot be read: {error}"
            yield fail(what, said.replace("config.toml: ", ""), mend)
        else:
            name = "the command's output" if reference.startswith("cmd:") else reference
            if found:
                yield ok(what, f"{name} can be read")
            else:
                yield fail(what, f"{name} is empty", _mend_of(reference, what))


def _mend_of(reference: str, what: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        return f"export {name}=… where the daemon is started"
    if kind == "file":
        return f"write the {what} to {name}, then chmod 600 {name}"
    return f"make the command print the {what} and end with 0"


def smtp(
    mailbox: MailboxSection,
    server: Server,
    secrets: Secrets,
    config: Config,
    clock: Callable[[], float],
    saw_date: SmtpDate,
) -> Iterator[Finding]:
    """`clock`: monotonic seconds. `saw_date` is told the instant in the server's banner, if there is one."""
    if unknown := _unknown_host(server.host, server.port):
        yield fail("smtp", unknown, _UNKNOWN_HOST.format(at=_at(config, mailbox, "smtp")))
        return
    known = _readable(mailbox.smtp, secrets)
    asked = replace(
        server,
        username=server.username if known else "",
        password=_password_of(mailbox.smtp, secrets),
        token=_token_of(mailbox.smtp, secrets),
    )
    refusal, tls, banner = asyncio.run(_smtp(asked, mailbox.address, clock, try_sender=known))
    if dated := _DATE.search(banner):
        saw_date(server.host, parsedate_to_datetime(dated[0]))
    if refusal is not None:
        yield _smtp_refusal(refusal, mailbox, config, secrets)
        return
    how = f"{_tls_words(tls)} to {server.host}:{server.port}"
    if not known:
        yield warn(
            "smtp",
            f"{how}; no login was tried without its {_what(mailbox.smtp)}",
            f"mend the {_what(mailbox.smtp)} first",
        )
    else:
        who = f"logged in as {server.username}" if server.username else "no login"
        yield ok("smtp", f"{how}, {who}, may send as {mailbox.address}")


async def _smtp(
    server: Server, sender: str, clock: Callable[[], float], *, try_sender: bool
) -> tuple[Outcome | None, str, str]:
    """(why not, TLS version, banner)."""
    conversation = await connect(server, TIMEOUTS_S, clock)
    if isinstance(conversation, Deferred | MailboxBroken):
        return conversation, "", ""
    try:
        refusal = await conversation.try_sender(sender) if try_sender else None
        return refusal, conversation.tls_version, conversation.banner
    finally:
        await conversation.quit()


def _smtp_refusal(refusal: Outcome, mailbox: MailboxSection, config: Config, secrets: Secrets) -> Finding:
    at = _at(config, mailbox, "smtp")
    server = mailbox.smtp
    code = getattr(refusal, "code", 0)
    text = secrets.hide(f"{code} {refusal.text}" if code else refusal.text, server.username)
    where = f"{server.host}:{server.port}"
    match refusal:
        case MailboxBroken(code=code) | Refused(code=code) if code in (530, 534, 535, 538):
            return fail("smtp", f"{where} refuses the login: {text}", _refused_login(mailbox, server, at))
        case MailboxBroken() | Refused() if code >= 500:
            mend = f"let the account {server.username or 'of this machine'} send as {mailbox.address}, or correct {at}"
            return fail("smtp", f"{where} refuses mail from {mailbox.address}: {text}", mend)
        case Deferred() if code >= 400:
            return warn("smtp", f"{where} cannot say now: {text}", "try again in some minutes")
    return fail("smtp", f"{where}: {text}", _mend(text, at))


def imap(
    mailbox: MailboxSection, server: ImapServer, secrets: Secrets, config: Config, was_sent: Callable[[], str | None]
) -> Iterator[Finding]:
    """Login and folders. `was_sent`: the Message-ID of a mail that left a while ago, to be found in Sent."""
    at = _at(config, mailbox, "imap")
    if unknown := _unknown_host(server.host, server.port):
        yield fail("imap", unknown, _UNKNOWN_HOST.format(at=at))
        return
    assert mailbox.imap is not None
    known = _readable(mailbox.imap, secrets)
    asked = replace(server, password=_password_of(mailbox.imap, secrets), token=_token_of(mailbox.imap, secrets))
    line = Line(asked, IMAP_SILENCE_S_MAX)
    how = f"{'verified TLS' if server.security != 'none' else 'clear text'} to {server.host}:{server.port}"
    try:
        folders = special_folders(line.ask("list_folders"), mailbox.also_read)
        line.ask("select_folder", "INBOX", readonly=True)
        yield ok("imap", f"{how}, logged in as {server.username}, reads {', '.join(each.name for each in folders)}")
        yield from _sent_copy(mailbox, config, folders, _in_sent(line, folders, was_sent()))
    except InboxBroken as error:
        text = _without_server(secrets.hide(str(error), server.username), server)
        if not known:  # the password is asked for after TLS
            yield warn(
                "imap",
                f"{how}; no login was tried without its {_what(mailbox.imap)}",
                f"mend the {_what(mailbox.imap)} first",
            )
        elif "login refused" in text:
            yield fail("imap", f"{server.host}:{server.port}: {text}", _refused_login(mailbox, mailbox.imap, at))
        else:
            yield fail("imap", f"{server.host}:{server.port}: {text}", _mend(text, at))
    except InboxLost as error:
        text = _without_server(secrets.hide(str(error), server.username), server)
        yield fail("imap", f"{server.host}:{server.port}: {text}", _mend(text, at))
    finally:
        line.close()


def _in_sent(line: Line, folders: tuple[Folder, ...], message_id: str | None) -> bool | None:
    """None: there is nothing to look for."""
    sent = [folder.name for folder in folders if folder.role == "sent"]
    if message_id is None or not sent:
        return None
    for name in sent:
        line.ask("select_folder", wire_name(name), readonly=True)
        if line.ask("search", ["HEADER", "Message-ID", message_id]):
            return True
    return False


def _sent_copy(
    mailbox: MailboxSection, config: Config, folders: tuple[Folder, ...], found: bool | None
) -> Iterator[Finding]:
    at = _at(config, mailbox, "sent_copy")
    sent = next((folder.name for folder in folders if folder.role == "sent"), None)
    provider = provider_of(mailbox.smtp.host)
    files_itself = provider is not None and provider.files_sent
    name, now = "sent copy", f'sent_copy = "{mailbox.sent_copy}"'
    if sent is None and mailbox.sent_copy != "none":
        mend = f'create a folder "Sent" in the mailbox, or write sent_copy = "none" at {at}'
        yield (fail if mailbox.sent_copy == "append" else warn)(name, f"{now}, and the server has no Sent folder", mend)
    elif mailbox.sent_copy == "append" and files_itself and provider:
        said = f"{now}, and {provider.name} files sent mail itself: each would be there twice"
        yield warn(name, said, f'write sent_copy = "auto" at {at}')
    elif mailbox.sent_copy == "auto" and found is False:
        said = f"{now}, and the last mail sent is not in {sent}: this provider does not file it"
        yield warn(name, said, f'write sent_copy = "append" at {at}')
    elif mailbox.sent_copy == "auto" and not files_itself and found is None:
        yield ok(name, f"{now}: whether this server files it in {sent} shows after the first mail")
    elif mailbox.sent_copy == "none":
        yield ok(name, f"{now}: no copies; an uncertain mail cannot be found in Sent")
    else:
        yield ok(name, f"{now}, in {sent}")


def _unknown_host(host: str, port: int) -> str:
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return f"the host {host} could not be looked up: no DNS server answers"
        return f"there is no host {host}"
    except UnicodeError:
        return f"{host!r} is no host name"
    return ""


def _password_of(server: ServerSection, secrets: Secrets) -> Callable[[], str] | None:
    reference = server.password
    return (lambda: secrets.of(reference)) if reference else None


def _token_of(server: ServerSection, secrets: Secrets) -> Callable[[str], str] | None:
    """One that is refused is not asked for again: an examination reads each secret once."""
    reference = server.token
    return (lambda refused: secrets.of(reference)) if reference else None


def _readable(server: ServerSection, secrets: Secrets) -> bool:
    """Whether nothing keeps us from trying the login."""
    if server.secret is None:
        return not server.username
    try:
        return bool(secrets.of(server.secret))
    except SequencerError:
        return False


def _what(server: ServerSection) -> str:
    return "token" if server.token else "password"


def _at(config: Config, mailbox: MailboxSection, key: str) -> str:
    """The key's line, else the mailbox's."""
    place = config_place(config, "mailboxes", key, mailbox.address)
    return str(place if place.line else config_place(config, "mailboxes", "", mailbox.address))


def _mend(text: str, at: str) -> str:
    found = (mend for pattern, mend in _MENDS if re.search(pattern, text, re.IGNORECASE))
    return next(found, _UNREACHED).format(at=at)


def _refused_login(mailbox: MailboxSection, server: ServerSection, at: str) -> str:
    reference = server.secret or "none"
    secret = "a command" if reference.startswith("cmd:") else reference
    words = _REFUSED_TOKEN if server.token else _REFUSED_LOGIN
    return words.format(secret=secret, at=at, username=server.username or mailbox.address)


def _without_server(text: str, server: ImapServer) -> str:
    return text.removeprefix(f"{server}: ")


def _tls_words(version: str) -> str:
    return f"verified TLS {version.removeprefix('TLSv')}" if version else "clear text"
