"""The brake as a table: which days count, which shares are too many, and the sentence with the numbers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core.brake import Returns, first_day, too_many
from sequencer.core.people import Brake

TODAY = date(2026, 11, 20)  # a Friday
SINCE = datetime(2026, 11, 16, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
BRAKE = Brake(0.05, 0.003, 50)


def ago(*days: int) -> list[date]:
    return [TODAY - timedelta(days=each) for each in days]


@pytest.mark.parametrize(
    ("sent_on", "first"),
    [
        ([], TODAY),  # nothing before today
        (ago(1, 2, 3), TODAY - timedelta(days=3)),
        (ago(1, 2, 3, 4, 7, 8, 9, 10), TODAY - timedelta(days=8)),  # today is the seventh sending day, not the ninth
        (ago(1, 13), TODAY - timedelta(days=13)),  # a mailbox that sends seldom
        (ago(1, 14), TODAY - timedelta(days=1)),  # more than two weeks are another list and another time
    ],
)
def test_the_days_that_count(sent_on: list[date], first: date) -> None:
    assert first_day(TODAY, sent_on) == first


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        (Returns(SINCE, 60, bounced=4), "4 of 60 mails since Mon 16 Nov bounced: 6.7 %, the brake is 5 %"),
        (Returns(SINCE, 60, refused=4), "4 of 60 mails since Mon 16 Nov were refused: 6.7 %, the brake is 5 %"),
        (
            Returns(SINCE, 60, bounced=3, refused=1),
            "4 of 60 mails since Mon 16 Nov bounced or were refused: 6.7 %, the brake is 5 %",
        ),
        (Returns(SINCE, 60, bounced=3), ""),  # exactly 5 %: reached, not passed
        (Returns(SINCE, 49, bounced=49), ""),  # below min_sent nothing is known
        (Returns(SINCE, 50, bounced=3), "3 of 50 mails since Mon 16 Nov bounced: 6.0 %, the brake is 5 %"),
        (
            Returns(SINCE, 100, complained=1),
            "1 of 100 mails since Mon 16 Nov brought a complaint: 1.0 %, the brake is 0.3 %",
        ),
        (Returns(SINCE, 400, complained=1), ""),  # one complaint of 400 is 0.25 %
        (Returns(SINCE, 0), ""),
    ],
)
def test_too_many(returns: Returns, words: str) -> None:
    assert too_many(returns, BRAKE, ZONE) == words


def test_the_day_is_told_where_the_mailbox_is() -> None:
    told = too_many(Returns(datetime(2026, 11, 15, 11, tzinfo=UTC), 60, 4), BRAKE, ZoneInfo("Pacific/Kiritimati"))
    assert "since Mon 16 Nov" in told


def test_a_rate_of_one_switches_the_brake_off_and_of_nought_allows_none() -> None:
    every = Returns(SINCE, 60, bounced=60)
    assert too_many(every, Brake(1, 1, 50), ZONE) == ""
    assert too_many(Returns(SINCE, 60), Brake(0, 0, 50), ZONE) == ""
    assert too_many(Returns(SINCE, 60, bounced=1), Brake(0, 0, 50), ZONE)


counts = st.integers(0, 300)


@given(counts, counts, counts, counts, st.floats(0, 1), st.floats(0, 1), st.integers(1, 200))
def test_more_of_what_comes_back_never_lets_go_on(
    sent: int, bounced: int, refused: int, complained: int, rate: float, complaints: float, least: int
) -> None:
    brake, judged = Brake(rate, complaints, least), sent + bounced + refused
    one = Returns(SINCE, judged, bounced, refused, complained)
    worse = Returns(SINCE, judged, bounced + 1, refused, complained + 1)
    assert not too_many(one, brake, ZONE) or too_many(worse, brake, ZONE)
    assert judged >= least or not too_many(one, brake, ZONE)
