"""HTML as a person would read it; hostile HTML costs no more than its length."""

import time

import pytest

from sequencer.mail.html_text import HTML_CHARS_MAX, html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p> </p>&nbsp;<br>", ""),
        ("plain &amp; simple", "plain & simple\n"),
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("<div>one</div><div>two<br>three</div>", "one\ntwo\nthree\n"),
        ("<div>one</div><div><br></div><div><br></div><div>two</div>", "one\n\ntwo\n"),  # Gmail writes empty lines so
        ("a\n  b\t<b> c </b>d<i>e</i>f", "a b c def\n"),  # white space shrinks, tags inside a line add none
        ("<p>Hi&nbsp;Ana&#44; &#x1F600;&eacute;&bogus;&#0;&#99999999999;</p>", "Hi Ana, 😀é&bogus;\ufffd\ufffd9999;\n"),
        ("<ul><li>one</li><li>two</ul>after", "- one\n- two\n\nafter\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>", "a b\nc\n"),
        ("<pre>  a\n    b</pre>c", "  a\n    b\n\nc\n"),
        ("x<hr>y", "x\n" + "_" * 32 + "\ny\n"),
        ('<img alt="Logo &amp; co" src="x.png"> text', "Logo & co text\n"),
        ('<a href="https://x.test/?a=1&amp;b=2">here</a>', "here\n"),
        # What nobody reads
        ("<head><title>t</title></head><style>p > a {}</style>x<script>if (a<b) '</p>'</script>y", "xy\n"),
        ("a<!-- no <b> > -->b<!doctype html><?xml no?>c", "abc\n"),
        ("<SCRIPT>no</SCRIPT>yes", "yes\n"),
        # Quoted mail
        (
            "<p>Yes.</p><div>On Monday Ana wrote:</div>"
            "<blockquote><p>one</p><p>two</p><blockquote>deep</blockquote></blockquote>",
            "Yes.\n\nOn Monday Ana wrote:\n\n> one\n>\n> two\n>\n>> deep\n",
        ),
        ("<blockquote>old</blockquote>new", "> old\n\nnew\n"),
        (
            '<p>Yes.</p><div class="yahoo_quoted"><div>On Monday</div><div>old</div></div>new',
            "Yes.\n\n> On Monday\n> old\n\nnew\n",
        ),
        ('<div>Yes.</div><div id="divRplyFwdMsg"><b>From:</b> Ana</div>', "Yes.\n" + "_" * 32 + "\nFrom: Ana\n"),
        ('<hr><div id="x_divRplyFwdMsg">From: Ana</div>', "_" * 32 + "\nFrom: Ana\n"),  # one rule is enough
        # What is not shown
        ('<div style="display:none">a<div>b</div>c</div>d', "d\n"),
        ("<span style='visibility: hidden'>a</span>b", "b\n"),
        ('<span style="display:none">a<div>b</div></span>c', "c\n"),
        ('<div><span style="display:none">a</div>b', "b\n"),  # never closed: ends with the block around it
        ('<p style="display:none">a<p>b', "b\n"),
        ('<div style="max-height:0.5em">a</div>', "a\n"),
        ('<div style="display:block">a</div>', "a\n"),
        # Broken HTML
        ('<p title="a > b">x', "x\n"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6\n"),
        ("cut off <a href='x", "cut off\n"),
        ('<a title="never closed>x</a> y', "x y\n"),
        ("a</p></blockquote></b>b", "a\n\nb\n"),
        ("<script>never closed", "never closed\n"),
        ("it's <b>Ana's</b> \"quote\"", "it's Ana's \"quote\"\n"),
    ],
)
def test_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://x.test/?a=1&amp;b=2">here</a>.', "here <https://x.test/?a=1&b=2>.\n"),
        ("<a href=mailto:ana@x.test>ana@x.test</a>", "ana@x.test\n"),  # the text is the target
        ('<a data-href="no" href="https://x.test">x</a>', "x <https://x.test>\n"),
        ("<a name=top>x</a>", "x\n"),
    ],
)
def test_links_on_request(html: str, text: str) -> None:
    assert html_to_text(html, links=True) == text


@pytest.mark.parametrize(
    "unit",
    [
        '<a x=">" ',
        "<b>",
        "<p>",
        "&a",
        "<br>",
        "<script>",
        "<!--",
        '<a x="',
        "<blockquote>",
        "<li>",
        "</",
        "<p",
        "<pre>\n",
        '<div style="display:none">',
        '<div class="yahoo_quoted">',
        '<span class="gmail_attr"></div>',
        "<div class=",
    ],
)
def test_hostile_html_takes_linear_time(unit: str) -> None:
    html = unit * (2 * HTML_CHARS_MAX // len(unit))
    begun = time.process_time()
    text = html_to_text(html, links=True)
    assert time.process_time() - begun < 5  # a quadratic scan of this would take minutes
    assert len(text) <= 2 * HTML_CHARS_MAX
