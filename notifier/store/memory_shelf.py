"""Who holds which article, in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import islice

from notifier.store.steps import Steps

__all__ = ["MemoryShelf"]


class MemoryShelf(Steps):
    """The part of a unit that speaks of articles."""

    def __init__(self) -> None:
        super().__init__()
        #: SKU -> order key -> units owed.
        self._lines: dict[str, dict[str, float]] = {}

    def keep_lines(self, rows: Iterable[tuple[str, str, float]]) -> None:
        for sku, order_key, units in rows:
            self._set(self._lines.setdefault(sku, {}), order_key, units)

    def drop_lines(self, rows: Iterable[tuple[str, str]]) -> None:
        for sku, order_key in rows:
            if order_key in self._lines.get(sku, ()):
                self._remove(self._lines[sku], order_key)

    def forget_lines(self) -> None:
        self.drop_lines([(sku, key) for sku, held in self._lines.items() for key in held])

    def orders_with(self, sku: str, after: str, limit: int, *, owed: bool) -> list[str]:
        held = self._lines.get(sku, {})
        keys = sorted(key for key, units in held.items() if units > 0 or not owed)
        return list(islice(keys, bisect_right(keys, after), None))[:limit]
