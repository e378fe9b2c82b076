"""`import` as it is typed: each product's export as it comes, what its columns became, what is refused."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.typed import Run

EXPORTS = Path(__file__).parents[1] / "unit" / "content" / "exports"
# file -> (new, refused)
COUNTS = {
    "apollo.csv": (2, 1), "apollo-2021.csv": (1, 0), "sales-navigator.csv": (2, 0),
    "sales-navigator-evaboot.csv": (1, 0), "leadiq.csv": (2, 0), "zoominfo.csv": (2, 0), "hubspot.csv": (2, 1),
    "salesforce.csv": (2, 1), "salesforce-data-loader.csv": (1, 0),
}  # fmt: skip
SCORED = "email,First Name,Fist Name,Lead Score,Mood\njo@acme.test,Jo,J,85%,calm\nal@acme.test,Al,A,9,glad\n"


@pytest.fixture
def run(run: Run) -> Run:
    """In an installation of its own."""
    assert run("init").code == 0
    return run


def test_every_export_imports_as_it_is_and_twice_changes_nothing(run: Run, tmp_path: Path) -> None:
    for name, (new, refused) in COUNTS.items():
        shutil.copy(EXPORTS / name, tmp_path)
        done = run("import", name, "--list", "exports")
        assert done.code == 0, done
        assert f"{name}: {new} new, 0 changed, 0 as they were, {refused} refused" in done.out
    for name, (known, refused) in COUNTS.items():
        for options in ((), ("--update",)):
            again = run("import", name, *options)
            assert f"{name}: 0 new, 0 changed, {known} as they were, {refused} refused" in again.out, again
    run("apply", "--as", "ana")
    assert "would be enrolled" in run("enroll", "vp-engineering", "--list", "exports", "--dry-run", "--as", "ana").out


def test_the_preview_shows_each_column_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(SCORED)
    shown = run("import", "people.csv", "--dry-run", "--list", "q4")
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "people.csv: a list (UTF-8, comma), 2 rows",
        "",
        "column\tfield\tfor example",
        "email\temail\tjo@acme.test",
        "First Name\tfirst_name\tJo",
        "Lead Score\tscore\t85%",
        "Fist Name\tfist_name\tJ",
        "Mood\tmood\tcalm",
        "",
        "kept as fields of your own: fist_name, mood",
        "people.csv: dry run, nothing was written: 2 new, 0 changed, 0 as they were, 0 refused",
    ]
    assert shown.err.splitlines() == [
        'note: column "Fist Name" is kept as fist_name — did you mean first_name? --map "Fist Name=first_name"',
        "note: the time zone of 2 new people is not known, so the mailbox's will count;"
        " a column timezone (Europe/Madrid), or a phone number with +, tells it",
    ]
    assert "2 new" in run("import", "people.csv").out


def test_the_preview_as_json(run: Run, tmp_path: Path) -> None:
    shutil.copy(EXPORTS / "hubspot.csv", tmp_path)
    found = json.loads(run("import", "hubspot.csv", "--dry-run", "--json").out)
    assert (found["layout"], found["form"], found["rows"]) == ("HubSpot", "UTF-8, comma", 3)
    by_column = {each["column"]: each for each in found["columns"]}
    assert by_column["Lifecycle Stage"]["field"] == "stage"
    assert by_column["Record ID"]["fate"] == "left out"
    assert (found["dry_run"], found["added"], len(found["refused"]), found["rejects"]) == (True, 2, 1, None)
    assert not (tmp_path / "hubspot.rejected.csv").exists()


def test_map_says_what_a_column_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(SCORED)
    done = run("import", "people.csv", "--map", "Mood=account.mood", "--map", "Fist Name=-")
    assert done.out.splitlines()[0] == (
        "people.csv: a list (UTF-8, comma): 4 columns recognised, 1 left out (--dry-run shows each)"
    )
    wrong = run("import", "people.csv", "--map", "Mod=score")
    assert (wrong.code, len(wrong.err.splitlines())) == (2, 1)
    assert 'did you mean "Mood"?' in wrong.err


def test_what_was_imported_can_be_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(SCORED)
    run("import", "people.csv")
    run("apply", "--as", "ana")
    words = ("enroll", "vp-engineering", "--dry-run", "--json", "--as", "ana", "--where")
    for asked, emails in {
        "prospect.score >= 70": ["jo@acme.test"],  # 9 is less than 85, although "9" stands behind "85"
        'prospect.mood == "glad" and prospect.score < 10': ["al@acme.test"],
    }.items():
        found = json.loads(run(*words, asked).out)
        assert [each["email"] for each in (*found["enrolled"], *found["refused"])] == emails
    wrong = run("enroll", "vp-engineering", "--dry-run", "--as", "ana", "--where", "prospect.scor >= 70")
    assert 'nobody has a field prospect.scor: did you mean "score"?' in wrong.err


def test_check_notes_fields_that_nobody_has(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sequences" / "scored.yaml").write_text(
        "title: Scored\nsteps:\n  - id: ring\n    call: ring.md\n    when: prospect.scor >= 70 and prospect.mood\n"
    )
    (tmp_path / "templates" / "ring.md").write_text(
        "{{ prospect.first_name }}\n\n{{ account.first_nam }}\n{{ prospect.name }}\n"
    )
    asked = ("check", "sequences/scored.yaml")
    assert run(*asked).err == ""  # nobody is in yet, so nobody can tell
    (tmp_path / "people.csv").write_text(SCORED)
    run("import", "people.csv")
    done = run(*asked)
    assert done.code == 0
    assert done.err.splitlines() == [
        'note: sequences/scored.yaml:5: no imported person has prospect.scor — did you mean "score"?',
        "note: templates/ring.md:3: no imported person has account.first_nam",
        'note: templates/ring.md:4: no imported person has prospect.name — did you mean "account.name"?',
    ]


def test_refused_rows_are_no_formulas_and_come_back_as_they_were(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "email;first_name;phone;note\nnobody;Jo;+34 612 345 678;=1+1\n;'@x;-;'=2\n", "cp1252"
    )
    assert run("import", "people.csv").code == 2
    rejects = tmp_path / "people.rejected.csv"
    written = list(csv.reader(rejects.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert written[1][:4] == ["nobody", "Jo", "'+34 612 345 678", "'=1+1"]
    assert written[2][:4] == ["", "''@x", "'-", "''=2"]
    rejects.write_text(rejects.read_text("utf-8-sig").replace("nobody", "jo@acme.test"))
    assert "1 new" in run("import", "people.rejected.csv").out
    again = list(
        csv.reader((tmp_path / "people.rejected.rejected.csv").read_text("utf-8-sig").splitlines(), delimiter=";")
    )
    assert again[1][:4] == written[2][:4]
    words = ("--where", 'prospect.note == "=1+1" and prospect.phone == "+34612345678"', "--as", "ana", "--dry-run")
    run("apply", "--as", "ana")
    assert "jo@acme.test" in run("enroll", "vp-engineering", *words).out


def test_something_that_is_no_file_is_refused_at_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe.csv is no file: save what it gives as a file first" in run("import", "pipe.csv").err
    assert run("import", "sequences").code == 2


PEAK = (
    "import sys; from sequencer.cli import main\n"
    "try: main()\n"
    "finally: print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')), file=sys.stderr)"
)
HOSTILE = {
    # a line of a gigabyte: holes in the file, so that the test writes nothing
    "line.csv": (b"email\n", 1_000_000_000, "larger than 200 MB"),
    # a line of a file that may be read
    "long.csv": (b"email\n" + b"x" * 60_000_000, 0, "the row is longer than 64 kB"),
    "nul.csv": (b"email,first_name\n" + b"jo@acme.test,J\x00o\n", 0, "contains a line break or control character"),
    "nuls.csv": (b"\0" * 1_000_000, 0, "it is no text"),
    "columns.csv": (b",".join(b"c%d" % number for number in range(10_000)) + b"\nx\n", 0, "10000 columns: 1000 are"),
    "formula.csv": (b"email,first_name\njo@acme.test,=cmd|' /C calc'!A0\n", 0, 'first_name begins with "="'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_one_clear_refusal_in_little_memory(run: Run, tmp_path: Path, name: str) -> None:
    content, size, says = HOSTILE[name]
    with (tmp_path / name).open("wb") as file:
        file.write(content)
        if size:
            file.truncate(size)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "import", name],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    *said, peak = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(said) <= 2
    assert int(peak.split()[1]) < 200_000, "kB"
