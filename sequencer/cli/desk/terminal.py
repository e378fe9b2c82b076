"""The screen of the interactive list: keys in, frames out, and the terminal as before at the end.

It uses the alternate screen, so what stood there comes back. Keys are read one at a time (POSIX termios); it knows no
task.
"""

import codecs
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

import click
from rich.console import Console
from rich.text import Text

SLICE_S = 0.25  # how soon a resize is seen
ESCAPE_S = 0.05  # what follows an Esc within this time belongs to the same key
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_NAMES = {
    "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x15": "ctrl-u", "\x03": "ctrl-c",
    "\x04": "eof", "\x1a": "ctrl-z", "\x1b": "esc",
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b[H": "home", "\x1b[F": "end",
    "\x1bOH": "home", "\x1bOF": "end", "\x1b[1~": "home", "\x1b[4~": "end", "\x1b[5~": "page up",
    "\x1b[6~": "page down",
}  # fmt: skip
Frame = Callable[[int, int], Sequence[Text]]


class Terminal:
    """Standard input and output as a screen; use it in a with statement."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._typed = ""
        self._frame: Frame | None = None
        self._drawn = ""

    def __enter__(self) -> "Terminal":
        self._before = termios.tcgetattr(self._fd)
        self._signals = {each: signal.signal(each, _leave) for each in (signal.SIGTERM, signal.SIGHUP)}
        self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._give_back()
        for each, handler in self._signals.items():
            signal.signal(each, handler)

    def _take(self) -> None:
        tty.setcbreak(self._fd)
        # Ctrl-Z and Ctrl-\ would leave the shell with this screen; the first is a key here, the second nothing.
        mode = termios.tcgetattr(self._fd)
        mode[6][termios.VSUSP] = mode[6][termios.VQUIT] = b"\x00"
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        self._write(_ENTER)
        self._drawn = ""

    def _give_back(self) -> None:
        self._write(_LEAVE)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    @contextmanager
    def away(self) -> Iterator[None]:
        """The terminal as another program wants it."""
        self._give_back()
        try:
            yield
        finally:
            self._take()

    def suspend(self) -> None:
        """Ctrl-Z: back to the shell until it says fg."""
        with self.away():
            os.kill(os.getpid(), signal.SIGTSTP)

    def draw(self, frame: Frame, *, forget_typed: bool = False) -> None:
        """Show what `frame` makes of (width, height); nothing is written where nothing changed.

        `forget_typed`: what was typed before this frame stood was not meant for it.
        """
        self._frame = frame
        size = os.get_terminal_size(sys.stdout.fileno())
        width, height = max(20, size.columns), max(6, size.lines)
        output = Console(highlight=False, width=width, height=height, force_terminal=True)
        with output.capture() as captured:
            for row in frame(width, height):
                output.print(row, no_wrap=True, overflow="crop", crop=True)
        drawn = captured.get().rstrip("\n").replace("\n", "\x1b[K\r\n")
        if forget_typed:  # before it is written: what is typed at the sight of it counts
            termios.tcflush(self._fd, termios.TCIFLUSH)
            self._typed = ""
        if drawn != self._drawn:
            self._drawn = drawn
            self._write(f"\x1b[H{drawn}\x1b[K\x1b[J")

    def key(self, within_s: float) -> str | None:
        """The next key by its name, None when none came; a new size is drawn meanwhile."""
        for _ in range(max(1, round(within_s / SLICE_S))):
            if self._typed or self._ready(SLICE_S):
                return self._next()
            if self._frame is not None:
                self.draw(self._frame)
        return None

    def _ready(self, within_s: float) -> bool:
        return bool(select.select([self._fd], [], [], within_s)[0])

    def _next(self) -> str | None:
        if not self._typed and not self._read():
            return "eof"
        while self._typed == "\x1b" and self._ready(ESCAPE_S) and self._read():
            pass
        sequence = _sequence(self._typed)
        self._typed = self._typed[len(sequence) :]
        return _NAMES.get(sequence, sequence) or None

    def _read(self) -> bool:
        got = os.read(self._fd, 1024)
        self._typed += self._decoder.decode(got)
        return bool(got)


def _sequence(typed: str) -> str:
    """The characters of the first key."""
    if not typed.startswith(("\x1b[", "\x1bO")):
        return typed[:1]
    for number, char in enumerate(typed[2:], 3):
        if "@" <= char <= "~":
            return typed[:number]
    return typed


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """A signal that ends the program ends it in order, so that the terminal is given back."""
    raise click.exceptions.Exit(128 + number)
