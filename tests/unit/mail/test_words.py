"""Phrases by their first letter: the short cut finds what trying every phrase at every word finds."""

import re
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail import words
from sequencer.mail.words.beginnings import beginnings
from sequencer.mail.words.by_beginning import PhrasesByBeginning
from sequencer.mail.words.openings import beginning_with, openings

OPENINGS = {
    "stop": "s",
    "(?:stop|cease) it": "sc",
    "(?:please )?(?:stop|cease)": "psc",
    "(?:(?:do|don't) )?write": "dw",
    "s?top": "st",
    "s{0,2}top": "st",
    r"\d{1,2} days": "0123456789",
    r"(?:\W{0,3})no": "",  # a sign may come first: anything
    "(?:please )?": "",  # it may be nothing
    "(?!not)stop": "",
    "[ab]c": "",
}
NARROWED = {
    ("s", "(?:stop|cease) it"): "(?:stop) it",
    ("c", "(?:please )?(?:stop|cease) it"): "(?:cease) it",
    ("p", "(?:please )?(?:stop|cease) it"): "(?:please )?(?:stop|cease) it",
    ("a", "a|b|ab"): "a|ab",
}
BEGINNINGS = {
    "stop": {"st"},
    "(?:stop|cease) it": {"st", "ce"},
    "(?:please )?(?:stop|cease)": {"pl", "st", "ce"},
    "s?top": {"st", "to"},
    "s{0,2}top": {"s", "to"},  # one letter: anything may follow
    "s(?:to)?p": {"st", "sp"},
    "s(?:to|ac)?": {"st", "sa", "s"},
    r"b\w{0,20}": {"b"},
    "ba[st]": {"ba"},
    r"a\s{1,4}b": {"a"},
    r"\d{1,2} days": set("0123456789"),
    r"(?:\W{0,3})no": set(),  # a sign may come first: anything
    "(?:please )?": set(),  # it may be nothing
}
TOPICS = ("answer.opt_out", "answer.opt_out_not", "answer.meeting", "away.body", "quote.closing", "date.back")


@pytest.mark.parametrize(("expression", "letters"), OPENINGS.items())
def test_the_first_letters_of_what_matches(expression: str, letters: str) -> None:
    assert openings(expression) == frozenset(letters)


@pytest.mark.parametrize(("asked", "narrowed"), NARROWED.items())
def test_the_part_of_an_expression_that_begins_with_a_letter(asked: tuple[str, str], narrowed: str) -> None:
    assert beginning_with(*asked) == narrowed


@pytest.mark.parametrize(("expression", "begun"), BEGINNINGS.items())
def test_the_first_two_letters_of_what_matches(expression: str, begun: set[str]) -> None:
    assert beginnings(expression) == begun


def _one_by_one(topic: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{words.expression(phrase)})" for phrase in words.phrases(topic)))


@cache
def _pairs() -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    return [(words.pattern(topic), _one_by_one(topic)) for topic in TOPICS]


SPOKEN = sorted({word for topic in TOPICS for word in re.findall(r"\w+", " ".join(words.phrases(topic)))})


@given(st.lists(st.sampled_from(SPOKEN) | st.sampled_from([". ", "? ", ", ", "4"]), max_size=12).map(" ".join))
def test_it_finds_a_phrase_where_one_is(text: str) -> None:
    for quick, thorough in _pairs():
        found, wanted = quick.search(text), thorough.search(text)
        assert (found and found.start()) == (wanted and wanted.start())


ANSWER_TOPICS = [topic for topic in words.topics() if topic.startswith("answer.")]
ANSWER_WORDS = sorted({word for topic in ANSWER_TOPICS for word in re.findall(r"\w+", " ".join(words.phrases(topic)))})


@given(
    st.lists(st.sampled_from(ANSWER_WORDS) | st.sampled_from([". ", "? ", ", ", "4", "…"]), max_size=12).map(" ".join)
)
def test_looked_up_by_beginning_the_same_phrases_are_found(text: str) -> None:
    for topic in ANSWER_TOPICS:
        pattern, looked_up = words.pattern(topic), words.lookup(topic)
        found = tuple(match[0].strip() for match in pattern.finditer(text))
        assert looked_up.taken_out(text) == (found, pattern.sub(" … ", text))
        assert looked_up.search(text) == next(iter(found), "")


def test_a_phrase_found_is_taken_out_once() -> None:
    looked_up = PhrasesByBeginning(("stop it", "(?:start|begin) now", "it now"), r"\?\?")
    assert looked_up.taken_out("we stop it now, then begin now??") == (
        ("stop it", "begin now", "??"),
        "we  …  now, then  …  … ",
    )


def test_a_gap_full_of_dots_is_tried_in_one_way() -> None:
    """Each such word took half a second when a dot between a digit and a letter could be read in two ways."""
    text = "! ".join(f"{verb}{'1.' * 60}" for verb in ("get", "ask", "call", "write", "check", "ping") * 4)
    begun = time.thread_time()
    assert words.lookup("answer.not_now").search(text) == ""
    assert time.thread_time() - begun < 2
