"""Whether scenarios fit the sequences they speak of: steps, branches, outcomes, reps; each error with its line.

It is here because a scenario that names a step which is gone would pass or fail for the wrong reason. `check` and
`test` both ask it; it plays nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sequencer.config import Config
from sequencer.content import scenario_file
from sequencer.content.definition import Bundle, sequence_names
from sequencer.content.guess import guess
from sequencer.content.scenario import START, Case, Expect, Given
from sequencer.core.sequence import END, BranchStep, EmailStep, Sequence
from sequencer.engine.applying import check
from sequencer.engine.task_verbs import DEFAULT_OUTCOMES
from sequencer.errors import DefinitionError

__all__ = ["Scenarios", "read"]


@dataclass(frozen=True, slots=True)
class Scenarios:
    """`cases` of all files that were read, with the `bundles` they play, by the sequence's id.

    `errors`: of the scenario files; `below`: of those sequences and their templates. With either nothing is played.
    """

    cases: list[Case]
    bundles: Mapping[str, Bundle]
    errors: list[DefinitionError]
    below: list[DefinitionError]


def read(config: Config, names: Collection[str] | None = None) -> Scenarios:
    """The scenario files `names` (without their ending; None: all) with the sequences that they speak of."""
    cases: list[Case] = []
    errors: list[DefinitionError] = []
    for name in scenario_file.scenario_names(config.sequences_folder) if names is None else names:
        found, wrong = scenario_file.read(config.sequences_folder, name)
        cases += found
        errors += wrong
    known = sequence_names(config.sequences_folder)
    checked = check(config, sorted({case.scenario.sequence for case in cases} & set(known)))
    bundles = {bundle.sequence.id: bundle for bundle in checked.bundles}
    for case in cases:
        errors += _problems(case, bundles, known, config)
    return Scenarios(cases, bundles, errors, checked.errors)


def _problems(
    case: Case, bundles: Mapping[str, Bundle], known: Collection[str], config: Config
) -> Iterator[DefinitionError]:
    said = case.scenario
    if said.rep is not None and said.rep not in config.reps_by_name:
        yield case.wrong("rep", f'rep: no rep "{said.rep}" in config.toml', guess(said.rep, config.reps_by_name))
    if said.sequence not in known:
        yield case.wrong("sequence", f'sequence: no sequence "{said.sequence}"', guess(said.sequence, known))
    if said.sequence not in bundles:
        return
    sequence = bundles[said.sequence].sequence
    for number, given in enumerate(said.given):
        yield from _of_given(case, f"given.{number}", given, sequence)
    for number, expect in enumerate(said.expect):
        yield from _of_expect(case, f"expect.{number}", expect, sequence)


def _of_given(case: Case, key: str, given: Given, sequence: Sequence) -> Iterator[DefinitionError]:
    if given.at and given.at.wall and (given.at.wall.day, given.at.wall.clock) < (
        case.scenario.start.day, case.scenario.start.clock,
    ):  # fmt: skip
        yield case.wrong(f"{key}.at", f"{key}.at: {given.at} lies before the start")
    named = {"at": given.at.after if given.at and not given.at.wall else None, "step": given.step}
    named |= {"open": given.open, "click": given.click, "undone": given.undone}
    unknown = False
    for name, step in named.items():
        if step is not None and step != START and step not in sequence.index:
            unknown = True
            known = [*sequence.index, START] if name == "at" else sequence.index
            yield _unknown(case, f"{key}.{name}", step, known)
    if not unknown and given.of_task is not None:
        yield from _of_task(case, key, given, sequence)


def _of_task(case: Case, key: str, given: Given, sequence: Sequence) -> Iterator[DefinitionError]:
    step = sequence.step(given.of_task or "")
    if isinstance(step, BranchStep) or (isinstance(step, EmailStep) and not step.review):
        yield case.wrong(key, f'{key}: step "{step.id}" opens no task', "name the step with step:")
        return
    outcomes = {*step.outcomes, *DEFAULT_OUTCOMES.get(step.channel or "other", ("done",))}
    if given.done is not None and given.done not in outcomes:
        hint = guess(given.done, outcomes) or f"there is {', '.join(sorted(outcomes))}"
        yield case.wrong(f"{key}.done", f'{key}.done: step "{step.id}" has no outcome "{given.done}"', hint)


def _of_expect(case: Case, key: str, expect: Expect, sequence: Sequence) -> Iterator[DefinitionError]:
    for name in ("step", "skipped", "branch", "never"):
        step = getattr(expect, name)
        if step is not None and step not in sequence.index:
            yield _unknown(case, f"{key}.{name}", step, sequence.index)
        elif name == "branch" and step is not None and not isinstance(sequence.step(step), BranchStep):
            yield case.wrong(f"{key}.branch", f'{key}.branch: step "{step}" is no branch')
        elif name in ("step", "never") and step is not None and isinstance(sequence.step(step), BranchStep):
            yield case.wrong(f"{key}.{name}", f'{key}.{name}: step "{step}" is a branch', "write branch: and to:")
    if expect.to is not None and expect.to not in (*sequence.index, END):
        yield _unknown(case, f"{key}.to", expect.to, [*sequence.index, END])


def _unknown(case: Case, key: str, step: str, known: Collection[str]) -> DefinitionError:
    hint = guess(step, known) or f"there is {', '.join(known)}"
    return case.wrong(key, f'{key}: no step "{step}"', hint)
