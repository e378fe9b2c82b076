"""Rendering for any person: values stay values, texts repeat byte for byte, and nothing but a RenderError comes out."""

import html as html_module
import re
from contextlib import suppress
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content.render import MissingField, Renderer, RenderError, TemplateFailed
from tests.unit.content.facts import facts

FILES = {
    "m.md": (
        "Subject: About {{ account.name }}\n\nHi **{{ prospect.first_name }}**, _{{ account.name }}_\n\n"
        "- {{ prospect.first_name }}\n> {{ account.name }}\n\n"
        "[{{ account.name }}](https://a.test/?q={{ account.name }})\n\n"
        "`{{ prospect.first_name }}` <https://a.test/{{ account.name }}>\n\n{{ prospect.first_name }}\n---\n"
    ),
    "m.html": (
        '\n<p class="{{ account.name }}">Hi <b>{{ prospect.first_name }}</b></p>'
        '<a href="https://a.test/{{ account.name }}">{{ account.name }}</a>'
    ),
    "m.txt": "\n{{ prospect.first_name }}|{{ account.name }}",
}
RENDERER = Renderer(FILES)
MARKS = st.sampled_from(
    [
        "*",
        "_",
        "[",
        "](javascript:x)",
        "<",
        ">",
        "<!--",
        "&lt;",
        '"',
        "'",
        "`",
        "#",
        "\n",
        "\r\n",
        "qzv0zq",
        "https://qzu1zq",
        "{{",
        "{%",
        "\\",
        "|",
        "-",
        "https://evil.test",
        "\u2028",
        "\x85",
        "\x00",
        "é",
        "𝒳",
        "\u202e",
        "</p>",
        "=",
        " onload=",
    ]
)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
VALUES = st.one_of(st.text(max_size=60), st.lists(MARKS, min_size=1, max_size=8).map("".join))


class _Shape(HTMLParser):
    """The tags of a page and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag,))


PLAIN = {
    name: RENDERER.render_message(name, facts(prospect={"first_name": "x"}, account={"name": "y"})) for name in FILES
}


@given(first=VALUES, second=VALUES, name=st.sampled_from(sorted(FILES)))
@settings(max_examples=300, deadline=None)
def test_a_value_never_changes_the_shape_of_a_message(first: str, second: str, name: str) -> None:
    person = facts(prospect={"first_name": first}, account={"name": second})
    try:
        made = RENDERER.render_message(name, person)
    except MissingField:
        assert not (first.strip() and second.strip())
        return
    except TemplateFailed:
        assert CONTROL.search(first + second)
        return
    assert made == Renderer(FILES).render_message(name, person), "a new Renderer gives the same bytes"
    lines = first.replace("\r\n", "\n")
    assert lines in made.text.replace("\n  ", "\n")
    if made.html is not None:
        assert _Shape(made.html).tags == _Shape(str(PLAIN[name].html)).tags
        assert lines in html_module.unescape(made.html.replace("<br>\n", "\n").replace("<br>", ""))
    if made.subject is not None:
        assert made.subject == f"About {second}".strip()
        assert not CONTROL.search(made.subject)


SOUP = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            " if ",
            " endif ",
            " for x in ",
            " endfor ",
            " set a = ",
            " include ",
            " else ",
            "prospect.first_name",
            "account.",
            "prospect",
            "[1, 2]",
            "(",
            ")",
            "[",
            "]",
            "|",
            "default('x')",
            "upper",
            "'a'",
            '"',
            "pick('a', 'b')",
            "poll('a', 'b', ['c', 'd'])",
            "link('https://a.test')",
            ".",
            "==",
            " and ",
            " not ",
            "__class__",
            "*",
            "\n",
            " ",
            "-",
            "x",
            "Subject: ",
            "# ",
            "> ",
            "- ",
            "](https://a.test)",
            "<p>",
            '<a href="',
            "\x00",
            "🦆",
            "loop.index",
        ]
    ),
    max_size=40,
).map("".join)


@given(source=SOUP, name=st.sampled_from(["m.md", "m.html", "m.txt"]))
@settings(max_examples=400, deadline=1000)
def test_any_template_gives_a_text_or_a_render_error(source: str, name: str) -> None:
    with suppress(RenderError):
        made = Renderer({name: source}).render_message(name, facts())
        assert "qzv" not in made.text
        assert "qzu" not in (made.html or "")


@given(key=st.text(max_size=20), options=st.lists(st.text("abc*", min_size=1, max_size=5), min_size=2, max_size=20))
@settings(max_examples=100, deadline=None)
def test_pick_gives_one_of_its_options(key: str, options: list[str]) -> None:
    written = ", ".join(f'"{option}"' for option in options)
    assert Renderer({"m.txt": f"{{{{ pick({written}) }}}}"}).render_text("m.txt", facts(key=key)) in options
