"""Why a mail came back: the address is dead (hard), or something that may pass (soft).

Servers say it three times — in words, in an enhanced code (RFC 3463) and in an SMTP code (RFC 5321) — and often
contradict themselves; the words are the most reliable, so they are read first. No recipients are looked for here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sequencer.mail import words
from sequencer.mail.kept import compiled

Reason = Literal["full", "size", "moved", "unknown", "no_domain", "disabled", "policy", "unreachable", "unclear"]

DIAGNOSTIC_CHARS_MAX = 2000
BARE_WORDS_MAX = 4

# What words say, in the order in which they are believed where a server says several things.
_SPOKEN: tuple[tuple[str, Reason], ...] = (
    ("full", "full"),
    ("size", "size"),
    ("moved", "moved"),
    ("sender", "policy"),
    ("for_now", "unreachable"),
    ("disabled", "disabled"),
    ("no_domain", "no_domain"),
    ("unknown", "unknown"),
    ("policy", "policy"),
    ("doubtful", "unknown"),
    ("unreachable", "unreachable"),
)
_SILENT: tuple[str, Reason] = ("", "unclear")
_PLAIN = frozenset({"full", "size", "moved", "sender", "unknown", "disabled"})
_DEAD: frozenset[Reason] = frozenset({"moved", "unknown", "no_domain", "disabled"})
_STATUS = compiled(r"(?<![\w.:/=-])([245]\.\d{1,3}\.\d{1,3})(?![\w./-])(?!\.\d)")
_SMTP_CODE = compiled(r"(?<![\w./#-])(?<![\w\])]:)([45][0-5]\d)(?=[ \-;:,)#]|$|\.[ \n]|\.$)", re.M)
_URL = compiled(r"(?:https?://|www\.)\S{1,300}")
_ADDRESS = compiled(r"<?[\w.+=/-]{1,64}@[\w.-]{1,253}>?")
_URL_OF_POLICY = compiled(
    r"spam|/bl\b|[?/]ip=|block|rbl|blacklist|abuse|reputation|senderscore|UnsolicitedMessage", re.I
)
_RELAYED = compiled(  # Cisco's gateways: their own class of the failure, then what the next server said
    r"\d\.\d\.\d - (?:Unknown address error|Other [\w ]{4,30} problem|Bad destination [\w ]{4,30}|Delivery expired)"
    r"[\w ()]{0,40}?(?:[45]\d\d)?-?'(?=.{0,600}\w{3})"
)
_PHASE = compiled(
    r"(?:in reply to|after|in response to) (?:the )?(?:end of )?(MAIL FROM|HELO|EHLO|DATA|initial connection|message)"
    r"|(?:end of data|sending data block|greeting failed|sender was rejected|after I sent the message)",
    re.I,
)

_AT_RECIPIENT = compiled(r"\bRCPT\b", re.I)
_WORD = compiled(r"[^\W\d_]{2,40}")

# Subject and detail of an enhanced code (RFC 3463 3), where the words say nothing.
_BY_STATUS: dict[str, Reason] = {
    **dict.fromkeys(("1.0", "1.1", "1.3", "1.4"), "unknown"),
    **dict.fromkeys(("1.2", "1.10", "4.4"), "no_domain"),
    "1.6": "moved",
    **dict.fromkeys(("1.7", "1.8", "1.9"), "policy"),
    "2.1": "disabled",
    **dict.fromkeys(("2.2", "3.1"), "full"),
    **dict.fromkeys(("2.3", "3.4"), "size"),
    **dict.fromkeys(("4.1", "4.2", "4.3", "4.5", "4.6", "4.7"), "unreachable"),
}
_CERTAIN = frozenset({"2.2", "2.3", "3.4", "1.6", "1.7", "1.8"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`permanent`: the server will not try again. `dead`: nor is another mail worth a try."""

    reason: Reason
    status: str
    smtp_code: int
    permanent: bool
    dead: bool


def judge(
    text: str, *, status: str = "", delayed: bool = False, given_up: bool = False, beside: tuple[str, ...] = ()
) -> Verdict:
    """Read one diagnostic text.

    `status` is the report's own field; `delayed` and `given_up` its Action, delayed or failed (RFC 3464 2.3.3).
    `beside`: what else the mail says of the same recipient, asked in order where the text itself is silent.
    """
    text = text[:DIAGNOSTIC_CHARS_MAX]
    relayed = _RELAYED.search(text)
    if relayed:
        text, status = text[relayed.end() :], _status_of(text[relayed.end() :]) or status
    status = _better(status, _status_of(text))
    smtp_code = _smtp_code_of(text)
    topic, spoken = _in_words(text)
    reason = _reason_of(text, topic, spoken, status, smtp_code)
    if reason == "unclear" or (not topic and reason == "unknown" and smtp_code):
        others = (_in_words(said[:DIAGNOSTIC_CHARS_MAX]) for said in beside)
        topic, reason = next((found for found in others if found != _SILENT), (topic, reason))
    permanent = not delayed and _permanent(text, status, smtp_code)
    if not status:
        status = f"{5 if permanent else 4}.0.0"
    dead = reason in _DEAD and (permanent or (given_up and topic in {"unknown", "moved"}))
    return Verdict(reason, status, smtp_code, permanent, dead)


def _better(field: str, said: str) -> str:
    """The more exact of two codes; x.0.0 and x.5.0 only repeat the class, and a relay may hide the server's own."""
    if not field:
        return said
    vague = field.endswith((".0.0", ".5.0")) or field.startswith("2")
    return said if said and vague else field


def _status_of(text: str) -> str:
    found: list[str] = _STATUS.findall(text)
    exact = [code for code in found if code[0] != "2" and not code.endswith(".0.0")]
    return (exact or [code for code in found if code[0] != "2"] or [""])[0]


def _smtp_code_of(text: str) -> int:
    found = _SMTP_CODE.search(text)
    return int(found[1]) if found else 0


def _permanent(text: str, status: str, smtp_code: int) -> bool:
    if status:
        return status[0] != "4"
    if smtp_code:
        return smtp_code >= 500
    return not words.pattern("bounce.passing").search(_readable(text))


def _reason_of(text: str, topic: str, spoken: Reason, status: str, smtp_code: int) -> Reason:
    """The words, else the exact codes, else the bare ones: a 550 that says no more is about the recipient."""
    detail = status.partition(".")[2]
    if detail in _CERTAIN:
        return _BY_STATUS[detail]
    if detail.startswith(("6.", "7.")) and topic not in _PLAIN:
        return "policy"
    if topic:
        return spoken
    if any(_URL_OF_POLICY.search(url) for url in _URL.findall(text)) or _PHASE.search(text):
        return "policy"
    if detail in _BY_STATUS:
        return _BY_STATUS[detail]
    bare = _AT_RECIPIENT.search(text) or len(_WORD.findall(_readable(text))) <= BARE_WORDS_MAX
    return "unknown" if smtp_code in {550, 551, 553} and bare else "unclear"


@lru_cache(maxsize=256)  # what a notice says of all its recipients is asked for each of them
def _in_words(text: str) -> tuple[str, Reason]:
    """The topic whose words are found, and the reason it stands for."""
    folded = _readable(text)
    found = (spoken for spoken in _SPOKEN if words.pattern(f"bounce.reasons.{spoken[0]}").search(folded))
    return next(found, _SILENT)


def _readable(text: str) -> str:
    """Folded, on one line, without addresses: their words are their owners'."""
    return " ".join(words.fold(_ADDRESS.sub("@", _URL.sub(" ", text))).split())
