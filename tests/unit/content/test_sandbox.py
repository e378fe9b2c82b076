"""No template gets out, runs long or fills the memory: each attack is refused at load or fails in 0.2 s."""

import time
from contextlib import suppress

import pytest

from sequencer.content.functions import FUNCTIONS
from sequencer.content.render import RenderError, TemplateFailed
from sequencer.content.sandbox import Sandbox
from tests.unit.content.facts import message, text

SECONDS_MAX = 0.2

ESCAPES = [
    # the class ladder of Python sandboxes
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ {}.__class__.__bases__[0] }}",
    "{{ ().__class__ }}",
    "{{ prospect.__class__ }}",
    "{{ prospect.__init__.__globals__ }}",
    "{{ prospect['__class__'] }}",
    "{{ prospect['_values'] }}",
    "{{ prospect._values }}",
    "{{ prospect.first_name.__class__ }}",
    "{{ prospect.first_name.format }}",
    "{{ now.__class__ }}",
    "{{ now.replace(year=1) }}",
    # the same by filters
    "{{ ''|attr('__class__') }}",
    "{{ prospect|attr('_values') }}",
    "{{ [prospect]|map(attribute='__class__')|list }}",
    "{{ ['__class__']|map('upper')|list }}",
    "{{ prospect|select|list }}",
    "{{ 'x'|format(prospect) }}",
    "{{ '%s'|format(prospect) }}",
    "{{ prospect|pprint }}",
    "{{ prospect|tojson }}",
    "{{ prospect|string }}",
    "{{ prospect|dictsort }}",
    # str.format reaches attributes: CVE-2016-10745, CVE-2024-56326
    "{{ '{0.__class__}'.format(prospect) }}",
    "{{ '{a.__init__.__globals__}'.format_map({'a': prospect}) }}",
    "{{ ('{0.__class__}'|attr('format'))(prospect) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(prospect) }}",
    # functions and what hangs on them
    "{{ pick.__globals__ }}",
    "{{ pick.__wrapped__ }}",
    "{{ link.__code__ }}",
    "{{ pick }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ dict.__base__ }}",
    "{{ range.__class__ }}",
    "{{ caller }}",
    "{{ environment }}",
    "{{ _draft }}",
    "{{ _draft.facts.token_for }}",
    "{{ prospect }}",
    "{{ loop }}",
    "{% for x in ['a'] %}{{ loop.__init__ }}{% endfor %}",
    "{% for x in ['a'] %}{{ loop._recurse }}{% endfor %}",
    "{% for x in prospect %}{{ x }}{% endfor %}",
    # other files and other code
    "{% include '../config.toml' %}",
    "{% include '/etc/passwd' %}",
    "{% include prospect.first_name %}",
    "{% include ['a.md', 'b.md'] %}",
    "{% include 'no-such.md' ignore missing %}",
    "{% import 'x.md' as x %}",
    "{% from 'x.md' import y %}",
    "{% extends 'x.md' %}",
    # statements that make code
    "{% macro m() %}{% endmacro %}{{ m() }}",
    "{% call pick('a', 'b') %}x{% endcall %}",
    "{% set x %}{{ now }}{% endset %}",
    "{% set prospect = 1 %}",
    "{% set pick = 1 %}",
    "{% set _draft = 1 %}",
    "{% set ns.x = 1 %}",
    "{% block b %}x{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% do prospect.clear() %}",
    "{{ prospect.first_name.upper() }}",
    "{{ pick(*['a', 'b']) }}",
    "{{ pick(**{'a': 1}) }}",
    "{{ link(url=prospect.first_name) }}",
    # text that would be taken for a mark of ours
    "qzv0zq {{ prospect.first_name }}",
    "https://qzu0zq",
]

RESOURCES = [
    "{{ 'A' * 20000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%099999999d' % 1 }}",
    "{{ '%099999999d'|format(1) }}",
    "{% for a in range(99999999) %}x{% endfor %}",
    "{% for a in [" + "1," * 101 + "] %}x{% endfor %}",
    "{% for a in [1, 2] %}{% for b in [1, 2] %}x{% endfor %}{% endfor %}",
    "{% set a = 'x' ~ 'x' %}{% set a = a ~ a %}",
    "{% set a = [1, 1] %}{% set b = [a, a] %}{{ b == b }}",
    "{{ 'aaaa'|replace('a', prospect.long)|replace('x', prospect.long) }}",
    "{{ now|date('%999999999d') }}",
    "{{ lipsum(n=99999) }}",
    "{{ prospect.long|center(99999999) }}",
    "{{ prospect.long|indent(99999999) }}",
    "{{ prospect.long|wordwrap(1) }}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ prospect.long" + "|upper" * 2_000 + " }}",
    "{{ 1 " + "and 1 " * 5_000 + "}}",
    "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "{% if " * 20_000,
    "{#" * 30_000,
    "{{ x }}" * 8_000,
    "x" * 70_000,
    "{% for a in [" + "1," * 100 + "] %}" + "x" * 1_000 + "{% endfor %}",
    "{% include 'm.md' %}",
    "{% include 'twice.md' %}" * 400,
]
LONG = {"first_name": "Jo", "long": "x" * 9_999}


@pytest.mark.parametrize("source", ESCAPES)
def test_an_escape_is_refused_when_the_template_is_loaded(source: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateFailed):
        message(f"\n{source}\n")
    assert time.process_time() - started < SECONDS_MAX


def test_there_are_at_least_the_fifty_escapes_and_thirteen_probes_that_were_promised() -> None:
    assert len(set(ESCAPES)) >= 50
    assert len(set(RESOURCES)) >= 13


@pytest.mark.parametrize("source", RESOURCES, ids=range(len(RESOURCES)))
def test_a_waste_of_time_or_memory_fails_at_once(source: str) -> None:
    files = {"twice.md": "{% include 'again.md' %}" * 400, "again.md": "x" * 100}
    started = time.process_time()
    with pytest.raises(RenderError):
        message(f"\n{source}\n", prospect=LONG, files=files)
    assert time.process_time() - started < SECONDS_MAX


@pytest.mark.parametrize(
    "source",
    [
        "[" * 500,  # quadratic search for the bracket that closes
        "{% for x in [1, 2, 3, 4] %}" + "[" * 3_000 + "{% endfor %}",
        "![[" * 250,
        "*a_" * 5_300,  # delimiters that never pair
        "a**b" * 4_000,
        "[a](b" * 3_200,
        "> " * 8_000,
        "`" * 16_000,
        "<" * 16_000,
        "|\n" * 8_000,
    ],
    ids=lambda source: source[:4],
)
def test_markdown_that_is_slow_to_lay_out_stays_within_the_time(source: str) -> None:
    started = time.process_time()
    with suppress(TemplateFailed):
        text(source, name="m.md")
    assert time.process_time() - started < SECONDS_MAX


@pytest.mark.parametrize(
    "source",
    [
        "<!--" * 15_000,
        "<script>" * 8_000,
        "<a " * 20_000,
        '<a "' * 15_000,
        "<a b='" * 10_000,
        "<a b=c " * 9_000,
        "&" * 60_000,
    ],
    ids=lambda source: source[:8],
)
def test_html_that_is_slow_to_read_stays_within_the_time(source: str) -> None:
    started = time.process_time()
    with suppress(TemplateFailed):
        text(source, name="m.html")
    assert time.process_time() - started < SECONDS_MAX


def test_a_markdown_file_longer_than_that_is_refused() -> None:
    with pytest.raises(TemplateFailed, match="16000 characters"):
        text("x" * 16_001, name="m.md")


def test_the_walls_behind_the_grammar_stand_alone_too() -> None:
    """Even code that skipped the allow-list meets Jinja's immutable sandbox."""
    sandbox = Sandbox({}, FUNCTIONS)
    assert not sandbox.is_safe_attribute("", "__class__", str)
    assert not sandbox.is_safe_attribute([], "append", [].append)
    assert set(sandbox.globals) == set(FUNCTIONS)
    assert set(sandbox.tests) == {"defined", "undefined"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        # a slip of the pen is told with what was meant
        ("{{ prospcet.name }}", 'did you mean "prospect"?'),
        ("{{ rep.frist_name }}", 'did you mean "first_name"?'),
        ("{{ first_name }}", "a person's field is written prospect.first_name"),
        ("{{ 'x'|uper }}", 'did you mean "upper"?'),
        ("{{ picks('a', 'b') }}", 'did you mean "pick"?'),
        ("{{ pick('a') }}", "pick takes 2 to 20 arguments, not 1"),
        ("{{ 1 + 1 }}", "the operator + is not available"),
        ("{{ prospect }}", "name a field of it"),
        ("{{ 'x' is string }}", "is string: no such test"),
        ("{% if prospect.a %}", "the template language does not allow this"),
        ("{{ poll('a', 'b', 'c') }}", "a written list of 2 to 10"),
    ],
)
def test_a_refusal_says_what_was_meant(source: str, words: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        message(f"Subject: x\n\n\n{source}\n")
    assert words in str(failed.value)
    assert failed.value.line == 4
