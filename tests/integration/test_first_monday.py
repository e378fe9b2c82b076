"""What a newcomer is promised: colleagues enrolled on a Saturday get the first mail on Monday at 9 of their own day.

The file of people, the enrolment, the explanation and the sending are the product's; only the clock is the test's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sequencer.cli.why import print_why
from sequencer.content.people_csv import read
from sequencer.engine.candidates import candidates
from sequencer.engine.enrolling import admit, enroll, open_door
from sequencer.engine.importing import import_rows
from sequencer.engine.rehearsal import rehearse
from sequencer.engine.why import why
from tests.integration.installation import CONFIG, HandClock, Installation, World

SATURDAY = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
MONDAY_EVENING = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
STEP = timedelta(minutes=30)
# The zone is told by the file, by the phone number and by the country.
COLLEAGUES = """Name,Email,Company,Time zone,Phone,Country
Eva Blanco,eva@acme.test,Acme,Europe/Madrid,,
Tom Reed,tom@acme.test,Acme,,+1 212 555 0142,
Asha Rao,asha@acme.test,Acme,,,India
"""
# Their Monday at nine, in UTC, and what `why` says of it to a reader in Madrid.
NINE = {
    "asha@acme.test": (datetime(2026, 11, 23, 3, 30, tzinfo=UTC), "Mon 23 Nov 04:30 (their Mon 09:00)", "the country"),
    "eva@acme.test": (datetime(2026, 11, 23, 8, tzinfo=UTC), "Mon 23 Nov 09:00", "the file"),
    "tom@acme.test": (datetime(2026, 11, 23, 14, tzinfo=UTC), "Mon 23 Nov 15:00 (their Mon 09:00)", "the phone number"),
}  # fmt: skip


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    """An installation whose hours begin at nine, on a Saturday, with the three colleagues on a list."""
    house = Installation(tmp_path, world.port, clock=HandClock(SATURDAY), config=CONFIG.replace("08:30", "09:00"))
    house.apply()
    (tmp_path / "team.csv").write_text(COLLEAGUES)
    report = import_rows(
        house.database, house.advance, read(tmp_path / "team.csv"), list_name="team", now=house.clock.now()
    )
    assert (report.added, report.refused, report.unplaced) == (3, [], 0)
    yield house
    house.close()


def enrolled(house: Installation) -> dict[str, datetime]:
    """Enrol the list; returns when the dry run says that each first mail goes."""
    now = house.clock.now()
    door = house.database.read(lambda c: open_door(c, house.advance, "three", "ana", "ana"))
    ids = house.database.read(lambda c: candidates(c, list_name="team"))
    seats = house.database.read(lambda c: admit(c, house.config, door, ids, now)).enrolled
    planned = house.database.read(lambda c: rehearse(c, house.advance, door, seats, now, 0))
    house.database.write(lambda c: enroll(c, house.advance, door, ids, now))
    return {one.seat.prospect.address or "": one.touches[0].at for one in planned.prospects}


async def test_each_gets_the_first_mail_at_nine_of_their_monday(house: Installation, world: World) -> None:
    promised = enrolled(house)
    assert promised == {address: at for address, (at, _, _) in NINE.items()}
    arrived: dict[str, datetime] = {}
    dispatch = house.dispatch()
    while house.clock.now() < MONDAY_EVENING:
        await house.run(dispatch, rounds=1)
        for address, _ in world.accepted[len(arrived) :]:
            arrived[address] = house.clock.now()
        house.clock.forward(seconds=STEP.total_seconds())
    await dispatch.stop()
    assert arrived == promised
    assert len(world.accepted) == len(NINE)


@pytest.mark.parametrize("address", NINE)
def test_why_says_when_and_for_what_reason(
    house: Installation, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "Europe/Madrid")
    enrolled(house)
    _, goes, source = NINE[address]
    now = house.clock.now() + STEP
    print_why(house.database.read(lambda c: why(c, house.advance, address, now)), file_lines=True)
    said = capsys.readouterr().out
    assert f'waits: the step "intro" goes {goes}, in the window business_hours.' in said
    assert "no daemon runs" in said
    (gate,) = (line for line in said.splitlines() if line.startswith("✗\twindow\t"))
    assert f"(from {source}))" in gate
    assert f"opens {goes}" in gate
    assert gate.rpartition("\t")[2].startswith("config.toml:")
