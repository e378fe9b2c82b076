"""Who is let in, who is not and why, and which mailbox writes to whom."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import insert

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.suppression import Suppression
from sequencer.engine.candidates import candidates
from sequencer.engine.enrolling import Enrolment, admit, enroll, open_door, take_in
from sequencer.engine.timeline import timeline
from sequencer.errors import InputError
from sequencer.store import log, people, reads
from sequencer.store.tables import INBOUND
from tests.unit.engine.office import CALLS, ONE_MAIL, SEQUENCE, Office


def ended(office: Office, sequence_id: str, reason: FinishReason, days_ago: int) -> None:
    """Jo was in that sequence, had its first mail, and it ended so many days ago."""
    office.now -= timedelta(days=days_ago)
    enrollment = office.inside(sequence_id, "jo@acme.test")
    if sequence_id != "calls":
        office.sent(enrollment, "intro" if sequence_id == "three" else "only")
    if reason is not FinishReason.COMPLETED or sequence_id == "three":
        office.record(enrollment, e.Finished(reason=reason, by="person:ana"))
    office.now += timedelta(days=days_ago)


def suppressed(office: Office, kind: str, value: str, channel: str | None = None) -> None:
    rule = Suppression(kind, value, channel, "asked us to", office.now)  # type: ignore[arg-type]
    office.database.write(lambda c: people.suppress(c, rule, "ana"))


def answered(office: Office, answer: str, days_ago: int) -> None:
    row = {
        "identity": answer, "inbox": "x", "folder": "INBOX", "outgoing": False, "state": "projected",
        "received_at": office.now - timedelta(days=days_ago), "classifier": 1, "judgement": "", "answer": answer,
        "prospect_id": office.id_of("jo@acme.test"), "reason": "",
    }  # fmt: skip
    office.database.write(lambda c: c.execute(insert(INBOUND).values(**row)))


def bounced(office: Office) -> None:
    office.database.write(lambda c: people.invalidate_address(c, "jo@acme.test", "5.1.1"))


def own(office: Office) -> None:
    """Jo joined us after the import."""
    jo = office.id_of("jo@acme.test")
    office.database.write(lambda c: people.put_addresses(c, jo, ["jo@ourco.test"]))


GATES = [
    # what happened before, sequence, reason (None: let in), what the sentence says
    (lambda o: None, "three", None, ""),
    (lambda o: suppressed(o, "person", str(o.id_of("jo@acme.test"))), "three", Reason.SUPPRESSED, "asked us to"),
    (lambda o: suppressed(o, "domain", "acme.test"), "three", Reason.SUPPRESSED, "domain: asked us to"),
    (lambda o: suppressed(o, "account", "acme.test"), "three", Reason.SUPPRESSED, "account: asked us to"),
    # no mail, but the sequence has calls too: its mails are skipped
    (lambda o: suppressed(o, "address", "jo@acme.test", "email"), "three", None, ""),
    (lambda o: suppressed(o, "address", "jo@acme.test", "email"), "one", Reason.SUPPRESSED, "by email"),
    (lambda o: suppressed(o, "address", "jo@acme.test", "call"), "calls", Reason.SUPPRESSED, "by call"),
    (own, "three", Reason.SUPPRESSED, "jo@ourco.test is an address of your own company"),
    (bounced, "three", Reason.BAD_ADDRESS, "jo@acme.test does not work"),
    # a first touch that is no mail needs no address
    (bounced, "calls", None, ""),
    (lambda o: o.inside("three", "jo@acme.test"), "three", Reason.ALREADY_ENROLLED,
     "already active in three since 23 Nov 2026, by ana"),
    (lambda o: o.inside("three", "jo@acme.test"), "one", Reason.EXCLUSIVE, "active in three since 23 Nov 2026, by ana"),
    # either of the two is not exclusive
    (lambda o: o.inside("three", "jo@acme.test"), "calls", None, ""),
    (lambda o: o.inside("calls", "jo@acme.test"), "three", None, ""),
    # the last touch was 89 and 91 days ago
    (lambda o: ended(o, "three", FinishReason.REMOVED, 89), "three", Reason.REENROLL, "again from 24 Nov 2026"),
    (lambda o: ended(o, "three", FinishReason.REMOVED, 91), "three", None, ""),
    # another sequence does not count for that
    (lambda o: ended(o, "three", FinishReason.REMOVED, 1), "one", None, ""),
    (lambda o: ended(o, "three", FinishReason.REPLIED, 29), "one", Reason.COOL_OFF, "policy.cool_off.replied"),
    (lambda o: ended(o, "three", FinishReason.REPLIED, 31), "one", None, ""),
    (lambda o: ended(o, "three", FinishReason.MEETING, 89), "one", Reason.COOL_OFF, "booked a meeting on 26 Aug 2026"),
    (lambda o: ended(o, "three", FinishReason.MEETING, 91), "one", None, ""),
    # an answer that belongs to no enrollment counts too, and a no for longer
    (lambda o: answered(o, "question", 29), "one", Reason.COOL_OFF, "answered on 25 Oct 2026"),
    (lambda o: answered(o, "question", 31), "one", None, ""),
    (lambda o: answered(o, "not_interested", 179), "one", Reason.COOL_OFF, "was not interested"),
    (lambda o: answered(o, "not_interested", 181), "one", None, ""),
]  # fmt: skip


@pytest.fixture
def ready(office: Office) -> Office:
    """Three applied sequences, and Jo."""
    for sequence_id, text in (("three", SEQUENCE), ("one", ONE_MAIL), ("calls", CALLS)):
        office.apply(sequence_id, text)
    office.bring("email,first_name,phone\njo@acme.test,Jo,+34 612 345 678\n")
    return office


@pytest.mark.parametrize(("before", "sequence_id", "reason", "says"), GATES)
def test_the_gates_at_the_door(ready: Office, before, sequence_id, reason, says) -> None:  # type: ignore[no-untyped-def]
    before(ready)
    rows = ready.everything()
    found = ready.enroll(sequence_id, [ready.id_of("jo@acme.test")])
    if reason is None:
        assert (len(found.enrolled), found.refused) == (1, ())
        return
    (refusal,) = found.refused
    assert refusal.reason is reason
    assert says in refusal.sentence
    assert found.enrolled == ()
    assert ready.everything() == rows


@pytest.mark.parametrize(
    ("before", "is_overridden"),
    [
        (lambda o: ended(o, "three", FinishReason.REPLIED, 1), True),
        (lambda o: ended(o, "three", FinishReason.REMOVED, 1), True),
        # nobody overrides these
        (lambda o: suppressed(o, "domain", "acme.test"), False),
        (lambda o: o.inside("three", "jo@acme.test"), False),
    ],
)
def test_a_named_person_may_override_time(ready: Office, before, is_overridden) -> None:  # type: ignore[no-untyped-def]
    before(ready)
    jo = ready.id_of("jo@acme.test")
    found = ready.enroll("three", [jo], "ana", override="she asked for it")
    assert len(found.enrolled) == is_overridden
    notes = ready.database.read(lambda c: reads.notes_of(c, jo))
    assert [note.by for note in notes if "she asked for it" in note.text] == (["ana"] if is_overridden else [])
    told = [line.text for line in ready.database.read(lambda c: timeline(c, "jo@acme.test", str)).lines]
    assert any("overridden: " in text for text in told) == is_overridden


def test_every_gate_that_was_overridden_is_in_the_log(ready: Office) -> None:
    ended(ready, "three", FinishReason.REPLIED, 1)
    (seat,) = ready.enroll("three", [ready.id_of("jo@acme.test")], override="she asked for it").enrolled
    first = ready.database.read(lambda c: log.read_log(c, seat.enrollment))[0].event
    assert isinstance(first, e.Enrolled)
    assert first.over == (Reason.REENROLL, Reason.COOL_OFF)
    assert "asked" not in e.to_json(first)  # a person's words stand beside the log, where erasure reaches them


def test_an_opt_out_after_an_answer_is_not_overridden_with_it(ready: Office) -> None:
    ended(ready, "three", FinishReason.REPLIED, 1)
    suppressed(ready, "person", str(ready.id_of("jo@acme.test")))
    found = ready.enroll("three", [ready.id_of("jo@acme.test")], override="she asked for it")
    assert [refusal.reason for refusal in found.refused] == [Reason.SUPPRESSED]


def test_what_an_enrolment_writes(ready: Office) -> None:
    (seat,) = ready.enroll("three", [ready.id_of("jo@acme.test")], step="ring").enrolled
    entries = ready.database.read(lambda c: log.read_log(c, seat.enrollment))
    first = entries[0].event
    assert isinstance(first, e.Enrolled)
    assert (first.step, first.rep, first.version, first.by) == ("ring", "ana", 1, "person:ana")
    assert first.mailbox == seat.mailbox
    assert ready.folded(seat.enrollment) == ready.progress(seat.enrollment)


def test_the_index_has_the_last_word(ready: Office) -> None:
    """Two commands looked at the same moment; both saw nobody inside."""
    jo = [ready.id_of("jo@acme.test")]

    def look() -> Enrolment:
        return ready.database.read(lambda c: admit(c, ready.config, door, jo, ready.now))

    door = ready.database.read(lambda c: open_door(c, ready.advance, "three", "ana", "ana"))
    ready.person("al@acme.test")
    both = look(), look()
    al = ready.id_of("al@acme.test")
    one = ready.database.write(lambda c: take_in(c, ready.advance, door, both[0], ready.now))
    seats = (*both[1].enrolled, *ready.database.read(lambda c: admit(c, ready.config, door, [al], ready.now)).enrolled)
    two = ready.database.write(lambda c: take_in(c, ready.advance, door, Enrolment(seats, ()), ready.now))
    assert len(one.enrolled) == 1
    assert [refusal.reason for refusal in two.refused] == [Reason.ALREADY_ENROLLED]
    assert [seat.prospect.id for seat in two.enrolled] == [al]


def crowd(office: Office, number: int) -> list[int]:
    office.bring("email,first_name\n" + "".join(f"p{n}@company{n}.test,P{n}\n" for n in range(number)))
    return [office.id_of(f"p{n}@company{n}.test") for n in range(number)]


def test_mailboxes_by_free_capacity(ready: Office) -> None:
    """Room for 4 and for 2 today: the larger one fills up first, then they take turns."""
    found = ready.enroll("three", crowd(ready, 10))
    assert Counter(seat.mailbox for seat in found.enrolled) == {"ana@ourco.test": 6, "ana@ourco-mail.test": 4}
    # What waits in line since then counts too.
    rest = ready.enroll("three", [ready.id_of("jo@acme.test"), ready.person("al@beta.test")])
    assert sorted(seat.mailbox for seat in rest.enrolled) == ["ana@ourco-mail.test", "ana@ourco.test"]


def test_the_choice_is_the_same_when_it_is_looked_at_again(ready: Office) -> None:
    ids = crowd(ready, 12)
    door = ready.database.read(lambda c: open_door(c, ready.advance, "three", "ana", "ana"))
    planned = ready.database.read(lambda c: admit(c, ready.config, door, ids, ready.now))
    written = ready.database.write(lambda c: enroll(c, ready.advance, door, ids, ready.now))
    assert [s.mailbox for s in planned.enrolled] == [s.mailbox for s in written.enrolled]


DOORS = [
    # sequence, rep, step, what is said
    ("thre", "ana", None, 'no sequence "thre" is applied: did you mean "three"?'),
    ("zzz", "ana", None, '"sequencer apply zzz" makes it ready'),
    ("three", "ana", "rng", 'three has no step "rng": did you mean "ring"?'),
    ("three", "anna", None, 'there is no rep "anna" in config.toml: did you mean "ana"?'),
    ("three", "cy", None, "rep cy has no mailbox"),
    # bo's mailbox is read by nobody, and the sequence writes twice
    ("three", "bo", None, "bo@ourco.test has no inbox, and three writes 2 mails"),
]


@pytest.mark.parametrize(("sequence_id", "rep", "step", "says"), DOORS)
def test_what_does_not_depend_on_the_person(ready: Office, sequence_id, rep, step, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as refused:
        ready.database.read(lambda c: open_door(c, ready.advance, sequence_id, rep, rep, step=step))
    assert says in str(refused.value)


@pytest.mark.parametrize(("sequence_id", "rep"), [("one", "bo"), ("calls", "cy")])
def test_what_a_sequence_does_not_need_is_not_asked_for(ready: Office, sequence_id: str, rep: str) -> None:
    """A single mail needs no inbox, and calls need no mailbox."""
    (seat,) = ready.enroll(sequence_id, [ready.id_of("jo@acme.test")], rep).enrolled
    assert seat.rep == rep


def test_the_owner_does_the_work(ready: Office) -> None:
    ready.apply("owned", "owner: ana\n" + SEQUENCE.lstrip())
    (seat,) = ready.enroll("owned", [ready.id_of("jo@acme.test")], "bo").enrolled
    first = ready.database.read(lambda c: log.read_log(c, seat.enrollment))[0].event
    assert isinstance(first, e.Enrolled)
    assert (first.rep, first.by) == ("ana", "person:bo")
    assert seat.mailbox.startswith("ana@")


MEANT = [
    ({"emails": ["Jo@ACME.test", "jo@acme.test"]}, ["jo@acme.test"]),
    ({"list_name": "q4"}, ["al@beta.test"]),
    ({"where": 'prospect.first_name == "jo"'}, ["jo@acme.test"]),
    ({"where": 'account.domain in ["beta.test", "gamma.test"]'}, ["al@beta.test"]),
    ({"where": "prospect.phone"}, ["jo@acme.test"]),
]


@pytest.mark.parametrize(("asked", "emails"), MEANT)
def test_candidates(ready: Office, asked, emails) -> None:  # type: ignore[no-untyped-def]
    ready.bring("email,first_name\nal@beta.test,Al\n", list_name="q4")
    ids = ready.database.read(lambda c: candidates(c, **asked))
    persons = ready.database.read(lambda c: people.load_prospects(c, ids))
    assert [persons[key].address for key in ids] == emails


UNKNOWN = [
    ({"emails": ["jo@acme.test", "no@acme.test"]}, "nobody has the address no@acme.test"),
    ({"list_name": "q44"}, 'did you mean "q4"?'),
    ({"list_name": "zz"}, "there is q4"),
    ({"where": "prospect.frist_name"}, 'nobody has a field prospect.frist_name: did you mean "first_name"?'),
    ({"where": "prospect.first_name ="}, "--where: "),
    ({"where": "opened(intro)"}, "before their first touch"),
    ({"where": 'prospect.first_name == "Zoe"'}, "true of none of 2 people"),
]


@pytest.mark.parametrize(("asked", "says"), UNKNOWN)
def test_candidates_that_are_not_there(ready: Office, asked, says) -> None:  # type: ignore[no-untyped-def]
    ready.bring("email,first_name\nal@beta.test,Al\n", list_name="q4")
    with pytest.raises(InputError) as refused:
        ready.database.read(lambda c: candidates(c, **asked))
    assert says in str(refused.value)
