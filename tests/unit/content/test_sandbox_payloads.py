"""Payloads that are published against Jinja: each is refused when the template is loaded, with a file and a line.

They stand apart from test_sandbox.py, which tries what our own functions and filters might give away: these are what a
stranger pastes from a list, in the forms that go round filters on words.
"""

import time

import pytest

from sequencer.content.render import TemplateFailed
from tests.unit.content.facts import message

SECONDS_MAX = 0.2

PAYLOADS = [
    # the ladder from a literal to every loaded class
    "{{ ''.__class__.__mro__[2].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ ''.__class__.mro()[1].__subclasses__() }}",
    "{{ {}.__class__.__base__.__subclasses__()|length }}",
    "{{ dict.__base__.__subclasses__()[276]('id', shell=True, stdout=-1).communicate()[0] }}",
    "{{ (1).__class__ }}",
    "{{ 1.0.__class__ }}",
    "{{ true.__class__.__base__ }}",
    "{{ none.__class__ }}",
    "{{ [].append.__self__ }}",
    "{{ ''.join.__class__ }}",
    # globals of what Jinja and web frameworks put into a context
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['__builtins__']['eval']('1') }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ request.application.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}",
    "{{ request.args.x }}",
    "{{ config.items() }}",
    "{{ config.__class__.from_envvar.__globals__.import_string('os').popen('ls').read() }}",
    "{{ get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ url_for.__globals__.os }}",
    "{{ g.pop.__globals__.__builtins__ }}",
    "{{ session }}",
    "{{ settings.SECRET_KEY }}",
    "{{ handler.settings }}",
    "{{ x.__init__.__builtins__.exec('1') }}",
    "{{ ().__getattribute__('__class__') }}",
    # names put together, so that no list of words meets them
    "{{ ''['__cla' 'ss__'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    "{{ ''['__cla' + 'ss__'] }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''['\\u005f\\u005fclass\\u005f\\u005f'] }}",
    "{{ ''|attr('__cla' ~ 'ss__') }}",
    "{{ ''|attr(['__cla', 'ss__']|join) }}",
    "{{ ''|attr('__ssalc__'|reverse) }}",
    "{{ ''|attr('%c%cclass%c%c'|format(95, 95, 95, 95)) }}",
    "{{ ''[('_' * 2) ~ 'class' ~ ('_' * 2)] }}",
    "{{ ''[['_', '_', 'class', '_', '_']|join] }}",
    "{% set c = '__class__' %}{{ ''[c] }}",
    "{% for c in ['__class__'] %}{{ ''[c] }}{% endfor %}",
    "{{ prospect[prospect.first_name].__class__ }}",
    "{{ ''|attr(prospect.first_name) }}",
    "{{ (lipsum|attr('__globals__'))['os'] }}",
    "{{ lipsum|attr('__globals__')|attr('__getitem__')('os') }}",
    # formatting that reads attributes
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ '{0.__init__.__globals__[os]}'.format_map(prospect) }}",
    "{{ '%(x)s' % prospect }}",
    "{{ '{}'|format(prospect) }}",
    "{% set f = ''.format %}{{ f(prospect) }}",
    "{{ ['{0.__class__}']|map('format', prospect)|list }}",
    "{{ [prospect]|map('attr', '__class__')|list }}",
    "{{ [prospect]|groupby('__class__') }}",
    "{{ [prospect]|sum('__class__') }}",
    "{{ [prospect]|sort(attribute='__class__') }}",
    "{{ [prospect]|selectattr('__class__') }}",
    "{{ [prospect]|unique(attribute='__class__')|list }}",
    "{{ prospect|xmlattr }}",
    "{{ prospect|urlize }}",
    # code behind statements
    "{% import 'os' as os %}{{ os }}",
    "{% from '/etc/passwd' import x %}",
    "{% extends '/etc/passwd' %}",
    "{% include '/etc/passwd' %}",
    "{% include 'file:///etc/passwd' %}",
    "{% include '..%2f..%2fetc/passwd' %}",
    "{% include '....//....//etc/passwd' %}",
    "{% include 'a.md\\x00.txt' %}",
    "{% include '~/.ssh/id_rsa' %}",
    "{% include '/dev/zero' %}",
    "{% include ['x.md', '/etc/passwd'] %}",
    "{% macro m(x=''.__class__) %}{{ x }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}",
    "{% for x in ''.__class__.__mro__ %}{{ x }}{% endfor %}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% if ''.__class__ %}x{% endif %}",
    "{% with a = ''.__class__ %}{{ a }}{% endwith %}",
    "{% set a = cycler('x') %}{{ a.next.__globals__ }}",
    "{% set ns = namespace(x=1) %}{% set ns.x = 2 %}",
    "{% do [].append(1) %}",
    "{% debug %}",
    "{% trans %}x{% endtrans %}",
    "{{ await prospect }}",
    "{{ (x for x in prospect) }}",
    "{{ lambda: 1 }}",
    "{{ __import__('os') }}",
    "{{ open('/etc/passwd') }}",
    "{{ eval('1') }}",
    "{{ exec('1') }}",
]

WASTE = [
    "{{ 'x'|center(10 ** 9) }}",
    "{{ 'x'|ljust(999999999) }}",
    "{{ 'x'|indent(999999999) }}",
    "{{ 'x y'|wordwrap(1, true, prospect.long) }}",
    "{{ [1]|batch(999999999, 'x')|list }}",
    "{{ [1]|slice(999999999)|list }}",
    "{{ ('x' * 9999)|sum }}",
    "{{ 2 ** 99999999 }}",
    "{{ (2).__pow__(99999999) }}",
    "{{ prospect.long[0:999999999:1] }}",
    "{{ 'x'.ljust(999999999) }}",
    "{{ 'x'.zfill(999999999) }}",
    "{{ prospect.long|replace('', prospect.long) }}",
    "{{ [prospect.long, prospect.long]|join(prospect.long)|replace('x', prospect.long) }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% block b %}{{ self.b() }}{% endblock %}",
    "{% for a in 'x' * 999999999 %}x{% endfor %}",
    "{% for a in range(10 ** 9) %}{% endfor %}",
    "{% for a in prospect.long %}x{% endfor %}",
    "{{ dict(a=1, **{'b': 2}) }}",
    "{{ 'x'|urlize|urlize|striptags|wordcount }}",
    "{{ 9" + "9" * 5_000 + " }}",
    "{{ 1e999999999 }}",
    "{{ -1e999999999 }}",
    "{{ 0x" + "f" * 15_000 + " }}",
    "{{ 'x'|truncate(9" + "9" * 4_000 + ") }}",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_published_escape_is_refused_when_the_template_is_loaded(payload: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateFailed) as failed:
        message(f"\n{payload}\n")
    assert time.process_time() - started < SECONDS_MAX
    assert failed.value.template == "m.md"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_is_refused_in_a_subject_too(payload: str) -> None:
    with pytest.raises(TemplateFailed):
        message(f"Subject: {payload}\n\nHello\n")


@pytest.mark.parametrize("waste", WASTE, ids=range(len(WASTE)))
def test_what_wastes_time_or_memory_is_refused(waste: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateFailed):
        message(f"\n{waste}\n", prospect={"first_name": "Jo", "long": "x" * 9_999})
    assert time.process_time() - started < SECONDS_MAX


def test_there_are_enough_of_them() -> None:
    assert len(set(PAYLOADS)) >= 50
    assert len(set(WASTE)) >= 13
