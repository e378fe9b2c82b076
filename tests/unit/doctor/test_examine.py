"""The checks run side by side: bounded, in their order, and none can stop another."""

import threading
import time
from collections.abc import Callable, Iterable

from sequencer.doctor.examine import AT_ONCE_MAX, examine
from sequencer.doctor.finding import Check, Finding, Line, fail, ok, warn
from sequencer.errors import SequencerError


def check(name: str, run: Callable[[], Iterable[Finding]], last: bool = False) -> Check:
    return Check("installation", name, run, last)


def test_lines_come_in_the_order_of_the_checks() -> None:
    slow = threading.Event()

    def first() -> Iterable[Finding]:
        slow.wait(5)
        yield ok("first", "a")

    def second() -> Iterable[Finding]:
        yield warn("second", "b")
        slow.set()
        yield fail("second", "c")

    found = examine([check("first", first), check("second", second)])
    assert [line.finding.text for line in found] == ["a", "b", "c"]


def test_a_check_that_hangs_costs_its_line_and_its_time() -> None:
    never = threading.Event()

    def hang() -> Iterable[Finding]:
        yield ok("hangs", "said before")
        never.wait(30)

    began = time.monotonic()
    found = examine([*(check("hangs", hang) for _ in range(3)), check("works", lambda: [ok("works", "x")])], 0.2)
    assert time.monotonic() - began < 2
    assert [(line.finding.name, line.finding.status, line.finding.text) for line in found] == [
        ("hangs", "ok", "said before"),
        ("hangs", "warn", "could not be checked: it did not end within 0.2 s"),
        ("works", "ok", "x"),
    ]
    never.set()


def test_a_check_that_crashes_costs_its_line_and_quotes_nothing_unforeseen() -> None:
    def refused() -> Iterable[Finding]:
        raise SequencerError("the database refuses")

    def crash() -> Iterable[Finding]:
        yield ok("crash", "said before it crashed")
        raise KeyError("a secret of somebody")

    found = examine([check("refused", refused), check("crash", crash), check("works", lambda: [ok("works", "x")])])
    assert [line.finding.text for line in found] == [
        "could not be checked: the database refuses",
        "said before it crashed",
        "could not be checked: KeyError, an error in sequencer itself",
        "x",
    ]


def test_what_comes_last_sees_what_the_others_found() -> None:
    seen: list[str] = []

    def see() -> Iterable[Finding]:
        seen.append("x")
        return []

    found = examine([check("last", lambda: [ok("last", ",".join(seen))], last=True), check("see", see)])
    assert found == [Line("installation", ok("last", "x"))]


def test_alike_lines_of_one_group_are_one() -> None:
    same = lambda: [fail("dns", "nowhere")]  # noqa: E731
    found = examine([check("mx", same), check("spf", same), Check("domain x", "mx", same)])
    assert [line.group for line in found] == ["installation", "domain x"]


def test_many_checks_run_a_few_at_a_time() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def run() -> Iterable[Finding]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return [ok("x", "x")]

    examine([check("x", run) for _ in range(3 * AT_ONCE_MAX)])
    assert 1 < most <= AT_ONCE_MAX
