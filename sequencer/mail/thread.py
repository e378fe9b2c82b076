"""Threads: which ids a mail names, who it is when it is seen twice, and the headers that put an answer into its thread.

It is here because the thread decides whose answer a mail is, and headers are the only evidence that survives every
provider. It looks nothing up: ingest compares the ids with the stored ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sequencer.mail.fields import message_ids_in
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

__all__ = [
    "THREAD_IDS_MAX", "Threading", "bare_subject", "identity", "message_ids", "references_for", "reply_subject",
]  # fmt: skip

THREAD_IDS_MAX = 200
_REFERENCES_KEPT = 20

# Where a relay that puts its own Message-ID leaves the sender's one, and where clients name the parent beside the
# standard fields: X-Original-Message-ID, X-Microsoft-Original-Message-ID, X-MS-Exchange-Parent-Message-Id, ...
_COPY_OF_ID = compiled(r"(?:x-.*)?(?:message-?id|in-reply-to|references)", re.IGNORECASE)
_NOT_A_NAMED_ID = frozenset({"message-id", "resent-message-id"})

_REPLY_PREFIX = compiled(
    r"\s*(?:re|aw|sv|vs|vá|antw|antwort|odp|rif|r|res|ynt|atb|bls|απ|σχετ|отв|ответ|відп|回复|回覆|答复|返信|회신)"
    r"\s*(?:\[[0-9]{1,4}\]|\([0-9]{1,4}\)|\^[0-9]{1,4})?\s*[:：]",
    re.IGNORECASE,
)
_FORWARD_PREFIX = compiled(
    r"\s*(?:fwd?|wg|tr|rv|enc|i|vb|vl|doorst|pd|ilt|прсл|пересл|转发|轉寄|転送|전달)\s*(?:\[[0-9]{1,4}\])?\s*[:：]",
    re.IGNORECASE,
)
_PREFIXES_MAX = 50
_CONTROLS = compiled("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Threading:
    """The two fields of an answer (RFC 5322 3.6.4); the first mail of a thread has neither."""

    in_reply_to: str | None
    references: tuple[str, ...]


def message_ids(parsed: Parsed) -> tuple[str, ...]:
    """Every id that the mail names as its parent, nearest first, with its brackets: at most THREAD_IDS_MAX.

    From In-Reply-To, References from its end, then every copy in a field of the sender's own making (X-...).
    """
    found = list(message_ids_in(parsed.headers.raw("In-Reply-To")))
    found.extend(reversed(parsed.references))
    for name, value in parsed.headers.fields:
        if _COPY_OF_ID.fullmatch(name) and name.lower() not in _NOT_A_NAMED_ID:
            found.extend(message_ids_in(value))
    return tuple(dict.fromkeys(found))[:THREAD_IDS_MAX]


def identity(raw: bytes, parsed: Parsed | None) -> str:
    """40 hex digits that are equal for the copies of one mail in several folders, and differ for any two mails.

    From Message-ID with From, Date and Subject, since some senders use an id twice; without an id, or for a mail that
    cannot be parsed (None), from the bytes.
    """
    if parsed is None or parsed.message_id is None:
        return blake2b(raw, digest_size=20, person=b"mail-bytes").hexdigest()
    named = (parsed.message_id, *(parsed.headers.raw(name) for name in ("From", "Date", "Subject")))
    return blake2b("\0".join(named).encode("utf-8"), digest_size=20, person=b"mail-headers").hexdigest()


def reply_subject(subject: str) -> str:
    """`Re: ` and the subject without the reply marks it has in any language; safe to be written into a header."""
    return f"Re: {_without_marks(subject, _REPLY_PREFIX)}".rstrip()


def bare_subject(subject: str) -> str:
    """The subject without the marks of answers and of forwarded mail: what all mails of one thread have in common."""
    return _without_marks(subject, _REPLY_PREFIX, _FORWARD_PREFIX)


def _without_marks(subject: str, *marks: re.Pattern[str]) -> str:
    rest = _CONTROLS.sub(" ", subject)
    for _ in range(_PREFIXES_MAX):
        mark = next((found for each in marks if (found := each.match(rest))), None)
        if mark is None:
            break
        rest = rest[mark.end() :]
    return rest.strip()


def references_for(root_ids: Sequence[str], last: str | None) -> Threading:
    """The fields of an answer to `last`, whose own References are `root_ids` (oldest first).

    Of a long thread the first 20 and the last 20 ids stay: clients group by the root and by the nearest parents.
    """
    if last is None:
        return Threading(None, ())
    chain = [*(known for known in dict.fromkeys(root_ids) if known != last), last]
    if len(chain) > 2 * _REFERENCES_KEPT:
        chain = chain[:_REFERENCES_KEPT] + chain[-_REFERENCES_KEPT:]
    return Threading(last, tuple(chain))
