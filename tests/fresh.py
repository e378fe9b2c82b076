"""A database with the newest schema for each test: migrated once a run, then copied."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sequencer.store.migrate import migrate


def fresh_database(folder: Path) -> str:
    """The URL of a new, empty SQLite database in `folder`."""
    target = folder / "sequencer.db"
    shutil.copyfile(_template(), target)
    return f"sqlite:///{target}"


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sequencer-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "sequencer.db"
    migrate(f"sqlite:///{path}")
    return path
