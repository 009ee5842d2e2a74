"""Whom news about an article reaches, where a rule is not about the article itself.

That is the open orders that hold it, or the people who wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from notifier.core.condition import NumberRef
from notifier.core.duration import Duration
from notifier.core.subject import Aggregate

__all__ = [
    "ARTICLE",
    "RUN",
    "WAITLIST_ENTRY",
    "Audience",
    "OrdersWith",
    "PeopleWaiting",
    "Wish",
    "bought",
    "owed",
    "wishes",
]

#: Where a candidate says which article its news is of (the key of that subject), and by which run it came.
ARTICLE, RUN = "run.article", "run.id"
#: What a limit calls one time that somebody asked to be told.
WAITLIST_ENTRY = "waitlist_entry"
_WAITS = "customer.waiting@"


@dataclass(frozen=True, slots=True)
class OrdersWith:
    """Each open order that holds the article."""

    #: Only those to which units of it are owed.
    backordered: bool = False


@dataclass(frozen=True, slots=True)
class PeopleWaiting:
    """Those who wait for the article, first come first served, as far as there is enough for what each asked for."""

    #: How many units there are to promise.
    up_to: NumberRef
    #: So many people in a wave, and how long after one begins the next may.
    size: int
    every: Duration
    #: How long the units are kept for whom they were promised to.
    keep_for: Duration


Audience = OrdersWith | PeopleWaiting


class Wish(NamedTuple):
    """Somebody waits for an article. Those who asked first come first."""

    sku: str
    customer_key: str
    #: When they asked, and by which event: what makes it one entry of the list.
    joined: datetime
    entry: str
    units: float


def owed(order: Aggregate) -> Mapping[str, float]:
    """SKU -> units that an order still waits for, 0 where none is backordered; empty for one that is finished."""
    units: dict[str, float] = {}
    for item in (() if order.closed else order.facts.get("order.items")) or ():
        sku = item.get("sku")
        if sku:
            left = max(item.get("quantity", 1) - item.get("shipped_quantity", 0), 0)
            units[sku] = units.get(sku, 0) + (left if item.get("backordered") else 0)
    return units


def bought(order: Aggregate) -> frozenset[str]:
    """The articles that its customer has ordered by it, also where it is finished; none of one that was cancelled."""
    if order.facts.get("order.status") == "cancelled":
        return frozenset()
    return frozenset(item["sku"] for item in order.facts.get("order.items") or () if item.get("sku"))


def wishes(customer: Aggregate) -> Iterator[Wish]:
    """What a customer waits for. The last word counts: who asks again stands where they asked again."""
    for path, units in customer.leaves.items():
        if units is not None and path.startswith(_WAITS):
            joined, source, id_ = customer.stamps[path]
            yield Wish(path.removeprefix(_WAITS), customer.key, joined, f"{source}#{id_}", units)
