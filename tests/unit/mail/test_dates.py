"""The first day back and the day to write again, over the formats and languages people use."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.date_mentions import easter
from sequencer.mail.dates import RETURN_DAYS_MAX, come_back_day, first_day_back

SENT = date(2026, 7, 6)  # a Monday

BACK = [
    ("I am out of the office until 20 July 2026.", date(2026, 7, 20)),  # until X: X
    ("I'm away through July 17th.", date(2026, 7, 18)),  # through X: the day after
    ("Out through Friday, July 17. Back soon.", date(2026, 7, 18)),  # a weekday that agrees
    ("On leave from 6 July to 17 July.", date(2026, 7, 18)),  # a range: the day after its end
    ("On leave 10-24 July.", date(2026, 7, 25)),  # a range whose start has no month
    ("Away this week, returning on Monday.", date(2026, 7, 13)),  # a weekday: the next one
    ("I will be back on 7/20.", date(2026, 7, 20)),  # only one order is a date
    ("Closed 06/07/2026 - 19/07/2026.", date(2026, 7, 20)),  # the end tells the order
    ("Ich bin bis einschließlich 19.07.2026 im Urlaub.", date(2026, 7, 20)),
    ("Ich bin bis 19. Juli im Urlaub und ab dem 20. Juli wieder da.", date(2026, 7, 20)),  # "ab" beats "bis"
    ("In KW 31 bin ich zurück.", date(2026, 7, 27)),  # an ISO week: its Monday
    ("Je suis absente du 1er au 19 juillet inclus.", date(2026, 7, 20)),
    ("Estaré fuera desde 06/07/2026 hasta 18/07/2026.", date(2026, 7, 19)),
    ("Sono in ferie fino al 19 luglio compreso.", date(2026, 7, 20)),
    ("Estou de férias e retorno no dia 20/07.", date(2026, 7, 20)),
    ("Ik ben t/m 19 juli met vakantie.", date(2026, 7, 20)),
    ("Jestem na urlopie do 19 lipca włącznie.", date(2026, 7, 20)),
    ("Jag är tillbaka 2026-07-20.", date(2026, 7, 20)),
    ("Я в отпуске с 06.07.2026 по 19.07.2026.", date(2026, 7, 20)),
    ("7月6日から7月19日まで休業いたします。", date(2026, 7, 20)),
    ("我在 2026年07月05日 到 2026年07月19日 无法回信", date(2026, 7, 20)),
]


@pytest.mark.parametrize(("text", "expected"), BACK)
def test_first_day_back(text: str, expected: date) -> None:
    assert first_day_back(text, SENT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 31 February.",  # impossible
        "I was away until 3 July.",  # past
        "Back on Tuesday, July 20.",  # that is a Monday
        "Out until 08/07/2026, or so.",  # 8 July or 7 August
        "I read mail on Mondays.",  # no absence
        "Your ticket 2026-11873 was received on 6 July 2026.",  # today, and a number
        "Call 020 7946 0552 in an emergency.",  # a telephone number
        "",
    ],
)
def test_no_date_rather_than_a_wrong_one(text: str) -> None:
    assert first_day_back(text, SENT) is None


def test_the_year_turns_over() -> None:
    assert first_day_back("Closed from 22.12. to 06.01.", date(2025, 12, 22)) == date(2026, 1, 7)


AGAIN = [
    ("Try me in September.", date(2026, 9, 1)),  # a month: its first day
    ("Worth revisiting in Q4, not before.", date(2026, 10, 1)),  # a quarter
    ("Ping me in 6 weeks.", date(2026, 8, 17)),  # a span
    ("Ask again in a fortnight.", date(2026, 7, 20)),
    ("Contract ends in April, but call me in October.", date(2026, 10, 1)),  # the request, not the reason
    ("Come back to me next year.", date(2027, 1, 1)),
    ("Could we talk after Easter?", date(2027, 3, 30)),  # the day after Easter Monday
    ("Melden Sie sich ab KW 40 wieder.", date(2026, 9, 28)),
    ("Ci risentiamo a metà ottobre.", date(2026, 10, 15)),  # the middle of a month: the 15th
    ("Kun je het over drie maanden proberen?", date(2026, 10, 6)),
    ("Hör av dig vecka 34.", date(2026, 8, 17)),
    ("Not now.", None),
]


@pytest.mark.parametrize(("text", "expected"), AGAIN)
def test_day_to_write_again(text: str, expected: date | None) -> None:
    assert come_back_day(text, SENT) == expected


@given(st.text(max_size=300), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_any_text_gives_a_coming_day_or_none(text: str, sent: date) -> None:
    for day in (first_day_back(text, sent), come_back_day(text, sent)):
        assert day is None or 0 < (day - sent).days <= RETURN_DAYS_MAX


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.integers(2, 300))
def test_an_iso_date_is_always_read(sent: date, ahead: int) -> None:
    back = date.fromordinal(sent.toordinal() + ahead)
    assert first_day_back(f"I am away until {back.isoformat()}.", sent) == back


@pytest.mark.parametrize(
    ("year", "expected"), [(2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))]
)
def test_easter(year: int, expected: date) -> None:
    assert easter(year) == expected
