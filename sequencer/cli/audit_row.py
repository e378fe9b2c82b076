"""What the audit keeps of a command: who typed it, its name, and its words without anything that names a person.

A parameter says by its metavar what it takes. Codes, numbers, choices and dates stand as they are; any other text may
be an address, a name or a reason, so its keyed hash stands for it: a new option is hidden until it says otherwise.
"""

import getpass
import os
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sequencer.store.audit import Command, pseudonym

if TYPE_CHECKING:
    from sequencer.app import App

VIA = "cli"
_CODES = frozenset(
    {"SEQ", "[SEQ]...", "SEQ[:STEP]", "REP", "LIST", "NAME", "ID", "OUTCOME", "DATE", "LENGTH", "[DAYS]"}
)  # fmt: skip
_MANNERS = ("as_name", "as_json", "yes")
_NUMBERS = (bool, int, float)


def command_of(ctx: click.Context, app: "App", at: datetime) -> Command:
    """The command that is running, as the audit keeps it."""
    names = ctx.command_path.split()[1:]
    return Command(at, _who(ctx, app), VIA, " ".join(names), {**dict(_asked(ctx, app.key)), "login": login()})


def command_at_desk(by: str, verb: str, task_id: int, outcome: str, at: datetime) -> Command:
    """What a key of the interactive list asked for."""
    said = {"outcome": outcome} if outcome else {}
    return Command(at, by, VIA, verb, {"task_id": task_id, **said, "login": login()})


def login() -> str:
    """The name under which somebody is logged in to this machine; --as is only what they say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"uid {os.getuid()}"


def _who(ctx: click.Context, app: "App") -> str:
    """Whoever acts: as cli/session.py and cli/stops.py have it; those refuse where this gives the login's name."""
    named = ctx.params.get("as_name") or os.environ.get("SEQUENCER_REP")
    reps = list(app.config.reps_by_name)
    return str(named or (reps[0] if len(reps) == 1 else login()))


def _asked(ctx: click.Context, key: bytes) -> Iterator[tuple[str, Any]]:
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        given = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
        if param.name is None or param.name in _MANNERS or not given or value in (None, ()):
            continue
        values = value if isinstance(value, tuple) else (value,)
        shown = [_shown(param, each, key) for each in values]
        yield param.name, shown if isinstance(value, tuple) else shown[0]


def _shown(param: click.Parameter, value: Any, key: bytes) -> Any:
    is_code = param.metavar in _CODES or param.name == "mailbox" or isinstance(param.type, click.Choice)
    return value if is_code or isinstance(value, _NUMBERS) else f"#{pseudonym(key, str(value))}"
