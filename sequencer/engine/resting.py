"""What a failed try says of its mailbox or inbox, in words for a person.

Apart from engine/outcomes.py and ingest.py, which keep them, because `status` and `why` show them. The text comes from
a server or the system and is kept without the codes of either; the recipient was taken out of it before
(engine/dispatch.py). Nothing is stored here.
"""

import re

from sequencer.core.outcome import Accepted, Deferred, Outcome, Refused

__all__ = ["in_words", "rest_reason", "was_judged"]

# How aiosmtplib and the system begin their messages: the host is named by us, the number helps nobody.
_PREFIX = re.compile(r"^Error connecting to \S+ on port \d+: |\[Errno -?\d+\] ")


def in_words(text: str) -> str:
    """What the system or a library said, without its codes."""
    return _PREFIX.sub("", text)


def rest_reason(outcome: Outcome, host: str) -> str:
    """Why the mailbox rests after this outcome, "" when it does not; `host` is its SMTP server."""
    if not isinstance(outcome, Deferred) or outcome.of_the_person:
        return ""
    said = in_words(outcome.text)
    if outcome.phase == "fence":
        return said
    if outcome.code:
        return f"{host} answered {outcome.code} {said}".rstrip()
    if outcome.phase == "auth":
        return f"no login at {host}: {said}"
    return f"cannot reach {host}: {said}" if outcome.phase == "connect" else f"{host} was lost: {said}"


def was_judged(outcome: Outcome) -> bool:
    """Whether a server said something about this mail or its recipient: then the mailbox works."""
    match outcome:
        case Accepted():
            return True
        case Deferred():
            return outcome.of_the_person
        case Refused(code=code):
            return code > 0  # 0: we refused it ourselves
    return False
