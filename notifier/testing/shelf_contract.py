"""What every store must keep about articles: part of the contract of stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from notifier.core.audience import Wish
from notifier.core.decide import Question
from notifier.store import Store, Unit
from notifier.store.record import KeyTaken, Promise
from notifier.testing.store_samples import HOUR, NOON, digest

__all__ = ["ShelfContract"]

#: As many as no single query takes at once.
_MANY = 700


class ShelfContract:
    """Each test is one promise of `notifier.store`."""

    def test_the_orders_that_hold_an_article(self, store: Store) -> None:
        """They come in order and in pages, all of them or those to which units are owed; the last word on each stands."""
        with store.begin() as unit:
            unit.keep_lines([("A", "order:3", 0), ("A", "order:1", 2), ("A", "order:2", 1.5), ("B", "order:9", 1)])
            unit.keep_lines([("A", "order:2", 0), ("A", "order:3", 4)])
        with store.begin() as unit:
            assert unit.orders_with("A", "", 9, owed=False) == ["order:1", "order:2", "order:3"]
            assert unit.orders_with("A", "order:1", 1, owed=False) == ["order:2"]
            assert unit.orders_with("A", "", 9, owed=True) == ["order:1", "order:3"]
            assert unit.orders_with("A", "order:1", 9, owed=True) == ["order:3"]
            assert unit.orders_with("C", "", 9, owed=False) == []
            unit.drop_lines([("A", "order:1"), ("A", "order:7"), ("C", "order:1")])
            assert unit.orders_with("A", "", 9, owed=False) == ["order:2", "order:3"]
            unit.forget_lines()
            assert unit.orders_with("B", "", 9, owed=False) == []

    def test_lines_of_a_unit_that_fails(self, store: Store) -> None:
        """They are as they were."""
        with store.begin() as unit:
            unit.keep_lines([("A", "order:1", 2), ("A", "order:2", 0)])
        with pytest.raises(ZeroDivisionError), store.begin() as unit:
            unit.keep_lines([("A", "order:1", 0), ("A", "order:3", 1)])
            unit.drop_lines([("A", "order:2")])
            unit.forget_lines()
            raise ZeroDivisionError
        with store.read() as unit:
            assert unit.orders_with("A", "", 9, owed=False) == ["order:1", "order:2"]
            assert unit.orders_with("A", "", 9, owed=True) == ["order:1"]

    def test_many_orders_that_hold_an_article(self, store: Store) -> None:
        """No page is missing one, or has one twice."""
        keys = sorted(f"order:{number}" for number in range(_MANY))
        with store.begin() as unit:
            unit.keep_lines([("A", key, 1) for key in keys])
        found: list[str] = []
        with store.read() as unit:
            while page := unit.orders_with("A", found[-1] if found else "", 100, owed=True):
                found += page
        assert found == keys

    # the queue ------------------------------------------------------------------------------------------------------

    def test_who_waits(self, store: Store) -> None:
        """They come in the order in which they asked, without those who want too much or whom the run has passed over."""
        with store.begin() as unit:
            unit.join_queue([wish("cid", after=2), wish("ann"), wish("bob", after=1, units=3), wish("eve", sku="B")])
            unit.pass_over("A", "customer:ann", "run 1")
        with store.begin() as unit:
            assert queue(unit) == ["ann", "bob", "cid"]
            assert queue(unit, run="run 1") == ["bob", "cid"]
            assert queue(unit, at_most=2) == ["ann", "cid"]
            assert queue(unit, limit=1) == ["ann"]
            assert (unit.waiting_count("A"), unit.waiting_count("C")) == (3, 0)
            assert unit.anybody_waits("A", "run 1")
            assert not unit.anybody_waits("C", "run 1")
            unit.leave_queue([("A", "customer:bob"), ("A", "customer:zoe")], NOON)
            assert queue(unit) == ["ann", "cid"]

    def test_who_asks_again_stands_there(self, store: Store) -> None:
        """At the time at which they asked again, for what they ask now; what was promised and has not left is no more."""
        with store.begin() as unit:
            unit.join_queue([wish("ann"), wish("bob", after=1)])
            unit.promise([promise("m1", "ann")])
            unit.join_queue([wish("ann", after=2, units=4)])
            assert unit.queue("A", "*", 9, 9) == [(wish("bob", after=1), 0), (wish("ann", after=2, units=4), 0)]
            assert unit.promises(sku="A") == []
            assert unit.wishes_of("customer:ann") == [(wish("ann", after=2, units=4), "waits")]

    def test_a_promise(self, store: Store) -> None:
        """Whoever has one does not wait; it counts until it lapses, and is taken back with its message."""
        with store.begin() as unit:
            unit.keep_lines([("A", "order:1", 2), ("A", "order:2", 0), ("B", "order:1", 7)])
            unit.join_queue([wish("ann"), wish("bob", after=1, units=3)])
            unit.promise([promise("m1", "ann"), replace(promise("m2", "bob", units=3), entry="shop#bob1")])
        with store.begin() as unit:
            assert queue(unit) == []
            assert [state for _, state in unit.wishes_of("customer:ann")] == ["promised"]
            assert unit.spoken_for("A", NOON) == 2 + 1 + 3
            assert unit.next_lapse("A", NOON) is None
            assert unit.anybody_waits("A", "*")
            unit.keep_until(digest("m1"), NOON + HOUR)
            assert unit.promises(customer_key="customer:ann") == [promise("m1", "ann", until=NOON + HOUR)]
            assert unit.next_lapse("A", NOON) == NOON + HOUR
            assert (unit.spoken_for("A", NOON), unit.spoken_for("A", NOON + HOUR)) == (6, 5)
            unit.free([digest("m2"), digest("m3")])
            assert unit.queue("A", "*", 9, 9) == [(wish("bob", after=1, units=3), 1)]
            assert unit.spoken_for("A", NOON) == 3

    def test_what_comes_before_a_promise(self, store: Store) -> None:
        """What is owed, what others were promised that has left, and what was promised earlier and has not."""
        asked = [Question("claims", digest(name), NOON) for name in ("m1", "m2", "m3", "m4", "m5")]
        with store.begin() as unit:
            unit.keep_lines([("A", "order:1", 10)])
            unit.join_queue([wish(name) for name in ("ann", "bob", "cid", "dan")])
            unit.promise([promise("m1", "ann"), promise("m2", "bob", units=2), promise("m3", "cid", units=4)])
            unit.promise([promise("m4", "dan", units=8)])
            unit.keep_until(digest("m3"), NOON + HOUR)
            unit.keep_until(digest("m4"), NOON)
        with store.read() as unit:
            assert list(unit.answers(asked).values()) == [14, 15, 13, 17, None]

    def test_a_promise_is_there_once(self, store: Store) -> None:
        """One message promises once."""
        with pytest.raises(KeyTaken), store.begin() as unit:
            unit.promise([promise("m1", "ann"), promise("m1", "bob")])
        with store.read() as unit:
            assert unit.promises(sku="A") == []

    def test_who_orders_or_leaves(self, store: Store) -> None:
        """Their promises end, and who had asked before the order no longer waits."""
        with store.begin() as unit:
            unit.join_queue([wish("ann"), wish("bob"), wish("cid", after=5), wish("dan"), wish("eve")])
            unit.promise([promise("m1", "bob"), promise("m2", "dan"), promise("m3", "eve")])
            unit.keep_until(digest("m2"), NOON + HOUR)
            unit.keep_until(digest("m3"), NOON + HOUR)
            for name in ("ann", "bob", "cid", "dan"):
                unit.end_wait("A", f"customer:{name}", NOON + 2 * HOUR, NOON)
            unit.leave_queue([("A", "customer:eve")], NOON)
        with store.begin() as unit:
            assert queue(unit) == ["cid"]
            states = [
                state for name in ("ann", "bob", "cid", "dan", "eve") for _, state in unit.wishes_of(f"customer:{name}")
            ]
            assert states == ["ordered", "ordered", "waits", "promised"]
            assert unit.spoken_for("A", NOON) == 0
            assert {one.key: one.until for one in unit.promises(sku="A")} == {digest("m2"): NOON, digest("m3"): NOON}

    def test_a_queue_of_a_unit_that_fails(self, store: Store) -> None:
        """It is as it was, promises and all."""
        with store.begin() as unit:
            unit.join_queue([wish("ann"), wish("bob", after=1), wish("cid", after=2)])
            unit.promise([promise("m1", "ann")])
        before = _shelf(store)
        with pytest.raises(ZeroDivisionError), store.begin() as unit:
            unit.promise([replace(promise("m2", "bob"), entry="shop#bob1")])
            unit.free([digest("m1")])
            unit.keep_until(digest("m2"), NOON)
            unit.pass_over("A", "customer:cid", "*")
            unit.join_queue([wish("ann", after=7), wish("dan")])
            unit.end_wait("A", "customer:bob", NOON + HOUR, NOON)
            unit.leave_queue([("A", "customer:cid")], NOON)
            raise ZeroDivisionError
        assert _shelf(store) == before


def wish(name: str, *, after: int = 0, units: float = 1, sku: str = "A") -> Wish:
    """Somebody who asked so many hours after noon."""
    return Wish(sku, f"customer:{name}", NOON + after * HOUR, f"shop#{name}{after}", units)


def promise(message: str, name: str, *, units: float = 1, until: datetime | None = None) -> Promise:
    return Promise(digest(message), "A", f"customer:{name}", f"shop#{name}0", units, until)


def queue(unit: Unit, *, run: str = "*", at_most: float = 100, limit: int = 9) -> list[str]:
    return [one.customer_key.removeprefix("customer:") for one, _ in unit.queue("A", run, at_most, limit)]


def _shelf(store: Store) -> list[object]:
    with store.read() as unit:
        people = [unit.wishes_of(f"customer:{name}") for name in ("ann", "bob", "cid", "dan")]
        return [unit.queue("A", "*", 100, 9), unit.promises(sku="A"), unit.spoken_for("A", NOON), people]
