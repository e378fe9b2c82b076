"""Which of a rep's mailboxes may write, which one is chosen, and what is said when none can."""

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from sequencer.core.people import OuterPause
from sequencer.errors import InputError
from sequencer.store import inbox, leases, scopes, sends
from tests.unit.engine.office import MONDAY, ONE_MAIL, SEQUENCE, Office

FIRST, SECOND = "ana@ourco.test", "ana@ourco-mail.test"


@pytest.fixture
def ready(office: Office) -> Office:
    office.apply("three", SEQUENCE)
    office.apply("one", ONE_MAIL)
    office.bring("email,first_name\n" + "".join(f"p{n}@x{n}.test,P\n" for n in range(8)))
    return office


def everybody(office: Office) -> list[int]:
    return [office.id_of(f"p{n}@x{n}.test") for n in range(8)]


def broken(connection: Connection, address: str) -> None:
    leases.lease(connection, [address], "test", MONDAY, MONDAY - MONDAY)
    sends.break_mailbox(connection, address, "535 no such user", MONDAY)


def paused(connection: Connection, address: str) -> None:
    scopes.pause_scope(connection, OuterPause("mailbox", address, "", "person:bo", MONDAY))


def unreadable(connection: Connection, address: str) -> None:
    inbox.put_broken(connection, "maildir:mail", "no such folder", MONDAY)


SHUT = [
    # what happened to it, what is said when it alone is asked for
    (broken, "is broken (535 no such user, since 23 Nov 2026): mend it, then"),
    (paused, f'is paused by bo since 23 Nov 2026: "sequencer resume --mailbox {FIRST}" lifts it'),
    (unreadable, "has an inbox that cannot be read (no such folder)"),
]


@pytest.mark.parametrize(("happened", "says"), SHUT)
def test_what_does_not_work_is_not_chosen(
    ready: Office, happened: Callable[[Connection, str], None], says: str
) -> None:
    ready.database.write(lambda c: happened(c, FIRST))
    with pytest.raises(InputError) as refused:
        ready.enroll("three", everybody(ready), mailbox=FIRST)
    assert says in str(refused.value)
    if happened is not unreadable:  # both share one inbox
        assert {seat.mailbox for seat in ready.enroll("three", everybody(ready)).enrolled} == {SECOND}


def test_one_mail_needs_no_inbox_that_can_be_read(ready: Office) -> None:
    ready.database.write(lambda c: unreadable(c, FIRST))
    assert len(ready.enroll("one", everybody(ready)).enrolled) == 8


def test_all_that_is_wrong_is_said_when_none_is_left(ready: Office) -> None:
    ready.database.write(lambda c: broken(c, FIRST))
    ready.database.write(lambda c: paused(c, SECOND))
    with pytest.raises(InputError, match=f"{FIRST} is broken.*; {SECOND} is paused"):
        ready.enroll("three", everybody(ready))


def test_a_person_chooses(ready: Office) -> None:
    """Also above its room of today: then they wait."""
    found = ready.enroll("three", everybody(ready), mailbox="Ana@OurCo-Mail.test")
    assert Counter(seat.mailbox for seat in found.enrolled) == {SECOND: 8}


WRONG = [
    ("ana@ourc.test", "did you mean"),
    ("zzz", f"ana has {FIRST}, {SECOND}"),
    ("bo@ourco.test", "is bo's mailbox and ana does the work"),
]


@pytest.mark.parametrize(("address", "says"), WRONG)
def test_a_mailbox_that_cannot_be_meant(ready: Office, address: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        ready.enroll("three", everybody(ready), mailbox=address)
    assert says in str(refused.value)
