"""Reads hostile mail the whole way, from a Maildir to its effect, and tells what that cost: hostile_mail.py's child.

A program of its own, so that what is measured holds the product and the mail that it reads, and nothing that made the
mail. It says where its Maildir is and which Message-IDs may be answered; for each line on its input it reads what lies
there and says what was most so far; at the end of its input it says the sums. Each thing it says is a line of JSON.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sequencer.engine.ours import Ours, ours_of
from sequencer.engine.sorting import judge
from sequencer.mail.classify import classify
from sequencer.mail.parse import parse
from sequencer.memory import give_back_large_blocks
from sequencer.store import inbox
from tests.integration.mail_room import MailRoom, bounce, mail

PEOPLE = 40
PATIENCE_S = 600.0  # a busy machine is slow; mail that waits is no longer there at the next batch
SUSPECT_S = 0.4  # what a batch may take together before each of its mails is timed alone
WARM = (
    mail("Please unsubscribe me."),
    mail("I am away until 1 December.", subject="Automatic reply: An idea", more="Auto-Submitted: auto-replied\n"),
    bounce(),
)


@dataclass(slots=True)
class Costs:
    """Seconds of this program's own time, so that a busy machine changes little."""

    loading: float = 0.0
    reading: float = 0.0
    slowest: float = 0.0
    slowest_mail: int = -1
    suspects: int = 0


async def run() -> None:
    with tempfile.TemporaryDirectory(prefix="sequencer-hostile-") as folder:
        room = MailRoom(Path(folder))
        enrollments = [room.written_to(room.person(f"p{n}@acme{n}.test")) for n in range(PEOPLE)]
        named = [str(room.sent(n).message_id) for n in range(1, PEOPLE + 1)]
        ingest = room.new_ingest(patience_s=PATIENCE_S)
        ours, costs = ours_of(room.config), Costs(_load())
        _say({"new": str(room.maildir / "new"), "named": named})
        for _ in sys.stdin:
            last = _last_id(room)
            begun = time.process_time()
            await ingest.run_once(room.clock.now())
            took = time.process_time() - begun
            room.clock.forward(minutes=1)  # past every pause after a failure
            costs.reading += took
            if took > costs.slowest and took > SUSPECT_S:
                _time_each(room, ours, costs, last)
            _say({"slowest_s": round(costs.slowest, 2), "rss_mb": peak_kb() // 1024})
        peak = peak_kb() // 1024  # of reading: the sums below hold every row at once, as the product never does
        _say({**_sums(room, enrollments, costs), "rss_mb": peak})
        await ingest.stop()
        room.close()


def _load() -> float:
    """Judge ordinary mails once, since the first makes the word lists ready; how long it took."""
    begun = time.process_time()
    for each in WARM:
        classify(parse(each.encode()))
    return time.process_time() - begun


def _last_id(room: MailRoom) -> int:
    newest = room.database.read(lambda connection: inbox.latest(connection, 1))
    return newest[0].id if newest else 0


def _time_each(room: MailRoom, ours: Ours, costs: Costs, last: int) -> None:
    """Which mail of the batch took the time: each is judged once more, alone."""
    rows = room.database.read(lambda connection: inbox.latest(connection, 1000))
    for row in (row for row in rows if row.id > last):
        raw = room.database.read(lambda connection, key=row.id: inbox.raw_of(connection, key))  # type: ignore[misc]
        begun = time.thread_time()
        judge(row, raw, ours)
        took = time.thread_time() - begun
        costs.suspects += 1
        if took > costs.slowest:
            costs.slowest, costs.slowest_mail = took, row.id


def _sums(room: MailRoom, enrollments: list[int], costs: Costs) -> Mapping[str, object]:
    rows = room.inbound()
    events = [(key, event) for key in enrollments for event in room.events(key)]
    acted = Counter((key, message) for key, event in events if (message := getattr(event, "message", None)))
    return {
        "kept": len(rows),
        "not_ours": len(room.not_ours()),
        "states": Counter(row.state for row in rows),
        "problems": Counter(row.reason for row in rows if row.state == "parked").most_common(12),
        "effects_of_one_mail_max": max(acted.values(), default=0),
        "loading_s": round(costs.loading, 2),
        "reading_s": round(costs.reading, 1),
        "slowest_s": round(max(costs.slowest, SUSPECT_S), 2),
        "slowest_mail": costs.slowest_mail,
        "timed_alone": costs.suspects,
    }


def peak_kb() -> int:
    """The most memory this program held (proc(5), VmHWM); getrusage would count whoever started it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def _say(told: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.getLogger("sequencer").setLevel(logging.CRITICAL)  # a line for each parked mail is not asked for here
    give_back_large_blocks()  # as the daemon does
    asyncio.run(run())
