"""Facts: everything a decision may know beside the sequence and the progress, as values handed in.

The engine reads them once a pass (engine/situation.py). `Known` shows progress and facts to expressions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core.absence import Away
from sequencer.core.condition import explain, holds, parse
from sequencer.core.expression_facts import value_of
from sequencer.core.expression_tree import (
    Choices,
    Comparison,
    Constant,
    Fact,
    Node,
    Subject,
    as_number,
    leaves,
)
from sequencer.core.people import Account, FieldValue, Mailbox, OuterPause, Policy, Prospect, Rep
from sequencer.core.progress import Progress
from sequencer.core.suppression import Suppression
from sequencer.core.window import Holidays, Window

HAPPENED = ("sent", "done")
DAYS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Facts:
    """`key` is the enrollment's id as text, for hashes.

    `zone_detail` says where the zone comes from ("America/Denver, from the phone number"). `mailbox` is None when
    config no longer has it. `on_the_wire`: the flight can no longer be called back. `away`: when the rep is; `cover`:
    who does the rep's tasks today because of that, and whose `calls_today` and `connects_this_week` these are then.
    `variant_counts`: (sent, positive answers) of each variant of each step that chooses adaptively.
    """

    key: str
    prospect: Prospect
    account: Account | None
    rep: Rep
    mailbox: Mailbox | None
    policy: Policy
    zone: ZoneInfo
    zone_detail: str
    window: Window
    holidays: Holidays
    rep_window: Window
    rep_holidays: Holidays
    suppressions: tuple[Suppression, ...] = ()
    outer: tuple[OuterPause, ...] = ()
    on_the_wire: bool = False
    away: Away = ()
    cover: Rep | None = None
    calls_today: int = 0
    connects_this_week: int = 0
    variant_counts: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """The facts of PRODUCT 3.1's expressions for one enrollment, as core/condition.py asks for them."""

    progress: Progress
    facts: Facts
    now: datetime

    def holds(self, source: str) -> bool:
        """Whether the expression is true now."""
        return holds(parse(source), self)

    def explain(self, source: str) -> str:
        """The expression in words: what is, and what it needs."""
        return explain(parse(source), self)

    def next_change(self, source: str) -> datetime | None:
        """The next instant at which days that pass can change the expression, whatever else happens."""
        instants = (at for subject, other in _days(parse(source).tree) for at in self._crossings(subject, other))
        return min((at for at in instants if at > self.now), default=None)

    def _crossings(self, subject: Fact, other: Subject | Constant) -> Iterator[datetime]:
        touch, value = self.progress.touches.get(subject.about), value_of(other, self)
        days = as_number(value) if value is not None else None
        if touch is None or touch.state not in HAPPENED or days is None or abs(days) > DAYS_MAX:
            return
        at = touch.at + timedelta(days=days)
        # At the very instant `>=` becomes true; `>` just after it.
        yield from (at, at + timedelta(seconds=1))

    @property
    def replied(self) -> bool:
        return self.progress.replied

    @property
    def clicks(self) -> int:
        return self.progress.clicks

    @property
    def engaged(self) -> bool:
        return self.progress.replied or any(touch.opens or touch.clicks for touch in self.progress.touches.values())

    @property
    def linkedin_connected(self) -> bool:
        return self.progress.linkedin_connected

    @property
    def prospect(self) -> Mapping[str, FieldValue]:
        return prospect_fields(self.facts.prospect)

    @property
    def account(self) -> Mapping[str, FieldValue]:
        return account_fields(self.facts.account)

    def opened(self, step: str) -> bool:
        touch = self.progress.touches.get(step)
        return bool(touch and touch.opens)

    def clicked(self, step: str) -> bool:
        touch = self.progress.touches.get(step)
        return bool(touch and touch.clicks)

    def outcome(self, step: str) -> str | None:
        touch = self.progress.touches.get(step)
        return touch.outcome if touch else None

    def answered(self, poll: str) -> str | None:
        return self.progress.polls.get(poll)

    def days_since(self, step: str) -> float | None:
        touch = self.progress.touches.get(step)
        if touch is None or touch.state not in HAPPENED:
            return None
        return (self.now - touch.at).total_seconds() / 86_400


def _days(node: Node) -> Iterator[tuple[Fact, Subject | Constant]]:
    """Every `days_since(id)` of an expression with what it is compared with."""
    for leaf in leaves(node):
        if isinstance(leaf, Comparison) and not isinstance(leaf.right, Choices):
            for subject, other in ((leaf.left, leaf.right), (leaf.right, leaf.left)):
                if isinstance(subject, Fact) and subject.name == "days_since":
                    yield subject, other


def prospect_fields(prospect: Prospect) -> Mapping[str, FieldValue]:
    """What `prospect.x` may name, in templates and expressions: imported fields and what the engine knows."""
    known = {
        "email": prospect.address,
        "phone": prospect.phone,
        "linkedin": prospect.linkedin,
        "timezone": prospect.timezone,
        "country": prospect.country,
    }
    return {**prospect.fields, **{name: value for name, value in known.items() if value}}


def account_fields(account: Account | None) -> Mapping[str, FieldValue]:
    """What `account.x` may name."""
    if account is None:
        return {}
    known = {"id": account.id, "name": account.name, "domain": account.domain}
    return {**account.fields, **{name: value for name, value in known.items() if value}}
