"""Files and functions stay small enough to be read."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 120

SOURCES = sorted(path for part in ("sequencer", "tests", "benchmarks") for path in (ROOT / part).rglob("*.py"))


def test_a_file_and_its_functions_are_short() -> None:
    long: list[str] = []
    for path in SOURCES:
        if "versions" in path.parts:
            continue  # a migration is as long as the schema it makes
        text = path.read_text()
        if len(text.splitlines()) > FILE_LINES_MAX:
            long.append(str(path))
        long += [
            f"{path}:{node.lineno}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
        ]
    assert SOURCES
    assert not long


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MAX
