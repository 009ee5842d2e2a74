from __future__ import annotations

import asyncio
import gzip
import json

import httpx
import pytest

from notifier.web import Inbox, application

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}


def binary(event):
    """An event's headers and body in the binary form of the HTTP binding."""
    attributes = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return {**attributes, **JSON}, json.dumps(event["data"])


async def posted(shop, inbox, **request):
    """The answer of the application itself, without a server around it."""
    transport = httpx.ASGITransport(application(shop.engine, inbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/events", **request)


@pytest.mark.parametrize(
    "kind", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8", "application/json"]
)
def test_one_event_is_taken_and_kept(shop, client, kind):
    """A structured event is answered with 202 once it is in the database."""
    event = shop.order()
    answer = client.post("/events", json=event, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "duplicate": 0, "rejected": []})
    assert shop.is_kept(event)


@pytest.mark.parametrize("kind", ["application/cloudevents-batch+json", "application/json"])
def test_a_batch_is_taken(shop, client, kind):
    """A JSON array is a batch, whichever of its two names it comes under."""
    events = [shop.order(), shop.order()]
    answer = client.post("/events", json=events, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert all(map(shop.is_kept, events))


def test_lines_are_taken(shop, client):
    """NDJSON is one event a line; blank lines, a BOM and Windows line ends do no harm."""
    events = [shop.order(), shop.order()]
    body = b"\xef\xbb\xbf" + "\r\n\r\n".join(map(json.dumps, events)).encode() + b"\r\n"
    answer = client.post("/events", content=body, headers=LINES)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert all(map(shop.is_kept, events))


def test_the_binary_form_is_taken(shop, client):
    """Attributes may come as headers, percent-encoded, with the data alone in the body."""
    event = shop.order() | {"source": "/sklep/łódź"}
    headers, body = binary(event | {"source": "/sklep/%C5%82%C3%B3d%C5%BA"})
    answer = client.post("/events", content=body, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    with shop.engine.store.read() as unit:
        (told,) = unit.events(f"order:{event['data']['id']}")
    assert (told.source, told.id) == ("/sklep/łódź", event["id"])


def test_a_quoted_header_is_its_content(shop, client):
    """Senders that put a header's value in quotes mean what is inside of them."""
    event = shop.order()
    headers, body = binary(event)
    answer = client.post("/events", content=body, headers={**headers, "ce-source": '"/\\"x\\""'})
    assert answer.status_code == 202
    with shop.engine.store.read() as unit:
        assert [one.source for one in unit.events(f"order:{event['data']['id']}")] == ['/"x"']


def test_each_refused_event_has_its_reason(shop, client):
    """One bad event does not take its batch down: the answer names it by place, and quarantine keeps it."""
    before = shop.counts()["quarantined"]
    events = [shop.order(), {"specversion": "1.0"}, 5, shop.event("order.placed", {"number": "1"}), shop.order()]
    answer = client.post("/events", json=events)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "duplicate": 0,
        "rejected": [
            {"index": 1, "reason": "source: is missing"},
            {"index": 2, "reason": "an event is a JSON object"},
            {"index": 3, "reason": "data.id: is missing"},
        ],
    }
    assert shop.counts()["quarantined"] - before == 3


def test_a_line_that_is_not_json_is_refused_alone(shop, client):
    """In NDJSON a broken line is one refused event."""
    answer = client.post("/events", content=f'{{"a":\n{json.dumps(shop.order())}\n', headers=LINES)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    (rejected,) = answer.json()["rejected"]
    assert rejected["index"] == 0
    assert rejected["reason"].startswith("not JSON")


def test_repeated_events_are_fine(shop, client):
    """The same event again is a success, so that its sender stops repeating it; within one batch too."""
    event = shop.order()
    answers = [client.post("/events", json=[event, event]), client.post("/events", json=event)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [1, 1]
    assert shop.is_kept(event)


def test_the_same_id_with_another_content_is_a_conflict(shop, client, caplog):
    """A known source and id with other content is answered with 409, and logged; the first content stays."""
    event = shop.order()
    client.post("/events", json=event)
    answer = client.post("/events", json=event | {"data": {**event["data"], "number": "other"}})
    assert answer.status_code == 409
    assert answer.json()["rejected"] == [{"index": 0, "reason": "this source and id came before with other content"}]
    assert "events that came before with other content: 1" in caplog.text
    assert shop.is_kept(event)


def test_nothing_accepted_is_422(client):
    """A sender whose every event is refused must hear it in the status."""
    answer = client.post("/events", json=[{"specversion": "0.3"}])
    assert (answer.status_code, answer.json()["accepted"]) == (422, 0)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b"order 1043 is late"),
        (JSON, b"5"),
        (JSON, b'"text"'),
        (JSON, b"null"),
        (JSON, b"[]"),
        (JSON, b"[" * 100_000),
        (JSON, b'{"total": NaN}'),
        (JSON, b'{"a": 1, "a": 2}'),
        (JSON, b"\xff\xfe{}"),
        (LINES, b"one\ntwo\n"),
        ({**JSON, "ce-specversion": "1.0"}, b"{"),
    ],
    ids=["text", "number", "string", "null", "nothing", "nested", "NaN", "twice", "bytes", "lines", "binary"],
)
def test_what_is_not_json_is_400_and_kept(shop, client, headers, body):
    """What cannot be read at all is 400, and lies in quarantine for whoever looks into it."""
    before = shop.counts()["quarantined"]
    answer = client.post("/events", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert shop.counts()["quarantined"] - before == 1


@pytest.mark.parametrize("headers", [JSON, LINES], ids=["json", "lines"])
def test_nothing_at_all_is_400(shop, client, headers):
    """An empty body is 400; there is nothing to keep of it."""
    before = shop.counts()["quarantined"]
    assert client.post("/events", content=b"", headers=headers).status_code == 400
    assert shop.counts()["quarantined"] == before


def test_a_body_that_says_it_is_too_long_is_413(client):
    """More than 5 MB is refused before it is read, and the sender sees why."""
    answer = client.post("/events", content=b" " * (5 * 1024 * 1024 + 1), headers=JSON)
    assert (answer.status_code, answer.json()) == (413, {"error": "a body has at most 5,242,880 bytes"})


def test_a_body_that_never_ends_is_413(shop):
    """Where nothing is said of the length, it is read no further than the limit."""
    read = []

    async def endless():
        for _ in range(1000):
            read.append(65536)
            yield b" " * 65536

    answer = asyncio.run(posted(shop, shop.inbox, content=endless(), headers=JSON))
    assert answer.status_code == 413
    assert sum(read) < 6 * 1024 * 1024


def test_too_many_events_are_413(shop, client):
    """More than 1,000 events at once would keep everybody else waiting."""
    events = [shop.order() for _ in range(1001)]
    answer = client.post("/events", json=events)
    assert (answer.status_code, answer.json()) == (413, {"error": "1,001 events at once; send at most 1,000"})
    assert not shop.is_kept(events[0])


def test_a_compressed_body_is_415(shop, client):
    """Nobody unpacks what may be a bomb."""
    body = gzip.compress(json.dumps(shop.order()).encode())
    answer = client.post("/events", content=body, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_another_kind_of_body_is_415(shop, client, kind):
    """What a page in a browser can send unasked is no event, even where its bytes would be."""
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/events", content=json.dumps(shop.order()).encode(), headers=headers)
    assert answer.status_code == 415


def test_only_post(client):
    """Nothing is read through the door for events."""
    assert client.get("/events").status_code == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Host": "localhost:8025"}, 202),
        ({"Host": "[::1]:8025"}, 202),
        ({"Host": "shop.example"}, 403),
        ({"X-Forwarded-For": "203.0.113.9"}, 403),
        ({"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, 403),
    ],
    ids=["here", "localhost", "six", "rebound name", "proxied", "proxied and lying"],
)
def test_without_a_token_only_this_computer_sends(shop, client, headers, status):
    """Without a configured token the sender must be on this computer, and mean it."""
    assert client.post("/events", json=shop.order(), headers=headers).status_code == status


@pytest.fixture
def guarded(project, opened, monkeypatch):
    monkeypatch.setenv("NOTIFIER__WEB__EVENTS_TOKEN", "open-sesame-12345")
    with opened(project) as shop, shop.client() as client:
        yield shop, client


def test_the_token_opens_the_door(guarded):
    """With a token configured, who has it may send, from wherever they are, and nobody else."""
    shop, client = guarded
    tried = ["", "Bearer", "Bearer open-sesame-1234", "Basic open-sesame-12345", "Bearer żółw"]
    statuses = [
        client.post("/events", json=shop.order(), headers={"Authorization": given.encode()}).status_code
        for given in tried
    ]
    assert statuses == [401] * len(tried)
    assert client.post("/events", json=shop.order()).headers["WWW-Authenticate"] == "Bearer"
    right = {"Authorization": "bearer open-sesame-12345", "X-Forwarded-For": "203.0.113.9"}
    assert client.post("/events", json=shop.order(), headers=right).status_code == 202


def test_a_database_that_does_not_answer_is_503(shop, client):
    """A sender is told to come back, and what it then sends is taken."""
    event = shop.order()
    with shop.down():
        answer = client.post("/events", json=event)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert client.post("/events", json=event).json()["accepted"] == 1


def test_a_fault_of_ours_is_500(shop, client, monkeypatch):
    """Where a batch cannot be taken through a fault of ours the sender hears so; the connection stays, and so does the shop."""
    event = shop.order()
    with monkeypatch.context() as broken:
        broken.setattr("notifier.intake.absorb", lambda *_: 1 // 0)
        answer = client.post("/events", json=event)
    assert (answer.status_code, answer.json()) == (500, {"error": "this is a fault of ours; nothing was taken"})
    assert client.post("/events", json=event).json()["accepted"] == 1


def test_a_closed_inbox_is_503(shop):
    """While the daemon stops, events are sent back with a time to come again."""
    closed = Inbox(shop.engine.ingest)
    closed.close()
    answer = asyncio.run(posted(shop, closed, json=shop.order()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_many_at_once_lose_nothing(shop):
    """A hundred senders at the same time: each event is answered and kept, once."""
    events = [shop.order() for _ in range(100)]

    async def post_all():
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=shop.door.address, trust_env=False, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.post("/events", json=event) for event in events))

    answers = asyncio.run(post_all())
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["accepted"] for answer in answers) == 100
    assert all(map(shop.is_kept, events))


def test_events_outlive_the_process(project, opened):
    """What was answered with 202 is there when the shop opens again."""
    with opened(project) as shop, shop.client() as client:
        event = shop.order()
        assert client.post("/events", json=event).status_code == 202
    with opened(project) as shop:
        assert shop.is_kept(event)


def test_new_events_wake_the_engine(shop, client):
    """A commit that brought something new wakes the engine, one that did not lets it sleep."""
    event = shop.order()
    shop.wakings.clear()
    client.post("/events", json=event)
    assert len(shop.wakings) == 1
    client.post("/events", json=event)
    client.post("/events", json=[{}])
    assert len(shop.wakings) == 1
