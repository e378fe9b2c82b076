"""From the files to what the daemon runs: check them all, say what would change, write a new version.

It is here because an edit must never change the course of people in flight unseen: a version is refused while somebody
stands on a step that it changes, removes or moves. It draws no forecast, and nobody is moved to another step.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content import definition, lint, message
from sequencer.content.definition import Bundle, mails, named_files
from sequencer.content.folder import names_below
from sequencer.content.functions import FUNCTIONS
from sequencer.content.lint import Context
from sequencer.content.sandbox import Sandbox
from sequencer.core import events as e
from sequencer.core.decide import standing
from sequencer.core.progress import Progress
from sequencer.core.reason import Place
from sequencer.core.sequence import END, AnyStep, BranchStep, Sequence
from sequencer.engine.absence import covers_away
from sequencer.engine.advance import Advance, Pass, write
from sequencer.engine.situation import load
from sequencer.errors import DefinitionError, DefinitionErrors, InputError
from sequencer.store import enrollments, log, scopes, sends, versions

Why = Literal["changed", "moved", "removed", "renamed"]
_WORDS: Mapping[Why, str] = {
    "changed": "is changed",
    "moved": "is moved to another place",
    "removed": "is removed",
    "renamed": "is renamed",
}


class Checked(NamedTuple):
    """`errors` must be mended before anything is applied; `warnings` are only told.

    `unsound`: paths below templates/ that only malformed sequences use.
    """

    bundles: list[Bundle]
    errors: list[DefinitionError]
    warnings: list[DefinitionError]
    unsound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A step on which so many people stand that this edit may not touch it."""

    step: str
    why: Why
    people: int
    place: Place


class Replaced(NamedTuple):
    """A step that is gone, and a new one of its kind that stands at its place and does not say that it was renamed."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What applying a bundle does. `version`: the one that runs afterwards; `people`: live enrollments inside.

    `replaced`: told while people are inside.
    """

    bundle: Bundle
    kind: Literal["new", "unchanged", "changed"]
    version: int
    people: int = 0
    obstacles: tuple[Obstacle, ...] = ()
    replaced: tuple[Replaced, ...] = ()


def check(config: Config, names: Collection[str] | None = None) -> Checked:
    """Read the sequences (`names`: ids; None: all) with their templates, and say all that is wrong at once."""
    bundles, malformed, errors = definition.read_folder(config.sequences_folder, config.templates_folder, names)
    templates = names_below(config.templates_folder)
    context = Context(
        frozenset(config.windows_by_name),
        frozenset(config.reps_by_name),
        config.company.postal_address,
        templates,
        config.templates_folder.name,
    )
    warnings: list[DefinitionError] = []
    for bundle in bundles:
        errors += lint.problems(bundle.sequence, bundle.files, context=context)
        warnings += lint.warnings(bundle.sequence)
        warnings += _needs(config, bundle.sequence)
    for each in malformed:
        errors += lint.problems(each.sequence, each.files, context=context, doubt=each.doubt)
    if names is None:
        used = {path for bundle in bundles for path in bundle.files}
        for path in sorted(templates - used) if not errors else ():
            warnings.append(DefinitionError(f"{context.folder}/{path}", 0, "no sequence uses this file"))
        warnings += [*_lacks(config), *covers_away(config)]
    unique = {str(error): error for error in errors}
    unsound = frozenset(path for each in malformed for path in each.files)
    return Checked(bundles, list(DefinitionErrors(list(unique.values())).errors), warnings, unsound)


def _needs(config: Config, sequence: Sequence) -> Iterator[DefinitionError]:
    """What a sequence asks of the installation, and does not get."""
    boxes = [box for box in config.mailboxes_by_address.values() if box.rep == sequence.owner]
    place = sequence.place("owner")
    if sequence.owner in config.reps_by_name and not boxes and mails(sequence):
        words = f'owner: rep "{sequence.owner}" has no mailbox'
        yield DefinitionError(place.path, place.line, words, "add one under [[mailboxes]] in config.toml")
    tracking = sequence.settings.track
    if (tracking.opens or tracking.clicks) and not config.public.links:
        place = sequence.place("settings.track")
        words = "settings.track: opens and clicks are not seen while [public] base_url is empty"
        yield DefinitionError(place.path, place.line, words)


def _lacks(config: Config) -> Iterator[DefinitionError]:
    """What an installation can do without, and what that means."""
    if not config.public.links:
        words = "[public] base_url is no https address that others can open"
        hint = "until it is, clicks and opens are not seen, polls are off, and people unsubscribe by mail"
        yield DefinitionError("config.toml", 0, words, hint)
    if not config.company.own_domains:
        hint = "name your web domains, so that no colleague is taken for a prospect"
        yield DefinitionError("config.toml", 0, "[company] own_domains is empty", hint)
    for box in config.mailboxes_by_address.values():
        if not box.has_inbox:
            words = f"{box.address} has no inbox"
            hint = "give it imap, maildir or replies_to; until then only sequences with a single mail use it"
            yield DefinitionError("config.toml", 0, words, hint)
    if not config.mailboxes:
        hint = "add one under [[mailboxes]]; nothing is sent without"
        yield DefinitionError("config.toml", 0, "there is no mailbox", hint)


def plan_apply(connection: Connection, advance: Advance, bundle: Bundle) -> Change:
    """What applying `bundle` would do now."""
    newest = versions.latest(connection).get(bundle.sequence.id)
    inside = enrollments.live_in(connection, bundle.sequence.id)
    if newest is None:
        return Change(bundle, "new", 1)
    if newest.digest == bundle.digest:
        return Change(bundle, "unchanged", newest.version, len(inside))
    obstacles = _obstacles(connection, advance, bundle, inside)
    old = advance.around.catalog.bundle(connection, bundle.sequence.id, newest.version).sequence
    replaced = tuple(_replaced(old, bundle.sequence)) if inside else ()
    return Change(bundle, "changed", newest.version + 1, len(inside), obstacles, replaced)


def _replaced(old: Sequence, new: Sequence) -> Iterator[Replaced]:
    renamed = {step.renamed_from for step in new.steps}
    common = set(old.index) & set(new.index)
    gone, come = _between(old, common), _between(new, common)
    for above, steps in gone.items():
        for before, after in zip(steps, come.get(above, ()), strict=False):
            if before.kind == after.kind and before.id not in renamed and after.renamed_from is None:
                yield Replaced(before.id, after.id)


def _between(sequence: Sequence, common: Collection[str]) -> Mapping[str, list[AnyStep]]:
    """The other steps, by the common step above them; "" at the top."""
    above, found = "", dict[str, list[AnyStep]]()
    for step in sequence.steps:
        if step.id in common:
            above = step.id
        else:
            found.setdefault(above, []).append(step)
    return found


def _obstacles(
    connection: Connection, advance: Advance, bundle: Bundle, inside: Collection[int]
) -> tuple[Obstacle, ...]:
    catalog, counts = advance.around.catalog, Counter[tuple[str, Why]]()
    differences: dict[int, Mapping[str, Why]] = {}
    for enrollment in log.load(connection, inside).values():
        version = enrollment.progress.version
        old = catalog.bundle(connection, enrollment.sequence_id, version)
        if version not in differences:
            differences[version] = _differences(old, bundle)
        counts.update(_stood_upon(enrollment.progress, old.sequence, differences[version]))
    place = bundle.sequence.place
    index = bundle.sequence.index
    return tuple(
        Obstacle(step, why, people, bundle.sequence.step_place(step) if step in index else place("steps"))
        for (step, why), people in sorted(counts.items())
    )


def _stood_upon(progress: Progress, old: Sequence, differences: Mapping[str, Why]) -> Iterator[tuple[str, Why]]:
    """The differences that would change the course of this person.

    A step that they have had may get another text, but must stay where it is; one that is under way stays as it is,
    and so does a branch that they may be waiting in.
    """
    following = standing(old, progress) if progress.step in (END, *old.index) else None
    under_way = None if progress.step_done else progress.step
    waiting = following.id if isinstance(following, BranchStep) else None
    for step, why in differences.items():
        had = step == progress.step or step in progress.touches
        if step in (under_way, waiting) or (why != "changed" and step == progress.step) or (why == "renamed" and had):
            yield step, why


def _differences(old: Bundle, new: Bundle) -> Mapping[str, Why]:
    """How each step of `old` differs in `new`; one that is the same in all its texts and its place is left out."""
    renamed = {step.renamed_from for step in new.sequence.steps if step.renamed_from}
    common = set(old.sequence.index) & set(new.sequence.index)
    before, after = _shapes(old, common), _shapes(new, common)
    found: dict[str, Why] = {}
    for step in old.sequence.index:
        if step not in common:
            found[step] = "renamed" if step in renamed else "removed"
        elif before[step].above != after[step].above or before[step].next != after[step].next:
            found[step] = "moved"
        elif before[step] != after[step]:
            found[step] = "changed"
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that an edit can change of a step. `above`: which of the steps that stay stand above it."""

    above: frozenset[str]
    next: str | None
    says: Mapping[str, object]
    texts: Mapping[str, str]


def _shapes(bundle: Bundle, among: Collection[str]) -> Mapping[str, _Shape]:
    sandbox = Sandbox(bundle.files, FUNCTIONS)
    above: frozenset[str] = frozenset()
    shapes = {}
    for at, step in enumerate(bundle.sequence.steps):
        if step.id not in among:
            continue
        named = [file for file in named_files(bundle.sequence) if file.key.startswith(f"steps.{at}.")]
        texts = {path: bundle.files[path] for file in named for path in _closure(bundle, sandbox, file.path)}
        shapes[step.id] = _Shape(above, step.next, step.model_dump(exclude={"id", "renamed_from", "next"}), texts)
        above |= {step.id}
    return shapes


def _closure(bundle: Bundle, sandbox: Sandbox, path: str) -> set[str]:
    """The file, what it includes, and what it attaches."""
    todo, found = [path], set[str]()
    while todo:
        name = todo.pop()
        if name in found or name not in bundle.files:
            continue
        found.add(name)
        todo += [include for include, _, _ in sandbox.examine(name, bundle.files[name])[1].includes]
    try:
        attached = {header.text for header in message.parse(path, bundle.files.get(path, "")).attach}
    except DefinitionErrors:
        attached = set()
    return found | (attached & set(bundle.files))


def apply(
    connection: Connection, advance: Advance, bundles: Collection[Bundle], by: str, now: datetime
) -> list[Change]:
    """Make these bundles what the daemon runs, all or none; `by` is the rep's name.

    Everybody inside follows the new version from here on. Raises InputError when somebody stands in the way.
    """
    changes = [plan_apply(connection, advance, bundle) for bundle in bundles]
    refused = [line for change in changes for line in _refusals(connection, change)]
    if refused:
        hint = "wait until they are past it, or finish or move them first"
        raise InputError("\n".join([*refused, f"nothing was applied: {hint}"]))
    for change in changes:
        if change.kind != "unchanged":
            _write(connection, advance, change, by, now)
    return changes


def _refusals(connection: Connection, change: Change) -> Iterator[str]:
    sequence = change.bundle.sequence
    if change.kind == "new" and sequence.renamed_from:
        people = len(enrollments.live_in(connection, sequence.renamed_from))
        if people:
            place = sequence.place("renamed_from")
            yield f'{place}: renamed_from: {counted(people)} still in "{sequence.renamed_from}"'
    for obstacle in change.obstacles:
        stand = "1 person stands" if obstacle.people == 1 else f"{obstacle.people} people stand"
        yield f'{obstacle.place}: step "{obstacle.step}" {_WORDS[obstacle.why]}, and {stand} on it'


def counted(people: int) -> str:
    """`1 person is`, `3 people are`."""
    return "1 person is" if people == 1 else f"{people} people are"


def _write(connection: Connection, advance: Advance, change: Change, by: str, now: datetime) -> None:
    bundle, sequence_id = change.bundle, change.bundle.sequence.id
    stored = versions.StoredVersion(
        sequence_id, change.version, bundle.digest, bundle.source, dict(bundle.files), now, by
    )
    versions.add_version(connection, stored)
    scopes.raise_scope(connection, "sequence", sequence_id)
    sends.drop_unfenced_bytes(connection, sequence_id)
    inside = enrollments.live_in(connection, sequence_id)
    passes = {}
    for enrollment_id, situation in load(connection, advance.around, inside, now).items():
        passes[enrollment_id] = Pass(situation, situation.enrollment.progress)
        passes[enrollment_id].record(e.VersionApplied(version=change.version), now)
    # Written before anything is decided: a decision by the old version could open a step that the new one lacks.
    write(connection, passes, now)
    advance.record(connection, [(enrollment_id, ()) for enrollment_id in inside], now)
