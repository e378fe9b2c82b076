"""What a person's answer means, by transparent rules over word lists.

Each class has phrases per language; what they match is the evidence. A request to stop beats anything else in the same
mail; phrases that deny ("don't unsubscribe me") are struck out before the affirming ones are looked for.
Only the person's own words are read: quoting.py took the quote and our own footer away.
"""

import re
from dataclasses import dataclass
from typing import Literal

from sequencer.mail import words

__all__ = ["ANSWERS", "Answer", "Reading", "read_answer"]

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

TEXT_CHARS_MAX = 3000
EVIDENCE_MAX = 5

# In this order: what a class matched is struck out for later ones. Weights of the first and of each further phrase.
_WEIGHTS: tuple[tuple[Answer, float, float], ...] = (
    ("not_now", 1.3, 0.5),
    ("not_interested", 1.5, 0.4),
    ("referral", 1.4, 0.5),
    ("meeting", 1.3, 0.5),
    ("interested", 1.2, 0.4),
    ("question", 1.0, 0.3),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """`confidence` 0..1; `evidence`: the words that decided."""

    answer: Answer
    confidence: float
    evidence: tuple[str, ...]


def read_answer(text: str, *, names_somebody: bool = False) -> Reading:
    """Classify own words. `names_somebody`: they contain another person's address, which turns a no into a referral."""
    folded = _sentences(text)
    if not folded:
        return Reading("other", 0.5, ())
    kept = words.pattern("answer.opt_out_not").sub(" … ", folded)
    stop = words.pattern("answer.opt_out").search(kept)
    if stop:
        return Reading("opt_out", 0.95, (stop[0].strip(),))
    scores: dict[Answer, float] = {}
    evidence: dict[Answer, list[str]] = {}
    for answer, first, further in _WEIGHTS:
        pattern = words.pattern(f"answer.{answer}")
        found = [match[0].strip() for match in pattern.finditer(kept)]
        if found:
            scores[answer] = first + further * min(len(found) - 1, 3)
            evidence[answer] = found[:EVIDENCE_MAX]
            kept = pattern.sub(" … ", kept)
    if names_somebody:
        scores["referral"] = scores.get("referral", 0.6) + 1.0
    if not scores:
        return Reading("other", 0.4, ())
    ranked = sorted(scores, key=lambda answer: -scores[answer])
    best = ranked[0]
    margin = scores[best] - (scores[ranked[1]] if len(ranked) > 1 else 0)
    return Reading(best, round(min(0.9, 0.5 + margin / 4), 2), tuple(evidence.get(best, ())))


def _sentences(text: str) -> str:
    folded = words.fold(text[:TEXT_CHARS_MAX])
    return re.sub(r"[ \t\n]{1,400}", " ", folded).strip()
