"""The gates of a mail that core/decide.py does not know: does a daemon run, does the mailbox work, may it go now, can
it be written, was the inbox read.

For `why`: the same functions that dispatch asks (admit, usage_of, freshness, render), asked about one person ahead
of time; whose turn comes when is engine/mailbox_turns.py's. Nothing is sent or stored.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.failure import MissingField, RenderError
from sequencer.core.capacity import Due, Usage, admit, effective_cap
from sequencer.core.people import Mailbox
from sequencer.core.reason import Gate, Place, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.turns import Turn
from sequencer.engine import freshness, witness
from sequencer.engine.config_lines import config_place
from sequencer.engine.dispatch import CLOCK_BACK_TOLERATED
from sequencer.engine.prepare import usage_of
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, Surroundings
from sequencer.engine.step_text import step_text
from sequencer.store import contacts, inbox, scopes, sends
from sequencer.store.leases import lease_clock
from sequencer.store.sends import SendRow

__all__ = ["daemon_gates", "inbox_gate", "limits_gate", "mailbox_gate", "seen_at", "text_gate"]

DAEMON_SILENT_AFTER = timedelta(seconds=60)
_LIMITS = {
    Reason.PERSON_WEEK: "person_touches_per_week",
    Reason.PERSON_GAP: "person_gap",
    Reason.ACCOUNT_DAY: "account_touches_per_day",
    Reason.DOMAIN_DAY: "domain_messages_per_day",
}


def seen_at(connection: Connection) -> datetime | None:
    """The highest instant that a daemon has seen: its last heartbeat, unless the clock was moved."""
    highest = scopes.meta(connection, scopes.HIGHEST_INSTANT)
    return datetime.fromisoformat(highest) if highest else None


def daemon_gates(connection: Connection, now: datetime) -> tuple[Gate, ...]:
    """Whether a daemon is at work, and whether the clock can be trusted."""
    seen = seen_at(connection)
    if seen is None:
        return (Gate("daemon", False, None, "none has run yet", frees_by="start it: sequencer daemon"),)
    if now < seen - CLOCK_BACK_TOLERATED:
        detail = f"the clock is {seen - now} behind the highest instant seen".split(".")[0]
        return (Gate("clock", False, None, detail, frees_at=seen, frees_by="set the clock, or resume --all"),)
    leases = [state.lease_until for state in sends.mailbox_states(connection).values()]
    leased_at = lease_clock(connection, now)
    if any(until is not None and until > leased_at for until in leases):
        return (Gate("daemon", True),)
    # A daemon that stops cleanly lets go of every lease; one that died leaves them to run out.
    let_go = bool(leases) and not any(leases)
    if let_go or now - seen > DAEMON_SILENT_AFTER:
        detail = f"last seen {seen:%Y-%m-%d %H:%M} UTC"
        return (Gate("daemon", False, None, detail, frees_by="start it: sequencer daemon"),)
    return (Gate("daemon", True),)


def mailbox_gate(connection: Connection, situation: Situation, now: datetime) -> Gate:
    """Whether the mailbox is there and works; one whose last try failed is tried again at `frees_at`."""
    address = situation.enrollment.mailbox
    if situation.facts.mailbox is None:
        mend = f"put {address} back into config.toml"
        return Gate("mailbox works", False, Reason.MAILBOX_GONE, address, Place("config.toml"), frees_by=mend)
    state = sends.mailbox_states(connection).get(address)
    if state is not None and state.broken_at is not None:
        detail = f"{state.broken_reason or 'it failed'} (since {state.broken_at:%Y-%m-%d %H:%M} UTC)"
        mend = f"mend it, then resume --mailbox {address}"
        return Gate("mailbox works", False, Reason.MAILBOX_BROKEN, detail, frees_by=mend)
    if state is not None and state.resting_until is not None:
        again_at = max(now, state.resting_until)
        detail = state.rest_reason or "it failed"
        return Gate("mailbox works", False, Reason.MAILBOX_RESTS, detail, frees_at=again_at)
    return Gate("mailbox works", True, detail=address)


def inbox_gate(connection: Connection, config: Config, situation: Situation, now: datetime) -> Gate:
    """Whether an answer could still be waiting unread, to whichever mailbox and sequence wrote to the person."""
    if name := witness.silent_inbox(connection, config, situation.enrollment.mailbox, now):
        detail = f"{name} was not read to its end since the daemon started"
        if said := inbox.trouble_of(connection, name) or freshness.still_to_read(connection, name):
            detail = f"{detail}: {said}"
        return Gate("inbox", False, Reason.INBOX_UNREAD, detail, frees_by="the daemon reads it; see status")
    place = config_place(config, "policy", "inbox_max_age")
    person = situation.enrollment.prospect_id
    fresh = freshness.read(connection, config, [person], now)
    good = fresh.good_until(person)
    if good is None:
        return Gate("inbox", True, detail="nobody wrote to them in 90 days", place=place)
    name, read_at = fresh.stale_inbox[person], good - config.policy.inbox_max_age.elapsed
    never = read_at.year == 1
    detail = f"{name} was {'never read to its end' if never else f'read at {read_at:%Y-%m-%d %H:%M} UTC'}"
    if now <= good:
        return Gate("inbox", True, detail=detail, place=place)
    if said := inbox.trouble_of(connection, name) or freshness.still_to_read(connection, name):
        detail = f"{detail}: {said}"
    return Gate("inbox", False, Reason.INBOX_STALE, detail, place, frees_by="the daemon reads it; see status")


def text_gate(connection: Connection, around: Surroundings, situation: Situation, step_id: str, now: datetime) -> Gate:
    """Whether the step's text can be written for this person."""
    try:
        text = step_text(connection, around, situation, step_id, now)
    except MissingField as error:
        mend = "import it with --update, or give it a default in the template"
        place = Place(f"templates/{error.template}", error.line)
        return Gate("text", False, Reason.MISSING_FIELD, ", ".join(error.fields), place, frees_by=mend)
    except RenderError as error:
        place = Place(f"templates/{error.template}", error.line)
        return Gate("text", False, Reason.TEMPLATE_ERROR, error.message, place, frees_by="mend the template and apply")
    return Gate("text", True, place=Place(f"templates/{text.template}") if text else Place())


def limits_gate(
    connection: Connection, around: Surroundings, situation: Situation, step: EmailStep, at: datetime, turn: Turn | None
) -> Gate:
    """Caps, gap and budgets for a mail: the first that makes it wait for its turn, else what it meets at `at`."""
    config, mailbox = around.config, situation.facts.mailbox
    if mailbox is None:
        return Gate("limits", True)
    if turn is not None and turn.gate is not None:
        frees_at = turn.at if turn.at and not turn.gate.frees_by else turn.gate.frees_at
        return replace(turn.gate, frees_at=frees_at, place=_place(config, mailbox, turn.gate))
    row = _queued(connection, situation, step) or _would_be(situation, step, at)
    if turn is not None and turn.at is not None:
        return _open(config, mailbox, turn.usage, row, turn.at)
    usage = usage_of(connection, mailbox, [row], at)
    gate = dict(admit([_due(connection, row, at)], usage, mailbox, config.policy, at).wait).get(row.id)
    if gate is None:
        return _open(config, mailbox, usage, row, at)
    return replace(gate, name="limits", place=_place(config, mailbox, gate))


def _queued(connection: Connection, situation: Situation, step: EmailStep) -> SendRow | None:
    enrollment = situation.enrollment
    rows = sends.sends_of(connection, enrollment.prospect_id)
    own = (row for row in rows if (row.enrollment_id, row.step, row.state) == (enrollment.id, step.id, "queued"))
    return next(own, None)


def _would_be(situation: Situation, step: EmailStep, at: datetime) -> SendRow:
    """The row that queueing this step would make."""
    enrollment, person = situation.enrollment, situation.facts.prospect
    values: dict[str, Any] = dict.fromkeys(SendRow._fields)
    values |= {
        "id": 0, "enrollment_id": enrollment.id, "step": step.id, "attempt": 1, "prospect_id": person.id,
        "account_id": person.account_id, "sequence_id": enrollment.sequence_id, "mailbox": enrollment.mailbox,
        "state": "queued", "due_at": at, "address": person.address or "",
        "domain": limited_domain(person.address or ""),
        "first_touch": not any(touch.state == "sent" for touch in enrollment.progress.touches.values()),
    }  # fmt: skip
    return SendRow(**values)


def _due(connection: Connection, row: SendRow, at: datetime) -> Due:
    return Due(
        row.id, row.enrollment_id, row.prospect_id, row.account_id, row.domain, row.sequence_id, at,
        first_touch=row.first_touch,
        earlier=contacts.earlier_tries(connection, row.enrollment_id, row.step, row.attempt),
    )  # fmt: skip


def _open(config: Config, mailbox: Mailbox, usage: Usage, row: SendRow, at: datetime) -> Gate:
    policy, touches = config.policy, usage.person_touches.get(row.prospect_id, ())
    cap = effective_cap(mailbox, usage.sending_days)
    detail = (
        f"{usage.sent_today} of {cap} mails on {at.astimezone(mailbox.timezone):%d %b}, "
        f"{len(touches)} of {policy.person_touches_per_week} touches in 7 days"
    )
    return Gate("limits", True, detail=detail, place=config_place(config, "mailboxes", "cap_per_day", mailbox.address))


def _place(config: Config, mailbox: Mailbox, gate: Gate) -> Place:
    match gate.reason:
        case Reason.CAP:
            ramped = mailbox.ramp is not None
            return config_place(config, "mailboxes", "ramp" if ramped else "cap_per_day", mailbox.address)
        case Reason.GAP | Reason.TURN:
            return config_place(config, "mailboxes", "gap", mailbox.address)
        case Reason() as reason if reason in _LIMITS:
            return config_place(config, "policy", _LIMITS[reason])
    return Place()
