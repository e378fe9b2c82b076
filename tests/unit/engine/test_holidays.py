"""Holidays of the person's country, or of those that the sequence names: mail keeps off all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from sequencer.core.reason import Reason
from sequencer.store import people
from tests.unit.engine.asking import beat, standing
from tests.unit.engine.people_house import FILES, House, house

__all__ = ["house"]

SOURCE = "title: H\nsettings: {{holidays: {holidays}}}\nsteps:\n  - id: a\n    email: intro.md\n"
THANKSGIVING = datetime(2026, 11, 26, 9, tzinfo=UTC)
IMMACULATE = datetime(2026, 12, 8, 9, tzinfo=UTC)  # a Tuesday; a holiday in Spain, none in the United States


@pytest.mark.parametrize(
    ("holidays", "country", "at", "closed"),
    [
        ("prospect", "US", THANKSGIVING, True),
        ("prospect", "ES", THANKSGIVING, False),  # the rep's own holiday, if it is one, is theirs to name
        ("prospect", "ES", IMMACULATE, True),
        ("prospect", "US", IMMACULATE, False),
        ("prospect", None, IMMACULATE, False),  # a country that nobody knows
        ("[ES, US]", "ES", THANKSGIVING, True),  # both sides: the person's and the sender's
        ("[ES, US]", "ES", IMMACULATE, True),
        ("[ES, US]", None, IMMACULATE, True),
        ("[US]", "ES", IMMACULATE, False),  # a list replaces the person's own
        ("none", "ES", IMMACULATE, False),
    ],
)
def test_whose_holidays_keep_a_mail(
    house: House, holidays: str, country: str | None, at: datetime, closed: bool
) -> None:
    house.apply("h", SOURCE.format(holidays=holidays), FILES)
    house.clock.to(at)
    person = house.person("bo@acme.test", "Bo")

    def settle_in(connection: Connection) -> None:
        known = people.load_prospects(connection, [person])[person]
        people.update_prospect(connection, replace(known, country=country))

    house.database.write(settle_in)
    house.enroll(person, "h")
    house.advance_all()
    beat(house)
    assert (house.rows("queued") == []) == closed
    one = standing(house)
    gate = next(gate for gate in one.gates if gate.name == "holiday")
    assert (gate.reason is Reason.HOLIDAY) == closed
    assert one.goes_at == (at.replace(hour=8, minute=30) + timedelta(days=1) if closed else at)
