"""The virtual loop itself: what it leaves behind of processes that died."""

import asyncio
import gc
import warnings
from contextvars import copy_context
from random import Random

from tests.simulation.loop import PROCESS, VirtualLoop


async def never() -> None:
    raise AssertionError("it began")


def a_process_dies_before_its_task_begins() -> None:
    loop, context = VirtualLoop(Random(1)), copy_context()
    context.run(PROCESS.set, "dying")
    context.run(loop.create_task, never())
    loop.kill("dying")
    loop.play(asyncio.sleep(0))
    loop.bury()


def test_what_died_before_it_began_is_buried_without_a_word() -> None:
    """A warning of it would fall on whichever test the collector runs in."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        a_process_dies_before_its_task_begins()
        gc.collect()
    assert [str(each.message) for each in said] == []
