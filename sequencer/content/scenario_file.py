"""Reads scenario files (`*.test.yaml`): one scenario or a list of them, all that is malformed at once, with its line.

It is here so that a scenario is read as everything else that people write: by the YAML reader that sequences have, its
prospect as a row of people.csv. It plays nothing.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path

from pydantic import ValidationError

from sequencer.content import markup, people_csv
from sequencer.content.complaint import complaints, keys_of
from sequencer.content.folder import FileRefused, read_below
from sequencer.content.headings import recognise
from sequencer.content.markup import Lines, Plain
from sequencer.content.scenario import START, Case, Scenario, spoken
from sequencer.core.people import Account, Address, Prospect
from sequencer.errors import DefinitionError, DefinitionErrors

__all__ = ["ENDING", "read", "scenario_names"]

ENDING = ".test.yaml"
SCENARIOS_MAX = 200
_STAND_INS: Mapping[str, Plain] = {
    "given": {"at": f"0m after {START}", "meeting": "true"},
    "expect": {"finished": "completed"},
}


def scenario_names(root: Path) -> list[str]:
    """The scenario files in a folder, without their ending."""
    names = (path.name for path in root.glob(f"*{ENDING}") if not path.name.startswith("."))
    return sorted(name.removesuffix(ENDING) for name in names)


def read(root: Path, name: str) -> tuple[list[Case], list[DefinitionError]]:
    """The scenarios of the file NAME.test.yaml in `root`, and all that is malformed in it."""
    path = f"{root.name}/{name}{ENDING}"
    try:
        plain, lines = markup.read(path, markup.decode(path, read_below(root, f"{name}{ENDING}")))
    except DefinitionErrors as error:
        return [], list(error.errors)
    except DefinitionError as error:
        return [], [error]
    except FileNotFoundError:
        return [], [DefinitionError(path, 0, "no such file")]
    except (FileRefused, OSError) as error:
        return [], [DefinitionError(path, 0, str(error))]
    cases: list[Case] = []
    errors: list[DefinitionError] = []
    for entry, own in _entries(plain, lines):
        case, wrong = _case(path, entry, own)
        cases += [case] if case else []
        errors += wrong
    if isinstance(plain, list) and len(plain) > SCENARIOS_MAX:
        errors.append(DefinitionError(path, 0, f"more than {SCENARIOS_MAX} scenarios in one file", "split it"))
    return cases, errors


def _entries(plain: Plain, lines: Lines) -> Iterator[tuple[Plain, Lines]]:
    """Each scenario with its own lines; a file is one map, or a list of them."""
    if not isinstance(plain, list):
        yield plain, {"": 1, **lines}
        return
    for number, entry in enumerate(plain[:SCENARIOS_MAX]):
        start = f"{number}."
        yield (
            entry,
            {
                "": lines[str(number)],
                **{key.removeprefix(start): at for key, at in lines.items() if key.startswith(start)},
            },
        )


def _case(path: str, plain: Plain, lines: Lines) -> tuple[Case | None, list[DefinitionError]]:
    """What can be read of one scenario, with stand-ins for entries that cannot, and what is wrong with it."""
    if not isinstance(plain, dict):
        keys = ", ".join(keys_of(Scenario))
        return None, [DefinitionError(path, lines[""], f"a scenario is a map of keys: {keys}")]
    errors: list[DefinitionError] = []
    try:
        scenario = Scenario.model_validate(plain)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        errors += map(spoken, complaints(path, Scenario, plain, lines, details))
        try:
            scenario = Scenario.model_validate(_mended(plain, [each["loc"] for each in details]))
        except ValidationError:
            return None, errors
    try:
        row = _row(scenario)
    except ValueError as error:
        return None, [*errors, DefinitionError(path, lines["prospect"], f"prospect: {error}")]
    person = Prospect(
        1, tuple(map(Address, row.emails)), row.fields, row.account_id, row.timezone, row.zone_source, row.country,
        row.phone, row.linkedin,
    )  # fmt: skip
    account = None
    if row.account_id:
        account = Account(row.account_id, row.account_name, row.account_domain, row.account_fields)
    return Case(path, lines, scenario, person, account), errors


def _mended(plain: Mapping[str, Plain], wrong: Iterable[tuple[int | str, ...]]) -> dict[str, Plain]:
    """The scenario with stand-ins that ask for nothing, so that the rest of it can be checked at the same time."""
    mended = deepcopy(dict(plain))
    for place in wrong:
        entries = mended.get(str(place[0]))
        if place[0] == "start":
            mended["start"] = "2000-01-01 00:00"
        elif isinstance(entries, list) and len(place) > 1 and isinstance(place[1], int):
            entries[place[1]] = deepcopy(_STAND_INS[str(place[0])])
    return mended


def _row(scenario: Scenario) -> people_csv.Row:
    """The prospect and their company through the door of people.csv. Raises ValueError."""
    cells = dict(scenario.prospect)
    for name, value in scenario.account.items():
        cells[{"name": "company", "domain": "domain", "id": "account_id"}.get(name, f"account_{name}")] = value
    text = io.StringIO()
    csv.writer(text).writerows([list(cells), list(cells.values())])
    try:
        lost = [column.heading for column in recognise("prospect", 1, list(cells)).columns if not column.field]
        if lost:
            raise ValueError(f'the column "{lost[0]}" is no field: use letters, digits and _')
        row = next(people_csv.read(io.BytesIO(text.getvalue().encode()), "prospect"), None)
    except DefinitionError as error:
        raise ValueError(f"{error.message}") from None
    if not isinstance(row, people_csv.Row):
        raise ValueError(row.reason if row else "nobody is named")
    if row.notes:
        raise ValueError(row.notes[0])
    return row
