"""Any file: a value, or an error with its place; never another exception, never a changed text."""

import csv
import io
from contextlib import suppress

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sequencer.content import markup, message
from sequencer.content.csv_rows import DELIMITERS, CsvRow, form_of, rows
from sequencer.content.definition import read_sequence
from sequencer.content.neutral import neutralised, restored
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


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "a,b", "a;b", "a\tb", "a|b", 'say "x"', "two\nlines", "two\r\nlines", "=1+1", " blank ", "Lucía", "\ufeff"]
)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda row: any(map(str.strip, row))), max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(DELIMITERS),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([("Müller", "Ã", "x")], "cp1252", ";", "\r\n", csv.QUOTE_MINIMAL)
@settings(max_examples=300, deadline=None)
def test_any_table_comes_back_as_it_was_written(
    table: list[tuple[str, str, str]], encoding: str, delimiter: str, end: str, quoting: int
) -> None:
    # Python's writer quotes the characters of its own line end alone: a bare CR before LF is a CRLF to every reader.
    assume(quoting == csv.QUOTE_ALL or "\r" in end or not any("\r" in cell for row in table for cell in row))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("email", "first_name", "note"), *table])
    try:
        content = written.getvalue().encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    if encoding == "cp1252":
        # What is UTF-8 as well, or in part, nobody can tell apart.
        with suppress(UnicodeDecodeError):
            assume(content.decode() == written.getvalue())
        assume(not any(pair in content for pair in (bytes([0xC3, low]) for low in range(0x80, 0xC0))))
    stream = io.BytesIO(content)
    assert form_of("x.csv", stream).delimiter == delimiter
    found = [row.cells for row in rows("x.csv", stream) if isinstance(row, CsvRow)]
    assert found == [("email", "first_name", "note"), *table]


@given(CELLS | st.text("'=+-@ab", max_size=6))
def test_a_neutral_cell_is_no_formula_and_comes_back(cell: str) -> None:
    assert not neutralised(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert restored(neutralised(cell)) == cell
