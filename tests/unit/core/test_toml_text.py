"""Whatever stands in config.toml, reading it ends soon, in tables or in one refusal."""

import os
import time
from pathlib import Path

import pytest

from sequencer.config import load, parse
from sequencer.core.toml_text import tables
from sequencer.errors import ConfigError

CPU_S_MAX = 2.0
REFUSED: list[tuple[str, str]] = [
    # Python's reader ends these with RecursionError, ValueError or not for minutes
    ("a = " + "[" * 20_000, "nested too deeply"),
    ("a = " + "[" * 20_000 + "]" * 20_000, "nested too deeply"),
    ("a = " + "{a = " * 20_000, "nested too deeply"),
    ("[web]\nport = " + "9" * 5_000, "too many digits"),
    ("[web]\nport = 0x" + "f" * 100_000, "larger than 1,000,000,000"),
    ("a" + ".a" * 20_000 + " = 1", "more than 50 parts"),
    ("x = 1\n[a" + " . a" * 20_000 + "]", "config.toml:2: a key has more than 50 parts"),
    ("a = {" + "b." * 20_000 + "b = 1}", "more than 50 parts"),
    ("not toml", "this is not TOML"),
    # a text that stands in a header or is said to a server ends no line
    ('[company]\nname = "Ourco\\r\\nBcc: all@acme.test"', "company.name: this holds a line break"),
    ('[company]\nname = "a\\u0000"', "company.name: this holds a line break or control character"),
    ('[company]\nname = "a\\u2028b"', "company.name: this holds a line break or control character"),
    ('[[reps]]\nname = "ana"\nemail = "a\\u001b@x.test"\ntimezone = "UTC"', "reps.email: this holds a line break"),
    ("[policy]\nbrake = {bounce_rate = nan}", "policy.brake.bounce_rate"),
    ("[policy]\nperson_touches_per_week = inf", "policy.person_touches_per_week"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=range(len(REFUSED)))
def test_it_is_refused_in_one_sentence(text: str, words: str) -> None:
    started = time.process_time()
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert time.process_time() - started < CPU_S_MAX
    assert words in str(refused.value)


def test_a_long_text_with_many_dots_is_no_key() -> None:
    dots = ". ".join(["word"] * 40)
    assert tables(f'a = "{dots}"') == {"a": dots}


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigError, match="is no file"):
            load(path)


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.toml").open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(ConfigError, match="is larger than 1000 kB"):
        load(tmp_path / "config.toml")
