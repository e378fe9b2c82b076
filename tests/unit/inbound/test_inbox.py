"""Batches of bodies and spans of UIDs: nothing left out, nothing twice, no limit exceeded."""

from hypothesis import given
from hypothesis import strategies as st

from sequencer.core.ports import Head
from sequencer.inbound.imap import SEARCH_HITS_MAX, search_spans
from sequencer.inbound.inbox import BODY_BATCH_BYTES_MAX, MESSAGE_BYTES_MAX, batches

SIZES = st.integers(0, 2 * MESSAGE_BYTES_MAX)


@given(st.lists(st.tuples(SIZES, st.booleans()), max_size=30))
def test_batches_keep_the_order_ask_once_and_bound_the_bodies_in_memory(messages: list[tuple[int, bool]]) -> None:
    heads = [Head("INBOX", uid, size, b"") for uid, (size, _) in enumerate(messages)]
    asked: list[int] = []

    def wanted(head: Head) -> bool:
        asked.append(head.uid)
        return messages[head.uid][1]

    runs = list(batches(heads, wanted))
    assert [item for run in runs for item in run] == [(head, messages[head.uid][1]) for head in heads]
    assert asked == [head.uid for head in heads]
    assert all(runs)
    for run in runs:
        bodies = [head.size for head, is_wanted in run if is_wanted and head.size <= MESSAGE_BYTES_MAX]
        assert sum(bodies) <= BODY_BATCH_BYTES_MAX


def test_small_mail_is_one_batch() -> None:
    heads = [Head("INBOX", uid, 2_000, b"") for uid in range(100)]
    assert len(list(batches(heads, lambda head: True))) == 1


def test_a_folder_of_usual_size_is_searched_at_once() -> None:
    assert search_spans(5, SEARCH_HITS_MAX, 4_000_000_000) == ["5:*"]


def test_a_server_that_does_not_tell_the_next_uid_is_searched_at_once() -> None:
    assert search_spans(5, SEARCH_HITS_MAX + 1, 0) == ["5:*"]


@given(st.integers(1, 1_000_000), st.integers(0, 1_000_000))
def test_the_spans_of_a_huge_folder_cover_every_uid_once(uid_first: int, more: int) -> None:
    uid_next = uid_first + more
    spans = [
        tuple(map(int, span.split(":")))
        for span in search_spans(uid_first, messages=SEARCH_HITS_MAX + 1, uid_next=uid_next)
    ]
    assert all(last - first < SEARCH_HITS_MAX for first, last in spans)
    edges = [uid_first - 1, *(edge for span in spans for edge in span)]
    assert all(after == before + 1 for before, after in zip(edges[::2], edges[1::2], strict=False))
    assert edges[-1] == uid_next - 1
