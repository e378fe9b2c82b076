"""The daemon's log as text: one record is one line, whatever stands in a name, a subject or a server's answer.

It is here so that nobody outside can write a line of our log, or steer the terminal on which it is read. The lines of
a traceback follow their record and are moved to the right, so none of them looks like a record either.
"""

import logging

from sequencer.cli.plain_text import escaped

__all__ = ["LogLines"]

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
INDENT = "    "


class LogLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(FORM)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  logging's name
        written = super().formatException(ei)  # type: ignore[arg-type]  # as logging types it: four forms of a tuple
        return "\n".join(f"{INDENT}{escaped(line)}" for line in written.split("\n"))
