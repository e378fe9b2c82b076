"""The faults of RELIABILITY.md: which of them a seed plays, how often, and how often each one really happened.

Each seed picks its own mix, because a run in which everything fails all the time reaches few states. In the last part
nothing fails any more (`calm`). What a fault does is told where it happens: wire, storage, folders, office, stage.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

__all__ = ["FAULTS", "Faults"]

# name -> how likely it is at each opportunity once it is armed; 1: whenever the director plays it.
FAULTS: Mapping[str, float] = {
    "crash at a seam": 0.02,
    "crash just after commit": 0.1,
    "crash between dot and answer": 0.6,
    "crash while mail is stored": 0.5,
    "frozen past the lease": 0.03,
    "frozen between dot and answer": 0.6,
    "two daemons": 1.0,
    "restart": 1.0,
    "connect refused": 0.7,
    "connect times out": 0.7,
    "DNS fails": 0.7,
    "TLS fails": 0.7,
    "certificate expired": 0.7,
    "auth revoked": 0.7,
    "4xx at MAIL": 0.8,
    "4xx at RCPT": 0.8,
    "4xx at DATA": 0.8,
    "4xx at the dot": 0.8,
    "5xx at MAIL": 0.8,
    "5xx at RCPT": 0.8,
    "5xx at DATA": 0.8,
    "5xx at the dot": 0.8,
    "354 after a refused RCPT": 0.9,
    "lost before the dot": 0.7,
    "lost at the dot, not taken": 0.7,
    "lost answer": 0.7,
    "answer after 9 min": 0.7,
    "no answer for 11 min": 0.7,
    "garbage answer": 0.7,
    "multi-line answer": 0.7,
    "421 for hours": 0.7,
    "IMAP drop mid-walk": 0.5,
    "IMAP away for hours": 0.2,
    "UIDVALIDITY change": 0.2,
    "mail moved by the user": 0.5,
    "mail deleted by the user": 0.5,
    "same mail in two folders": 0.9,
    "Sent folder lagging": 0.9,
    "clock +1 d": 1.0,
    "clock -2 h": 1.0,
    "DST change": 1.0,
    "suspend": 1.0,
    "disk full": 0.1,
    "EIO at a write": 0.03,
    "database locked": 0.1,
    "connection lost after COMMIT": 0.1,
    "slow commit": 0.3,
    "slow commit at a fence": 0.7,
    "crash at a write, torn log": 0.03,
    "duplicate import": 1.0,
    "merge while sending": 0.9,
    "sequence edited": 1.0,
    "sequence paused": 1.0,
    "a reply at the fence": 0.9,
    "a stop at the fence": 0.9,
    "restored old backup": 1.0,
    "upgrade with old state": 1.0,
}
# Chosen by dice of their own, so that a seed which lacks them plays as it did before there were any; in which share.
OF_THEIR_OWN = {"restored old backup": 0.15, "upgrade with old state": 0.08}
PLAYED_SHARE = 0.35
TIMES = (1, 1, 2, 3)
BURSTS = (1, 1, 1, 2, 5)


class Faults:
    """The mix of one seed; `fired` counts what happened. Each fault is armed at a few instants of the wild part.

    `now_s` gives virtual seconds, `days` is how long the wild part lasts; it begins at seven in the morning.
    """

    def __init__(self, dice: Random, own_dice: Random, now_s: Callable[[], float], days: int) -> None:
        self._dice, self._now_s = dice, now_s
        self.calm = False
        self.fired: Counter[str] = Counter()
        self._armed: dict[str, list[float]] = {}
        for name, share in OF_THEIR_OWN.items():
            if own_dice.random() < share:
                self._armed[name] = [0.0]
        for name in FAULTS:
            if name not in OF_THEIR_OWN and dice.random() < PLAYED_SHARE:
                instants = [self._by_day(days) for _ in range(dice.choice(TIMES))]
                self._armed[name] = sorted(at for at in instants for _ in range(dice.choice(BURSTS)))

    def _by_day(self, days: int) -> float:
        return self._dice.randrange(days) * 86_400 + self._dice.uniform(0, 15) * 3600

    def plays(self, name: str) -> bool:
        """Whether this seed has it in its mix."""
        return name in self._armed and not self.calm

    def hit(self, name: str) -> bool:
        """Whether it happens here and now; counted if so."""
        armed = self._armed.get(name)
        if self.calm or not armed:
            return False
        rate = FAULTS[name]
        if rate < 1:
            if self._now_s() < armed[0] or self._dice.random() >= rate:
                return False
            armed.pop(0)
        self.fired[name] += 1
        return True
