"""The simulated people: dealt by the seed alone, and what they write is read by the product as they mean it."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sequencer.mail.classify import Judgement, classify
from sequencer.mail.compose import Letter, compose
from sequencer.mail.parse import parse
from sequencer.mail.thread import message_ids
from sequencer.world.letters import Original, read_original
from sequencer.world.mailroom import Parcel
from sequencer.world.people import DECK, ON_THE_PHONE, Character, Kind, cast, reactions, working_instant
from sequencer.world.phrases import Language

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ZONES: dict[Language, str] = {"en": "America/Denver", "es": "Europe/Madrid", "de": "Europe/Berlin"}
SEEDS = range(8)

ROWS = [
    {
        "address": f"p{number}@acme{number}.test", "name": f"Person {number}", "timezone": "Europe/Berlin",
        "country": "DE", "phone": "+493023125011" if number % 3 else "",
    }
    for number in range(40)
]  # fmt: skip


def someone(kind: Kind, language: Language = "en") -> Character:
    return Character(
        "zoe.gross@acme.test", "Zoë Groß", ZoneInfo(ZONES[language]), "US", language, kind, 1, True
    )  # fmt: skip


def a_mail(step: str = "intro") -> Original:
    """A mail as the product writes it."""
    letter = Letter(
        message_id=f"<{step}@ourco.test>", date=MONDAY, sender_name="Ana Ruiz", sender_address="ana@ourco.test",
        recipient_name="Zoë Groß", recipient_address="zoe.gross@acme.test", subject="Build times at Acme, shorter",
        text="Hi Zoë,\n\nmay I look at your slowest pipeline?\n\nIf not, say so, and this was my last.\n\nAna Ruiz",
    )  # fmt: skip
    return read_original(compose(letter))


def only(kind: Kind, language: Language = "en", seed: int = 1, number: int = 1) -> tuple[datetime, Parcel]:
    (reaction,) = reactions(seed, someone(kind, language), a_mail(), number, MONDAY)
    return reaction


def judged(parcel: Parcel) -> Judgement:
    return classify(parse(parcel.raw), our_addresses=frozenset({"ana@ourco.test"}))


def test_the_seed_and_the_address_alone_decide() -> None:
    assert cast(3, ROWS) == cast(3, list(reversed(ROWS)))
    assert cast(3, ROWS) != cast(4, ROWS)


def test_forty_people_show_every_behaviour() -> None:
    for seed in SEEDS:
        dealt = Counter(one.kind for one in cast(seed, ROWS).values())
        assert dealt == Counter(DECK)
        assert set(dealt) == set(DECK)


def test_what_happens_on_the_phone_goes_to_somebody_who_has_one() -> None:
    phones = {row["address"]: row["phone"] for row in ROWS}
    for seed in SEEDS:
        assert all(phones[one.address] for one in cast(seed, ROWS).values() if one.kind in ON_THE_PHONE)


@pytest.mark.parametrize("language", ["en", "es", "de"])
@pytest.mark.parametrize("kind", ["interested", "question", "not_now", "referral", "not_interested", "opt_out"])
def test_an_answer_is_read_as_it_is_meant(kind: Kind, language: Language) -> None:
    for seed in SEEDS:
        _, parcel = only(kind, language, seed)
        found = judged(parcel)
        assert (found.kind, found.answer) == ("reply", kind), found


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_an_answer_stands_in_the_thread(language: Language) -> None:
    _, parcel = only("interested", language)
    assert message_ids(parse(parcel.raw))[0] == "<intro@ourco.test>"
    assert parcel.answers == "<intro@ourco.test>"
    assert "pipeline?" not in judged(parcel).text  # the quote is not their own words


def test_a_quote_is_there_for_most_and_not_for_all() -> None:
    quoted = [b"may I look" in only("interested", seed=seed)[1].raw for seed in range(40)]
    assert 0 < sum(quoted) < len(quoted)


def test_who_asks_for_later_names_a_day() -> None:
    for language in ZONES:
        found = judged(only("not_now", language)[1])
        assert found.return_date == date(2027, 1, 15), (language, found)


def test_a_referral_names_somebody() -> None:
    assert judged(only("referral")[1]).addresses == ("robin@acme.test",)


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_an_absence_is_automatic_and_says_the_day_of_return(language: Language) -> None:
    for seed in SEEDS:
        at, parcel = only("away", language, seed)
        found = judged(parcel)
        assert found.kind == "auto_reply"
        assert parcel.until is not None
        back = parcel.until.astimezone(ZoneInfo(ZONES[language]))
        assert (found.return_date, back.time()) == (back.date(), time(0))
        assert back.weekday() < 5
        assert at - MONDAY < timedelta(minutes=1)


# behaviour, what the product reads, the status it finds
@pytest.mark.parametrize(
    ("kind", "read", "status"), [("hard_bounce", "hard_bounce", "5.1.1"), ("soft_bounce", "soft_bounce", "4.2.2")]
)
def test_a_report_is_read_as_a_bounce_of_that_mail(kind: Kind, read: str, status: str) -> None:
    _, parcel = only(kind)
    found = judged(parcel)
    assert (found.kind, found.status, found.recipients) == (read, status, ("zoe.gross@acme.test",))
    assert "<intro@ourco.test>" in found.original_message_ids


def test_a_colleague_answers_from_another_address_in_the_thread() -> None:
    _, parcel = only("colleague", "de")
    mail = parse(parcel.raw)
    assert mail.from_address == "office@acme.test"
    assert message_ids(mail) == ("<intro@ourco.test>",)
    assert judged(parcel).kind == "reply"


def test_nobody_answers_twice_and_the_silent_never() -> None:
    assert reactions(1, someone("interested"), a_mail("bump"), 2, MONDAY) == []
    assert reactions(1, someone("silent"), a_mail(), 1, MONDAY) == []


def test_an_answer_is_written_in_working_hours() -> None:
    for seed in range(40):
        at, _ = only("interested", seed=seed)
        local = at.astimezone(ZoneInfo("America/Denver"))
        assert local.weekday() < 5
        assert time(9) <= local.time() < time(17, 30)


def test_the_bytes_depend_on_the_arguments_alone() -> None:
    assert only("away")[1].raw == only("away")[1].raw
    assert only("hard_bounce")[1].raw == only("hard_bounce")[1].raw


# instant in UTC, when somebody in Madrid works next
@pytest.mark.parametrize(
    ("at", "works"),
    [
        ("2026-11-23T10:00", "2026-11-23T10:00"),  # Monday at eleven: now
        ("2026-11-23T05:00", "2026-11-23T08:00"),  # before nine: the same morning
        ("2026-11-23T20:00", "2026-11-24T08:00"),  # in the evening: the next one
        ("2026-11-27T17:00", "2026-11-30T08:00"),  # Friday evening: Monday
        ("2026-11-29T12:00", "2026-11-30T08:00"),  # Sunday: Monday
    ],
)
def test_working_instants(at: str, works: str) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert working_instant(ZoneInfo("Europe/Madrid"), instant, 0.0) == datetime.fromisoformat(works).replace(tzinfo=UTC)
