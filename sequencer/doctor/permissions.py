"""Who else on this machine can read the prospects' names, or change what the daemon runs.

A folder that others cannot enter closes everything in it, so one command mends most of it. It looks at modes and
changes none.
"""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from sequencer.config import Config
from sequencer.doctor.finding import Finding, fail, ok, warn

__all__ = ["permissions"]

NAME = "permissions"
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
SECRET_MODES = (0o600, 0o400)


def permissions(config: Config, database: Path | None) -> Iterator[Finding]:
    """config.toml, the folder, the database (SQLite gives its other files the same mode), and the password files."""
    found = [*_open_places(config, database), *_secrets(config)]
    yield from found
    if not found:
        yield ok(NAME, f"nobody else on this machine can read {config.folder} or the password files")


def _open_places(config: Config, database: Path | None) -> Iterator[Finding]:
    file, folder = config.path_of_file, config.folder
    if _reachable(folder) & stat.S_IWOTH and not _mode(folder) & stat.S_ISVTX:
        yield fail(NAME, f"anybody may put files into {folder}", f"chmod 700 {shlex.quote(str(folder))}")
    if _reachable(file) & _OTHERS_WRITE:
        said = f"others may write {file.name}, and a password reference there can run a command"
        yield fail(NAME, said, f"chmod 600 {shlex.quote(str(file))}")
    if "://" in config.database.url and "@" in config.database.url and _reachable(file) & _OTHERS_READ:
        said = f"others can read {file.name}, whose database url may hold a password"
        yield fail(NAME, said, f"chmod 600 {shlex.quote(str(file))}")
    readable = [file] if _reachable(file) & (_OTHERS_READ | _OTHERS_WRITE) else []
    if database and database.exists() and _reachable(database) & stat.S_IROTH:
        readable.append(database)
    if readable:
        said = f"others on this machine can read {', '.join(each.name for each in readable)}"
        mends = [f"chmod 700 {shlex.quote(str(each))}" for each in dict.fromkeys(each.parent for each in readable)]
        yield warn(NAME, said, " && ".join(mends))


def _secrets(config: Config) -> Iterator[Finding]:
    servers = [server for box in config.mailboxes for server in (box.smtp, box.imap) if server]
    references = dict.fromkeys(server.secret for server in servers)
    for path in (Path(each.removeprefix("file:")) for each in references if each and each.startswith("file:")):
        if path.exists() and stat.S_IMODE(_mode(path)) not in SECRET_MODES:
            said = f"{path} has mode {stat.S_IMODE(_mode(path)):04o}, so it is not used"
            yield fail(NAME, said, f"chmod 600 {shlex.quote(str(path))}")
        elif path.exists() and path.stat().st_uid not in (0, os.geteuid()):
            said = f"{path} belongs to another user of this machine, so it is not used"
            yield fail(NAME, said, f'chown "$(id -u)" {shlex.quote(str(path))}')


def _mode(path: Path) -> int:
    return path.stat().st_mode


def _reachable(path: Path) -> int:
    """The bits of group and others that count: those who may not enter every folder above cannot use the file's."""
    mode = _mode(path)
    for enter, bits in ((stat.S_IXGRP, stat.S_IRWXG), (stat.S_IXOTH, stat.S_IRWXO)):
        if not all(_mode(folder) & enter for folder in path.parents):
            mode &= ~bits
    return mode
