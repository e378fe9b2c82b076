"""Every message, script and note of a sequence as one person would get it, with the dates on which they are expected.

It is here so that a manager reads what will be sent before anybody gets it. It renders with the renderer that dispatch
uses, shows each variant and each side of a branch, and writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.content.definition import Bundle
from sequencer.content.failure import RenderError
from sequencer.content.render import Renderer
from sequencer.core.outlook import Outlook
from sequencer.core.people import Prospect
from sequencer.core.sequence import AnyStep, BranchStep, CallStep, EmailStep, LinkedInStep, Sequence, TaskStep
from sequencer.engine.advance import Advance
from sequencer.engine.enrolling import Seat
from sequencer.engine.letter import opening_subject, render, render_facts
from sequencer.engine.rehearsal import Prospective, would_be
from sequencer.errors import InputError
from sequencer.mail.thread import reply_subject


@dataclass(frozen=True, slots=True)
class Part:
    """One step, or one variant of it. `at` None: not on the expected path. `problem`: why there is no text."""

    step: str
    kind: str
    what: str
    at: datetime | None
    subject: str | None = None
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    prospect: Prospect
    rep: str
    mailbox: str
    zone: str
    hours_in: ZoneInfo
    parts: tuple[Part, ...]
    outlook: Outlook


def preview(
    connection: Connection, advance: Advance, bundle: Bundle, person: Prospect, rep: str, now: datetime
) -> Preview:
    """The sequence as `person` would get it if they were enrolled now. Raises InputError for an unknown rep."""
    config, sequence = advance.around.config, bundle.sequence
    worker = sequence.owner or rep
    if worker not in config.reps_by_name:
        raise InputError(f'there is no rep "{worker}" in config.toml: {", ".join(config.reps_by_name)}')
    boxes = [box.address for box in config.mailboxes_by_address.values() if box.rep == worker]
    seat = Seat(person, worker, boxes[0] if boxes else "", sequence.steps[0].id)
    one = would_be(connection, advance, bundle, [seat], now)[0]
    renderer = Renderer(bundle.files)
    writer = _Writer(advance, sequence, renderer, one, now)
    parts = tuple(part for step in sequence.steps for part in writer.parts(step))
    return Preview(person, worker, seat.mailbox, one.facts.zone_detail, one.facts.zone, parts, one.outlook)


class _Writer:
    """Renders the steps in the order of the file, remembering the subject of each thread."""

    def __init__(
        self, advance: Advance, sequence: Sequence, renderer: Renderer, one: Prospective, now: datetime
    ) -> None:
        self._config, self._sequence, self._renderer = advance.around.config, sequence, renderer
        self._one, self._now = one, now
        self._dates = {each.step: each for each in one.outlook.expected if each.kind in ("email", "task")}
        self._subjects: dict[str, str] = {}

    def parts(self, step: AnyStep) -> Iterator[Part]:
        match step:
            case EmailStep():
                for variant in step.email.variants:
                    yield self._mail(step, variant)
            case CallStep(call=path):
                yield self._page(step, "call", path)
            case LinkedInStep(linkedin=act, note=note):
                yield self._page(step, f"linkedin {act}", note)
            case TaskStep(task=task, script=script):
                yield self._page(step, f"task: {task}", script)
            case BranchStep():
                within = f" within {step.within}" if step.within else ""
                what = f"branch: {step.branch}{within}? then {step.then}, else {step.otherwise}"
                yield Part(step.id, step.kind, what, None)

    def _at(self, step: AnyStep, variant: str | None = None) -> datetime | None:
        expected = self._dates.get(step.id)
        is_other = expected and expected.kind == "email" and variant and expected.detail not in ("", variant)
        return None if expected is None or is_other else expected.at

    def _mail(self, step: EmailStep, variant: str) -> Part:
        what = "email" if len(step.email.variants) == 1 else f"email, variant {variant}"
        at = self._at(step, variant)
        try:
            made = render(
                self._config, self._renderer, self._sequence, step, variant, self._one.facts, at or self._now
            )  # fmt: skip
        except RenderError as error:
            return Part(step.id, step.kind, what, at, problem=str(error))
        thread = self._subjects.get(step.reply_to or "")
        subject = made.subject or (reply_subject(thread) if thread else self._opening(step, at or self._now))
        self._subjects.setdefault(step.id, subject)
        return Part(step.id, step.kind, what, at, subject, made.text)

    def _opening(self, step: EmailStep, at: datetime) -> str:
        try:
            return opening_subject(self._config, self._renderer, self._sequence, step, self._one.facts, at)
        except RenderError:
            return self._sequence.title

    def _page(self, step: AnyStep, what: str, path: str | None) -> Part:
        at = self._at(step)
        if path is None:
            return Part(step.id, step.kind, what, at)
        facts = render_facts(self._config, self._sequence, step.id, self._one.facts, at or self._now)
        try:
            return Part(step.id, step.kind, what, at, text=self._renderer.render_text(path, facts))
        except RenderError as error:
            return Part(step.id, step.kind, what, at, problem=str(error))
