"""Passwords for one examination: each reference is read once, and what was read is taken out of every text.

A reference may be a command that takes seconds or asks the operator; and a server may quote what it refuses. Nothing
read here is kept beyond the examination.
"""

import base64
import threading
from collections.abc import Callable

from sequencer.errors import SequencerError

__all__ = ["Secrets"]

HIDDEN = "***"


class Secrets:
    """`read` gives the secret behind a reference, or raises SequencerError."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, str | SequencerError] = {}

    def of(self, reference: str) -> str:
        """Raises SequencerError."""
        with self._locks.setdefault(reference, threading.Lock()):
            if reference not in self._known:
                try:
                    self._known[reference] = self._read(reference)
                except SequencerError as error:
                    self._known[reference] = error
            found = self._known[reference]
        if isinstance(found, SequencerError):
            raise found
        return found

    def hide(self, text: str, username: str) -> str:
        """The text without any secret that was read: as it is, in Base64, or as a SASL PLAIN login (RFC 4616)."""
        for secret in list(self._known.values()):
            if isinstance(secret, str) and secret:
                encoded = (base64.b64encode(each.encode()).decode() for each in (f"\0{username}\0{secret}", secret))
                for shape in (secret, *encoded):
                    text = text.replace(shape, HIDDEN)
        return text
