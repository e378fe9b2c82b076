"""The smaller parts: chance, the trace, the watched inbox, the timeline, the copied example."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sequencer.content import people_csv
from sequencer.content.people_csv import Row
from sequencer.errors import InboxLost, InputError
from sequencer.inbound.maildir import Maildir
from sequencer.world.chance import among, share
from sequencer.world.clock import SteppingClock
from sequencer.world.inboxes import Outage, WatchedInbox
from sequencer.world.installation import copy_example
from sequencer.world.mailroom import Mailroom
from sequencer.world.people import Character
from sequencer.world.record import Acted, Declined, Delivered, Entry, Read, Record, Took, Unreadable
from sequencer.world.timeline import Timeline

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ANA, JO = "ana@ourco.test", "jo@acme.test"
JO_HERSELF = Character(JO, "Jo Marsh", ZoneInfo("America/New_York"), "US", "en", "silent", 1, False)


def test_chance_is_even_and_the_same_for_the_same_names() -> None:
    shares = [share("seed", number) for number in range(2000)]
    assert shares == [share("seed", number) for number in range(2000)]
    assert all(0 <= one < 1 for one in shares)
    assert 0.47 < sum(shares) / len(shares) < 0.53
    assert {among("abc", 1, number) for number in range(50)} == {"a", "b", "c"}


def test_the_trace_tells_worlds_apart_and_not_two_orders_of_one_instant() -> None:
    def digest(*acts: tuple[str, datetime]) -> str:
        record = Record()
        for what, at in acts:
            record.note(Acted, at=at, who="ana", what=what, person=JO)
        return record.digest()

    later = START + timedelta(hours=1)
    assert digest(("calls", START), ("writes", START)) == digest(("writes", START), ("calls", START))
    assert digest(("calls", START), ("writes", later)) != digest(("writes", START), ("calls", later))
    assert digest(("calls", START)) != digest(("calls", START), ("calls", START))


def test_an_inbox_is_noted_as_read_only_when_it_was_read_to_its_end(tmp_path: Path) -> None:
    record, clock = Record(), SteppingClock(START)
    Mailroom({ANA: tmp_path}, record)
    outage = Outage(START + timedelta(hours=1), START + timedelta(hours=2))
    inbox = WatchedInbox(Maildir(tmp_path), ANA, clock, record, outage)
    inbox.walk({}, lambda head: True, lambda folder, cursor, items: None)
    clock.jump(outage.begins)
    with pytest.raises(InboxLost):
        inbox.walk({}, lambda head: True, lambda folder, cursor, items: None)
    with pytest.raises(InboxLost):
        inbox.find_sent("<1@x>")
    clock.jump(outage.ends)
    inbox.walk({}, lambda head: True, lambda folder, cursor, items: None)
    assert [(type(entry), entry.at) for entry in record.entries] == [
        (Read, START), (Unreadable, outage.begins), (Unreadable, outage.begins), (Read, outage.ends),
    ]  # fmt: skip
    assert all(read.begun < read.order for read in record.of(Read))


def mail(told: bool) -> Callable[[Record], Entry]:
    return lambda record: record.note(
        Took, at=START, sender=ANA, recipient=JO, message_id="<1@x>", subject="Hi", raw=b"", told=told
    )  # fmt: skip


def arrival(effect: str) -> Callable[[Record], Entry]:
    return lambda record: record.note(
        Delivered, at=START, mailbox=ANA, folder="", name="new/1", raw=b"", kind="automatic reply", person=JO,
        effect=effect, until=START + timedelta(days=3),
    )  # fmt: skip


# what happened -> its line; None: nobody needs to see it
@pytest.mark.parametrize(
    ("happened", "text"),
    [
        (mail(True), "Jo Marsh (New York): Hi"),
        (mail(False), "Jo Marsh (New York): Hi; the line broke right after the dot, nobody knows whether it arrived"),
        (lambda record: record.note(Declined, at=START, recipient=JO, reply="550 no"), "Jo Marsh (New York): 550 no"),
        (arrival("away"), "Jo Marsh (New York): automatic reply, away until 26 Nov"),
        (arrival("copy"), None),
        (arrival("noise"), None),
        (lambda record: record.note(Acted, at=START, who="bo", what="calls", person=JO), "calls, Jo Marsh (New York)"),
        (lambda record: record.note(Read, at=START, mailbox=ANA, begun=0), None),
    ],
)
def test_lines_of_the_timeline(happened: Callable[[Record], Entry], text: str | None) -> None:
    timeline = Timeline(ZoneInfo("Europe/Madrid"))
    timeline.meet([JO_HERSELF])
    shown = timeline.line(happened(Record()))
    assert (shown.text if shown else None) == text
    assert shown is None or f"{shown.at:%H:%M}" == "09:00"


def test_an_outage_is_told_once_and_so_is_its_end() -> None:
    record, timeline = Record(), Timeline(ZoneInfo("UTC"))
    for kind, extra in ((Unreadable, {}), (Unreadable, {}), (Read, {"begun": 0}), (Read, {"begun": 0})):
        record.note(kind, at=START, mailbox=ANA, **extra)
    told = [line.text for entry in record.entries if (line := timeline.line(entry))]
    assert told == ["cannot be read: no follow-up leaves until it can", "is read again"]


def test_the_example_is_pointed_at_the_world_and_changed_in_nothing_else(tmp_path: Path) -> None:
    config = copy_example(tmp_path, 2525, 12)
    assert {(box.smtp.host, box.smtp.port, box.smtp.security) for box in config.mailboxes} == {
        ("127.0.0.1", 2525, "none")
    }
    assert [box.maildir for box in config.mailboxes] == ["mail/1", "mail/2"]
    assert not any(box.imap for box in config.mailboxes)
    rows = list(people_csv.read(tmp_path / "sequences" / "people.csv"))
    assert len(rows) == 12
    assert len({row.timezone for row in rows if isinstance(row, Row)}) == 6


def test_more_people_than_the_example_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="40 people"):
        copy_example(tmp_path, 2525, 41)
