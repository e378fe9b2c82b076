"""The commands of the first hour, as they are typed: init, check, apply, import, enroll, preview, db."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.typed import Run, typed_in

EXPECTED_PEOPLE = 40
ZONE = "Europe/Madrid"


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """On a machine in Madrid."""
    monkeypatch.setenv("TZ", ZONE)
    return run


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with its sequence applied and its people on the list `first`; copied for each test."""
    folder = tmp_path_factory.mktemp("applied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", ZONE)
        assert typed_in(folder, "init").code == 0
        assert typed_in(folder, "apply", "--as", "ana").code == 0
        assert typed_in(folder, "import", "sequences/people.csv", "--list", "first").code == 0
    return folder


@pytest.fixture
def started(applied: Path, run: Run, tmp_path: Path) -> Run:
    shutil.copytree(applied, tmp_path, dirs_exist_ok=True)
    return run


def test_the_commands_that_init_names_work_when_typed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("init", "out reach")
    assert made.code == 0
    typed = [line.strip() for line in made.out.split("Then type:\n")[1].splitlines()]
    assert typed[0] == "cd 'out reach'"
    monkeypatch.chdir(tmp_path / "out reach")
    for command in typed[1:]:
        words = command.split()
        assert words[0] == "sequencer"
        done = run(*words[1:])
        assert done.code == 0, (command, done)
    assert f"{EXPECTED_PEOPLE} people would be enrolled, 0 refused" in done.out


def test_init_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    run("init")
    mine = tmp_path / "templates" / "intro.md"
    mine.write_text("Subject: Mine\n\nMine\n")
    (tmp_path / "templates" / "breakup.md").unlink()
    database = (tmp_path / "sequencer.db").stat().st_size
    again = run("init")
    assert mine.read_text() == "Subject: Mine\n\nMine\n"
    assert "kept     templates/intro.md" in again.out
    assert "created  templates/breakup.md" in again.out
    assert (tmp_path / "sequencer.db").stat().st_size == database
    there = [path for name in ("config.toml", "sequences", "templates") for path in _files(tmp_path / name)]
    assert f"its {len(there)} files were there" in run("init").out


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]


def test_init_leaves_nothing_behind_where_it_cannot_start(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[databse]\n")
    done = run("init")
    assert done.code == 2
    assert "databse" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_check(started: Run, tmp_path: Path) -> None:
    fine = started("check")
    assert (fine.code, fine.out) == (0, "ok: 5 sequences, 29 templates, 36 scenarios\n")
    assert "note: config.toml: [public] base_url" in fine.err
    (tmp_path / "sequences" / "bad.yaml").write_text(
        "title: Bad\nowner: anna\nsteps:\n  - id: a\n    email: intor.md\n"
    )
    bad = started("check")
    assert bad.code == 2
    assert 'sequences/bad.yaml:2: owner: no rep in config.toml "anna" — did you mean "ana"?' in bad.err
    assert 'sequences/bad.yaml:5: step "a": email: no file templates/intor.md — did you mean "intro.md"?' in bad.err
    assert "2 errors in 1 file" in bad.err
    assert len(json.loads(started("check", "--json").out)["errors"]) == 2
    # What is named alone is checked alone.
    assert started("check", "sequences/vp-engineering.yaml", "sequences/people.csv").out.startswith("ok: 1 sequence")
    assert started("check", "templates/intro.md").code == 0
    (tmp_path / "sequences" / "bad.test.yaml").write_text("scenario: x\nsequence: vp-enginering\n")
    told = started("check", "sequences/bad.test.yaml")
    assert told.code == 2
    assert "sequences/bad.test.yaml:1: expect: is missing" in told.err
    assert "sequences/bad.test.yaml:1: start: is missing" in started("check").err


def test_check_tells_all_errors_of_all_files_at_once(started: Run, tmp_path: Path) -> None:
    (tmp_path / "sequences" / "bad.yaml").write_text(
        "title: Bad\nsteps:\n  - id: a\n    email: nothere.md\n"
        "  - id: a\n    wait: 3x\n    cal: intro.md\n    when: prospect.foo ==\n"
    )
    (tmp_path / "sequences" / "worse.yaml").write_text("title: Worse\nowner: anna\nsteps:\n  - {task: x, nxt: a}\n")
    done = started("check")
    assert done.code == 2
    told = [line.partition(" — ")[0] for line in done.err.splitlines() if line.startswith("sequences/")]
    assert told == [
        'sequences/bad.yaml:4: step "a": email: no file templates/nothere.md',
        'sequences/bad.yaml:5: step "a": a step has exactly one of email, call, linkedin, task and branch',
        'sequences/bad.yaml:5: step "a": id: another step has this id',
        'sequences/bad.yaml:6: step "a": wait: "3x" is no length of time: write a number and m, h, d or bd, '
        "as in 30m, 4h, 3d, 2bd",
        'sequences/bad.yaml:8: step "a": when: cannot be understood near prospect.foo ==',
        'sequences/worse.yaml:2: owner: no rep in config.toml "anna"',
        "sequences/worse.yaml:4: step 1: id: is missing",
        "sequences/worse.yaml:4: step 1: nxt: no such key",
    ]
    assert "8 errors in 2 files" in done.err
    # A template that only a malformed sequence uses is used.
    (tmp_path / "templates" / "only.md").write_text("Subject: x\n\nx\n")
    (tmp_path / "sequences" / "worse.yaml").write_text("title: Worse\nsteps:\n  - {email: only.md}\n")
    assert "no sequence uses" not in started("check", "templates/only.md").err


def test_check_reads_what_it_can_when_the_config_is_wrong(started: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("[company]", "[compny]"))
    (tmp_path / "sequences" / "bad.yaml").write_text("title: Bad\nsteps: []\n")
    done = started("check")
    assert done.code == 2
    line = config.read_text().splitlines().index("[compny]") + 1
    assert f"config.toml:{line}: compny" in done.err
    assert "sequences/bad.yaml:2" in done.err


def test_apply(started: Run, tmp_path: Path) -> None:
    assert "unchanged" in started("apply", "--as", "ana").out
    started("enroll", "vp-engineering", "--list", "first", "--as", "ana")
    same = started("apply", "vp-engineering", "--as", "ana")
    assert same.out == "vp-engineering: unchanged, version 1; 40 people are inside\n"
    changed = tmp_path / "templates" / "breakup.md"
    changed.write_text(changed.read_text() + "\nP.S. Good luck.\n")
    (done,) = json.loads(started("apply", "vp-engineering", "--json", "--as", "bo").out)
    assert done == {"sequence": "vp-engineering", "change": "changed", "version": 2, "people": EXPECTED_PEOPLE}
    intro = tmp_path / "templates" / "intro.md"
    intro.write_text(intro.read_text() + "\nP.S. We are hiring too.\n")
    refused = started("apply", "--as", "ana")
    assert refused.code == 2
    assert 'step "intro" is changed, and 40 people stand on it\nsequencer: nothing was applied' in refused.err
    source = tmp_path / "sequences" / "vp-engineering.yaml"
    source.unlink()
    gone = started("apply", "--as", "ana")
    assert "note: vp-engineering has no file any more; 40 people stay on its last version" in gone.out + gone.err


def test_apply_says_what_an_edit_means_for_the_people_inside(started: Run, tmp_path: Path) -> None:
    started("enroll", "vp-engineering", "--list", "first", "--as", "ana")
    source = tmp_path / "sequences" / "vp-engineering.yaml"
    written = source.read_text()
    source.write_text(written.replace("id: breakup", "id: goodbye").replace("next: breakup", "next: goodbye"))
    renamed = started("apply", "vp-engineering", "--as", "ana")
    assert renamed.out == "vp-engineering: version 2 (was 1); 40 people inside follow it from now on\n"
    assert 'step "goodbye" stands where "breakup" stood' in renamed.err
    assert 'write "renamed_from: breakup" in the step' in renamed.err
    said = source.read_text().replace("id: goodbye", "id: farewell\n    renamed_from: goodbye")
    source.write_text(said.replace("next: goodbye", "next: farewell"))
    assert started("apply", "--as", "ana").err == ""


IMPORTS: list[tuple[str, str, int, str]] = [
    # the file, what it says, exit code, what is told
    ("no.csv", "", 2, "no.csv: No such file"),
    ("empty.csv", "", 2, "the file is empty"),
    ("nobody.csv", "email,first_name\n", 2, "nobody.csv names columns and no people"),
    ("names.csv", "first_name\nJo\n", 2, 'no column "email"'),
    ("all-bad.csv", "email\nnobody\n", 2, "refused rows, with their reasons: all-bad.rejected.csv"),
    ("good.csv", "email\njo@acme.test\n", 0, ""),
]


@pytest.mark.parametrize(("name", "text", "code", "says"), IMPORTS)
def test_import_files(run: Run, tmp_path: Path, name: str, text: str, code: int, says: str) -> None:
    run("init")
    if name != "no.csv":
        (tmp_path / name).write_text(text)
    done = run("import", name)
    assert done.code == code
    assert says in done.err
    assert "Traceback" not in done.err


def test_refused_rows_are_mended_and_imported(run: Run, tmp_path: Path) -> None:
    run("init")
    (tmp_path / "people.csv").write_text(
        'email,first_name,title\njo@acme.test,Jo,CTO\nnobody,Al,"Head, Platform"\nann@ourco.test,Ann,\n"x@y.test,Q,\n'
    )
    done = run("import", "people.csv")
    assert done.code == 0
    assert "people.csv: 1 new, 0 changed, 0 as they were, 3 refused" in done.out
    rejects = tmp_path / "people.rejected.csv"
    rows = list(csv.reader(rejects.read_text("utf-8-sig").splitlines()))
    assert rows[0] == ["email", "first_name", "title", "refused_because"]
    assert rows[1][:3] == ["nobody", "Al", "Head, Platform"]
    assert rows[2][0] == "ann@ourco.test"
    assert "own company" in rows[2][3]
    assert "to try a sequence on colleagues, empty own_domains for that time" in rows[2][3]
    assert rows[3][3].startswith("line 5 of people.csv: a quote is opened")
    rejects.write_text(rejects.read_text().replace("nobody", "al@acme.test"))
    again = run("import", "people.rejected.csv", "--list", "mended")
    assert "1 new" in again.out
    assert run("enroll", "x", "--where", 'prospect.refused_because == "x"', "--as", "ana").code == 2
    second = list(csv.reader((tmp_path / "people.rejected.rejected.csv").read_text("utf-8-sig").splitlines()))
    assert second[0] == rows[0]


def test_import_says_what_update_would_do(started: Run, tmp_path: Path) -> None:
    text = (tmp_path / "sequences" / "people.csv").read_text().replace("VP Engineering", "CTO")
    (tmp_path / "new.csv").write_text(text)
    left = started("import", "new.csv")
    assert "0 changed" in left.out
    assert "other values in the file; --update takes them over" in left.err
    report = json.loads(started("import", "new.csv", "--update", "--json").out)
    assert report["updated"] > 0
    assert json.loads(started("import", "new.csv", "--update", "--json").out)["updated"] == 0


TYPED: list[tuple[tuple[str, ...], str]] = [
    (("enroll", "vp-engineering", "--as", "ana"), "say whom to enrol"),
    (("enroll", "vp-engineering", "--list", "first", "--email", "a@b.test", "--as", "ana"), "say whom to enrol"),
    (("enroll", "vp-engineering", "--list", "first"), "say who you are: --as ana | bo"),
    (("enroll", "vp-engineering", "--list", "first", "--as", "zoe"), 'there is no rep "zoe"'),
    (("enroll", "vp-enginering", "--list", "first", "--as", "ana"), 'did you mean "vp-engineering"?'),
    (("enroll", "vp-engineering", "--list", "fist", "--as", "ana"), 'did you mean "first"?'),
    (("enroll", "vp-engineering", "--where", "prospect.cuntry", "--as", "ana"), 'did you mean "country"?'),
    (("enroll", "vp-engineering", "--where", "country = 1", "--as", "ana"), "--where: "),
    (("enroll", "vp-engineering", "--list", "first", "--step", "brekup", "--as", "ana"), 'did you mean "breakup"?'),
    (
        ("enroll", "vp-engineering", "--list", "first", "--override", "--as", "ana"),
        "--override needs a name and a reason",
    ),
    (("enroll", "vp-engineering", "--list", "first", "--override", "--reason", "x"), "--override needs a name"),
    (("enroll", "vp-engineering", "--list", "first", "--reason", "x", "--as", "ana"), "--reason is for --override"),
    (("enroll", "vp-engineering", "--list", "first", "--as", "ana", "--spread", "3h"), "business days from 1d to 520d"),
    (("enroll", "vp-engineering", "--list", "first", "--as", "ana", "--spread", "ten"), '"ten" is no number of days'),
    (("enroll", "vp-engineering", "--list", "first", "--as", "ana", "--mailbox", "an@ourco.test"), "did you mean"),
    (("enroll", "vp-engineering", "--list", "first", "--as", "ana", "--mailbox", "bo@ourco.test"), "is bo's mailbox"),
    (("apply", "vp-enginering", "--as", "ana"), 'did you mean "vp-engineering"?'),
    (("apply", "config.toml", "--as", "ana"), "config.toml is no sequence"),
    (("check", "notes.txt"), "notes.txt is no sequence"),
    (("check", "no.csv"), "no.csv: No such file"),
    (("import", "sequences/people.csv", "--list", " "), "--list: a list's name has"),
    (("import", "sequences/people.csv", "--rejects", "sequences/people.csv"), "is the file that is read"),
    (("preview", "vp-enginering", "--prospect", "a@b.test", "--as", "ana"), 'did you mean "vp-engineering"?'),
    (("preview", "vp-engineering", "--prospect", "a@b.test", "--as", "ana"), "nobody has the address a@b.test"),
    (("--config", "no.toml", "check"), "there is no file no.toml"),
    (("--config", "no.toml", "enroll", "x", "--list", "y"), 'run "sequencer init" here'),
]


@pytest.mark.parametrize(("words", "says"), TYPED)
def test_wrong_input_is_one_line_that_says_how_to_mend_it(started: Run, words: tuple[str, ...], says: str) -> None:
    done = started(*words)
    assert done.code == 2
    assert says in done.err
    assert done.out == ""
    assert len(done.err.strip().splitlines()) <= 2


def test_preview(started: Run, tmp_path: Path) -> None:
    words = ("preview", "vp-engineering", "--prospect", "lucia.ferrer@brisapagos.test", "--as", "ana")
    shown = started(*words)
    assert shown.code == 0
    assert "Lucía Ferrer <lucia.ferrer@brisapagos.test>, from ana@ourco.test (ana)" in shown.out
    assert "1 Example Street, 28001 Madrid, Spain" in shown.out
    parts: list[dict[str, Any]] = json.loads(started(*words, "--json").out)["parts"]
    by_step = {part["step"]: part for part in parts}
    assert by_step["intro"]["subject"]
    # A reply stands in the thread of the first mail, and both variants of a step are shown.
    assert by_step["breakup"]["subject"] == f"Re: {by_step['intro']['subject']}"
    assert [part["what"] for part in parts if part["step"] == "bump"] == [
        "email, variant short",
        "email, variant story",
    ]
    assert by_step["message"]["at"] is None
    # An edit shows before it is applied, and a field that is wanting is named.
    intro = tmp_path / "templates" / "intro.md"
    intro.write_text(intro.read_text() + "\n{{ prospect.shoe_size }}\n")
    lacks = started(*words)
    assert lacks.code == 1
    assert "cannot be written: intro.md" in lacks.out
    assert "needs prospect.shoe_size" in lacks.out


def test_scenarios_are_played(started: Run, tmp_path: Path) -> None:
    fine = started("test", "inbound-lead")
    assert fine.code == 0
    assert fine.out.splitlines()[0].startswith("ok    inbound-lead: a request on a Monday morning")
    assert fine.out.endswith("scenarios, all as expected\n")
    source = tmp_path / "sequences" / "referral-ask.test.yaml"
    written = source.read_text()
    source.write_text(written.replace("{step: forward, on: 2026-11-13}", "{step: forward, on: 2026-11-12}"))
    failed = started("test", "sequences/referral-ask.test.yaml")
    assert failed.code == 1
    assert "FAIL  referral-ask: asked, reminded, thanked\n" in failed.out
    assert "  sequences/referral-ask.test.yaml:7: expected forward on Thu 12 Nov 2026\n" in failed.out
    assert "    but Fri 13 Nov 2026 09:00: mail sent, forward\n" in failed.out
    assert "    Mon 09 Nov 2026 09:00  enrolled in referral-ask at ask" in failed.out
    assert failed.out.endswith("5 scenarios, 1 failed\n")
    (first, *_) = json.loads(started("test", "referral-ask", "--json").out)
    assert (first["ok"], first["failures"][0]["line"]) == (False, 7)
    source.write_text(written.replace("step: forward", "step: foward"))
    wrong = started("test")
    assert (wrong.code, wrong.out) == (2, "")
    assert 'referral-ask.test.yaml:7: expect 2.step: no step "foward" — did you mean "forward"?' in wrong.err
    assert "sequences/nothing.test.yaml: no such file" in started("test", "nothing").err
    assert "templates/intro.md is no scenario test" in started("test", "templates/intro.md").err


def test_db_upgrade(started: Run, tmp_path: Path) -> None:
    assert started("db", "upgrade").out.startswith("up to date: schema ")
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("sequencer.db", "new.db"))
    assert started("db", "upgrade").out.startswith("upgraded: schema none -> ")
    config.write_text(config.read_text().replace("new.db", "nowhere/new.db"))
    refused = started("db", "upgrade")
    assert (refused.code, refused.err) == (1, "sequencer: the database refuses: unable to open database file\n")


@pytest.mark.parametrize("command", ["init", "check", "test", "apply", "import", "enroll", "preview", "db upgrade"])
def test_help_has_an_example(run: Run, command: str) -> None:
    shown = run(*command.split(), "--help")
    assert shown.code == 0
    assert f"Example: sequencer {command}" in " ".join(shown.out.split())
