"""Where an address may still stand after an erasure, and what cannot be looked into."""

import bz2
import gzip
import lzma
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sequencer.mail.address import written_forms
from sequencer.store import mentions as module
from sequencer.store.mentions import mentions, stands_in

TEXT = b"name,email\nJo,Jo.Roe@Acme.test\n"
WORDS = written_forms("jo.roe@acme.test")


def zipped(path: Path, *contents: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as packed:
        for number, content in enumerate(contents):
            packed.writestr(f"{number}.csv", content)


def locked(path: Path) -> None:
    """The flag of an encrypted member (APPNOTE 4.4.4, bit 0), in both its headers."""
    zipped(path, TEXT)
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"PK\x03\x04") + 6] |= 1
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


FOUND: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("as it is", lambda path: path.write_bytes(TEXT)),
    ("in capitals", lambda path: path.write_bytes(TEXT.upper())),
    ("over the edge of a block", lambda path: path.write_bytes(b" " * (module.BLOCK_BYTES - 17) + TEXT)),
    ("UTF-16 of a spreadsheet", lambda path: path.write_bytes(TEXT.decode().encode("utf-16"))),
    ("UTF-16, the other way round", lambda path: path.write_bytes(TEXT.decode().encode("utf-16-be"))),
    (".zip", lambda path: zipped(path, b"nobody", TEXT)),
    (".zip, not packed", lambda path: zipped(path, b"nobody", TEXT, method=zipfile.ZIP_STORED)),
    (".zip of UTF-16", lambda path: zipped(path, TEXT.decode().encode("utf-16"))),
    (".gz", lambda path: path.write_bytes(gzip.compress(TEXT))),
    (".bz2", lambda path: path.write_bytes(bz2.compress(TEXT))),
    (".xz", lambda path: path.write_bytes(lzma.compress(TEXT))),
)
CLOSED: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("a locked .zip", locked),
    ("a damaged .zip", lambda path: path.write_bytes(b"PK\x03\x04 and nothing")),
    ("a damaged .gz", lambda path: path.write_bytes(gzip.compress(os.urandom(100_000))[:-5000])),
    ("a .7z", lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1c and more")),
    ("a bomb", lambda path: zipped(path, bytes(40 << 20))),
    ("a bomb in .gz", lambda path: path.write_bytes(gzip.compress(bytes(40 << 20)))),
    ("a file that gives an error", lambda path: path.symlink_to("/proc/self/mem")),
)


@pytest.mark.parametrize("write", [row[1] for row in FOUND], ids=[row[0] for row in FOUND])
def test_an_address_is_found(tmp_path: Path, write: Callable[[Path], object]) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "list")
    (tmp_path / "other").write_bytes(TEXT.replace(b"Roe", b"Doe"))
    told = mentions(tmp_path, (), WORDS)
    assert (told.found, told.closed, told.ended_early) == ([tmp_path / "below" / "list"], [], False)


@pytest.mark.parametrize("write", [row[1] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_what_cannot_be_looked_into_is_named(tmp_path: Path, write: Callable[[Path], object]) -> None:
    write(tmp_path / "closed")
    (tmp_path / "list").write_bytes(TEXT)
    told = mentions(tmp_path, (), WORDS)
    assert (told.found, told.closed) == ([tmp_path / "list"], [tmp_path / "closed"])


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    tracemalloc.start()
    assert mentions(tmp_path, (), WORDS).closed == [tmp_path / "bomb.gz"]
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("typed", ["anna@bücher.example", "anna@xn--bcher-kva.example"])
@pytest.mark.parametrize("stands", ["anna@bücher.example", "ANNA@BÜCHER.EXAMPLE", "Anna@xn--bcher-kva.example"])
def test_an_international_domain_is_found_in_either_form(tmp_path: Path, typed: str, stands: str) -> None:
    (tmp_path / "list").write_text(f"{stands};")
    assert mentions(tmp_path, (), written_forms(typed)).found == [tmp_path / "list"]


def test_the_databases_own_files_are_left_out(tmp_path: Path) -> None:
    for name in ("own", "copy"):
        (tmp_path / name).write_bytes(TEXT)
    assert mentions(tmp_path, {(tmp_path / "own").resolve()}, WORDS).found == [tmp_path / "copy"]
    assert stands_in(tmp_path / "own", WORDS)
    assert not stands_in(tmp_path / "none", WORDS)


def test_it_says_when_there_are_too_many_files(tmp_path: Path) -> None:
    for number in range(module.FILES_MAX // 1000):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        for name in range(1000):
            os.close(os.open(folder / str(name), os.O_CREAT))
    assert not mentions(tmp_path, (), WORDS).ended_early
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "list").write_bytes(TEXT)
    told = mentions(tmp_path, (), WORDS)
    assert (told.found, told.ended_early) == ([], True)
