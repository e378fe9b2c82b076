"""The epoch and its copy outside: each point at which a daemon may die, each way to lose or copy one of them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.engine.amnesia import Covering, amnesia_of, begin, message_key, notice, series_key
from sequencer.errors import InputError, StoreError
from sequencer.store import epoch, epoch_file, scopes
from sequencer.store.database import Database
from sequencer.store.epoch import Amnesia, Epoch
from tests.fresh import fresh_database, open_database

KEY = b"a key"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(fresh_database(tmp_path))
    yield opened
    opened.close()


def told(database: Database, path: Path, key: bytes = KEY) -> str:
    """Why a daemon that starts now would hold all sends, "" if it would not."""
    with epoch_file.opened(path, key) as file:
        found = database.write(lambda connection: amnesia_of(connection, file, key))
    return found.why if found else ""


def beat(database: Database, path: Path, mails: int = 0) -> Epoch:
    """One whole group: the database, then the file."""
    raised = database.write(lambda connection: epoch.raise_epoch(connection, mails))
    with epoch_file.opened(path, KEY) as file:
        file.write(raised)
    return raised


CRASHES: tuple[tuple[str, Callable[[Database, Path], object]], ...] = (
    ("before the fence's commit", lambda database, path: None),
    ("between the commit and the file", lambda database, path: database.write(epoch.raise_epoch)),
    ("in the middle of the file's write", lambda database, path: tear(database, path)),
    ("between the file and the dot, or after the dot", lambda database, path: beat(database, path, 1)),
)


def tear(database: Database, path: Path) -> None:
    """The slot that is written next holds half of what it should."""
    raised = database.write(epoch.raise_epoch)
    with epoch_file.opened(path, KEY) as file:
        file.write(file.written)
        before = path.read_bytes()
        file.write(raised)
    after = bytearray(path.read_bytes())
    for slot in range(2):
        at = slot * epoch_file.SLOT_BYTES
        if after[at : at + 4096] != before[at : at + 4096].ljust(4096, b"\0"):
            after[at + 40 : at + 4096] = before[at + 40 : at + 4096].ljust(4056, b"\0")
    path.write_bytes(after)


@pytest.mark.parametrize(("where", "crash"), CRASHES, ids=[name for name, _ in CRASHES])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_a_crash_holds_nothing(
    database: Database, tmp_path: Path, where: str, crash: Callable[[Database, Path], object], groups: int
) -> None:
    path = tmp_path / "epoch"
    for _ in range(groups):
        beat(database, path, 5)
    crash(database, path)
    assert told(database, path) == ""


@pytest.mark.parametrize(("where", "crash"), CRASHES, ids=[name for name, _ in CRASHES])
def test_a_database_from_before_a_group_that_may_have_left_is_held_wherever_the_daemon_died(
    database: Database, tmp_path: Path, where: str, crash: Callable[[Database, Path], object]
) -> None:
    path = tmp_path / "epoch"
    old = beat(database, path, 5)
    beat(database, path, 2)
    crash(database, path)
    database.write(lambda connection: epoch.put(connection, old))
    assert "restored" in told(database, path)


def test_the_first_start_of_a_database_holds_nothing(database: Database, tmp_path: Path) -> None:
    assert told(database, tmp_path / "epoch") == ""


def replaced(path: Path) -> None:
    shutil.copyfile(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


def file_of_another(path: Path, said: Epoch) -> None:
    with epoch_file.opened(path, b"another key") as file:
        file.write(said)


def other(path: Path) -> None:
    path.unlink()
    file_of_another(path, Epoch(9, 3))


def unused(path: Path) -> None:
    """Somebody tried another database here, which sent nothing."""
    path.unlink()
    file_of_another(path, Epoch(50_000, 0))


LOST: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("the file is gone", lambda path: path.unlink(), "knew nothing of this database"),
    ("the file is another database's, which sent nothing", unused, "knew nothing of this database"),
    ("the file is a copy, as in a copied folder", replaced, "is a copy"),
    ("nothing of the file can be read", lambda path: path.write_bytes(b"x" * 8192), "cannot be read"),
    ("the file is another database's", other, "belongs to another database"),
)


@pytest.mark.parametrize("beats", [0, 3], ids=["no daemon has run", "after some heartbeats"])
@pytest.mark.parametrize(("lose", "why"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_a_database_whose_file_cannot_vouch_for_it_is_held(
    database: Database, tmp_path: Path, lose: Callable[[Path], object], why: str, beats: int
) -> None:
    path = tmp_path / "epoch"
    database.write(lambda connection: begin(connection, path, KEY))
    assert told(database, path) == ""
    for _ in range(beats):
        beat(database, path, 5)
    lose(path)
    assert why in told(database, path)


@pytest.mark.parametrize(
    ("left_over", "why"),
    [
        pytest.param(lambda path: None, "", id="nothing"),
        pytest.param(lambda path: path.touch(), "", id="an empty file"),
        pytest.param(lambda path: file_of_another(path, Epoch(7, 0)), "", id="of another one, which sent nothing"),
        pytest.param(lambda path: file_of_another(path, Epoch(7, 2)), "belongs to another", id="of one that sent"),
        pytest.param(lambda path: path.write_bytes(b"x" * 8192), "cannot be read", id="a torn one"),
    ],
)
def test_a_new_database_begins_a_file_of_its_own_and_takes_none_away(
    database: Database, tmp_path: Path, left_over: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "epoch"
    left_over(path)
    before = path.read_bytes() if why else b""
    database.write(lambda connection: begin(connection, path, KEY))
    said = told(database, path)
    assert (why in said, bool(said)) == (True, bool(why))
    assert not why or path.read_bytes() == before


@pytest.mark.parametrize("lose", [row[1] for row in LOST[:4]], ids=[row[0] for row in LOST[:4]])
def test_a_daemon_that_runs_while_somebody_reconciles_goes_on(
    database: Database, tmp_path: Path, lose: Callable[[Path], object]
) -> None:
    """It has the file open, so nobody else can mend it."""
    path = tmp_path / "epoch"
    for _ in range(3):
        kept = beat(database, path, 5)
    lose(path)
    with epoch_file.opened(path, KEY) as file:

        def noticed(connection: Connection) -> Amnesia | None:
            return notice(connection, file, KEY, NOW)

        assert database.write(noticed) is not None
        assert database.write(noticed) is not None
        outside = epoch_file.look(path, KEY).epoch
        database.write(lambda connection: epoch.lift(connection, outside, NOW))
        assert database.write(noticed) is None
        file.write(database.write(epoch.beat))
        database.write(lambda connection: epoch.put(connection, kept))
        found = database.write(noticed)
        assert found is not None
        assert "restored" in found.why


def test_the_file_has_one_daemon(tmp_path: Path) -> None:
    with (
        epoch_file.opened(tmp_path / "epoch", KEY),
        pytest.raises(InputError, match="another daemon"),
        epoch_file.opened(tmp_path / "epoch", KEY),
    ):
        pass


@pytest.mark.parametrize("closed", [False, True], ids=["one daemon", "another one after each write"])
def test_a_heartbeat_by_a_clock_set_back_does_not_hide_when_a_mail_left(tmp_path: Path, closed: bool) -> None:
    path, now = tmp_path / "epoch", NOW.timestamp()
    # (epoch, the clock's hours when it is written, those that the file tells)
    written = (
        (Epoch(1, 0), 0, 0),
        (Epoch(2, 3), 1, 1),
        (Epoch(3, 4), 30, 30),  # the clock is ahead
        (Epoch(4, 4), 2, 30),
        (Epoch(5, 4), 3, 30),
        (Epoch(6, 4), 50, 50),  # a heartbeat that is ahead: no mail left then
        (Epoch(7, 5), 4, 30),
        (Epoch(8, 5), 31, 31),
        (Epoch(9, 5), 5, 30),
    )
    with ExitStack() as files:
        for epoch_then, hours, told_hours in written:
            if closed:
                files.close()
            if closed or epoch_then.number == 1:
                file = files.enter_context(epoch_file.opened(path, KEY))
            file.write(epoch_then)
            os.utime(path, (now + hours * 3600,) * 2)
            assert epoch_file.look(path, KEY).until(0) == now + told_hours * 3600
    for known, told_hours in ((3, 30), (4, 5), (5, 5)):
        assert epoch_file.look(path, KEY).until(known) == now + told_hours * 3600, f"{known} mails are known"


def test_a_clock_that_is_set_back_again_and_again_does_not_fill_the_file(tmp_path: Path) -> None:
    path, now = tmp_path / "epoch", NOW.timestamp()
    with epoch_file.opened(path, KEY) as file:
        for number in range(1, 60):
            file.write(Epoch(number, number))
            os.utime(path, (now - number * 3600,) * 2)
    told = epoch_file.look(path, KEY)
    assert (told.standing, told.epoch) == ("good", Epoch(59, 59))
    assert len(path.read_bytes()) <= 2 * epoch_file.SLOT_BYTES
    for known in range(59):
        assert told.until(known) >= now - (known + 1) * 3600, "never earlier than what may be lost"


def test_a_hold_counts_what_left_and_stays_until_it_is_lifted(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    old = beat(database, path, 5)
    beat(database, path, 3)
    database.write(lambda connection: epoch.put(connection, old))

    def again(connection: Connection) -> None:
        with epoch_file.opened(path, KEY) as file:
            assert notice(connection, file, KEY, NOW)
        scopes.resume_scope(connection, "all")

    database.write(again)
    database.write(lambda connection: [epoch.raise_epoch(connection) for _ in range(50)])
    held = database.read(epoch.held)
    assert held is not None
    assert held.mails == 3
    with epoch_file.opened(path, KEY) as file:
        database.write(lambda connection: epoch.lift(connection, file.told.epoch, NOW))
    assert database.read(epoch.held) is None
    assert told(database, path) == ""
    assert database.read(lambda connection: message_key(connection, KEY)) == series_key(KEY, 1) != KEY


def test_a_later_copy_is_held_after_an_earlier_one_was_reconciled_where_nothing_was_counted(
    database: Database, tmp_path: Path
) -> None:
    """On a new machine somebody puts Monday's copy back, and finds Tuesday's: it has counted further than Monday's."""
    path = tmp_path / "epoch"
    database.write(lambda connection: begin(connection, path, KEY))
    monday = beat(database, path, 5)
    for _ in range(50):
        tuesday = beat(database, path, 5)
    path.unlink()
    database.write(lambda connection: epoch.put(connection, monday))
    with epoch_file.opened(path, KEY) as file:
        assert database.write(lambda connection: notice(connection, file, KEY, NOW))
    database.write(lambda connection: epoch.lift(connection, Epoch(), NOW))
    epoch_file.write_all(path, KEY, database.read(epoch.current))
    assert told(database, path) == ""
    for later in (tuesday, monday):
        database.write(lambda connection: epoch.put(connection, later))  # noqa: B023
        with epoch_file.opened(path, KEY) as file:
            found = database.read(lambda connection: amnesia_of(connection, file, KEY))
        assert found is not None
        assert "restored from a copy" in found.why
        assert found.mails is None, "counts from before and after it tell nothing together"


async def test_a_database_that_is_exchanged_under_a_daemon_gets_no_dot(database: Database, tmp_path: Path) -> None:
    with epoch_file.opened(tmp_path / "epoch", KEY) as file:
        covering = Covering(file)
        await covering.cover(Epoch(7, 7))
        assert epoch_file.look(file.path, KEY).epoch == Epoch(7, 7)
        with pytest.raises(StoreError, match="older than what was sent"):
            covering.check(Epoch(7, 3))
        covering.check(Epoch(8, 8))
        await covering.cover(Epoch(6, 6))
        assert file.written == Epoch(7, 7)


@pytest.mark.parametrize("standing", ["a copy", "torn"])
def test_a_daemon_that_starts_again_under_the_hold_takes_no_count_back(
    database: Database, tmp_path: Path, standing: str
) -> None:
    """Without a count every mailbox that can be read would seem to tell all, and what nobody filed would go again."""
    path = tmp_path / "epoch"
    kept = beat(database, path, 5)
    beat(database, path, 2)
    database.write(lambda connection: epoch.put(connection, kept))
    if standing == "a copy":
        shutil.copy(path, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
    for start in range(3):
        if standing == "torn" and start:
            path.write_bytes(b"torn" * 3000)
        with epoch_file.opened(path, KEY) as file:
            found = database.write(lambda connection: notice(connection, file, KEY, NOW))
        assert found is not None
        assert found.mails == 2
