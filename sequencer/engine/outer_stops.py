"""Pause and resume of what stands above people: the installation, a sequence, a mailbox. The panic button.

A pause is one row that every fence reads. Lifting it makes everybody below it due again, so that nobody waits for an
event that has passed; caps and gaps keep that from being a burst.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core.people import OuterPause
from sequencer.engine.dispatch import CLOCK_BACK_TOLERATED
from sequencer.engine.verbs import did_you_mean
from sequencer.errors import NotFound
from sequencer.mail.address import normalise
from sequencer.store import brakes, log, reads, scopes, sends, versions

__all__ = [
    "Lifted",
    "ScopeName",
    "config_trouble",
    "notice_config",
    "pause_scope",
    "put_config_trouble",
    "resume_scope",
    "stands_below",
]

CONFIG_DIGEST = "config_digest"
CONFIG_TROUBLE = "config_trouble"
ScopeName = Literal["all", "sequence", "mailbox"]


def pause_scope(
    connection: Connection, config: Config, scope: ScopeName, key: str, by: str, reason: str, now: datetime
) -> tuple[OuterPause, bool]:
    """Pause it; returns the pause that stands and whether it is new. Raises NotFound for an unknown name."""
    key = _known(connection, config, scope, key)
    standing = scopes.paused_scopes(connection).get((scope, key))
    if standing is not None:
        return standing, False
    pause = OuterPause(scope, key, reason, by, now)
    scopes.pause_scope(connection, pause)
    return pause, True


def stands_below(connection: Connection, scope: ScopeName, key: str) -> reads.Below:
    """What a pause stops. Asked after its commit: nobody who is in a hurry should wait for a count."""
    return reads.below(connection, **_named(scope, key))


def _named(scope: ScopeName, key: str) -> dict[str, str]:
    return {} if scope == "all" else {scope: normalise(key) if scope == "mailbox" else key}


@dataclass(frozen=True, slots=True)
class Lifted:
    """What a resume did: the pause that is gone, the fault that counts as mended, the people who are due again."""

    key: str
    pause: OuterPause | None
    mended: str | None
    clock_reset: bool
    people: int


def resume_scope(connection: Connection, config: Config, scope: ScopeName, key: str, by: str, now: datetime) -> Lifted:
    """Lift the pause; of a mailbox that broke, say that it works; of everything, trust the clock again.

    After a brake the count begins anew, or the same bounces would stop the mailbox at once.
    Raises NotFound for an unknown name.
    """
    key = _known(connection, config, scope, key)
    pause = scopes.paused_scopes(connection).get((scope, key))
    scopes.resume_scope(connection, scope, key)
    if pause is not None and pause.braked:
        brakes.lift_brake(connection, key, by, now)
    mended = _mend(connection, key) if scope == "mailbox" else None
    reset = scope == "all" and _trust_clock(connection, now)
    ids: list[int] = []
    if pause is not None:
        ids = reads.live_ids(connection, **_named(scope, key))
        log.make_due(connection, ids, now)
    return Lifted(key, pause, mended, reset, len(ids))


def notice_config(connection: Connection, config: Config, now: datetime) -> int:
    """Have everybody decided on again if config.toml is not what it was; returns how many people that concerns.

    A window, a limit or a mailbox may be another one now, and nothing else would tell those who wait for the old one.
    """
    told = sha256(config.model_dump_json().encode()).hexdigest()
    if scopes.meta(connection, CONFIG_DIGEST) == told:
        return 0
    scopes.put_meta(connection, CONFIG_DIGEST, told)
    scopes.raise_scope(connection, "all")
    ids = reads.live_ids(connection)
    log.make_due(connection, ids, now)
    return len(ids)


def put_config_trouble(connection: Connection, trouble: str, now: datetime) -> None:
    """Remember why config.toml was not taken when the daemon read it again; "" when it was."""
    scopes.put_meta(connection, CONFIG_TROUBLE, f"{now.isoformat()} {trouble}" if trouble else "")


def config_trouble(connection: Connection) -> str:
    """Since when and why the daemon runs by an older config.toml; "" when it does not."""
    return scopes.meta(connection, CONFIG_TROUBLE) or ""


def _mend(connection: Connection, address: str) -> str | None:
    state = sends.mailbox_states(connection).get(address)
    if state is None or state.broken_at is None:
        return None
    sends.mend_mailbox(connection, address)
    scopes.raise_scope(connection, "mailbox", address)
    return state.broken_reason or "it could not send"


def _trust_clock(connection: Connection, now: datetime) -> bool:
    """Sends wait while the clock is behind the highest instant seen; this says that the clock is right now."""
    highest = scopes.meta(connection, scopes.HIGHEST_INSTANT)
    if highest is None or datetime.fromisoformat(highest) <= now + CLOCK_BACK_TOLERATED:
        return False
    scopes.put_meta(connection, scopes.HIGHEST_INSTANT, now.isoformat())
    return True


def _known(connection: Connection, config: Config, scope: ScopeName, key: str) -> str:
    if scope == "all":
        return ""
    if scope == "mailbox":
        known: Collection[str] = {*config.mailboxes_by_address, *reads.mailboxes_in_use(connection)}
        key, what = normalise(key), "mailbox"
    else:
        known, what = versions.latest(connection), "applied sequence"
    if key in known:
        return key
    hint = did_you_mean(key, known) or (f": there are {', '.join(sorted(known))}" if known else ": there is none yet")
    raise NotFound(f'there is no {what} "{key}"{hint}')
