"""Play many seeds and count what they broke: `make sim SEEDS=300 [FIRST=seed]`; `make sim SEED=n`: one, with its trace.

Seeds that ever failed (seeds.txt) go first, for ever. A violation prints the one command that replays it. The last line
says seeds, mails, faults fired and violations; in a run of 100 seeds or more a fault that never fired is a failure.
`MUTANTS=1` plays mutants.py instead: each must be caught.
"""

import argparse
import gc
import logging
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.checks import broken
from tests.simulation.faults import FAULTS
from tests.simulation.mutants import MUTANTS, caught_at
from tests.simulation.premises import edits
from tests.simulation.seed import play

__all__ = ["Outcome", "one", "past"]

EVERY_FAULT_FROM, PROGRESS_EVERY = 100, 10
PAST = Path(__file__).with_name("seeds.txt")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed's result."""

    seed: int
    mails: int
    fired: Counter[str]
    broken: tuple[str, ...]
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    logging.getLogger("sequencer").setLevel(logging.CRITICAL)
    if given.mutants:
        raise SystemExit(_play_mutants(given.workers))
    if given.seed is not None:
        raise SystemExit(_play_one(given.seed))
    seeds = [*past(), *range(given.first, given.first + given.seeds)]
    raise SystemExit(_sum_up(_played(seeds, given.workers)))


def past() -> list[int]:
    """Seeds that failed once; what stands after # says why."""
    lines = (line.partition("#")[0].strip() for line in PAST.read_text().splitlines())
    return [int(line) for line in lines if line]


def one(seed: int) -> Outcome:
    """Play and judge one seed. What goes wrong in the simulation itself is a violation, too."""
    try:
        played = play(seed)
        return Outcome(seed, played.mails, played.fired, tuple(broken(played)), played.digest)
    except Exception as error:
        return Outcome(seed, 0, Counter(), (f"the simulation failed: {type(error).__name__}: {error}",), "")


def _play_one(seed: int) -> int:
    played = play(seed)
    sys.stdout.writelines(f"{line}\n" for line in played.trace)
    return _sum_up([Outcome(seed, played.mails, played.fired, tuple(broken(played)), played.digest)])


def _played(seeds: Sequence[int], workers: int) -> Iterator[Outcome]:
    """Whatever is made once a process (statements, patterns) the first seed makes, before there are other processes."""
    edits()
    if workers < 2:
        yield from map(one, seeds)
        return
    yield from map(one, seeds[:1])
    gc.freeze()  # else the collector looks through it anew at every seed
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(one, seeds[1:])


def _sum_up(outcomes: Iterable[Outcome]) -> int:
    """Print what broke and the last line; 1 if anything did."""
    seeds = mails = violations = 0
    fired: Counter[str] = Counter()
    for outcome in outcomes:
        seeds, mails = seeds + 1, mails + outcome.mails
        fired.update(outcome.fired)
        violations += len(outcome.broken)
        if seeds % PROGRESS_EVERY == 0:
            sys.stderr.write(f"{seeds} seeds, {violations} violations\n")
        for each in outcome.broken:
            sys.stdout.write(f"seed {outcome.seed}: {each}\n  replay: make sim SEED={outcome.seed}\n")
        sys.stdout.flush()
    never = [name for name in FAULTS if not fired[name]] if seeds >= EVERY_FAULT_FROM else []
    for name in never:
        sys.stdout.write(f"the fault never happened: {name}\n")
    total = f"{seeds} seeds, {mails} mails, {fired.total()} faults of {len(fired)} kinds fired, {violations} violations"
    sys.stdout.write(f"{total}\n")
    return 1 if violations or never else 0


def _play_mutants(workers: int) -> int:
    missed = 0
    edits()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for name, at in pool.imap(caught_at, MUTANTS):
            allowed = MUTANTS[name].within
            missed += at is None
            words = f"caught at seed {at}" if at is not None else "NOT CAUGHT"
            sys.stdout.write(f"{name}: {words} (within {allowed})\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS)} mutants, {missed} missed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
