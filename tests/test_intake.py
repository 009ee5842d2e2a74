from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notifier import ingest
from notifier.core.rule import Book
from notifier.errors import Unreachable
from notifier.intake import Receipt, receive
from notifier.project import load
from notifier.store.memory import MemoryStore
from notifier.store.sql import SqlStore

NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
RULES = """
version: 1
rules:
  - {id: shipped, about: order, trigger: {event: order.shipped}, send: {template: note}}
  - {id: hello, about: customer, trigger: {event: order.shipped}, send: {template: note}}
  - {id: late, about: order, trigger: {moment: order.promised_at + 1d, at: 09:00}, send: {template: note}}
  - {id: seen, about: shipment, trigger: {event: shipment.scanned}, send: {template: note}}
"""
ACCEPTED, DUPLICATE = Receipt("accepted"), Receipt("duplicate")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    files = {
        "rules/shop.yaml": RULES,
        "templates/note/message.yaml": "category: transactional\n",
        "templates/note/en.md": "---\nsubject: News\n---\nThere is news.\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load(root)


class Door:
    """A store and a way in."""

    def __init__(self, shop, store):
        self.shop, self.store, self.reader = shop, store, shop.reader()

    def take(self, *arrived, now=NOW):
        return receive(self.shop, self.store, self.reader, arrived, now)

    @property
    def counts(self):
        with self.store.read() as unit:
            return dict(unit.counts())

    def messages(self):
        with self.store.read() as unit:
            return sorted((one.rule, one.subject_key) for one in unit.find_messages())

    def facts(self, key):
        with self.store.read() as unit:
            return dict(unit.load([key])[key].facts)

    @property
    def quarantined(self):
        return [(one.source, one.reason, one.body) for one in self.store._unit._quarantined]


@pytest.fixture
def door(shop):
    return Door(shop, MemoryStore(keep_events=True))


@pytest.fixture(params=["memory", "file"])
def any_door(shop, request, tmp_path):
    store = (
        MemoryStore(keep_events=True)
        if request.param == "memory"
        else SqlStore(f"sqlite:///{tmp_path}/n.db", create=True)
    )
    yield Door(shop, store)
    store.close()


def event(id_, kind="order.shipped", at=NOW, **data):
    customer = {"id": "7", "email": "dana@example.com"}
    about = {"id": id_, **({"customer": customer} if kind.startswith("order.") else {}), **data}
    return {
        "specversion": "1.0", "id": id_, "source": "/shop", "type": kind, "time": at.isoformat(), "data": about,
    }  # fmt: skip


def raw(*args, **more):
    return json.dumps(event(*args, **more)).encode()


def test_a_receipt_for_each_event_in_order(any_door):
    """Whatever comes in one batch, each event has its own answer: new, known, or refused with the reason."""
    receipts = any_door.take(
        raw("1"), b"hello", event("2"), raw("1"), {**event("3"), "source": ""}, raw("4", total="lots"), event("2"),
    )  # fmt: skip
    assert [one.status for one in receipts] == [
        "accepted", "rejected", "accepted", "duplicate", "rejected", "rejected", "duplicate",
    ]  # fmt: skip
    assert receipts[1].reason.startswith("not JSON: no value of JSON begins here (line 1")
    assert receipts[4] == Receipt("rejected", "source: is an id of 1 to 128 characters, got 0")
    assert receipts[5] == Receipt("rejected", "data.total: is a number, got 'lots'")
    assert any_door.counts["events"] == 2
    assert any_door.counts["quarantined"] == 3
    assert any_door.take() == []


def test_41_the_same_again_has_no_second_effect(any_door):
    """An event that comes again is answered as a duplicate, in the same batch, later, with another time of arrival."""
    again = {**event("1"), "receivedat": "2026-03-13T13:00:00Z"}
    assert any_door.take(event("1"), raw("1"), again) == [ACCEPTED, DUPLICATE, DUPLICATE]
    before, counts = any_door.messages(), any_door.counts
    assert any_door.take(again, event("1"), now=NOW + timedelta(days=9)) == [DUPLICATE, DUPLICATE]
    assert (any_door.messages(), any_door.counts) == (before, counts)
    assert before == [("hello", "customer:7"), ("shipped", "order:1")]


def test_42_the_same_name_with_other_content_is_a_conflict(any_door):
    """The first word stands; the second is refused, kept, and named a conflict, in the same batch and later."""
    other = event("1", carrier="GLS")
    conflict = Receipt("rejected", "this source and id came before with other content", conflict=True)
    assert any_door.take(event("1", carrier="DHL"), other) == [ACCEPTED, conflict]
    assert any_door.take(other, event("1", carrier="DHL")) == [conflict, DUPLICATE]
    assert any_door.facts("order:1")["order.carrier"] == "DHL"
    assert any_door.counts["quarantined"] == 2


def test_43_without_an_id_the_content_is_the_name(door):
    """Two events without an id that say the same are one; a third that says something else is another."""
    nameless = {key: value for key, value in event("1").items() if key != "id"}
    assert door.take(nameless, dict(nameless), {**nameless, "type": "order.paid"}) == [ACCEPTED, DUPLICATE, ACCEPTED]


def test_what_was_refused_is_kept(door):
    """The quarantine has the bytes as they came, who sent them where that can be read, and the reason."""
    broken, wrong, odd = b'{"id": "1", ', event("2", total="lots"), {**event("3"), "source": "/sh\0op", "type": None}
    receipts = door.take(broken, wrong, odd)
    assert door.quarantined == [
        ("", receipts[0].reason, broken),
        ("/shop", "data.total: is a number, got 'lots'", json.dumps(wrong, separators=(",", ":")).encode()),
        ("/shop", "type: is missing", json.dumps(odd, separators=(",", ":")).encode()),
    ]


@pytest.mark.parametrize("source", ["x" * 300, 5.5, ["/shop"], {}, None, True, ""])
def test_an_odd_source_is_no_reason_to_lose_it(any_door, source):
    """Whatever stands where the source should be, the event is refused and kept."""
    (receipt,) = any_door.take({**event("1"), "source": source})
    assert receipt.status == "rejected"
    assert any_door.counts["quarantined"] == 1


HOSTILE = [
    b"[" * 600 + b"]" * 600,
    b'{"specversion":"1.0","id":"1","source":"/s","type":"x","data":{"a":' + b"[" * 300 + b"]" * 300 + b"}}",
    b'{"\\ud800":1,"\\ud800":2}',
    b'{"a":NaN}',
    b"\xff\xfe\x00",
    b"",
    b"{" * 1_000_001,
    b'{"a":"' + b"x" * 1_000_000 + b'"}',
    b"[1,2]",
    b'{"specversion":"1.0","id":"1","source":"/s","type":"order.placed","data":{"id":"1","promised_at":"9999-12-31"}}',
    b'{"specversion":"1.0","id":"\\u0000","source":"/s","type":"order.placed","data":{"id":"1"}}',
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_at_the_door_takes_its_neighbours_down(any_door, hostile):
    """Bytes that were made to hurt are refused and kept; what stands beside them is taken."""
    receipts = any_door.take(raw("1"), hostile, raw("2"))
    assert [one.status for one in receipts] == ["accepted", "rejected", "accepted"]
    assert any_door.counts["quarantined"] == 1
    assert len(any_door.messages()) == 4


def test_38_as_large_as_an_event_may_be(door):
    """A million bytes are taken, one more is not."""
    small = json.dumps(event("1", number="", note=""), separators=(",", ":"))
    for room, status in ((1_000_000, "accepted"), (1_000_001, "rejected")):
        note = "x" * (room - len(small))
        (receipt,) = door.take(small.replace('"note":""', f'"note":"{note}"').encode())
        assert receipt.status == status


def test_a_large_event_is_kept_in_part(door):
    """Of what is larger than an event may be the beginning is kept."""
    (receipt,) = door.take(b"x" * 3_000_000)
    assert receipt.reason == "larger than 1,000,000 bytes"
    assert len(door.quarantined[0][2]) == 1_000_000


def test_60_unknown_types_are_kept(any_door):
    """An event that nobody knows is taken, stored and sets nothing off."""
    assert any_door.take(event("1", "parcel.lost")) == [ACCEPTED]
    assert any_door.counts["events"] == 1
    assert any_door.messages() == []


# --- a fault of ours -------------------------------------------------------------------------------------------------


@pytest.fixture
def poisoned(monkeypatch):
    """Folding breaks on whatever is carried by a dragon, until it is mended: `poisoned()`."""

    def fold(aggregate, part, stamp):
        if part.leaves.get("order.carrier") == "dragon":
            raise ZeroDivisionError
        return real(aggregate, part, stamp)

    real = ingest.fold
    monkeypatch.setattr(ingest, "fold", fold)
    return lambda: monkeypatch.setattr(ingest, "fold", real)


def test_a_poison_event_does_not_take_its_neighbours_down(any_door, poisoned, caplog):
    """An event that we cannot work on, by a fault of ours, is kept apart with its body; the rest of the batch goes on."""
    with caplog.at_level(logging.ERROR, "notifier"):
        receipts = any_door.take(raw("1"), raw("2", carrier="dragon"), raw("3"))
    assert receipts == [ACCEPTED, ACCEPTED, ACCEPTED]
    assert any_door.counts["quarantined"] == 1
    assert any_door.facts("order:2") == {}
    assert [subject for rule, subject in any_door.messages() if rule == "shipped"] == ["order:1", "order:3"]
    assert "event /shop 2 could not be worked on" in caplog.text


def test_a_poison_event_leaves_nothing_half_done(door, poisoned, caplog):
    """What an order was before is what it is after an event that broke; the next event goes on from there."""
    door.take(raw("1", total=5, promised_at="2026-03-14"))
    before = door.facts("order:1")
    dragon = event("1", "order.updated", carrier="dragon", total=6, promised_at="2026-03-20")
    assert door.take({**dragon, "id": "e2"}) == [ACCEPTED]
    assert door.facts("order:1") == before
    assert door.quarantined[0][:2] == ("/shop", "could not be worked on: ZeroDivisionError")
    assert json.loads(door.quarantined[0][2])["id"] == "e2"
    door.take({**event("1", "order.updated", total=7), "id": "e3"})
    assert door.facts("order:1")["order.total"] == 7


def test_a_poison_event_can_be_sent_again(any_door, poisoned, caplog):
    """Once we are mended, the event that we could not work on is new: nobody has taken it."""
    any_door.take(raw("1"))
    dragon = {**event("1", "order.updated", carrier="dragon"), "id": "e2"}
    assert [any_door.take(dragon), any_door.take(dragon)] == [[ACCEPTED], [ACCEPTED]]
    poisoned()
    assert [any_door.take(dragon), any_door.take(dragon)] == [[ACCEPTED], [DUPLICATE]]
    assert any_door.facts("order:1")["order.carrier"] == "dragon"


def test_what_a_broken_event_set_off_is_taken_back(door, monkeypatch, caplog):
    """Where matching breaks half way, what the same event set off before that is not sent."""
    real = ingest.step

    def step(book, before, after, stimulus, scene):
        if after.kind == "customer" and stimulus.id == "broken":
            raise ZeroDivisionError
        return real(book, before, after, stimulus, scene)

    monkeypatch.setattr(ingest, "step", step)
    door.take(event("2", "order.placed"))
    door.take(raw("1"), {**event("2"), "id": "broken"}, raw("3"))
    assert [subject for rule, subject in door.messages() if rule == "shipped"] == ["order:1", "order:3"]
    assert door.facts("order:2")["order.status"] == "placed"


def test_a_store_that_fails_takes_nothing(door, monkeypatch):
    """Where the transaction cannot be finished no event of the batch is taken, and the same batch can come again."""

    def fail(*_):
        raise Unreachable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(door.store._unit), "save", fail)
        with pytest.raises(Unreachable):
            door.take(raw("1"), b"hello")
    assert door.counts["events"] == door.counts["quarantined"] == 0
    assert [one.status for one in door.take(raw("1"), b"hello")] == ["accepted", "rejected"]


# --- what events set off ---------------------------------------------------------------------------------------------


def test_a_customers_rule_hears_of_an_order_that_names_no_customer(door):
    """A rule about a customer is set off by the customer's order also where the event says nothing of the customer."""
    door.take(event("1", "order.placed"))
    bare = {**event("1"), "id": "e2", "data": {"id": "1"}}
    assert door.take(bare) == [ACCEPTED]
    assert door.messages() == [("hello", "customer:7"), ("shipped", "order:1")]


def test_what_comes_due_comes_in_pages(any_door):
    """So many subjects in a transaction, the earliest first, until there are no more; each fires once."""
    placed = [event(str(n), "order.placed", promised_at=f"2026-03-1{n}") for n in (6, 4, 5)]
    any_door.take(*placed)
    late = NOW + timedelta(days=9)
    with any_door.store.begin() as unit:
        assert ingest.come_due(any_door.shop, unit, NOW) == 0
        assert ingest.come_due(any_door.shop, unit, late, limit=2) == 2
    with any_door.store.read() as unit:
        fired = [key for key in ("order:4", "order:5", "order:6") if unit.matches_of(key)]
    assert fired == ["order:4", "order:5"]
    with any_door.store.begin() as unit:
        assert ingest.come_due(any_door.shop, unit, late, limit=2) == 1
        assert ingest.come_due(any_door.shop, unit, late, limit=2) == 0


def test_new_rules_reach_everybody_page_by_page(shop, any_door, monkeypatch):
    """Rules that are new arm every open subject, a page at a time, and only for what lies ahead."""
    monkeypatch.setattr(ingest, "PAGE", 2)
    before = replace(shop, book=Book.of(one for one in shop.book.rules if one.id != "late"))
    old = Door(before, any_door.store)
    old.take(*[event(str(n), "order.placed", promised_at=f"2026-03-1{n}") for n in (1, 4, 5)])
    old.take({**event("5", "order.delivered"), "id": "over"})
    last, pages = "", []
    while True:
        with any_door.store.begin() as unit:
            last = ingest.rearm_page(shop, unit, NOW, last)
        if not last:
            break
        pages.append(last)
    assert pages == ["order:1", "order:4"]
    with any_door.store.read() as unit:
        orders = unit.load(["order:1", "order:4", "order:5"])
    assert {key: sorted(one.memory.armed) for key, one in orders.items()} == {
        "order:1": [], "order:4": ["late"], "order:5": [],
    }  # fmt: skip


def test_a_history_stops_where_something_else_comes_first(door):
    """Events of a history are taken in turn, as far as none sets a rule off or arms a time before the next."""
    hour = timedelta(hours=1)

    def read(id_, kind, at, **data):
        return door.reader.read(event(id_, kind, NOW + at * hour, **data), NOW + at * hour)

    quiet = [read(str(n), "order.placed", n) for n in range(3)]
    shipped = read("3", "order.shipped", 3)
    with door.store.begin() as unit:
        assert ingest.absorb_in_turn(door.shop, unit, [*quiet, shipped, read("4", "order.placed", 4)]) == ["new"] * 4
        promised = read("5", "order.placed", 5, promised_at="2026-03-13")
        assert ingest.absorb_in_turn(door.shop, unit, [promised, promised, read("6", "order.placed", 6)]) == [
            "new", "duplicate", "new",
        ]  # fmt: skip
        later = [read("7", "order.placed", 7, promised_at="2026-03-13"), read("8", "order.placed", 60)]
        assert ingest.absorb_in_turn(door.shop, unit, later) == ["new"]
    assert ("shipped", "order:3") in door.messages()
    assert door.facts("order:8") == {}


def test_each_order_of_a_batch_by_itself(any_door):
    """Events of one batch see what those before them have told."""
    shipment = event("s", "shipment.scanned", order_id="1", tracking_number="T1")
    any_door.take(event("1", promised_at="2026-03-20"), shipment, event("2"))
    assert ("seen", "shipment:s") in any_door.messages()
    assert any_door.facts("order:1")["order.tracking_number"] == "T1"
    with any_door.store.read() as unit:
        assert unit.load(["order:1"])["order:1"].memory.next_due == datetime(2026, 3, 21, 9, tzinfo=UTC)


def test_an_event_of_long_ago_is_told_and_sends_nothing(any_door):
    """Old news is kept and adds up, and what it would set off is dropped as stale."""
    any_door.take(event("1", at=NOW - timedelta(days=45), promised_at="2026-01-20"))
    assert any_door.facts("order:1")["order.status"] == "shipped"
    assert any_door.messages() == []
    with any_door.store.read() as unit:
        decided = [row for key in ("order:1", "customer:7") for _, rows in unit.matches_of(key) for row in rows]
    assert {(row.outcome, row.reason) for row in decided} == {("drop", "stale")}
    assert any_door.counts["matches"] == 2


def test_15_late_news_does_not_wake_the_dead(any_door):
    """What comes after an order's end is kept, and nothing is said about it."""
    any_door.take(event("1", "order.delivered"))
    late = {**event("1", at=NOW - timedelta(hours=1)), "id": "e2"}
    assert any_door.take(late) == [ACCEPTED]
    assert any_door.facts("order:1")["order.shipped_at"] == NOW - timedelta(hours=1)
    assert ("shipped", "order:1") not in any_door.messages()
