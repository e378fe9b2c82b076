"""Mail that nobody should write, made from a seed: broken, cut, spliced, nested, endless; and what reading it costs.

    python -m tests.integration.hostile_mail [--n 20000] [--seed 1] [--mails FOLDER]

First come the shapes of hostile_shapes.py, then all else. Every mail goes the whole way, from a Maildir to its effect,
in hostile_reader.py; the last line is one JSON object. `--mails`: also everything below this folder, as it is and as
material. It judges no result: test_hostile_mail.py does.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from random import Random  # a stream of its own, from the seed alone

from tests.integration.hostile_shapes import shapes
from tests.integration.mail_room import bounce, complaint, mail

BATCH, TOLD_EVERY = 20, 1000
MATERIAL_BYTES_MAX = 200_000
LONG = 16_000

OWN_MATERIAL = (
    mail(),
    mail("Ja, gerne.\n\nAm 3. Februar 2026 um 08:51 schrieb Ana Ruiz <ana@ourco.test>:\n\n> Hallo\n> Gruß"),
    mail("Please unsubscribe me.\n\n-- \nJo Roe\nAcme"),
    mail("I am away until 1 December.", subject="Automatic reply: An idea", more="Auto-Submitted: auto-replied\n"),
    mail(
        "<html><body><div>Sure</div><div class=gmail_quote>On Monday Ana wrote:<blockquote>Hi</blockquote></body>",
        more="Content-Type: text/html; charset=utf-8\n",
    ),
    bounce(),
    bounce(status="4.2.2", text="452 4.2.2 mailbox full", action="delayed"),
    complaint(),
)
HEADERS = (
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/plain; charset=utf-7",
    b"Content-Type: text/html; charset=x-unknown", b"Content-Type: message/rfc822", b"Content-Type: multipart/report",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Transfer-Encoding: x-uuencode", b"Auto-Submitted: auto-replied", b"Date: Fri, 99 Feb 0000 99:99:99 +9999",
    b"From: ", b"Subject: =?utf-8?B?/////w==?= =?x?Q?=", b"X-Failed-Recipients: a@b, c", b"Return-Path: <>",
    b"Date: Mon, 1 Jan 99999 00:00:00 +0000", b"Message-ID: <", b"In-Reply-To: <" + b"a" * 2000,
)  # fmt: skip
ENDLESS = (
    b"On a ", b"> ", b">", b"From: ", b"<p>", b"<div><blockquote>", b"a@b.c ", b"=?utf-8?Q?a?= ", b"\xff\xfe", b"\x00",
    b"-", b"_", b"until ", b"1.1.", b"unsubscribe ", b"\t", b" \n", b"\r", b"&amp;", b"&#x10ffff;", b"--b\n", b"(((",
    b"<a@b.test>: 550 ", "ａ".encode(), b"Am 1. schrieb ", b"not not ", b"Final-Recipient: rfc822; a@b.test\n",
)  # fmt: skip


def broken(random: Random, material: list[bytes]) -> bytes:
    """One mail, hurt in one to four ways."""
    raw = random.choice(material)
    for _ in range(random.randint(1, 4)):
        raw = random.choice(WAYS)(random, raw, material)
    return raw


def _flip(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    hurt = bytearray(raw)
    for _ in range(random.randint(1, 30)):
        if hurt:
            hurt[random.randrange(len(hurt))] = random.randrange(256)
    return bytes(hurt)


def _cut(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] if random.random() < 0.7 else raw[at:]


def _splice(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    other = random.choice(material)
    return raw[: random.randrange(len(raw) + 1)] + other[random.randrange(len(other) + 1) :]


def _lines(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    lines = raw.split(b"\n")
    for _ in range(random.randint(1, 8)):
        at, to = random.randrange(len(lines)), random.randrange(len(lines))
        if random.random() < 0.5:
            lines.insert(to, lines[at])
        else:
            lines[at], lines[to] = lines[to], lines[at]
    return b"\n".join(lines)


def _header(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    return random.choice(HEADERS) + b"\n" + raw


def _endless(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    at, unit = random.randrange(len(raw) + 1), random.choice(ENDLESS)
    return raw[:at] + unit * (random.choice((LONG, 4 * LONG, 40 * LONG)) // len(unit)) + raw[at:]


def _nest(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    for level in range(random.choice((3, 25, 300))):
        raw = b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (level, level) + raw[:100_000]
    return raw


def _parts(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    part = b"--p\nContent-Type: text/plain\n\n" + raw[:300] + b"\n"
    return b"Content-Type: multipart/mixed; boundary=p\n\n" + part * random.choice((5, 150, 3000))


def _line_ends(random: Random, raw: bytes, material: list[bytes]) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\r", b"\r\r\n", b"\x0b")))


WAYS = (_flip, _cut, _splice, _lines, _header, _endless, _nest, _parts, _line_ends)


def mails(count: int, seed: int, found: list[bytes], named: list[str]) -> Iterator[bytes]:
    """The shapes and `found` as they are, then `count` broken ones; each answers one of the mails that are `named`."""
    random = Random(seed)
    material = [*(each.encode() for each in OWN_MATERIAL), *(raw for raw in found if len(raw) < MATERIAL_BYTES_MAX)]
    hurt = (broken(random, material) for _ in range(count))
    for number, raw in enumerate(chain(shapes(), found, hurt)):
        head = f"Message-ID: <hostile-{number}@prospect.test>\nIn-Reply-To: {named[number % len(named)]}\n"
        yield head.encode() + raw


def run(count: int, seed: int, found: list[bytes]) -> dict[str, object]:
    """Hand all of it to the reader, batch by batch; what it says at the end."""
    command = [sys.executable, "-m", "tests.integration.hostile_reader"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        told = json.loads(reader.stdout.readline())
        new = Path(told["new"])
        source, given = enumerate(mails(count, seed, found, told["named"])), 0
        while batch := list(islice(source, BATCH)):
            paths = [new / f"{1_700_000_000 + number}.M{number}.host" for number, _ in batch]
            for path, (_, raw) in zip(paths, batch, strict=True):
                path.write_bytes(raw)
            reader.stdin.write("\n")
            reader.stdin.flush()
            given += len(batch)
            so_far = reader.stdout.readline()
            if not so_far:
                raise SystemExit(f"the reader died over the {len(batch)} mails up to number {given - 1}")
            if given % TOLD_EVERY == 0:
                sys.stderr.write(f"{given} {so_far}")
            for path in paths:
                path.unlink()
        reader.stdin.close()
        said: dict[str, object] = json.loads(reader.stdout.readline())
    return {"mails": given, **said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mails", type=Path)
    given = parser.parse_args()
    found = []
    if given.mails:
        files = sorted(path for path in given.mails.rglob("*") if path.suffix in (".eml", ".msg", ".txt"))
        found = [path.read_bytes() for path in files if path.is_file()]
    sys.stdout.write(json.dumps(run(given.n, given.seed, found)) + "\n")


if __name__ == "__main__":
    main()
