"""Who holds, waits for and was promised an article: said of the article, and of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.audience import OrdersWith, PeopleWaiting, Wish, owed
from notifier.core.local_time import rfc3339, when
from notifier.core.match import STILL
from notifier.core.rule import Rule
from notifier.explain.story import Story
from notifier.store import Unit
from notifier.store.record import Promise
from notifier.waves import left_over

__all__ = ["Demand", "demand", "reach_words"]

#: More orders than this are not counted, and of people no more are told.
_MANY_ORDERS, _MOST = 10_000, 20
#: A run that passes over nobody.
_NO_RUN = "*"


@dataclass(frozen=True, slots=True)
class Demand:
    """One who waits, or one promise: as a sentence for people and as a record for scripts."""

    text: str
    record: dict[str, Any]


def demand(unit: Unit, story: Story) -> Iterator[Demand]:
    """Of an article those who wait and what was promised, of a customer what they wait for and were promised."""
    subject, zone, now = story.subject, story.scene.zone, story.scene.now
    if subject.kind == "stock":
        count = unit.waiting_count(subject.id)
        waiting = [(wish, "waits") for wish, _ in unit.queue(subject.id, _NO_RUN, float("inf"), _MOST)]
        yield from (_waiting(wish, state, wish.customer_key, zone) for wish, state in waiting)
        if count > _MOST:
            yield Demand(f"and {count - _MOST:,} more wait", {"record": "waiting_more", "count": count - _MOST})
        promised = unit.promises(sku=subject.id, limit=_MOST)
        yield from (_promise(one, one.customer_key, zone, now) for one in promised)
    elif subject.kind == "customer":
        for wish, state in unit.wishes_of(subject.key):
            if state != "promised":
                yield _waiting(wish, state, wish.sku, zone)
        yield from (_promise(one, one.sku, zone, now) for one in unit.promises(customer_key=subject.key, limit=_MOST))


def _waiting(wish: Wish, state: str, name: str, zone: ZoneInfo) -> Demand:
    done = ", and has ordered it since" if state == "ordered" else ""
    return Demand(
        f"{name}: asked for {_units(wish.units)} {when(wish.joined, zone)}{done}",
        {
            "record": "waiting", "sku": wish.sku, "customer": wish.customer_key, "units": wish.units,
            "since": rfc3339(wish.joined), "state": state,
        },
    )  # fmt: skip


def _promise(one: Promise, name: str, zone: ZoneInfo, now: datetime) -> Demand:
    if one.until is None:
        until = "from when its message leaves"
    else:
        until = f"{'until' if one.until > now else 'until it lapsed'} {when(one.until, zone)}"
    return Demand(
        f"{name}: promised {_units(one.units)} {until}",
        {
            "record": "promise", "sku": one.sku, "customer": one.customer_key, "units": one.units,
            "until": rfc3339(one.until) if one.until else None, "message": one.key.hex(),
        },
    )  # fmt: skip


def _units(units: float) -> str:
    return f"{units:,.6g} unit{'' if units == 1 else 's'}"


def reach_words(rule: Rule, story: Story, unit: Unit, due: datetime | None) -> tuple[str, str]:
    """Whom a rule's news would reach, or is about to, or by which article's it would come; and the code of what hinders it."""
    if story.subject.kind != rule.origin:
        return _by_what(rule, story, unit)
    memory, whom = story.subject.memory, _whom(rule, story, unit)
    if rule.id in memory.runs:
        next_ = f"goes on {when(due, story.scene.zone)}" if due else "waits for more of it, or for others who ask"
        return f"it went off, and {next_}: {whom}", "" if due else "fired"
    if rule.id + STILL in memory.armed and due:
        return f"due {when(due, story.scene.zone)}; then it reaches those whom it concerns: {whom}", ""
    if rule.id in memory.spent:
        return "it went off, and waits until it is ready again", "fired"
    return f"if it went off now, it would reach those whom it concerns: {whom}", ""


def _whom(rule: Rule, story: Story, unit: Unit) -> str:
    sku = story.subject.id
    if isinstance(rule.audience, PeopleWaiting):
        count = unit.waiting_count(sku)
        left = max(left_over(unit, rule.audience, story.scene), 0)
        people = "1 person waits" if count == 1 else f"{count:,} people wait"
        return f"{people}, and {_units(left)} {'is' if left == 1 else 'are'} left to promise"
    assert isinstance(rule.audience, OrdersWith)
    count = len(unit.orders_with(sku, "", _MANY_ORDERS, owed=rule.audience.backordered))
    some = f"{'at least ' if count == _MANY_ORDERS else ''}{count:,} open order{'' if count == 1 else 's'}"
    verb = "wait for" if rule.audience.backordered else "hold"
    return f"{some} {f'{verb}s' if verb == 'hold' and count == 1 else 'waits for' if count == 1 else verb} it"


def _by_what(rule: Rule, story: Story, unit: Unit) -> tuple[str, str]:
    subject = story.subject
    if isinstance(rule.audience, PeopleWaiting):
        wishes = unit.wishes_of(subject.key)
        waits = [wish.sku for wish, state in wishes if state == "waits"]
        nothing = "it cannot go off: the customer waits for nothing"
        if any(state == "promised" for _, state in wishes):
            nothing += " that they have not been told of"
    else:
        assert isinstance(rule.audience, OrdersWith)
        backordered = rule.audience.backordered
        waits = [sku for sku, units in owed(subject).items() if units or not backordered]
        nothing = f"it cannot go off: the order {'waits for' if backordered else 'holds'} no article"
    return (f"it goes off with news of {' or '.join(waits)}", "") if waits else (nothing, "not_armed")
