"""What putting a project's rules in force will do to the times that are armed: told before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifier.cast import Cast
from notifier.core.match import outlived, rearm, rule_of
from notifier.core.rule import Rule
from notifier.core.scene import Scene
from notifier.core.subject import SHOP, Aggregate
from notifier.core.trigger import due
from notifier.project import Project
from notifier.store import Unit

__all__ = ["MOST", "Change", "Changeover", "changeover"]

#: Subjects that are looked at: those that are due next, and as many open ones of each kind.
MOST = 3_000
_PAGE = 500
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Change:
    """Of one rule, how many times …"""

    rule: str
    #: … end, since it is gone or no longer waits like that,
    ends: int = 0
    #: … were armed by another text, and will be decided by today's,
    edited: int = 0
    #: … will be armed, for subjects that are open,
    armed: int = 0
    #: … would be, and are past: they stay untold.
    past: int = 0


@dataclass(frozen=True, slots=True)
class Changeover:
    #: Rules whose times change, those that are gone first.
    changes: tuple[Change, ...]
    #: False where there are more subjects than were looked at: each number is then the least.
    complete: bool = True


def changeover(project: Project, unit: Unit, now: datetime) -> Changeover:
    """What is to come, were the project put in force at `now`. Nothing is changed."""
    if unit.note("rulebook") == project.word:
        return Changeover(())
    armed = unit.due_subjects(_END_OF_TIME, MOST + 1)
    opened = [_open(unit, kind) for kind in project.book.timed]
    opened += [[SHOP]] if SHOP in project.book.timed else []
    counts: Counter[tuple[str, str]] = Counter()
    looked_at = list(dict.fromkeys(key for keys in (armed, *opened) for key in keys[:MOST]))
    for first in range(0, len(looked_at), _PAGE):
        page, cast = looked_at[first : first + _PAGE], Cast(project, unit)
        cast.bring(page)
        for key in page:
            counts.update(_changes(project, cast[key], cast.scene(cast[key], now)))
    return Changeover(_by_rule(project, counts), max(map(len, (armed, *opened))) <= MOST)


def _open(unit: Unit, kind: str) -> list[str]:
    """The first open subjects of a kind, one more than are looked at."""
    return [key for key in unit.open_subjects(f"{kind}:", MOST + 1) if key.startswith(f"{kind}:")]


def _changes(project: Project, subject: Aggregate, scene: Scene) -> Iterator[tuple[str, str]]:
    """(rule, what becomes of one of its times)."""
    book, memory = project.book, subject.memory
    for timer, one in memory.armed.items():
        rule = rule_of(book, timer)
        if rule is None or outlived(rule, timer):
            yield timer.partition("/")[0], "ends"
        elif one.rule_hash != rule.hash:
            yield rule.id, "edited"
    if subject.closed:
        return
    yield from ((timer, "armed") for timer in rearm(book, subject, scene).memory.armed.keys() - memory.armed.keys())
    for rule in book.timed.get(subject.kind, ()):
        if rule.id not in memory.armed and rule.id not in memory.fired and _is_past(rule, scene):
            yield rule.id, "past"


def _is_past(rule: Rule, scene: Scene) -> bool:
    trigger: Any = rule.trigger
    moment = due(trigger, scene)
    return moment is not None and moment <= scene.now


def _by_rule(project: Project, counts: Counter[tuple[str, str]]) -> tuple[Change, ...]:
    changes: dict[str, Change] = {}
    places = {rule.id: rule.place for rule in project.book.rules}
    for rule, what in sorted(counts, key=lambda one: (places.get(one[0], 0), one)):
        setattr(changes.setdefault(rule, Change(rule)), what, counts[rule, what])
    return tuple(changes.values())
