"""LIFECYCLE's table, what came of a mail: each outcome, and what a person may do about it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sequencer.core import events as e
from sequencer.core.gates import leaving_gates
from sequencer.core.people import Address
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.timing import again_after
from tests.unit.core.build import ANA, BREAKUP, EMAIL, START, Life, denver, facts, kinds, prospect, sequence

HOUR = timedelta(hours=1)


def refused(attempt: int = 1, invalid: bool = False) -> e.TouchRefused:
    return e.TouchRefused(step="intro", attempt=attempt, code=550, enhanced="5.7.1", address_invalid=invalid)


UNCERTAIN = e.TouchUncertain(step="intro", attempt=1, fenced_at=START)
SETTLED = e.TouchSettled(step="intro", attempt=1, sent_at=START, by="sent_folder")
DEFERRED = e.TouchDeferred(step="intro", attempt=1, code=451, enhanced="", again_at=START + HOUR)
GIVEN_UP = replace(DEFERRED, again_at=None)


@pytest.mark.parametrize(
    ("happened", "answers", "holds"),
    [
        # touch sent: advance, nothing else
        ([e.TouchSent(step="intro", attempt=1, sent_at=START)], [], []),
        # deferred: same attempt, it stays queued
        ([DEFERRED], [], []),
        # the fourth deferral: held
        ([GIVEN_UP], ["HoldPut", "TouchCancelled"], [Reason.DEFERRED]),
        # 5.1.x and the like: the address is invalid, a task to fix it
        ([refused(invalid=True)], ["TaskOpened", "HoldPut"], [Reason.BAD_ADDRESS]),
        # 5.7.x, 554, DATA: held, the address stays valid
        ([refused()], ["HoldPut"], [Reason.REFUSED]),
        # uncertain: held
        ([UNCERTAIN], ["HoldPut"], [Reason.UNCERTAIN]),
        # uncertain and settled before anybody looked: never held
        ([UNCERTAIN, SETTLED], [], []),
        # a field is missing: that one person is held, the mail is called back
        (
            [e.TouchNotRendered(step="intro", reason=Reason.MISSING_FIELD, field="account.name")],
            ["HoldPut", "TouchCancelled"],
            [Reason.MISSING_FIELD],
        ),
    ],
)
def test_outcome(happened: list[e.Event], answers: list[str], holds: list[Reason]) -> None:
    life = Life()
    assert kinds(life.hear(*happened)) == answers
    assert [hold.reason for hold in life.progress.holds] == holds


def test_the_next_wait_counts_from_the_real_send_time() -> None:
    life = Life()
    life.now = denver(23, 14)
    life.sent()
    assert life.decision.due_at == denver(24, 14)


@pytest.mark.parametrize(
    "stop",
    [
        e.PausePut(reason=Reason.AWAY, until=denver(4, month=12), due_at=None, by="sequence"),
        e.HoldPut(reason=Reason.BAD_PHONE),
        e.Finished(reason=FinishReason.MEETING, by=ANA),
    ],
)
def test_a_mail_on_the_wire_has_crossed_the_stop(stop: e.Event) -> None:
    life = Life(known=facts(on_the_wire=True))
    assert life.hear(stop) == []
    assert life.sent() == []
    assert (life.progress.flight, life.progress.touches["intro"].state) == (None, "sent")
    assert life.progress.step_done
    assert life.progress.status != "active"


def test_deferrals_go_again_after_1_6_and_24_hours_then_no_more() -> None:
    assert [again_after(tries, START) for tries in range(4)] == [
        START + HOUR, START + 6 * HOUR, START + 24 * HOUR, None,
    ]  # fmt: skip


def test_a_deferred_mail_says_when_it_goes_again() -> None:
    life = Life()
    life.hear(DEFERRED)
    assert (life.closed().reason, life.closed().frees_at) == (Reason.BACK_OFF, START + HOUR)
    assert life.decision.due_at == START + HOUR
    life.at(START + HOUR)
    assert life.closed().reason is Reason.IN_FLIGHT
    assert life.decision.due_at is None


@pytest.mark.parametrize(
    ("happened", "held", "by", "attempt"),
    [
        # a definite no, and a person says go on: the next attempt
        (refused(), Reason.REFUSED, ANA, 2),
        # the same after a bad address
        (refused(invalid=True), Reason.BAD_ADDRESS, ANA, 2),
        # four deferrals: nothing was ever accepted, so it is the same attempt
        (GIVEN_UP, Reason.DEFERRED, ANA, 1),
        # called back for a missing field: the same attempt, and the machine may lift it
        (
            e.TouchNotRendered(step="intro", reason=Reason.MISSING_FIELD, field="account.name"),
            Reason.MISSING_FIELD,
            "fixed",
            1,
        ),
    ],
)
def test_the_attempt_after_a_hold(happened: e.Event, held: Reason, by: str, attempt: int) -> None:
    life = Life()
    life.hear(happened)
    queued = life.hear(e.HoldTaken(reason=held, by=by))
    assert queued == [e.TouchQueued(step="intro", attempt=attempt, variant="only", version=1)]


@pytest.mark.parametrize("invalid", [True, False])
def test_the_machine_never_makes_attempt_2(invalid: bool) -> None:
    life = Life()
    life.hear(refused(invalid=invalid))
    held = Reason.BAD_ADDRESS if invalid else Reason.REFUSED
    assert life.hear(e.HoldTaken(reason=held, by="fixed")) == [
        e.HoldPut(reason=Reason.REFUSED, detail="attempt 2 needs a person")
    ]


def test_one_word_allows_one_attempt() -> None:
    life = Life()
    life.hear(refused())
    life.hear(e.HoldTaken(reason=Reason.REFUSED, by=ANA))
    life.hear(refused(attempt=2))
    assert kinds(life.hear(e.HoldTaken(reason=Reason.REFUSED, by="fixed"))) == ["HoldPut"]
    assert life.hear(e.HoldTaken(reason=Reason.REFUSED, by=ANA))[0].attempt == 3  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("after", "flight", "state", "status"),
    [
        # found in the Sent folder
        (SETTLED, None, "sent", "active"),
        # a named person sends it again: attempt 2, the same bytes
        (e.TouchReattempted(step="intro", attempt=2, by=ANA), ("intro", 2), "queued", "active"),
        # a person gives it up: never queued again, the step is passed by
        (e.TouchCancelled(step="intro", attempt=1, reason=Reason.SKIPPED_BY_PERSON), None, "skipped", "active"),
        # only the hold is lifted: nobody knows yet, so nothing leaves
        (e.HoldTaken(reason=Reason.UNCERTAIN, by=ANA), ("intro", 1), "uncertain", "active"),
    ],
)
def test_an_uncertain_mail_is_settled(after: e.Event, flight: tuple[str, int] | None, state: str, status: str) -> None:
    life = Life()
    life.hear(UNCERTAIN)
    answers = life.hear(after)
    now_flying = life.progress.flight
    assert (now_flying and (now_flying.step, now_flying.attempt)) == flight
    assert (life.progress.touches["intro"].state, life.progress.status) == (state, status)
    assert not any(isinstance(event, e.TouchQueued) for event in answers)


def test_no_later_step_leaves_while_a_mail_is_uncertain() -> None:
    life = Life()
    life.hear(UNCERTAIN)
    assert life.at(timedelta(days=400)) == []
    assert (life.progress.status, life.decision.due_at) == ("held", None)
    assert "ends by itself" not in life.closed().frees_by


def test_evidence_for_attempt_1_calls_attempt_2_back() -> None:
    life = Life()
    life.hear(UNCERTAIN)
    life.hear(e.TouchReattempted(step="intro", attempt=2, by=ANA))
    answers = life.hear(SETTLED)
    assert answers == [e.TouchCancelled(step="intro", attempt=2, reason=Reason.STOPPED)]
    assert (life.progress.touches["intro"].state, life.progress.flight) == ("sent", None)
    life.at(denver(24, 9))
    assert life.progress.step == "call-1"


def test_a_hard_bounce_is_sent_anew_only_by_a_person() -> None:
    life = Life()
    life.sent()
    life.hear(e.Bounced(message=1, hard=True, status="5.1.1", step="intro"))
    life.hear(e.HoldTaken(reason=Reason.BAD_ADDRESS, by=ANA))
    assert life.progress.flight is None
    life.hear(e.TouchReattempted(step="intro", attempt=2, by=ANA))
    life.now = denver(23, 15)
    life.sent()
    assert life.decision.due_at == denver(24, 15)


def test_a_new_attempt_of_an_earlier_step_waits_for_the_hours_of_today_only() -> None:
    life = Life(sequence(EMAIL, {"id": "second", "wait": "5bd", "email": "x.md"}, BREAKUP))
    life.sent()
    life.at(denver(30, 9))
    life.sent()
    life.now = denver(30, 10)
    life.hear(e.TouchReattempted(step="second", attempt=2, by=ANA))
    step = life.sequence.step("second")
    assert isinstance(step, EmailStep)
    assert all(gate.passed for gate in leaving_gates(step, life.sequence, life.progress, life.facts, life.now))


def test_what_was_sent_is_never_queued_again() -> None:
    life = Life()
    life.sent()
    answers = life.hear(e.VersionApplied(version=2, step="intro"))
    assert kinds(answers) == ["StepCompleted"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        # no address at all
        ({"prospect": prospect(addresses=())}, Reason.NO_ADDRESS),
        # none that works
        ({"prospect": prospect(addresses=(Address("jo@acme.test", valid=False),))}, Reason.BAD_ADDRESS),
        # the mailbox is gone from config
        ({"mailbox": None}, Reason.MAILBOX_GONE),
    ],
)
def test_what_is_missing_holds(changed: dict[str, object], reason: Reason) -> None:
    life = Life(known=facts(**changed))
    assert [hold.reason for hold in life.progress.holds] == [reason]
    life.facts = facts()
    assert kinds(life.hear(e.HoldTaken(reason=reason, by="fixed"))) == ["TouchQueued"]


def test_a_mailbox_that_goes_away_calls_the_queued_mail_back() -> None:
    life = Life()
    life.facts = facts(mailbox=None)
    assert kinds(life.settle()) == ["HoldPut", "TouchCancelled"]


@pytest.mark.parametrize(
    ("wire", "deferrals", "answers"),
    [
        # never on the wire: dropped and made anew
        (False, 0, ["TouchCancelled", "TouchQueued"]),
        # on the wire: it has crossed
        (True, 0, []),
        # deferred: the same bytes
        (False, 1, []),
    ],
)
def test_an_edit_reaches_whoever_has_not_had_the_step(wire: bool, deferrals: int, answers: list[str]) -> None:
    life = Life(known=facts(on_the_wire=wire))
    if deferrals:
        life.hear(DEFERRED)
    assert kinds(life.hear(e.VersionApplied(version=2))) == answers
    flight = life.progress.flight
    assert flight is not None
    assert flight.attempt == 1


def test_a_removed_step_takes_its_queued_mail_and_its_task_along() -> None:
    life = Life(sequence({"id": "call-0", "call": "c.md"}, EMAIL))
    life.sequence = sequence(EMAIL)
    assert kinds(life.hear(e.VersionApplied(version=2, step="intro"))) == ["TaskCancelled", "TouchQueued"]
    life.sequence = sequence({**EMAIL, "id": "other"})
    assert kinds(life.hear(e.VersionApplied(version=3, step="other"))) == ["TouchCancelled", "TouchQueued"]
