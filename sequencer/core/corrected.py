"""How corrections fold: the facts of a misread mail go, and a new enrollment begins where another one stood.

Called by core/progress.py. Nothing leaves finished: a correction only puts the reason of an end right. Pauses, holds
and tasks that the mail brought are taken by events of their own.
"""

from sequencer.core.corrections import Continued, Corrected
from sequencer.core.state import Progress, evolve


def corrected(progress: Progress, event: Corrected) -> Progress:
    """The enrollment without the facts that the mail had told; what nothing has answered yet needs no answer more."""
    signals = tuple(each for each in progress.signals if getattr(each.event, "message", None) != event.message)
    return evolve(
        progress, signals=signals, replied=event.replied, soft_bounces=event.soft_bounces,
        colleagues=event.colleagues, account_paused_at=progress.account_paused_at if event.colleagues else None,
        finished=event.ended if progress.finished and event.ended else progress.finished,
    )  # fmt: skip


def continued(progress: Progress, event: Continued) -> Progress:
    """A fresh enrollment with what an earlier one had done; its step is the one that Enrolled named."""
    return evolve(
        progress, earlier=event.earlier, step_done=event.step_done, since=event.since, not_before=event.not_before,
        touches=event.touches, fired=event.fired, polls=event.polls,
        linkedin_connected=event.linkedin_connected, silenced=event.silenced, soft_bounces=event.soft_bounces,
        colleagues=event.colleagues,
    )  # fmt: skip
