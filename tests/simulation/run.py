"""Run many seeded worlds and count what they broke: `make sim SEEDS=20 [FIRST=7]`, `make sim SEED=n` for one.

Each seed is the demo's world with other people, answers and faults of the mail servers, run by the real engine on a
stepping clock. A violation prints the one command that replays it. The last line says seeds, mails, violations.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from sequencer.world.guarantees import judge
from sequencer.world.record import Record, Took
from sequencer.world.scene import Played, Script, play

PEOPLE = 16
WEEKS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    logging.getLogger("sequencer").setLevel(logging.CRITICAL)
    mails = violations = 0
    for seed in seeds:
        sent, broken = run(seed)
        mails += sent
        violations += len(broken)
        for each in broken:
            sys.stdout.write(f"seed {seed}: {each}\n  replay: make sim SEED={seed}\n")
    sys.stdout.write(f"{len(seeds)} seeds, {mails} mails, {violations} violations\n")
    raise SystemExit(1 if violations else 0)


def run(seed: int) -> tuple[int, list[str]]:
    """(mails accepted, violations) of one seed."""
    with tempfile.TemporaryDirectory(prefix="sequencer-sim-") as folder:
        record = Record()
        played: Played = asyncio.run(play(Script(seed=seed, people=PEOPLE, weeks=WEEKS), Path(folder), record))
        broken = [f"{each.guarantee}: {what}" for each in judge(played.seen) for what in each.broken]
        played.app.close()
        return sum(1 for _ in record.of(Took)), broken


if __name__ == "__main__":
    main()
