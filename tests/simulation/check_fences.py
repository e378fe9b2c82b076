"""Checks of every fence: what forbade it, what was beside it, and what was made of it afterwards.

They read what triggers noted in the transactions themselves, so that milliseconds decide, and not the order of days.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from sequencer.core import events as e
from sequencer.world.evidence import Verdict
from sequencer.world.record import Took
from tests.simulation.premises import ANA, BO
from tests.simulation.sight import Change, Sight, Switch

__all__ = ["CHECKS"]

GUARD_S = 2.0
_BARE = re.compile(rb"^Subject:(?: Re:)?\s*$", re.MULTILINE)
CONNECTIONS = {ANA: 1, BO: 2}
GAP_S = {ANA: 90.0, BO: 0.0}
OPEN = ("sending", "uncertain", "person")
ALLOWED = {
    ("", "queued"), ("queued", "sending"), ("queued", "cancelled"), ("queued", "failed"), ("queued", "queued"),
    ("cancelled", "queued"), ("cancelled", "cancelled"), ("sending", "sent"), ("sending", "failed"),
    ("sending", "queued"), ("sending", "uncertain"), ("uncertain", "sent"), ("uncertain", "person"),
    ("uncertain", "skipped"), ("person", "sent"), ("person", "skipped"),
}  # fmt: skip


def fences(sight: Sight) -> list[Change]:
    """Every time a send was allowed its dot."""
    return [each for each in sight.changes if each.old == "queued" and each.new == "sending"]


def _words(one: Change) -> str:
    return f"send {one.send_id} ({one.step}, attempt {one.attempt}) to {one.address}"


def none_after_a_stop(sight: Sight) -> Verdict:
    """Invariant 4: no fence of a touch while the log holds a pause, a hold or an end of its enrollment."""
    broken = []
    logs = defaultdict(list)
    for each in sight.happenings:
        logs[each.enrollment_id].append(each)
    for fence in fences(sight):
        if fence.step.startswith("answer:"):
            continue
        standing: dict[object, str] = {}
        for each in logs[fence.enrollment_id]:
            if each.mark > fence.mark:
                break
            match each.event:
                case e.PausePut(reason=reason):
                    standing["pause", reason] = f"paused: {reason}"
                case e.PauseTaken(reason=reason):
                    standing.pop(("pause", reason), None)
                case e.HoldPut(reason=reason):
                    standing["hold", reason] = f"held: {reason}"
                case e.HoldTaken(reason=reason):
                    standing.pop(("hold", reason), None)
                case e.Finished(reason=reason):
                    standing["end", reason] = f"finished: {reason}"
        broken += [f"{_words(fence)} passed its fence while {stop}" for stop in standing.values()]
    broken += _paused_above(sight)
    return Verdict("no fence after a stop", f"{len(fences(sight))} fences", tuple(broken))


def _paused_above(sight: Sight) -> Iterator[str]:
    for fence in fences(sight):
        above = {("all", ""), ("mailbox", fence.mailbox)}
        if not fence.step.startswith("answer:"):  # a rep's own answer goes on in a paused sequence (LIFECYCLE)
            above.add(("sequence", fence.sequence_id))
        for place in above & _standing(sight.pauses, fence.mark, lambda each: (each.kind, each.key)):
            yield f"{_words(fence)} passed its fence while {' '.join(place)} was paused"


def _standing(
    switches: tuple[Switch, ...], mark: int, key: Callable[[Switch], tuple[str, str]]
) -> set[tuple[str, str]]:
    stands: set[tuple[str, str]] = set()
    for each in switches:
        if each.mark > mark:
            break
        if each.stands:
            stands.add(key(each))
        else:
            stands.discard(key(each))
    return stands


def none_suppressed(sight: Sight) -> Verdict:
    """Invariant 13: nothing to an address, a domain, a company or a person that a rule forbids."""
    broken = []
    rules = tuple(each for each in sight.rules if each.channel in ("", "email"))
    for fence in fences(sight):
        domain = fence.address.rpartition("@")[2].lower()
        keys = {("address", fence.address.lower()), ("domain", domain), ("person", str(fence.prospect_id))}
        if fence.account_id:
            keys.add(("account", fence.account_id))
        hit = keys & _standing(rules, fence.mark, lambda each: (each.kind, each.key.lower()))
        broken += [f"{_words(fence)} passed its fence although {' '.join(rule)} is suppressed" for rule in sorted(hit)]
    return Verdict("nothing to whom a rule forbids", f"{len(sight.rules)} rules put or lifted", tuple(broken))


def every_dot_allowed(sight: Sight) -> Verdict:
    """Invariants 2, 5 and 19: each dot has a fence of at most 2 s before it, and carries the bytes of that fence."""
    broken = []
    by_message = defaultdict(list)
    for fence in sorted((*sight.forgotten.fences, *fences(sight)), key=lambda each: each.mark):
        by_message[fence.message_id].append(fence)
    for dot in sight.dots:
        before = [fence for fence in by_message[dot.message_id] if fence.at <= dot.written_at + 1e-9]
        if not before:
            broken.append(f"{dot.message_id} to {dot.recipient} had its dot without a fence")
            continue
        fence = before[-1]
        if dot.written_at - fence.at > GUARD_S + 1e-6:
            broken.append(f"{_words(fence)} had its dot {dot.written_at - fence.at:.3f} s after its fence")
        if fence.mark < dot.begun:
            broken.append(f"{_words(fence)} passed its fence before its body was on the wire")
        if fence.raw is None or dot.raw.rstrip() != fence.raw.rstrip():
            broken.append(f"{_words(fence)} left with other bytes than were stored")
    used = Counter(dot.message_id for dot in sight.dots)
    broken += [f"{key} had {n} dots and {len(by_message[key])} fences" for key, n in used.items()
               if n > len(by_message[key])]  # fmt: skip
    return Verdict("no dot without a fence of the last 2 s", f"{len(sight.dots)} dots", tuple(broken))


def bytes_kept(sight: Sight) -> Verdict:
    """Invariant 19: once fenced, an attempt keeps its bytes and its Message-ID, unless it went to another mailbox."""
    broken = []
    fenced: dict[int, Change] = {}
    for each in sight.changes:
        first = fenced.get(each.send_id)
        if first and each.mailbox == first.mailbox and (each.raw, each.message_id) != (first.raw, first.message_id):
            broken.append(f"{_words(each)} was fenced, and then its bytes changed")
        if each.new == "sending":
            fenced[each.send_id] = each
    return Verdict("bytes never change once fenced", f"{len(fenced)} sends", tuple(broken))


def settled_stays(sight: Sight) -> Verdict:
    """Invariant 18: states change only along their arrows; what is settled stays."""
    broken = [
        f"{_words(each)} went from {each.old or 'nothing'} to {each.new}"
        for each in sight.changes
        if (each.old, each.new) not in ALLOWED and each.old != each.new and not _reconciled(sight, each)
    ]
    states: dict[int, str] = {}
    for each in sight.changes:
        if each.old and states.get(each.send_id, each.old) != each.old:
            broken.append(f"{_words(each)} was {states[each.send_id]} and is called {each.old}")
        states[each.send_id] = each.new
    return Verdict("a settled send stays settled", f"{len(sight.changes)} changes", tuple(broken))


def _reconciled(sight: Sight, one: Change) -> bool:
    """Whether a command found, or doubts, a mail whose fence an old backup had forgotten.

    When sends go on, a daemon doubts what is about to go and may have left then: of the enrollments that there were
    when one noticed the loss.
    """
    lost = sight.forgotten
    if one.process:
        return one.new == "uncertain" and one.mark > lost.lifted and one.enrollment_id <= max(lost.known, lost.there)
    if one.mark <= lost.restored:
        return False
    return one.new == "uncertain" or (one.new, one.settled_by) == ("sent", "sent_folder")


def in_flight(sight: Sight) -> Verdict:
    """Invariants 8 and 9: under one lease no more on the wire than connections, and one open send a person."""
    broken = []
    flying: dict[tuple[str, int | None], set[int]] = defaultdict(set)
    open_of: dict[int, set[int]] = defaultdict(set)
    for each in sight.changes:
        lease = (each.mailbox, each.fence)
        if each.new == "sending":
            flying[lease].add(each.send_id)
            if len(flying[lease]) > CONNECTIONS[each.mailbox]:
                broken.append(f"{_words(each)} is number {len(flying[lease])} on the wire of {each.mailbox}")
        else:
            flying[lease].discard(each.send_id)
        for others in open_of.values():
            others.discard(each.send_id)
        if each.new in OPEN:
            open_of[each.prospect_id].add(each.send_id)
            if len(open_of[each.prospect_id]) > 1:
                broken.append(f"{_words(each)} is open beside {open_of[each.prospect_id] - {each.send_id}}")
    return Verdict("no more in flight than connections, one open send a person", f"{len(flying)} leases", tuple(broken))


def by_the_holder(sight: Sight) -> Verdict:
    """A daemon allows dots in those mailboxes alone whose lease it holds at that instant."""
    broken = [
        f"{_words(fence)} passed its fence in {fence.process} while {fence.owner or 'nobody'} held {fence.mailbox}"
        for fence in fences(sight)
        if fence.process != fence.owner
    ]
    return Verdict("fences under a lease of one's own", f"{len(fences(sight))} fences", tuple(broken))


def doubts_settled_by_evidence(sight: Sight) -> Verdict:
    """Invariants 3 and 18: what became uncertain is settled by evidence or a person, not by an outcome that is late."""
    broken = []
    counted = 0
    for each in sight.changes:
        if each.old in ("uncertain", "person") and each.new not in ("person", each.old):
            counted += 1
            if not each.settled_by:
                broken.append(f"{_words(each)} went from {each.old} to {each.new}, and nobody said so")
    return Verdict("doubts are settled by evidence", f"{counted} settled", tuple(broken))


def gap_kept(sight: Sight) -> Verdict:
    """Invariant 11: between two dots of a mailbox lies its gap."""
    broken = []
    owner = {fence.message_id: fence for fence in fences(sight)}
    for mailbox, gap_s in GAP_S.items():
        dots = [dot for dot in sight.dots if dot.message_id in owner and owner[dot.message_id].mailbox == mailbox]
        for earlier, later in pairwise(sorted(dots, key=lambda dot: dot.written_at)):
            if later.written_at - earlier.written_at < gap_s - GUARD_S:
                seconds = later.written_at - earlier.written_at
                broken.append(f"{mailbox}: {later.recipient} {seconds:.1f} s after {earlier.recipient}")
    return Verdict("the gap of a mailbox", f"{len(sight.dots)} dots", tuple(broken))


def memory_lost_and_found(sight: Sight) -> Verdict:
    """After an old backup: no fence before somebody reconciled, and no touch anew that had left by then.

    Of two whom a lost merge had made one person each is somebody of their own again, with mails of their own.
    """
    lost = sight.forgotten
    # Not what left later: an attempt that a person allows anew has the id of those that were lost and refused.
    accepted = {mail.message_id for mail in sight.backdrop.record.of(Took) if mail.order < lost.lifted}
    since = [fence for fence in fences(sight) if fence.mark > lost.restored]
    held = [fence for fence in since if lost.fences and fence.mark < lost.lifted]
    broken = [f"{_words(fence)} passed its fence before anybody reconciled" for fence in held]
    broken += [
        f"{dot.message_id} to {dot.recipient} has no subject but Re:" for dot in sight.dots if _BARE.search(dot.raw)
    ]
    left = {
        (fence.enrollment_id, fence.step, fence.attempt, fence.prospect_id) for fence in lost.fences
        if fence.message_id in accepted and fence.enrollment_id <= lost.known
    }  # fmt: skip
    broken += [
        f"{_words(fence)} had left before the backup was put back"
        for fence in since
        if (fence.enrollment_id, fence.step, fence.attempt, fence.prospect_id) in left
    ]
    return Verdict("what an old backup forgot is not sent again", f"{len(left)} mails forgotten", tuple(broken))


CHECKS = (
    none_after_a_stop, none_suppressed, every_dot_allowed, bytes_kept, settled_stays, in_flight, by_the_holder,
    doubts_settled_by_evidence, gap_kept, memory_lost_and_found,
)  # fmt: skip
