"""Events of a rep's own answer to a person's mail: beside the steps, so that none of them moves an enrollment.

Apart from core/events.py, which lists them, only for its length. They carry ids, codes and instants, never a text.
"""

from dataclasses import dataclass
from datetime import datetime

ANSWER = "answer:"  # with a task's number it stands where a step's id would


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQueued:
    """A rep wrote to the person for this task, in answer to the stored mail `message`; it moves no step.

    `number`: of the task's mails, from 1.
    """

    task: str
    number: int
    message: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSent:
    """`sent_at`: when the final dot was written. `evidence`: what settled it, where it was uncertain first."""

    task: str
    number: int
    sent_at: datetime
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDeferred:
    """A 4xx inside the SMTP dialogue; the same bytes go again at `again_at`."""

    task: str
    number: int
    code: int
    enhanced: str
    again_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRefused:
    """It did not go and will not; the task stays open. `code` 0: called back here."""

    task: str
    number: int
    code: int
    enhanced: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUncertain:
    task: str
    number: int
    fenced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerGivenUp:
    """A named person left an uncertain one as it is."""

    task: str
    number: int
    by: str
