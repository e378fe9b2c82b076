"""The two rules of tests/conftest.py, on a run of its own: a skip fails in CI, and elsewhere it is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = """
import pytest

@pytest.mark.servers
def test_of_a_server():
    pytest.skip("mail servers: no dovecot")
"""


@pytest.mark.parametrize(
    ("forbidden", "exit_code", "told"),
    [
        ("", 0, "NOT CHECKED: 1 tests skipped for want of Dovecot and Postfix"),
        ("1", 1, "skipping is forbidden here"),
    ],
)
def test_a_skip_is_told_and_in_ci_it_fails(tmp_path: Path, forbidden: str, exit_code: int, told: str) -> None:
    (tmp_path / "test_skipped.py").write_text(SKIPPED)
    settings = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "SEQUENCER_FORBID_SKIP": forbidden},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == exit_code, run.stdout + run.stderr
    assert told in run.stdout
