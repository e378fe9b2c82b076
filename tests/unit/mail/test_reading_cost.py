"""What the first mails of a new process make it compile, and what a process keeps of the mail of strangers.

Counts and sizes, no timings: a machine that is slow does not fail here.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import sequencer.mail
from sequencer.mail import words
from sequencer.mail.date_text import SETS_MAX
from sequencer.mail.words.search import COMPILED_MAX

COMPILED_BY_FIRST_ANSWER_MAX = 50
COMPILED_BY_FIFTEEN_LANGUAGES_MAX = 280
CHARACTERS_OF_FIFTEEN_LANGUAGES_MAX = 75_000
ENTRIES_MAX = 4096
OF_OUR_OWN_FILES = {  # asked with topics and phrases of words/ and names of files, never with what a mail says
    "_files", "_phrase", "_group", "one", "line_pattern", "_known", "_begins", "_key", "_columns", "_any", "_kept",
}  # fmt: skip
COUNTED = """
import json, re
from sequencer.mail.classify import classify
from sequencer.mail.parse import parse
from tests.integration.hostile_shapes import SPOKEN
real, sources = re.compile, []
def counted(source, flags=0):
    sources.append(source)
    return real(source, flags)
re.compile = counted
head = b"From: jo@acme.test\\nDate: Mon, 23 Nov 2026 09:00:00 +0000\\nContent-Type: text/plain; charset=utf-8\\n"
classify(parse(head + b"\\nThanks Ana, send me the price list and call me on Tuesday.\\n"))
first = len(sources)
for sentence in SPOKEN:
    classify(parse(head + b"\\n" + sentence + b"\\n"))
    classify(parse(head + b"Auto-Submitted: auto-replied\\n\\n" + sentence + b"\\n"))
print(json.dumps([first, len(sources), sum(map(len, sources))]))
"""


def test_the_first_mails_compile_few_patterns(tmp_path: Path) -> None:
    """Each topic was compiled anew for every language: the first pass over many mails took three times as long.

    Where no process before has kept any (sequencer/mail/kept.py).
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True, env=environment)
    first, compiled, characters = json.loads(run.stdout)
    assert first <= COMPILED_BY_FIRST_ANSWER_MAX
    assert compiled <= COMPILED_BY_FIFTEEN_LANGUAGES_MAX
    assert characters <= CHARACTERS_OF_FIFTEEN_LANGUAGES_MAX


def test_what_is_kept_of_strangers_mail_has_a_bound() -> None:
    for module in pkgutil.walk_packages(sequencer.mail.__path__, "sequencer.mail."):
        for name, kept in vars(importlib.import_module(module.name)).items():
            if hasattr(kept, "cache_parameters") and name not in OF_OUR_OWN_FILES:
                assert kept.cache_parameters()["maxsize"] is not None, f"{module.name}.{name}"
                assert kept.cache_parameters()["maxsize"] <= ENTRIES_MAX, f"{module.name}.{name}"


def test_patterns_of_sets_of_languages_are_few() -> None:
    """Strangers choose which languages stand together; a pattern of three of them takes tens of kilobytes."""
    assert SETS_MAX <= 30
    assert words.SETS_MAX <= 100
    assert COMPILED_MAX <= 2000
