"""The small installation of this folder's tests; its database is migrated once and copied for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.store.migrate import migrate
from tests.unit.engine.office import Office


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "sequencer.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def office(tmp_path: Path, empty_database: Path) -> Iterator[Office]:
    made = Office(tmp_path, empty_database)
    yield made
    made.close()
