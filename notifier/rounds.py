"""News about an article, taken a page at a time to all whom it concerns.

A run is part of what the engine remembers about the article: each page is a transaction, and the next begins where it ended.
"""

from __future__ import annotations

from datetime import datetime

from notifier.cast import Cast
from notifier.core.audience import ARTICLE, OrdersWith
from notifier.core.match import Candidate, admitted, go_on_at, with_event, without_run
from notifier.core.rule import Rule
from notifier.core.subject import Aggregate, Run
from notifier.store import Unit

__all__ = ["PAGE", "go_on"]

#: Of those whom news concerns, how many are looked at in one transaction.
PAGE = 200


def go_on(unit: Unit, cast: Cast, article: str, rule: Rule, now: datetime, room: int) -> list[Candidate]:  # noqa: PLR0917
    """What the next page of a run comes to; at most `room` are looked at, and what remains is due at once."""
    subject = cast[article]
    run = subject.memory.runs.get(rule.id)
    if run is None:
        return []
    if room <= 0:
        _remember(cast, subject, rule, run, now)
        return []
    assert isinstance(rule.audience, OrdersWith)
    keys = unit.orders_with(subject.id, run.after, room, owed=rule.audience.backordered)
    cast.bring(keys)
    if len(keys) == room:
        _remember(cast, subject, rule, run._replace(after=keys[-1]), now)
    else:
        cast.put(subject.remembering(without_run(rule.id, subject.memory)))
    seen = {**run.seen, ARTICLE: article}
    found = [Candidate(rule, send, key, run.occurrence, run.at, seen) for key in keys for send in rule.sends]
    return [one for one in found if admitted(rule, one.send, with_event(cast.scene_of(one, now), seen))]


def _remember(cast: Cast, subject: Aggregate, rule: Rule, run: Run, moment: datetime) -> None:
    cast.put(subject.remembering(go_on_at(rule, run, subject.memory, moment)))
