"""Whatever lies in an inbox: each mail ends as one event or is shown to a person, soon, and in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sequencer.engine.arrivals import TOO_LARGE

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MAILS = int(os.environ.get("HOSTILE", "200"))
SECONDS_MAX_A_MAIL = 1.0  # of the thread's own time, so that a busy machine changes nothing
MEGABYTES_MAX = 200


def test_each_hostile_mail_ends_as_one_event_or_is_parked() -> None:
    command = [sys.executable, "-m", "tests.integration.hostile_mail", "--n", str(MAILS)]
    if MAILS > 1000 and CORPUS.exists():
        command += ["--mails", str(CORPUS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600 + MAILS, check=True)
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["kept"] + said["not_ours"] == said["mails"] >= MAILS
    assert set(said["states"]) == {"projected", "parked"}, said
    known = ("unreadable: ", TOO_LARGE)
    assert all(problem.startswith(known) for problem, _ in said["problems"]), said["problems"]
    assert said["effects_of_one_mail_max"] == 1
    assert said["slowest_s"] < SECONDS_MAX_A_MAIL, said
    assert said["rss_mb"] < MEGABYTES_MAX
