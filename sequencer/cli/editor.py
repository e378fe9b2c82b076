"""A mail in the rep's own editor: its subject line, an empty line, the text.

What is saved is what leaves; nothing saved changes nothing. It knows no task and sends nothing.
"""

from dataclasses import dataclass

import click

from sequencer.errors import InputError

SUBJECT = "Subject:"


@dataclass(frozen=True, slots=True)
class Edited:
    subject: str
    body: str


def edit(subject: str, body: str, if_not: str) -> Edited:
    """What the rep made of the mail. Raises InputError when nothing was saved (`if_not`: what that means)."""
    after = click.edit(f"{SUBJECT} {subject}\n\n{body}", extension=".txt")
    if after is None:
        raise InputError(f"nothing was saved{if_not}")
    return read(after)


def read(text: str) -> Edited:
    """Takes the mail apart. Raises InputError for a text of another form."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    if not head.startswith(SUBJECT) or "\n" in head.strip() or not body.strip():
        raise InputError('the first line is "Subject: …", then an empty line, then the text; the task stays open')
    return Edited(head.removeprefix(SUBJECT).strip(), body.strip() + "\n")
