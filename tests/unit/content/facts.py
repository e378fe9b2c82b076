"""One person's facts for the tests of templates."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sequencer.content.render import Rendered, Renderer, RenderFacts

FACTS = RenderFacts(
    prospect={"first_name": "Jo", "email": "jo@acme.test", "title": " ", "team size": "12"},
    account={"name": "Acme", "domain": "acme.test", "website": "https://acme.test/a b", "size": "120"},
    rep={"name": "ana", "email": "ana@ourco.test", "first_name": "Ana"},
    mailbox={"address": "ana@ourco.test", "display_name": "Ana Ruiz"},
    sequence={"id": "vp", "title": "VP", "owner": "ana"},
    step={"id": "intro"},
    now=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    key="enrollment-7",
)


def facts(**changes: Any) -> RenderFacts:
    return replace(FACTS, **changes)


def message(source: str, *, name: str = "m.md", files: dict[str, str] | None = None, **changes: Any) -> Rendered:
    """The message that a template source gives for the one person."""
    return Renderer({name: source, **(files or {})}).render_message(name, facts(**changes))


def text(source: str, *, name: str = "m.txt", files: dict[str, str] | None = None, **changes: Any) -> str:
    return Renderer({name: source, **(files or {})}).render_text(name, facts(**changes))


def html(source: str, *, name: str = "m.md", files: dict[str, str] | None = None, **changes: Any) -> str:
    made = Renderer({name: source, **(files or {})}).render_html(name, facts(**changes))
    assert made is not None
    return made.strip()
