"""What a template gives for one person: values in their place, choices, links, what is missing, what is refused."""

from typing import Any

import pytest

from sequencer.content.render import MissingField, Renderer, TemplateFailed
from sequencer.content.rendered import Link
from tests.unit.content.facts import facts, html, message, text

BASE: dict[str, Any] = {"links_base": "https://go.ourco.test", "token_for": lambda name: f"T-{name}".replace(":", "-")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # values
        ("Hi {{ prospect.first_name }}", "Hi Jo"),
        ('{{ prospect["team size"] }}', "12"),
        ("{{ now }}", "21 November 2026"),
        ('{{ now | date("%d/%m/%Y") }}', "21/11/2026"),
        ("{{ step.id }} {{ sequence.title }}", "intro VP"),
        # a blank cell is missing: false in if, covered by default
        ("{% if prospect.title %}yes{% else %}no{% endif %}", "no"),
        ('{{ prospect.title | default("friend") }}', "friend"),
        ("{{ account.hiring | upper | default('nobody') }}", "nobody"),
        (
            "{% if account.hiring == 'x' or account.hiring != 'x' or account.hiring > 5 %}yes{% else %}no{% endif %}",
            "no",
        ),
        ("{% if account.hiring is defined %}yes{% else %}no{% endif %}", "no"),
        ("{{ account.name if account.name else 'x' }}", "Acme"),
        ("{% if account.size | int > 50 %}large{% endif %}", "large"),
        ("{% if 'Ac' in account.name and not account.hiring %}yes{% endif %}", "yes"),
        # filters
        ("{{ 'o\\'rourke mc'|title }} {{ 'ABC'|lower|capitalize }}", "O'Rourke Mc Abc"),
        ("{{ ' x '|trim }}|{{ 'a-b'|replace('-', '+') }}|{{ ['a', 'b']|join(', ') }}", "x|a+b|a, b"),
        ("{{ 'Jo'|first }}{{ 'Jo'|last }}{{ 'Jo'|length }}", "Jo2"),
        ("{{ '12,500'|int }} {{ '2.567'|round(1) }} {{ 2.5|round }}", "12500 2.6 2"),
        ("{{ 'one two three'|truncate(9) }}", "one two…"),
        ("{{ '2026-12-01'|date('%-d %b') }}", "1 Dec"),
        ("{{ '<b>'|e }}", "<b>"),
        # statements
        ("{% set name = prospect.first_name %}{{ name }}", "Jo"),
        ("{% for x in ['a', 'b'] %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1a,2b"),
        ("{# a note #}x", "x"),
    ],
)
def test_template_language(source: str, expected: str) -> None:
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # a line of nothing but tags leaves no trace
        ("a\n{% if account.name %}\nb\n{% endif %}\nc", "a\nb\nc"),
        ("a\n\n{% if account.hiring %}\nb\n\n{% endif %}\nc", "a\n\nc"),
        ("- x\n{% for i in ['1', '2'] %}\n- {{ i }}\n{% endfor %}\n- y", "- x\n- 1\n- 2\n- y"),
        ("a\n  {# note #}  \nb", "a\nb"),
        ("{% if 1 %}{% if 1 %}\na\n{% endif %}{% endif %}\nb", "a\nb"),
        # a tag at the end of a sentence does not eat the paragraph's end
        ("{% if 1 %}a.{% endif %}\n\nb", "a.\n\nb"),
        ("a {# note #}\n\nb", "a \n\nb"),
        # an include is text, even alone on its line
        ("{% include 's.md' %}\n\nb", "snippet\n\nb"),
        # the author's own signs win
        ("a\n{%- if 1 %} b{% endif %}", "a b"),
    ],
)
def test_white_space_around_tags(source: str, expected: str) -> None:
    assert text(source, files={"s.md": "snippet\n"}) == expected


HOSTILE = [
    "*Bob*",
    "_Bob_ __Bob__",
    "[x](javascript:alert(1))",
    "<script>alert(1)</script>",
    "![x](https://evil.test/x.png)",
    "# Bob",
    "- Bob",
    "1. Bob",
    "> Bob",
    "`Bob`",
    "https://evil.test",
    "<https://evil.test>",
    "&lt;b&gt;",
    "a\\*b",
    "{{ prospect.email }}",
    "{% include 'x' %}",
    "qzv0zq",
    "https://qzu0zq",
    "| a | b |",
    "---",
    "\"quoted\" 'single'",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_read_as_it_was_written_wherever_it_stands(value: str) -> None:
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    escaped = escaped.replace("'", "&#x27;")
    person = {"first_name": value}
    plain = message("\n{{ prospect.first_name }}\n\n- **{{ prospect.first_name }}**\n", prospect=person)
    assert plain.text == f"{value}\n\n- {value}"
    assert plain.html == f"<p>{escaped}</p>\n<ul>\n<li><strong>{escaped}</strong></li>\n</ul>\n"
    page = message("\n<p>{{ prospect.first_name }}</p>", name="m.html", prospect=person)
    assert page.html == f"<p>{escaped}</p>"
    assert page.text == value
    assert message("Subject: {{ prospect.first_name }}\n\nx", prospect=person).subject == value


@pytest.mark.parametrize(
    ("source", "in_html", "in_text"),
    [
        # what the author wrote is Markdown
        ("**a** _b_ `c`", "<p><strong>a</strong> <em>b</em> <code>c</code></p>", "a b c"),
        ("a\nb", "<p>a<br />\nb</p>", "a\nb"),
        ("# a\n\nb", "<h1>a</h1>\n<p>b</p>", "a\n\nb"),
        ("> a\n> b", "<blockquote>\n<p>a<br />\nb</p>\n</blockquote>", "> a\n> b"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>', "3. a\n4. b"),
        ("- a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>", "- a\n  - b"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>", "<b>x</b>"),
        ("a www.acme.test", "<p>a www.acme.test</p>", "a www.acme.test"),
        # links: label (url), bare ones bare
        (
            "[Ana](https://a.test/?x=1&y=2)",
            '<p><a href="https://a.test/?x=1&amp;y=2">Ana</a></p>',
            "Ana (https://a.test/?x=1&y=2)",
        ),
        ("<https://a.test>", '<p><a href="https://a.test">https://a.test</a></p>', "https://a.test"),
        ("[mail](mailto:a@b.test)", '<p><a href="mailto:a@b.test">mail</a></p>', "mail (a@b.test)"),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>", "[x](javascript:alert)"),
        ("[x](data:text/html,x)", "<p>[x](data:text/html,x)</p>", "[x](data:text/html,x)"),
        # values inside a link's target are encoded, as its beginning they must be a link
        (
            "[x](https://a.test/?q={{ prospect.odd }})",
            '<p><a href="https://a.test/?q=%26%20%2F">x</a></p>',
            "x (https://a.test/?q=%26%20%2F)",
        ),
        (
            "[x]({{ prospect.url }})",
            '<p><a href="https://jo.test/?a=1&amp;b=2">x</a></p>',
            "x (https://jo.test/?a=1&b=2)",
        ),
        (
            "<https://{{ account.domain }}>",
            '<p><a href="https://acme.test">https://acme.test</a></p>',
            "https://acme.test",
        ),
        # a bare link of a function can be clicked
        (
            'See {{ link("https://a.test/x") }}.',
            '<p>See <a href="https://a.test/x">https://a.test/x</a>.</p>',
            "See https://a.test/x.",
        ),
        ('[x]({{ link("https://a.test/x") }})', '<p><a href="https://a.test/x">x</a></p>', "x (https://a.test/x)"),
        (
            '<{{ link("https://a.test/x") }}>',
            '<p><a href="https://a.test/x">https://a.test/x</a></p>',
            "https://a.test/x",
        ),
        # text of the template that pick chooses is Markdown, a value that it chooses is not
        ('{{ pick("**a**", "**a**") }}', "<p><strong>a</strong></p>", "a"),
        (
            '{{ pick(link("https://a.test"), link("https://a.test")) }}',
            '<p><a href="https://a.test">https://a.test</a></p>',
            "https://a.test",
        ),
        ("{{ pick(prospect.stars, prospect.stars) }}", "<p>**a**</p>", "**a**"),
    ],
)
def test_markdown_gives_html_and_plain_text(source: str, in_html: str, in_text: str) -> None:
    person = {"url": "https://jo.test/?a=1&b=2", "stars": "**a**", "odd": "& /"}
    assert html(source, prospect=person) == in_html
    assert text(source, name="m.md", prospect=person) == in_text


@pytest.mark.parametrize(
    "source",
    [
        "[x]({{ prospect.url }})",  # Markdown
        '<a href="{{ prospect.url }}">x</a>',  # HTML
        "{{ link(prospect.url) }}",
        '{{ video(prospect.url, "https://a.test/x.png") }}',
    ],
)
@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "file:///etc/passwd", "a", "//evil.test"]
)
def test_a_value_is_no_link_unless_it_is_one(source: str, url: str) -> None:
    name = "m.html" if source.startswith("<") else "m.md"
    with pytest.raises(TemplateFailed, match="https://"):
        message(f"\n{source}", name=name, prospect={"url": url})


@pytest.mark.parametrize(
    "source",
    [
        "<a href={{ prospect.first_name }}>x</a>",  # no quotes: a blank would begin a new attribute
        "<a {{ prospect.first_name }}>x</a>",
        "<{{ prospect.first_name }}>",
        '<a onclick="{{ prospect.first_name }}">x</a>',
        '<p style="{{ prospect.first_name }}">x</p>',
        "<script>{{ prospect.first_name }}</script>",
        "<style>{{ prospect.first_name }}</style>",
        "<!-- {{ prospect.first_name }} -->",
        "<!-- a -->b<!-- {{ prospect.first_name }} -->",
        "<!-- {{ prospect.first_name }}",
        '<a href="{{ prospect.first_name }}',  # a tag that never ends
    ],
)
def test_html_refuses_a_value_where_it_could_be_more_than_text(source: str) -> None:
    with pytest.raises(TemplateFailed):
        message(f"\n{source}\n", name="m.html")


def test_html_attributes_take_values_between_quotes() -> None:
    made = message(
        '\n<a href="{{ prospect.url }}" title="{{ prospect.first_name }}">'
        '<img src="https://a.test/{{ prospect.first_name }}"></a>',
        name="m.html",
        prospect={"first_name": '"x" onload="y\nz', "url": "https://acme.test/?a=1&b=2"},
    )
    assert made.html == (
        '<a href="https://acme.test/?a=1&amp;b=2" title="&quot;x&quot; onload=&quot;y z">'
        '<img src="https://a.test/%22x%22%20onload%3D%22y%0Az"></a>'
    )


def test_all_missing_fields_are_named_with_the_place_of_the_first() -> None:
    source = "Subject: {{ account.hiring }}\n\nHi {{ prospect.first_name }}\n{% include 's.md' %} {{ prospect.title }}"
    with pytest.raises(MissingField) as missing:
        message(source, files={"s.md": "a\n{{ account.city }}"})
    assert missing.value.fields == ("account.hiring", "account.city", "prospect.title")
    assert (missing.value.field, missing.value.template, missing.value.line) == ("account.hiring", "m.md", 1)
    with pytest.raises(MissingField) as inside:
        message("\n{% include 's.md' %}", files={"s.md": "a\n{{ account.city }}"})
    assert (inside.value.field, inside.value.template, inside.value.line) == ("account.city", "s.md", 2)


@pytest.mark.parametrize(
    ("source", "words", "line"),
    [
        ("\n\n{{ prospect.first_name | int }}", 'm.md:3: "Jo" is no number', 3),
        ("\n{% if account.size > 5 %}x{% endif %}", "write the field with | int", 2),
        ("\n{{ ['a', 'b'] }}", "a list cannot be printed", 2),
        ("\n\n{% include 's.md' %}", 's.md:2: "Jo" is no date', 2),
        ("\n{{ unsubscribe_link() }}", "needs [public] base_url", 2),
        ('\n{{ poll("p", "Q?", ["Yes", "No"]) }}', "poll needs [public] base_url", 2),
        ('\n{{ link("https://a.test") | upper }}', "can only be printed", 2),
        ("\nqzv{% if 1 %}9zq{% endif %}", "only the product may write", 0),
        ("Subject: qzv{% if 1 %}9zq{% endif %}\n\nx", "only the product may write", 0),
        ("\n{{ prospect.long }}", "longer than 10 kB", 2),
        ("\n" + "{{ prospect.big }}" * 8, "longer than 64 kB", 0),
        ("\n{{ prospect.bell }}", "control character", 0),
        ("Subject: {{ prospect.lines }}\n\nx", "a header cannot hold a line break", 0),
        ("Subject: a{{ prospect.bell }}\n\nx", "a header cannot hold a line break or control character", 0),
        ('Subject: {{ prospect.title | default("") }}\n\nx', "a header is empty", 0),
    ],
)
def test_a_failure_names_file_and_line(source: str, words: str, line: int) -> None:
    person = {
        "first_name": "Jo",
        "long": "x" * 10_001,
        "big": "ü" * 9_000,
        "bell": "a\x07",
        "lines": "a\r\nBcc: x@y.test",
    }
    with pytest.raises(TemplateFailed) as failed:
        message(source, prospect=person, files={"s.md": "a\n{{ prospect.first_name | date }}"})
    assert words in str(failed.value)
    assert failed.value.line == line


@pytest.mark.parametrize("break_", ["\r", "\n", "\x00", "\x0b", "\x1b", "\x85", "\u2028", "\u2029", "\udc80"])
def test_no_value_breaks_a_header(break_: str) -> None:
    with pytest.raises(TemplateFailed, match="header"):
        message("Subject: Hi {{ prospect.first_name }}\n\nx", prospect={"first_name": f"Jo{break_}Bcc: a@b.test"})


def test_pick_depends_on_enrollment_step_and_place_and_on_nothing_else() -> None:
    source = '{{ pick("a", "b", "c") }}' * 20
    assert text(source) == text(source)
    assert len(set(text(source))) > 1, "each place chooses for itself"
    assert len({text(source, key=str(key)) for key in range(20)}) == 20
    assert len({text(source, step={"id": str(step)}) for step in range(20)}) == 20
    # a branch that is taken or not does not shift the choices after it
    branch = '{% if account.hiring %}{{ pick("x", "y") }}{% endif %}' + source
    assert text(branch).endswith(text(branch, account={"hiring": "z"})[1:])


def test_pick_is_even() -> None:
    chosen = "".join(text('{{ pick("a", "b") }}', key=str(key)) for key in range(400))
    assert 150 < chosen.count("a") < 250


def test_signature_and_postal_address_are_appended_unless_the_template_places_them() -> None:
    tail: dict[str, Any] = {"signature": "Ana <Ruiz>\nOurco", "postal_address": "1 Example Street"}
    made = message("\nHi", **tail)
    assert made.text == "Hi\n\nAna <Ruiz>\nOurco\n\n1 Example Street"
    assert made.html == "<p>Hi</p>\n<p>Ana &lt;Ruiz&gt;<br>\nOurco</p>\n<p>1 Example Street</p>\n"
    placed = message("\n{{ postal_address() }}\n\n{{ signature() }}\n\nPS", **tail)
    assert placed.text == "1 Example Street\n\nAna <Ruiz>\nOurco\n\nPS"
    assert message("\nHi", automatic=False, **tail).text == "Hi\n\nAna <Ruiz>\nOurco"
    assert message("\n{{ signature() }}Hi").text == "Hi", "an empty signature is no missing value"
    page = message("\n<html><body><p>Hi</p></body></html>", name="m.html", **tail).html
    assert page == ("<html><body><p>Hi</p><p>Ana &lt;Ruiz&gt;<br>\nOurco</p>\n<p>1 Example Street</p>\n</body></html>")
    assert message("\nHi", name="m.txt", **tail).html is None


def test_links_are_rewritten_only_when_clicks_are_tracked_and_there_is_an_address_to_come_back_to() -> None:
    source = '\n[a]({{ link("https://a.test") }}) {{ link("mailto:a@b.test") }} {{ link("https://b.test") }}'
    plain = message(source, **BASE)
    assert "(https://a.test)" in plain.text
    assert plain.links == ()
    assert message(source, track_clicks=True).links == ()
    tracked = message(source, track_clicks=True, **BASE)
    assert tracked.text == "a (https://go.ourco.test/c/T-click-0) mailto:a@b.test https://go.ourco.test/c/T-click-1"
    assert tracked.links == (
        Link("T-click-0", "click", "https://a.test"),
        Link("T-click-1", "click", "https://b.test"),
    )


def test_poll_has_one_link_for_each_answer_in_every_kind_of_file() -> None:
    source = '\n{{ poll("prio", prospect.first_name, ["Yes", "No"]) }}'
    made = message(source, prospect={"first_name": "Jo*?"}, **BASE)
    assert (
        made.text == "Jo*?\nYes (https://go.ourco.test/p/T-poll-prio-Yes)\nNo (https://go.ourco.test/p/T-poll-prio-No)"
    )
    assert '<a href="https://go.ourco.test/p/T-poll-prio-Yes">Yes</a>' in str(made.html)
    assert made.links[1] == Link("T-poll-prio-No", "poll", poll="prio", answer="No")
    assert message(source, name="m.txt", **BASE).text.splitlines()[1] == "Yes: https://go.ourco.test/p/T-poll-prio-Yes"
    page = message(source, name="m.html", **BASE)
    assert page.html == (
        'Jo<br>\n<a href="https://go.ourco.test/p/T-poll-prio-Yes">Yes</a><br>\n'
        '<a href="https://go.ourco.test/p/T-poll-prio-No">No</a>'
    )


def test_video_is_a_picture_that_leads_to_it() -> None:
    made = message('\n{{ video("https://v.test/1", "https://v.test/1.png") }}')
    assert made.html == '<p><a href="https://v.test/1"><img src="https://v.test/1.png" alt="Video" /></a></p>\n'
    assert made.text == "Video (https://v.test/1)"


def test_meeting_link_is_the_reps_or_a_missing_field() -> None:
    assert text("{{ meeting_link() }}", meeting_link="https://cal.test/ana") == "https://cal.test/ana"
    with pytest.raises(MissingField) as missing:
        text("{{ meeting_link() }}")
    assert missing.value.field == "rep.meeting_link"


def test_headers_and_attachments_come_apart_from_the_body() -> None:
    made = message("Subject: A & <b> {{ prospect.first_name }}\nPreheader: p\nAttach: a.pdf\nAttach: b.pdf\n\nHi")
    assert (made.subject, made.preheader, made.attachments) == ("A & <b> Jo", "p", ("a.pdf", "b.pdf"))
    assert made.text == "Hi"


def test_a_text_is_the_same_bytes_whatever_was_rendered_before() -> None:
    source = "\n{% if account.hiring %}**{{ account.hiring }}**{% endif %} {{ prospect.first_name }}"
    renderer = Renderer({"m.md": source})
    first = renderer.render_message("m.md", facts())
    for number in range(600):
        renderer.render_message("m.md", facts(account={"hiring": str(number)}, key=str(number)))
    assert renderer.render_message("m.md", facts()) == first == message(source)
