"""What completion offers for a value: sequences, lists, mailboxes, reps and people of the installation at hand.

A parameter says by its metavar what it takes (`SEQ`, `EMAIL`, `REP`), so no command names this module. Whatever goes
wrong offers nothing: a tab never prints an error. The database is opened only for a value that lies in it, never made.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sequencer.config import Config

T = TypeVar("T")
OFFERED_MAX = 50
_SQLITE = "sqlite:///"


class KnownWord(click.ParamType[str]):
    """A text with words to choose from; any other is taken too, and judged by the command."""

    name = "text"

    def __init__(self, words: "Callable[[Config, str], Iterable[str]]") -> None:
        self._words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(Exception):
            found = self._words(_config(ctx), incomplete)
            return [CompletionItem(word) for word in found if word.startswith(incomplete)][:OFFERED_MAX]
        return []


def teach(command: click.Command) -> click.Command:
    """Let every parameter of the command, and of those below it, offer what it takes."""
    for param in command.params:
        words = _words_for(param)
        if words is not None and param.type is click.STRING:
            param.type = KnownWord(words)
        elif param.type is click.STRING and "FILE" in (param.metavar or ""):
            param.type = click.Path()
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        teach(below)
    return command


def _words_for(param: click.Parameter) -> "Callable[[Config, str], Iterable[str]] | None":
    kind = (param.metavar or "").strip("[].…").partition("[")[0]
    if kind in ("ADDRESS", "MAILBOX"):
        return mailboxes if param.name == "mailbox" else people
    if kind == "NAME":
        return lists if param.name == "list_name" else None
    return {"SEQ": sequences, "EMAIL": people, "REP": reps, "LIST": lists}.get(kind)


def _config(ctx: click.Context) -> "Config":
    from sequencer.config import load

    named = ctx.find_root().params.get("config_path") or os.environ.get("SEQUENCER_CONFIG") or "config.toml"
    return load(Path(named))


def sequences(config: "Config", begun: str) -> Iterable[str]:
    names = (path.name for path in config.sequences_folder.glob("*.yaml"))
    return sorted(name.removesuffix(".yaml") for name in names if not name.endswith(".test.yaml"))


def mailboxes(config: "Config", begun: str) -> Iterable[str]:
    return config.mailboxes_by_address


def reps(config: "Config", begun: str) -> Iterable[str]:
    return config.reps_by_name


def lists(config: "Config", begun: str) -> Iterable[str]:
    from sequencer.store.people import list_names

    return _read(config, list_names)


def people(config: "Config", begun: str) -> Iterable[str]:
    from sequencer.store.reads import addresses_beginning

    return _read(config, lambda connection: addresses_beginning(connection, begun, OFFERED_MAX))


def _read(config: "Config", ask: "Callable[[Connection], T]") -> T | tuple[()]:
    from sequencer.store.database import Database

    url = config.database_url
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        return ()
    database: Any = Database(url)
    try:
        found: T = database.read(ask)
    finally:
        database.close()
    return found
