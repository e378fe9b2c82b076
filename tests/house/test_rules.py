"""Rules of the house that no reviewer has to remember."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sequencer"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TIME_CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
    ("time", "monotonic"), ("time", "perf_counter"), ("time", "time_ns"), ("time", "monotonic_ns"),
}  # fmt: skip
TOP_LEVEL = {
    "sequencer", "templates", "sequences", "tests", "benchmarks", "docs", "config.toml", "pyproject.toml", "Makefile",
    "README.md", "CHANGELOG.md", "requirements.lock", "LICENSE", ".gitignore", ".ci",
}  # fmt: skip
HOSTS = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", r"registry\.np" + "mjs", r"deb\." + "debian")))
FORBIDDEN_NAMES = re.compile(r"\b(TODO|FIXME|XXX)\b")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_but_the_clock_asks_the_time(path: Path) -> None:
    if path == PACKAGE / "clock.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            assert (name, node.func.attr) not in TIME_CALLS, f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_there_are_no_hidden_dice(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        assert not {"random", "uuid", "make_msgid", "formataddr"} & set(names), f"line {getattr(node, 'lineno', 0)}"


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_the_top_level_holds_what_was_agreed() -> None:
    assert {name.partition("/")[0] for name in tracked()} <= TOP_LEVEL


def test_no_registry_host_and_no_leftover_is_tracked() -> None:
    for name in tracked():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".lock", ".yaml", "") and path.is_file():
            text = path.read_text(errors="replace")
            assert not HOSTS.search(text), name
            if path.suffix == ".py" and path.name != "test_rules.py":
                assert not FORBIDDEN_NAMES.search(text), name


def test_help_is_fast_because_it_imports_little() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from sequencer.cli import root\n"
        "assert CliRunner().invoke(root, ['--help']).exit_code == 0\n"
        "heavy = {'sqlalchemy', 'pydantic', 'jinja2', 'holidays', 'apscheduler', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
