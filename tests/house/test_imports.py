"""Who may import whom: the table of docs/architecture.md, checked on the syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sequencer"
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


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts]


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name below sequencer) of every import, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
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


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    allowed = MAY_IMPORT[here]
    wrong = [f"line {line}: {name}" for line, name in imported(path) if name.split(".")[0] not in allowed]
    assert not wrong, f"{here} may import only {sorted(allowed)}"


@pytest.mark.parametrize("path", [path for path in modules() if room(path) == "core"], ids=lambda path: path.name)
def test_the_core_needs_the_standard_library_and_pydantic_alone(path: Path) -> None:
    import sys

    known = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "sequencer"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= known
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.split(".")[0] in known


def test_nobody_imports_the_command_line() -> None:
    others = [path for path in modules() if room(path) not in ("cli", "__main__")]
    guilty = [str(path) for path in others for _, name in imported(path) if name.startswith("cli")]
    assert not guilty


def test_only_the_store_knows_sql() -> None:
    """Others hold a Connection and hand it on; statements are built in store/."""
    for path in modules():
        if room(path) in ("store",):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sqlalchemy":
                names = {alias.name for alias in node.names}
                assert names <= {"Connection"}, f"{path}: {names}"
