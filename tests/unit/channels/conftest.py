"""Certificates made on the spot, and aiosmtpd servers in the test's own event loop."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

PASSWORD = "canary 7f3a secret"


@dataclass(frozen=True)
class Certificate:
    """A self-signed one: the client that trusts `ca_file` trusts the server that shows it."""

    ca_file: str
    key_file: str

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self.key_file)
        return context


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Certificate]:
    """Makes one for a subjectAltName such as "DNS:localhost,IP:127.0.0.1"."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")

    def make(names: str) -> Certificate:
        folder: Path = tmp_path_factory.mktemp("certificate")
        made = Certificate(str(folder / "cert.pem"), str(folder / "key.pem"))
        command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=sequencer test", "-addext", f"subjectAltName={names}"]
        subprocess.run([*command, "-out", made.ca_file, "-keyout", made.key_file], check=True, capture_output=True)
        return made

    return make


@pytest.fixture(scope="session")
def certificate(make_certificate: Callable[[str], Certificate]) -> Certificate:
    return make_certificate("DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="session")
def other_certificate(make_certificate: Callable[[str], Certificate]) -> Certificate:
    """For another host."""
    return make_certificate("DNS:elsewhere.test")


@dataclass
class RealServer:
    port: int
    messages: list[bytes]
    logins: list[str]


RealServers = Callable[..., AbstractAsyncContextManager[RealServer]]


@pytest.fixture
def real_server() -> RealServers:
    """`real_server(security, certificate, auth)` runs aiosmtpd, whose only login is ana with PASSWORD."""

    @asynccontextmanager
    async def run(
        security: str = "none", certificate: Certificate | None = None, auth: bool = False
    ) -> AsyncIterator[RealServer]:
        running = RealServer(0, [], [])

        class Handler:
            async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
                running.messages.append(envelope.original_content)
                return "250 2.0.0 queued"

        def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
            running.logins.append(mechanism)
            right = (login.login, login.password) == (b"ana", PASSWORD.encode())
            return AuthResult(success=right, handled=False)

        context = certificate.server_context() if certificate else None
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"authenticator": authenticate, "auth_require_tls": False} if auth else {}
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}

        def protocol() -> Any:
            return SMTP(Handler(), hostname="real.test", ident="real", loop=loop, **options)

        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None)
        running.port = server.sockets[0].getsockname()[1]
        yield running
        server.close()
        await asyncio.sleep(0.02)  # lets aiosmtpd's tasks see the end of their connections

    return run
