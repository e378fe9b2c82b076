"""Brings the rows of a people file into the database: whom they mean, what is new about them, what is refused.

It is here because an import may touch people in the middle of a sequence: what it changes about them is decided on
again, and what it mends lets them go on. It reads no file (content/people_csv.py does) and enrols nobody.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from sequencer.content.people_csv import Refused, Row
from sequencer.core import events as e
from sequencer.core.facts import account_fields, prospect_fields
from sequencer.core.people import Account, Address, Prospect
from sequencer.core.progress import Hold, Progress
from sequencer.core.reason import Reason
from sequencer.engine.advance import Advance
from sequencer.engine.candidates import own_addresses
from sequencer.engine.companies import Companies
from sequencer.store import erasure, log, people, roster, scopes
from sequencer.store.database import Database

ROWS_PER_TRANSACTION = 500
FIXED = "fixed"
NOTES_MAX = 1_000
# Of these domains, those that take no mail, with the reason.
WithoutMail = Callable[[Collection[str]], Mapping[str, str]]
_ZONE_RANK = {"unknown": 0, "country": 1, "phone": 2, "file": 3, "person": 4}


@dataclass(slots=True)
class Report:
    """What came of each row. `differing`: known people of whom the file says something else, without `update`.

    `refused`: (line, reason). `notes`: (line, what was left out of a row that was taken), the first NOTES_MAX of
    `note_count`. `freed`: enrollments that a mended hold lets go on.
    `unplaced`: new people whose time zone neither the file nor a phone nor the country tells.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    differing: int = 0
    freed: int = 0
    unplaced: int = 0
    note_count: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return self.added + self.updated + self.unchanged

    def noted(self, line: int, notes: Iterable[str]) -> None:
        for note in notes:
            self.note_count += 1
            if len(self.notes) < NOTES_MAX:
                self.notes.append((line, note))


class _Unwritten(Exception):
    """Takes a transaction back that was only meant to be seen; `args[0]` is its report."""


def import_rows(
    database: Database,
    advance: Advance,
    rows: Iterable[Row | Refused],
    *,
    list_name: str = "",
    update: bool = False,
    now: datetime,
    dry_run: bool = False,
    without_mail: WithoutMail = lambda domains: {},
    on_rows: Callable[[int], None] = lambda number: None,
) -> Report:
    """Add new people, and with `update` change known ones; the same file twice changes nothing.

    Without `update`, known people keep what they have and only join the list. Written in transactions of at most 500
    rows; `on_rows` is told how many each one finished. `without_mail` is asked of the domains of each portion, outside
    its transaction. With `dry_run` each transaction is taken back: the report says what would come of the rows.
    """
    report, companies, is_ours = Report(), Companies(update), own_addresses(advance.around.config)
    remaining = iter(rows)
    while portion := list(islice(remaining, ROWS_PER_TRANSACTION)):
        readable = []
        for row in _reachable(portion, without_mail):
            if isinstance(row, Refused):
                report.refused.append((row.line, row.reason))
            else:
                readable.append(row)

        def write(connection: Connection, rows: Sequence[Row] = tuple(readable)) -> Report:
            part = _Portion(connection, advance, companies, is_ours, update, now).write(rows, list_name)
            if dry_run:
                raise _Unwritten(part)
            return part

        try:
            _add(report, database.write(write))
        except _Unwritten as taken_back:
            _add(report, taken_back.args[0])
        on_rows(len(portion))
    report.refused.sort()
    return report


def _add(report: Report, part: Report) -> None:
    for name in ("added", "updated", "unchanged", "differing", "freed", "unplaced", "note_count"):
        setattr(report, name, getattr(report, name) + getattr(part, name))
    report.refused += part.refused
    report.notes += part.notes[: NOTES_MAX - len(report.notes)]


def _reachable(rows: Sequence[Row | Refused], without_mail: WithoutMail) -> Iterator[Row | Refused]:
    """The rows, without the addresses at domains that take no mail; whoever has no other one is refused."""
    readable = [row for row in rows if isinstance(row, Row)]
    reasons = without_mail({email.rpartition("@")[2] for row in readable for email in row.emails})
    for row in rows:
        if isinstance(row, Refused):
            yield row
            continue
        wrong = {email: why for email in row.emails if (why := reasons.get(email.rpartition("@")[2]))}
        notes = [f'email "{email}" left out: {why}' for email, why in wrong.items()]
        left = tuple(email for email in row.emails if email not in wrong)
        if not wrong:
            yield row
        elif left:
            yield replace(row, emails=left, notes=(*row.notes, *notes))
        else:
            yield Refused(row.line, "; ".join(notes).replace("left out", "cannot be written to"))


class _Portion:
    """The rows of one transaction; all that is known of them is read first."""

    def __init__(
        self,
        connection: Connection,
        advance: Advance,
        companies: Companies,
        is_ours: Callable[[str], bool],
        update: bool,
        now: datetime,
    ) -> None:
        self._connection, self._advance, self._companies = connection, advance, companies
        self._is_ours, self._update, self._now = is_ours, update, now
        self._report = Report()
        self._owners: dict[str, int] = {}
        self._persons: dict[int, Prospect] = {}
        self._before: dict[int, Prospect] = {}
        self._erased: dict[str, datetime] = {}

    def write(self, rows: Sequence[Row], list_name: str) -> Report:
        connection, report = self._connection, self._report
        self._owners = dict(people.owners(connection, [email for row in rows for email in row.emails]))
        self._persons = people.load_prospects(connection, set(self._owners.values()))
        self._erased = erasure.erased(connection, [email for row in rows for email in row.emails])
        accepted = [(row, self._known(row)) for row in rows if not self._refused(row)]
        taken = self._companies.placed(connection, accepted)
        for row, _ in taken:
            report.noted(row.line, row.notes)
        companies = self._companies.write(connection, [row for row, _ in taken])
        ids = roster.add_prospects(connection, [_new(row) for row, person in taken if person is None], self._now)
        report.added += len(ids)
        report.unplaced += sum(person is None and row.timezone is None for row, person in taken)
        known = [self._compare(row, self._persons[person.id]) for row, person in taken if person is not None]
        self._write_changes()
        report.updated += len(self._before)
        report.unchanged += len(known) - len(self._before)
        if list_name:
            people.add_to_list(connection, list_name, dict.fromkeys([*ids, *known]))
        self._follow_up(companies)
        return report

    def _known(self, row: Row) -> Prospect | None:
        return next((self._persons[self._owners[email]] for email in row.emails if email in self._owners), None)

    def _refused(self, row: Row) -> bool:
        reason = self._objection(row)
        if reason is not None:
            self._report.refused.append((row.line, reason))
        return reason is not None

    def _objection(self, row: Row) -> str | None:
        """Why the row is not taken, and how to mend it."""
        for email in row.emails:
            if self._is_ours(email):
                return (
                    f"{email} is an address of your own company (own_domains, reps and mailboxes of config.toml);"
                    " to try a sequence on colleagues, empty own_domains for that time"
                )
            if gone := self._erased.get(email):
                return f"{email} was erased on {gone:%d %b %Y}, and no import brings them back"
        owners = {self._owners[email] for email in row.emails if email in self._owners}
        if len(owners) > 1:
            shared = ", ".join(email for email in row.emails if email in self._owners)
            return f"these addresses belong to different people: {shared}; leave one of them out"
        if owners and not self._update:
            known, named = _name(self._persons[owners.pop()].fields), _name(row.fields)
            if known and named and known.casefold() != named.casefold():
                return f"{row.emails[0]} belongs to {known}, the row says {named}; --update renames the person"
        return None

    def _compare(self, row: Row, before: Prospect) -> int:
        """Note what the row says of a known person; returns their id."""
        after = _updated(before, row)
        if self._update:
            self._persons[before.id] = after
            self._before.setdefault(before.id, before)
        else:
            self._report.differing += after != before
        return before.id

    def _write_changes(self) -> None:
        """Two rows of one person may contradict each other: only what is different in the end is a change."""
        self._before = {key: before for key, before in self._before.items() if self._persons[key] != before}
        roster.update_prospects(self._connection, [self._persons[person_id] for person_id in self._before])
        for person_id, before in self._before.items():
            emails = [address.email for address in self._persons[person_id].addresses]
            if emails != [address.email for address in before.addresses]:
                people.put_addresses(self._connection, person_id, emails)

    def _follow_up(self, companies: set[str]) -> None:
        """Whoever is in a sequence is decided on again, with the holds taken that are mended now."""
        connection = self._connection
        for account_id in companies:
            scopes.raise_scope(connection, "account", account_id)
        touched = set(self._before)
        for account_id in companies:
            touched |= set(people.colleagues(connection, account_id))
        if not touched:
            return
        people.raise_seq(connection, set(self._before))
        live = log.load(connection, log.live_of(connection, touched))
        persons = people.load_prospects(connection, touched)
        accounts = people.load_accounts(connection, {p.account_id for p in persons.values() if p.account_id})
        mended: list[tuple[int, Sequence[e.Event]]] = []
        for enrollment in live.values():
            person = persons[enrollment.prospect_id]
            before = self._before.get(person.id, person)
            holds = _mended(enrollment.progress, before, person, accounts.get(person.account_id or ""))
            if events := [e.HoldTaken(reason=hold.reason, by=FIXED) for hold in holds]:
                mended.append((enrollment.id, events))
        self._advance.record(connection, mended, self._now)
        self._report.freed += len(mended)
        freed = {enrollment_id for enrollment_id, _ in mended}
        log.make_due(connection, set(live) - freed, self._now)


def _new(row: Row) -> Prospect:
    return Prospect(
        0, tuple(map(Address, row.emails)), row.fields, row.account_id, row.timezone, row.zone_source, row.country,
        row.phone, row.linkedin,
    )  # fmt: skip


def _updated(person: Prospect, row: Row) -> Prospect:
    """The person with what the row says; a blank cell takes nothing away."""
    known = {address.email: address for address in person.addresses}
    # A single known address says who is meant; it makes neither that address nor its company the first one.
    names_one = len(row.emails) == 1 and row.emails[0] in known
    emails = list(known) if names_one else [*row.emails, *(email for email in known if email not in row.emails)]
    timezone, source = (row.timezone, row.zone_source) if _better_zone(person, row) else (
        person.timezone, person.zone_source,
    )  # fmt: skip
    return replace(
        person,
        addresses=tuple(known.get(email, Address(email)) for email in emails),
        fields={**person.fields, **row.fields},
        account_id=(row.account_id if row.emails[0] == emails[0] else None) or person.account_id or row.account_id,
        timezone=timezone,
        zone_source=source,
        country=row.country or person.country,
        phone=row.phone or person.phone,
        linkedin=row.linkedin or person.linkedin,
    )


def _better_zone(person: Prospect, row: Row) -> bool:
    """A zone from a weaker source gives way, and so does one of a country that the person has left."""
    if row.timezone is None or person.zone_source == "person":
        return False
    moved = None not in (row.country, person.country) and row.country != person.country
    return moved or _ZONE_RANK[row.zone_source] >= _ZONE_RANK[person.zone_source]


def _name(fields: Mapping[str, object]) -> str:
    parts = (str(fields[name]) for name in ("first_name", "last_name") if name in fields)
    return " ".join(" ".join(parts).split())


def _mended(progress: Progress, before: Prospect, after: Prospect, account: Account | None) -> Iterator[Hold]:
    """The holds for which nothing is wanting any more."""
    for hold in progress.holds:
        match hold.reason:
            case Reason.MISSING_FIELD:
                known = {"prospect": prospect_fields(after), "account": account_fields(account)}
                wanted = (each.partition(".") for each in hold.detail.split(", "))
                is_mended = all(name in known.get(owner, {}) for owner, _, name in wanted)
            case Reason.NO_ADDRESS | Reason.BAD_ADDRESS:
                is_mended = after.address is not None and after.address != before.address
            case Reason.NO_PHONE | Reason.BAD_PHONE:
                is_mended = after.phone is not None and after.phone != before.phone
            case _:
                is_mended = False
        if is_mended:
            yield hold
