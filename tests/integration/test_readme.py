"""The README is true: its commands run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_first_sequence_works_when_pasted(tmp_path: Path) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert not run.stderr.strip() or "note:" in run.stderr
    assert "lucia.ferrer@brisapagos.test" in run.stdout or "Lucía" in run.stdout


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    made = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets
    assert targets <= made


def test_every_file_it_names_exists() -> None:
    for name in re.findall(r"`((?:docs|sequences|benchmarks|sequencer)/[\w./-]*)`", README):
        assert (ROOT / name).exists(), name


def test_every_command_it_names_exists() -> None:
    from sequencer.cli import COMMANDS

    named = set(re.findall(r"^sequencer ([a-z-]+)", README, re.MULTILINE)) | set(
        re.findall(r"`(\w[\w-]*) --all`", README)
    )
    assert named
    assert named <= set(COMMANDS)
