"""What a command left in the database: whether it changed anything, and how many rows it wrote into the audit."""

import sqlite3
from contextlib import closing
from pathlib import Path


def contents(file: Path) -> frozenset[str]:
    """Every statement that would make the database anew, but for the audit's."""
    with closing(sqlite3.connect(file)) as connection:
        lines = (line for line in connection.iterdump() if "audit_head" not in line)
        return frozenset(line for line in lines if not line.startswith('INSERT INTO "audit"'))


def audit_rows(file: Path) -> list[tuple[str, str, str]]:
    """(by, verb, asked) of each row, the oldest first."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT by, verb, asked FROM audit ORDER BY id").fetchall()
