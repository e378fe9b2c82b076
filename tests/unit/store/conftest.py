"""A migrated SQLite database in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.store.database import Database
from sequencer.store.migrate import migrate


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'sequencer.db'}"
    migrate(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
