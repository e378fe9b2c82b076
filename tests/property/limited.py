"""Mailboxes and policies with small limits, so that a few mails meet every one of them."""

from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sequencer.core.people import Mailbox, Policy, Ramp
from sequencer.core.span import Span

__all__ = ["GAPS", "mailboxes", "policies"]

GAPS: dict[str, SearchStrategy[float]] = {
    "gap_s_min": st.sampled_from([0.0, 90.0, 1800.0]),
    "gap_s_jitter": st.sampled_from([0.0, 60.0]),
}


def mailboxes(
    zones: SearchStrategy[ZoneInfo], caps: SearchStrategy[int], ramp_start_max: int, **more: SearchStrategy[float]
) -> SearchStrategy[Mailbox]:
    """`more`: of its other fields, as GAPS."""
    ramps = st.builds(Ramp, st.integers(1, ramp_start_max), st.integers(0, ramp_start_max - 1))
    return st.builds(
        Mailbox, address=st.just("ana@x.test"), display_name=st.just("Ana"), rep=st.just("ana"), timezone=zones,
        cap_per_day=caps, ramp=st.none() | ramps, **more,
    )  # fmt: skip


def policies(touches_max: int) -> SearchStrategy[Policy]:
    return st.builds(
        Policy,
        person_touches_per_week=st.integers(1, touches_max),
        person_gap=st.sampled_from([Span(0, "h"), Span(20, "h"), Span(2, "d")]),
        account_touches_per_day=st.integers(1, 3),
        domain_messages_per_day=st.integers(1, 4),
    )
