"""The public address as `doctor` asks for it: a real HTTPS server on loopback, trusted and not."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sequencer.clock import SystemClock
from sequencer.doctor.web_address import ask_web, base_url
from tests.integration.mail_servers import HOST, MailServers
from tests.integration.test_doctor import tls
from tests.unit.doctor.installed import TEXT, installed

pytestmark = pytest.mark.servers


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """An HTTPS server that answers 501 with its date. Yields its address."""
    server = ThreadingHTTPServer((HOST, 0), Silent)
    server.socket = tls(folder).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class Silent(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


def test_a_web_server_is_asked_over_verified_tls(mail: MailServers) -> None:
    with web_server(mail.dovecot.folder) as url:
        answer = ask_web(url, str(mail.dovecot.ca_file))
        assert (answer.status, answer.peer) == (501, HOST)  # it knows no GET, and that is an answer
        assert answer.date is not None
        assert abs((SystemClock().now() - answer.date).total_seconds()) < 5
        with pytest.raises(ssl.SSLCertVerificationError):
            ask_web(url)


def test_an_untrusted_web_server_is_a_failure(mail: MailServers, tmp_path: Path) -> None:
    with web_server(mail.dovecot.folder) as url:
        # A name that is this machine, though not one of those that are told by their spelling.
        named = url.replace(HOST, "0.0.0.0")
        config = installed(tmp_path, TEXT.replace("https://go.ourco.test", named), database=False)
        found = list(base_url(config, ask_web, lambda source, instant: None))
    assert [finding.status for finding in found] == ["fail"]
    assert "its certificate is not trusted" in found[0].text
