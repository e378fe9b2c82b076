"""Who may not be contacted: what each kind of rule covers, and what it does not."""

from datetime import UTC, datetime

import pytest

from sequencer.core.people import Address, Channel, Prospect
from sequencer.core.suppression import Suppression, SuppressionKind, Verdict, may_contact, rules_covering

AT = datetime(2026, 11, 20, tzinfo=UTC)
JO = "jo@mail.acme.test"


def rule(kind: SuppressionKind, value: str, channel: Channel | None = None) -> Suppression:
    return Suppression(kind, value, channel, "opt-out", AT)


def verdict(*rules: Suppression, channel: Channel = "email", address: str | None = JO) -> Verdict:
    addresses = (Address(address),) if address else ()
    return may_contact(channel, Prospect(7, addresses, account_id="acme"), rules)


@pytest.mark.parametrize(
    "forbidding",
    [
        rule("person", "7"),
        rule("account", "acme"),
        rule("address", JO),
        rule("domain", "mail.acme.test"),
        rule("domain", "acme.test"),  # a sub-domain of it
        rule("domain", "test"),
        rule("person", "7", "email"),
    ],
)
def test_forbidden(forbidding: Suppression) -> None:
    assert verdict(forbidding) == Verdict(allowed=False, by=forbidding)


@pytest.mark.parametrize(
    "other",
    [
        rule("person", "77"),
        rule("account", "acme.test"),
        rule("address", "jo@acme.test"),
        rule("address", "o@mail.acme.test"),
        rule("address", "mail.acme.test"),
        rule("domain", "me.test"),  # ends the same, is another domain
        rule("domain", "www.mail.acme.test"),  # a sub-domain forbids nothing above it
        rule("domain", "7"),
        rule("person", "7", "call"),
    ],
)
def test_not_forbidden(other: Suppression) -> None:
    assert verdict(other) == Verdict(allowed=True)


@pytest.mark.parametrize(
    ("suppressed", "address", "allowed"),
    [
        ("jo@acme.test", "jo+news@acme.test", False),  # a tag reaches the same person
        ("jo@acme.test", "jo+a+b@acme.test", False),
        ("jo+a@acme.test", "jo+a+b@acme.test", False),
        ("jo+a@acme.test", "jo@acme.test", True),  # only the tag was refused
        ("jo+a@acme.test", "jo+b@acme.test", True),
        ("jo@acme.test", "joan@acme.test", True),
        ("jo@acme.test", "jo+news@other.test", True),
    ],
)
def test_tagged_addresses(suppressed: str, address: str, allowed: bool) -> None:
    assert verdict(rule("address", suppressed), address=address).allowed is allowed


@pytest.mark.parametrize("channel", ["email", "call", "linkedin"])
def test_a_rule_without_channel_covers_every_channel(channel: Channel) -> None:
    assert not verdict(rule("domain", "acme.test"), channel=channel).allowed


@pytest.mark.parametrize(("channel", "allowed"), [("email", True), ("call", False), ("linkedin", True)])
def test_a_rule_for_one_channel_leaves_the_others(channel: Channel, allowed: bool) -> None:
    assert verdict(rule("person", "7", "call"), channel=channel).allowed is allowed


def test_the_first_rule_that_forbids_is_named() -> None:
    rules = [rule("person", "7", "call"), rule("address", JO), rule("person", "7")]
    assert verdict(*rules).by == rules[1]


def test_without_address_or_account_the_person_still_counts() -> None:
    found = may_contact("call", Prospect(7), [rule("domain", ""), rule("person", "7")])
    assert found.by == rule("person", "7")


@pytest.mark.parametrize("forbidding", [rule("address", "jo@old.test"), rule("domain", "old.test")])
def test_a_rule_on_any_address_covers_the_person(forbidding: Suppression) -> None:
    both = (Address(JO), Address("jo@old.test", valid=False))
    assert may_contact("call", Prospect(7, both), [forbidding]) == Verdict(allowed=False, by=forbidding)


def test_a_quoted_local_part_keeps_its_at_sign() -> None:
    assert not verdict(rule("domain", "acme.test"), address='"a@b"@acme.test').allowed


def test_rules_covering_is_what_a_store_looks_up() -> None:
    assert rules_covering(Prospect(7, (Address("jo+x@a.test"),), account_id="acme")) == {
        ("person", "7"),
        ("account", "acme"),
        ("address", "jo+x@a.test"),
        ("address", "jo@a.test"),
        ("domain", "a.test"),
        ("domain", "test"),
    }
