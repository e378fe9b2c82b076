"""What a hand-over may not do unasked: count answers as read, or give people to a mailbox that is out of order."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sequencer.errors import InputError
from sequencer.store import leases, sends
from tests.integration.installation import Installation, World
from tests.integration.test_reassign import ANA, BO, house, plan, reassign, send, without

__all__ = ["house"]


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


async def test_nobody_has_read_the_answers_unless_somebody_says_so(house: Installation, world: World) -> None:
    """Whoever the gone mailbox never wrote to needs no word; that is not a word about the others."""
    jo = house.enroll(house.person("jo@acme.test"))
    await send(house)
    house.apply(
        "other", "title: O\nsteps:\n  - id: a\n    email: intro.md\n  - id: b\n    wait: 1d\n    email: intro.md\n"
    )
    kim = house.enroll(house.person("kim@acme.test"), "other")
    without(house, ANA)
    reassign(house, "other")
    assert (house.progress(kim).mailbox, house.progress(jo).mailbox) == (BO, ANA)
    assert plan(house).unread == {ANA: 1}
    with pytest.raises(InputError, match="say --answers-read"):
        reassign(house)


def test_a_mailbox_that_is_broken_or_paused_takes_nobody_over(house: Installation) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    house.database.write(lambda c: leases.lease(c, [BO], "test", house.clock.now(), timedelta(seconds=1)))
    house.database.write(lambda c: sends.break_mailbox(c, BO, "wrong password", house.clock.now()))
    without(house, ANA)
    with pytest.raises(InputError, match="wrong password"):
        reassign(house)
    assert (house.progress(key).rep, house.progress(key).mailbox) == ("ana", ANA)
