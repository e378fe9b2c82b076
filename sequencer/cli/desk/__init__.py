"""The interactive list of `sequencer tasks`: a rep's day with one key per outcome.

state.py says what a key means, view.py what is shown, work.py reads and records, terminal.py owns the screen; the loop
here joins them. Everything goes through the same verbs as the commands.
"""

from functools import partial
from zoneinfo import ZoneInfo

from sequencer.app import App
from sequencer.cli.desk.state import Desk, press
from sequencer.cli.desk.terminal import Terminal
from sequencer.cli.desk.view import render
from sequencer.cli.desk.work import Work
from sequencer.cli.session import local_zone
from sequencer.clock import Clock

__all__ = ["run"]

BEAT_S = 2.0


def run(app: App, rep: str, clock: Clock) -> None:
    """Show the rep's tasks until they quit. The terminal is as before afterwards, whatever happens."""
    work = Work(app, rep)
    try:
        with Terminal() as terminal:
            _live(work, terminal, clock)
    except KeyboardInterrupt:  # Ctrl-C leaves, as q does
        return


def _live(work: Work, terminal: Terminal, clock: Clock) -> None:
    zone, desk = local_zone(), work.opened(clock.now())
    while True:
        before = desk.chosen
        terminal.draw(partial(render, desk, zone=zone))
        key = terminal.key(BEAT_S)
        if key is None:
            desk = work.refreshed(desk, clock.now())
            if desk.chosen != before:
                _settle(terminal, desk, zone)
            continue
        desk, intent = press(desk, key)
        if intent is None:
            desk = work.with_detail(desk, clock.now())
            continue
        if intent.verb == "quit":
            return
        if intent.verb == "suspend":
            terminal.suspend()
            continue
        desk = work.perform(desk, intent, clock.now(), terminal.away)
        _settle(terminal, desk, zone)


def _settle(terminal: Terminal, desk: Desk, zone: ZoneInfo | None) -> None:
    """Another task is selected: a key that was typed before it stood there was not meant for it."""
    terminal.draw(partial(render, desk, zone=zone), forget_typed=True)
