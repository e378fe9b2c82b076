"""Reads every file that a sequence of the working copy names, with what those include and attach.

It is a file of its own because only who reads folders needs the template language for it. Whether a named file is
wanting is lint.py's question.
"""

from base64 import b64encode
from pathlib import Path

from sequencer.content import markup, message
from sequencer.content.definition import named_files
from sequencer.content.folder import FileRefused, name_problem, read_below
from sequencer.content.functions import FUNCTIONS
from sequencer.content.render import KINDS
from sequencer.content.sandbox import Sandbox
from sequencer.core.sequence import Sequence
from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = ["read_files"]

ATTACHMENT_BYTES_MAX = 2_000_000
FILES_MAX = 500


def read_files(sequence: Sequence, root: Path) -> tuple[dict[str, str], list[DefinitionError]]:
    """What the sequence names, and what that includes and attaches. A file that is not there is left out."""
    files: dict[str, str] = {}
    errors: list[DefinitionError] = []
    sandbox = Sandbox({}, FUNCTIONS)
    todo = [(named.path, named.role == "message") for named in named_files(sequence)]
    seen: set[str] = set()
    while todo:
        name, is_message = todo.pop()
        if name in seen or name_problem(name):
            continue
        seen.add(name)
        path = f"{root.name}/{name}"
        if len(files) >= FILES_MAX:
            errors.append(DefinitionError(path, 0, f"one sequence names more than {FILES_MAX} files"))
            break
        try:
            text = files[name] = markup.decode(path, read_below(root, name))
            todo += [(include, False) for include, _, _ in sandbox.examine(name, text)[1].includes]
            for attachment in _attached(path, text) if is_message else ():
                files[attachment] = b64encode(read_below(root, attachment, ATTACHMENT_BYTES_MAX)).decode("ascii")
        except FileNotFoundError:
            continue
        except DefinitionError as error:
            errors.append(error)
        except (FileRefused, OSError) as error:
            errors.append(DefinitionError(path, 0, str(error)))
    return files, errors


def _attached(path: str, text: str) -> list[str]:
    try:
        named = [header.text for header in message.parse(path, text).attach]
    except DefinitionErrors:
        return []
    return [name for name in named if name.rpartition(".")[2].lower() not in KINDS]
