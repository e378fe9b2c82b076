"""Keeps regular expressions in compiled form from process to process, beside the modules, as Python does its bytecode.

Reading mail takes some 1,300 expressions, and to compile them takes a new process as long as two hundred mails: all of
mail/ compiles through here. What is missing, torn or of another Python is compiled as ever: no judgement depends
on what is kept (docs/decisions/016). It writes only when a command asks, and knows no expression.
"""

import marshal
import os
import re
import sys
from array import array
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from importlib.util import cache_from_source, source_hash
from typing import Any, AnyStr
from weakref import WeakValueDictionary

__all__ = ["EXPRESSIONS_MAX", "WORTH_KEEPING", "Kept", "compiled", "compiled_phrase", "keep"]

EXPRESSIONS_MAX = 4000  # that are kept: strangers choose the words of their mail
WORTH_KEEPING = 50  # expressions that were not: fewer are compiled sooner than all are written
FILE_BYTES_MAX = 16 << 20
_HASH_BYTES = 8
_WORD = "I"  # as array calls the four bytes of CPython's Py_UCS4, in which it holds a compiled expression
_Key = tuple[str | bytes, int]  # an expression and its flags
_Form = tuple[int, bytes, int, dict[str, int]]  # all flags, words, number of groups, and of those with a name theirs
_UNREADABLE = (EOFError, LookupError, OverflowError, RuntimeError, TypeError, ValueError)

_sre: Any = import_module("_sre")


def _identity() -> bytes:
    """Of the Python that can use what is kept."""
    python = sys.implementation.cache_tag, f"{sys.hexversion:x}", sys.byteorder, _sre.MAGIC, _sre.CODESIZE
    return f"expressions 1 {' '.join(map(str, python))}\n".encode()


class Kept:
    """`path`: the file, None for none. Of one process; each expression is kept under its text and its flags."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._made: WeakValueDictionary[_Key, re.Pattern[Any]] = WeakValueDictionary()

    def compiled(self, expression: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
        """As `re.compile`. Raises: re.error."""
        key = (expression, int(flags))
        if form := self._unused.pop(key, None):
            with suppress(*_UNREADABLE):
                return _pattern(expression, form)
        made = re.compile(expression, flags)
        self._made[key] = made
        return made

    def keep(self) -> None:
        """Write what was compiled and is still in use, where it is worth it; nothing where Python writes no bytecode.

        A folder that cannot be written is no error: the next process compiles again.
        """
        if sys.dont_write_bytecode or len(self._made) < WORTH_KEEPING:
            return
        if self._path is None or not _can_be_written(self._path):
            return
        made: dict[_Key, _Form] = {}
        for key, pattern in [*self._made.items()][:EXPRESSIONS_MAX]:
            form = _form(*key, pattern)
            if form is None:  # so it would be with the others
                return
            made[key] = form
        before = self._read()
        content = marshal.dumps({**before, **made} if len(before) + len(made) <= EXPRESSIONS_MAX else made)
        with suppress(OSError):
            _write(self._path, _identity() + source_hash(content) + content)

    @cached_property
    def _unused(self) -> dict[_Key, _Form]:
        """What nobody has asked for yet: what has become a pattern need not be in memory twice."""
        return self._read()

    def _read(self) -> dict[_Key, _Form]:
        """What the file holds; nothing where there is none that was written whole and by the same Python."""
        try:
            with open(self._path or os.devnull, "rb") as file:
                written = file.read(FILE_BYTES_MAX)
        except OSError:
            return {}
        identity = _identity()
        begin = len(identity) + _HASH_BYTES
        content = memoryview(written)[begin:]
        if written[:begin] != identity + source_hash(content):
            return {}
        try:
            forms = marshal.loads(content)
        except _UNREADABLE:
            return {}
        return forms if isinstance(forms, dict) else {}


def _pattern(expression: AnyStr, form: _Form) -> re.Pattern[AnyStr]:
    """As re makes it of what it has compiled; CPython checks the words."""
    flags, packed, groups, named = form
    words = array(_WORD, packed)
    names: list[str | None] = [None] * (groups + 1)
    for name, number in named.items():
        names[number] = name
    made: re.Pattern[AnyStr] = _sre.compile(expression, flags, words.tolist(), groups, named, tuple(names))
    return made


def _form(expression: Any, flags: int, pattern: re.Pattern[Any]) -> _Form | None:
    """None where it does not give the same pattern again: how re compiles is CPython's own affair."""
    try:
        parsed = import_module("re._parser").parse(expression, flags)
        words = import_module("re._compiler")._code(parsed, flags)
        form = (pattern.flags, array(_WORD, words).tobytes(), pattern.groups, dict(pattern.groupindex))
        again = _pattern(expression, form)
    except (AttributeError, ImportError, *_UNREADABLE):
        return None
    same = again == pattern and (again.groups, again.groupindex) == (pattern.groups, pattern.groupindex)
    return form if same else None


def _can_be_written(path: str) -> bool:
    """Asked first, because what is written takes as long to make as to compile."""
    folder = os.path.dirname(path)
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
    return os.access(folder, os.W_OK | os.X_OK)


def _write(path: str, content: bytes) -> None:
    """Whole or not at all, with the rights that Python gives its bytecode."""
    beside = f"{path}.{os.getpid()}"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _beside_the_bytecode(name: str) -> str | None:
    try:
        return f"{cache_from_source(__file__, optimization='').removesuffix('.pyc')}.{name}"
    except NotImplementedError:  # so cache_from_source says that this Python keeps no bytecode
        return None


# Two files: a process that reads no mail does without the megabytes of the phrases.
_of_modules = Kept(_beside_the_bytecode("expressions"))
_of_phrases = Kept(_beside_the_bytecode("phrases"))
compiled = _of_modules.compiled
compiled_phrase = _of_phrases.compiled


def keep() -> None:
    """Keep what this process had to compile: at the end of a command, for the next one."""
    _of_modules.keep()
    _of_phrases.keep()
