"""What Amazon SES does in its own way: reports as JSON in a mail, and a Message-ID of its own in every mail it sends.

Whoever sends through SES gets such notifications instead of delivery reports. Source: "Amazon SNS notification
contents for Amazon SES". The words and codes inside are judged where those of every other server are.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

__all__ = ["Notification", "given_id", "plain_id", "read_notification"]

JSON_CHARS_MAX = 64_000
RECIPIENTS_MAX = 200

_ID = r"[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9]{6}"
_GIVEN = compiled(rf"\AOk ({_ID})\b", re.IGNORECASE)
_MESSAGE_ID = compiled(rf"<({_ID})@(?:[a-z0-9-]+\.)?amazonses\.com>", re.IGNORECASE)
_BEGINS = compiled(r'\s{0,8}\{\s{0,8}"(?:notificationType|eventType|Type)"')
_LINE_END = compiled(r"\r?\n ?")


@dataclass(frozen=True, slots=True)
class Notification:
    """`recipients`: address, enhanced code, diagnostic text; the last two "" where not told."""

    kind: Literal["bounce", "complaint"]
    temporary: bool
    recipients: tuple[tuple[str, str, str], ...]
    original_ids: tuple[str, ...]


def read_notification(parsed: Parsed) -> Notification | None:
    """None for other mail and for notifications of a delivery."""
    if not _BEGINS.match(parsed.text[:80]):
        return None
    said = _decoded(parsed.text[:JSON_CHARS_MAX])
    if isinstance(said.get("Message"), str):
        said = _decoded(said["Message"])
    kind = str(said.get("notificationType") or said.get("eventType")).lower()
    if kind == "bounce":
        detail = _map(said.get("bounce"))
        named = _maps(detail.get("bouncedRecipients"))
    elif kind == "complaint":
        detail = _map(said.get("complaint"))
        named = _maps(detail.get("complainedRecipients"))
    else:
        return None
    recipients = tuple(
        (str(one.get("emailAddress", "")).lower(), str(one.get("status", "")), str(one.get("diagnosticCode", "")))
        for one in named
    )
    headers = _map(_map(said.get("mail")).get("commonHeaders"))
    message_id = headers.get("messageId")
    return Notification(
        "bounce" if kind == "bounce" else "complaint",
        str(detail.get("bounceType", "")).lower() == "transient",
        recipients[:RECIPIENTS_MAX],
        (str(message_id),) if message_id else (),
    )


def given_id(said: str) -> str:
    """The id under which SES sends a mail on, from its answer to the dot (`250 Ok 0102…-000000`); "" for others."""
    found = _GIVEN.match(said)
    return found[1].lower() if found else ""


def plain_id(message_id: str) -> str:
    """The same id out of the Message-ID that the receiver sees, whose domain tells the region; others as they are."""
    found = _MESSAGE_ID.fullmatch(message_id)
    return found[1].lower() if found else message_id


def _decoded(text: str) -> dict[str, Any]:
    """The object at the start of a text whose long lines a relay may have folded; {} when it is none."""
    try:
        value, _ = json.JSONDecoder().raw_decode(_LINE_END.sub("", text).lstrip())
    except (ValueError, RecursionError):
        return {}
    return _map(value)


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
