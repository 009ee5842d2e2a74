"""Which open order holds which article: kept at hand, so that news about the article finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from notifier.cast import Cast
from notifier.core.audience import owed
from notifier.core.subject import Aggregate
from notifier.store import Unit

__all__ = ["Holdings", "take_stock"]


class Holdings:
    """What a batch of work changes about it; written down at its end."""

    def __init__(self, unit: Unit, cast: Cast) -> None:
        self._unit = unit
        self._cast = cast
        self._before: dict[str, Aggregate] = {}

    def touch(self, before: Mapping[str, Aggregate]) -> None:
        """These subjects may have changed; how they were."""
        for key, one in before.items():
            if one.kind == "order":
                self._before.setdefault(key, one)

    def save(self) -> None:
        gone: list[tuple[str, str]] = []
        held: list[tuple[str, str, float]] = []
        for key, earlier in self._before.items():
            now = self._cast[key]
            if not _same_lines(earlier, now):
                before, after = owed(earlier), owed(now)
                gone += [(sku, key) for sku in before if sku not in after]
                held += [(sku, key, units) for sku, units in after.items() if before.get(sku) != units]
        if gone:
            self._unit.drop_lines(gone)
        if held:
            self._unit.keep_lines(held)


def _same_lines(before: Aggregate, after: Aggregate) -> bool:
    path = "order.items"
    return before.closed == after.closed and before.facts.get(path) == after.facts.get(path)


def take_stock(unit: Unit, subjects: Iterable[Aggregate]) -> None:
    """Write down what these hold, where nothing was kept at hand before."""
    unit.keep_lines([
        (sku, one.key, units) for one in subjects if one.kind == "order" for sku, units in owed(one).items()
    ])  # fmt: skip
