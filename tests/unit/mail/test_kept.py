"""What is kept of compiled expressions saves time and changes nothing, whatever became of the file."""

import json
import marshal
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import source_hash
from pathlib import Path
from typing import Any

import pytest

from sequencer.mail import kept, words
from sequencer.mail.kept import EXPRESSIONS_MAX, WORTH_KEEPING, Kept
from tests.integration.hostile_shapes import SPOKEN

ROOT = Path(__file__).parents[3]
HEAD = b"From: ann@example.com\nSubject: Re: hello\nContent-Type: text/plain; charset=utf-8\n\n"
COUNTING = """
import json, re, sys
compiled, ours = re.compile, []
def counted(expression, flags=0):
    if sys._getframe(1).f_globals["__name__"] == "sequencer.mail.kept":
        ours.append(expression)
    return compiled(expression, flags)
re.compile = counted
from sequencer.cli import root
root.main(standalone_mode=False)
print(json.dumps(ours, default=str), file=sys.stderr)
"""
TEXT = "Please call me on 12/03, or ann@example.com: I am OUT of office"
EXPRESSIONS: list[tuple[Any, int]] = [
    *(
        (words.expression(phrase), 0)
        for topic in ("answer.meeting", "away.body")
        for phrase in words.phrases(topic)[::9]
    ),
    (r"(?P<day>\d{1,2})/(?P<month>\d\d)", 0),  # named groups
    (r"(a)(?P<second>l+)|(o)", int(re.I)),  # some with and some without a name
    (r"(\w)\1", 0),  # refers to a group
    (r"out of", int(re.I)),
    (r"^please.*office$", int(re.I | re.S)),
    (rb"([!-9;-~]{1,200})[ \t]*:", 0),  # of bytes
    (r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W\d_]{2}", 0),  # of characters beyond the first plane's half
    *((f"number {number}", 0) for number in range(WORTH_KEEPING)),
]


@pytest.fixture(autouse=True)
def writing_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """With all of EXPRESSIONS."""
    path = tmp_path / "cache" / "kept.expressions"
    written(path)
    return path


def written(path: Path, expressions: list[tuple[Any, int]] = EXPRESSIONS) -> list[re.Pattern[Any]]:
    first = Kept(str(path))
    made = [first.compiled(expression, flags) for expression, flags in expressions]
    first.keep()
    return made


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(re, "compile", no)


def found(pattern: re.Pattern[Any]) -> list[tuple[object, ...]]:
    text = TEXT if isinstance(pattern.pattern, str) else TEXT.encode()
    return [(each.span(), each.groups(), each.groupdict()) for each in pattern.finditer(text)]


def test_what_is_kept_is_what_a_fresh_compilation_gives(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = [re.compile(expression, flags) for expression, flags in EXPRESSIONS]
    refuse(monkeypatch)
    second = Kept(str(file))
    again = [second.compiled(expression, flags) for expression, flags in EXPRESSIONS]
    assert again == fresh  # what they are compiled to
    assert [each.groupindex for each in again] == [each.groupindex for each in fresh]
    assert [found(each) for each in again] == [found(each) for each in fresh]
    assert any(map(found, again))


def test_the_same_words_with_other_flags_are_another_expression(file: Path) -> None:
    assert found(Kept(str(file)).compiled("out of")) == []
    assert found(Kept(str(file)).compiled("out of", re.I)) != []


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut off within its head": lambda content: content[:20],
    "cut off behind its head": lambda content: content[: content.index(b"\n") + 9],
    "torn": lambda content: content[: len(content) // 2],
    "a bit turned": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "of another Python": lambda content: content.replace(f"{sys.hexversion:x}".encode(), b"30900f0", 1),
    "of another way to compile": lambda content: content.replace(b" 4\n", b" 2\n", 1),
    "no object": lambda content: signed(content, b"?"),
    "another object": lambda content: signed(content, marshal.dumps(["out of"])),
    "forms of another shape": lambda content: signed(content, marshal.dumps(dict.fromkeys(EXPRESSIONS, (1, 2)))),
    "no form of CPython's": lambda content: signed(
        content, marshal.dumps(dict.fromkeys(EXPRESSIONS, (0, b"\xff\xff\0\0" * 3, 0, {})))
    ),
    "names of groups that are not there": lambda content: signed(
        content, marshal.dumps(dict.fromkeys(EXPRESSIONS, (0, b"\1\0\0\0", 0, {"day": 9})))
    ),
}


def signed(content: bytes, instead: bytes) -> bytes:
    return content[: content.index(b"\n") + 1] + source_hash(instead) + instead


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_not_as_it_was_written_changes_nothing(
    file: Path, spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    assert file.read_bytes() != whole
    assert written(file) == [re.compile(expression, flags) for expression, flags in EXPRESSIONS]
    assert Kept(str(file)).compiled("out of", re.I).search("Out Of")
    refuse(monkeypatch)
    written(file)  # as good as new


def test_few_new_expressions_are_not_worth_a_file(file: Path) -> None:
    before = file.stat()
    written(file, [(f"new {number}", 0) for number in range(WORTH_KEEPING - 1)])
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_many_new_ones_join_those_that_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new: list[tuple[Any, int]] = [(f"new {number}", 0) for number in range(WORTH_KEEPING)]
    written(file, new)
    refuse(monkeypatch)
    second = Kept(str(file))
    assert all(second.compiled(expression, flags) for expression, flags in (*EXPRESSIONS, *new))
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_the_file_stays_small_whatever_strangers_write(tmp_path: Path) -> None:
    path = tmp_path / "kept.expressions"
    written(path, [(f"a{number}", 0) for number in range(EXPRESSIONS_MAX)])
    full = path.stat().st_size
    written(path, [(f"b{number}", 0) for number in range(WORTH_KEEPING)])
    assert path.stat().st_size < full / 10


def test_what_nobody_uses_any_more_is_not_kept(tmp_path: Path) -> None:
    first = Kept(str(tmp_path / "kept.expressions"))
    for number in range(WORTH_KEEPING * 2):
        first.compiled(f"dropped {number}")
    re.purge()  # re holds some itself
    first.keep()
    assert not [*tmp_path.iterdir()]


def test_a_wrong_expression_is_an_error_as_ever(file: Path) -> None:
    with pytest.raises(re.error):
        Kept(str(file)).compiled("(")


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    no_folder = tmp_path / "taken"
    no_folder.write_text("a file")
    assert written(no_folder / "kept.expressions")
    occupied = tmp_path / "kept.expressions"
    occupied.mkdir()
    assert written(occupied)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["kept.expressions", "taken"]


def test_nothing_is_made_for_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To make it takes as long as to compile."""
    folder = tmp_path / "taken"
    folder.write_text("a file")
    one = Kept(str(folder / "kept.expressions"))
    made = [one.compiled(f"new {number}") for number in range(WORTH_KEEPING)]
    parsed = []
    monkeypatch.setattr("re._parser.parse", lambda *asked: parsed.append(asked))
    one.keep()
    assert (len(made), parsed) == (WORTH_KEEPING, [])


def test_where_python_writes_no_bytecode_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert written(tmp_path / "kept.expressions")
    assert not [*tmp_path.iterdir()]


def test_a_second_process_compiles_none(tmp_path: Path) -> None:
    """Within the process: what kept.py lets `re` compile while the command reads a mail."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    files = [tmp_path / f"{number}.eml" for number in range(len(SPOKEN))]
    for file, sentence in zip(files, SPOKEN, strict=True):
        file.write_bytes(HEAD + sentence + b"\n")
    command = [sys.executable, "-c", COUNTING, "classify", "--json", *map(str, files)]
    first, second = (
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, timeout=60)
        for _ in range(2)
    )
    assert first.stdout.count(b'"auto_reply"') > len(SPOKEN) / 2
    assert second.stdout == first.stdout
    new, anew = json.loads(first.stderr), json.loads(second.stderr)
    assert len(new) > 2 * WORTH_KEEPING  # the modules' own and those of phrases are two files
    assert all(new.count(each) > 1 for each in anew)  # what two modules write alike
    assert len(anew) < 10


def test_all_of_mail_compiles_through_here() -> None:
    folder = Path(kept.__file__).parent
    others = [path for path in folder.rglob("*.py") if path != Path(kept.__file__)]
    assert others
    assert [path.name for path in others if re.search(r"\bre\.compile\(", path.read_text(encoding="utf-8"))] == []
