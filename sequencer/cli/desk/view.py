"""The interactive list as lines of text for a width and a height: the list, the selected task, the keys.

Pure: it reads a Desk and draws nothing. Text from outside loses its control characters on the way.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sequencer.cli.desk.state import Asking, Choosing, Confirming, Desk, Detail, Helping, Offer, offers, snoozes
from sequencer.cli.plain_text import plain, plain_lines
from sequencer.cli.session import when
from sequencer.cli.task_doing import answer_state
from sequencer.core.facts import account_fields, prospect_fields
from sequencer.engine.mail_words import judgement_of
from sequencer.engine.task_list import ListedTask

__all__ = ["render"]

LIST_SHARE = 0.4
WIDE, MEDIUM, NARROW = 100, 76, 50
ALWAYS = (("j k", "move"), ("space", "more text"), ("/", "filter"), ("?", "help"), ("q", "quit"))
_HIDDEN = (
    "first_name", "last_name", "email", "phone", "linkedin", "timezone", "title", "company id", "company name",
)  # fmt: skip
HELP = """One key records what came of the selected task. The keys at
the bottom are those of this task; no other key records.

j k, arrows, g G   next, previous, first, last
space, PgUp PgDn   read on in the text
c v n w b d p      connected, voicemail, no answer,
                   wrong number, call back, done, accepted;
                   an outcome of your own sequence gets a
                   letter of its name
D                  do not call: asks before it records
a                  approve a mail: it leaves when it may
e                  change it in $EDITOR and approve it
r                  answer a person's mail in $EDITOR
s                  put off: tomorrow, 2 hours, 3 business
                   days or a date
x                  skip the task, and its step with it
o                  note something about the person
/                  only what has these words; Esc shows all
q, Ctrl-C          leave

The list follows the database: what others do, and what
falls due, appears by itself."""


def render(desk: Desk, width: int, height: int, zone: ZoneInfo | None = None) -> list[Text]:
    """Exactly `height` lines of at most `width` cells; `zone` is the reader's."""
    lines = _lines(desk, width, height, zone)
    for each in lines:
        each.truncate(width, overflow="ellipsis")
    return lines


def _lines(desk: Desk, width: int, height: int, zone: ZoneInfo | None) -> list[Text]:
    foot = _foot(desk, width)[: height - 3]
    if isinstance(desk.mode, Helping):
        body = _fitted(_wrapped(Text(HELP), width), height - 1 - len(foot))
        return [_head(desk, width, zone), *body, *foot]
    room = height - 2 - len(foot)
    rows = min(max(1, len(desk.visible)), max(3, int(room * LIST_SHARE)), room)
    detail = _detail(desk.current, width, zone, desk.now) if desk.current else []
    left = room - rows
    above = min(desk.scrolled, max(0, len(detail) - left))
    return [
        _head(desk, width, zone), *_fitted(_list(desk, width, rows, zone), rows), _rule(width),
        *_fitted(detail[above:], left), *foot,
    ]  # fmt: skip


def _fitted(lines: Sequence[Text], height: int) -> list[Text]:
    return [*lines[:height], *(Text("") for _ in range(height - len(lines)))]


def _rule(width: int) -> Text:
    return Text("─" * width, "dim")


def _head(desk: Desk, width: int, zone: ZoneInfo | None) -> Text:
    now = [one for one in desk.visible if one.opens_at is None]
    later = len(desk.visible) - len(now)
    parts = [f"{desk.rep}: {len(now)} to do", f"{later} open later" if later else "", _filter(desk)]
    left = " · ".join(part for part in parts if part)
    right = f"{desk.now.astimezone(zone):%a %d %b %H:%M}"
    return Text(f"{_cut(left, width - len(right) - 1)} {right}", "bold")


def _filter(desk: Desk) -> str:
    return f'with "{desk.needle}", of {len(desk.tasks)}' if desk.needle else ""


def _cut(text: str, width: int) -> str:
    """Exactly so many cells, of clean text."""
    cut = Text(plain(text))
    cut.truncate(max(0, width), overflow="ellipsis", pad=True)
    return cut.plain


def _list(desk: Desk, width: int, rows: int, zone: ZoneInfo | None) -> list[Text]:
    if not desk.visible:
        return [Text("Nothing here has these words; Esc shows all." if desk.needle else desk.empty, "dim")]
    first = max(0, min(desk.place - rows // 2, len(desk.visible) - rows))
    shown = desk.visible[first : first + rows]
    return [_row(one, one.row.id == desk.chosen, width, desk.now, zone) for one in shown]


def _row(one: ListedTask, chosen: bool, width: int, now: datetime, zone: ZoneInfo | None) -> Text:
    due = f"opens {_soon(one.opens_at, now, zone)}" if one.opens_at else "late" if one.late else _soon(
        one.row.due_at, now, zone
    )  # fmt: skip
    mark = "!" if one.row.priority in ("urgent", "high") else " "
    theirs = f"their {now.astimezone(one.zone):%H:%M}"
    columns = [(one.what, 15), (one.face.name, 0), (due, 18 if width >= MEDIUM else 12)]
    if width >= NARROW:
        columns.append((theirs, 11))
    if width >= MEDIUM:
        columns.insert(2, (one.face.company, 16))
    if width >= WIDE:
        columns.insert(3, (f"{one.sequence_id} · {one.step}", 24))
    given = sum(size for _, size in columns) + len(columns) + 2
    cells = " ".join(_cut(text, size or max(6, width - given)) for text, size in columns)
    style = "reverse" if chosen else "dim" if one.opens_at else "red" if one.late else ""
    return Text(f"{'▸' if chosen else ' '}{mark} {cells}", style)


def _soon(at: datetime, now: datetime, zone: ZoneInfo | None) -> str:
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    return f"{here:%H:%M}" if here.date() == today else f"{here:%d %b %H:%M}"


def _detail(detail: Detail, width: int, zone: ZoneInfo | None, now: datetime) -> list[Text]:
    return [row for text in _paragraphs(detail, zone, now) for row in _wrapped(text, width)]


def _wrapped(text: Text, width: int) -> list[Text]:
    console = Console(width=width)
    return [row for line in text.split(allow_blank=True) for row in (line.wrap(console, width) or [Text("")])]


def _paragraphs(detail: Detail, zone: ZoneInfo | None, now: datetime) -> Iterator[Text]:
    shown, one = detail.shown, detail.shown.listed
    face, person = one.face, one.face.prospect
    title = str(person.fields.get("title", ""))
    yield Text(plain(", ".join(part for part in (face.name, title, face.company) if part)), "bold")
    reach = (person.phone, face.address, person.linkedin)
    yield Text(plain(" · ".join(part for part in reach if part) or "no way to reach them is known"))
    yield Text(plain(f"{_hours(detail, zone, now)} · {one.sequence_id} · {one.step} · task {one.row.id}"), "dim")
    facts = {**prospect_fields(person), **{f"company {k}": v for k, v in account_fields(face.account).items()}}
    told = [f"{key}: {value}" for key, value in facts.items() if key not in _HIDDEN]
    if told:
        yield Text(plain(" · ".join(told)), "dim")
    yield from (Text(plain(f"{note.by}, {note.at.astimezone(zone):%d %b}: {note.text}")) for note in detail.notes)
    yield Text("")
    yield from _last_words(detail)
    if state := answer_state(shown):
        yield Text(plain(state), "yellow")
    if shown.problem:
        yield Text(plain(f"its text cannot be shown: {shown.problem}"), "red")
    if shown.text:
        if shown.text.subject:
            yield Text(plain(f"Subject: {shown.text.subject}"), "bold")
            yield Text("")
        yield Text(plain_lines(shown.text.body).strip())


def _hours(detail: Detail, zone: ZoneInfo | None, now: datetime) -> str:
    """Their clock, and whether it is an hour at which they may be called."""
    one, opens = detail.shown.listed, detail.shown.window_at
    local = f"their time {now.astimezone(one.zone):%a %H:%M}"
    if opens is None:
        return f"{local}, their hours never open"
    if opens <= now:
        return f"{local}, their hours are open"
    return f"{local}, their hours open {_soon(opens, now, zone)} ({opens.astimezone(one.zone):%a %H:%M} there)"


def _last_words(detail: Detail) -> Iterator[Text]:
    mail = detail.shown.answered or detail.last
    if mail is None:
        return
    judgement = judgement_of(mail)
    yield Text(f"they wrote {when(mail.received_at)}:", "bold")
    yield Text(plain_lines(judgement.text).strip() if judgement else "(not read yet)")
    yield Text("")


def _foot(desk: Desk, width: int) -> list[Text]:
    """A rule, what was said last or is asked now, and the keys."""
    match desk.mode:
        case Asking(prompt=prompt, text=text):
            said, keys = Text(_tail(f"{plain(prompt)}: ", text, width), "bold"), [("Enter", "ok"), ("Esc", "cancel")]
        case Confirming(question=question):
            said, keys = Text(plain(question), "bold red"), [("y", "yes"), ("n", "no")]
        case Choosing(task=task):
            said, keys = Text("put off until?", "bold"), [*_named(snoozes(task)), ("Esc", "cancel")]
        case Helping():
            said, keys = Text(""), [("any key", "back to the list")]
        case _:
            said = Text(plain(desk.said), "red" if desk.wrong else "green")
            keys = [*_named(offers(desk)), *ALWAYS]
    return [_rule(width), *(_wrapped(said, width)[:3]), *_keys(keys, width)]


def _tail(prompt: str, text: str, width: int) -> str:
    """The end of a long line is what somebody who types wants to see."""
    return f"{prompt}{text}▏" if cell_len(prompt + text) < width else f"…{(prompt + text)[-(width - 3) :]}▏"


def _named(offered: Sequence[Offer]) -> list[tuple[str, str]]:
    return [(offer.key, offer.words) for offer in offered]


def _keys(keys: Sequence[tuple[str, str]], width: int) -> list[Text]:
    rows = [Text()]
    for key, words in keys:
        named = Text.assemble((key, "bold cyan"), f" {plain(words)}")
        if rows[-1].cell_len and rows[-1].cell_len + 2 + named.cell_len > width:
            rows.append(Text())
        rows[-1].append("  " if rows[-1].cell_len else "").append_text(named)
    return rows
