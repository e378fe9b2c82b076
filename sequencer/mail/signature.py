"""Takes away what stands below a person's words: signature, the lines of phones and scanners, the lawyers' paragraph.

A disclaimer reads like a person ("if you do not want …"), and a signature holds addresses and job titles: neither may
be taken for an answer. A closing formula and the name below it stay, for they are the person's words.
It does not look for quotes; quoting.py has taken them away.
"""

from sequencer.mail import words
from sequencer.mail.kept import compiled
from sequencer.mail.quote_marks import LINE_CHARS_MAX, LONG_RULE, RULE

__all__ = ["is_blank_or_device", "unsigned", "without_banner", "without_closing", "without_footers"]

SIGNATURE_LINES_MAX = 40
RULED_LINES_MAX = 12
RULED_CHARS_MAX = 100
CLOSING_CHARS_MAX = 60
DEVICE_CHARS_MAX = 120
BANNER_LINES_MAX = 6
SIGNED_LINES_MAX = 14
NAME_CHARS_MAX = 40
NAME_WORDS_MAX = 4
SENTENCE_WORDS_MIN = 4
LABEL_WORDS_MAX = 12

_SEPARATOR = compiled(r"^[ \t]{0,3}(?:--|—|––|__|--~--[-~]{2,80})[ \t]{0,3}$")
_UNDERSCORES = compiled(r"^[ \t]{0,3}_{5,200}[ \t]{0,3}$")
_DASHES = compiled(r"^[ \t]{0,3}[-=~*]{3,200}[ \t]{0,3}$")
_LEAD = compiled(r"^\W{0,40}")
_CONTACT = compiled(r"@|https?://|www\.|(?:\d[ ()./-]{0,3}){8,20}")
_CALL = compiled(r"^(?:tel|telefon|phone|fon|fax|mob|mobile?|mobil|cell|gsm|tlf|puh|[tmfp])\.?\s?[:.]?\s?\(?\+?\d")
_DAY = compiled(r"\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2,4}|\d{4}-\d\d-\d\d")
_DIGIT = compiled(r"\d")
_LINK = compiled(r"[<(\[]{0,2}(?:https?://|www\.)\S{1,400}")
_MARKED_LINK = compiled(r"\[([^\[\]\n]{1,80})\]\([^()\s]{1,300}\)")
_BESIDE = compiled("[|·•]")
_WORD = compiled(r"\w[\w'.-]{0,40}")
_AFTER_NAME = compiled(r" ?[,|/(–—] ?| - ")
_POSTSCRIPT = compiled(r"^\W{0,3}p\.? ?s(?:\.|\b)")
_SENTENCE_LAST = compiled(r"[.!?]\W{0,3}$")


def unsigned(lines: list[str], name: str = "") -> list[str]:
    """The lines up to the first that is not the person's own. `name`: of whoever From names."""
    bare = [words.fold(line[:LINE_CHARS_MAX]).strip() for line in lines]
    said = False
    for index, line in enumerate(lines):
        if not bare[index]:
            continue
        if _is_never_own(line[:LINE_CHARS_MAX], bare[index], len(lines) - index) or (
            said and _ends(lines, bare, index)
        ):
            return _without_rules_below(lines[: _signed_at(bare[:index], name)])
        said = True
    return _without_rules_below(lines[: _signed_at(bare, name)])


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
    """Own words up to the closing formula: a name and a job title below it say nothing about the answer.

    Thanks below nothing but a greeting begin an answer, and a request to stop is one below the name, too.
    """
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if index and len(line) <= CLOSING_CHARS_MAX and _is_closing(words.fold(line)):
            if _greets(lines[:index]):
                continue
            below = [words.fold(each[:LINE_CHARS_MAX]).strip() for each in lines[index + 1 :]]
            return text if any(map(_asks_to_stop, below)) else "\n".join(lines[:index]).strip()
    return text


def without_footers(text: str) -> str:
    """Own words without the links to unsubscribe by that stand below the first paragraph: nobody asks by them."""
    if not (_LINK.search(text) or text.count("|") > 1):
        return text
    kept: list[str] = []
    said = False
    for line in text.split("\n"):
        said = said or (not line.strip() and any(kept) and not _greets(kept))
        if not (said and _is_footer(words.fold(line[:LINE_CHARS_MAX]).strip())):
            kept.append(line)
    return "\n".join(kept).strip()


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
    if not begins_paragraph:
        return False
    if words.pattern("quote.company").search(bare[index]):
        return True
    return _is_disclaimer(bare[index]) and not (_greets(lines[:index]) and _is_footer(bare[index]))


def _signed_at(bare: list[str], name: str) -> int:
    """Where what says how to reach the person begins: below closing formula and name, or with the name of From."""
    first = max(0, len(bare) - SIGNED_LINES_MAX)
    if not any(map(_reaches, bare[first:])):
        return len(bare)
    for index in range(first, len(bare)):
        begin = _below_name(bare, index) or (index if _begins_with_name(bare, index, name) else 0)
        if begin and _is_signature(bare[begin:]):
            return begin
    return len(bare)


def _below_name(bare: list[str], index: int) -> int:
    """The line below closing formula and name, 0 where no closing formula stands here."""
    if not index or len(bare[index]) > CLOSING_CHARS_MAX or not _is_closing(bare[index]):
        return 0
    following = next((at for at in range(index + 1, min(index + 4, len(bare))) if bare[at]), None)
    if following is None or _reaches(bare[following]):
        return index + 1
    named = len(bare[following]) <= NAME_CHARS_MAX and len(bare[following].split()) <= NAME_WORDS_MAX
    return following + 1 if named and not _SENTENCE_LAST.search(bare[following]) else 0


def _begins_with_name(bare: list[str], index: int, name: str) -> bool:
    """Whether a paragraph, not the first, begins with this name, with its first or its last."""
    if not name or not index or bare[index - 1] or not bare[index]:
        return False
    above = next((line for line in reversed(bare[:index]) if line), "")
    if not above or above.endswith(":"):
        return False
    written = _WORD.findall(_AFTER_NAME.split(bare[index], 1)[0])
    unabridged = {word for word in written if len(word) > 1 and not word.endswith(".")}
    known = set(_WORD.findall(words.fold(name[:LINE_CHARS_MAX])))
    return len(written) <= NAME_WORDS_MAX and bool(unabridged) and unabridged <= known


def _is_signature(below: list[str]) -> bool:
    """Short lines without a sentence, a question or a request, one of which says where to reach somebody."""
    written = [line for line in below if line]
    if not 0 < len(written) <= RULED_LINES_MAX or not any(map(_reaches, written)):
        return False
    return not any(map(_says_something, written))


def _says_something(bare: str) -> bool:
    rest = _LINK.sub(" ", bare)
    if len(rest) > RULED_CHARS_MAX or "?" in rest or _POSTSCRIPT.match(bare) or _asks_to_stop(bare):
        return True
    return bool(_SENTENCE_LAST.search(rest)) and len(rest.split()) >= SENTENCE_WORDS_MIN


def _reaches(bare: str) -> bool:
    """Whether the line holds a number, an address, a link, a register entry, or several things beside each other."""
    if _CALL.match(bare) or len(_BESIDE.findall(bare)) > 1 or _CONTACT.search(_DAY.sub(" ", bare)):
        return True
    return bool(_DIGIT.search(bare) and words.pattern("quote.company").search(bare))


def _is_footer(bare: str) -> bool:
    """A link to unsubscribe by: the label and where it leads, or the label among others."""
    beside = _BESIDE.split(bare)
    for part in beside if _LINK.search(bare) or len(beside) > 2 else ():
        rest = _LINK.sub(" ", part)
        if words.pattern("answer.footer").search(rest) and len(rest.split()) <= LABEL_WORDS_MAX:
            return not _speaks_of_self(rest)
    return False


def _speaks_of_self(bare: str) -> bool:
    return bool(words.pattern("answer.personal").search(bare)) and not words.pattern("answer.click").search(bare)


def _asks_to_stop(bare: str) -> bool:
    """A request by the lists that is no label of a link."""
    if not words.pattern("answer.opt_out").search(bare):
        return False
    return _speaks_of_self(bare) or not words.pattern("answer.footer").search(bare)


def _greets(lines: list[str]) -> bool:
    """Whether nothing is said but a greeting: one line that a comma ends."""
    written = [line.strip() for line in lines if line.strip()]
    return len(written) == 1 and written[0].endswith((",", "，"))


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


def _is_closing(folded: str) -> bool:
    named = words.pattern("quote.closing", after=r"(?:,? [\w.'-]{1,20}){0,3}")
    return bool(named.fullmatch(folded.strip(" \t,.!;-")))


def _is_device(bare: str) -> bool:
    plain = _MARKED_LINK.sub(r"\1", bare) if "](" in bare else bare
    return bool(words.pattern("quote.sent_from").match(plain.lstrip("*_-([<>\"' ")))


def _is_disclaimer(bare: str) -> bool:
    return bool(words.pattern("quote.disclaimer").match(_LEAD.sub("", bare)))
