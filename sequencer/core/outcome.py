"""What a channel says came of one attempt to send: values for the engine, never exceptions.

A channel returns exactly one of these; `LIFECYCLE` maps each to its effect. Nothing here decides what follows.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["connect", "auth", "rset", "mail", "rcpt", "data", "body", "fence", "dot"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """2yz to the final dot: from here on the message is the server's (RFC 5321 4.2.5)."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Certainly not accepted, worth another try later. `code` 0: no reply, the text says why."""

    code: int
    text: str
    phase: Phase
    enhanced: str = ""

    @property
    def of_the_person(self) -> bool:
        """Whether the server put this recipient or this message off; else only the connection failed."""
        return self.code >= 400 and self.phase in ("rcpt", "data", "dot")


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not accepted and not worth another try with the same address and bytes.

    `address_invalid`: the server says that the mailbox does not exist (5.1.x, 5.2.1, or a bare 550/551/553 at RCPT).
    """

    code: int
    text: str
    phase: Phase
    enhanced: str = ""
    address_invalid: bool = False


@dataclass(frozen=True, slots=True)
class Uncertain:
    """No usable answer to the dot: the message may or may not have been accepted (RFC 1047)."""

    text: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class MailboxBroken:
    """The sending mailbox cannot work: login refused, TLS fails, or a 5yz before any recipient was named.

    No person is touched by it: the send stays queued and the mailbox pauses.
    """

    text: str
    code: int = 0


Outcome = Accepted | Deferred | Refused | Uncertain | MailboxBroken
OUTCOMES = (Accepted, Deferred, Refused, Uncertain, MailboxBroken)
