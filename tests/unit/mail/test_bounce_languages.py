"""What servers and carriers say in other languages than English, each wording written for this test."""

import pytest

from sequencer.mail.bounce import read_bounce
from sequencer.mail.bounce_reason import judge
from sequencer.mail.parse import parse

UNKNOWN = """
Empfänger unbekannt
Dieses Postfach existiert nicht
Die E-Mail-Adresse wurde nicht gefunden
Adresse nicht gefunden
Adresse introuvable
Destinataire inconnu
Cette adresse n'existe plus
Esta casilla no existe
Usuario desconocido
Dirección no encontrada
No se encontró la dirección
Indirizzo non trovato
Utente sconosciuto
Endereço não encontrado
Usuário desconhecido
Caixa de correio inexistente
Adres niet gevonden
Onbekende gebruiker
De mailbox bestaat niet
Nie znaleziono adresu
Użytkownik nieznany
Konto nie istnieje
Адрес не найден
Пользователь не найден
Такого пользователя нет
宛先のユーザーが見つかりません
あて先のアドレスが存在しません
該当するユーザは存在しません
このアドレスは現在使用されておりません
收件人不存在
找不到该用户
用户不存在
使用者不存在
수신자를 찾을 수 없습니다
존재하지 않는 사용자
없는 사용자 계정입니다
Mottagaren finns inte
Adressen hittades inte
Okänd användare
Adressen blev ikke fundet
Modtageren findes ikke
Ukendt bruger
Adressen ble ikke funnet
Ukjent mottaker
Osoitetta ei löydy
Käyttäjää ei löydy
Tuntematon vastaanottaja
Adresa nebyla nalezena
Neznámý uživatel
Uživatel neexistuje
A címzett nem található
Ismeretlen felhasználó
Alıcı bulunamadı
Kullanıcı bulunamadı
Adresa nu a fost găsită
Utilizator necunoscut
"""
NO_DOMAIN = """
Die Domain existiert nicht
Le domaine n'existe pas
ドメインが存在しません
域名不存在
"""
DISABLED = """
Der Empfänger wurde gesperrt
Compte désactivé
La cuenta ha sido desactivada
Casella disattivata
Conta desativada
konto zablokowane
Ящик заблокирован
휴면 계정
"""
FULL = """
Das Postfach des Empfängers ist voll
Speicherplatz des Empfängers erschöpft
La boîte aux lettres du destinataire est pleine
El buzón está lleno
La casella del destinatario è piena
Caixa postal cheia
caixa postal lotada
Postvak is vol
Skrzynka odbiorcy jest pełna
Почтовый ящик получателя переполнен
受信者のメールボックスがいっぱいです
メールボックスの容量を超えています
收件人邮箱已满
邮箱空间不足
收件人郵箱已滿
받는 사람의 메일함이 가득 찼습니다
Brevlådan är full
Postkassen er fuld
Postboksen er full
Postilaatikko on täynnä
Schránka příjemce je plná
A postafiók megtelt
Posta kutusu dolu
Căsuța poștală este plină
"""
SIZE = """
Nachricht zu groß
Message trop volumineux
El mensaje es demasiado grande
Messaggio troppo grande
Bericht te groot
Wiadomość jest zbyt duża
Сообщение слишком большое
メールサイズが大きすぎます
邮件过大
"""
POLICY = """
Nachricht wurde als Spam abgelehnt
Письмо отклонено как спам
垃圾邮件
"""


def rows(said: str, reason: str) -> list[tuple[str, str]]:
    return [(line, reason) for line in said.splitlines() if line]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *rows(UNKNOWN, "unknown"),
        *rows(NO_DOMAIN, "no_domain"),
        *rows(DISABLED, "disabled"),
        *rows(FULL, "full"),
        *rows(SIZE, "size"),
        *rows(POLICY, "policy"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    verdict = judge(text)
    assert (verdict.reason, verdict.dead) == (reason, reason in {"unknown", "no_domain", "disabled", "moved"})


NOTICES = [
    # de
    (
        "Unzustellbar: Hi",
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n\n"
        "jo@acme.test\nDie von Ihnen eingegebene E-Mail-Adresse konnte nicht gefunden werden.",
    ),
    # fr
    (
        "Non remis : Hi",
        "Échec de la remise pour ces destinataires ou groupes :\n\n"
        "jo@acme.test\nL'adresse de messagerie que vous avez entrée est introuvable. Vérifiez l'adresse de messagerie.",
    ),
    # es
    (
        "No se puede entregar: Hi",
        "Error de entrega a estos destinatarios o grupos:\n\n"
        "jo@acme.test\nNo se encontró la dirección de correo electrónico que especificó.",
    ),
    # it
    (
        "Non recapitabile: Hi",
        "Recapito non riuscito per i seguenti destinatari o gruppi:\n\n"
        "jo@acme.test\nL'indirizzo di posta elettronica immesso non è stato trovato.",
    ),
    # nl
    (
        "Onbestelbaar: Hi",
        "Kan het bericht niet bezorgen bij de volgende geadresseerden of groepen:\n\n"
        "jo@acme.test\nHet ingevoerde e-mailadres is niet gevonden.",
    ),
    # pt
    (
        "Não é possível entregar: Hi",
        "Falha na entrega para estes destinatários ou grupos:\n\n"
        "jo@acme.test\nO endereço de email inserido não foi encontrado.",
    ),
    # pl
    (
        "Niedostarczone: Hi",
        "Dostarczenie do następujących adresatów lub grup nie powiodło się:\n\n"
        "jo@acme.test\nNie znaleziono wprowadzonego adresu e-mail.",
    ),
    # sv
    (
        "Olevererbart: Hi",
        "Det gick inte att leverera till följande mottagare eller grupper:\n\n"
        "jo@acme.test\nDen angivna e-postadressen hittades inte.",
    ),
    # da
    (
        "Kan ikke leveres: Hi",
        "Levering mislykkedes til disse modtagere eller grupper:\n\n"
        "jo@acme.test\nDen angivne e-mail-adresse blev ikke fundet.",
    ),
    # ru
    (
        "Недоставляемое: Hi",
        "Не удается доставить сообщение следующим получателям или группам:\n\n"
        "jo@acme.test\nУказанный адрес электронной почты не найден.",
    ),
    # ja
    (
        "配信不能: Hi",
        "次の受信者またはグループへの配信に失敗しました:\n\n"
        "jo@acme.test\n入力した電子メール アドレスが見つかりませんでした。",
    ),
    # zh
    (
        "未送达: Hi",
        "无法送达以下收件人或组:\n\njo@acme.test\n找不到您输入的电子邮件地址。请检查收件人的电子邮件地址。",
    ),
    # ko
    (
        "[메일 전송 실패 안내] Hi",
        "메일 전송에 실패하였습니다.\n\n받는사람 : jo@acme.test\n실패 사유: 존재하지 않는 사용자",
    ),
]


@pytest.mark.parametrize(("subject", "said"), NOTICES)
def test_notices(subject: str, said: str) -> None:
    head = (
        f"From: postmaster@acme.test\nTo: ana@ourco.test\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8"
    )
    bounce = read_bounce(parse(f"{head}\n\n{said}\n".encode()))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]
    assert (bounce.hard, bounce.delayed) == (True, False)


DELAYS = [
    # de, fr, es, it, pt, nl, pl, ru, ja, zh, ko, sv, da
    "Die Zustellung Ihrer Nachricht an jo@acme.test verzögert sich und wird weiter versucht.",
    "La remise de votre message à jo@acme.test est retardée, il n'a pas encore été remis.",
    "La entrega de su mensaje a jo@acme.test está retrasada, aún no se ha entregado.",
    "La consegna del messaggio a jo@acme.test è in ritardo, non è stato ancora consegnato.",
    "A entrega da mensagem para jo@acme.test está atrasada, ainda não foi entregue.",
    "De bezorging van uw bericht aan jo@acme.test is vertraagd, het is nog niet bezorgd.",
    "Dostarczenie wiadomości do jo@acme.test jest opóźnione.",
    "Доставка сообщения для jo@acme.test задерживается.",
    "jo@acme.test へのメールの配信が遅延しています。",
    "您发给 jo@acme.test 的邮件投递延迟,系统将继续尝试。",
    "jo@acme.test 님에게 보낸 메일 전송이 지연되고 있습니다.",
    "Leveransen till jo@acme.test är försenad.",
    "Leveringen til jo@acme.test er forsinket.",
]


@pytest.mark.parametrize("said", DELAYS)
def test_delays(said: str) -> None:
    """A warning is neither hard nor permanent."""
    head = "From: MAILER-DAEMON@mx.test\nTo: ana@ourco.test\nSubject: Mail"
    bounce = read_bounce(parse(f"{head}\nContent-Type: text/plain; charset=utf-8\n\n{said}\n".encode()))
    assert bounce is not None
    assert [failure.recipient for failure in bounce.failures] == ["jo@acme.test"]
    assert (bounce.delayed, bounce.hard, bounce.permanent) == (True, False, False)
