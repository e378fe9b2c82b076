"""A rep's absence in an installation: whose tasks they are, what the lists say, what the return brings, a reload."""

from datetime import UTC, datetime, timedelta

import pytest

from sequencer.config import Config, parse
from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.engine import task_verbs
from sequencer.engine.absence import covers_away, works_for
from sequencer.engine.advance import Advance
from sequencer.engine.outer_stops import notice_config
from sequencer.engine.overview import Overview, overview
from sequencer.engine.situation import Surroundings, load
from sequencer.engine.task_list import ListedTask, task_list
from tests.unit.engine.asking import beat, said, shut, standing
from tests.unit.engine.people_house import FILES, House, do, house

__all__ = ["house"]

CALLS = "title: Calls\nsettings: {exclusive: false}\nsteps:\n  - id: ring\n    wait: 1bd\n    call: call.md\n"
BO = '[[reps]]\nname = "bo"\nemail = "bo@ourco.test"\ntimezone = "UTC"\n'
CY = '[[reps]]\nname = "cy"\nemail = "cy@ourco.test"\ntimezone = "UTC"\n'
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
THURSDAY = TUESDAY + timedelta(days=2)


def absence(first: int, last: int, cover: str = "", rep: str = "ana") -> str:
    """Days of November 2026, of which the 23rd is a Monday and the house's first."""
    covers = f'cover = "{cover}"\n' if cover else ""
    return f'[[away]]\nrep = "{rep}"\nfrom = 2026-11-{first}\nto = 2026-11-{last}\n{covers}'


def reload(house: House, *absences: str, ana: str = "") -> Config:
    """config.toml as it is with these absences; the daemon has read it again."""
    path = house.folder / "config.toml"
    text = path.read_text().partition('[[reps]]\nname = "bo"')[0]
    text = (
        text.replace('email = "ana@ourco.test"\n', f'email = "ana@ourco.test"\n{ana}', 1) + BO + CY + "".join(absences)
    )
    path.write_text(text)
    house.config = parse(text)
    house.config._folder = house.folder
    house.advance = Advance(house.database, Surroundings(house.config, house.advance.around.catalog))
    do(house, lambda connection, _: notice_config(connection, house.config, house.clock.now()))
    house.advance_all()
    return house.config


def tasks_of(house: House, rep: str | None) -> list[ListedTask]:
    return house.database.read(lambda c: task_list(c, house.advance.around, house.clock.now(), rep))


def state(house: House) -> Overview:
    return house.database.read(lambda c: overview(c, house.advance.around, house.clock.now()))


def test_with_a_cover_the_tasks_of_the_absent_rep_are_the_cover_s_until_the_return(house: House) -> None:
    house.inside("kinds")
    reload(house, absence(24, 25, cover="bo"))
    assert [[one.row.rep for one in tasks_of(house, rep)] for rep in ("ana", "bo", "cy")] == [["ana"], [], []]
    house.clock.to(TUESDAY + timedelta(hours=9))
    house.advance_all()
    (covered,) = tasks_of(house, "bo")
    assert (covered.row.rep, covered.away and covered.away.absence.until) == ("ana", "25 November")
    assert covered.late  # due yesterday: somebody covers, so its days count
    do(house, task_verbs.done, covered.row.id, task_verbs.Said("voicemail", "bo"), house.clock.now())
    assert [one.step for one in tasks_of(house, "bo")] == ["connect"]  # a new one opens for the cover
    house.clock.to(THURSDAY + timedelta(hours=9))
    house.advance_all()
    assert tasks_of(house, "bo") == []
    (back,) = tasks_of(house, "ana")
    assert back.away is None


def test_without_a_cover_tasks_shift_and_are_not_late_on_the_return(house: House) -> None:
    house.inside("kinds")
    reload(house, absence(24, 25))
    house.clock.to(TUESDAY + timedelta(hours=9))
    house.advance_all()
    (task,) = tasks_of(house, "ana")
    assert (task.row.due_at, task.opens_at, task.late) == (THURSDAY, THURSDAY + timedelta(hours=8, minutes=30), False)
    assert tasks_of(house, "bo") == []
    house.clock.to(THURSDAY + timedelta(hours=9))
    house.advance_all()
    assert [(one.late, one.opens_at) for one in tasks_of(house, "ana")] == [(False, None)]


def test_an_answer_is_the_cover_s_at_once_or_an_exception(house: House) -> None:
    key = house.inside()
    house.sent()
    beat(house)
    reload(house, absence(24, 25))
    house.later(days=1)
    house.record(key, e.ReplyReceived(message=1, answer="interested"))
    (trouble,) = (one for one in state(house).troubles if one.kind == "away")
    assert trouble.text == "1 answer waits for ana, away until 25 November"
    assert 'reassign --from ana --to REP", or name a cover' in trouble.mend
    house.clock.to(THURSDAY - timedelta(minutes=1))
    assert not [one for one in state(house).troubles if one.kind == "overdue"]
    house.clock.to(THURSDAY + timedelta(hours=12))
    assert not [one for one in state(house).troubles if one.kind in ("away", "overdue")]
    house.clock.to(THURSDAY + timedelta(days=2))
    assert [one.kind for one in state(house).troubles if one.kind == "overdue"] == ["overdue"]
    house.clock.to(TUESDAY + timedelta(hours=12))
    reload(house, absence(24, 25, cover="bo"))
    assert not [one for one in state(house).troubles if one.kind == "away"]
    assert [one.row.work for one in tasks_of(house, "bo")] == ["answer"]


def test_a_task_that_the_cover_lets_lie_is_late_for_the_cover(house: House) -> None:
    house.inside("kinds")
    reload(house, absence(24, 27, cover="bo"))
    house.clock.to(THURSDAY + timedelta(hours=12))
    house.advance_all()
    (late,) = (one for one in state(house).troubles if one.kind == "overdue")
    assert late.text.startswith("1 task is late for bo, who covers for ana")
    assert late.mend == '"sequencer tasks --rep bo"'


def test_status_says_who_is_away_and_what_waits(house: House) -> None:
    house.inside("three", email="jo@acme.test")
    house.sent()
    house.inside("bare", email="al@beta.test")
    house.inside("three", email="kim@gamma.test")  # queued before the absence
    reload(house, absence(24, 27))
    house.clock.to(TUESDAY + timedelta(days=1, hours=12))  # the follow-up was due this morning
    house.advance_all()
    (line,) = state(house).absences
    assert (line.rep, line.until, str(line.back), line.cover) == ("ana", "27 November", "2026-11-30", None)
    assert (line.mails, line.tasks, line.answers) == (1, 1, 0)
    house.clock.to(datetime(2026, 11, 30, 9, tzinfo=UTC))
    house.advance_all()
    assert state(house).absences == ()


def test_why_names_the_line_of_the_absence(house: House) -> None:
    config = reload(house, absence(23, 23, rep="cy"), absence(24, 25, cover="bo"))
    house.inside()
    house.sent()
    beat(house)
    house.clock.to(TUESDAY + timedelta(days=1, hours=9))
    house.advance_all()
    beat(house)
    gate = next(gate for gate in standing(house).gates if gate.name == "rep away")
    assert (gate.reason, gate.frees_at) == (Reason.REP_AWAY, THURSDAY + timedelta(hours=8, minutes=30))
    lines = (config.folder / "config.toml").read_text().splitlines()
    assert gate.place.path == "config.toml"
    assert lines[gate.place.line - 1 : gate.place.line + 1] == ["[[away]]", 'rep = "ana"']
    assert said(house) == (
        'Bo waits: the step "bump" goes Thu 26 Nov 08:30: the rep is away (ana until 25 November)'
    )  # fmt: skip
    assert shut(house) == ["rep away"]


def test_why_names_the_cover_of_an_open_task(house: House) -> None:
    house.inside("kinds")
    reload(house, absence(24, 25, cover="bo"))
    house.clock.to(TUESDAY + timedelta(hours=9))
    house.advance_all()
    assert said(house).startswith("Bo waits for bo, who covers for ana: a call (task 1), due Mon 23 Nov 09:00")


def test_calls_that_piled_up_come_back_spread_over_the_days_of_the_rep(house: House) -> None:
    """Seven calls fall due while ana is away, and she can do three a day."""
    house.apply("calls", CALLS, FILES)
    for number in range(7):
        house.inside("calls", email=f"p{number}@beta{number}.test")
    reload(house, absence(24, 25), ana="calls_per_day = 3\n")
    opened = []
    for day in range(1, 8):
        house.clock.to(datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(days=day))
        house.advance_all()
        opened.append(len(house.open_tasks()))
    assert opened == [0, 0, 3, 6, 6, 6, 7]  # Tuesday and Wednesday away, then Thursday, Friday, a weekend, Monday


def test_a_task_that_shifted_takes_its_place_in_the_first_day(house: House) -> None:
    house.apply("calls", CALLS, FILES)
    reload(house, absence(25, 26), ana="calls_per_day = 3\n")
    house.inside("calls", email="first@beta.test")
    house.clock.to(TUESDAY + timedelta(hours=12))  # its call opens the day before the absence
    house.advance_all()
    for number in range(4):
        house.inside("calls", email=f"p{number}@gamma{number}.test")
    house.later(hours=12)  # the absence begins
    house.clock.to(datetime(2026, 11, 27, 12, tzinfo=UTC))
    house.advance_all()
    assert len(house.open_tasks()) == 3


def test_the_cover_does_no_more_calls_a_day_than_anybody(house: House) -> None:
    house.apply("calls", CALLS, FILES)
    for number in range(7):
        house.inside("calls", email=f"p{number}@beta{number}.test")
    config = reload(house, absence(24, 25, cover="bo"))
    path = house.folder / "config.toml"
    text = path.read_text().replace('email = "bo@ourco.test"\n', 'email = "bo@ourco.test"\ncalls_per_day = 2\n')
    assert config.reps_by_name["bo"].calls_per_day == 40
    house.config = parse(text)
    house.advance = Advance(house.database, Surroundings(house.config, house.advance.around.catalog))
    house.clock.to(TUESDAY + timedelta(hours=12))
    house.advance_all()
    assert len(house.open_tasks()) == 2


def test_mail_that_waited_goes_in_the_order_in_which_it_was_due(house: House) -> None:
    """The later enrolled of two was due earlier."""
    late, early = house.inside("three", email="late@beta.test"), house.inside("three", email="early@gamma.test")
    reload(house, absence(25, 27))
    for key, hour in ((early, 9), (late, 15)):
        house.clock.to(datetime(2026, 11, 23, hour, 30, tzinfo=UTC))
        row = next(row for row in house.rows("queued") if row.enrollment_id == key)
        house.record(key, e.TouchSent(step=row.step, attempt=1, sent_at=house.clock.now()))
    for day in (26, 30):
        house.clock.to(datetime(2026, 11, day, 9, tzinfo=UTC))
        house.advance_all()
    bumps = sorted((row for row in house.rows("queued") if row.step == "bump"), key=lambda row: (row.due_at, row.id))
    assert [row.enrollment_id for row in bumps] == [early, late]


@pytest.mark.parametrize("cover", ["", "bo"])
def test_a_reload_makes_people_due_again_and_the_fence_sees_it(house: House, cover: str) -> None:
    key = house.inside()
    reload(house)
    before = numbers(house, key)
    reload(house, absence(23, 24, cover=cover))
    assert numbers(house, key) != before
    house.clock.to(TUESDAY + timedelta(hours=9))
    assert state(house).absences[0].rep == "ana"
    reload(house)
    assert state(house).absences == ()


def numbers(house: House, key: int) -> str:
    """What a send that is prepared now would carry to the fence."""

    return house.database.read(lambda c: load(c, house.advance.around, [key], house.clock.now()))[key].numbers


def test_a_shortened_absence_lets_everybody_go_on_at_once(house: House) -> None:
    reload(house, absence(23, 27))
    key = house.inside("kinds")
    assert house.open_tasks() == []
    reload(house)
    assert house.progress(key).step_task == "call#1"


@pytest.mark.parametrize(
    ("absences", "notes"),
    [
        ((absence(24, 25, cover="bo"),), []),
        # the cover is away on one of the days, and hands on to nobody, or to cy
        (
            (absence(24, 26, cover="bo"), absence(25, 25, rep="bo")),
            ["away: bo, who covers for ana, is away too from 2026-11-25 on — nobody has ana's tasks then"],
        ),
        (
            (absence(24, 26, cover="bo"), absence(25, 25, rep="bo", cover="cy")),
            ["away: bo, who covers for ana, is away too from 2026-11-25 on — cy has the tasks of both then"],
        ),
        # only the weekend before the return
        ((absence(24, 27, cover="bo"), absence(28, 29, rep="bo")), []),
    ],
)
def test_check_tells_of_a_cover_who_is_away_too(house: House, absences: tuple[str, ...], notes: list[str]) -> None:
    config = reload(house, *absences)
    found = list(covers_away(config))
    assert [str(note).partition(": ")[2] for note in found] == notes
    assert all(note.line for note in found)


def test_whose_tasks_somebody_has(house: House) -> None:
    config = reload(house, absence(24, 25, cover="bo"), absence(25, 25, cover="bo", rep="cy"))
    wednesday = TUESDAY + timedelta(days=1)
    assert works_for(config, "bo", TUESDAY) == ("bo", "ana")
    assert works_for(config, "bo", wednesday) == ("bo", "ana", "cy")
    assert works_for(config, "ana", wednesday) == ("ana",)
