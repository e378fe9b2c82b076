"""Trains the model of answers from the texts in benchmarks/answers/: `make model`.

Multinomial logistic regression by stochastic gradient descent, in whole numbers where it sums, so that the same texts
give the same bytes on every machine and Python. It measures nothing; tests/unit/mail/ holds what the model must read.

A file is one language, or more of it behind a dash. `[class]` begins a class, each further line is one whole answer,
` | ` breaks its lines, `{one/another}` is a choice: such a line stands for several answers. `#` begins a comment.
[greeting], [aside] and [closing] are put around answers, because people write them and they mean nothing.
"""

import hashlib
import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from sequencer.mail import answer_model, words
from sequencer.mail.judgement import ANSWERS, Answer

__all__ = ["main", "read_texts", "sources", "train"]

TEXTS = Path(__file__).parent / "answers"
MODEL = Path(answer_model.__file__).with_name(answer_model.FILE)

ROUNDS = 3
RATE = 6.0
SLOWER_EACH_ROUND = 1.5
CHOICES_MORE = 3  # answers of a line than its longest choice has members
_CHOICE = re.compile(r"\{([^{}]{1,2000})\}")
VARIANTS = 2  # of each answer: with greeting, closing, an aside, a typing error
MIXED_SHARE = 0.15
ONE = 1 << 16  # the whole number that a weight of 1.0 is
UNIT = ONE // 40  # of a weight in the file
SMALLEST_STEP = 0.02
NUMBERS = tuple(range(answer_model.BUCKETS))  # each kept once, though it stands in thousands of examples
# An answer that says two things at once is what the second says.
MIXED: tuple[tuple[Answer, Answer], ...] = (
    ("not_interested", "opt_out"),
    ("other", "opt_out"),
    ("question", "opt_out"),
    ("interested", "opt_out"),
    ("interested", "meeting"),
    ("not_interested", "referral"),
)

Texts = dict[str, dict[str, list[str]]]
Item = TypeVar("Item")


class Dice:
    """Numbers that look like chance and are the same on every run."""

    def __init__(self) -> None:
        self._thrown = 0

    def pick(self, items: Sequence[Item]) -> Item:
        self._thrown += 1
        return items[zlib.crc32(b"%d" % self._thrown) % len(items)]

    def happens(self, share: float) -> bool:
        return self.pick(range(1000)) < share * 1000


@dataclass(frozen=True, slots=True)
class Example:
    """`weights_of` takes this answer's weights out of a column: the one step of training that must be fast.

    `norm`: one over the root of the number of buckets, so that long answers weigh as much as short ones.
    """

    buckets: tuple[int, ...]
    weights_of: Callable[[list[int]], tuple[int, ...]]
    column: int
    norm: float


def read_texts(folder: Path = TEXTS) -> Texts:
    """Language -> section -> answers."""
    found: Texts = {}
    for file in sorted(folder.glob("*.txt")):
        sections = found.setdefault(file.stem.partition("-")[0], {})
        section: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("[") and line.endswith("]"):
                section = sections.setdefault(line[1:-1], [])
            elif line.strip() and not line.startswith("#"):
                section.extend(each for each in _written_out(line.replace("|", "\n")) if each not in section)
    return found


def _written_out(line: str) -> list[str]:
    """The answer, or some of the answers that its choices make: each choice comes at least once."""
    parts = [part.split("/") if at % 2 else [part] for at, part in enumerate(_CHOICE.split(line))]
    if len(parts) == 1:
        return [line]
    count = min(max(map(len, parts)) + CHOICES_MORE, math.prod(map(len, parts)))
    starts = [zlib.crc32(f"{at} {line}".encode()) for at in range(len(parts))]
    chosen = (
        "".join(part[(starts[at] + each + at * (each // len(part))) % len(part)] for at, part in enumerate(parts))
        for each in range(count)
    )
    return list(dict.fromkeys(chosen))


def train(texts: Texts, rounds: int = ROUNDS) -> bytes:
    """The packed weights, a column a class in the order of ANSWERS."""
    found = ((answer_model.tokens(words.fold(text)), answer) for text, answer in _written(texts))
    examples = [_example(tokens, answer) for tokens, answer in found if tokens]
    columns = [[0] * answer_model.BUCKETS for _ in ANSWERS]
    for each_round in range(rounds):
        rate = RATE / (1 + each_round * SLOWER_EACH_ROUND)
        for at in sorted(range(len(examples)), key=lambda at: zlib.crc32(b"%d %d" % (each_round, at))):
            _learn(columns, examples[at], rate)
    return _packed(columns)


def _written(texts: Texts) -> Iterator[tuple[str, Answer]]:
    dice = Dice()
    for sections in texts.values():
        for answer in ANSWERS:
            for text in sections.get(answer, ()):
                yield text, answer
                for _ in range(VARIANTS):
                    yield _surrounded(text, answer, sections, dice), answer
        for said_first, meant in MIXED:
            first, second = sections.get(said_first, []), sections.get(meant, [])
            for _ in range(int(len(second) * MIXED_SHARE) if first else 0):
                yield f"{dice.pick(first)} {dice.pick(second)}", meant


def _surrounded(text: str, answer: Answer, sections: dict[str, list[str]], dice: Dice) -> str:
    parts = [_mistyped(text, dice) if dice.happens(0.25) else text]
    asides = sections.get("aside") if answer != "other" else None
    if asides and dice.happens(0.35):
        parts.insert(0, dice.pick(asides))
    if asides and dice.happens(0.2):
        parts.append(dice.pick(asides))
    if sections.get("greeting") and dice.happens(0.5):
        parts.insert(0, dice.pick(sections["greeting"]))
    if sections.get("closing") and dice.happens(0.4):
        parts.append(dice.pick(sections["closing"]))
    return dice.pick(("\n", " ")).join(parts)


def _mistyped(text: str, dice: Dice) -> str:
    """One letter missing, swapped with its neighbour or typed twice."""
    if len(text) < 6:
        return text
    at = dice.pick(range(1, len(text) - 2))
    return dice.pick(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + text[at] + text[at:],
        )
    )


def _example(tokens: Sequence[str], answer: Answer) -> Example:
    found = tuple(NUMBERS[bucket] for bucket in sorted(answer_model.buckets(tokens)))
    return Example(found, itemgetter(*found), ANSWERS.index(answer), 1 / len(found) ** 0.5)


def _learn(columns: list[list[int]], example: Example, rate: float) -> None:
    share = example.norm / ONE
    scores = [share * sum(example.weights_of(column)) for column in columns]
    best = max(scores)
    powers = [_power(score - best) for score in scores]
    total = 1 / sum(powers)
    for at, column in enumerate(columns):
        error = powers[at] * total - (at == example.column)
        if abs(error) > SMALLEST_STEP:
            step = int(rate * error * example.norm * ONE)
            for bucket in example.buckets:
                column[bucket] -= step


def _power(exponent: float) -> float:
    """e to a power <= 0, by multiplication alone: the last digit of math.exp differs between machines."""
    power = 1 + max(exponent, -30.0) / 1024
    for _ in range(10):
        power *= power
    return power


def _packed(columns: list[list[int]]) -> bytes:
    weights = (max(-127, min(127, round(weight / UNIT))) + 128 for column in columns for weight in column)
    return zlib.compress(bytes(weights), 9)


def sources() -> bytes:
    """A digest (SHA-256) of all that the weights are made of: the texts, this file and the model's own."""
    digest = hashlib.sha256()
    for file in (*sorted(TEXTS.glob("*.txt")), Path(__file__), Path(answer_model.__file__)):
        digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.digest()


def main() -> None:
    MODEL.write_bytes(sources() + train(read_texts()))


if __name__ == "__main__":
    main()
