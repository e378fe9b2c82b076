"""Expressions: what is refused, in which words, and that nothing hostile gets past the bounds."""

import time
import warnings

import pytest

from sequencer.core.condition import ConditionError, parse

REFUSED = [
    # slips of the pen, and what was probably meant
    ("clikcs >= 2", 'clikcs is no fact — did you mean "clicks"?'),
    ("opend(intro)", 'opend is no fact — did you mean "opened"?'),
    ("prospct.stage", 'prospct has no fields — did you mean "prospect"?'),
    ("prospect", "`prospect` needs a field, as in prospect.stage"),
    ("account == 1", "`account` needs a field, as in account.industry"),
    ("opened", "`opened` needs the id of a step, as in opened(intro)"),
    ("answered == 'Yes'", "`answered` needs the id of a poll, as in answered(priority)"),
    ("replied()", "`replied` takes nothing in brackets"),
    ("clicks(intro) > 1", "`clicks` takes nothing in brackets"),
    ("opened()", "`opened` takes the id of one step"),
    ("opened(a, b)", "`opened` takes the id of one step"),
    ("opened(call - 1)", "`opened` takes the id of one step"),
    ("opened(*intro)", "`opened` takes the id of one step"),
    ("answered(' ')", "`answered` takes the id of one poll"),
    ("prospect.stage == lead", "lead is no fact; text goes in quotes"),
    ("prospect.stage == follow-up", "no arithmetic"),
    ("clicks = 2", "compare with ==, not ="),
    ("clicks => 2", "compare with ==, not ="),
    ("clicks is 2", "compare with ==, not is"),
    ("clicks <> 2", "write !=, not <>"),
    ("replied && engaged", "write and, not &&"),
    ("replied || engaged", "write or, not ||"),
    ("!replied", "write not, not !"),
    ("replied AND engaged", "write and in small letters"),
    ("prospect.stage == None", "None is no value"),
    ("prospect.stage != ''", "nothing equals empty text"),
    ("prospect.stage == “lead”", "straight quotes"),
    ("prospect.stage == 'lead", "a quote is not closed"),
    ("prospect.country in ['ES' 'PT']", "a comma is missing after 'ES'"),
    ("prospect.note == '''x'''", "a comma is missing"),
    ("clicks >= 2 # hot", "a comment cannot stand"),
    ("clicks >= 2and replied", "2and is no number"),
    ("clicks >= 1e3", "1e3 is no number"),
    ("clicks >= 0x10", "0x10 is no number"),
    ("clicks >= 007", "007 is no number"),
    ("clicks >= .5", ".5 is no number"),
    ("clicks >= " + "9" * 16, "at most 15 digits"),
    ("prospect.class == 'A'", '"class" cannot be used as a field'),
    ("prospect.2nd == 'A'", '"2nd" cannot be used as a field'),
    ("", "empty"),
    (" \n\t", "empty"),
    ("replied engaged", "cannot be understood near engaged"),
    ("(replied", "cannot be understood near"),
    # it says nothing, or not what it seems to say
    ('prospect.title == "cto" or "ceo"', '"ceo" alone is no condition'),
    ("clicks and 2", "2 alone is no condition"),
    ("days_since(intro)", "compare it, as in days_since(intro) >= 3"),
    ("['a']", "a list alone is no condition"),
    ("1 < 2", "says nothing about the person"),
    ("'a' in ['a']", "says nothing about the person"),
    ("prospect.country in ('ES')", "in needs a list or a field"),  # brackets alone make no list
    ("prospect.country in []", "in needs a list or a field"),
    ("'a' in clicks", "in needs a list or a field"),
    ("['a'] in prospect.title", "in needs a list or a field"),
    ("prospect.country == ['ES']", "a list is compared with in"),
    ("prospect.country in [['ES']]", "a list holds text and numbers only"),
    ("prospect.country in [clicks]", "a list holds text and numbers only"),
    ("clicked(intro) >= 2", "clicked(intro) is only yes or no"),
    ("replied == 'maybe'", "replied is only yes or no"),
    ("clicks == 'many'", "clicks is a number"),
    ("clicks in [1, 'many']", "clicks is a number"),
    ("prospect.vip > True", "True and False have no order"),
    ("(clicks > 1) > 2", "a comparison has a fact, a field or a value on each side"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED)
def test_refuses_in_words(source: str, message: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(source)
    assert message in str(refused.value)


ESCAPES = [
    "prospect.__class__",
    "prospect.__class__.__mro__[1].__subclasses__()",
    "prospect._fields",
    "account.__dict__ == 1",
    "prospect.get('x')",
    "prospect.stage.upper() == 'X'",
    "prospect.stage.value",
    "prospect['stage'] == 1",
    "prospect.stage[0] == 'a'",
    "clicks.real",
    "clicks.__class__",
    "opened.__globals__",
    "opened(intro).__class__",
    "opened(intro)(x)",
    "opened(step=intro)",
    "opened(**{'step': 'x'})",
    "opened(opened(intro))",
    "opened([x for x in y])",
    "opened(lambda: 1)",
    "__import__('os').system('id')",
    "__import__(os)",
    "eval('1')",
    "exec(x)",
    "open('/etc/passwd')",
    "getattr(prospect, 'x')",
    "len(prospect)",
    "().__class__.__base__",
    "''.join(['a'])",
    "'{0.__class__}'.format(1) == clicks",
    "'%s' % clicks == 'a'",
    "f'{clicks}' == 'a'",
    "b'a' == prospect.x",
    "[x for x in prospect.y]",
    "{x for x in y} == 1",
    "{x: y for x in z}",
    "(x for x in y)",
    "{'a': 1} == clicks",
    "{1, 2} == clicks",
    "lambda: 1",
    "(lambda x: x)(1)",
    "(x := 1)",
    "replied if clicks else engaged",
    "clicks + 1 > 2",
    "clicks * 999999999 > 1",
    "9 ** 9 ** 9 > clicks",
    "'a' * 999999999 == prospect.x",
    "~clicks == 1",
    "+clicks == 1",
    "-clicks == 1",
    "-True == prospect.x",
    "clicks @ 1 == 1",
    "await x",
    "yield",
    "...",
    "prospect.x == ...",
    "prospect.x == 1j",
    "*prospect.x",
    "[*prospect.x] == 1",
    "clicks; replied",
    "import os",
    "replied\x00",
    "prospect.x == '\ud800'",
    "prospect.x == '\\N{BULLET}'",
    "ｐrospect.__class__",  # full-width letters are the plain ones to Python
    "prospect.ⅽlass_ + 1 == 2",
    ") or (replied",
    # size: refused by its bound, before or while the tree is built
    "(" * 400,
    "(" * 240 + "replied" + ")" * 240,
    "[" * 240 + "]" * 240,
    "not " * 120 + "replied",
    "-" * 480 + "1 == clicks",
    "~" * 490 + "1",
    "clicks" + ".a" * 240,
    "replied" + "()" * 240,
    "1<" * 240 + "clicks",
    "clicks in [" + "1," * 200 + "1]",
    "clicks or " * 48 + "not clicks",
    "lambda:" * 70 + "1",
    "1 if 1 else " * 40 + "1",
    "replied or " * 100 + "replied",
    "prospect.x == '" + "a" * 10_000_000 + "'",
    "1" * 500,
]


@pytest.mark.parametrize("source", ESCAPES, ids=[f"{at}:{source[:24]!a}" for at, source in enumerate(ESCAPES)])
def test_refuses_escapes_at_once(source: str) -> None:
    started = time.process_time()
    with warnings.catch_warnings(record=True) as warned, pytest.raises(ConditionError):
        parse(source)
    # The bounds make it microseconds; 100 ms leaves room for a slow machine and catches anything that grows.
    assert time.process_time() - started < 0.1
    assert not warned


@pytest.mark.parametrize(
    ("within", "beyond", "message"),
    [
        # one `or` and its operands
        (" or ".join(["clicks"] * 49), " or ".join(["clicks"] * 50), "more than 50 parts"),
        # a comparison, its left side, the list and its elements
        (f"clicks in {[1] * 47}", f"clicks in {[1] * 48}", "more than 50 parts"),
        ("not " * 9 + "replied", "not " * 10 + "replied", "nested deeper than 10"),
        ("(" * 10 + "replied" + ")" * 10, "(" * 11 + "replied" + ")" * 11, "brackets are nested deeper than 10"),
        ("replied" + " " * 493, "replied" + " " * 494, "longer than 500 characters"),
    ],
)
def test_bounds_are_exact(within: str, beyond: str, message: str) -> None:
    parse(within)
    with pytest.raises(ConditionError, match=message):
        parse(beyond)
