"""A rep's people change hands: over a real SMTP server, so that what the next mail looks like is seen."""

import tomllib
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from sequencer.config import Config
from sequencer.core.reason import Reason
from sequencer.engine import reassigning
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.reassigning import Handover, Plan
from sequencer.engine.situation import Surroundings
from sequencer.errors import InputError, NotFound
from sequencer.store import tasks, walks
from tests.integration.installation import CONFIG, Installation, World

ANA, BO = "ana@ourco.test", "bo@ourco.test"
OTHER_REP = """
[[reps]]
name = "bo"
email = "bo@home.test"
timezone = "UTC"
"""
OTHER_BOX = """
[[mailboxes]]
address = "bo@ourco.test"
display_name = "Bo Larsen"
rep = "bo"
timezone = "UTC"
gap = {{ min = "0s", jitter = "0s" }}
smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}
maildir = "mail-bo"
"""
POST = "title: Post\nsettings: {exclusive: false}\nsteps:\n  - id: sheet\n    task: Send the sheet\n"


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    house = Installation(tmp_path, world.port, config=CONFIG + OTHER_REP + OTHER_BOX)
    house.apply()
    house.apply("post", POST, {})
    yield house
    house.close()


def without(house: Installation, *names: str) -> None:
    """config.toml loses these mailboxes and reps."""
    told = tomllib.loads((house.folder / "config.toml").read_text())
    told["mailboxes"] = [box for box in told["mailboxes"] if box["address"] not in names]
    told["reps"] = [rep for rep in told["reps"] if rep["name"] not in names]
    house.config = Config.model_validate(told)
    house.config._folder = house.folder
    house.advance = Advance(house.database, Surroundings(house.config, Catalog()))


def plan(house: Installation, giver: str = "ana", taker: str = "bo", sequence: str | None = None) -> Plan:
    now = house.clock.now()
    return house.database.read(lambda c: reassigning.plan(c, house.advance, giver, taker, sequence, now))


def reassign(house: Installation, sequence: str | None = None, **named: Any) -> Handover:
    now = house.clock.now()
    return reassigning.reassign(house.database, house.advance, "ana", "bo", sequence, "ana", now, **named)


async def send(house: Installation, owner: str = "test") -> None:
    """Everything that may leave at this instant leaves."""
    await house.run_and_stop(house.dispatch(owner))


def read_all(house: Installation) -> None:
    for box in house.config.mailboxes:
        house.database.write(lambda c, name=box.inbox: walks.end(c, name or "", house.clock.now(), 0))  # type: ignore[misc]


async def test_people_and_tasks_move_and_threads_keep_their_mailbox(house: Installation, world: World) -> None:
    person = house.person("jo@acme.test")
    mails = house.enroll(person)
    tasked = house.enroll(house.person("kim@acme.test"), "post")
    await send(house)
    house.record(tasked)
    foreseen = plan(house)
    assert (foreseen.people, foreseen.sequences, foreseen.gone) == (2, {"three": 1, "post": 1}, {})
    done = reassign(house)
    assert (done.moved, done.taken_over, done.plan) == (2, {}, foreseen)
    assert [house.progress(key).rep for key in (mails, tasked)] == ["bo", "bo"]
    assert house.progress(mails).mailbox == ANA
    assert {task.rep for task in house.database.read(tasks.open_tasks)} <= {"bo"}
    assert house.folded(mails) == house.progress(mails)
    house.clock.forward(days=3)
    read_all(house)
    await send(house)
    second = message_from_bytes(world.accepted[1][1])
    assert (second["From"], second["In-Reply-To"] is not None) == (f"Ana Ruiz <{ANA}>", True)
    with pytest.raises(InputError, match="nothing to hand over"):
        plan(house)


async def test_another_mailbox_takes_over_where_the_old_one_left_config(house: Installation, world: World) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    await send(house)
    without(house, ANA)
    house.clock.forward(days=3)
    await send(house, "second")
    assert house.progress(key).hold(Reason.MAILBOX_GONE)
    assert plan(house).unread == {ANA: 1}
    with pytest.raises(InputError, match="read its inbox, then say --answers-read"):
        reassign(house)
    assert house.progress(key).rep == "ana"
    done = reassign(house, answers_read=True)
    assert (done.taken_over, done.holds_freed) == ({BO: 1}, 1)
    read_all(house)
    await send(house, "third")
    first, second = (message_from_bytes(raw) for _, raw in world.accepted)
    assert (second["From"], second["In-Reply-To"], second["References"]) == (f"Bo Larsen <{BO}>", None, None)
    assert second["Subject"] == first["Subject"]  # a new thread has a subject of its own, and no Re:
    assert house.progress(key).touches["bump"].state == "sent"
    assert house.folded(key) == house.progress(key)


async def test_a_mail_that_was_queued_goes_from_the_new_mailbox(house: Installation, world: World) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    while await house.advance.run_once(house.clock.now()):
        pass
    without(house, ANA)
    done = reassign(house)  # it wrote to nobody yet, so no answer can lie in it
    assert done.taken_over == {BO: 1}
    await send(house)
    assert [message_from_bytes(raw)["From"] for _, raw in world.accepted] == [f"Bo Larsen <{BO}>"]
    assert house.progress(key).touches["intro"].state == "sent"
    assert house.folded(key) == house.progress(key)


def test_without_a_mailbox_to_take_over_they_stay_held_and_the_rest_moves(house: Installation) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    without(house, ANA, BO)
    done = reassign(house)
    assert (done.plan.boxes, done.taken_over, house.progress(key).rep) == ((), {}, "bo")
    assert house.progress(key).mailbox == ANA
    house.clock.forward(days=1)
    house.record(key)
    assert house.progress(key).hold(Reason.MAILBOX_GONE)


def test_one_sequence_can_move_alone(house: Installation) -> None:
    mails = house.enroll(house.person("jo@acme.test"))
    tasked = house.enroll(house.person("kim@acme.test"), "post")
    house.record(tasked)
    reassign(house, "post")
    assert [house.progress(key).rep for key in (mails, tasked)] == ["ana", "bo"]


# from, to, sequence, error, words
WRONG = [
    ("ana", "bob", None, NotFound, 'no rep "bob" in config.toml — did you mean bo'),
    ("anna", "bo", None, NotFound, 'nobody ever knew a rep "anna" — did you mean ana'),
    ("ana", "ana", None, InputError, "has them already"),
    ("bo", "ana", None, InputError, "nothing to hand over"),
    ("ana", "bo", "tree", NotFound, "did you mean three"),
]


@pytest.mark.parametrize(("giver", "taker", "sequence", "error", "words"), WRONG)
def test_what_is_refused(
    house: Installation, giver: str, taker: str, sequence: str | None, error: type[Exception], words: str
) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    with pytest.raises(error, match=words):
        plan(house, giver, taker, sequence)
    assert house.progress(key).rep == "ana"


def test_a_rep_who_left_config_can_give(house: Installation) -> None:
    key = house.enroll(house.person("jo@acme.test"))
    without(house, "ana", ANA)
    reassign(house)
    assert (house.progress(key).rep, house.progress(key).mailbox) == ("bo", BO)
