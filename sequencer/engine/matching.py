"""Whose mail is it? By the Message-IDs it names, else by its sender's address, else by a name at the same account.

The rules are LIFECYCLE's. It only finds; what follows from it is engine/answers.py's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from sequencer.core.people import Prospect
from sequencer.engine.ours import Ours
from sequencer.mail.address import is_free_mail, normalise, plus_base, registrable_domain
from sequencer.mail.amazon import plain_id
from sequencer.mail.author import authors
from sequencer.mail.fields import mailboxes
from sequencer.mail.parse import Parsed
from sequencer.mail.thread import bare_subject, message_ids, reply_subject
from sequencer.mail.words import fold
from sequencer.store import correspondence, people
from sequencer.store.epoch import held, key_number
from sequencer.store.sends import SendRow

BOUNCED_WITHIN = timedelta(days=14)
FORWARDED_WITHIN = timedelta(days=90)
PEOPLE_COMPARED_MAX = 200


By = Literal["", "id", "address", "tag", "name", "subject", "person"]


@dataclass(frozen=True, slots=True)
class Match:
    """`send`: the touch that the mail names. `sender`: the known person whose address it comes from.

    `suggested`: somebody at the sender's account whose answer it may be, for a person to confirm. `by`: what told.
    """

    send: SendRow | None = None
    sender: int | None = None
    suggested: int | None = None
    by: By = ""

    @property
    def people(self) -> tuple[int, ...]:
        """Whose mail it is: the person we wrote to, and the known person who answered for them."""
        named = [self.send.prospect_id] if self.send else []
        return tuple(dict.fromkeys([*named, *([self.sender] if self.sender is not None else [])]))


def match(connection: Connection, mail: Parsed, carried: Sequence[str] = (), now: datetime | None = None) -> Match:
    """Whose mail this is. `carried`: ids of mails that were put into it; `now`: how far back our subjects count."""
    send = named_send(connection, [*message_ids(mail), *carried])
    writers = authors(mail)
    owners = owners_of(connection, writers)
    sender = next((owners[each] for each in writers if each in owners), None)
    if send is not None or sender is not None:
        return Match(send, sender, by="id" if send else "address")
    writer = next(iter(writers), "")
    known = people.load_prospects(connection, people_of_domain(connection, writer)).values()
    same_mailbox = [person.id for person in known if plus_base(writer) in _plain_addresses(person)]
    if len(same_mailbox) == 1:
        return Match(sender=same_mailbox[0], by="tag")
    namesakes = [person.id for person in known if _is_called(person, mail.from_name)]
    if len(namesakes) == 1:
        return Match(suggested=namesakes[0], by="name")
    wrote_so = _wrote_so(connection, [person.id for person in known], mail, now) if now and not namesakes else set()
    return Match(suggested=wrote_so.pop(), by="subject") if len(wrote_so) == 1 else Match()


def _wrote_so(connection: Connection, at_account: Sequence[int], mail: Parsed, now: datetime) -> set[int]:
    """To whom at the account we wrote under this subject: mail is handed on and answered without its ids."""
    subject = bare_subject(mail.subject)
    if not subject or subject == mail.subject.strip() or len(at_account) > PEOPLE_COMPARED_MAX:
        return set()
    return correspondence.written_under(
        connection, at_account, [subject, reply_subject(subject)], now - FORWARDED_WITHIN
    )


def named_send(connection: Connection, ids: Sequence[str]) -> SendRow | None:
    """The send that the nearest of these Message-IDs names."""
    found = correspondence.sends_named(connection, known_as(ids))
    return next((found[each] for each in known_as(ids) if each in found), None)


def names_a_lost_one(connection: Connection, ours: Ours, ids: Iterable[str]) -> bool:
    """Whether one of these ids, none of which is known, is of a mail that a database put back has forgotten."""
    return any(map(ours.may_have_made, ids)) and (key_number(connection) > 0 or held(connection) is not None)


def known_as(ids: Iterable[str]) -> list[str]:
    """The ids as we know them: Amazon SES tells of its own only a part when it takes a mail."""
    return [plain_id(each) for each in dict.fromkeys(ids)]


def reported_send(
    connection: Connection, ids: Sequence[str], mailboxes_read: Sequence[str], recipients: Sequence[str], now: datetime
) -> SendRow | None:
    """The send that a bounce or complaint is about; None when the report is about somebody else's mail."""
    named = named_send(connection, ids)
    if named is not None or not recipients:
        return named
    addresses = {form for recipient in recipients for form in _forms(recipient)}
    return correspondence.last_written(connection, mailboxes_read, addresses, now - BOUNCED_WITHIN)


def owners_of(connection: Connection, addresses: Iterable[str]) -> dict[str, int]:
    """The known people among these addresses, also where the mail's one has a `+tag` that ours has not."""
    forms = {address: _forms(address) for address in addresses}
    known = people.owners(connection, {form for each in forms.values() for form in each})
    found = {address: next((known[form] for form in each if form in known), None) for address, each in forms.items()}
    return {address: person for address, person in found.items() if person is not None}


def people_of_domain(connection: Connection, address: str) -> list[int]:
    """Everybody at the account that has this address's domain; nobody when it is a free-mail domain."""
    host, registrable = normalise(address).rpartition("@")[2], registrable_domain(address)
    if not host or is_free_mail(host) or is_free_mail(registrable):
        return []
    return correspondence.people_at_domains(connection, {host, registrable})


def recipients_of(mail: Parsed) -> tuple[str, ...]:
    """Whom the mail was written to; copies in a Sent folder tell the hidden ones too."""
    hidden = (box.address for box in mailboxes(mail.headers.raw("Bcc")))
    return tuple(dict.fromkeys([*mail.to, *mail.cc, *hidden]))


def _forms(address: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([normalise(address), plus_base(address)]))


def _plain_addresses(person: Prospect) -> set[str]:
    return {plus_base(address.email) for address in person.addresses}


def _is_called(person: Prospect, name: str) -> bool:
    """Exactly the same first and last name, in either order; one name alone tells nobody."""
    given = [str(person.fields.get(part, "")).strip() for part in ("first_name", "last_name")]
    return all(given) and _words(name) == _words(" ".join(given))


def _words(name: str) -> list[str]:
    return sorted(fold(name).replace(",", " ").split())
