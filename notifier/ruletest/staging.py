"""From the facts and fields of a test to the events that tell them.

A test has one order, one parcel, one article and one customer, unless it names others: whatever it says about "the order"
without an id is about the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from notifier.core.local_time import rfc3339

__all__ = ["KINDS", "Facts", "Stage", "lifted", "merged", "nested"]

#: Kind of subject -> the event that tells a fact about it and implies no other.
KINDS: Mapping[str, str] = {
    "customer": "customer.updated",
    "stock": "stock.changed",
    "order": "order.updated",
    "shipment": "shipment.eta_changed",
}
#: Kind -> what is known of it, as an event's data has it.
Facts = Mapping[str, Mapping[str, Any]]

_SOURCE = "/test"
_NAME = {"order": "id", "shipment": "id", "stock": "sku", "customer": "id"}
#: What names a person.
_WHO = ("id", "customer_id")
_SOME_ID = "1"


def lifted(facts: Facts) -> dict[str, Any]:
    """With the order's customer as a subject of its own."""
    found = dict(facts)
    person = found.get("order", {}).get("customer")
    if isinstance(person, dict):
        found["order"] = {name: value for name, value in found["order"].items() if name != "customer"}
        found["customer"] = merged(person, found.get("customer", {}))
    return found


def merged(below: Any, above: Any) -> Any:
    """Two layers of facts: objects become one, of all else the upper one stands."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {name: merged(below.get(name), value) for name, value in above.items()}


def nested(fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Fields by their full paths as facts by kind: `order.shipping_address.city` lies in the order's address."""
    facts: dict[str, dict[str, Any]] = {}
    for path, value in fields.items():
        *way, last = path.split(".")
        at = facts
        for step in way:
            at = at.setdefault(step, {})
        at[last] = value
    return facts


class Stage:
    """The subjects of one test; makes its events, in order."""

    def __init__(self, given: Facts, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """`steps` are the events to come, each with its type and data."""
        self._given = given
        self._known = dict(given)
        for type_, data in steps:
            for kind, told in lifted({type_.partition(".")[0]: data}).items():
                self._known[kind] = merged(told, self._known.get(kind, {}))
        self._number = 0

    def _id(self, kind: str) -> Any:
        return self._known.get(kind, {}).get(_NAME[kind]) or _SOME_ID

    def opening(self, at: datetime) -> list[dict[str, Any]]:
        """What is given, told at `at`; whose it is comes first."""
        return [self.event(KINDS[kind], self._given[kind], at) for kind in KINDS if kind in self._given]

    def event(self, type_: str, data: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """A CloudEvent, with the ids that the test left out."""
        self._number += 1
        return {
            "specversion": "1.0", "id": f"{self._number:04}", "source": _SOURCE, "type": type_, "time": rfc3339(at),
            "data": self._complete(type_.partition(".")[0], data),
        }  # fmt: skip

    def _complete(self, family: str, data: Mapping[str, Any]) -> dict[str, Any]:
        if family == "order":
            return {"id": self._id("order"), **self._customer(), **data, **self._named_customer(data)}
        if family == "shipment":
            own = {} if data.get("tracking_number") else {"id": self._id("shipment")}
            return {**own, "order_id": self._id("order"), **data}
        if family == "stock":
            return {"sku": self._id("stock"), **data}
        if family == "waitlist":
            data = {"sku": self._id("stock"), **data}
        if family in ("customer", "waitlist", "consent"):
            return {**data} if any(data.get(name) for name in _WHO) else {**data, "id": self._id("customer")}
        order = {"order_id": self._id("order")} if "order" in self._known else {}
        return {**order, "customer_id": self._id("customer"), **data}

    def _customer(self) -> dict[str, Any]:
        """Whose an order is, where the test knows anybody."""
        return {"customer": {"id": self._id("customer")}} if "customer" in self._known else {}

    def _named_customer(self, data: Mapping[str, Any]) -> dict[str, Any]:
        person = data.get("customer")
        if not isinstance(person, dict) or any(person.get(name) for name in _WHO):
            return {}
        return {"customer": {"id": self._id("customer"), **person}}
