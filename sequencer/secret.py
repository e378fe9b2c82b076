"""Reads a secret at the moment of use: config.toml holds references only (`env:NAME`, `file:PATH`, `cmd:COMMAND`).

Nothing is kept: a password that changes is read anew, a missing one breaks its mailbox alone.
"""

import os
import re
import stat
import subprocess
from pathlib import Path

from sequencer.errors import ConfigError

REFERENCE = re.compile(r"(env|file|cmd):(.+)", re.DOTALL)
COMMAND_S_MAX = 10.0
BYTES_MAX = 10_000


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
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode not in (0o600, 0o400):
            raise ConfigError(f"file:{path}", f"mode 0600 or 0400 (chmod 600 {path})", f"{mode:04o}")
        return path.read_text()[:BYTES_MAX].strip()
    except OSError as error:
        raise ConfigError(f"file:{path}", "a readable file", error.strerror or "an error") from None


def _secret_command(command: str) -> str:
    try:
        run = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise ConfigError("cmd", f"an answer within {COMMAND_S_MAX:.0f} s", "none") from None
    if run.returncode:
        raise ConfigError("cmd", "a command that ends with 0", f"exit {run.returncode}")
    return run.stdout[:BYTES_MAX].strip()
