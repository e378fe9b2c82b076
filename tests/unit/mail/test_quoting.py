"""The person's own words, over the mail programs and languages that quote differently."""

import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.parse import parse
from sequencer.mail.quoting import LINES_MAX, own_words, own_words_of_text
from sequencer.mail.signature import without_closing
from tests.unit.mail.attributions import ATTRIBUTIONS, WITHOUT_DATE
from tests.unit.mail.header_blocks import BLOCKS_BY_LANGUAGE, BLOCKS_BY_PROGRAM, FORWARD_MARKS, LINES_ABOVE_A_QUOTE
from tests.unit.mail.html_replies import REPLIES
from tests.unit.mail.human_mail import OWN, TAILS

OURS = 'Shall we talk? Reply "unsubscribe" to stop.'
YES = "Yes please."
BLOCKS = [*BLOCKS_BY_LANGUAGE.values(), *BLOCKS_BY_PROGRAM, *LINES_ABOVE_A_QUOTE]


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


@pytest.mark.parametrize(
    ("subject", "forwarded"),
    [
        *(
            (prefix, True)
            for prefix in ("FW:", "Fwd:", "WG:", "TR:", "RV:", "ENC:", "I:", "Doorst:", "VB:", "VL:", "PD:")
        ),
        *(
            (prefix, True)
            for prefix in ("İLT:", "转发:", "轉寄：", "転送:", "전달:", "Továbbítás:", "TOV:", "ΠΡΘ:", "FW[2]:")
        ),
        *(
            (prefix, False)
            for prefix in ("RE:", "AW:", "SV:", "Antw:", "ODP:", "YNT:", "RES:", "R:", "回复:", "Vá:", "Re[2]:")
        ),
        ("VS:", False),  # a forward in Danish, a reply in Finnish: who is quoted tells
        ("Information:", False),
    ],
)
def test_the_prefix_of_the_subject_tells_a_forward(subject: str, forwarded: bool) -> None:
    text = f"For you?\n\n{BLOCKS_BY_PROGRAM[0]}\n\n{OURS}"
    assert own_words_of_text(text, subject=f"{subject} Hi").forwarded == forwarded
    assert not own_words_of_text("For you?", subject=f"{subject} Hi").forwarded  # nothing hangs on it


@pytest.mark.parametrize(
    ("above", "to", "forwarded"),
    [
        ("", "Jo <jo@acme.test>", True),  # nothing said
        ("Yes.", "Jo <jo@acme.test>", False),
        ("Yes.", "Jo <jo@acme.test>; Kim <kim@acme.test>", True),  # mail to several is not what we sent
        ("Yes.", "Jo <jo@acme.test>\nCc: Kim <kim@acme.test>", True),
    ],
)
def test_without_a_prefix_the_block_tells_a_forward(above: str, to: str, forwarded: bool) -> None:
    block = f"From: Bo <bo@else.test>\nSent: Monday\nTo: {to}\nSubject: Hi"
    assert own_words_of_text(f"{above}\n\n{block}\n\nOld.").forwarded == forwarded
    answered = f"{above}\n\n{block}\n\nOld.".replace("bo@else.test", "ana@ourco.test")
    assert not own_words(parse(received(answered, Subject="Hi"))).forwarded  # we wrote what it quotes


@pytest.mark.parametrize(("quoted", "forwarded"), [("ana@ourco.test", False), ("bo@else.test", True)])
def test_a_prefix_of_two_languages_is_told_by_who_is_quoted(quoted: str, forwarded: bool) -> None:
    block = f"Fra: Bo <{quoted}>\nSendt: 24. marts 2026 09:56\nTil: Jo <jo@acme.test>\nEmne: Hi"
    assert own_words(parse(received(f"Vil du svare?\n\n{block}\n\nOld.", Subject="VS: Hi"))).forwarded == forwarded


def test_a_mail_attached_is_a_forward() -> None:
    parts = (
        "--b\nContent-Type: text/plain\n\nFor you?\n--b\nContent-Type: message/rfc822\n\nSubject: Hi\n\nOld.\n--b--\n"
    )
    raw = f"From: jo@acme.test\nSubject: %s\nContent-Type: multipart/mixed; boundary=b\n\n{parts}"
    assert own_words(parse((raw % "Hi").encode())).forwarded
    assert not own_words(parse((raw % "Re: Hi").encode())).forwarded


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "Yes.\n\nSent from my iPhone\n\n> On 6 Jul 2026, at 09:12, Ana wrote:\n>\n> old\n\nAnd Kim too.",
            "Yes.\n\nAnd Kim too.",
        ),
        ("> old\nYes.\n-- \nJo\n\n> older", "Yes."),
        (f"{ATTRIBUTIONS[0]}\n> one\nyes\n> two\nno\n\n-- \nJo", "yes\n\nno"),
        ("CAUTION: This email originated from outside of Acme.\n\nYes.", "Yes."),
        ("You don't often get email from jo@acme.test. Learn why this is important\n\nYes.", "Yes."),
        ("Yes.\n>\n> old\n> >> older\n", "Yes."),
        ("Yes.\n\n> Hi\n> From: x@y.test\n> Sent: Monday 2026\n> Subject: Hi\n", "Yes."),
        ("Yes.\n\nKim Low wrote:\n> Hi", "Yes."),
        ("Yes.\n\nOn 6 Jul 2026 at 9:12 Ana wrote:\n\nold text without marks", "Yes."),
        ("## Please reply above this line ##\n\nSolved.", "## Please reply above this line ##\n\nSolved."),
        ("\ufeffYes.\r\n\r\n-----Original Message-----\r\nold", "Yes."),
    ],
)
def test_own_lines_around_the_quotes(text: str, own: str) -> None:
    assert own_words_of_text(text, subject="Re: Hi").text == own


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


@pytest.mark.parametrize(
    "unit",
    [
        *("On a ", ">", ">\n", "From: a@b\n", "From: a\nSent: 2\nx;\n", "wrote:\n", "on 2026 a@b 10:10 x\n", "<\n"),
        *(
            "<a@b 2026\n",
            "-----\n",
            "-" * 60 + " a " + "-" * 60 + "\n",
            "_",
            "sent from my iphone\n",
            "a: b|c\n",
            "1 @ ",
        ),
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    own_words_of_text("On a\n> b\n")  # compiles the patterns
    begun = time.process_time()
    own_words_of_text(unit * (5_000_000 // len(unit)))
    assert time.process_time() - begun < 5  # far below a second on a quiet machine


@given(st.text(alphabet="On a>:<@w\n-_FromSentTo0 ", max_size=400))
def test_any_text_ends_and_adds_nothing(text: str) -> None:
    own = own_words_of_text(text)
    assert set(own.text.split()) <= set(text.split())


def test_lines_are_bounded() -> None:
    assert own_words_of_text("a\n" * (2 * LINES_MAX)).text.count("\n") < LINES_MAX
