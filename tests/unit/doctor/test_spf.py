"""SPF records as people publish them: what receivers make of each, and what is said to mend it."""

from collections.abc import Sequence

import pytest

from sequencer.doctor.finding import Finding
from sequencer.doctor.lookup import Unanswered
from sequencer.doctor.spf import spf
from tests.unit.doctor.zone_server import resolver

# Where includes of the cases lead: `four` costs four lookups besides its own, `loop` never ends.
PROVIDERS = """
_spf.google.com  TXT "v=spf1 ip4:192.0.2.0/24 ~all"
four.test        TXT "v=spf1 a mx exists:x.test include:plain.test -all"
plain.test       TXT "v=spf1 ip4:192.0.2.1 -all"
loop.test        TXT "v=spf1 include:loop.test -all"
no-spf.test      TXT "hello"
twice.test       TXT "v=spf1 -all"
twice.test       TXT "v=spf1 ~all"
"""


def found(records: Sequence[str], hosts: Sequence[str] = ("smtp.ourco.test",)) -> list[Finding]:
    own = "".join(f'ourco.test TXT "{record}"\n' for record in records)
    with resolver(PROVIDERS + own + "ourco.test MX 10 mx.ourco.test\n") as dns:
        return list(spf(dns, "ourco.test", hosts))


GOOD = [
    ("v=spf1 ip4:192.0.2.1 -all", 0),
    ("v=spf1 include:_spf.google.com ~all", 1),
    ("V=SPF1 A MX ~ALL", 2),  # case does not count (RFC 7208 4.6.1)
    ("v=spf1 ip6:2001:db8::/32 ip4:192.0.2.0/24 a:mail.ourco.test/28 -all", 1),
    ("v=spf1 include:four.test include:four.test -all", 10),  # exactly the limit
    ("v=spf1 redirect=plain.test", 1),  # the target's -all counts
    ("v=spf1 -all exp=why.ourco.test", 0),  # modifiers may follow, and exp costs nothing
    ("v=spf1 exists:%{i}._spf.ourco.test -all", 1),  # a macro
    ("v=spf1 unknown-modifier=x -all", 0),  # RFC 7208 6: unknown modifiers are ignored
]


@pytest.mark.parametrize(("record", "lookups"), GOOD)
def test_a_good_record_is_told_with_its_lookups(record: str, lookups: int) -> None:
    (only,) = found([record])
    assert (only.status, only.text) == ("ok", f"{record} ({lookups} of 10 lookups)")


WRONG: list[tuple[list[str], str, str, str]] = [
    # records, status, what is said, how it is mended
    ([], "fail", "no SPF record", 'publish  ourco.test.  TXT  "v=spf1 a:smtp.ourco.test ~all"'),
    (["v=spf10 -all"], "fail", "no SPF record", "publish"),  # another version is no SPF record (4.5)
    (
        ["v=spf1 mx ~all", "v=spf1 include:plain.test mx -all"],
        "fail", "2 SPF records", '"v=spf1 include:plain.test mx -all"',
    ),
    (["v=spf1 mx +all"], "fail", "+all lets the whole world", '"v=spf1 mx ~all"'),
    (["v=spf1 mx all"], "fail", "+all lets the whole world", '"v=spf1 mx ~all"'),  # + is the default
    (["v=spf1 mx ?all"], "warn", "?all says nothing", '"v=spf1 mx ~all"'),
    (["v=spf1 mx"], "warn", "does not end with -all", '"v=spf1 mx ~all"'),
    (["v=spf1 ptr -all"], "warn", "uses ptr", "replace ptr"),
    (["v=spf1 -all mx a"], "warn", "2 terms after all", "move all to the end"),
    (["v=spf1 include:four.test include:four.test a -all"], "fail", "11 times", "include:four.test 5, a 1"),
    (["v=spf1 include:loop.test -all"], "fail", "more than 40 times", "include:loop.test"),
    (["v=spf1 include:nowhere.test -all"], "fail", "nowhere.test, which has no SPF record", "correct"),
    (["v=spf1 include:no-spf.test -all"], "fail", "no-spf.test, which has no SPF record", "correct"),
    (["v=spf1 include:twice.test -all"], "fail", "twice.test, which has 2 SPF records", "correct"),
    (["v=spf1 redirect=nowhere.test"], "fail", "nowhere.test, which has no SPF record", "correct"),
    (["v=spf1 ip4:192.0.2.999 -all"], "fail", '"ip4:192.0.2.999" is no term', "correct"),
    (["v=spf1 ip4:2001:db8::1 -all"], "fail", "is no term of SPF", "correct"),  # an IPv6 address in ip4
    (["v=spf1 ipv4:192.0.2.1 -all"], "fail", '"ipv4:192.0.2.1" is no term', "correct"),
    (["v=spf1 include=plain.test include: -all"], "fail", '"include:" is no term', "correct"),
    (["v=spf1 mx, -all"], "fail", '"mx," is no term', "correct"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "status", "said", "mend"), WRONG)
def test_a_wrong_record_is_told_with_its_mend(records: list[str], status: str, said: str, mend: str) -> None:
    (only,) = found(records)
    assert only.status == status
    assert said in only.text
    assert mend in only.mend


def test_a_provider_that_is_not_named_is_missed() -> None:
    (only,) = found(["v=spf1 include:plain.test -all"], ["smtp.gmail.com"])
    # plain.test lists addresses one by one: Google's might be among them.
    assert only.status == "ok"
    (missing,) = found(["v=spf1 -all"], ["smtp.gmail.com"])
    assert missing.status == "warn"
    assert missing.text == "it does not name Google, through which you send (smtp.gmail.com)"
    assert missing.mend == 'publish  ourco.test.  TXT  "v=spf1 include:_spf.google.com -all"'
    (first,) = found([], ["smtp.gmail.com", "smtp.office365.com"])
    assert '"v=spf1 include:_spf.google.com include:spf.protection.outlook.com ~all"' in first.mend


@pytest.mark.parametrize("target", ["x.servfail.test"])
def test_an_include_that_cannot_be_asked_leaves_the_record_unjudged(target: str) -> None:
    with pytest.raises(Unanswered, match=target):
        found([f"v=spf1 include:{target} -all"])
