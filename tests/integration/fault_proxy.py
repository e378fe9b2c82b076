"""A TCP proxy that breaks connections on request, for tests of IMAP and SMTP clients.

Here because a server under test can only be stopped, and a client meets worse: silence, resets, lost answers. It knows
no protocol: it passes bytes, or does not.

    with FaultProxy(mail.imap_port) as proxy:
        inbox = Imap(ImapServer(HOST, proxy.port, "none", ...), timeout_s=1)
        proxy.hole()
"""

import asyncio
import socket
import struct
import threading
from types import TracebackType
from typing import Literal, Self

HOST = "127.0.0.1"


class FaultProxy:
    """Passes bytes between its own port and `target_port`. Every method is thread-safe and acts on all connections."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._mode: Literal["pass", "hole", "mute"] = "pass"
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []  # (to client, to server)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def fin(self) -> None:
        """Close both ends in good order, without a word of the protocol."""
        self._loop.call_soon_threadsafe(self._close, False)

    def reset(self) -> None:
        """RST to both ends."""
        self._loop.call_soon_threadsafe(self._close, True)

    def hole(self) -> None:
        """Swallow everything both ways, new connections too, until `heal`. Nothing is closed."""
        self._mode = "hole"

    def mute(self) -> None:
        """Swallow only the server's answers: it acts, the client does not hear of it (a lost 250)."""
        self._mode = "mute"

    def heal(self) -> None:
        self._mode = "pass"

    def say(self, words: bytes) -> None:
        """Put `words` into the clients' ears as if the server had said it, such as b"* BYE bye\\r\\n"."""
        for to_client, _ in list(self._pairs):
            self._loop.call_soon_threadsafe(to_client.write, words)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server_reader, to_server = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            to_client.close()
            return
        pair = (to_client, to_server)
        self._pairs.append(pair)
        await asyncio.gather(self._pump(reader, to_server, "hole"), self._pump(server_reader, to_client, "hole mute"))
        self._pairs.remove(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallowed_in: str) -> None:
        try:
            while received := await reader.read(65536):
                if self._mode not in swallowed_in.split():
                    writer.write(received)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def _close(self, hard: bool) -> None:
        for writer in (w for pair in self._pairs for w in pair if not w.is_closing()):
            if hard:  # a zero linger turns the close into a RST
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()

    async def _stop(self) -> None:
        self._server.close()
        self._close(hard=True)
        await asyncio.sleep(0.05)  # lets the pumps end, so that no task is destroyed while pending
