"""No name leads out of templates/."""

import os
import socket
from pathlib import Path

import pytest

from sequencer.content.folder import FileRefused, name_problem, names_below, read_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "templates-too").mkdir()
    (tmp_path / "templates-too" / "x.md").write_text("secret")
    (folder / "a.md").write_text("a")
    (folder / "sub" / "b.md").write_text("b")
    (folder / ".hidden").write_text("h")
    (folder / "out.md").symlink_to(tmp_path / "secret.txt")
    (folder / "in.md").symlink_to(folder / "a.md")
    (folder / "away").symlink_to(tmp_path)
    (folder / "round").symlink_to(folder / "round")
    return folder


@pytest.mark.parametrize(("name", "content"), [("a.md", b"a"), ("sub/b.md", b"b"), ("in.md", b"a")])
def test_files_below_are_read(root: Path, name: str, content: bytes) -> None:
    assert read_below(root, name) == content


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "sub/../a.md",  # inside, but written as if it were not
        "./a.md",
        "/etc/passwd",
        "//etc/passwd",
        "~/x",
        "a.md\x00.png",
        "sub\\..\\..\\secret.txt",
        "C:/secret.txt",
        "../templates-too/x.md",  # a sibling with the same beginning
        "",
        "sub//b.md",
        "a.md/",
        "x" * 201,
        "out.md",  # links that lead out
        "away/secret.txt",
        "sub",  # no file
    ],
)
def test_everything_else_is_refused(root: Path, name: str) -> None:
    with pytest.raises(FileRefused):
        read_below(root, name)


@pytest.mark.parametrize("name", ["no.md", "%2e%2e/secret.txt", "..%2fsecret.txt", "round", "a.md/b"])
def test_what_is_not_there_is_not_there(root: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        read_below(root, name)


def test_what_is_no_file_is_neither_waited_for_nor_read(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    (root / "endless.md").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "s"))
        for name in ("pipe.md", "endless.md", "s", "sub"):
            with pytest.raises(FileRefused):
                read_below(root, name)


def test_a_file_without_end_is_read_up_to_the_limit_alone(root: Path) -> None:
    with (root / "holes.md").open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(FileRefused, match="larger than"):
        read_below(root, "holes.md")


def test_a_file_larger_than_asked_for_is_refused(root: Path) -> None:
    (root / "large.md").write_bytes(b"x" * 2_001)
    with pytest.raises(FileRefused, match="larger than 2 kB"):
        read_below(root, "large.md", 2_000)


def test_names_for_hints(root: Path) -> None:
    assert {"a.md", "sub/b.md"} <= names_below(root)
    assert ".hidden" not in names_below(root)
    assert name_problem("linkedin/connect.txt") is None
