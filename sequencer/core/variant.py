"""Which variant of a step an enrollment gets.

A choice is a hash of ids and nothing else: asked again, on another machine or after a crash, it is the same.
Nothing here counts sends or answers, and nothing declares a winner.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

SENT_MIN = 50
_DRAWS_MAX = 128


def choose(variants: Mapping[str, int] | Sequence[str], enrollment_key: str, step: str) -> str:
    """The variant for one enrollment at one step; a mapping gives weights, a sequence means even shares.

    The order in which variants are written does not matter. Raises ValueError without a variant of positive weight.
    """
    weights = dict(variants) if isinstance(variants, Mapping) else dict.fromkeys(variants, 1)
    if any(weight < 0 for weight in weights.values()):
        raise ValueError("the weight of a variant is 0 or more")
    total = sum(weights.values())
    if not total:
        raise ValueError("a step needs at least one variant with a weight above 0")
    point = int(_fraction(enrollment_key, step) * total)
    for name in sorted(weights):
        point -= weights[name]
        if point < 0:
            return name
    raise AssertionError("a fraction below 1 falls into one of the shares")


def thompson(counts: Mapping[str, tuple[int, int]], key: str) -> str:
    """The variant that Thompson sampling picks, from (sent, positive answers) of each.

    Each variant draws from its Beta(1 + positive, 1 + sent - positive); the highest draw wins, so a variant is chosen
    as often as it is likely to be the best. Even shares until every variant has `SENT_MIN` sends.
    `key` names the decision (enrollment and step); the same counts and key give the same variant.
    Raises ValueError without variants, or for counts with more positives than sends.
    Source: Thompson 1933; Chapelle and Li 2011.
    """
    for name, (sent, positive) in counts.items():
        if not 0 <= positive <= sent:
            raise ValueError(f'"{name}": {positive} positive answers to {sent} sends')
    if not counts or any(sent < SENT_MIN for sent, _ in counts.values()):
        return choose(sorted(counts), key, "thompson")
    draws = {
        name: _beta(1 + positive, 1 + sent - positive, _fractions(key, name))
        for name, (sent, positive) in counts.items()
    }
    return max(draws, key=draws.__getitem__)


def _beta(alpha: float, beta: float, fractions: Iterator[float]) -> float:
    """One draw from Beta(alpha, beta), both >= 1: X / (X + Y) of two gamma draws."""
    x = _gamma(alpha, fractions)
    y = _gamma(beta, fractions)
    return x / (x + y)


def _gamma(shape: float, fractions: Iterator[float]) -> float:
    """One draw from Gamma(shape, 1), shape >= 1. Source: Marsaglia and Tsang 2000, 'A simple method'."""
    d = shape - 1 / 3
    c = 1 / math.sqrt(9 * d)
    for _ in range(_DRAWS_MAX):
        normal = math.sqrt(-2 * math.log(next(fractions))) * math.cos(2 * math.pi * next(fractions))
        v = (1 + c * normal) ** 3
        if v > 0 and math.log(next(fractions)) < normal * normal / 2 + d - d * v + d * math.log(v):
            return d * v
    # More than 95 of 100 tries are taken, so this is never reached in practice; the mode bounds the loop.
    return d


def _fractions(*parts: str) -> Iterator[float]:
    """An endless, repeatable stream of fractions in (0, 1)."""
    ordinal = 0
    while True:
        yield _fraction(*parts, str(ordinal))
        ordinal += 1


def _fraction(*parts: str) -> float:
    """A fraction in (0, 1) from the hash of `parts`: 52 bits, and half a step up so that log() never meets 0."""
    joined = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    bits = int.from_bytes(blake2b(joined, digest_size=8).digest(), "big") >> 12
    return (bits + 0.5) / (1 << 52)
