"""What holds for every test: in CI nothing may be skipped, elsewhere the last lines say what was not checked.

A suite that is green because half of it was skipped says nothing; this makes that visible. Property tests have no
deadline, because a busy machine proves nothing, and in CI their examples are the same for the same code.
"""

import gc
import os
from collections import Counter
from collections.abc import Generator

import pytest
from hypothesis import settings

_IN_CI = bool(os.environ.get("SEQUENCER_FORBID_SKIP"))
settings.register_profile("sequencer", deadline=None, derandomize=_IN_CI)
settings.load_profile("sequencer")

_WANTING = {
    "servers": "for want of Dovecot and Postfix (see tests/integration/mail_servers.py)",
    "postgresql": "for want of a PostgreSQL server's programs (see tests/postgresql.py)",
    "corpus": "for want of the labelled mail in ../shared",
}


# What waits most, for servers and for the clock, begins first: nothing is left to share at the end of a run.
_FIRST = ("test_mishaps", "test_hostile_mail", "test_demo")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are processors: somebody always waits."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in _FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _IN_CI:
        report.outcome, report.longrepr = "failed", f"skipping is forbidden here: {report.longrepr}"
    return report


def pytest_collection_finish() -> None:
    """What is alive now stays so: looking through it for garbage again and again took a twentieth of a run."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Skips by what was missing, counted by marker."""
    skipped: list[pytest.TestReport] = terminalreporter.getreports("skipped")
    counts = Counter(marker for report in skipped for marker in _WANTING if marker in report.keywords)
    for marker, count in counts.items():
        terminalreporter.write_line(f"NOT CHECKED: {count} tests skipped {_WANTING[marker]}", yellow=True)
