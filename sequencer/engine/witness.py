"""The mailboxes as witnesses: a mail of ours in them that the database does not know proves that it has forgotten some.

Nothing beside the database tells that a whole machine was put back to a snapshot, or an old dump into the same server;
the mail server does. So after each start nothing leaves a mailbox before its inbox was read to the end once, and every
walk asks of the ids that it meets. Nobody else can make one: it is a keyed hash of (enrollment, step, attempt).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core.sequence import EmailStep
from sequencer.engine.advance import Advance
from sequencer.engine.amnesia import series_key
from sequencer.engine.matching import owners_of
from sequencer.mail.compose import digest_in, touch_digest
from sequencer.store import correspondence, epoch, inbox, recovered, scopes, versions
from sequencer.store.epoch import Amnesia

__all__ = ["Start", "ask", "forgotten", "hears", "hold", "is_waited_for", "silent_inbox", "start_of"]

STARTED = "witness_started"
NOT_WAITED_FOR_AFTER = timedelta(minutes=1)  # an inbox that cannot be read tells nothing; the rest goes on
SERIES_MAX = 5  # a copy of before some reconciled losses knows nothing of the series of ids since
ATTEMPTS_MAX = 5
LOST_ATTEMPTS_MAX = 2
LOST_ENROLLMENTS_MAX = 300  # so many numbers are tried of those that may have been lost: the first of them were mailed


@dataclass(frozen=True, slots=True)
class Start:
    """A daemon began at `at` with a database that had known of nothing after `known_until`.

    `heard`: every inbox was read to its end since.
    """

    known_until: datetime
    at: datetime
    heard: bool = False


def ask(connection: Connection, known_until: datetime, at: datetime) -> None:
    """From this start on every inbox is to be read once; what an earlier one asked for in vain keeps its time."""
    before = start_of(connection)
    since = min(before.known_until, known_until) if before and not before.heard else known_until
    _put(connection, Start(since, at))


def start_of(connection: Connection) -> Start | None:
    """The last start; None where no daemon has run before."""
    said = scopes.meta(connection, STARTED)
    if not said:
        return None
    known_until, at, *heard = said.split()
    return Start(datetime.fromisoformat(known_until), datetime.fromisoformat(at), bool(heard))


def _put(connection: Connection, start: Start) -> None:
    heard = " heard" if start.heard else ""
    scopes.put_meta(connection, STARTED, f"{start.known_until.isoformat()} {start.at.isoformat()}{heard}")


def hears(connection: Connection, config: Config) -> None:
    """Note it when every inbox was read since the start. Asked with each heartbeat."""
    start = start_of(connection)
    if start is not None and not start.heard:
        read_at = inbox.synced_at(connection)
        names = {name for address in config.mailboxes_by_address if (name := config.inbox_of(address))}
        if all(name in read_at and read_at[name] >= start.at for name in names):
            _put(connection, replace(start, heard=True))


def silent_inbox(connection: Connection, config: Config, mailbox: str, now: datetime) -> str:
    """The inbox that has to be read before this mailbox may send; "" where none has."""
    start, name = start_of(connection), config.inbox_of(mailbox)
    if start is None or start.heard or name is None:
        return ""
    read_at = inbox.synced_at(connection).get(name)
    if read_at is not None and read_at >= start.at:
        return ""
    gives_up = now - start.at >= NOT_WAITED_FOR_AFTER and bool(inbox.trouble_of(connection, name))
    return "" if gives_up else name


def is_waited_for(connection: Connection, config: Config, mailbox: str, now: datetime) -> bool:
    """Whether its inbox keeps it from sending for longer than a start takes."""
    start = start_of(connection)
    takes_long = start is not None and now - start.at >= NOT_WAITED_FOR_AFTER
    return takes_long and bool(silent_inbox(connection, config, mailbox, now))


def forgotten(
    connection: Connection, advance: Advance, key: bytes, ids: Collection[str], addresses: Iterable[str]
) -> str:
    """Which of these ids is of a mail that this database has forgotten, the first of them; "" where none is.

    `addresses`: of whoever wrote or received the mails that bear or name them.
    """
    if epoch.held(connection) is not None:
        return ""
    if never_left := correspondence.never_let_go(connection, ids):
        return never_left[0]
    known = correspondence.sends_named(connection, ids)
    unknown = {digest: each for each in ids if each not in known and (digest := digest_in(each))}
    number = epoch.key_number(connection)
    series = [series_key(key, each) for each in range(number, number + SERIES_MAX)] if unknown else []
    persons = set(owners_of(connection, addresses).values()) if unknown else set()
    for enrollment, step, attempts in _places(connection, advance, persons) if unknown else ():
        for one in series:
            for attempt in range(1, attempts + 1):
                found = unknown.get(touch_digest(one, enrollment, step, attempt))
                if found and not _is_known(connection, (enrollment, step, attempt), found):
                    return found
    return ""


def _is_known(connection: Connection, touch: tuple[int, str, int], message_id: str) -> bool:
    """Whether this touch left under the same id, which a server has written otherwise: with another domain, say."""
    row = recovered.send_of(connection, *touch)
    return row is not None and row.was_let_go and digest_in(row.message_id or "") == digest_in(message_id)


def hold(connection: Connection, message_id: str, now: datetime) -> None:
    """Hold all sends because of this mail, which left after the last start's database ended."""
    start = start_of(connection)
    why = (
        f"a mailbox holds a mail that only this installation can have made, and the database does not know it"
        f" ({message_id}): it was put back, perhaps with the whole machine"
    )
    epoch.hold(connection, Amnesia(why, start.known_until if start else None, None), now)


def _places(connection: Connection, advance: Advance, persons: Collection[int]) -> Iterator[tuple[int, str, int]]:
    """(enrollment, step, attempts) of these people's mails, then of enrollments that began after the copy was made."""
    every = _steps(
        connection, advance, [(one.sequence_id, one.version) for one in versions.latest(connection).values()]
    )
    for one in recovered.enrolled_of(connection, persons):
        for step in every | _steps(connection, advance, [(one.sequence_id, one.version)]):
            yield one.id, step, ATTEMPTS_MAX
    newest = recovered.newest_enrollment(connection)
    for enrollment in range(newest + 1, newest + 1 + LOST_ENROLLMENTS_MAX):
        for step in every:
            yield enrollment, step, LOST_ATTEMPTS_MAX


def _steps(connection: Connection, advance: Advance, places: Iterable[tuple[str, int]]) -> set[str]:
    sequences = (advance.around.catalog.bundle(connection, *place).sequence for place in places)
    return {step.id for each in sequences for step in each.steps if isinstance(step, EmailStep)}
