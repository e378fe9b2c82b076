"""A part of the simulation that every test run can afford: seeds that hold, the same trace twice, mutants caught."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS, caught_at
from tests.simulation.run import one, past

ROOT = Path(__file__).parents[2]
QUICK = ("no intent before the wire", "an effect for each copy", "ignore the lease", "an erasure leaves mail")
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


@pytest.mark.parametrize("name", QUICK)
def test_a_mutant_is_caught(name: str) -> None:
    assert caught_at(name)[1] is not None, MUTANTS[name]
