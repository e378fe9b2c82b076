"""The guarantees of the product as checks on a world that was played: run them all, in the order of PRODUCT.

The checkers stand outside the engine. Each says what it counted, so that one that counted nothing is seen.
"""

from collections.abc import Callable, Sequence

from sequencer.world import check_rows, check_sending, check_stops
from sequencer.world.evidence import Evidence, Verdict

__all__ = ["CHECKS", "judge"]

CHECKS: tuple[Callable[[Evidence], Verdict], ...] = (
    check_sending.never_twice,
    check_stops.nothing_after_a_stop,
    check_stops.stopped_by_the_log,
    check_sending.fresh,
    check_sending.in_hours,
    check_sending.none_while_away,
    check_sending.under_limits,
    check_rows.counters_recounted,
    check_stops.opt_outs_cover_everything,
    check_rows.every_mail_once,
    check_rows.mailboxes_untouched,
    check_rows.reasons,
    check_rows.log_replayed,
    check_rows.nobody_forgotten,
)


def judge(seen: Evidence) -> Sequence[Verdict]:
    """Every guarantee's verdict."""
    return [check(seen) for check in CHECKS]
