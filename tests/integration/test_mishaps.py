"""What befalls daemons, as processes: a death, a freeze, a database server that crashes, a disk that is full."""

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sequencer.clock import SystemClock
from sequencer.engine.outer_stops import pause_scope, resume_scope
from sequencer.store.migrate import migrate
from sequencer.store.tables import MAILBOXES
from tests.fresh import ON_POSTGRESQL, fresh_database
from tests.integration.installation import ALWAYS_OPEN, HandClock, Installation, World
from tests.integration.processes import SlowWorld, all_settled, said, start, states, wait_for
from tests.postgresql import DURABLE, Server, missing

BOXES = ("ana@ourco.test", "bo@ourco.test")
CONFIG = ALWAYS_OPEN + ALWAYS_OPEN[ALWAYS_OPEN.index("[[mailboxes]]") :].replace(*BOXES)
PEOPLE = 120
RESTS_S_MAX = 120.0  # on a busy machine a fence may come too late for its dot: then its mailbox rests for a minute


def founded(folder: Path, world: World, number: int, url: str = "") -> Installation:
    """Half of the people are written to from each mailbox."""
    for part in ("cur", "new", "tmp"):
        (folder / "mail" / part).mkdir(parents=True)
    clock = HandClock(SystemClock().now())
    house = Installation(folder, world.port, connections=2, config=CONFIG, clock=clock, url=url)
    house.apply()
    for each in range(number):
        house.enroll(house.person(f"p{each}@acme{each}.test"), mailbox=BOXES[each % 2])
    return house


@contextmanager
def daemons(folder: Path, number: int, lease_s: float = 3.0) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """That many, ended in the end whatever became of them."""
    running = [start(folder, lease_s) for _ in range(number)]
    try:
        yield running
    finally:
        for one in running:
            one.send_signal(signal.SIGCONT)
            one.terminate()
        for one in running:
            one.wait(60)


def owners(house: Installation) -> dict[str, str]:
    """Who holds each mailbox, by the process's number."""
    rows = house.database.read(lambda connection: connection.execute(MAILBOXES.select()).all())
    return {row.address: row.owner.split(":")[1] for row in rows if row.owner}


def shared(house: Installation) -> bool:
    return len(set(owners(house).values())) == 2


def check(house: Installation, world: World, doubts_max: int) -> None:
    copies = Counter(recipient for recipient, _ in world.accepted)
    sent = {row.address for row in states(house, "sent")}
    uncertain = {row.address for row in states(house, "uncertain", "person")}
    assert max(copies.values()) == 1, said(house.folder)
    assert sent <= set(copies) <= sent | uncertain
    assert len(uncertain) <= doubts_max


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("how", "lease_s"),
    [
        (signal.SIGKILL, 4.0),
        # it may freeze while it writes: then its session is ended first, after half a lease
        (signal.SIGSTOP, 10.0),
    ],
)
def test_a_daemon_that_dies_or_freezes_loses_its_mailbox_to_the_other(
    tmp_path: Path, how: signal.Signals, lease_s: float
) -> None:
    with SlowWorld() as world:
        house = founded(tmp_path, world, PEOPLE)
        now = house.clock.now()
        # No mail before each has its share: one daemon alone would have sent it all on a quick machine.
        house.database.write(lambda c: pause_scope(c, house.config, "all", "", "ana", "a share for each", now))
        with daemons(tmp_path, 2, lease_s) as running:
            wait_for(lambda: shared(house), "sharing two mailboxes")
            house.database.write(lambda c: resume_scope(c, house.config, "all", "", "ana", now))
            before = len(world.accepted)
            wait_for(lambda: len(world.accepted) > before + 5, "mail", RESTS_S_MAX)
            gone = running[0]
            (lost,) = [address for address, owner in owners(house).items() if owner == str(gone.pid)]
            gone.send_signal(how)
            taken_by = str(running[1].pid)
            wait_for(lambda: owners(house).get(lost) == taken_by, "taking over", 2 * lease_s)
            goal = len(states(house, "sent")) + 10
            wait_for(lambda: len(states(house, "sent")) > goal or all_settled(house, PEOPLE), "going on", RESTS_S_MAX)
            gone.send_signal(signal.SIGCONT)  # thawed: what it still has on the wire gets no dot and settles nothing
            wait_for(lambda: all_settled(house, PEOPLE), "settling everything", 2 * RESTS_S_MAX)
        check(house, world, doubts_max=2)
        house.close()


def test_a_server_that_crashed_is_waited_for_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    server = Server(DURABLE).start()
    url = server.url(server.create())
    migrate(url)
    try:
        with SlowWorld() as world:
            house = founded(tmp_path, world, PEOPLE, url)
            with daemons(tmp_path, 1) as running:
                for _ in range(3):
                    before = len(world.accepted)
                    wait_for(lambda before=before: len(world.accepted) > before + 10, "mail", 2 * RESTS_S_MAX)  # type: ignore[misc]
                    server.stop("immediate")
                    server.start()
                wait_for(lambda: all_settled(house, PEOPLE), "settling everything", 120)
                assert running[0].poll() is None, said(tmp_path)
            check(house, world, doubts_max=3 * 2 * len(BOXES))
            house.close()
    finally:
        server.close()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes; skips where none can be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    folder.mkdir()
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def test_a_full_disk_is_waited_for_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as small, SlowWorld() as world:
        house = founded(tmp_path, world, PEOPLE, fresh_database(small))
        with daemons(tmp_path, 1) as running:
            wait_for(lambda: len(world.accepted) > 10, "mail")
            fill(small / "ballast")
            wait_for(lambda: "disk is full" in said(tmp_path), "the disk's being full")
            assert running[0].poll() is None
            (small / "ballast").unlink()
            wait_for(lambda: all_settled(house, PEOPLE), "settling everything", 120)
        check(house, world, doubts_max=4)
        house.close()
