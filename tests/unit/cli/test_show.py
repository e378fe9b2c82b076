"""Tables fit the terminal, lose no word they keep, and are plain in a pipe."""

import io
import re
from contextlib import redirect_stdout

import pytest

from sequencer.cli.show import Cell, cell, line, table

COLUMNS = ("id", "who", "sequence", "what happened")
ROWS: list[tuple[Cell, ...]] = [
    ("1", cell("Lucía Ferrer", "red"), "vp-engineering", "the connection was lost after the final dot"),
    ("2", "Bo", "calls", "nothing"),
]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(
    monkeypatch: pytest.MonkeyPatch, width: int, *, spare: tuple[str, ...] = (), no_color: str = "1"
) -> list[str]:
    """The lines that a terminal of this width gets."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    tty = Tty()
    with redirect_stdout(tty):
        table(COLUMNS, ROWS, spare=spare)
        line("late", "red")
    return tty.getvalue().splitlines()


def words(lines: list[str], width: int) -> list[str]:
    """The same without bold and dim; none may be wider than the terminal."""
    plain = [re.sub(r"\x1b\[[\d;]*m", "", each).rstrip() for each in lines]
    assert max(map(len, plain)) <= width
    return plain


def test_a_wide_terminal_gets_a_line_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = words(shown(monkeypatch, 120, spare=("sequence",)), 120)
    assert [each.split()[0] for each in lines] == ["id", "1", "2", "late"]
    assert "vp-engineering" in lines[1]


def test_a_narrow_one_goes_without_what_can_be_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = words(shown(monkeypatch, 46, spare=("sequence",)), 46)
    assert lines[0].split() == ["id", "who", "what", "happened"]
    assert "connection" in " ".join(lines)


def test_a_very_narrow_one_gets_a_block_a_row_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = words(shown(monkeypatch, 36), 36)
    assert lines[0].split() == ["id", "1"]
    assert "" in lines  # between the rows
    for word in ("vp-engineering", "connection", "happened", "nothing"):
        assert word in " ".join(lines)


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_vanish_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    lines = shown(monkeypatch, 120, no_color=no_color)
    assert ("\x1b[31m" in "\n".join(lines)) is coloured


def test_a_pipe_gets_tabs_and_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    table(COLUMNS, ROWS, spare=("sequence",))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [len(each.split("\t")) for each in out.splitlines()] == [4, 4, 4]
