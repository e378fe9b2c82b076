"""Commands as they are typed: what one printed and how it ended."""

import json
from collections.abc import Callable
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


def typing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types one command where the test stands; nobody else's settings are seen."""
    monkeypatch.delenv("SEQUENCER_REP", raising=False)
    monkeypatch.delenv("SEQUENCER_CONFIG", raising=False)
    monkeypatch.setenv("TZ", "UTC")

    def run(*words: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["sequencer", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run
