"""A private Dovecot (IMAP, LMTP), a private Postfix (SMTP) and a sink for mail that leaves them.

Here because a promise about real inboxes and genuine RFC 3464 bounces is worth nothing against a mock. Everything lives
in temporary folders on loopback; nothing below /etc is read or written. Root only. Postfix offers neither AUTH nor
STARTTLS; Dovecot offers both.

    with mail_servers({"rep@example.test": "secret"}) as mail:
        smtplib.SMTP(HOST, mail.smtp_port)                       # anything @example.test lands in Dovecot,
        IMAPClient(HOST, mail.imap_port, ssl=False)              # everything else goes to mail.sink

Needs: dovecot-imapd dovecot-lmtpd postfix openssl; `pymap()` needs none of them.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import ClassVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
DOMAIN = "example.test"
MAIL_UID = 65534  # owner of the mail folders: any uid but 0, which Dovecot refuses
STARTUP_S_MAX = 15.0

DOVECOT_CONF = Template("""\
base_dir = $d/run
state_dir = $d/state
log_path = $d/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
default_login_user = dovenull
default_internal_user = dovecot
default_internal_group = dovecot
mail_location = maildir:$d/mail/%u
first_valid_uid = 1
ssl = yes
ssl_cert = <$d/cert.pem
ssl_key = <$d/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
mail_max_userip_connections = 1000
mail_fsync = never
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u $d/users
}
userdb {
  driver = static
  args = uid=$uid gid=$uid home=$d/mail/%u
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
  mailbox Junk {
    auto = create
    special_use = \\Junk
  }
  mailbox Archive {
    auto = create
    special_use = \\Archive
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
}
service imap-login {
  chroot =
  service_count = 0
  inet_listener imap {
    address = 127.0.0.1
    port = $imap
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = $imaps
    ssl = yes
  }
}
service imap {
  process_min_avail = 4
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $lmtp
  }
}
""")

POSTFIX_MAIN = Template("""\
compatibility_level = 3.6
queue_directory = $d/queue
data_directory = $d/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $d/mail.log
maillog_file_prefixes = $d
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.$domain
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = $domain
virtual_transport = lmtp:inet:127.0.0.1:$lmtp
default_transport = smtp:[127.0.0.1]:$sink
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
queue_run_delay = 5s
minimal_backoff_time = 5s
""")
POSTFIX_MASTER_DIST = Path("/usr/share/postfix/master.cf.dist")
POSTFIX_UNUSED = {"maildrop", "uucp", "ifmail", "bsmtp", "scalemail-backend", "mailman"}


def missing() -> str | None:
    """Why these servers cannot run here, or None. For `pytest.mark.skipif(missing() is not None, ...)`."""
    if os.geteuid() != 0:
        return "mail servers: needs root"
    for name in ("dovecot", "postfix", "openssl"):
        if shutil.which(name) is None:
            return f"mail servers: no {name}"
    if not Path("/usr/lib/dovecot/lmtp").exists():
        return "mail servers: no dovecot-lmtpd"
    return None


def free_ports(n: int) -> list[int]:
    """`n` different loopback ports, all free a moment ago."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind((HOST, 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


@dataclass(frozen=True)
class Dovecot:
    imap_port: int
    imaps_port: int
    lmtp_port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def ca_file(self) -> Path:
        """For `ssl.create_default_context(cafile=...)`; the certificate names localhost and 127.0.0.1."""
        return self.folder / "cert.pem"

    @property
    def log(self) -> str:
        return (self.folder / "dovecot.log").read_text()


@contextmanager
def dovecot(users: Mapping[str, str], more: str = "") -> Iterator[Dovecot]:
    """Dovecot for `users` (address -> password), accepting connections once this yields. `more`: further settings."""
    with _short_folder("dovecot-") as d:
        imap, imaps, lmtp = free_ports(3)
        (d / "mail").mkdir()
        os.chown(d / "mail", MAIL_UID, MAIL_UID)
        (d / "users").write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in users.items()))
        _self_signed(d)
        conf = d / "dovecot.conf"
        conf.write_text(DOVECOT_CONF.substitute(d=d, uid=MAIL_UID, imap=imap, imaps=imaps, lmtp=lmtp) + more)
        process = subprocess.Popen(["dovecot", "-F", "-c", conf], stdin=subprocess.DEVNULL)
        server = Dovecot(imap, imaps, lmtp, d, process)
        try:
            _wait_banner(imap, b"* OK", lambda: process.poll() is None, d / "dovecot.log")
            yield server
        finally:
            process.terminate()  # about 1 s; after kill() the sessions of connected clients would live on
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Sink:
    """The rest of the world: what Postfix relays ends here. The local part of the recipient sets the answer."""

    answers: ClassVar = {
        "nobody": "550 5.1.1 <{}>: no such user here",
        "full": "552 5.2.2 <{}>: mailbox full",
        "blocked": "554 5.7.1 <{}>: rejected by policy",
        "slow": "451 4.7.1 <{}>: greylisted, try later",  # once per recipient, accepted at the next try
    }

    def __init__(self) -> None:
        self.port = 0
        self.accepted: list[tuple[str, list[str], bytes]] = []  # envelope sender, recipients, bytes
        self._seen: set[str] = set()

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local = address.partition("@")[0]
        if local in self.answers and not (local == "slow" and address in self._seen):
            self._seen.add(address)
            return self.answers[local].format(address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.accepted.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content or b""))
        return "250 2.0.0 OK"


@contextmanager
def sink_server() -> Iterator[Sink]:
    sink = Sink()
    (sink.port,) = free_ports(1)  # Controller does not find out what port=0 became
    controller = Controller(sink, hostname=HOST, port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


@dataclass(frozen=True)
class Postfix:
    smtp_port: int
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "mail.log").read_text()


@contextmanager
def postfix(lmtp_port: int, sink_port: int) -> Iterator[Postfix]:
    """Postfix: mail for DOMAIN goes to `lmtp_port`, all other mail to `sink_port`; refusals come back as DSNs."""
    with _short_folder("postfix-") as d:
        (smtp,) = free_ports(1)
        conf = d / "conf"
        for name in ("conf", "queue", "data"):
            (d / name).mkdir(mode=0o755)
        shutil.chown(d / "data", "postfix")  # queue/ stays root's
        (conf / "main.cf").write_text(POSTFIX_MAIN.substitute(d=d, domain=DOMAIN, lmtp=lmtp_port, sink=sink_port))
        (conf / "master.cf").write_text(_master_cf(smtp))
        os.utime(conf / "main.cf", (0, 0))  # Postfix waits about 2 s for a main.cf written just now to settle
        started = subprocess.run(["postfix", "-c", conf, "start"], check=False, capture_output=True, text=True)
        try:
            if started.returncode:
                raise RuntimeError(f"postfix did not start: {started.stderr}")
            _wait_banner(smtp, b"220", lambda: True, d / "mail.log")
            yield Postfix(smtp, d)
        finally:  # the master is a daemon: nothing but this ends it
            subprocess.run(["postfix", "-c", conf, "stop"], check=False, capture_output=True)


@dataclass(frozen=True)
class MailServers:
    dovecot: Dovecot
    postfix: Postfix
    sink: Sink = field(repr=False)

    @property
    def imap_port(self) -> int:
        return self.dovecot.imap_port

    @property
    def smtp_port(self) -> int:
        return self.postfix.smtp_port


@contextmanager
def mail_servers(users: Mapping[str, str]) -> Iterator[MailServers]:
    with dovecot(users) as inbox, sink_server() as sink, postfix(inbox.lmtp_port, sink.port) as outbox:
        yield MailServers(inbox, outbox, sink)


@contextmanager
def pymap(user: str, password: str) -> Iterator[int]:
    """An IMAP server from the registry, for machines without Dovecot. Yields its port (no TLS)."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("pymap"),
            "--host",
            HOST,
            "--port",
            str(port),
            "--no-tls",
            "dict",
            "--demo-user",
            user,
            "--demo-password",
            password,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # there is no `python -m pymap`
    try:
        _wait_banner(port, b"* OK", lambda: process.poll() is None, None)
        yield port
    finally:
        process.kill()  # SIGTERM hangs on Python 3.12+ while clients are connected
        process.wait()


@contextmanager
def _short_folder(prefix: str) -> Iterator[Path]:
    """A folder with a short path: unix socket paths end at about 100 bytes, which pytest's tmp_path exceeds."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)  # both servers drop to users of their own
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _self_signed(folder: Path) -> None:
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


def _master_cf(smtp_port: int) -> str:
    """Debian's master.cf with smtpd on one loopback port, no chroot, and other people's delivery agents left out."""
    lines: list[str] = []
    left_out = False
    for line in POSTFIX_MASTER_DIST.read_text().splitlines():
        if not line or line[0] == "#":
            continue
        if line[0].isspace():  # more arguments of the service above
            lines += [] if left_out else [line]
            continue
        service = line.split()
        left_out = service[0] in POSTFIX_UNUSED
        if service[:2] == ["smtp", "inet"]:
            service[0] = f"{HOST}:{smtp_port}"
        service[4] = "n"  # the chroot column
        lines += [] if left_out else [" ".join(service)]
    return "\n".join(lines) + "\n"


def _wait_banner(port: int, banner: bytes, alive: Callable[[], bool], log: Path | None) -> None:
    deadline = time.monotonic() + STARTUP_S_MAX
    while time.monotonic() < deadline and alive():
        try:
            with socket.create_connection((HOST, port), 1) as s:
                if s.recv(100).startswith(banner):
                    return
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"no server on port {port}: {log.read_text() if log and log.exists() else 'no log'}")
