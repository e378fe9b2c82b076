"""Reads a secret at the moment of use: config.toml holds references only (`env:NAME`, `file:PATH`, `cmd:COMMAND`).

A password that changes is read anew, a missing one breaks its mailbox alone. Only an access token that a command
printed is kept, for minutes: it is asked for at every login, and the command may ask a server itself.
"""

import os
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sequencer.errors import ConfigError

REFERENCE = re.compile(r"(env|file|cmd):(.+)", re.DOTALL)
COMMAND_S_MAX = 10.0
BYTES_MAX = 10_000
STDERR_CHARS_MAX = 200
TOKEN_S_MAX = 300.0  # a token lives about an hour; one that was revoked or has expired is found out by its refusal


def read_secret(reference: str) -> str:
    """The secret behind a reference. Raises ConfigError when it is missing or its file is open to others."""
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ConfigError("password", "a reference", "something else")
    where, name = found[1], found[2]
    if where == "env":
        if name not in os.environ:
            raise ConfigError(reference, "an environment variable", "none of this name")
        return os.environ[name]
    return _secret_file(Path(name)) if where == "file" else _secret_command(name)


def _secret_file(path: Path) -> str:
    """A link is followed; what counts is the file that was opened, and not one that is put in its place meanwhile."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait for whoever writes into it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _only_ours(path, os.fstat(file.fileno()))
            return file.read(BYTES_MAX).decode().strip()
    except OSError as error:
        raise ConfigError(f"file:{path}", "a readable file", error.strerror or "an error") from None
    except UnicodeDecodeError:  # its text would quote the secret
        raise ConfigError(f"file:{path}", "text in UTF-8", "other bytes") from None


def _only_ours(path: Path, found: os.stat_result) -> None:
    """Raises ConfigError when somebody else may read the file."""
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"file:{path}", "a file", "something else")
    if mode not in (0o600, 0o400):
        raise ConfigError(f"file:{path}", f"mode 0600 or 0400 (chmod 600 {path})", f"{mode:04o}")
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"file:{path}", "a file of ours or of root (chown)", f"one of user {found.st_uid}")


def _secret_command(command: str) -> str:
    """What the command prints. It gets no input, and with it ends whatever it started."""
    with subprocess.Popen(
        command, shell=True, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as run:  # fmt: skip
        try:
            printed, complaint = run.communicate(timeout=COMMAND_S_MAX)
        except subprocess.TimeoutExpired:
            raise ConfigError("cmd", f"an answer within {COMMAND_S_MAX:.0f} s", "none") from None
        finally:  # the shell's children hold its pipes: were they not ended too, leaving this block would wait for them
            if run.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)
    if run.returncode:
        said = _last_line(complaint, printed)
        raise ConfigError("cmd", "a command that ends with 0", f"exit {run.returncode}" + (f": {said}" if said else ""))
    return printed[:BYTES_MAX].strip()


def _last_line(complaint: str, printed: str) -> str:
    """Where programs say what went wrong; without what they printed, which may be the secret."""
    line = next((line.strip() for line in reversed(complaint.splitlines()) if line.strip()), "")
    for word in printed.split():
        line = line.replace(word, "***")
    return "".join(each for each in line if each.isprintable())[:STDERR_CHARS_MAX]


class Tokens:
    """Access tokens for logins, by their reference. `read`: as read_secret; `clock`: monotonic seconds.

    What a command printed serves every login for TOKEN_S_MAX, or until a server refuses it. A file is read each time:
    whoever renews the token in it need not tell us.
    """

    def __init__(self, read: Callable[[str], str], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._known: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def of(self, reference: str, refused: str = "") -> str:
        """The token; `refused` is one that a server did not take, and comes back only when there is no other.

        Raises ConfigError.
        """
        with self._locks.setdefault(reference, threading.Lock()):
            token, until = self._known.pop(reference, ("", 0.0))
            if token in ("", refused) or self._clock() >= until:
                token, until = self._read(reference), self._clock() + TOKEN_S_MAX
            if not token:
                raise ConfigError(reference, "an access token", "nothing")
            if reference.startswith("cmd:"):
                self._known[reference] = token, until
            return token
