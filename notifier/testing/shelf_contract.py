"""What every store must keep about articles: part of the contract of stores."""

from __future__ import annotations

import pytest

from notifier.store import Store

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
