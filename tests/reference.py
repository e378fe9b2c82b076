"""docs/cli.md, made from what `--help` prints, and the examples in it.

`make docs` (python -m tests.reference) writes the page; tests/house/test_reference.py is red while it is stale. It is
no part of the product: nobody who runs sequencer makes its documentation.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import click

from sequencer.cli import COMMANDS, root

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
MADE_BY = "make docs"
TYPED = ("sequencer ", "echo ", "cat ")
WIDTH = 100
_INTRO = f"""# Commands

Made from `--help` by `{MADE_BY}`: a change here is lost. Each example runs in a test as it stands.

Every command takes `-h` and `--help`. `--config FILE`, before the command, names another installation than the one in
this folder; so does `SEQUENCER_CONFIG`. `SEQUENCER_REP` says once who you are. Times are in your own zone (`TZ`), the
person's beside it where it differs; colours vanish in a pipe and where `NO_COLOR` is set. Exit 0: done, 1: it failed,
2: the input was wrong; every error is one line on standard error.
"""


@dataclass(frozen=True, slots=True)
class Described:
    """One command as `--help` shows it; `path` is what is typed."""

    path: str
    command: click.Command
    help: str

    @property
    def examples(self) -> tuple[str, ...]:
        """What its epilog begins with and can be typed, one a line, up to the first line that is none."""
        lines = (line.strip().removeprefix("Example:").strip() for line in (self.command.epilog or "").splitlines())
        found = takewhile(lambda line: line.startswith(TYPED), (line for line in lines if line not in ("", "\b")))
        return tuple(found)


def described() -> Iterator[Described]:
    """Every command and every command below it."""
    top = click.Context(root, info_name="sequencer")
    for name in COMMANDS:
        command = root.get_command(top, name)
        assert command is not None
        yield from _below(command, click.Context(command, info_name=name, parent=top, terminal_width=WIDTH))


def _below(command: click.Command, context: click.Context) -> Iterator[Described]:
    context.help_option_names = ["-h", "--help"]
    yield Described(context.command_path, command, command.get_help(context))
    for name, each in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        yield from _below(each, click.Context(each, info_name=name, parent=context, terminal_width=WIDTH))


def typed(example: str) -> tuple[list[str], str | None]:
    """The words after `sequencer`, and what a pipe before it says."""
    before, bar, after = example.rpartition(" | ")
    said = " ".join(shlex.split(before)[1:]) + "\n" if bar else None
    program, *words = shlex.split(after)
    assert program == "sequencer", example
    return words, said


def page() -> str:
    """The whole of docs/cli.md."""
    lines = [_INTRO, "| command | for |", "|---|---|"]
    lines += [f"| [`{name}`](#sequencer-{name}) | {line} |" for name, (_, line) in COMMANDS.items()]
    for each in described():
        lines += ["", f"## {each.path}", "", "```text", each.help, "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
