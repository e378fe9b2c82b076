"""The small installation of this folder's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.engine.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()
