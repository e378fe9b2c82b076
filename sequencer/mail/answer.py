"""What a person's answer means: rules over word lists, and a small model where they are silent or disagree.

Each class has phrases per language; what they match is the evidence and raises the class. Phrases that deny ("don't
unsubscribe me") are struck out before a request to stop is looked for, and speak against one. answer_model.py says how
likely each class is by the words alone; rules and model are added up, and the sum gives the confidence.
Only the person's own words are read: quoting.py took the quote and our own footer away.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sequencer.mail import answer_model, words
from sequencer.mail.judgement import ANSWERS, Answer
from sequencer.mail.kept import compiled

__all__ = ["Reading", "asks_to_stop", "read_answer"]

TEXT_CHARS_MAX = 3000
SENTENCES_MAX = 30
EVIDENCE_MAX = 5
CONFIDENCE_MAX = 0.99
CONFIDENCE_OF_NOTHING = 0.5  # how often an answer in which nothing is recognised is "other"

# In this order: what a class matched is struck out for later ones. Weights of the first and of each further phrase.
_WEIGHTS: tuple[tuple[Answer, float, float], ...] = (
    ("other", 2.0, 0.5),
    ("not_now", 1.3, 0.5),
    ("not_interested", 1.5, 0.4),
    ("referral", 1.4, 0.5),
    ("meeting", 1.3, 0.5),
    ("interested", 1.2, 0.4),
    ("question", 1.0, 0.3),
)
# Chosen on labelled answers that the model was not trained with, some of which the lists were widened on since.
_STOP_WEIGHT = 3.0
_DENIAL_WEIGHT = 5.0
_STOP_MIN = 0.45  # likelihood below which a phrase is taken for no request to stop: it may be the topic
_STOP_ALONE_MIN = 0.65  # the same for the model alone, of the whole answer
_STOP_SENTENCE_MIN = 0.96  # and of one sentence of several: it knows less of each
_SENTENCES_FROM = 0.01  # likelihood of the whole answer below which, without a phrase, no sentence is read alone
_ASKED_MIN = 0.15  # likelihood above which a question is one, though the words around it sound like a no
_DESPITE_DENIAL_MIN = 0.6  # likelihood below which interest that no rule speaks for is none beside a "not"
_ALONE_MIN = 0.45  # likelihood below which what no rule speaks for is nothing in particular
_SENTENCE_END = compiled(r"(?<=[.!?。！？]) {0,3}(?=\S)")
_BLANKS = compiled(r"[ \t\n]{1,400}")


@dataclass(frozen=True, slots=True)
class Reading:
    """`confidence` 0..1: how often such a reading is right. `evidence`: the words that decided."""

    answer: Answer
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What the rules found: a weight and the phrases for each class that has any."""

    weights: dict[Answer, float]
    phrases: dict[Answer, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Request:
    """A request to stop: the text that is one, and the phrases of the lists in it, none where the model tells."""

    likelihood: float
    text: str
    phrases: tuple[str, ...]

    @property
    def evidence(self) -> tuple[str, ...]:
        return self.phrases or answer_model.telling_words(self.text, ANSWERS.index("opt_out"))


@dataclass(frozen=True, slots=True)
class _StopLists:
    """The phrases that ask to stop, those that deny it, and thanks, whose words ask for nothing ("for your mail")."""

    denials: words.Phrases
    thanks: words.Phrases
    requests: words.Phrases

    def within(self, folded: str) -> "_StopLists":
        return _StopLists(self.denials.within(folded), self.thanks.within(folded), self.requests.within(folded))


def read_answer(text: str, *, names_somebody: bool = False) -> Reading:
    """Classify own words. `names_somebody`: they contain another person's address, which turns a no into a referral."""
    folded = _one_line(text)
    leanings = answer_model.leanings(folded)
    if not leanings:
        return Reading("other", CONFIDENCE_OF_NOTHING, ())
    found = _findings(folded, names_somebody=names_somebody)
    likely = _likelihoods(leanings, found.weights)
    request = _request(folded, likely["opt_out"], found)
    if request:
        return Reading("opt_out", round(min(CONFIDENCE_MAX, request.likelihood), 2), request.evidence)
    best = _likeliest(folded, likely, found)
    if best is None:
        return Reading("other", CONFIDENCE_OF_NOTHING, ())
    evidence = found.phrases.get(best) or answer_model.telling_words(folded, ANSWERS.index(best))
    return Reading(best, round(min(CONFIDENCE_MAX, likely[best]), 2), evidence)


def asks_to_stop(text: str) -> bool:
    """Whether the words are a plain request to stop, by the lists alone."""
    return _stop(_one_line(text), _stop_lists())[0] != ""


def _likeliest(folded: str, likely: Mapping[Answer, float], found: _Findings) -> Answer | None:
    """The class that is no request to stop; None where too little speaks for any.

    What is asked counts more than a tone of refusal that no phrase bears out, and a denial more than a faint interest.
    """
    best = max((answer for answer in ANSWERS if answer != "opt_out"), key=lambda answer: likely[answer])
    if best in found.phrases:
        return best
    if best == "not_interested" and "question" in found.phrases and likely["question"] >= _ASKED_MIN:
        return "question"
    needed = _ALONE_MIN
    if best == "interested" and likely[best] < _DESPITE_DENIAL_MIN and words.pattern("answer.negation").search(folded):
        needed = _DESPITE_DENIAL_MIN
    return best if likely[best] >= needed else None


def _request(folded: str, of_all: float, found: _Findings) -> _Request | None:
    """The likeliest request to stop in the whole answer or one sentence of it: one is enough, whatever else is said."""
    asked = found.phrases.get("opt_out", ())
    requests = [_Request(of_all, folded, asked)] if of_all >= (_STOP_MIN if asked else _STOP_ALONE_MIN) else []
    sentences = _SENTENCE_END.split(folded)[:SENTENCES_MAX] if asked or of_all >= _SENTENCES_FROM else []
    if len(sentences) > 1:
        lists = _stop_lists().within(folded)
        requests += [request for sentence in sentences if (request := _request_of_sentence(sentence, lists))]
    return max(requests, key=lambda request: request.likelihood, default=None)


def _request_of_sentence(sentence: str, lists: _StopLists) -> _Request | None:
    leanings = answer_model.leanings(sentence)
    if not leanings:
        return None
    stop, kept = _stop(sentence, lists)
    weight = _stop_weight(stop, denied=kept != sentence)
    likelihood = _likelihoods(leanings, {"opt_out": weight})["opt_out"]
    enough = likelihood >= (_STOP_MIN if stop else _STOP_SENTENCE_MIN)
    return _Request(likelihood, sentence, (stop,) if stop else ()) if enough else None


def _stop_weight(stop: str, *, denied: bool) -> float:
    return _STOP_WEIGHT if stop else -_DENIAL_WEIGHT if denied else 0.0


def _likelihoods(leanings: tuple[float, ...], weights: dict[Answer, float]) -> dict[Answer, float]:
    sums = {answer: lean + weights.get(answer, 0) for answer, lean in zip(ANSWERS, leanings, strict=True)}
    most = max(sums.values())
    powers = {answer: math.exp(each - most) for answer, each in sums.items()}
    total = sum(powers.values())
    return {answer: power / total for answer, power in powers.items()}


def _findings(folded: str, *, names_somebody: bool) -> _Findings:
    weights: dict[Answer, float] = {}
    phrases: dict[Answer, tuple[str, ...]] = {}
    stop, kept = _stop(folded, _stop_lists())
    weights["opt_out"] = _stop_weight(stop, denied=kept != folded)
    if stop:
        phrases["opt_out"] = (stop,)
    for answer, first, further in _WEIGHTS:
        found, kept = words.pattern(f"answer.{answer}").taken_out(kept)
        if found:
            weights[answer] = first + further * min(len(found) - 1, 3)
            phrases[answer] = found[:EVIDENCE_MAX]
    if names_somebody:
        weights["referral"] = weights.get("referral", 0.6) + 1.0
    return _Findings(weights, phrases)


def _stop_lists() -> _StopLists:
    return _StopLists(*map(words.pattern, ("answer.opt_out_not", "answer.thanks", "answer.opt_out")))


def _stop(folded: str, lists: _StopLists) -> tuple[str, str]:
    """The request to stop, or "", and the text without the phrases that deny one."""
    _, kept = lists.denials.taken_out(folded)
    _, without_thanks = lists.thanks.taken_out(kept)
    found = lists.requests.search(without_thanks)
    return found[0].strip() if found else "", kept


def _one_line(text: str) -> str:
    folded = words.fold(text[:TEXT_CHARS_MAX])
    return _BLANKS.sub(" ", folded).strip()
