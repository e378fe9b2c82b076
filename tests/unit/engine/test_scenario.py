"""A scenario is played by the engine's own rules, and what it expects is compared with what happened."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sequencer.config import Config, load
from sequencer.content.definition import Bundle
from sequencer.content.scenario import Case
from sequencer.core import events as e
from sequencer.core.outlook import outlook
from sequencer.core.progress import enroll, fold
from sequencer.engine import scenario_check
from sequencer.engine.scenario import Result, run
from sequencer.engine.scenario_play import play
from sequencer.engine.situation import facts_of
from tests.unit.engine.office import CONFIG, SEQUENCE, TEMPLATES

HEAD = """\
scenario: it works
sequence: three
prospect: {email: jo@acme.test, first_name: Jo, phone: "+34810123499", timezone: UTC, country: ES}
start: "2026-11-23 09:00"
"""
# Without a `given` the rep rings at once and nobody connects: Mon intro, Wed ring, two business days after five bump.
PLAIN = "expect: [{step: intro, on: 2026-11-23}, {step: ring, on: 2026-11-25}, {step: bump, on: 2026-12-04}]"


class Shelf:
    """An installation's files, without a database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("sequences", "templates"):
            (folder / name).mkdir()
        (folder / "config.toml").write_text(CONFIG)
        (folder / "sequences" / "three.yaml").write_text(SEQUENCE)
        for name, text in TEMPLATES.items():
            (folder / "templates" / name).write_text(text)

    @property
    def config(self) -> Config:
        return load(self.folder / "config.toml")

    def read(self, source: str) -> scenario_check.Scenarios:
        (self.folder / "sequences" / "three.test.yaml").write_text(source)
        return scenario_check.read(self.config)

    def one(self, source: str) -> tuple[Bundle, Case]:
        found = self.read(source)
        assert (found.errors, found.below) == ([], [])
        return found.bundles["three"], found.cases[0]

    def run(self, source: str) -> Result:
        return run(self.config, *self.one(source))

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def scenario(given: str, expect: str) -> str:
    return f"{HEAD}given: [{given}]\nexpect: [{expect}]\n"


MET: list[tuple[str, str]] = [
    # nothing happens
    ("", "{step: intro}, {branch: known, to: bump}, {finished: completed}"),
    # a text is read as the inbox reads it
    (
        "{at: +2h after intro, auto_reply: Back on 1 December}",
        "{paused: away, until: 2026-12-02}, {step: ring, on: 2026-12-02}",
    ),
    (
        "{at: +2h after intro, reply: Sounds good}",
        "{finished: replied, on: '2026-11-23 11:00'}, {task: answer}, {never: ring}",
    ),
    (
        "{at: +2h after intro, reply: Please remove me from your list}",
        "{finished: opted_out}, {nothing_after: 2026-11-23}",
    ),
    ("{at: +2h after intro, auto_reply: I no longer work at Acme}", "{held: bad_address}"),
    # reports and what a rep records
    ("{at: +1m after intro, bounce: hard}", "{held: bad_address}, {finished: expired}, {nothing_after: 2026-11-23}"),
    ("{at: +1m after intro, bounce: soft}", "{finished: completed}"),
    ("{at: +1m after intro, opt_out: true}", "{finished: opted_out}"),
    ("{at: +1m after intro, complaint: true}", "{finished: opted_out}"),
    ("{at: +1d after intro, meeting: true}", "{finished: meeting, on: 2026-11-24}"),
    ("{at: +1d after intro, colleague_reply: true}", "{paused: account, until: 2026-12-08}"),
    ("{at: +1d after intro, owner_wrote: true}", "{paused: owner_wrote, until: 2026-11-29}"),
    # a branch is taken the moment its fact is there
    ("{at: '2026-11-26 12:00', linkedin_connected: true}", "{branch: known, to: bump, on: '2026-11-26 12:00'}"),
    # pauses: a length, a day, and one that ends when somebody says so; the rest of the wait is kept
    ("{at: +1h after intro, pause: 5d}", "{paused: by_person, until: 2026-11-28}, {step: ring, on: 2026-11-30}"),
    ("{at: +1h after intro, pause: 2026-12-10}", "{step: ring, on: 2026-12-10}"),
    ("{at: +1d after intro, pause: open}, {at: '2026-11-30 09:00', resume: true}", "{step: ring, on: 2026-12-01}"),
    ("{at: +1h after intro, pause: open}", "{paused: by_person}, {nothing_after: '2026-11-23 09:00'}"),
    # tasks: as said, skipped, never done; the second word is for the second try
    ("{at: +3h after ring, done: voicemail}", "{step: ring, on: '2026-11-25 09:00'}, {branch: known}"),
    ("{at: +3h after ring, skip: true}", "{skipped: ring, because: skipped_by_person}"),
    ("{undone: ring}", "{step: ring}, {nothing_after: '2026-11-25 09:00'}"),
    (
        "{at: +1h after ring, done: call_back}, {at: +1h after ring, done: connected}",
        "{step: ring, on: 2026-11-25}, {step: bump}",
    ),
]


@pytest.mark.parametrize(("given", "expect"), MET, ids=[given or "nothing" for given, _ in MET])
def test_what_happens_is_what_the_lifecycle_says(shelf: Shelf, given: str, expect: str) -> None:
    result = shelf.run(scenario(given, expect))
    assert result.ok, (result.failures, result.happened)


UNMET: list[tuple[str, str, str, str]] = [
    # what happens, what is expected, how that is told, what is told of what was
    ("", "{step: ring, on: 2026-11-24}", "ring on Tue 24 Nov 2026", "Wed 25 Nov 2026 09:00: task opened: ring"),
    ("", "{step: intro, on: '2026-11-23 09:01'}", "intro on Mon 23 Nov 2026 09:01", "Mon 23 Nov 2026 09:00: mail sent"),
    ("", "{skipped: ring}", "ring passed by", "it never happened"),
    ("", "{finished: replied}", "finished (replied)", "finished: the sequence came to its end"),
    ("", "{never: ring}", "ring never comes", "task opened: ring"),
    ("", "{nothing_after: 2026-11-25}", "nothing after Wed 25 Nov 2026", "mail sent, bump"),
    ("", "{branch: known, to: end}", "branch known goes to end", "branch known: went to bump"),
    ("", "{held: bad_address}", "held (bad_address)", "it never happened"),
    (
        "{at: +1h after intro, pause: 5d}",
        "{paused: by_person, until: 2026-11-29}",
        "paused (by_person) until Sun 29 Nov 2026",
        "paused until Sat 28 Nov 2026 00:00",
    ),
    (
        "{at: +1h after ring, skip: true}",
        "{skipped: ring, because: no_phone}",
        "ring passed by because no_phone",
        "skipped",
    ),
]


@pytest.mark.parametrize(("given", "expect", "expected", "found"), UNMET, ids=[expected for *_, expected, _ in UNMET])
def test_what_is_not_met_is_told_beside_what_was(
    shelf: Shelf, given: str, expect: str, expected: str, found: str
) -> None:
    result = shelf.run(scenario(given, expect))
    (failure,) = result.failures
    assert (failure.place.path, failure.place.line) == ("sequences/three.test.yaml", 6)
    assert failure.expected == expected
    assert found in failure.found
    assert result.happened[0].text.startswith("enrolled in three")


def test_a_missing_field_fails_the_scenario_unless_it_is_expected(shelf: Shelf) -> None:
    nameless = scenario("", "{finished: expired}").replace("first_name: Jo, ", "")
    (failure,) = shelf.run(nameless).failures
    assert failure.expected == "intro cannot be written: intro.md:3: needs prospect.first_name"
    assert shelf.run(nameless.replace("finished: expired", "held: missing_field")).ok
    shelf.edit("templates/ring.md", "first_name", "shoe_size")
    (failure,) = shelf.run(scenario("", "{finished: completed}")).failures
    assert failure.expected == "ring cannot be written: ring.md:1: needs prospect.shoe_size"


def test_a_variant_that_was_not_chosen_is_written_too(shelf: Shelf) -> None:
    (shelf.folder / "templates" / "other.md").write_text("\n{{ prospect.shoe_size }}\n")
    shelf.edit(
        "sequences/three.yaml", "email: bump.md", "email: {variants: {a: bump.md, b: other.md}, choose: {a: 1, b: 0}}"
    )
    (failure,) = shelf.run(scenario("", "{step: bump}")).failures
    assert "other.md:2: needs prospect.shoe_size" in failure.expected


IMPOSSIBLE: list[tuple[str, str]] = [
    # what could not happen, and why
    ("{at: +1h after bump, reply: x}, {at: +1h after intro, opt_out: true}", "bump never came"),
    ("{at: +1h after ring, done: voicemail}, {at: +1h after intro, opt_out: true}", "no task of ring was open for it"),
    ("{at: +0m after start, bounce: hard}", "no mail has left that could bounce"),
]


@pytest.mark.parametrize(("given", "why"), IMPOSSIBLE, ids=[why for _, why in IMPOSSIBLE])
def test_what_could_not_happen_fails_the_scenario(shelf: Shelf, given: str, why: str) -> None:
    (failure,) = shelf.run(scenario(given, "{step: intro}")).failures
    assert why in failure.expected


def test_a_mail_leaves_twenty_hours_after_a_call_at_the_earliest(shelf: Shelf) -> None:
    shelf.edit("sequences/three.yaml", "wait: 2bd\n    email: bump.md", "wait: 1h\n    email: bump.md")
    connected = (
        "{at: '2026-11-25 10:00', linkedin_connected: true}, {at: '2026-11-25 15:00', done: voicemail, step: ring}"
    )
    result = shelf.run(scenario(connected, "{step: bump, on: '2026-11-26 11:00'}"))
    assert result.ok, result.happened


def test_with_nothing_given_it_agrees_with_the_outlook(shelf: Shelf) -> None:
    shelf.edit("config.toml", "[windows.business_hours]", '[policy]\nperson_gap = "0s"\n[windows.business_hours]')
    bundle, case = shelf.one(f"{HEAD}{PLAIN}\n")
    played = play(shelf.config, bundle, case, "ana")
    first = played.happened[0]
    assert isinstance(first.event, e.Enrolled)
    known = facts_of(shelf.config, bundle, "jo@acme.test", case.person, case.account, "ana", first.event.mailbox)
    expected = outlook(bundle.sequence, enroll(first.event, first.at), known, first.at).expected
    steps: dict[str | None, datetime] = {each.step: each.at for each in expected if each.kind in ("email", "task")}
    found = {each.event.step: each.at for each in played.happened if isinstance(each.event, e.TouchSent | e.TaskOpened)}
    assert found == steps
    assert run(shelf.config, bundle, case).ok
    assert fold([(each.at, each.event) for each in played.happened]).finished == "completed"


UNFIT: list[tuple[str, str]] = [
    # what the scenario says, what is told
    ("sequence: three|sequence: thre", '2: sequence: no sequence "thre" — did you mean "three"?'),
    ("given: []|rep: anna", '5: rep: no rep "anna" in config.toml — did you mean "ana"?'),
    ("given: []|given: [{at: +1h after intor, reply: x}]", '5: given 1.at: no step "intor" — did you mean "intro"?'),
    ("given: []|given: [{undone: rng}]", '5: given 1.undone: no step "rng" — did you mean "ring"?'),
    (
        "given: []|given: [{at: +1h after ring, done: voicmail}]",
        'step "ring" has no outcome "voicmail" — did you mean "voicemail"?',
    ),
    ("given: []|given: [{at: +1h after intro, done: x}]", '5: given 1: step "intro" opens no task'),
    (
        "given: []|given: [{at: 2026-11-22 09:00, reply: x}]",
        "5: given 1.at: Sun 22 Nov 2026 09:00 lies before the start",
    ),
    ("step: intro|step: known", '6: expect 1.step: step "known" is a branch'),
    ("step: intro|branch: intro", '6: expect 1.branch: step "intro" is no branch'),
    ("step: intro|branch: known, to: bumb", '6: expect 1.to: no step "bumb" — did you mean "bump"?'),
    ("step: intro|never: intor", '6: expect 1.never: no step "intor"'),
]


@pytest.mark.parametrize(("change", "said"), UNFIT, ids=[said for _, said in UNFIT])
def test_a_scenario_that_does_not_fit_its_sequence_is_refused(shelf: Shelf, change: str, said: str) -> None:
    old, new = change.split("|")
    source = scenario("", "{step: intro}")
    assert old in source
    found = shelf.read(source.replace(old, new, 1))
    texts = [str(error).replace("sequences/three.test.yaml:", "") for error in found.errors]
    assert len(texts) == 1
    assert said in texts[0]


def test_mistakes_of_a_sequence_are_told_apart_from_those_of_its_scenarios(shelf: Shelf) -> None:
    shelf.edit("sequences/three.yaml", "email: intro.md", "email: intor.md")
    found = shelf.read(scenario("", "{step: intro}"))
    assert found.errors == []
    assert [error.path for error in found.below] == ["sequences/three.yaml"]


def test_it_starts_on_the_prospects_clock_whatever_zone_the_sequence_keeps(shelf: Shelf) -> None:
    shelf.edit(
        "sequences/three.yaml", "title: Three touches", "title: Three touches\nsettings: {timezone: Europe/Madrid}"
    )
    far = scenario("", "{step: intro, on: '2026-11-24 00:30'}").replace(
        "timezone: UTC, country: ES", "timezone: America/Denver"
    )
    result = shelf.run(far)
    assert result.ok, result.happened
    assert result.happened[0].at == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def test_the_rep_who_is_named_enrols_from_their_own_mailbox(shelf: Shelf) -> None:
    result = shelf.run(scenario("", "{step: intro}") + "rep: bo\n")
    assert result.ok
    assert result.happened[0].text == "enrolled in three at intro, by bo, from bo@ourco.test"
