"""What was written to whom and under which ids, and who is at which account: by this, ingest finds whose mail it is.

Which of the findings counts is the engine's to say.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from sequencer.store.rows import chunks, upsert
from sequencer.store.sends import LEFT, SendRow, by_message_id, load_sends, thread_of
from sequencer.store.tables import ACCOUNTS, PROSPECTS, RELAY_IDS, SENDS


def people_at_domains(connection: Connection, domains: Collection[str]) -> list[int]:
    """Everybody at the accounts that have one of these domains; accounts without anybody count for nothing."""
    wanted = list(domains)
    at_account = or_(ACCOUNTS.c.domain.in_(wanted), ACCOUNTS.c.id.in_(wanted))
    query = select(PROSPECTS.c.id).join(ACCOUNTS, PROSPECTS.c.account_id == ACCOUNTS.c.id).where(at_account)
    return list(connection.scalars(query.order_by(PROSPECTS.c.id)))


def last_written(
    connection: Connection, mailboxes: Collection[str], addresses: Collection[str], since: datetime
) -> SendRow | None:
    """The newest mail that one of these mailboxes sent to one of these addresses since then."""
    to_them = SENDS.c.mailbox.in_(list(mailboxes)) & SENDS.c.address.in_(list(addresses))
    left = to_them & (SENDS.c.sending_at >= since) & SENDS.c.state.in_(LEFT)
    newest = connection.scalars(select(SENDS.c.id).where(left).order_by(SENDS.c.sending_at.desc()).limit(1)).first()
    return None if newest is None else load_sends(connection, [newest])[newest]


def written_under(
    connection: Connection, prospect_ids: Collection[int], subjects: Collection[str], since: datetime
) -> set[int]:
    """Who of these people got a mail with one of these subjects since then."""
    to_them = SENDS.c.prospect_id.in_(list(prospect_ids)) & SENDS.c.subject.in_(list(subjects))
    left = to_them & (SENDS.c.sending_at >= since) & SENDS.c.state.in_(LEFT)
    return set(connection.scalars(select(SENDS.c.prospect_id).where(left)))


def threads_of(connection: Connection, earlier: Mapping[int, Sequence[int]]) -> dict[int, list[SendRow]]:
    """What each enrollment has sent so far, in order, behind what those sent that it continues (`earlier`)."""
    ids = {*earlier, *(each for before in earlier.values() for each in before)}
    found = thread_of(connection, ids)
    return {key: [row for each in (*before, key) for row in found.get(each, ())] for key, before in earlier.items()}


def sends_named(connection: Connection, ids: Collection[str]) -> dict[str, SendRow]:
    """Our sends among these ids, by the id that names them: our own, or the one a relay put in its place."""
    found = by_message_id(connection, ids)
    relayed: dict[str, int] = {}
    for part in chunks([each for each in ids if each not in found]):
        query = select(RELAY_IDS).where(RELAY_IDS.c.known_as.in_(part))
        relayed.update((row.known_as, row.send_id) for row in connection.execute(query))
    rows = load_sends(connection, set(relayed.values()))
    return found | {known_as: rows[send_id] for known_as, send_id in relayed.items()}


def never_let_go(connection: Connection, ids: Collection[str]) -> list[str]:
    """Those of these ids that we made for a mail, and under which none passed a fence.

    One more attempt has the id of the first, which did.
    """
    let_go: dict[str, bool] = {}
    for part in chunks(ids):
        query = select(SENDS.c.id, SENDS.c.message_id).where(SENDS.c.message_id.in_(part))
        found = {row.id: row.message_id for row in connection.execute(query)}
        for key, row in load_sends(connection, found).items():
            let_go[found[key]] = let_go.get(found[key], False) or row.was_let_go
    return [each for each, left in let_go.items() if not left]


def put_relay_id(connection: Connection, known_as: str, send_id: int) -> None:
    """A relay sent this mail on under an id of its own; answers will name that one."""
    statement = upsert(connection, RELAY_IDS).values(known_as=known_as, send_id=send_id)
    connection.execute(statement.on_conflict_do_nothing())
