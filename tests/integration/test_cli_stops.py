"""The commands that stop and move many: their words, their examples, their refusals."""

from io import StringIO

import pytest

from sequencer.config import load
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.store import people
from tests.integration.test_cli_people import home, refused
from tests.integration.typed import Run
from tests.unit.engine.people_house import House

__all__ = ["home"]

BO, KIM, EVE = "bo@acme.test", "kim@acme.test", "eve@other.test"
SECOND_REP = '\n[[reps]]\nname = "bo"\nemail = "bo@home.test"\ntimezone = "UTC"\n'


@pytest.fixture
def team(home: House) -> House:
    """Two reps; Bo and Kim get mail, Eve is called; Bo and Eve are on the list q4."""
    path = home.folder / "config.toml"
    path.write_text(path.read_text() + SECOND_REP)
    home.config = load(path)
    home.advance = Advance(home.database, Surroundings(home.config, Catalog()))
    home.inside("three", BO, "Bo")
    home.inside("three", KIM, "Kim")
    home.inside("kinds", EVE, "Eve")
    home.database.write(lambda c: people.add_to_list(c, "q4", [1, 3]))
    return home


def test_the_panic_button_says_what_it_stopped(team: House, run: Run) -> None:
    team.on_the_wire()
    said = run("pause", "--all", "--reason", "the wrong template", "--as", "bo").out
    assert 'until somebody says "sequencer resume --all"' in said
    assert "3 people wait in 2 sequences, 1 queued mail stays here" in said
    assert "1 mail was handed to the server just before and cannot be called back" in said
    assert "the wrong template" in run("why", KIM).out
    refused(run("resume", "--all"), "say who lifts it: --as ana | bo")
    assert "3 people go on, under the usual caps" in run("resume", "--all", "--as", "ana").out
    assert "2 people wait in 1 sequence" in run("pause", "--sequence", "three").out


# what somebody wrote into config.toml while the daemon ran
BROKEN = ["cap_perday = 3\n", "this is = no [toml\n", '[[reps]]\nname = "ana"\nemail = 7\n']


@pytest.mark.parametrize("broken", BROKEN)
def test_the_panic_button_works_with_a_broken_config(team: House, run: Run, broken: str) -> None:
    path = team.folder / "config.toml"
    text = path.read_text()
    path.write_text(f'[database]\nurl = "sqlite:///sequencer.db"\n{text}\n{broken}')
    assert run("pause", BO).code == 2
    ran = run("pause", "--all", "--as", "bo")
    assert (ran.code, ran.out.splitlines()[1].partition(",")[0]) == (0, "3 people wait in 2 sequences")
    assert ran.err.startswith("sequencer: only the database was read: config.toml")
    path.write_text(text)
    assert "all sending is paused, by bo" in run("why", KIM).out.lower()


def test_the_panic_button_never_makes_a_database_of_its_own(team: House, run: Run) -> None:
    path = team.folder / "config.toml"
    path.write_text(f'[database]\nurl = "sqlite:///other.db"\n{path.read_text()}\nthis is = no [toml\n')
    assert run("pause", "--all").code == 2
    assert not (team.folder / "other.db").exists()


def test_a_list_is_paused_goes_on_and_is_finished(team: House, run: Run) -> None:
    paused = run("pause", "--list", "q4")
    assert paused.out.startswith("2 people live in 2 sequences are paused until somebody says")
    assert "1 queued mail is called back" in paused.out
    refused(run("resume", "--list", "q4"), "say who you are: --as ana | bo")
    assert "2 people of 2 go on" in run("resume", "--list", "q4", "--as", "ana").out
    assert "are paused for 3d" in run("pause", "--list", "q4", "--for", "3d").out
    assert "would finish" in run("finish", "--list", "q4", "--dry-run").out
    ended = run("finish", "--list", "q4", "--reason", "disqualified")
    assert ended.out == "2 people live in 2 sequences finish, 1 open task is dropped (disqualified)\n"
    assert team.progress(1).finished is FinishReason.DISQUALIFIED
    assert team.progress(2).status == "active"


def test_a_rule_says_whom_it_stops_and_is_listed_and_lifted(team: House, run: Run) -> None:
    foreseen = run("suppress", "acme.test", "--dry-run").out
    assert "2 people live in 1 sequence would finish, 2 queued mails would be called back" in foreseen
    assert foreseen.endswith("nothing was changed\n")
    assert team.progress(1).status == "active"
    said = run("suppress", "acme.test", "--reason", "a customer", "--as", "ana").out
    assert said == (
        "domain acme.test and account acme.test: never contacted on any channel; "
        "2 people live in 1 sequence finish, 2 queued mails are called back\n"
    )
    assert "(this was so before); nobody it covers is in a sequence now" in run("suppress", "acme.test").out
    assert "domain acme.test\tall\ta customer\tana\t" in run("suppress", "--list").out
    assert run("suppress", "--list", "nowhere").out == 'no rule has "nowhere" in it\n'
    assert {each["rule"]["kind"] for each in run("suppress", "--list", "--json").json} == {"domain", "account"}
    assert "may not enter three, bare, kinds: may not be contacted (domain: a customer" in run("why", BO).out
    refused(run("unsuppress", "acme.test", "--as", "ana"), "missing option '--reason'")
    refused(run("unsuppress", "acme.test", "--reason", "x"), "say who you are")
    refused(run("unsuppress", BO, "--reason", "x", "--as", "ana"), "no rule stands on bo@acme.test itself, but on")
    lifted = run("unsuppress", "acme.test", "--reason", "left us", "--as", "ana").out
    assert "may be contacted again: 2 rules lifted by ana: left us" in lifted
    assert "no rule forbids contact" in run("suppress", "--list").out


def test_a_rule_for_one_channel_lets_the_others_go_on(team: House, run: Run) -> None:
    assert "1 person goes on by other channels" in run("suppress", EVE, "--channel", "linkedin").out
    run("done", "1", "--outcome", "voicemail", "--as", "ana")
    assert team.progress(3).touches["connect"].state == "skipped"
    assert "passed by: the person may not be contacted on this channel" in run("timeline", EVE).out


def test_only_their_own_word_lifts_an_opt_out(team: House, run: Run) -> None:
    run("opt-out", BO)
    refused(run("unsuppress", BO, "--reason", "a big deal", "--as", "ana"), "only their own word lifts that")
    assert "opted out: asked not to be contacted" in run("suppress", "--list").out
    assert "lifted by ana" in run("unsuppress", BO, "--reason", "wrote to us", "--opted-in", "--as", "ana").out
    assert "may be contacted again on any channel (by ana)" in run("timeline", BO).out


def test_a_file_of_another_product_is_suppressed_line_by_line(team: House, run: Run) -> None:
    (team.folder / "out.csv").write_text(f"Email Address,Why\n{BO},asked\nnonsense,\ngmail.com,\nx@y.test,\n")
    ran = run("suppress", "out.csv", "--reason", "from the old tool")
    assert ran.code == 0
    assert 'out.csv:3: "nonsense" is neither an address nor a domain' in ran.err
    assert "out.csv:4: gmail.com is a free-mail domain" in ran.err
    assert ran.out.startswith("out.csv, 2 lines left out (2 rules, 2 new): never contacted on any channel; 1 person")
    assert "2 rules lifted by ana: the wrong file" in run(
        "unsuppress", "out.csv", "--reason", "the wrong file", "--as", "ana"
    ).out  # fmt: skip
    (team.folder / "empty.txt").write_text("# nobody\n")
    refused(run("suppress", "empty.txt"), "no address and no domain in it")
    refused(run("suppress", "gone.csv"), "there is no such file")


def test_people_are_handed_over(team: House, run: Run) -> None:
    foreseen = run("reassign", "--from", "ana", "--to", "bo", "--dry-run").out
    assert foreseen.startswith("3 people in kinds (1), three (2) and 1 open task would move from ana to bo\n")
    refused(run("reassign", "--from", "ana", "--to", "bo"), "say who you are")
    moved = run("reassign", "--from", "ana", "--to", "bo", "--as", "ana").out
    assert "moved from ana to bo" in moved
    assert "mails go on from the mailboxes that began the threads" in moved
    assert "call" in run("tasks", "--rep", "bo").out
    assert "given to bo (by ana)" in run("timeline", EVE).out
    refused(run("reassign", "--from", "ana", "--to", "carl", "--as", "ana"), 'no rep "carl" in config.toml')


def test_a_merge_shows_what_it_does_and_asks(team: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("pause", KIM)
    shown = run("merge", BO, KIM, "--dry-run", "--as", "ana").out
    assert "Bo <bo@acme.test> stays; Kim <kim@acme.test> becomes the same person" in shown
    assert "gets the address kim@acme.test, behind their own" in shown
    assert "finishes in three (moved): bo@acme.test goes on in three" in shown
    assert "is stopped in three as the other one was: paused by a person" in shown
    assert shown.endswith("nothing was changed\n")
    refused(run("merge", BO, KIM), "say who you are")
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert run("merge", BO, KIM, "--as", "ana").err.endswith("sequencer: aborted\n")
    assert team.progress(2).status == "paused"
    done = run("merge", BO, KIM, "--as", "ana", "--yes").out
    assert done.endswith("Kim <kim@acme.test> is Bo <bo@acme.test> from now on\n")
    assert team.progress(1).pause(Reason.BY_PERSON)
    assert "merged with person 2, who is the same one (by ana)" in run("timeline", KIM).out
