"""Which mail an answer belongs to, and how an answer joins its thread."""

import pytest

from sequencer.mail.parse import parse
from sequencer.mail.thread import THREAD_IDS_MAX, Threading, identity, message_ids, references_for, reply_subject


@pytest.mark.parametrize(
    ("head", "ids"),
    [
        ("In-Reply-To: <a@x>\nReferences: <r@x> <a@x>", ("<a@x>", "<r@x>")),
        ("References: <r@x>\n <m@x>\n <a@x>", ("<a@x>", "<m@x>", "<r@x>")),  # nearest first
        ("In-Reply-To: Your message of Monday <a@x>", ("<a@x>",)),  # RFC 822 allowed phrases
        ("In-Reply-To: a@x", ("<a@x>",)),  # no brackets
        ("In-Reply-To: <a@x> <b@x>", ("<a@x>", "<b@x>")),
        ("References: <very-long\n -id@x>", ("<very-long-id@x>",)),  # folded inside the id
        ("References: <a@x><b@x>", ("<b@x>", "<a@x>")),
        ("X-Microsoft-Original-Message-ID: <a@x>", ("<a@x>",)),
        ("X-Original-Message-Id: <a@x>", ("<a@x>",)),
        ("X-MS-Exchange-Parent-Message-Id: <a@x>", ("<a@x>",)),
        ("X-Google-Original-References: <a@x>", ("<a@x>",)),
        ("Message-ID: <own@x>", ()),  # its own id is no parent
        ("Subject: <a@x>", ()),
    ],
)
def test_message_ids(head: str, ids: tuple[str, ...]) -> None:
    assert message_ids(parse(f"{head}\n\nbody".encode())) == ids


def test_message_ids_are_bounded() -> None:
    many = " ".join(f"<{number}@x>" for number in range(2_000))
    found = message_ids(parse(f"References: {many}\n\n".encode()))
    assert len(found) == THREAD_IDS_MAX
    assert found[0] == "<1999@x>"


MAIL = b"Message-ID: <1@x>\nFrom: a@x\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nSubject: Hi\n\nbody\n"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (b"Received: by imap\n" + MAIL, True),  # the copy in another folder has other trace fields
        (MAIL.replace(b"\n", b"\r\n"), True),
        (MAIL.replace(b"a@x", b"b@x"), False),
        (MAIL.replace(b"10:00", b"10:01"), False),  # an id used twice by a bad sender
        (MAIL.replace(b"Subject: Hi", b"Subject: Ho"), False),
        (MAIL.replace(b"<1@x>", b"<2@x>"), False),
    ],
)
def test_identity(other: bytes, same: bool) -> None:
    assert (identity(other, parse(other)) == identity(MAIL, parse(MAIL))) is same


def test_identity_without_an_id_is_that_of_the_bytes() -> None:
    without = b"From: a@x\n\nbody"
    assert identity(without, parse(without)) == identity(without, None)
    assert identity(without, None) != identity(without + b"!", None)
    assert len(identity(without, None)) == len(identity(MAIL, parse(MAIL))) == 40


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("Hello", "Re: Hello"),
        ("Re: Hello", "Re: Hello"),
        ("RE: re:  AW: Hello", "Re: Hello"),
        ("SV: Antw: VS: Hello", "Re: Hello"),
        ("Re[2]: Hello", "Re: Hello"),
        ("Re (3) : Hello", "Re: Hello"),
        ("回复：你好", "Re: 你好"),  # the full-width colon
        ("Fwd: Re: Hello", "Re: Fwd: Re: Hello"),  # a forward is another conversation
        ("Regarding: us", "Re: Regarding: us"),
        ("Re", "Re: Re"),
        ("Reply: x", "Re: Reply: x"),
        ("", "Re:"),
        ("Re:", "Re:"),
        ("Hi\x07\tthere\u2028", "Re: Hi there"),  # a stranger's subject goes into our header
    ],
)
def test_reply_subject(subject: str, reply: str) -> None:
    assert reply_subject(subject) == reply
    assert reply_subject(reply) == reply


def test_references_of_an_answer() -> None:
    assert references_for((), None) == Threading(None, ())
    assert references_for((), "<a@x>") == Threading("<a@x>", ("<a@x>",))
    assert references_for(["<r@x>", "<a@x>", "<r@x>"], "<b@x>") == Threading("<b@x>", ("<r@x>", "<a@x>", "<b@x>"))
    assert references_for(["<a@x>", "<b@x>"], "<a@x>") == Threading("<a@x>", ("<b@x>", "<a@x>"))


def test_references_of_a_long_thread_keep_both_ends() -> None:
    ids = [f"<{number}@x>" for number in range(100)]
    found = references_for(ids, "<last@x>")
    assert found.references == (*ids[:20], *ids[-19:], "<last@x>")
