"""What replies mean, without a server."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.channels.replies import (
    GarbledReplyError,
    Reply,
    ReplyReader,
    enhanced_code,
    judge,
    judge_session,
    readable,
)
from sequencer.core.outcome import Deferred, MailboxBroken, Phase, Refused

INVALID, VALID = True, False

JUDGEMENTS: list[tuple[Phase, int, str, type, bool | None]] = [
    # the person's address is wrong
    ("rcpt", 550, "5.1.1 no such user", Refused, INVALID),
    ("rcpt", 550, "5.1.10 null MX", Refused, INVALID),
    ("rcpt", 550, "5.2.1 mailbox disabled", Refused, INVALID),
    ("rcpt", 550, "no such user", Refused, INVALID),
    ("rcpt", 551, "user not local", Refused, INVALID),
    ("rcpt", 553, "mailbox name not allowed", Refused, INVALID),
    ("rcpt", 553, "sorry, no mailbox here by that name (#5.1.1)", Refused, INVALID),
    ("dot", 550, "5.1.1 found out late", Refused, INVALID),
    # refused, but the address may be right
    ("rcpt", 550, "5.7.1 blocked", Refused, VALID),
    ("rcpt", 553, "not in my list of allowed rcpthosts (#5.7.1)", Refused, VALID),
    ("rcpt", 554, "no", Refused, VALID),
    ("rcpt", 501, "syntax", Refused, VALID),
    ("rcpt", 552, "5.3.4 too big", Refused, VALID),
    ("data", 554, "no", Refused, VALID),
    ("data", 550, "no", Refused, VALID),
    ("dot", 550, "spam", Refused, VALID),
    ("dot", 554, "5.7.1 spam", Refused, VALID),
    ("dot", 552, "5.7.0 attachment type", Refused, VALID),
    # full: a deferral, whatever the class of the code
    ("rcpt", 552, "5.2.2 over quota", Deferred, None),
    ("rcpt", 550, "5.2.2 over quota", Deferred, None),
    ("dot", 552, "5.2.2 over quota", Deferred, None),
    ("rcpt", 550, "4.2.2 over quota", Deferred, None),
    ("rcpt", 552, "over quota", Deferred, None),
    ("dot", 552, "over quota", Deferred, None),
    ("rcpt", 452, "4.2.2 over quota", Deferred, None),
    # later, please
    ("mail", 450, "4.7.1 slow down", Deferred, None),
    ("rcpt", 450, "greylisted", Deferred, None),
    ("rcpt", 450, "5.1.1 a contradiction: the code counts", Deferred, None),
    ("data", 451, "4.3.0 later", Deferred, None),
    ("dot", 421, "4.3.2 closing", Deferred, None),
    # the sending mailbox's trouble
    ("mail", 550, "5.1.8 sender domain not found", MailboxBroken, None),
    ("mail", 550, "5.1.1 sender unknown", MailboxBroken, None),
    ("mail", 553, "5.7.1 not owned by user", MailboxBroken, None),
    ("mail", 552, "5.2.2 your own mailbox is full", MailboxBroken, None),
    ("rcpt", 550, "5.1.8 Postfix delays the sender's refusal to RCPT", MailboxBroken, None),
    ("rcpt", 553, "5.1.7 sender syntax", MailboxBroken, None),
    ("rcpt", 530, "5.7.0 authentication required", MailboxBroken, None),
    ("data", 550, "5.4.5 daily user sending limit exceeded", MailboxBroken, None),
    # the message is too large: neither mailbox nor person
    ("mail", 552, "5.3.4 too big", Refused, VALID),
    ("mail", 552, "too big", Refused, VALID),
    # replies that make no sense here count as none
    ("mail", 354, "go", Deferred, None),
    ("data", 250, "ok", Deferred, None),
]


@pytest.mark.parametrize(("phase", "code", "text", "kind", "invalid"), JUDGEMENTS)
def test_judge(phase: Phase, code: int, text: str, kind: type, invalid: bool | None) -> None:
    outcome = judge(Reply(code, text), phase)
    assert type(outcome) is kind
    assert outcome.code == (code if code >= 400 else 0)
    if isinstance(outcome, Deferred | Refused):
        assert outcome.phase == phase
        assert outcome.enhanced == enhanced_code(text)
    if isinstance(outcome, Refused):
        assert outcome.address_invalid is invalid


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (421, "4.3.2 busy", Deferred(421, "4.3.2 busy", "auth", "4.3.2")),
        (454, "temporary", Deferred(454, "temporary", "auth")),
        (535, "5.7.8 wrong", MailboxBroken("5.7.8 wrong", 535)),
        (334, "what?", Deferred(0, "senseless reply: what?", "auth")),
        (-1, "Malformed", Deferred(0, "senseless reply: Malformed", "auth")),  # aiosmtplib's code for garbage
    ],
)
def test_judge_session(code: int, text: str, expected: Deferred | MailboxBroken) -> None:
    assert judge_session(code, text, "auth") == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("  5.7.26 unauthenticated\n5.7.26 second line", "5.7.26"),
        ("5.1.1", "5.1.1"),
        ("user unknown (#5.1.1)", "5.1.1"),
        ("192.0.2.1 is blocked", ""),
        ("4.2.2.1 is an address", ""),
        ("5.1.1000 has too many digits", ""),
        ("3.1.1 no such class", ""),
        ("rejected by 5.1.1", ""),
        ("", ""),
    ],
)
def test_enhanced_code(text: str, code: str) -> None:
    assert enhanced_code(text) == code


def test_readable_tames_what_a_stranger_wrote() -> None:
    assert readable("a\r\nb\tc \x1b[31mred\x00\udc80\u2028x") == "a b c �[31mred�� x"
    assert len(readable("x" * 70_000)) == 500


WIRE = b"250-first\r\n250-\r\n250 second\r\n354\r\n550 5.1.1 no\nr\xc3\xa9ponse".replace(b"\nr", b"\n421 r") + b"\r\n"
REPLIES = [Reply(250, "first\n\nsecond"), Reply(354, ""), Reply(550, "5.1.1 no"), Reply(421, "réponse")]


@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
def test_replies_are_the_same_however_the_network_cuts_them(cuts: list[int]) -> None:
    reader, edges = ReplyReader(), sorted({0, len(WIRE), *cuts})
    for start, end in pairwise(edges):
        reader.feed(WIRE[start:end])
    assert len(reader) == len(REPLIES)
    assert [reader.take() for _ in REPLIES] == REPLIES
    assert not reader


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"199 too low\r\n",
        b"600 too high\r\n",
        b"250_ok\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250-a\r\n550 b\r\n",  # two codes in one reply
        b"250-" + b"x" * 9_000,  # an endless line
        b"250 " + b"x" * 9_000 + b"\r\n",  # and one that ends late
        b"250-x\r\n" * 20_000,  # endless continuation
    ],
)
def test_garbage_is_refused_and_whole_replies_before_it_kept(garbage: bytes) -> None:
    reader = ReplyReader()
    with pytest.raises(GarbledReplyError):
        reader.feed(b"250 ok\r\n" + garbage)
    assert reader.take() == Reply(250, "ok")


def test_a_long_session_is_not_an_endless_reply() -> None:
    reader = ReplyReader()
    for _ in range(20_000):
        reader.feed(b"250 ok\r\n")
        assert reader.take() == Reply(250, "ok")
