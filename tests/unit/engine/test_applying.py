"""A version is refused while somebody stands on what it changes; else everybody inside follows it, all or nobody."""

from datetime import timedelta

import pytest

from sequencer.core import events as e
from sequencer.engine.applying import apply, check
from sequencer.errors import InputError
from sequencer.store import log, scopes, versions
from tests.fresh import person_numbers
from tests.unit.engine.office import ONE_MAIL, SEQUENCE, TEMPLATES, Office


def edited(old: str, new: str) -> str:
    assert old in SEQUENCE
    return SEQUENCE.replace(old, new)


def under_way(office: Office) -> int:
    """Somebody whose first mail is queued."""
    office.apply("three", SEQUENCE)
    office.person("jo@acme.test")
    enrollment = office.inside("three", "jo@acme.test")
    assert office.progress(enrollment).flight
    return enrollment


def had_intro(office: Office) -> int:
    """Somebody who got the first mail and waits for the call."""
    enrollment = under_way(office)
    office.sent(enrollment, "intro")
    return enrollment


def at_branch(office: Office) -> int:
    """Somebody who had the call skipped for want of a phone and waits inside the branch."""
    enrollment = had_intro(office)
    office.now += timedelta(days=3)
    office.record(enrollment)
    assert office.progress(enrollment).step == "ring"
    return enrollment


STEPS = SEQUENCE[SEQUENCE.index("  - id: intro") :]
RING = STEPS[STEPS.index("  - id: ring") : STEPS.index("  - id: known")]
INTRO = STEPS[: STEPS.index("  - id: ring")]

EDITS = [
    # the text of a step that they have had reaches others
    (had_intro, None, ("intro.md", "Subject: Hi\n\nNew\n"), None),
    # the text of the step whose mail is queued
    (under_way, None, ("intro.md", "Subject: Hi\n\nNew\n"), "changed"),
    # a file that the queued mail includes
    (under_way, None, ("proof.md", "new proof\n"), "changed"),
    # the text of a step to come
    (had_intro, None, ("bump.md", "\nNew\n"), None),
    # the wait of the step that comes next reaches whoever has not had it
    (had_intro, edited("wait: 2bd\n    call", "wait: 3bd\n    call"), None, None),
    # the step under way is gone
    (under_way, edited(INTRO, "").replace("    reply_to: intro\n", "").replace("bump.md", "intro.md"), None, "removed"),
    # the step they stand on is gone, although they have had it
    (had_intro, edited(INTRO, "").replace("    reply_to: intro\n", "").replace("bump.md", "intro.md"), None, "removed"),
    # a step to come is gone
    (had_intro, edited(RING, ""), None, None),
    # a step to come is put above the one they have had: they would miss it
    (had_intro, edited(STEPS, RING + STEPS.replace(RING, "")), None, "moved"),
    # a new step behind them is not sent to them
    (had_intro, edited(INTRO, "  - id: first\n    task: Look them up\n" + INTRO), None, None),
    # where the step that they stand on leads to
    (had_intro, edited("    email: intro.md\n", "    email: intro.md\n    next: bump\n"), None, "moved"),
    # a branch that they wait in
    (at_branch, edited("within: 5bd", "within: 9bd"), None, "changed"),
    # the same branch, for somebody who has not come to it
    (had_intro, edited("within: 5bd", "within: 9bd"), None, None),
    # settings, answers and rules are no steps
    (under_way, edited("steps:", "settings: {reenroll_after: 5d}\non: {owner_wrote: {pause: 9d}}\nsteps:"), None, None),
    # the id of a step that they have had: its mails would start new threads
    (had_intro, edited("- id: ring", "- id: call\n    renamed_from: ring"), None, None),
    (had_intro, edited("- id: intro", "- id: hello\n    renamed_from: intro").replace("to: intro", "to: hello"), None,
     "renamed"),
]  # fmt: skip


@pytest.mark.parametrize(("stands", "source", "template", "why"), EDITS)
def test_who_stands_where_decides(office: Office, stands, source, template, why) -> None:  # type: ignore[no-untyped-def]
    enrollment = stands(office)
    if template:
        office.template(*template)
    if why is None:
        assert office.apply("three", source).version == 2
        assert office.progress(enrollment).version == 2
        assert office.folded(enrollment) == office.progress(enrollment)
        return
    before = office.everything()
    words = {"changed": "is changed", "removed": "is removed", "moved": "is moved", "renamed": "is renamed"}[why]
    with pytest.raises(InputError, match=f"{words}.*1 person stands on it") as refused:
        office.apply("three", source)
    assert "finish or move them first" in str(refused.value)
    assert str(refused.value).startswith("sequences/three.yaml:")
    assert office.everything() == before


def test_first_same_and_next_version(office: Office) -> None:
    first = office.apply("three", SEQUENCE)
    same = office.apply("three")
    office.template("bump.md", "\nAnother text\n")
    third = office.apply("three")
    assert [(c.kind, c.version) for c in (first, same, third)] == [("new", 1), ("unchanged", 1), ("changed", 2)]
    kept = office.database.read(lambda c: versions.version(c, "three", 1))
    assert kept.files["bump.md"] == TEMPLATES["bump.md"]
    assert kept.applied_by == "ana"


def test_a_step_that_is_due_now_and_removed_is_not_opened(office: Office) -> None:
    """Deciding by the old version in the same transaction would open a step that the new one does not have."""
    office.apply("three", SEQUENCE)
    office.person("jo@acme.test", "Jo,+34 612 345 678", "first_name,phone")
    enrollment = office.inside("three", "jo@acme.test")
    office.sent(enrollment, "intro")
    office.now += timedelta(days=7)
    office.apply("three", edited(RING, ""))
    progress = office.progress(enrollment)
    assert not progress.holds
    assert not progress.tasks
    assert progress.step != "ring"


def test_fences_notice_and_queued_bytes_are_made_anew(office: Office) -> None:
    enrollment = under_way(office)
    person = office.id_of("jo@acme.test")
    scope = ("sequence", "three")

    def numbers() -> tuple[int, int]:
        return office.database.read(
            lambda c: (scopes.scope_numbers(c, [scope])[scope], person_numbers(c, [person])[person])
        )

    before = numbers()
    office.apply("three", edited("steps:", "tags: [new]\nsteps:"))
    after = numbers()
    assert after[0] == before[0] + 1
    assert after[1] > before[1]
    events = [entry.event for entry in office.database.read(lambda c: log.read_log(c, enrollment))]
    assert e.VersionApplied(version=2) in events


def test_all_or_none(office: Office) -> None:
    under_way(office)
    office.template("intro.md", "Subject: Hi\n\nNew\n")
    office.write("other", ONE_MAIL)
    checked = check(office.config)
    with pytest.raises(InputError):
        office.database.write(lambda c: apply(c, office.advance, checked.bundles, "ana", office.now))
    assert set(office.database.read(versions.latest)) == {"three"}


def test_a_renamed_file_waits_for_its_people(office: Office) -> None:
    under_way(office)
    with pytest.raises(InputError, match=r'renamed_from: 1 person is still in "three"'):
        office.apply("four", "renamed_from: three\n" + SEQUENCE.lstrip())


def test_finished_people_stand_in_nobodys_way(office: Office) -> None:
    enrollment = under_way(office)
    office.record(enrollment, e.OptedOut(by="person:ana"))
    office.template("intro.md", "Subject: Hi\n\nNew\n")
    assert office.apply("three").version == 2
    assert office.progress(enrollment).version == 1


def test_check_says_everything_at_once(office: Office) -> None:
    office.write("bad", "title: Bad\nowner: anna\nsteps:\n  - id: a\n    email: intor.md\n    when: click > 2\n")
    office.write("worse", "title: Worse\nsteps: [\n")
    office.write("three", SEQUENCE)
    found = check(office.config)
    said = "\n".join(map(str, found.errors))
    assert 'sequences/bad.yaml:2: owner: no rep in config.toml "anna" — did you mean "ana"?' in said
    assert 'sequences/bad.yaml:5: step "a": email: no file templates/intor.md — did you mean "intro.md"?' in said
    assert "sequences/bad.yaml:6:" in said
    assert "sequences/worse.yaml:" in said
    assert {bundle.sequence.id for bundle in found.bundles} == {"bad", "three"}


def test_check_warns_of_what_is_wanting(office: Office) -> None:
    office.write("three", "owner: cy\n" + SEQUENCE.lstrip())
    office.template("left.md", "Subject: x\n\ny\n")
    said = "\n".join(map(str, check(office.config).warnings))
    assert 'rep "cy" has no mailbox' in said
    assert "templates/left.md: no sequence uses this file" in said
    assert "bo@ourco.test has no inbox" in said
    assert "base_url" in said


def test_a_name_that_is_nearly_right(office: Office) -> None:
    office.write("three", SEQUENCE)
    (error,) = check(office.config, ["thre"]).errors
    assert str(error) == 'sequences/thre.yaml: no such sequence — did you mean "three"?'
