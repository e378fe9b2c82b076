"""Checks of what is stored: counters, inbound mail, reasons, the log's replay, and that nobody is forgotten.

They compare rows with rows that say the same thing in another way, and with the files in the mailboxes.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from sequencer.core import events as e
from sequencer.core.progress import fold
from sequencer.core.reason import FinishReason, Reason
from sequencer.store.inbox import InboundRow
from sequencer.store.log import Enrollment
from sequencer.world.evidence import Evidence, Verdict
from sequencer.world.record import Delivered

__all__ = [
    "counters_recounted",
    "every_mail_once",
    "log_replayed",
    "mailboxes_untouched",
    "nobody_forgotten",
    "reasons",
]

TAKEN = ("sending", "sent", "uncertain", "person", "skipped")
PATIENCE = timedelta(hours=1)
WITH_A_REASON = (e.StepSkipped, e.HoldPut, e.PausePut, e.Finished, e.TaskCancelled, e.TouchCancelled)


def counters_recounted(seen: Evidence) -> Verdict:
    """The counters that the fence takes are what the rows add up to."""
    recount: Counter[tuple[str, str, date]] = Counter()
    for row in seen.census.sends:
        if row.state in TAKEN and row.local_day is not None:
            keys = (("mailbox", row.mailbox), ("account", row.account_id), ("domain", row.domain))
            recount.update((kind, key, row.local_day) for kind, key in keys if key)
    stored = {place: n for place, n in seen.census.usage.items() if n}
    broken = tuple(
        f"{' '.join(map(str, place))}: stored {stored.get(place, 0)}, the rows say {recount[place]}"
        for place in sorted({*stored, *recount})
        if stored.get(place, 0) != recount[place]
    )
    return Verdict("counters are what the rows add up to", f"{len(stored)} counters", broken)


def every_mail_once(seen: Evidence) -> Verdict:
    """Each mail of ours that was read is one row with one effect, or is parked with a reason; of others nothing."""
    broken: list[str] = []
    rows_by_bytes: dict[bytes, list[InboundRow]] = {}
    for row in seen.census.inbound:
        rows_by_bytes.setdefault(seen.census.mails.get(row.id, b""), []).append(row)
    ours = [mail for mail in seen.delivered if mail.effect not in ("noise", "copy") and seen.read_of(mail)]
    for mail in ours:
        rows = rows_by_bytes.get(mail.raw, [])
        if len(rows) != 1:
            broken.append(f"{mail} is stored {len(rows)} times")
        else:
            broken += _without_effect(seen, mail, rows[0])
    private = [mail for mail in seen.delivered if mail.effect in ("noise", "copy")]
    broken += [f"{mail} is stored although it is not ours" for mail in private if mail.raw in rows_by_bytes]
    if len(seen.census.inbound) > len(ours):
        broken.append(f"{len(seen.census.inbound)} mails are stored, {len(ours)} arrived")
    counted = f"{len(ours)} mails of ours, {len(private)} others left alone"
    return Verdict("every mail of ours has one effect or is parked", counted, tuple(broken))


def _without_effect(seen: Evidence, mail: Delivered, row: InboundRow) -> Iterator[str]:
    if row.state == "parked":
        if not row.reason:
            yield f"{mail} is parked without a reason"
        return
    named: Counter[tuple[int, str]] = Counter()
    for key, log in seen.census.events.items():
        # A rep's answer names the mail, too; it is no effect of it.
        effects = (entry.event for entry in log if not isinstance(entry.event, e.AnswerQueued))
        named.update((key, e.kind_of(event)) for event in effects if getattr(event, "message", None) == row.id)
    on_people = (entry for entry in seen.census.alone if getattr(entry.event, "message", None) == row.id)
    named.update((0, e.kind_of(entry.event)) for entry in on_people)
    if row.state != "projected":
        yield f"{mail} is {row.state} and had no effect"
    elif not named and not row.reason:
        yield f"{mail} had no effect and says no reason"
    for (key, kind), times in named.items():
        if times > 1:
            yield f"{mail} was recorded {times} times as {kind} on enrollment {key}"


def mailboxes_untouched(seen: Evidence) -> Verdict:
    """Every file lies where it was put, under its name (flags and all), byte for byte; and there are no others."""
    put = {(mail.mailbox, mail.folder, mail.name): mail.raw for mail in seen.delivered}
    broken = [f"{'/'.join(place)} is gone or renamed" for place in put if place not in seen.lying]
    broken += [f"{'/'.join(place)} was put there by somebody else" for place in seen.lying if place not in put]
    broken += [f"{'/'.join(p)} was changed" for p, raw in put.items() if p in seen.lying and seen.lying[p] != raw]
    return Verdict("no mail in a mailbox was touched", f"{len(put)} files, unread as they came", tuple(broken))


def reasons(seen: Evidence) -> Verdict:
    """Every skip, hold, pause, cancellation and end has a reason of the closed list, in the log and in the row."""
    broken: list[str] = []
    counted = 0
    for key, log in seen.census.events.items():
        for entry in log:
            if isinstance(entry.event, WITH_A_REASON):
                counted += 1
                if not isinstance(entry.event.reason, Reason | FinishReason):
                    broken.append(f"enrollment {key}: {e.kind_of(entry.event)} without a reason")
    for enrollment in seen.census.enrollments.values():
        broken += _unexplained(seen, enrollment)
    broken += [f"mail {row.id} is parked without a reason" for row in seen.census.inbound
               if row.state == "parked" and not row.reason]  # fmt: skip
    return Verdict("every skip, hold, pause and end has a reason", f"{counted} of them", tuple(broken))


def _unexplained(seen: Evidence, enrollment: Enrollment) -> Iterator[str]:
    log = [entry.event for entry in seen.census.events.get(enrollment.id, ())]
    said = {
        "finished": bool(seen.census.finish_reasons.get(enrollment.id)) and any(isinstance(x, e.Finished) for x in log),
        "held": any(isinstance(event, e.HoldPut) for event in log),
        "paused": any(isinstance(event, e.PausePut) for event in log),
    }
    if not said.get(enrollment.status, True):
        yield f"enrollment {enrollment.id} is {enrollment.status}, and nothing says why"


def log_replayed(seen: Evidence) -> Verdict:
    """Folding the log gives the stored state."""
    broken: list[str] = []
    events = 0
    for key, enrollment in seen.census.enrollments.items():
        log = seen.census.events.get(key, ())
        events += len(log)
        try:
            replayed = fold((entry.at, entry.event) for entry in log)
        except ValueError as error:
            broken.append(f"enrollment {key}: {error}")
            continue
        if replayed != enrollment.progress:
            broken.append(f"enrollment {key}: the log says another state than the row")
    counted = f"{len(seen.census.enrollments)} enrollments, {events} events"
    return Verdict("replaying the log gives the stored state", counted, tuple(broken))


def nobody_forgotten(seen: Evidence) -> Verdict:
    """Nobody active is overdue unless a task is open or a queued mail says what it waits for."""
    active = [one for one in seen.census.enrollments.values() if one.status == "active"]
    broken = [f"enrollment {one.id} is active, and nothing moves it" for one in active if not _moves(seen, one)]
    broken += [
        f"send {row.id} has been queued since {row.due_at:%d %b %H:%M} and says no reason"
        for row in seen.census.sends
        if row.state == "queued" and not row.wait_reason and (row.not_before or row.due_at) < seen.ends - PATIENCE
    ]
    broken += [f"send {row.id} is uncertain and nobody was told" for row in seen.census.sends
               if row.state == "uncertain" and (row.settled_at or seen.ends) < seen.ends - 2 * PATIENCE]  # fmt: skip
    live = sum(one.status != "finished" for one in seen.census.enrollments.values())
    return Verdict("nobody waits without a reason", f"{live} people in the sequence at the end", tuple(broken))


def _moves(seen: Evidence, one: Enrollment) -> bool:
    if one.due_at is not None:
        return one.due_at > seen.ends - PATIENCE
    if any(task.enrollment_id == one.id and task.state == "open" for task in seen.census.tasks):
        return True
    return any(
        row.enrollment_id == one.id and row.state in ("queued", "uncertain", "person") for row in seen.census.sends
    )
