"""Chance without dice: what looks random is a hash of the seed and of names, so that a run can be repeated.

The `random` module is not used: its draws depend on who asked before, so that one mail more would change everybody.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

__all__ = ["among", "share", "token"]

_Choice = TypeVar("_Choice")


def share(*names: object) -> float:
    """A number from 0 (included) to 1 (excluded), the same for the same names."""
    return int.from_bytes(_digest(names, 8), "big") / 2**64


def among(choices: Sequence[_Choice], *names: object) -> _Choice:
    """One of `choices`, the same for the same names."""
    return choices[int(share(*names) * len(choices))]


def token(*names: object) -> str:
    """32 hex digits, the same for the same names."""
    return _digest(names, 16).hex()


def _digest(names: Sequence[object], size: int) -> bytes:
    return blake2b("\0".join(map(str, names)).encode(), digest_size=size, person=b"sequencer-world").digest()
