"""Mail built to cost its reader as much time or memory as it can: one shape for each thing that grows.

The seed of hostile_mail.py breaks mail at random and would not come upon these. Each is near the limit of what is read,
so that a limit that is missing shows.
"""

from base64 import b64encode
from collections.abc import Iterator

__all__ = ["shapes"]

NEARLY = 4_900_000  # bytes, below what is read of a mail
HEADER = 60_000  # bytes, below what is read of a header block
ANSWER = (
    b"From: Jo Roe <jo@acme.test>\nTo: ana@ourco.test\nSubject: Re: An idea\nDate: Mon, 23 Nov 2026 09:00:00 +0000\n"
)
DAEMON = b"From: MAILER-DAEMON@mx.test\nTo: ana@ourco.test\nSubject: Undelivered Mail Returned to Sender\n"
PLAIN = ANSWER + b"Content-Type: text/plain; charset=utf-8\n\n"
HTML = ANSWER + b"Content-Type: text/html; charset=utf-8\n\n"
FAILED = b"I'm sorry to have to inform you that your message could not be delivered.\n\n"
SPOKEN = (
    b"I am away until 3 March.", b"Ich bin bis zum 3. Mai im Urlaub.", b"Je suis absent du 1 au 5 mai.",
    b"Estoy de vacaciones hasta el 3 de junio.", b"Sono assente fino al 3 luglio.", b"Jestem na urlopie do 3 lipca.",
    b"Jag har semester till den 3 augusti.", b"Ik ben afwezig tot 3 september.", b"Estou de ferias ate 3 de outubro.",
    b"Jsem na dovolene do 3. listopadu.", b"Olen lomalla 3. joulukuuta asti.", b"Szabadsagon vagyok januar 3-ig.",
    "Я в отпуске до 3 марта.".encode(), "Я у відпустці до 3 травня.".encode(), "Λείπω έως 3 Ιουνίου.".encode(),
)  # fmt: skip


def shapes() -> Iterator[bytes]:
    """Each mail as a server would hand it over, but for its Message-ID."""
    yield from _trees()
    yield from _encodings()
    yield from _headers()
    yield from _texts()
    yield from _reports()
    yield from _languages()


def _filled(head: bytes, unit: bytes, size: int = NEARLY, tail: bytes = b"") -> bytes:
    return head + unit * ((size - len(head)) // len(unit)) + tail


def _multipart(part: bytes, count: int, kind: bytes = b"mixed") -> bytes:
    return ANSWER + b"Content-Type: multipart/" + kind + b"; boundary=b\n\n" + (b"--b\n" + part + b"\n") * count


def _trees() -> Iterator[bytes]:
    for levels, leaf in ((19, NEARLY), (1000, 1000)):
        heads = (b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (at, at) for at in range(levels))
        yield ANSWER + b"".join(heads) + b"Content-Type: text/plain\n\n" + b"Sure, why not?\n" * (leaf // 20)
    yield ANSWER + b"Content-Type: message/rfc822\n\n" * 1000 + b"Subject: inmost\n\nhi\n"
    yield _multipart(b"Content-Type: text/html\n\n" + b"<p>" * 8000, 190)
    yield _multipart(b"Content-Type: text/html\n\n" + b"<p>" * 8000, 190, b"alternative")
    yield _multipart(b"Content-Type: message/rfc822\n\nFrom: a@b.test\n\n" + b"> hi\n" * 4000, 190)
    yield _multipart(b"Content-Type: text/calendar; method=REPLY\n\n" + b"PARTSTAT=ACCEPTE\n" * 1000, 190)
    yield _multipart(b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n" + b"eJ8+" * 6000, 190)
    yield _multipart(b"X: y\n" * 50 + b"Content-Type: text/plain\n\nhi", 190)


def _encodings() -> Iterator[bytes]:
    encoded = b64encode("é \U0001f600 sure ".encode() * 240_000)
    yield ANSWER + b"Content-Transfer-Encoding: base64\n\n" + encoded[:NEARLY]
    yield _filled(ANSWER + b"Content-Transfer-Encoding: quoted-printable\n\n", b"a=\n")
    yield _filled(PLAIN + "\U0001f600".encode(), b"sure ")
    yield _filled(HTML + "\U0001f600".encode(), b"sure ")
    yield _multipart(b"Content-Type: text/plain; charset=utf-8\n\n" + "\U0001f600".encode() + b"sure " * 5000, 190)
    for charset, unit in (
        (b"utf-7", b"+AGE-"), (b"utf-16", b"a\x00"), (b"utf-32", b"\x00\xf6\x01\x00"), (b"hz", b"~{VP~}"),
        (b"iso-2022-jp", b"\x1b$BF|\x1b(B"), (b"gb18030", b"\x81\x30\x81\x30"), (b"idna", b"xn--"),
    ):  # fmt: skip
        yield _filled(ANSWER + b"Content-Type: text/plain; charset=" + charset + b"\n\n", unit)
    yield _filled(PLAIN + b"begin 644 a.txt\n", b"M" + b"A" * 60 + b"\n", tail=b"end\n")


def _headers() -> Iterator[bytes]:
    for unit in (
        b"a@b,", b"<a@b.test>,", b"a@\xc3\xa9.test,", b"(", b'"', b"a:", b";", b"=?utf-8?q?=C3=A9?= ",
        b"=?utf-7?b?AA==?=", b"\xd9\xa0", b"\xe3\x83\xbb",
    ):  # fmt: skip
        for name in (b"To: ", b"From: ", b"Reply-To: "):
            yield _filled(name, unit, HEADER, b"\n\nSure.\n")
    long_domain = "é".encode() * 20_000
    yield b"From: jo@" + long_domain + b"\nTo: ana@ourco.test\n\nSure.\n"
    yield b"From: jo@" + "é.".encode() * 20_000 + b"test\nTo: ana@ourco.test\n\nSure.\n"
    yield b"From: jo@" + "\u0660".encode() * 20_000 + b"\nTo: ana@ourco.test\n\nSure.\n"
    yield _filled(b"From: ana@ourco.test\nTo: ", b"p1@acme1.test,", HEADER, b"\n\nSure.\n")
    yield _filled(b"From: ana@ourco.test\nX-Original-Message-ID: ", b"<%d@b>" % 1, HEADER, b"\n\nSure.\n")
    ids = b"".join(b"<%d@b>" % number for number in range(HEADER // 10))
    addresses = b",".join(b"a%d@b.test" % number for number in range(HEADER // 16))
    for name in (b"References", b"In-Reply-To", b"X-Message-ID", b"X-Original-Message-ID"):
        yield b"From: ana@ourco.test\n" + name + b": " + ids + b"\n\nSure.\n"
        yield ANSWER + name + b": " + ids + b"\n\nSure.\n"
    for name in (b"To", b"Cc", b"Reply-To", b"Sender", b"From", b"Delivered-To"):
        yield name + b": " + addresses + b"\nFrom: ana@ourco.test\n\nSure.\n"
        yield name + b": " + addresses + b"\nFrom: p1@acme1.test\n\nSure.\n"
    yield _filled(ANSWER, b"A: b\n", HEADER, b"\nSure.\n")
    yield _filled(ANSWER, b"X-Autoreply: \n", HEADER, b"\nSure.\n")
    yield _filled(ANSWER + b"Content-Type: multipart/mixed; boundary=", b"b", HEADER, b"\n\nSure.\n")
    yield _filled(ANSWER + b"Content-Type: text/plain", b"; a*1*=%41", HEADER, b"\n\nSure.\n")


def _texts() -> Iterator[bytes]:
    for unit in (
        b"\n", b" \n", b"a\n", b"> a\n", b">" * 900 + b"\n", b"On 1 May 2026 at 10:00, Ana <ana@ourco.test> wro\n",
        b"@:\n", b"1 a@b:\n", b"From: a\nTo: b\n", b"---------- a ----------\n", b"-- \n", b"_____\n", b"Best\n",
        b"Sent from my iPhon\n", b"1/1 ", b"1.1. ", b"01/02/2026 ", b"mon 1 may ", b"not until ", b"a@b.test ",
        b"do not unsubscribe ", b"please take me off the ", b"yes? ", b"remove " * 20 + b"\n", b"Re: ",
        b"1 may to 2 may, back ", "不要".encode(), b"until " * 9 + b"\n", b"https://a.test/b ", b"if you do not want ",
    ):  # fmt: skip
        yield _filled(PLAIN, unit, 400_000)
    for unit in (
        b"<div>", b"<div><blockquote>", b"<p>a</p>", b"<a href='", b"<!--", b"<table><tr><td>", b"&amp;", b"<pre>\n",
        b"<div style='display:none'>a", b"<span class=gmail_quote>a", b"<style>", b"</div>", b"<br>", b"<li>a",
        b"<a=\">",
    ):  # fmt: skip
        yield _filled(HTML, unit)


def _reports() -> Iterator[bytes]:
    report = DAEMON + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n" + FAILED
    status = b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
    group = b"Final-Recipient: rfc822; p%d@acme.test\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; %d "
    few = b"".join(group % (number, number) + b"the mail was not taken " * 80 + b"\n\n" for number in range(2000))
    many = b"".join(group % (number, number) + b"\n\n" for number in range(100_000))
    yield (report + status + few)[:NEARLY]
    yield (report + status + many)[:NEARLY]
    yield report + b"".join(status + many[at : at + 20_000] + b"\n" for at in range(0, 3_800_000, 20_000))
    names = [b"p%d@acme.test" % number for number in range(30_000)]
    text = b"550 5.0.0 the mail was not taken because of something\n" * 600
    yield DAEMON + b"X-Failed-Recipients: " + b", ".join(names[:3000]) + b"\n\n" + FAILED + text
    yield DAEMON + b"\n" + FAILED + b" and ".join(names[:60]) + b"\n" + text
    yield DAEMON + b"\n" + FAILED + b"".join(b"<" + name + b">: " + b"550 no\n" for name in names)
    yield DAEMON + b"\n" + FAILED + b"".join(b"<" + name + b">:\n" + text[:540] for name in names)
    inner = b"Subject: inmost\n\nhi\n"
    for level in range(1300):
        head = b"%bContent-Type: multipart/mixed; boundary=n%d\n\n--n%d\n\n" % (DAEMON, level, level)
        inner = head + FAILED + b"\n--n%d\nContent-Type: message/rfc822\n\n" % level + inner
    yield inner
    yield _filled(DAEMON + b"\n" + FAILED, b"Message-ID: <1@b>\n", 900_000)
    yield _filled(DAEMON + b"\n", b"Received: from a for <", 900_000)
    yield _filled(b"From: abuse@isp.test\nTo: ana@ourco.test\n\nspam complaint ", b"a@b.test ", 900_000)
    yield ANSWER + b'\n{"notificationType":' + b"[" * 60_000
    yield ANSWER + b'\n{"notificationType":' + b"1" * 60_000


def _languages() -> Iterator[bytes]:
    """Each in up to three languages, so that the patterns of ever other combinations are asked for."""
    for index, first in enumerate(SPOKEN):
        for second in SPOKEN[index % 3 :: 3]:
            third = SPOKEN[len(first + second) % len(SPOKEN)]
            yield b"Auto-Submitted: auto-replied\n" + PLAIN + b" ".join((first, second, third)) + b"\n"
