"""Taking events in: one transaction appends what is new, folds it, matches, decides, arms times and writes messages.

read(reader, envelope, now)        bytes that were decoded -> an event, or why not
absorb(project, unit, events, now) a batch of events, in one transaction
come_due(project, unit, now)       a page of subjects whose time has come
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from notifier.cast import Cast
from notifier.core.event import Event, Part
from notifier.core.match import Candidate, Due, concerned, rearm, step
from notifier.core.rule import Book
from notifier.core.subject import SHOP, Aggregate, adopt, fold, found_by
from notifier.decisions import decide_all
from notifier.holdings import settle, take_stock
from notifier.project import Project
from notifier.rounds import go_on
from notifier.store import Newness, Unit
from notifier.store.record import Quarantined

__all__ = ["PAGE", "absorb", "absorb_in_turn", "arm_shop", "come_due", "rearm_page"]

_log = logging.getLogger(__name__)

#: Subjects in one transaction.
PAGE = 200


@dataclass(slots=True)
class _Batch:
    project: Project
    unit: Unit
    cast: Cast
    now: datetime
    candidates: list[Candidate]
    #: No time that was armed in this batch comes earlier.
    soonest: datetime | None = None

    def arm(self, subject: Aggregate) -> None:
        due = subject.memory.next_due
        if due is not None and (self.soonest is None or due < self.soonest):
            self.soonest = due


def absorb(project: Project, unit: Unit, events: Sequence[Event], now: datetime) -> list[Newness]:
    """Take a batch in at `now`; for each event, in order, whether it was new.

    An event that cannot be worked on, through a fault of ours, goes to quarantine; the rest of the batch goes on.
    """
    newness = unit.newness(events)
    fresh = [event for event, state in zip(events, newness, strict=True) if state == "new"]
    batch = _begin(project, unit, fresh, now)
    # What could not be worked on was not taken: sent again when we are mended, it is new.
    unit.append([event for event in fresh if _take(batch, event)])
    _finish(batch)
    return newness


def absorb_in_turn(project: Project, unit: Unit, events: Sequence[Event]) -> list[Newness]:
    """Take in events that follow each other in time, each at its own arrival, as far as nothing else happens.

    Stops after an event that set a rule off, or once a time that it armed comes before the next event: what is to happen
    then must see no later fact. The answer is as long as the part of `events` that was taken.
    """
    newness = unit.newness(events)
    batch = _begin(project, unit, events, events[0].received)
    taken = []
    for event, following in zip_longest(events, events[1:]):
        taken.append(event)
        batch.now = event.received
        if newness[len(taken) - 1] == "new":
            _take(batch, event)
            if batch.candidates or (following and batch.soonest and batch.soonest <= following.received):
                break
    unit.append([event for event, state in zip(taken, newness, strict=False) if state == "new"])
    _finish(batch)
    return newness[: len(taken)]


def _begin(project: Project, unit: Unit, events: Sequence[Event], now: datetime) -> _Batch:
    cast = Cast(project, unit)
    batch = _Batch(project, unit, cast, now, [])
    batch.cast.bring(part.key for event in events for part in event.parts)
    return batch


def _finish(batch: _Batch) -> None:
    if batch.candidates:
        decide_all(batch.project, batch.unit, batch.cast, batch.candidates, batch.now)
    batch.cast.save()


def _take(batch: _Batch, event: Event) -> bool:
    """Work on one event; False where that failed, through a fault of ours, and it is in quarantine instead."""
    batch.cast.begin()
    fired = len(batch.candidates)
    try:
        before = _fold_and_match(batch, event)
    except Exception as error:  # noqa: BLE001 - a fault of ours: the event must not take its neighbours down, nor be lost
        batch.cast.undo()
        del batch.candidates[fired:]
        _log.exception("event %s %s could not be worked on", event.source, event.id)
        reason = f"could not be worked on: {type(error).__name__}"
        batch.unit.quarantine([Quarantined(batch.now, event.source, reason, event.body)])
        return False
    if batch.project.book.has_audiences:
        for woken in settle(batch.project, batch.unit, batch.cast, before, batch.now):
            batch.arm(woken)
    return True


def _fold_and_match(batch: _Batch, event: Event) -> Mapping[str, Aggregate]:
    """The subjects that the event concerned, as they were before."""
    cast, book = batch.cast, batch.project.book
    before: dict[str, Aggregate] = {}
    stamp = event.stamp
    for part in event.parts:
        key = part.key
        before[key] = cast[key]
        if part.leaves:
            cast.put(fold(before[key], part, stamp))
    for part in event.parts:
        if part.kind == "shipment":
            _tell_orders(batch, part, before)
        elif "order.tracking_number" in part.leaves:
            _find_shipments(batch, part, before)
    if ("customer", event.type) in book.on_event:
        # The customer is concerned as well where the event names the order alone.
        owners = [cast[part.key].customer_key for part in event.parts if part.kind == "order"]
        before.update({key: cast[key] for key in owners if key and key not in before})
    for key, earlier in before.items():
        subject = cast[key]
        if concerned(book, earlier, subject, event):
            stepped = step(book, earlier, subject, event, cast.scene(subject, batch.now))
            batch.candidates += stepped.candidates
            if stepped.aggregate is not subject:
                batch.arm(cast.put(stepped.aggregate))
    return before


def _tell_orders(batch: _Batch, part: Part, before: dict[str, Aggregate]) -> None:
    """Tell a shipment's orders how it stands: the one that it names, and those that were told the same number.

    Numbers count from the moment they were told, and those that an order or a shipment had before count as well: so it
    does not matter in which order all this arrives.
    """
    cast, shipment = batch.cast, batch.cast[part.key]
    orders = _met(batch.unit, part, before[part.key], "order:")
    if orders:
        shipment = cast.put(found_by(shipment, orders))
    for order_key in cast.orders_of(shipment):
        _tell(cast, order_key, shipment, before)


def _find_shipments(batch: _Batch, part: Part, before: dict[str, Aggregate]) -> None:
    """An order was told a number: the shipments that were known by it alone are its own."""
    cast = batch.cast
    for shipment_key in _met(batch.unit, part, before[part.key], "shipment:"):
        _tell(cast, part.key, cast.put(found_by(cast[shipment_key], [part.key])), before)


def _met(unit: Unit, part: Part, before: Aggregate, kind: str) -> list[str]:
    """Who else was ever told the number that is news to this subject."""
    path = f"{part.kind}.tracking_number"
    number = part.leaves.get(path)
    if not number or before.leaves.get(path) == number:
        return []
    unit.link([("tracking", number, part.key)])
    return [key for key in unit.linked([("tracking", number)])["tracking", number] if key.startswith(kind)]


def _tell(cast: Cast, order_key: str, shipment: Aggregate, before: dict[str, Aggregate]) -> None:
    order = cast[order_key]
    if order.parts.get(shipment.key) != shipment.summary:
        before.setdefault(order_key, order)
        cast.put(adopt(order, shipment))


def come_due(project: Project, unit: Unit, now: datetime, limit: int = PAGE) -> int:
    """Fire what has come due, for up to `limit` subjects; how many there were."""
    keys = unit.due_subjects(now, limit)
    if not keys:
        return 0
    cast = Cast(project, unit)
    cast.bring(keys)
    candidates: list[Candidate] = []
    reached = 0
    for key in keys:
        subject = cast[key]
        stepped = step(project.book, subject, subject, Due(), cast.scene(subject, now))
        cast.put(stepped.aggregate)
        candidates += stepped.candidates
        for timer, armed in stepped.cancelled:
            _log.info("%s: %s was due %s, but the rule is gone", key, timer, armed.occurrence)
        for rule in stepped.rounds:
            reached += go_on(project, unit, cast, key, rule, now, PAGE - reached)
    decide_all(project, unit, cast, candidates, now)
    cast.save()
    return len(keys)


def arm_shop(project: Project, unit: Unit, now: datetime, rules: Collection[str] | None = None) -> None:
    """Arm what comes by the calendar: of these rules, or of all. No event ever tells of the shop itself."""
    book = project.book
    if rules is not None:
        book = Book.of(rule for rule in book.timed.get(SHOP, ()) if rule.id in rules)
    if not book.timed.get(SHOP):
        return
    cast = Cast(project, unit)
    cast.put(rearm(book, cast[SHOP], cast.scene(cast[SHOP], now)))
    cast.save()


def rearm_page(project: Project, unit: Unit, now: datetime, after: str) -> str:
    """Arm times that lie ahead for a page of open subjects past `after`; the last key, empty when there are no more."""
    keys: Iterable[str] = unit.open_subjects(after, PAGE)
    cast = Cast(project, unit)
    cast.bring(keys)
    last = ""
    for last in keys:
        subject = cast[last]
        cast.put(rearm(project.book, subject, cast.scene(subject, now)))
    if project.book.has_audiences:
        take_stock(unit, (cast[key] for key in keys), now)
    cast.save()
    return last
