"""What providers report: believed only where it is signed, told once, in whatever order it comes."""

from __future__ import annotations

from itertools import count, permutations

import orjson
import pytest

from notifier import starter
from notifier.testing.http_server import HANG_UP
from notifier.testing.sendgrid_server import SendgridServer
from notifier.testing.twilio_server import TwilioServer

ACCOUNT = f"AC{'0' * 31}1"
CALLBACK = "https://notify.shop.example/receipts/texts"

RULES = """
version: 1
rules:
  - {id: shipped, about: order, trigger: {event: order.shipped}, send: {template: order_shipped}}
  - {id: placed, about: order, trigger: {event: order.placed}, send: {template: order_shipped, channels: [sms]}}
"""

CONFIG = """
shop: {{name: Example Shop, timezone: Europe/Warsaw, support_email: help@shop.example}}
providers:
  mail: {{type: sendgrid, api_key: "${{KEY}}", url: "{mail.url}", webhook_key: "{mail.webhook_key}"}}
  texts: {{type: twilio, account_sid: {account}, auth_token: "${{TOKEN}}", url: "{texts.url}", status_callback: "{callback}"}}
channels:
  email: {{providers: [mail], from: {{transactional: Shop <orders@example.org>}}}}
  sms: {{providers: [texts], sender: "+15005550006"}}
"""


_numbers = count(100)


@pytest.fixture(scope="module")
def mail():
    with SendgridServer("SG.key") as server:
        yield server


@pytest.fixture(scope="module")
def texts():
    with TwilioServer(ACCOUNT, ACCOUNT, "token") as server:
        yield server


@pytest.fixture(scope="module")
def shop(mail, texts, tmp_path_factory, opened):
    root = tmp_path_factory.mktemp("receipts") / "shop"
    starter.copy(root)
    for path in (root / "rules").rglob("*.yaml"):
        path.unlink()
    (root / "rules" / "rules.yaml").write_text(RULES)
    filled = CONFIG.format(mail=mail, texts=texts, account=ACCOUNT, callback=CALLBACK)
    (root / "config" / "notifier.yaml").write_text(filled)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KEY", "SG.key")
        environment.setenv("TOKEN", "token")
        with opened(root) as shop:
            yield shop


@pytest.fixture
def client(shop):
    with shop.client() as client:
        yield client


@pytest.fixture
def sent(shop, mail):
    """One e-mail that SendGrid took: the message and the mail."""
    message = shop.ask(event="order.shipped", rule="shipped")
    return message, mail.received[-1]


@pytest.fixture
def texted(shop, texts):
    """One SMS that Twilio took."""
    number = next(_numbers)
    who = {"id": f"texted{number}", "phone": f"+1202555{number:04}"}
    shop.engine.ingest([shop.event("order.placed", {"id": f"texted{number}", "customer": who})])
    shop.engine.tick()
    (message,) = shop.messages(f"order:texted{number}")
    return message, texts.received[-1]


def post(client, headers, body, name="mail", query=""):
    return client.post(f"/receipts/{name}{query and '?'}{query}", headers=headers, content=body)


def told(shop, message):
    """What the rules were told of a message after it was accepted."""
    kinds = ("message.delivered", "message.bounced", "message.suppressed")
    kept = [one for kind in kinds for one in shop.told(message.subject_key, kind)]
    return sorted(one.type for one in [*kept, *shop.told(message.recipient, "consent.changed")])


def allowed(shop, message):
    """Whether the same person could be sent another one."""
    who = message.recipient.partition(":")[2]
    shop.engine.ingest([shop.event("order.shipped", {"id": f"{who}-again", "customer": {"id": who}})])
    shop.engine.tick()
    return [one.state for one in shop.messages(f"order:{who}-again")] == ["accepted"]


def test_an_arrival_is_told(shop, client, mail, sent):
    """What is signed is believed, and becomes an event that rules can watch; nothing else about the person changes."""
    message, got = sent
    answer = post(client, *mail.report(mail.told(got, "delivered", response="250 OK")))
    assert (answer.status_code, answer.content) == (204, b"")
    assert told(shop, message) == ["message.delivered"]
    assert shop.wakings
    assert allowed(shop, message)


def test_an_address_that_does_not_exist_is_closed(shop, client, mail, sent):
    """A bounce for good closes the address; the reason does not repeat it."""
    message, got = sent
    bounce = mail.told(got, "bounce", type="bounce", status="5.1.1", reason=f"550 5.1.1 <{got.to}> unknown")
    post(client, *mail.report(bounce))
    assert told(shop, message) == ["message.bounced", "message.suppressed"]
    (kept,) = shop.told(message.subject_key, "message.bounced")
    assert orjson.loads(kept.body)["data"]["reason"] == "SendGrid reports bounce 5.1.1"
    assert not allowed(shop, message)


@pytest.mark.parametrize(
    ("event", "more", "expected", "open_"),
    [
        ("processed", {}, [], True),
        ("deferred", {"response": "400 later", "attempt": "5"}, [], True),
        ("bounce", {"type": "blocked", "status": "5.7.1", "bounce_classification": "Content"}, ["message.bounced"], True),
        ("bounce", {"type": "bounce", "status": "5.2.2"}, ["message.bounced"], True),
        ("bounce", {"type": "bounce", "bounce_classification": "Invalid Address"}, ["message.bounced", "message.suppressed"], False),
        ("bounce", {}, ["message.bounced"], True),
        ("dropped", {"reason": "Bounced Address"}, ["message.bounced", "message.suppressed"], False),
        ("dropped", {"reason": "Spam Content"}, ["message.bounced"], True),
        ("spamreport", {}, ["consent.changed", "consent.changed"], True),
        ("unsubscribe", {}, ["consent.changed", "consent.changed"], True),
        ("open", {"ip": "192.0.2.1"}, [], True),
        ("click", {"url": "https://shop.example"}, [], True),
        ("something_new", {}, [], True),
    ],
)  # fmt: skip
def test_what_sendgrid_reports(shop, client, mail, sent, event, more, expected, open_):
    """Each event comes to one thing; opens and clicks, which robots do as well, to none."""
    message, got = sent
    assert post(client, *mail.report(mail.told(got, event, **more))).status_code == 204
    assert told(shop, message) == expected
    assert allowed(shop, message) == open_


def test_the_same_in_any_order_and_twice(shop, client, mail):
    """However often and in which order reports come, the same is known afterwards."""
    for order in permutations(["processed", "delivered", "bounce"]):
        message = shop.ask(event="order.shipped", rule="shipped")
        got = mail.received[-1]
        for event in (*order, *order):
            post(client, *mail.report(mail.told(got, event, type="bounce", status="5.1.1")))
        assert told(shop, message) == ["message.bounced", "message.delivered", "message.suppressed"]


def test_a_report_ends_doubt(shop, client, mail):
    """A message of which nobody knew whether it went is known to have gone once its provider speaks of it."""
    mail.answer(HANG_UP)
    shop.engine.ingest([shop.event("order.shipped", {"id": "9", "customer": {"id": "d", "email": "d@example.com"}})])
    shop.engine.tick()
    assert [one.state for one in shop.messages("order:9")] == ["unknown"]
    post(client, *mail.report(mail.told(mail.received[-1], "processed")))
    (message,) = shop.messages("order:9")
    assert (message.state, message.provider_id) == ("accepted", mail.received[-1].id)


def test_what_is_not_signed_is_not_believed(shop, client, mail, sent):
    """A body that was touched, a signature of somebody else, half of one or none is answered with 401, and changes nothing."""
    message, got = sent
    headers, body = mail.report(mail.told(got, "bounce", type="bounce", status="5.1.1"))
    signature, timestamp = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
    with SendgridServer("SG.key") as other:
        foreign, _ = other.report(mail.told(got, "delivered"))
    forged = [
        (headers, body.strip()),
        (headers, body.replace(b"bounce", b"boUnce")),
        ({**headers, timestamp: "1"}, body),
        (foreign, body),
        ({**headers, signature: ""}, body),
        ({**headers, signature: "not base64!"}, body),
        ({**headers, signature: headers[signature][:20]}, body),
        ({timestamp: headers[timestamp]}, body),
        ({}, body),
        ({}, b""),
    ]
    assert [post(client, *one).status_code for one in forged] == [401] * len(forged)
    assert told(shop, message) == []


def test_what_is_signed_and_makes_no_sense(shop, client, mail, sent):
    """What is no list is refused; in a list the good ones count, whatever stands beside them."""
    message, got = sent
    odd = [
        {},
        {"event": "delivered"},
        {"event": 5, "notifier_message": message.id},
        {"notifier_message": "x", "event": "bounce"},
    ]
    assert post(client, *mail.report(*odd, mail.told(got, "delivered"))).status_code == 204
    assert told(shop, message) == ["message.delivered"]
    headers, _ = mail.report()
    assert post(client, headers, b"not json").status_code == 401


def test_messages_of_others(shop, client, mail, sent, texted):
    """Reports of messages that are not ours, or that another provider carried, are taken and change nothing."""
    message, got = sent
    other = {**mail.told(got, "bounce", status="5.1.1", type="bounce"), "notifier_message": texted[0].id}
    unknown = {**mail.told(got, "delivered"), "notifier_message": "0" * 32}
    assert post(client, *mail.report(other, unknown)).status_code == 204
    assert told(shop, message) == told(shop, texted[0]) == []


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", "", []),
        ("sent", "", []),
        ("delivered", "", ["message.delivered"]),
        ("undelivered", "30003", ["message.bounced"]),
        ("undelivered", "30007", ["message.bounced"]),
        ("failed", "", ["message.bounced"]),
        ("failed", "99999", ["message.bounced"]),
        ("undelivered", "30005", ["message.bounced", "message.suppressed"]),
        ("undelivered", "30006", ["message.bounced", "message.suppressed"]),
        ("something_new", "", []),
    ],
)
def test_what_twilio_reports(shop, client, texts, texted, status, code, expected):
    """Each status comes to one thing, by its code where there is one; parameters that nobody knows yet do no harm."""
    message, sms = texted
    query, headers, body = texts.report(sms, status, ErrorCode=code, Brandnew="żółć & +")
    for _ in range(2):
        assert post(client, headers, body, "texts", query).status_code == 204
    assert told(shop, message) == expected


def test_twilio_is_believed_by_its_signature_alone(shop, client, texts, texted):
    """Another message's id, another status, no signature or one in strange letters is answered with 401."""
    message, sms = texted
    query, headers, body = texts.report(sms, "undelivered", ErrorCode="30005")
    forged = [
        (headers, body, "texts", query.replace(message.id, "0" * 32)),
        (headers, body.replace(b"30005", b"30006"), "texts", query),
        (headers, body.replace(b"&SmsStatus=", b""), "texts", query),
        ({}, body, "texts", query),
        ({"X-Twilio-Signature": "ż".encode()}, body, "texts", query),
        (headers, b"\xff", "texts", query),
    ]
    assert [post(client, *one).status_code for one in forged] == [401] * len(forged)
    assert told(shop, message) == []


def test_who_does_not_report(shop, client):
    """A name that no provider has is not found; what is too large is not read."""
    assert client.post("/receipts/nobody").status_code == 404
    assert client.get("/receipts/mail").status_code == 405
    assert client.post("/receipts/mail", content=b"x" * (5 * 1024 * 1024 + 1)).status_code == 413


def test_a_database_that_is_away(shop, client, mail, sent):
    """While nothing can be kept, the provider is asked to come back."""
    with shop.down():
        assert post(client, *mail.report(mail.told(sent[1], "delivered"))).status_code == 503
    assert post(client, *mail.report(mail.told(sent[1], "delivered"))).status_code == 204
    assert told(shop, sent[0]) == ["message.delivered"]
