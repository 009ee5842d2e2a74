"""What a report lists: which subjects, in what order, and how many of them stand in it."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from notifier.core.catalogue import Field
from notifier.core.condition import Condition
from notifier.core.scene import Facts, Scene

__all__ = ["LISTS", "LIST_NAMES", "Listing", "Order", "Selection"]

#: What can be listed -> the kind of subject that one row is about.
LISTS: Mapping[str, str] = {"orders": "order", "shipments": "shipment", "stock": "stock", "customers": "customer"}


#: What a text can name of a list as a whole, behind `list.`.
LIST_NAMES = ("rows", "count", "left_out")


class Order(NamedTuple):
    """By which field rows are put in order."""

    field: Field
    falling: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """The list of a report."""

    #: One of LISTS.
    of: str
    #: None lists all.
    condition: Condition | None = None
    sort: tuple[Order, ...] = ()
    #: So many rows at most.
    most: int = 200
    #: Send it also where nothing is to be listed.
    send_empty: bool = False
    #: Finished orders and parcels are in as well.
    finished: bool = False

    @property
    def about(self) -> str:
        """The kind of subject that one row is about."""
        return LISTS[self.of]

    def admits(self, scene: Scene) -> bool:
        return self.condition is None or self.condition.holds(scene) is True

    def rank(self, key: str, scene: Scene) -> tuple[Any, ...]:
        """Where a row stands: rows are in the order of their ranks. What is not known comes last."""
        return (*(_rank(one, scene) for one in self.sort), key)


def _rank(order: Order, scene: Scene) -> tuple[bool, Any]:
    value = scene.value(order.field.path)
    if value is None:
        return True, 0
    if isinstance(value, date):
        value = scene.instant(value, ends_day=order.field.ends_day).timestamp()
    elif isinstance(value, str):
        value = value.casefold()
    if not order.falling:
        return False, value
    return False, -value if isinstance(value, int | float) else _Falling(value)


@dataclass(frozen=True, slots=True)
class _Falling:
    """A text that comes the earlier, the later it stands in the alphabet."""

    text: str

    def __lt__(self, other: _Falling) -> bool:
        return other.text < self.text


@dataclass(slots=True)
class Selection:
    """Rows as they are gathered: however many there are, only those that will stand in the list are kept."""

    listing: Listing
    #: How many there are, with those that do not stand in it.
    count: int = 0
    _rows: list[tuple[tuple[Any, ...], Facts]] = field(default_factory=list)

    def look_at(self, key: str, scene: Scene) -> None:
        """Take a subject in, if it belongs there."""
        if not self.listing.admits(scene):
            return
        self.count += 1
        rank = self.listing.rank(key, scene)
        if len(self._rows) < self.listing.most or rank < self._rows[-1][0]:
            insort(self._rows, (rank, scene.facts), key=lambda row: row[0])
            del self._rows[self.listing.most :]

    @property
    def is_needless(self) -> bool:
        """Whether there is nothing to list, and nobody wants to hear of that."""
        return not self.count and not self.listing.send_empty

    def __str__(self) -> str:
        """`3 orders`, `1,204 orders, the first 200 listed`."""
        of = self.listing.about if self.count == 1 else self.listing.of
        cut = f", the first {len(self._rows)} listed" if self.count > len(self._rows) else ""
        return f"{self.count:,} {of}{cut}"

    @property
    def rows(self) -> list[Facts]:
        """The facts of each, in order."""
        return [facts for _, facts in self._rows]

    def facts(self) -> dict[str, Any]:
        """As texts know it."""
        left_out = self.count - len(self._rows)
        return {"list.rows": self.rows, "list.count": self.count, "list.left_out": left_out}
