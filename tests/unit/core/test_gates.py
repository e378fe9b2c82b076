"""What a gate says beside its code: whose hours it means."""

from typing import Any

import pytest

from sequencer.core.gates import gates_of
from sequencer.core.sequence import AnyStep
from tests.unit.core.build import CALL, EMAIL, START, Life, facts, sequence

CONNECT = {"id": "connect", "linkedin": "view"}
REVIEWED = {**EMAIL, "review": True}


@pytest.mark.parametrize(
    ("step", "whose"),
    [
        # mail and calls keep the prospect's hours
        (EMAIL, "America/Denver, from the file"),
        ({**CALL, "wait": "0m"}, "America/Denver, from the file"),
        # other tasks, and the review of a mail, the rep's, although both live in one zone
        (CONNECT, "America/Denver (the rep's)"),
        (REVIEWED, "America/Denver (the rep's)"),
    ],
)
def test_the_window_says_whose_hours_it_means(step: dict[str, Any], whose: str) -> None:
    of = sequence(step)
    first: AnyStep = of.steps[0]
    gates = gates_of(first, of, Life(of).progress, facts(), START)
    assert [gate.detail for gate in gates if gate.name == "window"] == [whose]
