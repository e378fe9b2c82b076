"""Lists of people: what is read, what is refused and how it is to be mended, and what a hostile file cannot do."""

import io
import resource
import time
from pathlib import Path

import pytest

from sequencer.content.csv_rows import FILE_BYTES_MAX
from sequencer.content.people_csv import Refused, Row, read
from sequencer.errors import DefinitionError

ROOT = Path(__file__).parents[3]


def rows(text: str, encoding: str = "utf-8") -> list[Row | Refused]:
    return list(read(io.BytesIO(text.encode(encoding)), "x.csv"))


def one(header: str, cells: str) -> Row:
    row = rows(f"{header}\n{cells}\n")[0]
    assert isinstance(row, Row), row
    return row


def refused(header: str, cells: str) -> str:
    row = rows(f"{header}\n{cells}\n")[0]
    assert isinstance(row, Refused), row
    return row.reason


def test_a_row_becomes_a_person_at_an_account() -> None:
    row = one(
        "email,first_name,Title,Company,domain,phone,linkedin,timezone,country,stage,hiring,account_size,notes",
        "Jo@Acme.test; jo@acme-labs.test,Jo, CTO ,Acme,acme.test,612 345 678,linkedin.com/in/jo?x=1,,Spain,lead,"
        "engineers,120,",
    )
    assert row == Row(
        line=2,
        emails=("jo@acme.test", "jo@acme-labs.test"),
        fields={"first_name": "Jo", "title": "CTO", "stage": "lead"},
        phone="+34612345678",
        linkedin="https://www.linkedin.com/in/jo",
        timezone="Europe/Madrid",
        zone_source="phone",
        country="ES",
        account_id="acme.test",
        account_name="Acme",
        account_domain="acme.test",
        account_fields={"hiring": "engineers", "size": "120"},
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(encoding: str, delimiter: str, end: str) -> None:
    text = end.join([delimiter.join(["first_name", "email"]), delimiter.join(['"Jürg, ""x"""', "j@a.test"]), "", ""])
    (row,) = rows(text, encoding)
    assert isinstance(row, Row)
    assert (row.line, row.fields["first_name"]) == (2, 'Jürg, "x"')


@pytest.mark.parametrize(
    ("header", "cells", "account_id", "domain"),
    [
        ("email", "jo@mail.acme.co.uk", "acme.co.uk", "acme.co.uk"),
        ("email", "jo@gmail.com", None, ""),  # colleagues at Gmail are none
        ("email,domain", "jo@gmail.com,https://www.acme.test/about", "acme.test", "acme.test"),
        ("email,domain", "jo@acme.test,gmail.com", "acme.test", "acme.test"),
        ("email,account_id", "jo@acme.test,0012X", "0012X", "acme.test"),
        ("email,account_id", "jo@gmail.com,0012X", "0012X", ""),
        ("email", "jo@gmail.com;jo@acme.test", "acme.test", "acme.test"),
    ],
)
def test_accounts(header: str, cells: str, account_id: str | None, domain: str) -> None:
    row = one(header, cells)
    assert (row.account_id, row.account_domain) == (account_id, domain)


@pytest.mark.parametrize(
    ("header", "cells", "zone", "source"),
    [
        ("email,timezone,phone,country", "a@b.test,europe/berlin,+12125550121,ES", "Europe/Berlin", "file"),
        ("email,timezone,phone,country", "a@b.test,,+12125550121,ES", "America/New_York", "phone"),
        ("email,timezone,phone,country", "a@b.test,,,ES", "Europe/Madrid", "country"),
        ("email,timezone,phone,country", "a@b.test,,+18005550199,ES", "Europe/Madrid", "country"),
        ("email,timezone,phone,country", "a@b.test,,,US", None, "unknown"),
        ("email", "a@b.test", None, "unknown"),
    ],
)
def test_the_best_source_of_a_zone_is_named(header: str, cells: str, zone: str | None, source: str) -> None:
    row = one(header, cells)
    assert (row.timezone, row.zone_source) == (zone, source)


@pytest.mark.parametrize(
    ("header", "cells", "reason"),
    [
        # addresses
        ("email", '" "', None),
        ("email,x", ",1", "email is empty"),
        ("email", "jo", 'email "jo" cannot be written to'),
        ("email", "jo@acme", "cannot be written to"),
        ("email", "jö@acme.test", "Internationalized characters before the @-sign"),
        ("email", "a@b.test;b@", 'email "b@" cannot'),
        ("email", ";".join(f"a{n}@b.test" for n in range(11)), "11 addresses: 10 are allowed"),
        # a wrong guess would write at night
        ("email,timezone", "a@b.test,EST", 'timezone "EST" is not known: write a name such as Europe/Madrid'),
        ("email,timezone", "a@b.test,madrid", 'timezone "madrid" is not known: write Europe/Madrid, or leave it empty'),
        ("email,timezone", "a@b.test,New York", 'timezone "New York" is not known: write America/New_York, or'),
        ("email,timezone", "a@b.test,India", 'timezone "India" is not known: write Asia/Kolkata, or leave it empty'),
        ("email,timezone", "a@b.test,USA", 'timezone "USA" is not known: write a name such as Europe/Madrid'),
        ("email,country", "a@b.test,Narnia", 'country "Narnia" is not known'),
        # what would get into a header or a spreadsheet
        ("email,first_name", 'a@b.test,"Jo\nBcc: x@y.test"', "first_name contains a line break or control character"),
        ("email,first_name", "a@b.test,Jo\x00", "control character"),
        ("email,first_name", "a@b.test,Jo\x1b[2J", "control character"),
        ("email,first_name", "a@b.test,Jo\u2028x", "control character"),
        ("email,x", "a@b.test,Jo\x85x", "x contains a line break or control character"),
        ("email,company", 'a@b.test,"=HYPERLINK(""x"")"', 'company begins with "=", as a spreadsheet formula does'),
        ("email,first_name", "a@b.test,@SUM(A1)", 'first_name begins with "@"'),
        ("email,last_name", "a@b.test,-1+1", 'last_name begins with "-"'),
        ("email,name", "a@b.test,=1+1", 'full_name begins with "="'),
        # who asked the other product not to be written to
        ("email,Email Opt Out", "a@b.test,1", "has opted out by the file"),
        ("email,Unsubscribed from all email", "a@b.test,true", "has opted out by the file"),
        # the row itself
        ("email,x", "a@b.test,1,2", "3 cells for 2 columns"),
        ("email,x", 'a@b.test,"1"2', "the row cannot be read"),
        ("email,x", "a@b.test," + "x" * 10_001, "a cell is longer than 10 kB"),
        ("email,x", "a@b.test," + ",".join("x" * 1050), "1051 columns: 1000 are allowed"),
        ("email,x", "a@b.test," + "x" * 64_000, "longer than 64 kB"),
    ],
)
def test_a_refused_row_says_how_to_mend_it(header: str, cells: str, reason: str | None) -> None:
    if reason is None:
        assert rows(f"{header}\n{cells}\n") == []
    else:
        assert reason in refused(header, cells)


def test_what_mail_does_not_need_is_left_out_with_a_note() -> None:
    row = one(
        "email,phone,linkedin,website,personal_email",
        "a@b.test,call me,https://evil.test/in/jo,linkedin.com/company/b,jo@",
    )
    assert (row.emails, row.phone, row.linkedin, row.account_id) == (("a@b.test",), None, None, "b.test")
    assert [note.partition(":")[0] for note in row.notes] == [
        'email "jo@" cannot be written to',
        'phone "call me" left out',
        'domain "linkedin.com/company/b" left out',
        'linkedin "https',
    ]


@pytest.mark.parametrize(
    ("header", "cell", "field", "kept"),
    [
        # a text that a spreadsheet would calculate, where no formula is impossible
        ("title", "+ more", "title", "+ more"),
        ("title", "@work", "title", "@work"),
        # signs for nothing greet nobody
        ("first_name", "-", "first_name", None),
        ("first_name", "N/A", "first_name", None),
        ("note", "#REF!", "note", None),
        # numbers compare
        ("score", "85%", "score", "85"),
        ("Lead Score", '"1,250"', "score", "1250"),
        ("score", "hot", "score", "hot"),
        # every product's word for a stage
        ("Lifecycle Stage", "Marketing Qualified Lead", "stage", "MQL"),
        ("lifecyclestage", "salesqualifiedlead", "stage", "SQL"),
        ("Stage", "Customer", "stage", "customer"),
        ("Contact Stage", "Cold", "stage", "Cold"),
        # the fields of a qualified person, by their usual names
        ("Buyer Persona", "Builder", "persona", "Builder"),
        ("ICP Tier", "A", "icp_fit", "A"),
        ("BANT Budget", "yes", "budget", "yes"),
        ("Buying Role", "Decision Maker", "authority", "Decision Maker"),
        ("Pain Point", "hiring", "need", "hiring"),
        ("Purchase Timeframe", "Q1", "timeline", "Q1"),
    ],
)
def test_fields(header: str, cell: str, field: str, kept: str | None) -> None:
    assert one(f"email,{header}", f"a@b.test,{cell}").fields.get(field) == kept


def test_names_addresses_and_phones_from_several_columns() -> None:
    row = one(
        "Name,Personal Email,Work Email,Mobile Phone,Direct Phone,Home Phone,Country",
        "Jo van der Berg,jo@home.test,jo@acme.test,+34 699 999 999,,600 000 000;+34 699 999 999,ES",
    )
    assert row.emails == ("jo@acme.test", "jo@home.test")
    assert row.fields == {"first_name": "Jo", "last_name": "van der Berg", "phone_2": "+34600000000"}
    assert row.phone == "+34699999999"


def test_do_not_call_leaves_the_phones_out_and_the_person_in() -> None:
    row = one("email,phone,Do Not Call", "a@b.test,+34 612 345 678,TRUE")
    assert (row.phone, row.notes) == (None, ("phones left out: the file says not to call",))
    assert one("email,phone,Do Not Call", "a@b.test,+34 612 345 678,0").phone == "+34612345678"


def test_a_formula_in_a_field_of_ones_own_stays_text_and_its_line_breaks_become_blanks() -> None:
    row = one("email,note,street", 'a@b.test,=1+1,"1 Road\r\nTown"')
    assert row.fields == {"note": "=1+1", "street": "1 Road Town"}


def test_the_same_address_twice_is_refused_with_the_other_line() -> None:
    found = rows("email\na@b.test\nA@B.test\nc@b.test\n")
    assert [type(row) for row in found] == [Row, Refused, Row]
    assert isinstance(found[1], Refused)
    assert found[1].reason == "a@b.test is also on line 2: keep one of the two"
    assert (found[1].line, found[1].cells) == (3, ("A@B.test",))


def test_an_unclosed_quote_costs_one_row_and_lines_keep_their_numbers() -> None:
    found = rows('email,n\na@b.test,"x\nb@b.test,y\n\n"c@b.test","multi\nline"\nd@b.test,"\ne@b.test,z\n')
    assert [(row.line, type(row)) for row in found] == [(2, Refused), (3, Row), (5, Row), (7, Refused), (8, Row)]
    assert "a quote is opened and not closed" in getattr(found[0], "reason", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x.csv: the file is empty"),
        (b"\n\n", "x.csv: the file is empty"),
        (b"name\nJo\n", 'x.csv:1: no column "email"'),
        (b"email,Email\na@b.test,x\n", 'the column "email" stands there twice'),
        (b"emial,name\na@b.test,x\n", 'did you mean --map "emial=email"?'),
        (b"email,,x\na@b.test,x,y\n", "column 2 of 3 has no name"),
        (b"email,__class__\na@b.test,x\n", None),
        (b"email,a\x00b\na@b.test,x\n", "the name of column 2 holds control characters"),
        (b"email\n\x81\x8d\x8f\n", "the file's encoding is not known"),
        ("email,name\na@b.test,Jo\n".encode("utf-16-le"), "UTF-16 without its mark"),
        ("email,name\na@b.test,Jo\n".encode("utf-32"), "UTF-32"),
        ("email,name\na@b.test,Lucía\n".encode() + b"b@b.test,M\xfcller\n", "partly UTF-8 and partly in another"),
        (b"PK\x03\x04\x14\x00", "an Excel workbook or another archive, not a CSV file"),
        (b"<!doctype html><html>", "a web page, not a CSV file"),
        (b"email," + b",".join(b"c%d" % n for n in range(10_000)) + b"\na@b.test\n", "10001 columns: 1000 are allowed"),
        (b"email\n" + b'"a\n' * 300_000, "quotes are opened and not closed all over the file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_as_a_whole(content: bytes, words: str | None) -> None:
    started = time.process_time()
    if words is None:
        assert [row.line for row in read(io.BytesIO(content), "x.csv")] == [2]
        return
    with pytest.raises(DefinitionError) as failed:
        list(read(io.BytesIO(content), "x.csv"))
    assert words in str(failed.value)
    assert time.process_time() - started < 3


def test_excels_own_note_of_the_delimiter_is_no_header() -> None:
    (row,) = rows("sep=;\nemail;name, title\na@b.test;Jo\n")
    assert isinstance(row, Row)
    assert (row.line, row.fields) == (3, {"name_title": "Jo"})


def test_a_line_of_many_megabytes_is_skipped_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"email,x\na@b.test,1\nb@b.test,")
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\nc@b.test,2\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(read(path))
    assert [(row.line, type(row)) for row in found] == [(2, Row), (3, Refused), (4, Row)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "kB"


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    assert path.stat().st_size > FILE_BYTES_MAX
    started = time.process_time()
    with pytest.raises(DefinitionError, match="larger than 200 MB"):
        list(read(path))
    assert time.process_time() - started < 0.5


def test_the_shipped_people_are_all_read() -> None:
    found = list(read(ROOT / "sequences" / "people.csv"))
    assert len(found) >= 40
    assert all(
        isinstance(row, Row) and row.timezone and row.country and row.account_id and not row.notes for row in found
    )
