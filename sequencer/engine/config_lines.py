"""Where a rule of the installation is written: the line of a key in config.toml, for people who want to change it.

TOML readers drop line numbers, and only `why` asks for them. It reads the file as text and checks nothing.
"""

from sequencer.config import Config
from sequencer.core.reason import Place

__all__ = ["FILE", "config_place", "config_text"]

FILE = "config.toml"


def config_text(config: Config) -> str:
    """The file as it is written now; nothing where it cannot be read."""
    try:
        return (config.folder / FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def config_place(config: Config, table: str, key: str = "", name: str = "") -> Place:
    """The line of `key` in `[table]`, or in the `[[table]]` that mentions `name`; line 0 where it is not written."""
    lines = config_text(config).splitlines()
    starts = [at for at, line in enumerate(lines) if line.strip().startswith("[")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header, body = lines[start].partition("#")[0].strip(), lines[start + 1 : end]
        if header not in (f"[{table}]", f"[[{table}]]"):
            continue
        if name and not any(f'"{name}"' in line for line in body):
            continue
        if not key:
            return Place(FILE, start + 1)
        written = (start + 2 + at for at, line in enumerate(body) if line.partition("=")[0].strip() == key)
        return Place(FILE, next(written, 0))
    return Place(FILE)
