"""Who is away, who does their tasks, and where config.toml says so.

For lists, `status` and `check`; what an absence forbids is decided in the core. It writes nothing.
"""

from collections.abc import Iterator
from datetime import datetime

from sequencer.config import Config
from sequencer.core.absence import Stretch, away_at
from sequencer.core.people import Absence
from sequencer.core.reason import Place
from sequencer.core.toml_errors import line_of
from sequencer.core.window import local_date
from sequencer.engine.config_lines import FILE, config_text
from sequencer.errors import DefinitionError

__all__ = ["absence_of", "absence_place", "covers_away", "worker_of", "works_for"]


def absence_of(config: Config, rep: str, now: datetime) -> Stretch | None:
    """The rep's absence at `now`, None when they are at work."""
    return away_at(config.away_by_rep.get(rep, ()), now)


def worker_of(config: Config, rep: str, now: datetime) -> str:
    """Who does the rep's tasks: a cover while they are away, else they themself."""
    stretch = absence_of(config, rep, now)
    return stretch.cover if stretch and stretch.cover else rep


def works_for(config: Config, rep: str, now: datetime) -> tuple[str, ...]:
    """Whose tasks are the rep's to do now: their own, then those of everybody whom they cover."""
    return (rep, *(other for other in config.away_by_rep if other != rep and worker_of(config, other, now) == rep))


def absence_place(config: Config, absence: Absence) -> Place:
    """The line of its [[away]] in config.toml."""
    return Place(FILE, line_of(config_text(config), ("away", absence.number)))


def covers_away(config: Config) -> Iterator[DefinitionError]:
    """Absences whose cover is away too on some of the days."""
    for rep, stretches in config.away_by_rep.items():
        for stretch in stretches:
            absence, first = stretch.absence, local_date(config.reps_by_name[rep].timezone, stretch.begins)
            if absence.cover is None or stretch.cover == absence.cover or first > absence.last:
                continue
            place = absence_place(config, absence)
            said = f"away: {absence.cover}, who covers for {rep}, is away too from {first} on"
            hint = f"{stretch.cover} has the tasks of both then" if stretch.cover else f"nobody has {rep}'s tasks then"
            yield DefinitionError(place.path, place.line, said, hint)
