"""A sequence file made to hurt is refused in seconds; most of these are YAML bombs that are published."""

import time

import pytest

from sequencer.content.definition import read_sequence
from sequencer.errors import DefinitionErrors

CPU_S_MAX = 2.0
BOMBS: dict[str, tuple[str, str]] = {
    "billion laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "is a YAML anchor"),
    "alias of itself": ("a: &a [*a]\n", "is a YAML"),
    "deep flow": ("title: " + "[" * 100_000, "nested more than 20 deep"),
    "deep braces": ("title: " + "{a: " * 100_000, "nested more than 20 deep"),
    "deep dashes": ("- " * 300_000, "nested more than 20 deep"),
    "deep block": ("\n".join(f"{' ' * depth}a:" for depth in range(1_300)), "nested more than 20 deep"),
    "huge scalar": ("title: " + "x" * 990_000, "at most 200 characters"),
    "huge file": ("#" * 1_000_001, "larger than 1 MB"),
    "huge key": ("x" * 900_000 + ": 1", "no key can stand"),
    "python object": ("title: !!python/object/apply:os.system ['id']", "is a YAML tag"),
    "python name": ("title: !!python/name:os.system", "is a YAML tag"),
    "own tag": ("%TAG ! tag:x,2000:\n---\ntitle: !x y\n", "is a YAML tag"),
    "merge": ("title: x\n<<: {steps: []}\n", "<<"),
    "documents": ("---\na: 1\n" * 100_000, "a second document begins here"),
    # each is told with what was meant, which once took minutes
    "unknown keys": ("\n".join(f"k{number}: 1" for number in range(60_000)), "no such key"),
    "unknown keys in steps": (
        "title: x\nsteps:\n" + "".join(f"  - idx: s{number}\n" for number in range(40_000)),
        "step 1000: a step has exactly one of",
    ),
    "the same key": ("k: 1\n" * 60_000, "is written twice"),
    "steps": ("title: x\nsteps:\n" + "  - id: s\n    email: a.md\n" * 20_000, "at most 100 of them"),
    "open quote": ("title: '" + "''" * 400_000, "never closed"),
    "digits": ("title: x\nsteps:\n  - id: a\n    wait: " + "9" * 5_000 + "d\n    email: a.md\n", "no length of time"),
    "control": ("title: \x00", "a control character"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_refused_soon(name: str) -> None:
    source, words = BOMBS[name]
    started = time.process_time()
    with pytest.raises(DefinitionErrors) as refused:
        read_sequence("sequences/x.yaml", source, "x")
    assert time.process_time() - started < CPU_S_MAX
    assert words in str(refused.value)
