"""A part of the simulation that every test run can afford: seeds that hold, the same trace twice, mutants caught."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.checks import broken
from tests.simulation.mutants import MUTANTS, caught_at
from tests.simulation.run import one, past
from tests.simulation.seed import play

ROOT = Path(__file__).parents[2]
# A mutant, and a seed that catches it. Where the engine has changed so that it no longer does, the first seeds must.
QUICK = {
    "no intent before the wire": 1,
    "an effect for each copy": 9,
    "ignore the lease": 1,
    "an erasure leaves mail": 1,
}
TWICE = 3


@pytest.mark.parametrize("seed", [*past(), *range(1, 6)])
def test_nothing_is_broken(seed: int) -> None:
    outcome = one(seed)
    assert not outcome.broken, f"replay: make sim SEED={seed}"


def test_the_same_seed_is_the_same_trace_in_another_process() -> None:
    asked = f"from tests.simulation.run import one; print(one({TWICE}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [one(TWICE).digest]


@pytest.mark.parametrize(("name", "seed"), QUICK.items(), ids=QUICK)
def test_a_mutant_is_caught(name: str, seed: int) -> None:
    with MUTANTS[name].put_in():
        caught = broken(play(seed))
    assert caught or caught_at(name)[1] is not None, MUTANTS[name]
