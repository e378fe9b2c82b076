"""What the checks of the way through a sequence make of what an old backup took away, and of what was due anyway."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sequencer.content.definition import from_stored
from sequencer.core import events as e
from sequencer.core.reason import Reason
from tests.simulation.check_flow import automatic_mail_sends_nothing, steps_in_order
from tests.simulation.premises import APPLIED_AT, MIXED, TEMPLATES
from tests.simulation.sight import NEVER, Happening

RESTORED, LIFTED = 10, 20
CALLED = e.TaskOpened(task="ring#1", step="ring", work="call", priority="normal", due_at=APPLIED_AT)


def queued(step: str) -> e.TouchQueued:
    return e.TouchQueued(step=step, attempt=1, variant="only", version=1)


def fence(step: str, attempt: int = 1, enrollment: int = 1, person: int = 1) -> Any:
    return SimpleNamespace(enrollment_id=enrollment, step=step, attempt=attempt, prospect_id=person)


def seen(
    event: e.Event,
    mark: int,
    *fences: Any,
    before: str = "hello",
    known: int = 1,
    restored: int = RESTORED,
    then: e.Event | None = None,
) -> Any:
    """An enrollment that had the mail `before` at the backup, and then `event`; with the fences of the lost time.

    `then`: what follows when the hold is lifted.
    """
    first = e.Enrolled(sequence="mixed", version=1, step=before, rep="ana", mailbox="", by="person:ana")
    log: list[tuple[int, e.Event]] = [(1, first), (2, queued(before)), (mark, event)]
    log += [(LIFTED + 1, then)] if then else []
    sequence = from_stored("mixed", MIXED, TEMPLATES).sequence
    return SimpleNamespace(
        happenings=tuple(Happening(each, float(each), each, 1, 1, what) for each, what in log),
        sequences={("mixed", 1): sequence},
        forgotten=SimpleNamespace(restored=restored, lifted=LIFTED, known=known, fences=fences),
        backdrop=SimpleNamespace(skewed=True),
    )


@pytest.mark.parametrize(
    ("sight", "held"),
    [
        # the call is next
        (seen(CALLED, 15), True),
        # a mail behind it that left in the lost time: the call was lost with the rest
        (seen(queued("nudge"), 15, fence("nudge")), True),
        (seen(queued("close"), 15, fence("nudge"), fence("close")), True),
        # one that nothing let through
        (seen(queued("nudge"), 15), False),
        (seen(queued("nudge"), 15, fence("close")), False),
        (seen(queued("nudge"), 15, fence("nudge", attempt=2)), False),
        (seen(queued("nudge"), 15, fence("nudge", enrollment=2)), False),
        # of a lost enrollment that had this number: of somebody else, or of the same person, wherever they stand now
        (seen(queued("nudge"), 15, fence("nudge", person=2), known=0), False),
        (seen(queued("nudge"), 15, fence("nudge"), known=0), True),
        (seen(queued("nudge"), 15, fence("nudge"), known=0, before="close"), True),
        # and they go on from where they stand, not from that mail
        (seen(queued("nudge"), 15, fence("nudge"), known=0, before="close", then=queued("close")), True),
        (seen(queued("hello"), 15, fence("hello"), known=0, before="nudge", then=CALLED), False),
        (seen(queued("nudge"), 15, fence("nudge"), known=0, then=queued("close")), True),
        (seen(queued("nudge"), 15, fence("nudge"), known=0, then=CALLED), False),
        # before the backup came back, after the hold was lifted, and where there was none
        (seen(queued("nudge"), 5, fence("nudge")), False),
        (seen(queued("nudge"), 25, fence("nudge")), False),
        (seen(queued("nudge"), 15, fence("nudge"), restored=NEVER), False),
        # a step behind
        (seen(queued("nudge"), 15, fence("nudge"), before="close"), False),
        # no mail
        (seen(e.StepSkipped(step="nudge", reason=Reason.OVERDUE, as_of=APPLIED_AT), 15, fence("nudge")), False),
    ],
)
def test_a_mail_that_left_in_the_lost_time_leads_past_what_was_lost(sight: Any, held: bool) -> None:
    assert steps_in_order(sight).held is held


def beside(effect: str, *, due: timedelta, again: bool = False, written: int = 7, settled: int = 0) -> Any:
    """A mail of this effect is read, and the next touch queued beside it, which was `due` so long before.

    `again`: it is called back. `written`: the transaction of the touch's row. `settled`: whose doubt the mail ends.
    """
    mail = SimpleNamespace(effect=effect, raw=b"a report")
    row = SimpleNamespace(id=5, state="projected")
    events: list[e.Event] = [e.Bounced(message=5, hard=False, status="4.2.2", step="hello"), queued("nudge")]
    if again:
        events.append(e.TouchCancelled(step="nudge", attempt=1, reason=Reason.STOPPED))
    doubt = e.TouchSettled(step="hello", attempt=1, sent_at=APPLIED_AT, by="bounce")
    change = SimpleNamespace(
        transaction=written, enrollment_id=1, step="nudge", attempt=1, wall=APPLIED_AT.isoformat(),
        due=f"{(APPLIED_AT - due).replace(tzinfo=None)}",
    )  # fmt: skip
    census = SimpleNamespace(inbound=[row], mails={5: mail.raw})
    return SimpleNamespace(
        evidence=SimpleNamespace(census=census, delivered=[mail]),
        happenings=(
            *([Happening(0, 0.0, 7, settled, 1, doubt)] if settled else []),
            *(Happening(mark, 0.0, 7, 1, 1, each) for mark, each in enumerate(events, start=1)),
        ),
        changes=(change,),
    )


@pytest.mark.parametrize(
    ("sight", "held"),
    [
        # a report that forbids nothing is read by a daemon that was down when the touch fell due
        (beside("none", due=timedelta(hours=4)), True),
        # the report made it due
        (beside("none", due=timedelta()), False),
        (beside("none", due=timedelta(seconds=-1)), False),
        # nobody knows since when
        (beside("none", due=timedelta(hours=4), written=6), False),
        # it proves that the mail before arrived, of this enrollment or of another one; and it forbids mail
        (beside("none", due=timedelta(), settled=1), True),
        (beside("none", due=timedelta(), settled=2), False),
        (beside("away", due=timedelta(), settled=1), False),
        # it forbids mail: what was due is called back in the same breath
        (beside("away", due=timedelta(hours=4)), False),
        (beside("address", due=timedelta(hours=4)), False),
        (beside("away", due=timedelta(), again=True), True),
    ],
)
def test_what_was_due_anyway_may_be_queued_beside_a_report(sight: Any, held: bool) -> None:
    assert automatic_mail_sends_nothing(sight).held is held
