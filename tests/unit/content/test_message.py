"""Header lines and body of a message template."""

import pytest

from sequencer.content.message import Header, parse
from sequencer.errors import DefinitionErrors


def test_headers_then_an_empty_line_then_the_body_on_its_own_lines() -> None:
    parsed = parse("m.md", "Subject: A: b\npreheader:  c \nAttach: x.pdf\nAttach: y.pdf\n\nHi: x\n\nbye")
    assert parsed.subject == Header("A: b", 1)
    assert parsed.preheader == Header("c", 2)
    assert parsed.attach == (Header("x.pdf", 3), Header("y.pdf", 4))
    assert parsed.body == "\n\n\n\n\nHi: x\n\nbye"
    assert parsed.body.split("\n").index("Hi: x") == 5


@pytest.mark.parametrize(
    "source",
    [
        "\nHi: there",  # an empty first line ends the headers before they begin
        "{% if x %}Hi{% endif %}",  # a reply may begin with its text at once
        "Hi {{ prospect.first_name }},\n\nx",
    ],
)
def test_a_template_without_headers_is_all_body(source: str) -> None:
    parsed = parse("m.md", source)
    assert (parsed.subject, parsed.body) == (None, source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Subjct: x\n\ny", 'm.md:1: Subjct: no such header — did you mean "Subject"?'),
        ("Subject: x\nBcc: y@z.test\n\n", "m.md:2: Bcc: no such header — headers are Subject, Preheader and Attach"),
        ("Subject:\n\nx", "m.md:1: Subject: no value"),
        ("Subject: x\nSubject: y\n\n", "m.md:2: Subject is written twice"),
        ("Subject: x\nHi,\n", "m.md:2: the header lines end here — put an empty line above the body"),
        ("Subject: x\n folded\n\n", "m.md:2: the header lines end here"),
        ("Attach: a\n" * 6, "m.md:6: more than 5 attachments"),
    ],
)
def test_refused(source: str, expected: str) -> None:
    with pytest.raises(DefinitionErrors) as refused:
        parse("m.md", source)
    assert expected in str(refused.value)
