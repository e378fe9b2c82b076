"""Lines that mail programs write above a quote, one entry a program and language; for test_quoting.py.

Written from the programs' own translations. `\n` is where the program wraps the line.
"""

ANA = "Ana Ruiz <ana@ourco.test>"

GMAIL = [
    f"On Mon, Jul 6, 2026 at 9:12 AM {ANA} wrote:",
    "On Mon, Jul 6, 2026 at 9:12 AM Ana Maria Ruiz Gonzalez-Hernandez <\nana@ourco.test> wrote:",
    "On Mon, Jul 6, 2026 at 9:12\u202fAM Ana Ruiz\n<ana@ourco.test>\nwrote:",
    f"On 6 July 2026 at 09:12, {ANA} wrote:",
    "2026-07-06 9:12 GMT+02:00 Ana Ruiz <\nana@ourco.test>:",
    'On 6 Jul 2026 09:12, "Ana Ruiz" <ana@ourco.test> wrote:',
    f"Am Mo., 6. Juli 2026 um 09:12 Uhr schrieb {ANA}:",
    f"Am 6. Juli 2026 um 09:12 schrieb {ANA}:",
    "Ana Ruiz <ana@ourco.test> schrieb am Mo., 6.\nJuli 2026 um 09:12 Uhr:",
    f"Le lun. 6 juil. 2026 à 09:12, {ANA} a\nécrit :",
    f"Le 6 juillet 2026 à 09:12, {ANA} a écrit :",
    "El lun, 6 jul 2026 a las 9:12, Ana Ruiz (<ana@ourco.test>) escribió:",
    "El lun., 6 de julio de 2026 09:12, Ana Ruiz <ana@ourco.test>\nescribió:",
    f"Il giorno lun 6 lug 2026 alle ore 09:12 {ANA} ha\nscritto:",
    f"Em seg., 6 de jul. de 2026 às 09:12, {ANA}\nescreveu:",
    "Ana Ruiz <ana@ourco.test> escreveu (segunda, 6/07/2026 à(s) 09:12):",
    f"Op ma 6 jul 2026 om 09:12 schreef {ANA}:",
    f"pon., 6 lip 2026 o 09:12 {ANA} napisał(a):",
    f"Den mån 6 juli 2026 kl 09:12 skrev {ANA}:",
    f"Den man. 6. jul. 2026 kl. 09.12 skrev {ANA}:",
    f"man. 6. jul. 2026 kl. 09:12 skrev {ANA}:",
    "ma 6. heinäk. 2026 klo 9.12 Ana Ruiz (ana@ourco.test) kirjoitti:",
    f"po 6. 7. 2026 v 9:12 odesílatel {ANA} napsal:",
    f"po 6. 7. 2026 o 9:12 {ANA} napísal(a):",
    "Ana Ruiz <ana@ourco.test> ezt írta (időpont: 2026. júl. 6., H,\n9:12):",
    f"Pe lun., 6 iul. 2026 la 09:12, {ANA} a scris:",
    f"На пн, 6.07.2026 г. в 9:12 {ANA} написа:",
    f"Στις Δευ 6 Ιουλ 2026 στις 9:12 π.μ., ο χρήστης {ANA} έγραψε:",
    "Ana Ruiz <ana@ourco.test>, 6 Tem 2026 Pzt, 09:12 tarihinde şunu\nyazdı:",
    f"pon, 6. srp 2026. u 09:12 {ANA} napisao je:",
    f"V V pon., 6. jul. 2026 ob 09:12 je oseba {ANA} napisala:",
    f"пон, 6. јул 2026. у 09:12 {ANA} је написао/ла:",
    f"Kuupäev: E, 6. juuli 2026, kellaaeg 9:12, kasutaja {ANA} kirjutas:",
    f"pirmd., 2026. g. 6. jūl., plkst. 09:12 — lietotājs {ANA}\nrakstīja:",
    f"2026-07-06, pr, 09:12 {ANA} rašė:",
    f"пн, 6 июл. 2026 г. в 09:12, {ANA}:",
    f"пн, 6 лип. 2026 р. о 09:12 {ANA} пише:",
    f"2026年7月6日(月) 9:12 {ANA}:",
    f"2026년 7월 6일 (월) 오전 9:12, {ANA}님이 작성:",
    f"{ANA} 于2026年7月6日周一 09:12写道：",
    f"{ANA} 於 2026年7月6日週一 上午9:12寫道：",
    "\u202bבתאריך יום ב׳, 6 ביולי 2026 ב-9:12 מאת \u202aAna Ruiz\u202c\u200f <\u202aana@ourco.test\u202c\u200f>:\u202c",
    "في الاثنين، ٦ يوليو ٢٠٢٦ في ٩:١٢ ص تمت كتابة ما يلي بواسطة\n\u202aAna\u202c <\u202aana@ourco.test\u202c>:",
    f"Vào Th 2, 6 thg 7, 2026 vào lúc 09:12 {ANA} đã\nviết:",
    f"Pada tanggal Sen, 6 Jul 2026 pukul 09.12 {ANA} menulis:",
    f"ในวันที่ จ. 6 ก.ค. 2026 เวลา 09:12 {ANA} เขียนว่า:",
    f"Missatge de {ANA} del dia dl., 6 de jul. 2026 a\nles 9:12:",
    f"Þann mán., 6. júl. 2026 kl. 09:12 skrifaði {ANA}:",
    f"सोम, 6 जुल॰ 2026 को 9:12 am बजे को {ANA} ने लिखा:",
]
APPLE = [
    f"On 6 Jul 2026, at 09:12, {ANA} wrote:",
    "On Jul 6, 2026, at 9:12 AM, Ana Ruiz wrote:",  # no address
    f"Am 06.07.2026 um 09:12 schrieb {ANA}:",
    f"Le 6 juil. 2026 à 09:12, {ANA} a écrit :",
    f"El 6 jul 2026, a las 9:12, {ANA} escribió:",
    f"Il giorno 6 lug 2026, alle ore 09:12, {ANA} ha scritto:",
    f"No dia 06/07/2026, às 09:12, {ANA} escreveu:",
    f"Op 6 jul. 2026, om 09:12 heeft {ANA} het volgende geschreven:",
    f"6 juli 2026 kl. 09:12 skrev {ANA}:",
    f"{ANA} kirjoitti 6.7.2026 kello 9.12:",
    f"Wiadomość napisana przez {ANA} w dniu 6 lip 2026, o godz. 09:12:",
    f"6. 7. 2026 v 9:12, {ANA}:",
    f"2026. júl. 6. dátummal, 9:12 időpontban {ANA} írta:",
    f"{ANA} şunları yazdı (6 Tem 2026 09:12):",
    f"Στις 6 Ιουλ 2026, στις 9:12, ο/η {ANA} έγραψε:",
    f"6 июля 2026 г., в 09:12, {ANA} написал(а):",
    f"2026/07/06 9:12、{ANA}のメール:",
    f"2026. 7. 6. 오전 9:12, {ANA} 작성:",
    f"2026년 7월 6일 오전 9:12, {ANA} 작성:",
    f"2026年7月6日 09:12，{ANA} 写道：",
    f"在 2026年7月6日，上午9:12，{ANA} 写道：",
    f"{ANA} 於 2026年7月6日 上午9:12 寫道：",
    "\u200fב-6 ביולי 2026, בשעה 9:12, \u200f\u2068Ana Ruiz\u2069 <\u2068ana@ourco.test\u2069> כתב/ה:",
    f"في ٦ يوليو ٢٠٢٦، الساعة ٩:١٢ ص، كتب/كتبت {ANA}:",
    f"{ANA} je dana 06.07.2026. u 09:12 napisao:",
]
YAHOO = [
    f"On Monday, July 6, 2026 at 09:12:00 AM GMT+2, {ANA} wrote:",
    f"Am Montag, 6. Juli 2026 um 09:12:00 MESZ hat {ANA} Folgendes geschrieben:",
    f"Le lundi 6 juillet 2026 à 09:12:00 UTC+2, {ANA} a écrit :",
    f"El lunes, 6 de julio de 2026, 9:12:00 CEST, {ANA} escribió:",
    f"Il lunedì 6 luglio 2026 alle ore 09:12:00 CEST, {ANA} ha scritto:",
    f"Em segunda-feira, 6 de julho de 2026 09:12:00 BRT, {ANA} escreveu:",
    f"понедельник, 6 июля 2026 г., 09:12:00 GMT+3, пользователь {ANA} написал:",
    f"6 Temmuz 2026 Pazartesi 09:12:00 GMT+3 tarihinde {ANA} şunu yazdı:",
    f"W dniu poniedziałek, 6 lipca 2026 09:12:00 CEST użytkownik {ANA} napisał:",
    f"luni, 6 iulie 2026, 09:12:00 EEST, {ANA} a scris:",
    f"maanantai 6. heinäkuuta 2026 klo 9.12.00 UTC+3 {ANA} kirjoitti:",
    f"Dne pondělí 6. července 2026 9:12:00 SELČ, {ANA} napsal(a):",
    f"2026年7月6日月曜日 9:12:00 JST, {ANA} wrote:",
    f"{ANA} 在 2026年7月6日星期一 上午09:12:00 [GMT+8] 寫道：",
]
THUNDERBIRD = [
    "On 7/6/26 9:12 AM, Ana Ruiz wrote:",
    "On 06/07/2026 09:12, Ana Ruiz wrote:",
    "Am 06.07.26 um 09:12 schrieb Ana Ruiz:",
    "Le 06/07/2026 à 09:12, Ana Ruiz a écrit :",
    "El 6/7/26 a las 9:12, Ana Ruiz escribió:",
    "Il 06/07/2026 09:12, Ana Ruiz ha scritto:",
    "Em 06/07/2026 09:12, Ana Ruiz escreveu:",
    "Às 09:12 de 06/07/2026, Ana Ruiz escreveu:",
    "Op 06-07-2026 om 09:12 schreef Ana Ruiz:",
    "W dniu 06.07.2026 o 09:12, Ana Ruiz pisze:",
    "Den 2026-07-06 kl. 09:12, skrev Ana Ruiz:",
    "Den 06-07-2026 kl. 09:12 skrev Ana Ruiz:",
    "Ana Ruiz kirjoitti 6.7.2026 klo 9.12:",
    "Dne 06. 07. 26 v 9:12 Ana Ruiz napsal(a):",
    "Dňa 6. 7. 2026 o 9:12 Ana Ruiz napísal(a):",
    "2026. 07. 06. 9:12 keltezéssel, Ana Ruiz írta:",
    "Pe 06.07.2026 09:12, Ana Ruiz a scris:",
    "06.07.2026 09:12, Ana Ruiz пишет:",
    "06.07.26 09:12, Ana Ruiz пише:",
    "На 6.07.26 г. в 9:12, Ana Ruiz написа:",
    "Στις 6/7/26 09:12, ο/η Ana Ruiz έγραψε:",
    "6.07.2026 09:12 tarihinde Ana Ruiz yazdı:",
    "Dana 06.07.2026. u 09:12, Ana Ruiz je napisao/la:",
    "Dne 6. 07. 2026 ob 09:12 je Ana Ruiz napisal(a):",
    "Ana Ruiz kirjutas 06.07.2026 kell 09:12:",
    "2026-07-06 09:12, Ana Ruiz rašė:",
    "2026.07.06. 9:12, Ana Ruiz rakstīja:",
    "(2026/07/06 9:12), Ana Ruiz wrote:",
    "2026. 7. 6. 오전 9:12에 Ana Ruiz 이(가) 쓴 글:",
    "在 2026/7/6 9:12, Ana Ruiz 写道:",
    "Ana Ruiz 於 2026/7/6 上午 09:12 寫道:",
    "בתאריך 06/07/2026 בשעה 9:12, Ana Ruiz כתב:",
    "في 6/7/26 9:12 ص، كتب Ana Ruiz:",
]
OTHERS = [
    f"On Monday, July 6th, 2026 at 9:12 AM, {ANA} wrote:",  # Proton
    "6 Jul 2026, 09:12 by ana@ourco.test:",  # Tuta
    f"---- On Mon, 06 Jul 2026 09:12:00 +0200 {ANA} wrote ----",  # Zoho
    "---- On Mon, 06 Jul 2026 09:12:00 +0200  Ana Ruiz <ana@ourco.test> wrote ---",
    "On July 6, 2026 at 9:12 AM, Ana Ruiz\n(ana@ourco.test) wrote:",  # Missive
    "On July 6, 2026 at 9:12 AM GMT+2 ana@ourco.test wrote:",  # Front
    f"On Mon, Jul 06, 2026 at 9:12 AM, {ANA} wrote:",  # Superhuman
    f"On 6 Jul 2026, 09:12 +0200, {ANA}, wrote:",  # Spark
    f"On July 6, 2026, {ANA} wrote:",  # HEY
    "Ana Ruiz wrote on 06/07/2026 9:12 AM:",  # Postbox
    f"{ANA} wrote on 06/07/2026 09:12:00:",  # Notes
    f"{ANA} schrieb am 06.07.2026 09:12:00:",
    "Am 2026-07-06 09:12, schrieb Ana Ruiz:",  # Roundcube
    f"Quoting {ANA}:",  # Horde
    f"Zitat von {ANA}:",
    f"{ANA} writes:",  # Gnus
    f"{ANA} hat am 06.07.2026 09:12 CEST geschrieben:",  # Open-Xchange
    f"Monday, July 6, 2026 9:12 AM +03:00 from {ANA}:",  # Mail.ru
    f"Понедельник, 6 июля 2026, 9:12 +03:00 от {ANA}:",
    '06.07.2026, 09:12, "Ana Ruiz" <ana@ourco.test>:',  # Yandex
    'At 2026-07-06 09:12:00, "Ana Ruiz" <ana@ourco.test> wrote:',  # NetEase
    '在 2026-07-06 09:12:00，"Ana Ruiz" <ana@ourco.test> 写道：',
    f"Dnia 6 lipca 2026 09:12 {ANA} napisał(a):",  # WP
    "On Mon, 2026-07-06 at 09:12 +0200, Ana Ruiz wrote:",  # Evolution
    "Am Montag, dem 06.07.2026 um 09:12 +0200 schrieb Ana Ruiz:",
    f"On Mon, 6 Jul 2026 09:12:00 +0200\n{ANA} wrote:",  # Claws
    "On Jul 6, 2026, at 9:12 AM, Ana Ruiz <ana@ourco.test<mailto:ana@ourco.test>> wrote:",  # Outlook for iOS
    'July 6, 2026 9:12 AM, "Ana Ruiz" <ana@ourco.test> wrote:',  # RainLoop
    "On Mon, Jul 06, 2026 at 09:12:00AM +0200, Ana Ruiz wrote:",  # mutt
    "Monday, July 6, 2026, 9:12:00 AM, you wrote:",  # The Bat!
    "Вы писали 6 июля 2026 г., 9:12:00:",
    'In data 6 luglio 2026 09:12:00 "Ana Ruiz" <ana@ourco.test> ha scritto:',
    ">>> Ana Ruiz <ana@ourco.test> 7/6/2026 9:12 AM >>>",  # GroupWise
    "On Thu, 6 Jul 2026 at 09:12 Ana Ruiz\n\n<\nmailto:Ana Ruiz <ana@ourco.test>\n> wrote:",  # HTML lines torn apart
    "El 06/07/2026 a las 9:12, Ana Ruiz [via Acme] <ana@ourco.test> escribió:",
    f"Op ma 6 jul. 2026 09:12 schreef {ANA}",
    "On 2026-07-06T09:12:00Z, Ana Ruiz via Acme <ana@ourco.test> said:",
]
ATTRIBUTIONS = [*GMAIL, *APPLE, *YAHOO, *THUNDERBIRD, *OTHERS]

WITHOUT_DATE = [
    "Ana Ruiz wrote:",
    "Ana Ruiz schrieb:",
    "Ana Ruiz a écrit :",
    "ana@ourco.test wrote:",
    "Ana Ruiz пишет:",
]
