"""`enroll` as it is typed: the dry run's words, a spread, an override, a chosen mailbox, and nobody at all.

The installation's caps are so small that its people never fit on one day. Each test runs on a Saturday and on a Monday
six minutes before the hours of those in Madrid close for lunch.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from tests.integration.test_cli_setup import EXPECTED_PEOPLE, applied, run, started
from tests.integration.typed import Run

__all__ = ["applied", "run", "started"]

FIRST = ("enroll", "vp-engineering", "--list", "first", "--as", "ana")
GAP = "gap"  # of those whose hours it is when the test runs, one waits for the other
LUCIA = ("--email", "lucia.ferrer@brisapagos.test")


@pytest.fixture(scope="module", autouse=True, params=["2026-11-21 20:05", "2026-11-23 10:24"])
def at_one_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """The whole life of the installation: the system's clock goes on from here, whenever the tests run."""
    with freeze_time(request.param, tick=True):
        yield


def test_the_dry_run_tells_all_and_writes_nothing(started: Run) -> None:
    dry = started(*FIRST, "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "Ferrer <lucia.ferrer@brisapagos.test>" in dry.out
    assert "mail intro" in dry.out
    assert "their time: Europe/Madrid (from the file)" in dry.out
    assert "over by 30" in dry.out  # a new mailbox may send 10
    assert "the cap of ana@ourco.test is 50 a day, ramping up from 10" in dry.out
    assert "add --spread: " in dry.out
    assert 'nothing goes yet: the daemon: none has run yet; start it: "sequencer daemon"' in dry.out
    assert f"{EXPECTED_PEOPLE} people would be enrolled, 0 refused" in dry.out
    found = json.loads(started(*FIRST, "--dry-run", "--json").out)
    assert len(found["enrolled"]) == EXPECTED_PEOPLE
    assert all(each["enrollment"] is None for each in found["enrolled"])
    assert [touch["step"] for touch in found["enrolled"][0]["touches"]][:2] == ["intro", "connect"]
    assert {each["what"] for each in found["load"]} == {
        "mails from ana@ourco.test", "calls of ana", "connects of ana",
    }  # fmt: skip
    assert {each["reason"] for one in found["enrolled"] for each in one["delays"]} - {GAP} == {"cap"}
    # It can still be done, so it was not done.
    done = started(*FIRST)
    assert done.out.startswith("enrolled 40 people in vp-engineering, for ana from ana@ourco.test\n")
    assert '" says when the first touch goes, and why then\n' in done.out
    assert 'nothing goes yet: the daemon: none has run yet; start it: "sequencer daemon"' in done.err


def test_a_few_people_are_told_when_and_why(started: Run) -> None:
    """The last look before the enter key, for three colleagues."""
    colleagues = [word for name in ("lucia.ferrer", "inigo.zabala", "marta.nunez")
                  for word in ("--email", f"{name}@brisapagos.test")]  # fmt: skip
    dry = started("enroll", "vp-engineering", *colleagues, "--as", "ana", "--dry-run")
    assert dry.code == 0
    assert "why then: their hours (business_hours) " in dry.out
    assert "mails from ana@ourco.test leave 90 to 150 s apart (its gap): of 3 that are due at one time the" in dry.out
    assert "last leaves about 4 minutes later" in dry.out
    assert "over by" not in dry.out
    assert "--spread" not in dry.out
    assert "the same command without --dry-run enrols them" in dry.out


def test_what_a_spread_tells_is_what_it_does(started: Run) -> None:
    planned = json.loads(started(*FIRST, "--spread", "--dry-run", "--json").out)
    assert not any(each["over"] for each in planned["load"])
    assert not [each for one in planned["enrolled"] for each in one["delays"] if each["reason"] != GAP]
    told = started(*FIRST, "--dry-run", "--spread").out
    assert "starts: 10 on the first day, " in told
    assert "spread over" in told
    done = started(*FIRST, "--spread")
    assert done.out.splitlines()[1] == next(line for line in told.splitlines() if line.startswith("starts: "))
    late = next(one for one in planned["enrolled"] if one["starts"])
    assert f" spread over {planned['spread_days']} days by ana; " in started("why", late["email"]).out
    assert f"spread over {planned['spread_days']} days" in started("timeline", late["email"]).out


def test_too_few_days_are_called_too_few(started: Run) -> None:
    assert "some days are still too full" in started(*FIRST, "--dry-run", "--spread", "1d").out
    assert "some days are still too full" not in started(*FIRST, "--dry-run", "--spread", "6d").out


def test_refusals_are_grouped_and_nobody_let_in_is_exit_1(started: Run) -> None:
    assert started("enroll", "vp-engineering", *LUCIA, "--as", "bo").code == 0
    both = started("enroll", "vp-engineering", *LUCIA, "--email", "inigo.zabala@brisapagos.test", "--as", "bo")
    assert both.code == 0
    assert "enrolled 1 person" in both.out
    assert "  1 already in this sequence\n" in both.err
    assert "<lucia.ferrer@brisapagos.test>: already active in vp-engineering since" in both.err
    assert started("enroll", "vp-engineering", *LUCIA, "--as", "bo").code == 1
    assert started(*FIRST).code == 0
    nobody = started(*FIRST, "--dry-run")
    assert nobody.code == 1
    assert "  40 already in this sequence\n" in nobody.out
    assert "and 35 more (--json has all)" in nobody.out
    assert nobody.out.endswith("0 people would be enrolled, 40 refused\n")
    assert json.loads(started(*FIRST, "--dry-run", "--json").out)["refused_by_reason"] == {"already_enrolled": 40}


def test_the_worst_refusal_comes_first_and_is_never_overridden(started: Run) -> None:
    assert started("opt-out", "inigo.zabala@brisapagos.test", "--as", "ana").code == 0
    assert started("enroll", "vp-engineering", *LUCIA, "--as", "ana").code == 0
    for extra in ((), ("--override", "--reason", "they asked")):
        dry = started(*FIRST, "--dry-run", *extra)
        refused = [line.strip() for line in dry.out.splitlines() if line.startswith("  1 ")]
        assert refused == ["1 may not be contacted; nobody can override this", "1 already in this sequence"]


def test_a_cool_off_is_overridden_by_name_with_a_reason(started: Run) -> None:
    assert started("enroll", "vp-engineering", *LUCIA, "--as", "ana").code == 0
    assert started("finish", LUCIA[1], "--reason", "meeting", "--as", "ana").code == 0
    refused = started("enroll", "vp-engineering", *LUCIA, "--as", "ana")
    assert refused.code == 1
    assert '--override --as REP --reason "…" enrols them all the same' in refused.err
    assert "booked a meeting on" in refused.err
    again = started("enroll", "vp-engineering", *LUCIA, "--as", "ana", "--override", "--reason", "asked me to")
    assert again.code == 0
    assert "1 refusal was overridden by ana; it stands on each person's timeline" in again.out
    told = started("timeline", LUCIA[1]).out
    assert "; overridden: answered a short while ago" in told
    assert "Reason given: asked me to" in told


def test_a_mailbox_is_chosen_by_hand_and_a_paused_one_never(started: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = config.read_text()
    box = text[text.index("[[mailboxes]]") : text.index("[[mailboxes]]", text.index("[[mailboxes]]") + 1)]
    config.write_text(text + "\n" + box.replace("ana@ourco.test", "ana@ourco-mail.test"))
    both = started(*FIRST, "--dry-run").out
    assert "mails from ana@ourco-mail.test\tmails from ana@ourco.test" in both
    chosen = json.loads(started(*FIRST, "--dry-run", "--json", "--mailbox", "ana@ourco-mail.test").out)
    assert {one["mailbox"] for one in chosen["enrolled"]} == {"ana@ourco-mail.test"}
    assert started("pause", "--mailbox", "ana@ourco.test", "--as", "bo").code == 0
    rest = started(*FIRST, "--dry-run").out
    assert "not used: ana@ourco.test is paused by bo since" in rest
    assert "mails from ana@ourco.test" not in rest
    refused = started(*FIRST, "--mailbox", "ana@ourco.test")
    assert refused.code == 2
    assert '"sequencer resume --mailbox ana@ourco.test" lifts it' in refused.err


def test_all_sending_that_is_paused_is_said_before_enter(started: Run) -> None:
    assert started("pause", "--all", "--as", "bo").code == 0
    assert 'all sending is paused; "sequencer resume --all"' in started(*FIRST, "--dry-run").out
