"""A believable order, parcel, article and customer, for looking at texts: `notifier preview`, and the checks of SMS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from notifier.config import Config
from notifier.core.catalogue import Catalogue, Field

__all__ = ["NOW", "sample_context", "several"]

#: When samples are written: a Tuesday morning, so that what is looked at does not change from day to day.
NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)


class _Person(NamedTuple):
    first_name: str
    family_name: str
    street: str
    city: str
    postal_code: str
    country: str
    timezone: str
    articles: tuple[str, str]
    comment: str


_PEOPLE = {
    "en": _Person("Dana", "Miller", "12 Harbour Street", "Dublin", "D02 X285", "IE", "Europe/Dublin",
                  ("Walking boots, brown, 42", "Wool socks"), "The parcel was wet and nobody rang."),
    "de": _Person("Jörg", "Schäfer", "Lindenstraße 7", "Leipzig", "04109", "DE", "Europe/Berlin",
                  ("Wanderschuhe, braun, 42", "Wollsocken"), "Das Paket war nass und niemand hat geklingelt."),
    "hu": _Person("Zsófia", "Kovács", "Tölgyfa utca 7.", "Budapest", "1027", "HU", "Europe/Budapest",
                  ("Túrabakancs, barna, 42", "Gyapjúzokni"), "A csomag átázott, és senki sem csengetett."),
    "pl": _Person("Małgorzata", "Wójcik", "ul. Lipowa 7", "Łódź", "90-001", "PL", "Europe/Warsaw",
                  ("Buty trekkingowe, brązowe, 42", "Wełniane skarpety"), "Paczka była mokra i nikt nie zadzwonił."),
    "ru": _Person("Наталья", "Щербакова", "ул. Садовая, 7", "Казань", "420111", "RU", "Europe/Moscow",
                  ("Ботинки походные, коричневые, 42", "Шерстяные носки"), "Посылка промокла, и никто не позвонил."),
    "ms": _Person("Aisyah", "Rahman", "7 Jalan Melati", "Ipoh", "30000", "MY", "Asia/Kuala_Lumpur",
                  ("But mendaki, coklat, 42", "Stoking bulu"), "Bungkusan basah dan tiada siapa menekan loceng."),
    "fa": _Person("نرگس", "حسینی", "خیابان بهار، پلاک ۷", "شیراز", "7134567890", "IR", "Asia/Tehran",
                  ("کفش کوهنوردی قهوه‌ای، سایز ۴۲", "جوراب پشمی"), "بسته خیس بود و کسی زنگ نزد."),
}  # fmt: skip


def sample_context(
    name: str, config: Config, catalogue: Catalogue, code: str = "en", now: datetime = NOW
) -> dict[str, dict[str, Any]]:
    """Facts for the template `name`, by scope and full path, as `Texts.scope` takes them.

    People and articles are of the language `code`; a project's own fields have their default, or something of their type.
    """
    person = _PEOPLE.get(code.partition("-")[0], _PEOPLE["en"])
    base = config.web.public_base_url
    sections: dict[str, Mapping[str, Any]] = {
        "order": _order(person, config, now),
        "customer": _customer(person, code),
        "shipment": _shipment(person, now),
        "stock": {"sku": "BOOT-42", "location": "main", "name": person.articles[0], "available": 3, "reorder_point": 5,
                  "restock_at": (now + timedelta(days=6)).date()},
        "survey": {"id": "0" * 32, "name": name, "question": "How satisfied are you with the delivery?", "score": 2, "comment": person.comment, "order_id": "1043",
                   "customer_id": "c-77", "rule": "ask-after-delivery"},
        "brake": {"rule": "delivery-overdue", "waiting": 212, "most": 1000, "within": "1h"},
        "change": {"field": "order.eta", "before": now + timedelta(days=1), "after": now + timedelta(days=3)},
        "event": {"type": "order.updated", "time": now},
    }  # fmt: skip
    facts = {scope: {f"{scope}.{key}": value for key, value in part.items()} for scope, part in sections.items()}
    facts["links"] = {page: f"{base}/{short}/{_SIGNED}" for page, short in _PAGES.items()}
    for one in catalogue.fields.values():
        facts.setdefault(one.scope, {}).setdefault(one.path, _made_up(one, now))
    facts["list"] = _listed(facts, person, now)
    return facts


def _listed(facts: Mapping[str, Any], person: _Person, now: datetime) -> dict[str, Any]:
    """What a report lists: the same three times, but for what rows are told apart by."""
    others = [one for one in (_PEOPLE["de"], _PEOPLE["pl"], _PEOPLE["en"]) if one is not person]
    rows = [
        {
            "order": {
                **facts["order"], "order.id": number, "order.number": number, "order.total": total,
                "order.promised_at": (now - timedelta(days=days)).date(), "order.returned_at": now - timedelta(days=9 + days),
            },
            "customer": {**facts["customer"], "customer.name": f"{one.first_name} {one.family_name}"},
            "shipment": {**facts["shipment"], "shipment.id": f"ZX81-20445{days}"},
            "stock": {**facts["stock"], "stock.sku": sku, "stock.name": name, "stock.available": days - 1},
        }
        for number, total, days, one, sku, name in (
            ("1043", 139.8, 4, person, "BOOT-42", person.articles[0]),
            ("1051", 89.0, 2, others[0], "SOCK-L", person.articles[1]),
            ("1060-B", 1249.5, 1, others[1], "TENT-2", person.articles[0]),
        )
    ]  # fmt: skip
    return {"list.rows": rows, "list.count": len(rows), "list.left_out": 0}


def several(facts: Mapping[str, Mapping[str, Any]], count: int, code: str = "en") -> list[dict[str, dict[str, Any]]]:
    """The same facts so many times, each about another order, parcel and article: what is collected into one message."""
    articles = _PEOPLE.get(code.partition("-")[0], _PEOPLE["en"]).articles
    found = []
    for number in range(count):
        one = {scope: dict(values) for scope, values in facts.items()}
        for scope, name in (("order", "id"), ("order", "number"), ("shipment", "id")):
            path = f"{scope}.{name}"
            if number and path in one.get(scope, {}):
                one[scope][path] = f"{one[scope][path][:-1]}{(int(one[scope][path][-1:] or 0) + number) % 10}"
        if number and "stock" in one:
            one["stock"] |= {
                "stock.sku": f"SOCK-{number}", "stock.name": articles[1], "stock.available": 3 + number,
            }  # fmt: skip
        found.append(one)
    return found


#: As long as those that are signed: an SMS pays for its length. It opens nothing.
_SIGNED = "2s.Kq7vXw3TnB9rLz5cYd1hPmJf8sG"
#: What fields of this name hold, whatever they are about.
_NAMED = {"order_id": "1043", "customer_id": "c-77", "sku": "BOOT-42", "channel": "email", "rule": "delivery-overdue"}
_PAGES = {"survey": "s", "unsubscribe": "u", "preferences": "u"}


def _order(person: _Person, config: Config, now: datetime) -> dict[str, Any]:
    boots, socks = person.articles
    address = {
        "name": f"{person.first_name} {person.family_name}", "street": person.street, "city": person.city,
        "postal_code": person.postal_code, "region": person.city, "country": person.country, "phone": "+1 555 0142",
    }  # fmt: skip
    return {
        "id": "1043", "number": "1043", "status": "in_transit", "payment_status": "paid",
        "currency": config.shop.currency, "total": 139.8, "placed_at": now - timedelta(days=4),
        "paid_at": now - timedelta(days=4), "promised_at": (now + timedelta(days=1)).date(),
        "shipped_at": now - timedelta(days=2), "delivered_at": now - timedelta(hours=20),
        "eta": now + timedelta(days=3), "carrier": "GLS", "tracking_number": "ZX81-204455",
        "tracking_url": "https://track.example/ZX81-204455", "service": "Standard",
        "items": [
            {"sku": "BOOT-42", "name": boots, "quantity": 1, "price": 119.9, "backordered": False},
            {"sku": "SOCK-L", "name": socks, "quantity": 2, "price": 9.95, "backordered": True},
        ],
        **{f"shipping_address.{key}": value for key, value in address.items()},
    }  # fmt: skip


def _customer(person: _Person, code: str) -> dict[str, Any]:
    return {
        "id": "c-77", "name": f"{person.first_name} {person.family_name}", "first_name": person.first_name,
        "email": "dana@example.com", "phone": "+12025550142", "locale": code, "timezone": person.timezone,
        "country": person.country, "preferred_channel": "email", "tags": ["regular"],
    }  # fmt: skip


def _shipment(person: _Person, now: datetime) -> dict[str, Any]:
    return {
        "id": "ZX81-204455", "order_id": "1043", "carrier": "GLS", "tracking_number": "ZX81-204455",
        "tracking_url": "https://track.example/ZX81-204455", "status": "in_transit",
        "created_at": now - timedelta(days=2), "eta": now + timedelta(days=3), "scanned_at": now - timedelta(hours=16),
        "location": person.city, "attempts": 1, "pickup_point": f"GLS, {person.street}", "exception": "address_unclear",
    }  # fmt: skip


def _made_up(one: Field, now: datetime) -> Any:
    """Something of the field's type, where the field is a project's own."""
    if one.default is not None:
        return one.default
    if one.choices:
        return one.choices[0]
    name = one.path.rpartition(".")[2]
    if name in _NAMED:
        return _NAMED[name]
    words = name.replace("_", " ").capitalize()
    return {"number": 2, "money": 19.9, "bool": True, "time": now + timedelta(days=2), "country": "PL", "currency": "EUR",
            "locale": "en", "timezone": "Europe/Warsaw", "list": [], "items": []}.get(one.type, words)  # fmt: skip
