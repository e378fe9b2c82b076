"""Checks that the parts of a sequence fit together: targets, conditions, files, reps, windows; with line and hint.

It is here because a model sees one value at a time, and a manager wants all that is wrong at once. Templates are
checked by lint_template.py. It changes nothing and asks neither disk nor database.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import available_timezones

from sequencer.content.complaint import spoken_key
from sequencer.content.definition import named_files, reactions
from sequencer.content.draft import CERTAIN, Doubt
from sequencer.content.folder import name_problem
from sequencer.content.guess import closest, guess
from sequencer.content.holiday import known_country
from sequencer.content.lint_template import TemplateLint, text_limit
from sequencer.core.condition import Condition, ConditionError, parse
from sequencer.core.reaction import Reaction
from sequencer.core.sequence import END, BranchStep, EmailStep, Sequence
from sequencer.core.window import parse_window
from sequencer.errors import DefinitionError

__all__ = ["Context", "problems", "warnings"]

_OUTCOME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
OUTCOME_CHARS_MAX = 40


@dataclass(frozen=True, slots=True)
class Context:
    """What the installation knows. `templates`: all files below templates/, for hints; `folder`: how errors name it."""

    windows: frozenset[str] = frozenset()
    reps: frozenset[str] = frozenset()
    postal_address: str = ""
    templates: frozenset[str] = frozenset()
    folder: str = "templates"


def problems(
    sequence: Sequence, files: Mapping[str, str], *, context: Context, doubt: Doubt = CERTAIN
) -> list[DefinitionError]:
    """All that must be mended before the sequence may run, in the order of file and line; never raises.

    `doubt`: where a malformed file does not say what was meant; nothing is said that follows only from a stand-in.
    """
    lint = _Lint(sequence, context, doubt)
    lint.settings()
    lint.steps()
    lint.reactions()
    lint.conditions(files)
    lint.files(files)
    once = {str(error): error for error in lint.found}
    return sorted(once.values(), key=lambda error: (error.path != lint.path, error.path, error.line))


def warnings(sequence: Sequence) -> list[DefinitionError]:
    """What may run but is hardly meant: steps that nobody can reach."""
    lint = _Lint(sequence, Context())
    reached: set[int] = set()
    todo = [0]
    for key, reaction in reactions(sequence):
        if not key.startswith("steps.") and isinstance(reaction, Reaction) and reaction.goto in sequence.index:
            todo.append(sequence.index[str(reaction.goto)])
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            todo += lint.successors(at)
    for at in range(len(sequence.steps)):
        if at not in reached:
            lint.wrong(f"steps.{at}", "no step leads here", "remove it, or name it in a next, then, else or goto")
    return lint.found


class _Lint:
    def __init__(self, sequence: Sequence, context: Context, doubt: Doubt = CERTAIN) -> None:
        self.sequence, self.context, self.doubt = sequence, context, doubt
        self.found: list[DefinitionError] = []
        self.path = sequence.place("").path
        self._plain = {
            group: [{} if each.id in doubt.nameless else {"id": each.id} for each in entries]
            for group, entries in (("steps", sequence.steps), ("rules", sequence.rules))
        }

    def wrong(self, key: str, message: str, hint: str = "") -> None:
        if self.doubt.covers(key):
            return
        place = self.sequence.place(key)
        spoken = [int(part) if part.isdigit() else part for part in key.split(".")]
        if spoken[-2:] == ["variants", "only"]:
            del spoken[-2:]
        where = spoken_key(self._plain, spoken)  # type: ignore[arg-type]
        self.found.append(DefinitionError(place.path, place.line, f"{where}: {message}", hint))

    def settings(self) -> None:
        settings, sequence = self.sequence.settings, self.sequence
        self._rep("owner", sequence.owner)
        if isinstance(settings.window, str) and settings.window not in self.context.windows:
            self._unknown("settings.window", "window in config.toml", settings.window, self.context.windows)
        elif isinstance(settings.window, Mapping):
            try:
                parse_window(settings.window)
            except ValueError as error:
                self.wrong("settings.window", str(error))
        if settings.timezone not in ("prospect", "mailbox"):
            zones = available_timezones()
            if settings.timezone not in zones:
                self._unknown("settings.timezone", "time zone", settings.timezone, {"prospect", "mailbox", *zones})
        countries = settings.holidays
        if countries not in ("prospect", "none"):
            for country in (countries,) if isinstance(countries, str) else countries:
                if not known_country(country):
                    self.wrong(
                        "settings.holidays", f'no country "{country}"', "write a code of two letters, such as US"
                    )
        if sequence.renamed_from == sequence.id:
            self.wrong("renamed_from", "is the sequence's own name")

    def steps(self) -> None:
        first: dict[str, int] = {}
        renamed: set[str] = set()
        for at, step in enumerate(self.sequence.steps):
            key = f"steps.{at}"
            if step.id in first:
                line = self.sequence.place(f"steps.{first[step.id]}").line
                self.wrong(f"{key}.id", "another step has this id", f"the first is on line {line}")
            first.setdefault(step.id, at)
            if step.renamed_from is not None and (
                step.renamed_from in self.sequence.index or step.renamed_from in renamed
            ):
                self.wrong(f"{key}.renamed_from", f'"{step.renamed_from}" is the id of another step')
            renamed.add(step.renamed_from or "")
            if step.next is not None:
                self._target(f"{key}.next", step.next, at)
            if isinstance(step, BranchStep):
                self._target(f"{key}.then", step.then, at)
                self._target(f"{key}.else", step.otherwise, at)
                if step.next is not None:
                    self.wrong(f"{key}.next", "a branch goes on with then and else", "remove next")
            if step.wait.anchor is not None:
                self._above(f"{key}.wait.from", step.wait.anchor, at)
            if isinstance(step, EmailStep):
                self._email(key, at, step)

    def _email(self, key: str, at: int, step: EmailStep) -> None:
        above = list(enumerate(self.sequence.steps[:at]))
        emails = [each.id for _, each in above if isinstance(each, EmailStep)]
        perhaps = [each.id for position, each in above if position in self.doubt.steps]
        if (
            step.reply_to
            and step.reply_to not in (*emails, *perhaps)
            and self._above(f"{key}.reply_to", step.reply_to, at)
        ):
            self.wrong(f"{key}.reply_to", f'"{step.reply_to}" is no email', guess(step.reply_to, emails))
        if step.on_overdue is not None and not step.review:
            self.wrong(f"{key}.on_overdue", "only a task can be overdue", "set review: true, or remove on_overdue")
        if at in self.doubt.steps:
            return
        if not step.review and not self.context.postal_address.strip():
            hint = "set postal_address under [company] in config.toml"
            self.wrong(key, "automatic mail needs the company's postal address", hint)
        for follower in self._at_once(at):
            hint = f'give "{self.sequence.steps[follower].id}" a wait, such as wait: 3bd'
            self.wrong(f"steps.{follower}", f'an email directly after the email "{step.id}"', hint)

    def _at_once(self, first: int) -> Iterator[int]:
        """Positions of emails that could leave in the same moment as the email at `first`."""
        todo, seen = list(self.successors(first)), set()
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            step = self.sequence.steps[at]
            if step.wait.span or at in self.doubt.steps or self.doubt.below(f"steps.{at}.wait"):
                continue
            if isinstance(step, EmailStep):
                yield at
            elif isinstance(step, BranchStep):
                todo += self.successors(at)

    def successors(self, at: int) -> Iterator[int]:
        """Positions of the steps that may come next; a target that does not stand below leads nowhere."""
        step = self.sequence.steps[at]
        below = {each.id: at + 1 + by for by, each in reversed(list(enumerate(self.sequence.steps[at + 1 :])))}
        targets: list[str | None] = []
        if isinstance(step, BranchStep):
            targets = [step.then, step.otherwise]
        else:
            if step.next is not None:
                targets = [step.next]
            elif at + 1 < len(self.sequence.steps):
                yield at + 1
            overdue = [step.on_overdue.do] if step.on_overdue else []
            targets += [each.goto for each in (*step.outcomes.values(), *overdue)]
        yield from (below[target] for target in targets if target in below)

    def reactions(self) -> None:
        for at, step in enumerate(self.sequence.steps):
            for outcome in getattr(step, "outcomes", {}):
                if not _OUTCOME.fullmatch(outcome) or len(outcome) > OUTCOME_CHARS_MAX:
                    hint = "write lower-case words joined by _ or -, such as no_answer"
                    self.wrong(f"steps.{at}.outcomes.{outcome}", "this is no name of an outcome", hint)
        ids = [rule.id for rule in self.sequence.rules]
        for at, rule_id in enumerate(ids):
            if rule_id in ids[:at]:
                self.wrong(f"rules.{at}.id", "another rule has this id")
        for key, reaction in reactions(self.sequence):
            if reaction.notify not in (None, "owner"):
                self._rep(f"{key}.notify", reaction.notify, also=("owner",))
            if isinstance(reaction, Reaction):
                self._rep(f"{key}.reassign", reaction.reassign)
                if reaction.goto is not None:
                    step_at = int(key.split(".")[1]) if key.startswith("steps.") else -1
                    self._target(f"{key}.goto", reaction.goto, step_at)

    def conditions(self, files: Mapping[str, str]) -> None:
        lint = TemplateLint(files)
        named = [each.path for each in named_files(self.sequence) if each.role == "message"]
        # A poll may stand in a file that is not there, or that nobody can tell.
        unseen = (
            any(path not in files for path in named)
            or any(".email" in key for key in self.doubt.keys)
            or any(not isinstance(self.sequence.steps[at], EmailStep) for at in self.doubt.steps)
        )
        polls = None if unseen else set(lint.polls)
        for at, step in enumerate(self.sequence.steps):
            if step.when is not None:
                self._condition(f"steps.{at}.when", step.when, polls)
            if isinstance(step, BranchStep):
                self._condition(f"steps.{at}.branch", step.branch, polls)
        for at, rule in enumerate(self.sequence.rules):
            self._condition(f"rules.{at}.when", rule.when, polls)

    def _condition(self, key: str, source: str, polls: Collection[str] | None) -> None:
        try:
            condition: Condition = parse(source)
        except ConditionError as error:
            self.wrong(key, str(error))
            return
        for step_id in sorted(condition.steps - set(self.sequence.index)):
            self._unknown(key, "step", step_id, self.sequence.index)
        if polls is None:
            return
        for poll_id in sorted(condition.polls - set(polls)):
            self._unknown(key, "poll in the templates", poll_id, polls)

    def files(self, files: Mapping[str, str]) -> None:
        lint = TemplateLint(files, self.context.folder)
        for named in named_files(self.sequence):
            if problem := name_problem(named.path):
                self.wrong(named.key, f'"{named.path}" is no file below templates/', problem)
            elif named.path not in files:
                hint = guess(named.path, self.context.templates)
                self.wrong(named.key, f"no file {self.context.folder}/{named.path}", hint)
            else:
                step = self.sequence.steps[int(named.key.split(".")[1])] if named.key.startswith("steps.") else None
                is_reply: bool | None = isinstance(step, EmailStep) and step.reply_to is not None
                if named.key.startswith("steps.") and int(named.key.split(".")[1]) in self.doubt.steps:
                    is_reply = None
                self.found += lint.problems(named.path, named.role, is_reply=is_reply, chars_max=text_limit(step))

    def _target(self, key: str, target: str, at: int) -> None:
        """A step below the one at `at`, or the end; so no path goes round."""
        below = [step.id for step in self.sequence.steps[at + 1 :]]
        if target == END or target in below:
            return
        if target in self.sequence.index:
            self.wrong(key, f'"{target}" does not stand below this step', "a sequence only goes down")
        else:
            self._unknown(key, "step", target, [*below, END])

    def _above(self, key: str, step_id: str, at: int) -> bool:
        above = [step.id for step in self.sequence.steps[:at]]
        if step_id in above:
            return True
        if step_id in self.sequence.index:
            self.wrong(key, f'"{step_id}" does not stand above this step')
        else:
            self._unknown(key, "step", step_id, above)
        return False

    def _rep(self, key: str, name: str | None, also: tuple[str, ...] = ()) -> None:
        if name is not None and name not in self.context.reps:
            self._unknown(key, "rep in config.toml", name, {*self.context.reps, *also})

    def _unknown(self, key: str, what: str, word: str, known: Collection[str]) -> None:
        known = set(known) - self.doubt.nameless
        if what == "step" and self._perhaps_a_step(word, known):
            return
        hint = guess(word, known)
        if not hint and 0 < len(known) <= 10:
            hint = f"there is {', '.join(sorted(known))}"
        self.wrong(key, f'no {what} "{word}"', hint)

    def _perhaps_a_step(self, word: str, known: Collection[str]) -> bool:
        """Whether `word` may be the id of a step that cannot be read, or that has no id yet."""
        malformed = {each.id for at, each in enumerate(self.sequence.steps) if self.doubt.covers(f"steps.{at}.id")}
        return not self.doubt.all_steps or bool(malformed and not closest(word, set(known) - malformed))
