"""Who holds and who waits for which article: kept at hand, so that news about the article finds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from notifier.cast import Cast
from notifier.core.audience import bought, owed, wishes
from notifier.core.local_time import start_of_day
from notifier.core.subject import Aggregate
from notifier.project import Project
from notifier.store import Unit
from notifier.waves import wake

__all__ = ["settle", "take_stock"]


def settle(
    project: Project, unit: Unit, cast: Cast, before: Mapping[str, Aggregate], now: datetime
) -> Iterator[Aggregate]:
    """Write down what an event has changed about it, given how its subjects were; the articles that look again."""
    changed: dict[str, None] = {}
    for key, earlier in before.items():
        if earlier.kind == "order":
            changed.update(dict.fromkeys(_order(project, unit, earlier, cast[key], now)))
        elif earlier.kind == "customer":
            changed.update(dict.fromkeys(_customer(unit, earlier, cast[key], now)))
    for sku in changed:
        woken = wake(project, cast, sku, now)
        if woken is not None:
            yield woken


def _order(project: Project, unit: Unit, before: Aggregate, after: Aggregate, now: datetime) -> Collection[str]:
    """The articles of which it holds something else now."""
    if _same_lines(before, after):
        return ()
    held, holds = owed(before), owed(after)
    gone = [sku for sku in held if sku not in holds]
    news = {sku: units for sku, units in holds.items() if held.get(sku) != units}
    unit.drop_lines([(sku, after.key) for sku in gone])
    unit.keep_lines([(sku, after.key, units) for sku, units in news.items()])
    ended = bought(after) - (bought(before) if before.customer_key == after.customer_key else frozenset())
    if after.customer_key and ended:
        placed = after.facts.get("order.placed_at") or now
        when = placed if isinstance(placed, datetime) else start_of_day(placed, project.zone)
        for sku in ended:
            unit.end_wait(sku, after.customer_key, when, now)
    return [*gone, *news, *sorted(ended)]


def _same_lines(before: Aggregate, after: Aggregate) -> bool:
    path = "order.items"
    return (
        before.closed == after.closed
        and before.facts.get(path) == after.facts.get(path)
        and before.customer_key == after.customer_key
    )


def _customer(unit: Unit, before: Aggregate, after: Aggregate, now: datetime) -> Collection[str]:
    """The articles that somebody waits for now, or no longer does, or anew."""
    if before.leaves is after.leaves:
        return ()
    waited = {one.sku: one for one in wishes(before)}
    waits = {one.sku: one for one in wishes(after)}
    if waited == waits:
        return ()
    gone = [sku for sku in waited if sku not in waits]
    news = [one for sku, one in waits.items() if waited.get(sku) != one]
    unit.leave_queue([(sku, after.key) for sku in gone], now)
    unit.join_queue(news)
    return [*gone, *(one.sku for one in news)]


def take_stock(unit: Unit, subjects: Iterable[Aggregate], now: datetime) -> None:
    """Write down what these hold and wait for, where nothing was kept at hand for some time."""
    for one in subjects:
        if one.kind == "order":
            unit.keep_lines([(sku, one.key, units) for sku, units in owed(one).items()])
        elif one.kind == "customer":
            known = {wish.sku: wish for wish, _ in unit.wishes_of(one.key)}
            waits = {wish.sku: wish for wish in wishes(one)}
            unit.leave_queue([(sku, one.key) for sku in known if sku not in waits], now)
            unit.join_queue([wish for sku, wish in waits.items() if known.get(sku) != wish])
