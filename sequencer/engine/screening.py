"""Decides by the headers alone whether a mail in an inbox is ours to keep (ARCHITECTURE, The inbox).

An inbox holds private mail too, and of that nothing may be stored. So the doubt goes this way: whatever could be an
answer, a report or a refusal is kept until it is judged; all else is passed by. It judges no text and stores nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from sequencer.engine.matching import known_as, names_a_lost_one, owners_of, people_of_domain, recipients_of
from sequencer.engine.ours import Ours
from sequencer.errors import UnparseableMessage
from sequencer.mail import words
from sequencer.mail.author import authors
from sequencer.mail.compose import digest_in
from sequencer.mail.fields import message_ids_in
from sequencer.mail.parse import FIELDS_MAX, HEADER_BYTES_MAX, Parsed, parse
from sequencer.mail.thread import bare_subject, message_ids
from sequencer.store import correspondence, erasure, sends
from sequencer.store.sends import SendRow

SHORTEST_FIELD_BYTES = 3  # "X:" and its line end
DATE_PRECISION = timedelta(seconds=1)

_HEADER_BLOCK = re.compile(rb"(?:(?:[ \t]|>?From |[!-9;-~]{1,200}[ \t]*:)[^\n]*\n)*")
_OWN_ID_COPIES = ("X-Original-Message-ID", "X-Microsoft-Original-Message-ID", "X-Google-Original-Message-ID")
_AUTOMATIC_FIELDS = ("X-Failed-Recipients", "X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Vacation")


@dataclass(frozen=True, slots=True)
class Screened:
    """`outgoing`: a rep wrote it by hand to a known person. `copy_of`: it is a copy of this send of ours.

    `renamed`: it seems to be one, under an id of its own that says nothing of ours. `unknown`: ids that it bears or
    names and that look like ours, of no mail that is known to have left; `between`: who wrote and received it, then.
    """

    keep: bool
    outgoing: bool = False
    copy_of: SendRow | None = None
    renamed: SendRow | None = None
    unknown: tuple[str, ...] = ()
    between: tuple[str, ...] = ()


def read_header(raw: bytes) -> Parsed:
    """The header of any mail, as much of it as the parser takes: a walk must not stop at a hostile one."""
    start = raw[: HEADER_BYTES_MAX - 2].lstrip(b"\r\n")
    if b"\n" not in start:
        start = start.replace(b"\r", b"\n")
    block = _HEADER_BLOCK.match(start + b"\n")
    fields = block[0] if block else b""
    try:
        return parse(fields + b"\n")
    except UnparseableMessage:
        return parse(fields[: FIELDS_MAX * SHORTEST_FIELD_BYTES] + b"\n")


def screen(connection: Connection, ours: Ours, header: Parsed) -> Screened:
    """What to do with the mail that has this header."""
    senders = authors(header)
    by_us = ours.wrote(next(iter(senders), ""))
    own, named = known_as(own_ids(header, by_us)), known_as(message_ids(header))
    every = dict.fromkeys([*own, *named])
    found = correspondence.sends_named(connection, every)
    screened = _screened(connection, ours, header, senders, (own, named), found)
    unknown = tuple(
        each for each in every if not (found[each].was_let_go if each in found else not ours.may_have_made(each))
    )
    if not unknown:
        return screened
    return replace(screened, unknown=unknown, between=(*senders, *recipients_of(header)))


def _screened(
    connection: Connection, ours: Ours, header: Parsed, senders: Sequence[str], ids: tuple[list[str], list[str]],
    found: Mapping[str, SendRow],
) -> Screened:  # fmt: skip
    """`ids`: those that it was sent under, and those that it names; `found`: our sends among them."""
    (own, named), sender = ids, next(iter(senders), "")
    by_us = ours.wrote(sender)
    copy_of = next((found[each] for each in own if each in found), None)
    if copy_of is not None:
        return Screened(False, copy_of=copy_of)
    if _is_of_the_erased(connection, sender, found.values()):
        return Screened(False)
    if by_us and any(digest_in(each) for each in own):  # sent before this database was restored, not written by hand
        return Screened(False)
    if by_us and (people := owners_of(connection, recipients_of(header))):
        renamed = _renamed(connection, people.values(), header)
        return Screened(renamed is None, outgoing=True, renamed=renamed)
    if _is_for_us(ours, header) and (looks_automatic(header) or _asks_to_stop(header)):
        return Screened(True)
    if ours.includes(sender):
        return Screened(False)
    known = any(each in found for each in named) or owners_of(connection, senders)
    return Screened(bool(known or people_of_domain(connection, sender)) or names_a_lost_one(connection, ours, named))


def _is_of_the_erased(connection: Connection, sender: str, named: Iterable[SendRow]) -> bool:
    if not erasure.is_anybody_erased(connection):
        return False
    return bool(erasure.erased(connection, [sender])) or erasure.is_one_erased(
        connection, {row.prospect_id for row in named}
    )


def looks_automatic(header: Parsed) -> bool:
    """Whether a machine seems to have written it: a report, a complaint or an automatic reply."""
    path = header.header("Return-Path")
    if says_automatic(header) or header.content_type == "multipart/report":
        return True
    if path is not None and path.strip() in ("", "<>"):
        return True
    author = words.fold(f"{header.from_name} {header.from_address.partition('@')[0]}")
    subject = words.fold(header.subject[:300])
    return bool(
        words.pattern("bounce.daemon").search(author)
        or words.pattern("bounce.subject").search(subject)
        or words.pattern("away.subject").match(subject)
    )


def says_automatic(header: Parsed) -> bool:
    """Whether a field says so that no person's mail has (RFC 3834, and what vendors write)."""
    submitted = header.header("Auto-Submitted")
    if submitted is not None and submitted.strip().lower() != "no":
        return True
    return any(header.header(name) is not None for name in _AUTOMATIC_FIELDS)


def own_ids(header: Parsed, by_us: bool) -> list[str]:
    """The ids under which the mail itself was sent; a relay that gives its own keeps the sender's one in a copy."""
    own = [header.message_id] if header.message_id else []
    copies = (value for name in _OWN_ID_COPIES for value in header.headers.raw_all(name)) if by_us else ()
    return [*own, *(each for value in copies for each in message_ids_in(value))]


def _renamed(connection: Connection, people: Iterable[int], header: Parsed) -> SendRow | None:
    """Our own mail that a relay filed under an id of its own: its Date is still the second in which we made it."""
    if header.date is None:
        return None
    made = [row for person in set(people) for row in sends.sends_of(connection, person)]
    same = [row for row in made if row.rendered_at and abs(header.date - row.rendered_at) < DATE_PRECISION]
    same.sort(key=lambda row: bare_subject(row.subject) != bare_subject(header.subject))
    return next(iter(same), None)


def _is_for_us(ours: Ours, header: Parsed) -> bool:
    addressed = (*header.to, *header.cc, *header.delivered_to)
    return not addressed or any(ours.wrote(address) for address in addressed)


def _asks_to_stop(header: Parsed) -> bool:
    """What mail programs write for List-Unsubscribe (RFC 2369): the subject that our own mails name."""
    return header.subject.strip().lower() == "unsubscribe"
