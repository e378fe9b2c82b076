"""The command line. Each command is a module of its own, loaded when it is called, so that `--help` stays fast.

This package parses, asks the engine and prints; it decides nothing. Nobody imports it.
"""

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from sequencer import __version__
from sequencer.cli.plain_text import plain

# command -> (module below sequencer.cli, its one line in --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "watch the whole engine at work on a simulated world"),
    "init": ("init", "start an installation in a folder"),
    "doctor": ("doctor", "what stands between you and the first mail, and how to mend it"),
    "check": ("check", "check config, sequences and templates; all errors at once"),
    "preview": ("preview", "what one person would read, and when"),
    "test": ("scenario", "play the scenario tests beside the sequences"),
    "apply": ("apply", "make the daemon run the sequences as they are in the files"),
    "import": ("people", "bring people in from a CSV file"),
    "enroll": ("enroll", "put people into a sequence"),
    "tasks": ("tasks", "what a rep has to do now"),
    "done": ("tasks", "a task is done: record its outcome"),
    "skip": ("tasks", "skip a task, and its step with it"),
    "snooze": ("tasks", "put a task off"),
    "inbox": ("inbox", "what people answered"),
    "reply": ("reply", "answer a person's mail, in its thread"),
    "why": ("why", "why somebody waits, and until when"),
    "timeline": ("timeline", "all that happened with somebody"),
    "status": ("status", "how the installation is doing, exceptions first"),
    "pause": ("stops", "stop somebody, a sequence, a mailbox or everything for a while"),
    "resume": ("stops", "let it go on"),
    "finish": ("stops", "end somebody's sequence"),
    "move": ("stops", "move somebody to another sequence or step"),
    "opt-out": ("stops", "never contact somebody again"),
    "suppress": ("suppress", "forbid contact with an address, a domain, an account or a file of them"),
    "unsuppress": ("suppress", "lift such a rule"),
    "reassign": ("handover", "hand a rep's people and tasks over to another rep"),
    "merge": ("handover", "make two people one"),
    "export": ("export", "everything as files, or somebody's copy of what is known of them"),
    "erase": ("erase", "delete all that is known of somebody, for good"),
    "uncertain": ("uncertain", "mails of which nobody knows whether they arrived"),
    "audit": ("audit", "who changed what, and whether nobody has tampered with that list"),
    "classify": ("classify", "what the engine reads in a mail file"),
    "daemon": ("daemon", "run the engine"),
    "backup": ("backup", "copy the database while the daemon works"),
    "db": ("db", "the database: upgrade, restore, reconcile after a restore"),
    "completion": ("completion", "make bash, zsh or fish complete commands and names"),
}


class _Lazy(click.Group):
    """Knows every command's name and line; imports its module only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # what is loaded stays, so a search for garbage meanwhile finds none: a tenth of a command's time
        try:
            module = importlib.import_module(f"sequencer.cli.{COMMANDS[cmd_name][0]}")
        finally:
            gc.freeze()
            gc.enable()
        command: click.Command = module.COMMANDS[cmd_name]
        if ctx.resilient_parsing:  # the shell asks for completions
            from sequencer.cli.known_words import teach

            return teach(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, 1)
            hint = f" — did you mean {close[0]}?" if close else ""
            raise click.UsageError(f'there is no command "{args[0]}"{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='"sequencer demo" shows it all in a minute; "sequencer COMMAND --help" has an example of each.',
)
@click.version_option(__version__, message="sequencer %(version)s")
@click.option(
    "--config", "config_path", default="config.toml", show_default=True, envvar="SEQUENCER_CONFIG",
    type=click.Path(dir_okay=False), help="The installation's file.",
)  # fmt: skip
@click.pass_context
def root(ctx: click.Context, config_path: str) -> None:
    """A self-hosted engine for multi-channel sales outreach."""
    ctx.obj = config_path


def main() -> None:
    """The program. Exit 0: done, 1: it failed, 2: the input was wrong; every error is one line on standard error."""
    from sequencer.errors import SequencerError

    if "_SEQUENCER_COMPLETE" in os.environ:
        _complete()
    try:
        code: object = root.main(prog_name="sequencer", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = error.exit_code
    except click.exceptions.Abort:
        code = _fail(["aborted"], 1)
    except click.ClickException as error:
        code = _fail([_usage(error)], error.exit_code)
    except SequencerError as error:
        code = _fail(map(str, getattr(error, "errors", (error,))), error.exit_code)
    except UnicodeEncodeError:
        code = _fail(["what was typed holds bytes that are no UTF-8: type it again"], 2)
    except BrokenPipeError:
        _discard_output()
        code = 1
    except OSError as error:
        _discard_output()
        code = _fail([f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)], 1)
    sys.exit(code if isinstance(code, int) else 0)


def _complete() -> None:
    """Answer the shell that asks at a tab; an error would be printed into the line that somebody types."""
    with contextlib.suppress(Exception):
        root.main(prog_name="sequencer", standalone_mode=False)
    sys.exit(0)


def _fail(texts: Iterable[str], code: int) -> int:
    for line in (line for text in texts for line in text.splitlines()):
        click.echo(f"sequencer: {plain(line)}", err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """What was typed wrongly, and where the right way stands."""
    said = " ".join(error.format_message().split()).rstrip(".")
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "sequencer"
    return f'{said[:1].lower()}{said[1:]} — "{path} --help" shows how it is written'


def _discard_output() -> None:
    """Nobody reads on: what is still buffered goes nowhere, so that the interpreter's last flush stays silent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
