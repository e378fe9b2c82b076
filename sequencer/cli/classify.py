"""`classify`: what the engine reads in a mail file, without a database and without a config.toml."""

import gc
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from sequencer.cli.options import json_option
from sequencer.cli.plain_text import json_text, plain
from sequencer.errors import InputError, UnparseableMessage
from sequencer.mail.address import normalise
from sequencer.mail.classify import Judgement, classify, classify_text
from sequencer.mail.kept import keep
from sequencer.mail.parse import MESSAGE_BYTES_MAX, Unparseable, parse

_KINDS = {
    "hard_bounce": "hard bounce", "soft_bounce": "soft bounce", "delay": "delay warning", "complaint": "complaint",
    "auto_reply": "automatic reply", "reply": "answer", "other": "neither answer nor report",
}  # fmt: skip
HEAD_BYTES_MAX = 200_000
GARBAGE_THRESHOLD = 10_000  # objects: reading mail leaves next to none in circles, and each search takes its time
USUAL_BYTES_MAX = 100_000  # of a mail: Python takes the memory for as many as it is told to read
# One of these stands in every mail that a server has handed over.
_MAIL_HEADER = re.compile(
    rb"^(from|to|date|subject|received|return-path|message-id|delivered-to|mime-version|content-type)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_LINE = re.compile(rb"\n\r?\n")


@click.command("classify", epilog="Example:  sequencer classify answer.eml")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--text", "as_text", is_flag=True, help="The files hold a body only, without headers: no date is read.")
@json_option
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], as_text: bool, as_json: bool) -> int:
    """What the engine reads in a mail file; `-` is standard input. Dates count from the day the mail was sent.

    With --json one object a line: file, kind, recipients, permanent, return_date, text, forwarded, answer, addresses,
    left, confidence, evidence. A warning that a mail is late is a soft_bounce, too, with permanent false.
    """
    gc.set_threshold(GARBAGE_THRESHOLD)
    ours = _our_addresses(ctx)
    failed = 0
    for name in files:
        try:
            judgement = _judge(_read(name), ours, as_text)
        except (OSError, InputError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            click.echo(plain(f"sequencer: {name}: {said}"), err=True)
            failed = max(failed, 2)
            continue
        except UnparseableMessage as error:
            said = f"sequencer: {name}: cannot be read ({error}): the engine would park it for a person"
            click.echo(plain(said), err=True)
            failed = max(failed, 1)
            continue
        click.echo(json_text(judgement.as_json(name), None) if as_json else _line(name, judgement))
    keep()
    return failed


def _judge(raw: bytes, ours: frozenset[str], as_text: bool) -> Judgement:
    if as_text:
        return classify_text(raw.decode("utf-8", "replace"))
    if not _has_headers(raw):
        raise InputError('this is no mail, it has no headers; "sequencer classify --text" reads a body alone')
    return classify(parse(raw), our_addresses=ours)


def _read(name: str) -> bytes:
    """The file; one byte more than the parser takes is enough to be refused."""
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        raw = file.read(USUAL_BYTES_MAX)
        if len(raw) == USUAL_BYTES_MAX:
            raw += file.read(MESSAGE_BYTES_MAX + 1 - USUAL_BYTES_MAX)
    if not raw.strip():
        raise Unparseable("it is empty")
    return raw


def _has_headers(raw: bytes) -> bool:
    head = raw[:HEAD_BYTES_MAX].lstrip()
    end = _EMPTY_LINE.search(head)
    return _MAIL_HEADER.search(head, 0, end.start() if end else len(head)) is not None


def _our_addresses(ctx: click.Context) -> frozenset[str]:
    """The addresses of the installation, where there is one: they are never taken for a referral.

    Read without the models of config.toml, which take as long to load as many mails to read, and with its errors.
    """
    try:
        text = Path(ctx.obj).read_text(encoding="utf-8")
        import tomllib  # where there is no installation, as is usual here, it is not needed

        told = tomllib.loads(text)
    except (OSError, ValueError):
        return frozenset()
    found = (*_named(told.get("mailboxes"), "address"), *_named(told.get("reps"), "email"))
    return frozenset(map(normalise, found))


def _named(tables: object, key: str) -> Iterator[str]:
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get(key), str):
            yield table[key]


def _line(name: str, judgement: Judgement) -> str:
    parts = [_KINDS[judgement.kind]]
    if judgement.answer:
        parts.append(judgement.answer.replace("_", " "))
    if judgement.left:
        parts.append("left the company")
    if judgement.return_date:
        parts.append(f"back on {judgement.return_date:%a %d %b %Y}")
    if judgement.recipients:
        parts.append(f"about {', '.join(judgement.recipients)}")
    elif judgement.kind in ("hard_bounce", "soft_bounce", "delay"):
        parts.append("names no recipient")
    if judgement.status or judgement.smtp_code:
        parts.append(" ".join(str(code) for code in (judgement.smtp_code or "", judgement.status) if code))
    if judgement.addresses:
        parts.append(f"names {', '.join(judgement.addresses)}")
    words = " ".join(judgement.text.split())
    said = f" · “{words[:80]}{'…' if words[80:] else ''}”" if words else ""
    return plain(f"{name}: {', '.join(parts)} ({judgement.confidence:.0%}){said}")


COMMANDS: dict[str, click.Command] = {"classify": command}
