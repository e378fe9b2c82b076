"""Writes the mail of the simulated world as bytes: answers in the thread, automatic replies, delivery reports.

By the standard library's email package, so that the product's reader meets mail that its writer did not make. The
bytes depend on the arguments alone. What is said, and when, is world/people.py's.
Source: RFC 5322 3.6.4 (threads), RFC 3834 (automatic replies), RFC 3464 (delivery reports).
"""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.contentmanager import raw_data_manager
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from sequencer.world.chance import token
from sequencer.world.phrases import SAID, Language, in_words

__all__ = ["Original", "Writer", "answer", "automatic_reply", "delivery_report", "newsletter", "read_original"]

_POLICY = policy.default.clone(max_line_length=76, cte_type="8bit")
_READ = ("Message-ID", "References", "Subject", "From", "To")
QUOTED_LINES_MAX = 30


@dataclass(frozen=True, slots=True)
class Original:
    """A mail as its recipient sees it."""

    message_id: str
    references: str
    subject: str
    sender_name: str
    sender: str
    recipient: str
    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, in which language, by which clock."""

    name: str
    address: str
    language: Language
    zone: ZoneInfo


@lru_cache(maxsize=64)  # server, town and people read the same mail
def read_original(raw: bytes) -> Original:
    """A mail that the server took."""
    # By the older half of the package: the newer one takes ten times as long to read a header.
    message = cast(EmailMessage, BytesParser(EmailMessage, policy=policy.compat32).parsebytes(raw))
    header = {name: "".join(message[name].splitlines()) for name in _READ if name in message}
    sender, address = parseaddr(header["From"])
    body = message.get_body(("plain",))
    text = body.get_content(content_manager=raw_data_manager) if body is not None else ""
    return Original(
        header["Message-ID"].strip(), header.get("References", "").strip(), _decoded(header["Subject"]),
        _decoded(sender), address, parseaddr(header["To"])[1], text, raw,
    )  # fmt: skip


def _decoded(text: str) -> str:
    """Encoded words (RFC 2047) as people read them."""
    return str(make_header(decode_header(text)))


def answer(writer: Writer, original: Original, text: str, at: datetime, quoted: bool = True) -> bytes:
    """A person's answer in the thread, with or without what it answers below."""
    message = _begun(writer, original, at)
    message["Subject"] = original.subject if original.subject.startswith("Re:") else f"Re: {original.subject}"
    message["User-Agent"] = "Worldmail 3.1"
    paragraphs = [text, writer.name]
    if quoted:
        paragraphs.append(_quote(writer, original, at))
    message.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    return _bytes(message)


def automatic_reply(writer: Writer, original: Original, subject: str, text: str, at: datetime) -> bytes:
    """What a vacation programme sends (RFC 3834)."""
    message = _begun(writer, original, at)
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text + "\n", cte="quoted-printable")
    return _bytes(message)


def _begun(writer: Writer, original: Original, at: datetime) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(writer.name, addr_spec=writer.address)
    message["To"] = Address(original.sender_name, addr_spec=original.sender)
    message["Date"] = format_datetime(at.astimezone(writer.zone))
    domain = writer.address.rpartition("@")[2]
    message["Message-ID"] = f"<{token(writer.address, original.message_id, at)}@{domain}>"
    message["In-Reply-To"] = original.message_id
    message["References"] = f"{original.references} {original.message_id}".strip()
    return message


def _quote(writer: Writer, original: Original, at: datetime) -> str:
    local = at.astimezone(writer.zone)
    said = SAID[writer.language].format(
        date=in_words(writer.language, local.date()), time=f"{local:%H:%M}", name=original.sender_name,
        address=original.sender,
    )  # fmt: skip
    lines = original.text.rstrip().splitlines()[:QUOTED_LINES_MAX]
    return "\n".join([said, *(f"> {line}".rstrip() for line in lines)])


def delivery_report(original: Original, status: str, said: str, at: datetime) -> bytes:
    """A report that a mail which was accepted could not be delivered (RFC 3464); `status` as in RFC 3463."""
    host = f"mx.{original.recipient.rpartition('@')[2]}"
    boundary = f"report-{token(original.message_id, status)}"
    headers = original.raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n")
    lines = [
        "Return-Path: <>",
        f"From: Mail Delivery System <MAILER-DAEMON@{host}>",
        f"To: {original.sender}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{token('report', original.message_id, at)}@{host}>",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is the mail system at host {host}.",
        "",
        "I'm sorry to have to inform you that your message could not",
        "be delivered to one or more recipients.",
        "",
        f"<{original.recipient}>: host {host} said: {said}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {host}",
        f"Arrival-Date: {format_datetime(at)}",
        "",
        f"Final-Recipient: rfc822; {original.recipient}",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {said}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        headers,
        "",
        f"--{boundary}--",
        "",
    ]
    return "\n".join(lines).encode()


def newsletter(recipient: str, subject: str, at: datetime) -> bytes:
    """Mail that has nothing to do with any sequence."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address("The canteen", addr_spec="menu@canteen.test")
    message["To"] = recipient
    message["Date"] = format_datetime(at)
    message["Subject"] = subject
    message["Message-ID"] = f"<{token(recipient, subject, at)}@canteen.test>"
    message["List-Unsubscribe"] = "<mailto:menu@canteen.test?subject=unsubscribe>"
    message.set_content("Monday lentils, Tuesday rice, Wednesday soup.\n")
    return _bytes(message)


def _bytes(message: EmailMessage) -> bytes:
    """With LF line ends, as mail lies in a Maildir."""
    return message.as_bytes()
