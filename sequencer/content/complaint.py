"""Says what pydantic found wrong with a file as a manager would say it: the place, what is wrong, what was meant.

It is here because a model's own messages speak of unions, tuples and inputs. It checks nothing itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sequencer.content.guess import closest, guess
from sequencer.content.markup import Plain
from sequencer.core.sequence import KINDS, AnyStep, StepBase
from sequencer.errors import DefinitionError

__all__ = ["choices_of", "complaints", "keys_of", "kind_meant", "models_at", "place_of", "spoken_key", "value_at"]

_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number",
    "string_type": "write one text",
    "tuple_type": "write a list",
    "dict_type": "write a map of keys and values",
    "mapping_type": "write a map of keys and values",
    "model_type": "write a map of keys and values",
    "model_attributes_type": "write a map of keys and values",
    "is_instance_of": "write a map of keys and values",
}
_PATTERNS = (
    (re.compile(r":\[0-5\]"), 'write hours such as "09:00-10:30"'),
    (re.compile(r"\[a-z0-9\]"), "write lower-case words joined by hyphens, such as call-1"),
)


def complaints(
    path: str,
    model: type[BaseModel],
    plain: Plain,
    lines: Mapping[str, int],
    errors: Iterable[ErrorDetails],
    written: Plain | None = None,
) -> list[DefinitionError]:
    """One DefinitionError for each place, in the order of the lines; steps are called by their ids in `written`."""
    places: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(place_of(plain, error), []).append(error)
    misspelt = {
        (*place[:-1], closest(str(place[-1]), _keys_beside(model, place, plain)))
        for place, wrong in places.items()
        if any(error["type"] == "extra_forbidden" for error in wrong)
    }
    found = []
    for place, wrong in places.items():
        deeper = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        given = value_at(plain, place)
        if deeper and all(error["type"] in _WORDS or _follows(error, given) for error in wrong):
            # The union's other branch, or what follows from the entries: what is wrong inside says more.
            continue
        if place in misspelt and all(error["type"] == "missing" for error in wrong):
            continue
        message, hint = _message(model, place, plain, wrong)
        spoken = spoken_key(plain if written is None else written, place)
        found.append(DefinitionError(path, _line(lines, place), f"{spoken}: {message}", hint))
    return sorted(found, key=lambda error: error.line)


def _follows(error: ErrorDetails, given: Any) -> bool:
    # A list of entries that are all wrong is empty to pydantic.
    return (error["type"] == "literal_error" and not isinstance(given, str)) or (
        error["type"] == "too_short" and bool(given)
    )


def spoken_key(plain: Plain, place: Sequence[str | int]) -> str:
    """`step "bump": reply_to` for steps.5.reply_to."""
    if len(place) >= 2 and place[0] in ("steps", "rules"):
        entry = value_at(plain, place[:2])
        name = entry.get("id") if isinstance(entry, dict) else None
        word = "step" if place[0] == "steps" else "rule"
        label = f'{word} "{name}"' if isinstance(name, str) else f"{word} {int(place[1]) + 1}"
        rest = ".".join(map(str, place[2:]))
        return f"{label}: {rest}" if rest else label
    return ".".join(map(str, place)) or "the file"


def place_of(plain: Plain, error: ErrorDetails) -> tuple[str | int, ...]:
    """The keys as the file has them: pydantic also names the branch of each union it tried."""
    location = error["loc"]
    if location[:1] == ("steps",) and len(location) > 2:
        location = (*location[:2], *location[3:])
    place: list[str | int] = []
    here: Any = plain
    for at, key in enumerate(location):
        if isinstance(here, dict) and key in here:
            here = here[str(key)]
        elif isinstance(here, list) and isinstance(key, int) and key < len(here):
            here = here[key]
        elif error["type"] != "missing" or at < len(location) - 1:
            continue
        place.append(key)
    return tuple(place)


def value_at(plain: Plain, place: Sequence[str | int]) -> Any:
    """What stands at `place`; None where nothing does."""
    here: Any = plain
    for key in place:
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            return None
    return here


def _line(lines: Mapping[str, int], place: Sequence[str | int]) -> int:
    keys = list(map(str, place))
    while keys and ".".join(keys) not in lines:
        keys.pop()
    return lines.get(".".join(keys), 1)


def _message(
    model: type[BaseModel], place: tuple[str | int, ...], plain: Plain, errors: list[ErrorDetails]
) -> tuple[str, str]:
    types = {error["type"] for error in errors}
    if "extra_forbidden" in types:
        return "no such key", _key_hint(model, place, plain)
    if "step_kind" in types:
        found = value_at(plain, place)
        misspelt, _ = kind_meant(found) if isinstance(found, dict) else ("", "")
        return errors[0]["msg"], guess(misspelt, KINDS) if misspelt else ""
    given = value_at(plain, place)
    choices = [choice for error in errors for choice in choices_of(error)]
    texts = [_one(error) for error in errors if error["type"] not in ("literal_error", "enum")]
    # A union's branch that wants another shape than was written says nothing to the author.
    if isinstance(given, str) and len(texts) + len(choices) > 1:
        texts = [text for text in texts if text != _WORDS["dict_type"]]
    if choices:
        word = given if isinstance(given, str) else "this"
        texts.append(f'"{word}" is not one of {", ".join(choices)}')
    hint = guess(given, choices) if isinstance(given, str) and choices else ""
    return "; or ".join(dict.fromkeys(texts)), hint


def _one(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        found = [words for pattern, words in _PATTERNS if pattern.search(str(context.get("pattern")))]
        return found[0] if found else "this is not written as it must be"
    match kind:
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "too_long":
            return f"at most {context['max_length']} of them"
        case "string_too_short" | "too_short":
            return "is empty"
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case _:
            return _WORDS.get(kind, error["msg"])


def choices_of(error: ErrorDetails) -> list[str]:
    if error["type"] not in ("literal_error", "enum"):
        return []
    return re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))


def _key_hint(model: type[BaseModel], place: tuple[str | int, ...], plain: Plain) -> str:
    keys = _keys_beside(model, place, plain)
    hint = guess(str(place[-1]), keys)
    return hint or (f"here may stand {', '.join(keys)}" if 0 < len(keys) <= 12 else "")


def _keys_beside(model: type[BaseModel], place: Sequence[str | int], plain: Plain) -> list[str]:
    return sorted({key for each in models_at(model, place[:-1], plain) for key in keys_of(each)})


def kind_meant(step: Mapping[str, Any]) -> tuple[str, str]:
    """The misspelt kind key of a step and what it means (`cal`, `call`); empty if there is none or it has a kind."""
    known = {key for kind in get_args(AnyStep) for key in keys_of(kind)}
    if any(kind in step for kind in KINDS):
        return "", ""
    found = ((key, closest(key, KINDS)) for key in step if key not in known)
    return next(((key, kind) for key, kind in found if kind), ("", ""))


def models_at(model: type[BaseModel], place: Sequence[str | int], plain: Plain) -> set[type[BaseModel]]:
    """The models that the place may hold, found by walking the annotations along its keys."""
    models = {model}
    for at, key in enumerate(place):
        fields = [keys_of(each)[str(key)] for each in models if str(key) in keys_of(each)]
        if fields:
            models = {found for annotation in fields for found in _models_in(annotation)}
        if all(issubclass(each, StepBase) for each in models) and isinstance(key, int):
            step = value_at(plain, place[: at + 1])
            models = {each for each in models if isinstance(step, dict) and getattr(each, "kind", None) in step}
    return models


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """What may be written in the model -> its annotation."""
    return {
        str(field.validation_alias or name): [field.annotation, *field.metadata]
        for name, field in model.model_fields.items()
    }


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return set()
    parts = annotation if isinstance(annotation, list | tuple) else get_args(annotation)
    return {found for part in parts for found in _models_in(part)}
