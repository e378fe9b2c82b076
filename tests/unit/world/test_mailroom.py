"""Mail lies in the Maildir at its time, not before, and the mailroom can say what lies where."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sequencer.world.mailroom import SENT, Mailroom, Parcel
from sequencer.world.record import Delivered, Record

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ANA = "ana@ourco.test"


def parcel(text: str, folder: str = "") -> Parcel:
    return Parcel(mailbox=ANA, raw=text.encode(), kind="interested", person="jo@acme.test", folder=folder)


def test_mail_is_delivered_at_its_time_in_order(tmp_path: Path) -> None:
    record = Record()
    room = Mailroom({ANA: tmp_path}, record)
    room.post(parcel("second"), START + timedelta(hours=2))
    room.post(parcel("first"), START + timedelta(hours=1))
    assert room.next_at == START + timedelta(hours=1)
    assert room.deliver(START) == 0
    assert room.lying() == {}
    assert room.deliver(START + timedelta(hours=3)) == 2
    assert [entry.raw for entry in record.of(Delivered)] == [b"first", b"second"]
    assert room.next_at is None


def test_new_mail_is_unread_and_a_copy_lies_in_the_sent_folder_as_read(tmp_path: Path) -> None:
    record = Record()
    room = Mailroom({ANA: tmp_path}, record)
    room.post(parcel("an answer"), START)
    room.deliver(START)
    room.file(parcel("a copy", SENT), START)
    answer, copy = record.of(Delivered)
    assert answer.name.startswith(f"new/{int(START.timestamp())}.")
    assert copy.name.startswith("cur/")
    assert copy.name.endswith(":2,S")
    assert room.lying() == {(ANA, "", answer.name): b"an answer", (ANA, SENT, copy.name): b"a copy"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_two_equal_mails_are_two_files(tmp_path: Path) -> None:
    room = Mailroom({ANA: tmp_path}, Record())
    for _ in range(2):
        room.post(parcel("twice"), START)
    room.deliver(START)
    assert len(room.lying()) == 2
