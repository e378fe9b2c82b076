"""The audit: a row with the change or neither, a chain in which every kind of tampering shows, rows that stand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.errors import StoreError
from sequencer.store import audit, scopes
from sequencer.store.database import Database
from tests.fresh import fresh_database, open_database

NOW = datetime(2026, 11, 23, 9, 0, 0, 1, tzinfo=UTC)
DROP = ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(fresh_database(tmp_path))
    yield database
    database.close()


def command(verb: str = "pause") -> audit.Command:
    return audit.Command(NOW, "ana", "cli", verb, {"email": "#1234", "n": 3})


def change(connection: Connection) -> None:
    scopes.put_meta(connection, "changed", "yes")


def filled(database: Database, rows: int = 5) -> None:
    for number in range(rows):
        audit.Recorded(database, command(f"verb-{number}")).write(change)


def test_a_command_of_several_transactions_writes_one_row(database: Database) -> None:
    recorded = audit.Recorded(database, command())
    for _ in range(3):
        recorded.write(change)
    (row,) = database.read(lambda c: list(audit.rows(c)))
    assert (row.at, row.by, row.verb, row.asked) == (NOW, "ana", "pause", {"email": "#1234", "n": 3})


def test_what_fails_leaves_no_row_and_the_next_try_does(database: Database) -> None:
    recorded = audit.Recorded(database, command())

    def fail(connection: Connection) -> None:
        change(connection)
        raise ValueError("no")

    with pytest.raises(ValueError):
        recorded.write(fail)
    assert database.read(lambda c: (list(audit.rows(c)), scopes.meta(c, "changed"))) == ([], None)
    recorded.write(change)
    assert len(database.read(lambda c: list(audit.rows(c)))) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET by = 'bo'",
        "DELETE FROM audit WHERE id = 2",
        "INSERT OR REPLACE INTO audit SELECT id, at, 'bo', via, verb, asked, previous, hash FROM audit WHERE id = 2",
    ],
)
def test_the_database_refuses_to_change_a_row(database: Database, statement: str) -> None:
    filled(database)
    with pytest.raises(Exception, match="append-only"):
        database.write(lambda c: c.exec_driver_sql(statement))
    assert database.read(audit.verify).wrong == ()


# tampering -> what is said of it
TAMPERED = [
    ("UPDATE audit SET by = 'bo' WHERE id = 3", ["row 3 was changed"]),
    ("UPDATE audit SET asked = '{}' WHERE id = 5", ["row 5 was changed"]),
    ("UPDATE audit SET at = 'no instant' WHERE id = 2", ["row 2 was changed"]),
    ("UPDATE audit SET at = 5 WHERE id = 2", ["row 2 was changed"]),
    ("UPDATE audit SET by = x'00' WHERE id = 2", ["row 2 was changed"]),
    (
        "DELETE FROM meta WHERE key = 'audit_head'",
        ["where the chain ended is not noted any more: rows may be missing at its end"],
    ),
    ("DELETE FROM audit WHERE id = 3", ["row 3 is missing"]),
    ("DELETE FROM audit WHERE id IN (1, 2)", ["rows 1 to 2 are missing"]),
    ("DELETE FROM audit WHERE id > 3", ["rows 4 to 5 are missing: the chain went on to row 5"]),
    (
        "INSERT INTO audit SELECT 6, at, by, via, verb, asked, previous, hash FROM audit WHERE id = 2",
        [
            "row 6 does not follow row 5: one of them was put in or changed",
            "row 6 was changed",
            "row 6 was put in: the chain ended at row 5",
        ],
    ),
]


@pytest.mark.parametrize(("statement", "said"), TAMPERED)
def test_tampering_shows_and_says_where(database: Database, statement: str, said: list[str]) -> None:
    filled(database)
    for each in (*DROP, statement):
        database.write(lambda c, each=each: c.exec_driver_sql(each))  # type: ignore[misc]
    assert list(database.read(audit.verify).wrong) == said


@pytest.mark.parametrize("column", ["at", "asked"])
def test_a_row_that_was_made_unreadable_is_named(database: Database, column: str) -> None:
    filled(database)
    for each in (*DROP, f"UPDATE audit SET {column} = '{{' WHERE id = 3"):  # noqa: S608
        database.write(lambda c, each=each: c.exec_driver_sql(each))  # type: ignore[misc]
    with pytest.raises(StoreError, match="row 3 of the audit cannot be read"):
        database.read(lambda c: list(audit.rows(c)))


def test_what_an_empty_audit_prints_may_be_given_back_later(database: Database) -> None:
    noted = database.read(audit.verify).head
    filled(database)
    assert database.read(lambda c: audit.verify(c, noted)).wrong == ()


def test_a_chain_that_was_made_anew_is_not_the_one_that_was_noted(database: Database, tmp_path: Path) -> None:
    filled(database, 2)
    noted = database.read(audit.verify).head
    filled(database, 1)
    assert database.read(lambda c: audit.verify(c, noted)).wrong == ()
    (tmp_path / "other").mkdir()
    other = open_database(fresh_database(tmp_path / "other"))
    audit.Recorded(other, command("another")).write(change)
    filled(other, 3)
    assert other.read(audit.verify).wrong == ()
    assert other.read(lambda c: audit.verify(c, noted)).wrong == (
        "row 2 is not the one that was noted: made anew, or an old copy was put back",
    )
    other.close()


def test_a_text_is_hidden_and_an_address_found_again() -> None:
    key, other = b"a key", b"another"
    assert audit.pseudonym(key, " Bo@ACME.test ") == audit.pseudonym(key, "bo@acme.test")
    assert audit.pseudonym(key, "bo@acme.test") != audit.pseudonym(other, "bo@acme.test")


def test_the_database_below_is_told_of_a_refusal(database: Database) -> None:
    with pytest.raises(StoreError):
        audit.Recorded(database, command()).write(lambda c: c.exec_driver_sql("SELECT * FROM nothing"))
    assert database.read(lambda c: list(audit.rows(c))) == []


def test_how_long_a_freeze_is_waited_for_is_the_databases_below(database: Database) -> None:
    recorded = audit.Recorded(database, command("daemon"))
    recorded.frozen_after_s = 7.0
    assert (database.frozen_after_s, recorded.frozen_after_s) == (7.0, 7.0)
