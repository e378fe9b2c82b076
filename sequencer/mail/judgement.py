"""What a mail is and what it says that an enrollment may act on: the value that mail/classify.py gives.

Beside it, because many read judgements that are stored and few judge. It reads no mail.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["ANSWERS", "VERSION", "Answer", "Judgement", "Kind"]

VERSION = 4  # of the rules that judge: raised when they change, so that what is stored is judged anew

Kind = Literal["hard_bounce", "soft_bounce", "delay", "complaint", "auto_reply", "reply", "other"]


Answer = Literal["interested", "meeting", "question", "not_now", "referral", "not_interested", "opt_out", "other"]
ANSWERS: tuple[Answer, ...] = (
    "interested",
    "meeting",
    "question",
    "not_now",
    "referral",
    "not_interested",
    "opt_out",
    "other",
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a mail is, and what it says that an enrollment may act on.

    `recipients`: who failed or complained, lower case. `status`: enhanced code (RFC 3463) of the first failure, or "".
    `permanent`: None when the mail is no bounce. `original_message_ids`: of the mail it is about, returned part first.
    `return_date`: first day back, or the day the person asks to be written to again. `left`: works there no more.
    `addresses`: a referral's or successor's. `text`: the person's own words. `confidence`: 0..1.
    """

    kind: Kind
    recipients: tuple[str, ...] = ()
    status: str = ""
    smtp_code: int = 0
    permanent: bool | None = None
    original_message_ids: tuple[str, ...] = ()
    return_date: date | None = None
    left: bool = False
    addresses: tuple[str, ...] = ()
    text: str = ""
    forwarded: bool = False
    answer: Answer | None = None
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()

    def as_json(self, file: str) -> dict[str, object]:
        """The object `sequencer classify --json` prints; a delay warning is shown as the soft bounce it may become."""
        return {
            "file": file,
            "kind": "soft_bounce" if self.kind == "delay" else self.kind,
            "recipients": list(self.recipients),
            "permanent": self.permanent,
            "return_date": self.return_date.isoformat() if self.return_date else None,
            "text": self.text,
            "forwarded": self.forwarded,
            "answer": self.answer,
            "addresses": list(self.addresses),
            "left": self.left,
            "confidence": self.confidence,
            "evidence": list(self.evidence),
        }
