"""An IMAP server that says what a test tells it, for words that no honest server can be made to say.

Here because temporary login failures, a line cut in the middle of a login and words injected before TLS must be told
apart from a wrong password, and neither Dovecot nor pymap produces them on demand. It holds no mail.
"""

import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

GREETING = b"* OK ready\r\n"
ANSWERS = {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"}  # unless told otherwise
CUT = b"CUT"  # as an answer: close without a word
LATER, LATER_S = b"{later}", 0.3  # what stands behind it comes in a packet of its own


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
            idling = b""
            for line in self.rfile:
                scripted.heard.append(line)
                tag, _, command = line.strip().partition(b" ")
                if command == b"IDLE":
                    idling = tag
                if tag == b"DONE":
                    tag, command = idling, tag
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
                now, _, later = said.replace(b"{tag}", tag).partition(LATER)
                self.wfile.write(now)
                if later:
                    time.sleep(LATER_S)
                    self.wfile.write(later)

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
