"""Runs all checks side by side, each with a limit: a dead server costs seconds, and a bug in a check costs its line.

Each check has a daemon thread, so that one which hangs in a system call neither delays the rest nor the program's end.
It knows no check.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence

from sequencer.doctor.finding import Check, Finding, Line, warn
from sequencer.errors import SequencerError

__all__ = ["AT_ONCE_MAX", "CHECK_S_MAX", "examine"]

CHECK_S_MAX = 10.0
AT_ONCE_MAX = 16  # logins at the same moment: large providers refuse more from one address


def examine(checks: Sequence[Check], seconds: float = CHECK_S_MAX) -> list[Line]:
    """What the checks found, in their order; what two of one group say alike is said once."""
    return asyncio.run(_examine(checks, seconds))


async def _examine(checks: Sequence[Check], seconds: float) -> list[Line]:
    places = asyncio.Semaphore(AT_ONCE_MAX)
    found: dict[int, list[Finding]] = {}

    async def one(number: int) -> None:
        async with places:
            found[number] = await _within(checks[number], seconds)

    for last in (False, True):
        await asyncio.gather(*(one(number) for number, check in enumerate(checks) if check.last is last))
    lines = (Line(check.group, finding) for number, check in enumerate(checks) for finding in found[number])
    return list(dict.fromkeys(lines))


async def _within(check: Check, seconds: float) -> list[Finding]:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    findings: list[Finding] = []

    def work() -> None:
        findings.extend(_found(check))
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=work, name=f"doctor {check.name}", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await done.wait()
    except TimeoutError:
        return [*findings, _unknown(check, f"it did not end within {seconds:g} s")]
    return findings


def _found(check: Check) -> Iterator[Finding]:
    """What it finds, as it finds it; what it said before it failed stands."""
    try:
        yield from check.run()
    except (SequencerError, OSError) as error:
        yield _unknown(check, str(error))
    except Exception as error:  # the text of an unforeseen error may quote what nobody should read
        yield _unknown(check, f"{type(error).__name__}, an error in sequencer itself")


def _unknown(check: Check, why: str) -> Finding:
    return warn(check.name, f"could not be checked: {why}", "look again; if it stays so, mend what the line names")
