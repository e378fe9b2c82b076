"""`why`: why somebody waits, and until when."""

from datetime import datetime
from typing import Any

import click

from sequencer.cli.options import json_option
from sequencer.cli.session import now, opened, print_json
from sequencer.cli.show import Cell, as_values, cell, line, table, theirs
from sequencer.core.reason import Gate
from sequencer.engine.verbs import Face
from sequencer.engine.why import Standing, Why, why
from sequencer.engine.why_words import (
    When,
    expected_words,
    gate_words,
    past_sentence,
    sentence,
    skipped_words,
    task_words,
)

EXPECTED_SHOWN_MAX = 12


@click.command("why", epilog="Example:  sequencer why bo@acme.test")
@click.argument("email", metavar="EMAIL")
@click.option("--file-lines/--no-file-lines", default=True, help="Show where each rule is written.", show_default=True)
@json_option
@click.pass_context
def command(ctx: click.Context, email: str, file_lines: bool, as_json: bool) -> None:
    """Why somebody waits: one sentence, then every gate in order, then what is to come."""
    at = now()
    with opened(ctx) as app:
        found = app.database.read(lambda connection: why(connection, app.advance, email, at))
    if as_json:
        print_json(why_values(found))
        return
    print_why(found, file_lines)


def print_why(found: Why, file_lines: bool) -> None:
    for number, one in enumerate(found.standings):
        if number:
            click.echo()
        _print_standing(found.face, one, file_lines)
    if not found.standings:
        _print_outside(found)


def _print_standing(face: Face, one: Standing, file_lines: bool) -> None:
    when = theirs(one.zone)
    line(f"{sentence(one, face.name, when, face.address)}.", "bold")
    click.echo(f"{one.sequence_id} · {one.status} · {one.mailbox} · {one.rep}")
    click.echo()
    columns = ["", "gate", "what it says", *(["rule"] if file_lines else [])]
    table(columns, [_gate_row(gate, when, face.address, file_lines) for gate in one.gates])
    if one.skipped:
        click.echo()
        click.echo("what was passed by so far:")
        table(["when", "what"], [[when(each.at), skipped_words(each)] for each in one.skipped])
    if len(one.expected) > 1:
        click.echo()
        click.echo("then, if nothing comes between:")
        rows: list[list[Cell]] = [[when(each.at), expected_words(each)] for each in one.expected[1:]]
        table(["when", "what"], rows[:EXPECTED_SHOWN_MAX])


def _gate_row(gate: Gate, when: When, address: str, file_lines: bool) -> list[Cell]:
    mark = cell("✓", "green") if gate.passed else cell("✗", "bold red" if gate.frees_at is None else "yellow")
    row: list[Cell] = [mark, cell(gate.name, "" if gate.passed else "bold"), gate_words(gate, when, address)]
    return [*row, cell(str(gate.place), "dim")] if file_lines else row


def _print_outside(found: Why) -> None:
    when, name = theirs(found.face.zone), found.face.name
    if not found.past:
        line(f"{name} is in no sequence and never was.", "bold")
    else:
        line(f"{name} is in no sequence now: {past_sentence(found.past[0], when)}.", "bold")
        for before in found.past[1:]:
            click.echo(f"before that: {past_sentence(before, when)}")
    for task in found.open_tasks:
        line(f"task {task.id} waits for {task.rep}: {task_words(task.work)}, due {when(task.due_at)}")
    if not found.again:
        click.echo('no sequence is applied yet: "sequencer apply" makes one run')
    for refusal in dict.fromkeys(each.refusal for each in found.again):
        names = [each.sequence_id for each in found.again if each.refusal == refusal]
        if refusal:
            line(f"may not enter {', '.join(names)}: {refusal}")
        else:
            for name in names:
                line(_enroll(name, found.face))


def _enroll(sequence_id: str, face: Face) -> str:
    return f"may enter {sequence_id}: sequencer enroll {sequence_id} --email {face.address}"


def _iso(at: datetime) -> str:
    return str(as_values(at))


def why_values(found: Why) -> dict[str, Any]:
    face = found.face
    return {
        "person": {"id": face.id, "name": face.name, "address": face.address},
        "enrollments": [_standing_values(face, one) for one in found.standings],
        "past": [{**as_values(each), "sentence": past_sentence(each, _iso)} for each in found.past],
        "may_enroll": [
            {"sequence": each.sequence_id, "allowed": not each.refusal, "refusal": each.refusal} for each in found.again
        ],
    }


def _standing_values(face: Face, one: Standing) -> dict[str, Any]:
    return {
        "sentence": sentence(one, face.name, _iso, face.address),
        "enrollment": one.enrollment_id, "sequence": one.sequence_id, "status": one.status, "rep": one.rep,
        "mailbox": one.mailbox, "step": one.step, "kind": one.kind, "goes_at": as_values(one.goes_at),
        "queued": one.queued, "zone": one.zone.key, "window": one.hours, "task": one.task.id if one.task else None,
        "gates": [{**as_values(gate), "place": str(gate.place)} for gate in one.gates],
        "closed": one.closed.name if one.closed else None,
        "expected": as_values(one.expected), "skipped": as_values(one.skipped),
    }  # fmt: skip


COMMANDS: dict[str, click.Command] = {"why": command}
