"""Group commit: all who wait go into one transaction, then learn together what became of them.

A durable commit costs the same for one row as for twenty; without this a mailbox with many connections would queue
behind its own commits.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from sequencer.store.database import Database

GROUP_MAX = 200
Item = TypeVar("Item")
Result = TypeVar("Result")


class Group(Generic[Item, Result]):
    """Takes items one by one, commits them in groups; `commit` returns one result per item, in order."""

    def __init__(
        self,
        database: Database,
        commit: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        urgent: bool = False,
    ) -> None:
        self._database, self._commit, self._urgent = database, commit, urgent
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """The item's result, once its transaction is durable. Raises what the transaction raised."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            items = [item for item, _ in batch]
            try:
                results = await self._database.awrite(
                    lambda connection, items=items: self._commit(connection, items),  # type: ignore[misc]
                    urgent=self._urgent,
                )
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), result in zip(batch, results, strict=True):
                    if not done.done():
                        done.set_result(result)
