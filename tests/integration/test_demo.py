"""`sequencer demo`: the real engine over real sockets in a simulated world, with every guarantee checked."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.typed import typed_in

DEMO_S_MAX = 120.0


def in_a_process(*arguments: str, hash_seed: str) -> str:
    """What the demo prints in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "sequencer", "demo", *arguments],
        capture_output=True, text=True, timeout=DEMO_S_MAX, check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "COLUMNS": "120"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return ran.stdout


def here(*arguments: str) -> str:
    """What it prints in this process, in which the words of mail are compiled by now."""
    ran = typed_in(Path.cwd(), "demo", *arguments)
    assert (ran.code, ran.err) == (0, ""), ran.out + ran.err
    return ran.out


@pytest.fixture(scope="module")
def twice() -> Sequence[dict[str, Any]]:
    """The same small world in two processes whose sets and dicts are in another order."""
    small = ("--people", "12", "--json")
    other_order = "1" if os.environ.get("PYTHONHASHSEED") == "4242" else "4242"
    return [json.loads(here(*small)), json.loads(in_a_process(*small, hash_seed=other_order))]


def test_the_same_seed_gives_the_same_world(twice: Sequence[dict[str, Any]]) -> None:
    assert twice[0] == twice[1]


def test_every_guarantee_held_and_was_put_to_the_test(twice: Sequence[dict[str, Any]]) -> None:
    done = twice[0]
    assert done["held"]
    assert all(each["held"] and not each["broken"] for each in done["guarantees"])
    counted = {each["guarantee"]: each["counted"] for each in done["guarantees"]}
    assert not [name for name, words in counted.items() if words.startswith("0 ") and "at the end" not in words]


def test_twelve_people_show_what_matters(twice: Sequence[dict[str, Any]]) -> None:
    outcomes, activity = twice[0]["outcomes"], twice[0]["activity"]
    assert outcomes["people"] == 12
    assert outcomes["meetings"] == outcomes["opted_out"] == outcomes["away"] == 1
    assert outcomes["bounced"] == 2
    assert outcomes["replied"] >= 4
    assert (activity["uncertain"], activity["settled_by_person"], activity["deferred"]) == (2, 1, 1)


def test_halfway_one_person_is_explained(twice: Sequence[dict[str, Any]]) -> None:
    explained = twice[0]["why"]
    assert explained["enrollments"][0]["sentence"]
    assert {gate["name"] for gate in explained["enrollments"][0]["gates"]} >= {"installation", "held", "window"}


def test_another_seed_is_another_world_told_as_it_happens() -> None:
    said = here("--people", "6", "--weeks", "2", "--seed", "7")
    timeline, _, closing = said.partition("2 weeks later")
    assert "Mon 23 Nov" in timeline
    assert "mail     " in timeline
    assert "\x1b[" not in said  # a pipe gets no colours
    assert closing.count("✓") >= 13
    assert "the same at every sequencer demo --people 6 --weeks 2 --seed 7" in closing


def test_quiet_is_only_the_report() -> None:
    said = here("--people", "1", "--weeks", "1", "--quiet")
    assert said.lstrip().startswith("1 week later")


def test_forty_people_for_six_weeks() -> None:
    done = json.loads(here("--seed", "2", "--json"))
    assert done["held"]
    assert done["outcomes"]["people"] == 40
    assert done["outcomes"]["meetings"] == done["outcomes"]["connected"] == 1
    assert (done["outcomes"]["opted_out"], done["outcomes"]["away"]) == (2, 3)
    assert (done["activity"]["uncertain"], done["activity"]["deferred"]) == (3, 3)
