"""How good the news of delays was: told in vain, not told, and how long before the promise broke.

A message tells of a delay where its topic is `delay`: the rule's own, else the one in its text's `message.yaml`. What was set
off by a change of the expected day counts where that day is past the promise.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from notifier.cast import Cast
from notifier.core.local_time import end_of_day, rfc3339, start_of_day
from notifier.core.rule import Rule, Send
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.project import Project
from notifier.store.memory import MemoryStore
from notifier.store.record import DecisionRow, Match

__all__ = ["DELAY", "SOON", "Delays", "Example", "Leads", "Tellings", "tells_of_delay"]

#: The topic that makes a message one that tells of a delay.
DELAY = "delay"
#: What comes so soon after the message has come as if on the same day: it was told in vain.
SOON = timedelta(hours=12)
#: Why a late order's customer was not told, where no rule's decision says it.
SILENT, AFTERWARDS = "no rule went off", "told after it came"

_HOUR = timedelta(hours=1)
#: Bounds of the classes in which lead times are counted, in hours; negative is after the promise broke.
_BOUNDS = (-168, -72, -48, -36, -24, -18, -12, -6, -3, 0, 3, 6, 12, 18, 24, 36, 48, 72, 168)
_ENDS = ("order.cancelled_at", "order.returned_at", "order.refunded_at")
_PAGE = 500
_MOST_SHOWN = 5


def tells_of_delay(project: Project, rule: Rule, send: Send) -> bool:
    """Whether a customer who gets this is told of a delay."""
    if send.to != "customer" or send.survey:
        return False
    if rule.topic is not None and not rule.follows_up(send):
        return rule.topic.name == DELAY
    template = project.texts.templates.get(send.template)
    return template is not None and template.topic == DELAY


@dataclass(slots=True)
class Tellings:
    """What became of the messages that told of a delay."""

    told: int = 0
    #: It was late, and came later than soon or not at all.
    right: int = 0
    #: It came, and the promise was kept.
    in_time: int = 0
    #: It was late, and came soon after the message.
    soon: int = 0
    #: Nobody knows: it was on its way when the clock stopped, or was called off while the promise stood.
    open: int = 0

    @property
    def false_alarms(self) -> int:
        return self.in_time + self.soon

    def __add__(self, other: Tellings) -> Tellings:
        return Tellings(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def record(self) -> dict[str, int]:
        return {
            "told": self.told, "right": self.right, "false_alarms": self.false_alarms, "in_time": self.in_time,
            "soon": self.soon, "open": self.open,
        }  # fmt: skip


class Leads:
    """How long before the promise broke customers knew, in hours; negative where it was after."""

    def __init__(self) -> None:
        self._hours = array("d")

    def add(self, lead: timedelta) -> None:
        self._hours.append(lead / _HOUR)

    def __len__(self) -> int:
        return len(self._hours)

    def quantile(self, part: float) -> float | None:
        """Between the two that are nearest; None where there are none."""
        found = sorted(self._hours)
        if not found:
            return None
        place = part * (len(found) - 1)
        below = int(place)
        above = min(below + 1, len(found) - 1)
        return found[below] + (found[above] - found[below]) * (place - below)

    def classes(self) -> list[tuple[int | None, int | None, int]]:
        """(from, up to, how many), in hours, the latest first; the outermost are open."""
        counts = Counter(bisect_right(_BOUNDS, one) for one in self._hours)
        bounds = [None, *_BOUNDS, None]
        return [(low, high, counts[place]) for place, (low, high) in enumerate(pairwise(bounds))]

    def record(self) -> dict[str, Any]:
        rounded = {
            name: None if (hours := self.quantile(part)) is None else round(hours, 2)
            for name, part in (("median", 0.5), ("p10", 0.1), ("p90", 0.9))
        }
        classes = [{"from": low, "to": high, "orders": count} for low, high, count in self.classes()]
        return {"orders": len(self), **rounded, "classes": classes}


class Example(NamedTuple):
    """One order to look up: an order's key, the rule that told and when, when the promise broke and when it came."""

    order: str
    rule: str | None
    told: datetime | None
    broken: datetime
    came: datetime | None

    def record(self) -> dict[str, Any]:
        times = {"told": self.told, "broken": self.broken, "came": self.came}
        return {
            "order": self.order,
            "rule": self.rule,
            **{key: rfc3339(at) if at else None for key, at in times.items()},
        }


class _Telling(NamedTuple):
    at: datetime
    rule: str
    #: The day that the message announces; None where it announces none.
    expected: datetime | date | None


@dataclass(slots=True)
class Delays:
    """Takes down who was told of a delay, and judges it once the history is over."""

    project: Project
    soon: timedelta = SOON
    #: What is judged begins here: messages from then on, promises that broke from then on.
    since: datetime | None = None
    #: Orders with a promise of which is known whether it was kept.
    orders: int = 0
    late: int = 0
    #: Late, and the customer knew before it came.
    warned: int = 0
    #: Why customers of late orders were not told -> orders.
    misses: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Tellings] = field(default_factory=dict)
    leads: Leads = field(default_factory=Leads)
    #: `in_time`, `soon` or `miss` -> the first few.
    examples: dict[str, list[Example]] = field(default_factory=lambda: {"in_time": [], "soon": [], "miss": []})
    _tells: dict[tuple[str, int], bool] = field(default_factory=dict)
    #: Subject -> what was told about it; why the last message about it did not go.
    _told: dict[str, list[_Telling]] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        book = self.project.book
        for rule in book.rules:
            for send in (*rule.sends, *([rule.follow_up.send] if rule.follow_up else [])):
                self._tells[rule.id, send.index] = tells = tells_of_delay(self.project, rule, send)
                if tells and rule.state != "draft":
                    self.rules.setdefault(rule.id, Tellings())

    @property
    def total(self) -> Tellings:
        return sum(self.rules.values(), Tellings())

    def note(self, match: Match, row: DecisionRow) -> None:
        """Take down one decision, where it is one about news of a delay."""
        if not self._tells.get((match.rule, match.send)):
            return
        key = match.subject_key
        if row.outcome == "send":
            moved = str(match.seen.get("change.field", "")).endswith(".eta")
            told = _Telling(row.at, match.rule, match.seen["change.after"] if moved else None)
            self._told.setdefault(key, []).append(told)
        elif not (row.reason == "superseded" and key in self._refused):
            # What held it until it was too late says more than that it was.
            self._refused[key] = f"{row.outcome}: {row.reason}"

    def judge(self, store: MemoryStore, end: datetime) -> None:
        """Look at how each order ended, as it was known when the clock stopped."""
        if not self.rules:
            return
        for keys in _pages(store.keys("order:")):
            with store.read() as unit:
                cast = Cast(self.project, unit)
                cast.bring(keys)
                for key in keys:
                    order = cast[key]
                    if order.facts.get("order.promised_at") is not None:
                        self._judge(order, cast.scene(order, end))

    def _judge(self, order: Aggregate, scene: Scene) -> None:
        facts, since = order.facts, self.since
        broken = _broken(facts["order.promised_at"], scene)
        came = _instant(facts.get("order.delivered_at"), scene)
        ended = came or min((at for name in _ENDS if (at := _instant(facts.get(name), scene))), default=scene.now)
        late = ended >= broken
        told = [one for one in self._about(order) if one.expected is None or _instant(one.expected, scene) >= broken]
        for one in told:
            if since is None or one.at >= since:
                kind = self._count(one, came, late=late)
                self._show(kind, Example(order.key, one.rule, one.at, broken, came))
        if (came is None and not late) or (since is not None and broken < since):
            return
        self.orders += 1
        if not late:
            return
        self.late += 1
        first = min((one.at for one in told), default=None)
        if first is not None and first < ended:
            self.warned += 1
            self.leads.add(broken - first)
        else:
            self.misses[AFTERWARDS if told else self._why_not(order)] += 1
            self._show("miss", Example(order.key, None, first, broken, came))

    def _count(self, telling: _Telling, came: datetime | None, *, late: bool) -> str:
        if came is not None and not late:
            kind = "in_time"
        elif came is not None and came <= telling.at + self.soon:
            kind = "soon"
        else:
            kind = "right" if late else "open"
        tellings = self.rules[telling.rule]
        tellings.told += 1
        setattr(tellings, kind, getattr(tellings, kind) + 1)
        return kind

    def _show(self, kind: str, example: Example) -> None:
        shown = self.examples.get(kind)
        if shown is not None and len(shown) < _MOST_SHOWN:
            shown.append(example)

    def _about(self, order: Aggregate) -> Iterator[_Telling]:
        """What its customer was told about the order and its parcels."""
        for key in (order.key, *order.parts):
            yield from self._told.get(key, ())

    def _why_not(self, order: Aggregate) -> str:
        return next((self._refused[key] for key in (order.key, *order.parts) if key in self._refused), SILENT)

    def record(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "soon_hours": self.soon / _HOUR, "orders": self.orders, "late": self.late, "warned": self.warned,
            "misses": self.misses.total(), "misses_because": dict(self.misses.most_common()),
            **self.total.record(), "rules": {rule: one.record() for rule, one in self.rules.items()},
            "lead_hours": self.leads.record(),
            "examples": {kind: [one.record() for one in shown] for kind, shown in self.examples.items()},
        }  # fmt: skip


def _broken(promise: datetime | date, scene: Scene) -> datetime:
    """The first instant at which it is not kept any more. A shop's table has midnight for a day, and means the day."""
    if not isinstance(promise, datetime):
        return end_of_day(promise, scene.zone)
    day = promise.astimezone(scene.zone).date()
    return end_of_day(day, scene.zone) if start_of_day(day, scene.zone) == promise else promise + datetime.resolution


def _instant(value: Any, scene: Scene) -> Any:
    """A plain date as the beginning of that day; None as it is."""
    return None if value is None else scene.instant(value, ends_day=False)


def _pages(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    page: list[str] = []
    for key in keys:
        page.append(key)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
