"""Variants: stable, in proportion, and no winner before there is something to go by."""

import math
from collections import Counter

import pytest

from sequencer.core.variant import SENT_MIN, _fractions, _gamma, choose, thompson

PEOPLE = [f"enrollment-{n}" for n in range(10_000)]


def shares_of(chosen: list[str]) -> dict[str, float]:
    return {name: count / len(chosen) for name, count in Counter(chosen).items()}


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        (["short", "story"], {"short": 0.5, "story": 0.5}),
        ({"short": 70, "story": 30}, {"short": 0.7, "story": 0.3}),
        ({"a": 1, "b": 1, "c": 2}, {"a": 0.25, "b": 0.25, "c": 0.5}),
        ({"on": 1, "off": 0}, {"on": 1.0}),  # a weight of 0 switches a variant off
        (["only"], {"only": 1.0}),
    ],
)
def test_shares_follow_the_weights(variants: dict[str, int] | list[str], expected: dict[str, float]) -> None:
    shares = shares_of([choose(variants, person, "bump") for person in PEOPLE])
    assert shares == pytest.approx(expected, abs=0.02)  # 4 standard deviations of 10,000 draws


def test_choice_is_the_same_whenever_asked_and_however_written() -> None:
    for person in PEOPLE[:200]:
        first = choose({"short": 70, "story": 30}, person, "bump")
        assert choose({"story": 30, "short": 70}, person, "bump") == first


def test_choice_survives_a_release() -> None:
    """People in flight keep their variant: a new way to hash would move them."""
    chosen = [choose(["short", "story"], f"enrollment-{n}", "bump") for n in range(8)]
    assert chosen == ["story", "short", "short", "story", "story", "story", "short", "short"]


def test_steps_choose_on_their_own() -> None:
    pairs = Counter((choose(["x", "y"], person, "one"), choose(["x", "y"], person, "two")) for person in PEOPLE)
    assert all(count == pytest.approx(2500, rel=0.1) for count in pairs.values())
    assert len(pairs) == 4


def test_ids_do_not_run_into_each_other() -> None:
    """("ab", "c") and ("a", "bc") are two decisions."""
    differs = [choose(["x", "y"], f"{n}1", "s") != choose(["x", "y"], f"{n}", "1s") for n in range(200)]
    assert any(differs)


@pytest.mark.parametrize("variants", [[], {}, {"a": 0}, {"a": -1, "b": 2}])
def test_wrong_weights_are_refused(variants: dict[str, int] | list[str]) -> None:
    with pytest.raises(ValueError, match="variant"):
        choose(variants, "enrollment-1", "bump")


# --- Thompson --------------------------------------------------------------------------------------------------------


def test_even_until_every_variant_had_its_sends() -> None:
    counts = {"winner": (5000, 4000), "new": (SENT_MIN - 1, 0)}
    shares = shares_of([thompson(counts, person) for person in PEOPLE])
    assert shares == pytest.approx({"winner": 0.5, "new": 0.5}, abs=0.02)


def test_departs_from_even_at_the_fiftieth_send() -> None:
    counts = {"winner": (5000, 4000), "new": (SENT_MIN, 0)}
    assert shares_of([thompson(counts, person) for person in PEOPLE[:500]]) == {"winner": 1.0}


@pytest.mark.parametrize(
    "counts",
    [
        {"x": (100, 10), "y": (100, 5)},
        {"x": (50, 0), "y": (50, 2)},  # no answer yet is not "never": x keeps a chance
        {"x": (400, 40), "y": (400, 40)},  # nobody is better
        {"x": (60, 60), "y": (60, 59)},
    ],
)
def test_a_variant_is_chosen_as_often_as_it_is_likely_to_be_the_best(counts: dict[str, tuple[int, int]]) -> None:
    shares = shares_of([thompson(counts, person) for person in PEOPLE])
    assert shares["x"] == pytest.approx(probability_first_is_higher(counts["x"], counts["y"]), abs=0.02)


def probability_first_is_higher(x: tuple[int, int], y: tuple[int, int]) -> float:
    """P(X > Y) of the two posteriors, summed over a grid: no sampling and no gamma function."""
    grid = [(n + 0.5) / 4000 for n in range(4000)]

    def masses(sent: int, positive: int) -> list[float]:
        density = [point**positive * (1 - point) ** (sent - positive) for point in grid]
        total = sum(density)
        return [value / total for value in density]

    below, wins = 0.0, 0.0
    for mass_x, mass_y in zip(masses(*x), masses(*y), strict=True):
        wins += mass_x * (below + mass_y / 2)
        below += mass_y
    return wins


def test_gamma_of_shape_1_is_the_exponential_distribution() -> None:
    """Kolmogorov-Smirnov against a distribution known in closed form: 0.0163 is the 1 % point of 10,000 draws."""
    draws = sorted(_gamma(1, _fractions(person)) for person in PEOPLE)
    distance = max(abs((rank + 1) / len(draws) - (1 - math.exp(-draw))) for rank, draw in enumerate(draws))
    assert distance < 0.0163


def test_thompson_is_the_same_for_the_same_key() -> None:
    counts = {"x": (100, 10), "y": (100, 8)}
    reversed_counts = {"y": (100, 8), "x": (100, 10)}
    assert [thompson(counts, person) for person in PEOPLE[:100]] == [
        thompson(reversed_counts, person) for person in PEOPLE[:100]
    ]


@pytest.mark.parametrize("counts", [{}, {"x": (10, 11)}, {"x": (10, -1)}])
def test_wrong_counts_are_refused(counts: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(ValueError):
        thompson(counts, "key")
