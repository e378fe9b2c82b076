"""One person who was written to once, a mail of theirs, and a rep who says what it really is."""

from datetime import date

from sqlalchemy import Connection

from sequencer.engine.correcting import Correction, Said, Word, accept, correct
from sequencer.store import log, people, tasks
from tests.integration.mail_room import MailRoom

JO = "jo@acme.test"
AWAY = "Auto-Submitted: auto-replied\n"
BACK = date(2026, 12, 7)


class Desk:
    """One person, written to once, and one mail of theirs."""

    def __init__(self, room: MailRoom) -> None:
        self.room = room
        self.person = room.person(JO)
        self.first = room.written_to(self.person)
        room.clock.forward(hours=2)
        self.sent = room.sent(self.person).message_id or ""

    async def got(self, raw: str) -> "Desk":
        self.room.deliver(raw)
        await self.room.read()
        self.room.clock.forward(minutes=5)
        return self

    def set(self, word: Word, until: date | None = None, mail_id: int = 1, address: str = "") -> Correction:
        room = self.room
        now = room.clock.now()
        said = Said(word, until, address)
        done = room.database.write(lambda c: correct(c, room.advance, mail_id, said, "ana", now))
        room.clock.forward(minutes=5)
        self.sound()
        return done

    def accept(self, address: str = "", mail_id: int = 1) -> Correction:
        room, now = self.room, self.room.clock.now()
        return room.database.write(lambda c: accept(c, room.advance, mail_id, address, "ana", now))

    @property
    def enrollments(self) -> list[log.Enrollment]:
        ids = self.room.database.read(lambda c: log.all_of(c, self.person))
        return sorted(self.room.database.read(lambda c: log.load(c, ids)).values(), key=lambda row: row.id)

    @property
    def last(self) -> log.Enrollment:
        return self.enrollments[-1]

    @property
    def open_work(self) -> list[str]:
        return [row.work for row in self.room.database.read(lambda c: tasks.open_tasks(c, prospect_id=self.person))]

    @property
    def forbidden(self) -> bool:
        def read(connection: Connection) -> bool:
            person = people.load_prospects(connection, [self.person])[self.person]
            return bool(people.suppressions_of(connection, [person]).get(self.person))

        return self.room.database.read(read)

    def sound(self) -> None:
        """Every log folds to what is stored."""
        for row in self.enrollments:
            assert self.room.folded(row.id) == row.progress
            assert not row.progress.signals

    def stands(self) -> tuple[object, ...]:
        """All that counts for the person, however it came about."""
        live = [row.progress for row in self.enrollments if row.status != "finished"]
        return (
            [(p.step, p.step_done, p.since, p.status, p.replied, sorted(p.touches)) for p in live],
            [(pause.reason, pause.until) for p in live for pause in p.pauses],
            [hold.reason for p in live for hold in p.holds],
            sorted(self.open_work),
            self.forbidden,
            self.room.is_valid(JO, self.person),
            None if live else self.last.progress.finished,
        )
