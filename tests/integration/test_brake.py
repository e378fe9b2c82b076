"""The brake on a real store: what counts, what it stops, who sees it, and that only a person lets it go on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from sequencer.cli import root
from sequencer.config import parse
from sequencer.core.outcome import Accepted, Deferred, Outcome, Refused
from sequencer.core.people import OuterPause
from sequencer.core.ports import Envelope
from sequencer.core.reason import Reason
from sequencer.engine import correcting, outer_stops
from sequencer.engine.advance import Advance
from sequencer.engine.braking import brake
from sequencer.engine.overview import overview
from sequencer.engine.situation import Surroundings
from sequencer.engine.timeline import timeline
from sequencer.engine.why import Standing, why
from sequencer.engine.why_words import sentence
from sequencer.store import brakes, leases, scopes
from tests.integration.installation import ALWAYS_OPEN
from tests.integration.mail_room import ANA, OWNER, MailRoom, bounce, complaint
from tests.integration.scripted_channel import ScriptedChannel, dispatch_over

POLICY = "[policy]\nbrake = { bounce_rate = 0.2, complaint_rate = 0.1, min_sent = 10 }\n"
NO_USER = Refused(550, "5.1.1 no such user", "rcpt", "5.1.1", True)
SPAM = Refused(554, "5.7.1 spam", "dot", "5.7.1")
REASON = "3 of 10 mails since Mon 23 Nov bounced: 30.0 %, the brake is 20 %"


class Shop(MailRoom):
    """A mailbox that stops above 20 % bounces or 10 % complaints of at least 10 mails."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        path = folder / "config.toml"
        path.write_text(POLICY + path.read_text())
        self.config = parse(path.read_text())
        self.config._folder = folder
        self.advance = Advance(self.database, Surroundings(self.config, self.advance.around.catalog))
        self.ingest = self.new_ingest()
        self.known = 0

    def send(self, number: int, outcome: Outcome | None = None) -> list[int]:
        """New people get their first mail, which ends so."""
        ids = []
        for _ in range(number):
            self.known += 1
            ids.append(self.person(f"p{self.known}@a{self.known}.test"))
            self.enroll(ids[-1])
        self.send_due(outcome)
        return ids

    def bounced(self, person: int, **more: str) -> None:
        about = self.sent(person)
        self.clock.forward(minutes=5)
        self.deliver(bounce(about.address, about=about.message_id, number=person, **more))
        asyncio.run(self.read())

    @property
    def stopped(self) -> OuterPause | None:
        return self.database.read(scopes.paused_scopes).get(("mailbox", ANA))

    def resume(self) -> outer_stops.Lifted:
        return self.database.write(
            lambda c: outer_stops.resume_scope(c, self.config, "mailbox", ANA, "ana", self.clock.now())
        )

    def standing(self, email: str) -> Standing:
        found = self.database.read(lambda c: why(c, self.advance, email, self.clock.now()))
        return found.standings[0]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def braked(shop: Shop) -> list[int]:
    """Ten mails of which three bounced."""
    ids = shop.send(10)
    for person in ids[:3]:
        shop.bounced(person)
    return ids


def test_the_bounce_that_is_one_too_many_stops_the_mailbox_by_itself(shop: Shop) -> None:
    ids = shop.send(10)
    for person in ids[:2]:
        shop.bounced(person)
    assert shop.stopped is None
    before = shop.database.read(lambda c: scopes.scope_numbers(c, [("mailbox", ANA)]))
    shop.bounced(ids[2])
    assert shop.stopped is not None
    assert (shop.stopped.by, shop.stopped.reason) == ("brake", REASON)
    assert shop.database.read(lambda c: scopes.scope_numbers(c, [("mailbox", ANA)])) != before  # the fence sees it


# what the tenth mail ends as, and the three before it; whether the mailbox stops
COUNTED: list[tuple[Outcome, bool]] = [
    (NO_USER, True),  # a hard bounce that the server tells at once
    (SPAM, True),  # 5.7.x, 554, 5yz at the dot: LIFECYCLE says that it counts
    (Refused(550, "no", "data"), True),
    (Deferred(451, "greylisted", "rcpt"), False),  # not judged yet
    (Refused(0, "the address failed meanwhile", "rcpt", "", True), False),  # ours: no server said so
    (Accepted(250, "OK"), False),
]


@pytest.mark.parametrize(("outcome", "stops"), COUNTED, ids=lambda each: str(each)[:45])
def test_what_counts(shop: Shop, outcome: Outcome, stops: bool) -> None:
    shop.send(7)
    shop.send(4, outcome)
    assert (shop.stopped is not None) == stops


def test_a_soft_bounce_a_second_report_and_a_corrected_one_do_not_count(shop: Shop) -> None:
    ids = shop.send(10)
    shop.bounced(ids[0], status="4.2.2", text="452 4.2.2 full")
    shop.bounced(ids[1])
    shop.bounced(ids[2])
    about = shop.sent(ids[1])
    shop.deliver(bounce(about.address, about=about.message_id, number=99))
    asyncio.run(shop.read())
    assert shop.stopped is None
    wrong = next(row.id for row in shop.inbound() if row.send_id == shop.sent(ids[2]).id)
    said = correcting.Said("soft_bounce")
    shop.database.write(lambda c: correcting.correct(c, shop.advance, wrong, said, "ana", shop.clock.now()))
    shop.bounced(ids[3])
    assert shop.stopped is None
    shop.bounced(ids[4])
    assert shop.stopped is not None


def test_a_complaint_counts_by_its_own_rate(shop: Shop) -> None:
    ids = shop.send(10)
    for number, person in enumerate(ids[:2]):
        about = shop.sent(person)
        told = complaint(about.message_id, about.address).replace("<arf@", f"<arf{number}@")
        shop.deliver(told)
        asyncio.run(shop.read())
    assert shop.stopped is not None
    assert "2 of 10 mails since Mon 23 Nov brought a complaint: 20.0 %, the brake is 10 %" in shop.stopped.reason


def test_below_min_sent_nothing_stops_and_the_mail_that_makes_it_enough_is_the_last(shop: Shop) -> None:
    """Nine of nine bounced: nobody knows yet. The tenth mail leaves; before the eleventh the mailbox is stopped."""
    ids = shop.send(9)
    for person in ids:
        shop.bounced(person)
    assert shop.stopped is None
    channel = ScriptedChannel()
    shop.database.write(lambda c: leases.release(c, OWNER))

    async def one_more() -> None:
        shop.known += 1
        shop.enroll(shop.person(f"p{shop.known}@a{shop.known}.test"))
        await shop.run_and_stop(dispatch_over(shop, channel))

    asyncio.run(one_more())
    assert (len(channel.wired), shop.stopped) == (1, None)
    asyncio.run(one_more())
    assert len(channel.wired) == 1
    assert shop.stopped is not None


def test_refusals_stop_what_the_same_batch_has_on_the_wire(shop: Shop) -> None:
    """Everything of a batch is prepared at once; those behind the refusals are not allowed their dot."""
    shop.send(8)
    for number in range(40):
        shop.enroll(shop.person(f"x{number}@y{number}.test"))

    async def no(_: Envelope) -> Outcome:
        return SPAM

    channel = ScriptedChannel(dot=no)
    shop.database.write(lambda c: leases.release(c, OWNER))
    asyncio.run(shop.run_and_stop(dispatch_over(shop, channel)))
    failed = shop.database.read(lambda c: brakes.returns_of(c, ANA, shop.clock.now() - timedelta(days=1))).refused
    assert shop.stopped is not None
    assert 3 <= failed <= 3 + 2 * 4  # the third of eleven is too many; four connections may be past their fences
    assert not channel.accepted


def test_status_why_and_the_timeline_tell_it_with_its_numbers_and_its_line(shop: Shop) -> None:
    ids = braked(shop)
    found = shop.database.read(lambda c: overview(c, shop.advance.around, shop.clock.now()))
    (trouble,) = [each for each in found.troubles if each.kind == "brake"]
    assert REASON in trouble.text
    assert trouble.mend.endswith(f'"sequencer resume --mailbox {ANA}" lets it go on')
    (line,) = found.mailboxes
    assert (line.state, line.next_at) == ("braked", None)
    one = shop.standing(f"p{ids[5]}@a{ids[5]}.test")
    gate = next(gate for gate in one.gates if gate.name == "mailbox")
    lines = (shop.folder / "config.toml").read_text().splitlines()
    assert (gate.reason, gate.frees_by) == (Reason.BRAKE, f"resume --mailbox {ANA}")
    assert lines[gate.place.line - 1].startswith("brake =")
    told = sentence(one, "Jo", lambda at: f"{at:%H:%M}")
    assert REASON in told
    assert f'"sequencer resume --mailbox {ANA}" lets it go on' in told
    shop.resume()
    story = shop.database.read(lambda c: timeline(c, f"p{ids[5]}@a{ids[5]}.test", lambda at: f"{at:%H:%M}"))
    texts = [each.text for each in story.lines]
    assert f"{ANA} was stopped by the brake: {REASON}" in texts
    assert f"{ANA} goes on, said ana" in texts


def test_only_a_person_lifts_it_and_then_the_count_begins_anew(shop: Shop) -> None:
    ids = braked(shop)
    shop.clock.forward(days=30)
    assert shop.stopped is not None  # no clock lifts it
    shop.clock.to(datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert shop.resume().pause is not None
    shop.clock.forward(minutes=1)
    shop.bounced(ids[4])  # a late report about a mail from before
    assert shop.stopped is None
    shop.clock.forward(minutes=1)
    again = shop.send(10)
    assert shop.stopped is None
    for person in again[:3]:
        shop.bounced(person)
    assert shop.stopped is not None
    assert [row.lifted_by for row in shop.database.read(lambda c: brakes.brakes_of(c, [ANA]))] == ["ana", None]


def test_a_pause_by_a_person_stays_theirs_and_its_end_does_not_forgive(shop: Shop) -> None:
    ids = shop.send(10)
    pause = OuterPause("mailbox", ANA, "", "ana", shop.clock.now())
    shop.database.write(lambda c: scopes.pause_scope(c, pause))
    for person in ids[:3]:
        shop.bounced(person)
    assert shop.stopped == pause
    shop.resume()
    assert shop.stopped is None
    shop.database.write(lambda c: brake(c, shop.config, [ANA], shop.clock.now()))
    assert shop.stopped is not None


def test_another_mailbox_and_another_time_do_not_count(shop: Shop) -> None:
    ids = shop.send(10)
    shop.clock.forward(days=14)

    def look(connection: Connection) -> list[str]:
        return brake(connection, shop.config, [ANA, "gone@ourco.test"], shop.clock.now())

    for person in ids[:5]:
        shop.bounced(person)
    assert shop.database.write(look) == []


def test_resume_needs_a_name_and_says_what_it_did(shop: Shop) -> None:
    braked(shop)
    at = ["--config", str(shop.folder / "config.toml")]
    text = (shop.folder / "config.toml").read_text()
    bo = '[[reps]]\nname = "bo"\nemail = "bo@ourco.test"\ntimezone = "UTC"\n'
    (shop.folder / "config.toml").write_text(f'[database]\nurl = "{shop.database.url}"\n{text}{bo}')
    typed = CliRunner().invoke(root, [*at, "resume", "--mailbox", ANA], env={"SEQUENCER_REP": ""})
    assert str(typed.exception) == "say who lifts it: --as ana | bo"
    assert shop.stopped is not None
    typed = CliRunner().invoke(root, [*at, "resume", "--mailbox", ANA, "--as", "ana"])
    assert typed.exit_code == 0, typed.output
    assert REASON in typed.output
    assert "counted anew" in typed.output
    assert shop.stopped is None


def test_the_shipped_rates_are_five_percent_three_in_a_thousand_and_fifty() -> None:
    rates = parse(ALWAYS_OPEN.format(cap=1, gap="0s", connections=1, port=1)).policy.brake
    assert (rates.bounce_rate, rates.complaint_rate, rates.min_sent) == (0.05, 0.003, 50)
