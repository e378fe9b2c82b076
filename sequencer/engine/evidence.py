"""Whether a mail that came in proves that one of ours arrived: it names its Message-ID, which nobody else knows.

For a send whose outcome is lost: the mail may have come, and had its effect, before anybody knew that the outcome is
missing. It reads rows and settles nothing.
"""

from sqlalchemy import Connection

from sequencer.engine.mail_words import judgement_of
from sequencer.engine.matching import named_send
from sequencer.engine.screening import read_header
from sequencer.mail.thread import message_ids
from sequencer.store import inbox
from sequencer.store.sends import SendRow

__all__ = ["told_by_mail"]

MAILS_READ_MAX = 50
_REPORTS = ("hard_bounce", "soft_bounce", "delay", "complaint")


def told_by_mail(connection: Connection, row: SendRow) -> str:
    """`reply` or `bounce`, whichever of the person's newest mails names this send; "" when none does."""
    rows = inbox.latest(connection, MAILS_READ_MAX, prospect_id=row.prospect_id)
    for each in rows:
        judgement = judgement_of(each)
        raw = inbox.raw_of(connection, each.id)
        if judgement is None or not raw:
            continue
        named = named_send(connection, [*judgement.original_message_ids, *message_ids(read_header(raw))])
        if named is not None and named.id == row.id:
            return "bounce" if judgement.kind in _REPORTS else "reply"
    return ""
