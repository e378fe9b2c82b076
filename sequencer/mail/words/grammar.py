"""How a phrase is written: the choices it leaves, and of each the letters, spaces, signs and groups in their order.

Needs, beginnings and the expression of a phrase are told from this, so that it is taken apart in one place, and only as
deep as somebody asks. It judges nothing, and knows no other expressions than those of words/.
"""

import re
from typing import NamedTuple

from sequencer.mail.kept import compiled

__all__ = ["Item", "branches", "items"]

_DEPTH_MAX = 5
_LEAF = r"[^()\\\[]|\\.|\[(?:[^\]\\]|\\.)*\]"
_NESTED = r"\((?:" + f"(?:{_LEAF}|\\((?:" * (_DEPTH_MAX - 1) + _LEAF + r")*\))" * (_DEPTH_MAX - 1) + r")*\)"
_TOKEN = compiled(
    rf"((?:[^\W\d_]+(?![?{{])|{_NESTED}|\[(?:[^\]\\]|\\.)*\]|\.\.\.|\\x..|\\.|[^()]))(\?|\{{[^}}]*\}}|)", re.S
)
_CHOICE = compiled(rf"(?:{_LEAF.replace('[^()', '[^()|', 1)}|{_NESTED})*")
_SIGNS_BETWEEN = compiled(r"\[-?[ '.:,]{1,5}-?\]")
_KINDS = {
    " ": "space",
    "~": "rest",
    **dict.fromkeys(("…", "..."), "gap"),
    **dict.fromkeys(("^", "$", r"\b"), "edge"),
    **dict.fromkeys((r"\W", r"\s"), "between"),
    r"\d": "number",
    ".": "other",
}


class Item(NamedTuple):
    """A piece of a choice.

    `kind`: letters, space, rest (~), gap (…), sign, edge, between (signs between words), number, group, look (what must
    or must not follow) or other. `text`: of a group all its choices. `often`: as written, "?" or "{2,5}", "" for once.
    """

    kind: str
    text: str
    often: str

    @property
    def optional(self) -> bool:
        return self.often.startswith(("?", "{0"))


def branches(phrase: str) -> list[str]:
    """The choices that a folded phrase consists of, one where it leaves none."""
    if "|" not in phrase:
        return [phrase]
    if "(" not in phrase and "[" not in phrase and "\\" not in phrase:
        return phrase.split("|")
    found, at = [], 0
    while choice := _CHOICE.match(phrase, at):
        found.append(choice[0])
        at = choice.end() + 1
        if at > len(phrase):
            break
    return found


def items(branch: str) -> list[Item]:
    """What one choice is made of."""
    return [Item(*_kind_and_text(text), often) for text, often in _TOKEN.findall(branch)]


def _kind_and_text(token: str) -> tuple[str, str]:
    first = token[0]
    if first.isalpha():
        return "letters", token
    if token in _KINDS:
        return _KINDS[token], token
    if first == "(":
        if token[1] != "?":
            return "group", token[1:-1]
        return ("look" if token[2] in "=!" else "group"), token[3:-1]
    if first == "[":
        return ("between" if _SIGNS_BETWEEN.fullmatch(token) else "other"), token
    return ("other" if first == "\\" and token[1].isalpha() else "sign"), token[-1]
