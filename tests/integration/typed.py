"""Commands as they are typed: what one printed and how it ended."""

import json
import logging
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sequencer.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


def _typed() -> int:
    """Runs the command of sys.argv in this process; what it would log differently ends with it."""
    logged = logging.getLogger("sequencer")
    level = logged.level
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        logged.setLevel(level)
    return int(ended.value.code or 0)


def typing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types one command where the test stands; nobody else's settings are seen."""
    monkeypatch.delenv("SEQUENCER_REP", raising=False)
    monkeypatch.delenv("SEQUENCER_CONFIG", raising=False)
    monkeypatch.setenv("TZ", "UTC")

    def run(*words: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["sequencer", *words])
        code = _typed()
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def typed_in(folder: Path, *words: str) -> Ran:
    """One command typed in `folder`, for what outlives a test's own fixtures; it runs in this process."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("SEQUENCER_")]:
            patch.delenv(name)
        patch.chdir(folder)
        patch.setattr("sys.argv", ["sequencer", *words])
        code = _typed()
    return Ran(code, out.getvalue(), err.getvalue())
