"""Counts of a stop as one sentence: who is stopped, what is called back, what could not be."""

from sequencer.cli.plain_text import counted
from sequencer.engine.effect import Effect

__all__ = ["also", "finish_words", "live_words"]


def live_words(effect: Effect) -> str:
    """`3 people live in 2 sequences`."""
    return f"{_people(len(effect.people))} live in {counted(len(effect.live), 'sequence')}"


def finish_words(effect: Effect, *, dry: bool = False) -> str:
    """Who finishes; who is under a rule and goes on; nothing where nobody is live."""
    if not effect.enrollments:
        return "nobody it covers is in a sequence now"
    ending = len(effect.finished_people)
    parts = []
    if ending:
        inside = f"live in {counted(len(effect.finished), 'sequence')}"
        parts.append(f"{_people(ending)} {inside} {_verb(ending, 'finish', dry)}")
    if going := len(effect.people - effect.finished_people):
        verb = "goes" if going == 1 and not dry else "go"
        parts.append(f"{_people(going)}{' would' if dry else ''} {verb} on by other channels")
    return ", ".join([*parts, *also(effect, dry=dry)])


def also(effect: Effect, *, dry: bool = False) -> list[str]:
    """What happens beside it."""
    parts = []
    if effect.called_back:
        parts.append(f"{counted(effect.called_back, 'queued mail')} {_passive(effect.called_back, dry)} called back")
    if effect.tasks_dropped:
        parts.append(f"{counted(effect.tasks_dropped, 'open task')} {_passive(effect.tasks_dropped, dry)} dropped")
    if effect.wired:
        parts.append(f"{counted(effect.wired, 'mail')} on the wire at this moment cannot be called back")
    return parts


def _people(number: int) -> str:
    return counted(number, "person", "people")


def _verb(number: int, verb: str, dry: bool) -> str:
    if dry:
        return f"would {verb}"
    return f"{verb}es" if number == 1 else verb


def _passive(number: int, dry: bool) -> str:
    if dry:
        return "would be"
    return "is" if number == 1 else "are"
