"""A month in which `why` is asked about everybody, every evening: each answer has a reason, each time is kept.

`make month` plays it with 500 people and prints the figures. What a foretold touch may be late or early for is what
happened after the question: to the person, or to somebody before them in the same mailbox or on the same rep's list.
On calm days nothing of that kind happens, so there every time is the time it went.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.world.smtp import SmtpServer
from tests.integration.month import Month
from tests.integration.month_asks import Asks, Verdict
from tests.integration.month_town import BEGINS, ENDS, Door, is_calm

PEOPLE = int(os.environ.get("PEOPLE", "24"))
EVENING_H = 20
SAMPLED_AT_H = (7.0, 9.5, 13.0, 15.5)
SAMPLE = 0.15
EVENING = 1.0 if PEOPLE >= 500 else 0.4  # of those who are inside; a question costs as much as a mail
# Why somebody waits, is held, paused or passed over, in every month of 500.
REASONS_OF_MANY = {
    Reason.WAIT, Reason.WINDOW_CLOSED, Reason.HOLIDAY, Reason.WITHIN, Reason.RETRY, Reason.CAP, Reason.GAP, Reason.TURN,
    Reason.PERSON_WEEK, Reason.ACCOUNT_DAY, Reason.REP_DAY, Reason.REP_AWAY, Reason.BACK_OFF, Reason.AWAY,
    Reason.ACCOUNT, Reason.OWNER_WROTE, Reason.BY_PERSON, Reason.SEQUENCE_PAUSED, Reason.MAILBOX_PAUSED,
    Reason.BAD_ADDRESS, Reason.BAD_PHONE, Reason.MISSING_FIELD, Reason.TASK_OPEN, Reason.REVIEW,
}  # fmt: skip


def evenings() -> Iterator[datetime]:
    for day in range((ENDS - BEGINS).days):
        yield BEGINS.replace(hour=EVENING_H) + timedelta(days=day)


def samples() -> Iterator[datetime]:
    for day in range((ENDS - BEGINS).days if PEOPLE >= 500 else 0):
        yield from (BEGINS.replace(hour=0) + timedelta(days=day, hours=hours) for hours in SAMPLED_AT_H)


async def test_every_answer_has_a_reason_and_every_foretold_time_is_the_time_it_went(tmp_path: Path) -> None:
    door = Door()
    server = SmtpServer(door)
    await server.start()
    month = Month(tmp_path, server.port, door, PEOPLE / 500)
    asks = Asks(month, {**dict.fromkeys(samples(), SAMPLE), **dict.fromkeys(evenings(), EVENING)})
    try:
        month.populate(PEOPLE)
        await month.play(list(asks.shares), asks.ask)
    finally:
        month.close()
        await server.stop()
    verdicts = list(asks.verdicts())
    sys.stdout.write(figures(month, asks, verdicts) + "\n")
    assert asks.nameless == []
    wrong = [str(each) for each in verdicts if each.kind == "unexplained"]
    assert wrong == []
    calm = Counter(each.kind for each in verdicts if is_calm(each.foretold.asked_at))
    assert calm["exact"] > PEOPLE / 4
    assert {type(each.came.event) for each in verdicts if each.kind == "exact" and each.came} >= {
        e.TouchSent, e.TaskOpened
    }  # fmt: skip
    if PEOPLE >= 500:
        assert {str(each) for each in REASONS_OF_MANY} - asks.reasons.keys() == set()


def figures(month: Month, asks: Asks, verdicts: list[Verdict]) -> str:
    """What is printed of the month."""
    kinds = Counter(each.kind for each in verdicts)
    calm = Counter(each.kind for each in verdicts if is_calm(each.foretold.asked_at))
    causes = Counter(f"{each.kind} {each.cause}" for each in verdicts if each.cause)
    sent = sum(isinstance(each.event, e.TouchSent) for log in month.happened.values() for each in log)
    return "\n".join([
        f"{PEOPLE} people, {sent} mails, {month.instants} instants, {len(month.surprises)} surprises",
        f"asked about {asks.asked}: {dict(asks.states)}, {len(asks.nameless)} without a reason",
        f"reasons: {dict(asks.reasons.most_common())}",
        f"foretold {len(verdicts)}: {dict(kinds)}; on calm days {dict(calm)}",
        f"causes: {dict(causes.most_common())}",
    ])  # fmt: skip
