"""Header blocks that mail programs write above a quote or a forwarded mail; for test_quoting.py."""

_ADDRESS = "Ana Ruiz <ana@ourco.test>"


def _block(fields: str, *, space: str = "") -> str:
    names = fields.split("/")
    return "\n".join(f"{name}{space}: {value}" for name, value in zip(names, _values(len(names)), strict=True))


def _values(count: int) -> tuple[str, ...]:
    return (_ADDRESS, "6/7/2026 9:12", "Jo Low <jo@acme.test>", "Hi")[:count]


# From, sent, to, subject as Outlook, Apple Mail or Thunderbird translate them.
BLOCKS_BY_LANGUAGE = {
    "ar": _block("من/تم الإرسال/إلى/الموضوع"),
    "bg": _block("От/Изпратено/До/Тема"),
    "ca": _block("De/Enviat el/Per a/Assumpte"),
    "cs": _block("Od/Odesláno/Komu/Předmět"),
    "da": _block("Fra/Sendt/Til/Emne"),
    "de": _block("Von/Gesendet/An/Betreff"),
    "el": _block("Από/Στάλθηκε/Προς/Θέμα"),
    "en": _block("From/Sent/To/Subject"),
    "es": _block("De/Enviado el/Para/Asunto"),
    "et": _block("Saatja/Saadetud/Adressaat/Teema"),
    "fi": _block("Lähettäjä/Lähetetty/Vastaanottaja/Aihe"),
    "fr": _block("De/Envoyé/À/Objet", space=" "),
    "he": _block("מאת/נשלח/אל/נושא"),
    "hr": _block("Šalje/Poslano/Prima/Predmet"),
    "hu": _block("Feladó/Elküldve/Címzett/Tárgy"),
    "id": _block("Dari/Dikirim/Kepada/Subjek"),
    "it": _block("Da/Inviato/A/Oggetto"),
    "ja": _block("差出人/送信日時/宛先/件名"),
    "ko": _block("보낸 사람/보낸 날짜/받는 사람/제목"),
    "lt": _block("Nuo/Išsiųsta/Kam/Tema"),
    "lv": _block("No/Nosūtīts/Kam/Temats"),
    "nl": _block("Van/Verzonden/Aan/Onderwerp"),
    "no": _block("Fra/Sendt/Til/Emne"),
    "pl": _block("Od/Wysłane/Do/Temat"),
    "pt": _block("De/Enviada em/Para/Assunto"),
    "ro": _block("De la/Trimis/Către/Subiect"),
    "ru": _block("От/Отправлено/Кому/Тема"),
    "sk": _block("Od/Odoslané/Komu/Predmet"),
    "sl": _block("Od/Poslano/Za/Zadeva"),
    "sr": _block("Од/Послато/За/Наслов"),
    "sv": _block("Från/Skickat/Till/Ämne"),
    "th": _block("จาก/ส่ง/ถึง/เรื่อง"),
    "tr": _block("Kimden/Gönderildi/Kime/Konu"),
    "uk": _block("Від/Надіслано/Кому/Тема"),
    "vi": _block("Từ/Đã gửi/Đến/Chủ đề"),
    "zh": _block("发件人/发送时间/收件人/主题"),
    "zh-TW": _block("寄件者/寄件日期/收件者/主旨"),
}
BLOCKS_BY_PROGRAM = [
    f"From: {_ADDRESS}\nSent: Monday, July 6, 2026 9:12 AM\nTo: Jo\nSubject: Hi",
    "________________________________\nFrom: Ana Ruiz\nDate: Monday\nTo: Jo\nSubject: Hi",  # Outlook iOS, new Outlook
    "-----Original Message-----\nFrom: Ana Ruiz\nTo: Jo\nSent: Mon, Jul 6, 2026\nSubject: Hi",  # AOL
    "*From:* Ana Ruiz\n*Sent:* Monday\n*To:* Jo\n*Subject:* Hi",  # bold turned into stars
    "**From:** Ana Ruiz\n**Sent:** Monday\n**To:** Jo\n**Subject:** Hi",
    "*From: *Ana Ruiz <ana@ourco.test>\n*Date: *Monday, July 6, 2026\n*To: *Jo\n*Subject: *Hi",  # Outlook for Mac
    "From: Ana Ruiz [mailto:ana@ourco.test]\nSent: Monday\nTo: Jo\nCc: Bo; Cy;\n Di; Ed\nSubject: Hi",  # folded
    "From: Ana Ruiz\n<ana@ourco.test>\nSent: Monday, July 6, 2026 9:12 AM\nTo: Jo\nSubject: Hi",
    f"From: {_ADDRESS}\n\nSent: Monday, July 6, 2026\n\nTo: Jo\n\nSubject: Hi",  # each a paragraph of HTML
    'Gesendet: Montag, 06. Juli 2026 um 09:12 Uhr\nVon: "Ana Ruiz" <ana@ourco.test>\nAn: Jo\nBetreff: Hi',  # GMX
    '> Message du 06/07/26 09:12\n> De : "Ana Ruiz" <ana@ourco.test>\n> A : jo@acme.test\n> Objet : Hi\n>',  # Orange
    (
        "---------- Původní e-mail ----------\nOd: Ana Ruiz <ana@ourco.test>\n"
        "Komu: jo@acme.test\nDatum: 6. 7. 2026\nPředmět: Hi"
    ),
    '-------- 原始邮件 --------\n发件人: "Ana" <ana@ourco.test>;\n发送时间: 2026年7月6日\n主题: Hi',  # QQ
    (
        "---- Replied Message ----\n| From | Ana Ruiz<ana@ourco.test> |\n"
        "| Date | 07/06/2026 09:12 |\n| To | jo |\n| Subject | Hi |"
    ),
    "发件人：Ana Ruiz <ana@ourco.test>\n发送时间：2026年7月6日(星期一) 09:12\n收件人：jo\n主　题：Hi",  # Aliyun
    '------ Original Message ------\nFrom "Ana" <ana@ourco.test>\nTo jo@acme.test\nDate 06/07/2026 09:12\nSubject Hi',
    (
        "-------- Original message --------\nFrom: Ana Ruiz <ana@ourco.test>\n"
        "Date: 06/07/2026 09:12 (GMT+01:00)\nTo: Jo\nSubject: Hi"
    ),
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Monday, July 6, 2026 9:12 AM, Ana Ruiz <ana@ourco.test> wrote:",  # Proton
    '----- Mail original -----\nDe: "Ana" <ana@ourco.test>\nÀ: jo@acme.test\nEnvoyé: Lundi\nObjet: Hi',  # Zimbra
    "----- Ursprüngliche Mail -----\nVon: ana@ourco.test\nAn: jo@acme.test\nGesendet: Montag\nBetreff: Hi",
    (  # T-Online
        "-----Original-Nachricht-----\nBetreff: Hi\nDatum: 2026-07-06\nVon: Ana <ana@ourco.test>\nAn: jo@acme.test"
    ),
    "----- Oorspronkelijk bericht -----\nVan: Ana\nVerzonden: maandag\nAan: Jo\nOnderwerp: Hi",
    (
        "________________________________\nAfsender: Ana <ana@ourco.test>\n"
        "Tidspunkt: 6. juli 2026 09:12\nModtager: Jo <jo@acme.test>\nTitel: Hi"
    ),
    "-------- Eelmine kiri --------\nSaatja: Ana <ana@ourco.test>\nKuupäev: 6.7.2026 9:12\nTeema: Hi",
]
# Nothing but a line, as help desks write it.
LINES_ABOVE_A_QUOTE = [
    "##- Please type your reply above this line -##",
    "==== Please reply above this line ====",
    "--- Reply above this line ---",
    "##- Bitte antworten Sie oberhalb dieser Linie -##",
    "##- Répondre au-dessus de cette ligne -##",
]
# What each language and program writes above a forwarded mail; a header block follows.
FORWARD_MARKS = [
    "---------- Forwarded message ---------",
    "---------- Forwarded message ----------",
    "-------- Forwarded Message --------",
    "----- Forwarded Message -----",
    "------- Forwarded Message -------",
    "------ Forwarded Message ------",
    "============ Forwarded message ============",  # Zoho
    "----- Forwarded by Jo Low/Acme on 06/07/2026 09:12 -----",  # Notes
    "---------------------- Forwarded by Jo Low/Acme on 06/07/2026 09:12 AM ---------------------------",
    "---------- Forwarded mail ----------",
    "Begin forwarded message:",
    "Forwarded message:",
    "---- Forwarded Message ----",
    "-------- Weitergeleitete Nachricht --------",
    "---------- Weitergeleitete Nachricht ---------",
    "----- Weitergeleitete Nachricht -----",
    "----- Weitergeleitet von Jo Low/Acme am 06.07.2026 09:12 -----",
    "Anfang der weitergeleiteten Nachricht:",
    "Anfang der weitergeleiteten E-Mail:",
    "---------- Message transféré ---------",
    "-------- Message transféré --------",
    "----- Message transmis -----",
    "----- Mail transféré -----",
    "----- Transféré par Jo Low/Acme le 06/07/2026 09:12 -----",
    "Début du message réexpédié :",
    "Début du message transféré :",
    "---------- Mensaje reenviado ---------",
    "-------- Mensaje reenviado --------",
    "----- Mensaje reenviado -----",
    "Inicio del mensaje reenviado:",
    "Comienza el mensaje reenviado:",
    "---------- Messaggio inoltrato ---------",
    "-------- Messaggio Inoltrato --------",
    "----- Inoltrato da Jo Low/Acme il 06/07/2026 09:12 -----",
    "Inizio messaggio inoltrato:",
    "Inizio del messaggio inoltrato:",
    "---------- Mensagem encaminhada ---------",
    "-------- Mensagem reencaminhada --------",
    "Início da mensagem encaminhada:",
    "Início da mensagem reencaminhada:",
    "Iniciar mensagem encaminhada:",
    "---------- Doorgestuurd bericht ---------",
    "-------- Doorgestuurd bericht --------",
    "Begin doorgestuurd bericht:",
    "---------- Vidarebefordrat meddelande ---------",
    "Vidarebefordrat mejl:",
    "Vidarebefordrat brev:",
    "Påbörjat vidarebefordrat brev:",
    "-------- Videresendt meddelelse --------",
    "---------- Videresendt besked ---------",
    "Start på videresendt besked:",
    "-------- Videresendt melding --------",
    "---------- Videresendt e-post ---------",
    "Videresendt melding:",
    "Starten på den videresendte meldingen:",
    "-------- Välitetty viesti --------",
    "---------- Edelleenlähetetty viesti ---------",
    "Välitetty viesti alkaa:",
    "Edelleenlähetetty viesti alkaa:",
    "---------- Wiadomość przekazana ---------",
    "--- Treść przekazanej wiadomości ---",
    "-------- Przekazana wiadomość --------",
    "---------- Wiadomość przesłana dalej ---------",
    "Początek przekazywanej wiadomości:",
    "Początek przekazanej wiadomości:",
    "-------- Přeposlaná zpráva --------",
    "---------- Přeposlaný e-mail ----------",
    "Začátek přeposlané zprávy:",
    "-------- Preposlaná správa --------",
    "Začiatok preposlanej správy:",
    "-------- Továbbított üzenet --------",
    "Továbbított levél kezdete:",
    "-------- Mesaj redirecționat --------",
    "---------- Mesaj transmis mai departe ---------",
    "Începe mesajul redirecționat:",
    "-------- Перенаправленное сообщение --------",
    "---------- Пересылаемое сообщение ---------",
    "-------- Пересланное сообщение --------",
    "-------- Пересылаемое письмо --------",
    "Начало переадресованного сообщения:",
    "Начало пересылаемого сообщения:",
    "-------- Переслане повідомлення --------",
    "----- Перенаправлене повідомлення -----",
    "Початок листа, що пересилається:",
    "Початок переадресованого повідомлення:",
    "-------- Препратено съобщение --------",
    "Начало на препратено съобщение:",
    "-------- Προωθημένο μήνυμα --------",
    "Έναρξη προωθημένου μηνύματος:",
    "-------- Yönlendirilmiş İleti --------",
    "-------- İletilmiş Mesaj --------",
    "İletilen ileti başlangıcı:",
    "-------- Proslijeđena poruka --------",
    "Započni proslijeđenu poruku:",
    "Početak proslijeđene poruke:",
    "-------- Posredovano sporočilo --------",
    "-------- Edastatud kiri --------",
    "---------- Edasisaadetud kiri ---------",
    "-------- Pārsūtīta vēstule --------",
    "-------- Persiųstas laiškas --------",
    "-------- Missatge reenviat --------",
    "-------- Прослеђена порука --------",
    "---------- 転送メッセージ ----------",
    "-------- 転送されたメッセージ --------",
    "転送されたメッセージ:",
    "---------- 전달된 메일 ----------",
    "---------- 전달된 메시지 ----------",
    "전달된 메시지 시작:",
    "---------- 转发的邮件 ----------",
    "-------- 转发的消息 --------",
    "------------------ 转发邮件 ------------------",
    "开始转发的邮件：",
    "---------- 轉寄郵件 ----------",
    "以下為轉寄信件：",
    "开始转发邮件：",
    "---------- הודעה שהועברה ----------",
    "תחילת הודעה מועברת:",
    "---------- رسالة معاد توجيهها ----------",
    "بداية الرسالة المعاد توجيهها:",
    "---------- Pesan terusan ----------",
    "---------- Thư đã chuyển tiếp ----------",
]
