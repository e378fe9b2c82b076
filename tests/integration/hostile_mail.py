"""Mail that nobody should write, made from a seed: broken, cut, spliced, nested, endless; and what reading it costs.

    python -m tests.integration.hostile_mail [--n 20000] [--seed 1] [--mails FOLDER]

Every mail goes the whole way, from the inbox to its effect, on a real database; the last line is one JSON object. A
program of its own, so that its memory can be measured. `--mails`: also everything below this folder, as it is and as
material. It judges no result: test_hostile_mail.py does.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from random import Random  # a stream of its own, from the seed alone

from sequencer.core.ports import Cursor, Fetched, FolderName, Head, Inbox, Settle, Settled, Wanted
from sequencer.engine.ours import Ours, ours_of
from sequencer.engine.sorting import judge
from sequencer.mail.classify import classify
from sequencer.mail.parse import parse
from sequencer.store import inbox
from tests.integration.mail_room import MailRoom, bounce, complaint, mail

PEOPLE = 40
BATCH = 50
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


class Pile(Inbox):
    """An inbox with these mails in it, one batch after another, as a server would list them."""

    def __init__(self) -> None:
        self.lying: list[bytes] = []

    def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
        last = cursors.get("INBOX", Cursor()).uid_last
        for uid, raw in list(enumerate(self.lying, last + 1)):
            head = Head("INBOX", uid, len(raw), raw[:64_000])
            fetched = Fetched("INBOX", uid, 1, raw[:5_000_000], len(raw) > 5_000_000) if wanted(head) else None
            settle("INBOX", Cursor(1, uid), [Settled(head, fetched)])
        self.lying = []

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return False

    def find_sent(self, message_id: str) -> bool:
        return False

    def append_sent(self, raw: bytes) -> None:
        raise AssertionError("nothing is filed here")

    def close(self) -> None:
        return None


def mails(count: int, seed: int, found: list[bytes], named: list[str]) -> Iterator[bytes]:
    """`found` as it is, then `count` broken ones; each answers one of the mails that are `named`."""
    random = Random(seed)
    material = [*(each.encode() for each in OWN_MATERIAL), *(raw for raw in found if len(raw) < MATERIAL_BYTES_MAX)]
    hurt = (broken(random, material) for _ in range(count))
    for number, raw in enumerate(chain(found, hurt)):
        head = f"Message-ID: <hostile-{number}@prospect.test>\nIn-Reply-To: {named[number % len(named)]}\n"
        yield head.encode() + raw


@dataclass(slots=True)
class Slowest:
    """The mail that took longest to judge, in seconds of this thread's own time."""

    seconds: float = 0.0
    number: int = -1
    judged: int = 0
    total: float = 0.0

    def took(self, number: int, seconds: float) -> None:
        self.judged += 1
        self.total += seconds
        if seconds > self.seconds:
            self.seconds, self.number = seconds, number


async def run(count: int, seed: int, found: list[bytes]) -> Mapping[str, object]:
    with tempfile.TemporaryDirectory(prefix="sequencer-hostile-") as folder:
        room = MailRoom(Path(folder))
        enrollments = [room.written_to(room.person(f"p{n}@acme{n}.test")) for n in range(PEOPLE)]
        named = [str(room.sent(n).message_id) for n in range(1, PEOPLE + 1)]
        pile = Pile()
        ingest = room.new_ingest(pile)
        slowest, ours = Slowest(), ours_of(room.config)
        loading_s = _load()
        source = enumerate(mails(count, seed, found, named))
        while batch := list(islice(source, BATCH)):
            pile.lying = [raw for _, raw in batch]
            await ingest.sync(room.clock.now())
            _judge_all(room, ours, slowest)
            await ingest.run_once(room.clock.now())
        rows = room.inbound()
        events = [(key, event) for key in enrollments for event in room.events(key)]
        acted = Counter((key, message) for key, event in events if (message := getattr(event, "message", None)))
        said = {
            "mails": len(found) + count,
            "kept": len(rows),
            "not_ours": len(room.not_ours()),
            "states": Counter(row.state for row in rows),
            "problems": Counter(row.reason for row in rows if row.state == "parked").most_common(12),
            "effects_of_one_mail_max": max(acted.values(), default=0),
            "loading_s": loading_s,
            "slowest_s": round(slowest.seconds, 3),
            "slowest_mail": slowest.number,
            "judged_a_second": round(slowest.judged / slowest.total),
            "rss_mb": _peak_kb() // 1024,
        }
        await ingest.stop()
        room.close()
        return said


def _peak_kb() -> int:
    """The most memory this program held (proc(5), VmHWM); getrusage would count whoever started it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def _load() -> float:
    """Judge the ordinary mails once, since the first makes the word lists of its languages ready; how long it took."""
    begun = time.thread_time()
    for each in OWN_MATERIAL:
        classify(parse(each.encode()))
    return round(time.thread_time() - begun, 3)


def _judge_all(room: MailRoom, ours: Ours, slowest: Slowest) -> None:
    """Judge what lies there once more beforehand, each alone: what it costs."""
    rows = room.database.read(lambda connection: inbox.in_state(connection, "stored", BATCH))
    raws = room.database.read(lambda connection: inbox.raw_mail(connection, [row.id for row in rows]))
    for row in rows:
        begun = time.thread_time()
        judge(row, raws[row.id], ours)
        slowest.took(row.id, time.thread_time() - begun)


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
    logging.getLogger("sequencer").setLevel(logging.CRITICAL)  # a line for each parked mail is not asked for here
    sys.stdout.write(json.dumps(asyncio.run(run(given.n, given.seed, found))) + "\n")


if __name__ == "__main__":
    main()
