"""docs/limits.md names code and tests that are there, and every limit of config.toml."""

import re
from pathlib import Path

import pytest

from sequencer.config import Config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "limits.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| limit")]
SOURCES = "\n".join(path.read_text() for path in (ROOT / "sequencer").rglob("*.py"))
TESTS = {str(path.relative_to(ROOT / "tests").with_suffix("")) for path in (ROOT / "tests").rglob("test_*.py")}
KEYS = [
    *Config().policy_section.model_dump(exclude={"window", "cool_off"}), "cap_per_day", "ramp", "gap", "connections",
    "calls_per_day", "connects_per_week",
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_code_and_tests_of_a_limit_are_there(row: str) -> None:
    code, tests = row.split("|")[5:7]
    for name in re.findall(r"`([^`]+)`", code):
        assert (ROOT / "sequencer" / name).is_file() or f"def {name}(" in SOURCES, name
    for name in re.findall(r"`([^`]+)`", tests):
        assert any(each == name or each.endswith(f"/{name}") for each in TESTS), name


@pytest.mark.parametrize("key", KEYS)
def test_every_limit_of_the_config_is_on_the_page(key: str) -> None:
    assert any(re.search(rf"\b{key}\b", row.split("|")[3]) for row in ROWS)
