"""What a step says to one person: the mail, the call script, the LinkedIn note, as it would be rendered now.

Task pages, the rep's editor and `why` show this; dispatch makes the mail's bytes with the same functions
(engine/letter.py). Nothing is stored here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core.decide import variant_of
from sequencer.core.sequence import CallStep, EmailStep, LinkedInStep, TaskStep
from sequencer.engine.letter import Draft, joined_subject, of_mailbox, parent_of, render, render_facts
from sequencer.engine.situation import Situation, Surroundings
from sequencer.store import correspondence, tasks

__all__ = ["StepText", "script_of", "step_text"]


@dataclass(frozen=True, slots=True)
class StepText:
    """`subject`: of a mail. `threaded`: the subject is the thread's, not the template's."""

    template: str
    body: str
    subject: str | None = None
    threaded: bool = False


def step_text(
    connection: Connection,
    around: Surroundings,
    situation: Situation,
    step_id: str | None,
    now: datetime,
    script: str | None = None,
) -> StepText | None:
    """The text of a step, or of `script` for a task beside the steps; None where there is none.

    Raises MissingField, TemplateFailed (content/failure.py).
    """
    sequence = situation.bundle.sequence
    step = sequence.step(step_id) if step_id in sequence.index and step_id else None
    if isinstance(step, EmailStep):
        return _mail(connection, around, situation, step, now)
    path = script or script_of(step)
    if path is None:
        return None
    enrollment = situation.enrollment
    renderer = around.catalog.renderer(connection, enrollment.sequence_id, enrollment.progress.version)
    facts = render_facts(around.config, sequence, step_id or "", situation.facts, now)
    return StepText(path, renderer.render_text(path, facts))


def script_of(step: object) -> str | None:
    """The text file of a step that a person performs."""
    match step:
        case CallStep(call=path):
            return path
        case LinkedInStep(note=path) | TaskStep(script=path):
            return path
    return None


def _mail(
    connection: Connection, around: Surroundings, situation: Situation, step: EmailStep, now: datetime
) -> StepText:
    enrollment, sequence = situation.enrollment, situation.bundle.sequence
    variant = variant_of(step, enrollment.progress, situation.facts)
    template = step.email.variants[variant]
    renderer = around.catalog.renderer(connection, enrollment.sequence_id, enrollment.progress.version)
    rendered = render(around.config, renderer, sequence, step, variant, situation.facts, now)
    written = tasks.drafts(connection, [enrollment.id]).get((enrollment.id, step.id))
    draft = Draft(*written) if written else Draft(None, rendered.text)
    subject = draft.subject or rendered.subject
    thread = correspondence.threads_of(connection, {enrollment.id: enrollment.progress.earlier})[enrollment.id]
    if subject is not None:
        return StepText(template, draft.body, subject, False)
    parent, _ = parent_of(sequence, step, of_mailbox(thread, enrollment.mailbox))
    joined = joined_subject(parent, around.config, renderer, sequence, step, situation.facts, now)
    return StepText(template, draft.body, joined, True)
