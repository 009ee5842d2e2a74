"""News about an article that goes to every open order which holds it, on both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from notifier import backtest
from notifier.backtest import decision_record
from notifier.core.local_time import rfc3339
from notifier.explain import explain
from notifier.project import Project
from notifier.store import Store

from .conftest import NOON, Shop, work_until

SLIPPED = """
  - id: slipped
    about: {orders_with: stock.sku, lines: backordered}
    trigger: {change: stock.restock_at, later_by: 2d}
    send: {template: backorder_slipped}
"""
HELD = """
  - id: held
    about: {orders_with: stock.sku}
    trigger: {change: stock.available, falls_below: 1, ready_again: {above: 3}}
    only_if: {stock.available: {at_most: 0}, customer.country: {not: DE}}
    send: {template: backorder_slipped}
    limit: {once_per: [order, stock.sku]}
"""
OTHER = """
  - id: other
    about: order
    trigger: {event: order.shipped}
    send: {template: order_shipped}
"""
LASTING = SLIPPED.replace("    send:", "    still_true_after: 1h\n    send:")


def place(shop: Shop, number: int, sku: str = "A", *, backordered: bool = True, **customer: Any) -> None:
    who = {"id": f"c{number}", "email": f"c{number}@example.com", **customer}
    items = [{"sku": sku, "quantity": 2, "backordered": backordered}]
    shop.tell("order.placed", id=str(number), items=items, customer=who)


def told(shop: Shop) -> list[str]:
    return sorted(one.subject_key for one in shop.outgoing() if one.state == "accepted")


def test_every_order_that_waits_for_it(shop_with: Callable[[str], Shop]) -> None:
    """Each open order to which units are owed is told once: not one that has its units, nor one that is cancelled."""
    shop = shop_with(SLIPPED)
    for number in (1, 2, 3, 4, 5):
        place(shop, number, backordered=number != 3)
    place(shop, 6, "B")
    shop.tell("order.updated", id="4", items=[{"sku": "A", "quantity": 2, "shipped_quantity": 2, "backordered": True}])
    shop.tell("order.cancelled", id="5")
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-21")
    shop.tick(minutes=5)
    assert told(shop) == []
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-25")
    shop.tick(minutes=5)
    assert told(shop) == ["order:1", "order:2"]
    shop.tick(days=1)
    assert len(shop.outgoing()) == 2


def test_conditions_are_asked_of_each(shop_with: Callable[[str], Shop]) -> None:
    """Each order by itself, about itself, its customer and the article; lines that are not backordered count as well."""
    shop = shop_with(HELD)
    place(shop, 1, backordered=False, country="PL")
    place(shop, 2, backordered=False, country="DE")
    shop.tell("stock.changed", sku="A", available=4)
    shop.now += timedelta(minutes=1)
    shop.tell("stock.changed", sku="A", available=0)
    shop.tick(minutes=5)
    assert told(shop) == ["order:1"]
    for units in (2, 0, 5, 0):
        shop.tell("stock.changed", sku="A", available=units)
        shop.tick(minutes=5)
    assert told(shop) == ["order:1"]
    assert shop.decisions("order:1")[-1] == ("backorder_slipped", "drop", "already_sent")


def test_what_is_put_right_again_is_not_told(shop_with: Callable[[str], Shop]) -> None:
    """Before the wait is over, and before a message that waits has left: the article is looked at again."""
    shop = shop_with(LASTING.replace("backorder_slipped}", "backorder_slipped, after: 3h}"))
    place(shop, 1)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.now += timedelta(minutes=1)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-28")
    shop.tick(minutes=30)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.tick(hours=9)
    assert shop.outgoing() == []
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-28")
    shop.tick(hours=1)
    assert [one.state for one in shop.outgoing()] == ["held"]
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.tick(hours=3)
    assert [one.state for one in shop.outgoing()] == ["dropped"]
    assert shop.decisions("order:1")[-1][2] == "superseded"


def test_who_orders_after_the_news_is_not_told(shop_with: Callable[[str], Shop]) -> None:
    """They have never seen the day that was moved, however long the rule waits whether it lasts."""
    shop = shop_with(LASTING)
    place(shop, 1)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.now += timedelta(minutes=1)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-28")
    shop.now += timedelta(minutes=10)
    place(shop, 2)
    shop.tick(hours=2)
    assert told(shop) == ["order:1"]


def test_many_orders_are_told_page_by_page(
    under: Callable[[str], Project], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes on where it stopped, also for another process; nobody is told twice, nobody is left out."""
    project = under(SLIPPED)
    shop = Shop(project, store)
    for number in range(1, 24):
        place(shop, number)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.now += timedelta(minutes=1)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-25")
    monkeypatch.setattr("notifier.ingest.PAGE", 5)
    shop.engine.arm_new_rules()
    for page in range(1, 6):
        assert shop.engine.fire() == 1
        assert len(shop.outgoing()) == min(5 * page, 23)
        restarted = Shop(project, store)
        restarted.now, restarted._events = shop.now, shop._events
        shop = restarted
    assert shop.engine.fire() == 0
    shop.tick(minutes=1)
    assert len(set(told(shop))) == 23


def test_orders_that_were_there_before_the_rule(under: Callable[[str], Project], store: Store) -> None:
    """Who holds what is known also of orders that came before any rule asked, and of none that has ended meanwhile."""
    before = Shop(under(OTHER), store)
    place(before, 1)
    place(before, 2)
    before.tell("order.cancelled", id="2")
    before.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop = Shop(replace(before.engine.project, book=under(SLIPPED).book), store)
    shop.now, shop._events = before.now + timedelta(hours=1), before._events
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-25")
    shop.tick(minutes=5)
    assert told(shop) == ["order:1"]


def test_a_rule_that_is_gone_ends_its_runs(under: Callable[[str], Project], store: Store) -> None:
    """What was on its way by a rule that an edit took away stops there."""
    before = Shop(under(SLIPPED), store)
    place(before, 1)
    before.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    before.now += timedelta(minutes=1)
    before.tell("stock.restock_expected", sku="A", restock_at="2026-03-25")
    shop = Shop(under(HELD), store)
    shop.tick(minutes=5)
    assert shop.outgoing() == []
    with store.read() as unit:
        memory = unit.load(["stock:A"])["stock:A"].memory
        assert (memory.runs, memory.next_due) == ({}, None)


def test_explained(shop_with: Callable[[str], Shop], store: Store) -> None:
    """The article says whom its news would reach, an order by which article it would be reached and what it was told."""
    shop = shop_with(LASTING)
    place(shop, 1)
    place(shop, 2)
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-20")
    shop.now += timedelta(minutes=1)
    with store.read() as unit:
        assert (
            _outlook(shop, unit, "stock:A")
            == "if it went off now, it would reach those whom it concerns: 2 open orders wait for it"
        )
        assert _outlook(shop, unit, "order:1") == "it goes off with news of A"
    shop.tell("stock.restock_expected", sku="A", restock_at="2026-03-25")
    with store.read() as unit:
        assert _outlook(shop, unit, "stock:A").endswith(
            "then it reaches those whom it concerns: 2 open orders wait for it"
        )
    shop.tick(hours=1)
    with store.read() as unit:
        story = [one.text for one in explain(shop.engine.project, unit, "order:1", shop.now).entries]
    assert "slipped went off: stock.restock_at went from 2026-03-20 to 2026-03-25" in story
    shop.tell("order.cancelled", id="1")
    with store.read() as unit:
        assert _outlook(shop, unit, "order:1") == "it cannot go off: the order is cancelled"


def _outlook(shop: Shop, unit: Any, key: str) -> str:
    (one,) = explain(shop.engine.project, unit, key, shop.now).standings
    return one.outlook


def _history(chance: Random) -> list[dict[str, Any]]:
    """Some days of a few orders that hold two articles, whose next deliveries move and whose stock goes up and down."""
    now, happened = NOON, []

    def tell(type_: str, **data: Any) -> None:
        happened.append({
            "specversion": "1.0", "id": str(len(happened)), "source": "/shop", "type": type_, "time": rfc3339(now),
            "data": data,
        })  # fmt: skip

    for _ in range(60):
        now += timedelta(minutes=chance.choice([0, 1, 7, 60, 150, 700]))
        number, sku = chance.randint(1, 6), chance.choice("AB")
        match chance.randrange(6):
            case 0 | 1:
                items = [
                    {"sku": one, "quantity": 2, "backordered": chance.random() < 0.7}
                    for one in {sku, chance.choice("AB")}
                ]
                who = {
                    "id": f"c{number % 3}",
                    "email": f"c{number % 3}@example.com",
                    "country": chance.choice(["PL", "DE"]),
                }
                tell("order.placed", id=str(number), items=items, customer=who)
            case 2 | 3:
                tell("stock.restock_expected", sku=sku, restock_at=f"2026-03-{chance.randint(10, 28)}")
            case 4:
                tell("stock.changed", sku=sku, available=chance.randint(0, 5))
            case 5:
                tell(f"order.{chance.choice(['cancelled', 'shipped'])}", id=str(number))
    return happened


@pytest.mark.parametrize("seed", range(10))
def test_live_decides_as_a_backtest_does(
    under: Callable[[str], Project], store: Store, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens in a shop, the engine live, ticked when something is due, decides what the backtest says."""
    monkeypatch.setattr("notifier.ingest.PAGE", 2)
    project = under(SLIPPED + HELD + LASTING.replace("slipped", "lasting", 1))
    history = _history(Random(seed))
    file = tmp_path / "history.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, history)))
    shop = Shop(project, store)
    for event in history:
        at = datetime.fromisoformat(event["time"])
        work_until(shop, at)
        shop.now = at
        shop.engine.ingest([event])
    work_until(shop, shop.now + timedelta(microseconds=1))
    with store.read() as unit:
        keys = [f"order:{number}" for number in range(1, 7)]
        live = [decision_record(match, row) for key in keys for match, rows in unit.matches_of(key) for row in rows]

    def order(one: dict[str, Any]) -> tuple[str, ...]:
        return one["at"], one["subject"], one["rule"], one["outcome"], one["occurrence"]

    expected = list(backtest.run(project, file).decisions())
    assert expected
    assert sorted(live, key=order) == sorted(expected, key=order)
