"""Makes the mail of one touch: template, facts and thread become a Letter and its bytes.

The same inputs give the same bytes. It reads no row and sends nothing; preview and review use it as dispatch does.
"""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from sequencer.config import Config
from sequencer.content.functions import RenderFacts
from sequencer.content.render import Rendered, Renderer
from sequencer.core.facts import Facts, account_fields, prospect_fields
from sequencer.core.sequence import EmailStep
from sequencer.core.sequence import Sequence as OutreachSequence
from sequencer.errors import SequencerError
from sequencer.mail.compose import Attachment, Letter, compose, message_id
from sequencer.mail.thread import references_for, reply_subject
from sequencer.store.sends import SendRow

ATTACHMENT_BYTES_MAX = 5_000_000
PAGE = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{preheader}{body}</body></html>'
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'


class AttachmentMissing(SequencerError):
    """A file that the template attaches is not there, or not below templates/."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail ready for the wire."""

    raw: bytes
    message_id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rep wrote in place of the template."""

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
    renderer: Renderer,
    sequence: OutreachSequence,
    step: EmailStep,
    variant: str,
    facts: Facts,
    now: datetime,
) -> Rendered:
    """The message of one email step for one person. Raises MissingField, TemplateFailed."""
    template = step.email.variants.get(variant) or next(iter(step.email.variants.values()))
    return renderer.render_message(template, render_facts(config, sequence, step.id, facts, now))


def write(
    config: Config,
    renderer: Renderer,
    sequence: OutreachSequence,
    send: SendRow,
    facts: Facts,
    thread: Sequence[SendRow],
    key: bytes,
    now: datetime,
    draft: Draft | None = None,
) -> Written:
    """The bytes of one send. Raises MissingField, TemplateFailed, HeaderRefused, AttachmentMissing."""
    step = sequence.step(send.step)
    assert isinstance(step, EmailStep)
    assert facts.mailbox is not None
    rendered = render(config, renderer, sequence, step, send.variant, facts, now)
    if draft:
        rendered = Rendered(draft.subject or rendered.subject, draft.body, None)
    parent, earlier = _parent(step, thread)
    threading = references_for(earlier, parent.message_id if parent else None)
    subject = rendered.subject or (reply_subject(parent.subject) if parent else _fallback(sequence))
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
        attachments=tuple(_attachment(config.templates_folder, path) for path in rendered.attachments),
    )
    return Written(compose(letter), identifier, subject)


def _parent(step: EmailStep, thread: Sequence[SendRow]) -> tuple[SendRow | None, list[str]]:
    """The mail that this one answers, with the ids before it; a new thread if that step never went."""
    if step.reply_to is None:
        return None, []
    roots = [at for at, send in enumerate(thread) if send.step == step.reply_to]
    if not roots:
        return None, []
    chain = list(thread[roots[-1] :])
    return chain[-1], [send.message_id for send in chain[:-1] if send.message_id]


def _fallback(sequence: OutreachSequence) -> str:
    """The subject when a reply's thread never began: the sequence's first mail says what it is about."""
    return sequence.title


def _name(facts: Facts) -> str:
    fields = facts.prospect.fields
    return " ".join(str(fields[name]) for name in ("first_name", "last_name") if name in fields)


def _page(rendered: Rendered) -> str | None:
    if rendered.html is None:
        return None
    preheader = PREHEADER.format(escape(rendered.preheader)) if rendered.preheader else ""
    if rendered.html.lstrip()[:9].lower() in ("<!doctype", "<html>"):
        return rendered.html
    return PAGE.format(preheader=preheader, body=rendered.html)


def _attachment(folder: Path, path: str) -> Attachment:
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()) or not target.is_file():
        raise AttachmentMissing(f"{path}: no such file below templates/")
    if target.stat().st_size > ATTACHMENT_BYTES_MAX:
        raise AttachmentMissing(f"{path}: larger than {ATTACHMENT_BYTES_MAX // 1_000_000} MB")
    content_type = mimetypes.guess_type(target.name)[0] or "application/octet-stream"
    return Attachment(target.name, content_type, target.read_bytes())
