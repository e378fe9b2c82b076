"""Delivery status notifications by the book: RFC 3464 in the envelope of RFC 6522, internationalised by RFC 6533.

The per-recipient groups are the only machine-readable part of a bounce, so they are read before any words; they are
also read where a server pastes them into plain text. Nothing here decides whether an address is dead.
"""

import re
from dataclasses import dataclass

from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

REPORT_CHARS_MAX = 64_000
RECIPIENTS_MAX = 200

_FIELD = compiled(
    r"^[ \t]{0,8}(Original-Recipient|Final-Recipient|X-Actual-Recipient|Action|Status|Diagnostic-Code)"
    r"[ \t]{0,4}:(.{0,1000})$",
    re.I,
)
_ADDRESS = compiled(r"[^\s<>;,\"']{1,64}@[^\s<>;,\"')\]]{1,253}")
_SOURCE_ROUTE = compiled(r"@[\w.-]{1,253}(?:,@[\w.-]{1,253}){0,5}:")  # RFC 5321 appendix C
_STATUS = compiled(r"\d\.\d{1,3}\.\d{1,3}")
_ACTION = compiled(r"[\w-]{1,20}")
_DIAGNOSTIC_TYPE = compiled(r"^\s*(?:smtp|x-[\w-]{1,40}|x400|unix)\s*;\s*", re.I)
_WIDE = compiled(r"\\x\{(?!D[89A-F])(10[0-9A-F]{4}|[0-9A-F]{2,5})\}")
_QUOTED_SIGN = compiled(r"\+(2B|3D|40)")
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})


@dataclass(frozen=True, slots=True)
class Group:
    """One recipient's fields; `recipient` is "" where the report hides it."""

    recipient: str
    action: str
    status: str
    diagnostic: str


def read_groups(text: str) -> tuple[Group, ...]:
    """The per-recipient groups of RFC 3464 2.3 in any text; a group starts at its first recipient field."""
    groups: list[dict[str, str]] = []
    current: dict[str, str] = {}
    last = ""
    for line in text[:REPORT_CHARS_MAX].splitlines():
        found = _FIELD.match(line[:1100])
        if found:
            last = found[1].lower()
            if last in current and last != "x-actual-recipient":
                groups.append(current)
                current = {}
            current[last] = found[2].strip()
        elif last == "diagnostic-code" and line[:1] in {" ", "\t"}:
            current[last] = f"{current[last]} {line.strip()}"[:2000]
        else:
            last = ""
            if not line.strip() and "action" in current and _named(current):
                groups.append(current)
                current = {}
    groups.append(current)
    return tuple(_group(fields) for fields in groups[:RECIPIENTS_MAX] if _named(fields) or "action" in fields)


def report_groups(parsed: Parsed) -> tuple[Group, ...]:
    """The groups of every delivery-status part of a message, in order."""
    found: list[Group] = []
    for part in parsed.parts:
        if part.content_type in {"message/delivery-status", "message/global-delivery-status"}:
            found.extend(read_groups(part.text))
    return tuple(found[:RECIPIENTS_MAX])


def undelivered(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Without those that arrived: a success report is no failure (RFC 3464 2.3.3)."""
    return tuple(group for group in groups if group.action not in _DELIVERED and not group.status.startswith("2."))


def _named(fields: dict[str, str]) -> bool:
    return "final-recipient" in fields or "original-recipient" in fields


def _group(fields: dict[str, str]) -> Group:
    status = _STATUS.match(fields.get("status", ""))
    action = _ACTION.match(fields.get("action", ""))
    return Group(
        recipient=_recipient(fields),
        action=action[0].lower() if action else "",
        status=status[0] if status else "",
        diagnostic=_DIAGNOSTIC_TYPE.sub("", fields.get("diagnostic-code", "")),
    )


def _recipient(fields: dict[str, str]) -> str:
    """The final recipient, or the original one where the final is a name for use inside the server only."""
    named = []
    for name in ("final-recipient", "original-recipient", "x-actual-recipient"):
        value = fields.get(name, "").partition(";")[2] or fields.get(name, "")
        found = _ADDRESS.search(_unxtext(_SOURCE_ROUTE.sub("", value)))
        if found:
            named.append(found[0].strip(".<>").lower())
    public = (address for address in named if "." in address.rpartition("@")[2])
    return next(public, named[0] if named else "")


def _unxtext(value: str) -> str:
    """xtext of RFC 3461 4, `+2B` is a plus sign, and RFC 6533 3, `\\x{F6}` is an umlaut; a real plus stays as it is."""
    value = _WIDE.sub(lambda found: chr(int(found[1], 16)), value[:2000])
    return _QUOTED_SIGN.sub(lambda found: chr(int(found[1], 16)), value)
