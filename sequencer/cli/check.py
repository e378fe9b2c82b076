"""`check`: config, sequences, templates and lists of people; all that is wrong, at once."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import click

from sequencer.cli.options import json_option
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import config_of, print_json
from sequencer.config import Config
from sequencer.content.definition import Bundle, load
from sequencer.content.lint_fields import unknown_fields
from sequencer.content.people_csv import Refused, read
from sequencer.content.scenario_file import ENDING
from sequencer.engine import scenario_check
from sequencer.engine.applying import Checked
from sequencer.engine.applying import check as check_all
from sequencer.engine.candidates import known_fields
from sequencer.engine.scenario_check import Scenarios
from sequencer.errors import ConfigError, DefinitionError, DefinitionErrors, InputError, StoreError
from sequencer.store.database import Database, sqlite_file


@click.command(epilog="Example: sequencer check sequences/vp-engineering.yaml")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@json_option
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Read config.toml, every sequence and every template, and print all that is wrong, each with its line.

    FILE: a sequence or its name, a template (with the sequences that use it), a scenario test, or a CSV file of people.
    """
    try:
        config = config_of(ctx)
    except ConfigError as error:
        # The files can still be read, though not against the windows and reps that config.toml names.
        folder = Path(ctx.obj).parent
        _, errors = load(folder / "sequences", folder / "templates") if not files else ([], [])
        own = [DefinitionError("config.toml", one.line, one.message) for one in error.errors]
        found = Checked([], [*own, *errors], [])
        if as_json:
            print_json(_as_json(found, 0, 0))
        else:
            tell(found.errors, [])
        ctx.exit(2)
    checked, people, scenarios = _chosen(config, files)
    if as_json:
        print_json(_as_json(checked, people, scenarios))
    else:
        tell(checked.errors, checked.warnings)
    if checked.errors:
        ctx.exit(2)
    if not as_json:
        told = [summary(checked)]
        told += [counted(scenarios, "scenario", "scenarios")] if scenarios else []
        told += [counted(people, "person", "people")] if people else []
        click.echo(f"ok: {', '.join(told)}")


def tell(errors: Collection[DefinitionError], warnings: Iterable[DefinitionError]) -> None:
    """Print them on standard error, one a line; notes that say the same of many places are one."""
    for error in errors:
        click.echo(plain(str(error)), err=True)
    alike: dict[tuple[str, str], list[DefinitionError]] = {}
    for warning in warnings:
        alike.setdefault((warning.message, warning.hint), []).append(warning)
    for first, *others in alike.values():
        more = f" (and in {counted(len(others), 'other place', 'other places')})" if others else ""
        click.echo(plain(f"note: {first}{more}"), err=True)
    if len(errors) > 1:
        files = len({error.path for error in errors})
        click.echo(f"{len(errors)} errors in {counted(files, 'file', 'files')}", err=True)


def summary(checked: Checked) -> str:
    """`1 sequence, 8 templates`."""
    templates = {path for bundle in checked.bundles for path in bundle.files}
    sequences = counted(len(checked.bundles), "sequence", "sequences")
    return f"{sequences}, {counted(len(templates), 'template', 'templates')}"


def sequence_ids(config: Config, names: Sequence[str]) -> list[str] | None:
    """Ids of the sequences that a person named, by id or by file; None: all."""
    return [_sequence_id(config, name) for name in names] or None


def _sequence_id(config: Config, name: str) -> str:
    path = Path(name)
    if not path.suffix and "/" not in name:
        return name
    if path.suffix == ".toml":
        raise InputError(f'{name} is no sequence: "sequencer check" without a name reads config.toml with everything')
    if path.name.endswith(ENDING):
        raise InputError(f"{name} is a scenario test, not a sequence")
    if path.suffix != ".yaml" or path.resolve().parent != config.sequences_folder:
        raise InputError(f"{name} is no sequence: those are .yaml files in {config.sequences_folder}")
    return path.stem


def _chosen(config: Config, files: Sequence[str]) -> tuple[Checked, int, int]:
    """What is wrong with the files that were named, and how many people and scenarios they hold."""
    lists = [Path(name) for name in files if _is_list(name)]
    templates = {_below(config, name) for name in files if _is_template(config, name)}
    tests = [name for name in files if name.endswith(ENDING)]
    rest = [name for name in files if name not in tests and not _is_list(name) and not _is_template(config, name)]
    found = Checked([], [], [])
    if rest or not files:
        found = check_all(config, sequence_ids(config, rest))
    if templates:
        found = _with_users(config, templates, found)
    people, refused = _people(lists)
    scenarios = _scenarios(config, tests) if tests or not files else Scenarios([], {}, [], [])
    fields = _unknown_fields(config, found.bundles)
    errors = list(DefinitionErrors([*found.errors, *scenarios.errors, *refused]).errors)
    return Checked(found.bundles, errors, [*found.warnings, *fields]), people, len(scenarios.cases)


def _unknown_fields(config: Config, bundles: Iterable[Bundle]) -> list[DefinitionError]:
    """What the sequences ask for and nobody has; nothing where the database cannot say."""
    file = sqlite_file(config.database_url)
    if file is not None and not file.exists():
        return []
    database = Database(config.database_url)
    try:
        known = database.read(known_fields)
    except StoreError:
        return []
    finally:
        database.close()
    if known is None:
        return []
    notes = [note for bundle in bundles for note in unknown_fields(bundle, known, config.templates_folder.name)]
    return list({str(note): note for note in notes}.values())


def _is_list(name: str) -> bool:
    return name.lower().endswith(".csv")


def _scenarios(config: Config, files: Sequence[str]) -> Scenarios:
    """The scenario tests in these files; of all, if none is named."""
    return scenario_check.read(config, [scenario_name(config, name) for name in files] or None)


def scenario_name(config: Config, file: str) -> str:
    """A scenario file without its ending, from the file or from the sequence beside it. Raises InputError."""
    path = Path(file)
    if not path.suffix and "/" not in file:
        return file
    if not file.endswith(".yaml") or path.resolve().parent != config.sequences_folder:
        raise InputError(f"{file} is no scenario test: those are *{ENDING} files in {config.sequences_folder}")
    return path.name.removesuffix(ENDING).removesuffix(".yaml")


def _is_template(config: Config, name: str) -> bool:
    return Path(name).resolve().is_relative_to(config.templates_folder)


def _below(config: Config, name: str) -> str:
    return Path(name).resolve().relative_to(config.templates_folder).as_posix()


def _with_users(config: Config, templates: set[str], found: Checked) -> Checked:
    """The sequences that use these templates, with what is wrong in those alone."""
    everything = check_all(config)
    prefix = config.templates_folder.name
    used = everything.unsound.union(*(bundle.files for bundle in everything.bundles))
    unused = templates - used
    errors = [DefinitionError(f"{prefix}/{name}", 0, "no sequence uses this file") for name in sorted(unused)]
    paths = {f"{prefix}/{name}" for name in templates}
    errors += [error for error in everything.errors if error.path in paths]
    users = [bundle for bundle in everything.bundles if not templates.isdisjoint(bundle.files)]
    bundles = {bundle.sequence.id: bundle for bundle in (*found.bundles, *users)}
    return Checked(list(bundles.values()), [*found.errors, *errors], found.warnings)


def _people(lists: Iterable[Path]) -> tuple[int, list[DefinitionError]]:
    number, errors = 0, []
    for path in lists:
        try:
            for row in read(path):
                number += 1
                if isinstance(row, Refused):
                    errors.append(DefinitionError(str(path), row.line, row.reason))
        except DefinitionErrors as error:
            errors += error.errors
        except DefinitionError as error:
            errors.append(error)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
    return number, errors


def _as_json(checked: Checked, people: int, scenarios: int) -> dict[str, object]:
    def values(found: Iterable[DefinitionError]) -> list[dict[str, object]]:
        return [{"path": e.path, "line": e.line, "message": e.message, "hint": e.hint} for e in found]

    return {
        "sequences": [bundle.sequence.id for bundle in checked.bundles],
        "people": people,
        "scenarios": scenarios,
        "errors": values(checked.errors),
        "warnings": values(checked.warnings),
    }


COMMANDS: dict[str, click.Command] = {"check": check}
