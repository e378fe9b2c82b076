"""Makes the mail of one touch: template, facts and thread become a Letter and its bytes.

The same inputs give the same bytes. It reads no row and sends nothing; preview and review use it as dispatch does.
"""

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from sequencer.config import Config
from sequencer.content import message
from sequencer.content.definition import Bundle
from sequencer.content.rendered import Rendered, RenderFacts
from sequencer.core.facts import Facts, account_fields, prospect_fields
from sequencer.core.sequence import EmailStep
from sequencer.core.sequence import Sequence as OutreachSequence
from sequencer.errors import SequencerError
from sequencer.mail.compose import Attachment, Letter, compose, message_id
from sequencer.mail.thread import references_for, reply_subject
from sequencer.store.sends import SendRow

if TYPE_CHECKING:
    from sequencer.content.render import Renderer

PAGE = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{preheader}{body}</body></html>'
BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'


class AttachmentMissing(SequencerError):
    """A file that the template attaches was not applied with the sequence."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail ready for the wire."""

    raw: bytes
    message_id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rep wrote in place of the template; `subject` None: the template's, or the thread's."""

    subject: str | None
    body: str


def render_facts(config: Config, sequence: OutreachSequence, step_id: str, facts: Facts, now: datetime) -> RenderFacts:
    """The facts of one person as templates see them."""
    mailbox, rep = facts.mailbox, facts.rep
    display_name = mailbox.display_name if mailbox else rep.name
    known_rep = {
        "name": display_name or rep.name,
        "first_name": (display_name or rep.name).split(" ")[0],
        "email": rep.email,
        "meeting_link": rep.meeting_link,
    }
    return RenderFacts(
        prospect=prospect_fields(facts.prospect),
        account=account_fields(facts.account),
        rep={name: value for name, value in known_rep.items() if value},
        mailbox={"address": mailbox.address, "display_name": display_name} if mailbox else {},
        sequence={"id": sequence.id, "title": sequence.title, "owner": sequence.owner or rep.name},
        step={"id": step_id},
        now=now.astimezone(facts.zone),
        key=facts.key,
        signature=rep.signature,
        postal_address=config.company.postal_address,
        meeting_link=rep.meeting_link or None,
        links_base=config.public.links,
    )


def render(
    config: Config,
    renderer: "Renderer",
    sequence: OutreachSequence,
    step: EmailStep,
    variant: str,
    facts: Facts,
    now: datetime,
) -> Rendered:
    """The message of one email step for one person. Raises MissingField, TemplateFailed."""
    return renderer.render_message(template_of(step, variant), render_facts(config, sequence, step.id, facts, now))


def template_of(step: EmailStep, variant: str) -> str:
    """The variant's template; the first one's, if an edit took that variant away."""
    return step.email.variants.get(variant) or next(iter(step.email.variants.values()))


def write(
    config: Config,
    renderer: "Renderer",
    bundle: Bundle,
    send: SendRow,
    facts: Facts,
    thread: Sequence[SendRow],
    key: bytes,
    now: datetime,
    draft: Draft | None = None,
) -> Written:
    """The bytes of one send, of what was applied and nothing else.

    Raises MissingField, TemplateFailed, HeaderRefused, AttachmentMissing.
    """
    sequence = bundle.sequence
    step = sequence.step(send.step)
    assert isinstance(step, EmailStep)
    assert facts.mailbox is not None
    rendered = _by_hand(bundle, template_of(step, send.variant), draft) if draft else None
    if rendered is None:
        rendered = render(config, renderer, sequence, step, send.variant, facts, now)
        if draft:
            rendered = replace(rendered, text=draft.body, html=None)
    parent, earlier = parent_of(sequence, step, of_mailbox(thread, facts.mailbox.address))
    threading = references_for(earlier, parent.message_id if parent else None)
    subject = rendered.subject or joined_subject(parent, config, renderer, sequence, step, facts, now)
    sender = facts.mailbox
    address = facts.prospect.address or ""
    identifier = message_id(key, send.enrollment_id, send.step, send.attempt, sender.address.rpartition("@")[2])
    letter = Letter(
        message_id=identifier,
        date=now.astimezone(sender.timezone),
        sender_name=sender.display_name,
        sender_address=sender.address,
        recipient_name=_name(facts),
        recipient_address=address,
        subject=subject,
        text=rendered.text,
        html=_page(rendered),
        in_reply_to=threading.in_reply_to,
        references=threading.references,
        list_unsubscribe_mailto=f"mailto:{sender.address}?subject=unsubscribe",
        attachments=tuple(_attachment(bundle, path) for path in rendered.attachments),
    )
    return Written(compose(letter), identifier, subject)


def _by_hand(bundle: Bundle, template: str, draft: Draft) -> Rendered | None:
    """What the rep wrote as it stands, with the template's attachments: it may mend what the template lacks.

    None when only the template knows the subject.
    """
    told = message.parse(template, bundle.files[template])
    if draft.subject is None and told.subject is not None:
        return None
    return Rendered(draft.subject, draft.body, None, attachments=tuple(attach.text for attach in told.attach))


def of_mailbox(thread: Sequence[SendRow], mailbox: str) -> list[SendRow]:
    """What this mailbox wrote: another one that took the person over begins its own threads."""
    return [send for send in thread if send.mailbox == mailbox]


def parent_of(
    sequence: OutreachSequence, step: EmailStep, thread: Sequence[SendRow]
) -> tuple[SendRow | None, list[str]]:
    """The mail that this one answers, with the ids before it; a new thread if that step never went.

    `thread`: all that the enrollment sent, in order; what went in other threads is left out.
    """
    if step.reply_to is None or all(send.step != step.reply_to for send in thread):
        return None, []
    root = _root(sequence, step.reply_to)
    chain = [send for send in thread if _root(sequence, send.step) == root]
    return chain[-1], [send.message_id for send in chain[:-1] if send.message_id]


def _root(sequence: OutreachSequence, step_id: str) -> str:
    """The step that began the thread of this one."""
    step = sequence.step(step_id) if step_id in sequence.index else None
    while isinstance(step, EmailStep) and step.reply_to and step.reply_to in sequence.index:
        step = sequence.step(step.reply_to)
    return step.id if step else step_id


def joined_subject(
    parent: SendRow | None, config: Config, renderer: "Renderer", sequence: OutreachSequence, step: EmailStep,
    facts: Facts, now: datetime,
) -> str:  # fmt: skip
    """The subject of a mail that brings none of its own; that of `parent` is not known where a backup forgot it.

    Raises MissingField, TemplateFailed.
    """
    if parent and parent.subject:
        return reply_subject(parent.subject)
    opening = opening_subject(config, renderer, sequence, step, facts, now)
    return reply_subject(opening) if parent else opening


def opening_subject(
    config: Config, renderer: "Renderer", sequence: OutreachSequence, step: EmailStep, facts: Facts, now: datetime
) -> str:
    """The subject of a follow-up whose thread never began: what the mail that began it would have said.

    Raises MissingField, TemplateFailed.
    """
    root = sequence.step(_root(sequence, step.id))
    if not isinstance(root, EmailStep) or root.id == step.id:
        return sequence.title
    return render(config, renderer, sequence, root, "", facts, now).subject or sequence.title


def _name(facts: Facts) -> str:
    fields = facts.prospect.fields
    return " ".join(str(fields[name]) for name in ("first_name", "last_name") if name in fields)


def _page(rendered: Rendered) -> str | None:
    if rendered.html is None:
        return None
    preheader = PREHEADER.format(escape(rendered.preheader)) if rendered.preheader else ""
    if rendered.html.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
        return BODY.sub(lambda body: body[0] + preheader, rendered.html, count=1)
    return PAGE.format(preheader=preheader, body=rendered.html)


def _attachment(bundle: Bundle, path: str) -> Attachment:
    try:
        content = bundle.attachment(path)
    except KeyError:
        raise AttachmentMissing(f"{path}: no such file was applied with this sequence") from None
    content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Attachment(path.rpartition("/")[2], content_type, content)
