"""What an inbox reader was asked to settle: the engine's store without a database.

Cursors and items change in one step, as in a transaction. It judges nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sequencer.core.ports import Cursor, Head, Inbox, Settled


@dataclass
class Shelf:
    wanted: Callable[[Head], bool] = lambda head: True
    cursors: dict[str, Cursor] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)

    def walk(self, inbox: Inbox) -> list[Settled]:
        """Walk to the end; what this walk added."""
        before = len(self.settled)
        inbox.walk(self.cursors, self.wanted, self.settle)
        return self.settled[before:]

    def settle(self, folder: str, cursor: Cursor, items: Sequence[Settled]) -> None:
        self.cursors[folder] = cursor
        self.settled += items

    @property
    def subjects(self) -> list[str]:
        return [subject(item.head.header) for item in self.settled]


def message(text: str, body: str = "body", message_id: str = "") -> bytes:
    """Raw bytes of a mail with this subject."""
    message_id = message_id or f"<{text.replace(' ', '-')}@prospect.test>"
    head = f"From: p@prospect.test\r\nTo: rep@example.test\r\nSubject: {text}\r\nMessage-ID: {message_id}\r\n"
    return f"{head}\r\n{body}\r\n".encode()


def subject(raw: bytes) -> str:
    return raw.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode()
