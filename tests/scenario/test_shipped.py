"""Every scenario that comes with the shipped sequences comes out as it says, and their texts suit everybody."""

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from sequencer.app import example_folder
from sequencer.config import Config, load
from sequencer.content import scenario_file
from sequencer.content.definition import Bundle, named_files, sequence_names
from sequencer.content.message import parse
from sequencer.content.people_csv import Row, read
from sequencer.content.render import Renderer
from sequencer.content.scenario import Case
from sequencer.core.people import Account, Address, Prospect
from sequencer.core.sequence import LinkedInStep
from sequencer.engine import scenario_check
from sequencer.engine.letter import render_facts
from sequencer.engine.scenario import run
from sequencer.engine.scenario_check import Scenarios
from sequencer.engine.situation import facts_of

FOLDER = example_folder()
SEQUENCES = sequence_names(FOLDER / "sequences")
CASES = [case for name in SEQUENCES for case in scenario_file.read(FOLDER / "sequences", name)[0]]
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MAIL_WORDS_MAX = 130
CONNECT_NOTE_CHARS_MAX = 300
CLICHES = re.compile(
    r"finds you well|just (?:checking|following)|checking in|quick question|touch(?:ing)? base|circle back"
    r"|reach(?:ing)? out|pick your brain|game.changer|synerg|leverag|low.hanging|bump(?:ing)? this|per my last",
    re.IGNORECASE,
)


@cache
def installation() -> tuple[Config, Scenarios]:
    config = load(FOLDER / "config.toml")
    return config, scenario_check.read(config)


@cache
def people() -> list[Row]:
    return [row for row in read(Path(FOLDER / "sequences" / "people.csv")) if isinstance(row, Row)]


def bundle_of(name: str) -> Bundle:
    return installation()[1].bundles[name]


def test_the_shipped_scenarios_are_sound_and_each_sequence_has_some() -> None:
    _, found = installation()
    assert (found.errors, found.below) == ([], [])
    told = {name: [case for case in found.cases if case.scenario.sequence == name] for name in SEQUENCES}
    assert min(map(len, told.values())) >= 5
    for name, cases in told.items():
        ends = {expect.finished for case in cases for expect in case.scenario.expect}
        assert {"replied", "opted_out"} <= ends, name
        assert any(given.auto_reply for case in cases for given in case.scenario.given), name


@pytest.mark.parametrize("case", CASES, ids=[f"{case.scenario.sequence}: {case.scenario.scenario}" for case in CASES])
def test_a_shipped_scenario_comes_out_as_it_says(case: Case) -> None:
    config, _ = installation()
    result = run(config, bundle_of(case.scenario.sequence), case)
    assert result.ok, "\n".join(f"{each.place}: expected {each.expected}, but {each.found}" for each in result.failures)


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_sample_person_can_be_written_to(name: str) -> None:
    config, bundle = installation()[0], bundle_of(name)
    renderer = Renderer(bundle.files)
    notes = {
        step.note for step in bundle.sequence.steps if isinstance(step, LinkedInStep) and step.linkedin == "connect"
    }
    for row in people():
        person = Prospect(
            1, tuple(map(Address, row.emails)), row.fields, row.account_id, row.timezone, row.zone_source,
            row.country, row.phone, row.linkedin,
        )  # fmt: skip
        account = Account(row.account_id or "", row.account_name, row.account_domain, row.account_fields)
        known = facts_of(config, bundle, row.emails[0], person, account, "ana", "ana@ourco.test")
        facts = render_facts(config, bundle.sequence, "step", known, NOW)
        for named in named_files(bundle.sequence):
            if named.role == "message":
                written = renderer.render_message(named.path, facts)
                body = written.text.partition("\n\nAna Ruiz\nOurco")[0]
                assert len(body.split()) <= MAIL_WORDS_MAX, named.path
                assert config.company.postal_address in written.text
            else:
                body = renderer.render_text(named.path, facts)
                if named.path in notes:
                    assert len(body) <= CONNECT_NOTE_CHARS_MAX, named.path
            assert not re.search(r"Hi ,|Hello ,| ,|\(\)|None|\{\{|\}\}|  \S", body.replace("\n   ", "\n")), named.path


@pytest.mark.parametrize("path", sorted((FOLDER / "templates").rglob("*.*")), ids=lambda path: path.name)
def test_a_text_has_no_cliche_and_a_mail_asks_one_thing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not CLICHES.search(text)
    if path.suffix == ".md" and path.parent.name not in ("scripts", "snippets"):
        paragraphs = parse(path.name, text).body.strip().split("\n\n")
        own = [line for line in paragraphs if not line.startswith(">")]
        assert sum(line.count("?") for line in own) <= (2 if "{% else %}" in text else 1)
