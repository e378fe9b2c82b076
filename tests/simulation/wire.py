"""The network in memory: a connection is a pair of ends, bytes arrive in order after a short while, and it breaks.

The product's own SMTP dialogue and aiosmtplib run over it unchanged. A dead process's connections are reset; a frozen
one's stay. What the server says is smtp_session.py's business.
"""

import asyncio
import socket
import ssl as tls
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Protocol, cast

from tests.simulation.loop import PROCESS
from tests.simulation.stage import Stage

__all__ = ["InMemoryNetwork", "Line", "ServerEnd"]

LATENCY_S = (0.0005, 0.02)


class ServerEnd(Protocol):
    """The other side of a connection."""

    def opened(self, line: "Line") -> None: ...

    def heard(self, data: bytes, written_at: float) -> None:
        """Bytes of the client, and when it wrote them."""

    def hung_up(self) -> None: ...


class Line(asyncio.Transport):
    """The client's end; the server's calls are `tell` and `reset`."""

    def __init__(self, stage: Stage, protocol: asyncio.Protocol, server: ServerEnd, number: int) -> None:
        super().__init__({"peername": ("127.0.0.1", 25), "sockname": ("127.0.0.1", 40_000 + number)})
        self._stage, self._protocol, self._server = stage, protocol, server
        self._process, self._context = PROCESS.get(), copy_context()
        self._dice = stage.dice(f"line {number}")
        self._outside = Context()
        self._up: deque[tuple[float, bytes, float]] = deque()
        self._down: deque[tuple[float, bytes | None]] = deque()
        self._closing = self._gone = self._lost = False

    @property
    def process(self) -> str:
        return self._process

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def pause_reading(self) -> None:
        """Nothing is ever too much."""

    def resume_reading(self) -> None:
        """Nothing was paused."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Bytes leave at once."""

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        self._stage.seam(self._process)
        if self._closing or self._lost:
            return
        arrives = max(self._arrival(), self._up[-1][0] if self._up else 0.0)
        self._up.append((arrives, bytes(data), self._stage.loop.time()))
        self._later(arrives, self._to_server, self._outside)

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        """What was written arrives all the same."""
        if self._closing:
            return
        self._closing = True
        if self._stage.over or self._stage.loop.is_dead(self._process):
            return
        self._later(self._arrival(), self.drop, self._outside)
        if not self._lost:
            self._lost = True
            self._stage.loop.call_soon(self._protocol.connection_lost, None, context=self._context)

    def tell(self, data: bytes, after_s: float = 0.0) -> None:
        """The server says something."""
        self._send_down(data, after_s)

    def reset(self, after_s: float = 0.0) -> None:
        """The server drops the connection."""
        self._send_down(None, after_s)

    def drop(self) -> None:
        """The client is gone: once what it wrote has arrived, the server learns of it."""
        if self._gone:
            return
        if self._up:
            self._later(self._up[-1][0], self.drop, self._outside)
            return
        self._gone = True
        self._server.hung_up()

    def _send_down(self, data: bytes | None, after_s: float) -> None:
        arrives = max(self._arrival() + after_s, self._down[-1][0] if self._down else 0.0)
        self._down.append((arrives, data))
        self._later(arrives, self._to_client, self._context)

    def _to_server(self) -> None:
        if self._up and not self._gone:
            _, data, written_at = self._up.popleft()
            self._server.heard(data, written_at)

    def _to_client(self) -> None:
        _, data = self._down.popleft()
        if self._lost or self._closing:
            return
        if data is None:
            self._lost = True
            self._protocol.connection_lost(ConnectionResetError("reset by the simulated network"))
        else:
            self._protocol.data_received(data)

    def _arrival(self) -> float:
        return self._stage.loop.time() + self._dice.uniform(*LATENCY_S)

    def _later(self, at: float, call: Callable[[], None], context: Context) -> None:
        self._stage.loop.call_at(at, call, context=context)


class InMemoryNetwork:
    """Opens connections; `serve` makes the server's end for a host."""

    def __init__(self, stage: Stage, serve: Callable[[str], ServerEnd]) -> None:
        self._stage, self._serve = stage, serve
        self._dice = stage.dice("network")
        self._lines: list[Line] = []
        stage.at_death(self._reset_lines_of)

    async def connect(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, ssl: object
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        self._stage.seam()
        await asyncio.sleep(self._dice.uniform(*LATENCY_S))
        faults = self._stage.faults
        if faults.hit("DNS fails"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if faults.hit("connect refused"):
            raise ConnectionRefusedError(111, f"Connect call failed ('{host}', {port})")
        if faults.hit("connect times out"):
            await asyncio.sleep(3600)
        if ssl and faults.hit("TLS fails"):
            raise tls.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
        if ssl and faults.hit("certificate expired"):
            error = tls.SSLCertVerificationError(1, "certificate verify failed")
            error.verify_message = "certificate has expired"
            raise error
        protocol = factory()
        server = self._serve(host)
        line = Line(self._stage, protocol, server, len(self._lines))
        self._lines.append(line)
        protocol.connection_made(line)
        server.opened(line)
        return line, protocol

    def _reset_lines_of(self, process: str) -> None:
        for line in self._lines:
            if line.process == process:
                line.drop()
