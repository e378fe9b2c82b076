"""Lets one judged mail act: each row of LIFECYCLE's table that begins with something arriving.

Runs inside one transaction, in which the mail ends as exactly one effect or is parked for a person. Stops are taken
from anybody; what would help a sequence on needs a Message-ID of ours. Nothing is ever answered from here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.suppression import Suppression
from sequencer.engine import rescue
from sequencer.engine.advance import Advance
from sequencer.engine.braking import brake
from sequencer.engine.judged import answer_event
from sequencer.engine.matching import (
    Match,
    match,
    named_send,
    names_a_lost_one,
    owners_of,
    recipients_of,
    reported_send,
)
from sequencer.engine.misread import traces
from sequencer.engine.ours import Ours
from sequencer.engine.screening import says_automatic
from sequencer.mail.address import is_free_mail
from sequencer.mail.author import author
from sequencer.mail.judgement import Judgement
from sequencer.mail.parse import Parsed
from sequencer.mail.thread import message_ids
from sequencer.store import correspondence, epoch, erasure, inbox, log, people, sends
from sequencer.store.sends import SendRow

CLOCKS_DIFFER = timedelta(hours=1)
UNKNOWN_COLLEAGUE = 0

SOMEBODY_ELSES = "a report about mail that is not known here"
UNKNOWN_REFUSAL = "asks not to be written to, from an address that belongs to nobody here"
NO_ANSWER = "not an answer"
TOO_OLD = "written before the enrollment began"
UNTOUCHED = "written to somebody whom no sequence is writing to"
SUGGESTION = "suggestion: looks like this person, writing from another address"
HANDED_ON = "suggestion: answers what we wrote to this person, from an address that nobody has"
TO_A_LOST_ONE = "answers a mail of ours that this database, which was put back, does not know"
# Of no effect, because nobody's mail is named.
OWNERLESS = (SOMEBODY_ELSES, UNKNOWN_REFUSAL, SUGGESTION, HANDED_ON, TO_A_LOST_ONE, TOO_OLD)
EventOf = Callable[[int | None], e.Event]


@dataclass(frozen=True, slots=True)
class Post:
    """One mail on its way to its effect. `header`: its header alone, `judgement`: what the whole says.

    `said_by`: a named person said what it is, "" for the rules; `whose`: and from whom it is.
    """

    connection: Connection
    advance: Advance
    ours: Ours
    row: inbox.InboundRow
    header: Parsed
    judgement: Judgement
    now: datetime
    said_by: str = ""
    whose: int | None = None

    @property
    def from_us(self) -> bool:
        return self.ours.includes(author(self.header))

    def match(self) -> Match:
        """Whose mail it is; what a named person said of it comes first."""
        if self.from_us and self.whose is None:
            return Match()
        found = match(self.connection, self.header, self.judgement.original_message_ids, self.now)
        return found if self.whose is None else Match(found.send, self.whose, by="person")

    def done(
        self, reason: str = "", person: int | None = None, enrollment: int | None = None, **values: object
    ) -> None:
        inbox.put_projected(
            self.connection,
            self.row.id,
            self.now,
            reason=reason,
            prospect_id=person,
            enrollment_id=enrollment,
            **values,
        )

    def park(self, reason: str, person: int | None = None) -> None:
        inbox.park(self.connection, self.row.id, reason, self.now, person)

    def forget(self) -> None:
        inbox.forget(self.connection, self.row.id, self.now)


def let_act(post: Post) -> None:
    """The one effect of this mail. Of somebody who was erased meanwhile nothing is kept, also not what servers say."""
    if _is_of_the_erased(post):
        post.forget()
        return
    if post.row.outgoing:
        _written_by_hand(post)
        return
    match post.judgement.kind:
        case "hard_bounce" | "soft_bounce" | "delay":
            _bounced(post)
        case "complaint":
            _complained(post)
        case "reply" | "auto_reply" | "other":
            _answered(post)


def whose(post: Post) -> tuple[int, ...]:
    """On whom the mail acts as theirs: whoever wrote it and for whom, or whom a report is about; no colleagues."""
    if post.judgement.kind in ("reply", "auto_reply", "other"):
        return post.match().people
    send = _reported(post)
    return (send.prospect_id,) if send else ()


def _is_of_the_erased(post: Post) -> bool:
    if not erasure.is_anybody_erased(post.connection):
        return False
    send = _reported(post)
    named = match(post.connection, post.header).people
    return erasure.is_one_erased(post.connection, [*named, *([send.prospect_id] if send else [])])


def _answered(post: Post) -> None:
    found, judgement = post.match(), post.judgement
    if not found.people:
        _of_nobody(post, found)
    elif judgement.kind == "other":
        post.done(NO_ANSWER, found.people[0])
    elif judgement.kind == "reply" and judgement.answer == "opt_out":
        _opted_out(post, found)
    elif judgement.kind == "reply":
        _replied(post, found)
    else:
        _settle_by_evidence(post, found.send, "reply")
        _record(post, found, lambda enrollment: _event(post, found, enrollment))


def _event(post: Post, found: Match, enrollment: int | None) -> e.Event:
    event = answer_event(post.judgement, post.row.id, _step(post, found, enrollment))
    assert event is not None, "only answers come here"
    return event


def _of_nobody(post: Post, found: Match) -> None:
    refuses = post.judgement.answer == "opt_out"
    if post.from_us:
        post.forget()
    elif found.suggested is not None and post.judgement.kind == "reply":
        post.park(SUGGESTION if found.by == "name" else HANDED_ON, found.suggested)
    elif refuses:
        post.park(UNKNOWN_REFUSAL)
    elif _answers_a_lost_one(post):
        post.park(TO_A_LOST_ONE)
    else:
        post.forget()


def _replied(post: Post, found: Match) -> None:
    """An answer from a time that was lost ends what began since, too: nobody who enrolled them again has seen it."""
    _settle_by_evidence(post, found.send, "reply")
    in_lost_time = epoch.is_in_held_time(post.connection, post.header.date)
    lost = found.send is None and (in_lost_time or _answers_a_lost_one(post))
    _record(post, found, lambda enrollment: _event(post, found, enrollment), tell_colleagues=True, at_any_age=lost)


def _answers_a_lost_one(post: Post) -> bool:
    named = [*message_ids(post.header), *post.judgement.original_message_ids]
    return names_a_lost_one(post.connection, post.ours, named)


def _opted_out(post: Post, found: Match) -> None:
    """Whoever refuses, and whomever they refuse for: no age of the mail makes a refusal void."""
    _settle_by_evidence(post, found.send, "reply")
    for person in found.people:
        _suppress(post, person, "asked not to be written to")
    _record(post, found, lambda enrollment: _event(post, found, enrollment), tell_colleagues=True, at_any_age=True)


def _bounced(post: Post) -> None:
    judgement, send = post.judgement, _reported(post)
    if send is None:
        post.park(SOMEBODY_ELSES)
        return
    _settle_by_evidence(post, _named(post), "bounce")
    found = Match(send)
    if judgement.kind == "delay":
        post.done("the server still tries to deliver", send.prospect_id, send.enrollment_id, send_id=send.id)
        return
    hard = judgement.kind == "hard_bounce"
    status = judgement.status or (str(judgement.smtp_code) if judgement.smtp_code else "")
    if hard:
        people.invalidate_address(post.connection, send.address, status)
    _record(
        post,
        found,
        lambda enrollment: e.Bounced(
            message=post.row.id, hard=hard, status=status, step=_step(post, found, enrollment)
        ),
        at_any_age=True,
    )
    brake(post.connection, post.advance.around.config, [send.mailbox] if hard else (), post.now)


def _complained(post: Post) -> None:
    send = _reported(post)
    if send is None:
        post.park(SOMEBODY_ELSES)
        return
    _settle_by_evidence(post, _named(post), "bounce")
    _suppress(post, send.prospect_id, "complained")
    _record(post, Match(send), lambda _: e.Complained(message=post.row.id))
    brake(post.connection, post.advance.around.config, [send.mailbox], post.now)


def _written_by_hand(post: Post) -> None:
    """A rep wrote to a known person: the machine steps back, and what waited for an answer is answered."""
    known = dict.fromkeys(owners_of(post.connection, recipients_of(post.header)).values())
    touched: list[int] = []
    if not says_automatic(post.header):
        touched = _begun_before(post, log.live_of(post.connection, known))
        touched += [key for person in known for key in _waiting_for_answer(post, person) if key not in touched]
    event = e.OwnerWrote(message=post.row.id)
    post.advance.record(post.connection, [(key, (event,)) for key in touched], post.now)
    post.done("" if touched else UNTOUCHED, next(iter(known), None), next(iter(touched), None))


def _waiting_for_answer(post: Post, person: int) -> list[int]:
    """Finished enrollments of the person with an open `answer` task."""
    rows = log.load(post.connection, log.all_of(post.connection, person)).values()
    return [
        row.id
        for row in rows
        if row.progress.finished and any(task.work == "answer" for task in row.progress.tasks.values())
    ]


def _record(
    post: Post, found: Match, event_of: EventOf, *, tell_colleagues: bool = False, at_any_age: bool = False
) -> None:
    """Record the event on every live enrollment of these people, else on the newest, else on the person alone."""
    happened: dict[int, e.Event] = {}
    too_old = False
    for person in found.people:
        enrollments = log.all_of(post.connection, person)
        if not enrollments:
            log.append(post.connection, [log.Entry(post.now, person, None, event_of(None))])
            people.raise_seq(post.connection, [person])
            continue
        reached = _reached(post, found, person, enrollments, at_any_age)
        too_old = too_old or not reached
        happened |= {enrollment: event_of(enrollment) for enrollment in reached}
    if tell_colleagues:
        answering = found.sender if found.sender is not None else UNKNOWN_COLLEAGUE
        told = e.ColleagueReplied(person=answering, message=post.row.id)
        happened |= dict.fromkeys(_of_colleagues(post, found.people), told)
    post.advance.record(post.connection, [(key, (event,)) for key, event in happened.items()], post.now)
    send = found.send or _last_sent(post, found.people)
    post.done(
        TOO_OLD if too_old and not happened else "", found.people[0],
        send.enrollment_id if send else next(iter(happened), None),
        send_id=send.id if send else None, answer=post.judgement.answer,
    )  # fmt: skip


def _reached(post: Post, found: Match, person: int, enrollments: list[int], at_any_age: bool) -> list[int]:
    """The live ones of a person, else the newest; a correction of an old mail leaves alone what began after it."""
    live = log.live_of(post.connection, [person])
    if at_any_age or (found.send and not post.said_by):
        return live or enrollments[:1]
    if not post.said_by:
        return _begun_before(post, live or enrollments[:1])
    began = {*_begun_before(post, enrollments), *_named_by(post, found, enrollments)}
    return [key for key in live if key in began] or [key for key in enrollments if key in began][:1]


def _named_by(post: Post, found: Match, enrollments: Sequence[int]) -> list[int]:
    """The one whose mail it answers and those that continue it: they are older, whatever the writer's clock says."""
    rows = log.load(post.connection, enrollments).values() if found.send else ()
    return [row.id for row in rows if found.send and found.send.enrollment_id in (row.id, *row.progress.earlier)]


def _of_colleagues(post: Post, answered: Sequence[int]) -> list[int]:
    """Live enrollments of everybody else at the accounts of those who answered."""
    persons = people.load_prospects(post.connection, answered).values()
    accounts = {person.account_id for person in persons if person.account_id and not is_free_mail(person.account_id)}
    others = {other for account in accounts for other in people.colleagues(post.connection, account)}
    begun = _begun_before(post, log.live_of(post.connection, others - set(answered)))
    return [key for key in begun if not _was_told(post, key)]


def _was_told(post: Post, enrollment: int) -> bool:
    """Whether this mail stands in its log already: after a correction that left the colleagues alone."""
    entries = log.read_log(post.connection, enrollment) if post.said_by else []
    return any(each.message == post.row.id for each in traces(entries))


def _begun_before(post: Post, enrollments: Sequence[int]) -> list[int]:
    """Those that existed when the mail was written: an inbox that is read for the first time holds old mail too.

    One that continues another existed since that one began.
    """
    rows = log.load(post.connection, enrollments)
    first = {key: next(iter(row.progress.earlier), key) for key, row in rows.items()}
    rows |= log.load(post.connection, set(first.values()) - set(rows))
    written_at = post.row.received_at + CLOCKS_DIFFER
    return [key for key in enrollments if rows[first[key]].progress.enrolled_at <= written_at]


def _step(post: Post, found: Match, enrollment: int | None) -> str | None:
    """The touch of this enrollment that the mail is attributed to: the one it names, else the last one sent."""
    if enrollment is None:
        return None
    earlier = log.load(post.connection, [enrollment])[enrollment].progress.earlier
    if found.send is not None:
        return found.send.step if found.send.enrollment_id in (enrollment, *earlier) else None
    thread = correspondence.threads_of(post.connection, {enrollment: earlier})[enrollment]
    return thread[-1].step if thread else None


def _last_sent(post: Post, persons: Iterable[int]) -> SendRow | None:
    left = [row for person in persons for row in sends.sends_of(post.connection, person) if row.sending_at is not None]
    return max(left, key=lambda row: (row.sending_at, row.id), default=None)


def _reported(post: Post) -> SendRow | None:
    """The send that a report is about; one that answers our mail without saying so names it in its own header."""
    read_here = post.ours.mailboxes.get(post.row.inbox, ())
    judgement = post.judgement
    found = reported_send(post.connection, judgement.original_message_ids, read_here, judgement.recipients, post.now)
    found = found or named_send(post.connection, message_ids(post.header))
    return found or (_last_sent(post, post.match().people) if post.said_by else None)


def _named(post: Post) -> SendRow | None:
    """The send whose id the report tells; an address alone may be about any mail before it."""
    return named_send(post.connection, [*post.judgement.original_message_ids, *message_ids(post.header)])


def _settle_by_evidence(post: Post, send: SendRow | None, by: str) -> None:
    """An answer to a mail proves that it arrived."""
    if send is not None and send.state in ("uncertain", "person"):
        rescue.settle_as_sent(post.connection, post.advance, send, by, post.now)


def _suppress(post: Post, person: int, reason: str) -> None:
    by = "complaint" if post.judgement.kind == "complaint" else "reply"
    people.suppress(post.connection, Suppression("person", str(person), None, reason, post.now), by)
