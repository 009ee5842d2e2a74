"""News about an article, taken a page at a time to all whom it concerns.

A run is part of what the engine remembers about the article: each page is a transaction, and the next begins where it ended.
"""

from __future__ import annotations

from datetime import datetime

from notifier import waves
from notifier.cast import Cast
from notifier.core.audience import ARTICLE, OrdersWith
from notifier.core.duration import NO_TIME
from notifier.core.local_time import shift
from notifier.core.match import Candidate, admitted, go_on_at, with_event, without_run
from notifier.core.rule import Rule
from notifier.core.subject import Aggregate, Run
from notifier.decisions import decide_all
from notifier.project import Project
from notifier.store import Unit

__all__ = ["go_on"]


def go_on(project: Project, unit: Unit, cast: Cast, article: str, rule: Rule, now: datetime, room: int) -> int:  # noqa: PLR0917
    """Take a run on to those who come next, at most `room`; how many were looked at. What remains is due at once."""
    subject = cast[article]
    run = subject.memory.runs.get(rule.id)
    if run is None:
        return 0
    if room <= 0:
        cast.put(subject.remembering(go_on_at(rule, run, subject.memory, now)))
        return 0
    if isinstance(rule.audience, OrdersWith):
        return _tell_orders(project, unit, cast, article, rule, run, now, room)
    return waves.go_on(project, unit, cast, article, rule, now, room)


def _tell_orders(  # noqa: PLR0917 - as above
    project: Project, unit: Unit, cast: Cast, article: str, rule: Rule, run: Run, now: datetime, room: int
) -> int:
    assert isinstance(rule.audience, OrdersWith)
    subject = cast[article]
    keys = unit.orders_with(subject.id, run.after, room, owed=rule.audience.backordered)
    cast.bring(keys)
    seen = {**run.seen, ARTICLE: article}
    # A rule that waits whether it lasts goes off so much after the news.
    waited = rule.still_true_after or NO_TIME
    news = shift(run.at, -waited, project.zone, project.working("shop", ""))
    reached = [key for key in keys if not _came_later(cast[key], news)]
    found = [Candidate(rule, send, key, run.occurrence, run.at, seen) for key in reached for send in rule.sends]
    told = [one for one in found if admitted(rule, one.send, with_event(cast.scene_of(one, now), seen))]
    decide_all(project, unit, cast, told, now)
    memory = without_run(rule.id, subject.memory)
    if len(keys) == room:
        memory = go_on_at(rule, run._replace(after=keys[-1]), subject.memory, now)
    cast.put(subject.remembering(memory))
    return len(keys)


def _came_later(order: Aggregate, news: datetime) -> bool:
    """Whoever has ordered since the news was told by the shop itself what to expect."""
    placed = order.facts.get("order.placed_at")
    return isinstance(placed, datetime) and placed > news
