"""`sequencer demo`: the real engine over real sockets in a simulated world, with every guarantee checked."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

DEMO_S_MAX = 120.0


def begun(*arguments: str, hash_seed: str = "0") -> "subprocess.Popen[str]":
    """The demo in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sequencer", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "COLUMNS": "120"},
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> str:
    said, complained = process.communicate(timeout=DEMO_S_MAX)
    assert (process.returncode, complained) == (0, ""), said + complained
    return said


@pytest.fixture(scope="module")
def twice() -> Sequence[dict[str, Any]]:
    """The same small world in two processes whose sets and dicts are in another order."""
    both = [begun("demo", "--people", "12", "--json", hash_seed=seed) for seed in ("1", "4242")]
    return [json.loads(ended(process)) for process in both]


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
    said = ended(begun("demo", "--people", "6", "--weeks", "2", "--seed", "7"))
    timeline, _, closing = said.partition("2 weeks later")
    assert "Mon 23 Nov" in timeline
    assert "mail     " in timeline
    assert "\x1b[" not in said  # a pipe gets no colours
    assert closing.count("✓") >= 13
    assert "the same at every sequencer demo --people 6 --weeks 2 --seed 7" in closing


def test_quiet_is_only_the_report() -> None:
    said = ended(begun("demo", "--people", "1", "--weeks", "1", "--quiet"))
    assert said.lstrip().startswith("1 week later")


def test_forty_people_for_six_weeks() -> None:
    done = json.loads(ended(begun("demo", "--seed", "2", "--json")))
    assert done["held"]
    assert done["outcomes"]["people"] == 40
    assert done["outcomes"]["meetings"] == done["outcomes"]["connected"] == 1
    assert (done["outcomes"]["opted_out"], done["outcomes"]["away"]) == (2, 3)
    assert (done["activity"]["uncertain"], done["activity"]["deferred"]) == (3, 3)
