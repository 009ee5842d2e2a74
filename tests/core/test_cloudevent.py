from __future__ import annotations

import base64
import json
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.catalogue import RANKS, EventType, Field, standard
from notifier.core.cloudevent import EventReader, decode
from notifier.errors import EventRefused

NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
TEN = datetime(2026, 3, 13, 10, tzinfo=UTC)
NOTHING = object()


@pytest.fixture
def reader():
    return EventReader(standard(), ZoneInfo("Europe/Warsaw"), lambda address: f"~{len(address)}")


def envelope(data=NOTHING, type_="order.placed", **more):
    given = {
        "specversion": "1.0", "id": "e1", "source": "/shop", "type": type_, "time": "2026-03-13T10:00:00Z",
        "data": {"id": "1"} if data is NOTHING else data, **more,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not NOTHING}


def refusal(read):
    with pytest.raises(EventRefused) as caught:
        read()
    return str(caught.value)


# --- bytes -----------------------------------------------------------------------------------------------------------

#: What stands for `…` is in the words of the library that reads JSON.
NOT_TAKEN = {
    "31 nothing": (b"", "not JSON: … (line 1, column 1)"),
    "31 words": (b"hello", "not JSON: … (line 1, column 1)"),
    "31 half": (b'{"a":', "not JSON: … (line 1, column 6)"),
    "31 nested a little too deeply": (b"[" * 65 + b"]" * 65, "nested more than 64 deep"),
    "31 nested in objects": (b'{"a":' * 65 + b"1" + b"}" * 65, "nested more than 64 deep"),
    "31 nested as far as a stack goes": (b"[" * 600 + b"]" * 600, "nested more than 64 deep"),
    "31 nested without end": (b"[" * 100_000, "not JSON: … (line 1, column 1026)"),
    "32 NaN": (b'{"a":NaN}', "not JSON: … (line 1, column 6)"),
    "32 infinity": (b'{"a":-Infinity}', "not JSON: … (line 1, column 7)"),
    "32 a number like infinity": (
        b'{"a":1e999}', "not JSON: … (line 1, column 6)",
    ),
    "32 NaN behind half a character": (
        b'{"b":"\\ud800","a":NaN}', "not JSON: … (line 1, column 17)",
    ),
    "33 five thousand digits": (
        b'{"a":' + b"9" * 5000 + b"}",
        "not JSON: … (line 1, column 6)",
    ),
    "34 a key twice": (b'{"a":1,"a":1}', "the key 'a' stands twice in one object"),
    "34 with a space": (b'{"a" :1,"a":2}', "the key 'a' stands twice in one object"),
    "34 with lines": (b'{"a"\r\n\t:1,\n"a"\n:2}', "the key 'a' stands twice in one object"),
    "34 made up for by a text": (b'{"a":1,"b":"\\":","a":2}', "the key 'a' stands twice in one object"),
    "34 made up for by a disguise": (b'{"a":1,"b":"\\u0022\\u0022","a":2}', "the key 'a' stands twice in one object"),
    "34 in other letters": (b'{"\\u0061":1,"a":2}', "the key 'a' stands twice in one object"),
    "34 further in": (b'[{"x":[{"a":{},"a":{}}]}]', "the key 'a' stands twice in one object"),
    "34 an odd key": (b'{"\\ud800":1,"\\ud800":2}', "the key '\\ud800' stands twice in one object"),
    "34 a long key": (
        b'{"' + b"k" * 99 + b'":1,"' + b"k" * 99 + b'":2}', f"the key '{'k' * 36}… stands twice in one object",
    ),
    "not UTF-8": (
        b'{"a":"caf\xe9"}',
        "not JSON: the byte 0xe9 is not UTF-8 (line 1, column 10)",
    ),
    "UTF-16": (
        '{"a":1}'.encode("utf-16"), "not JSON: the byte 0xff is not UTF-8 (line 1, column 1)",
    ),
    "a bare NUL": (b'{"a":"\0"}', "not JSON: … (line 1, column 7)"),
    "a comma too many": (b'{"a":1,}', "not JSON: … (line 1, column 7)"),
    "single quotes": (b"{'a':1}", "not JSON: … (line 1, column 2)"),
    "two documents": (b"{} {}", "not JSON: … (line 1, column 4)"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "reason"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_not_taken(raw, reason):
    """What is not strictly JSON is refused, with the reason; never by a crash, whatever the bytes."""
    pattern = re.escape(reason).replace("…", ".+")
    assert re.fullmatch(pattern, refusal(lambda: decode(raw)))


TAKEN = {
    "37 a byte order mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "35 half a character": (b'{"a":"x\\ud800y"}', {"a": "x\ufffdy"}),
    "35 both halves, the wrong way round": (b'{"a":"\\udc00\\ud800"}', {"a": "\ufffd\ufffd"}),
    "35 a half as bytes": (b'{"a":"\xed\xa0\x80"}', {"a": "\ufffd"}),
    "a whole character in two": (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
    "spaces before colons": (b'{"a" : 1, "b"\n:2}', {"a": 1, "b": 2}),
    "colons and marks in a text": (b'{"a":"\\":\\"","b":"a\\": 1"}', {"a": '":"', "b": 'a": 1'}),
    "marks in disguise": (b'{"a\\u0022":"\\u0022"}', {'a"': '"'}),
    "the same key in two objects": (b'[{"a":1},{"a":{"a":2}}]', [{"a": 1}, {"a": {"a": 2}}]),
    "as deep as it may be": (b"[" * 64 + b"]" * 64, eval("[" * 64 + "]" * 64)),
    "a scalar": (b"5", 5),
    "a text with brackets": (b'"' + b"[{" * 99 + b'"', "[{" * 99),
}


@pytest.mark.parametrize(("raw", "value"), TAKEN.values(), ids=TAKEN)
def test_taken(raw, value):
    """What senders write oddly, but clearly, is taken; half a character becomes a sign that says so."""
    assert decode(raw) == value


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(_values, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\n")]))
def test_whatever_json_writes_is_read_alike(value, ascii_, separators):
    """Any JSON without a repeated key comes out as it went in, however it is spaced and escaped."""
    text = json.dumps(value, ensure_ascii=ascii_, separators=separators)
    raw = text.encode("utf-8", "surrogatepass")
    mended = json.loads(
        json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    assert decode(raw) == mended


@given(st.text('ab\\"', max_size=5), st.text('ab\\":{}[],u0022 ', max_size=12), st.sampled_from(["", " ", "\n"]))
def test_a_repeated_key_is_always_seen(key, other, space):
    """No text beside it hides that a key stands twice."""
    key = json.dumps(key)
    raw = f'{{{key}{space}:1,"zz":{json.dumps(other)},{key}:2}}'
    assert refusal(lambda: decode(raw.encode())).endswith("stands twice in one object")


# --- envelopes -------------------------------------------------------------------------------------------------------

_ID = "is an id of 1 to 128 characters, got"
_ID_KIND = "is an id (text or a whole number), got"
_TIME = "is a time like 2026-03-13T22:00:00Z or a date, got"
_STATUS = f"is one of {', '.join(RANKS)}, got"
WRONG = {
    "31 a list": ([], "an event is a JSON object"),
    "31 a number": (5, "an event is a JSON object"),
    "31 nothing": (None, "an event is a JSON object"),
    "60 a newer version": (envelope(specversion="2.0"), 'specversion: must be "1.0"'),
    "no version": (envelope(specversion=NOTHING), 'specversion: must be "1.0"'),
    "no source": (envelope(source=NOTHING), "source: is missing"),
    "an empty source": (envelope(source=" "), f"source: {_ID} 0"),
    "a list of sources": (envelope(source=["/shop"]), f"source: {_ID_KIND} a list"),
    "no type": (envelope(type=NOTHING), "type: is missing"),
    "a long type": (envelope(type_="x" * 129), f"type: {_ID} 129"),
    "an empty id": (envelope(id=""), f"id: {_ID} 0"),
    "an id that is true": (envelope(id=True), f"id: {_ID_KIND} true"),
    "an id with a fraction": (envelope(id=1.5), f"id: {_ID_KIND} 1.5"),
    "no data": (envelope(data=None), "data: must be a JSON object"),
    "a list of data": (envelope(data=[]), "data: must be a JSON object"),
    "not base64": (envelope(data=None, data_base64="!"), "data_base64: is not base64"),
    "a number for base64": (envelope(data=None, data_base64=5), "data_base64: is not base64"),
    "base64 of no object": (envelope(data=None, data_base64="WzFd"), "data: must be a JSON object"),
    "38 too large": (envelope({"id": "1", "note": "x" * 1_000_000}), "larger than 1,000,000 bytes"),
    "38 too many items": (
        envelope({"id": "1", "items": [{}] * 1001}), "data.items: has 1,001 items; 1,000 is the most",
    ),
    "40 no id": (envelope({}), "data.id: is missing"),
    "40 an empty id": (envelope({"id": ""}), "data.id: is missing"),
    "40 an id of spaces": (envelope({"id": "  "}), f"data.id: {_ID} 0"),
    "40 three hundred characters": (envelope({"id": "x" * 300}), f"data.id: {_ID} 300"),
    "40 an id with a fraction": (envelope({"id": 1.5}), f"data.id: {_ID_KIND} 1.5"),
    "40 an id in a list": (envelope({"id": ["1"]}), f"data.id: {_ID_KIND} a list"),
    "45 milliseconds": (envelope({"id": "1", "promised_at": 1741600000000}), f"data.promised_at: {_TIME} 1741600000000"),
    "45 a year of milliseconds": (envelope(time="33658-01-01T00:00:00Z"), f"time: {_TIME} '33658-01-01T00:00:00Z'"),
    "45 the future": (envelope(time="2026-03-14T12:00:01Z"), "time: is more than a day ahead of this computer's clock"),
    "45 the last day of all": (
        envelope({"id": "1", "promised_at": "9999-12-31"}),
        "data.promised_at: is a time between the years 1900 and 2999, got '9999-12-31'",
    ),
    "46 no such day": (envelope(time="2026-02-30T10:00:00Z"), f"time: {_TIME} '2026-02-30T10:00:00Z'"),
    "46 no such day, alone": (envelope({"id": "1", "eta": "2026-02-30"}), f"data.eta: {_TIME} '2026-02-30'"),
    "46 a day and no time": (envelope(time="2026-03-13"), "time: needs a time of day, like 2026-03-13T22:00:00Z"),
    "46 a time that is a number": (envelope(time=5), f"time: {_TIME} 5"),
    "52 words for a number": (envelope({"id": "1", "total": "lots"}), "data.total: is a number, got 'lots'"),
    "53 a comma": (envelope({"id": "1", "total": "1.234,56"}), "data.total: is a number, got '1.234,56'"),
    "33 beyond what a number holds": (
        envelope({"id": "1", "total": 2**63}),
        "data.total: is a number between -2^53 and 2^53, got 9223372036854775808",
    ),
    "53 no such currency": (
        envelope({"id": "1", "currency": "EURO"}),
        "data.currency: is a three-letter currency code (ISO 4217), got 'EURO'",
    ),
    "a status that is not one": (envelope({"id": "1", "status": "sent"}), f"data.status: {_STATUS} 'sent'"),
    "a status in a list": (envelope({"id": "1", "status": ["paid"]}), f"data.status: {_STATUS} ['paid']"),
    "an object for text": (envelope({"id": "1", "number": {}}), "data.number: is text, got an object"),
    "a text without end": (envelope({"id": "1", "number": "x" * 10_001}), "data.number: is longer than 10,000 characters"),
    "items that are none": (envelope({"id": "1", "items": {}}), "data.items: is a list of items"),
    "an item that is none": (
        envelope({"id": "1", "items": [{}, 1]}), "data.items: is a list of objects; entry 1 is not one",
    ),
    "an item's number": (
        envelope({"id": "1", "items": [{}, {"quantity": "two"}]}),
        "data.items: entry 1: quantity is a number, got 'two'",
    ),
    "a customer that is a name": (envelope({"id": "1", "customer": "Dana"}), "data.customer: must be a JSON object"),
    "an address that is a text": (
        envelope({"id": "1", "shipping_address": "Gdynia"}), "data.shipping_address: must be a JSON object",
    ),
    "57 a list of languages": (
        envelope({"id": "1", "customer": {"id": "7", "locale": ["hu"]}}), "data.customer.locale: is text, got a list",
    ),
    "a country of three letters": (
        envelope({"id": "1", "customer": {"id": "7", "country": "HUN"}}),
        "data.customer.country: is a two-letter country code (ISO 3166), got 'HUN'",
    ),
    "fax": (
        envelope({"id": "1", "customer": {"id": "7", "preferred_channel": "fax"}}),
        "data.customer.preferred_channel: is one of email, sms, got 'fax'",
    ),
    "a fault among the attributes": (
        envelope({"id": "1", "attributes": {"total": "x"}}), "data.attributes.total: is a number, got 'x'",
    ),
    "a parcel without a name": (envelope({"order_id": "1"}, "shipment.scanned"), "data.tracking_number: is missing"),
    "an article without a name": (envelope({"available": 1}, "stock.changed"), "data.sku: is missing"),
    "a person without a name": (envelope({"first_name": "Dana"}, "customer.updated"), "data: needs an id, an email or a phone"),
    "waiting for nothing": (envelope({"id": "7"}, "waitlist.joined"), "data.sku: is missing"),
    "waiting for many": (
        envelope({"id": "7", "sku": "A", "quantity": "many"}, "waitlist.joined"), "data.quantity: is a number, got 'many'",
    ),
    "consent to nothing": (envelope({"id": "7", "state": "granted"}, "consent.changed"), "data: needs channel, purpose and state"),
    "consent to fax": (
        envelope({"id": "7", "channel": "fax", "purpose": "survey", "state": "granted"}, "consent.changed"),
        "data.channel: is one of email, sms, got 'fax'",
    ),
    "a ticket about nobody": (envelope({"reason": "late"}, "ticket.opened"), "data: needs an order_id or a customer_id"),
    "an answer in words": (
        envelope({"order_id": "1", "score": "good"}, "survey.answered"), "data.score: is a number, got 'good'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("told", "reason"), WRONG.values(), ids=WRONG)
def test_wrong(reader, told, reason):
    """An event that cannot be taken says to its sender where and why, in one line."""
    assert refusal(lambda: reader.read(told, NOW)) == reason
    assert "\n" not in reason


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from(["2026-03-13", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "T24:00", "PL", "7"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["id", "sku", "promised_at", "email", "customer"]), inner, max_size=2),
)  # fmt: skip


@given(
    st.sampled_from(sorted(standard().events)),
    st.dictionaries(
        st.sampled_from(["id", "order_id", "customer_id", "sku", "available", "items", "customer", "promised_at", "eta",
                         "status", "total", "tracking_number", "shipping_address", "attributes", "locale", "tags",
                         "channel", "purpose", "state", "score", "quantity", "scanned_at"]),
        _anything, max_size=5,
    ),
    st.sampled_from(["time", "id", "source", "receivedat"]), _anything,
)  # fmt: skip
def test_no_event_breaks_the_reader(type_, data, name, value):
    """Whatever stands in an event of the catalogue, it is read or refused."""
    reader = EventReader(standard(), ZoneInfo("Europe/Warsaw"), lambda address: f"~{len(address)}")
    try:
        told = decode(json.dumps(envelope({**data, "id": data.get("id", "1")}, type_, **{name: value})).encode())
        event = reader.read(told, NOW)
    except EventRefused as error:
        assert "\n" not in str(error)
        str(error).encode()
    else:
        assert all(part.key.startswith(f"{part.kind}:") for part in event.parts)


# --- what becomes of it ----------------------------------------------------------------------------------------------


def leaves(reader, data, type_="order.updated"):
    (part, *_) = reader.read(envelope({"id": "1", **data}, type_), NOW).parts
    return {path: value for path, value in part.leaves.items() if path != "order.id"}


READ = {
    "40 a number for an id": ({"id": 1}, "order:1"),
    "40 zeros are kept": ({"id": "001"}, "order:001"),
    "40 an emoji": ({"id": "📦"}, "order:📦"),
    "40 SQL": ({"id": "'; DROP TABLE orders"}, "order:'; DROP TABLE orders"),
    "40 spaces around": ({"id": " 1 "}, "order:1"),
    "36 NUL": ({"id": "a\0b"}, "order:ab"),
    "36 control characters": ({"id": "a\x1b\x7fb"}, "order:ab"),
}


@pytest.mark.parametrize(("data", "key"), READ.values(), ids=READ)
def test_ids(reader, data, key):
    """An id is text of 1 to 128 characters, whatever it is made of, without what no text should hold."""
    assert reader.read(envelope(data), NOW).subject_key == key


TYPED = {
    "36 NUL in a text": ({"number": "a\0b"}, {"order.number": "ab"}),
    "a number for a text": ({"number": 1043}, {"order.number": "1043"}),
    "lines stay": ({"number": "a\nb\tc"}, {"order.number": "a\nb\tc"}),
    "52 a number in a text": ({"total": "12.0"}, {"order.total": 12}),
    "52 cents": ({"total": 9.95}, {"order.total": 9.95}),
    "52 less than nothing": ({"total": -3}, {"order.total": -3}),
    "52 null": ({"total": None}, {"order.total": None}),
    "an empty text": ({"total": "", "tracking_number": "", "eta": "", "carrier": ""},
                      {"order.total": None, "order.tracking_number": None, "order.eta": None, "order.carrier": None}),
    "an empty address": ({"shipping_address": {"city": "", "postal_code": "01234"}},
                         {"order.shipping_address.city": None, "order.shipping_address.postal_code": "01234"}),
    "53 a currency in small letters": ({"currency": "eur"}, {"order.currency": "EUR"}),
    "53 no currency at all": ({"currency": "XXX"}, {"order.currency": "XXX"}),
    "46 without a zone": ({"eta": "2026-03-13T10:00:00"}, {"order.eta": datetime(2026, 3, 13, 9, tzinfo=UTC)}),
    "46 midnight as 24:00": ({"eta": "2026-03-13T24:00:00Z"}, {"order.eta": datetime(2026, 3, 14, tzinfo=UTC)}),
    "46 a leap second": ({"eta": "2016-12-31T23:59:60Z"}, {"order.eta": datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)}),
    "a plain date": ({"eta": "2026-03-13"}, {"order.eta": date(2026, 3, 13)}),
    "45 long ago": ({"eta": "1970-01-01T00:00:00Z"}, {"order.eta": datetime(1970, 1, 1, tzinfo=UTC)}),
    "items": ({"items": [{"sku": 7, "quantity": "2", "colour": "red", "price": None, "name": ""}]},
              {"order.items": [{"sku": "7", "quantity": 2}]}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "told"), TYPED.values(), ids=TYPED)
def test_values(reader, data, told):
    """Values come out typed; what says nothing says that nothing is known."""
    assert leaves(reader, data) == told


@pytest.mark.parametrize("locale", ["xx", "hu_HU", "HU-hu", "pt-BR"])
def test_57_any_language_is_taken(reader, locale):
    """A language that nobody speaks is no reason to refuse an order; the text's language is found later."""
    customer = reader.read(envelope({"id": "1", "customer": {"id": "7", "locale": locale}}), NOW).parts[1]
    assert customer.leaves["customer.locale"] == locale


def test_who_an_order_is_from(reader):
    """By id, else by address, else nobody; an empty id is none."""
    for customer, key in (
        ({"id": "7", "email": "d@example.com"}, "customer:7"),
        ({"id": "", "email": "D@example.com "}, "customer:~13"),
        ({"phone": " +15550100100"}, "customer:~12"),
        ({"email": "", "phone": ""}, None),
        ("", None),
    ):
        parts = reader.read(envelope({"id": "1", "customer": customer}), NOW).parts
        assert [part.key for part in parts[1:]] == ([key] if key else [])
        assert parts[0].leaves.get("order.customer_key") == key


ABOUT = [
    ("ticket.opened", {"order_id": "1", "customer_id": "7", "reason": "late"}, ["order:1", "customer:7"]),
    ("ticket.opened", {"order_id": "1"}, ["order:1"]),
    ("case.closed", {"customer_id": 7, "order_id": ""}, ["customer:7"]),
    ("message.accepted", {"order_id": "1", "customer_id": "7"}, ["order:1", "customer:7"]),
    ("survey.answered", {"order_id": "1", "customer_id": "7", "score": 5}, ["customer:7", "order:1"]),
    ("shipment.scanned", {"tracking_number": "T1"}, ["shipment:T1"]),
    ("shipment.scanned", {"id": "", "tracking_number": "T1"}, ["shipment:T1"]),
    ("shipment.scanned", {"id": "s", "tracking_number": "T1"}, ["shipment:s"]),
    ("stock.changed", {"sku": 1234}, ["stock:1234"]),
    ("customer.updated", {"id": "7"}, ["customer:7"]),
    (
        "consent.changed",
        {"customer_id": "7", "channel": "sms", "purpose": "survey", "state": "revoked"},
        ["customer:7"],
    ),
]


@pytest.mark.parametrize(("type_", "data", "keys"), ABOUT)
def test_what_an_event_is_about(reader, type_, data, keys):
    """Whom an event concerns; the first is whom it is kept with, and that is the person for an answer."""
    event = reader.read(envelope(data, type_), NOW)
    assert [part.key for part in event.parts] == keys
    assert event.subject_key == keys[0]


def test_what_belongs_to_the_event_alone(reader):
    """A score is no lasting fact about anybody: it stays with the event."""
    event = reader.read(envelope({"customer_id": "7", "score": "2", "comment": ""}, "survey.answered"), NOW)
    assert event.facts == {"survey.customer_id": "7", "survey.score": 2}
    assert all(not part.leaves for part in event.parts)


def test_60_unknown_types_and_fields(reader):
    """An unknown type is kept, an unknown field is left out, and both are counted under their names."""
    event = reader.read(envelope({"anything": 1}, "parcel.lost"), NOW)
    assert (event.parts, event.subject_key, event.type) == ((), "", "parcel.lost")
    for _ in range(2):
        told = {"id": "1", "totle": 5, "customer": {"id": "7", "shoe": 43}, "attributes": {"gift": True}}
        assert "totle" not in str(reader.read(envelope(told), NOW).parts)
    fields = {"data.totle": 2, "data.customer.shoe": 2, "data.attributes.gift": 2}
    assert reader.ignored == {"type parcel.lost": 1, **fields}


def test_keys_without_end_are_not_remembered_without_end(reader):
    """A sender who makes up a key for each event does not fill our memory."""
    for number in range(1_100):
        reader.read(envelope({"id": "1", f"k{number}": 1, "x" * 5_000: 1}), NOW)
    assert len(reader.ignored) == 1_000
    assert max(map(len, reader.ignored)) == 200
    assert reader.ignored["data.k7"] == 1


def test_a_projects_own_events_and_fields():
    """What a project declares is read like the rest, under its name or under `attributes`."""
    catalogue = standard().declare(
        [EventType("order.wrapped", "")],
        [Field("order.gift.date", "time", ""), Field("order.sales_channel", "choice", "", ("web", "phone"))],
    )
    reader = EventReader(catalogue, ZoneInfo("UTC"), str)
    data = {"gift": {"date": "2026-12-24"}, "attributes": {"sales_channel": "phone"}}
    assert leaves(reader, data, "order.wrapped") == {
        "order.gift.date": date(2026, 12, 24), "order.sales_channel": "phone",
    }  # fmt: skip
    assert refusal(lambda: leaves(reader, {"sales_channel": "fax"})) == (
        "data.sales_channel: is one of web, phone, got 'fax'"
    )


# --- names and content -----------------------------------------------------------------------------------------------


def test_41_42_names_and_contents(reader):
    """The same event has the same name and content; another body changes the content, another source or id the name."""
    first = reader.read(envelope(), NOW)
    again = reader.read(dict(reversed(envelope().items())), NOW + timedelta(hours=1))
    assert (again.name_digest, again.content_digest) == (first.name_digest, first.content_digest)
    other = reader.read(envelope({"id": "2"}), NOW)
    assert other.name_digest == first.name_digest
    assert other.content_digest != first.content_digest
    names = {
        reader.read(envelope(**more), NOW).name_digest for more in ({}, {"id": "e2"}, {"source": "/s", "id": "hope1"})
    }
    assert len(names) == 3


def test_when_it_reached_somebody_is_no_part_of_it(reader):
    """`receivedat` changes neither name nor content, with an id or without; it says when a history's event arrived."""
    for id_ in ("e1", None):
        plain = reader.read(envelope(id=id_), NOW)
        stamped = reader.read(envelope(id=id_, receivedat="2026-03-13T11:00:00Z"), NOW)
        assert (plain.name_digest, plain.content_digest) == (stamped.name_digest, stamped.content_digest)
    assert reader.arrival(envelope(receivedat="2026-03-13T11:00:00Z")) == datetime(2026, 3, 13, 11, tzinfo=UTC)
    assert reader.arrival(envelope()) == TEN
    assert reader.arrival(envelope(time=NOTHING)) is None
    assert refusal(lambda: reader.arrival(envelope(receivedat="soon"))) == f"receivedat: {_TIME} 'soon'"


def test_43_without_an_id_the_content_is_the_name(reader):
    """Two events without an id are one where they say the same, and two where they do not."""
    one, same, other = (
        reader.read(envelope(data, id=NOTHING), NOW) for data in ({"id": "1"}, {"id": "1"}, {"id": "2"})
    )
    assert one.id == same.id == one.content_digest.hex()
    assert one.name_digest == same.name_digest != other.name_digest


def test_times_of_an_event(reader):
    """An event happened at its time, else when it arrived; a sender's clock may be ahead by up to a day."""
    assert reader.read(envelope(), NOW).stamp == (TEN, "/shop", "e1")
    assert reader.read(envelope(time=NOTHING), NOW).time == NOW
    assert reader.read(envelope(time="2026-03-14T12:00:00Z"), NOW).time == NOW + timedelta(days=1)
    assert reader.read(envelope(time="1970-01-01T00:00:00Z"), NOW).time.year == 1970
    assert reader.read(envelope(), NOW).received == NOW


def test_binary_data(reader):
    """Data in base64 is read as if it stood there."""
    data = base64.b64encode(b'{"id": "1", "total": 5}').decode()
    assert reader.read(envelope(data=None, data_base64=data), NOW).parts[0].leaves["order.total"] == 5


def test_the_body_is_kept_whole(reader):
    """What the catalogue does not know stays in the record."""
    told = envelope({"id": "1", "totle": 5})
    assert json.loads(reader.read(told, NOW).body) == told
