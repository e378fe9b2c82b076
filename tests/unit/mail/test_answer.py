"""The classes of answers, in nine languages and misleadingly put; set phrases apart, none is a text of the model."""

import pytest

from sequencer.mail.answer import EVIDENCE_MAX, read_answer
from sequencer.mail.judgement import Answer

CLASSES: dict[Answer, str] = {
    "interested": """
        Yes, happy to have a look at the brochure.
        This might suit us, please send some references.
        Not bad. Let me see more of it.
        I don't usually answer these, but this is spot on. Send me the figures.
        Ja, das klingt vielversprechend, bitte Angebot schicken.
        Gerne würde ich mehr darüber erfahren.
        Oui, cela nous intéresse, pouvez-vous m'envoyer un exemple ?
        Nous aimerions en savoir plus.
        Sí, nos interesa, mándenos la propuesta.
        Suena muy bien, quiero saber más.
        Sì, siamo interessati, mandi pure la documentazione.
        Temos interesse, pode enviar a apresentação?
        Ja, klinkt goed, stuur de informatie maar op.
        Tak, jesteśmy zainteresowani, proszę o ofertę.
        Ja, det låter bra, skicka mer information.
        興味がありますので、資料をお送りください。
        """,
    "meeting": """
        Wednesday at 11 is fine by me.
        Give me a ring tomorrow morning.
        Could you send an invite for next Tuesday?
        Monday doesn't work, Tuesday does.
        Dienstag um 11 Uhr würde mir passen.
        Rufen Sie mich bitte morgen Nachmittag an.
        Mercredi à 14h me convient.
        Appelez-moi jeudi matin.
        El miércoles a las 11 me viene bien.
        Llámeme mañana por la tarde.
        Mercoledì alle 11 per me va bene.
        Quarta às 11 está ótimo.
        Woensdag om 11 uur is goed.
        Środa o 11 mi pasuje.
        Onsdag klockan 11 passar bra.
        来週の水曜日の11時はいかがでしょうか。
        """,
    "question": """
        What would that cost for ten people?
        Does it run on Linux?
        How long is the contract?
        Where do you store our data?
        Was würde das für zehn Personen kosten?
        Läuft das auch unter Linux?
        Combien cela coûte-t-il pour dix personnes ?
        Est-ce compatible avec Linux ?
        ¿Cuánto costaría para diez personas?
        ¿Funciona también en Linux?
        Quanto costerebbe per dieci persone?
        Quanto custaria para dez pessoas?
        Wat zou dat kosten voor tien personen?
        Ile by to kosztowało dla dziesięciu osób?
        Vad skulle det kosta för tio personer?
        10名の場合、料金はいくらになりますか。
        """,
    "not_now": """
        Not at the moment, please ask again in spring.
        We have no budget left this year.
        Too much on my plate right now, maybe in the autumn.
        Come back to me after the summer.
        Im Moment leider nicht, vielleicht im Frühjahr.
        Für dieses Jahr haben wir kein Budget mehr.
        Pas en ce moment, recontactez-moi au printemps.
        Nous n'avons plus de budget cette année.
        Ahora mismo no, quizás en primavera.
        Este año ya no tenemos presupuesto.
        Al momento no, magari in primavera.
        Neste momento não, talvez na primavera.
        Op dit moment niet, misschien in het voorjaar.
        W tej chwili nie, może wiosną.
        Inte just nu, kanske till våren.
        現在は難しいので、来年改めてご連絡ください。
        """,
    "referral": """
        I'm not the one for this, try our purchasing team.
        My colleague Rosa looks after suppliers.
        Please speak to our plant manager about it.
        I've passed your mail to the people in charge.
        Dafür ist unsere Einkaufsabteilung zuständig.
        Bitte wenden Sie sich an meine Kollegin Frau Rosen.
        Ce n'est pas moi qui gère cela, voyez avec ma collègue Rose.
        Adressez-vous plutôt au service achats.
        No soy la persona adecuada, hable con compras.
        De esto se encarga mi compañera Rosa.
        Non me ne occupo io, si rivolga all'ufficio acquisti.
        Não sou eu que trato disso, fale com o departamento de compras.
        Daar ga ik niet over, neem contact op met inkoop.
        Ja się tym nie zajmuję, proszę o kontakt z działem zakupów.
        Jag ansvarar inte för det, kontakta inköp.
        担当は購買部ですので、そちらへご連絡ください。
        """,
    "not_interested": """
        Interested? No.
        Curious, yes. Interested, no.
        Thanks, but we don't need it.
        It's not something for us.
        We're happy with what we use today.
        Sounds great, but no.
        Danke, aber das brauchen wir nicht.
        Wir sind mit unserem Anbieter zufrieden.
        Merci, mais nous n'en avons pas besoin.
        Nous sommes satisfaits de notre prestataire.
        Gracias, pero no lo necesitamos.
        Estamos contentos con nuestro proveedor.
        Grazie, ma non ne abbiamo bisogno.
        Obrigado, mas não precisamos.
        Bedankt, maar we hebben het niet nodig.
        Dziękuję, ale nie potrzebujemy tego.
        Tack, men vi behöver det inte.
        せっかくですが、今回は見送らせていただきます。
        """,
    "other": """
        Thanks, received.
        Who are you?
        I think you've mistaken me for somebody else.
        The link in your message is broken.
        Danke, habe ich erhalten.
        Wer sind Sie?
        Merci, bien reçu.
        Qui êtes-vous ?
        Gracias, recibido.
        ¿Quién es usted?
        Grazie, ricevuto.
        Obrigado, recebido.
        Bedankt, ontvangen.
        Dziękuję, otrzymałem.
        Tack, mottaget.
        ありがとうございます。受け取りました。
        """,
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [(line.strip(), answer) for answer, text in CLASSES.items() for line in text.strip().split("\n")],
)
def test_a_class_in_each_language(text: str, answer: Answer) -> None:
    assert read_answer(text).answer == answer


# Each beside the class that a hasty reader would give it.
MISLEADING: list[tuple[str, Answer]] = [
    ("Not a bad idea at all. Send me the details.", "interested"),
    ("I can't say no to a free sample, can I? Send it.", "interested"),
    ("Nice mail. Not for us, though.", "not_interested"),
    ("Sounds brilliant. We still don't need it.", "not_interested"),
    ("No, Thursday is bad, but Friday at 3 is fine.", "meeting"),
    ("No need for slides, just call me on Monday.", "meeting"),
    ("I like it, but not before the summer.", "not_now"),
    ("Interesting, but ask me again next year.", "not_now"),
    ("No thanks, but our sister company might: talk to Rosa there.", "referral"),
    ("Great, another chatbot. No thanks.", "not_interested"),
]


@pytest.mark.parametrize(("text", "answer"), MISLEADING)
def test_what_misleads(text: str, answer: Answer) -> None:
    assert read_answer(text).answer == answer


def test_an_address_turns_a_no_into_a_referral() -> None:
    text = "Not interested, but try kim@acme.test"
    assert read_answer(text, names_somebody=True).answer == "referral"


@pytest.mark.parametrize("text", ["", " \n ", ".", "...", "—"])
def test_nothing_said_is_other(text: str) -> None:
    reading = read_answer(text)
    assert (reading.answer, reading.evidence) == ("other", ())


def test_evidence_is_what_a_person_can_look_up_in_the_mail() -> None:
    by_rule = read_answer("Sorry, we are not interested in this.")
    assert any("not interested" in words for words in by_rule.evidence)
    by_model = read_answer("Prospekt und Muster wären fein")
    assert len(by_model.evidence) <= EVIDENCE_MAX
    assert all(word in ("prospekt", "und", "muster", "waren", "fein") for word in by_model.evidence)


def test_confidence_falls_with_doubt() -> None:
    plain = read_answer("Not interested, thanks.").confidence
    doubtful = read_answer("The gate is green and the pond is deep.").confidence
    assert doubtful < 0.6 < plain <= 0.99
