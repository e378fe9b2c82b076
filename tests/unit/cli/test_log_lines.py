"""Nobody outside writes a line of our log, or steers the terminal on which it is read."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.cli.log_lines import INDENT, LogLines
from sequencer.cli.plain_text import json_text, plain, plain_lines

STEERING = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *("\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"),
]
any_text = st.text(st.sampled_from([*STEERING, "a", " ", "é", "\\", '"']), max_size=40)


def logged(message: str, error: Exception | None = None) -> str:
    stream = io.StringIO()
    lines = logging.StreamHandler(stream)
    lines.setFormatter(LogLines())
    record = logging.LogRecord("sequencer", logging.ERROR, "", 0, "%s", (message,), None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    lines.emit(record)
    return stream.getvalue()


@given(any_text)
def test_one_record_is_one_line_without_control_characters(text: str) -> None:
    line = logged(text)
    assert line.endswith("\n")
    assert not set(STEERING) & set(line[:-1])
    assert line[:-1].splitlines() == [line[:-1]]


def test_what_was_there_can_still_be_seen() -> None:
    assert r"Jo\x1b[31m\nERROR sequencer: forged\u202e" in logged("Jo\x1b[31m\nERROR sequencer: forged\u202e")


def test_the_text_of_an_error_looks_like_no_record() -> None:
    forged = "2026-11-23 09:00:00,000 ERROR sequencer: all is lost\x1b[31m"
    first, *rest = logged("failed", ValueError(f"x\n{forged}")).splitlines()
    assert first.endswith("failed")
    assert all(line.startswith(INDENT) for line in rest)
    assert "\x1b" not in "".join(rest)


@given(any_text)
def test_json_steers_nothing_and_reads_back_the_same(text: str) -> None:
    written = json_text({text: text}, None)
    assert not set(STEERING) & set(written)
    assert json.loads(written) == {text: text}


@pytest.mark.parametrize("character", STEERING)
def test_text_for_a_terminal_loses_it(character: str) -> None:
    assert character not in plain(f"a{character}b").replace(" ", "" if character == " " else " ")
    if character not in "\t\n":
        assert character not in plain_lines(f"a{character}b")
