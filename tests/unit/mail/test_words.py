"""Phrases by the words they need: the short cut finds what trying every phrase at every word finds."""

import re
import time
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import index_phrases
from sequencer.mail import words
from sequencer.mail.classify import classify_text
from sequencer.mail.words import index
from sequencer.mail.words.beginnings import beginnings
from sequencer.mail.words.grammar import Item, branches, items
from sequencer.mail.words.needed import needs_of
from sequencer.mail.words.phrase import Phrase
from sequencer.mail.words.search import Group, Phrases

BEGINNINGS = {
    "stop": {"stop"},
    "stopping": {"stop"},
    "no more": {"no"},  # a space is one of several
    "i'm in": {"i'm"},
    "(stop|cease) it": {"stop", "ceas"},
    "(please )?(stop|cease)": {"plea", "stop", "ceas"},
    "s?top": {"stop", "top"},
    "s{0,2}top": {"s", "top"},  # one letter: anything may follow
    "s(to)?p": {"stop", "sp"},
    "s(to|ac)?": {"sto", "sac", "s"},
    "b~": {"b"},
    "ba[st]": {"ba"},
    "(?!stop)so": {"so"},
    r"\d{1,2} days": set(),  # digits of every script are some hundreds: anything
    r"\W{0,3}no": set(),  # a sign may come first: anything
    "(please )?": set(),  # it may be nothing
}
TOPICS = ("answer.opt_out", "answer.opt_out_not", "answer.meeting", "away.body", "quote.closing", "date.back")


@pytest.mark.parametrize(("phrase", "begun"), BEGINNINGS.items())
def test_the_first_letters_of_what_matches(phrase: str, begun: set[str]) -> None:
    assert beginnings(phrase) == begun


NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "not interested": (("not", "interested", "not interested"),),  # in this order, too
    "unsub~": (("unsu",),),  # four letters of a word that goes on
    "out of( the)? office": (("out", "of", "office", "out of"),),
    "ice ?cream van": (("ice", "cream", "van", "ice cream", "cream van"), ("icecream", "van", "icecream van")),
    "(stop|cease) it": (("it", "stop", "stop it"), ("it", "cease", "cease it")),
    "(stop|e-?mail)s": (("stop",), ("e", "-", "mail"), ("emai",)),
    "(stop|cease) mailing": (("mailing",),),
    "(please )?stop": (("stop",),),
    "(please )?(just )?stop": (("stop",),),
    r"^\W{0,3}(please )?stop": (("stop",),),
    "stop( it)?( now)? here": (("stop", "here"),),
    "stop( it)?": (("stop",),),
    "do[- ]not": (("do", "not", "do not"),),
    "(pre)?paid": (),
    "(any )?(more|less) (e-?mail)~": (("more",), ("less",)),
    "want (any )?(more|less)": (("want",),),
    "thank( you| u)? so": (("thank", "so"),),
    "colou?r": (("colo",),),
    "(does|is) .{2,120}\\?": (("?", "does"), ("?", "is")),
    r"in \d{1,2} days": (("in", "days", "0"),),
    r"^\W{0,3}no\W{0,3}$": (("no",),),
    "don't": (("don", "'", "t"),),
    "ab~|bc~": (("ab",), ("bc",)),
    "a~|bc~": (),
    "不要": (("不要",),),
    "(zoom|会議).{0,4}日": (("日",),),
    "(?!not)(so|as) it": (("it",),),
}


@pytest.mark.parametrize(("phrase", "needs"), NEEDS.items())
def test_the_words_that_a_phrase_needs(phrase: str, needs: tuple[tuple[str, ...], ...]) -> None:
    assert needs_of(phrase) == needs


def test_the_index_is_of_the_phrases_as_they_are_written_now() -> None:
    """`make words` remakes it."""
    assert index.unpacked(index_phrases.INDEX.read_bytes()) == index.unpacked(index_phrases.made())


def test_a_phrase_that_the_index_does_not_know_is_found() -> None:
    phrases = Phrases([Group([Phrase("(zebras|gnus) (never )?waltz~")])])
    assert [found[0] for found in phrases.finditer("do zebras never waltz? gnus waltzed")] == [
        "zebras never waltz",
        "gnus waltzed",
    ]


WRITTEN = sorted({phrase for topic in words.topics() for phrase in words.phrases(topic)})


@pytest.mark.parametrize("text", ["12h", "٠h", "१२ h"])
def test_digits_of_any_script_begin_a_phrase(text: str) -> None:
    assert words.one(r"\d{1,2} ?h").search(text)


def _spoken(phrase: str) -> Iterator[str]:
    """Texts in which a phrase may be: each choice in turn, with and without what may be missing."""
    for choice in branches(phrase):
        parts = items(choice)
        for kept in (True, False):
            plain = [_plainest(part, kept=kept) for part in parts]
            yield "".join(plain)
            for at, part in enumerate(parts):
                if part.kind == "group" and (kept or not part.optional):
                    for form in _spoken(part.text):
                        yield "".join([*plain[:at], form, *plain[at + 1 :]])


def _plainest(part: Item, *, kept: bool) -> str:
    if part.kind in {"edge", "look"} or (part.optional and not kept):
        return ""
    if part.kind == "group":
        return next(_spoken(part.text))
    plain = {"rest": "x", "gap": " so ", "number": "7", "between": " ", "other": "a"}.get(part.kind, part.text)
    return plain * max(2, int(part.often[1:].partition(",")[0].strip("}"))) if part.often[:1] == "{" else plain


def test_each_choice_of_each_phrase_is_found() -> None:
    """Where trying the phrase alone finds it. One character decides which words a phrase needs."""
    tried = 0
    for written in WRITTEN:
        alone, quick = re.compile(words.expression(written)), words.one(written)
        for text in set(_spoken(words.fold(written) if "\\" not in written else written)):
            wanted = alone.search(text)
            if wanted:
                tried += 1
                found = quick.search(text)
                assert found, (written, text)
                assert found.span() == wanted.span(), (written, text)
    assert tried > 2 * len(WRITTEN)


@given(st.data())
def test_what_a_phrase_matches_has_the_words_that_it_needs(data: st.DataObject) -> None:
    phrase = data.draw(st.sampled_from(WRITTEN))
    alone = re.compile(words.expression(phrase))
    before = data.draw(st.sampled_from(["", "", "a", "の", "日", "々", "한", "ж", "7", "_", "-"]))
    inside = data.draw(st.from_regex(alone, fullmatch=True).map(words.fold))
    text = before + inside + data.draw(st.sampled_from(["", ".", " x"]))
    found, wanted = words.one(phrase).search(text), alone.search(text)
    assert (found and found.span()) == (wanted and wanted.span())


@pytest.mark.parametrize("text", ["毎日のDMは不要です。", "この種のDMは不要です。"])
def test_a_refusal_in_the_middle_of_a_run_without_spaces_is_one(text: str) -> None:
    assert classify_text(text).answer == "opt_out"


def _one_by_one(topic: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{words.expression(phrase)})" for phrase in words.phrases(topic)))


@cache
def _pairs() -> list[tuple[words.Phrases, re.Pattern[str]]]:
    return [(words.pattern(topic), _one_by_one(topic)) for topic in TOPICS]


SPOKEN = sorted({word for topic in TOPICS for word in re.findall(r"\w+", " ".join(words.phrases(topic)))})
BETWEEN = st.sampled_from([". ", "? ", ", ", "4", "…", "i'm", "l'", "の", "々", "日", "ー", "한", "ж", "_", "-"])
GLUED = st.sampled_from([" ", " ", " ", ""])


@given(st.lists(st.tuples(st.sampled_from(SPOKEN) | BETWEEN, GLUED).map("".join), max_size=12).map("".join))
def test_it_finds_a_phrase_where_one_is(text: str) -> None:
    folded = words.fold(text)
    for quick, thorough in _pairs():
        wanted = thorough.search(folded)
        found = quick.search(folded)
        assert (found and found.start()) == (wanted and wanted.start())
        assert (quick.match(folded) is None) == (thorough.match(folded) is None)
        assert (quick.fullmatch(folded) is None) == (thorough.fullmatch(folded) is None)
        assert [each.start() for each in quick.finditer(folded)][:1] == ([wanted.start()] if wanted else [])


def test_a_phrase_found_is_taken_out_once() -> None:
    searched = Phrases([Group([Phrase("stop it"), Phrase("(start|begin) now"), Phrase("it now"), Phrase(r"\?\?")])])
    assert searched.taken_out("we stop it now, then begin now??") == (
        ("stop it", "begin now", "??"),
        "we  …  now, then  …  … ",
    )


def test_the_first_of_two_that_begin_together_is_found() -> None:
    searched = Phrases([Group([Phrase("no"), Phrase("no more"), Phrase("(a|b)~")]), Group([Phrase("no more mail")])])
    assert [found[0] for found in searched.finditer("no more abc no")] == ["no", "abc", "no"]


def test_what_stands_around_a_phrase_belongs_to_it() -> None:
    searched = Phrases([Group([Phrase("to( the)?"), Phrase("until")])], before=r"\d ", after=r" ?\d")
    found = searched.search("on the 3 to the 4")
    assert found is not None
    assert found[0] == "3 to the 4"
    assert searched.match("until 4") is None


def test_a_word_with_a_sign_behind_its_first_letter_is_found() -> None:
    """ "i'm", "l'anno" and "e-mail" were passed over where phrases were looked up by two letters."""
    assert words.pattern("answer.not_now").taken_out("l'anno prossimo")[0] == ("l'anno prossimo",)
    assert words.pattern("answer.interested").taken_out("i'm all ears")[0] == ("i'm all ears",)


def test_a_gap_full_of_dots_is_tried_in_one_way() -> None:
    """Each such word took half a second when a dot between a digit and a letter could be read in two ways."""
    text = "! ".join(f"{verb}{'1.' * 60}" for verb in ("get", "ask", "call", "write", "check", "ping") * 4)
    begun = time.thread_time()
    assert words.pattern("answer.not_now").search(text) is None
    assert time.thread_time() - begun < 2
