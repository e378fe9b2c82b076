"""What an export's files say is what the rows said: any text in any field, and no cell is a formula."""

import csv
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.content.archive import read_csv, read_lines, write_csv, write_lines

TEXT = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["=1+1", "+34", "-x", "@SUM", "\tx", "\rx", "'=1", "''", '"', "a\r\nb", ";", "\ufeffx"]
)
VALUES = TEXT | st.integers() | st.booleans()
FIELDS = st.dictionaries(TEXT, VALUES, max_size=4)
ROW = {"id": st.integers().map(str), "name": TEXT.map(lambda text: text or None), "fields": FIELDS}
ROWS = st.lists(st.fixed_dictionaries(ROW), max_size=5)
LINES = st.lists(st.dictionaries(TEXT, VALUES | st.none(), max_size=4), max_size=5)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stream(parts: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(parts), "utf-8-sig", newline="")


@UNHURRIED
@given(ROWS)
def test_rows_come_back_from_csv_as_they_were(rows: list[dict[str, object]]) -> None:
    written = b"".join(write_csv(["id", "name", "fields"], rows))
    assert list(read_csv(stream(written))) == rows
    for cells in csv.reader(stream(written)):
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell for cell in cells)


@UNHURRIED
@given(LINES)
def test_rows_come_back_from_lines_as_they_were(rows: list[dict[str, object]]) -> None:
    assert list(read_lines(stream(b"".join(write_lines(rows))))) == rows
