"""`why` and `timeline`: the first closed gate, the instant and the sentence, for every way to wait."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from sequencer.core import events as e
from sequencer.core.people import OuterPause
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine import settling, stops
from sequencer.engine.config_lines import config_place
from sequencer.engine.event_words import WORDS, Beside, words_of
from sequencer.engine.overview import overview
from sequencer.engine.timeline import timeline
from sequencer.engine.why import ORDER
from sequencer.engine.why_words import (
    FINISHED,
    expected_words,
    gate_words,
    past_sentence,
    sentence,
    skipped_words,
)
from sequencer.store import log, scopes
from sequencer.store.tables import USAGE
from tests.integration.installation import MONDAY, TEMPLATES
from tests.unit.engine.asking import BO, BOX, BUMP, ask, beat, clock, said, shut, standing, waiting
from tests.unit.engine.people_house import House, house

__all__ = ["house"]


def outer(house: House, scope: Literal["all", "sequence", "mailbox"], key: str) -> None:
    pause = OuterPause(scope, key, "", "ana", house.clock.now())
    house.database.write(lambda connection: scopes.pause_scope(connection, pause))


def test_a_wait_names_its_instant_and_every_gate_stands_in_order(house: House) -> None:
    waiting(house)
    one = standing(house)
    assert said(house) == BUMP
    assert (one.goes_at, one.closed, one.queued) == (datetime(2026, 11, 25, 9, tzinfo=UTC), None, False)
    names = [gate.name for gate in one.gates]
    assert names == sorted(names, key=ORDER.index)
    assert {"installation", "sequence", "mailbox", "account", "wait", "window", "limits", "text", "inbox"} <= set(names)
    assert [expected_words(each) for each in one.expected] == [
        "mail bump", "mail breakup", "finished: the sequence came to its end",
    ]  # fmt: skip


def _pause(reason: Reason, until: datetime | None) -> e.PausePut:
    return e.PausePut(reason=reason, until=until, due_at=None, by="person:ana")


TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
# what is done to somebody who waits, the gates that are shut, what the sentence says
STOPS: list[tuple[Callable[[House, int], Any], list[str], str]] = [
    (
        lambda h, _: outer(h, "all", ""),
        ["installation", "wait"],
        'All sending is paused, by ana since Mon 23 Nov 09:00; "sequencer resume --all" lets it go on',
    ),
    (lambda h, _: outer(h, "sequence", "three"), ["sequence", "wait"], "The whole sequence is paused, by ana since"),
    (lambda h, _: outer(h, "mailbox", BOX), ["mailbox", "wait"], f"resume --mailbox {BOX}"),
    (
        lambda h, k: h.record(k, _pause(Reason.BY_PERSON, None)),
        ["paused", "wait"],
        'Bo is paused: paused by ana; "sequencer resume EMAIL" lets it go on',
    ),
    (
        lambda h, k: h.record(k, _pause(Reason.BY_PERSON, TUESDAY)),
        ["paused", "wait"],
        'Bo is paused until Tue 24 Nov 00:00: paused by ana; then the step "bump" goes Wed 25 Nov 09:00',
    ),
    (
        lambda h, k: h.record(k, _pause(Reason.ACCOUNT, TUESDAY)),
        ["account", "wait"],
        "a colleague at the account answered",
    ),
    (
        lambda h, k: h.record(k, e.AutoReplyReceived(message=1, return_date=date(2026, 12, 1))),
        ["paused", "wait"],
        "an automatic reply says that the person is away",
    ),
    (
        lambda h, k: h.record(k, e.HoldPut(reason=Reason.MISSING_FIELD, detail="account.hiring")),
        ["held", "wait"],
        'Bo is held: the text needs account.hiring; import the field with "sequencer import FILE.csv --update"',
    ),
    (lambda h, k: h.record(k, e.HoldPut(reason=Reason.BUG)), ["held"], "Bo is held: an internal check failed"),
]


@pytest.mark.parametrize(("act", "gates", "words"), STOPS, ids=[words[:30] for *_, words in STOPS])
def test_every_stop_is_named_with_what_lifts_it(
    house: House, act: Callable[[House, int], Any], gates: list[str], words: str
) -> None:
    act(house, waiting(house))
    assert words in said(house)
    assert [name for name in shut(house) if name in gates] == gates


def test_a_queued_mail_goes_when_its_turn_comes(house: House) -> None:
    house.inside()
    beat(house)
    assert said(house) == 'Bo waits: the step "intro" is queued and goes Mon 23 Nov 09:00, in the window business_hours'
    assert shut(house) == []


def test_other_mail_of_the_mailbox_goes_first(house: House) -> None:
    house.inside(email="first@acme.test")
    house.inside()
    beat(house)
    one = standing(house)
    limits = next(gate for gate in one.gates if gate.name == "limits")
    assert (limits.passed, limits.reason, limits.place.path) == (False, Reason.TURN, "config.toml")
    assert one.goes_at == house.clock.now() + timedelta(seconds=60)


def use(house: House, kind: str, key: str, n: int) -> None:
    row = {"kind": kind, "key": key, "day": house.clock.now().date(), "n": n}
    house.database.write(lambda connection: connection.execute(USAGE.insert().values(**row)) and None)


# counter, key, used, reason
LIMITS = [
    ("mailbox", BOX, 10, Reason.CAP),
    ("account", "acme.test", 3, Reason.ACCOUNT_DAY),
    ("domain", "acme.test", 20, Reason.DOMAIN_DAY),
]


@pytest.mark.parametrize(("kind", "key", "used", "reason"), LIMITS)
def test_a_used_up_day_puts_the_mail_to_the_next_opening(
    house: House, kind: str, key: str, used: int, reason: Reason
) -> None:
    house.inside()
    beat(house)
    use(house, kind, key, used)
    one = standing(house)
    limits = next(gate for gate in one.gates if gate.name == "limits")
    assert limits.reason is reason
    assert one.goes_at == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert "Tue 24 Nov 08:30" in said(house)


def test_outside_the_window_the_opening_is_told(house: House) -> None:
    house.clock.forward(hours=10)
    house.inside()
    beat(house)
    assert 'the step "intro" goes Tue 24 Nov 08:30' in said(house)
    assert shut(house) == ["window"]


def test_a_task_is_somebodys_turn(house: House) -> None:
    house.inside("kinds")
    assert said(house) == "Bo waits for ana: a call (task 1), due Mon 23 Nov 09:00"
    assert [name for name in shut(house) if name != "daemon"] == ["task"]
    assert standing(house).goes_at is None


def test_a_mail_on_the_wire_and_an_uncertain_one(house: House) -> None:
    house.inside()
    beat(house)
    house.on_the_wire()
    one = standing(house)
    assert next(gate for gate in one.gates if gate.name == "in flight").detail == "on the wire"


def test_an_uncertain_mail_points_to_the_three_ways_out(house: House) -> None:
    house.inside()
    beat(house)
    row = house.on_the_wire("uncertain")
    assert said(house) == (
        'Bo is held: nobody knows whether the last mail arrived (intro); "sequencer uncertain" says what to do'
    )
    assert "in flight" in shut(house)
    house.database.write(
        lambda connection: settling.give_up(connection, house.advance, row.id, "ana", house.clock.now())
    )
    assert 'the step "bump"' in said(house)


def test_a_missing_field_is_told_before_anybody_is_held(house: House) -> None:
    house.apply("needs", "title: N\nsteps:\n  - id: a\n    wait: 1d\n    email: n.md\n", {
        "n.md": "Subject: x\n\nHi {{ prospect.nickname }} of {{ account.size }}\n",
    })  # fmt: skip
    house.inside("needs")
    beat(house)
    text = next(gate for gate in standing(house).gates if gate.name == "text")
    assert (text.detail, str(text.place)) == ("prospect.nickname, account.size", "templates/n.md:3")
    assert "the text needs prospect.nickname, account.size, so it would be held: import it" in said(house)


def test_a_condition_that_is_false_now_is_expected_to_skip(house: House) -> None:
    source = "title: S\nsteps:\n  - id: a\n    wait: 1d\n    when: replied\n    email: intro.md\n"
    house.apply("skips", source, dict(TEMPLATES))
    house.inside("skips")
    beat(house)
    assert 'the step "a" is passed by Tue 24 Nov 09:00, because the step\'s `when` is false' in said(house)


def test_a_step_that_was_passed_by_is_told_with_its_reason_while_it_goes_on_and_when_it_is_over(house: House) -> None:
    source = (
        "title: S\nsteps:\n  - id: a\n    wait: 1d\n    when: replied\n    email: intro.md\n"
        "  - id: b\n    wait: 1d\n    email: intro.md\n"
    )
    house.apply("skips", source, dict(TEMPLATES))
    key = house.inside("skips")
    house.clock.to(datetime(2026, 11, 24, 9, tzinfo=UTC))
    house.advance_all()
    beat(house)
    one = standing(house)
    assert [(each.step, each.reason, each.at) for each in one.skipped] == [
        ("a", Reason.CONDITION_FALSE, house.clock.at)
    ]
    assert skipped_words(one.skipped[0]) == "a passed by: the step's `when` is false"
    house.record(key, e.Finished(reason=FinishReason.REMOVED, by="person:ana"))
    (past,) = ask(house).past
    assert past_sentence(past, clock).endswith("the person was taken out; a passed by: the step's `when` is false")


def test_what_comes_after_a_mail_that_has_to_wait_its_turn_is_dated_from_when_it_goes(house: House) -> None:
    """The cap of today is used up, so the mail leaves on Tuesday and the next one two business days after that."""
    day = MONDAY.date()
    used = {"kind": "mailbox", "key": BOX, "day": day, "n": 10}
    house.database.write(lambda connection: connection.execute(USAGE.insert().values(**used)) and None)
    house.inside()
    beat(house)
    one = standing(house)
    assert one.goes_at == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert [each.at for each in one.expected[:2]] == [one.goes_at, datetime(2026, 11, 26, 8, 30, tzinfo=UTC)]


def test_somebody_who_is_finished_hears_why_since_when_and_whether_again(house: House) -> None:
    house.inside()
    house.sent()
    house.database.write(
        lambda connection: stops.finish_person(
            connection, house.advance, BO, FinishReason.REPLIED, "ana", house.clock.now()
        )
    )
    found = ask(house)
    assert found.standings == ()
    (past,) = found.past
    assert (past.sequence_id, past.reason, past.by) == ("three", FinishReason.REPLIED, "person:ana")
    refusals = {each.sequence_id: each.refusal for each in found.again}
    assert "again from" in refusals["three"]
    assert "left alone until" in refusals["bare"]


def test_somebody_who_never_was_in_a_sequence_may_enter(house: House) -> None:
    house.person("new@acme.test")
    found = ask(house, "new@acme.test")
    assert (found.standings, found.past) == ((), ())
    assert [each.refusal for each in found.again] == ["", "", ""]


def test_rules_of_the_installation_have_their_line(house: House) -> None:
    lines = (house.folder / "config.toml").read_text().splitlines()
    place = config_place(house.config, "mailboxes", "cap_per_day", BOX)
    assert lines[place.line - 1].startswith("cap_per_day")
    assert config_place(house.config, "mailboxes", "cap_per_day", "nobody").line == 0
    assert config_place(house.config, "windows.business_hours").line == lines.index("[windows.business_hours]") + 1


def test_every_end_has_its_words() -> None:
    assert set(FINISHED) == set(FinishReason)


def test_every_kind_of_event_has_its_words() -> None:
    assert set(WORDS) == set(e.EVENT_KINDS.values())


def _sample(kind: type[Any]) -> Any:
    """An event of this kind with a plain value in every field."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name]) for field in fields(kind)})


def _value(hint: Any) -> Any:
    first = get_args(hint)[0] if get_args(hint) else hint
    if get_origin(hint) is Mapping:
        return {}
    if get_origin(hint) is Literal:
        return first
    if get_origin(first) is Literal:
        return get_args(first)[0]
    plain = {str: "word", int: 1, bool: True, datetime: TUESDAY, date: TUESDAY.date(), Reason: Reason.AWAY}
    plain |= {FinishReason: FinishReason.GOAL}
    return () if tuple in (get_origin(hint), get_origin(first)) else plain.get(hint, plain.get(first, ()))


@pytest.mark.parametrize("kind", e.EVENT_KINDS.values(), ids=lambda kind: kind.__name__)
def test_the_words_of_an_event_are_a_sentence_without_codes(kind: type[Any]) -> None:
    text = words_of(_sample(kind), Beside(clock))
    assert len(text) > 5
    assert "_" not in text
    assert "None" not in text


def test_the_timeline_tells_subjects_notes_and_names_in_order(house: House) -> None:
    waiting(house)
    found = house.database.read(lambda connection: timeline(connection, BO, clock))
    texts = [line.text for line in found.lines if not line.quiet]
    assert texts[0] == f"enrolled in three at intro, by ana, from {BOX}"
    assert texts[-1] == "mail sent, intro: An idea"
    stored = house.database.read(lambda connection: log.read_person(connection, 1))
    assert len(found.lines) == len(stored)


def test_the_overview_puts_what_needs_a_person_first(house: House) -> None:
    key = waiting(house)
    house.record(key, e.HoldPut(reason=Reason.BAD_ADDRESS))
    found = house.database.read(lambda connection: overview(connection, house.advance.around, house.clock.now()))
    kinds = [trouble.kind for trouble in found.troubles]
    assert kinds.count("held") == 1
    assert "daemon" not in kinds
    (mailbox,) = found.mailboxes
    assert (mailbox.address, mailbox.state, mailbox.cap) == (BOX, "ok", 10)
    assert {line.sequence_id: line.held for line in found.sequences}["three"] == 1


def test_a_gate_is_told_in_the_readers_time(house: House) -> None:
    waiting(house)
    wait = next(gate for gate in standing(house).gates if gate.name == "wait")
    assert gate_words(wait, clock) == "the step's wait is not over (2bd from the step before); opens Wed 25 Nov 09:00"


# Only decide queues mail, and only for a step that is there.
RECORDED = [kind for kind in e.EVENT_KINDS.values() if kind is not e.TouchQueued]


@pytest.mark.parametrize("kind", RECORDED, ids=lambda kind: kind.__name__)
def test_whatever_was_recorded_there_is_a_reason(house: House, kind: type[Any]) -> None:
    """Nobody is ever active without an instant, a person's turn or a gate that somebody opens."""
    key = waiting(house)
    house.record(key, _sample(kind))
    found = ask(house)
    for one in found.standings:
        assert one.goes_at or one.closed or one.task
        assert "looks at it" not in sentence(one, "Bo", clock)
    assert found.standings or found.past
