"""Has the system take back at once what a large mail needed.

The C library raises the size up to which it keeps freed blocks whenever a larger one is freed: after a few mails of
5 MB each thread keeps tens of MB for good. A fixed size ends that. It limits nothing, and does nothing where the C
library is another than glibc.
"""

import ctypes
from contextlib import suppress

__all__ = ["give_back_large_blocks"]

LARGE_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3  # mallopt(3)


def give_back_large_blocks() -> None:
    """From now on a block of LARGE_BYTES or more goes back to the system when it is freed. Source: mallopt(3)."""
    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
