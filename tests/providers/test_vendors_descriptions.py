"""What is really sent, held against the vendors' own descriptions of their APIs, which lie beside the project."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from notifier.testing.provider_contract import AWKWARD, LANGUAGES, sample, send
from notifier.testing.sendgrid_server import SendgridServer
from notifier.testing.twilio_server import TwilioServer
from notifier_providers.sendgrid import Sendgrid, SendgridSettings
from notifier_providers.twilio import Twilio, TwilioSettings

ACCOUNT = f"AC{'0' * 31}1"
SERVICE = f"MG{'0' * 31}3"
TEXTS = [*LANGUAGES.values(), AWKWARD]


def _resolved(part, whole):
    """A part of a description with all that it refers to in its place."""
    if isinstance(part, list):
        return [_resolved(one, whole) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _resolved(found, whole)
    return {name: _resolved(one, whole) for name, one in part.items()}


def _closed(schema):
    """The same schema, in which a name that is not described is a fault."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(one) for name, one in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@pytest.fixture(scope="module")
def described(needs_data):
    """Gives the schema of a request, and the answers that are described for it."""

    def find(folder, file, path, content_type):
        whole = orjson.loads((needs_data(folder) / file).read_bytes())
        post = _resolved(whole["paths"][path]["post"], whole)
        schema = _closed(post["requestBody"]["content"][content_type]["schema"])
        return Draft202012Validator(schema, format_checker=FormatChecker()), whole["servers"], set(post["responses"])

    return find


def test_mail_send(described, tmp_path):
    """Every request to SendGrid is one that its description knows: each name, each type, at the right place."""
    validator, servers, answers = described("sendgrid-oai", "tsg_mail_v3.json", "/v3/mail/send", "application/json")
    with SendgridServer("SG.key") as server:
        settings = SendgridSettings(type="sendgrid", url=server.url, api_key=SecretStr("SG.key"))
        messages = [sample("email", text=text) for text in TEXTS]
        messages += [
            dataclasses.replace(
                one, headers=(("Reply-To", "Help <help@example.org>"), ("List-Unsubscribe", "<https://x>"))
            )
            for one in messages
        ]
        send(Sendgrid("mail", settings, tmp_path), *messages)
        assert len(server.received) == len(messages)
        for request in server.requests:
            assert urlsplit(request.path).path == "/v3/mail/send"
            assert not [fault.message for fault in validator.iter_errors(orjson.loads(request.body))]
    assert SendgridSettings(type="sendgrid", api_key=SecretStr("x")).url in {one["url"] for one in servers}
    assert "202" in answers


def test_what_the_description_would_catch(described, tmp_path):
    """The check can fail: a name that SendGrid does not know, a text of no length, an address that is none."""
    validator, *_ = described("sendgrid-oai", "tsg_mail_v3.json", "/v3/mail/send", "application/json")
    with SendgridServer("SG.key") as server:
        settings = SendgridSettings(type="sendgrid", url=server.url, api_key=SecretStr("SG.key"))
        send(Sendgrid("mail", settings, tmp_path), sample("email"))
        good = orjson.loads(server.requests[0].body)
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"reply-to": {"email": "help@example.org"}})
    assert not validator.is_valid(good | {"content": [{"type": "text/plain", "value": ""}]})
    assert not validator.is_valid(good | {"from": {"email": "nobody"}})


@pytest.mark.parametrize("more", [{}, {"messaging_service_sid": SERVICE, "status_callback": "https://shop.example/t"}])
def test_create_message(described, tmp_path, more):
    """Every form for Twilio is one that its description knows, and goes where that says."""
    path = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
    validator, servers, answers = described(
        "twilio-oai", "twilio_api_v2010.json", path, "application/x-www-form-urlencoded"
    )
    with TwilioServer(ACCOUNT, ACCOUNT, "token", senders=["+15005550006", SERVICE]) as server:
        settings = TwilioSettings(
            type="twilio", url=server.url, account_sid=ACCOUNT, auth_token=SecretStr("token"), **more
        )
        send(Twilio("texts", settings, tmp_path), *(sample("sms", text=text) for text in TEXTS))
        assert len(server.received) == len(TEXTS)
        for request in server.requests:
            assert request.path == path.replace("{AccountSid}", ACCOUNT)
            form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
            form["SmartEncoded"] = orjson.loads(form["SmartEncoded"])  # a form has no types, the description has
            assert not [fault.message for fault in validator.iter_errors(form)]
    assert {one["url"] for one in servers} == {TwilioSettings.model_fields["url"].default}
    assert answers == {"201"}
