"""Two people become one in the rows: whatever named the second names the first, and the second is an empty row.

Every table that has a prospect_id is moved, also one that is added later; the log's lines are moved, not edited. The
empty row keeps the id from being given to somebody else, whom old events would then seem to mean. What a merge means
for sequences and stops is engine/merging.py's.
"""

from sqlalchemy import Connection, delete, func, select, update

from sequencer.core.people import Prospect
from sequencer.store.columns import Table
from sequencer.store.people import update_prospect
from sequencer.store.tables import ADDRESSES, LIST_MEMBERS, PROSPECTS, SUPPRESSIONS

SECOND_LOOK = 1


def unite(connection: Connection, stays: Prospect, goes: int) -> None:
    """Make `goes` the person `stays`, who is written as told; fences of either's mail refuse from now on.

    Rules on the person `goes` are left to be put anew by the caller, who knows which is the stricter.
    """
    seqs = select(func.max(PROSPECTS.c.seq)).where(PROSPECTS.c.id.in_((stays.id, goes)))
    highest = connection.scalars(seqs).one()
    last = select(func.max(ADDRESSES.c.position)).where(ADDRESSES.c.prospect_id == stays.id)
    behind = (connection.scalars(last).one() or 0) + 1
    theirs = ADDRESSES.c.prospect_id == goes
    connection.execute(update(ADDRESSES).where(theirs).values(position=ADDRESSES.c.position + behind))
    both = select(LIST_MEMBERS.c.name).where(LIST_MEMBERS.c.prospect_id == stays.id)
    twice = (LIST_MEMBERS.c.prospect_id == goes) & LIST_MEMBERS.c.name.in_(both)
    connection.execute(delete(LIST_MEMBERS).where(twice))
    for table in Table.metadata.sorted_tables:
        if "prospect_id" in table.c:
            moved = update(table).where(table.c.prospect_id == goes)
            connection.execute(moved.values(prospect_id=stays.id))
    of_person = (SUPPRESSIONS.c.kind == "person") & (SUPPRESSIONS.c.value == str(goes))
    connection.execute(delete(SUPPRESSIONS).where(of_person))
    update_prospect(connection, stays)
    # Higher than either's number, so that no mail that was decided on for the other one matches by chance.
    connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == stays.id).values(seq=highest + SECOND_LOOK))
    update_prospect(connection, Prospect(goes))
    connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == goes).values(merged_into=stays.id))
