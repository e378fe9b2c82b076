"""Servers that nobody reaches: `status` and `why` say so, and promise nothing, until one answers again."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sequencer.clock import SystemClock
from sequencer.core.outcome import Deferred, Outcome
from sequencer.core.ports import Envelope
from sequencer.engine.ingest import Ingest
from sequencer.inbound.imap import Imap, ImapServer
from tests.integration.installation import ALWAYS_OPEN, KEY, HandClock, Installation
from tests.integration.mail_servers import free_ports
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over
from tests.integration.typed import Run

(CLOSED,) = free_ports(1)
OUT_OF_REACH = ALWAYS_OPEN.replace(
    'maildir = "mail"', f'imap = {{{{ host = "127.0.0.1", port = {CLOSED}, security = "none" }}}}'
)
INBOX = f"ana@ourco.test@127.0.0.1:{CLOSED}"
JO = "jo@acme.test"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    """Its clock starts at the system's, which the commands read; neither server is there."""
    house = Installation(tmp_path, CLOSED, config=OUT_OF_REACH, clock=HandClock(SystemClock().now()))
    house.apply()
    yield house
    house.close()


def troubles(run: Run) -> dict[str, dict[str, str]]:
    found: dict[str, Any] = run("status", "--json").json
    return {each["kind"]: each for each in found["troubles"]}


async def read(house: Installation) -> None:
    server = ImapServer("127.0.0.1", CLOSED, "none", "ana@ourco.test", lambda: "secret")
    ingest = Ingest(house.database, house.advance, lambda name: Imap(server), KEY)
    await ingest.run_once(house.clock.now())
    await ingest.stop()


async def test_nobody_listens_and_status_and_why_say_so(house: Installation, run: Run) -> None:
    house.enroll(house.person(JO))
    dispatch = house.dispatch()
    await house.run(dispatch)
    await read(house)
    found = troubles(run)
    assert "daemon" not in found
    assert re.fullmatch(r"ana@ourco\.test rests: cannot reach 127\.0\.0\.1: \S.*", found["resting"]["text"])
    assert "Errno" not in found["resting"]["text"]
    assert found["inbox"]["text"] == (
        f"the inbox {INBOX} was never read to its end: ana@ourco.test at 127.0.0.1:{CLOSED}: Connection refused"
    )
    printed = run("status").out
    assert "All is well" not in printed
    row = next(line for line in printed.splitlines() if line.startswith("ana@")).split("\t")
    assert row[1] == "resting"
    assert row[4] != "now"
    assert 'the step "intro" is queued. But ana@ourco.test rests: cannot reach 127.0.0.1' in run("why", JO).out
    (one,) = run("why", JO, "--json").json["enrollments"]
    gate = next(gate for gate in one["gates"] if gate["name"] == "mailbox works")
    assert (gate["passed"], gate["reason"]) == (False, "mailbox_rests")
    assert gate["detail"].startswith("cannot reach 127.0.0.1")
    assert one["goes_at"] >= gate["frees_at"]
    await dispatch.stop()
    assert troubles(run)["daemon"]["text"].startswith("no daemon runs (last seen ")


async def test_a_server_that_answers_again_ends_the_rest(house: Installation, run: Run) -> None:
    house.enroll(house.person(JO))
    dispatch = house.dispatch()
    await house.run(dispatch)
    await dispatch.stop()
    assert "resting" in troubles(run)
    house.clock.forward(minutes=2)
    channel = ScriptedChannel()
    dispatch = dispatch_over(house, channel)
    await house.run(dispatch)
    await dispatch.stop()
    assert len(channel.accepted) == 1
    assert "resting" not in troubles(run)


async def test_a_refusal_that_names_the_recipient_is_kept_without_them(house: Installation, run: Run) -> None:
    """A 4yz before any recipient says nothing about the person; some servers quote them all the same."""

    async def quotes(_: Envelope) -> Outcome:
        return Deferred(451, f"cannot take mail for <{JO}> now", "mail", "4.3.0")

    house.enroll(house.person(JO))
    await house.run_and_stop(dispatch_over(house, ScriptedChannel(wire=quotes)))
    text = troubles(run)["resting"]["text"]
    assert text == "ana@ourco.test rests: 127.0.0.1 answered 451 cannot take mail for <(the recipient)> now"
