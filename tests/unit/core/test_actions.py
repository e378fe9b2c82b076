"""Actions and events are one to one: the table is total, and an action has exactly the fields of its event."""

from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import pytest

from sequencer.core import actions as a
from sequencer.core import events as e


def test_every_action_has_one_event_of_its_own() -> None:
    assert set(a.EVENT_OF) == set(a.ACTION_KINDS)
    assert len(set(a.EVENT_OF.values())) == len(a.EVENT_OF)
    assert set(a.EVENT_OF.values()) <= set(e.EVENT_KINDS.values())


@pytest.mark.parametrize("kind", a.ACTION_KINDS, ids=lambda kind: kind.__name__)
def test_an_action_has_the_fields_of_its_event(kind: type[Any]) -> None:
    event = a.EVENT_OF[kind]
    assert get_type_hints(kind) == get_type_hints(event)
    assert {each.name: each.default for each in fields(kind)} == {each.name: each.default for each in fields(event)}


@pytest.mark.parametrize("kind", a.ACTION_KINDS, ids=lambda kind: kind.__name__)
def test_the_event_of_an_action_says_the_same(kind: type[Any]) -> None:
    values = {each.name: f"value of {each.name}" for each in fields(kind)}
    event = a.event_of(kind(**values))
    assert type(event) is a.EVENT_OF[kind]
    assert {each.name: getattr(event, each.name) for each in fields(event)} == values


def test_defaults_are_no_accident() -> None:
    """What a log of an older version lacks is read as the default, so a new field needs one."""
    optional = {
        f"{name}.{each.name}"
        for name, kind in e.EVENT_KINDS.items()
        for each in fields(kind)
        if each.default is not MISSING
    }
    assert {"Bounced.delayed", "Reassigned.mailbox", "VersionApplied.renamed", "VersionApplied.sequence"} <= optional
