"""`reassign` and `merge`: people change hands, and two rows turn out to be one person."""

import click

from sequencer.cli.options import as_option
from sequencer.cli.plain_text import counted
from sequencer.cli.session import acting, now, opened
from sequencer.cli.show import line
from sequencer.core.reason import SENTENCE
from sequencer.engine import merging, reassigning
from sequencer.engine.merging import Merge
from sequencer.engine.reassigning import Plan


@click.command("reassign", epilog="Example:  sequencer reassign --from ana --to bo --sequence vp-engineering --dry-run")
@click.option("--from", "giver", metavar="REP", required=True, help="Whose people move; may have left config.toml.")
@click.option("--to", "taker", metavar="REP", required=True, help="Who looks after them from now on.")
@click.option("--sequence", metavar="SEQ", help="Only the people in this sequence.")
@click.option("--answers-read", is_flag=True, help="You have read the inboxes of mailboxes that left config.toml.")
@click.option("--dry-run", is_flag=True, help="Only say what would move.")
@as_option
@click.pass_context
def reassign(
    ctx: click.Context, giver: str, taker: str, sequence: str | None, answers_read: bool, dry_run: bool,
    as_name: str | None,
) -> None:  # fmt: skip
    """Hand a rep's people and open tasks over to another rep.

    Mails go on from the mailbox that began the thread; where it has left config.toml, one of the new rep's takes over
    in a new thread. Who is enrolled from now on is not changed: see `owner:` in the sequences' files.
    """
    at = now()
    with opened(ctx) as app:
        if dry_run:
            plan = app.database.read(lambda c: reassigning.plan(c, app.advance, giver, taker, sequence, at))
            line(f"{_moving(plan)} would move from {giver} to {taker}")
            _mailboxes(plan, taker, answers_read, dry=True)
            line("nothing was changed")
            return
        by = acting(app.config, as_name)
        done = reassigning.reassign(
            app.database, app.advance, giver, taker, sequence, by, at, answers_read=answers_read
        )  # fmt: skip
    line(f"{_moving(done.plan)} moved from {giver} to {taker}")
    _mailboxes(done.plan, taker, answers_read=True, dry=False)
    if done.holds_freed:
        line(f"- {counted(done.holds_freed, 'person', 'people')} held for the missing mailbox may go on")


def _moving(plan: Plan) -> str:
    live = f" in {', '.join(f'{name} ({n:,})' for name, n in sorted(plan.sequences.items()))}" if plan.sequences else ""
    return f"{counted(plan.people, 'person', 'people')}{live} and {counted(plan.open_tasks, 'open task')}"


def _mailboxes(plan: Plan, taker: str, answers_read: bool, *, dry: bool) -> None:
    """What becomes of threads whose mailbox nobody has any more."""
    for mailbox, ids in plan.gone.items():
        people = counted(len(ids), "person", "people")
        if not plan.boxes:
            line(
                f"  {people} stay held: {mailbox} has left config.toml, and {taker} has no mailbox with an inbox",
                "yellow",
            )
            continue
        takes = "would take" if dry else "takes"
        boxes = " or ".join(box.address for box in plan.boxes)
        line(f"- {mailbox} has left config.toml: {boxes} {takes} {people} over and begins new threads")
        if plan.unread.get(mailbox) and not answers_read:
            written = counted(plan.unread[mailbox], "of them", "of them")
            line(f"- {mailbox} had written to {written}: read its inbox, then say --answers-read", "yellow")
    threads = sum(plan.sequences.values()) - sum(map(len, plan.gone.values()))
    if threads and not plan.gone:
        line(f"- mails go on from the mailboxes that began the threads; answers become tasks of {taker}")


@click.command("merge", epilog="Example:  sequencer merge jo@acme.test jo.smith@acme.test --as ana --dry-run")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_option
@click.pass_context
def merge(ctx: click.Context, first: str, second: str, dry_run: bool, yes: bool, as_name: str | None) -> None:
    """Make two people one: A stays, and B's addresses, lists and history become A's. It cannot be undone.

    No stop is lost: pauses, holds, opt-outs and answers of either count for both.
    """
    at = now()
    with opened(ctx) as app:
        by = acting(app.config, as_name)
        planned = app.database.read(lambda c: merging.plan(c, app.advance, first, second, at))
        _print_merge(planned)
        if dry_run:
            line("nothing was changed")
            return
        if not yes:
            click.confirm("This cannot be undone. Merge them?", abort=True)
        done = app.database.write(lambda c: merging.merge(c, app.advance, first, second, by, at), urgent=True)
    line(f"{done.goes.name} <{done.goes.address}> is {done.stays.name} <{done.stays.address}> from now on")


def _print_merge(planned: Merge) -> None:
    stays, goes = planned.stays, planned.goes
    line(f"{stays.name} <{stays.address}> stays; {goes.name} <{goes.address}> becomes the same person")
    theirs = ", ".join(address.email for address in goes.prospect.addresses)
    line(f"- gets the {'addresses' if len(goes.prospect.addresses) > 1 else 'address'} {theirs}, behind their own")
    if planned.lists:
        line(f"- is on B's lists, too: {', '.join(planned.lists)}")
    new = sorted(set(planned.united.fields) - set(stays.prospect.fields))
    kept = [
        name for name, value in goes.prospect.fields.items()
        if name in stays.prospect.fields and stays.prospect.fields[name] != value
    ]  # fmt: skip
    if new:
        line(f"- gets what only B has: {', '.join(new)}")
    if kept:
        line(f"- keeps A's own {', '.join(sorted(kept))}; B's are forgotten")
    if goes.prospect.account_id and planned.united.account_id != goes.prospect.account_id:
        line(f"- stays at {stays.company or planned.united.account_id}; B was at {goes.company}")
    for ending in planned.endings:
        line(f"- finishes in {ending.sequence_id} ({ending.reason.value}): {ending.because}", "yellow")
    for key, stops in planned.shared.items():
        words = "; ".join(SENTENCE[stop.reason] for stop in stops)
        line(f"- is stopped in {planned.live[key]} as the other one was: {words}", "yellow")
    if len(planned.forbidden) == 3:
        line("- may not be contacted on any channel: everything that is live ends", "yellow")
    elif planned.forbidden:
        line(f"- may not be contacted by {', '.join(planned.forbidden)}", "yellow")


COMMANDS: dict[str, click.Command] = {"reassign": reassign, "merge": merge}
