"""Says which fields a sequence asks for that no imported person has: most are slips of the pen.

It is apart from lint.py because fields are known from the people in the database, not from the files. A note, never an
error: the list that brings the field may still come.
"""

from collections.abc import Collection, Iterator, Mapping

from sequencer.content.definition import Bundle
from sequencer.content.functions import FUNCTIONS
from sequencer.content.guess import guess
from sequencer.content.sandbox import Sandbox
from sequencer.core.condition import ConditionError, parse
from sequencer.core.sequence import BranchStep
from sequencer.errors import DefinitionError

__all__ = ["unknown_fields"]


def unknown_fields(bundle: Bundle, known: Mapping[str, Collection[str]], folder: str) -> list[DefinitionError]:
    """One note for each field and place. `known`: what people have, by "prospect" and "account"; `folder`: how errors
    name templates/."""
    found = []
    for path, line, field in (*_in_conditions(bundle), *_in_templates(bundle, folder)):
        owner, _, name = field.partition(".")
        if owner in known and name not in known[owner]:
            found.append(DefinitionError(path, line, f"no imported person has {field}", _hint(name, owner, known)))
    return found


def _hint(name: str, owner: str, known: Mapping[str, Collection[str]]) -> str:
    """The field that was probably meant, also one of the same name on the other side."""
    other = "account" if owner == "prospect" else "prospect"
    if name in known.get(other, ()):
        return f'did you mean "{other}.{name}"?'
    return guess(name, known[owner])


def _in_conditions(bundle: Bundle) -> Iterator[tuple[str, int, str]]:
    sequence = bundle.sequence
    sources = [(f"steps.{at}.when", step.when) for at, step in enumerate(sequence.steps) if step.when is not None]
    sources += [(f"steps.{at}.branch", s.branch) for at, s in enumerate(sequence.steps) if isinstance(s, BranchStep)]
    sources += [(f"rules.{at}.when", rule.when) for at, rule in enumerate(sequence.rules)]
    for key, source in sources:
        place = sequence.place(key)
        try:
            fields = parse(source).fields
        except ConditionError:
            continue  # lint.py says what is wrong with it
        yield from ((place.path, place.line, field) for field in sorted(fields))


def _in_templates(bundle: Bundle, folder: str) -> Iterator[tuple[str, int, str]]:
    sandbox = Sandbox(bundle.files, FUNCTIONS)
    for path, text in bundle.files.items():
        if path.rpartition(".")[2].lower() in ("md", "txt", "html"):
            fields = sandbox.examine(path, text)[1].fields
            yield from ((f"{folder}/{path}", line, field) for field, line in fields.items())
