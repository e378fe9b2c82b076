"""What is installed is what was tested: every package by an exact version of requirements.lock."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_-]+)")


def pins() -> dict[str, str]:
    found = [PIN.fullmatch(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
    assert all(found), "requirements.lock holds more than pins"
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin}


def test_every_package_that_is_asked_for_is_pinned_to_a_version_that_fits() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    locked = pins()
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def test_nothing_is_installed_but_by_the_lock() -> None:
    """The landing's script calls make; make's own installations name the lock, but for the target that writes it."""
    makefile = (ROOT / "Makefile").read_text()
    recipes = makefile[: makefile.index("\nlock:")]
    installs = [line for line in recipes.splitlines() if "pip install" in line]
    assert installs
    assert all("--constraint requirements.lock" in line for line in installs)
    assert "pip install" not in (ROOT / ".ci" / "run").read_text()
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert all("==" in each for each in built)
