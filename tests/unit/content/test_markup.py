"""YAML as plain text with lines, and everything in it that is refused."""

import pytest

from sequencer.content.markup import decode, read
from sequencer.errors import DefinitionError, DefinitionErrors


def test_every_scalar_is_text_and_every_key_has_its_line() -> None:
    source = (
        'on: NO\nnumber: 1e3\ndate: 2026-11-21\nquoted: ""\n'
        "steps:\n  - id: a\n    wait: {for: 3bd}\n  - [x, y]\ntext: |\n  a\n  b\n"
    )
    plain, lines = read("f.yaml", source)
    assert plain == {
        "on": "NO",
        "number": "1e3",
        "date": "2026-11-21",
        "quoted": "",
        "steps": [{"id": "a", "wait": {"for": "3bd"}}, ["x", "y"]],
        "text": "a\nb\n",
    }
    keys = ("on", "steps", "steps.0", "steps.0.wait", "steps.0.wait.for", "steps.1.1", "text")
    assert [lines[key] for key in keys] == [1, 5, 6, 7, 7, 8, 9]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # what makes a file say more than it shows
        ("a: &x 1\nb: 2\n", "f.yaml:1: &x is a YAML anchor"),
        ("a: 1\nb: *x\n", "f.yaml:2: *x is a YAML alias"),
        ("&k a: 1\n", "f.yaml:1: &k is a YAML anchor"),
        ("a: !!python/object:os.system x\n", "f.yaml:1: !!python/object:os.system is a YAML tag"),
        ("a: ! x\n", "f.yaml:1: ! is a YAML tag"),
        ("a:\n  - !!map {}\n", "f.yaml:2: !!map is a YAML tag"),
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3: "a" is written twice — the first is on line 1'),
        ("a: {b: 1, b: 2}\n", 'f.yaml:1: "b" is written twice'),
        # what has no value
        ("a:\nb: 1\n", "f.yaml:1: a: no value"),
        ("a: ~\n", "f.yaml:1: a: no value"),
        ("a:\n  - b:\n      c: null\n", "f.yaml:3: a.0.b.c: no value"),
        ("", "f.yaml: the file is empty"),
        ("# only a note\n", "f.yaml: the file is empty"),
        # what is no YAML, or no key
        ("a: 1\n\tb: 2\n", "f.yaml:2: a tab is not allowed here — indent with spaces"),
        ("a: b: c\n", "f.yaml:1: a colon where no key can stand"),
        ('a: 1\nb: "x\n', "a quote is opened and never closed"),
        ("a: [1, 2\nb: 3\n", "a { or [ is not closed"),
        ("a: @x\n", "f.yaml:1: a character that cannot begin a value"),
        ("a: 1\n b: 2\n", "f.yaml:2: "),
        ("? [a]\n: b\n", "f.yaml:1: a key must be a word"),
        ("~: b\n", "f.yaml:1: a key must be a word"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins here"),
        ("a: 1\nb: \x07\n", "f.yaml:2: a control character"),
        ("a: \udc80\n", "f.yaml:1: a control character"),
        # what would take long
        ("[" * 100_000, "f.yaml:1: nested more than 20 deep"),
        ("a: " + "{a: " * 30 + "b" + "}" * 30, "f.yaml:1: nested more than 20 deep"),
        ("# " + "ü" * 500_000, "f.yaml: the file is larger than 1 MB"),
    ],
    ids=range(27),
)
def test_refused_with_line_and_hint(source: str, expected: str) -> None:
    with pytest.raises(DefinitionErrors) as refused:
        read("f.yaml", source)
    assert expected in str(refused.value)


def test_all_errors_come_at_once() -> None:
    with pytest.raises(DefinitionErrors) as refused:
        read("f.yaml", "a: &x 1\nb:\nc: !t 3\nc: 4\n")
    assert [error.line for error in refused.value.errors] == [1, 2, 3, 4]


def test_decode_takes_utf_8_and_names_the_line_that_is_not() -> None:
    assert decode("f", b"\xef\xbb\xbfa\r\nb\rc") == "a\nb\nc"
    with pytest.raises(DefinitionError, match="UTF-8") as refused:
        decode("f", "a\nb\nJürgen\n".encode("cp1252"))
    assert refused.value.line == 3
