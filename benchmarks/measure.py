"""Measures the whole send against Postfix's own sender, in one run on one machine: a ratio, not a promise.

    python -m benchmarks.measure [--n 5000]

Needs the Debian package postfix for smtp-sink and smtp-source. Each contender gets a fresh sink; the rate is messages
over the time between the first and the last look at the sink's counter, so start-up is outside.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOOK_S = 0.005
START_S_MAX = 5.0
RUN_S_MAX = 300.0


class Sink:
    """smtp-sink on a free loopback port; it keeps a running count on its standard output."""

    def __init__(self, program: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._out = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [program, *user, "-c", f"127.0.0.1:{self.port}", "256"], stdout=self._out, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> "Sink":
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise SystemExit("smtp-sink does not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._out.close()

    def count(self) -> int:
        size = os.fstat(self._out.fileno()).st_size
        tail = os.pread(self._out.fileno(), 200, max(size - 200, 0)).decode(errors="replace")
        counts = [part.rpartition("mesg=")[2] for part in tail.replace("\r", "\n").splitlines() if "mesg=" in part]
        return int(counts[-1].split()[0]) if counts else 0


def rate(sink: Sink, command: list[str], n: int) -> tuple[int, float]:
    """(delivered, messages per second) of one command against this sink."""
    process = subprocess.Popen(command)
    began: float | None = None
    ended, seen = 0.0, 0
    deadline = time.monotonic() + RUN_S_MAX
    while time.monotonic() < deadline:
        now, count = time.monotonic(), sink.count()
        if count and began is None:
            began, seen = now, count
            first = count
        if count > seen:
            seen, ended = count, now
        if process.poll() is not None and count >= n:
            break
        if process.poll() is not None and now - (ended or now) > 1:
            break
        time.sleep(LOOK_S)
    process.wait(10)
    taken = ended - (began or ended)
    return seen, (seen - first) / taken if taken > 0 and began is not None else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=5000)
    n = parser.parse_args().n
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    programs = {name: shutil.which(name, path=path) for name in ("smtp-sink", "smtp-source")}
    if missing := [name for name, found in programs.items() if not found]:
        raise SystemExit(f"{' and '.join(missing)}: not here; install the Debian package postfix")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        send = [sys.executable, "-m", "benchmarks.send"]
        subprocess.run([*send, "prepare", "--n", str(n), "--dir", folder], check=True)
        with Sink(str(programs["smtp-sink"])) as sink:
            source = [str(programs["smtp-source"]), "-d", "-s", "20", "-l", "2000", "-m", str(n)]
            reference = rate(sink, [*source, f"127.0.0.1:{sink.port}"], n)
        with Sink(str(programs["smtp-sink"])) as sink:
            ours = rate(sink, [*send, "run", "--dir", folder, "--smtp", f"127.0.0.1:{sink.port}"], n)
    sys.stdout.write(f"smtp-source  {reference[0]:>6} of {n}  {reference[1]:>8.0f}/s\n")
    sys.stdout.write(f"sequencer    {ours[0]:>6} of {n}  {ours[1]:>8.0f}/s  ratio {ours[1] / reference[1]:.3f}\n")
    raise SystemExit(0 if ours[0] == n else 1)


if __name__ == "__main__":
    main()
