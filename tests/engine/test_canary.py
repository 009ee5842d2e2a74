"""Providers that repeat all they know, and an engine that shows none of it."""

from __future__ import annotations

import logging
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from pydantic import SecretStr

from notifier.core.own_event import SOURCE
from notifier.project import Project
from notifier.store import Store
from notifier.testing import sendgrid_server, twilio_server
from notifier.testing.http_server import CUT, HANG_UP, Reply, Request
from notifier_providers.sendgrid import Sendgrid, SendgridSettings
from notifier_providers.twilio import Twilio, TwilioSettings

from .conftest import Shop

KEY, TOKEN, ACCOUNT = "SG.canary-key", "canary-token", f"AC{'0' * 31}1"
#: None of these may show anywhere: the secrets, plain or as they travel, the address, the number, the text with the name in it.
LOGIN = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
PRIVATE = (KEY, TOKEN, LOGIN, "dana@example.com", "5005550123", "555-0123", "Dana")


class Gossip:
    """Mixed into a server: refuses with everything that it was told."""

    secret = ""

    def told(self, request: Request, said: str) -> str:
        login = request.headers["authorization"]
        return f"{said}: {login} {self.secret} {said} dana@example.com +15005550123 (500) 555-0123"


class GossipingSendgrid(Gossip, sendgrid_server.SendgridServer):
    secret = KEY
    status = 400

    def reply(self, request: Request) -> Reply:
        asked = orjson.loads(request.body)
        said = self.told(request, asked["content"][0]["value"])
        return sendgrid_server.refusal(self.status, said)


class GossipingTwilio(Gossip, twilio_server.TwilioServer):
    secret = TOKEN
    status = 400

    def reply(self, request: Request) -> Reply:
        return twilio_server.refusal(self.status, 29999, self.told(request, parse_qs(request.body.decode())["Body"][0]))


@pytest.fixture
def servers() -> Any:
    with GossipingSendgrid(KEY) as mail, GossipingTwilio(ACCOUNT, ACCOUNT, TOKEN) as texts:
        yield mail, texts


@pytest.mark.parametrize("trouble", [400, 401, 403, 404, 422, 429, 500, 503, HANG_UP, CUT, "closed"])
def test_nothing_private_shows(
    small_project: Project,
    store: Store,
    servers: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Any,
) -> None:
    """No log of whatever level, no reason that is kept, no repr and no event holds a secret or whom it was for."""
    monkeypatch.setenv("NOTIFIER_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    mail, texts = servers
    for server in servers:
        if isinstance(trouble, int):
            server.status = trouble
        elif trouble != "closed":
            server.storm(trouble)
    urls = ("http://127.0.0.1:1",) * 2 if trouble == "closed" else (mail.url, texts.url)
    email = Sendgrid("outbox", SendgridSettings(type="sendgrid", url=urls[0], api_key=SecretStr(KEY)), tmp_path)
    sms = Twilio(
        "texts",
        TwilioSettings(type="twilio", url=urls[1], account_sid=ACCOUNT, auth_token=SecretStr(TOKEN)),
        tmp_path,
    )
    shop = Shop(small_project, store)
    shop.engine._providers = {"outbox": email, "texts": sms}
    shop.order()
    shop.tell("order.shipped", id="1043")
    for _ in range(4):
        shop.tick(minutes=20)
    assert trouble == "closed" or mail.requests

    sent = shop.outgoing()
    with store.read() as unit:
        tries = [one for message in sent for one in unit.attempts(message.key)]
        told = [repr(one) for one in unit.events("order:1043") if one.source == SOURCE]
    assert tries
    shown = "\n".join(
        [
            caplog.text,
            *("".join(traceback.format_exception(one.exc_info[1])) for one in caplog.records if one.exc_info),
            *(one.reason for one in sent),
            *(one.detail for one in tries),
            *told,
            repr([email, sms, email.__dict__.get("_transport"), shop.engine.troubles]),
        ]
    )
    assert not [line for line in shown.splitlines() if any(private in line for private in PRIVATE)]
