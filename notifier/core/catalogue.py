"""What can happen in a shop and what can be known about it: the event types and the typed fields.

Rules, templates, `check`, the documentation and the reader of events all take their names and types from here. A project
adds its own with `declare`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

__all__ = ["CLOSED", "RANKS", "Catalogue", "EventType", "Field", "standard"]

#: The order of an order's life; `order.status` is the highest that was ever seen.
RANKS: Mapping[str, int] = MappingProxyType({
    "placed": 10, "paid": 20, "packed": 25, "shipped": 30, "in_transit": 40, "out_for_delivery": 45,
    "ready_for_pickup": 47, "delivered": 50, "returned": 60, "refunded": 70, "cancelled": 80,
})  # fmt: skip
#: An order or shipment with one of these is finished: rules leave it alone unless they say otherwise.
CLOSED = frozenset({"delivered", "cancelled", "returned", "refunded"})

_SHIPMENT_STATUS = (
    "created", "in_transit", "customs_held", "exception", "attempt_failed", "out_for_delivery", "ready_for_pickup",
    "delivered", "cancelled", "returned",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be known."""

    #: `order.shipping_address.city`
    path: str
    #: One of `value.TYPES`.
    type: str
    doc: str
    choices: tuple[str, ...] = ()
    #: What it is where nobody said; only a project's own fields have one.
    default: Any = None
    #: The fields of one entry, by name, where `type` is `items`.
    items: Mapping[str, Field] = field(default_factory=dict)
    #: True where it is worked out or comes with an event and cannot be sent under its name.
    derived: bool = False
    #: A promise: a plain date stands for the end of that day, not its start.
    ends_day: bool = False

    @property
    def scope(self) -> str:
        """`order` of `order.eta`."""
        return self.path.partition(".")[0]


@dataclass(frozen=True)
class EventType:
    """One kind of event."""

    name: str
    doc: str
    #: What the event says by its mere type: an order's or shipment's status.
    status: str = ""
    #: The field that gets the event's time where the payload has none.
    at: str = ""

    @cached_property
    def family(self) -> str:
        """`order` of `order.placed`."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The names that exist in this project."""

    events: Mapping[str, EventType]
    fields: Mapping[str, Field]

    def declare(self, events: Iterable[EventType] = (), fields: Iterable[Field] = ()) -> Catalogue:
        """This catalogue with a project's own events and fields; raises ValueError on a name that is taken."""
        more_events = {one.name: one for one in events}
        more_fields = {one.path: one for one in fields}
        for taken in (self.events.keys() & more_events.keys()) | (self.fields.keys() & more_fields.keys()):
            raise ValueError(f"'{taken}' is in the catalogue already")
        return replace(self, events={**self.events, **more_events}, fields={**self.fields, **more_fields})

    def scopes(self, about: str, event_types: Iterable[str] = ()) -> tuple[str, ...]:
        """The scopes whose fields a rule about `about` can name, given the events that trigger it."""
        told = {one.scope for one in self.fields.values() if one.derived}
        families = told & {name.partition(".")[0] for name in event_types}
        return tuple(dict.fromkeys([*_REACH.get(about, (about,)), *sorted(families)]))


#: Whose facts are at hand where something is about …
_REACH = {
    "order": ("order", "customer"),
    "shipment": ("shipment", "order", "customer"),
    "stock": ("stock",),
    "customer": ("customer",),
    "shop": (),
}


def _fields(scope: str, rows: Iterable[tuple[str, str, str]], **options: Any) -> list[Field]:
    return [Field(f"{scope}.{name}", kind, doc, **options) for name, kind, doc in rows]


_ITEM = {
    one.path: one
    for one in (
        Field("sku", "text", "the shop's article number"),
        Field("name", "text", "what the customer knows it by"),
        Field("quantity", "number", "how many were ordered"),
        Field("shipped_quantity", "number", "how many have left so far"),
        Field("price", "money", "of one, in the order's currency"),
        Field("backordered", "bool", "true while it is not in stock"),
        Field("promised_at", "time", "when this item was promised", ends_day=True),
    )
}

_ADDRESS = (
    ("name", "text", "who receives it"),
    ("street", "text", "street and number"),
    ("city", "text", "town"),
    ("region", "text", "state, county or province"),
    ("postal_code", "text", "as text: 01234 keeps its zero"),
    ("country", "country", "ISO 3166, two letters"),
    ("phone", "text", "for the carrier; never written to"),
)

_PROMISES = {"order.promised_at", "order.eta", "shipment.eta", "shipment.pickup_until"}


def _standard_fields() -> list[Field]:
    rows = [*_order_fields(), *_shipment_fields(), *_stock_fields(), *_customer_fields()]
    rows = [replace(one, ends_day=True) if one.path in _PROMISES else one for one in rows]
    return rows + _event_fields()


def _order_fields() -> list[Field]:
    return [
        Field("order.status", "choice", "the furthest the order has come", tuple(RANKS)),
        Field("order.payment_status", "choice", "how the payment stands",
              ("pending", "authorized", "paid", "failed", "refunded", "partially_refunded")),
        Field("order.return_status", "choice", "how a return stands",
              ("requested", "approved", "in_transit", "received", "rejected", "closed")),
        Field("order.items", "items", "the lines of the order", items=_ITEM),
        *_fields("order", (
            ("id", "text", "the shop's own id"),
            ("number", "text", "what the customer knows it by; the id where the shop sends none"),
            ("currency", "currency", "ISO 4217, three letters"),
            ("total", "money", "what the customer pays"),
            ("placed_at", "time", "when it was ordered"),
            ("paid_at", "time", "when it was paid"),
            ("promised_at", "time", "when it was promised to arrive; worked out from `promises` where the shop sends none"),
            ("shipped_at", "time", "when it left"),
            ("delivered_at", "time", "when it arrived"),
            ("cancelled_at", "time", "when it was cancelled"),
            ("returned_at", "time", "when it came back"),
            ("refunded_at", "time", "when the money went back"),
            ("eta", "time", "when the carrier expects to deliver: the latest of the parcels that are under way"),
            ("carrier", "text", "who carries it"),
            ("service", "text", "the carrier's product"),
            ("tracking_number", "text", "the parcel's number"),
            ("tracking_url", "text", "where the customer can follow it"),
        )),
        *_fields("order.shipping_address", _ADDRESS),
    ]  # fmt: skip


def _shipment_fields() -> list[Field]:
    return [
        Field("shipment.status", "choice", "the last that was heard of the parcel", _SHIPMENT_STATUS),
        Field("shipment.items", "items", "what is in the parcel", items=_ITEM),
        *_fields("shipment", (
            ("id", "text", "the shop's or carrier's id; the tracking number where there is none"),
            ("order_id", "text", "whose parcel it is"),
            ("carrier", "text", "who carries it"),
            ("tracking_number", "text", "the parcel's number"),
            ("tracking_url", "text", "where the customer can follow it"),
            ("created_at", "time", "when the parcel was announced"),
            ("eta", "time", "when the carrier expects to deliver"),
            ("scanned_at", "time", "when it was last seen"),
            ("delivered_at", "time", "when it arrived"),
            ("location", "text", "where it was last seen"),
            ("exception", "text", "the carrier's code for what went wrong"),
            ("pickup_point", "text", "where it waits"),
            ("pickup_until", "time", "the last day to fetch it"),
            ("attempts", "number", "failed deliveries so far"),
        )),
    ]  # fmt: skip


def _stock_fields() -> list[Field]:
    return [
        *_fields("stock", (
            ("sku", "text", "the article"),
            ("location", "text", "the store or warehouse that the last event spoke of"),
            ("name", "text", "what customers know it by"),
            ("reorder_point", "number", "at or under this it should be ordered"),
            ("restock_at", "time", "when more is expected"),
        )),
        Field("stock.available", "number", "units that can be sold, all locations together"),
    ]  # fmt: skip


def _customer_fields() -> list[Field]:
    return [
        *_fields("customer", (
            ("id", "text", "the shop's own id"),
            ("name", "text", "the whole name"),
            ("first_name", "text", "how to address them, where they said so"),
            ("email", "text", "one address"),
            ("phone", "text", "best in international form, +48…"),
            ("locale", "locale", "the language to write in, `pl` or `pt-BR`"),
            ("timezone", "timezone", "like Europe/Warsaw"),
            ("country", "country", "ISO 3166, two letters"),
            ("tags", "list", "the shop's own marks"),
        )),
        Field("customer.preferred_channel", "choice", "how they would rather be told", ("email", "sms")),
    ]  # fmt: skip


def _event_fields() -> list[Field]:
    """What comes with an event and is not kept: known only to the rules that the event triggers."""
    care = (
        ("order_id", "text", "the order it is about"),
        ("customer_id", "text", "who it is about"),
        ("reason", "text", "in the shop's words"),
        ("channel", "text", "by which way it came"),
        ("choice", "text", "what was chosen"),
    )
    ours = (
        ("message", "text", "the message's id"),
        ("rule", "text", "the rule that sent it"),
        ("channel", "text", "email or sms"),
        ("provider", "text", "who carried it"),
        ("reason", "text", "why not, where it failed"),
        ("order_id", "text", "the order it was about"),
        ("customer_id", "text", "whom it went to"),
    )
    rows = [one for family in ("ticket", "case", "choice") for one in _fields(family, care, derived=True)]
    rows += _fields("message", ours, derived=True)
    rows += _fields("survey", (
        ("id", "text", "the survey as sent to this person: the message's id"),
        ("name", "text", "which survey"),
        ("question", "text", "as it was asked, in the person's language"),
        ("score", "number", "the answer"),
        ("comment", "text", "what they wrote beside it"),
        ("order_id", "text", "the order it was about"),
        ("customer_id", "text", "who answered"),
        ("rule", "text", "the rule that asked"),
    ), derived=True)  # fmt: skip
    rows += _fields("brake", (
        ("rule", "text", "the rule that is held; known to the text `rule_braked` alone, as all of these"),
        ("waiting", "number", "how many of its messages wait so far"),
        ("most", "number", "how many it may send in that time"),
        ("within", "text", "the time, as it is written: 1h"),
    ), derived=True)  # fmt: skip
    rows += _fields("waitlist", (
        ("sku", "text", "the article waited for"),
        ("quantity", "number", "how many are wanted"),
    ), derived=True)  # fmt: skip
    rows += [
        Field("consent.channel", "choice", "which way of writing", ("email", "sms"), derived=True),
        Field("consent.purpose", "choice", "what for", ("survey", "marketing"), derived=True),
        Field("consent.state", "choice", "yes or no", ("granted", "revoked"), derived=True),
    ]
    return rows


def _standard_events() -> list[EventType]:
    return [
        EventType("order.placed", "an order came in", "placed", "order.placed_at"),
        EventType("order.updated", "something about an order changed"),
        EventType("order.paid", "the money is there", "paid", "order.paid_at"),
        EventType("order.payment_failed", "a payment was refused"),
        EventType("order.shipped", "it left", "shipped", "order.shipped_at"),
        EventType("order.delivered", "it arrived", "delivered", "order.delivered_at"),
        EventType("order.cancelled", "it was called off", "cancelled", "order.cancelled_at"),
        EventType("order.returned", "it came back", "returned", "order.returned_at"),
        EventType("order.refunded", "the money went back", "refunded", "order.refunded_at"),
        EventType("shipment.created", "a parcel was announced", "created", "shipment.created_at"),
        EventType("shipment.scanned", "a parcel was seen", "in_transit", "shipment.scanned_at"),
        EventType("shipment.eta_changed", "the carrier expects another day"),
        EventType("shipment.exception", "something went wrong with a parcel", "exception"),
        EventType("shipment.attempt_failed", "nobody was in", "attempt_failed"),
        EventType("shipment.ready_for_pickup", "a parcel waits to be fetched", "ready_for_pickup"),
        EventType("shipment.customs_held", "customs has it", "customs_held"),
        EventType("shipment.delivered", "a parcel arrived", "delivered", "shipment.delivered_at"),
        EventType("stock.changed", "the units at hand changed"),
        EventType("stock.restock_expected", "when more comes became known, or changed"),
        EventType("customer.updated", "something about a person changed"),
        EventType("waitlist.joined", "somebody wants to be told when it is back"),
        EventType("waitlist.left", "somebody no longer waits"),
        EventType("consent.changed", "somebody agreed to be written to, or no longer does"),
        EventType("ticket.opened", "somebody asked for help"),
        EventType("ticket.solved", "somebody was helped"),
        EventType("case.opened", "staff took something up"),
        EventType("case.closed", "staff finished something"),
        EventType("choice.made", "somebody chose among what was offered"),
        EventType("message.accepted", "a provider took a message"),
        EventType("message.delivered", "a message arrived"),
        EventType("message.failed", "a message could not be sent"),
        EventType("message.bounced", "a message came back"),
        EventType("message.suppressed", "an address must not be written to any more"),
        EventType("survey.sent", "somebody was asked"),
        EventType("survey.answered", "somebody answered"),
    ]


def standard() -> Catalogue:
    """The catalogue that every project starts from."""
    return Catalogue(
        events={one.name: one for one in _standard_events()},
        fields={one.path: one for one in _standard_fields()},
    )
