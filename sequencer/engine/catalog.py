"""Applied sequences, parsed once: what the daemon runs, from the database and never from the working copy."""

from threading import Lock

from sqlalchemy import Connection

from sequencer.content.definition import Bundle, from_stored
from sequencer.content.render import Renderer
from sequencer.store import versions

BUNDLES_KEPT_MAX = 500


class Catalog:
    """Bundles and renderers by (sequence id, version). A version never changes, so they are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[str, int], tuple[Bundle, Renderer]] = {}

    def bundle(self, connection: Connection, sequence_id: str, version: int) -> Bundle:
        """Raises NotFound for a version that was never applied."""
        return self._pair(connection, sequence_id, version)[0]

    def renderer(self, connection: Connection, sequence_id: str, version: int) -> Renderer:
        """What renders the templates of this version."""
        return self._pair(connection, sequence_id, version)[1]

    def _pair(self, connection: Connection, sequence_id: str, version: int) -> tuple[Bundle, Renderer]:
        key = (sequence_id, version)
        with self._lock:
            if key not in self._kept:
                if len(self._kept) >= BUNDLES_KEPT_MAX:
                    self._kept.pop(next(iter(self._kept)))
                stored = versions.version(connection, sequence_id, version)
                bundle = from_stored(sequence_id, stored.source, stored.files)
                self._kept[key] = (bundle, Renderer(bundle.files))
            return self._kept[key]
