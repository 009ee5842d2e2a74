"""Who holds, waits for and was promised which article, in memory."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from notifier.core.audience import Wish
from notifier.store.record import KeyTaken, Promise
from notifier.store.steps import Steps

__all__ = ["MemoryShelf"]

#: In the place of a message, for those who have ordered.
_ORDERED = b""


@dataclass(frozen=True, slots=True)
class _Place:
    wish: Wish
    #: By which something is promised to them.
    message_key: bytes | None = None
    passed: str = ""
    tries: int = 0

    @property
    def turn(self) -> tuple[Any, ...]:
        return self.wish.joined, self.wish.entry, self.wish.customer_key


class MemoryShelf(Steps):
    """The part of a unit that speaks of articles."""

    def __init__(self) -> None:
        super().__init__()
        #: SKU -> order key -> units owed.
        self._lines: dict[str, dict[str, float]] = {}
        #: SKU -> customer key -> where they stand; and of those to whom nothing is promised, whose turn it is.
        self._places: dict[str, dict[str, _Place]] = {}
        self._turns: dict[str, list[tuple[Any, ...]]] = {}
        self._asked_by: dict[str, dict[str, None]] = {}
        #: SKU -> message key -> promise; and message key -> SKU, and which of all promises it is.
        self._promises: dict[str, dict[bytes, Promise]] = {}
        self._promised: dict[bytes, tuple[str, int]] = {}
        self._last_promise = 0

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

    # the queue ------------------------------------------------------------------------------------------------------

    def _stand(self, sku: str, customer_key: str, place: _Place | None) -> None:
        """Where they stand now; None where they no longer do."""
        places, turns = self._places.setdefault(sku, {}), self._turns.setdefault(sku, [])
        before = places.get(customer_key)
        if before is not None and before.message_key is None:
            turns.remove(before.turn)
            self._steps_back.append((insort, turns, before.turn))
        if place is None:
            if before is not None:
                self._remove(places, customer_key)
            return
        self._set(places, customer_key, place)
        self._set(self._asked_by.setdefault(customer_key, {}), sku, None)
        if place.message_key is None:
            insort(turns, place.turn)
            self._steps_back.append((turns.remove, place.turn))

    def _place(self, sku: str, customer_key: str) -> _Place | None:
        return self._places.get(sku, {}).get(customer_key)

    def join_queue(self, wishes: Iterable[Wish]) -> None:
        for wish in wishes:
            self._take_back(wish.sku, wish.customer_key)
            self._stand(wish.sku, wish.customer_key, _Place(wish))

    def leave_queue(self, rows: Iterable[tuple[str, str]], now: datetime) -> None:
        for sku, customer_key in rows:
            self._end_promises(sku, customer_key, now)
            self._stand(sku, customer_key, None)

    def end_wait(self, sku: str, customer_key: str, placed: datetime, now: datetime) -> None:
        place = self._place(sku, customer_key)
        if place is not None and place.wish.joined <= placed:
            promised = self._promises.get(sku, {}).get(place.message_key or _ORDERED)
            if place.message_key is None or (promised is not None and promised.until is None):
                self._stand(sku, customer_key, replace(place, message_key=_ORDERED))
        self._end_promises(sku, customer_key, now)

    def _take_back(self, sku: str, customer_key: str) -> None:
        """What was promised by messages that have not left."""
        held = self._promises.get(sku, {})
        for one in [one for one in held.values() if one.customer_key == customer_key and one.until is None]:
            self._drop_promise(one)

    def _drop_promise(self, one: Promise) -> None:
        self._remove(self._promises[one.sku], one.key)
        self._remove(self._promised, one.key)

    def _end_promises(self, sku: str, customer_key: str, now: datetime) -> None:
        self._take_back(sku, customer_key)
        for one in list(self._promises.get(sku, {}).values()):
            if one.customer_key == customer_key and one.until is not None and one.until > now:
                self._set(self._promises[sku], one.key, replace(one, until=now))

    def queue(self, sku: str, run: str, at_most: float, limit: int) -> list[tuple[Wish, int]]:
        places = self._places.get(sku, {})
        turns = (places[customer_key] for _, _, customer_key in self._turns.get(sku, ()))
        wanted = ((one.wish, one.tries) for one in turns if one.passed != run and one.wish.units <= at_most)
        return list(islice(wanted, limit))

    def anybody_waits(self, sku: str, run: str) -> bool:
        reserved = any(one.until is None for one in self._promises.get(sku, {}).values())
        return reserved or bool(self.queue(sku, run, float("inf"), 1))

    def pass_over(self, sku: str, customer_key: str, run: str) -> None:
        place = self._place(sku, customer_key)
        if place is not None:
            self._set(self._places[sku], customer_key, replace(place, passed=run))

    def wishes_of(self, customer_key: str) -> list[tuple[Wish, Literal["waits", "promised", "ordered"]]]:
        found: list[tuple[Wish, Literal["waits", "promised", "ordered"]]] = []
        for sku in sorted(self._asked_by.get(customer_key, ())):
            place = self._place(sku, customer_key)
            if place is not None:
                key = place.message_key
                found.append((place.wish, "waits" if key is None else "promised" if key != _ORDERED else "ordered"))
        return found

    def waiting_count(self, sku: str) -> int:
        return len(self._turns.get(sku, ()))

    # promises -------------------------------------------------------------------------------------------------------

    def promise(self, promises: Iterable[Promise]) -> None:
        for one in promises:
            if one.key in self._promised:
                raise KeyTaken("this promise is there already")
            self._last_promise += 1
            self._set(self._promises.setdefault(one.sku, {}), one.key, one)
            self._set(self._promised, one.key, (one.sku, self._last_promise))
            place = self._place(one.sku, one.customer_key)
            if place is not None and place.wish.entry == one.entry:
                self._stand(one.sku, one.customer_key, replace(place, message_key=one.key, tries=place.tries + 1))

    def keep_until(self, message_key: bytes, until: datetime) -> None:
        if message_key in self._promised:
            held = self._promises[self._promised[message_key][0]]
            self._set(held, message_key, replace(held[message_key], until=until))

    def release(self, message_key: bytes) -> None:
        """Take back what the message promises."""
        if message_key not in self._promised:
            return
        sku = self._promised[message_key][0]
        one = self._promises[sku][message_key]
        self._drop_promise(one)
        place = self._place(sku, one.customer_key)
        if place is not None and place.message_key == message_key:
            self._stand(sku, one.customer_key, replace(place, message_key=None))

    def spoken_for(self, sku: str, now: datetime) -> float:
        promised = (one.units for one in self._promises.get(sku, {}).values() if one.until is None or one.until > now)
        return self._owed(sku) + sum(promised)

    def claims(self, message_key: bytes, now: datetime) -> float | None:
        """As `answers` has it."""
        if message_key not in self._promised:
            return None
        sku, number = self._promised[message_key]
        return self._owed(sku) + sum(
            one.units
            for key, one in self._promises[sku].items()
            if (self._promised[key][1] < number if one.until is None else one.until > now and key != message_key)
        )

    def _owed(self, sku: str) -> float:
        return sum(self._lines.get(sku, {}).values())

    def next_lapse(self, sku: str, now: datetime) -> datetime | None:
        ends = (one.until for one in self._promises.get(sku, {}).values())
        return min((end for end in ends if end is not None and end > now), default=None)

    def promises(self, *, sku: str = "", customer_key: str = "", limit: int = 100) -> list[Promise]:
        if sku:
            found = sorted(self._promises.get(sku, {}).values(), key=self._lapses)
        else:
            asked = self._asked_by.get(customer_key, ())
            mine = (one for name in asked for one in self._promises.get(name, {}).values())
            found = sorted(
                (one for one in mine if one.customer_key == customer_key), key=lambda one: self._promised[one.key][1]
            )
        return found[::-1][:limit]

    def _lapses(self, one: Promise) -> tuple[Any, ...]:
        return (one.until is not None, *([one.until] if one.until else []), self._promised[one.key][1])
