"""The sample shop's two weeks as the events that its systems would have sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.local_time import instant, rfc3339
from notifier.sample.shop import GOODS, ORDERS, PEOPLE, SHELVES, News, Order

__all__ = ["CARRIER", "SHOP", "WAREHOUSE", "Calendar", "Envelope", "envelope", "events"]

#: A CloudEvent, ready to be sent as JSON.
Envelope = dict[str, Any]

#: Who tells it.
SHOP, CARRIER, WAREHOUSE = "/sample/shop", "/sample/carrier", "/sample/warehouse"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns the story's days, which count from today, into days and instants."""

    today: date
    zone: ZoneInfo

    @classmethod
    def of(cls, now: datetime, zone: ZoneInfo) -> Calendar:
        return cls(now.astimezone(zone).date(), zone)

    def day(self, offset: int) -> str:
        """`2026-11-10` for a number of days from today."""
        return (self.today + timedelta(days=offset)).isoformat()

    def at(self, when: str) -> datetime:
        """The instant of `-8 11:20`."""
        offset, clock = when.split()
        return instant(self.today + timedelta(days=int(offset)), time.fromisoformat(clock), self.zone)


def envelope(source: str, id_: str, kind: str, at: datetime, data: dict[str, Any]) -> Envelope:
    return {"specversion": "1.0", "id": id_, "source": source, "type": kind, "time": rfc3339(at), "data": data}


def events(calendar: Calendar, now: datetime) -> list[Envelope]:
    """Everything up to `now`, in order of time."""
    told = [*_consents(calendar), *_shelves(calendar)]
    told += [one for order in ORDERS for one in _life(order, calendar)]
    return sorted((one for one in told if one["time"] <= rfc3339(now)), key=lambda one: (one["time"], one["id"]))


def _consents(calendar: Calendar) -> Iterator[Envelope]:
    for who, person in PEOPLE.items():
        if not person.surveys:
            no = {"id": who, "channel": "email", "purpose": "survey", "state": "revoked"}
            yield envelope(SHOP, f"consent-{who}", "consent.changed", calendar.at("-14 07:00"), no)


def _shelves(calendar: Calendar) -> Iterator[Envelope]:
    for number, shelf in enumerate(SHELVES, 1):
        counted = {
            "sku": shelf.sku, "name": GOODS[shelf.sku].name, "location": "main",
            "available": shelf.available, "reorder_point": shelf.reorder_point,
        }  # fmt: skip
        yield envelope(WAREHOUSE, f"count-{number:03}", "stock.changed", calendar.at(shelf.at), counted)


def _life(order: Order, calendar: Calendar) -> Iterator[Envelope]:
    yield envelope(
        SHOP, f"{order.number}-placed", "order.placed", calendar.at(order.placed), _as_placed(order, calendar)
    )
    for number, news in enumerate(order.news, 1):
        source, kind, data = _as_told(order, news, calendar)
        yield envelope(source, f"{order.number}-{number}-{news.what}", kind, calendar.at(news.at), data)


def _as_placed(order: Order, calendar: Calendar) -> dict[str, Any]:
    person = PEOPLE[order.by]
    items = [
        {"sku": sku, "name": GOODS[sku].name, "quantity": order.goods.count(sku), "price": GOODS[sku].price}
        for sku in dict.fromkeys(order.goods)
    ]
    customer = {
        "id": order.by, "name": person.name, "first_name": person.first_name, "email": person.email,
        "phone": person.phone, "locale": person.locale, "timezone": person.timezone, "country": person.country,
        "preferred_channel": person.prefers,
    }  # fmt: skip
    return {
        "id": order.number,
        "currency": "EUR",
        "total": round(sum(GOODS[sku].price for sku in order.goods), 2),
        "promised_at": calendar.day(order.promised),
        "items": items,
        "customer": {name: value for name, value in customer.items() if value},
        "shipping_address": {"city": person.city, "country": person.country},
    }


def _as_told(order: Order, news: News, calendar: Calendar) -> tuple[str, str, dict[str, Any]]:
    """Who tells it, as which event, with what."""
    tracking = f"ZX{order.number}"
    parcel: dict[str, Any] = {"id": tracking, "order_id": order.number, "tracking_number": tracking}
    day = calendar.day(news.about) if isinstance(news.about, int) else ""
    match news.what:
        case "shipped":
            left = {
                "id": order.number, "carrier": order.carrier, "tracking_number": tracking,
                "tracking_url": f"https://track.example/{tracking}", "eta": day,
            }  # fmt: skip
            return SHOP, "order.shipped", left
        case "eta":
            return CARRIER, "shipment.eta_changed", {**parcel, "eta": day}
        case "waits":
            return CARRIER, "shipment.ready_for_pickup", {**parcel, "pickup_point": news.about}
        case "cancelled" | "delivered":
            return SHOP, f"order.{news.what}", {"id": order.number}
