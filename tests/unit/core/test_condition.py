"""Conditions: what each expression means and what `explain` says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from sequencer.core.condition import Condition, Facts, NoTouches, explain, holds, parse
from sequencer.core.people import FieldValue


@dataclass(frozen=True)
class Known:
    """Facts as a test states them."""

    prospect: Mapping[str, FieldValue] = field(default_factory=dict)
    account: Mapping[str, FieldValue] = field(default_factory=dict)
    replied: bool = False
    clicks: int = 0
    engaged: bool = False
    linkedin_connected: bool = False
    opens: frozenset[str] = frozenset()
    clicked_steps: frozenset[str] = frozenset()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, float] = field(default_factory=dict)

    def opened(self, step: str, /) -> bool:
        return step in self.opens

    def clicked(self, step: str, /) -> bool:
        return step in self.clicked_steps

    def outcome(self, step: str, /) -> str | None:
        return self.outcomes.get(step)

    def answered(self, poll: str, /) -> str | None:
        return self.answers.get(poll)

    def days_since(self, step: str, /) -> float | None:
        return self.days.get(step)


JO = Known(
    prospect={
        "title": "VP Engineering",
        "score": "70",
        "low": "9",
        "grade": "high",
        "country": " es ",
        "city": "jose\N{COMBINING ACUTE ACCENT}",
        "vip": "Yes",
        "opted_in": "no",
        "zero": "0.00",
        "blank": "  ",
        "size": 250,
        "share": 0.29,
        "flag": True,
        "nan": float("nan"),
        "huge": 10**400,
    },
    account={"industry": "SaaS", "size": "120", "country": "NO"},
    clicks=1,
    opens=frozenset({"intro", "call-1", "break-up", "2nd-call", "not-now"}),
    clicked_steps=frozenset({"intro"}),
    outcomes={"call-1": "Connected"},
    answers={"priority": "Later", "still": "No"},
    days={"intro": 2.9999999, "today": 0.0},
)

TRUE = [
    "not replied",
    "clicks",  # alone: at least one
    "clicks >= 1 and not engaged",
    "replied or clicked(intro)",
    "0 < clicks <= 1",  # chained
    "2 > clicks",  # the value may come first
    "(clicks == 1)",
    "clicks in [1, 3]",
    "clicks == '1'",  # text that spells a number
    "clicks > -1",
    "opened(intro)",
    "opened(call-1)",  # a hyphen is not a minus
    'opened("call-1")',
    "opened( 'call-1' )",
    "opened(break-up) and opened(2nd-call) and opened(not-now)",  # step ids that are no Python
    "not(replied) and not (engaged)",  # `not (x)` is no call
    'outcome(call-1) == "connected"',  # case does not matter
    'outcome("call-1") in ["connected", "voicemail"]',
    'outcome(call-1) not in ("voicemail", "no_answer")',
    "outcome(call-1)",  # it has one
    'answered(priority) == "later"',
    "days_since(intro) > 2",
    "days_since(today) < 1",  # just now is not never
    "prospect.score >= 50",  # import stores text
    "prospect.score > 9.5",
    'prospect.score > "9"',  # both spell numbers, so 70 is more than 9
    "prospect.score > prospect.low",
    "prospect.size > account.size",  # a number and a text
    "prospect.share == 0.29",
    'prospect.grade > "good"',  # alphabetical
    'prospect.country == "ES"',  # blanks outside do not matter
    'prospect.country in ["PT", "Es"]',
    'prospect.city == "JOS\N{LATIN CAPITAL LETTER E WITH ACUTE}"',  # composed and combining are one letter
    '"vp" in prospect.title',
    '"ENG" in prospect.title and "cto" not in prospect.title',
    "prospect.title",
    "prospect.vip",
    "prospect.vip == True and prospect.vip == true",
    "prospect.flag == 'yes'",
    "not prospect.opted_in",  # the cell says "no"
    "prospect.opted_in == false",
    "account.country and answered(still)",  # Norway is no refusal, and No is an answer
    "not prospect.zero",
    "not prospect.blank and not prospect.nan and not prospect.none_such",
    "prospect.huge > 1",
    'prospect.title == "VP Engineering" or prospect.stage == "lead"',
    "clicks >= 1\n  and not replied\n",  # a YAML block
    "True",
]
FALSE = [
    "replied",
    "not clicks",
    "clicks >= 2",
    "1 < clicks < 3",
    "opened(bump)",  # it never happened
    "opened(intro) and clicked(bump)",
    'outcome(bump) == "connected"',
    'outcome(bump) != "connected"',  # missing: false whichever the operator
    'outcome(bump) not in ["connected"]',
    "days_since(bump) < 3",
    "days_since(bump) >= 0",
    "prospect.none_such != 1",
    "prospect.blank != 'x'",  # a blank cell is a missing one
    "prospect.nan != 1",
    "prospect.score == prospect.none_such",
    '"x" not in prospect.none_such',
    "prospect.grade >= 50",  # no number
    "prospect.grade != 50",  # what does not compare is false whichever the operator
    "prospect.title not in [1, 2]",
    "prospect.flag == 1",  # a yes is no number
    "prospect.flag > 0",
    "prospect.size == True",
    "5 in prospect.title",
    '"2" in prospect.size',
    "account.title",  # the person's field, not the company's
    "prospect.get",  # a field's name, no method
    "linkedin_connected",
    "False",
]


@pytest.mark.parametrize("source", TRUE)
def test_holds(source: str) -> None:
    assert holds(parse(source), JO)


@pytest.mark.parametrize("source", FALSE)
def test_does_not_hold(source: str) -> None:
    condition = parse(source)
    assert not holds(condition, JO)
    assert holds(parse(f"not ({source})"), JO)


def test_a_person_without_touches_has_fields_only() -> None:
    jo: Facts = NoTouches({"country": "ES"}, {"industry": "SaaS"})
    assert holds(parse('prospect.country == "es" and account.industry == "saas"'), jo)
    for source in (
        *("replied", "engaged", "linkedin_connected", "clicks", "opened(intro)", "clicked(intro)"),
        *("outcome(intro)", "answered(priority)", "days_since(intro) >= 0"),
    ):
        assert not holds(parse(source), jo), source


def test_names_what_it_relies_on() -> None:
    condition = parse(
        'opened(intro) and (clicked("call-1") or outcome(call-2) == "x") and days_since(bump) > 1 and not '
        'answered(next_step) == "Yes" and prospect.stage == account.stage and "vp" in prospect.title and clicks'
    )
    assert condition.steps == {"intro", "call-1", "call-2", "bump"}
    assert condition.polls == {"next_step"}
    assert condition.fields == {"prospect.stage", "account.stage", "prospect.title"}
    assert str(condition) == condition.source


def test_text_in_quotes_is_only_text() -> None:
    condition = parse("""prospect.note == "opened(call-1) and # && 'x' = 1e3 (((((((((((" """)
    assert condition.steps == frozenset()
    assert condition.fields == {"prospect.note"}


def test_equal_sources_are_one_value() -> None:
    assert parse("clicks >= 2") == parse("clicks >= 2") != parse("clicks >= 3")
    assert {parse("replied"): 1}[Condition("replied", parse("replied").tree)] == 1


EXPLAINED = [
    ("clicks >= 2", "clicks is 1, needs at least 2"),
    ("clicks >= 1", "clicks is 1"),
    ("2 <= clicks", "clicks is 1, needs at least 2"),
    ("1 <= clicks <= 3", "clicks is 1"),  # said once
    ("not clicks >= 1", "clicks is 1, needs less than 1"),  # `not` turns the need round
    ("not clicks", "clicks is 1, needs 0"),
    ("clicks > 1 and not replied", "clicks is 1, needs more than 1"),  # only what is wanting
    ("clicks > 1 and replied", "clicks is 1, needs more than 1; replied is no, needs yes"),
    ("clicks > 1 or replied", "clicks is 1, needs more than 1; or replied is no, needs yes"),
    ("not (clicks or replied)", "clicks is 1, needs 0"),
    ("not (clicks and opened(intro))", "clicks is 1, needs 0; or opened(intro) is yes, needs no"),
    ("clicks or replied", "clicks is 1"),  # only what made it true
    ("not replied", "replied is no"),
    ("opened(bump)", "opened(bump) is no, needs yes"),
    ('outcome(call-1) == "voicemail"', 'outcome(call-1) is "Connected", needs "voicemail"'),
    ('outcome(bump) in ["a", "b"]', 'outcome(bump) has no value yet, needs one of "a", "b"'),
    ("outcome(bump)", "outcome(bump) has no value yet, needs one"),
    ("not outcome(call-1)", 'outcome(call-1) is "Connected", needs none'),
    ("days_since(intro) >= 3", "days_since(intro) is 2.99, needs at least 3"),  # cut, not rounded up
    ("prospect.stage == 'lead'", 'prospect.stage is missing, needs "lead"'),
    ("prospect.stage", "prospect.stage is missing, needs a value other than no and 0"),
    ("not prospect.vip", 'prospect.vip is "Yes", needs no or nothing'),
    ('"cto" in prospect.title', 'prospect.title is "VP Engineering", needs to contain "cto"'),
    ('"vp" not in prospect.title', 'prospect.title is "VP Engineering", needs not to contain "vp"'),
    ("prospect.grade >= 50", 'prospect.grade is "high", which does not compare with 50'),
    ("prospect.size == True", "prospect.size is 250, which does not compare with yes"),
    ("prospect.size < account.size", 'prospect.size is 250, needs less than account.size ("120")'),
    ("prospect.size < account.none", "prospect.size is 250, needs less than account.none (missing)"),
    ("prospect.share != 0.29", "prospect.share is 0.29, needs anything but 0.29"),
    ("prospect.huge < 1", "prospect.huge is a very large number, needs less than 1"),
    ("prospect.country not in ['ES', 5]", 'prospect.country is "es", needs none of "ES", 5'),
    ("True", "always true"),
    ("replied or False", "replied is no, needs yes; or never true"),
]


@pytest.mark.parametrize(("source", "sentence"), EXPLAINED)
def test_explains(source: str, sentence: str) -> None:
    assert explain(parse(source), JO) == sentence


def test_explains_in_one_short_line() -> None:
    sentence = explain(parse("prospect.note == 'x'"), NoTouches({"note": "a\r\nb\x1b[31m" + "c" * 9_000}, {}))
    assert sentence.startswith('prospect.note is "a b [31mccc')
    assert len(sentence) < 100
    assert sentence.isprintable()
