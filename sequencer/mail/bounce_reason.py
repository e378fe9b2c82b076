"""Why a mail came back: the address is dead (hard), or something that may pass (soft).

Servers say it three times — in words, in an enhanced code (RFC 3463) and in an SMTP code (RFC 5321) — and often
contradict themselves; the words are the most reliable, so they are read first. No recipients are looked for here.
"""

import re
from dataclasses import dataclass
from typing import Literal

from sequencer.mail import words

Reason = Literal["full", "size", "policy", "unreachable", "moved", "unknown", "unclear"]

DIAGNOSTIC_CHARS_MAX = 2000

_REASONS: tuple[Reason, ...] = ("full", "size", "moved", "unknown", "policy", "unreachable")
_DEAD: frozenset[Reason] = frozenset({"moved", "unknown"})
_STATUS = re.compile(r"(?<![\w.:/=-])([245]\.\d{1,3}\.\d{1,3})(?![\w./-])(?!\.\d)")
_SMTP_CODE = re.compile(r"(?<![\w.:/#-])([45][0-5]\d)(?=[ \-;:,)#]|$|\.[ \n]|\.$)", re.M)
_ADDRESS = re.compile(r"[\w.+=/-]{1,64}@[\w.-]{1,253}|https?://\S{1,300}")

# Subject and detail of an enhanced code (RFC 3463 3), where the words say nothing.
_BY_STATUS: dict[str, Reason] = {
    **dict.fromkeys(("1.0", "1.1", "1.2", "1.3", "1.4", "1.10", "2.1", "4.4"), "unknown"),
    "1.6": "moved",
    **dict.fromkeys(("2.2", "3.1"), "full"),
    **dict.fromkeys(("2.3", "3.4"), "size"),
    **dict.fromkeys(("4.1", "4.2", "4.3", "4.5", "4.6", "4.7"), "unreachable"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`permanent`: the server will not try again. `dead`: nor is another mail worth a try."""

    reason: Reason
    status: str
    smtp_code: int
    permanent: bool

    @property
    def dead(self) -> bool:
        return self.permanent and self.reason in _DEAD


def judge(text: str, *, status: str = "", delayed: bool = False) -> Verdict:
    """Read one diagnostic text; `status` is the report's own field, `delayed` its Action (RFC 3464 2.3.3)."""
    text = text[:DIAGNOSTIC_CHARS_MAX]
    said = _status_of(text)
    status = _better(status, said)
    smtp_code = _smtp_code_of(text)
    permanent = not delayed and _permanent(status, smtp_code)
    if not status:
        status = f"{5 if permanent else 4}.0.0"
    return Verdict(_reason_of(text, status, smtp_code), status, smtp_code, permanent)


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


def _permanent(status: str, smtp_code: int) -> bool:
    if status:
        return status[0] != "4"
    return smtp_code == 0 or smtp_code >= 500


def _reason_of(text: str, status: str, smtp_code: int) -> Reason:
    folded = words.fold(_ADDRESS.sub("@", text))
    folded = " ".join(folded.split())
    detail = status.partition(".")[2]
    if detail in {"2.2", "2.3", "3.4", "1.6"}:
        return _BY_STATUS[detail]
    if detail.startswith(("6.", "7.")):
        return "policy"
    for reason in _REASONS:
        if words.pattern(f"bounce.reasons.{reason}").search(folded):
            return reason
    if detail in _BY_STATUS:
        return _BY_STATUS[detail]
    return "unknown" if smtp_code in {550, 551, 553} else "unclear"
