"""What reps and managers type while the daemon runs: stops and their end, moves, merges, hand-overs, edits, answers.

Each command is one or several transactions of another process, at an instant that the seed chooses, often within
milliseconds of a fence. A refusal in the product's own words is an answer; any other exception is a problem.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from sequencer.app import App
from sequencer.core.reason import FinishReason
from sequencer.engine import (
    answering,
    applying,
    enrolling,
    merging,
    moving,
    outer_stops,
    reassigning,
    settling,
    stops,
    suppressing,
    task_verbs,
)
from sequencer.engine.outer_stops import ScopeName
from sequencer.engine.suppression_targets import Target
from sequencer.engine.task_verbs import Said
from sequencer.errors import SequencerError
from sequencer.store import people, tasks
from tests.simulation.crowd import Crowd, import_table
from tests.simulation.premises import ANA, BO, edits
from tests.simulation.stage import Stage

__all__ = ["Office"]


class Office:
    """The commands. `by` is a rep; `stops` are those that forbid a mail at once."""

    def __init__(self, stage: Stage, app: App, crowd: Crowd, wake: Callable[[], None]) -> None:
        self._stage, self._app, self._crowd, self._wake = stage, app, crowd, wake
        self._dice = stage.dice("office")
        self.stops: tuple[Callable[[str], object], ...] = (
            self.pause, self.finish, self.opt_out, self.pause_sequence, self.pause_mailbox, self.suppress_domain,
            self.pause_all,
        )  # fmt: skip
        self.others: tuple[Callable[[str], object], ...] = (
            self.resume, self.move, self.reassign, self.answer, self.enroll, self.settle_any, self.skip_task,
            self.pause_until, self.resume_mailboxes,
        )  # fmt: skip

    @property
    def _now(self) -> datetime:
        return self._stage.clock.now()

    def run(self, command: Callable[[str], object], address: str) -> bool:
        """Type it; False when it was refused."""
        name = getattr(command, "__name__", "command")
        try:
            command(address)
        except SequencerError as error:
            self._stage.say(f"refused: {name} {address}: {error}")
            return False
        except Exception as error:
            self._stage.problems.append(f"the command {name} raised {type(error).__name__}: {error}")
            return False
        self._stage.say(f"command: {name} {address}")
        self._wake()
        return True

    def anything(self) -> None:
        """One command of the many, on somebody."""
        commands = self.others if self._dice.random() < 0.6 else self.stops
        self.run(self._dice.choice(commands), self._dice.choice(list(self._crowd.people)))

    def stop_at_once(self, address: str) -> None:
        self.run(self._dice.choice(self.stops), address)

    def _write(self, work: Callable[[Connection], object]) -> None:
        self._app.database.write(work, urgent=True)

    def _later(self, call: Callable[[str], object], address: str, hours: float) -> None:
        self._stage.later(self._dice.uniform(0.1, hours) * 3600, self.run, call, address)

    def pause(self, address: str) -> None:
        self._write(lambda c: stops.pause_person(c, self._app.advance, address, "ana", self._now))
        self._later(self.resume, address, 48)

    def pause_until(self, address: str) -> None:
        until = self._now + timedelta(hours=self._dice.uniform(1, 60))
        self._write(lambda c: stops.pause_person(c, self._app.advance, address, "bo", self._now, lambda _: until))

    def resume(self, address: str) -> None:
        works = self._dice.random() < 0.3
        self._write(lambda c: stops.resume_person(c, self._app.advance, address, "ana", self._now, address_works=works))

    def finish(self, address: str) -> None:
        reason = self._dice.choice((FinishReason.REMOVED, FinishReason.GOAL, FinishReason.MEETING))
        self._write(lambda c: stops.finish_person(c, self._app.advance, address, reason, "ana", self._now))

    def opt_out(self, address: str) -> None:
        self._write(lambda c: stops.opt_out(c, self._app.advance, address, "bo", self._now))

    def _pause_scope(self, scope: ScopeName, key: str) -> None:
        config = self._app.config
        self._write(lambda c: outer_stops.pause_scope(c, config, scope, key, "ana", "a break", self._now))

        def resume(_: str) -> None:
            self._write(lambda c: outer_stops.resume_scope(c, config, scope, key, "ana", self._now))

        self._later(resume, scope, 30)

    def pause_sequence(self, _: str) -> None:
        self._pause_scope("sequence", self._dice.choice(("plain", "mixed", "quick")))

    def pause_mailbox(self, _: str) -> None:
        self._pause_scope("mailbox", self._dice.choice((ANA, BO)))

    def pause_all(self, _: str) -> None:
        self._pause_scope("all", "")

    def resume_mailboxes(self, _: str) -> None:
        """Whoever looks after the mailboxes mends what is broken."""
        for box in (ANA, BO):
            self._write(lambda c, box=box: self._resume(c, "mailbox", box))  # type: ignore[misc]

    def resume_everything(self, _: str) -> None:
        places: tuple[tuple[ScopeName, str], ...] = (
            ("all", ""), ("sequence", "plain"), ("sequence", "mixed"), ("sequence", "quick"),
        )  # fmt: skip
        for scope, key in places:
            self._write(lambda c, scope=scope, key=key: self._resume(c, scope, key))  # type: ignore[misc]
        self.resume_mailboxes("")

    def _resume(self, connection: Connection, scope: ScopeName, key: str) -> None:
        outer_stops.resume_scope(connection, self._app.config, scope, key, "ana", self._now)

    def suppress_domain(self, address: str) -> None:
        domain = address.rpartition("@")[2]
        target = Target("address", address) if domain == "gmail.com" else Target("domain", domain)
        suppressing.suppress(self._app.database, self._app.advance, [target], None, "a customer", "ana", self._now)

    def move(self, address: str) -> None:
        target = self._dice.choice(
            ("plain", "mixed", "plain:bump", "mixed:close", "mixed:nudge", "quick", "quick:second")
        )
        self._write(lambda c: moving.move(c, self._app.advance, address, target, "ana", self._now))

    def merge(self, address: str) -> None:
        other = self._dice.choice([one for one in self._crowd.people if one != address])
        self._write(lambda c: merging.merge(c, self._app.advance, address, other, "ana", self._now))

    def reassign(self, _: str) -> None:
        giver, taker = self._dice.choice((("ana", "bo"), ("bo", "ana")))
        reassigning.reassign(self._app.database, self._app.advance, giver, taker, None, "ana", self._now)

    def duplicate_import(self, _: str) -> None:
        import_table(self._app, list(self._crowd.rows.values()), self._now, update=self._dice.random() < 0.5)

    def edit(self, _: str) -> None:
        self._write(lambda c: applying.apply(c, self._app.advance, edits(), "ana", self._now))

    def enroll(self, address: str) -> None:
        sequence, rep = self._dice.choice(("plain", "mixed", "quick")), self._dice.choice(("ana", "bo"))

        def work(connection: Connection) -> None:
            door = enrolling.open_door(connection, self._app.advance, sequence, rep, rep)
            owners = people.owners(connection, [address])
            enrolling.enroll(connection, self._app.advance, door, list(owners.values()), self._now)

        self._write(work)

    def answer(self, address: str) -> None:
        """`reply ID` to an open task, of whomever."""
        waiting = [row for row in self._app.database.read(tasks.open_tasks) if row.work == "answer"]
        if waiting:
            row = self._dice.choice(waiting)
            key = self._app.key
            self._write(lambda c: answering.reply(
                c, self._app.advance, key, row.id, "Re: your answer", "Thank you.\n", row.rep, self._now
            ))  # fmt: skip

    def settle_any(self, _: str) -> None:
        """Somebody says what became of a doubtful mail, rightly or wrongly."""
        waiting = self._app.database.read(settling.unsettled)
        if waiting:
            one = self._dice.choice(waiting)
            settle = self._dice.choice((settling.say_sent, settling.send_again, settling.give_up))
            self._write(partial(settle, advance=self._app.advance, send_id=one.row.id, by="ana", now=self._now))

    def skip_task(self, _: str) -> None:
        waiting = self._app.database.read(tasks.open_tasks)
        if waiting:
            row, now = self._dice.choice(waiting), self._now
            if self._dice.random() < 0.5:
                self._write(lambda c: task_verbs.skip(c, self._app.advance, row.id, row.rep, now))
            else:
                self._write(lambda c: task_verbs.done(c, self._app.advance, row.id, Said("", row.rep), now))
