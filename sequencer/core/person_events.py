"""Events that are about the person and not about a step: may they be contacted, who are they.

Beside core/events.py, which is the whole list. What they do to an enrollment is told by core/progress.py.
"""

from dataclasses import dataclass

from sequencer.core.people import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSuppressed:
    """`channel` None: every channel. `everywhere`: the person, not only this enrollment."""

    channel: Channel | None
    everywhere: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAllowed:
    """A named person took a refusal back, on the person's own word; `channel` None: every channel."""

    channel: Channel | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMerged:
    """The person with id `person` turned out to be this one: what was theirs is this person's from now on."""

    person: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased:
    """Everything that says who it was is gone; it stands on the person alone."""

    by: str
