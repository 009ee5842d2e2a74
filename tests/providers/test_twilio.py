from __future__ import annotations

import logging
import re
from urllib.parse import parse_qsl

import orjson
import pytest
from pydantic import SecretStr, ValidationError
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifier.provider import Accepted, Unknown
from notifier.testing.http_server import CUT, DRIP, HANG, HANG_UP, Reply
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier.testing.twilio_server import TwilioServer, refusal
from notifier_providers.twilio import CODES, Twilio, TwilioSettings

ACCOUNT = f"AC{'0' * 31}1"
KEY = f"SK{'0' * 31}2"
SERVICE = f"MG{'0' * 31}3"
TOKEN = "correct horse battery"


@pytest.fixture
def server():
    with TwilioServer(ACCOUNT, ACCOUNT, TOKEN) as server:
        yield server


@pytest.fixture
def twilio(tmp_path):
    """Makes a provider for a server; what is not said is as in a project."""

    def make(url, **settings):
        settings = {"account_sid": ACCOUNT, "auth_token": SecretStr(TOKEN)} | settings
        return Twilio("texts", TwilioSettings(type="twilio", url=url, **settings), tmp_path)

    return make


@pytest.fixture
def closed(twilio):
    with TwilioServer(ACCOUNT, ACCOUNT, TOKEN) as server:
        url = server.url
    return twilio(url)


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, twilio, server):
        return twilio(server.url)

    @pytest.fixture
    def delivered(self, server):
        return lambda: [Delivery(sms.to, sms.text) for sms in server.received]

    @pytest.fixture
    def unreachable(self, closed):
        return closed

    @pytest.fixture
    def secrets(self):
        return [TOKEN]


def test_what_arrives_is_what_was_written(twilio, server):
    """The number, the sender and the text arrive, and Twilio's own name for it comes back."""
    message = sample("sms", text="Paczka 1043 — gęś & Co. +a=b")
    (outcome,) = send(twilio(server.url), message)
    (sms,) = server.received
    assert outcome == Accepted(sms.sid)
    assert (sms.to, sms.sender, sms.text) == (message.to, message.sender, message.text)
    assert sms.status_callback == ""


def test_our_id_goes_along(twilio, server):
    """Where reports are wanted, each comes back with our own id, and with nothing else about anybody."""
    message = sample("sms")
    send(twilio(server.url, status_callback="https://notify.shop.example/twilio"), message)
    assert server.received[0].status_callback == f"https://notify.shop.example/twilio?m={message.id}"


def test_a_key_and_a_pool_of_senders(twilio):
    """A key with its secret stands in for the account's token, a messaging service for the sender."""
    with TwilioServer(ACCOUNT, KEY, "s3cret", senders=[SERVICE]) as server:
        settings = {"auth_token": None, "key_sid": KEY, "key_secret": SecretStr("s3cret")}
        (outcome,) = send(twilio(server.url, messaging_service_sid=SERVICE, **settings), sample("sms"))
        assert isinstance(outcome, Accepted)
        assert server.received[0].sender == SERVICE


def test_the_request_is_the_vendors_own(twilio, server):
    """Twilio's own package would post the same form to the same place with the same login."""
    message = sample("sms", text="zażółć + & =")
    send(twilio(server.url, status_callback="https://notify.shop.example/t"), message)

    class Overheard(TwilioHttpClient):
        def request(self, method, url, params=None, data=None, headers=None, auth=None, **_):
            self.asked = (method, url.removeprefix("https://api.twilio.com"), data, auth)
            return Response(201, "{}")

    theirs = Overheard(logger=logging.getLogger("twilio"))
    Client(ACCOUNT, TOKEN, http_client=theirs).messages.create(
        to=message.to,
        from_=message.sender,
        body=message.text,
        smart_encoded=False,
        status_callback=f"https://notify.shop.example/t?m={message.id}",
    )
    method, path, data, auth = theirs.asked
    (ours,) = server.requests
    assert (ours.method, ours.path) == (method, path)
    assert auth == (ACCOUNT, TOKEN)
    said = {name: str(value).lower() if isinstance(value, bool) else value for name, value in data.items()}
    assert dict(parse_qsl(ours.body.decode())) == said


@pytest.mark.parametrize(("code", "verdict"), [(code, verdict) for code, (verdict, _) in CODES.items()])
def test_what_a_code_means(twilio, server, kind, code, verdict):
    """Each code comes to what the table says of it, with the code in the reason; 5xx are answers that nobody can trust."""
    status = 500 if code in (20500, 20503) else 429 if verdict == "throttled" else 400
    server.answer(refusal(status, code, "theirs"))
    (outcome,) = send(twilio(server.url), sample("sms"))
    expected = {"throttled": "later uncounted 30", "later": "later", "unknown": "unknown"}
    assert kind(outcome) == expected.get(verdict, f"refused {verdict}")
    assert f"code {code}" in outcome.reason
    assert ("theirs" in outcome.reason) == (not CODES[code][1])


#: What matters most, said once more where the table cannot be wrong along with it.
EXPECTED = {
    20003: "refused provider", 20429: "later uncounted 30", 21211: "refused address", 21408: "refused message",
    21606: "refused sender", 21608: "refused message", 21610: "refused address", 21611: "later uncounted 30",
    21612: "refused message", 21614: "refused address", 21617: "refused message", 30007: "refused content",
}  # fmt: skip


@pytest.mark.parametrize("code", EXPECTED)
def test_the_codes_that_shops_meet(twilio, server, kind, code):
    """Login, limit, number, country, sender, trial, STOP, queue, route, landline, length, spam."""
    server.answer(refusal(400, code, "theirs"))
    (outcome,) = send(twilio(server.url), sample("sms"))
    assert kind(outcome) == EXPECTED[code]


ANSWERS = [
    (Reply(429), "later uncounted 30"),
    (Reply(401), "refused provider"),
    (Reply(403), "refused provider"),
    (Reply(404, b"<html>"), "refused provider"),
    (Reply(302, headers={"Location": "/"}), "refused provider"),
    (Reply(407), "refused provider"),
    (Reply(408), "later uncounted 30"),
    (refusal(400, 29999, "something new"), "refused message"),
    (Reply(400, b'{"code": "21211"}'), "refused message"),
    (Reply(400, b"[]"), "refused message"),
    (Reply(500), "unknown"),
    (refusal(503, 20503, "unavailable"), "unknown"),
    (Reply(201), "unknown"),
    (Reply(201, b"<html>"), "unknown"),
    (Reply(201, b'{"sid": 5}'), "unknown"),
    (Reply(201, b'{"sid": "SM1"}'), "unknown"),
    (Reply(201, b'{"code": 21211}'), "unknown"),
    (Reply(200, b"<html>Welcome to our airport"), "unknown"),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS, ids=[f"{one.status} {one.body[:40]}" for one, _ in ANSWERS])
def test_what_a_status_means(twilio, server, kind, answer, expected):
    """An answer without a code that is known means what its status says; one without sense, that nobody knows."""
    server.answer(answer)
    (outcome,) = send(twilio(server.url), sample("sms"))
    assert kind(outcome) == expected
    assert f"{answer.status}" in outcome.reason


def test_every_code_is_one_of_twilios(needs_data):
    """The table names no code that Twilio does not have."""
    known = {one["code"] for one in orjson.loads((needs_data("twilio") / "error_codes_slim.json").read_bytes())}
    assert set(CODES) <= known


def test_who_said_stop_is_left_alone(twilio, server, in_turn, kind):
    """STOP to a sender refuses the address, until START."""
    provider = twilio(server.url)
    server.stop("+15550100123")
    (refused,) = in_turn(provider, sample("sms"))
    assert kind(refused) == "refused address"
    assert "STOP" in refused.reason
    server.start("+15550100123")
    (taken,) = in_turn(provider, sample("sms"))
    assert isinstance(taken, Accepted)


def test_a_limit_says_how_long(twilio, server, in_turn, kind):
    """Where the limit is reached the wait is the one that was named, and afterwards it goes on."""
    server.limit(1, 7)
    provider = twilio(server.url)
    first, second = in_turn(provider, sample("sms"), sample("sms"))
    assert isinstance(first, Accepted)
    assert kind(second) == "later uncounted 7"
    server.lift()
    (third,) = in_turn(provider, sample("sms"))
    assert isinstance(third, Accepted)


def test_a_country_that_is_closed_stops_no_other(twilio, server, kind):
    """What is refused for its country fails alone: nothing is wrong with the number, nor with the provider."""
    server.closed_countries.add("+44")
    refused, taken = send(twilio(server.url), sample("sms", to="+447700900123"), sample("sms"))
    assert kind(refused) == "refused message"
    assert "Geo permissions" in refused.reason
    assert isinstance(taken, Accepted)


@pytest.mark.parametrize("trouble", [HANG, HANG_UP, DRIP, CUT])
def test_once_it_has_the_message_nobody_knows(twilio, server, in_turn, trouble):
    """A server that takes the message and whose answer does not come whole leaves it open; the next is not hurt."""
    server.answer(trouble)
    provider = twilio(server.url, connect_timeout=0.2, read_timeout=0.3, total_timeout=0.6)
    first, second = in_turn(provider, sample("sms"), sample("sms"))
    assert isinstance(first, Unknown)
    assert isinstance(second, Accepted)
    assert len(server.received) == 2


def test_a_wrong_token_stops_the_provider(twilio, server, kind):
    """With a wrong token nothing is sent, and the reason shows neither the wrong nor the right one."""
    (outcome,) = send(twilio(server.url, auth_token=SecretStr("battery staple")), sample("sms"))
    assert kind(outcome) == "refused provider"
    assert not re.search("staple|horse", outcome.reason)


def test_their_words_are_not_passed_on_whole(twilio, server):
    """What an answer repeats of the token, a number or the text does not get into a reason."""
    message = sample("sms")
    said = f"no: {TOKEN}, {message.to}, (555) 010-0199, 15550100123, {message.text}"
    server.answer(refusal(400, 29999, said))
    (outcome,) = send(twilio(server.url), message)
    assert "no: " in outcome.reason
    assert not any(one in outcome.reason for one in (TOKEN, "5550100", "010-0199", message.text))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"account_sid": "AC1"}, "AC and 32 of the digits"),
        ({"auth_token": None}, "give auth_token, or key_sid and key_secret"),
        ({"key_sid": KEY}, "key_sid and key_secret belong together"),
        ({"messaging_service_sid": ACCOUNT}, "MG and 32 of the digits"),
        ({"status_callback": "http://shop.example/t"}, "this computer only"),
        ({"status_callback": "https://my_shop.example/t"}, "underscore"),
        ({"url": "http://api.example.com"}, "this computer only"),
    ],
)
def test_settings_that_make_no_sense(settings, complaint):
    """Half a login, two of them, an account's id that is none or an address without HTTPS is found before sending."""
    with pytest.raises(ValidationError, match=complaint):
        TwilioSettings(**{"type": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN} | settings)
