"""The person's own words, over the mail programs and languages that quote differently."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.parse import parse
from sequencer.mail.quoting import LINES_MAX, own_words, own_words_of_text, without_closing

OURS = 'Shall we talk? Reply "unsubscribe" to stop.'
ATTRIBUTIONS = [
    "On Mon, Jul 6, 2026 at 9:12 AM Ana Ruiz <ana@ourco.test> wrote:",
    "On Mon, Jul 6, 2026 at 9:12 AM Ana Maria Ruiz Gonzalez-Hernandez <\nana@ourco.test> wrote:",  # wrapped
    "Am Mo., 6. Juli 2026 um 09:12 Uhr schrieb Ana Ruiz <ana@ourco.test>:",
    "Le lun. 6 juil. 2026 à 09:12, Ana Ruiz <ana@ourco.test> a écrit :",
    "El lun, 6 jul 2026 a las 9:12, Ana Ruiz (<ana@ourco.test>) escribió:",
    "Il giorno lun 6 lug 2026 alle ore 09:12 Ana Ruiz <ana@ourco.test> ha scritto:",
    "Em seg., 6 de jul. de 2026 às 09:12, Ana Ruiz <ana@ourco.test> escreveu:",
    "Op ma 6 jul 2026 om 09:12 schreef Ana Ruiz <ana@ourco.test>:",
    "pon., 6 lip 2026 o 09:12 Ana Ruiz <ana@ourco.test> napisał(a):",
    "Den mån 6 juli 2026 kl 09:12 skrev Ana Ruiz <ana@ourco.test>:",
    "man. 6. jul. 2026 kl. 09.12 skrev Ana Ruiz <ana@ourco.test>:",
    "ma 6. heinäk. 2026 klo 9.12 Ana Ruiz <ana@ourco.test> kirjoitti:",
    "po 6. 7. 2026 v 9:12 odesílatel Ana Ruiz <ana@ourco.test> napsal:",
    "пн, 6 июл. 2026 г. в 09:12, Ana Ruiz <ana@ourco.test>:",
    "2026年7月6日(月) 9:12 Ana Ruiz <ana@ourco.test>:",
    "Ana Ruiz <ana@ourco.test> 于2026年7月6日周一 09:12写道:",
    "2026-07-06 9:12 GMT+02:00 Ana Ruiz <ana@ourco.test>:",
]
BLOCKS = [
    "From: Ana Ruiz <ana@ourco.test>\nSent: Monday, July 6, 2026 9:12 AM\nTo: Jo\nSubject: Hi",
    "________________________________\nFrom: Ana Ruiz\nDate: Monday\nTo: Jo\nSubject: Hi",  # Outlook iOS, new Outlook
    "-----Original Message-----\nFrom: Ana Ruiz\nTo: Jo\nSent: Mon, Jul 6, 2026\nSubject: Hi",  # AOL
    "*From:* Ana Ruiz\n*Sent:* Monday\n*To:* Jo\n*Subject:* Hi",  # bold turned into stars
    "Von: Ana Ruiz\nGesendet: Montag\nAn: Jo\nBetreff: Hi",
    "De : Ana Ruiz\nEnvoyé : lundi\nÀ : Jo\nObjet : Hi",
    "De: Ana Ruiz\nEnviado el: lunes\nPara: Jo\nAsunto: Hi",
    "Da: Ana Ruiz\nInviato: lunedì\nA: Jo\nOggetto: Hi",
    "De: Ana Ruiz\nEnviada em: segunda\nPara: Jo\nAssunto: Hi",
    "Van: Ana Ruiz\nVerzonden: maandag\nAan: Jo\nOnderwerp: Hi",
    "Od: Ana Ruiz\nWysłano: poniedziałek\nDo: Jo\nTemat: Hi",
    "Från: Ana Ruiz\nSkickat: måndag\nTill: Jo\nÄmne: Hi",
    "Fra: Ana Ruiz\nSendt: mandag\nTil: Jo\nEmne: Hi",
    "Lähettäjä: Ana Ruiz\nLähetetty: maanantai\nVastaanottaja: Jo\nAihe: Hi",
    "От: Ana Ruiz\nОтправлено: понедельник\nКому: Jo\nТема: Hi",
    "差出人: Ana Ruiz\n送信日時: 2026年7月6日\n宛先: Jo\n件名: Hi",
    "发件人: Ana Ruiz\n发送时间: 2026年7月6日\n收件人: Jo\n主题: Hi",
]
SIGNED = [
    "\n\n-- \nJo Low\nHead of Ops",
    "\n\nSent from my iPhone",
    "\n\nVon meinem iPhone gesendet",
    "\n\nEnvoyé de mon iPhone",
    "\n\nGet Outlook for iOS",
    "\n\nThis e-mail is confidential and intended only for the addressee.",
    "\n\nDiese E-Mail enthält vertrauliche Informationen.",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("prefix", ["> ", ""])
def test_attribution_lines(attribution: str, prefix: str) -> None:
    own = own_words_of_text(f"Yes please.\n\n{attribution}\n\n{prefix}{OURS}\n")
    assert (own.text, own.forwarded) == ("Yes please.", False)


@pytest.mark.parametrize("block", BLOCKS)
def test_header_blocks(block: str) -> None:
    own = own_words_of_text(f"Yes please.\n\n{block}\n\n{OURS}\n", subject="Re: Hi")
    assert (own.text, own.forwarded) == ("Yes please.", False)


@pytest.mark.parametrize("tail", SIGNED)
def test_signatures_and_disclaimers(tail: str) -> None:
    assert own_words_of_text(f"Yes please.{tail}\n").text == "Yes please."


def test_answers_between_the_quotes() -> None:
    text = f"Hi,\n\n{ATTRIBUTIONS[0]}\n> What do you use?\n\nPaper.\n\n> And how many are you?\n\nSixty.\n"
    assert own_words_of_text(text).text == "Hi,\n\nPaper.\n\nSixty."


def test_answer_below_the_quote() -> None:
    assert own_words_of_text(f"{ATTRIBUTIONS[0]}\n> {OURS}\n\nYes please.\n", subject="Re: Hi").text == "Yes please."


@pytest.mark.parametrize(
    "text",
    [
        "On this day\n\nI wrote something\n\nwhich was very interesting.",  # the words of an attribution, apart
        "From: Felixstowe\nTo: Leeds\nThat is our route.",  # two fields are no header block
        "She wrote: I am in.",
        "The confidential part: we pay too much.",
    ],
)
def test_what_only_looks_quoted_stays(text: str) -> None:
    assert own_words_of_text(text).text == text


def test_html_only_mail() -> None:
    line = ATTRIBUTIONS[0].replace("<", "&lt;")
    html = f'<p>Yes please.</p><div class="gmail_quote">{line}<blockquote>{OURS}</blockquote></div>'
    raw = f"From: jo@acme.test\nSubject: Re: Hi\nContent-Type: text/html; charset=utf-8\n\n{html}".encode()
    assert own_words(parse(raw)).text == "Yes please."


FORWARDS = [
    f"---------- Forwarded message ---------\n{BLOCKS[0]}",
    f"FYI\n\nBegin forwarded message:\n\n> {BLOCKS[0]}",
    f"-------- Weitergeleitete Nachricht --------\n{BLOCKS[4]}",
    f"---------- Message transféré ---------\n{BLOCKS[5]}",
    f"----- Vidarebefordrat meddelande -----\n{BLOCKS[11]}",
    BLOCKS[0],  # nothing of their own above it
]


@pytest.mark.parametrize("text", FORWARDS)
def test_forwards(text: str) -> None:
    assert own_words_of_text(f"{text}\n\n{OURS}").forwarded


def test_outlook_tells_a_forward_by_its_subject() -> None:
    text = f"For you?\n\n{BLOCKS[0]}\n\n{OURS}"
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
