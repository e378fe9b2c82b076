"""Pause, resume and finish of everybody on a list: the verbs of one person, said of many, in portions.

A list owns no enrollments; whoever is on it is meant with every live one. Resuming a list undoes what a person's
pause did and nothing else: who is away, held or waiting for a colleague's answer stays so.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine.advance import Advance
from sequencer.engine.effect import Effect, Say, carry_out, foresee
from sequencer.engine.situation import Situation
from sequencer.engine.stops import ended, put_pause
from sequencer.engine.verbs import by_name, did_you_mean
from sequencer.errors import InputError, NotFound
from sequencer.store import log, people
from sequencer.store.database import Database

__all__ = ["finish_list", "pause_list", "resume_list"]

NAMED_MAX = 10
WAIT_FOR_A_PERSON = (Reason.BY_PERSON, Reason.IMPORTED)


def pause_list(
    database: Database,
    advance: Advance,
    name: str,
    by: str,
    now: datetime,
    until: Callable[[Situation], datetime] | None = None,
) -> Effect:
    """Pause everybody on the list, open or until an instant that may depend on the person's zone.

    Whoever's day has begun is left as they are, so that nobody keeps the others from their pause. Raises NotFound for
    an unknown list; InputError when nobody on it is live, or when the instant is past for everybody.
    """
    refused: list[InputError] = []

    def say(one: Situation) -> list[e.Event] | None:
        try:
            return [put_pause(one, by, now, until)]
        except InputError as error:
            refused.append(error)
            return None

    effect = _on_live(database, advance, name, say, now)
    if refused and not effect.people:
        raise refused[0]
    return effect


def resume_list(database: Database, advance: Advance, name: str, by: str, now: datetime) -> tuple[Effect, int]:
    """Take the pauses that wait for a person from everybody on the list; `Effect.held` stay.

    Returns how many go on, too.
    """
    taken: set[int] = set()

    def say(one: Situation) -> list[e.Event]:
        found = [pause.reason for pause in one.enrollment.progress.pauses if pause.reason in WAIT_FOR_A_PERSON]
        if found:
            taken.add(one.enrollment.prospect_id)
        return [e.PauseTaken(reason=reason, by=by_name(by)) for reason in found]

    effect = _on_live(database, advance, name, say, now)
    return effect, len(taken)


def finish_list(
    database: Database, advance: Advance, name: str, reason: FinishReason, by: str, now: datetime, *, dry: bool = False
) -> Effect:
    """End every live enrollment of everybody on the list; `dry`: only say what that would do."""
    return _on_live(database, advance, name, lambda _: [ended(reason, by)], now, dry=dry)


def _on_live(database: Database, advance: Advance, name: str, say: Say, now: datetime, *, dry: bool = False) -> Effect:
    ids = database.read(lambda connection: _live(connection, name))
    if dry:
        return database.read(lambda connection: foresee(connection, advance, ids, say, now))

    def unless_over(one: Situation) -> Sequence[e.Event] | None:
        return None if one.enrollment.status == "finished" else say(one)

    return carry_out(database, advance, ids, unless_over, now)


def _live(connection: Connection, name: str) -> list[int]:
    members = people.list_members(connection, name)
    if not members:
        names = people.list_names(connection)
        known = ": there is " + ", ".join(list(names)[:NAMED_MAX]) if names else ": there is no list yet"
        raise NotFound(f'nobody is on a list "{name}"{did_you_mean(name, names) or known}')
    live = log.live_of(connection, members)
    if not live:
        raise InputError(f'nobody on the list "{name}" ({len(members)} in all) is in a sequence now')
    return live
