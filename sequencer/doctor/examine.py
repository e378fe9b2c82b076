"""Runs all checks side by side, each with a limit: a dead server costs seconds, and a bug in a check costs its line.

Each check has a daemon thread, so that one which hangs in a system call neither delays the rest nor the program's end.
It knows no check.
"""

import asyncio
import threading
from collections.abc import Sequence

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
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Finding]] = loop.create_future()

    def settle(findings: list[Finding]) -> None:
        if not done.done():
            done.set_result(findings)

    def work() -> None:
        findings = _run(check)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, findings)

    threading.Thread(target=work, name=f"doctor {check.name}", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            return await done
    except TimeoutError:
        return [warn(check.name, f"could not be checked: it did not end within {seconds:g} s")]


def _run(check: Check) -> list[Finding]:
    try:
        return list(check.run())
    except (SequencerError, OSError) as error:
        return [warn(check.name, f"could not be checked: {error}")]
    except Exception as error:  # the text of an unforeseen error may quote what nobody should read
        return [warn(check.name, f"could not be checked: {type(error).__name__}, an error in sequencer itself")]
