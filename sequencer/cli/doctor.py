"""`doctor`: what stands between this installation and its first mail, and how to mend each thing."""

import sys
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import groupby

import click
from rich.text import Text

from sequencer.app import imap_server, smtp_server
from sequencer.cli.options import json_option
from sequencer.cli.plain_text import counted, plain
from sequencer.cli.session import config_of, console, print_json
from sequencer.clock import SystemClock
from sequencer.config import Config, MailboxSection
from sequencer.doctor.checks import Outside, checks
from sequencer.doctor.examine import examine
from sequencer.doctor.finding import Check, Line
from sequencer.doctor.lookup import Dns
from sequencer.errors import InputError
from sequencer.secret import read_secret

_MARKS = {"ok": ("ok", "green"), "warn": ("WARN", "bold yellow"), "fail": ("FAIL", "bold red")}
_MARK_CHARS, _NAME_CHARS = 6, 16


@click.command("doctor", epilog="Example: sequencer doctor --mailbox ana@ourco.test")
@click.option("--mailbox", "addresses", multiple=True, metavar="ADDRESS", help="This mailbox and its domain alone.")
@click.option("--skip-network", is_flag=True, help="Ask no server and no DNS; say what the machine and files say.")
@click.option("--dns", metavar="SERVER", help="Ask this DNS server: ADDRESS or ADDRESS:PORT. Default: the system's.")
@json_option
@click.pass_context
def command(ctx: click.Context, addresses: tuple[str, ...], skip_network: bool, dns: str | None, as_json: bool) -> None:
    """Look at everything that a mail depends on, and say how to mend what is wrong.

    The domains' MX, SPF, DKIM and DMARC; SMTP and IMAP logins; the clock, disk, database and files. Nothing is changed
    and no mail is sent. It takes seconds: a server that does not answer is given up after ten.

    Exit 1 when something fails, 0 when there are only warnings.
    """
    config = config_of(ctx)
    wanted = [_known(config, address) for address in addresses] or None
    planned = checks(config, _outside(dns), wanted, network=not skip_network)
    lines = _examined(planned, quiet=as_json)
    if as_json:
        print_json(_as_json(lines))
    else:
        _print(lines, skip_network)
    if any(line.finding.status == "fail" for line in lines):
        ctx.exit(1)


def _known(config: Config, address: str) -> str:
    known = list(config.mailboxes_by_address)
    if address.lower() in known:
        return address.lower()
    close = get_close_matches(address.lower(), known, 1)
    hint = f' — did you mean "{close[0]}"?' if close else f": {', '.join(known) or 'there is none'}"
    raise InputError(f'there is no mailbox "{address}" in config.toml{hint}')


def _outside(dns: str | None) -> Outside:
    def smtp_of(box: MailboxSection):  # type: ignore[no-untyped-def]
        return smtp_server(box.smtp, box.address)

    def imap_of(box: MailboxSection):  # type: ignore[no-untyped-def]
        assert box.imap is not None
        return imap_server(box.imap, box)

    return Outside(SystemClock(), Dns(dns), read_secret, smtp_of, imap_of)


def _examined(planned: Sequence[Check], *, quiet: bool) -> list[Line]:
    if quiet or not sys.stdout.isatty():
        return examine(planned)
    with console().status(f"looking at {counted(len(planned), 'thing')} …"):
        return examine(planned)


def _print(lines: Sequence[Line], skipped_network: bool) -> None:
    out = console()
    for group, members in groupby(lines, key=lambda line: line.group):
        out.print(Text(plain(group), "bold"), soft_wrap=True)
        for finding in (line.finding for line in members):
            mark, style = _MARKS[finding.status]
            text = Text("  ").append(f"{mark:{_MARK_CHARS}}", style).append(f"{finding.name:{_NAME_CHARS}}")
            out.print(text.append(plain(finding.text)), soft_wrap=True)
            if finding.mend:
                indent = " " * (2 + _MARK_CHARS + _NAME_CHARS - 2)
                out.print(Text(f"{indent}→ ").append(plain(finding.mend), "cyan"), soft_wrap=True)
        out.print()
    if skipped_network:
        out.print("Not looked at: DNS, servers and the public address (--skip-network).")
    counts = _counts(lines)
    style = "bold red" if counts["fail"] else "bold yellow" if counts["warn"] else "bold green"
    out.print(Text(_summary(counts), style))


def _counts(lines: Sequence[Line]) -> Counter[str]:
    return Counter(line.finding.status for line in lines)


def _summary(counts: Counter[str]) -> str:
    if set(counts) == {"ok"}:
        return f"All is well: {counts['ok']} ok."
    failures, warnings = counted(counts["fail"], "failure"), counted(counts["warn"], "warning")
    return f"{failures}, {warnings}, {counts['ok']} ok."


def _as_json(lines: Sequence[Line]) -> dict[str, object]:
    counts = _counts(lines)
    return {
        "ok": not counts["fail"],
        "counts": {status: counts[status] for status in _MARKS},
        "findings": [
            {
                "group": line.group,
                "name": line.finding.name,
                "status": line.finding.status,
                "text": line.finding.text,
                "mend": line.finding.mend,
            }
            for line in lines
        ],
    }


COMMANDS: dict[str, click.Command] = {"doctor": command}
