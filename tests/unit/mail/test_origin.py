"""The writer's own day, and how dates are written where they sit."""

from datetime import date

import pytest

from sequencer.mail.origin import puts_month_first, written_on
from sequencer.mail.parse import Parsed, parse


def mail(sender: str, zone: str) -> Parsed:
    return parse(f"From: Jo <{sender}>\nDate: Sun, 05 Jul 2026 23:30:00 {zone}\n\nHi\n".encode())


@pytest.mark.parametrize("zone", ["-0500", "+0000", "+0200", "GMT", "-0000"])
def test_the_writers_own_day(zone: str) -> None:
    assert written_on(mail("jo@acme.test", zone)) == date(2026, 7, 5)


def test_no_date_field_no_day() -> None:
    assert written_on(parse(b"From: jo@acme.test\n\nHi\n")) is None


@pytest.mark.parametrize(
    ("sender", "zone", "expected"),
    [
        ("jo@acme.test", "-0500", True),  # New York
        ("jo@acme.test", "+0100", False),  # London in summer
        ("jo@acme.test", "-0300", False),  # Buenos Aires
        ("jo@acme.test", "+0000", None),  # London in winter, or a server anywhere
        ("jo@acme.us", "+0000", True),
        ("jo@acme.co.uk", "-0500", False),  # travelling
        ("jo@acme.io", "-0700", True),  # a country's domain that anyone registers
        ("jo@acme.ca", "-0500", None),  # Canadians write both
    ],
)
def test_the_order_of_day_and_month(sender: str, zone: str, expected: bool | None) -> None:
    assert puts_month_first(mail(sender, zone)) is expected
