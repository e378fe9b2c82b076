"""Reads sequence files into checked models, with the templates they name: one door for files and for the database.

It is here so that past it no code meets a malformed value, and so that the daemon runs the very text that was applied:
a Bundle holds the sequence with all its files. Whether names and targets fit together is lint.py's question.
"""

import re
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from sequencer.content import markup
from sequencer.content.draft import Doubt, Draft, draft
from sequencer.content.folder import FileRefused, read_below
from sequencer.content.guess import guess
from sequencer.core.reaction import FixedReaction, Reaction
from sequencer.core.sequence import CallStep, EmailStep, LinkedInStep, ManualStep, Sequence, TaskStep
from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = [
    "Bundle",
    "FolderRead",
    "Malformed",
    "NamedFile",
    "from_stored",
    "load",
    "mails",
    "named_files",
    "reactions",
    "read_draft",
    "read_folder",
    "read_sequence",
    "sequence_names",
]

ID_CHARS_MAX = 60
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a sequence names: its path below templates/, the key that names it, what it is."""

    path: str
    key: str
    role: Literal["message", "text"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A sequence and every file it needs; `files`: path below templates/ -> text (an attachment: base64).

    `digest` is a SHA-256 over id, source and files: two bundles with the same digest send the same texts.
    """

    sequence: Sequence
    files: Mapping[str, str]
    digest: str
    source: str

    def attachment(self, path: str) -> bytes:
        """The bytes of a file that a template attaches. Raises KeyError."""
        return b64decode(self.files[path])


@dataclass(frozen=True, slots=True)
class Malformed:
    """What can be read of a sequence with mistakes, for the checks alone; `files` as in Bundle."""

    sequence: Sequence
    files: Mapping[str, str]
    doubt: Doubt


class FolderRead(NamedTuple):
    """`errors`: what is malformed or cannot be read; whether the rest fits together is lint's question."""

    bundles: list[Bundle]
    malformed: list[Malformed]
    errors: list[DefinitionError]


def read_sequence(path: str, text: str, sequence_id: str) -> Sequence:
    """The sequence that a file says, knowing its lines. Raises DefinitionErrors with all that is malformed."""
    read = read_draft(path, text, sequence_id)
    if read.sequence is None or read.errors:
        raise DefinitionErrors(read.errors)
    return read.sequence


def read_draft(path: str, text: str, sequence_id: str) -> Draft:
    """What the file says as far as it can be read. Raises DefinitionErrors where not even its keys can be told."""
    plain, lines = markup.read(path, text)
    if not isinstance(plain, dict):
        raise DefinitionErrors([DefinitionError(path, 1, "a sequence is a map of keys: title, steps and so on")])
    wrong = []
    if "id" in plain:
        hint = f'remove it: "{sequence_id}", the file\'s name, is the id'
        wrong.append(DefinitionError(path, lines["id"], "id: no such key", hint))
    is_id = _ID.fullmatch(sequence_id) is not None and len(sequence_id) <= ID_CHARS_MAX
    if not is_id:
        hint = "name it in lower-case words joined by hyphens, such as vp-engineering.yaml"
        wrong.append(DefinitionError(path, 0, f'the file\'s name "{sequence_id}" cannot be an id', hint))
    read = draft(path, {**plain, "id": sequence_id if is_id else "unnamed"}, lines)
    return replace(read, errors=(*wrong, *read.errors)) if wrong else read


def load(
    root_sequences: Path, root_templates: Path, names: Collection[str] | None = None
) -> tuple[list[Bundle], list[DefinitionError]]:
    """All sequences below a folder, or those `names` names, with what is wrong in the files that cannot be read.

    A bundle whose `files` lack a named file still comes: lint says which. Errors name paths as `sequences/x.yaml`.
    """
    read = read_folder(root_sequences, root_templates, names)
    return read.bundles, read.errors


def read_folder(root_sequences: Path, root_templates: Path, names: Collection[str] | None = None) -> FolderRead:
    """The same, with what can be said of the malformed ones."""
    from sequencer.content.template_files import read_files  # jinja2: what runs applied versions reads no templates

    known = sequence_names(root_sequences)
    found = FolderRead([], [], [])
    for name in known if names is None else names:
        path = f"{root_sequences.name}/{name}.yaml"
        if name not in known:
            found.errors.append(DefinitionError(path, 0, "no such sequence", guess(name, known)))
            continue
        try:
            source = markup.decode(path, read_below(root_sequences, f"{name}.yaml"))
            read = read_draft(path, source, name)
        except DefinitionErrors as error:
            found.errors.extend(error.errors)
            continue
        except DefinitionError as error:
            found.errors.append(error)
            continue
        except (FileRefused, OSError) as error:
            found.errors.append(DefinitionError(path, 0, str(error)))
            continue
        found.errors.extend(read.errors)
        if read.sequence is None:
            continue
        files, unread = read_files(read.sequence, root_templates)
        found.errors.extend(unread)
        if read.errors:
            found.malformed.append(Malformed(read.sequence, files, read.doubt))
        else:
            found.bundles.append(_bundle(read.sequence, source, files))
    return found


def from_stored(sequence_id: str, source: str, files: Mapping[str, str]) -> Bundle:
    """The bundle that the database keeps, through the same door. Raises DefinitionErrors."""
    return _bundle(read_sequence(f"sequences/{sequence_id}.yaml", source, sequence_id), source, files)


def sequence_names(root: Path) -> list[str]:
    """Ids of the sequence files in a folder; scenario tests (*.test.yaml) are none."""
    names = (path.name for path in root.glob("*.yaml") if not path.name.startswith("."))
    return sorted(name.removesuffix(".yaml") for name in names if not name.endswith(".test.yaml"))


def reactions(sequence: Sequence) -> Iterator[tuple[str, Reaction | FixedReaction]]:
    """Every reaction of the sequence and its key, those that were not written included."""
    for name in type(sequence.on).model_fields:
        reaction = getattr(sequence.on, name)
        yield (f"on.{name}.then", reaction.then) if name == "soft_bounce" else (f"on.{name}", reaction)
    for at, step in enumerate(sequence.steps):
        if isinstance(step, ManualStep):
            for outcome, reaction in step.outcomes.items():
                yield f"steps.{at}.outcomes.{outcome}", reaction
        if isinstance(step, ManualStep | EmailStep) and step.on_overdue:
            yield f"steps.{at}.on_overdue.do", step.on_overdue.do
    for at, rule in enumerate(sequence.rules):
        yield f"rules.{at}.do", rule.do


def named_files(sequence: Sequence) -> Iterator[NamedFile]:
    """Every file that the sequence names, in the order of the file; a file named twice comes twice."""
    for at, step in enumerate(sequence.steps):
        key = f"steps.{at}"
        match step:
            case EmailStep():
                for variant, path in step.email.variants.items():
                    yield NamedFile(path, f"{key}.email.variants.{variant}", "message")
            case CallStep():
                yield NamedFile(step.call, f"{key}.call", "text")
            case LinkedInStep(note=str(path)):
                yield NamedFile(path, f"{key}.note", "text")
            case TaskStep(script=str(path)):
                yield NamedFile(path, f"{key}.script", "text")
    for key, reaction in reactions(sequence):
        if reaction.script is not None:
            yield NamedFile(reaction.script, f"{key}.script", "text")


def mails(sequence: Sequence) -> int:
    """How many steps write a mail."""
    return sum(isinstance(step, EmailStep) for step in sequence.steps)


def _bundle(sequence: Sequence, source: str, files: Mapping[str, str]) -> Bundle:
    digest = sha256()
    for part in (sequence.id, source, *(part for item in sorted(files.items()) for part in item)):
        content = part.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8) + content)
    return Bundle(sequence, dict(files), digest.hexdigest(), source)
