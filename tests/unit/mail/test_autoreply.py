"""Automatic replies by header, by subject in many languages, by their words; and people who only speak of absence."""

from datetime import date

import pytest

from sequencer.mail import words
from sequencer.mail.autoreply import AutoReply, read_auto_reply, words_of_absence
from sequencer.mail.parse import parse
from tests.unit.mail.cases import cases

SENT = date(2026, 7, 6)


def read(headers: str, body: str = "Thank you.") -> AutoReply | None:
    parsed = parse(f"From: Jo <jo@acme.test>\nContent-Type: text/plain; charset=utf-8\n{headers}\n\n{body}\n".encode())
    return read_auto_reply(parsed, parsed.text, SENT)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",  # RFC 3834
        "Auto-Submitted: auto-generated; owner-email=x@y.test",
        "X-Autoreply: yes",
        "X-Autorespond: 1",
        "X-MS-Exchange-Inbox-Rules-Loop: jo@acme.test",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
        "X-Loop: Postfix Admin Virtual Vacation",
        "X-POST-MessageClass: 9; Autoresponder",
        "Precedence: auto_reply",
        "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-replied (vacation)",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Assistants Agent",
        "X-Mailer: vacation 1.2.7",
        "Delivered-To: Autoresponder",
        "Message-ID: <autoreply-20260706.1@acme.test>",
    ],
)
def test_headers_decide(header: str) -> None:
    assert read(f"Subject: Re: Hi\n{header}") is not None


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: no", "Precedence: bulk", "Precedence: junk", "X-Autoreply: no", "X-Mailer: Mutt",
     "Precedence: list", "X-Auto-Response-Suppress: All", "Return-Path: <>", "X-Loop: sales@acme.test"],
)  # fmt: skip
def test_headers_that_say_nothing(header: str) -> None:
    assert read(f"Subject: Re: Hi\n{header}", "Yes, please send it.") is None


SUBJECTS = [
    "Automatic reply: Hi", "Out of Office Re: Hi", "Automatische Antwort: Hi", "Réponse automatique : Hi",
    "Respuesta automática: Hi", "Risposta automatica: Hi", "Resposta automática: Hi", "Automatisch antwoord: Hi",
    "Automatyczna odpowiedź: Hi", "Autosvar: Hi", "Automatisk svar: Hi", "Fraværsmelding", "Automaattinen vastaus: Hi",
    "Automatická odpověď: Hi", "Automatikus válasz: Hi", "Răspuns automat: Hi", "Автоматический ответ: Hi",
    "Автоматична відповідь: Hi", "Автоматичен отговор: Hi", "Automatski odgovor: Hi", "Samodejni odgovor: Hi",
    "Otomatik Yanıt: Hi",
    "Αυτόματη απάντηση: Hi", "自動応答: Hi", "自动答复: Hi", "자동 회신: Hi",
    "Automātiskā atbilde: Hi", "Automatinis atsakymas: Hi",
    "[sales] Terry Ryan is out of the office.",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects(subject: str) -> None:
    assert read(f"Subject: {subject}") is not None


def test_twenty_languages_have_subjects_and_bodies() -> None:
    assert len(words.languages("away.subject")) >= 20
    assert len(words.languages("away.body")) >= 20


@pytest.mark.parametrize(
    "subject", ["RE: Automatic reply: Hi", "AW: Abwesenheitsnotiz", "Re: out of office routing tool"]
)
def test_an_answer_to_an_automatic_reply_is_none(subject: str) -> None:
    assert read(f"Subject: {subject}", "I'm back. Call me?") is None


BODIES = [
    ("I am out of the office until 20 July. For urgent matters write to desk@acme.test.", date(2026, 7, 20)),
    ("Ich bin vom 6.7. bis 19.7. nicht im Büro. In dringenden Fällen hilft meine Kollegin.", date(2026, 7, 20)),
    ("Je suis absent du 06/07/2026 au 19/07/2026. En cas d'urgence contactez l'accueil.", date(2026, 7, 20)),
    ("Jag har semester till och med 19 juli. Vid brådskande ärenden, kontakta växeln.", date(2026, 7, 20)),
    ("Jsem na dovolené od 06.07.2026 do 19.07.2026. S neodkladnými zprávami kontaktujte recepci.", date(2026, 7, 20)),
    ("This is an automated response. The mailbox is not monitored.", None),
    ("Kim Low no longer works for Acme. Please write to desk@acme.test.", None),
]


@pytest.mark.parametrize(("body", "back"), BODIES)
def test_words_of_the_body(body: str, back: date | None) -> None:
    automatic = read("Subject: Re: Hi", body)
    assert automatic is not None
    assert automatic.return_date == back


@pytest.mark.parametrize(
    "body",
    [
        "I was out of the office all week. Thursday at ten?",  # the past, and a question
        "Sorry for the delay, I am on leave until Friday, but do send it.",
        "Sounds good. I'm travelling a lot, so e-mail is best.",
        "We are closed on Mondays.",
        "Does your tool handle out of office replies?",
        "Send me the deck.",
    ],
)
def test_people_who_speak_of_absence(body: str) -> None:
    assert len(words_of_absence(body)) < 2


@pytest.mark.parametrize(("_language", "body"), cases("automatic_bodies.txt", 2))
def test_automatic_by_the_body_alone(_language: str, body: str) -> None:
    assert len(words_of_absence(body)) >= 2


@pytest.mark.parametrize(("_language", "body"), cases("human_bodies.txt", 2))
def test_people_are_not_taken_for_machines(_language: str, body: str) -> None:
    assert len(words_of_absence(body)) < 2


def test_who_left_does_not_come_back() -> None:
    automatic = read(
        "Subject: Automatic reply: Hi", "I leave on 31 July 2026. As of 1 August I am no longer with Acme."
    )
    assert automatic is not None
    assert (automatic.left, automatic.return_date) == (True, None)


def test_somebody_left() -> None:
    automatic = read("Subject: Automatic reply: Hi", "Frau Low ist nicht mehr in unserem Unternehmen tätig.")
    assert automatic is not None
    assert automatic.left


def test_the_subject_tells_the_date() -> None:
    automatic = read(
        "Subject: AUTO: Jo Low is out of the office (returning 20/07/2026)\nAuto-Submitted: auto-generated", "Bye."
    )
    assert automatic is not None
    assert automatic.return_date == date(2026, 7, 20)
