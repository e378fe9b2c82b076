"""What the interactive list shows and what a key means: values and pure functions, no terminal and no database.

A key either changes the screen or asks for one Intent; only keys that `offers` names, and so the screen, ask for one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from sequencer.engine.task_list import ListedTask, ShownTask
from sequencer.store.inbox import InboundRow
from sequencer.store.reads import NoteRow

__all__ = [
    "Asking", "Choosing", "Confirming", "Desk", "Detail", "Helping", "Intent", "Listing", "Offer", "after", "letters",
    "offers", "press", "with_tasks",
]  # fmt: skip

INPUT_CHARS_MAX = 1_000
SCROLL_LINES, SCROLLED_MAX = 5, 500
Verb = Literal["done", "skip", "snooze", "edit", "reply", "note", "quit", "suspend"]
# Known outcomes keep their letter in every sequence; a capital is for what cannot be taken back easily.
_LETTERS = {
    "connected": "c", "voicemail": "v", "no_answer": "n", "wrong_number": "w", "call_back": "b", "do_not_call": "D",
    "done": "d", "accepted": "p",
}  # fmt: skip
_RESERVED = frozenset("jkgGqsxeaor")
_SPARE = "tfilmuyhz0123456789ABCEFHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Intent:
    """What the rep asks for. `text`: when, or the note; "" for what is usual."""

    verb: Verb
    task: int = 0
    outcome: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Keys move and act."""


@dataclass(frozen=True, slots=True)
class Helping:
    """The page of keys; any key closes it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A line is typed. `intent` gets it as its text, None filters the list; `needed`: an empty line cancels."""

    prompt: str
    intent: Intent | None
    text: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Confirming:
    question: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class Choosing:
    """Until when a task is put off."""

    task: int


Mode = Listing | Helping | Asking | Confirming | Choosing


@dataclass(frozen=True, slots=True)
class Detail:
    """The selected task with all that a rep wants to know of it; `last`: the person's last words."""

    shown: ShownTask
    last: InboundRow | None
    notes: tuple[NoteRow, ...] = ()

    @property
    def id(self) -> int:
        return self.shown.listed.row.id


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything on the screen. `chosen`: a task's id, 0 for none; `scrolled`: lines of the detail that are above."""

    rep: str
    now: datetime
    tasks: tuple[ListedTask, ...] = ()
    chosen: int = 0
    detail: Detail | None = None
    needle: str = ""
    mode: Mode = field(default_factory=Listing)
    said: str = ""
    wrong: bool = False
    scrolled: int = 0
    empty: str = ""

    @property
    def visible(self) -> tuple[ListedTask, ...]:
        """The tasks that the filter lets through."""
        return tuple(one for one in self.tasks if self.needle in _words(one)) if self.needle else self.tasks

    @property
    def place(self) -> int:
        """Where the chosen task stands among the visible ones, -1 for nowhere."""
        return next((number for number, one in enumerate(self.visible) if one.row.id == self.chosen), -1)

    @property
    def current(self) -> Detail | None:
        """The detail, if it is of the chosen task."""
        return self.detail if self.detail and self.detail.id == self.chosen else None


def _words(one: ListedTask) -> str:
    return " ".join((one.face.name, one.face.company, one.what, one.sequence_id, one.step, one.face.address)).lower()


@dataclass(frozen=True, slots=True)
class Offer:
    """A key that the screen names, and what it asks for: a question first, or the deed."""

    key: str
    words: str
    leads_to: Mode | Intent


def letters(outcomes: Sequence[str]) -> dict[str, str]:
    """A letter for each outcome, as stable as it can be: known ones first, then the first free letter of its name."""
    given = {name: _LETTERS[name] for name in outcomes if name in _LETTERS}
    taken = _RESERVED | set(given.values())
    for name in outcomes:
        if name not in given:
            free = (letter for letter in (*name.lower(), *_SPARE) if letter.isalnum() and letter not in taken)
            given[name] = next(free, "")
            taken = taken | {given[name]}
    return {name: given[name] for name in outcomes if given[name]}


def offers(desk: Desk) -> tuple[Offer, ...]:
    """What can be done with the chosen task, each with its key; nothing before its detail is on the screen."""
    if desk.current is None:
        return ()
    shown = desk.current.shown
    row = shown.listed.row
    found: list[Offer] = []
    if row.review:
        found += [Offer("a", "approve", Intent("done", row.id, "done")), Offer("e", "edit", Intent("edit", row.id))]
    else:
        found += [Offer("r", "reply", Intent("reply", row.id))] if row.work == "answer" else []
        found += [
            Offer(key, name.replace("_", " "), _said(shown, name)) for name, key in letters(shown.outcomes).items()
        ]
    note = Asking("note about them", Intent("note", row.id))
    return (
        *found, Offer("s", "snooze", Choosing(row.id)), Offer("x", "skip", Intent("skip", row.id)),
        Offer("o", "note", note),
    )  # fmt: skip


def _said(shown: ShownTask, outcome: str) -> Mode | Intent:
    row = shown.listed.row
    intent = Intent("done", row.id, outcome)
    if outcome in shown.forbidding:
        who, words = shown.listed.face.name, outcome.replace("_", " ")
        return Confirming(f'{who}: "{words}" — they are not contacted so again. Record it?', intent)
    if outcome in shown.putting_off:
        return Asking("call back when? (2h, 3bd, tomorrow, a date; Enter: usual)", intent, needed=False)
    return intent


def snoozes(task: int) -> tuple[Offer, ...]:
    """Until when, by one key."""

    def until(text: str) -> Intent:
        return Intent("snooze", task, text=text)

    return (
        Offer("t", "tomorrow", until("tomorrow")), Offer("h", "2 hours", until("2h")),
        Offer("b", "3 business days", until("3bd")),
        Offer("d", "a date", Asking("put off until (2026-12-01 14:30, 2026-12-01, 5d)", until(""))),
    )  # fmt: skip


def press(desk: Desk, key: str) -> tuple[Desk, Intent | None]:
    """What a key does: another screen, or an Intent to carry out."""
    if key in ("ctrl-c", "eof"):
        return desk, Intent("quit")
    if key == "ctrl-z":
        return desk, Intent("suspend")
    match desk.mode:
        case Listing():
            return _listing(replace(desk, said="", wrong=False), key)
        case Helping():
            return replace(desk, mode=Listing()), None
        case Asking() as asking:
            return _asking(desk, asking, key)
        case Confirming(intent=intent):
            listing = replace(desk, mode=Listing())
            return (listing, intent) if key in ("y", "Y") else (_cancelled(listing), None)
        case Choosing(task=task):
            return _offered(_cancelled(replace(desk, mode=Listing())), snoozes(task), key)


def _cancelled(desk: Desk) -> Desk:
    return replace(desk, said="nothing was recorded", wrong=False)


def _listing(desk: Desk, key: str) -> tuple[Desk, Intent | None]:
    last = len(desk.visible) - 1
    moves = {
        "down": desk.place + 1, "j": desk.place + 1, "up": desk.place - 1, "k": desk.place - 1,
        "home": 0, "g": 0, "end": last, "G": last,
    }  # fmt: skip
    match key:
        case "q":
            return desk, Intent("quit")
        case "?":
            return replace(desk, mode=Helping()), None
        case "/":
            return replace(desk, mode=Asking("filter", None, desk.needle, needed=False)), None
        case "esc":
            return with_tasks(replace(desk, needle=""), desk.tasks), None
        case " " | "page down":
            return replace(desk, scrolled=min(desk.scrolled + SCROLL_LINES, SCROLLED_MAX)), None
        case "page up":
            return replace(desk, scrolled=max(0, desk.scrolled - SCROLL_LINES)), None
    if key in moves:
        return _chosen(desk, max(0, min(moves[key], last))), None
    return _offered(desk, offers(desk), key)


def _offered(desk: Desk, offered: Collection[Offer], key: str) -> tuple[Desk, Intent | None]:
    leads_to = next((offer.leads_to for offer in offered if offer.key == key), None)
    if leads_to is None:
        return desk, None
    desk = replace(desk, said="", wrong=False)
    return (desk, leads_to) if isinstance(leads_to, Intent) else (replace(desk, mode=leads_to), None)


def _asking(desk: Desk, asking: Asking, key: str) -> tuple[Desk, Intent | None]:
    filtering = asking.intent is None
    if key == "esc":
        listing = replace(desk, mode=Listing())
        return (with_tasks(replace(listing, needle=""), desk.tasks) if filtering else _cancelled(listing)), None
    if key == "enter":
        listing, text = replace(desk, mode=Listing()), asking.text.strip()
        if asking.intent is None:
            return listing, None
        return (
            (_cancelled(listing), None) if asking.needed and not text else (listing, replace(asking.intent, text=text))
        )
    text = asking.text
    if key == "backspace":
        text = text[:-1]
    elif key == "ctrl-u":
        text = ""
    elif len(key) == 1 and key.isprintable():
        text = (text + key)[:INPUT_CHARS_MAX]
    desk = replace(desk, mode=replace(asking, text=text))
    return (with_tasks(replace(desk, needle=text.strip().lower()), desk.tasks) if filtering else desk), None


def _chosen(desk: Desk, place: int) -> Desk:
    visible = desk.visible
    chosen = visible[place].row.id if visible else 0
    return replace(desk, chosen=chosen, scrolled=0 if chosen != desk.chosen else desk.scrolled)


def with_tasks(desk: Desk, tasks: Sequence[ListedTask]) -> Desk:
    """The list as it is now; what was chosen stays chosen while it is there, else what stands in its place."""
    place = desk.place
    desk = replace(desk, tasks=tuple(tasks))
    return desk if desk.place >= 0 else _chosen(desk, max(0, min(place, len(desk.visible) - 1)))


def after(desk: Desk, task: int, tasks: Sequence[ListedTask]) -> Desk:
    """The list after `task` was dealt with: the one that came next is chosen."""
    order = [one.row.id for one in desk.visible]
    place = order.index(task) if task in order else -1
    desk = replace(desk, tasks=tuple(tasks))
    there = {one.row.id for one in desk.visible}
    following = next((one for one in (*order[place + 1 :], *order[:place]) if one in there), desk.chosen)
    return with_tasks(replace(desk, chosen=following, scrolled=0), tasks)
