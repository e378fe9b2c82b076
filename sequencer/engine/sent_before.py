"""What the mailboxes tell of mail that we sent: copies in the Sent folders, and ids that answers and reports name.

It reads every header since a day, and what machines wrote to the end, because a report names a mail in its body. It
stores nothing; what a found id means is engine/reconciling.py's.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sequencer.config import Config
from sequencer.core.ports import Cursor, FolderName, Head, Inbox, Settled
from sequencer.engine.matching import recipients_of
from sequencer.engine.ours import Ours, ours_of
from sequencer.engine.screening import looks_automatic, own_ids, read_header
from sequencer.errors import ConfigError, InboxBroken, InboxLost, InputError
from sequencer.mail.author import author
from sequencer.mail.compose import digest_in
from sequencer.mail.parse import parse
from sequencer.mail.thread import message_ids

__all__ = ["Copy", "Reading", "read_mailboxes"]

NO_INBOX = "it has no inbox in config.toml"
NO_COPIES = 'sent_copy = "none": nobody files copies of its mail'
_SECOND = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
SHOWS_NOTHING = "its Sent folder does not hold the mail that it is known to have sent"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail that left: under which id, when its copy says, to whom. Of an id that an answer names no more is known.

    `filed`: it lies in a Sent folder. What lies elsewhere anybody may have made up: it is not believed when it left.
    `filed_at`: since when it lies there, where that is told: the Date of a mail sent again is of its first try.
    """

    message_id: str
    at: datetime | None = None
    recipients: tuple[str, ...] = ()
    subject: str = ""
    filed: bool = False
    filed_at: datetime | None = None

    def or_later(self, other: "Copy | None") -> "Copy":
        """The one of two copies of a mail that tells of its last try: filed, and later than the other."""
        return self if other is None or self._rank >= other._rank else other

    def is_later(self, since: datetime | None) -> bool:
        """Whether it left after that instant, by its folder or its Date in whole seconds; None is before all."""
        at = self.filed_at or self.at
        return at is not None and (since is None or at > since - _SECOND)

    @property
    def _rank(self) -> tuple[bool, datetime]:
        return self.filed, self.filed_at or self.at or _NEVER


@dataclass(slots=True)
class Reading:
    """What one mailbox told. `trouble`: why it cannot tell what was sent, "" where it can."""

    mailbox: str
    inbox: str = ""
    trouble: str = ""
    copies: dict[str, Copy] = field(default_factory=dict)


class _Walk:
    """One inbox, header by header; of reports the whole."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self.copies: dict[str, Copy] = {}
        self.named: dict[str, Copy] = {}

    def wanted(self, head: Head) -> bool:
        header = read_header(head.header)
        if self._ours.wrote(author(header)):
            filed = head.role == "sent"
            for each in filter(digest_in, own_ids(header, by_us=True)):
                at, since = (header.date, head.filed_at) if filed else (None, None)
                copy = Copy(each, at, recipients_of(header), header.subject, filed, since)
                self.copies[each] = copy.or_later(self.copies.get(each))
            return False
        self._name(message_ids(header))
        return looks_automatic(header)

    def settle(self, folder: FolderName, cursor: Cursor, items: Sequence[Settled]) -> None:
        """Nothing of it is kept but ids: the daemon's own walks go on from where they are."""
        for item in items:
            if item.fetched is not None:
                self._name(_about(item.fetched.raw, self._ours))

    def _name(self, ids: Iterable[str]) -> None:
        self.named |= {each: Copy(each) for each in ids if digest_in(each)}


def _about(raw: bytes, ours: Ours) -> tuple[str, ...]:
    """The ids of the mails that a report is about; none where it cannot be read: it must not stop the walk."""
    from sequencer.mail.classify import classify  # its rules and word lists are loaded with the first mail

    try:
        return classify(parse(raw), our_addresses=ours.addresses).original_message_ids
    except Exception as error:
        logger.warning("a report cannot be read (%s): what it names is not known", type(error).__name__)
        return ()


def read_mailboxes(
    config: Config, inbox_of: Callable[[str], Inbox], last_sent: Mapping[str, str], also: Collection[str] = ()
) -> list[Reading]:
    """Every mailbox of config, and `also` those that have people.

    `last_sent`: the id of the last mail that each is known to have sent; where the Sent folder lacks that, it proves
    nothing by what it lacks. Copies stand with the first mailbox of an inbox.
    """
    ours, found = ours_of(config), []
    walked: dict[str, Reading] = {}
    for address in dict.fromkeys([*config.mailboxes_by_address, *also]):
        name, section = config.inbox_of(address), config.mailbox_section(address)
        reading = Reading(address, name or "", "" if name else NO_INBOX)
        if name and name not in walked:
            _read(reading, inbox_of, ours, last_sent.get(address))
            walked[name] = reading
        elif name:
            reading.trouble = walked[name].trouble
        if name and section and section.sent_copy == "none" and not reading.trouble:
            reading.trouble = NO_COPIES
        found.append(reading)
    return found


def _read(reading: Reading, inbox_of: Callable[[str], Inbox], ours: Ours, last_sent: str | None) -> None:
    walk = _Walk(ours)
    try:
        inbox = inbox_of(reading.inbox)
        try:
            inbox.walk({}, walk.wanted, walk.settle)
            if last_sent is not None and last_sent not in walk.copies and not inbox.find_sent(last_sent):
                reading.trouble = SHOWS_NOTHING
            elif last_sent is None and not walk.copies:
                reading.trouble = "no mail of ours is in it, and none is known to have been sent by it"
        finally:
            inbox.close()
    except (InboxLost, InboxBroken, InputError, ConfigError) as error:
        reading.trouble = f"cannot be read: {error}"
    reading.copies = walk.named | walk.copies
