"""What stands below a person's words without a rule: names with numbers and links, and links to unsubscribe."""

import pytest

from sequencer.mail.classify import classify
from sequencer.mail.judgement import Judgement
from sequencer.mail.parse import parse
from sequencer.mail.quoting import own_words_of_text
from sequencer.mail.signature import without_closing, without_footers

ASKED = "Hi Alex, could you send me pricing for 40 users?"
LINK = "https://firm.test/u"
LABELS = [
    f"Unsubscribe: {LINK}",
    f"Unsubscribe from our marketing emails: {LINK}",
    f"Follow us | Unsubscribe here {LINK}",
    "Website | Unsubscribe | Privacy policy",
    f"Newsletter abbestellen: {LINK}",
    f"Follow us | Newsletter abbestellen: {LINK}",
    f"Se désabonner de nos communications : {LINK}",
    f"Darse de baja del boletín: {LINK}",
    f"Disiscriviti qui: {LINK}",
    f"Cancelar subscrição: {LINK}",
    f"Uitschrijven nieuwsbrief: {LINK}",
    f"Wypisz się: {LINK}",
    f"Avregistrera dig: {LINK}",
    f"Afmeld nyhedsbrevet: {LINK}",
    f"Meld deg av: {LINK}",
    f"Odhlásit se z odběru: {LINK}",
    f"Leiratkozás: {LINK}",
    f"Отписаться: {LINK}",
    f"配信停止：{LINK}",
    f"退订: {LINK}",
    f"수신거부: {LINK}",
]
REQUESTS = [
    "unsubscribe",
    "Please unsubscribe me: jo@acme.test",
    "Hi,\n\nPlease unsubscribe me: jo@acme.test\n\nKim",
    "Hi Alex,\n\nunsubscribe https://ourco.test/u/12",
    "Not for us.\n\nPlease unsubscribe us: https://ourco.test/u/12",
    "Nein.\n\nBitte mich abmelden: https://ourco.test/u/12",
    "Kim Berg\nunsubscribe",
    "Hi Alex,\n\nThanks!\n\nPlease remove me from your list",
    "No thanks.\n\nBest regards\nKim Berg\n\nPS: please don't write again",
    "Thanks!\n\nPlease remove me from your list.\n\nKim Berg\n+44 20 7946 0317",
    "Fine.\n\nKim\nunsubscribe me from the old address kim@acme.test please",
]
# What is below own words, and how much of it stays: the name below a closing formula.
SIGNED = [
    ("Kim Berg\nVP Marketing, Firm\n+44 20 7946 0317", ""),
    ("Kim\nFirm Ltd | Leeds | www.firm.test", ""),
    ("Dr. Kim Berg, CFO\nkim@firm.test", ""),
    ("Best regards,\nKim Berg\nHead of Ops\nTel. 020 7946 0317", "Best regards,\nKim Berg"),
    ("Best, Kim\nT: +44 1234\nwww.firm.test", "Best, Kim"),
    ("Cheers\nKim\n\nFirm Ltd | 1 High Street | Leeds", "Cheers\nKim"),
    ("Mit freundlichen Grüßen\nKim Berg\nEinkauf\nTel. 030 1234567", "Mit freundlichen Grüßen\nKim Berg"),
    ("Cordialement,\nKim Berg\nDirectrice\n06 12 34 56 78", "Cordialement,\nKim Berg"),
    ("Sent with [Proton Mail](https://proton.me/mail/home) secure email.", ""),
    ("Get [Outlook for iOS](https://aka.ms/o0ukef)", ""),
]
OWN = [
    "Yes.\n\nMany thanks\nKim Berg\nHead of Ops",
    "Call me on Tuesday.\n\nThanks\nKim\n\n020 7946 0317 is my number, can you do ten?",
    "Thanks\nKim\n\nPS: please call 020 7946 0317 before ten.",
    "Write to my namesake:\n\nKim Berg\nkim.berg2@firm.test",
    "Yes.\n\nKim Low does this with www.else.test today\nand I want to know more about it.",
    "See [our page](https://firm.test/shop) first.\n\nThen we can talk.",
    "Thanks\nKim\n\nTuesday 06.07.2026",
]


def judged(body: str) -> Judgement:
    head = "From: Kim Berg <kim@firm.test>\nTo: ana@ourco.test\nSubject: Re: Hi\nIn-Reply-To: <a@ourco.test>"
    return classify(parse(f"{head}\nContent-Type: text/plain; charset=utf-8\n\n{body}".encode()))


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("above", ["Kim Berg\nVP Marketing, Firm", "Best\nKim Berg\nVP Marketing, Firm", "Firm Ltd"])
def test_a_link_to_unsubscribe_by_is_nobodys_request(label: str, above: str) -> None:
    assert judged(f"{ASKED}\n\n{above}\n{label}").answer in {"interested", "question"}


@pytest.mark.parametrize("body", REQUESTS)
def test_a_persons_own_request_is_no_footer(body: str) -> None:
    assert judged(body).answer == "opt_out"


@pytest.mark.parametrize(("below", "kept"), SIGNED)
def test_what_says_where_to_reach_somebody_is_cut(below: str, kept: str) -> None:
    assert judged(f"{ASKED}\n\n{below}").text == f"{ASKED}\n\n{kept}".strip()


@pytest.mark.parametrize("body", OWN)
def test_what_a_person_wrote_stays(body: str) -> None:
    assert own_words_of_text(body, name="Kim Berg").text == body


def test_footers_stay_in_the_first_paragraph() -> None:
    assert without_footers(f"Unsubscribe: {LINK}") == f"Unsubscribe: {LINK}"
    assert without_footers(f"Yes.\n\nUnsubscribe: {LINK}") == "Yes."


def test_thanks_below_a_greeting_are_no_closing() -> None:
    assert without_closing("Hi Alex,\n\nThanks!\n\nTuesday works.") == "Hi Alex,\n\nThanks!\n\nTuesday works."
    assert without_closing("Yes.\n\nThanks!\nKim") == "Yes."
