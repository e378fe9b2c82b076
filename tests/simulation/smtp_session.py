"""The submission server of the simulated world: one session's states, and the faults that RELIABILITY names for it.

Whether a recipient exists and what becomes of a whole mail is the town's to say. Source: RFC 5321, RFC 2920, RFC 4954.
"""

import re

from sequencer.world.smtp import Post
from tests.simulation.stage import Stage
from tests.simulation.wire import Line

__all__ = ["MailServer", "Session"]

_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>", re.IGNORECASE)
IDLE_S_MAX = 300.0
PONDERS_S_MAX = 0.06  # so that what arrives at DATA meets the fence from either side
NINE_MINUTES_S, ELEVEN_MINUTES_S = 540.0, 660.0


class MailServer:
    """All sessions of one host: what is wrong with the server for hours is wrong for all of them."""

    def __init__(self, stage: Stage, post: Post, watch: "Watch") -> None:
        self.stage, self.post, self.watch = stage, post, watch
        self.dice = stage.dice("mail server")
        self.shut_until = 0.0
        self.login_revoked = False

    def serve(self, host: str) -> "Session":
        return Session(self)


class Watch:
    """Whoever wants to know what happens on the wire."""

    def body_begins(self, recipient: str) -> int:
        """DATA is answered by 354: within a moment the body is there and the fence is asked. Returns a mark."""
        return 0

    def dot(self, message: bytes, recipient: str, written_at: float, begun: int, process: str) -> None:
        """The final dot of a process arrived; `begun` is the mark of its body."""

    def taken(self, recipient: str, raw: bytes) -> None:
        """The mail is this server's; its answer is about to leave."""


class Session:
    """One connection. `_reply` says what is normal unless a fault of this verb happens."""

    def __init__(self, server: MailServer) -> None:
        self._server, self._stage, self._faults = server, server.stage, server.stage.faults
        self._line: Line | None = None
        self._buffer = b""
        self._in_data = False
        self._sender: str | None = None
        self._recipient: str | None = None
        self._refused = False
        self._lines: list[bytes] = []
        self._heard_at, self._begun = 0.0, 0
        self._over = False
        self._pipelining = server.dice.random() < 0.6

    def opened(self, line: Line) -> None:
        self._line = line
        self._heard_at = self._stage.loop.time()
        self._stage.later(IDLE_S_MAX, self._leave_if_idle)
        if self._faults.hit("421 for hours"):
            self._server.shut_until = self._stage.loop.time() + self._server.dice.uniform(1800, 20_000)
        if self._stage.loop.time() < self._server.shut_until and not self._faults.calm:
            self._say("421 4.3.2 come back later")
            self._leave()
        else:
            self._say("220 world.test ESMTP")

    def heard(self, data: bytes, written_at: float) -> None:
        if self._over:
            return
        self._heard_at = self._stage.loop.time()
        self._buffer += data
        while not self._over and b"\r\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\r\n", 1)
            if self._in_data:
                self._take_line(line, written_at)
            else:
                self._obey(line.decode("ascii", "replace"))

    def hung_up(self) -> None:
        self._over = True

    def _obey(self, line: str) -> None:
        verb, _, rest = line.strip().partition(" ")
        match verb.upper():
            case "EHLO":
                extensions = ["PIPELINING"] if self._pipelining else []
                extensions += ["SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN"]
                lines = ["world.test", *extensions]
                self._say("\r\n".join(f"250{'-' if each is not lines[-1] else ' '}{each}" for each in lines))
            case "AUTH":
                self._login()
            case "MAIL":
                found = _PATH.match(rest)
                if self._fails("MAIL"):
                    return
                self._sender, self._recipient, self._refused = (found[1] if found else ""), None, False
                self._say("250 2.1.0 OK")
            case "RCPT":
                self._rcpt(rest)
            case "DATA":
                self._data()
            case "RSET":
                self._sender = self._recipient = None
                self._say("250 2.0.0 OK")
            case "QUIT":
                self._say("221 2.0.0 goodbye")
                self._leave()
            case _:
                self._say("250 2.0.0 OK" if verb.upper() == "NOOP" else "500 5.5.2 no such command")

    def _login(self) -> None:
        if self._faults.hit("auth revoked"):
            self._server.login_revoked = True
        if self._server.login_revoked and not self._faults.calm:
            self._say("535 5.7.8 bad credentials")
        else:
            self._say("235 2.7.0 welcome")

    def _fails(self, verb: str) -> bool:
        """Whether a fault of this verb was played."""
        if self._faults.hit("lost before the dot"):
            self._leave()
        elif self._faults.hit(f"4xx at {verb}"):
            self._say(self._server.dice.choice(("450 4.2.0 try later", "451 4.7.1 greylisted", "421 4.3.2 closing")))
        elif self._faults.hit(f"5xx at {verb}"):
            self._say(self._server.dice.choice(_REFUSALS[verb]))
        else:
            return False
        return True

    def _rcpt(self, rest: str) -> None:
        found = _PATH.match(rest)
        if self._sender is None or found is None:
            self._say("503 5.5.1 MAIL first")
            return
        if self._pipelining and self._faults.hit("354 after a refused RCPT"):
            self._refused = True
            self._say("450 4.2.1 not now")
            return
        if self._fails("RCPT"):
            return
        reply = self._server.post.at_rcpt(self._sender, found[1])
        if reply.startswith("2"):
            self._recipient = found[1]
        self._say(reply)
        if reply.startswith("421"):
            self._leave()

    def _data(self) -> None:
        if self._refused:
            self._in_data = True
            self._lines = []
            self._say("354 go on all the same")
            return
        if self._recipient is None:
            self._say("554 5.5.1 no valid recipients")
            return
        if self._fails("DATA"):
            return
        self._in_data = True
        self._lines = []
        self._begun = self._server.watch.body_begins(self._recipient)
        self._say("354 go on", self._server.dice.random() * PONDERS_S_MAX)

    def _take_line(self, line: bytes, written_at: float) -> None:
        if line != b".":
            self._lines.append(line.removeprefix(b"."))
            if len(self._lines) == 3 and self._faults.hit("lost before the dot"):
                self._leave()
            return
        self._in_data = False
        recipient, self._recipient = self._recipient, None
        raw = b"".join(each + b"\r\n" for each in self._lines)
        if recipient is None:
            self._stage.problems.append("a dot was written after a refused RCPT")
            return
        assert self._line is not None
        self._server.watch.dot(raw, recipient, written_at, self._begun, self._line.process)
        self._at_dot(recipient, raw)

    def _at_dot(self, recipient: str, raw: bytes) -> None:
        faults = self._faults
        if faults.hit("lost at the dot, not taken"):
            self._leave()
            return
        if self._fails("the dot"):
            return
        verdict = self._server.post.at_dot(self._sender or "", recipient, raw)
        self._sender = None
        if verdict.then == "break" or faults.hit("lost answer"):
            self._leave()
            return
        if not verdict.reply.startswith("2"):
            self._say(verdict.reply)
            return
        self._server.watch.taken(recipient, raw)
        if faults.hit("answer after 9 min"):
            self._say(verdict.reply, NINE_MINUTES_S)
        elif faults.hit("no answer for 11 min"):
            self._say(verdict.reply, ELEVEN_MINUTES_S)
        elif faults.hit("garbage answer"):
            self._say(self._server.dice.choice(("HTTP/1.1 200 OK", "25", "\x00\xff\x00", "250-2.0.0 half\r\n550 no")))
        elif faults.hit("multi-line answer"):
            self._say("250-2.0.0 taken\r\n250-2.0.0 under number 7\r\n250 2.0.0 thank you")
        else:
            self._say(verdict.reply)

    def _leave_if_idle(self) -> None:
        if self._over:
            return
        left_s = self._heard_at + IDLE_S_MAX - self._stage.loop.time()
        if left_s > 0:
            self._stage.later(left_s, self._leave_if_idle)
        else:
            self._say("421 4.4.2 idle too long")
            self._leave()

    def _say(self, text: str, after_s: float = 0.0) -> None:
        assert self._line is not None
        self._line.tell(f"{text}\r\n".encode("latin-1"), after_s)

    def _leave(self) -> None:
        assert self._line is not None
        self._over = True
        self._line.reset()


_REFUSALS = {
    "MAIL": ("550 5.7.1 not allowed to send", "553 5.1.8 sender refused"),
    "RCPT": ("550 5.1.1 no such user", "550 no", "552 5.2.2 mailbox full", "550 5.7.1 policy"),
    "DATA": ("554 5.7.1 spam", "550 5.7.26 unauthenticated"),
    "the dot": ("554 5.7.1 spam", "552 5.3.4 too big", "550 5.7.1 refused"),
}
