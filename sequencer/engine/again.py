"""Whether somebody who is in no sequence could be enrolled now, and what stands against it, sequence by sequence.

It asks the door itself (engine/enrolling.py), so that `why` and `enroll` never say different things.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.engine.advance import Advance
from sequencer.engine.enrolling import admit, open_door
from sequencer.engine.verbs import Face
from sequencer.errors import InputError
from sequencer.store import reads, versions

__all__ = ["Return", "may_return"]

SEQUENCES_ASKED_MAX = 50


@dataclass(frozen=True, slots=True)
class Return:
    """`refusal`: why not into this sequence, "" if the person may come in."""

    sequence_id: str
    refusal: str


def may_return(connection: Connection, advance: Advance, face: Face, now: datetime) -> tuple[Return, ...]:
    """The answer for each applied sequence; those that the person knows come first."""
    config, reps = advance.around.config, list(advance.around.config.reps_by_name)
    heads = reads.heads(connection, face.id)
    known = [head.rep for head in heads if head.rep in reps] or reps
    names = dict.fromkeys([head.sequence_id for head in heads] + list(versions.latest(connection)))
    answers = []
    for name in list(names)[:SEQUENCES_ASKED_MAX] if known else []:
        try:
            door = open_door(connection, advance, name, known[0], known[0])
            refused = admit(connection, config, door, [face.id], now).refused
        except InputError as error:
            answers.append(Return(name, str(error)))
        else:
            answers.append(Return(name, refused[0].sentence if refused else ""))
    return tuple(answers)
