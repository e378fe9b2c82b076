"""The person's own words, over the mail programs and languages that quote differently."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.parse import parse
from sequencer.mail.quoting import LINES_MAX, own_words, own_words_of_text
from sequencer.mail.signature import without_closing
from tests.unit.mail.attributions import ATTRIBUTIONS, WITHOUT_DATE
from tests.unit.mail.header_blocks import BLOCKS_BY_LANGUAGE, BLOCKS_BY_PROGRAM, FORWARD_MARKS
from tests.unit.mail.html_replies import REPLIES
from tests.unit.mail.human_mail import OWN, TAILS

OURS = 'Shall we talk? Reply "unsubscribe" to stop.'
YES = "Yes please."
BLOCKS = [*BLOCKS_BY_LANGUAGE.values(), *BLOCKS_BY_PROGRAM]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("prefix", ["> ", ""])
def test_attribution_lines(attribution: str, prefix: str) -> None:
    own = own_words_of_text(f"Yes please.\n\n{attribution}\n\n{prefix}{OURS}\n")
    assert (own.text, own.forwarded) == ("Yes please.", False)


@pytest.mark.parametrize("block", BLOCKS)
def test_header_blocks(block: str) -> None:
    own = own_words_of_text(f"Yes please.\n\n{block}\n\n{OURS}\n", subject="Re: Hi")
    assert (own.text, own.forwarded) == ("Yes please.", False)


@pytest.mark.parametrize("tail", TAILS)
def test_signatures_and_disclaimers(tail: str) -> None:
    assert own_words_of_text(f"Yes please.\n\n{tail}\n").text == "Yes please."


def test_answers_between_the_quotes() -> None:
    text = f"Hi,\n\n{ATTRIBUTIONS[0]}\n> What do you use?\n\nPaper.\n\n> And how many are you?\n\nSixty.\n"
    assert own_words_of_text(text).text == "Hi,\n\nPaper.\n\nSixty."


def test_answer_below_the_quote() -> None:
    assert own_words_of_text(f"{ATTRIBUTIONS[0]}\n> {OURS}\n\nYes please.\n", subject="Re: Hi").text == "Yes please."


@pytest.mark.parametrize("text", OWN)
def test_what_a_person_wrote_stays(text: str) -> None:
    own = own_words_of_text(text, subject="Re: Hi")
    assert (own.text, own.forwarded) == (text.strip(), False)


def received(body: str, content_type: str = "text/plain", **fields: str) -> bytes:
    named = {"From": "Jo <jo@acme.test>", "To": "ana@ourco.test", "Subject": "Re: Hi"} | fields
    head = "".join(f"{name}: {value}\n" for name, value in named.items())
    return f"{head}Content-Type: {content_type}; charset=utf-8\n\n{body}".encode()


@pytest.mark.parametrize("html", REPLIES.values(), ids=REPLIES.keys())
def test_html_only_mail(html: str) -> None:
    own = own_words(parse(received(html.format(own="Yes please.<br>Tuesday?", ours=OURS), "text/html")))
    assert (own.text, own.forwarded) == ("Yes please.\nTuesday?", False)


@pytest.mark.parametrize("mark", FORWARD_MARKS)
@pytest.mark.parametrize("above", ["", "For you?\n\n"])
@pytest.mark.parametrize("prefix", ["", "> "])
def test_forwards(mark: str, above: str, prefix: str) -> None:
    passed_on = f"{mark}\n\n{BLOCKS_BY_PROGRAM[0]}\n\n{OURS}".replace("\n", f"\n{prefix}")
    own = own_words_of_text(f"{above}{prefix}{passed_on}")
    assert (own.text, own.forwarded) == (above.strip(), True)


@pytest.mark.parametrize("block", BLOCKS_BY_LANGUAGE.values())
def test_a_block_with_nothing_above_is_a_forward(block: str) -> None:
    assert own_words_of_text(f"{block}\n\n{OURS}").forwarded


@pytest.mark.parametrize("line", WITHOUT_DATE)
def test_attributions_without_a_date(line: str) -> None:
    assert own_words_of_text(f"Yes please.\n\n{line}\n> {OURS}\n").text == "Yes please."


def test_outlook_tells_a_forward_by_its_subject() -> None:
    text = f"For you?\n\n{BLOCKS_BY_PROGRAM[0]}\n\n{OURS}"
    assert own_words_of_text(text, subject="FW: Hi").forwarded
    assert not own_words_of_text(text, subject="RE: Hi").forwarded


def test_closing() -> None:
    assert without_closing("Yes please.\n\nKind regards,\nJo\nHead of Unsubscribing") == "Yes please."


def counted_calls(work: Callable[[], object]) -> int:
    """Calls made, Python's and C's: a measure of work that no busy machine changes."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_work_grows_with_the_lines() -> None:
    own_words_of_text("On a\n> b\n")  # compiles the patterns
    short, long = "On a a a\n> x\n" * 300, "On a a a\n> x\n" * 1200
    assert counted_calls(lambda: own_words_of_text(long)) < 5 * counted_calls(lambda: own_words_of_text(short))


def test_one_long_line_costs_no_more_than_its_cap() -> None:
    """A 16 kB "On a a a …" line takes other libraries 9 s; behind the cap its length does not matter."""
    own_words_of_text("On a\n")
    two, sixteen = "On" + " a" * 1_000, "On" + " a" * 8_000
    assert counted_calls(lambda: own_words_of_text(sixteen)) <= counted_calls(lambda: own_words_of_text(two)) + 5


@given(st.text(alphabet="On a>:<@w\n-_FromSentTo0 ", max_size=400))
def test_any_text_ends_and_adds_nothing(text: str) -> None:
    own = own_words_of_text(text)
    assert set(own.text.split()) <= set(text.split())


def test_lines_are_bounded() -> None:
    assert own_words_of_text("a\n" * (2 * LINES_MAX)).text.count("\n") < LINES_MAX
