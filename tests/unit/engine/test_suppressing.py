"""Rules that forbid contact: whom they stop, what a dry run says, who may lift them."""

from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.people import Channel
from sequencer.core.reason import FinishReason
from sequencer.core.suppression import Suppression
from sequencer.engine import stops, suppressing
from sequencer.engine.suppressing import Suppressed
from sequencer.engine.suppression_targets import Target, targets_of
from sequencer.errors import InputError, NotFound
from sequencer.store import log, people
from tests.unit.engine.people_house import House, do, house

__all__ = ["house"]

BO, KIM = "bo@acme.test", "kim@acme.test"


def suppress(house: House, text: str, channel: Channel | None = None, *, dry: bool = False) -> Suppressed:
    targets = house.database.read(lambda c: targets_of(c, text))
    now = house.clock.now()
    return suppressing.suppress(house.database, house.advance, targets, channel, "customer", "ana", now, dry=dry)


def lift(house: House, text: str, channel: Channel | None = None, *, opted_in: bool = False) -> suppressing.Lifted:
    targets = house.database.read(lambda c: targets_of(c, text))
    now = house.clock.now()
    return suppressing.lift(
        house.database, house.advance, targets, channel, "changed", "ana", now, opted_in=opted_in
    )  # fmt: skip


def rules_on(house: House, person: int = 1) -> set[tuple[str, str, str | None]]:
    def read(connection: Any) -> set[tuple[str, str, str | None]]:
        known = people.load_prospects(connection, [person])
        found = people.suppressions_of(connection, known.values()).get(person, ())
        return {(rule.kind, rule.value, rule.channel) for rule in found}

    return house.database.read(read)


# what is named, the rules it makes
NAMED = [
    ("BO@Acme.test", [Target("address", BO)]),
    ("<bo@acme.test>", [Target("address", BO)]),
    ("bo@gmail.com", [Target("address", "bo@gmail.com")]),
    # a domain takes the account along that has it
    ("acme.test", [Target("domain", "acme.test"), Target("account", "acme.test")]),
    ("@acme.test", [Target("domain", "acme.test"), Target("account", "acme.test")]),
    ("https://www.acme.test/about", [Target("domain", "acme.test"), Target("account", "acme.test")]),
    ("mail.acme.test", [Target("domain", "mail.acme.test")]),
    ("Acme", [Target("account", "acme.test")]),
]


@pytest.mark.parametrize(("text", "targets"), NAMED)
def test_what_a_word_means(house: House, text: str, targets: list[Target]) -> None:
    house.person(BO, "Bo")
    assert list(house.database.read(lambda c: targets_of(c, text))) == targets


# what is named, error, its words
REFUSED = [
    ("gmail.com", InputError, "free-mail domain"),
    ("co.uk", InputError, "nobody's domain"),
    ("bo@", InputError, "no mail address"),
    ("b o@acme.test", InputError, "no mail address"),
    ("Acne", NotFound, "did you mean Acme"),
]


@pytest.mark.parametrize(("text", "error", "words"), REFUSED)
def test_what_may_not_be_named(house: House, text: str, error: type[Exception], words: str) -> None:
    house.person(BO, "Bo")
    with pytest.raises(error, match=words):
        house.database.read(lambda c: targets_of(c, text))


@pytest.mark.parametrize("text", [BO, "acme.test", "Acme"])
def test_a_rule_finishes_whoever_is_live_under_it_and_calls_their_mail_back(house: House, text: str) -> None:
    key = house.inside()
    other = house.inside("kinds", "eve@other.test", "Eve")
    foreseen = suppress(house, text, dry=True)
    assert (house.progress(key).status, len(house.rows("queued"))) == ("active", 1)
    assert rules_on(house) == set()
    done = suppress(house, text)
    assert foreseen == done
    assert (done.effect.finished, done.effect.called_back) == ({"three": 1}, 1)
    assert house.progress(key).finished is FinishReason.DISQUALIFIED
    assert (house.rows("queued"), house.progress(other).status) == ([], "active")
    assert house.folded(key) == house.progress(key)
    again = suppress(house, text)
    assert (again.new, again.effect.enrollments) == (0, 0)


def test_a_rule_for_mail_lets_calls_go_on_and_ends_who_only_gets_mail(house: House) -> None:
    mails, calls = house.inside(), house.inside("kinds", KIM, "Kim")
    done = suppress(house, "acme.test", "email")
    assert (done.effect.finished, done.effect.people - done.effect.finished_people) == ({"three": 1}, {2})
    assert house.progress(mails).finished is FinishReason.DISQUALIFIED
    assert house.progress(calls).status == "active"
    assert [task.work for task in house.open_tasks()] == ["call"]


def test_a_rule_on_any_of_their_addresses_stops_the_person(house: House) -> None:
    key = house.inside()
    house.database.write(lambda c: people.put_addresses(c, 1, [BO, "bo+news@home.test"]))
    assert suppress(house, "bo@home.test").effect.finished == {"three": 1}
    assert house.progress(key).status == "finished"


def test_a_mail_on_the_wire_is_counted_and_not_called_back(house: House) -> None:
    house.inside()
    house.on_the_wire()
    done = suppress(house, BO)
    assert (done.effect.wired, done.effect.called_back, len(house.rows("sending"))) == (1, 0, 1)


def test_a_rule_in_its_own_commit_is_seen_by_every_fence(house: House) -> None:
    """Even were the command killed before it told the enrollments: the numbers have moved, and they end when due."""
    key = house.inside()
    before = house.database.read(lambda c: log.load(c, [key]))[key]
    rule = Suppression("domain", "acme.test", None, "customer", house.clock.now())
    house.database.write(lambda c: people.suppress_all(c, [rule], "person:ana"))
    house.database.write(lambda c: log.make_due(c, [key], house.clock.now()))
    house.advance_all()
    assert (before.status, house.progress(key).finished) == ("active", FinishReason.DISQUALIFIED)


def test_many_rules_at_once_stop_whoever_they_cover(house: House) -> None:
    key, other = house.inside(), house.inside("bare", "eve@other.test", "Eve")
    targets = [Target("address", f"p{n}@list.test") for n in range(600)] + [Target("address", BO)]
    now = house.clock.now()
    done = suppressing.suppress(house.database, house.advance, targets, None, "their list", "ana", now)
    assert (done.rules, done.new, done.effect.finished) == (601, 601, {"three": 1})
    assert (house.progress(key).status, house.progress(other).status) == ("finished", "active")


def test_a_lifted_rule_forbids_nothing_and_stands_again_when_it_is_put_again(house: House) -> None:
    key = house.inside()
    suppress(house, "acme.test")
    done = lift(house, "acme.test")
    assert {each.rule.kind for each in done.lifted} == {"domain", "account"}
    assert rules_on(house) == set()
    assert house.progress(key).status == "finished"  # nobody is enrolled again by it
    assert suppress(house, "acme.test").new == 2
    assert rules_on(house) == {("domain", "acme.test", None), ("account", "acme.test", None)}


def test_only_their_own_word_lifts_an_opt_out(house: House) -> None:
    key = house.inside("kinds")
    suppress(house, BO, "email")
    do(house, stops.opt_out, BO, "ana", house.clock.now(), "call")
    assert house.progress(key).silenced == ("call",)
    kept = lift(house, BO)
    assert [each.rule.channel for each in kept.lifted] == ["email"]
    assert {each.rule.kind for each in kept.kept} == {"person", "address"}
    with pytest.raises(InputError, match="only their own word lifts that"):
        lift(house, BO)
    assert rules_on(house) == {("person", "1", "call"), ("address", BO, "call")}
    lift(house, BO, opted_in=True)
    assert rules_on(house) == set()
    assert e.ContactAllowed(channel="call", by="person:ana") in house.events(key)
    assert house.progress(key).silenced == ()
    assert house.folded(key) == house.progress(key)


def test_an_opt_out_replaces_a_rule_of_ours_and_not_the_other_way_round(house: House) -> None:
    suppress(house, "new@other.test")
    do(house, stops.opt_out, "new@other.test", "ana", house.clock.now())
    suppress(house, "new@other.test")
    with pytest.raises(InputError, match="refused contact"):
        lift(house, "new@other.test")


# what is lifted, the words of its refusal
NOT_LIFTED = [
    ("eve@other.test", "no rule forbids contact with eve@other.test"),
    (BO, "no rule stands on bo@acme.test itself, but on account acme.test, domain acme.test"),
]


@pytest.mark.parametrize(("text", "words"), NOT_LIFTED)
def test_a_lift_of_nothing_says_what_forbids(house: House, text: str, words: str) -> None:
    house.inside()
    suppress(house, "acme.test")
    with pytest.raises(InputError, match=words):
        lift(house, text)


def test_the_list_shows_an_opt_out_as_one_line(house: House) -> None:
    house.inside()
    suppress(house, "other.test")
    do(house, stops.opt_out, BO, "ana", house.clock.now())
    listed = house.database.read(suppressing.listed)
    assert {(each.what, each.who, each.rule.refusal) for each in listed} == {
        (BO, "Bo", True), ("domain other.test", "", False),
    }  # fmt: skip
    assert [each.what for each in house.database.read(lambda c: suppressing.listed(c, "Bo"))] == [BO]
