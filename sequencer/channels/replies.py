"""What an SMTP server's replies say: bytes to replies, replies to outcomes.

One pure place for LIFECYCLE's rows on 4xx and 5xx, so that every code can be tested without a server.
It opens no socket and knows neither pool nor message: conversation.py, connect.py and smtp.py do.
"""

import re
from collections import deque
from dataclasses import dataclass

from sequencer.core.outcome import Deferred, MailboxBroken, Phase, Refused

__all__ = ["GarbledReplyError", "Reply", "ReplyReader", "enhanced_code", "judge", "judge_session", "readable"]

LINE_BYTES_MAX = 8_192  # RFC 5321 4.5.3.1.5 says 512; longer is read, endless is not
UNREAD_BYTES_MAX = 65_536  # a server may not fill our memory with continuation lines
TEXT_CHARS_MAX = 500  # what a stored outcome keeps of a reply
LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)  # RFC 5321 4.2.1; a code alone is legal
# RFC 2034 4: first in the text. qmail writes "(#5.1.1)" instead. What goes on with a digit is an address or a version.
ENHANCED = re.compile(r"(?:\A\s*|#)([245]\.[0-9]{1,3}\.[0-9]{1,3})(?!\.?[0-9])")

NOT_LOGGED_IN = frozenset({530, 534, 535, 538})  # RFC 4954 6: at whichever verb, our session lacks a right
# RFC 3463 3.2: bad sender address. Exchange Online 5.1.90 and Gmail 5.4.5: this mailbox has used up its day.
SENDER_AT_FAULT = frozenset({"5.1.7", "5.1.8", "5.1.90", "5.4.5"})
TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
MAILBOX_FULL = frozenset({"4.2.2", "5.2.2"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply; the lines of a multi-line text are joined by LF."""

    code: int
    text: str


class GarbledReplyError(Exception):
    """The peer does not speak SMTP, or without end."""


class ReplyReader:
    """Bytes in, whole replies out, however the network cut them."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._replies: deque[Reply] = deque()

    def __bool__(self) -> bool:
        """Whether anything is unread, be it half a line."""
        return bool(self._rest or self._lines or self._replies)

    def __len__(self) -> int:
        """How many whole replies wait."""
        return len(self._replies)

    def feed(self, received: bytes) -> None:
        """Raises GarbledReplyError; replies that were whole before the garbage can still be taken."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            self._bytes += len(line)
            self._line(line.removesuffix(b"\r"))
            if self._bytes > UNREAD_BYTES_MAX:
                raise GarbledReplyError("replies without end")
        if len(self._rest) > LINE_BYTES_MAX:
            raise GarbledReplyError("a line without end")

    def take(self) -> Reply | None:
        if not self._replies:
            return None
        reply = self._replies.popleft()
        if not self:
            self._bytes = 0
        return reply

    def half(self) -> bytes:
        """The beginning of a reply that is not whole yet; empty when there is none."""
        return str(self._lines[0][0]).encode() if self._lines else self._rest

    def _line(self, line: bytes) -> None:
        matched = LINE.fullmatch(line)
        if matched is None or len(line) > LINE_BYTES_MAX:
            raise GarbledReplyError(f"not an SMTP reply: {readable(line[:80].decode('ascii', 'replace'))}")
        code = int(matched[1])
        if self._lines and self._lines[0][0] != code:
            raise GarbledReplyError(f"lines of one reply say both {self._lines[0][0]} and {code}")
        self._lines.append((code, matched[3] or b""))
        if matched[2] != b"-":
            text = b"\n".join(part.strip() for _, part in self._lines)
            self._lines = []
            self._replies.append(Reply(code, text.decode("utf-8", "replace")))


def readable(text: str) -> str:
    """One printable line of at most 500 characters: what a stranger wrote is safe in a log and on a terminal."""
    line = " ".join(text.split())[:TEXT_CHARS_MAX]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


def enhanced_code(text: str) -> str:
    """The RFC 3463 code of a reply text, such as "5.1.1", else an empty string."""
    found = ENHANCED.search(text)
    return found[1] if found else ""


def judge(reply: Reply, phase: Phase) -> Deferred | Refused | MailboxBroken:
    """What a reply other than the hoped-for one, to MAIL, RCPT, DATA or the dot, means for this message.

    A code below 400 makes no sense there: Deferred with code 0, like no reply at all. A 5yz to MAIL comes before any
    recipient is named and so is the mailbox's trouble, unless it says that the message is too large (RFC 1870).
    A full mailbox is a deferral (RFC 3463 X.2.2; a bare 552 is "exceeded storage allocation", RFC 5321 4.2.3).
    """
    code, said, enhanced = reply.code, readable(reply.text), enhanced_code(reply.text)
    bare_552 = code == 552 and not enhanced
    if code < 400:
        return Deferred(0, f"senseless reply {code} {said}", phase)
    if code < 500:
        return Deferred(code, said, phase, enhanced)
    if code in NOT_LOGGED_IN or enhanced in SENDER_AT_FAULT:
        return MailboxBroken(said, code)
    if phase == "mail" and not (bare_552 or enhanced in TOO_LARGE):
        return MailboxBroken(said, code)
    if phase != "mail" and (bare_552 or enhanced in MAILBOX_FULL):
        return Deferred(code, said, phase, enhanced)
    return Refused(code, said, phase, enhanced, _address_invalid(code, enhanced, phase))


def judge_session(code: int, text: str, phase: Phase) -> Deferred | MailboxBroken:
    """What a refusal of the connection (banner, EHLO, STARTTLS) or of the login means; it never concerns a person."""
    if code >= 500:
        return MailboxBroken(readable(text), code)
    if code >= 400:
        return Deferred(code, readable(text), phase, enhanced_code(text))
    return Deferred(0, f"senseless reply: {readable(text)}", phase)


def _address_invalid(code: int, enhanced: str, phase: Phase) -> bool:
    if not enhanced:
        return phase == "rcpt" and code in (550, 551, 553)
    return phase != "mail" and (enhanced.startswith("5.1.") or enhanced == "5.2.1")
