"""Bounces without a report, as the families of mail servers word them (bounce_notices.txt)."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.bounce import read_bounce
from sequencer.mail.bounce_text import named_recipients, read_notice, split_returned
from sequencer.mail.parse import parse

RETURNED = """\
Received: from ourco.test by mx
Message-ID: <m1@ourco.test>
From: ana@ourco.test
To: jo@acme.test
Subject: Hi
Date: Mon, 6 Jul 2026 10:00:00 +0000

Hi
"""
SECTION = re.compile(r"^=== (?P<server>.+): (?P<kind>hard|soft|temporary|delayed)(?P<recipients>.*)\n", re.M)


class Case(NamedTuple):
    server: str
    kind: str
    recipients: frozenset[str]
    mail: str


def cases() -> list[Case]:
    text = Path(__file__).with_name("bounce_notices.txt").read_text(encoding="utf-8")
    heads = list(SECTION.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        Case(
            head["server"],
            head["kind"],
            frozenset(head["recipients"].split() or ["jo@acme.test"]),
            text[head.end() : end].replace("\n=\n", f"\n{RETURNED}"),
        )
        for head, end in zip(heads, ends, strict=True)
    ]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.server)
def test_notice_of_a_server(case: Case) -> None:
    kind = "html" if "<html" in case.mail else "plain"
    bounce = read_bounce(parse(f"To: ana@ourco.test\nContent-Type: text/{kind}; charset=utf-8\n{case.mail}".encode()))
    assert bounce is not None
    assert {failure.recipient for failure in bounce.failures} == case.recipients
    assert bounce.hard == (case.kind == "hard")
    assert bounce.permanent == (case.kind in {"hard", "soft"})
    assert bounce.delayed == (case.kind == "delayed")
    assert bounce.original_ids == (("<m1@ourco.test>",) if "m1@ourco.test" in case.mail else ())


NAMES = [
    # a quoted header names whom the mail was for, the list below it who did not get it
    ("Your message\n\n  To: all@acme.test\n  Subject: Hi\n\ndid not reach:\n\n  jo@acme.test\n", ["jo@acme.test"]),
    # only the quoted header names somebody
    ("Your message\n\n  To: jo@acme.test\n  Subject: Hi\n\ndid not reach the recipient.\n", ["jo@acme.test"]),
    # a contact is nobody who failed
    ("jo@acme.test is unknown. Please contact desk@acme.test\n", ["jo@acme.test"]),
    ("To: jo@acme.test failed.\nFor help write to desk@acme.test\n", ["jo@acme.test"]),
    # neither is the sender, in whatever way it is told
    ("MAIL FROM:<ana2@ourco.test>\nRCPT TO:<jo@acme.test>\n550 no\n", ["jo@acme.test"]),
    ("Absender: ana2@ourco.test\nEmpfänger: jo@acme.test\n", ["jo@acme.test"]),
    # the alias stands on a line of its own
    ("<jo@acme.test> (expanded from\n    <bo@acme.test>): full\n", ["jo@acme.test"]),
    # what the next server answered is no list
    (">>> RCPT To:<jo@acme.test>\n<<< 550 <ana2@ourco.test>... no\n", ["jo@acme.test"]),
    # a list with bullets, numbers and codes
    (
        "* jo@acme.test\n2) bo@acme.test: no\n550 5.1.1 <cy@acme.test>... no\n",
        ["jo@acme.test", "bo@acme.test", "cy@acme.test"],
    ),
    # a colon of full width, and a name that ends as a label of the sender does
    ("收件人：jo@acme.test\n", ["jo@acme.test"]),
    ("宛先：「jo@acme.test」。\n", ["jo@acme.test"]),
    ("不能送达：jo@acme.test，bo@acme.test。\n", ["jo@acme.test", "bo@acme.test"]),
    ("It failed for:\nTeam DE (jo@acme.test)\nNot found.\n", ["jo@acme.test"]),
    ("It failed for:\nLena Van <jo@acme.test>\nNot found.\n", ["jo@acme.test"]),
    ("Ihre Nachricht von (ana2@ourco.test) scheiterte.\njo@acme.test\n", ["jo@acme.test"]),
    # Exchange names nobody but for its administrators
    ("It failed.\nDiagnostic information for administrators:\n\njo@acme.test\n550 no\n", ["jo@acme.test"]),
    # somebody wrote to themselves
    ("<ana@ourco.test>:\nfull\n", ["ana@ourco.test"]),
    # nobody
    ("It failed.\n", []),
]


@pytest.mark.parametrize(("said", "names"), NAMES)
def test_who_is_named(said: str, names: list[str]) -> None:
    notice = read_notice(parse(f"From: x@y.test\nContent-Type: text/plain; charset=utf-8\n\n{said}".encode()))
    named = named_recipients(notice, "", not_these=frozenset({"ana@ourco.test"}))
    assert [name.recipient for name in named] == names


def test_the_subject_and_the_returned_mail_are_the_last_resort() -> None:
    notice = read_notice(parse(b"From: x@y.test\n\nIt failed.\n\n--- Original message ---\nTo: bo@acme.test\n"))
    none = frozenset[str]()
    assert [name.recipient for name in named_recipients(notice, "Failure for jo@acme.test", not_these=none)] == [
        "jo@acme.test"
    ]
    assert [name.recipient for name in named_recipients(notice, "Failure", not_these=none)] == ["bo@acme.test"]


@given(st.text(alphabet="-> :<@.a1\nReceivdTo", max_size=400))
def test_nothing_is_lost_when_the_returned_mail_is_cut_off(text: str) -> None:
    said, returned = split_returned(text)
    assert "".join((said + returned).split()) == "".join(text.split())
