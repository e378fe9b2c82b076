"""Exports that are damaged or made to do harm, and exports that end before they are whole."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.typed import Run

DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def export(run: Run, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .zip of an installation; one stands in a new installation."""
    monkeypatch.chdir(prepared)
    whole = tmp_path / "whole.zip"
    assert run("export", "--to", str(whole)).code == 0
    assert run("init", str(tmp_path / "new")).code == 0
    monkeypatch.chdir(tmp_path / "new")
    return whole


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in contents.items():
            target.writestr(name, content)


def with_index(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    contents = members(path)
    index = json.loads(contents["export.json"])
    change(index)
    packed(path, contents | {"export.json": json.dumps(index).encode()})


def with_events(path: Path, content: bytes) -> None:
    """The list of files agrees, as somebody would have it who means harm."""
    from hashlib import sha256

    contents = members(path) | {"events.jsonl": content}
    index = json.loads(contents["export.json"])
    index["files"]["events.jsonl"] = sha256(content).hexdigest()
    packed(path, contents | {"export.json": json.dumps(index).encode()})


def inside(path: Path, name: str, change: Callable[[bytearray, int], None]) -> None:
    """Change bytes at the packed member, its header at the offset."""
    with zipfile.ZipFile(path) as there:
        entry = there.getinfo(name)
        start = entry.header_offset + 30 + len(entry.filename)
    raw = bytearray(path.read_bytes())
    change(raw, start)
    path.write_bytes(raw)


def torn(raw: bytearray, start: int) -> None:
    raw[start : start + 40] = b"\xff" * 40


def encrypted(path: Path) -> None:
    """The flag alone (APPNOTE 4.4.4, bit 0), in both headers of every member."""
    raw = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.find(signature)
        while place >= 0:
            raw[place + at] |= 1
            place = raw.find(signature, place + 4)
    path.write_bytes(raw)


def of_method(path: Path, number: int) -> None:
    raw = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = raw.find(signature)
        while place >= 0:
            raw[place + at] = number
            place = raw.find(signature, place + 4)
    path.write_bytes(raw)


HARM: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("no zip", lambda path: path.write_bytes(b"PK\x03\x04 and nothing"), "is no export of sequencer"),
    ("cut off", lambda path: path.write_bytes(path.read_bytes()[:-200]), "is no export of sequencer"),
    ("a torn list of files", lambda path: inside(path, "export.json", torn), "is no export of sequencer"),
    ("a torn member", lambda path: inside(path, "events.jsonl", torn), "events.jsonl is missing or damaged"),
    ("encrypted", encrypted, "is no export of sequencer"),
    ("an unknown method", lambda path: of_method(path, 97), "is no export of sequencer"),
    ("LZMA that is none", lambda path: of_method(path, 14), "is no export of sequencer"),
    ("a deep list", lambda path: packed(path, {"export.json": DEEP}), "is no export of sequencer"),
    ("a list that is a number", lambda path: packed(path, {"export.json": b"7"}), "is no export of sequencer"),
    ("blanks without end", lambda path: packed(path, {"export.json": b" " * (64 << 20)}), "is too large"),
    ("a large list", lambda path: packed(path, {"export.json": os.urandom(17 << 20)}), "export.json is too large"),
    ("no rows", lambda path: with_index(path, lambda index: index.pop("rows")), "does not say what is in it"),
    ("rows of text", lambda path: with_index(path, lambda index: index.update(rows="x")), "does not say what is in it"),
    ("deep rows", lambda path: with_events(path, DEEP), "events.jsonl does not fit"),
    ("rows that are numbers", lambda path: with_events(path, b"7\n"), "events.jsonl does not fit"),
    ("no UTF-8", lambda path: with_events(path, b"\xff\xfe\n"), "events.jsonl does not fit"),
    ("rows that unpack", lambda path: with_events(path, b" " * (64 << 20)), "events.jsonl is too large"),
)


@pytest.mark.parametrize(("harm", "said"), [row[1:] for row in HARM], ids=[row[0] for row in HARM])
def test_what_is_damaged_or_hostile_is_refused_in_words(
    run: Run, export: Path, harm: Callable[[Path], object], said: str
) -> None:
    harm(export)
    refused = run("import", str(export))
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert refused.err.count("\n") == 1, "one line, without a trace"
    assert "0 people known" in run("status").out


def test_a_hostile_archive_takes_little_memory(export: Path, tmp_path: Path) -> None:
    """400 MB of blanks; the list of files is read whole, so it is the one that could fill the memory."""
    with (
        zipfile.ZipFile(tmp_path / "blanks.zip", "w", zipfile.ZIP_DEFLATED) as target,
        target.open("export.json", "w") as stream,
    ):
        for _ in range(400):
            stream.write(b" " * (1 << 20))
    script = "import sys; from sequencer.cli import main; sys.argv = ['sequencer', 'import', sys.argv[1]]\n"
    script += "try:\n main()\nfinally:\n print(open('/proc/self/status').read())"
    command = [sys.executable, "-c", script, str(tmp_path / "blanks.zip")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        said, wrong = done.communicate(timeout=60)
    assert "is too large" in wrong
    (most,) = (line.split()[1] for line in said.splitlines() if line.startswith("VmHWM:"))
    assert int(most) < 200 << 10, "in kilobytes"


@pytest.mark.parametrize("target", ["mine", "mine.zip"])
def test_what_lies_beside_the_target_stays(
    run: Run, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(prepared)
    kept = [tmp_path / f"{target}{more}" for more in (".part", ".part.files")]
    for folder in kept:
        folder.mkdir()
        (folder / "thesis.txt").write_text("ten years")
    assert run("export", "--to", str(tmp_path / target)).code == 0
    assert [(folder / "thesis.txt").read_text() for folder in kept] == ["ten years"] * 2
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_an_export_to_a_stream_is_refused(run: Run, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared)
    refused = run("export", "--to", "-")
    assert (refused.code, "everything.zip" in refused.err) == (2, True)
    assert not Path("-").exists()


@pytest.mark.parametrize("target", ["/proc/here", "/proc/here.zip", "config.toml/inside"])
def test_where_nothing_can_be_written_is_said(
    run: Run, prepared: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(prepared)
    refused = run("export", "--to", target)
    assert (refused.code, f"{target} cannot be written: " in refused.err) == (2, True)


def test_what_a_killed_export_left_is_removed_by_the_next_and_a_running_ones_is_not(
    run: Run, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepared)
    script = (
        "import sys, time; from pathlib import Path; from sequencer.content.archive import Writing\n"
        "with Writing(Path(sys.argv[1])).opened() as writing:\n"
        " writing.put('people.csv', b'jo'); print('there', flush=True); time.sleep(60)"
    )
    target = tmp_path / "all.zip"
    running = subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE)
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"there\n"
        (left,) = tmp_path.glob(".all.zip.*.unfinished-export")
        assert left.stat().st_mode & 0o777 == 0o700
        assert run("export", "--to", str(target)).code == 0
        assert left.exists()
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait(30)
    target.unlink()
    assert run("export", "--to", str(target)).code == 0
    assert not left.exists()
    assert zlib.crc32(target.read_bytes())
    assert time.time() - target.stat().st_mtime < 60
