"""A merge begins nothing anew that the other row has had lately: `reenroll_after` would have kept the person out."""

import pytest

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.core.reason import FinishReason
from sequencer.engine import merging
from sequencer.store import log
from tests.unit.engine.people_house import House, do, house

__all__ = ["house"]

BO, ROBERT = "bo@acme.test", "robert@acme.test"


@pytest.mark.parametrize(("days_ago", "ends"), [(1, True), (200, False)])
def test_what_the_other_one_has_had_lately_does_not_begin_anew(house: House, days_ago: int, ends: bool) -> None:
    had = house.inside("three", ROBERT, "Robert")
    house.sent()
    house.record(had, e.Finished(reason=FinishReason.REMOVED, by="person:ana"))
    house.later(days=days_ago)
    key = house.inside("three")
    do(house, merging.merge, BO, ROBERT, "ana", house.clock.now())
    assert house.progress(key).finished == (FinishReason.REMOVED if ends else None)
    entries = house.database.read(lambda c: log.read_log(c, key))
    assert p.fold((entry.at, entry.event) for entry in entries) == house.progress(key)
