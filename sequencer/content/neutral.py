"""Cells as a spreadsheet may open them: what it would take for a formula gets an apostrophe, and loses it on return.

It is here because a refused row is mended in a spreadsheet, and the row came from a stranger. The text that comes back
is the text that went out, whatever it was. Source: OWASP, CSV Injection.
"""

import re

__all__ = ["neutralised", "restored"]

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")


def neutralised(cell: str) -> str:
    """The cell with an apostrophe before what would be calculated."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """What `neutralised` was given."""
    return cell[1:] if _NEUTRALISED.match(cell) else cell
