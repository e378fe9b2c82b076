"""What `db reconcile` does and prints."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import Connection

from sequencer.app import App, daemons_max, epoch_path, real_doors
from sequencer.cli.session import now, print_json, when
from sequencer.cli.show import as_values, line, table
from sequencer.clock import SystemClock
from sequencer.engine.amnesia import counted
from sequencer.engine.reconciling import Reconciled, Words, reconcile
from sequencer.engine.sent_before import Copy, Reading, read_mailboxes
from sequencer.errors import InputError
from sequencer.mail.address import normalise
from sequencer.store import epoch as store
from sequencer.store import epoch_file, reads

EARLIER = timedelta(days=1)  # clocks differ, and servers search by whole days
SHOWN_MAX = 20
ALL = "all"  # every mailbox that the other option does not name


def reconcile_and_tell(
    app: App, trust: Sequence[str], doubt: Sequence[str], by: str, *, dry_run: bool, as_json: bool
) -> bool:
    """Whether sends go on now. Raises InputError."""
    words, at = _words(app, trust, doubt), now()
    held = app.database.read(store.held)
    if held is None:
        raise InputError("nothing is held: no restore was noticed. A restored database is noticed when a daemon starts")
    since = held.since or at - timedelta(days=90)
    last = app.database.read(lambda connection: reads.last_message_ids(connection, since - timedelta(minutes=10)))
    with_people = app.database.read(
        lambda c: sorted(box for box in reads.mailboxes_in_use(c) if box and reads.live_ids(c, mailbox=box))
    )
    doors = real_doors(app.config, SystemClock(), (since - EARLIER).date())
    readings = read_mailboxes(app.config, doors.inbox_of, last, with_people)
    done = _settle(app, readings, words, at, dry_run=dry_run)
    if as_json:
        print_json(_values(done, dry_run=dry_run))
    else:
        _tell(done, by, dry_run=dry_run)
    return done.lifted


class _OnlyLooked(Exception):
    """Takes back what a dry run wrote, with its row of the audit."""

    def __init__(self, done: Reconciled) -> None:
        super().__init__()
        self.done = done


def _words(app: App, trust: Sequence[str], doubt: Sequence[str]) -> Words:
    known = {*app.config.mailboxes_by_address, *filter(None, app.database.read(reads.mailboxes_in_use))}
    trusted, doubted = frozenset(map(normalise, trust)), frozenset(map(normalise, doubt))
    if ALL in trusted and ALL in doubted:
        raise InputError(f'"{ALL}" with one of --trust and --doubt, not with both')
    if ALL in trusted:
        trusted = (trusted | known) - doubted - {ALL}
    if ALL in doubted:
        doubted = (doubted | known) - trusted - {ALL}
    for address in sorted((trusted | doubted) - known):
        raise InputError(f'there is no mailbox "{address}": there are {", ".join(sorted(known))}')
    for address in sorted(trusted & doubted):
        raise InputError(f"{address}: one of --trust and --doubt, not both")
    return Words(trusted, doubted)


def _settle(app: App, readings: Sequence[Reading], words: Words, at: datetime, *, dry_run: bool) -> Reconciled:
    """One transaction; the outside copy follows, by the daemon's next heartbeat where one runs."""
    path, daemons = epoch_path(app.config), daemons_max(app.config)
    outside = epoch_file.look(path, app.key, daemons_max=daemons)
    last = outside.until(app.database.read(store.current).mails)
    written_at = datetime.fromtimestamp(last, UTC) if last else None
    if written_at and daemons > 1:  # other daemons have files of their own, also elsewhere
        written_at = max(written_at, at)

    told = outside.epoch if outside.installation == epoch_file.installation_of(app.key) else store.Epoch()

    def write(connection: Connection) -> Reconciled:
        done = reconcile(connection, app.advance, app.key, readings, words, (told, written_at), at)
        if dry_run:
            raise _OnlyLooked(done)
        return done

    try:
        done = app.database.write(write)
    except _OnlyLooked as looked:
        return looked.done
    if done.lifted:
        epoch_file.write_all(path, app.key, app.database.read(store.current), daemons_max=daemons)
    return done


def _tell(done: Reconciled, by: str, *, dry_run: bool) -> None:
    held = done.held
    knows = f"; this database knows of nothing after {when(held.since)}" if held.since else ""
    line(f"held: {held.why}{knows}")
    table(["mailbox", "what it told"], [[each.mailbox, _told(each)] for each in done.readings])
    if done.left:
        click.echo()
        table(
            ["counts as sent now", "step", "left"],
            [[r.address, r.step, when(r.sending_at)] for r in done.left[:SHOWN_MAX]],
        )
        _more(len(done.left))
    if done.lost:
        click.echo()
        line(
            f"{counted(len(done.lost))} left to people or in sequences that this database does not know. They are "
            "written to again if you enroll them again: leave them out (all of them: --json)", "yellow",
        )  # fmt: skip
        for copy in done.lost[:SHOWN_MAX]:
            line(f"  {', '.join(copy.recipients)} {when(copy.at) if copy.filed else 'perhaps: it is not in Sent'}")
        _more(len(done.lost))
    click.echo()
    if done.missing:
        more = f"{done.missing} more {'mail' if done.missing == 1 else 'mails'} may have left"
        line(f"{more}: no copy was found (some may have been refused by a server)", "yellow")
    if done.unsaid:
        _ask(done.unsaid)
        return
    if done.doubts:
        line(f'{counted(len(done.doubts))} may have left and wait for your word: "sequencer uncertain"', "yellow")
    if dry_run:
        line("nothing was changed; without --dry-run sends go on")
    else:
        line(f"sends go on, by the word of {by}; the usual hours, caps and gaps hold", "green")


def _more(count: int) -> None:
    if count > SHOWN_MAX:
        line(f"  and {count - SHOWN_MAX} more")


def _ask(unsaid: Sequence[Reading]) -> None:
    line("sends stay held. Of these mailboxes nobody can tell what left since:", "bold red")
    for each in unsaid:
        line(f"  {each.mailbox}: {each.trouble}")
    first = unsaid[0].mailbox
    line("mend it and try again, or say of each what holds:")
    line(f"  sequencer db reconcile --doubt {first}   each mail that may have left waits for a person's word")
    line(f"  sequencer db reconcile --trust {first}   nothing more left it: what is due is sent, perhaps again")
    if len(unsaid) > 1:
        line(f'"{ALL}" names every mailbox of which nothing else is said')


def _told(each: Reading) -> str:
    found = f"{counted(len(each.copies))} of ours found" if each.copies else ""
    return "; ".join(part for part in (found, each.trouble) if part) or "read; its copies stand with the mailbox above"


def _values(done: Reconciled, *, dry_run: bool) -> dict[str, object]:
    return {
        "held": done.held.why, "since": as_values(done.held.since), "dry_run": dry_run, "lifted": done.lifted,
        "left": [{"address": r.address, "step": r.step, "at": as_values(r.sending_at)} for r in done.left],
        "lost": [_lost(copy) for copy in done.lost], "missing": done.missing,
        "doubts": [{"id": r.id, "address": r.address, "step": r.step} for r in done.doubts],
        "unsaid": [{"mailbox": each.mailbox, "trouble": each.trouble} for each in done.unsaid],
    }  # fmt: skip


def _lost(copy: Copy) -> dict[str, object]:
    return {
        "to": list(copy.recipients), "at": as_values(copy.at), "message_id": copy.message_id, "in_sent": copy.filed,
    }  # fmt: skip
