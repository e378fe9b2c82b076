"""What a large mail took goes back to the system, in a program of its own, since it is said once for all."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from pathlib import Path
from sequencer.memory import give_back_large_blocks

def resident_kb():
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))

give_back_large_blocks()
b"x" * 20_000_000  # the largest is freed first, as glibc learns from it
before = resident_kb()
large = []
pins = []
for _ in range(40):
    large.append(b"x" * 1_000_000)
    pins.append(b"x" * 100_000)  # stays behind each of them
large.clear()
print(resident_kb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_large_blocks_go_back() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert int(run.stdout) < 10_000
