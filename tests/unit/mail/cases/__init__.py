"""Tables of texts and what they mean, one row a line: `language | … | text`; a comment says what is subtle below it."""

from pathlib import Path

FOLDER = Path(__file__).parent


def cases(name: str, columns: int) -> list[tuple[str, ...]]:
    """The rows of one table; `\\n` in a text is a line break."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ", columns - 1) for line in lines if line and not line.startswith("#")]
    assert all(len(row) == columns for row in rows), name
    return [tuple(cell.replace("\\n", "\n") for cell in row) for row in rows]
