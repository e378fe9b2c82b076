"""Sequence files as models: errors in words with their line, bundles with all files, one door for the database too."""

from pathlib import Path

import pytest

from sequencer.content.definition import Bundle, from_stored, load, named_files, reactions, read_sequence
from sequencer.core.sequence import BranchStep
from sequencer.core.span import Span
from sequencer.errors import DefinitionErrors

ROOT = Path(__file__).parents[3]
SMALL = "title: Small\nsteps:\n  - id: intro\n    email: intro.md\n"

SOURCE = """\
title: VP
owner: ana
tags: [outbound, q4]
settings:
  window: business_hours
  exclusive: true
  track: {opens: false, clicks: false}
on:
  reply: {task: answer}
  auto_reply: {pause: until_return, else: 10d, max: 60d}
  account_reply: {pause: 14d, notify: owner}
steps:
  - id: intro
    email: intro.md
  - id: connect
    wait: 1bd
    linkedin: connect
    note: connect.txt
    on_overdue: {after: 3bd, do: skip}
  - id: call-1
    wait: {for: 2bd, from: intro}
    call: scripts/call.md
    priority: high
    outcomes:
      connected: {finish: goal}
      voicemail: next
      no_answer: {retry: {after: 1bd, max: 3}}
      do_not_call: {suppress: call}
  - id: accepted
    branch: linkedin_connected
    within: 5bd
    then: bump
    else: bump
  - id: bump
    wait: 3bd
    at: "09:00-10:30"
    email:
      variants: {short: short.md, story: story.md}
      choose: even
    reply_to: intro
rules:
  - id: hot
    when: clicks >= 2
    do: {task: call, script: scripts/hot.md}
"""


def test_a_sequence_knows_its_lines() -> None:
    sequence = read_sequence("sequences/vp.yaml", SOURCE, "vp")
    assert sequence.id == "vp"
    assert sequence.settings.exclusive is True
    assert sequence.steps[2].wait.span == Span(2, "bd")
    assert isinstance(sequence.steps[3], BranchStep)
    assert str(sequence.step_place("bump", "reply_to")) == "sequences/vp.yaml:40"
    assert str(sequence.step_place("bump", "review")) == "sequences/vp.yaml:34"
    assert str(sequence.place("rules.0.do.script")) == "sequences/vp.yaml:44"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # unknown keys, with what was meant
        ("title:", "titel:", 'vp.yaml:1: titel: no such key — did you mean "title"?'),
        ("window:", "windows:", '5: settings.windows: no such key — did you mean "window"?'),
        ("clicks: false", "clikcs: x", '7: settings.track.clikcs: no such key — did you mean "clicks"?'),
        ("reply_to:", "replyto:", '40: step "bump": replyto: no such key — did you mean "reply_to"?'),
        ("{pause: 14d", "{puase: 14d", '11: on.account_reply.puase: no such key — did you mean "pause"?'),
        ("max: 3}", "max: 3, mx: 4}", '27: step "call-1": outcomes.no_answer.retry.mx: no such key'),
        ("choose:", "chose:", '39: step "bump": email.chose: no such key — did you mean "choose"?'),
        ("title: VP", "title: VP\nid: vp", "2: id: no such key — remove it"),
        # values, with what may stand there
        ("priority: high", "priority: hihg", '"hihg" is not one of low, normal, high, urgent — did you mean "high"?'),
        ("wait: 1bd", "wait: soon", '16: step "connect": wait: "soon" is no length of time'),
        ("pause: until_return", "pause: soon", '"soon" is not one of until_return'),
        ("exclusive: true", "exclusive: maybe", "6: settings.exclusive: write true or false"),
        ("opens: false", "opens: [x]", "7: settings.track.opens: write true or false"),
        ("max: 3}", "max: x}", '27: step "call-1": outcomes.no_answer.retry.max: write a whole number'),
        ("max: 3}", "max: 21}", "retry.max: at most 20"),
        ("id: intro\n", "id: Intro One\n", '13: step "Intro One": id: write lower-case words joined by hyphens'),
        ('"09:00-10:30"', "9-10", '36: step "bump": at: write hours such as "09:00-10:30"'),
        ("{finish: goal}", "{finish: gaol}", 'did you mean "goal"?'),
        ("voicemail: next", "voicemail: nxt", '"nxt" is no reaction'),
        ("{finish: goal}", "{finish: goal, hold: bad_phone}", "one reaction has one move, not finish and hold"),
        ("tags: [outbound, q4]", "tags: outbound", "3: tags: write a list"),
        ("reply: {task: answer}", "reply: [x]", "9: on.reply: write a map"),
        ("window: business_hours", "window: {mon-fri: 9-17}", "5: settings.window.mon-fri: write hours such as"),
        # what is not there
        ("title: VP\n", "", "1: title: is missing"),
        ("    then: bump\n", "", '29: step "accepted": then: is missing'),
        ("  - id: hot\n    when", "  - when", "42: rule 1: id: is missing"),
        # kinds of steps
        (
            "email: intro.md",
            "emial: intro.md",
            'exactly one of email, call, linkedin, task and branch — did you mean "email"?',
        ),
        ("email: intro.md", "email: intro.md\n    call: x.md", '13: step "intro": a step has exactly one of'),
        ("choose: even", "choose: {short: 1, stroy: 2}", "choose names stroy, which is no variant"),
    ],
)
def test_an_error_says_where_what_and_what_was_meant(old: str, new: str, expected: str) -> None:
    assert old in SOURCE
    with pytest.raises(DefinitionErrors) as refused:
        read_sequence("sequences/vp.yaml", SOURCE.replace(old, new, 1), "vp")
    assert expected in str(refused.value)


def test_errors_come_all_at_once_in_the_order_of_lines() -> None:
    broken = SOURCE.replace("priority: high", "priority: x").replace("title:", "titel:").replace("wait: 3bd", "wait: x")
    with pytest.raises(DefinitionErrors) as refused:
        read_sequence("sequences/vp.yaml", broken, "vp")
    assert [error.line for error in refused.value.errors] == [1, 23, 35]


STEPS = "title: x\nsteps:\n  - {id: a, task: x}\n"
WAIT = '"3x" is no length of time'
KIND = "a step has exactly one of email, call, linkedin, task and branch"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # a misspelt kind: the rest is read as the kind that is meant
        ("{id: b, cal: x.md, wait: 3x}", [f'step "b": {KIND} — did you mean "call"?', f'step "b": wait: {WAIT}']),
        ("{id: b, linkdin: conect}", [KIND, 'linkedin: "conect" is not one of view, connect']),
        ("{id: b, cal: x.md, scrpt: y}", [KIND, "scrpt: no such key"]),
        # no kind at all: keys that no step has, and values that no step may have
        ("{id: b, wait: 3x, at: 9}", [KIND, f"wait: {WAIT}", "at: write hours"]),
        ("{id: b, foo: x, reply_to: A B}", [KIND, "foo: no such key", "reply_to: write lower-case words"]),
        ("{id: b, then: end}", [KIND]),
        # two kinds: what belongs to either may stand
        ("{id: b, email: x.md, call: x.md, reply_to: a, wait: 3x}", [KIND, f"wait: {WAIT}"]),
        # no id, no map, no known shape
        ("{task: x, wait: 3x}", ["step 2: id: is missing", f"step 2: wait: {WAIT}"]),
        ("just words", ["step 2: "]),
        # a misspelt key is one mistake, also where the key is required; its value is read as what is meant
        ("{idd: b, task: x}", ['step 2: idd: no such key — did you mean "id"?']),
        ("{id: b, task: x, wiat: 3x}", ["wiat: no such key", f"wait: {WAIT}"]),
        # what only shows once a value is mended, and what only its removal would cause
        (
            "{id: b, call: x, outcomes: {y: {finish: gaol, hold: bad_phone}}}",
            ['"gaol" is not one of', "one reaction has one move, not finish and hold"],
        ),
        ("{id: b, call: x, outcomes: {y: {pause: soon, else: 10d}}}", ['"soon" is not one of until_return']),
        ("{id: b, email: {variants: {c: x.md}, choose: {c: many}}}", ["email.choose.c: write a whole number"]),
        ("{id: b, email: {variants: {C D: x.md}, wait: 3d}}", ["email.variants.C D: write", "email.wait: no such key"]),
    ],
)
def test_one_mistake_hides_no_other_and_causes_none(entry: str, expected: list[str]) -> None:
    with pytest.raises(DefinitionErrors) as refused:
        read_sequence("sequences/x.yaml", f"{STEPS}  - {entry}\n", "x")
    found = list(map(str, refused.value.errors))
    assert len(found) == len(expected), found
    assert all(any(words in error for error in found) for words in expected), found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("steps: []\nrules: [{id: Hot Now, when: replied}]\n", ["title: is", "steps: is", "id: write", "do: is"]),
        ("titel: x\nowner: [x]\nsteps: none\n", ["titel: no", "owner: write", "steps: write a list"]),
        (STEPS.replace("task: x", "tsk: x") + "id: x\n", ["id: no such key", KIND]),
        (STEPS + "".join(f"  - {{id: s{at}, task: x}}\n" for at in range(100)) + "owner: []\n", ["steps: at", "owner"]),
    ],
)
def test_the_top_of_a_file_hides_nothing_either(source: str, expected: list[str]) -> None:
    with pytest.raises(DefinitionErrors) as refused:
        read_sequence("sequences/x.yaml", source, "x")
    found = list(map(str, refused.value.errors))
    assert len(found) == len(expected), found
    assert all(any(words in error for error in found) for words in expected), found


@pytest.mark.parametrize("source", ["- a\n", "text\n"])
def test_a_file_that_is_no_map_is_refused(source: str) -> None:
    with pytest.raises(DefinitionErrors, match="a sequence is a map"):
        read_sequence("sequences/vp.yaml", source, "vp")


def test_a_file_name_that_cannot_be_an_id_is_refused() -> None:
    with pytest.raises(DefinitionErrors, match="lower-case words joined by hyphens"):
        read_sequence("sequences/VP 1.yaml", SOURCE, "VP 1")


def test_named_files_and_reactions_know_their_keys() -> None:
    sequence = read_sequence("sequences/vp.yaml", SOURCE, "vp")
    assert [(each.path, each.key, each.role) for each in named_files(sequence)] == [
        ("intro.md", "steps.0.email.variants.only", "message"),
        ("connect.txt", "steps.1.note", "text"),
        ("scripts/call.md", "steps.2.call", "text"),
        ("short.md", "steps.4.email.variants.short", "message"),
        ("story.md", "steps.4.email.variants.story", "message"),
        ("scripts/hot.md", "rules.0.do.script", "text"),
    ]
    keys = [key for key, _ in reactions(sequence)]
    assert {"on.soft_bounce.then", "steps.1.on_overdue.do", "steps.2.outcomes.voicemail", "rules.0.do"} <= set(keys)


def _write(root: Path, **files: str) -> tuple[Path, Path]:
    for name in ("sequences", "templates/snippets"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", "/").replace("_yaml", ".yaml").replace("_md", ".md")).write_text(text)
    return root / "sequences", root / "templates"


def test_load_takes_each_file_alone_and_tells_all_errors(tmp_path: Path) -> None:
    folders = _write(
        tmp_path,
        sequences__good_yaml=SMALL,
        sequences__bad_yaml="title: x\nsteps: []\n",
        sequences__worse_yaml="title: [",
        templates__intro_md="Subject: x\nAttach: sheet.pdf\n\n{% include 'snippets/a.md' %}",
        templates__snippets__a_md="{% include 'snippets/b.md' %}",
        templates__snippets__b_md="b",
        templates__other_md="not named",
    )
    (tmp_path / "sequences" / "good.test.yaml").write_text("scenario: x\n")
    (tmp_path / "templates" / "sheet.pdf").write_bytes(b"%PDF\x00\xff")
    bundles, errors = load(*folders)
    assert [bundle.sequence.id for bundle in bundles] == ["good"]
    assert sorted(bundles[0].files) == ["intro.md", "sheet.pdf", "snippets/a.md", "snippets/b.md"]
    assert bundles[0].attachment("sheet.pdf") == b"%PDF\x00\xff"
    assert [error.path for error in errors] == ["sequences/bad.yaml", "sequences/worse.yaml"]
    assert load(*folders, names=["good"])[1] == []
    assert 'did you mean "good"?' in str(load(*folders, names=["godo"])[1][0])


def test_load_reports_files_that_may_not_be_read(tmp_path: Path) -> None:
    folders = _write(tmp_path, sequences__a_yaml=SMALL, sequences__b_yaml=SMALL.replace("intro.md", "link.md"))
    (tmp_path / "templates" / "intro.md").write_bytes(b"Subject: x\n\nJ\xfcrgen")
    (tmp_path / "templates" / "link.md").symlink_to("/etc/hostname")
    bundles, errors = load(*folders)
    assert [bundle.files for bundle in bundles] == [{}, {}]
    assert [str(error).partition(" — ")[0] for error in errors] == [
        "templates/intro.md:3: this is not UTF-8",
        "templates/link.md: a symbolic link leads out of the folder",
    ]


def test_the_digest_names_every_text_and_nothing_else(tmp_path: Path) -> None:
    def bundle(source: str = SMALL, name: str = "a", **files: str) -> Bundle:
        return from_stored(name, source, {"intro.md": "x", **files})

    assert bundle().digest == bundle().digest
    assert (
        len(
            {
                bundle().digest,
                bundle(SMALL + "tags: [x]\n").digest,
                bundle(name="b").digest,
                bundle(b="").digest,
                from_stored("a", SMALL, {"intro.md": "y"}).digest,
                from_stored("a", SMALL, {"intro.mdx": ""}).digest,
            }
        )
        == 6
    )
    folders = _write(tmp_path, sequences__a_yaml=SMALL, templates__intro_md="x")
    loaded = load(*folders)[0][0]
    assert loaded.digest == bundle().digest == from_stored("a", loaded.source, loaded.files).digest


def test_the_shipped_example_loads() -> None:
    bundles, errors = load(ROOT / "sequences", ROOT / "templates")
    assert errors == []
    assert "snippets/proof.md" in next(each for each in bundles if each.sequence.id == "vp-engineering").files
