"""The languages a text may be written in."""

import pytest

from sequencer.mail import words
from sequencer.mail.language import languages_of


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("I am out of the office until Monday.", "en"),
        ("Ich bin bis Montag nicht im Büro.", "de"),
        ("Je suis absent jusqu'à lundi.", "fr"),
        ("Jestem na urlopie do 26 lipca.", "pl"),
        ("Я в отпуске до понедельника.", "ru"),
        ("7月27日以降にご返信いたします。", "ja"),
        ("我在休假,如有急事请致电。", "zh"),
        ("7월 27일에 복귀합니다.", "ko"),
    ],
)
def test_the_best_comes_first(text: str, best: str) -> None:
    assert languages_of(words.fold(text))[:1] == (best,)


def test_a_text_in_two_languages_has_both() -> None:
    both = "Ich bin bis Montag nicht im Büro. I am out of the office until Monday."
    assert {"de", "en"} <= set(languages_of(words.fold(both)))


def test_english_where_nothing_tells() -> None:
    assert languages_of("20.07.2026 12345") == ("en",)
