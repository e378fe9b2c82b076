"""A virtual event loop: time jumps to the next timer, whatever is ready runs in an order that the seed shuffles.

It exists so that months of the real engine pass in a second and the same seed gives the same run. Blocking work runs
in the loop's own thread, because threads have no seed. A process is a context variable: what was begun under the name
of a process that crashed never runs again, not even its `finally`; a frozen one waits. No socket is opened here.
"""

import asyncio
import heapq
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Protocol

__all__ = ["PROCESS", "Crashed", "Network", "VirtualLoop"]

PROCESS: ContextVar[str] = ContextVar("process", default="")
SHORT_S = 0.003  # what a hand-over to a thread takes at most


class Crashed(BaseException):
    """The process is dead: raised wherever it touches the world again."""


class Network(Protocol):
    """What opens connections; the arguments are those of asyncio's create_connection."""

    async def connect(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, ssl: object
    ) -> tuple[asyncio.Transport, asyncio.Protocol]: ...


class VirtualLoop(asyncio.BaseEventLoop):
    """`inline` is above 0 while blocking work of an executor runs."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice, self._passed_s = dice, 0.0
        self._dead: set[str] = set()
        self._frozen: dict[str, list[asyncio.Handle]] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}  # a task that nobody refers to would be closed by the collector
        self._buried: list[asyncio.Handle] = []
        self.network: Network | None = None
        self.inline = 0
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        return self._passed_s

    def kill(self, process: str) -> None:
        """Nothing of this process runs again."""
        self._dead.add(process)
        self._buried += self._frozen.pop(process, [])

    def freeze(self, process: str) -> None:
        self._frozen.setdefault(process, [])

    def thaw(self, process: str) -> None:
        """Everything that fell due meanwhile runs now."""
        self._ready.extend(self._frozen.pop(process, ()))

    def is_dead(self, process: str) -> bool:
        return process in self._dead

    def is_frozen(self, process: str) -> bool:
        return process in self._frozen

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's own, without what it looks at for debugging: most of what a seed does begins here."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._passed_s + delay, callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **options)
        self._tasks[task] = None
        task.add_done_callback(lambda ended: self._tasks.pop(ended, None))
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run it here, a little later; its result comes a little later again."""
        done = self.create_future()
        self.call_later(self._dice.random() * SHORT_S, self._run_inline, done, func, args)
        return done

    def _run_inline(self, done: "asyncio.Future[Any]", func: Callable[..., Any], args: Iterable[Any]) -> None:
        if done.cancelled():
            return
        self.inline += 1
        try:
            result, error = func(*args), None
        except BaseException as raised:
            result, error = None, raised
        finally:
            self.inline -= 1
        self.call_later(self._dice.random() * SHORT_S, self._hand_over, done, result, error)

    @staticmethod
    def _hand_over(done: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        assert self.network is not None
        return await self.network.connect(protocol_factory, host, port, options.get("ssl"))

    def play(self, main: Awaitable[Any]) -> Any:
        """Run `main` to its end; what else runs is left where it is."""
        task: asyncio.Future[Any] = asyncio.ensure_future(main, loop=self)
        return self.run_until_complete(task)

    def bury(self) -> None:
        """Forget whatever still waits, without a word from it."""
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = task.get_coro()
            if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                coroutine.close()  # its process died before it began; it would be warned of wherever it is collected
        self._ready.clear()
        self._scheduled.clear()
        self.close()

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)
        if not self._ready:
            if not self._scheduled:
                raise RuntimeError("nothing is left that could happen")
            self._passed_s = max(self._passed_s, self._scheduled[0].when())
        while self._scheduled and self._scheduled[0].when() <= self._passed_s:
            self._ready.append(heapq.heappop(self._scheduled))
        turn = list(self._ready)
        self._ready.clear()
        if len(turn) > 1:  # of one, no dice are thrown
            self._dice.shuffle(turn)
        for handle in turn:
            if not handle.cancelled():
                self._run(handle)

    def _run(self, handle: asyncio.Handle) -> None:
        process = handle._context.get(PROCESS, "")  # type: ignore[attr-defined]
        if process in self._dead:
            self._buried.append(handle)
        elif process in self._frozen:
            self._frozen[process].append(handle)
        else:
            handle._run()

    def _process_events(self, event_list: Any) -> None:
        """There are none: this loop has no sockets."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""
