"""Who may import whom: the table of docs/architecture.md, checked on the syntax tree."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sequencer"
CORE = {"core", "errors"}
EVERYTHING = {
    "core", "mail", "content", "store", "channels", "inbound", "engine", "insight", "world", "cli", "web",
    "doctor", "app", "daemon", "clock", "loop_watch", "memory", "config", "secret",
    "errors",
}  # fmt: skip
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "loop_watch": set(),
    "memory": set(),
    "core": CORE,
    "secret": {"errors"},
    "config": CORE | {"secret"},
    "mail": CORE | {"mail", "config"},
    "content": CORE | {"content", "mail", "config"},
    "store": CORE | {"store", "mail", "config"},
    "channels": CORE | {"channels", "mail", "config"},
    "inbound": CORE | {"inbound", "mail", "config"},
    "engine": CORE | {"engine", "mail", "config", "clock", "content", "store"},
    "doctor": CORE | {"doctor", "mail", "config", "content", "store", "channels", "inbound", "engine", "clock"},
    "insight": CORE | {"insight", "content", "store"},
    "app": EVERYTHING - {"cli", "web", "world", "doctor", "daemon", "app"},
    "world": EVERYTHING - {"cli", "web", "doctor"},
    "daemon": {
        "loop_watch",
        "memory",
        "app",
        "engine",
        "insight",
        "content",
        "mail",
        "core",
        "config",
        "clock",
        "store",
        "errors",
    },
    "web": {"app", "engine", "insight", "content", "mail", "core", "config", "clock", "store", "errors", "web"},
    "cli": EVERYTHING,
    "__main__": {"cli"},
}


Modules = dict[Path, list[ast.AST]]


@pytest.fixture(scope="module")
def modules(trees: Modules) -> Modules:
    return {path: nodes for path, nodes in trees.items() if "versions" not in path.parts}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """(line, dotted name below sequencer) of every import, wherever it stands."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            base = [f"{node.module}.{alias.name}" for alias in node.names]
            names = base if node.module == "sequencer" else [node.module]
        else:
            continue
        for name in names:
            if name.startswith("sequencer.") and name != "sequencer.__version__":
                yield node.lineno, name.removeprefix("sequencer.")


def test_a_room_imports_only_what_it_may(modules: Modules) -> None:
    wrong: list[str] = []
    for path, nodes in modules.items():
        here = room(path)
        if here == "__init__":
            continue
        allowed = MAY_IMPORT[here]
        wrong += [f"{path}:{line}: {name}" for line, name in imported(nodes) if name.split(".")[0] not in allowed]
    assert not wrong


def test_the_core_needs_the_standard_library_and_pydantic_alone(modules: Modules) -> None:
    known = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "sequencer"}
    core = {path: nodes for path, nodes in modules.items() if room(path) == "core"}
    assert core
    for path, nodes in core.items():
        for node in nodes:
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= known, path
            elif isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] in known, path


def test_nobody_imports_the_command_line(modules: Modules) -> None:
    others = {path: nodes for path, nodes in modules.items() if room(path) not in ("cli", "__main__")}
    guilty = [str(path) for path, nodes in others.items() for _, name in imported(nodes) if name.startswith("cli")]
    assert not guilty


def test_only_the_store_knows_sql(modules: Modules) -> None:
    """Others hold a Connection and hand it on; statements are built in store/."""
    for path, nodes in modules.items():
        if room(path) in ("store",):
            continue
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sqlalchemy":
                names = {alias.name for alias in node.names}
                assert names <= {"Connection"}, f"{path}: {names}"
