"""A migrated SQLite database in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.store.database import Database
from tests.fresh import fresh_database, open_database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()
