"""Any file: a value, or an error with its place; never another exception, never a changed text."""

import io
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import markup, message
from sequencer.content.definition import read_sequence
from sequencer.content.people_csv import Refused, Row, read
from sequencer.errors import DefinitionError, DefinitionErrors

YAML = st.lists(
    st.sampled_from(
        [
            "title",
            "steps",
            "id",
            "email",
            "on",
            "rules",
            ": ",
            ":",
            "\n",
            "  ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            ", ",
            '"',
            "'",
            "&a",
            "*a",
            "!!str",
            "|",
            ">",
            "#",
            "~",
            "intro",
            "wait",
            "3d",
            "\t",
            "---",
            "?",
            "%",
            "@",
            "é",
            "\x00",
            "branch",
            "then",
            "else",
        ]
    ),
    max_size=40,
).map("".join)
CSV = st.lists(
    st.sampled_from(
        [
            "email",
            "phone",
            "country",
            "a@b.test",
            ",",
            ";",
            "\n",
            "\r\n",
            '"',
            '""',
            "=1",
            "+34612345678",
            "ES",
            "\x00",
            "é",
            " ",
        ]
    ),
    max_size=40,
).map("".join)


@given(YAML)
@settings(max_examples=300, deadline=None)
def test_any_yaml_is_read_or_refused(source: str) -> None:
    with suppress(DefinitionErrors):
        plain, lines = markup.read("f.yaml", source)
        assert all(1 <= line <= source.count("\n") + 1 for line in lines.values())
        assert plain is not None
    with suppress(DefinitionErrors):
        read_sequence("sequences/f.yaml", source, "f")


@given(
    st.dictionaries(
        st.text("ab -:#", min_size=1, max_size=5),
        st.text(st.characters(exclude_categories=["C"]), max_size=9),
        min_size=1,
    )
)
@settings(max_examples=100, deadline=None)
def test_every_quoted_text_comes_back_as_it_was_written(values: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    source = "".join(f"{quoted(key)}: {quoted(value)}\n" for key, value in values.items())
    assert markup.read("f.yaml", source)[0] == values


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_a_message_keeps_its_lines(source: str) -> None:
    with suppress(DefinitionErrors):
        assert message.parse("m.md", source).body.count("\n") == source.count("\n")


@given(CSV.map(str.encode) | st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_csv_gives_rows_refusals_or_one_error(content: bytes) -> None:
    with suppress(DefinitionError):
        for row in read(io.BytesIO(b"email,phone,country\n" + content), "x.csv"):
            assert row.line >= 2
            match row:
                case Row():
                    assert all(email == email.lower() and "@" in email for email in row.emails)
                    assert all(value.strip() for value in row.fields.values())
                case Refused():
                    assert row.reason
