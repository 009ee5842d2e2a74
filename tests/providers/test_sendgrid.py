from __future__ import annotations

import asyncio
import dataclasses
import time

import orjson
import pytest
from pydantic import SecretStr, ValidationError
from sendgrid.helpers import mail as vendor

from notifier.errors import UsageError
from notifier.provider import Accepted, Unknown
from notifier.testing.http_server import CUT, DRIP, HANG, HANG_UP, Reply
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier.testing.sendgrid_server import SendgridServer, refusal
from notifier_providers.sendgrid import VERDICTS, Sendgrid, SendgridSettings, request_for, verdict_on

KEY = "SG.correct-horse.battery-staple"


@pytest.fixture
def server():
    with SendgridServer(KEY) as server:
        yield server


@pytest.fixture
def sendgrid(tmp_path):
    """Makes a provider for a server; what is not said is as in a project."""

    def make(url, **settings):
        settings = {"api_key": SecretStr(KEY)} | settings
        return Sendgrid("mail", SendgridSettings(type="sendgrid", url=url, **settings), tmp_path)

    return make


@pytest.fixture
def closed(sendgrid):
    with SendgridServer(KEY) as server:
        url = server.url
    return sendgrid(url)


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, sendgrid, server):
        return sendgrid(server.url)

    @pytest.fixture
    def delivered(self, server):
        return lambda: [Delivery(mail.to, mail.text, mail.subject) for mail in server.received]

    @pytest.fixture
    def unreachable(self, closed):
        return closed

    @pytest.fixture
    def secrets(self):
        return [KEY]


def test_what_arrives_is_what_was_written(sendgrid, server):
    """Both bodies, the sender's name, a way to answer and to unsubscribe arrive, and our id with them."""
    message = dataclasses.replace(
        sample("email", sender="Zażółć & Co. <orders@example.org>"),
        headers=(("List-Unsubscribe", "<https://shop.example/u/1>"), ("Reply-To", "Help <help@example.org>")),
    )
    (outcome,) = send(sendgrid(server.url), message)
    (mail,) = server.received
    assert outcome == Accepted(mail.id)
    assert (mail.text, mail.html) == (message.text, message.html)
    assert mail.request["from"] == {"email": "orders@example.org", "name": "Zażółć & Co."}
    assert mail.request["reply_to"] == {"email": "help@example.org", "name": "Help"}
    assert mail.headers["List-Unsubscribe"] == "<https://shop.example/u/1>"
    assert mail.headers["X-Notifier-Message"] == message.id
    assert mail.custom_args == {"notifier_message": message.id}


def test_what_travels_with_a_message_names_nobody(sendgrid, server):
    """What SendGrid keeps for years beside a message is our id, and nothing about the customer or the order."""
    send(sendgrid(server.url), sample("email"))
    (mail,) = server.received
    assert set(mail.custom_args) == {"notifier_message"}
    assert "categories" not in mail.request
    kept = orjson.dumps([mail.custom_args, mail.headers]).decode()
    assert not any(private in kept for private in ("dana", "1043"))


def test_the_text_stays_as_it_is(sendgrid, server):
    """Whatever the account is set to: no link is rewritten, no picture counts readers, no footer is added."""
    send(sendgrid(server.url), sample("email"))
    asked = server.received[0].request
    switches = [*asked["tracking_settings"].values(), asked["mail_settings"]["footer"]]
    assert len(switches) == 5
    assert not any(switch["enable"] for switch in switches)


def test_the_request_is_the_vendors_own():
    """SendGrid's own package would ask for the same."""
    message = dataclasses.replace(sample("email"), headers=(("Reply-To", "Help <help@example.org>"),))
    theirs = vendor.Mail(
        vendor.From("orders@example.org", "Example Shop"), None, message.subject, message.text, message.html
    )
    person = vendor.Personalization()
    person.add_to(vendor.To("dana@example.com"))
    person.add_header(vendor.Header("Auto-Submitted", "auto-generated"))
    person.add_header(vendor.Header("X-Notifier-Message", message.id))
    person.add_custom_arg(vendor.CustomArg("notifier_message", message.id))
    theirs.add_personalization(person)
    theirs.reply_to = vendor.ReplyTo("help@example.org", "Help")
    theirs.mail_settings = vendor.MailSettings(footer_settings=vendor.FooterSettings(enable=False))
    theirs.tracking_settings = vendor.TrackingSettings(
        vendor.ClickTracking(enable=False, enable_text=False),
        vendor.OpenTracking(enable=False),
        vendor.SubscriptionTracking(enable=False),
        vendor.Ganalytics(enable=False),
    )
    assert request_for(message) == theirs.get()


ANSWERS = [
    (refusal(429, "too many requests"), "later uncounted 30"),
    (refusal(401, "The provided authorization grant is invalid, expired, or revoked"), "refused provider"),
    (refusal(401, "Maximum credits exceeded"), "refused provider"),
    (refusal(403, "access forbidden"), "refused provider"),
    (refusal(403, "The from address does not match a verified Sender Identity.", "from"), "refused sender"),
    (refusal(400, "The from email does not contain a valid address.", "from.email"), "refused sender"),
    (refusal(400, "Does not contain a valid address.", "personalizations.0.to.0.email"), "refused address"),
    (refusal(400, "does not contain a valid address"), "refused address"),
    (refusal(400, "The header is reserved.", "headers"), "refused provider"),
    (refusal(400, "asm group does not exist", "asm.group_id"), "refused provider"),
    (refusal(400, "The subject is required.", "subject"), "refused message"),
    (Reply(400), "refused message"),
    (refusal(406, "missing accept header"), "refused message"),
    (refusal(422, "unprocessable"), "refused message"),
    (refusal(413, "payload too large"), "refused message"),
    (refusal(404, "not found"), "refused provider"),
    (refusal(405, "method not allowed"), "refused provider"),
    (refusal(415, "content type"), "refused provider"),
    (Reply(407), "refused provider"),
    (Reply(301, headers={"Location": "http://127.0.0.1:1/"}), "refused provider"),
    (Reply(408), "later uncounted 30"),
    (Reply(418, b"I am a teapot"), "refused message"),
    (Reply(500), "unknown"),
    (Reply(502, b"<html>"), "unknown"),
    (Reply(503), "unknown"),
    (Reply(504), "unknown"),
    (Reply(200, b"<html>Welcome to our airport"), "unknown"),
    (Reply(204), "unknown"),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS, ids=[f"{one.status} {one.body[:60]}" for one, _ in ANSWERS])
def test_what_an_answer_means(sendgrid, server, kind, answer, expected):
    """Each answer means one thing: wait, never, whose fault, or that nobody knows; the reason has the status."""
    server.answer(answer)
    (outcome,) = send(sendgrid(server.url), sample("email"))
    assert kind(outcome) == expected
    assert f"{answer.status}" in outcome.reason
    assert len(server.requests) == 1


def test_every_row_is_met():
    """No row of the table stands behind one that takes all of its answers."""
    met = set()
    for answer, _ in ANSWERS:
        said = (
            orjson.loads(answer.body)["errors"][0]
            if answer.body.startswith(b'{"errors')
            else {"field": "", "message": ""}
        )
        text = f"{said['field']}: {said['message']}" if said["field"] else said["message"]
        met.add(verdict_on(answer.status, text))
    assert met >= {(verdict, words) for _, _, verdict, words in VERDICTS if verdict != "message" or words}


def test_credits_that_are_used_up_are_no_bad_key(sendgrid, server):
    """The same status says two things; whoever has to mend it is told which."""
    server.credits = 1
    _, outcome = send(sendgrid(server.url, connections=1), sample("email"), sample("email"))
    assert "credits" in outcome.reason
    server.credits = None
    (outcome,) = send(sendgrid(server.url, api_key=SecretStr("SG.wrong")), sample("email"))
    assert "api_key" in outcome.reason


def test_a_limit_says_how_long(sendgrid, server, in_turn, kind):
    """Where the limit is reached the wait is the one that was named, and afterwards it goes on."""
    server.limit(1, 60)
    provider = sendgrid(server.url)
    first, second = in_turn(provider, sample("email"), sample("email"))
    assert isinstance(first, Accepted)
    assert kind(second).startswith("later uncounted")
    assert 50 <= second.after.total_seconds() <= 60
    server.lift()
    (third,) = in_turn(provider, sample("email"))
    assert isinstance(third, Accepted)


def test_a_sender_that_nobody_verified(sendgrid, server, kind):
    """A sender that SendGrid does not know is our fault and nobody else's."""
    (outcome,) = send(sendgrid(server.url), sample("email", sender="Shop <who@example.org>"))
    assert kind(outcome) == "refused sender"
    assert not server.received


def test_connections_are_used_again(sendgrid, server, in_turn):
    """Messages that follow each other share one connection; together they take no more than the settings say."""
    in_turn(sendgrid(server.url), *(sample("email") for _ in range(5)))
    assert server.connections == 1
    send(sendgrid(server.url, connections=3), *(sample("email") for _ in range(30)))
    assert server.connections <= 4


@pytest.mark.parametrize("trouble", [HANG, HANG_UP, DRIP])
def test_once_it_has_the_message_nobody_knows(sendgrid, server, in_turn, trouble):
    """A server that takes the message and then says nothing, hangs up or dribbles leaves it open; the next is not hurt."""
    server.answer(trouble)
    provider = sendgrid(server.url, connect_timeout=0.2, read_timeout=0.3, total_timeout=0.6)
    first, second = in_turn(provider, sample("email"), sample("email"))
    assert isinstance(first, Unknown)
    assert isinstance(second, Accepted)
    assert len(server.received) == 2


def test_an_answer_that_was_cut_is_one(sendgrid, server):
    """Once the status is there, a connection that breaks takes nothing back."""
    server.answer(CUT)
    (outcome,) = send(sendgrid(server.url), sample("email"))
    assert outcome == Accepted(server.received[0].id)


def test_a_storm_passes(sendgrid, server, in_turn):
    """While everything is answered with 503 nothing is said to be refused, and afterwards mail goes again."""
    server.storm(Reply(503))
    provider = sendgrid(server.url)
    assert all(isinstance(one, Unknown) for one in in_turn(provider, *(sample("email") for _ in range(3))))
    server.storm(None)
    (outcome,) = in_turn(provider, sample("email"))
    assert isinstance(outcome, Accepted)


def test_a_redirect_does_not_get_the_key(sendgrid, server):
    """Whoever answers with another address is not followed there."""
    with SendgridServer(KEY) as other:
        server.answer(Reply(307, headers={"Location": f"{other.url}/v3/mail/send"}))
        send(sendgrid(server.url), sample("email"))
        assert not other.requests


def test_an_unknown_certificate_is_refused(sendgrid, tmp_path, kind):
    """A server that cannot prove who it is gets neither the key nor the message; one's own authority can be named."""
    with SendgridServer(KEY, tls=True) as server:
        (outcome,) = send(sendgrid(server.url), sample("email"))
        assert kind(outcome) == "refused provider"
        assert "certificate" in outcome.reason
        assert not server.requests
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        (outcome,) = send(sendgrid(server.url, ca_file="ca.pem"), sample("email"))
        assert isinstance(outcome, Accepted)
    with pytest.raises(UsageError, match=r"provider 'mail': ca_file 'nowhere\.pem' is not there"):
        sendgrid(server.url, ca_file="nowhere.pem")


def test_a_cancelled_send_leaves_the_rest_whole(sendgrid, server):
    """A send that was cancelled in the middle does not hurt the next one."""

    async def cancelled():
        provider = sendgrid(server.url)
        server.answer(HANG)
        sending = asyncio.create_task(provider.send(sample("email")))
        assert await asyncio.to_thread(server.stalled.wait, 10)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        outcome = await provider.send(sample("email"))
        await provider.close()
        return outcome

    assert isinstance(asyncio.run(cancelled()), Accepted)


def test_half_a_character_stops_nothing(sendgrid, server):
    """Text that no JSON can hold arrives with a sign in the place of what could not."""
    (outcome,) = send(sendgrid(server.url), sample("email", text="half \ud83d of it"))
    assert isinstance(outcome, Accepted)
    assert server.received[0].text == "half ? of it"


def test_their_words_are_not_passed_on_whole(sendgrid, server):
    """What an answer repeats of the key, the address or the text does not get into a reason, nor what could colour a log."""
    message = sample("email")
    said = f"\x1b[2Jno: {KEY}, {message.to}, other@example.com, {message.subject}, {message.text}"
    server.answer(refusal(400, said))
    (outcome,) = send(sendgrid(server.url), message)
    assert "no: " in outcome.reason
    private = (KEY, message.to, "other@example.com", message.subject, message.text, "\x1b")
    assert not any(one in outcome.reason for one in private)


def test_an_endless_answer_is_cut(sendgrid, server):
    """What does not end is not kept."""
    server.answer(Reply(400, b"x" * 5_000_000))
    (outcome,) = send(sendgrid(server.url), sample("email"))
    assert len(outcome.reason) < 300


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": "http://api.example.com"}, "this computer only"),
        ({"url": "api.sendgrid.com"}, "write it like https://"),
        ({"url": "https://user@api.example.com"}, "without user"),
        ({"url": "https://api.example.com/?a=b"}, "without user, query"),
        ({"api_key": ""}, "at least 1"),
        ({"connections": 0}, "connections"),
        ({"conections": 2}, "conections"),
        ({"connect_timeout": 30, "total_timeout": 30}, "total_timeout must be longer"),
    ],
)
def test_settings_that_make_no_sense(settings, complaint):
    """A key in the clear beyond this computer, an address that is none or a misspelt setting is found before sending."""
    with pytest.raises(ValidationError, match=complaint):
        SendgridSettings(**{"type": "sendgrid", "api_key": KEY} | settings)


def test_no_key_in_settings_shown():
    """A dump of the settings shows no key."""
    settings = SendgridSettings(type="sendgrid", api_key=SecretStr(KEY))
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_reset_in_the_past_is_soon(sendgrid, server, kind):
    """A reset that is over, far away or no number at all comes to a sensible wait."""
    for reset, wait in ((time.time() - 100, 1), (time.time() + 10_000_000, 900), ("soon", 30), ("-5", 30)):
        value = reset if isinstance(reset, str) else f"{reset:.0f}"
        server.answer(Reply(429, headers={"X-RateLimit-Reset": value}))
        (outcome,) = send(sendgrid(server.url), sample("email"))
        assert kind(outcome) == f"later uncounted {wait}"
