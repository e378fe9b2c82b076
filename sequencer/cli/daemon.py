"""`sequencer daemon`: run the engine."""

import asyncio
import logging
from datetime import timedelta

import click

from sequencer.cli.log_lines import LogLines
from sequencer.cli.session import opened
from sequencer.clock import SystemClock
from sequencer.daemon import Pace, run


@click.command(epilog="Example: sequencer daemon")
@click.option("--verbose", is_flag=True, help="Log every step.")
@click.option("--lease", "lease_s", default=20.0, show_default=True, metavar="SECONDS", help="How long a lease lasts.")
@click.pass_context
def daemon(ctx: click.Context, verbose: bool, lease_s: float) -> int:
    """Run the engine until SIGTERM or Ctrl-C; what is on its way is finished first.

    Exit 0: stopped cleanly.
    """
    lines = logging.StreamHandler()
    lines.setFormatter(LogLines())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[lines])
    for noisy in ("apscheduler", "imapclient", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    pace = Pace()
    if lease_s < 3 * pace.dispatch_s:
        beat = lease_s / 3
        pace = Pace(min(pace.advance_s, beat), beat, min(pace.ingest_s, 10 * beat), beat)
    with opened(ctx) as app:
        return 1 if asyncio.run(run(app, SystemClock(), pace, timedelta(seconds=lease_s))) else 0


COMMANDS = {"daemon": daemon}
