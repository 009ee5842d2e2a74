"""Events, subjects, matches and messages to try a store with."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from hypothesis import strategies as st

from notifier.core.event import Event, Part
from notifier.core.subject import Aggregate, Armed, Memory, Run, adopt, fold
from notifier.store.record import Match, Outgoing

__all__ = ["HOUR", "NOON", "SECOND", "aggregates", "digest", "match", "order", "outgoing", "telling"]

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def digest(text: object) -> bytes:
    return blake2b(str(text).encode(), digest_size=16).digest()


def telling(id_: str, content: str = "", *, subject_key: str = "order:1043", time: datetime = NOON) -> Event:
    """An event whose content is told apart by `content`."""
    body = f'{{"id":"{id_}","note":"{content}"}}'.encode()
    part = Part(subject_key.partition(":")[0], subject_key, {})
    names = digest(f"shop#{id_}"), digest(content)
    return Event("shop", id_, "order.updated", time, time + SECOND, (part,), {}, *names, body)


def order(id_: str, *, due: datetime | None = None, **leaves: Any) -> Aggregate:
    """An order that was told `leaves` of itself, with one armed time where `due` is given."""
    told = {f"order.{name}": value for name, value in leaves.items()}
    known = fold(Aggregate(f"order:{id_}"), Part("order", f"order:{id_}", told), (NOON, "shop", "1"))
    armed = {"delivery-overdue": Armed(due, due.isoformat(), "a1b2")} if due else {}
    return known.remembering(Memory(armed=armed))


def match(name: object, **changes: Any) -> Match:
    plain = Match(digest(name), "order:1043", "delivery-overdue", "a1b2", 0, "customer:77", str(name), NOON, NOON)
    return dataclasses.replace(plain, **changes)


def outgoing(name: object, **changes: Any) -> Outgoing:
    """A pending message, due at noon."""
    plain = Outgoing(
        digest(name), "order:1043", "delivery-overdue", 0, "customer:77", "transactional", 20, "pending", NOON,
        NOON + 48 * HOUR, "delivery_late", NOON,
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


_instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_times = _instants | st.dates(date(1990, 1, 1), date(2090, 1, 1))
_words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
_numbers = st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9, allow_nan=False)
_items = st.lists(
    st.fixed_dictionaries(
        {"sku": _words, "quantity": _numbers}, optional={"promised_at": _times, "backordered": st.booleans()}
    ),
    max_size=3,
)
_order_leaves: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "order.status": st.sampled_from(["placed", "shipped", "delivered", "cancelled"]),
        "order.promised_at": _times | st.none(),
        "order.number": _words | st.none(),
        "order.total": _numbers | st.none(),
        "order.items": _items | st.none(),
        "order.customer_key": st.just("customer:77"),
        "order.tags": st.lists(_words, max_size=3),
        "order.gift": st.booleans(),
        "~order.placed_at": _instants,
    },
)
_shipment_leaves: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"shipment.status": st.sampled_from(["in_transit", "delivered", "cancelled"])},
    optional={"shipment.eta": _times, "shipment.scanned_at": _instants, "shipment.items": _items},
)
_seen = st.dictionaries(_words, _words | _numbers | _instants, max_size=2)
_counts = st.integers(0, 10_000)
_runs = st.builds(
    Run, _words, _words, _instants, _seen, _words, _counts, _instants | st.none(), _counts, st.floats(0, 1e6)
)
_memories = st.builds(
    Memory,
    armed=st.dictionaries(_words, st.builds(Armed, _instants, _words, _words, _seen), max_size=3),
    fired=st.dictionaries(_words, _instants, max_size=2),
    left=st.dictionaries(_words, st.tuples(_instants, _words), max_size=2),
    spent=st.frozensets(_words, max_size=2),
    sent=st.dictionaries(_words, _instants, max_size=2),
    runs=st.dictionaries(_words, _runs, max_size=2),
)


@st.composite
def aggregates(draw: st.DrawFn) -> Aggregate:
    """Orders as events make them: told in pieces, with shipments, and with what the engine remembers."""
    one = Aggregate("order:" + draw(_words.filter(bool)))
    for number, leaves in enumerate(draw(st.lists(_order_leaves, min_size=1, max_size=4))):
        one = fold(one, Part("order", one.key, leaves), (draw(_instants), draw(_words), str(number)))
    for number, leaves in enumerate(draw(st.lists(_shipment_leaves, max_size=3))):
        shipment = Aggregate(f"shipment:{number}")
        part = Part("shipment", shipment.key, leaves)
        one = adopt(one, fold(shipment, part, (draw(_instants), "carrier", str(number))))
    return one.remembering(draw(_memories))
