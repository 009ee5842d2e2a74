"""What is known about an order, a shipment, a stock item or a customer, and how events add to it.

Folding is commutative: whatever order the events of a subject arrive in, and however often, the end state is the same.
Each leaf keeps the stamp of the event that told it, and the newest stamp wins; an order's status keeps the highest rank;
a time that an event merely implied keeps the earliest, and gives way to one that was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from notifier.core.catalogue import CLOSED, RANKS
from notifier.core.event import Part, Stamp

__all__ = [
    "SHOP", "Aggregate", "Armed", "Memory", "Run", "adopt", "fold", "found_by", "freeze", "last_told", "thaw",
]  # fmt: skip

#: The kind and the key of the shop itself, about which no event tells anything: reports are about it.
SHOP = "shop"
_EMPTY: Mapping[str, Any] = MappingProxyType({})
_STATUS = {"order": "order.status", "shipment": "shipment.status"}
#: What an order keeps of each of its shipments.
_SUMMARY = ("status", "eta", "scanned_at", "delivered_at", "carrier", "tracking_number", "tracking_url")
#: What a shipment's status says about its order.
_ORDER_STATUS = {
    "in_transit": "in_transit", "customs_held": "in_transit", "exception": "in_transit",
    "attempt_failed": "in_transit", "out_for_delivery": "out_for_delivery", "ready_for_pickup": "ready_for_pickup",
    "delivered": "in_transit",
}  # fmt: skip


class Armed(NamedTuple):
    """A time that will come."""

    due: datetime
    #: The occurrence that it stands for: the due instant, or for a follow-up the message that it follows.
    occurrence: str
    #: Hash of the rule's text when it was armed.
    rule_hash: str
    #: What the event brought with it, where one set it off.
    seen: Mapping[str, Any] = _EMPTY


class Run(NamedTuple):
    """News about an article on its way to all whom it concerns, a page or a wave at a time."""

    occurrence: str
    #: Hash of the rule's text when it was opened.
    rule_hash: str
    #: The trigger's own instant.
    at: datetime
    #: What the event brought with it.
    seen: Mapping[str, Any] = _EMPTY
    #: The last that was looked at; empty at the beginning.
    after: str = ""
    #: Of those who wait: the number of the wave, when it began, and how many it has reached.
    wave: int = 0
    began: datetime | None = None
    served: int = 0
    #: Units that would have gone to people, by a rule that only watches.
    watched: float = 0


class Memory(NamedTuple):
    """What the engine must remember about one subject, by rule id.

    `ID/follow_up` is the time of a follow-up, `ID/still` the end of a wait whether something lasts, `ID/round` the next
    page of a run.
    """

    armed: Mapping[str, Armed] = _EMPTY
    #: The latest due instant that fired or was passed over: none that is not later ever fires.
    fired: Mapping[str, datetime] = _EMPTY
    #: When a rule's message last left, and its id: what a follow-up waits from.
    left: Mapping[str, tuple[datetime, str]] = _EMPTY
    #: Rules that have fired and wait to be ready again.
    spent: frozenset[str] = frozenset()
    #: When a message last left, of the rules of which conditions ask that.
    sent: Mapping[str, datetime] = _EMPTY
    #: Of an article: news that is on its way to others.
    runs: Mapping[str, Run] = _EMPTY

    @property
    def next_due(self) -> datetime | None:
        return min([one.due for one in self.armed.values()]) if self.armed else None


_NOTHING = Memory()


class Aggregate:
    """One subject: what was told, what follows from it, and what the engine remembers. A value: nothing changes it."""

    __slots__ = ("closed", "facts", "key", "kind", "leaves", "memory", "parts", "stamps")

    def __init__(  # noqa: PLR0917 - one is made for every event; keywords would cost time
        self,
        key: str,
        leaves: Mapping[str, Any] = _EMPTY,
        stamps: Mapping[str, Stamp] = _EMPTY,
        parts: Mapping[str, Mapping[str, Any]] = _EMPTY,
        memory: Memory = _NOTHING,
        facts: Mapping[str, Any] = _EMPTY,
    ) -> None:
        self.key = key
        self.kind = kind = key.partition(":")[0]
        #: Full path -> value as told; `~PATH` a time implied by an event's type, `PATH@NAME` one of several.
        self.leaves = leaves
        self.stamps = stamps
        #: An order's shipments: key -> what the order needs to know of them. A shipment's orders that have its number.
        self.parts = parts
        self.memory = memory
        #: Full path -> what rules and templates see; nothing that is unknown.
        self.facts = facts
        #: Finished: rules leave it alone unless they say otherwise.
        self.closed = kind in _STATUS and facts.get(_STATUS[kind]) in CLOSED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aggregate) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # it holds mappings

    def __repr__(self) -> str:
        return f"<{self.key}: {len(self.leaves)} leaves, {len(self.memory.armed)} armed>"

    @property
    def id(self) -> str:
        return self.key.partition(":")[2]

    @property
    def known(self) -> bool:
        """False for a subject that no event has told anything about."""
        return bool(self.leaves or self.parts)

    @property
    def customer_key(self) -> str:
        """Who gets what is sent about it, where the subject itself knows."""
        if self.kind == "customer":
            return self.key
        return str(self.leaves.get("order.customer_key") or "")

    @property
    def summary(self) -> Mapping[str, Any]:
        """Of a shipment: what its order needs to know."""
        facts = self.facts
        return {name: facts[f"shipment.{name}"] for name in _SUMMARY if f"shipment.{name}" in facts}

    def remembering(self, memory: Memory) -> Aggregate:
        """The same with another memory."""
        return Aggregate(self.key, self.leaves, self.stamps, self.parts, memory, self.facts)

    def seeing(self, facts: Mapping[str, Any]) -> Aggregate:
        """The same with other facts."""
        return Aggregate(self.key, self.leaves, self.stamps, self.parts, self.memory, facts)


def fold(aggregate: Aggregate, part: Part, stamp: Stamp) -> Aggregate:
    """The subject once it has been told `part` by the event with this stamp."""
    if not aggregate.stamps:
        return _with_facts(aggregate, part.leaves, dict.fromkeys(part.leaves, stamp), aggregate.parts)
    leaves, stamps = dict(aggregate.leaves), dict(aggregate.stamps)
    for path, value in part.leaves.items():
        known = stamps.get(path)
        if known is None:
            leaves[path], stamps[path] = value, stamp
        elif path == "order.status":
            if RANKS.get(value, 0) > RANKS.get(leaves[path], 0):
                leaves[path] = value
        elif path[0] == "~":
            if value < leaves[path]:
                leaves[path], stamps[path] = value, stamp
        elif known < stamp:
            leaves[path], stamps[path] = value, stamp
    return _with_facts(aggregate, leaves, stamps, aggregate.parts)


def adopt(order: Aggregate, shipment: Aggregate) -> Aggregate:
    """The order once it knows how one of its shipments stands."""
    parts = {**order.parts, shipment.key: shipment.summary}
    return _with_facts(order, order.leaves, order.stamps, parts)


def found_by(shipment: Aggregate, orders: Iterable[str]) -> Aggregate:
    """The shipment once orders with these keys were told the same number."""
    parts = {**shipment.parts, **dict.fromkeys(orders, _EMPTY)}
    return Aggregate(shipment.key, shipment.leaves, shipment.stamps, parts, shipment.memory, shipment.facts)


def _with_facts(
    aggregate: Aggregate, leaves: Mapping[str, Any], stamps: Mapping[str, Stamp], parts: Mapping[str, Any]
) -> Aggregate:
    facts = _derive(aggregate.key, leaves, parts)
    return Aggregate(aggregate.key, leaves, stamps, parts, aggregate.memory, facts)


def _derive(key: str, leaves: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kind, _, id_ = key.partition(":")
    facts = {path: value for path, value in leaves.items() if value is not None}
    for path in [path for path in facts if path[0] == "~"]:
        facts.setdefault(path[1:], facts.pop(path))
    if kind == "order":
        facts["order.id"] = id_
        facts.setdefault("order.number", id_)
        if parts:
            _derive_from_shipments(facts, [parts[name] for name in sorted(parts)])
    elif kind == "shipment":
        facts["shipment.id"] = id_
        if "shipment.delivered_at" in facts:
            facts["shipment.status"] = "delivered"
    elif kind == "stock":
        _derive_stock(facts, id_)
    elif "~" not in id_:
        facts["customer.id"] = id_
    return facts


def _derive_stock(facts: dict[str, Any], sku: str) -> None:
    facts["stock.sku"] = sku
    places = [value for path, value in facts.items() if path.startswith("stock.available@")]
    if places:
        facts["stock.available"] = sum(places)


def _derive_from_shipments(facts: dict[str, Any], shipments: list[Mapping[str, Any]]) -> None:
    shipments = [one for one in shipments if one.get("status") != "cancelled"]
    under_way = [one for one in shipments if one.get("status") != "delivered"]
    said = [_ORDER_STATUS[one["status"]] for one in shipments if one.get("status") in _ORDER_STATUS]
    if shipments and not under_way:
        said.append("delivered")
        arrived = [one["delivered_at"] for one in shipments if "delivered_at" in one]
        if arrived:
            facts.setdefault("order.delivered_at", max(arrived, key=_comparable))
    said += [facts["order.status"]] if "order.status" in facts else []
    if said:
        facts["order.status"] = max(said, key=RANKS.__getitem__)
    expected = [one["eta"] for one in under_way if "eta" in one]
    if expected:
        facts["order.eta"] = max(expected, key=_comparable)
    for one in under_way or shipments:
        for name in ("carrier", "tracking_number", "tracking_url"):
            if name in one:
                facts.setdefault(f"order.{name}", one[name])


def _comparable(moment: datetime | date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.max, UTC)


def freeze(aggregate: Aggregate) -> bytes:
    """An aggregate as JSON for a store. Leaves stand together by the event that told them, times apart from the rest."""
    told: dict[Stamp, tuple[dict[str, Any], dict[str, Any]]] = {}
    last: Stamp | None = None
    values: dict[str, Any] = {}
    times: dict[str, Any] = {}
    leaves = aggregate.leaves
    for path, stamp in aggregate.stamps.items():
        if stamp is not last:
            values, times = told.setdefault(stamp, ({}, {}))
            last = stamp
        value = leaves[path]
        (times if isinstance(value, date) else values)[path] = value
    memory = aggregate.memory
    record: dict[str, Any] = {"told": [(*stamp, *leaves) for stamp, leaves in told.items()]}
    if aggregate.parts:
        record["parts"] = {key: _apart(one) for key, one in aggregate.parts.items()}
    if memory.armed:
        record["armed"] = {
            timer: (due, occurrence, rule_hash, *_apart(seen)) if seen else (due, occurrence, rule_hash)
            for timer, (due, occurrence, rule_hash, seen) in memory.armed.items()
        }
    if memory.fired:
        record["fired"] = memory.fired
    if memory.left:
        record["left"] = memory.left
    if memory.spent:
        record["spent"] = sorted(memory.spent)
    if memory.sent:
        record["sent"] = memory.sent
    if memory.runs:
        record["runs"] = {rule: (*run[:3], *_apart(run.seen), *run[4:]) for rule, run in memory.runs.items()}
    return orjson.dumps(record, option=orjson.OPT_UTC_Z)


def thaw(key: str, body: bytes) -> Aggregate:
    """The aggregate that `freeze` wrote."""
    record = orjson.loads(body)
    leaves: dict[str, Any] = {}
    stamps: dict[str, Stamp] = {}
    for moment, source, id_, values, times in record["told"]:
        stamp = (datetime.fromisoformat(moment), source, id_)
        for path, text in times.items():
            values[path] = _time(text)
        leaves.update(values)
        stamps.update(dict.fromkeys(values, stamp))
    for path in ("order.items", "shipment.items"):
        for item in leaves.get(path) or ():
            if "promised_at" in item:
                item["promised_at"] = _time(item["promised_at"])
    parts = {name: _together(*told) for name, told in record.get("parts", {}).items()}
    memory = Memory(
        {
            timer: Armed(datetime.fromisoformat(due), occurrence, rule_hash, _together(*seen) if seen else _EMPTY)
            for timer, (due, occurrence, rule_hash, *seen) in record.get("armed", {}).items()
        },
        {r: datetime.fromisoformat(due) for r, due in record.get("fired", {}).items()},
        {r: (datetime.fromisoformat(at), message) for r, (at, message) in record.get("left", {}).items()},
        frozenset(record.get("spent", ())),
        {r: datetime.fromisoformat(at) for r, at in record.get("sent", {}).items()},
        {r: _run(*told) for r, told in record["runs"].items()} if "runs" in record else _EMPTY,
    )
    return _with_facts(Aggregate(key, memory=memory), leaves, stamps, parts)


def _run(  # noqa: PLR0917 - a record
    occurrence: str,
    rule_hash: str,
    at: str,
    values: Any,
    times: Any,
    after: str,
    wave: int,
    began: str | None,
    *rest: Any,
) -> Run:
    start = datetime.fromisoformat(began) if began else None
    return Run(occurrence, rule_hash, datetime.fromisoformat(at), _together(values, times), after, wave, start, *rest)


def last_told(body: bytes) -> datetime:
    """When the newest happened of what a frozen subject was told; long ago where it was told nothing itself."""
    told = (datetime.fromisoformat(moment) for moment, *_ in orjson.loads(body)["told"])
    return max(told, default=datetime.min.replace(tzinfo=UTC))


def _apart(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Times, and the rest before them: JSON has no way to tell a time from a text."""
    return (
        {name: value for name, value in told.items() if not isinstance(value, date)},
        {name: value for name, value in told.items() if isinstance(value, date)},
    )


def _together(values: Mapping[str, Any], times: Mapping[str, str]) -> dict[str, Any]:
    return {**values, **{name: _time(text) for name, text in times.items()}}


def _time(text: str) -> datetime | date:
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
