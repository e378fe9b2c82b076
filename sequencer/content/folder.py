"""Reads files below one folder and nothing outside it.

It is here because sequence and template files name other files, and a name must never lead out of templates/: not by
`..`, not as an absolute path, not through a symbolic link. It does not know what the files say.
"""

import os
import re
from pathlib import Path

from sequencer.content.markup import FILE_BYTES_MAX

__all__ = ["FileRefused", "name_problem", "names_below", "read_below"]

NAMES_MAX = 10_000
_NAME = re.compile(r"[^\x00-\x1f\x7f\\:]{1,200}")


class FileRefused(ValueError):
    """A file that may not be read, or is none; says why."""


def name_problem(name: str) -> str | None:
    """Why `name` cannot be a file below a folder; None if it can. It asks no disk."""
    if not _NAME.fullmatch(name):
        return "a file's name has at most 200 characters and no control character, backslash or colon"
    if name.startswith(("/", "~")):
        return "a file is named by its path below templates/"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "a path goes down from templates/, without . or .."
    return None


def read_below(root: Path, name: str, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """The content of the file `name` below `root`. Raises FileRefused, FileNotFoundError."""
    if problem := name_problem(name):
        raise FileRefused(problem)
    inside = root.resolve()
    try:
        path = (inside / name).resolve(strict=True)
    except (OSError, RuntimeError):
        raise FileNotFoundError(name) from None
    if not path.is_relative_to(inside):
        raise FileRefused("a symbolic link leads out of the folder")
    if not path.is_file():
        raise FileRefused("this is no file")
    # Between resolve and open somebody could put a link in its place.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise FileRefused(f"the file is larger than {bytes_max // 1000} kB")
    return content


def names_below(root: Path) -> frozenset[str]:
    """Paths of all files below `root`, for `did you mean`; hidden ones left out."""
    found: set[str] = set()
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(folder).relative_to(root)
        found |= {(below / name).as_posix() for name in files if not name.startswith(".")}
        if len(found) > NAMES_MAX:
            break
    return frozenset(found)
