"""A history of a marketplace that never was: orders that are placed, paid, shipped and delivered, some of them late.

The same seed gives the same history, byte for byte. People have ids and reserved addresses, articles have names out of a
short list; lengths and proportions are those of a middling shop.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import orjson

__all__ = ["EVENTS_AN_ORDER", "LATE", "history", "write"]

EVENTS_AN_ORDER = 4
#: The part of the orders that arrives more than a day after its promise, and so sets the benchmark's rule off.
LATE = 0.07

_SOURCE = "/benchmark/marketplace"
_OPENING = datetime(2024, 3, 1, 6, tzinfo=UTC)
_ORDERS_A_DAY = 40
_ARTICLES = (
    "enamel mug", "linen shirt", "oak shelf", "reading lamp", "rain jacket", "travel adapter", "steel bottle",
    "desk organiser", "wool blanket", "bicycle light", "garden shears", "wooden puzzle", "yoga mat", "tea strainer",
)  # fmt: skip
_FIRST_NAMES = ("Ana", "Bruno", "Chiara", "Dana", "Emre", "Farah", "Goran", "Hana", "Ilse", "João", "Katya", "Łucja")
#: country, locale, zone, currency, a town
_MARKETS = (
    ("BR", "pt-BR", "America/Sao_Paulo", "BRL", "Belo Horizonte"),
    ("PL", "pl", "Europe/Warsaw", "PLN", "Łódź"),
    ("HU", "hu", "Europe/Budapest", "HUF", "Győr"),
    ("DE", "de", "Europe/Berlin", "EUR", "Münster"),
)


def write(path: Path, orders: int, seed: int = 1) -> int:
    """Write the history of so many orders as NDJSON, in order of time; how many events that are."""
    count = 0
    with path.open("wb") as file:
        for event in history(orders, seed):
            file.write(orjson.dumps(event) + b"\n")
            count += 1
    return count


def history(orders: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """CloudEvents in order of time; those still to come are all that is held at once."""
    chance = random.Random(seed)
    coming: list[tuple[datetime, int, dict[str, Any]]] = []
    placed = _OPENING
    for number in range(orders):
        placed += timedelta(seconds=round(chance.expovariate(_ORDERS_A_DAY / 86_400)))
        while coming and coming[0][0] <= placed:
            yield heappop(coming)[2]
        for step, (at, event) in enumerate(_life(_Order(chance, number, placed))):
            heappush(coming, (at, number * EVENTS_AN_ORDER + step, event))
    while coming:
        yield heappop(coming)[2]


@dataclass(slots=True)
class _Order:
    chance: random.Random
    number: int
    placed: datetime

    @property
    def id(self) -> str:
        return f"{self.number * 2_654_435_761 % 2**32:08x}-{self.number:08d}"


def _life(order: _Order) -> Iterator[tuple[datetime, dict[str, Any]]]:
    chance, placed = order.chance, order.placed
    promised = (placed + timedelta(days=chance.randint(10, 30))).replace(hour=3, minute=0, second=0)
    paid = placed + timedelta(minutes=chance.randint(5, 1_200))
    shipped = paid + timedelta(hours=chance.randint(8, 72))
    latest = promised - shipped - timedelta(hours=1)
    if chance.random() < LATE:
        delivered = promised + timedelta(hours=chance.randint(26, 400))
    else:
        delivered = shipped + latest * chance.uniform(0.2, 1.0)
    delivered = delivered.replace(microsecond=0)
    yield placed, _event(order, "order.placed", placed, {**_particulars(order), "promised_at": _instant(promised)})
    for kind, at in (("paid", paid), ("shipped", shipped), ("delivered", delivered)):
        yield at, _event(order, f"order.{kind}", at, {"id": order.id, f"{kind}_at": _instant(at)})


def _particulars(order: _Order) -> dict[str, Any]:
    chance = order.chance
    country, locale, zone, currency, town = chance.choice(_MARKETS)
    person = f"{order.number * 40_503 % 2**32:08x}{chance.getrandbits(96):024x}"
    prices = [round(chance.lognormvariate(3.6, 0.8), 2) for _ in range(chance.choice((1, 1, 1, 1, 2, 3)))]
    return {
        "id": order.id,
        "number": order.id[:8],
        "placed_at": _instant(order.placed),
        "currency": currency,
        "total": f"{sum(prices) + 9.9:.2f}",
        "items": [
            {
                "sku": f"{chance.getrandbits(64):016x}",
                "name": chance.choice(_ARTICLES),
                "quantity": 1,
                "price": str(price),
            }
            for price in prices
        ],
        "customer": {
            "id": person,
            "name": chance.choice(_FIRST_NAMES),
            "email": f"{person}@example.com",
            "locale": locale,
            "timezone": zone,
            "country": country,
        },
        "shipping_address": {
            "country": country,
            "city": town,
            "postal_code": f"{chance.randint(1_000, 99_999):05d}",
        },
    }


def _event(order: _Order, kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{order.id}-{kind}",
        "source": _SOURCE,
        "type": kind,
        "time": _instant(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
