"""What the sight of a played seed adds to the rows where an old backup took words of people away."""

from datetime import datetime

import pytest

from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.world import check_sending
from tests.simulation.sight import Change, Forgotten, Happening, WatchedEvidence
from tests.unit.world.small_world import ANA, BUMP_AT, JO, SmallWorld, send, small_world

BY_ANA = e.HoldTaken(reason=Reason.REFUSED, by="person:ana")
FENCED_AT = 20


def second_attempt() -> SmallWorld:
    """Jo got a second attempt, and no log says who asked for it."""
    world = small_world()
    world.sends.append(send(9, 1, "bump", "<9@x>", BUMP_AT, "acme.test", attempt=2))
    world.took("<9@x>", BUMP_AT)
    return world


def forgotten(event: e.Event, *, mark: int = FENCED_AT - 1, known: int = 2, attempt: int = 2) -> Forgotten:
    """A fence of Jo's, and what was recorded of her beside it."""
    fence = Change(
        FENCED_AT, 0.0, 2, 9, 1, "bump", attempt, 1, ANA, JO, None, None, "two", "queued", "sending", 1, "<9@x>",
        "daemon-1", "daemon-1", "", None, None, None, BUMP_AT.isoformat(),
    )  # fmt: skip
    return Forgotten(known=known, changes=(fence,), happenings=(Happening(mark, 0.0, 1, 1, 1, event),))


@pytest.mark.parametrize(
    ("what", "held"),
    [
        (forgotten(BY_ANA), True),
        (forgotten(e.TouchReattempted(step="bump", attempt=2, by="person:ana")), True),
        # The machine's word counts for nothing there either.
        (forgotten(e.HoldTaken(reason=Reason.REFUSED, by="sent_folder")), False),
        # Said only when the mail had left.
        (forgotten(BY_ANA, mark=FENCED_AT + 1), False),
        # Somebody lost had the number of this enrollment.
        (forgotten(BY_ANA, known=0), False),
        # Of another attempt: this one had not left by then.
        (forgotten(BY_ANA, attempt=3), False),
        (Forgotten(), False),
    ],
)
def test_a_word_that_an_old_backup_took_away_was_said_all_the_same(what: Forgotten, held: bool) -> None:
    seen = second_attempt().seen()
    watched = WatchedEvidence(
        seen.config, seen.sequences, seen.record, seen.census, seen.lying, seen.ends, words=what.words
    )
    assert check_sending.never_twice(watched).held == held


@pytest.mark.parametrize(
    ("state", "left", "held"),
    [
        # An answer that came after the return ended the sequence: no row says that it left, and none will say it again.
        ("cancelled", None, True),
        # Found again, and not of the fence that the record knows: it counts.
        ("sent", BUMP_AT, True),
        # It waits for another turn although it had left.
        ("queued", None, False),
    ],
)
def test_a_mail_that_an_old_backup_forgot_may_stay_with_a_row_that_was_called_back(
    state: str, left: datetime | None, held: bool
) -> None:
    """Its bytes were made before the copy, so the row bears the id, and it left in the time that is lost."""
    world = small_world()
    row = send(9, 1, "nudge", "<9@x>", BUMP_AT, "acme.test")
    world.sends.append(row._replace(state=state, sending_at=left))
    world.took("<9@x>", BUMP_AT)
    seen = world.seen()
    watched = WatchedEvidence(
        seen.config, seen.sequences, seen.record, seen.census, seen.lying, seen.ends, forgotten=frozenset({"<9@x>"})
    )
    assert check_sending.never_twice(watched).held == held
