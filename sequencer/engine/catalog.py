"""Applied sequences, parsed once: what the daemon runs, from the database and never from the working copy."""

from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sequencer.content.definition import Bundle, from_stored
from sequencer.store import versions

if TYPE_CHECKING:
    from sequencer.content.render import Renderer

BUNDLES_KEPT_MAX = 500


class Catalog:
    """Bundles and renderers by (sequence id, version). A version never changes, so they are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[str, int], Bundle] = {}
        self._renderers: dict[tuple[str, int], Renderer] = {}

    def bundle(self, connection: Connection, sequence_id: str, version: int) -> Bundle:
        """Raises NotFound for a version that was never applied."""
        with self._lock:
            return self._bundle(connection, sequence_id, version)

    def renderer(self, connection: Connection, sequence_id: str, version: int) -> "Renderer":
        """What renders the templates of this version."""
        from sequencer.content.render import Renderer  # jinja2: loaded with the first text that is written

        with self._lock:
            key = (sequence_id, version)
            if key not in self._renderers:
                self._renderers[key] = Renderer(self._bundle(connection, sequence_id, version).files)
            return self._renderers[key]

    def _bundle(self, connection: Connection, sequence_id: str, version: int) -> Bundle:
        key = (sequence_id, version)
        if key not in self._kept:
            if len(self._kept) >= BUNDLES_KEPT_MAX:
                oldest = next(iter(self._kept))
                self._kept.pop(oldest)
                self._renderers.pop(oldest, None)
            stored = versions.version(connection, sequence_id, version)
            self._kept[key] = from_stored(sequence_id, stored.source, stored.files)
        return self._kept[key]
