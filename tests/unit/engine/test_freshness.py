"""Guarantee 3 as a table: whose inbox a follow-up waits for, and which age of it is too old."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from sequencer.config import Config
from sequencer.core.reason import Reason
from sequencer.engine import freshness
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.store import sends, walks
from sequencer.store.tables import SENDS
from tests.integration.installation import CONFIG, Installation
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over

ANA, BO, POST, BARE = "ana@ourco.test", "bo@ourco.test", "post@ourco.test", "bare@ourco.test"
MAILBOX = """
[[mailboxes]]
address = "{address}"
rep = "ana"
timezone = "UTC"
smtp = {{{{ host = "127.0.0.1", port = {{port}}, security = "none" }}}}
{inbox}
"""
OTHERS = "".join(
    MAILBOX.format(address=address, inbox=read)
    for address, read in ((BO, 'maildir = "bo"'), (POST, f'replies_to = "{BO}"'), (BARE, ""))
)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
INBOXES = {ANA: "maildir:mail", BO: "maildir:bo"}


class House(Installation):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 25, config=CONFIG + OTHERS)
        self.apply()
        self.jo = self.person("jo@acme.test")
        self.enrollment = self.enroll(self.jo)

    def wrote(self, mailbox: str, ago: timedelta, state: str = "sent") -> None:
        at = self.clock.now() - ago

        def add(connection: Connection) -> None:
            step = f"{mailbox} {ago} {state}"
            connection.execute(insert(SENDS).values(
                enrollment_id=self.enrollment, step=step, attempt=1, prospect_id=self.jo, sequence_id="other",
                mailbox=mailbox, version=1, state=state, due_at=at, sending_at=at, settled_at=at,
            ))  # fmt: skip

        self.database.write(add)

    def read(self, mailbox: str, ago: timedelta) -> None:
        at = self.clock.now() - ago
        self.database.write(lambda c: walks.end(c, INBOXES[mailbox], at, 0))

    def without(self, mailbox: str) -> None:
        told = tomllib.loads((self.folder / "config.toml").read_text())
        told["mailboxes"] = [box for box in told["mailboxes"] if box["address"] != mailbox]
        self.config = Config.model_validate(told)
        self.config._folder = self.folder
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))

    def freshness(self) -> freshness.Freshness:
        return self.database.read(lambda c: freshness.read(c, self.config, [self.jo], self.clock.now()))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


@dataclass(frozen=True, slots=True)
class Case:
    """`wrote`: which mailbox how long ago, and what came of it; `read`: which inbox how long ago."""

    why: str
    wrote: tuple[tuple[str, timedelta, str], ...]
    read: tuple[tuple[str, timedelta], ...]
    fresh: bool
    names: str = ""


CASES = [
    Case("nobody wrote: nothing can have been answered", (), (), True),
    Case("read a minute ago", ((ANA, DAY, "sent"),), ((ANA, MINUTE),), True),
    Case("at its limit", ((ANA, DAY, "sent"),), ((ANA, 5 * MINUTE),), True),
    Case("a second past it", ((ANA, DAY, "sent"),), ((ANA, 5 * MINUTE + MINUTE / 60),), False, "maildir:mail"),
    Case("never read", ((ANA, DAY, "sent"),), (), False, "maildir:mail"),
    Case("a colleague wrote and nobody reads hers", ((ANA, DAY, "sent"), (BO, 89 * DAY, "sent")),
         ((ANA, MINUTE),), False, "maildir:bo"),
    Case("the older of two counts", ((ANA, DAY, "sent"), (BO, DAY, "sent")), ((ANA, MINUTE), (BO, 6 * MINUTE)), False,
         "maildir:bo"),
    Case("both read", ((ANA, DAY, "sent"), (BO, 89 * DAY, "sent")), ((ANA, MINUTE), (BO, MINUTE)), True),
    Case("90 days are over", ((ANA, DAY, "sent"), (BO, 91 * DAY, "sent")), ((ANA, MINUTE),), True),
    Case("answers go to another's inbox", ((POST, DAY, "sent"),), ((ANA, MINUTE),), False, "maildir:bo"),
    Case("which is read", ((POST, DAY, "sent"),), ((BO, MINUTE),), True),
    Case("a mailbox that nobody reads", ((BARE, DAY, "sent"),), ((ANA, MINUTE),), False, f"no inbox of {BARE}"),
    Case("perhaps it arrived", ((BO, DAY, "uncertain"),), ((ANA, MINUTE),), False, "maildir:bo"),
    Case("a person gave it up: it may have arrived", ((BO, DAY, "skipped"),), ((ANA, MINUTE),), False, "maildir:bo"),
    Case("a refused one was never there", ((BO, DAY, "failed"),), (), True),
    Case("a clock ahead of ours read it: as of now", ((ANA, DAY, "sent"),), ((ANA, -DAY),), True),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_every_mailbox_that_wrote_to_the_person_counts(house: House, case: Case) -> None:
    for mailbox, ago, state in case.wrote:
        house.wrote(mailbox, ago, state)
    for mailbox, ago in case.read:
        house.read(mailbox, ago)
    found = house.freshness()
    assert found.is_fresh(house.jo, house.clock.now()) == case.fresh
    assert case.fresh or found.stale_inbox[house.jo] == case.names
    good = found.good_until(house.jo)
    assert good is None or good <= house.clock.now() + 5 * MINUTE


async def test_a_colleagues_mailbox_that_left_config_keeps_the_mail_until_a_person_has_read_it(house: House) -> None:
    house.wrote(BO, 2 * DAY)
    house.read(ANA, MINUTE)
    house.read(BO, MINUTE)
    house.without(POST)
    assert house.freshness().is_fresh(house.jo, house.clock.now())
    house.wrote(POST, 2 * DAY)
    assert not house.freshness().is_fresh(house.jo, house.clock.now())
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    (waiting,) = house.database.read(lambda c: sends.in_state(c, "queued"))
    assert (channel.wired, waiting.wait_reason) == ([], Reason.INBOX_STALE)
    house.database.write(lambda c: sends.put_answers_read(c, POST, "person:ana", house.clock.now()))
    await house.run(dispatch)
    await dispatch.stop()
    assert [each.recipient for each in channel.accepted] == ["jo@acme.test"]
