"""One judgement for one mail: the order of the kinds, the answer classes, what an enrollment may act on."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail import words
from sequencer.mail.answer import read_answer
from sequencer.mail.classify import Judgement, classify, classify_text
from sequencer.mail.judgement import ANSWERS
from sequencer.mail.parse import parse


def judge(body: str, *, headers: str = "", subject: str = "Re: Hi") -> Judgement:
    head = f"From: Jo <jo@acme.test>\nTo: ana@ourco.test\nDate: Mon, 6 Jul 2026 10:00:00 +0000\nSubject: {subject}\n"
    thread = "In-Reply-To: <m2@ourco.test>\nReferences: <m1@ourco.test> <m2@ourco.test>\n"
    ours = f"{thread}Content-Type: text/plain; charset=utf-8\n"
    return classify(parse(f"{head}{ours}{headers}\n{body}\n".encode()))


ANSWERED = [
    ("Sounds good, please send me the two-page summary.", "interested"),
    ("Klingt spannend, schicken Sie mir gerne mehr Informationen.", "interested"),
    ("Cela nous intéresse, envoyez-moi la documentation.", "interested"),
    ("Me interesa, mándame más información.", "interested"),
    ("Ok, how about Thursday at 10:00?", "meeting"),
    ("Donnerstag um 14 Uhr passt mir gut.", "meeting"),
    ("What does it cost per user?", "question"),
    ("Was kostet das pro Nutzer?", "question"),
    ("Quanto costa per utente?", "question"),
    ("Too busy right now, try again in September.", "not_now"),
    ("Aktuell nicht, melden Sie sich im Herbst wieder.", "not_now"),
    ("I'm not the right person, please talk to my colleague Kim: kim@acme.test", "referral"),
    ("Dafür ist Frau Low zuständig, low@acme.test.", "referral"),
    ("No thanks, not interested.", "not_interested"),
    ("Wir haben keinen Bedarf.", "not_interested"),
    ("Geen interesse, bedankt.", "not_interested"),
    ("Nie jesteśmy zainteresowani.", "not_interested"),
    ("Not interested. Take me off your list.", "opt_out"),  # a request to stop beats the rest
    ("remove me pls", "opt_out"),
    ("Bitte nehmen Sie mich aus dem Verteiler.", "opt_out"),
    ("Merci de ne plus me contacter.", "opt_out"),
    ("BAJA", "opt_out"),
    ("Non scrivetemi più, cancellatemi dalla lista.", "opt_out"),
    ("Por favor, remova meu e-mail da lista.", "opt_out"),
    ("Schrijf me uit.", "opt_out"),
    ("Proszę mnie wypisać.", "opt_out"),
    ("Sluta mejla mig.", "opt_out"),
    ("配信停止をお願いします。", "opt_out"),
    ("The parcel arrived.", "other"),
]


@pytest.mark.parametrize(("body", "answer"), ANSWERED)
def test_answers(body: str, answer: str) -> None:
    judgement = judge(body)
    assert (judgement.kind, judgement.answer) == ("reply", answer)
    assert 0 < judgement.confidence <= 1
    assert judgement.evidence or answer == "other"


REQUESTS_TO_STOP = [
    "Please remove me from your mailing list.",
    "Stop emailing me",
    "STOP",
    "unsubscribe",
    "take me off this list please",
    "Do not contact me again.",
    "I don't want to receive these emails any more",
    "Remove my email address from your database",
    "Please stop sending me these.",
    "No more emails, please",
    "Kindly refrain from contacting our staff",
    "Don't email me",
    "please take us off",
    "We would like to be removed from your list",
    "You have no right to use my data. Delete it.",
    "I asked to be removed last month",
    "Please cease all communication",
    "Not interested, please stop",
    "never email me again",
    "Bitte löschen Sie meine Daten.",
    "Bitte keine weiteren E-Mails.",
    "Hören Sie auf, mir zu schreiben",
    "Ich möchte keine Werbung mehr erhalten",
    "Nehmt mich bitte aus eurem Verteiler",
    "Austragen bitte",
    "Bitte abmelden",
    "Ich widerspreche der Nutzung meiner Daten",
    "Veuillez me retirer de votre liste",
    "Désabonnez-moi",
    "Arrêtez de m'écrire",
    "Ne m'envoyez plus de mails",
    "Je ne souhaite plus recevoir vos messages",
    "Merci de supprimer mon adresse",
    "Dame de baja",
    "No me escribas más",
    "Quiero darme de baja de esta lista",
    "Bórrenme de su base de datos",
    "No quiero recibir más correos",
    "Cancellatemi dalla vostra lista",
    "Non voglio più ricevere email",
    "Smettetela di scrivermi",
    "Vi prego di rimuovere il mio indirizzo",
    "Não quero receber mais emails",
    "Parem de me enviar emails",
    "Retire-me da sua lista",
    "Favor remover meu contato",
    "Stop met mailen",
    "Haal mij van de lijst",
    "Ik wil geen mails meer ontvangen",
    "Verwijder mijn gegevens",
    "Proszę o usunięcie mojego adresu z bazy",
    "Proszę nie wysyłać więcej wiadomości",
    "Nie życzę sobie takich maili",
    "Wypisz mnie",
    "Ta bort mig från listan",
    "Jag vill inte ha fler mejl",
    "Skicka inget mer",
    "今後のメールは不要です",
    "メールを送らないでください",
    "リストから削除してください",
    "Fjern meg fra listen",
    "Lad være med at skrive",
    "Poistakaa minut listalta",
    "Отпишите меня",
    "Больше не пишите мне",
    "请不要再发邮件给我",
]


@pytest.mark.parametrize("body", REQUESTS_TO_STOP)
def test_requests_to_stop(body: str) -> None:
    """Recall first: who is not understood here is written to again."""
    assert judge(body).answer == "opt_out"


@pytest.mark.parametrize(
    "body",
    [
        "We build an unsubscribe tool, tell me more.",
        "No, don't unsubscribe me! Send me the deck.",
        "When a customer leaves, do you delete the data?",
        # our own footer comes back in the quote
        'Yes please.\n\nOn Mon, 6 Jul 2026 at 9:12, Ana <ana@ourco.test> wrote:\n> Reply "unsubscribe" to stop.',
        "Yes please.\n\nFrom: Ana\nSent: Monday\nTo: Jo\nSubject: Hi\n\nUnsubscribe | Stop all e-mail",
    ],
)
def test_no_false_opt_out(body: str) -> None:
    assert judge(body).answer != "opt_out"


def test_nine_languages_have_every_class() -> None:
    for answer in set(ANSWERS) - {"other"}:
        assert len(words.languages(f"answer.{answer}")) >= 9, answer


def test_unsubscribe_as_the_whole_subject() -> None:
    assert judge("", subject="unsubscribe").answer == "opt_out"
    assert judge("Yes please.", subject="Re: unsubscribe").answer == "interested"


def test_not_now_has_its_date_and_referral_its_address() -> None:
    assert judge("Not now, try me again in September.").return_date == date(2026, 9, 1)
    assert judge("Please talk to kim@acme.test instead of jo@acme.test.").addresses == ("kim@acme.test",)


def test_our_addresses_are_no_referral() -> None:
    raw = b"From: jo@acme.test\n\nI wrote to bo@ourco.test and kim@acme.test.\n"
    assert classify(parse(raw), our_addresses=frozenset({"bo@ourco.test"})).addresses == ("kim@acme.test",)


def test_ids_nearest_first() -> None:
    assert judge("Yes.").original_message_ids == ("<m2@ourco.test>", "<m1@ourco.test>")


def feedback(kind: str) -> bytes:
    return (
        "From: fbl@isp.test\nSubject: Abuse report\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n\nA complaint.\n'
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nOriginal-Rcpt-To: <Jo@acme.test>\n"
        "--b\nContent-Type: message/rfc822\n\nMessage-ID: <m1@ourco.test>\nTo: jo@acme.test\n\nHi\n--b--\n"
    ).encode()


def test_complaint() -> None:
    judgement = classify(parse(feedback("abuse")))
    assert (judgement.kind, judgement.recipients) == ("complaint", ("jo@acme.test",))
    assert judgement.original_message_ids == ("<m1@ourco.test>",)


def test_an_authentication_failure_report_is_no_complaint() -> None:
    assert classify(parse(feedback("auth-failure"))).kind == "other"


def test_a_bounce_comes_before_an_automatic_reply() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.test\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n\n"
        b"could not be delivered\n\n<jo@acme.test>: 550 5.1.1 user unknown\n"
    )
    judgement = classify(parse(raw))
    assert (judgement.kind, judgement.permanent, judgement.recipients) == ("hard_bounce", True, ("jo@acme.test",))


def test_delay_is_its_own_kind_but_printed_as_soft() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.test\nSubject: Warning: message delayed 24 hours\n\n"
        b"This message was created automatically by mail delivery software.\n"
        b"It has not yet been delivered to:\n\n  jo@acme.test\n\nNo action is required on your part.\n"
    )
    judgement = classify(parse(raw))
    assert (judgement.kind, judgement.permanent) == ("delay", False)
    assert judgement.as_json("a.eml")["kind"] == "soft_bounce"


def test_automatic_reply_of_somebody_who_left() -> None:
    judgement = judge("Jo no longer works here. Write to kim@acme.test.", headers="Auto-Submitted: auto-replied\n")
    assert (judgement.kind, judgement.left, judgement.addresses, judgement.answer) == (
        "auto_reply",
        True,
        ("kim@acme.test",),
        None,
    )


def test_newsletter() -> None:
    raw = b"From: news@shop.test\nSubject: Sale\nList-Unsubscribe: <mailto:u@shop.test>\n\nUnsubscribe here.\n"
    assert classify(parse(raw)).kind == "other"


@pytest.mark.parametrize(
    ("sender", "subject", "body", "kind"),
    [
        ("MAILER-DAEMON@mx.test", "Report", "Your message was successfully delivered to: jo@acme.test", "other"),
        ("Mail System <mailer-daemon@mx.test>", "Relayed", "This is a confirmation. Nothing to do.", "other"),
        ("postmaster@acme.test", "TLS report", "This mailbox uses TLS reporting. No action is needed.", "other"),
        ("postmaster@acme.test", "Quarantine digest", "Quarantine report of today: 3 messages.", "other"),
        ("postmaster@acme.test", "Postfach", "Ihr Postfach ist fast voll. Keine Aktion erforderlich.", "other"),
        # postmasters are people too
        ("Postmaster <postmaster@acme.test>", "Your offer", "We run 550 mailboxes. A quote, please.", "reply"),
        ("System Administrator <it@acme.test>", "Question", "Does it work with Exchange?", "reply"),
        ("postmaster@acme.test", "Re: An idea", "No action is needed on your side, I will call you.", "reply"),
    ],
)
def test_what_a_mail_system_writes_beside_failures_is_nobody_s_answer(
    sender: str, subject: str, body: str, kind: str
) -> None:
    assert classify(parse(f"From: {sender}\nSubject: {subject}\n\n{body}\n".encode())).kind == kind


def test_text_without_headers() -> None:
    assert classify_text("Yes please.\n\n> unsubscribe\n").answer == "interested"
    assert classify_text("This is an automated reply, nobody reads this mailbox.").kind == "auto_reply"


def test_json_has_the_documented_fields() -> None:
    said = judge("Not now, try me again in September.").as_json("a.eml")
    names = "file kind recipients permanent return_date text forwarded answer addresses left confidence evidence"
    assert list(said) == names.split()
    assert said["return_date"] == "2026-09-01"


def test_a_judgement_is_a_function_of_the_bytes() -> None:
    assert judge("Sounds good.") == judge("Sounds good.")


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    assert classify_text(text).kind in {"reply", "auto_reply"}
    assert read_answer(text).answer in ANSWERS


def test_no_phrase_repeats_without_bound_or_matches_nothing() -> None:
    for topic in words.topics():
        for phrase in words.phrases(topic):
            assert "+" not in phrase.replace("\\+", ""), (topic, phrase)
            assert re.search(words.expression(phrase), "") is None, (topic, phrase)
