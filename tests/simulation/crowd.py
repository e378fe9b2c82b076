"""The people of one seed and their mail: who they are, how each answers, and how their answers reach the accounts.

Characters, letters and the town are the demo's; here another few of them live in every seed, and mail travels in
virtual time. The reps work through the verbs that people use.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from zoneinfo import ZoneInfo

from sequencer.app import App
from sequencer.content.people_csv import read
from sequencer.engine import settling
from sequencer.engine.importing import import_rows
from sequencer.errors import SequencerError
from sequencer.store import people
from sequencer.world import letters
from sequencer.world.letters import Original, read_original
from sequencer.world.mailroom import SENT, Parcel
from sequencer.world.people import Character, Kind
from sequencer.world.phrases import ANSWERS, Language
from sequencer.world.record import Delivered
from sequencer.world.reps import Reps
from tests.simulation.folders import Account
from tests.simulation.premises import BO
from tests.simulation.stage import Stage

__all__ = ["HEADINGS", "Crowd", "Post", "import_table", "row_of"]

KINDS: tuple[Kind, ...] = (
    "silent", "silent", "silent", "silent", "silent", "interested", "interested", "question", "not_interested",
    "opt_out", "away", "away_then_interested", "colleague", "hard_bounce", "soft_bounce", "unknown_user",
    "greylisted", "busy", "lost_then_answers", "lost_then_copied", "lost_unseen", "meeting", "goal", "not_now",
)  # fmt: skip
HOMES: tuple[tuple[str, str, Language], ...] = (
    ("Europe/Madrid", "ES", "es"), ("Europe/Berlin", "DE", "de"), ("Europe/London", "GB", "en"),
    ("America/New_York", "US", "en"), ("America/Los_Angeles", "US", "en"), ("Asia/Kolkata", "IN", "en"),
    ("Australia/Lord_Howe", "AU", "en"),
)  # fmt: skip
NAMES = ("Jo", "Kai", "Lea", "Max", "Nia", "Oli", "Pam", "Quin", "Rae", "Sam")
DOMAINS = ("acme.test", "bolt.test", "crux.test", "gmail.com")
HEADINGS = "email,first_name,last_name,timezone,country,phone,keen"
POLL_S = 20.0
LAG_S_MAX = 10_000.0


def row_of(one: Character, keen: bool) -> str:
    """The person as a line of a CSV file."""
    first, last = one.name.split()
    phone = "+34810123499" if one.kind in ("meeting", "goal") or keen else ""
    return f"{one.address},{first},{last},{one.zone.key},{one.country},{phone},{'yes' if keen else ''}"


def import_table(app: App, rows: list[str], now: datetime, *, update: bool = False) -> None:
    table = "\n".join([HEADINGS, *rows]) + "\n"
    import_rows(app.database, app.advance, read(BytesIO(table.encode()), "people.csv"), update=update, now=now)


class Crowd:
    """Everybody of one seed; `rows` are their lines of the CSV file."""

    def __init__(self, stage: Stage) -> None:
        dice = stage.dice("crowd")
        self.people: dict[str, Character] = {}
        self.rows: dict[str, str] = {}
        for number in range(dice.randint(3, 8)):
            zone, country, language = dice.choice(HOMES)
            address = f"{NAMES[number].lower()}@{dice.choice(DOMAINS)}"
            one = Character(
                address, f"{NAMES[number]} Doe", ZoneInfo(zone), country, language, dice.choice(KINDS),
                answers_to=dice.choice((1, 1, 2)), connects=False,
            )  # fmt: skip
            self.people[address] = one
            self.rows[address] = row_of(one, dice.random() < 0.5)

    def by_id(self, app: App) -> dict[int, Character]:
        owners = app.database.read(lambda connection: people.owners(connection, list(self.people)))
        return {owners[address]: one for address, one in self.people.items() if address in owners}


class Post:
    """Carries mail to the accounts; the town's rooms. `arrived` is called when something lies in an INBOX."""

    def __init__(self, stage: Stage, accounts: dict[str, Account], arrived: Callable[[float], None]) -> None:
        self._stage, self._accounts, self._arrived = stage, accounts, arrived
        self._dice = stage.dice("post")
        self.originals: dict[str, Original] = {}

    def post(self, parcel: Parcel, at: datetime) -> None:
        delay_s = max(0.0, (at - self._stage.clock.now()).total_seconds())
        self._stage.later(delay_s, self.put, parcel)

    def file(self, parcel: Parcel, now: datetime) -> None:
        if parcel.folder == SENT and parcel.mailbox == BO:
            return  # its provider files nothing: we append
        if parcel.folder == SENT and self._stage.faults.hit("Sent folder lagging"):
            self.post(parcel, now + timedelta(seconds=self._dice.uniform(30, LAG_S_MAX)))
        else:
            self.put(parcel)

    def put(self, parcel: Parcel) -> None:
        raw = parcel.raw if b"\r\n" in parcel.raw else parcel.raw.replace(b"\n", b"\r\n")
        folder = "Sent" if parcel.folder == SENT else "Junk" if self._dice.random() < 0.05 else "INBOX"
        entry = self._stage.record.note(
            Delivered, at=self._stage.clock.now(), mailbox=parcel.mailbox, folder=folder, name=str(len(raw)), raw=raw,
            kind=parcel.kind, person=parcel.person, effect=parcel.effect, until=parcel.until, answers=parcel.answers,
        )  # fmt: skip
        assert isinstance(entry, Delivered)
        self._accounts[parcel.mailbox].put(folder, raw, entry)
        if folder != "Sent":
            self._stage.say(f"arrives: {entry}")
        self._arrived(self._dice.random() * POLL_S)

    def answer_now(self, one: Character) -> bool:
        """The person answers what they got before, at this very moment; False when they got nothing."""
        original = self.originals.get(one.address)
        if original is None:
            return False
        at = self._stage.clock.now().replace(microsecond=0)
        raw = letters.answer(one.writer, original, ANSWERS["interested"][one.language][0], at)
        self.put(Parcel(mailbox=original.sender, raw=raw, kind="interested", person=one.address,
                        answers=original.message_id, effect="stop"))  # fmt: skip
        return True

    def remember(self, recipient: str, raw: bytes) -> None:
        self.originals[recipient] = read_original(raw)


async def work(stage: Stage, app: App, reps: Reps, arrived: Callable[[str], bool], wake: Callable[[], None]) -> None:
    """The reps' days, for ever: at each session they do what is open, and say what became of doubtful mail."""
    while True:
        now = stage.clock.now()
        at = reps.next_at(now)
        await asyncio.sleep((at - now).total_seconds() if at else 6 * 3600.0)
        if at is None:
            continue
        now = stage.clock.now()
        try:
            _settle(app, arrived, now)
            if reps.work(now):
                wake()
        except SequencerError as error:
            stage.say(f"a rep is refused: {error}")


def _settle(app: App, arrived: Callable[[str], bool], now: datetime) -> None:
    """Mail that only a person can settle and nobody may send again is given up."""
    for one in app.database.read(settling.unsettled):
        if one.row.state != "person":
            continue
        here = arrived(one.row.message_id or "")
        tries = [settling.say_sent] if here else [settling.send_again, settling.give_up]
        for settle in tries:
            try:
                app.database.write(partial(settle, advance=app.advance, send_id=one.row.id, by="ana", now=now))
                break
            except SequencerError:
                continue
