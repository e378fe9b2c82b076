"""What does not fit together in a sequence and its templates, with line and hint."""

import tomllib
from pathlib import Path

import pytest

from sequencer.content.definition import load, read_draft, read_sequence
from sequencer.content.lint import Context, problems, warnings
from tests.unit.content.test_definition import SOURCE

ROOT = Path(__file__).parents[3]
CONTEXT = Context(frozenset({"business_hours"}), frozenset({"ana", "bo"}), "1 Example Street", frozenset({"intro.md"}))
FILES = {
    "intro.md": 'Subject: x\n\nHi {{ prospect.first_name }}\n{{ poll("prio", "Q?", ["Yes", "No"]) }}\n',
    "connect.txt": "Hi {{ prospect.first_name }}",
    "scripts/call.md": "# Call {{ prospect.first_name }}",
    "short.md": "\nshort",
    "story.md": "\n{% include 'snippets/s.md' %}",
    "snippets/s.md": "story",
    "scripts/hot.md": "hot",
}


def found(source: str = SOURCE, files: dict[str, str] | None = None, context: Context = CONTEXT) -> list[str]:
    sequence = read_sequence("sequences/vp.yaml", source, "vp")
    return [str(error) for error in problems(sequence, {**FILES, **(files or {})}, context=context)]


def test_a_sound_sequence_has_no_problem_and_no_warning() -> None:
    assert found() == []
    assert warnings(read_sequence("sequences/vp.yaml", SOURCE, "vp")) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # the installation
        ("owner: ana", "owner: anna", ':2: owner: no rep in config.toml "anna" — did you mean "ana"?'),
        ("window: business_hours", "window: busness", ':5: settings.window: no window in config.toml "busness"'),
        ("window: business_hours", 'window: {mno: "09:00-10:00"}', ":5: settings.window: "),
        (
            "window: business_hours",
            "window: business_hours\n  timezone: Europe/Madird",
            'did you mean "Europe/Madrid"?',
        ),
        (
            "window: business_hours",
            "window: business_hours\n  holidays: [ES, ZZ]",
            ':6: settings.holidays: no country "ZZ"',
        ),
        (
            "notify: owner",
            "notify: onwer",
            'on.account_reply.notify: no rep in config.toml "onwer" — did you mean "owner"?',
        ),
        ("do: skip}", "do: {reassign: bob}}", 'step "connect": on_overdue.do.reassign: no rep in config.toml "bob"'),
        # ids
        ("id: connect", "id: intro", ':15: step "intro": id: another step has this id — the first is on line 13'),
        ("id: connect", "id: connect\n    renamed_from: intro", 'renamed_from: "intro" is the id of another step'),
        ("title: VP", "title: VP\nrenamed_from: vp", "renamed_from: is the sequence's own name"),
        ("connected: {", "Was Reached: {", "outcomes.Was Reached: this is no name of an outcome"),
        # targets
        ("then: bump", "then: bmup", ':32: step "accepted": then: no step "bmup" — did you mean "bump"?'),
        ("else: bump", "else: call-1", 'else: "call-1" does not stand below this step'),
        ("then: bump", "then: accepted", 'then: "accepted" does not stand below this step'),
        ("priority: high", "next: connect", 'step "call-1": next: "connect" does not stand below'),
        ("voicemail: next", "voicemail: {goto: intro}", 'outcomes.voicemail.goto: "intro" does not stand below'),
        ("account_reply: {pause: 14d", "account_reply: {goto: nowhere", 'on.account_reply.goto: no step "nowhere"'),
        ("within: 5bd", "within: 5bd\n    next: end", "a branch goes on with then and else"),
        ("reply_to: intro", "reply_to: intor", ':40: step "bump": reply_to: no step "intor" — did you mean "intro"?'),
        ("reply_to: intro", "reply_to: call-1", 'reply_to: "call-1" is no email'),
        ("reply_to: intro", "reply_to: bump", 'reply_to: "bump" does not stand above this step'),
        ("from: intro", "from: bump", 'step "call-1": wait.from: "bump" does not stand above this step'),
        # mail
        ("reply_to: intro", "reply_to: intro\n    on_overdue: {after: 1d, do: skip}", "only a task can be overdue"),
        ("    wait: 3bd\n    at:", "    next: end\n    at:", None),  # tasks stand between the two mails
        # conditions
        ("when: clicks >= 2", "when: clikcs >= 2", ':43: rule "hot": when: '),
        ("branch: linkedin_connected", "branch: opened(intor)", 'branch: no step "intor" — did you mean "intro"?'),
        ("branch: linkedin_connected", "branch: answered(prior)", 'branch: no poll in the templates "prior"'),
        ("branch: linkedin_connected", "branch: answered(prio) == 'Yes' or clicked(bump)", None),
        # files
        ("email: intro.md", "email: inrto.md", 'email: no file templates/inrto.md — did you mean "intro.md"?'),
        ("call: scripts/call.md", "call: ../call.md", 'call: "../call.md" is no file below templates/'),
        ("note: connect.txt", "note: /etc/passwd", 'note: "/etc/passwd" is no file below templates/'),
        ("script: scripts/hot.md", "script: hto.md", 'rule "hot": do.script: no file templates/hto.md'),
    ],
)
def test_sequence(old: str, new: str, expected: str | None) -> None:
    assert old in SOURCE
    errors = found(SOURCE.replace(old, new, 1))
    if expected is None:
        assert errors == []
    else:
        assert any(expected in error for error in errors), errors


def told(source: str) -> list[str]:
    """All that a check says of a file: what is malformed, and what does not fit together in the rest."""
    read = read_draft("sequences/vp.yaml", source, "vp")
    assert read.sequence is not None
    return [str(error) for error in (*read.errors, *problems(read.sequence, FILES, context=CONTEXT, doubt=read.doubt))]


MALFORMED = [
    # what is malformed -> is told once, and no part of it is taken for something else
    ("wait: 3bd", "wait: 3x", "is no length of time"),
    ("reply_to: intro", "reply_to: [intro]", "reply_to: write one text"),
    ("reply_to: intro", "repyl_to: intro", "repyl_to: no such key"),
    ("call: scripts/call.md", "cal: scripts/call.md", "exactly one of"),
    ("email: intro.md", "emial: intro.md", "exactly one of"),
    ("    email: intro.md\n", "", "exactly one of"),
    ("email: intro.md", "email: intro.md\n    call: scripts/call.md", "exactly one of"),
    ("email: intro.md", "email: [intro.md]", "email: write a map"),
    ("id: intro\n", "id: Intro One\n", "id: write lower-case"),
    ("- id: bump\n    wait", "- wait", "step 5: id: is missing"),
    ("    else: bump\n", "", "else: is missing"),
    ("when: clicks >= 2", "when: [x]", "when: write one text"),
    ("title: VP\n", "", "title: is missing"),
    ("window: business_hours", "window: {mon-fri: 9-17}", "write hours"),
]
UNFIT = [
    ("owner: ana", "owner: anna", 'no rep in config.toml "anna"'),
    ("note: connect.txt", "note: conect.txt", "no file templates/conect.txt"),
    ("branch: linkedin_connected", "branch: opened(acepted)", 'no step "acepted"'),
    ("script: scripts/hot.md", "script: hto.md", "no file templates/hto.md"),
]


@pytest.mark.parametrize(("old", "new", "malformed"), MALFORMED)
def test_what_is_malformed_is_told_once_and_hides_nothing_that_does_not_fit(old: str, new: str, malformed: str) -> None:
    assert old in SOURCE
    (alone,) = told(SOURCE.replace(old, new, 1))
    assert malformed in alone
    for fits, does_not, unfit in UNFIT:
        errors = told(SOURCE.replace(old, new, 1).replace(fits, does_not, 1))
        assert len(errors) == 2, errors
        assert any(malformed in error for error in errors), errors
        assert any(unfit in error for error in errors), errors


def test_two_steps_with_one_id_are_each_followed_by_what_follows_them() -> None:
    source = "title: x\nsteps:\n  - {id: a, email: intro.md}\n  - {id: a, wait: 1d, email: intro.md}\n  - {id: b, %s}\n"
    (same,) = found(source % "email: intro.md, wait: 1d")
    assert "another step has this id" in same
    both = found(source % "email: intro.md")
    assert [error.partition(" — ")[0].partition(": ")[2] for error in both] == [
        'step "a": id: another step has this id',
        'step "b": an email directly after the email "a"',
    ]


EMAILS = "title: x\nsteps:\n  - {id: a, email: intro.md}\n  - {id: b, email: short.md, reply_to: a%s}\n"


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (EMAILS % "", True),
        (EMAILS % ", wait: 0h", True),
        (EMAILS % ", wait: 1h", False),
        (EMAILS % ", wait: {for: 2d, from: a}", False),
        # a branch between them takes no time by itself
        (
            EMAILS.replace("  - {id: b", "  - {id: c, branch: engaged, within: 5d, then: b, else: end}\n  - {id: b")
            % "",
            True,
        ),
        (
            EMAILS.replace("  - {id: b", "  - {id: c, branch: engaged, wait: 1d, then: b, else: end}\n  - {id: b") % "",
            False,
        ),
        (EMAILS.replace("  - {id: b", "  - {id: c, task: x}\n  - {id: b") % "", False),
        # a jump over the task between them
        (EMAILS.replace("intro.md}", "intro.md, next: b}\n  - {id: c, task: x}") % "", True),
    ],
)
def test_an_email_directly_after_an_email_needs_a_wait(source: str, wrong: bool) -> None:
    errors = found(source)
    assert any('an email directly after the email "a"' in error for error in errors) is wrong, errors


def test_automatic_mail_needs_a_postal_address_and_reviewed_mail_does_not() -> None:
    bare = Context(CONTEXT.windows, CONTEXT.reps)
    assert any(':13: step "intro": automatic mail needs' in error for error in found(context=bare))
    reviewed = SOURCE.replace("email: intro.md", "email: intro.md\n    review: true").replace(
        "at:", "review: true\n    at:"
    )
    assert found(reviewed, context=bare) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("intro.md", "\nHi {{ poll('prio', 'Q', ['a', 'b']) }}", "templates/intro.md:1: an email needs a Subject"),
        ("short.md", "Subject: x\n\ny", "templates/short.md:1: a reply has no Subject of its own — remove it"),
        ("intro.md", "Subjct: x\n\ny", 'templates/intro.md:1: Subjct: no such header — did you mean "Subject"?'),
        ("intro.md", "Subject: x\n\n \n", "templates/intro.md: the email has no text"),
        (
            "intro.md",
            "Subject: x\nAttach: ../x.pdf\n\ny",
            'templates/intro.md:2: "../x.pdf" is no file below templates/',
        ),
        ("intro.md", "Subject: x\nAttach: short.md\n\ny", "templates/intro.md:2: a template cannot be attached"),
        ("intro.md", "Subject: x\nAttach: x.pdf\n\ny", "templates/intro.md:2: no file templates/x.pdf"),
        ("intro.md", "Subject: {{ nmae }}\n\ny", "templates/intro.md:1: nmae: no such name"),
        ("intro.md", "Subject: x\n\n\n{{ rep.phone }}", "templates/intro.md:4: rep.phone: no such field"),
        (
            "intro.md",
            "Subject: x\n\n{{ 'x'|uper }}",
            'templates/intro.md:3: uper: no such filter — did you mean "upper"?',
        ),
        ("intro.md", "Subject: x\n\n{% if %}", "templates/intro.md:3: the template language does not allow this"),
        (
            "intro.md",
            "Subject: x\n\n[a](www.acme.test)",
            'templates/intro.md:3: the link "www.acme.test" leads nowhere',
        ),
        ("intro.md", 'Subject: x\n\n{{ poll("A b", "Q", ["a", "b"]) }}', 'templates/intro.md:3: poll: "A b" is no id'),
        (
            "short.md",
            "\n{% include 'snippets/z.md' %}",
            'templates/short.md:2: no file templates/snippets/z.md — did you mean "snippets/s.md"?',
        ),
        ("short.md", "\n{% include '../s.md' %}", 'templates/short.md:2: "../s.md" is no file below templates/'),
        ("snippets/s.md", "a\n{{ x.y }}", "templates/snippets/s.md:2: .y: only prospect"),
        ("snippets/s.md", "{% include 'story.md' %}", "includes are nested too deeply, or in a circle"),
        ("connect.txt", "x" * 301, "templates/connect.txt: the note has at least 301 characters, LinkedIn allows 300"),
        ("connect.txt", "{% if account.a %}" + "x" * 301 + "{% endif %}", None),  # for some people short enough
        (
            "connect.txt",
            "{% if account.a %}" + "x" * 301 + "{% else %}" + "y" * 302 + "{% endif %}",
            "at least 301 characters",
        ),
        ("scripts/call.md", "Subject: not a header here", None),
        ("scripts/call.md", "{{ x }}", "templates/scripts/call.md:1: x: no such name"),
    ],
)
def test_templates(path: str, text: str, expected: str | None) -> None:
    errors = found(files={path: text})
    if expected is None:
        assert errors == []
    else:
        assert any(expected in error for error in errors), errors


def test_all_problems_of_a_template_come_at_once_and_once() -> None:
    twice = SOURCE.replace("story: story.md", "story: short.md")
    errors = found(twice, files={"short.md": "\n{{ a }}\n{{ b }}\n{{ 'x'|c }}"})
    assert [error.partition(" — ")[0] for error in errors] == [
        "templates/short.md:2: a: no such name",
        "templates/short.md:3: b: no such name",
        "templates/short.md:4: c: no such filter",
    ]


def test_a_file_that_is_no_template_is_refused() -> None:
    errors = found(SOURCE.replace("email: intro.md", "email: intro.pdf"), files={"intro.pdf": "x"})
    assert any("templates/intro.pdf: a template ends in .md, .txt or .html" in error for error in errors)


def test_steps_that_nobody_can_reach_are_a_warning() -> None:
    sequence = read_sequence("sequences/vp.yaml", SOURCE.replace("priority: high", "next: bump"), "vp")
    assert [str(error).partition(" — ")[0] for error in warnings(sequence)] == [
        'sequences/vp.yaml:29: step "accepted": no step leads here'
    ]
    assert found(SOURCE.replace("priority: high", "next: bump")) == []
    jump = SOURCE.replace("priority: high", "next: bump").replace("{pause: 14d", "{goto: accepted")
    assert warnings(read_sequence("sequences/vp.yaml", jump, "vp")) == []


def test_the_shipped_example_is_sound() -> None:
    config = tomllib.loads((ROOT / "config.toml").read_text("utf-8"))
    context = Context(
        frozenset(config["windows"]),
        frozenset(rep["name"] for rep in config["reps"]),
        config["company"]["postal_address"],
    )
    bundles, errors = load(ROOT / "sequences", ROOT / "templates")
    assert errors == []
    for bundle in bundles:
        assert list(map(str, problems(bundle.sequence, bundle.files, context=context))) == []
        assert warnings(bundle.sequence) == []
