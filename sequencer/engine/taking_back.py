"""Takes back what a misread mail did: in every log in which it stands, and in the rows beside the logs.

Compensating events and, where the mail had ended a sequence, a new enrollment (engine/going_on.py). It decides
nothing: what the mail really is acts next, and only then the enrollments are decided on.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.react import work_asked
from sequencer.core.reaction import TaskKind
from sequencer.core.reason import FinishReason
from sequencer.core.sequence import Sequence as OutreachSequence
from sequencer.engine import going_on
from sequencer.engine.advance import Advance, Pass, write
from sequencer.engine.judged import answer_event
from sequencer.engine.misread import Trace, ends_by, refusals, stays_done, taken_back, traces
from sequencer.engine.situation import load
from sequencer.mail.judgement import Judgement
from sequencer.store import inbox, log, people, sends, suppression
from sequencer.store.inbox import InboundRow

__all__ = ["TakingBack"]

_FROM_A_MAIL = ("reply", "complaint", "sequence")


class TakingBack:
    """What one mail did, taken back person by person.

    `touched`: enrollments that are to be decided on afterwards; `notes`: what stays, and why, in words.
    `same_person`: it stays the same person's mail, so that an answer which stays one is no news to the colleagues.
    `theirs`: whose mail it is from now on; on everybody else it does nothing any more.
    """

    def __init__(
        self, connection: Connection, advance: Advance, row: InboundRow, word: str, judgement: Judgement, by: str,
        now: datetime, *, same_person: bool, theirs: Collection[int],
    ) -> None:  # fmt: skip
        self._connection, self._advance, self._row, self._now = connection, advance, row, now
        self._word, self._judgement, self._by = word, judgement, by
        self._theirs = theirs
        self._no_news = same_person and judgement.kind == "reply"
        self.touched: list[int] = []
        self.notes: list[str] = []

    def person(self, person: int, was: str) -> None:
        """All of one person's enrollments, and what was told of the person alone."""
        entries = log.read_person(self._connection, person)
        if not any(getattr(entry.event, "message", None) == self._row.id for entry in entries):
            return
        allowed = refusals(entries) <= {self._row.id} and self._row.id in refusals(entries)
        by_enrollment: dict[int, list[log.Entry]] = {}
        for entry in entries:
            if entry.enrollment_id is not None:
                by_enrollment.setdefault(entry.enrollment_id, []).append(entry)
        if allowed:
            self._lift(person)
        for key, own in by_enrollment.items():
            self._enrollment(key, own, was, allowed=allowed)
        alone = [entry for entry in entries if entry.enrollment_id is None]
        if self._mine(alone):
            self._alone(person, was, allowed=allowed)
        self._addresses(person, entries)

    def of_nobody(self, sender: str) -> None:
        """The refusal of an address that is nobody's, which a person put when they accepted the mail."""
        row = self._row
        if row.prospect_id is None and row.set_by and self._judgement.answer != "opt_out":
            rules = suppression.standing_on(self._connection, [("address", sender)])
            ids = [each.id for each in rules if (each.rule.at, each.by) == (row.projected_at, row.set_by)]
            if ids:
                self._lift_rules(ids)
                self.notes.append(f"{sender} may be written to again")

    def _enrollment(self, key: int, entries: list[log.Entry], was: str, *, allowed: bool) -> None:
        situation = load(self._connection, self._advance.around, [key], self._now)[key]
        old, sequence = situation.enrollment, situation.bundle.sequence
        mine = self._mine(entries)
        if self._no_news and all(isinstance(each.event, e.ColleagueReplied) for each in mine):
            return
        ended = ends_by(entries, self._row.id)
        is_theirs = old.prospect_id in self._theirs
        right = self._right_end(sequence) if ended and is_theirs else None
        blocked = going_on.why_not(self._connection, self._advance, old, self._row.id) if ended and not right else ""
        if ended and right is None:
            right = FinishReason.REMOVED if blocked else FinishReason.MOVED

        def said(**facts: object) -> e.Corrected:
            return e.Corrected(message=self._row.id, was=was, now=self._word, by=self._by, **facts)  # type: ignore[arg-type]

        events = taken_back(
            old.progress, entries, self._row.id, said, self._by, right, allowed=allowed,
            keeps=self._keeps(entries, sequence) if is_theirs else None,
        )  # fmt: skip
        if not events:
            return
        one = Pass(situation, old.progress)
        for event in events:
            one.record(event, self._now)
        # Written before anything is decided: what the mail really is comes first.
        write(self._connection, {key: one}, self._now)
        self.touched.append(key)
        self.notes += stays_done(pair for each in mine for pair in each.did)
        if blocked:
            self.notes.append(f"{old.sequence_id} does not go on: {blocked}")
        elif right is FinishReason.MOVED:
            self.touched.append(
                going_on.go_on(
                    self._connection, self._advance, replace(old, progress=one.progress), self._by, self._now
                )
            )

    def _right_end(self, sequence: OutreachSequence) -> FinishReason | None:
        """How a sequence that this mail ended has ended, by what the mail really is; None where it should not have."""
        match self._judgement.kind, self._judgement.answer:
            case "reply", "opt_out":
                return sequence.on.opt_out.finish or FinishReason.OPTED_OUT
            case "reply", _:
                return sequence.on.reply.finish or FinishReason.REPLIED
            case "complaint", _:
                return FinishReason.OPTED_OUT
        return None

    def _mine(self, entries: list[log.Entry]) -> list[Trace]:
        return [each for each in traces(entries) if each.message == self._row.id]

    def _keeps(self, entries: list[log.Entry], sequence: OutreachSequence) -> TaskKind | None:
        """The work that the mail asked for and still asks for, at once and not on a day that may be another."""
        asked = answer_event(self._judgement, self._row.id, None)
        before = [each.event for each in self._mine(entries)]
        if not isinstance(asked, e.ReplyReceived) or not isinstance(next(iter(before), None), e.ReplyReceived):
            return None
        work, day = work_asked(sequence.on.reply, asked)
        return None if day else work

    def _alone(self, person: int, was: str, *, allowed: bool) -> None:
        events: list[e.Event] = [e.Corrected(message=self._row.id, was=was, now=self._word, by=self._by)]
        if allowed:
            events.append(e.ContactAllowed(channel=None, by=self._by))
        log.append(self._connection, [log.Entry(self._now, person, None, event) for event in events])
        people.raise_seq(self._connection, [person])

    def _lift(self, person: int) -> None:
        """The rule that the mail put, and no other."""
        rules = suppression.standing_on(self._connection, [("person", str(person))])
        self._lift_rules([each.id for each in rules if each.by in _FROM_A_MAIL and each.rule.channel is None])

    def _lift_rules(self, ids: Collection[int]) -> None:
        reason = f"mail {self._row.id} was misread"
        suppression.lift(self._connection, ids, self._by, reason, self._now, refusals=True)

    def _addresses(self, person: int, entries: Iterable[log.Entry]) -> None:
        """The address that this report called dead works again, unless another one says the same."""
        send = sends.load_sends(self._connection, [self._row.send_id or 0]).get(self._row.send_id or 0)
        dead = [each for each in _hard(entries) if each == self._row.id]
        if send is None or send.prospect_id != person or not dead:
            return
        others = [inbox.inbound(self._connection, each).send_id for each in _hard(entries) if each != self._row.id]
        known = sends.load_sends(self._connection, [each for each in others if each]).values()
        refused = [row for row in sends.sends_of(self._connection, person) if row.state == "failed" and row.code >= 500]
        if all(each.address != send.address for each in (*known, *refused)):
            people.validate_address(self._connection, send.address)


def _hard(entries: Iterable[log.Entry]) -> Collection[int]:
    """The mails that stand as hard bounces."""
    found: dict[int, None] = {}
    for entry in entries:
        match entry.event:
            case e.Bounced(hard=True, message=message):
                found[message] = None
            case e.Corrected(message=message):
                found.pop(message, None)
    return list(found)
