"""From bytes to events: CloudEvents 1.0 in JSON, read strictly and typed by the catalogue.

Anything that cannot be taken raises EventRefused with a reason for its sender. What the catalogue does not know is left
out of the event's parts (its body is kept whole) and counted by name in `EventReader.ignored`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from notifier.core.catalogue import RANKS, Catalogue, EventType, Field
from notifier.core.event import Event, Part, named
from notifier.core.value import Reader, read_id, reader, shown, time_reader
from notifier.errors import EventRefused, NotJson

__all__ = ["DEEPEST", "LARGEST_EVENT", "MOST_ITEMS", "EventReader", "decode", "implied"]

#: Bytes of one event.
LARGEST_EVENT = 1_000_000
#: Objects and lists inside one another.
DEEPEST = 64
MOST_ITEMS = 1_000
#: How far ahead of ours a sender's clock may be before its events are refused.
_FUTURE = timedelta(days=1)


def decode(raw: bytes) -> Any:
    """Parse JSON strictly: no NaN, no infinity, no repeated key, no bottomless nesting; a BOM and lone surrogates pass."""
    return _parsed(raw)[0]


def _parsed(raw: bytes) -> tuple[Any, bytes]:
    """The value, and how it is written with its keys in order."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "surrogate" not in str(error):
            raise _not_json(raw, error) from None
        value = _without_lone_surrogates(raw)
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and type(value) in (dict, list):
        _refuse_bottomless(value)
    body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    # Written out again it has as many quotation marks, unless a key that stood twice was lost or a mark stood in disguise.
    if raw.count(b'"') != body.count(b'"') or b"u0022" in raw:
        _refuse_repeated_keys(raw)
    return value, body


def _without_lone_surrogates(raw: bytes) -> Any:
    try:
        text = json.dumps(json.loads(raw.decode("utf-8", "surrogatepass")), ensure_ascii=False)
        return orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError) as error:
        raise _not_json(raw, error) from None


#: What the readers of JSON say, in words for whoever sent it.
_SAID_BETTER = {
    "Input is a zero-length, empty document": "there is nothing in it",
    "unexpected end of data": "it ends in the middle",
    "unexpected content after document": "more follows after its end",
    "trailing comma is not allowed": "a comma too many",
    "unexpected character, expected a JSON value": "no value of JSON begins here",
    "unexpected control character in string": "a control character inside a text",
}


def _not_json(raw: bytes, error: Exception) -> NotJson:
    if isinstance(error, UnicodeDecodeError):
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        return NotJson(f"the byte 0x{raw[error.start]:02x} is not UTF-8", before.count(b"\n") + 1, column)
    why = str(getattr(error, "msg", error))
    return NotJson(_SAID_BETTER.get(why, why), getattr(error, "lineno", 1), getattr(error, "colno", 1))


def _refuse_bottomless(value: Any, depth: int = 1) -> None:
    """What is nested without end would exhaust a stack here or further on."""
    if depth > DEEPEST:
        raise EventRefused(f"nested more than {DEEPEST} deep")
    for one in value.values() if type(value) is dict else value:
        if type(one) is dict or type(one) is list:
            _refuse_bottomless(one, depth + 1)


def _refuse_repeated_keys(raw: bytes) -> None:
    """The slow, exact look, for documents in which a quick count did not come out even."""

    def once(pairs: list[tuple[str, Any]]) -> None:
        seen = Counter(key for key, _ in pairs)
        if len(seen) < len(pairs):
            raise EventRefused(f"the key {shown(seen.most_common(1)[0][0])} stands twice in one object")

    json.loads(raw, object_pairs_hook=once)


def _opened(told: Any) -> tuple[Any, bytes]:
    if isinstance(told, bytes):
        if len(told) > LARGEST_EVENT:
            raise EventRefused(f"larger than {LARGEST_EVENT:,} bytes")
        return _parsed(told)
    return told, orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _content(envelope: Mapping[str, Any], body: bytes) -> bytes:
    """What makes two events the same: all but when they reached somebody."""
    if "receivedat" not in envelope:
        return body
    rest = {key: value for key, value in envelope.items() if key != "receivedat"}
    return orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)


def _name(told: Any, name: str) -> str:
    if told is None:
        raise EventRefused("is missing", name)
    try:
        return read_id(told)
    except ValueError as error:
        raise EventRefused(str(error), name) from None


def _data(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    data = envelope.get("data")
    if data is None and "data_base64" in envelope:
        try:
            data = decode(base64.b64decode(envelope["data_base64"], validate=True))
        except (TypeError, ValueError, binascii.Error):
            raise EventRefused("is not base64", "data_base64") from None
    if not isinstance(data, dict):
        raise EventRefused("must be a JSON object", "data")
    return data


class _Slot(NamedTuple):
    """What to do with one key of an object: read a value, or go into an object."""

    path: str
    read: Reader | None
    inner: Mapping[str, _Slot] | None


_Shape = Mapping[str, _Slot]

#: Keys of `data` that say who or what an event is about, by the family of its type.
_ABOUT_ORDER_OR_CUSTOMER = frozenset({"ticket", "case", "choice", "message", "survey"})


_NO_FACTS: Mapping[str, Any] = MappingProxyType({})
_CONSENT = frozenset({"consent.channel", "consent.purpose", "consent.state"})


def implied(path: str) -> str:
    """Where a time is kept that an event implied by its type: it gives way to one that was told."""
    return f"~{path}"


class EventReader:
    """Reads events for one project.

    `zone` is the shop's, for times without an offset; `alias` makes the key of a customer who has no id from an address.
    """

    def __init__(self, catalogue: Catalogue, zone: ZoneInfo, alias: Callable[[str], str]) -> None:
        self._catalogue = catalogue
        self._alias = alias
        self._zone = zone
        self._read_time = time_reader(zone)
        self._shapes = self._read_shapes()
        #: Keys and event types that the catalogue does not know, and how often they came: `data.gift_wrap`, `type order.x`.
        self.ignored: Counter[str] = Counter()

    def read(self, told: Any, received: datetime) -> Event:
        """One CloudEvent, as bytes or decoded, that reached us at `received`; raises EventRefused."""
        envelope, body = _opened(told)
        return self._event(envelope, body, received)

    def recall(self, told: Any) -> Event:
        """One CloudEvent of a history, which reached the shop when it says; raises EventRefused."""
        envelope, body = _opened(told)
        received = self.arrival(envelope)
        if received is None:
            raise EventRefused("is missing; a backtest has to know when it happened", "time")
        return self._event(envelope, body, received)

    def arrival(self, envelope: Any) -> datetime | None:
        """When an event of a history reached the shop: its `receivedat`, else its `time`; None where it says neither."""
        if not isinstance(envelope, dict):
            raise EventRefused("an event is a JSON object")
        for name in ("receivedat", "time"):
            told = envelope.get(name)
            if told is not None:
                return self._instant(told, name)
        return None

    def _event(self, envelope: Any, body: bytes, received: datetime) -> Event:
        if not isinstance(envelope, dict):
            raise EventRefused("an event is a JSON object")
        if envelope.get("specversion") != "1.0":
            raise EventRefused('must be "1.0"', "specversion")
        source, kind = _name(envelope.get("source"), "source"), _name(envelope.get("type"), "type")
        data = _data(envelope)
        if len(body) > LARGEST_EVENT:
            raise EventRefused(f"larger than {LARGEST_EVENT:,} bytes")
        content = blake2b(_content(envelope, body), digest_size=16).digest()
        id_ = envelope.get("id")
        name = content.hex() if id_ is None else _name(id_, "id")
        time = self._time(envelope.get("time"), received)
        type_ = self._catalogue.events.get(kind)
        if type_ is None:
            self.ignored[f"type {kind}"] += 1
        parts, facts = self._parts(type_, data, time) if type_ else ((), _NO_FACTS)
        return Event(source, name, kind, time, received, parts, facts, named(source, name), content, body)

    def _time(self, told: Any, received: datetime) -> datetime:
        if told is None:
            return received
        time = self._instant(told, "time")
        if time > received + _FUTURE:
            raise EventRefused("is more than a day ahead of this computer's clock", "time")
        return time

    def _instant(self, value: Any, where: str) -> datetime:
        try:
            moment = self._read_time(value)
        except ValueError as error:
            raise EventRefused(str(error), where) from None
        if not isinstance(moment, datetime):
            raise EventRefused("needs a time of day, like 2026-03-13T22:00:00Z", where)
        return moment

    def _parts(
        self, type_: EventType, data: Mapping[str, Any], time: datetime
    ) -> tuple[tuple[Part, ...], Mapping[str, Any]]:
        family = type_.family
        if family == "order":
            return self._order(type_, data, time), _NO_FACTS
        if family == "shipment":
            return (self._shipment(type_, data, time),), _NO_FACTS
        if family == "stock":
            return (self._stock(data),), _NO_FACTS
        if family in _ABOUT_ORDER_OR_CUSTOMER:
            facts = self._event_facts(family, data)
            return self._about_both(family, data, facts), facts
        facts = self._event_facts(family, data)
        return (self._customer_event(type_, data, facts),), facts

    def _order(self, type_: EventType, data: Mapping[str, Any], time: datetime) -> tuple[Part, ...]:
        key = f"order:{self._id(data, 'id')}"
        leaves = self._leaves("order", data)
        _imply(type_, leaves, time)
        customer = data.get("customer")
        if isinstance(customer, dict):
            person = self._customer(customer, "data.customer")
            if person is not None:
                leaves["order.customer_key"] = person.key
                return Part("order", key, leaves), person
        elif _says(data, "customer"):
            raise EventRefused("must be a JSON object", "data.customer")
        return (Part("order", key, leaves),)

    def _customer(self, data: Mapping[str, Any], where: str) -> Part | None:
        """Who somebody is, by id, else by address; None where there is neither."""
        leaves = self._leaves("customer", data, where)
        if _says(data, "id"):
            return Part("customer", f"customer:{self._id(data, 'id', where)}", leaves)
        address = (leaves.get("customer.email") or "").strip().casefold() or (
            leaves.get("customer.phone") or ""
        ).strip()
        return Part("customer", f"customer:{self._alias(address)}", leaves) if address else None

    def _shipment(self, type_: EventType, data: Mapping[str, Any], time: datetime) -> Part:
        name = "id" if _says(data, "id") else "tracking_number"
        key = f"shipment:{self._id(data, name)}"
        leaves = self._leaves("shipment", data)
        if type_.status and leaves.get("shipment.status") is None:
            leaves["shipment.status"] = type_.status
        if type_.at and leaves.get(type_.at) is None:
            # What happens once keeps the earliest that was implied; "last seen" is what the newest scan says.
            leaves[type_.at if type_.name == "shipment.scanned" else implied(type_.at)] = time
        return Part("shipment", key, leaves)

    def _stock(self, data: Mapping[str, Any]) -> Part:
        """What is available is kept by location, under `stock.available@LOCATION`."""
        sku = self._id(data, "sku")
        leaves = self._leaves("stock", data)
        if "stock.available" in leaves:
            leaves[f"stock.available@{leaves.get('stock.location') or ''}"] = leaves.pop("stock.available")
        return Part("stock", f"stock:{sku}", leaves)

    def _about_both(self, family: str, data: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Part, ...]:
        """Care events and our own: about an order, a customer or both; answers are kept with who gave them."""
        order = f"order:{self._id(data, 'order_id')}" if _says(data, "order_id") else None
        customer = f"customer:{self._id(data, 'customer_id')}" if _says(data, "customer_id") else None
        if order is None and customer is None:
            raise EventRefused("needs an order_id or a customer_id", "data")
        answered = {}
        if "survey.id" in facts and "survey.score" in facts:
            answered[f"customer.answered@{facts['survey.id']}"] = facts["survey.score"]
        parts = [Part("order", order, {})] if order else []
        parts += [Part("customer", customer, answered)] if customer else []
        return tuple(reversed(parts)) if family == "survey" else tuple(parts)

    def _customer_event(self, type_: EventType, data: Mapping[str, Any], facts: Mapping[str, Any]) -> Part:
        """`customer.updated`, the waitlist and consents; `customer_id` is understood as well as `id`."""
        who = {**data, "id": data["customer_id"]} if _says(data, "customer_id") else data
        person = self._customer(who, "data")
        if person is None:
            raise EventRefused("needs an id, an email or a phone", "data")
        leaves = dict(person.leaves)
        if type_.family == "waitlist":
            left = type_.name == "waitlist.left"
            if facts.get("waitlist.quantity", 1) <= 0:
                raise EventRefused("must be more than 0", "data.quantity")
            leaves[f"customer.waiting@{self._id(data, 'sku')}"] = None if left else facts.get("waitlist.quantity", 1)
        elif type_.family == "consent":
            if not facts.keys() >= _CONSENT:
                raise EventRefused("needs channel, purpose and state", "data")
            leaves[f"customer.consent@{facts['consent.channel']}/{facts['consent.purpose']}"] = facts["consent.state"]
        return Part("customer", person.key, leaves)

    def _event_facts(self, family: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        shape = self._shapes.get(family, {})
        facts: dict[str, Any] = {}
        for name, slot in shape.items():
            if slot.read and _says(data, name):
                facts[slot.path] = _read(slot, data[name], f"data.{name}")
        return facts

    def _id(self, data: Mapping[str, Any], name: str, where: str = "data") -> str:
        told = data.get(name)
        if told is None or told == "":
            raise EventRefused("is missing", f"{where}.{name}")
        try:
            return read_id(told)
        except ValueError as error:
            raise EventRefused(str(error), f"{where}.{name}") from None

    def _leaves(self, scope: str, data: Mapping[str, Any], where: str = "data") -> dict[str, Any]:
        leaves: dict[str, Any] = {}
        self._fill(self._shapes[scope], data, where, leaves)
        more = data.get("attributes")
        if type(more) is dict:
            self._fill(self._shapes[scope], more, f"{where}.attributes", leaves)
        return leaves

    def _fill(self, shape: _Shape, data: Mapping[str, Any], where: str, leaves: dict[str, Any]) -> None:
        for name, value in data.items():
            slot = shape.get(name)
            if slot is None:
                if name not in _KNOWN_ELSEWHERE:
                    self._ignore(f"{where}.{name}")
                continue
            path, read, inner = slot
            if read is None:
                self._object(inner or {}, value, f"{where}.{name}", leaves)
            elif value is None or value == "":
                leaves[path] = None
            else:
                try:
                    leaves[path] = read(value)
                except ValueError as error:
                    raise EventRefused(str(error), f"{where}.{name}") from None

    def _ignore(self, path: str) -> None:
        """Count a key; where keys are made up anew for each event, only so many are remembered."""
        if path in self.ignored or len(self.ignored) < _MOST_IGNORED:
            self.ignored[path[:_LONGEST_PATH]] += 1

    def _object(self, shape: _Shape, value: Any, where: str, leaves: dict[str, Any]) -> None:
        if value is None or value == "":
            leaves.update(dict.fromkeys(_paths(shape)))
        elif type(value) is dict:
            self._fill(shape, value, where, leaves)
        else:
            raise EventRefused("must be a JSON object", where)

    def _read_shapes(self) -> Mapping[str, _Shape]:
        """What data may have, by scope."""
        shapes: dict[str, dict[str, Any]] = {}
        for one in self._catalogue.fields.values():
            scope, *objects, last = one.path.split(".")
            inner = shapes.setdefault(scope, {})
            for depth, name in enumerate(objects, 2):
                path = ".".join(one.path.split(".")[:depth])
                inner = inner.setdefault(name, _Slot(path, None, {})).inner
            inner[last] = _Slot(one.path, self._reader(one), None)
        return shapes

    def _reader(self, one: Field) -> Reader:
        if one.type == "items":
            entries = {name: self._reader(entry) for name, entry in one.items.items()}
            return lambda value: _read_items(entries, value)
        if one.path.endswith((".id", ".order_id", ".sku", ".tracking_number", ".customer_id")):
            return read_id
        return reader(one.type, one.choices, self._zone)


_MOST_IGNORED, _LONGEST_PATH = 1_000, 200

#: Keys that are looked at by name, so that nobody calls them unknown.
_KNOWN_ELSEWHERE = frozenset(
    {"customer", "attributes", "customer_id", "sku", "quantity", "channel", "purpose", "state"}
)


def _says(data: Mapping[str, Any], name: str) -> bool:
    """Whether there is anything under this name. Many systems write an empty text where they know nothing."""
    value = data.get(name)
    return value is not None and value != ""


def _imply(type_: EventType, leaves: dict[str, Any], time: datetime) -> None:
    """What an order's event says by its type: a status, and a time where the payload has none."""
    if type_.status:
        told = leaves.get("order.status")
        if told is None or RANKS[told] < RANKS[type_.status]:
            leaves["order.status"] = type_.status
    if type_.at and leaves.get(type_.at) is None:
        leaves[implied(type_.at)] = time


def _read(slot: _Slot, value: Any, where: str) -> Any:
    assert slot.read is not None
    try:
        return slot.read(value)
    except ValueError as error:
        raise EventRefused(str(error), where) from None


def _read_items(entries: Mapping[str, Reader], value: Any) -> list[dict[str, Any]]:
    if type(value) is not list:
        raise ValueError("is a list of items")
    if len(value) > MOST_ITEMS:
        raise ValueError(f"has {len(value):,} items; {MOST_ITEMS:,} is the most")
    items = []
    for number, one in enumerate(value):
        if type(one) is not dict:
            raise ValueError(f"is a list of objects; entry {number} is not one")
        item = {}
        for name, told in one.items():
            read = entries.get(name)
            if read is not None and told is not None and told != "":
                try:
                    item[name] = read(told)
                except ValueError as error:
                    raise ValueError(f"entry {number}: {name} {error}") from None
        items.append(item)
    return items


def _paths(shape: _Shape) -> Iterator[str]:
    for slot in shape.values():
        if slot.inner is None:
            yield slot.path
        else:
            yield from _paths(slot.inner)
