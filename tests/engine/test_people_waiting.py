"""People who wait for an article, on both stores: first come first served, and never more promised than there is."""

from __future__ import annotations

from collections.abc import Callable
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
from notifier.provider import Accepted, Refused
from notifier.store import Store

from .conftest import NOON, Shop, work_until

BACK = """
  - id: back
    about: {people_waiting_for: stock.sku, up_to: stock.available, wave: {size: 2, every: 1h}, keep_for: 24h}
    trigger: {change: stock.available, rises_above: 0}
    send: {template: back_in_stock}
    limit: {once_per: waitlist_entry}
"""


def join(shop: Shop, *names: str, units: float = 1, **more: Any) -> None:
    for name in names:
        shop.now += timedelta(seconds=1)
        shop.tell("waitlist.joined", customer_id=name, email=f"{name}@example.com", sku="A", quantity=units, **more)


def stock(shop: Shop, available: float) -> None:
    shop.now += timedelta(seconds=1)
    shop.tell("stock.changed", sku="A", name="Tent", available=available)


def told(shop: Shop) -> list[str]:
    """Who was told, in that order."""
    sent = [one for one in shop.outgoing() if one.state == "accepted"]
    return [one.recipient.removeprefix("customer:") for one in sorted(sent, key=lambda one: one.number)]


@pytest.fixture
def waiting(shop_with: Callable[[str], Shop]) -> Shop:
    """Nothing is left of the article."""
    shop = shop_with(BACK)
    stock(shop, 0)
    return shop


def test_in_waves_first_come_first_served(waiting: Shop) -> None:
    """Two an hour in the order in which they asked, each once; nobody who asks when it is long there."""
    join(waiting, "ann", "bob", "cid", "dan", "eva")
    stock(waiting, 9)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann", "bob"]
    waiting.tick(minutes=59)
    assert told(waiting) == ["ann", "bob"]
    waiting.tick(minutes=1)
    assert told(waiting) == ["ann", "bob", "cid", "dan"]
    waiting.tick(hours=1)
    assert told(waiting) == ["ann", "bob", "cid", "dan", "eva"]
    join(waiting, "fay")
    waiting.tick(days=3)
    assert len(waiting.outgoing()) == 5


def test_never_more_than_there_is(waiting: Shop) -> None:
    """Who asked for more than is left waits on, and those behind are served; what comes later goes to who came first."""
    join(waiting, "ann")
    join(waiting, "bob", units=3)
    join(waiting, "cid", "dan")
    stock(waiting, 2)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann", "cid"]
    waiting.tick(hours=2)
    stock(waiting, 5)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann", "cid", "bob"]
    stock(waiting, 6)
    waiting.tick(hours=2)
    assert told(waiting) == ["ann", "cid", "bob", "dan"]


def test_open_backorders_come_first(waiting: Shop) -> None:
    """Units that orders wait for are promised to nobody, until they have left or the order is called off."""
    items = [{"sku": "A", "quantity": 3, "backordered": True}]
    waiting.tell("order.placed", id="1", items=items, customer={"id": "zoe"})
    join(waiting, "ann", "bob")
    stock(waiting, 3)
    waiting.tick(seconds=1)
    assert told(waiting) == []
    waiting.tell("order.updated", id="1", items=[{**items[0], "shipped_quantity": 2}])
    stock(waiting, 2)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann"]
    waiting.tell("order.cancelled", id="1")
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann", "bob"]


def test_a_promise_lapses(waiting: Shop) -> None:
    """After a day, by an order of the article, and when somebody leaves: then the next is served."""
    join(waiting, "ann", "bob", "cid", "dan")
    stock(waiting, 1)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann"]
    waiting.tick(hours=23, minutes=59)
    assert told(waiting) == ["ann"]
    waiting.tick(minutes=1)
    assert told(waiting) == ["ann", "bob"]
    waiting.tell("order.placed", id="1", items=[{"sku": "A", "quantity": 1}], customer={"id": "bob"})
    waiting.tick(hours=2)
    assert told(waiting) == ["ann", "bob", "cid"]
    waiting.tell("waitlist.left", customer_id="cid", sku="A")
    waiting.tick(hours=2)
    assert told(waiting) == ["ann", "bob", "cid", "dan"]


def test_an_order_that_comes_finished_is_one(waiting: Shop) -> None:
    """Bought and taken home at once; but not one that is cancelled when it becomes known."""
    join(waiting, "ann", "bob", "cid")
    stock(waiting, 1)
    waiting.tick(seconds=1)
    bought = {"items": [{"sku": "A", "quantity": 1}], "customer": {"id": "ann"}}
    waiting.tell("order.cancelled", id="1", **bought)
    waiting.tick(hours=1)
    assert told(waiting) == ["ann"]
    waiting.tell("order.delivered", id="2", **bought)
    waiting.tick(hours=1)
    assert told(waiting) == ["ann", "bob"]


def test_who_leaves_or_orders_does_not_wait(waiting: Shop) -> None:
    """Also where the message is written already, and waits for its time."""
    join(waiting, "ann", "bob", "cid")
    waiting.tell("waitlist.left", customer_id="ann", sku="A")
    waiting.tell("order.placed", id="1", items=[{"sku": "A", "quantity": 1}], customer={"id": "bob"})
    stock(waiting, 5)
    waiting.tick(seconds=1)
    assert told(waiting) == ["cid"]


def test_who_asks_again_stands_at_the_end(waiting: Shop) -> None:
    """And is told anew, once for each time."""
    join(waiting, "ann", "bob", "cid")
    join(waiting, "ann", units=2)
    stock(waiting, 9)
    waiting.tick(seconds=1)
    waiting.tick(hours=1)
    assert told(waiting) == ["bob", "cid", "ann"]
    stock(waiting, 0)
    join(waiting, "bob")
    stock(waiting, 9)
    waiting.tick(hours=2)
    assert told(waiting) == ["bob", "cid", "ann", "bob"]


LATER = BACK.replace("back_in_stock}", "back_in_stock, after: 2h}")


def test_stock_is_looked_at_again_before_each_message(shop_with: Callable[[str], Shop]) -> None:
    """What was sold meanwhile is not told of; who came last goes without, and is the first to hear when more comes."""
    shop = shop_with(LATER)
    stock(shop, 0)
    join(shop, "ann", "bob")
    stock(shop, 2)
    shop.tick(seconds=1)
    assert [one.state for one in shop.outgoing()] == ["held", "held"]
    stock(shop, 1)
    shop.tick(hours=2)
    assert told(shop) == ["ann"]
    assert shop.decisions("customer:bob")[-1][1:] == ("drop", "not_enough_stock")
    stock(shop, 2)
    shop.tick(seconds=1)
    shop.tick(hours=2)
    assert told(shop) == ["ann", "bob"]


def test_who_leaves_before_the_message_does(shop_with: Callable[[str], Shop]) -> None:
    """It is not sent, and what it promised goes to the next."""
    shop = shop_with(LATER)
    stock(shop, 0)
    join(shop, "ann", "bob")
    stock(shop, 1)
    shop.tick(seconds=1)
    shop.tell("waitlist.left", customer_id="ann", sku="A")
    shop.tick(seconds=1)
    shop.tick(hours=2)
    assert told(shop) == ["bob"]
    assert shop.decisions("customer:ann")[-1][1:] == ("drop", "superseded")


def test_what_sells_out_ends_the_run(waiting: Shop) -> None:
    """It goes on only when the trigger goes off again."""
    join(waiting, "ann", "bob", "cid")
    stock(waiting, 1)
    waiting.tick(seconds=1)
    stock(waiting, 0)
    waiting.tick(days=2)
    assert told(waiting) == ["ann"]
    stock(waiting, 2)
    waiting.tick(seconds=1)
    assert told(waiting) == ["ann", "bob", "cid"]


def test_who_cannot_be_told_stops_nobody(waiting: Shop) -> None:
    """Without an address, or muted, they take no units and no place in a wave, and are asked about once a run."""
    waiting.tell("waitlist.joined", customer_id="ann", sku="A")
    join(waiting, "bob", "cid", "dan")
    stock(waiting, 9)
    waiting.tick(seconds=1)
    waiting.tick(hours=2)
    waiting.tick(hours=2)
    assert told(waiting) == ["bob", "cid", "dan"]
    assert waiting.decisions("customer:ann") == [("back_in_stock", "drop", "no_address")]


def test_a_refused_address_gives_its_units_back(waiting: Shop) -> None:
    """What a provider refuses for good promises nothing."""
    waiting.email.answer = lambda one: Refused("no such box", "address") if "ann" in one.to else Accepted("1")
    join(waiting, "ann", "bob")
    stock(waiting, 1)
    waiting.tick(seconds=1)
    waiting.tick(seconds=1)
    assert told(waiting) == ["bob"]


def test_conditions_are_asked_of_each(shop_with: Callable[[str], Shop]) -> None:
    """About the person, the article and what was asked for."""
    only = "    only_if: {customer.country: PL, waitlist.quantity: {at_most: 2}, stock.available: {at_least: 1}}\n"
    shop = shop_with(BACK.replace("    send:", f"{only}    send:"))
    stock(shop, 0)
    join(shop, "ann", country="DE")
    join(shop, "bob", units=3, country="PL")
    join(shop, "cid", country="PL")
    stock(shop, 9)
    shop.tick(seconds=1)
    assert told(shop) == ["cid"]


def test_a_rule_that_watches_goes_through_the_queue(shop_with: Callable[[str], Shop]) -> None:
    """Wave by wave, as if it had promised what is there."""
    shop = shop_with(BACK + "    state: watch\n")
    stock(shop, 0)
    join(shop, "ann", "bob", "cid", "dan")
    stock(shop, 3)
    shop.tick(seconds=1)
    assert shop.decisions("customer:bob") == [("back_in_stock", "drop", "watching")]
    assert shop.decisions("customer:cid") == []
    shop.tick(hours=1)
    assert shop.decisions("customer:cid") == [("back_in_stock", "drop", "watching")]
    shop.tick(hours=5)
    assert shop.decisions("customer:dan") == []
    assert shop.outgoing() == []


def test_a_long_queue_is_gone_through_in_pages(under: Callable[[str], Project], store: Store) -> None:
    """A wave larger than a page takes several transactions, each of which another process may do."""
    project = under(BACK.replace("size: 2", "size: 450"))
    shop = Shop(project, store)
    stock(shop, 0)
    names = [f"c{number:03}" for number in range(500)]
    events = [
        {"specversion": "1.0", "id": name, "source": "/w", "type": "waitlist.joined", "time": shop.now.isoformat(),
         "data": {"customer_id": name, "email": f"{name}@example.com", "sku": "A"}}
        for name in names
    ]  # fmt: skip
    shop.engine.ingest(events)
    stock(shop, 470)
    for found in (200, 400, 450):
        shop.engine.fire()
        assert len(_all(store)) == found
        restarted = Shop(project, store)
        restarted.now, restarted._events = shop.now, shop._events
        shop = restarted
    while shop.engine.fire():
        pass
    assert len(_all(store)) == 450
    shop.tick(hours=1)
    assert [one.recipient.removeprefix("customer:") for one in _all(store)] == names[:470]


def _all(store: Store) -> list[Any]:
    with store.read() as unit:
        return unit.find_messages(limit=1000)[::-1]


def test_who_waited_before_the_rule_was_there(under: Callable[[str], Project], store: Store) -> None:
    """They are served too, and those who have left meanwhile are not."""
    other = "  - id: x\n    about: order\n    trigger: {event: order.shipped}\n    send: {template: order_shipped}\n"
    before = Shop(under(other), store)
    stock(before, 0)
    join(before, "ann", "bob")
    before.tell("waitlist.left", customer_id="ann", sku="A")
    shop = Shop(under(BACK), store)
    shop.now, shop._events = before.now, before._events
    stock(shop, 5)
    shop.tick(seconds=1)
    assert told(shop) == ["bob"]


def test_explained(waiting: Shop, store: Store) -> None:
    """Who waits, who was promised what and until when: said of the article and of each of them."""
    join(waiting, "ann", "bob")
    join(waiting, "cid", units=4)
    stock(waiting, 2)
    waiting.tick(seconds=1)
    with store.read() as unit:
        of_stock = explain(waiting.engine.project, unit, "stock:A", waiting.now)
        of_ann = explain(waiting.engine.project, unit, "customer:ann", waiting.now)
        of_cid = explain(waiting.engine.project, unit, "customer:cid", waiting.now)
    assert [one.text for one in of_stock.demand] == [
        "customer:cid: asked for 4 units Tue 2026-03-10 12:00",
        "customer:bob: promised 1 unit until Wed 2026-03-11 12:00",
        "customer:ann: promised 1 unit until Wed 2026-03-11 12:00",
    ]
    assert of_stock.standings[-1].outlook.endswith("1 person waits, and 0 units are left to promise")
    assert [one.text for one in of_ann.demand] == ["A: promised 1 unit until Wed 2026-03-11 12:00"]
    assert [one.record["state"] for one in of_cid.demand] == ["waits"]


def _history(chance: Random) -> list[dict[str, Any]]:
    """Some days of two articles, for which people ask, leave and order, and whose stock goes up and down."""
    now, happened = NOON, []

    def tell(type_: str, **data: Any) -> None:
        happened.append({
            "specversion": "1.0", "id": str(len(happened)), "source": "/shop", "type": type_, "time": rfc3339(now),
            "data": data,
        })  # fmt: skip

    for _ in range(70):
        now += timedelta(minutes=chance.choice([0, 1, 7, 31, 60, 150, 900]))
        name, sku = f"c{chance.randint(1, 8)}", chance.choice("AAB")
        match chance.randrange(8):
            case 0 | 1 | 2:
                address = {"email": f"{name}@example.com"} if name != "c8" else {}
                tell("waitlist.joined", customer_id=name, sku=sku, quantity=chance.choice([1, 1, 2, 4]), **address)
            case 3 | 4:
                tell("stock.changed", sku=sku, available=chance.choice([0, 0, 1, 2, 5]))
            case 5:
                items = [{"sku": sku, "quantity": chance.randint(1, 2), "backordered": chance.random() < 0.5}]
                tell("order.placed", id=str(chance.randint(1, 9)), items=items, customer={"id": name})
            case 6:
                tell("waitlist.left", customer_id=name, sku=sku)
            case 7:
                tell(f"order.{chance.choice(['cancelled', 'delivered'])}", id=str(chance.randint(1, 9)))
    return happened


@pytest.mark.parametrize("seed", range(12))
def test_live_decides_as_a_backtest_does(
    under: Callable[[str], Project], store: Store, tmp_path: Path, seed: int
) -> None:
    """Whatever happens in a shop, the engine live, ticked when something is due, decides what the backtest says."""
    project = under(BACK.replace("    send:", f"    still_true_after: {10 + seed}m\n    send:") if seed % 2 else LATER)
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
        keys = [f"customer:c{number}" for number in range(1, 9)]
        live = [decision_record(match, row) for key in keys for match, rows in unit.matches_of(key) for row in rows]

    def order(one: dict[str, Any]) -> tuple[str, ...]:
        return one["at"], one["subject"], one["rule"], one["outcome"], one["occurrence"]

    expected = list(backtest.run(project, file).decisions())
    assert expected
    assert sorted(live, key=order) == sorted(expected, key=order)
