"""What a misread mail did to one enrollment, read out of its log, and the events that take it back.

Apart from engine/correcting.py, which carries them out. Nothing that a person did is taken back, nor what another mail
asks for as well; and nothing leaves finished (engine/going_on.py begins anew). It reads no row and writes none.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from sequencer.core import events as e
from sequencer.core.progress import Progress, step
from sequencer.core.reaction import TaskKind
from sequencer.core.reason import FinishReason, Reason
from sequencer.store.log import Entry

__all__ = ["Trace", "ends_by", "refusals", "stays_done", "taken_back", "traces"]

Numbered = tuple[int, e.Event]
_FROM_MAIL = (
    e.ReplyReceived, e.AutoReplyReceived, e.LeftCompany, e.Bounced, e.OptedOut, e.Complained, e.ColleagueReplied,
    e.OwnerWrote, e.MailUnreadable,
)  # fmt: skip


@dataclass(slots=True)
class Trace:
    """A mail in one log: the event it became, and what the enrollment did about it, each with its number from 1."""

    message: int
    at: datetime
    event: e.Event
    did: list[Numbered] = field(default_factory=list)


def traces(entries: Sequence[Entry]) -> list[Trace]:
    """Every mail in the log of one enrollment; of what was corrected only the end and the tasks that it brought."""
    found: dict[int, Trace] = {}
    kept: dict[int, list[Numbered]] = {}
    answered, at = 0, None
    for number, entry in enumerate(entries, 1):
        event = entry.event
        match event:
            case e.Corrected(message=message):
                gone = [pair for each in found.values() if each.message == message for pair in each.did]
                kept[message] = [pair for pair in gone if isinstance(pair[1], (e.TaskOpened, e.Finished))]
                found = {key: each for key, each in found.items() if each.message != message}
            case e.Reacted(to=to):
                answered, at = to, entry.at
            case _ if isinstance(event, _FROM_MAIL) and event.message is not None:
                found[number] = Trace(event.message, entry.at, event, kept.pop(event.message, []))
                answered = 0
            case _ if answered in found and entry.at == at:
                found[answered].did.append((number, event))
    return list(found.values())


def refusals(entries: Iterable[Entry]) -> set[int]:
    """The refusals of a person that stand, by the mail in which they came; 0 for one that a rep recorded."""
    standing: set[int] = set()
    for entry in entries:
        match entry.event:
            case e.OptedOut(channel=None, message=message):
                standing.add(message or 0)
            case e.Complained(message=message):
                standing.add(message)
            case e.Corrected(message=message):
                standing.discard(message)
            case e.ContactAllowed(channel=None):
                standing.clear()
    return standing


def ends_by(entries: Sequence[Entry], message: int) -> bool:
    """Whether the enrollment finished because of this mail."""
    ends = (number for number, entry in enumerate(entries, 1) if isinstance(entry.event, e.Finished))
    first = next(ends, 0)
    return any(number == first for each in traces(entries) if each.message == message for number, _ in each.did)


def taken_back(
    progress: Progress,
    entries: Sequence[Entry],
    message: int,
    said: Callable[..., e.Corrected],
    by: str,
    ended: FinishReason | None,
    *,
    keeps: TaskKind | None = None,
    allowed: bool = False,
) -> list[e.Event]:
    """The events that take back what the mail did here; none where it did nothing.

    `said` makes the Corrected; `keeps`: the work of a task that stays, because the mail asks for it all the same;
    `allowed`: no other refusal forbids contact.
    """
    known = traces(entries)
    mine = [each for each in known if each.message == message]
    if not mine:
        return []
    rest = [each for each in known if each.message != message]
    did = [pair for each in mine for pair in each.did]
    first = said(
        replied=any(isinstance(each.event, e.ReplyReceived) for each in rest),
        soft_bounces=_without(progress.soft_bounces, [each.at for each in mine]),
        colleagues=_without(
            progress.colleagues, [each.event.person for each in mine if isinstance(each.event, e.ColleagueReplied)]
        ),
        ended=ended,
    )
    return [
        first,
        *_pauses(progress, entries, did, rest, by),
        *_holds(progress, entries, did, by),
        *_tasks(progress, entries, did, keeps),
        *(e.ContactAllowed(channel=None, by=by) for _ in range(1) if allowed and _suppressed(did)),
    ]


def after(progress: Progress, events: Iterable[e.Event], at: datetime) -> Progress:
    """Where the enrollment stands once these are recorded."""
    return reduce(lambda standing, event: step(standing, event, at), events, progress)


def stays_done(did: Iterable[Numbered]) -> list[str]:
    """What a sequence did besides that no event takes back, in words."""
    words = []
    for _, event in did:
        match event:
            case e.WentTo(target=target):
                words.append(f"the jump to {target} stays")
            case e.Reassigned(rep=rep) if not e.by_person(event.by):
                words.append(f"{rep} keeps the person")
            case e.ContactSuppressed(channel=channel, everywhere=False):
                words.append(f"{channel} stays out of this sequence")
    return words


def _pauses(
    progress: Progress, entries: Sequence[Entry], did: Sequence[Numbered], rest: Sequence[Trace], by: str
) -> Iterator[e.Event]:
    """The mail's pauses end; where another mail asks for the same, its date holds."""
    for reason in dict.fromkeys(
        put.reason for _, put in did if isinstance(put, e.PausePut) and not e.by_person(put.by)
    ):
        if progress.pause(reason) is None:
            continue
        yield e.PauseTaken(reason=reason, by=by)
        since = _last(entries, lambda event, reason=reason: isinstance(event, e.PauseTaken) and event.reason is reason)  # type: ignore[misc]
        others = [
            put for each in rest for number, put in each.did
            if number > since and isinstance(put, e.PausePut) and put.reason is reason
        ]  # fmt: skip
        if longest := max((put.until for put in others if put.until), default=None):
            yield next(put for put in others if put.until == longest)


def _holds(progress: Progress, entries: Sequence[Entry], did: Sequence[Numbered], by: str) -> Iterator[e.Event]:
    own = {number for number, _ in did}
    for reason in dict.fromkeys(put.reason for _, put in did if isinstance(put, e.HoldPut)):
        since = _last(entries, lambda event, reason=reason: isinstance(event, e.HoldTaken) and event.reason is reason)  # type: ignore[misc]
        others = [
            number for number, entry in enumerate(entries, 1)
            if number > since and number not in own
            and isinstance(entry.event, e.HoldPut) and entry.event.reason is reason
        ]  # fmt: skip
        if progress.hold(reason) and not others:
            yield e.HoldTaken(reason=reason, by=by)


def _tasks(
    progress: Progress, entries: Sequence[Entry], did: Sequence[Numbered], keeps: TaskKind | None
) -> Iterator[e.Event]:
    """What the mail opened closes, unless somebody did it; answers that a refusal closed wait for the rep again."""
    opened = {entry.event.task: entry.event for entry in entries if isinstance(entry.event, e.TaskOpened)}
    for _, event in did:
        match event:
            case e.TaskOpened(task=key, step=None, work=work) if key in progress.tasks and not key.startswith("rule:"):
                if work != keeps:
                    yield e.TaskCancelled(task=key, reason=Reason.CORRECTED)
            case e.TaskCancelled(task=key, reason=Reason.SUPPRESSED) if key in opened and key not in progress.tasks:
                if opened[key].work == "answer":
                    yield opened[key]


def _suppressed(did: Iterable[Numbered]) -> bool:
    return any(isinstance(event, e.ContactSuppressed) and event.everywhere for _, event in did)


def _last(entries: Sequence[Entry], is_one: Callable[[e.Event], bool]) -> int:
    return max((number for number, entry in enumerate(entries, 1) if is_one(entry.event)), default=0)


def _without(values: tuple[object, ...], gone: Iterable[object]) -> tuple[object, ...]:
    left = list(values)
    for each in gone:
        if each in left:
            left.remove(each)
    return tuple(left)
