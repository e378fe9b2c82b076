"""`test`: the scenarios beside the sequences, each played from the files as they are now."""

from collections.abc import Sequence

import click

from sequencer.cli.check import scenario_name
from sequencer.cli.options import json_option
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import config_of, print_json
from sequencer.config import Config
from sequencer.content.scenario_file import ENDING
from sequencer.engine import scenario_check
from sequencer.engine.scenario import Result, run, wall_words
from sequencer.errors import DefinitionErrors, InputError


@click.command(epilog="Example: sequencer test vp-engineering")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@json_option
@click.pass_context
def test(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Play the scenarios of sequences/*.test.yaml and compare what happens with what they expect.

    FILE: a scenario file, or the sequence beside it. The sequences are played as their files are now; nothing is sent,
    and no database is asked. Exit 1: a scenario does not come out as expected; 2: a file is wrong.
    """
    config = config_of(ctx)
    results = _played(config, [scenario_name(config, file) for file in files] or None)
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        _print(results)
    if not all(result.ok for result in results):
        ctx.exit(1)


def _played(config: Config, names: Sequence[str] | None) -> list[Result]:
    """Raises DefinitionErrors before the first one is played, InputError where there is none."""
    read = scenario_check.read(config, names)
    if read.errors or read.below:
        raise DefinitionErrors([*read.errors, *read.below])
    if not read.cases:
        raise InputError(f"there is no scenario test: write one as {config.sequences_folder.name}/SEQUENCE{ENDING}")
    return [run(config, read.bundles[case.scenario.sequence], case) for case in read.cases]


def _print(results: Sequence[Result]) -> None:
    for result in results:
        said = result.case.scenario
        click.secho("ok    " if result.ok else "FAIL  ", fg="green" if result.ok else "red", nl=False)
        click.echo(plain(f"{said.sequence}: {said.scenario}"))
        if not result.ok:
            _print_failed(result)
    failed = sum(not result.ok for result in results)
    words = counted(len(results), "scenario", "scenarios")
    click.echo(f"{words}, {failed} failed" if failed else f"{words}, all as expected")


def _print_failed(result: Result) -> None:
    for failure in result.failures:
        if failure.found:
            click.echo(f"  {plain(f'{failure.place}: expected {failure.expected}')}")
            click.echo(f"    but {plain(failure.found)}")
        else:
            click.echo(f"  {plain(f'{failure.place}: {failure.expected}')}")
    click.echo(f"  what happened, in {result.zone}:")
    for line in result.happened:
        click.secho(f"    {wall_words(line.at, result.zone)}  {plain(line.text)}", dim=True)


def _as_json(result: Result) -> dict[str, object]:
    said = result.case.scenario
    return {
        "scenario": said.scenario,
        "sequence": said.sequence,
        "file": result.case.path,
        "line": result.case.line(""),
        "ok": result.ok,
        "failures": [
            {"file": each.place.path, "line": each.place.line, "expected": each.expected, "found": each.found}
            for each in result.failures
        ],
        "happened": [{"at": line.at, "what": line.text} for line in result.happened],
    }


COMMANDS: dict[str, click.Command] = {"test": test}
