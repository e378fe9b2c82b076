"""Who wrote a mail, also where a mailing list put its own address into From.

Lists and group mailboxes do that for senders whose domain publishes DMARC: "'Jo Roe' via Sales" <sales@ourco.test>.
Taken as it stands, an answer to a shared mailbox would be a mail from ourselves. It looks nobody up.
"""

import re

from sequencer.mail.fields import mailboxes
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

__all__ = ["author", "authors"]

_VIA = compiled(r"\S\s+(?:via|über|por|par|tramite|door|przez)\s+\S", re.IGNORECASE)
_ORIGINALS = ("X-Original-From", "X-Original-Sender", "X-Mailman-Original-From")


def author(parsed: Parsed) -> str:
    """The normalised address of whoever wrote it, "" where nobody is named."""
    return next(iter(authors(parsed)), "")


def authors(parsed: Parsed) -> tuple[str, ...]:
    """The author, then whoever else may be known for it: where answers shall go, who handed it in for them.

    Of a mail that a list sent on: the addresses that the list kept of the author.
    """
    own = (parsed.from_address,) if parsed.from_address else ()
    kept = [box.address for name in _ORIGINALS for box in mailboxes(parsed.headers.raw(name))]
    if _VIA.search(parsed.from_name) and (given := [each for each in (*kept, *parsed.reply_to) if each not in own]):
        return tuple(dict.fromkeys(given))
    handed_in = [box.address for box in mailboxes(parsed.headers.raw("Sender"))]
    return tuple(dict.fromkeys([*own, *parsed.reply_to, *handed_in]))
