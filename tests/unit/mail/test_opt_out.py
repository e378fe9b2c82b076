"""Requests to stop and what only looks like one: who is not understood is written to again, who is misread is lost."""

import pytest

from sequencer.mail.answer import asks_to_stop, read_answer

REQUESTS = {
    "en": """
        The cold store is shut and we only rent the hall out now. I'd be grateful if you didn't write again. Good luck.
        Our people are doing well, thank you. I would ask you to refrain from further mails. Where was the fair?
        Bin my details please, ta.
        Let that be your last message.
        kindly discontinue sending such proposals
        pls dont mail me
        Would you mind dropping us from the list?
        You have a week to confirm deletion of my data.
        There's no unsubscribe link in your mail. Take me off by hand.
        Our tender is decided and we're content, so there is nothing to gain here. Before I forget: kindly take me off.
        Please cross my brother off, he is ninety.
        You said the one before was your last message.
        Would you make sure that we're deleted?
        Blacklist our domain on your side, please.
        Nothing here for you. Please don't.
        Stop please.
        stop!!
        STOP MAILING
        Unsubscribe, thanks
        unsubcribe pls
        UNSUSCRIBE ME
        remove me thx
        Please take our address off this list.
        Would you kindly delete my details from your system?
        I do not want to get any more of your emails.
        Could you leave me out of this from now on?
        Please don't contact anyone at our firm again.
        No more mails from you, please.
        Never write here again.
        You keep writing. I keep deleting. Take me off.
        I've asked three times now to be taken off your list.
        Your unsubscribe button does nothing. Do it by hand.
        I object to direct marketing under Article 21 of the GDPR.
        Under the CCPA, delete the personal information you hold on me.
        We'll report you to the ICO if this continues.
        One more of these and our lawyers will be in touch.
        Lovely email. Please never send me another.
        Not interested, and please stop following up.
        No need to chase me any further.
        My father died in May, please stop writing to him.
        This is spam, I have reported it.
        leave me alone
        piss off
        Enough.
        Please remove everybody at our company from your mailings.
        """,
    "de": """
        Ich vertrete Frau Kern, sie ist im Ruhestand. Könnten Sie die Adresse rausnehmen?
        Streichen Sie bitte auch meinen Chef.
        Meine Daten bitte entfernen.
        Abmelden!
        Bitte löschen Sie meine E-Mail-Adresse.
        Streichen Sie mich von Ihrer Liste.
        Keine weiteren Mails bitte.
        Hören Sie auf, uns zu schreiben.
        Ich widerspreche der Verwendung meiner Daten für Werbung.
        Lassen Sie mich endlich in Ruhe.
        nehmt mich aus dem verteiler
        Bitte sehen Sie von weiteren E-Mails ab, ich möchte nicht mehr angeschrieben werden.
        Löschung meiner Daten gemäß DSGVO, bitte bestätigen.
        """,
    "fr": """
        Pas pour une école. Cette adresse, merci de la retirer.
        Pourriez-vous m'enlever ?
        Désabonnez-moi.
        desinscrivez moi svp
        Retirez mon adresse de vos fichiers.
        Merci de ne plus m'envoyer de courriels.
        Ne me relancez plus.
        Je m'oppose à l'utilisation de mes données.
        Laissez-nous tranquilles.
        Supprimez mes coordonnées, conformément au RGPD.
        Je ne souhaite plus recevoir ce type de message.
        """,
    "es": """
        Dadme de baja.
        Quítenme de su lista.
        No me envíen más correos.
        No quiero que me vuelvan a escribir.
        Borren mis datos, por favor.
        Dejen de molestarme.
        Solicito la supresión de mis datos personales.
        Basta ya de correos.
        Preferiría no recibir más mensajes suyos.
        """,
    "it": """
        Se ne occupa il magazzino. Quanto a me, vorrei essere cancellato.
        Cancellatemi.
        Toglietemi dalla vostra lista.
        Non desidero ricevere altre comunicazioni.
        Smettetela di mandarmi email.
        Chiedo la cancellazione dei miei dati.
        Non contattatemi mai più.
        Basta messaggi.
        """,
    "pt": """
        Decide a direção. Peço que apaguem o meu correio.
        Remova-me da lista.
        Não quero receber mais mensagens.
        Parem de me escrever.
        Quero cancelar a inscrição
        Apaguem os meus dados.
        Por favor, não me contactem mais.
        me tira dessa lista por favor
        """,
    "nl": """
        We zitten nog vier jaar vast. Kun je ons uit het systeem halen?
        Uitschrijven graag.
        Haal mijn adres van de lijst.
        Mail mij niet meer.
        Verwijder mijn gegevens.
        Ik wil geen berichten meer van jullie.
        Laat me met rust.
        Stop met deze mails.
        """,
    "pl": """
        Proszę mnie wypisać z listy.
        Usuńcie mój adres.
        Nie piszcie do mnie więcej.
        Nie życzę sobie żadnych ofert.
        Żądam usunięcia moich danych.
        Przestańcie wysyłać maile.
        """,
    "sv": """
        Vi är bara två här. Ta gärna bort oss.
        Avregistrera mig.
        Ta bort mig från er lista.
        Sluta skicka mejl.
        Jag vill inte få fler mejl.
        Kontakta mig inte igen.
        Radera mina uppgifter.
        """,
    "da": """
        Afmeld mig.
        Slet mig fra jeres liste.
        Skriv ikke til mig mere.
        Jeg ønsker ikke flere mails fra jer.
        """,
    "no": """
        Meld meg ut
        Meld meg av.
        Fjern meg fra listen deres.
        Ikke send meg flere eposter.
        Slutt å kontakte meg.
        """,
    "fi": """
        Poistakaa minut listalta.
        Älkää lähettäkö enää viestejä.
        En halua enää sähköpostia teiltä.
        Jättäkää minut rauhaan.
        """,
    "cs": """
        Odhlaste mě.
        Vyřaďte mě ze seznamu.
        Už mi nepište.
        Nepřeji si další zprávy.
        """,
    "sk": """
        Odhláste ma.
        Vymažte moju adresu.
        Neposielajte mi maily.
        """,
    "hu": """
        Leiratkozom.
        Töröljenek a listáról.
        Ne írjanak többet.
        Nem kérek több levelet.
        """,
    "ro": """
        Dezabonați-mă.
        Ștergeți-mă din listă.
        Nu-mi mai scrieți.
        Nu doresc să mai primesc mesaje.
        """,
    "tr": """
        Beni listeden çıkarın.
        Artık mail atmayın.
        Mail almak istemiyorum.
        Verilerimi silin.
        """,
    "ru": """
        Отпишите меня.
        Удалите мой адрес из рассылки.
        Больше мне не пишите.
        Прекратите присылать письма.
        """,
    "uk": """
        Відпишіть мене.
        Не пишіть мені більше.
        """,
    "el": """
        Διαγράψτε με.
        Μη μου στέλνετε άλλα μηνύματα.
        """,
    "ja": """
        配信停止を希望します。
        今後メールは送らないでください。
        リストから外してください。
        営業のご連絡はお控えください。
        """,
    "zh": """
        请退订。
        请不要再给我发邮件。
        把我从名单里删除。
        """,
    "ko": """
        수신거부합니다.
        더 이상 메일 보내지 마세요.
        목록에서 삭제해 주세요.
        """,
}
NO_REQUESTS = """
    Remove the training day from the quote and we'll sign.
    You can stop sending case studies, I'm convinced. Send the contract.
    Please take us off the waiting list and put us on the paid plan.
    Please take my old address off the invite, Tuesday at three works.
    Our filter catches spam well enough, so no need, thanks.
    How do you handle deletion requests under the GDPR?
    I unsubscribed from a competitor's newsletter last week, yours is better. Tell me more.
    Somebody here reported you as spam, that wasn't me. I'd like to see the demo.
    Bitte streichen Sie die Schulung aus dem Angebot, dann unterschreiben wir.
    Streichen Sie uns von der Warteliste, wir bestellen.
    Retirez la formation du devis et on signe.
    Quiten la cuota del presupuesto y firmamos.
    Togliete la formazione dal preventivo e firmiamo.
    Haal de training uit de offerte, dan tekenen we.
    Don't stop, I look forward to them.
    Stop sending samples, send the invoice! We buy.
    I opted out in error. Please put me back, I want the price list.
    How do you keep our domain off the blocklists?
    How are deletion requests handled under Art. 17?
    Can it sync with our do-not-contact list?
    I usually delete mails like this. Not this one, show me.
    Please delete my old address and write to this one. When can we talk?
    If this can stop the shrinkage in our shops, send everything.
    Wie bestellen Mitglieder das ab?
    Bei uns verschwindet ständig Werkzeug. Schicken Sie mir Unterlagen.
    Je me suis désabonnée par erreur, remettez-moi sur la liste.
    Comment se désinscrivent vos lecteurs ?
    Me di de baja sin querer, quiero volver.
    Mi sono cancellato per sbaglio, rimettetemi.
    Come si disiscrivono gli iscritti?
    Hoe schrijven onze leden zich uit?
    Ik heb me per vergissing afgemeld, zet me terug.
    Kom gerust langs, vrijdagmiddag zijn we er allemaal.
    Descadastrei sem querer, quero voltar.
    Hur avslutar våra kunder, avregistrerar de sig själva?
    Hogyan iratkoznak le az olvasók?
    Jak se odběratelé odhlásí?
    会員が退会する場合の手続きはどうなりますか。
    We build an unsubscribe tool, tell me more.
    Unsubscribe management is what we do, so I'm curious. Send it.
    Don't unsubscribe me, I like these. And yes, send the guide.
    I clicked unsubscribe by accident, please put me back on.
    Please don't take me off the list.
    Stop by our booth on Wednesday.
    Can you stop by at four?
    We stopped using our old system in May. What does yours cost?
    Please remove the attachment and send a link instead.
    Take Paul off this thread please, he has left. And yes, send me the offer.
    Do you delete our data when the contract ends?
    How can our customers opt out of the text messages?
    Does your tool have an unsubscribe link?
    Can we cancel after a month?
    If this removes the paperwork I'm in.
    We have to remove duplicates by hand every day, so go on, show me.
    Not a bad time, Thursday works.
    No problem, Tuesday at ten.
    No thanks.
    Not interested.
    We don't need this.
    No.
    Never.
    I'd never buy this by email, we use our own.
    Not now, try again in May.
    Don't call before ten, after that is fine.
    Don't phone, just email me the details please.
    You don't want me, you want Sarah in procurement.
    I can't stop laughing at that subject line. Send more.
    End of the month is better for me.
    The subscription we have ends in June, write to me then.
    Who is this?
    Where did you get my address?
    Thanks, got it.
    Please cancel Thursday, Friday at nine is better.
    I deleted your first mail by mistake, can you send it again?
    Your mail landed in my spam folder, only saw it now. Sounds good!
    Enough talk, send me the contract.
    Leave it with me, I'll ask the boss.
    Nicht abmelden bitte, ich lese das gern.
    Melden Sie sich im Herbst wieder.
    Ich melde mich nächste Woche.
    Lassen Sie uns am Dienstag telefonieren.
    Lassen Sie mir bitte die Unterlagen zukommen.
    Können sich Kunden selbst abmelden?
    Kein Interesse, danke.
    Comment vos clients se désinscrivent-ils ?
    Je ne suis plus en charge, voyez avec Claire.
    Non merci.
    Arrêtez-vous à notre stand, hall 3.
    ¿Los clientes pueden darse de baja solos?
    No me interesa, gracias.
    No me va bien el lunes, mejor el martes.
    Non siamo interessati.
    Passi pure da noi giovedì.
    Não temos interesse.
    Não posso na segunda, terça sim.
    Geen interesse.
    Kunnen klanten zich zelf afmelden?
    Bel me morgen maar even.
    Nie, dziękuję.
    Czy klienci mogą się sami wypisać?
    Inte intresserad.
    Kan kunderna avregistrera sig själva?
    今は必要ありません。
    不需要,谢谢。
    관심 없습니다.
    Нет, спасибо.
    Hayır, teşekkürler.
    Ei kiitos.
    """


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_tables_are_as_wide_as_they_should_be() -> None:
    assert sum(len(_lines(text)) for text in REQUESTS.values()) >= 120
    assert len(REQUESTS) >= 15
    assert len(_lines(NO_REQUESTS)) >= 60


@pytest.mark.parametrize(
    ("language", "text"), [(language, line) for language, text in REQUESTS.items() for line in _lines(text)]
)
def test_a_request_to_stop(language: str, text: str) -> None:
    assert read_answer(text).answer == "opt_out"


@pytest.mark.parametrize("text", _lines(NO_REQUESTS))
def test_no_request_to_stop(text: str) -> None:
    assert read_answer(text).answer != "opt_out"


def test_a_subject_asks_to_stop_by_the_lists_alone() -> None:
    assert asks_to_stop("REMOVE")
    assert asks_to_stop("unsubscribe")
    assert not asks_to_stop("Your unsubscribe tool")
    assert not asks_to_stop("Re: hello")
