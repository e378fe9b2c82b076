"""What a rendering is given and what it gives, as plain values.

Beside the renderer, because the engine names these everywhere and loads the template language only to render. It reads
no template.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Link", "RenderFacts", "Rendered"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours that went into the text: what its token leads to. `poll` and `answer` for purpose `poll`."""

    token: str
    purpose: Literal["click", "poll"]
    target: str = ""
    poll: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class RenderFacts:
    """All that one text may use, as plain values.

    `key` names the enrollment; `now` is shown in the zone it carries. `links_base` is [public] base_url without a last
    slash. `token_for` gives the token of the n-th click target (`click:0`) or of a poll's answer (`poll:priority:Yes`);
    without it nothing of ours is linked. `automatic`: no person looks at it before it leaves.
    """

    prospect: Mapping[str, object]
    account: Mapping[str, object]
    rep: Mapping[str, object]
    mailbox: Mapping[str, object]
    sequence: Mapping[str, object]
    step: Mapping[str, object]
    now: datetime
    key: str
    signature: str = ""
    postal_address: str = ""
    meeting_link: str | None = None
    links_base: str | None = None
    unsubscribe_url: str | None = None
    automatic: bool = True
    track_clicks: bool = False
    token_for: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message for one person. `html` is a fragment for .md, the whole page for .html, None for .txt.

    `subject` is None for a template without one. `preheader` is not yet in `html`. `attachments` are paths below
    templates/. `links` are those of ours, in the order of the text.
    """

    subject: str | None
    text: str
    html: str | None
    preheader: str | None = None
    attachments: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
