"""The first look at an expression's text: one line, every bare id in quotes, and nothing that `ast` would misread.

It exists because step ids such as `break-up`, `2nd-call` or `wait-for-it` are no Python, and because some slips
(`=`, `&&`, curly quotes, a lost comma, a column called `class`) deserve a better sentence than a syntax error. It
builds no tree.
"""

import re
import unicodedata
from keyword import iskeyword

from sequencer.core.expression_tree import ConditionError

NESTING_MAX = 10

# Text first, so that nothing inside quotes is read as anything else. `bare` is a fact with an unquoted id: step ids
# such as `break-up`, `2nd-call` or `wait-for-it` are no Python and get their quotes before `ast` sees them.
_TOKEN = re.compile(
    r"""
      (?P<text>"[^"]*"|'[^']*')(?P<glued>\s*["'])?
    | (?P<bare>(?<![\w.])(?!(?:and|or|not|in|is|if|else)\b)[^\W\d]\w*\s*\()\s*(?P<id>\w+(?:-\w+)*)\s*\)
    | (?<![\w.])(?:prospect|account)\s*\.\s*(?P<field>\w+)
    | (?P<number>(?<!\w)\.?\d[\w.]*)
    | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<odd>[=!<>]=|&&|\|\||<>|[=!#"'“”„‘’]|(?<![\w.])(?:AND|OR|NOT|IN|is|None|null)(?!\w))
    """,
    re.VERBOSE,
)
_PLAIN_NUMBER = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_ODD = {
    "&&": "write and, not &&",
    "||": "write or, not ||",
    "<>": "write !=, not <>",
    "=": "compare with ==, not =",
    "!": "write not, not !",
    "#": "a comment cannot stand inside an expression",
    '"': "a quote is not closed",
    "'": "a quote is not closed",
    "is": "compare with ==, not is",
    "None": "None is no value: for a field that is not there write not prospect.field",
    "null": "null is no value: for a field that is not there write not prospect.field",
} | {word: f"write {word.lower()} in small letters" for word in ("AND", "OR", "NOT", "IN")}
_ODD |= {quote: f'write straight quotes (") instead of {quote}' for quote in "“”„‘’"}


def quoted(source: str) -> str:
    """`source` on one line with every bare id in quotes; refuses what `ast` would misread, warn about or choke on."""
    text = "".join(" " if char.isspace() else char for char in source).strip()
    if not text:
        raise ConditionError("the expression is empty")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ConditionError("it has a character that cannot be printed")
    if "\\" in text:
        raise ConditionError("a backslash cannot stand in an expression")
    pieces, end, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        _refuse_token(token)
        depth += bool(token["open"]) - bool(token["close"])
        if depth > NESTING_MAX:
            raise ConditionError(f"brackets are nested deeper than {NESTING_MAX}")
        if token["bare"]:
            pieces += [text[end : token.start()], f'{token["bare"]}"{token["id"]}")']
            end = token.end()
    return "".join([*pieces, text[end:]])


def _refuse_token(token: re.Match[str]) -> None:
    if token["glued"]:
        raise ConditionError(f"a comma is missing after {token['text']}")
    if (number := token["number"]) and not _PLAIN_NUMBER.fullmatch(number):
        raise ConditionError(
            f"{number[:20]} is no number: write at most 15 digits, as in 3 or 0.5; text goes in quotes"
        )
    if (name := token["field"]) and (iskeyword(name) or not name.isidentifier()):
        raise ConditionError(f'"{name}" cannot be used as a field: map the column to another name at import')
    if (odd := token["odd"]) and odd in _ODD:
        raise ConditionError(_ODD[odd])
