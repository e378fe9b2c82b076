"""Lists of whom not to contact, as other products and people write them."""

from io import BytesIO

import pytest

from sequencer.content.suppression_list import Listed, Unread, read
from sequencer.errors import DefinitionError

# the file, what is read from it
FILES = [
    (b"jo@acme.test\nacme.test\n", ["jo@acme.test", "acme.test"]),  # one a line, no header
    (b"email\njo@acme.test\n", ["jo@acme.test"]),
    (b"Suppressed people\njo@acme.test\n", ["jo@acme.test"]),  # a title is no address
    (b"Email Address,First Name\njo@acme.test,Jo\n,Nobody\n", ["jo@acme.test"]),  # Mailchimp
    (b"First;E-Mail;Reason\nJo;jo@acme.test;asked\n", ["jo@acme.test"]),  # Excel in Europe
    (b"name,domain\nAcme,acme.test\n", ["acme.test"]),
    (b"domain,email\nacme.test,jo@acme.test\n", ["jo@acme.test"]),  # an address says more than its domain
    (b"# ours\n\n jo@acme.test \n", ["jo@acme.test"]),
    ("\ufeffE-mail\r\njo@acme.test\r\n".encode(), ["jo@acme.test"]),
]


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_what_is_read(content: bytes, expected: list[str]) -> None:
    assert [each.text for each in read("list.csv", BytesIO(content)) if isinstance(each, Listed)] == expected


def test_a_table_without_either_column_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no column email or domain among name, phone"):
        list(read("list.csv", BytesIO(b"name,phone\nJo,1\n")))


def test_a_row_that_cannot_be_read_is_named_and_the_rest_goes_on() -> None:
    found = list(read("list.csv", BytesIO(b"email\n" + b"x" * 70_000 + b"\njo@acme.test\n")))
    assert isinstance(found[0], Unread)
    assert found[0].line == 2
    assert found[1] == Listed(3, "jo@acme.test")
