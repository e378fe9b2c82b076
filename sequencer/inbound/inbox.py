"""What the readers share: how much is read at once, and how it is cut into batches.

The types that cross the door to the engine are in core/ports.py: `imap.py` and `maildir.py` both give its `Inbox`.
A reader yields raw bytes and cursors. It judges no mail, stores nothing, asks no clock, and never marks, moves or
deletes what belongs to the user.
"""

from collections.abc import Iterable, Iterator

from sequencer.core.ports import Head, Wanted

MESSAGE_BYTES_MAX = 5_000_000  # of a larger message only the header is read
HEADER_BYTES_MAX = 131_072  # a header is cut here: twice what the parser accepts, so that it sees that it is too long
HEAD_BATCH_MAX = 100  # headers asked for at once
BODY_BATCH_BYTES_MAX = 5_000_000  # bodies held in memory at once


def batches(heads: Iterable[Head], wanted: Wanted) -> Iterator[list[tuple[Head, bool]]]:
    """Ask `wanted` once for each head; cut where the wanted bodies would exceed BODY_BATCH_BYTES_MAX together."""
    batch: list[tuple[Head, bool]] = []
    total = 0
    for head in heads:
        is_wanted = wanted(head)
        cost = head.size if is_wanted and head.size <= MESSAGE_BYTES_MAX else 0
        if batch and total + cost > BODY_BATCH_BYTES_MAX:
            yield batch
            batch, total = [], 0
        batch.append((head, is_wanted))
        total += cost
    if batch:
        yield batch
