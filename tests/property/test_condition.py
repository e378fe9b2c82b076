"""Conditions on anything: no text makes `parse` fail badly, no facts make `holds` or `explain` fail at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sequencer.core.condition import ConditionError, explain, holds, parse
from sequencer.core.people import FieldValue

STEPS = ("intro", "call-1", "break-up", "2nd-call")
FIELDS = ("stage", "score", "title")


@dataclass(frozen=True)
class AnyFacts:
    prospect: Mapping[str, FieldValue]
    account: Mapping[str, FieldValue]
    replied: bool
    clicks: int
    engaged: bool
    linkedin_connected: bool
    steps: Mapping[str, tuple[bool, bool, str | None, float | None]]
    answer: str | None

    def opened(self, step: str, /) -> bool:
        return self.steps[step][0]

    def clicked(self, step: str, /) -> bool:
        return self.steps[step][1]

    def outcome(self, step: str, /) -> str | None:
        return self.steps[step][2]

    def answered(self, poll: str, /) -> str | None:
        return self.answer

    def days_since(self, step: str, /) -> float | None:
        return self.steps[step][3]


words = st.sampled_from(["lead", "Lead ", "70", "-3.5", "yes", "no", "0", "", " ", "VP Engineering"])
values = st.one_of(words, st.text(), st.integers(), st.floats(), st.booleans(), st.just(10**5000))
fields = st.dictionaries(st.sampled_from(FIELDS), values)
facts = st.builds(
    AnyFacts,
    prospect=fields,
    account=fields,
    replied=st.booleans(),
    clicks=st.integers(min_value=0, max_value=5),
    engaged=st.booleans(),
    linkedin_connected=st.booleans(),
    steps=st.fixed_dictionaries(
        dict.fromkeys(
            STEPS, st.tuples(st.booleans(), st.booleans(), st.none() | words, st.none() | st.floats(min_value=0))
        )
    ),
    answer=st.none() | words,
)

step_ids = st.sampled_from([*STEPS, *(f'"{step}"' for step in STEPS)])
yes_no = st.sampled_from(["replied", "engaged", "linkedin_connected"]) | st.builds(
    "{}({})".format, st.sampled_from(["opened", "clicked"]), step_ids
)
numbers = st.sampled_from(["-1", "0", "1", "2.5", "70", '"70"'])
texts = st.sampled_from(['"lead"', '"70"', "'vp'", '"no"'])
counts = st.just("clicks") | st.builds("days_since({})".format, step_ids)
said = st.builds("outcome({})".format, step_ids) | st.just("answered(priority)")
stored = st.builds("{}.{}".format, st.sampled_from(["prospect", "account"]), st.sampled_from(FIELDS))
orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
equalities = st.sampled_from(["==", "!="])
members = st.sampled_from(["in", "not in"])
leaves = st.one_of(
    yes_no,
    said,
    stored,
    st.just("clicks"),
    st.sampled_from(["True", "false"]),
    st.builds("{} {} {}".format, counts, orders, numbers),
    st.builds("{} {} {}".format, numbers, orders, counts),
    st.builds("{} {} {}".format, said | stored, orders, texts | numbers | stored),
    st.builds("{} {} {}".format, stored, equalities, st.sampled_from(["True", "False"])),
    st.builds("{} {} [{}, {}]".format, said | stored, members, texts, texts | numbers),
    st.builds("{} {} {}".format, texts | numbers | stored, members, said | stored),
    st.builds("{} {} {} {} {}".format, numbers, orders, stored, orders, numbers),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=4,
)
WORDS = (
    "replied clicks opened( call-1 intro ) prospect. account. stage title and or not in == != < >= = [ ] , ( 'a' \"b\" "
    '1 2.5 -1 True None # \\ f" lambda : __class__ . * ** if else for \ud800 \x00 \N{NO-BREAK SPACE} \N{BULLET} 9and'
)
fragments = st.lists(st.sampled_from(WORDS.split(" ")), max_size=40).map(" ".join)


def refused_or_read(source: str) -> None:
    try:
        condition = parse(source)
    except ConditionError as refused:
        told = str(refused)
    else:
        told = condition.source
    assert told


@given(st.text())
def test_any_text_is_read_or_refused(source: str) -> None:
    refused_or_read(source)


@given(fragments)
def test_any_row_of_words_is_read_or_refused(source: str) -> None:
    refused_or_read(source)


@given(expressions, st.integers(min_value=0, max_value=500), st.characters())
def test_a_damaged_expression_is_read_or_refused(source: str, at: int, put: str) -> None:
    refused_or_read(source[:at] + put + source[at + 1 :])


@given(expressions, facts)
def test_not_turns_it_round(source: str, known: AnyFacts) -> None:
    assert holds(parse(f"not ({source})"), known) is not holds(parse(source), known)


@given(expressions, expressions, facts)
def test_and_or_are_those_of_python(left: str, right: str, known: AnyFacts) -> None:
    first, second = holds(parse(left), known), holds(parse(right), known)
    assert holds(parse(f"({left}) and ({right})"), known) is (first and second)
    assert holds(parse(f"({left}) or ({right})"), known) is (first or second)


@given(expressions, facts)
def test_explains_everything_in_one_line(source: str, known: AnyFacts) -> None:
    condition = parse(source)
    sentence = explain(condition, known)
    assert sentence
    assert sentence.isprintable()
    # A need is said exactly when something is wanting.
    wanting = any(word in sentence for word in ("needs", "does not compare", "never true", "always true"))
    assert wanting or holds(condition, known)
    assert ("needs" in sentence or "does not compare" in sentence) <= (not holds(condition, known))


@given(expressions)
def test_names_only_what_is_written(source: str) -> None:
    condition = parse(source)
    assert condition.steps == {step for step in STEPS if f"({step})" in source or f'("{step}")' in source}
    assert condition.polls == ({"priority"} if "answered" in source else set())
    assert all(field in source for field in condition.fields)
