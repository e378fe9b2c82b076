"""Makes a sequence of a file with mistakes: every mistake is told, and stand-ins take the place of what is malformed.

It is here because a model stops at what it cannot read, and a manager wants all that is wrong at once: lint.py checks
the draft, and Doubt tells it where the file does not say what was meant. No draft is ever run or stored.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sequencer.content.complaint import choices_of, complaints, keys_of, kind_meant, models_at, place_of, value_at
from sequencer.content.guess import closest
from sequencer.content.markup import Plain
from sequencer.core.sequence import KINDS, AnyStep, Sequence
from sequencer.errors import DefinitionError

__all__ = ["CERTAIN", "Doubt", "Draft", "draft"]

# Each round mends one layer of mistakes; what needs more is a file that its author has to mend in turns.
PROBLEMS_MAX = 1_000  # mending takes time with their square; nobody reads so many
ROUNDS_MAX = 20

Location = tuple[str | int, ...]

_STAND_IN = "stand-in"
_NO_STEP: Mapping[str, Plain] = {"id": _STAND_IN, "task": _STAND_IN}
_NO_RULE: Mapping[str, Plain] = {"id": _STAND_IN, "when": "replied", "do": "next"}
# What may stand at a key so that the rest is read, and nothing is said that the file does not say; by the key above.
_VALUES: Mapping[tuple[str, str], Plain] = {
    ("", "id"): _STAND_IN,
    ("", "title"): _STAND_IN,
    ("steps", "id"): _STAND_IN,
    ("steps", "email"): _STAND_IN,
    ("steps", "call"): _STAND_IN,
    ("steps", "linkedin"): "view",
    ("steps", "task"): _STAND_IN,
    ("steps", "branch"): "replied",
    ("steps", "then"): "end",
    ("steps", "else"): "end",
    ("steps", "next"): "end",
    ("steps", "wait"): "1d",
    ("steps", "reply_to"): _STAND_IN,
    ("steps", "review"): "true",
    ("wait", "for"): "1d",
    ("wait", "from"): _STAND_IN,
    ("on_overdue", "after"): "1d",
    ("on_overdue", "do"): "next",
    ("retry", "after"): "1d",
    ("retry", "max"): "1",
    ("soft_bounce", "after"): "1",
    ("soft_bounce", "within"): "1d",
    ("soft_bounce", "then"): "next",
    ("rules", "id"): _STAND_IN,
    ("rules", "when"): "replied",
    ("rules", "do"): "next",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a draft does not know.

    `keys`: where a stand-in is or something was left out (`steps.2.wait`). `steps`: positions of steps whose kind or
    keys are guessed. `nameless`: ids that were made up. `all_steps`: no step is missing.
    """

    keys: frozenset[str] = frozenset()
    steps: frozenset[int] = frozenset()
    nameless: frozenset[str] = frozenset()
    all_steps: bool = True

    def covers(self, key: str) -> bool:
        """Whether `key`, or one above it, has already been complained of."""
        parts = key.split(".")
        return any(".".join(parts[:end]) in self.keys for end in range(1, len(parts) + 1))

    def below(self, key: str) -> bool:
        """Whether something at `key` or below it is not known."""
        return any(each == key or each.startswith(f"{key}.") for each in self.keys)


CERTAIN = Doubt()


@dataclass(frozen=True, slots=True)
class Draft:
    """`errors`: what is malformed; `sequence`: the rest, with stand-ins, or None where too little can be read."""

    sequence: Sequence | None
    errors: tuple[DefinitionError, ...]
    doubt: Doubt


def draft(path: str, plain: Mapping[str, Plain], lines: Mapping[str, int]) -> Draft:
    """The sequence that `plain` (its id included) says as far as it can be read; without a mistake all of it."""
    mending = _Mending(plain, lines)
    errors: list[DefinitionError] = []
    told: set[str] = set()
    for _ in range(ROUNDS_MAX):
        try:
            sequence = Sequence.model_validate(mending.plain)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            if len(details) > PROBLEMS_MAX:
                found = complaints(path, Sequence, dict(plain), lines, details[:PROBLEMS_MAX])
                return Draft(None, tuple(found), mending.doubt)
            new = [each for each in details if not mending.caused(place_of(mending.plain, each))]
            for wrong in complaints(path, Sequence, mending.plain, mending.lines, new, dict(plain)):
                if str(wrong) not in told:
                    told.add(str(wrong))
                    errors.append(wrong)
            if not mending.mend(details):
                break
        else:
            return Draft(mending.named(sequence).located(path, mending.lines), tuple(errors), mending.doubt)
    return Draft(None, tuple(errors), mending.doubt)


class _Mending:
    """The file's values, made valid layer by layer."""

    def __init__(self, plain: Mapping[str, Plain], lines: Mapping[str, int]) -> None:
        self.written = plain
        self.plain: dict[str, Any] = deepcopy(dict(plain))
        self.lines = dict(lines)
        self._removed: set[Location] = set()
        self._keys: set[Location] = set()
        self._steps: set[int] = set()
        self._nameless: set[str] = set()
        self._all_steps = True

    @property
    def doubt(self) -> Doubt:
        keys = frozenset(".".join(map(str, place)) for place in self._keys)
        return Doubt(keys, frozenset(self._steps), frozenset(self._nameless), self._all_steps)

    def caused(self, place: Location) -> bool:
        """Whether what is wrong at `place` comes from something that was removed there or below."""
        return any(removed[: len(place)] == place for removed in self._removed)

    def mend(self, details: list[ErrorDetails]) -> bool:
        """Mend what can be seen now; False if it cannot be mended."""
        places: dict[Location, list[ErrorDetails]] = {}
        for error in details:
            places.setdefault(place_of(self.plain, error), []).append(error)
        order: tuple[Callable[[set[str]], bool], ...] = (
            lambda types: "extra_forbidden" in types,
            lambda types: "step_kind" in types,
            lambda types: not types & {"extra_forbidden", "step_kind"},
        )
        for turn in order:
            for place, errors in places.items():
                deeper = any(len(other) > len(place) and other[: len(place)] == place for other in places)
                if deeper or not turn({error["type"] for error in errors}):
                    continue
                if not self._mend(place, errors):
                    return False
        return True

    def named(self, sequence: Sequence) -> Sequence:
        """The same with the ids as they are written, well-formed or not."""
        steps = tuple(
            step.model_copy(update={"id": self._name("steps", at, step.id)}) for at, step in enumerate(sequence.steps)
        )
        rules = tuple(
            rule.model_copy(update={"id": self._name("rules", at, rule.id)}) for at, rule in enumerate(sequence.rules)
        )
        return sequence.model_copy(update={"id": self.written["id"], "steps": steps, "rules": rules})

    def _name(self, group: str, at: int, valid: str) -> str:
        if not {(group, at, "id"), (group, at), (group,)} & self._keys:
            return valid
        entries = self.written.get(group)
        entry = entries[at] if isinstance(entries, list) and at < len(entries) else None
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and name:
            return name
        # No id that can be written has a space: nothing in the file names it.
        name = f"{group.removesuffix('s')} {at + 1}"
        self._nameless.add(name)
        return name

    def _mend(self, place: Location, errors: list[ErrorDetails]) -> bool:
        types = {error["type"] for error in errors}
        if "extra_forbidden" in types:
            self._misspelt(place)
            return True
        if "step_kind" in types and isinstance(value_at(self.plain, place), dict):
            self._kind(place)
            return True
        if types == {"missing"} and value_at(self.plain, place) is not None:
            return True
        longest = next((error["ctx"]["max_length"] for error in errors if error["type"] == "too_long"), None)
        if longest is not None:
            self._shorten(place, longest)
            return True
        if (
            "value_error" in types
            and isinstance(given := value_at(self.plain, place), dict)
            and {"variants", "choose"} <= set(given)
        ):
            del given["choose"]
            return True
        return self._replace(place, [choice for error in errors for choice in choices_of(error)])

    def _misspelt(self, place: Location) -> None:
        above = value_at(self.plain, place[:-1])
        known = {key for model in models_at(Sequence, place[:-1], self.plain) for key in keys_of(model)}
        meant = closest(str(place[-1]), known)
        if meant and meant not in above:
            self._rename(place, meant)
            return
        del above[str(place[-1])]
        self._removed.add(place)
        if not meant and place[0] == "steps" and isinstance(place[1], int):
            self._steps.add(place[1])

    def _rename(self, place: Location, meant: str) -> None:
        above = value_at(self.plain, place[:-1])
        above[meant] = above.pop(str(place[-1]))
        old, new = (".".join(map(str, (*place[:-1], key))) for key in (place[-1], meant))
        for key, line in list(self.lines.items()):
            if key == old or key.startswith(f"{old}."):
                self.lines[new + key[len(old) :]] = line

    def _kind(self, place: Location) -> None:
        """Give the step the kind that is meant, or else the one that most of its keys belong to."""
        step = value_at(self.plain, place)
        misspelt, meant = kind_meant(step)
        if misspelt:
            self._rename((*place, misspelt), meant)
            return
        keys = {model.kind: set(keys_of(model)) for model in get_args(AnyStep)}
        candidates = [kind for kind in KINDS if kind in step] or ["task", "call", "linkedin", "email", "branch"]
        kind = max(candidates, key=lambda each: len(keys[each] & set(step)))
        for key in set(step) & set().union(*keys.values()) - keys[kind]:
            del step[key]
        required = {kind, "then", "else"} if kind == "branch" else {kind}
        for key in required - set(step):
            step[key] = _VALUES["steps", key]
            self._keys.add((*place, key))
        self._steps.add(int(place[1]))

    def _shorten(self, place: Location, longest: int) -> None:
        given = value_at(self.plain, place)
        if isinstance(given, list):
            del given[longest:]
        elif isinstance(given, dict):
            for key in list(given)[longest:]:
                del given[key]
        else:
            self._replace(place, [])
        if place == ("steps",):
            self._all_steps = False

    def _replace(self, place: Location, choices: list[str]) -> bool:
        """Put a stand-in at `place`, or leave it out; where neither is possible, the same with what holds it."""
        if not place:
            return False
        first = place not in self._keys
        self._keys.add(place)
        above, key = value_at(self.plain, place[:-1]), place[-1]
        stand_in = self._stand_in(place) or (choices[0] if choices else None)
        if stand_in is not None and first and isinstance(above, dict | list):
            above[key] = deepcopy(stand_in)  # type: ignore[index]
            return True
        if isinstance(above, dict) and key in above:
            del above[str(key)]
            self._removed.add(place)
            return True
        self._removed.add(place)
        return self._replace(place[:-1], [])

    def _stand_in(self, place: Location) -> Any:
        if place == ("steps",):
            self._all_steps = False
            self._steps.add(0)
            return [_NO_STEP]
        if len(place) == 2 and isinstance(place[1], int) and place[0] in ("steps", "rules"):
            if place[0] == "steps":
                self._steps.add(place[1])
            return _NO_STEP if place[0] == "steps" else _NO_RULE
        names = [str(key) for key in place if isinstance(key, str)]
        if names[:-1] == ["settings", "window"]:
            return "09:00-17:00"
        above, key = ("", *names)[-2:]
        return _VALUES.get((above, key))
