"""What comes by the calendar, told to the engine on both stores until the report is with the provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notifier.core.message import Message
from notifier.core.rule import Book
from notifier.project import Project
from notifier.store import Store
from notifier.store.memory import MemoryStore
from notifier.store.sql import open_store

from .conftest import NOON, Shop

LATE = """
  - id: late
    about: shop
    trigger: {every: day, at: 08:00}
    list: {orders: {order.promised_at: {before: now}}, sort: -order.total, most: 2}
    send: {template: late_orders_report, to: team.support}
"""
MORNING = datetime(2026, 3, 11, 7, tzinfo=UTC)  # 08:00 in Warsaw, the day after NOON


def place(shop: Shop, number: str, promised: str = "2026-03-09", **more: object) -> None:
    shop.tell(
        "order.placed", id=number, promised_at=promised, customer={"id": f"c{number}", "name": f"Ola {number}"}, **more
    )


def reports(shop: Shop) -> list[Message]:
    return [one for one in shop.email.given if one.rule == "late"]


def test_a_report_lists_what_is_so_when_it_leaves(shop_with: Callable[[str], Shop]) -> None:
    """At eight it says which orders are late then: in order, as many as fit, and how many there are in all."""
    shop = shop_with(LATE)
    place(shop, "A1", total=10, currency="PLN")
    place(shop, "B2", total=30)
    place(shop, "C3", total=20)
    place(shop, "D4", promised="2026-03-20")
    place(shop, "E5")
    shop.tell("order.delivered", id="E5")
    shop.now = MORNING
    shop.tick()
    (report,) = reports(shop)
    assert (report.subject, report.to) == ("3 orders are late", "support@shop.example")
    assert [line[9:11] for line in report.text.splitlines() if line.startswith("- Order:")] == ["B2", "C3"]
    assert "Customer: Ola B2" in report.text
    assert "Another 1 late order would not fit into this list." in report.text
    assert "€30.00" in report.html
    assert report.html.count("<th ") == 6
    assert shop.decisions("shop") == [("late_orders_report", "send", "")]


def test_nothing_to_list(shop_with: Callable[[str], Shop]) -> None:
    """A report without a row is not sent, and says why; one that is wanted all the same is sent."""
    shop = shop_with(LATE + LATE.replace("id: late", "id: all").replace("most: 2", "when_empty: send"))
    place(shop, "A1", promised="2026-03-20")
    shop.now = MORNING
    shop.tick()
    assert sorted(shop.decisions("shop")) == [
        ("late_orders_report", "drop", "list_empty"),
        ("late_orders_report", "send", ""),
    ]
    assert [one.subject for one in shop.email.given] == ["0 orders are late"]


def test_of_what_was_missed_the_last_is_sent(shop_with: Callable[[str], Shop]) -> None:
    """After five days away there is one report, not five, and the next one comes in the morning."""
    shop = shop_with(LATE)
    place(shop, "A1")
    shop.tick(days=5, hours=1)
    assert len(reports(shop)) == 1
    with shop.store.read() as unit:
        ((match, _),) = unit.matches_of("shop")
    assert match.occurrence == "2026-03-15T08:00"
    shop.tick(hours=18)
    assert len(reports(shop)) == 1
    shop.tick(hours=3)
    assert len(reports(shop)) == 2


def test_what_was_missed_long_ago_is_not_sent(shop_with: Callable[[str], Shop]) -> None:
    """A report that would be of no use any more is dropped as stale."""
    shop = shop_with(LATE.replace("to: team.support", "to: team.support, useless_after: 2h"))
    place(shop, "A1")
    shop.tick(days=1)
    assert shop.decisions("shop") == [("late_orders_report", "drop", "stale")]


def test_a_new_report_begins_with_the_next_time(under: Callable[[str], Project], store: Store) -> None:
    """Adding one sends nothing for the mornings before; an edit of its time counts at once; taken out, it ends."""
    shop = Shop(under("""
  - id: shipped
    about: order
    trigger: {event: order.shipped}
    send: {template: order_shipped}
"""), store)  # fmt: skip
    place(shop, "A1")
    shop.tick(days=3)
    shop.engine.adopt(under(LATE))
    shop.tick()
    assert reports(shop) == []
    shop.engine.adopt(under(LATE.replace("08:00", "15:30")))
    with store.read() as unit:
        assert unit.next_due() == NOON + timedelta(days=3, hours=3, minutes=30)
    shop.tick(hours=4)
    assert len(reports(shop)) == 1
    project = under(LATE)
    shop.engine.adopt(replace(project, book=Book.of([replace(project.book.rules[0], state="draft")], "other")))
    shop.tick(days=2)
    assert len(reports(shop)) == 1
    with store.read() as unit:
        assert unit.next_due() is None


def test_one_that_waits_gives_way_to_the_next(under: Callable[[str], Project], store: Store) -> None:
    """Held over the weekend by the team's hours, two reports become one on Monday: that of Monday."""
    project = under(LATE)
    teams = dict(project.config.teams)
    hours = teams["support"].model_copy(update={"hours": "mon-fri 08:00-18:00"})
    config = project.config.model_copy(update={"teams": {**teams, "support": hours}})
    shop = Shop(replace(project, config=config), store)
    place(shop, "A1")
    for _ in range(7):
        shop.tick(days=1)
        shop.tick()
    days = [f"{one.written_at:%a}" for one in reports(shop)]
    assert days == ["Wed", "Thu", "Fri", "Mon", "Tue"]
    assert [reason for _, outcome, reason in shop.decisions("shop") if outcome == "drop"] == [
        "superseded",
        "superseded",
    ]


def test_a_report_is_sent_once(shop_with: Callable[[str], Shop]) -> None:
    """Whatever the clock does, one local time comes to one report."""
    shop = shop_with(LATE)
    place(shop, "A1")
    shop.tick(days=1)
    shop.now -= timedelta(days=1)
    shop.engine._armed = False
    with shop.store.begin() as unit:
        unit.set_note("rulebook", "")
    shop.tick(days=1)
    assert len(reports(shop)) == 1


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_big_store(under: Callable[[str], Project], kind: str, tmp_path: object) -> None:
    """More than one page of orders is counted whole, and the list holds the highest of all."""
    store = MemoryStore() if kind == "memory" else open_store("sqlite:///big.db", tmp_path, create=True)  # type: ignore[arg-type]
    shop = Shop(under(LATE), store)
    for number in range(1200):
        shop._events += 1
        shop.engine.ingest([{
            "specversion": "1.0", "id": f"e{number}", "source": "/shop", "type": "order.placed", "time": shop.now.isoformat(),
            "data": {"id": f"{number:04}", "total": (number * 7) % 1201, "promised_at": "2026-03-09", "customer": {"id": "c"}},
        }])  # fmt: skip
    shop.now = MORNING
    shop.tick()
    (report,) = reports(shop)
    assert report.subject == "1,200 orders are late"
    assert "1,198" in report.text
    assert [line.split(" · ")[-1] for line in report.text.splitlines() if line.startswith("- Order:")] == [
        "Total: €1,200.00", "Total: €1,199.00",
    ]  # fmt: skip
    store.close()
