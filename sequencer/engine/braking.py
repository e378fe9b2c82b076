"""The brake: a mailbox of whose mails too many come back stops by itself, until a named person lets it go on.

Asked whenever a mail was refused, bounced or complained about, and before a mailbox sends; inside the caller's
transaction, so that every fence that has not been passed sees it. Nothing but a person lifts it.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core.brake import first_day, too_many
from sequencer.core.people import BRAKE, Mailbox, OuterPause
from sequencer.core.window import local_date, start_of_day
from sequencer.store import brakes, ramp, scopes

__all__ = ["brake"]

logger = logging.getLogger(__name__)


def brake(connection: Connection, config: Config, addresses: Iterable[str], now: datetime) -> list[str]:
    """Stop those of these mailboxes of whose mails too many came back; returns the addresses that are stopped now."""
    stopped = []
    for address in sorted(set(addresses)):
        mailbox = config.mailboxes_by_address.get(address)
        if mailbox is None or not (reason := _reason(connection, config, mailbox, now)):
            continue
        if ("mailbox", address) not in scopes.paused_scopes(connection):
            scopes.pause_scope(connection, OuterPause("mailbox", address, reason, BRAKE, now))
            brakes.put_brake(connection, address, reason, now)
            logger.warning("%s is stopped by the brake: %s", address, reason)
        stopped.append(address)
    return stopped


def _reason(connection: Connection, config: Config, mailbox: Mailbox, now: datetime) -> str:
    today = local_date(mailbox.timezone, now)
    day = first_day(today, ramp.sent_on(connection, mailbox.address, today))
    since = start_of_day(mailbox.timezone, day)
    lifted = brakes.lifted_at(connection, mailbox.address)
    since = max(since, lifted) if lifted else since
    returns = brakes.returns_of(connection, mailbox.address, since, config.policy.brake.min_sent)
    return too_many(returns, config.policy.brake, mailbox.timezone)
