"""Takes away what stands below a person's words: signature, the lines of phones and scanners, the lawyers' paragraph.

A disclaimer reads like a person ("if you do not want …"), and a signature holds addresses and job titles: neither may
be taken for an answer. A closing formula and the name below it stay, for they are the person's words.
It does not look for quotes; quoting.py has taken them away.
"""

from sequencer.mail import words
from sequencer.mail.kept import compiled
from sequencer.mail.quote_marks import LINE_CHARS_MAX, LONG_RULE, RULE

__all__ = ["is_blank_or_device", "unsigned", "without_banner", "without_closing"]

SIGNATURE_LINES_MAX = 40
RULED_LINES_MAX = 12
RULED_CHARS_MAX = 100
CLOSING_CHARS_MAX = 60
DEVICE_CHARS_MAX = 120
BANNER_LINES_MAX = 6

_SEPARATOR = compiled(r"^[ \t]{0,3}(?:--|—|––|__|--~--[-~]{2,80})[ \t]{0,3}$")
_UNDERSCORES = compiled(r"^[ \t]{0,3}_{5,200}[ \t]{0,3}$")
_DASHES = compiled(r"^[ \t]{0,3}[-=~*]{3,200}[ \t]{0,3}$")
_LEAD = compiled(r"^\W{0,40}")
_CONTACT = compiled(r"@|https?://|www\.|(?:\d[ ()./-]{0,3}){8,20}")


def unsigned(lines: list[str]) -> list[str]:
    """The lines up to the first that is not the person's own."""
    bare = [words.fold(line[:LINE_CHARS_MAX]).strip() for line in lines]
    said = False
    for index, line in enumerate(lines):
        if not bare[index]:
            continue
        if _is_never_own(line[:LINE_CHARS_MAX], bare[index], len(lines) - index) or (
            said and _ends(lines, bare, index)
        ):
            return _without_rules_below(lines[:index])
        said = True
    return _without_rules_below(lines)


def without_banner(lines: list[str]) -> list[str]:
    """Without the warning that a mail server puts above a stranger's mail."""
    start = next((at for at, line in enumerate(lines[:BANNER_LINES_MAX]) if line.strip(" \t[*")), len(lines))
    if start == len(lines) or not words.pattern("quote.banner").match(
        _LEAD.sub("", words.fold(lines[start][:LINE_CHARS_MAX]))
    ):
        return lines
    end = next((at for at in range(start, min(start + BANNER_LINES_MAX, len(lines))) if not lines[at].strip()), start)
    return lines[end:] if end > start else lines


def without_closing(text: str) -> str:
    """Own words up to the closing formula: a name and a job title below it say nothing about the answer."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if index and len(line) <= CLOSING_CHARS_MAX and _closing().fullmatch(words.fold(line).strip(" \t,.!;-")):
            return "\n".join(lines[:index]).strip()
    return text


def is_blank_or_device(line: str) -> bool:
    """Nothing, a rule, or a phone's own line."""
    line = line[:LINE_CHARS_MAX]
    return not line.strip() or bool(RULE.match(line)) or _is_device(words.fold(line))


def _is_never_own(line: str, bare: str, rest: int) -> bool:
    """The line that begins a signature, or a phone's."""
    if _SEPARATOR.match(line) and (rest <= SIGNATURE_LINES_MAX or line == "-- "):
        return True
    return len(bare) < DEVICE_CHARS_MAX and rest <= SIGNATURE_LINES_MAX and _is_device(bare)


def _ends(lines: list[str], bare: list[str], index: int) -> bool:
    """What ends own words only below own words: small print, and what stands under a rule."""
    line = lines[index][:LINE_CHARS_MAX]
    if RULE.match(line):
        return _signature_below(line, bare, index) or _small_print_below(line, lines, bare, index)
    begins_paragraph = not bare[index - 1] or bool(RULE.match(lines[index - 1][:LINE_CHARS_MAX]))
    return begins_paragraph and (
        _is_disclaimer(bare[index]) or bool(words.pattern("quote.company").search(bare[index]))
    )


def _signature_below(rule: str, bare: list[str], index: int) -> bool:
    """A short paragraph under underscores, or under dashes one that says where to call or write."""
    if len(bare) - index > SIGNATURE_LINES_MAX:
        return False
    written = [line for line in bare[index + 1 :] if line]
    if not 0 < len(written) <= RULED_LINES_MAX or max(map(len, written)) > RULED_CHARS_MAX:
        return False
    if _UNDERSCORES.match(rule):
        return True
    return bool(_DASHES.match(rule)) and any(map(_CONTACT.search, written)) and not any("?" in line for line in written)


def _small_print_below(rule: str, lines: list[str], bare: list[str], index: int) -> bool:
    """The company's small print between this long rule and the next."""
    if not LONG_RULE.match(rule):
        return False
    below: list[str] = []
    for at in range(index + 1, min(index + 1 + RULED_LINES_MAX, len(lines))):
        if below and LONG_RULE.match(lines[at][:LINE_CHARS_MAX]):
            break
        below.append(bare[at])
    return bool(words.pattern("quote.small_print").search(" ".join(below)[: 2 * LINE_CHARS_MAX]))


def _without_rules_below(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or LONG_RULE.match(lines[end - 1][:LINE_CHARS_MAX])):
        end -= 1
    return lines[:end]


def _closing() -> words.Phrases:
    return words.pattern("quote.closing", after=r"(?:,? [\w.'-]{1,20}){0,3}")


def _is_device(bare: str) -> bool:
    return bool(words.pattern("quote.sent_from").match(bare.lstrip("*_-([<>\"' ")))


def _is_disclaimer(bare: str) -> bool:
    return bool(words.pattern("quote.disclaimer").match(_LEAD.sub("", bare)))
