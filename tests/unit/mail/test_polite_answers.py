"""A no with thanks, no need to write again, interest on a condition, and a question behind a bad experience."""

import pytest

from sequencer.mail.answer import read_answer
from sequencer.mail.judgement import Answer

CLASSES: dict[Answer, str] = {
    "not_interested": """
        Det er ikke relevant for os, men tak for henvendelsen.
        Det passer ikke til os, men tak for din henvendelse.
        Ikke relevant for oss, men takk for henvendelsen.
        Vi har ikke behov for dette, takk for henvendelsen.
        Vi har desværre ikke brug for det. Tak for din mail.
        Det er ikke noget for os, men tak for jeres tilbud.
        Takk for e-posten, men dette er ikke aktuelt for oss.
        Vi er ikke interessert, men takk for meldingen.
        This isn't relevant for us, but thank you for your enquiry.
        We don't need that, but thanks for your mail.
        Not a fit for our clinic, though thank you for contacting us.
        We're not looking for anything like this. Thanks for writing.
        Das ist für uns nicht relevant, aber danke für Ihre Anfrage.
        Wir haben keinen Bedarf, danke für Ihre Nachricht.
        Vielen Dank für Ihre E-Mail, aber das passt nicht zu uns.
        Danke für die Kontaktaufnahme, das ist für uns kein Thema.
        Ce n'est pas pertinent pour nous, mais merci pour votre message.
        Nous n'en avons pas l'utilité, merci de votre courriel.
        Merci de nous avoir contactés, mais cela ne nous convient pas.
        No es relevante para nosotros, pero gracias por su mensaje.
        No lo necesitamos, gracias por su correo.
        Non è rilevante per noi, ma grazie per il messaggio.
        Non ne abbiamo bisogno, grazie della mail.
        Grazie per averci contattato, ma non fa per noi.
        Não é relevante para nós, mas obrigado pela mensagem.
        Não precisamos disso, obrigada pelo contacto.
        Agradecemos o seu e-mail, mas não se aplica ao nosso caso.
        Het is niet relevant voor ons, maar bedankt voor uw bericht.
        We hebben hier geen behoefte aan, dank voor je mail.
        Dit past niet bij ons, maar dank voor de moeite.
        To nie dla nas, ale dziękuję za wiadomość.
        Nie potrzebujemy tego, dziękuję za maila.
        Nie jesteśmy zainteresowani, dziękujemy za kontakt.
        Det är inte relevant för oss, men tack för ditt mejl.
        Vi har inget behov av detta, tack för ditt meddelande.
        Det passar inte oss, men tack för att du hörde av dig.
        Tämä ei ole meille ajankohtaista, mutta kiitos viestistä.
        Emme tarvitse tätä, kiitos yhteydenotosta.
        Pro nás to není relevantní, ale děkujeme za zprávu.
        Nemáme zájem, děkuji za váš e-mail.
        Nie je to pre nás relevantné, ale ďakujeme za správu.
        Ez számunkra nem releváns, de köszönjük a megkeresést.
        Nincs rá szükségünk, köszönöm az e-mailt.
        Nu este relevant pentru noi, dar mulțumim pentru mesaj.
        Nu avem nevoie, mulțumesc pentru e-mail.
        Bizim için uygun değil, ama mesajınız için teşekkürler.
        İhtiyacımız yok, e-postanız için teşekkür ederiz.
        Для нас это неактуально, но спасибо за письмо.
        Нам это не нужно, благодарим за обращение.
        Нам це не потрібно, дякуємо за лист.
        Δεν μας αφορά, αλλά ευχαριστούμε για το μήνυμα.
        弊社には必要ありませんが、ご連絡ありがとうございました。
        せっかくですが不要です。メールありがとうございます。
        我们不需要,不过谢谢您的来信。
        저희에게는 필요하지 않습니다. 메일 주셔서 감사합니다.
        """,
    "opt_out": """
        Wow, a fourth follow-up in one week. Very keen. Please, don't feel obliged to send a fifth.
        No need to send another follow-up.
        There's no need to write again.
        No need to write again, I will report you as spam.
        You needn't send any more reminders.
        Please don't feel you have to send another one.
        You don't have to follow up again.
        Sie brauchen keine weitere Erinnerung zu schicken.
        Sie müssen mir nicht noch einmal schreiben.
        Eine weitere Mail ist nicht nötig.
        Fühlen Sie sich nicht verpflichtet, noch eine zu schicken.
        Inutile d'envoyer une autre relance.
        Vous n'êtes pas obligé de m'écrire une cinquième fois.
        Pas besoin de m'écrire à nouveau.
        No hace falta que envíe otro recordatorio.
        No es necesario que vuelva a escribir.
        No se sienta obligado a mandar otro correo.
        Non serve mandare un altro sollecito.
        Non è necessario scrivermi ancora.
        Non si senta obbligato a mandarne un'altra.
        Não é preciso enviar outro lembrete.
        Não precisa escrever de novo.
        Je hoeft geen herinnering meer te sturen.
        U hoeft niet nog eens te mailen.
        Nie trzeba wysyłać kolejnego przypomnienia.
        Nie musi Pan już pisać ponownie.
        Du behöver inte skicka en till påminnelse.
        Du behöver inte höra av dig igen.
        Du behøver ikke sende endnu en påmindelse.
        I behøver ikke skrive igen.
        Du trenger ikke sende flere påminnelser.
        Du trenger ikke skrive igjen.
        Ei tarvitse lähettää toista muistutusta.
        Není třeba posílat další připomínku.
        Už mi nemusíte psát znovu.
        Nem kell újabb emlékeztetőt küldeni.
        Nu e nevoie să mai trimiteți încă un mesaj.
        Tekrar yazmanıza gerek yok.
        Не нужно присылать ещё одно напоминание.
        I think we've heard enough from you for one lifetime.
        Je serais ravi de ne plus vous lire.
        Preferirei non leggere più niente da voi.
        Kindly consider this correspondence closed for good.
        Tun Sie mir den Gefallen und vergessen Sie meine Adresse.
        Glem venligst min adresse.
        再度のご連絡は不要です。
        不用再发提醒了。
        다시 연락 주실 필요 없습니다.
        """,
    "interested": """
        If it works with SAP we may be interested.
        We could be interested if it integrates with SAP.
        Wenn es mit SAP zusammenarbeitet, könnte das für uns interessant sein.
        Falls es eine SAP-Anbindung gibt, wären wir interessiert.
        Si cela s'intègre à SAP, cela pourrait nous intéresser.
        Nous pourrions être intéressés si vous avez une version hors ligne.
        Si se integra con SAP podría interesarnos.
        Podríamos estar interesados si funciona sin conexión.
        Se si integra con SAP potrebbe interessarci.
        Se integrar com o SAP, pode interessar-nos.
        Talvez nos interesse, se funcionar sem internet.
        Als het met SAP werkt, zouden we interesse kunnen hebben.
        Jeśli integruje się z SAP, moglibyśmy być zainteresowani.
        Om det går att koppla till SAP kan vi vara intresserade.
        Hvis det kan integreres med SAP, kunne vi være interesserede.
        Dersom det fungerer med SAP, kan vi være interessert.
        Jos se toimii SAPin kanssa, voisimme olla kiinnostuneita.
        Pokud to umí napojení na SAP, mohlo by nás to zajímat.
        Ha együttműködik az SAP-val, érdekelhet minket.
        Dacă se integrează cu SAP, ne-ar putea interesa.
        SAP ile entegre oluyorsa ilgilenebiliriz.
        Если есть интеграция с SAP, нам может быть интересно.
        SAPと連携できるのであれば、興味があります。
        如果能和SAP集成,我们可能会感兴趣。
        SAP와 연동된다면 관심이 있습니다.
        """,
    "question": """
        We cancelled a similar tool last year because nobody used it. What makes yours different?
        Wir haben so ein Werkzeug letztes Jahr abgeschafft, weil es niemand genutzt hat. Was ist bei Ihnen anders?
        On a arrêté un outil semblable l'an dernier, personne ne s'en servait. En quoi le vôtre est-il différent ?
        El año pasado dejamos una herramienta parecida porque nadie la usaba. ¿Qué tiene de distinto la suya?
        No ano passado cancelámos uma ferramenta assim porque ninguém a usava. O que tem a vossa de diferente?
        Vorig jaar hebben we zo'n pakket opgezegd omdat niemand het gebruikte. Wat is er anders aan het uwe?
        W zeszłym roku zrezygnowaliśmy z podobnego narzędzia, bo nikt z niego nie korzystał. Czym różni się wasze?
        Vi sade upp ett liknande verktyg förra året för att ingen använde det. Vad är annorlunda med ert?
        Vi opsagde et lignende værktøj sidste år, fordi ingen brugte det. Hvad gør jeres anderledes?
        The last vendor left us with a mess. How do you handle migration?
        """,
}
THANKS_AND_STOP = """
    Thank you for your mail. Please take me off the list.
    Thanks for your enquiry, but don't write again.
    Danke für Ihre Nachricht, bitte löschen Sie meine Adresse.
    Merci pour votre message, mais ne m'écrivez plus.
    Gracias por su correo, pero no me escriban más.
    Grazie della mail, ma cancellatemi dalla lista.
    Obrigado pela mensagem, mas removam o meu endereço.
    Bedankt voor uw bericht, maar haal mij van de lijst.
    Dziękuję za wiadomość, proszę mnie wypisać.
    Tack för ditt mejl, men ta bort mig från listan.
    Tak for henvendelsen, men slet mig fra listen.
    Takk for henvendelsen, men fjern meg fra listen.
    Kiitos viestistä, mutta poistakaa minut listalta.
    Спасибо за письмо, но отпишите меня.
    """
NO_REQUESTS = """
    You don't have to send another invite, I accepted the first. See you Thursday at 2.
    No need to follow up again before May, we're closed until then. Write to me in May.
    You don't have to send further samples, just the price list please.
    Don't feel obliged to make slides, just send the price list.
    I've heard enough from you to decide: yes, send the contract.
    Is there really no need to install anything again after an update?
    You don't need to write again, I'm in. When can we start?
    No need to send another reminder, I will look at it on Monday.
    Sie müssen mir nicht noch einmal schreiben, ich bin dabei.
    Inutile de me relancer encore, je suis partant.
    """


@pytest.mark.parametrize(
    ("text", "answer"),
    [(line.strip(), answer) for answer, text in CLASSES.items() for line in text.strip().split("\n")],
)
def test_a_class_in_each_language(text: str, answer: Answer) -> None:
    assert read_answer(text).answer == answer


@pytest.mark.parametrize("text", [line.strip() for line in THANKS_AND_STOP.strip().split("\n")])
def test_thanks_hide_no_request_to_stop(text: str) -> None:
    assert read_answer(text).answer == "opt_out"


@pytest.mark.parametrize("text", [line.strip() for line in NO_REQUESTS.strip().split("\n")])
def test_no_need_of_something_else_is_no_request(text: str) -> None:
    assert read_answer(text).answer != "opt_out"


def test_a_denial_without_a_phrase_is_no_faint_interest() -> None:
    reading = read_answer("The gate is not green and the pond is never deep.")
    assert reading.answer != "interested" or reading.confidence >= 0.6
