"""What the tests of `why` and `status` ask, and how a daemon looks to them. Instants are written in UTC."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sequencer.engine.why import Standing, Why, why
from sequencer.engine.why_words import sentence
from sequencer.store import leases, scopes
from tests.unit.engine.people_house import House

BO = "bo@acme.test"
BOX = "ana@ourco.test"
BUMP = 'Bo waits: the step "bump" goes Wed 25 Nov 09:00, in the window business_hours'


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%a %d %b %H:%M}"


def ask(house: House, address: str = BO) -> Why:
    return house.database.read(lambda connection: why(connection, house.advance, address, house.clock.now()))


def standing(house: House) -> Standing:
    (one,) = ask(house).standings
    return one


def said(house: House) -> str:
    return sentence(standing(house), "Bo", clock)


def shut(house: House) -> list[str]:
    return [gate.name for gate in standing(house).gates if not gate.passed]


def beat(house: House) -> None:
    """A daemon is at work and has just read the inbox."""
    at_work(house)
    house.inbox_read()


def at_work(house: House) -> None:
    """A daemon is at work."""
    now = house.clock.now()

    def write(connection: Connection) -> None:
        scopes.put_meta(connection, "highest_instant", now.isoformat())
        leases.lease(connection, [BOX], "daemon", now, timedelta(seconds=20))

    house.database.write(write)


def waiting(house: House) -> int:
    """The first mail left on Monday at 09:00; the next is due on Wednesday."""
    key = house.inside()
    house.sent()
    beat(house)
    return key
