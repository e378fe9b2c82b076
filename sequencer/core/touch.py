"""What became of one step: the last attempt of its touch.

Apart from core/state.py because an event carries it too: an enrollment that continues another one begins with what
that one had done. Nothing here changes anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TouchState = Literal["queued", "sent", "uncertain", "refused", "open", "done", "skipped", "cancelled"]


@dataclass(frozen=True, slots=True)
class Touch:
    """The last attempt of one step. `at`: of the send, else of the last change.

    `permitted`: after a definite no, a named person allowed the next attempt.
    """

    state: TouchState
    at: datetime
    attempt: int = 0
    outcome: str | None = None
    variant: str = ""
    version: int = 0
    tries: int = 0
    opens: int = 0
    clicks: int = 0
    permitted: bool = False
