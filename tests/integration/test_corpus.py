"""Floors for reading real mail: what the classifier reaches on the labelled corpus beside the repository.

The corpus is not ours to ship (some of it is copyleft), so its own `score.py` runs where it is; without it this skips.
The floors lie under what is reached today, so that a change which reads worse is seen; they are no goals.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
PRINTER = """
import json, sys
from pathlib import Path
from sequencer.mail.classify import classify, classify_text
from sequencer.mail.parse import parse
files = [name for name in sys.argv[1:] if name != "--text"]
for name in files:
    raw = Path(name).read_bytes()
    judgement = classify_text(raw.decode(errors="replace")) if "--text" in sys.argv else classify(parse(raw))
    print(json.dumps(judgement.as_json(name)))
"""
FLOORS = {
    "complaint recognised": 0.90,
    "bounce recipient exact, sisimai": 0.97,
    "bounce recipient exact, others": 0.98,
    "bounce recognised": 0.99,
    "bounce temporary/permanent": 0.96,
    "bounce hard/soft": 0.97,
    "no false bounce": 0.99,
    "no false complaint": 1.0,
    "auto-reply recognised, real": 0.87,
    "auto-reply recognised, with headers": 1.0,
    "auto-reply recognised, body only": 0.80,
    "no human reply taken for automatic": 0.99,
    "return date": 0.85,
    "own words of the reply": 0.80,
    "forward recognised": 0.88,
    "no false forward": 0.97,
    "answer class": 0.80,
    "opt-out found": 0.95,
    "no false opt-out": 0.98,
    "auto-reply by its words": 0.85,
    "no human answer taken for automatic": 0.99,
    "date to come back": 0.85,
}


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    if not (CORPUS / "score.py").exists():
        pytest.skip("the labelled mail is not beside the repository")
    printer = tmp_path_factory.mktemp("printer") / "classify_files.py"
    printer.write_text(PRINTER)
    run = subprocess.run(
        [sys.executable, str(CORPUS / "score.py"), "--json", "--command", f"{sys.executable} {printer}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        timeout=300,
    )
    assert run.stderr == ""
    return {measure: said["rate"] for measure, said in json.loads(run.stdout).items()}


@pytest.mark.corpus
@pytest.mark.parametrize("measure", FLOORS)
def test_floor(score: dict[str, float], measure: str) -> None:
    assert score[measure] >= FLOORS[measure]
