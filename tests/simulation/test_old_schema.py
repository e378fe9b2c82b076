"""Whether a database can be taken back to an older schema, and whether a migration that changes rows is noticed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sequencer.store.migrate import migrate, revision, revisions
from tests.fresh import fresh_database
from tests.simulation.old_schema import carried_back, different, holding

NOW = "'2026-11-02 09:00:00.000000'"
ERASED = "INSERT INTO erased (hash, salt, at) VALUES"
ALIVE = "INSERT INTO daemons (name, alive_until) VALUES"
BRAKED = "INSERT INTO brakes (mailbox, at, reason) VALUES"
SUPPRESSED = "INSERT INTO suppressions (kind, value, channel, reason, by, at, opt_out) VALUES"


def database(folder: Path, *statements: str) -> Path:
    fresh_database(folder)
    file = folder / "sequencer.db"
    with closing(sqlite3.connect(file)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()
    return file


@pytest.mark.parametrize("older", revisions()[:-1])
def test_what_an_older_version_wrote_says_the_same_after_the_upgrade(tmp_path: Path, older: str) -> None:
    file = database(tmp_path)
    before = carried_back(file, older)
    assert revision(f"sqlite:///{file}") == older
    migrate(f"sqlite:///{file}")
    assert revision(f"sqlite:///{file}") == revisions()[-1]
    assert list(different(file, before)) == []


@pytest.mark.parametrize(
    ("statement", "oldest"),
    [
        ("DELETE FROM daemons", "0001"),
        # a stop by its owner, and one that somebody else ordered, which the first schema took for the owner's
        (f"{SUPPRESSED} ('address', 'a@b.test', '', 'they said so', 'ana', {NOW}, TRUE)", "0001"),
        (f"{SUPPRESSED} ('address', 'a@b.test', '', 'a customer', 'ana', {NOW}, FALSE)", "0002"),
        (f"{SUPPRESSED} ('domain', 'b.test', '', 'a customer', 'ana', {NOW}, FALSE)", "0001"),
        (f"{ERASED} ('1', '2', {NOW})", "0008"),
        # a daemon finds it out anew
        (f"{ALIVE} ('daemon-1', {NOW})", "0001"),
        # nothing before the newest one knows of it
        (f"{BRAKED} ('ana@ourco.test', {NOW}, 'bounces')", ""),
    ],
)
def test_an_older_schema_has_a_place_for_all_that_the_rows_say(tmp_path: Path, statement: str, oldest: str) -> None:
    expected = [each for each in revisions()[:-1] if oldest and each >= oldest]
    assert holding(database(tmp_path, statement)) == expected


@pytest.mark.parametrize(
    ("harm", "table"),
    [
        ("UPDATE suppressions SET reason = 'lost'", "suppressions"),
        ("DELETE FROM suppressions", "suppressions"),
        (f"{SUPPRESSED} ('address', 'c@b.test', '', 'new', 'ana', {NOW}, TRUE)", "suppressions"),
        ("INSERT INTO meta (key, value) VALUES ('epoch', '1 1')", "meta"),
    ],
)
def test_a_row_that_an_upgrade_changed_is_noticed(tmp_path: Path, harm: str, table: str) -> None:
    file = database(tmp_path, f"{SUPPRESSED} ('address', 'a@b.test', '', 'they said so', 'ana', {NOW}, TRUE)")
    before = carried_back(file, "0001")
    migrate(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(harm)
        connection.commit()
    assert list(different(file, before)) == [table]
