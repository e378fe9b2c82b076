"""Runs scenario tests: plays each one and compares what it expects with what happened.

It is here so that a manager knows before `apply` what a sequence does on a holiday, after an absence, after a no. What
happens is engine/scenario_play.py's; this only compares and puts it into words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.config import Config
from sequencer.content.definition import Bundle
from sequencer.content.scenario import Case, Expect, WallTime
from sequencer.core import events as e
from sequencer.core.reason import Place
from sequencer.engine.event_words import QUIET, Beside, words_of
from sequencer.engine.scenario_play import Happened, Played, Problem, instant_of, play

__all__ = ["Failure", "Line", "Result", "run", "wall_words"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met, or a problem of its own; `found`: what happened in its place."""

    place: Place
    expected: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what happened."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """`zone`: the prospect's, in which dates are meant and told."""

    case: Case
    zone: ZoneInfo
    failures: tuple[Failure, ...]
    happened: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        return not self.failures


def run(config: Config, bundle: Bundle, case: Case) -> Result:
    """One scenario. Where neither it nor the sequence names a rep, the first one of config.toml enrols."""
    played = play(config, bundle, case, case.scenario.rep or next(iter(config.reps_by_name), ""))
    failures = [*_problems(case, played.problems), *_unmet(case, played)]
    return Result(case, played.zone, tuple(failures), tuple(_lines(case, played)))


def _problems(case: Case, problems: tuple[Problem, ...]) -> Iterator[Failure]:
    """A text that cannot be written is no failure where the scenario expects that it holds the person."""
    holds = {expect.held for expect in case.scenario.expect}
    for problem in problems:
        if problem.holds is None or problem.holds not in holds:
            yield Failure(Place(case.path, case.line(problem.key)), problem.message)


def _unmet(case: Case, played: Played) -> Iterator[Failure]:
    for number, expect in enumerate(case.scenario.expect):
        seen = _Seen(played, expect)
        if not seen.met:
            yield Failure(Place(case.path, case.line(f"expect.{number}")), seen.expected, seen.found)


def _lines(case: Case, played: Played) -> Iterator[Line]:
    said = {number: given.reply or given.auto_reply or "" for number, given in enumerate(case.scenario.given)}
    beside = Beside(lambda at: wall_words(at, played.zone), mails=said)
    for each in played.happened:
        if type(each.event) not in QUIET:
            yield Line(each.at, words_of(each.event, beside))


def wall_words(at: datetime, zone: ZoneInfo) -> str:
    """An instant on the prospect's clock."""
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M}"


class _Seen:
    """One expectation beside what happened."""

    def __init__(self, played: Played, expect: Expect) -> None:
        self._zone, self._happened, self._expect = played.zone, played.happened, expect
        self._same = [each for each in played.happened if self._is_it(each.at, each.event)]

    @property
    def met(self) -> bool:
        if self._expect.never or self._expect.nothing_after:
            return not self._same
        return any(self._fits(each) for each in self._same)

    @property
    def expected(self) -> str:
        expect = self._expect
        if expect.never:
            return f"{expect.never} never comes"
        if expect.nothing_after:
            return f"nothing after {expect.nothing_after}"
        words = {
            "step": f"{expect.step}", "skipped": f"{expect.skipped} passed by", "branch": f"branch {expect.branch}",
            "task": f"a task {expect.task}", "finished": f"finished ({expect.finished})",
            "held": f"held ({expect.held})", "paused": f"paused ({expect.paused})",
        }[expect.kind]  # fmt: skip
        words += f" because {expect.because}" if expect.because else ""
        words += f" goes to {expect.to}" if expect.to else ""
        words += f" until {expect.until}" if expect.until else ""
        return words + (f" on {expect.on}" if expect.on else "")

    @property
    def found(self) -> str:
        """What there was of the kind; a step that was passed by says why."""
        beside = Beside(lambda at: wall_words(at, self._zone))
        same = self._same or [each for each in self._happened if self._says_why(each.event)]
        told = [f"{wall_words(each.at, self._zone)}: {words_of(each.event, beside)}" for each in same]
        return "; ".join(told) or "it never happened"

    def _is_it(self, at: datetime, event: e.Event) -> bool:
        expect = self._expect
        match event:
            case e.TouchSent(step=step) | e.TaskOpened(step=str() as step, review=False):
                return step in (expect.step, expect.never) or self._is_late(at)
            case e.StepSkipped(step=step):
                return step == expect.skipped
            case e.BranchTaken(step=step):
                return step == expect.branch
            case e.TaskOpened(step=None, work=work):
                return work == expect.task
            case e.Finished():
                return expect.finished is not None
            case e.HoldPut():
                return expect.held is not None
            case e.PausePut():
                return expect.paused is not None
        return False

    def _is_late(self, at: datetime) -> bool:
        after = self._expect.nothing_after
        if after is None:
            return False
        return at > instant_of(after, self._zone) if after.clock else at.astimezone(self._zone).date() > after.day

    def _fits(self, each: Happened) -> bool:
        expect = self._expect
        match each.event:
            case e.StepSkipped(reason=reason) if expect.because not in (None, reason):
                return False
            case e.BranchTaken(target=target) if expect.to not in (None, target):
                return False
            case e.Finished(reason=end) if end != expect.finished:
                return False
            case e.HoldPut(reason=reason) if reason != expect.held:
                return False
            case e.PausePut(reason=reason, until=until) if reason != expect.paused or not self._is_on(
                until, expect.until
            ):
                return False
        return self._is_on(each.at, expect.on)

    def _is_on(self, at: datetime | None, wanted: WallTime | None) -> bool:
        """As exact as it is written: a day, or the minute of it."""
        if wanted is None:
            return True
        if at is None:
            return False
        local = at.astimezone(self._zone)
        return local.date() == wanted.day and (
            wanted.clock is None or (local.hour, local.minute) == (wanted.clock.hour, wanted.clock.minute)
        )

    def _says_why(self, event: e.Event) -> bool:
        return isinstance(event, e.StepSkipped) and event.step == self._expect.step
