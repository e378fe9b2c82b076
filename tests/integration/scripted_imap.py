"""An IMAP server that says what a test tells it, for words that no honest server can be made to say.

Here because temporary login failures, a line cut in the middle of a login and words injected before TLS must be told
apart from a wrong password, and neither Dovecot nor pymap produces them on demand. It holds no mail.
"""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

GREETING = b"* OK ready\r\n"
ANSWERS = {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"}  # unless told otherwise
CUT = b"CUT"  # as an answer: close without a word


@dataclass
class Scripted:
    port: int = 0
    heard: list[bytes] = field(default_factory=list)  # lines


@contextmanager
def scripted_imap(answers: Mapping[str, bytes], host: str = "127.0.0.1") -> Iterator[Scripted]:
    """`answers`: by command (`LOGIN`, `UID SEARCH`); `{tag}` stands for the client's tag. Others get a bare OK."""
    scripted = Scripted()

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(GREETING)
            for line in self.rfile:
                scripted.heard.append(line)
                tag, _, command = line.strip().partition(b" ")
                said = next(
                    (
                        said
                        for name, said in {**ANSWERS, **answers}.items()
                        if command.upper().startswith(name.encode())
                    ),
                    None,
                )
                if said == CUT:
                    return
                said = b"{tag} OK done\r\n" if said is None else said
                self.wfile.write(said.replace(b"{tag}", tag))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server((host, 0), Connection) as server:
        scripted.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join(5)
