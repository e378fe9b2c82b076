"""Each fault of the proxy against an upper-casing echo server: what the client sees, what the server heard."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.integration.fault_proxy import HOST, FaultProxy


class Echo(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__((HOST, 0), EchoConnection)


class EchoConnection(socketserver.BaseRequestHandler):
    server: Echo

    def handle(self) -> None:
        with suppress(OSError):
            while received := self.request.recv(100):
                self.server.heard.append(received)
                self.request.sendall(received.upper())


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.mark.parametrize(
    ("fault", "client_sees", "server_hears"),
    [
        (FaultProxy.heal, b"X", True),
        (FaultProxy.fin, b"", False),
        (FaultProxy.reset, ConnectionResetError, False),
        (FaultProxy.hole, TimeoutError, False),
        (FaultProxy.mute, TimeoutError, True),  # a lost 250
    ],
)
def test_each_fault_is_what_it_says(
    echo: Echo, fault: Callable[[FaultProxy], None], client_sees: bytes | type[OSError], server_hears: bool
) -> None:
    with FaultProxy(echo.server_address[1]) as proxy, socket.create_connection((HOST, proxy.port), 0.5) as client:
        client.sendall(b"a")
        assert client.recv(100) == b"A"
        echo.heard.clear()
        fault(proxy)
        seen: bytes | type[OSError]
        try:
            if fault not in (FaultProxy.fin, FaultProxy.reset):
                client.sendall(b"x")
            seen = client.recv(100)
        except OSError as error:
            seen = type(error)
        assert seen == client_sees
        assert echo.heard == ([b"x"] if server_hears else [])
