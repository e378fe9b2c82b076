"""The model of answers: made again from its texts it is the same file, it is small, and nothing loads it early."""

import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from benchmarks import train_answers
from sequencer.mail import answer_model, words
from sequencer.mail.judgement import ANSWERS

MODEL_BYTES_MAX = 500_000
SMALL_MODEL = "33be13e37135ee83154421eb7a7af1628e1e11def5b552ec5e47973799f51387"


def test_the_committed_file_is_made_of_the_committed_texts() -> None:
    """Red after an edit of benchmarks/answers/, of the trainer or of the model's reading, until `make model` is run."""
    assert train_answers.MODEL.read_bytes()[: answer_model.DIGEST_BYTES] == train_answers.sources()


def test_the_same_texts_make_the_same_weights_on_every_machine() -> None:
    texts = {"en": {"interested": ["Yes please, tell me more"], "opt_out": ["Please remove me", "No more mails"]}}
    columns = answer_model.read_columns(bytes(answer_model.DIGEST_BYTES) + train_answers.train(texts))
    assert hashlib.sha256(b"".join(columns)).hexdigest() == SMALL_MODEL


def test_it_is_small_and_has_a_column_for_each_class() -> None:
    packed = train_answers.MODEL.read_bytes()
    assert len(packed) <= MODEL_BYTES_MAX
    assert [len(column) for column in answer_model.read_columns(packed)] == [answer_model.BUCKETS] * len(ANSWERS)


def test_every_class_has_texts_in_nine_languages() -> None:
    texts = train_answers.read_texts()
    for answer in ANSWERS:
        assert sum(len(sections.get(answer, ())) >= 40 for sections in texts.values()) >= 9, answer
    assert len(texts["en"]["opt_out"]) >= 150


def test_no_text_stands_in_two_classes() -> None:
    for language, sections in train_answers.read_texts().items():
        seen: dict[str, str] = {}
        for answer in ANSWERS:
            for text in sections.get(answer, ()):
                assert seen.setdefault(words.fold(text), answer) == answer, f"{language}: {text}"


def test_the_file_is_read_with_the_first_answer() -> None:
    code = (
        "from sequencer.mail import answer, answer_model, judgement\n"
        "assert answer_model._columns.cache_info().currsize == 0\n"
        "answer.read_answer('Yes please')\n"
        "assert answer_model._columns.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(max_size=200))
def test_any_text_has_one_number_a_class_or_none(text: str) -> None:
    assert len(answer_model.leanings(words.fold(text))) in (0, len(ANSWERS))


def test_links_addresses_and_numbers_are_signs() -> None:
    assert answer_model.tokens("see https://cal.test/x or ask kim@acme.test at 10:30 or 14") == [
        "see", "<link>", "or", "ask", "<address>", "at", "<time>", "or", "<number>",
    ]  # fmt: skip
