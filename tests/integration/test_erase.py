"""`erase`: a marker in every field of somebody, and after it no byte of the marker in the database and its log."""

import asyncio
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from sequencer.core import events as e
from sequencer.core.outcome import Uncertain
from sequencer.core.suppression import Suppression
from sequencer.engine.verbs import face_at
from sequencer.errors import NotFound
from sequencer.store import log, people, tasks
from sequencer.store.tables import ACCOUNTS, PROSPECTS, SENDS
from tests.integration.mail_room import MailRoom, mail
from tests.integration.typed import Run

MARK = "Zqmark"
ADDRESS = "zqmark.first@zqmark.test"
CSV = (
    "email,other email,first_name,last_name,title,company,domain,phone,linkedin,timezone,country,Zqcolumn\n"
    f"{ADDRESS},second@zqmark.test,{MARK},{MARK}son,{MARK} officer,{MARK} Ltd,zqmark.test,+13035550131,"
    f"https://www.linkedin.com/in/zqmark,UTC,US,{MARK} value\n"
)
ANSWER = mail(f"{MARK} says hello, call {MARK}.", sender=f"{MARK} {MARK}son <{ADDRESS}>")


@pytest.fixture
def known(room: MailRoom, run: Run, tmp_path: Path) -> int:
    """The person, in the middle of everything that can be stored of somebody."""
    (tmp_path / "marked.csv").write_text(CSV)
    assert run("import", "marked.csv", "--list", "q4", "--map", "other email=email").code == 0
    person = room.database.read(lambda c: people.owners(c, [ADDRESS]))[ADDRESS]
    room.written_to(person)
    room.deliver(mail(f"Away, says {MARK}.", sender=ADDRESS, subject=f"Out of office {MARK}", number=2))
    room.deliver(ANSWER)
    asyncio.run(room.read())
    room.deliver(
        mail(
            "Please remove me from your list.",
            sender="stranger@else.test",
            to=f"ana@ourco.test, {ADDRESS}",
            subject="unsubscribe",
            number=3,
        )
    )
    asyncio.run(room.read())
    assert len(room.raws()) == 3
    now = room.clock.now()
    room.database.write(lambda c: tasks.add_note(c, person, None, "ana", f"{MARK} likes chess", now))
    enrollment = room.database.read(lambda c: c.scalars(select(SENDS.c.enrollment_id)).first())
    assert enrollment is not None
    room.database.write(lambda c: tasks.put_draft(c, enrollment, "bump", MARK, MARK))
    rule = Suppression("address", ADDRESS, "call", f"{MARK} asked", now)
    room.database.write(lambda c: people.suppress(c, rule, "person:ana"))
    return person


def marked(folder: Path) -> list[str]:
    """Where the marker stands: in files of the database, or in what they hold compressed."""
    files = [path for path in folder.glob("sequencer.db*") if "before" not in path.name]
    found = [path.name for path in files if MARK.lower().encode() in path.read_bytes().lower()]
    with closing(sqlite3.connect(folder / "sequencer.db")) as connection:
        for table in ("sends", "inbound"):
            raws = connection.execute(f"SELECT id, raw FROM {table} WHERE raw IS NOT NULL").fetchall()  # noqa: S608
            found += [f"{table} {key}" for key, raw in raws if MARK.lower().encode() in zlib.decompress(raw).lower()]
    return found


def test_not_a_byte_stays_and_nothing_brings_them_back(room: MailRoom, known: int, run: Run, tmp_path: Path) -> None:
    assert marked(tmp_path)
    (tmp_path / "sequencer.db.before-0001").write_bytes(b"a copy with " + ADDRESS.encode())
    gone = run("erase", ADDRESS, "--yes")
    assert gone.code == 0
    assert marked(tmp_path) == []
    assert "- marked.csv\n" in gone.out
    assert "- sequencer.db.before-0001\n" in gone.out
    for enrollment in room.database.read(lambda c: log.all_of(c, known)):
        assert room.folded(enrollment) == room.progress(enrollment)
    assert isinstance(room.person_events(known)[-1], e.PersonErased)
    for email in (ADDRESS, "second@zqmark.test", "second+news@zqmark.test"):
        (tmp_path / "again.csv").write_text(f"email,first_name\n{email},Zq\n")
        again = run("import", "again.csv")
        assert again.code == 2
        assert "was erased on" in again.err
    enrolled = run("enroll", "three", "--email", ADDRESS, "--as", "ana")
    assert (enrolled.code, "was erased on" in enrolled.err) == (2, True)
    refused = run("why", ADDRESS)
    assert (refused.code, "was erased on" in refused.err) == (2, True)


def test_what_they_write_and_what_servers_say_of_them_is_not_kept(
    room: MailRoom, known: int, run: Run, tmp_path: Path
) -> None:
    ours = room.sent(known).message_id
    assert run("erase", ADDRESS, "--yes").code == 0
    room.deliver(mail(f"{MARK} again", sender=ADDRESS, answers=ours, number=5))
    room.deliver(mail(f"{MARK} from home", sender="zq@home.test", answers=ours, number=6))
    asyncio.run(room.read())
    assert marked(tmp_path) == []
    assert room.database.read(lambda c: c.scalars(select(PROSPECTS.c.erased_at).where(PROSPECTS.c.id == known)).one())


def test_a_mail_whose_fate_nobody_knows_comes_first(room: MailRoom, run: Run) -> None:
    room.written_to(room.person("jo@acme.test"), Uncertain("lost", "dot"))
    refused = run("erase", "jo@acme.test", "--yes")
    assert (refused.code, "settle it first" in refused.err) == (2, True)
    assert room.database.read(lambda c: face_at(c, "jo@acme.test"))


def test_tasks_and_queued_mail_end_and_colleagues_stay(room: MailRoom, run: Run) -> None:
    jo, bo = room.person("jo@acme.test"), room.person("bo@acme.test")
    enrollment = room.written_to(jo)
    room.enroll(bo)
    room.deliver(mail("Sounds good.", sender="jo@acme.test"))
    asyncio.run(room.read())
    assert room.database.read(lambda c: tasks.open_tasks(c, prospect_id=jo))
    dry = run("erase", "jo@acme.test", "--dry-run")
    assert "1 mail sent to them, 1 mail of theirs" in dry.out
    assert "1 open task" in dry.out
    assert run("erase", "jo@acme.test", "--yes").code == 0
    assert room.database.read(lambda c: tasks.open_tasks(c, prospect_id=jo)) == []
    assert room.folded(enrollment) == room.progress(enrollment)
    assert room.database.read(lambda c: people.everybody(c)) == [bo]
    assert room.database.read(lambda c: face_at(c, "bo@acme.test")).company == "Acme"
    with pytest.raises(NotFound, match="was erased"):
        room.database.read(lambda c: face_at(c, "jo@acme.test"))


def test_the_company_that_a_merge_left_behind_goes_too(room: MailRoom, run: Run, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text(f"email,first_name\n{ADDRESS},Zq\nzq@zqmarker.test,Zq\nbo@acme.test,Bo\n")
    assert run("import", "two.csv").code == 0
    assert run("merge", ADDRESS, "zq@zqmarker.test", "--yes").code == 0
    assert "the account zqmark.test and zqmarker.test" in run("erase", ADDRESS, "--yes").out
    assert marked(tmp_path) == []
    assert list(room.database.read(lambda c: c.scalars(select(ACCOUNTS.c.id)).all())) == ["acme.test"]


def test_a_dry_run_asks_nobody_who_they_are_and_the_erasure_does(room: MailRoom, run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '[[reps]]\nname = "bo"\nemail = "bo@ourco.test"\ntimezone = "UTC"\n')
    room.person("jo@acme.test")
    assert "nothing was changed" in run("erase", "jo@acme.test", "--dry-run").out
    asked = run("erase", "jo@acme.test", "--yes")
    assert (asked.code, "--as" in asked.err) == (2, True)
    assert run("erase", "jo@acme.test", "--yes", "--as", "bo").code == 0


def test_what_is_packed_or_closed_is_named(room: MailRoom, run: Run, tmp_path: Path) -> None:
    room.person("jo@acme.test")
    assert run("export", "--to", "everything.zip").code == 0
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04 and nothing")
    told = run("erase", "jo@acme.test", "--yes").out
    found, _, closed = told.partition("could not be looked into")
    assert "- everything.zip\n" in found
    assert "- torn.zip\n" in closed
