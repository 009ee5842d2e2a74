from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.event import Event
from notifier.core.subject import freeze, thaw
from notifier.ingest import absorb
from notifier.project import load
from notifier.store.memory import MemoryStore

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = date(2026, 3, 13)

RULES = """
version: 1
rules:
  - {id: overdue, about: order, trigger: {moment: order.promised_at + 1d, at: 09:00}, send: {template: note}}
  - {id: slipped, about: order, trigger: {change: order.eta, later_by: 1d}, send: {template: note}}
  - {id: seen, about: shipment, trigger: {event: shipment.scanned}, send: {template: note}}
  - {id: low, about: stock, trigger: {change: stock.available, falls_below: 3}, send: {template: note, to: team.desk}}
  - {id: hello, about: customer, trigger: {event: [customer.updated, order.placed]}, send: {template: note}}
"""
CONFIG = """
shop: {timezone: Europe/Warsaw}
teams: {desk: {email: desk@example.com}}
promises: [{to: [DE], transit: 2 business days}]
fields: {order.channel: {type: choice, choices: [web, phone], default: web}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A small project of its own, with rules about everything."""
    root = tmp_path_factory.mktemp("shop")
    files = {
        "rules/shop.yaml": RULES,
        "config/notifier.yaml": CONFIG,
        "templates/note/message.yaml": "category: transactional\n",
        "templates/note/en.md": "---\nsubject: News\n---\nThere is news.\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load(root)


class Past:
    """Events as they arrived, and what is known after them."""

    def __init__(self, shop):
        self.shop = shop
        self.store = MemoryStore()

    @cached_property
    def reader(self):
        return self.shop.reader()

    def read(self, *envelopes):
        return [self.reader.read(one, NOON + 99 * HOUR) for one in envelopes]

    def tell(self, *events, at_once=False):
        """Take in envelopes, or events that were read; one after the other, or in one transaction."""
        read = list(events) if isinstance(events[0], Event) else self.read(*events)
        for batch in [read] if at_once else [[one] for one in read]:
            with self.store.begin() as unit:
                absorb(self.shop, unit, batch, NOON + 99 * HOUR)
        return self

    def subjects(self):
        with self.store.read() as unit:
            keys = sorted(unit._open)
            return unit.load(keys)

    def facts(self, key=None):
        """What rules and texts see, of one or of all."""
        known = {one.key: dict(one.facts) for one in self.subjects().values() if one.known}
        return known if key is None else known.get(key, {})


@pytest.fixture
def past(shop):
    return Past(shop)


def event(kind, data, *, at=0, id_=None):
    """An event `at` hours after noon; its id is its content unless it is given."""
    time = (NOON + at * HOUR).isoformat()
    envelope = {"specversion": "1.0", "source": "/shop", "type": kind, "time": time, "data": data}
    return {**envelope, "id": id_} if id_ else envelope


# --- whatever the order ----------------------------------------------------------------------------------------------

_clock = st.integers(0, 4)
_times = st.sampled_from(["2026-03-10T08:00:00Z", "2026-03-13", "2026-03-13T20:00:00+01:00", "2026-03-16", None])
_status = st.sampled_from(["placed", "paid", "shipped", "in_transit", "delivered", "cancelled", None])
_numbers = st.sampled_from(["T1", "T2", None])
_items = st.none() | st.lists(
    st.fixed_dictionaries(
        {"sku": st.sampled_from("AB")}, optional={"promised_at": _times, "backordered": st.booleans() | st.none()}
    ),
    max_size=2,
)
_customers = st.none() | st.fixed_dictionaries(
    {}, optional={"id": st.sampled_from(["7", "8"]), "email": st.sampled_from(["d@example.com", "D@Example.com ", ""]),
                  "locale": st.sampled_from(["pl", None]), "country": st.just("PL")},
)  # fmt: skip
_order_data = st.fixed_dictionaries(
    {"id": st.sampled_from(["1", "2"])},
    optional={
        "status": _status, "promised_at": _times, "eta": _times, "delivered_at": _times, "shipped_at": _times,
        "total": st.sampled_from([5, "7.50", None]), "tracking_number": _numbers, "items": _items,
        "carrier": st.sampled_from(["DHL", None]), "customer": _customers, "channel": st.sampled_from(["phone", None]),
        "shipping_address": st.none() | st.fixed_dictionaries({}, optional={
            "city": st.sampled_from(["Gdynia", None]), "country": st.sampled_from(["PL", "DE", None]),
        }),
    },
)  # fmt: skip
#: A parcel belongs to one order by id, and says so or not; or it is known by its number alone.
_shipment_data = st.fixed_dictionaries(
    {"id": st.just("s1")}, optional={"order_id": st.just("1"), "tracking_number": _numbers}
) | st.fixed_dictionaries({"id": st.sampled_from(["s2", "s3"])}, optional={"tracking_number": _numbers}) | (
    st.sampled_from(["T1", "T2"]).map(lambda number: {"tracking_number": number})
)  # fmt: skip
_shipment_news = st.fixed_dictionaries({}, optional={
    "status": st.sampled_from(["created", "in_transit", "out_for_delivery", "delivered", "cancelled", None]),
    "eta": _times, "scanned_at": _times, "delivered_at": _times, "carrier": st.sampled_from(["GLS", None]),
})  # fmt: skip

_events = st.one_of(
    st.builds(
        event,
        st.sampled_from(["order.placed", "order.updated", "order.paid", "order.shipped", "order.delivered",
                         "order.cancelled"]),
        _order_data, at=_clock,
    ),
    st.builds(
        lambda kind, data, more, at: event(kind, {**data, **more}, at=at),
        st.sampled_from(["shipment.created", "shipment.scanned", "shipment.eta_changed", "shipment.exception",
                         "shipment.ready_for_pickup", "shipment.delivered"]),
        _shipment_data, _shipment_news, _clock,
    ),
    st.builds(
        event, st.just("stock.changed"),
        st.fixed_dictionaries({"sku": st.just("A"), "available": st.sampled_from([0, 2, "5", None])}, optional={
            "location": st.sampled_from(["north", None]), "reorder_point": st.sampled_from([3, None]),
        }),
        at=_clock,
    ),
    st.builds(
        event, st.sampled_from(["customer.updated", "waitlist.joined", "waitlist.left"]),
        st.fixed_dictionaries({"id": st.sampled_from(["7", "8"]), "sku": st.just("A")}, optional={
            "email": st.sampled_from(["d@example.com", None]), "tags": st.sampled_from([["vip"], [], None]),
            "quantity": st.sampled_from([1, 2]),
        }),
        at=_clock,
    ),
)  # fmt: skip
_histories = st.lists(_events, min_size=2, max_size=5, unique_by=repr)


@settings(max_examples=15)
@given(_histories)
def test_every_order_of_arrival_gives_one_end(shop, history):
    """Of up to five events every permutation, one by one or at once, ends in the same facts about everybody."""
    history = Past(shop).read(*history)
    first = Past(shop).tell(*history).facts()
    for arrived in itertools.permutations(history):
        assert Past(shop).tell(*arrived).facts() == first
    assert Past(shop).tell(*history[::-1], at_once=True).facts() == first


@settings(max_examples=40)
@given(st.lists(_events, min_size=10, max_size=20, unique_by=repr), st.integers(0, 2**32))
def test_of_a_thousand_histories_none_ends_otherwise(shop, events, seed):
    """Forty times 25 histories, each in one other order: many rather than exhausted, so that what is rare is met as well."""
    dice, told = random.Random(seed), Past(shop).read(*events)
    for _ in range(25):
        history = dice.sample(told, dice.randint(2, 5))
        arrived = dice.sample(history, len(history))
        assert Past(shop).tell(*arrived).facts() == Past(shop).tell(*history).facts()


_meetings = st.lists(
    st.builds(
        lambda data, number, at: event("order.updated", {**data, **number}, at=at),
        st.fixed_dictionaries({"id": st.sampled_from("12")}),
        st.fixed_dictionaries({"tracking_number": _numbers}),
        _clock,
    )
    | st.builds(
        lambda kind, data, more, at: event(kind, {**data, **more}, at=at),
        st.sampled_from(["shipment.scanned", "shipment.delivered"]),
        st.fixed_dictionaries({"id": st.just("s1")}, optional={"order_id": st.just("1"), "tracking_number": _numbers}),
        st.fixed_dictionaries({"eta": _times}),
        _clock,
    ),
    min_size=3, max_size=4, unique_by=repr,
)  # fmt: skip


@settings(max_examples=40)
@given(_meetings)
def test_parcels_and_orders_find_each_other_in_any_order(shop, history):
    """Whoever is told a number first, and whatever becomes of it later: parcels and orders end up as well informed."""
    history = Past(shop).read(*history)
    first = Past(shop).tell(*history).facts()
    for arrived in itertools.permutations(history):
        assert Past(shop).tell(*arrived).facts() == first


@settings(max_examples=5)
@given(st.lists(_events, min_size=15, max_size=25, unique_by=repr), st.integers(0, 2**32))
def test_a_hundred_shuffles_give_one_end(shop, history, seed):
    """A long history ends in the same facts however it is shuffled, with some of it told twice."""
    dice, history = random.Random(seed), Past(shop).read(*history)
    first = Past(shop).tell(*history, at_once=True).facts()
    for _ in range(20):
        arrived = [*history, *dice.sample(history, 5)]
        dice.shuffle(arrived)
        assert Past(shop).tell(*arrived, at_once=True).facts() == first


@settings(max_examples=40)
@given(_histories)
def test_told_twice_is_told_once(shop, history):
    """Events that come again change nothing, neither beside the first nor later."""
    once = Past(shop).tell(*history)
    before = once.subjects()
    assert Past(shop).tell(*[one for one in history for _ in range(2)], at_once=True).facts() == once.facts()
    assert once.tell(*history[::-1]).subjects() == before


@settings(max_examples=40)
@given(_histories)
def test_frozen_and_thawed_it_is_the_same(shop, history):
    """What a store keeps of a subject gives it back whole, with its armed times; and it goes on from there alike."""
    for one in Past(shop).tell(*history).subjects().values():
        back = thaw(one.key, freeze(one))
        assert (back.leaves, back.stamps, back.parts, back.memory) == (one.leaves, one.stamps, one.parts, one.memory)
        # What the project adds (defaults, a promised date) is worked out anew and not kept.
        added = {path: value for path, value in one.facts.items() if path not in back.facts}
        assert {**back.facts, **added} == dict(one.facts)
        assert (back == one) is (not added)
        assert added.keys() <= {"order.promised_at", "order.channel"}


# --- what each event adds --------------------------------------------------------------------------------------------


def test_rank_never_goes_back(past):
    """The status of an order is the furthest that was ever said, by word or by the type of an event, and null is no word."""
    for kind, data, status in (
        ("order.placed", {}, "placed"),
        ("order.shipped", {}, "shipped"),
        ("order.paid", {}, "shipped"),
        ("order.updated", {"status": "packed"}, "shipped"),
        ("order.updated", {"status": None}, "shipped"),
        ("order.updated", {"status": "out_for_delivery"}, "out_for_delivery"),
        ("order.placed", {"status": "delivered"}, "delivered"),
        ("order.cancelled", {}, "cancelled"),
        ("order.delivered", {}, "cancelled"),
    ):
        past.tell(event(kind, {"id": "1", **data}, at=5, id_=f"{kind}{data}"))
        assert past.facts("order:1")["order.status"] == status


FOLDED = {
    "the newest word counts": (
        [("order.updated", {"total": 5}, 1), ("order.updated", {"total": 7}, 0)],
        {"order.total": 5},
    ),
    "absent leaves alone": (
        [("order.updated", {"total": 5, "carrier": "DHL"}, 0), ("order.updated", {"total": 7}, 1)],
        {"order.total": 7, "order.carrier": "DHL"},
    ),
    "null clears": (
        [("order.updated", {"total": 5, "carrier": "DHL"}, 0), ("order.updated", {"carrier": None}, 1)],
        {"order.total": 5},
    ),
    "null that is older clears nothing": (
        [("order.updated", {"total": 5}, 1), ("order.updated", {"total": None}, 0)],
        {"order.total": 5},
    ),
    "objects merge": (
        [
            ("order.updated", {"shipping_address": {"city": "Gdynia", "country": "PL"}}, 0),
            ("order.updated", {"shipping_address": {"city": "Sopot"}}, 1),
        ],
        {"order.shipping_address.city": "Sopot", "order.shipping_address.country": "PL"},
    ),
    "null clears a whole object": (
        [("order.updated", {"shipping_address": {"city": "Gdynia"}}, 0), ("order.updated", {"shipping_address": None}, 1)],
        {},
    ),
    "lists are replaced": (
        [
            ("order.updated", {"items": [{"sku": "A"}, {"sku": "B", "promised_at": "2026-03-13"}]}, 0),
            ("order.updated", {"items": [{"sku": "C", "quantity": "2"}]}, 1),
        ],
        {"order.items": [{"sku": "C", "quantity": 2}]},
    ),
    "an empty list is a list": (
        [("order.updated", {"items": [{"sku": "A"}]}, 0), ("order.updated", {"items": []}, 1)],
        {"order.items": []},
    ),
    "attributes are fields as well": (
        [("order.updated", {"attributes": {"channel": "phone", "total": "9.95"}}, 0)],
        {"order.channel": "phone", "order.total": 9.95},
    ),
    "a type implies its time, the earliest": (
        [("order.shipped", {}, 2), ("order.shipped", {"total": 1}, 0), ("order.shipped", {"total": 2}, 1)],
        {"order.status": "shipped", "order.shipped_at": NOON, "order.total": 2},
    ),
    "a time that was told is better than an implied one": (
        [("order.shipped", {}, 3), ("order.updated", {"shipped_at": "2026-03-10T08:00:00Z"}, 0)],
        {"order.status": "shipped", "order.shipped_at": datetime(2026, 3, 10, 8, tzinfo=UTC)},
    ),
    "what was told and taken back is implied again": (
        [("order.shipped", {}, 0), ("order.updated", {"shipped_at": "2026-03-10"}, 1), ("order.updated", {"shipped_at": None}, 2)],
        {"order.status": "shipped", "order.shipped_at": NOON},
    ),
    "at one instant the later id counts": (
        [("order.updated", {"total": 5}, 0, "b"), ("order.updated", {"total": 7}, 0, "a")],
        {"order.total": 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "facts"), FOLDED.values(), ids=FOLDED)
def test_folding(past, events, facts):
    """Each field by itself, by the time at which it was said."""
    for kind, data, at, *id_ in events:
        past.tell(event(kind, {"id": "1", **data}, at=at, id_=id_[0] if id_ else None))
    always = {"order.id": "1", "order.number": "1", "order.channel": "web"}
    assert past.facts("order:1") == {**always, **facts}


def test_a_number_that_customers_know_is_kept(past):
    """Where the shop sends a number it is the order's, else its id is."""
    assert past.tell(event("order.placed", {"id": "1"})).facts("order:1")["order.number"] == "1"
    assert past.tell(event("order.updated", {"id": "1", "number": 2043})).facts("order:1")["order.number"] == "2043"


# --- parcels ---------------------------------------------------------------------------------------------------------


def parcel(id_, kind="shipment.scanned", at=0, **data):
    return event(kind, {"id": id_, "order_id": "1", **data}, at=at)


def test_the_eta_is_the_latest_of_the_parcels_under_way(past):
    """An order is expected when the last of its undelivered parcels is; with none under way its own word counts."""
    past.tell(event("order.placed", {"id": "1", "eta": "2026-03-12"}))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 12)
    past.tell(parcel("a", eta="2026-03-14"), parcel("b", eta="2026-03-15T10:00:00Z"))
    assert past.facts("order:1")["order.eta"] == datetime(2026, 3, 15, 10, tzinfo=UTC)
    past.tell(parcel("b", eta="2026-03-13", at=1))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 14)
    past.tell(parcel("a", "shipment.delivered", at=2))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 13)
    past.tell(parcel("b", "shipment.delivered", at=2))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 12)


def test_a_promised_day_is_later_than_an_hour_of_it(past):
    """Of a day and an instant on it the day is the later: it is not over before it ends."""
    past.tell(parcel("a", eta="2026-03-14"), parcel("b", eta="2026-03-14T20:00:00Z"))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 14)


def test_all_delivered_is_delivered(past):
    """An order has arrived with the last of its parcels, and a parcel that was called off does not count."""
    past.tell(parcel("a"), parcel("b"), parcel("c", status="cancelled"))
    past.tell(parcel("a", "shipment.delivered", at=1))
    assert past.facts("order:1")["order.status"] == "in_transit"
    assert "order.delivered_at" not in past.facts("order:1")
    past.tell(parcel("b", "shipment.delivered", at=3))
    assert past.facts("order:1")["order.status"] == "delivered"
    assert past.facts("order:1")["order.delivered_at"] == NOON + 3 * HOUR
    assert past.subjects()["order:1"].closed


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("shipment.created", {}, None),
        ("shipment.scanned", {}, "in_transit"),
        ("shipment.customs_held", {}, "in_transit"),
        ("shipment.exception", {}, "in_transit"),
        ("shipment.attempt_failed", {}, "in_transit"),
        ("shipment.scanned", {"status": "out_for_delivery"}, "out_for_delivery"),
        ("shipment.ready_for_pickup", {}, "ready_for_pickup"),
        ("shipment.eta_changed", {"delivered_at": "2026-03-12"}, "delivered"),
        ("shipment.scanned", {"status": "cancelled"}, None),
    ],
)
def test_a_parcel_that_moves_moves_its_order(past, kind, data, status):
    """What a parcel's status says about the order, which never goes back for it."""
    past.tell(parcel("a", kind, **data))
    assert past.facts("order:1").get("order.status") == status
    past.tell(event("order.updated", {"id": "1", "status": "cancelled"}))
    assert past.facts("order:1")["order.status"] == "cancelled"


def test_last_seen_at_its_newest_scan(past):
    """A parcel was last seen at the newest scan, in whatever order scans arrive; what a scan itself says is better."""
    past.tell(parcel("a", at=2), parcel("a", at=1))
    assert past.facts("shipment:a")["shipment.scanned_at"] == NOON + 2 * HOUR
    past.tell(parcel("a", at=3, scanned_at="2026-03-13T14:30:00Z"))
    assert past.facts("shipment:a")["shipment.scanned_at"] == datetime(2026, 3, 13, 14, 30, tzinfo=UTC)


def test_a_parcel_lends_its_order_what_the_order_does_not_say(past):
    """Carrier and tracking come from a parcel under way, unless the order has its own."""
    past.tell(parcel("a", carrier="GLS", tracking_number="T9", tracking_url="https://carrier.example/T9"))
    assert past.facts("order:1")["order.carrier"] == "GLS"
    assert past.facts("order:1")["order.tracking_url"] == "https://carrier.example/T9"
    past.tell(event("order.updated", {"id": "1", "carrier": "DHL"}))
    assert past.facts("order:1")["order.carrier"] == "DHL"
    assert past.facts("order:1")["order.tracking_number"] == "T9"


def number(id_, number, at=0):
    return event("order.updated", {"id": id_, "tracking_number": number}, at=at)


def test_a_parcel_known_by_its_number_waits_for_its_order(past):
    """Whichever is told first, they find each other, and stay together when the parcel is heard of again."""
    past.tell(event("shipment.scanned", {"tracking_number": "T1", "eta": "2026-03-14"}))
    assert past.facts("order:1") == {}
    past.tell(number("1", "T1"))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 14)
    past.tell(event("shipment.eta_changed", {"tracking_number": "T1", "eta": "2026-03-17"}, at=1))
    assert past.facts("order:1")["order.eta"] == date(2026, 3, 17)
    assert past.facts("shipment:T1")["shipment.id"] == "T1"


def test_two_orders_in_one_parcel(past):
    """Orders that share a number share the parcel, the later one as well."""
    past.tell(number("1", "T1"), event("shipment.scanned", {"id": "a", "tracking_number": "T1"}), number("2", "T1"))
    past.tell(event("shipment.delivered", {"id": "a"}, at=1))
    assert past.facts("order:1")["order.status"] == past.facts("order:2")["order.status"] == "delivered"


def test_a_number_that_was_replaced_still_counts(past):
    """An order that was sent in two parcels, one number after the other, follows both; so does one whose older news is late."""
    for first, second in ((0, 1), (1, 0)):
        order = Past(past.shop).tell(number("1", "T1", at=first), number("1", "T2", at=second))
        order.tell(event("shipment.scanned", {"tracking_number": "T1", "eta": "2026-03-17"}))
        assert order.facts("order:1")["order.eta"] == date(2026, 3, 17)


# --- stock -----------------------------------------------------------------------------------------------------------


def stock(available, location=None, at=0):
    data = {"sku": "A", "available": available, **({"location": location} if location else {})}
    return event("stock.changed", data, at=at)


def test_stock_is_the_sum_of_its_places(past):
    """Each location counts by its newest word; one that does not know is left out; nobody's place is one, too."""
    past.tell(stock(5, "north"), stock(7, "south"), stock(2, "north", at=1), stock(9, "south", at=-1))
    assert past.facts("stock:A")["stock.available"] == 9
    past.tell(stock(4, at=2))
    assert past.facts("stock:A")["stock.available"] == 13
    past.tell(stock(None, "south", at=3))
    assert past.facts("stock:A")["stock.available"] == 6
    past.tell(stock(None, "north", at=3), stock(None, at=3))
    assert "stock.available" not in past.facts("stock:A")


def test_odd_stock(past):
    """Less than nothing is a number like any other, and so is a number in text."""
    past.tell(stock(-3, "north"), stock("12.0", "south"))
    assert past.facts("stock:A")["stock.available"] == 9


# --- customers -------------------------------------------------------------------------------------------------------


def customers(past):
    return {key: facts for key, facts in past.facts().items() if key.startswith("customer:")}


def test_an_order_tells_of_its_customer(past):
    """The customer of an order is a subject of their own, with today's address for all their orders."""
    past.tell(event("order.placed", {"id": "1", "customer": {"id": "7", "email": "old@example.com", "locale": "pl"}}))
    past.tell(event("order.placed", {"id": "2", "customer": {"id": "7", "email": "new@example.com"}}, at=1))
    assert customers(past) == {
        "customer:7": {"customer.id": "7", "customer.email": "new@example.com", "customer.locale": "pl"}
    }
    assert past.subjects()["order:1"].customer_key == past.subjects()["order:2"].customer_key == "customer:7"


def test_a_customer_without_an_id_is_known_by_address(past):
    """The same address in any spelling is the same person, and the key does not give it away."""
    past.tell(event("order.placed", {"id": "1", "customer": {"email": "Dana@Example.com"}}))
    past.tell(
        event("order.placed", {"id": "2", "customer": {"email": " dana@example.com", "first_name": "Dana"}}, at=1)
    )
    ((key, facts),) = customers(past).items()
    assert key.startswith("customer:~")
    assert "dana" not in key
    assert "customer.id" not in facts
    assert facts["customer.first_name"] == "Dana"
    past.tell(event("order.placed", {"id": "3", "customer": {"phone": "+15550100100"}}))
    assert len(customers(past)) == 2


@pytest.mark.parametrize("customer", [None, {}, {"email": ""}, {"email": " ", "phone": ""}, {"first_name": "Dana"}])
def test_an_order_of_nobody(past, customer):
    """An order whose customer has neither id nor address is kept, and belongs to nobody."""
    past.tell(event("order.placed", {"id": "1", "customer": customer}))
    assert past.facts("order:1")["order.status"] == "placed"
    assert customers(past) == {}
    assert past.subjects()["order:1"].customer_key == ""


def test_waiting_and_no_longer(past):
    """Whoever joins a waitlist waits, for one unless they say for more; whoever left does not."""
    past.tell(event("waitlist.joined", {"customer_id": "7", "sku": "A", "quantity": "2"}))
    past.tell(event("waitlist.joined", {"customer_id": "7", "sku": "B"}))
    waiting = {"customer.id": "7", "customer.waiting@A": 2, "customer.waiting@B": 1}
    assert past.facts("customer:7") == waiting
    past.tell(event("waitlist.left", {"customer_id": "7", "sku": "A"}, at=1))
    assert past.facts("customer:7") == {"customer.id": "7", "customer.waiting@B": 1}


def test_consent_is_kept_by_channel_and_purpose(past):
    """The last word on each way and purpose counts."""
    for state, at in (("granted", 0), ("revoked", 1)):
        data = {"customer_id": "7", "channel": "email", "purpose": "survey", "state": state}
        past.tell(event("consent.changed", data, at=at))
    assert past.facts("customer:7")["customer.consent@email/survey"] == "revoked"


# --- what the project adds -------------------------------------------------------------------------------------------


def test_a_promise_is_worked_out_where_the_shop_sends_none(past):
    """The configured times make a promised day; what the shop says wins, and a null of it brings it back."""
    past.tell(event("order.placed", {"id": "1", "shipping_address": {"country": "DE"}}))
    assert past.facts("order:1")["order.promised_at"] == date(2026, 3, 18)
    past.tell(event("order.updated", {"id": "1", "promised_at": "2026-03-14"}))
    assert past.facts("order:1")["order.promised_at"] == date(2026, 3, 14)
    past.tell(event("order.updated", {"id": "1", "promised_at": None}, at=1))
    assert past.facts("order:1")["order.promised_at"] == date(2026, 3, 18)
