"""The functions that a template may call: `pick`, `link`, `meeting_link`, `poll`, `video`, `signature` and so on.

They are apart from render.py because they are the part of the template language that people look up. They choose by
hash and know neither clock nor chance, so that a retry gives the same text; they store nothing: links go out with the
text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from sequencer.content.filters import TemplateText, WrongValue, text_of
from sequencer.content.rendered import Link, RenderFacts
from sequencer.content.sandbox import SCHEME, Draft, Missing

__all__ = ["FUNCTIONS"]

URL_CHARS_MAX = 2_000
POLL_ID = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
NO_BASE = "needs [public] base_url in config.toml"


@dataclass(slots=True, kw_only=True)
class Linked(Draft):
    """A draft that also knows the facts and gathers the links."""

    facts: RenderFacts
    links: list[Link] = field(default_factory=list)

    def link(self, name: str, link: Callable[[str], Link]) -> str:
        """The mark of a new URL of ours."""
        if self.facts.links_base is None or self.facts.token_for is None:
            raise WrongValue(NO_BASE)
        made = link(self.facts.token_for(name))
        self.links.append(made)
        return self.url(f"{self.facts.links_base}/{made.purpose[0]}/{made.token}")


def _draft(context: Context) -> Linked:
    draft: Linked = context["_draft"]
    return draft


@pass_context
def pick(context: Context, ordinal: str, written: bool, *options: object) -> object:
    """One of the options, the same one for this enrollment, step and place whenever it is asked.

    The sandbox puts in `ordinal` and `written` (all options are text of the template itself).
    """
    facts = _draft(context).facts
    texts = [option if isinstance(option, Missing | TemplateText) else text_of(option) for option in options]
    seed = "\0".join([facts.key, str(facts.step.get("id", "")), ordinal, *map(str, texts)])
    chosen = texts[int.from_bytes(blake2b(seed.encode("utf-8", "replace"), digest_size=8).digest()) % len(texts)]
    return TemplateText(chosen) if written and isinstance(chosen, str) else chosen


@pass_context
def link(context: Context, url: object) -> object:
    """A link whose clicks are seen, when the sequence tracks clicks; else the URL itself."""
    return url if isinstance(url, Missing) else TemplateText(_tracked(_draft(context), url))


@pass_context
def meeting_link(context: Context) -> object:
    """Where the rep's meetings are booked."""
    draft = _draft(context)
    url = draft.facts.meeting_link
    return TemplateText(draft.url(_checked(url))) if url else Missing(name="rep.meeting_link")


@pass_context
def poll(context: Context, poll_id: str, question: object, answers: list[object]) -> object:
    """A question with one link for each answer."""
    draft = _draft(context)
    if missing := next((each for each in (question, *answers) if isinstance(each, Missing)), None):
        return missing
    if not POLL_ID.fullmatch(poll_id):
        raise WrongValue(f'poll: "{poll_id}" is no id: use lower-case words')
    try:
        rows = [(draft.value(answer), _poll_url(draft, poll_id, text_of(answer))) for answer in answers]
    except WrongValue as error:
        raise WrongValue(f"poll {error}") from None
    asked = draft.value(question)
    match draft.kind:
        case "md":
            return TemplateText("\n".join([asked, *(f"[{answer}]({url})" for answer, url in rows)]))
        case "html":
            return TemplateText("<br>\n".join([asked, *(f'<a href="{url}">{answer}</a>' for answer, url in rows)]))
        case _:
            return TemplateText("\n".join([asked, *(f"{answer}: {url}" for answer, url in rows)]))


@pass_context
def video(context: Context, url: object, thumbnail: object) -> object:
    """A picture that leads to a video; in plain text the link."""
    draft = _draft(context)
    if missing := next((each for each in (url, thumbnail) if isinstance(each, Missing)), None):
        return missing
    target, picture = _tracked(draft, url), draft.url(_checked(thumbnail))
    match draft.kind:
        case "md":
            return TemplateText(f"[![Video]({picture})]({target})")
        case "html":
            return TemplateText(f'<a href="{target}"><img src="{picture}" alt="Video"></a>')
        case _:
            return TemplateText(f"Video: {target}")


@pass_context
def signature(context: Context) -> object:
    """The rep's signature, here instead of below the text."""
    return _placed(_draft(context), "signature", _draft(context).facts.signature)


@pass_context
def postal_address(context: Context) -> object:
    """The company's postal address, here instead of below the text."""
    return _placed(_draft(context), "postal_address", _draft(context).facts.postal_address)


@pass_context
def unsubscribe_link(context: Context) -> object:
    """Where the person can unsubscribe."""
    draft = _draft(context)
    if draft.facts.unsubscribe_url is None:
        raise WrongValue(f"unsubscribe_link {NO_BASE}")
    draft.placed.add("unsubscribe_link")
    return TemplateText(draft.url(_checked(draft.facts.unsubscribe_url)))


def _placed(draft: Linked, name: str, text: str) -> object:
    draft.placed.add(name)
    return text if text.strip() else TemplateText("")


def _tracked(draft: Linked, url: object) -> str:
    target = _checked(url)
    facts = draft.facts
    if not facts.track_clicks or facts.links_base is None or facts.token_for is None or target.startswith("mailto:"):
        return draft.url(target)
    return draft.link(f"click:{len(draft.links)}", lambda token: Link(token, "click", target))


def _poll_url(draft: Linked, poll_id: str, answer: str) -> str:
    return draft.link(f"poll:{poll_id}:{answer}", lambda token: Link(token, "poll", poll=poll_id, answer=answer))


def _checked(url: object) -> str:
    text = text_of(url).strip()
    if len(text) > URL_CHARS_MAX or not SCHEME.fullmatch(text) or not text.isprintable():
        raise WrongValue(f'"{text[:60]}" is no link: it must begin with https://, http:// or mailto:')
    return text


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (pick, link, meeting_link, poll, video, signature, postal_address, unsubscribe_link)
}
