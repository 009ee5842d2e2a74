"""Whom news about an article reaches, where a rule is not about the article itself: the open orders that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.core.subject import Aggregate

__all__ = ["ARTICLE", "Audience", "OrdersWith", "owed"]

#: Where a candidate says which article its news is of: the key of that subject.
ARTICLE = "run.article"


@dataclass(frozen=True, slots=True)
class OrdersWith:
    """Each open order that holds the article."""

    #: Only those to which units of it are owed.
    backordered: bool = False


Audience = OrdersWith


def owed(order: Aggregate) -> Mapping[str, float]:
    """SKU -> units that an order still waits for, 0 where none is backordered; empty for one that is finished."""
    units: dict[str, float] = {}
    for item in (() if order.closed else order.facts.get("order.items")) or ():
        sku = item.get("sku")
        if sku:
            left = max(item.get("quantity", 1) - item.get("shipped_quantity", 0), 0)
            units[sku] = units.get(sku, 0) + (left if item.get("backordered") else 0)
    return units
