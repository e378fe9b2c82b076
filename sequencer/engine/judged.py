"""What a judged mail is to an enrollment: the one event that it becomes.

Apart from answers.py, which finds out whose mail it is, so that a scenario test reads a text as the inbox does.
"""

from sequencer.core import events as e
from sequencer.mail.judgement import Judgement

__all__ = ["answer_event"]


def answer_event(judgement: Judgement, message: int, step: str | None) -> e.Event | None:
    """The event of an answer, of a person's or of a machine's; None for mail that is none.

    `message`: the stored mail's id; `step`: the touch it is attributed to.
    """
    match judgement.kind:
        case "reply" if judgement.answer == "opt_out":
            return e.OptedOut(by="reply", message=message)
        case "reply":
            return e.ReplyReceived(
                message=message, answer=judgement.answer or "other", step=step, return_date=judgement.return_date
            )
        case "auto_reply" if judgement.left:
            return e.LeftCompany(message=message)
        case "auto_reply":
            return e.AutoReplyReceived(message=message, return_date=judgement.return_date, step=step)
        case _:
            return None
