"""All checks of one played seed: those of the demo that fit, those of every fence and those of the way through.

The demo's checks of instants within a day are replaced by checks of commits, because here a stop, a reply and a fence
are milliseconds apart.
"""

from collections.abc import Iterator

from sequencer.world import check_rows, check_sending
from sequencer.world.evidence import Verdict
from tests.simulation import check_fences, check_flow
from tests.simulation.seed import Played

__all__ = ["broken", "judge"]

OF_THE_WORLD = (
    check_sending.never_twice, check_sending.in_hours, check_sending.under_limits, check_rows.counters_recounted,
    check_rows.every_mail_once, check_rows.reasons, check_rows.log_replayed, check_rows.nobody_forgotten,
)  # fmt: skip


def judge(played: Played) -> Iterator[Verdict]:
    """Every verdict; the last is of what broke beside the checks."""
    for check in OF_THE_WORLD:
        yield check(played.sight.evidence)
    for check_sight in (*check_fences.CHECKS, *check_flow.CHECKS):
        yield check_sight(played.sight)
    yield played.erased
    yield Verdict("nothing raises that no fault explains", f"{len(played.trace)} lines", played.problems)


def broken(played: Played) -> list[str]:
    """Each violation, with the words of what it violates."""
    return [f"{verdict.guarantee}: {what}" for verdict in judge(played) for what in verdict.broken]
