"""Settles what a restored database had forgotten, then lets sends go on.

A found Message-ID is a keyed hash of (enrollment, step, attempt), so the database can tell which touch it was, also one
that it never queued: that touch counts as sent, by the evidence of the Sent folder. What may have left and cannot be
told waits for a person among the uncertain mails (engine/doubting.py). The mailboxes are read by engine/sent_before.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.answers import ANSWER
from sequencer.core.decide import next_attempt, standing, variant_of
from sequencer.core.reason import Reason
from sequencer.core.sequence import EmailStep
from sequencer.engine import rescue
from sequencer.engine.advance import Advance
from sequencer.engine.amnesia import series_key
from sequencer.engine.answers import OWNERLESS
from sequencer.engine.doubting import DATE_STEP, LATE_BY, doubt, earliest_due, note_left, others_open
from sequencer.engine.sent_before import Copy, Reading
from sequencer.engine.situation import Situation, load
from sequencer.errors import InputError
from sequencer.mail.compose import digest_in, touch_digest
from sequencer.store import epoch as store
from sequencer.store import inbox, log, people, reads, recovered, scopes, sends, versions
from sequencer.store.epoch import Amnesia, Epoch, LostTime
from sequencer.store.rows import chunks
from sequencer.store.sends import SendRow

__all__ = ["Reconciled", "Words", "reconcile"]

ATTEMPTS_MAX = 5
RETURNS_MAX = 5  # how often one copy is put back: each return begins a series of ids, which the copy knows nothing of
LOST_ENROLLMENTS_MAX = 5000  # so many numbers are tried of those that may have been lost; a second or some
_LAST = datetime.max.replace(tzinfo=UTC)
FOUND = "a copy of it lies in the mailbox, and this database was restored from before it left"


@dataclass(frozen=True, slots=True)
class Words:
    """What people say of mailboxes: `trusted`: what is not found there did not leave. `doubted`: it may have."""

    trusted: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`left`: mails that were not known as sent and are now. `lost`: of people or enrollments that are not known here,
    perhaps, where no Sent folder has them.

    `missing`: how many more may have left; None: nobody counted. `doubts`: mails that wait for a person's word.
    `unsaid`: mailboxes of which somebody has to say what they cannot tell; while there are any, nothing is lifted.
    Where nobody counted these are all of which a mail was due: that no copy of one is found proves nothing.
    """

    held: Amnesia
    readings: tuple[Reading, ...]
    left: tuple[SendRow, ...]
    known: int
    lost: tuple[Copy, ...]
    missing: int | None
    doubts: tuple[SendRow, ...]
    unsaid: tuple[Reading, ...]

    @property
    def lifted(self) -> bool:
        return not self.unsaid


def reconcile(
    connection: Connection, advance: Advance, key: bytes, readings: Sequence[Reading], words: Words,
    outside: tuple[Epoch, datetime | None], now: datetime,
) -> Reconciled:  # fmt: skip
    """Record what left, doubt what may have, and lift the hold where nothing is left unsaid.

    `outside`: what the epoch file says, and when it was written last, by the clock of that time: it may have been set
    back since. Raises InputError when nothing is held.
    """
    held = store.held(connection)
    if held is None:
        raise InputError("nothing is held: this database knows of all that was sent")
    noticed_at = scopes.paused_scopes(connection)[scopes.RESTORED].at
    known_until = min(held.since or noticed_at, noticed_at)  # mail is read before a heartbeat notices, too
    lost_until = outside[1] or max(now, noticed_at)  # the clock may have been set back since it was noticed
    rescue.sweep(connection, advance, now)
    copies: dict[str, Copy] = {}
    for reading in readings:
        copies |= {each: copy.or_later(copies.get(each)) for each, copy in reading.copies.items()}
    named = _Named(connection, advance, key, copies, held.since)
    store.note_series(connection, named.series)
    copied = (_as_late_as_may_be(copy, held.since, lost_until, now) for copy in named.forgotten)
    left = [row for copy in copied if (row := _settled(connection, advance, copy, named, now))]
    told = sum(named.is_counted(row) for row in left) + named.lost_since
    missing = None if held.mails is None else max(0, held.mails - told)
    until = max([lost_until, *(copy.at for copy in (*named.forgotten, *named.lost) if copy.at is not None)])
    dark = [each for each in readings if each.mailbox not in words.trusted and (each.trouble or missing != 0)]
    if missing == 0 and not store.is_on_server(connection):
        dark = []
    lost = LostTime(
        held.since, until, frozenset(each.mailbox for each in dark), store.key_number(connection),
        store.newest_held(connection),
    )  # fmt: skip
    unsaid = [each for each in dark if each.trouble and each.mailbox not in words.doubted]
    if missing is None:
        unsaid += _uncounted(connection, advance, [each for each in dark if not each.trouble], words, lost, now)
    doubts: list[SendRow] = []
    if not unsaid:
        doubts = list(_doubted(connection, advance, key, lost, now))
        if lost.mailboxes:
            store.note_lost_time(connection, lost)
        store.lift(connection, outside[0], now)
        inbox.read_again(connection, known_until, OWNERLESS)
        log.make_due(connection, reads.live_ids(connection), now)
    else:
        store.count_found(connection, held, len(left))
    return Reconciled(
        held, tuple(readings), tuple(left), named.known, tuple(named.lost), missing, tuple(doubts), tuple(unsaid)
    )


class _Named:
    """Which of the found ids are touches that this database does not know as sent.

    `forgotten`: in the order in which they left. `lost`: mail whose enrollment is not here. `known`: how many others.
    `since`: the last instant that the database knows. `series`: the newest of our ids that was found.
    `lost_since`: how many of the lost ones are ours for certain, and left since.
    """

    def __init__(
        self, connection: Connection, advance: Advance, key: bytes, copies: Mapping[str, Copy], since: datetime | None
    ) -> None:
        self._rows = sends.by_message_id(connection, list(copies))
        unknown = {digest: each for each in copies if each not in self._rows and (digest := digest_in(each))}
        found = list(_touches(connection, advance, key, unknown))
        series = {each: number for each, _, number in found}
        self.series = max(series.values(), default=0)
        touches = {each: touch for each, touch, _ in found}
        waiting = [
            each for each, row in self._rows.items() if row.state not in ("sent", "sending", "failed", "skipped")
        ]
        self.known = len(self._rows) - len(waiting)
        touches |= {each: (row.enrollment_id, row.step, row.attempt) for each in waiting for row in [self._rows[each]]}
        self._counted_before = {self._rows[each].id for each in waiting if self._rows[each].state in sends.OPEN}
        theirs = _theirs(connection, {each: touch[0] for each, touch in touches.items()}, copies, since)
        theirs -= _of_numbers_given_again(connection, series, touches)
        self._touches = {each: touch for each, touch in touches.items() if each in theirs}
        self.forgotten = sorted(
            (copies[each] for each in self._touches), key=lambda copy: (copy.at is None, str(copy.at))
        )
        named = (*unknown.values(), *waiting)
        self.lost = [copies[each] for each in named if each not in self._touches and copies[each].recipients]
        strangers = {digest: each for digest, each in unknown.items() if each not in touches}
        series |= dict(_lost_touches(connection, advance, key, strangers))
        ours = [copy for copy in self.lost if series.get(copy.message_id, -1) >= store.key_number(connection)]
        self.lost_since = sum(copy.filed and copy.is_later(since) for copy in ours)

    def is_counted(self, row: SendRow) -> bool:
        """Whether it was let through its fence in the lost time; a doubtful one of the copy was counted before."""
        return row.id not in self._counted_before

    def touch(self, message_id: str) -> tuple[int, str, int]:
        """(enrollment, step, attempt)"""
        return self._touches[message_id]


def _theirs(
    connection: Connection, named: Mapping[str, int], copies: Mapping[str, Copy], since: datetime | None
) -> set[str]:
    """The ids that do name a mail of the enrollment that is here.

    One that began since may bear the number of a lost one: what its own copy says of its recipients has to agree. Where
    the clock was set back its instant does not tell which it is; its number does, unless somebody was erased.
    """
    here = {one.id: one for one in recovered.enrolled(connection)} if named else {}
    newest = store.newest_enrollment(connection)
    new = {
        key: one
        for key, one in here.items()
        if since is None or one.enrolled_at > since or (newest is not None and key > newest)
    }
    persons = people.load_prospects(connection, {new[key].prospect_id for key in named.values() if key in new})
    addresses = {key: {each.email for each in person.addresses} for key, person in persons.items()}
    return {
        each
        for each, key in named.items()
        if key not in new or not addresses[new[key].prospect_id].isdisjoint(copies[each].recipients)
    }


def _of_numbers_given_again(
    connection: Connection, series: Mapping[str, int], touches: Mapping[str, tuple[int, str, int]]
) -> set[str]:
    """The ids of a series that ended before the enrollment began which bears their number now."""
    ends = store.series_ends(connection)
    return {each for each, number in series.items() if touches[each][0] > ends.get(number, touches[each][0])}


def _lost_touches(
    connection: Connection, advance: Advance, key: bytes, unknown: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    """Which of these ids are of enrollments that began after the copy was made, and their series.

    Another installation may send from the same mailbox: its ids have the same shape, and no number of ours makes them.
    """
    left = dict(unknown)
    steps = _every_step(connection, advance) if left else []
    newest = max((one.id for one in recovered.enrolled(connection)), default=0) if left else 0
    series = [(number, series_key(key, number)) for number in _series_of_now(connection)]
    for enrollment in range(newest + 1, newest + 1 + LOST_ENROLLMENTS_MAX) if left else ():
        for number, one in series if left else ():
            for step in steps:
                for attempt in range(1, ATTEMPTS_MAX + 1):
                    if found := left.pop(touch_digest(one, enrollment, step, attempt), None):
                        yield found, number
        if not left:
            return


def _every_step(connection: Connection, advance: Advance) -> list[str]:
    """The ids of the email steps of every sequence, as it is now."""
    latest = versions.latest(connection).values()
    sequences = (advance.around.catalog.bundle(connection, one.sequence_id, one.version).sequence for one in latest)
    return sorted({step.id for each in sequences for step in each.steps if isinstance(step, EmailStep)})


def _series_of_now(connection: Connection) -> range:
    return range(store.key_number(connection), store.key_number(connection) + RETURNS_MAX)


def _touches(
    connection: Connection, advance: Advance, key: bytes, unknown: Mapping[str, str]
) -> Iterator[tuple[str, tuple[int, str, int], int]]:
    """What each id names and its series, by trying every touch that there may have been; a million take a few seconds.

    Series that this copy does not know are tried last.
    """
    left, places = dict(unknown), list(_steps(connection, advance)) if unknown else []
    for number in range(store.key_number(connection) + RETURNS_MAX):
        one = series_key(key, number)
        for enrollment, step in places if left else ():
            for attempt in range(1, ATTEMPTS_MAX + 1):
                if found := left.pop(touch_digest(one, enrollment, step, attempt), None):
                    yield found, (enrollment, step, attempt), number


def _steps(connection: Connection, advance: Advance) -> Iterator[tuple[int, str]]:
    latest = {name: stored.version for name, stored in versions.latest(connection).items()}
    known: dict[tuple[str, int], list[str]] = {}
    for one in recovered.enrolled(connection):
        for version in {one.version, latest.get(one.sequence_id, one.version)}:
            place = (one.sequence_id, version)
            if place not in known:
                sequence = advance.around.catalog.bundle(connection, *place).sequence
                known[place] = [step.id for step in sequence.steps if isinstance(step, EmailStep)]
        every = (known[one.sequence_id, version] for version in (one.version, latest.get(one.sequence_id, one.version)))
        yield from ((one.id, step) for step in dict.fromkeys(step for each in every for step in each))
    yield from ((enrollment, f"{ANSWER}{task}") for enrollment, task in recovered.answer_tasks(connection))


def _as_late_as_may_be(copy: Copy, lost_from: datetime | None, lost_until: datetime, now: datetime) -> Copy:
    """The copy with an instant of the time that was lost: what the database knew by then it would know as sent.

    Its Date is that of its bytes, and a mail that was put off or sent again kept those of its first try; it had left
    when it was filed. When it did leave nothing tells: as late as it may have, because no wait and no limit breaks by
    that. Now is no bound where the clock was set back: a Date that is still to come stays, as the instant of any other
    mail does.
    """
    if copy.at is None:
        return copy
    if lost_from is not None and copy.at < lost_from:
        return replace(copy, at=max(lost_from, lost_until))
    latest = max(_after(copy.at, LATE_BY), _after(copy.filed_at or copy.at, DATE_STEP))
    if copy.at < lost_until:
        latest = min(latest, max(_after(copy.at, DATE_STEP), lost_until - timedelta.resolution))
    return replace(copy, at=latest if copy.at > now else min(latest, now))


def _after(at: datetime, by: timedelta) -> datetime:
    """So much later; a Date may say the last day that there can be."""
    return at + by if at < _LAST - by else _LAST


def _settled(connection: Connection, advance: Advance, copy: Copy, named: _Named, now: datetime) -> SendRow | None:
    """The touch counts as sent when its copy says; None where there can be no such touch, as after an edit.

    An uncertain mail of the same enrollment counts as sent too, because the sequence went on. One of another waits for
    its own evidence or a word: that it came to an end does not tell to which.
    """
    touch = named.touch(copy.message_id)
    for other in others_open(connection, touch):
        if other.enrollment_id == touch[0]:
            rescue.settle_as_sent(connection, advance, other, "sent_folder", now)
    row = _row(connection, advance, touch, now)
    if row is not None and row.state in ("uncertain", "person"):
        rescue.settle_as_sent(connection, advance, row, "sent_folder", now)
    elif row is not None:
        note_left(connection, advance, row, copy.at or now, copy.message_id, copy.subject)
        rescue.count_as_sent(connection, advance, sends.load_sends(connection, [row.id])[row.id], FOUND, now)
    return row and sends.load_sends(connection, [row.id])[row.id]


def _row(connection: Connection, advance: Advance, touch: tuple[int, str, int], now: datetime) -> SendRow | None:
    """The row of this touch, not settled yet; None where there can be none, as of a rep's answer that is not known."""
    enrollment_id, step, attempt = touch
    row = recovered.send_of(connection, *touch)
    if row is None or (row.state == "cancelled" and row.answers is None):
        situation = load(connection, advance.around, [enrollment_id], now)[enrollment_id]
        if step not in situation.bundle.sequence.index:
            return None
        advance.record(connection, [(enrollment_id, [_queued(situation, step, attempt)])], now)
        row = recovered.send_of(connection, *touch)
    return row if row is not None and row.state in ("queued", "cancelled", "uncertain", "person") else None


def _queued(situation: Situation, step_id: str, attempt: int) -> e.TouchQueued:
    step, progress = situation.bundle.sequence.step(step_id), situation.enrollment.progress
    assert isinstance(step, EmailStep)
    variant = variant_of(step, progress, situation.facts)
    return e.TouchQueued(step=step_id, attempt=attempt, variant=variant, version=progress.version)


def _uncounted(
    connection: Connection, advance: Advance, readings: Iterable[Reading], words: Words, lost: LostTime, now: datetime
) -> Iterator[Reading]:
    """The mailboxes that can be read, but of which a mail was due that no copy tells of, and nobody has said a word."""
    for each in readings:
        if each.mailbox not in words.doubted:
            due = sum(1 for _ in _may_have_left(connection, advance, each.mailbox, lost, now))
            if due:
                were = "mail was" if due == 1 else "mails were"
                yield replace(each, trouble=f"{due} {were} due and no copy is in it, and nobody counted what left")


def _doubted(connection: Connection, advance: Advance, key: bytes, lost: LostTime, now: datetime) -> Iterator[SendRow]:
    """Every mail of these mailboxes that was due in the lost time, and is not known as sent, becomes a person's.

    Of several to one person the first that is due; the others are asked about before they go (engine/doubting.py).
    """
    series = series_key(key, lost.series)
    for mailbox in sorted(lost.mailboxes):
        for touch in _may_have_left(connection, advance, mailbox, lost, now):
            if any(others_open(connection, touch)):
                continue
            row = _row(connection, advance, touch, now)
            if row is not None and row.state not in sends.OPEN:
                yield doubt(connection, advance, series, row, now)


def _may_have_left(
    connection: Connection, advance: Advance, mailbox: str, lost: LostTime, now: datetime
) -> Iterator[tuple[int, str, int]]:
    """(enrollment, step, attempt) of what was due in the lost time and is not known as sent."""
    for part in chunks(reads.live_ids(connection, mailbox=mailbox)):
        yield from _due_of(connection, load(connection, advance.around, part, now).values(), lost)


def _due_of(connection: Connection, situations: Iterable[Situation], lost: LostTime) -> Iterator[tuple[int, str, int]]:
    """(enrollment, step, attempt). Pauses and holds prove nothing: they may have been lifted in the time that is lost.

    Not so where no address of theirs works, nor after an internal error, when nothing can be said of a step.
    """
    for one in situations:
        progress = one.enrollment.progress
        if lost.is_before(one.enrollment.id):
            continue
        for row in sends.sends_of(connection, one.enrollment.prospect_id):
            if row.enrollment_id == one.enrollment.id and row.state == "queued" and row.due_at <= lost.until:
                yield row.enrollment_id, row.step, row.attempt
        if progress.flight or progress.step_task or progress.hold(Reason.BUG) or one.facts.prospect.address is None:
            continue
        # Not its due_at: under the hold the daemon has found that no clock moves it.
        step = None if progress.finished else standing(one.bundle.sequence, progress)
        if isinstance(step, EmailStep) and earliest_due(step, one, lost) <= lost.until:
            yield one.enrollment.id, step.id, next_attempt(progress, step.id)
