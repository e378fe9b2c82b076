"""Options that many commands share, apart from session.py: a command without an installation loads nothing of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["NUMBER", "as_option", "json_option"]

F = TypeVar("F", bound=Callable[..., Any])


class _Number(click.IntRange):
    name = "number"


NUMBER = _Number(0, 2**31 - 1)  # of a mail, a task or a send: what a column of PostgreSQL holds


def as_option(command: F) -> F:
    """`--as REP`."""
    return click.option("--as", "as_name", metavar="REP", help="Who acts. Default: $SEQUENCER_REP, or the only rep.")(
        command
    )


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")(command)
