"""What config.toml and the files say: sequences without errors, reps with mailboxes, owners that are reps.

`check` has every error with its line; here each subject is one line that points there.
"""

from collections.abc import Iterator, Mapping

from sequencer.config import Config
from sequencer.content.definition import mails
from sequencer.doctor.finding import Finding, counted, fail, ok, warn
from sequencer.engine.applying import check
from sequencer.engine.config_lines import config_place

__all__ = ["files", "owners", "postal_address", "reps"]


def files(config: Config) -> Iterator[Finding]:
    """What `check` says, in one line."""
    checked = check(config)
    if checked.errors:
        first = checked.errors[0]
        more = f" and {len(checked.errors) - 1} more" if checked.errors[1:] else ""
        where = f"{first.path}:{first.line}" if first.line else first.path
        yield fail(
            "files", f"{counted(len(checked.errors), 'error')}: {where}: {first.message}{more}", "sequencer check"
        )
    elif not checked.bundles:
        mend = f"write one in {config.sequences_folder}, or see the example: sequencer init /tmp/example"
        yield warn("files", "there is no sequence", mend)
    else:
        templates = {path for bundle in checked.bundles for path in bundle.files}
        sequences = counted(len(checked.bundles), "sequence")
        yield ok("files", f"{sequences} and {counted(len(templates), 'template')} without an error")


def reps(config: Config) -> Iterator[Finding]:
    """Each rep has a mailbox."""
    if not config.mailboxes:
        yield fail("reps", "there is no mailbox, so nothing can be sent", "add [[mailboxes]] to config.toml")
        return
    without = [name for name in config.reps_by_name if name not in {box.rep for box in config.mailboxes}]
    for name in without:
        place = config_place(config, "reps", "", name)
        mend = f'add [[mailboxes]] with rep = "{name}" to config.toml'
        yield warn("reps", f"{name} ({place}) has no mailbox, so sequences of {name} cannot write", mend)
    if not without:
        yield ok(
            "reps", f"{counted(len(config.reps), 'rep')}, {counted(len(config.mailboxes), 'mailbox', 'mailboxes')}"
        )


def owners(config: Config, applied: Mapping[str, str]) -> Iterator[Finding]:
    """`applied`: owners of the sequences that run, by sequence; "files" has those of the files."""
    strangers = {name: owner for name, owner in applied.items() if owner not in config.reps_by_name}
    for name, owner in strangers.items():
        mend = f"put {owner} back into config.toml, or change owner in sequences/{name}.yaml and sequencer apply {name}"
        yield fail("owners", f"{name}, as it runs, belongs to {owner}, who is no rep", mend)
    if not strangers:
        read = {bundle.sequence.id: bundle.sequence.owner for bundle in check(config).bundles if bundle.sequence.owner}
        known = ", ".join(f"{name}: {owner}" for name, owner in sorted({**read, **applied}.items()))
        yield ok("owners", known or "no sequence names one: each belongs to the rep who enrols")


def postal_address(config: Config) -> Iterator[Finding]:
    """Automatic mail needs one."""
    place = config_place(config, "company", "postal_address")
    where = str(place if place.line else config_place(config, "company"))
    if config.company.postal_address.strip():
        yield ok("postal address", config.company.postal_address)
        return
    told = fail if any(mails(bundle.sequence) for bundle in check(config).bundles) else warn
    mend = f'postal_address = "Street, Town, Country" in [company] at {where}'
    yield told("postal address", "none: no automatic mail is sent without it", mend)
