"""How the installation is doing: what needs a person first, then mailboxes, then sequences.

An exception is a value with its mend; an installation without any says so. It reads rows and files and changes
nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content import definition
from sequencer.core.absence import due_at_work
from sequencer.core.capacity import effective_cap
from sequencer.core.people import OuterPause
from sequencer.core.reason import SENTENCE, Reason
from sequencer.core.window import local_date
from sequencer.engine import witness
from sequencer.engine.absence import worker_of
from sequencer.engine.absence_lines import AbsenceLine, absence_lines
from sequencer.engine.amnesia import restored_words
from sequencer.engine.freshness import still_to_read
from sequencer.engine.lateness import late
from sequencer.engine.leaving import daemon_gates, seen_at
from sequencer.engine.outer_stops import config_trouble
from sequencer.engine.situation import Surroundings
from sequencer.engine.verbs import faces
from sequencer.store import copies, inbox, ramp, reads, scopes, sends, versions

__all__ = ["MailboxLine", "Overview", "SequenceLine", "Trouble", "overview"]

NAMES_SHOWN_MAX = 3
LATE = timedelta(days=1)
_RESUMES = {
    "all": '"sequencer resume --all" lets it go on',
    "sequence": '"sequencer resume --sequence {}" lets it go on',
    "mailbox": '"sequencer resume --mailbox {}" lets it go on',
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that waits for a person. `kind` is a word for programs, `mend` what to do."""

    kind: str
    text: str
    mend: str


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One mailbox today; `next_at`: when the first of its queued mails may go, None while none may."""

    address: str
    state: str
    sent: int
    cap: int
    queued: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class SequenceLine:
    """One applied sequence and how many of its people stand where."""

    sequence_id: str
    version: int
    active: int
    paused: int
    held: int
    finished: int


@dataclass(frozen=True, slots=True)
class Overview:
    troubles: tuple[Trouble, ...]
    mailboxes: tuple[MailboxLine, ...]
    sequences: tuple[SequenceLine, ...]
    heartbeat_at: datetime | None
    people: int
    absences: tuple[AbsenceLine, ...] = ()


def overview(connection: Connection, around: Surroundings, now: datetime) -> Overview:
    """The whole installation as it stands."""
    config = around.config
    applied, counts = versions.latest(connection), reads.status_counts(connection)
    sequences = tuple(
        SequenceLine(name, applied[name].version if name in applied else 0, *(
            counts.get(name, {}).get(status, 0) for status in ("active", "paused", "held", "finished")
        ))
        for name in sorted({*applied, *counts})
    )  # fmt: skip
    people, seen = reads.people_count(connection), seen_at(connection)
    idle, absences = tuple(_daemon(connection, now)), tuple(absence_lines(connection, around, now))
    troubles = (
        *(idle if people else ()), *_config(connection), *_pauses(connection), *_mailboxes(connection, config, now),
        *(() if idle else _late(connection, around, now)),
        *(_inboxes(connection, config, now) if seen else ()), *_mails(connection), *_held(connection),
        *_unanswered(absences), *_overdue(connection, config, now), *_copies(connection, config, now),
        *_files(config, applied),
    )  # fmt: skip
    boxes = tuple(_mailbox(connection, config, address, now) for address in config.mailboxes_by_address)
    if idle:
        boxes = tuple(replace(box, next_at=None) for box in boxes)
    return Overview(troubles, boxes, sequences, seen, people, absences)


def _daemon(connection: Connection, now: datetime) -> Iterable[Trouble]:
    for gate in daemon_gates(connection, now):
        if not gate.passed:
            said = f"no daemon runs ({gate.detail})" if gate.name == "daemon" else gate.detail
            yield Trouble(gate.name, said, gate.frees_by)


def _config(connection: Connection) -> Iterable[Trouble]:
    """A config.toml that the daemon did not take when it was told to read it again."""
    since, _, why = config_trouble(connection).partition(" ")
    if why:
        said = f"the daemon runs by the config.toml from before {since[:16].replace('T', ' ')} UTC: {why}"
        yield Trouble("config", said, "mend the file, then send the daemon SIGHUP")


def _pauses(connection: Connection) -> Iterable[Trouble]:
    words = {"all": Reason.ALL_PAUSED, "sequence": Reason.SEQUENCE_PAUSED, "mailbox": Reason.MAILBOX_PAUSED}
    for pause in scopes.paused_scopes(connection).values():
        if pause.scope == "restored":
            yield Trouble("restored", *restored_words(connection))
            continue
        what, mend = f"{pause.key}: " if pause.key else "", _RESUMES[pause.scope].format(pause.key)
        if pause.braked:
            said = f"{what}{SENTENCE[Reason.BRAKE]}, since {pause.at:%Y-%m-%d %H:%M} UTC: {pause.reason}"
            yield Trouble("brake", said, f"look at the addresses and texts first; {mend}")
        else:
            yield Trouble("paused", f"{what}{SENTENCE[words[pause.scope]]}{_since(pause)}", mend)


def _since(pause: OuterPause) -> str:
    return f", by {pause.by} since {pause.at:%Y-%m-%d %H:%M} UTC" + (f": {pause.reason}" if pause.reason else "")


def _mailboxes(connection: Connection, config: Config, now: datetime) -> Iterable[Trouble]:
    for address, state in sends.mailbox_states(connection).items():
        if state.broken_at is not None:
            said = f"{address} cannot send since {state.broken_at:%Y-%m-%d %H:%M} UTC: {state.broken_reason}"
            yield Trouble("mailbox", said, f'mend it, then "sequencer resume --mailbox {address}"')
        elif state.resting_until is not None:
            again = f"{state.resting_until:%Y-%m-%d %H:%M} UTC" if state.resting_until > now else "with its next mail"
            yield Trouble("resting", f"{address} rests: {state.rest_reason}", f"it tries again {again}")
    live = {head for head in reads.mailboxes_in_use(connection) if head} - set(config.mailboxes_by_address)
    for address in sorted(live):
        if reads.live_ids(connection, mailbox=address):
            yield Trouble("mailbox", f"{address} has people but is not in config.toml", "put it back into config.toml")


def _copies(connection: Connection, config: Config, now: datetime) -> Iterable[Trouble]:
    for address, (count, since) in copies.late(connection, config.filed_mailboxes, now).items():
        at = f"{since:%Y-%m-%d %H:%M} UTC"
        said = f"the copy of a mail sent at {at} is" if count == 1 else f"copies of {count} mails sent since {at} are"
        yield Trouble(
            "copies",
            f"{address}: {said} not in Sent yet",
            '"sequencer doctor" asks the folder; the daemon tries again by itself',
        )


def _late(connection: Connection, around: Surroundings, now: datetime) -> Iterable[Trouble]:
    """What no daemon was there for: it is made up for under the usual caps, and by when."""
    if found := late(connection, around, now):
        mails = f"{found.mails} mail{'s' if found.mails > 1 else ''}" if found.mails else ""
        tasks = f"{found.tasks} task{'s' if found.tasks > 1 else ''}" if found.tasks else ""
        one = found.mails + found.tasks == 1
        off = f"the daemon was off from {found.since:%Y-%m-%d %H:%M} UTC to {found.until:%Y-%m-%d %H:%M} UTC"
        said = f"{' and '.join(filter(None, (mails, tasks)))} {'is' if one else 'are'} late: {off}"
        goes = "it goes on" if one else "they go until"
        yield Trouble("late", said, f"{goes} {found.last_day:%A %d %B}, under the usual caps")


def _inboxes(connection: Connection, config: Config, now: datetime) -> Iterable[Trouble]:
    states, age = inbox.inbox_states(connection), config.policy.inbox_max_age.elapsed
    boxes = {name: address for address in config.mailboxes_by_address if (name := config.inbox_of(address))}
    for name in sorted(boxes):
        state = states.get(name)
        synced_at, reason = (state["synced_at"], state["lost_reason"]) if state else (None, None)
        late = synced_at is None or now - synced_at > age
        if state and state["broken_at"] is not None:
            said = f"{name} cannot be read since {state['broken_at']:%Y-%m-%d %H:%M} UTC: {state['broken_reason']}"
            mend = '"sequencer doctor" says how to mend it; the daemon tries again within an hour, on SIGHUP at once'
            yield Trouble("inbox", said, mend)
        elif witness.is_waited_for(connection, config, boxes[name], now):
            said = f"the inbox {name} was not read to its end since the daemon started"
            known = reason or still_to_read(connection, name)
            yield Trouble(
                "inbox", said + (f": {known}" if known else ""), "nothing leaves until the daemon has read it"
            )
        elif late or reason:
            last = "never read to its end" if synced_at is None else f"last read {_length(now - synced_at)} ago"
            known = reason or still_to_read(connection, name)
            said = f"the inbox {name} was {last}" + (f": {known}" if known else "")
            mend = "follow-ups wait until the daemon has read it" if late else "the daemon tries again by itself"
            yield Trouble("inbox", said, mend)


def _length(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 2 * 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def _mails(connection: Connection) -> Iterable[Trouble]:
    if unsettled := sends.in_state(connection, "uncertain", "person"):
        one = len(unsettled) == 1
        what = (
            "a mail is uncertain: nobody knows whether it"
            if one
            else f"{len(unsettled)} mails are uncertain: nobody knows whether they"
        )
        yield Trouble("uncertain", f"{what} arrived", '"sequencer uncertain list"')
    if parked := reads.inbound_counts(connection).get("parked", 0):
        yield Trouble(
            "parked",
            f"{parked} mail{'s wait' if parked > 1 else ' waits'} for a person to look at",
            '"sequencer inbox --parked"',
        )


def _held(connection: Connection) -> Iterable[Trouble]:
    found = reads.holds_by_reason(connection)
    known = faces(connection, {person for rows in found.values() for _, person in rows[:NAMES_SHOWN_MAX]})
    for reason, rows in found.items():
        if reason == Reason.UNCERTAIN:
            continue
        shown = [known[person].address or known[person].name for _, person in rows[:NAMES_SHOWN_MAX]]
        more = f" and {len(rows) - len(shown)} more" if rows[NAMES_SHOWN_MAX:] else ""
        yield Trouble(
            "held",
            f"{len(rows)} held: {SENTENCE[Reason(reason)]} ({', '.join(shown)}{more})",
            f'"sequencer why {shown[0]}" says how to mend it',
        )


def _unanswered(absences: Iterable[AbsenceLine]) -> Iterable[Trouble]:
    """People who answered a rep whom nobody covers."""
    for away in absences:
        if away.answers and away.cover is None:
            many = "1 answer waits" if away.answers == 1 else f"{away.answers} answers wait"
            mend = f'"sequencer reassign --from {away.rep} --to REP", or name a cover under [[away]] in config.toml'
            yield Trouble("away", f"{many} for {away.rep}, away until {away.until}", mend)


def _overdue(connection: Connection, config: Config, now: datetime) -> Iterable[Trouble]:
    for each in reads.overdue(connection, now - LATE):
        if due_at_work(config.away_by_rep.get(each.rep, ()), each.oldest, now) > now - LATE:
            continue
        days, worker = max(1, (now - each.oldest).days), worker_of(config, each.rep, now)
        many = "1 task is" if each.count == 1 else f"{each.count} tasks are"
        whose = each.rep if worker == each.rep else f"{worker}, who covers for {each.rep}"
        yield Trouble(
            "overdue", f"{many} late for {whose}, the oldest by {days} d", f'"sequencer tasks --rep {worker}"'
        )


def _files(config: Config, applied: dict[str, versions.StoredVersion]) -> Iterable[Trouble]:
    """Sequences whose files are not what the daemon runs."""
    bundles, errors = definition.load(config.sequences_folder, config.templates_folder)
    for path in dict.fromkeys(error.path for error in errors):
        yield Trouble(
            "files", f"{path} has errors; the daemon runs what was applied last", '"sequencer check" says which'
        )
    for bundle in bundles:
        name = bundle.sequence.id
        if name not in applied:
            yield Trouble("files", f"{name} was never applied", f'"sequencer apply {name}" makes it run')
        elif bundle.digest != applied[name].digest:
            yield Trouble(
                "files",
                f"{name}: its files differ from version {applied[name].version}, which runs",
                f'"sequencer apply {name}" makes it run',
            )
    missing = set(applied) - {bundle.sequence.id for bundle in bundles} - {_stem(error.path) for error in errors}
    for name in sorted(missing):
        yield Trouble(
            "files",
            f"{name} has no file any more; version {applied[name].version} runs on",
            "finish or move its people",
        )


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".yaml")


def _mailbox(connection: Connection, config: Config, address: str, now: datetime) -> MailboxLine:
    mailbox = config.mailboxes_by_address[address]
    day = local_date(mailbox.timezone, now)
    sent = sends.used(connection, "mailbox", [address], day).get(address, 0)
    queue = reads.queues(connection).get(address)
    state = sends.mailbox_states(connection).get(address)
    broken = state is not None and state.broken_at is not None
    again_at = state.resting_until if state is not None else None
    pauses = scopes.paused_scopes(connection)
    paused = not pauses.keys().isdisjoint({scopes.RESTORED, scopes.EVERYTHING, ("mailbox", address)})
    braked = (pause := pauses.get(("mailbox", address))) is not None and pause.braked
    word = "broken" if broken else "braked" if braked else "paused" if paused else "resting" if again_at else "ok"
    return MailboxLine(
        address, word, sent,
        effective_cap(mailbox, ramp.sending_days(connection, address, day)),
        queue.queued if queue else 0, _next_at(queue.next_at if queue else None, word, again_at, now),
    )  # fmt: skip


def _next_at(first: datetime | None, word: str, again_at: datetime | None, now: datetime) -> datetime | None:
    """When the first of a mailbox's mails may go; nothing is promised of a try that is due and may fail again."""
    if first is None or word in ("broken", "braked", "paused"):
        return None
    if again_at is None:
        return first
    return later if (later := max(first, again_at)) > now else None
