"""A scenario file is read with all that is wrong in it, each with its line and what was meant."""

from datetime import date, time
from pathlib import Path

import pytest

from sequencer.content.scenario import Case, Instant, WallTime
from sequencer.content.scenario_file import read, scenario_names
from sequencer.core.span import Span
from sequencer.errors import DefinitionError

SOURCE = """\
scenario: an absence
sequence: vp
prospect: {email: jo@acme.test, first_name: Jo, timezone: America/Denver, country: US}
account: {name: Acme, hiring: engineers}
start: "2026-11-23 09:00"
given:
  - {at: +2h after intro, auto_reply: "Back on 1 December"}
  - at: 2026-11-24 10:00
    done: voicemail
    step: call-1
  - {undone: connect}
expect:
  - {step: intro, on: 2026-11-23}
  - {paused: away, until: 2026-12-02}
"""


def told(folder: Path, source: str) -> tuple[list[Case], list[DefinitionError]]:
    root = folder / "sequences"
    root.mkdir(exist_ok=True)
    (root / "vp.test.yaml").write_text(source)
    return read(root, "vp")


def test_a_scenario_is_read_with_its_people_and_its_lines(tmp_path: Path) -> None:
    (case,), errors = told(tmp_path, SOURCE)
    assert errors == []
    assert case.scenario.start == WallTime(date(2026, 11, 23), time(9))
    assert case.scenario.given[0].at == Instant(span=Span(2, "h"), after="intro")
    assert case.scenario.given[1].at == Instant(wall=WallTime(date(2026, 11, 24), time(10)))
    assert [given.kind for given in case.scenario.given] == ["auto_reply", "done", "undone"]
    assert [expect.kind for expect in case.scenario.expect] == ["step", "paused"]
    assert (case.person.address, case.person.timezone, case.person.country) == ("jo@acme.test", "America/Denver", "US")
    assert case.person.fields == {"first_name": "Jo"}
    assert case.account is not None
    assert (case.account.id, case.account.name, case.account.fields) == ("acme.test", "Acme", {"hiring": "engineers"})
    assert [case.line(key) for key in ("", "start", "given.1.done", "given.2.at", "expect.1")] == [1, 5, 9, 11, 14]


def test_a_file_may_hold_a_list_of_scenarios(tmp_path: Path) -> None:
    entry = SOURCE.replace("\n", "\n  ").strip()
    cases, errors = told(tmp_path, f"# two\n- {entry}\n- {entry}\n")
    assert errors == []
    assert [case.line("") for case in cases] == [2, 16]
    assert [case.line("given.1.done") for case in cases] == [10, 24]


def test_scenario_files_are_listed_by_their_ending(tmp_path: Path) -> None:
    for name in ("vp.test.yaml", "vp.yaml", "a.test.yaml", ".b.test.yaml", "people.csv"):
        (tmp_path / name).write_text("")
    assert scenario_names(tmp_path) == ["a", "vp"]


WRONG: list[tuple[str, str, str]] = [
    # what is replaced, by what, what is said
    ("start:", "strat:", '5: strat: no such key — did you mean "start"?'),
    ("auto_reply:", "autoreply:", '7: given 1.autoreply: no such key — did you mean "auto_reply"?'),
    ("step: intro", "setp: intro", '13: expect 1.setp: no such key — did you mean "step"?'),
    # times
    ('"2026-11-23 09:00"', "2026-11-23", '5: start: "2026-11-23" has no time of day'),
    ('"2026-11-23 09:00"', "monday", '5: start: "monday" is no date'),
    ('"2026-11-23 09:00"', '"2026-11-23T09:00+01:00"', "5: start: "),
    ("+2h after intro", "2h intro", '7: given 1.at: "2h intro" is no instant: write +2h after intro'),
    ("+2h after intro", "+2x after intro", '"2x" is no length of time'),
    ("on: 2026-11-23", "on: 23.11.2026", '13: expect 1.on: "23.11.2026" is no date'),
    # choices
    ("paused: away", "paused: awya", '14: expect 2.paused: "awya" is not one of'),
    ("{undone: connect}", "{at: +1h after intro, bounce: firm}", '"firm" is not one of hard, soft'),
    (
        "{undone: connect}",
        "{at: +1h after intro, meeting: false}",
        "11: given 3.meeting: write true, or remove the line",
    ),
    ("{undone: connect}", "{at: +1h after intro, pause: long}", '"long" is no pause: write 5d'),
    # one kind, and what belongs to it
    ("{undone: connect}", "{at: +1h after intro}", "11: given 3: write exactly one of reply, auto_reply"),
    ("done: voicemail", "done: voicemail\n    reply: x", "not reply and done"),
    ("{undone: connect}", "{undone: connect, at: +1h after intro}", "11: given 3: undone needs no at"),
    ("at: +2h after intro, auto_reply", "auto_reply", "7: given 1: at is missing"),
    ("    step: call-1\n", "", "8: given 2: done needs step"),
    ("{undone: connect}", "{at: +1h after intro, reply: x, step: intro}", "11: given 3: step belongs to done and skip"),
    ("until: 2026-12-02", "to: bump", "14: expect 2: to belongs to branch"),
    ("paused: away, until: 2026-12-02", "never: bump, on: 2026-12-02", "14: expect 2: on does not belong to never"),
    # the prospect, as a row of people.csv
    ("jo@acme.test", "jo@", '3: prospect: email "jo@" cannot be written to'),
    ("America/Denver", "Denver", '3: prospect: timezone "Denver" is not known'),
    ("first_name: Jo", "phone: abc", '3: prospect: phone "abc" left out'),
    ("first_name: Jo", "'!!': Jo", "3: prospect: the column"),
    ("email: jo@acme.test, ", "", '3: prospect: no column "email"'),
    ("{name: Acme, hiring: engineers}", "[x]", "4: account: write a map"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_an_error_says_where_what_and_what_was_meant(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SOURCE
    _, errors = told(tmp_path, SOURCE.replace(old, new, 1))
    texts = [str(error).replace("sequences/vp.test.yaml:", "") for error in errors]
    assert any(said in text for text in texts), texts
    assert len(texts) == 1


def test_what_is_wrong_in_one_entry_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    broken = (
        SOURCE.replace("auto_reply:", "rply:").replace("jo@acme.test", "jo@").replace("step: intro", "steps: intro")
    )
    _, errors = told(tmp_path, f"- {broken.strip()}\n- 7\n".replace("\n", "\n  ").replace("\n  - 7", "\n- 7"))
    assert [error.line for error in errors] == [7, 13, 3, 15]
    (case,), errors = told(tmp_path, SOURCE.replace("auto_reply:", "rply:"))
    assert errors
    assert case.scenario.given[1].done == "voicemail"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert [str(error) for error in read(tmp_path / "sequences", "vp")[1]] == ["sequences/vp.test.yaml: no such file"]
