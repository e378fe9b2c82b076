"""Flowed text (RFC 3676) is read as it was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.flowed import unflowed
from sequencer.mail.parse import parse
from sequencer.mail.quoting import own_words


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("one \ntwo\nthree\n", "one two\nthree\n"),
        ("> one \n> two\nYes.\n", "> one two\nYes.\n"),
        ("> Hi \nHello\n", "> Hi\nHello\n"),  # a soft break does not leave its quote
        (">> a \n> b \n> c\n", ">> a\n> b c\n"),
        (" From here\n", "From here\n"),  # stuffed with a space
        (" > not quoted\n", " > not quoted\n"),
        ("Yes. \n\nJo\n", "Yes. \n\nJo\n"),  # an empty line ends the line above whatever it ends with
        ("Yes. \n-- \nJo\n", "Yes. \n-- \nJo\n"),  # the signature's line never flows
        ("", ""),
    ],
)
def test_lines_are_joined(flowed: str, text: str) -> None:
    assert unflowed(flowed) == text


def test_delsp_joins_words_without_a_space() -> None:
    assert unflowed("よろしくお \n願いします\n", delete_space=True) == "よろしくお願いします\n"


@given(st.text(alphabet="ab >-\n", max_size=200))
def test_nothing_is_lost(text: str) -> None:
    written = "ab-"  # the marks of quoted lines that are joined become one
    assert [char for char in unflowed(text) if char in written] == [char for char in text if char in written]


def test_a_flowed_mail() -> None:
    head = "From: jo@acme.test\nSubject: Re: Hi\nContent-Type: text/plain; charset=utf-8; format=flowed; delsp=no\n\n"
    raw = f"{head}Yes please, on \nTuesday.\n\nOn 06/07/2026 09:12, \nAna wrote:\n> old \n> x\n\n-- \nJo\n".encode()
    assert own_words(parse(raw)).text == "Yes please, on Tuesday."
