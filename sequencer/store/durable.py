"""Makes what was written last through a power cut: a backup, and the entry of a file in its folder.

SQLite and the Maildir folder see to their own files.
"""

import os
from pathlib import Path

__all__ = ["make_durable"]


def make_durable(path: Path) -> None:
    """Flush this file, or what a folder says of its files, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
