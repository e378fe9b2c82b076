"""The product's files, parsed once for each file of rules.

A rule is one test that lists whatever breaks it: a test for each file would be thousands, and each worker of a run
collects them all.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sequencer"


@pytest.fixture(scope="module")
def trees() -> dict[Path, list[ast.AST]]:
    """Every node of each file of the product."""
    found = {path: list(ast.walk(ast.parse(path.read_text()))) for path in sorted(PACKAGE.rglob("*.py"))}
    assert PACKAGE / "clock.py" in found
    return found
