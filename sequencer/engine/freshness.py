"""How lately the inboxes were read in which a person's answer would arrive (PRODUCT, guarantee 3).

No news is not the same as not knowing: a follow-up waits until every mailbox that wrote to the person in 90 days was
read to its end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.store import contacts, inbox, sends

WROTE_WITHIN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Until when each person's inboxes count as read; a person nobody wrote to is not in it."""

    until: Mapping[int, datetime]
    stale_inbox: Mapping[int, str]

    def good_until(self, person_id: int) -> datetime | None:
        """None for a person whom nobody wrote to lately."""
        return self.until.get(person_id)

    def is_fresh(self, person_id: int, now: datetime) -> bool:
        good = self.until.get(person_id)
        return good is None or now <= good


def read(connection: Connection, config: Config, prospect_ids: Collection[int], now: datetime) -> Freshness:
    """The freshness for each of these people."""
    wrote = contacts.mailboxes_that_wrote(connection, prospect_ids, now - WROTE_WITHIN)
    left = _read_by_hand(connection, config, wrote)
    synced = inbox.synced_at(connection)
    age = config.policy.inbox_max_age.elapsed
    until: dict[int, datetime] = {}
    oldest: dict[int, str] = {}
    for person, mailboxes in wrote.items():
        for mailbox in sorted(mailboxes - left):
            name = config.inbox_of(mailbox) or f"no inbox of {mailbox}"
            read_at = min(synced[name], now) if name in synced else datetime.min.replace(tzinfo=now.tzinfo)
            good = read_at + age
            if person not in until or good < until[person]:
                until[person], oldest[person] = good, name
    return Freshness(until, oldest)


def still_to_read(connection: Connection, name: str) -> str:
    """How much of an inbox its walk has still to look at, in words; "" when there is nothing."""
    left, folder = inbox.left_to_read(connection, name)
    return f"{left:,} mail{'s' if left > 1 else ''} in {folder} still to look at" if left else ""


def _read_by_hand(connection: Connection, config: Config, wrote: Mapping[int, set[str]]) -> set[str]:
    """Mailboxes that left config.toml and whose answers a named person has read (decision 011)."""
    gone = {mailbox for each in wrote.values() for mailbox in each if mailbox not in config.mailboxes_by_address}
    states = sends.mailbox_states(connection) if gone else {}
    return {mailbox for mailbox in gone if mailbox in states and states[mailbox].answers_read_at}
