"""A migrated database: what is tested here holds on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.store.database import Database
from tests.fresh import BACKENDS, empty_database, fresh_database, on_backend, open_database


@pytest.fixture(params=BACKENDS)
def url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with on_backend(request.param):
        yield fresh_database(tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


@pytest.fixture(params=BACKENDS)
def empty_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without a table."""
    with on_backend(request.param):
        yield empty_database(tmp_path)
