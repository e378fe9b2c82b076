"""Makes the index of the phrases by which mail is read: `make words`, after an edit in sequencer/mail/words/.

It measures nothing; tests/unit/mail/test_words.py holds that the index says of each phrase what is told of it now.
"""

from pathlib import Path

from sequencer.mail import words
from sequencer.mail.words import index
from sequencer.mail.words.phrase import Phrase

__all__ = ["INDEX", "made", "main"]

TABLES_OF_PHRASES = ("date.easter", "date.quarter", "date.seasons", "date.spans")
INDEX = Path(words.__file__).with_name(index.FILE)


def made() -> bytes:
    """The index of all phrases, those that stand for a number among them."""
    plain = (written for topic in words.topics() for written in words.phrases(topic))
    numbered = (written for topic in TABLES_OF_PHRASES for written in words.table(topic))
    return index.packed(Phrase(written).folded for written in (*plain, *numbered))


def main() -> None:
    INDEX.write_bytes(made())


if __name__ == "__main__":
    main()
