"""Rules of the house that no reviewer has to remember."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sequencer"

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


def test_nobody_but_the_clock_asks_the_time(trees: dict[Path, list[ast.AST]]) -> None:
    asking = [
        f"{path}:{node.lineno}"
        for path, nodes in trees.items()
        if path != PACKAGE / "clock.py"
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if (owner(node.func.value), node.func.attr) in TIME_CALLS
    ]
    assert not asking


def owner(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_there_are_no_hidden_dice(trees: dict[Path, list[ast.AST]]) -> None:
    dice = {"random", "uuid", "make_msgid", "formataddr"}
    throwing = [
        f"{path}:{node.lineno}"
        for path, nodes in trees.items()
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        if dice & {getattr(node, "module", None), *(alias.name for alias in node.names)}
    ]
    assert not throwing


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
