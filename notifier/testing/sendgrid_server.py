"""SendGrid as far as a provider sees it: Mail Send with its checks, its limits and its faults, on loopback."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifier.testing.http_server import HttpServer, Reply, Request

__all__ = ["Mail", "SendgridServer", "refusal"]

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_LARGEST = 30 * 1024 * 1024
#: Headers that SendGrid sets itself and takes from nobody.
_RESERVED = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-transfer-encoding", "content-type"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail that was taken."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    custom_args: dict[str, str]
    headers: dict[str, str]
    #: The whole of what was asked for.
    request: dict[str, Any]


def refusal(status: int, message: str, field: str | None = None) -> Reply:
    """An answer as SendGrid writes it."""
    said = {"errors": [{"message": message, "field": field, "help": None}]}
    return Reply(status, orjson.dumps(said), {"Content-Type": "application/json"})


class SendgridServer(HttpServer):
    """Takes mail of those who have the key, from senders that are verified, until credits or a limit end."""

    def __init__(self, api_key: str, *, senders: Collection[str] = ("orders@example.org",), tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.api_key = api_key
        self.senders = set(senders)
        #: What was taken, also where the answer was lost on the way.
        self.received: list[Mail] = []
        #: None where there is no end of them.
        self.credits: int | None = None
        self._room: int | None = None
        self._reset_at = 0
        self._signing = ec.generate_private_key(ec.SECP256R1())

    @property
    def webhook_key(self) -> str:
        """What a project writes as `webhook_key`."""
        public = self._signing.public_key()
        return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    def report(self, *events: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
        """Headers and body of what the Event Webhook posts; `told` makes an event of a mail."""
        body, timestamp = orjson.dumps(events) + b"\r\n", f"{int(time.time())}"
        signature = self._signing.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        names = ("Signature", "Timestamp")
        values = (b64encode(signature).decode(), timestamp)
        headers = {f"X-Twilio-Email-Event-Webhook-{name}": value for name, value in zip(names, values, strict=True)}
        return {**headers, "Content-Type": "application/json"}, body

    @staticmethod
    def told(mail: Mail, event: str, **more: Any) -> dict[str, Any]:
        """One event about a mail that was taken."""
        return {
            "email": mail.to, "timestamp": int(time.time()), "event": event, "sg_event_id": uuid4().hex,
            "sg_message_id": f"{mail.id}.recvd-0", **mail.custom_args, **more,
        }  # fmt: skip

    def limit(self, room: int, seconds: int) -> None:
        """After so many messages more, 429 until `lift`; `seconds` is how long it says that this takes."""
        self._room, self._reset_at = room, int(time.time()) + seconds

    def lift(self) -> None:
        self._room = None

    def reply(self, request: Request) -> Reply:
        return self._door(request) or self._counter(request)

    def _door(self, request: Request) -> Reply | None:
        """Whether anybody is let in at all."""
        if request.path != "/v3/mail/send":
            return refusal(404, "not found")
        if request.method != "POST":
            return refusal(405, "method not allowed")
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return refusal(401, "The provided authorization grant is invalid, expired, or revoked")
        if self.credits is not None and self.credits <= 0:
            return refusal(401, "Maximum credits exceeded")
        if self._room is not None and self._room <= 0:
            said = refusal(429, "too many requests")
            return Reply(429, said.body, {**said.headers, "X-RateLimit-Reset": f"{self._reset_at}"})
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return refusal(415, "content type must be application/json")
        if len(request.body) > _LARGEST:
            return refusal(413, "the message is too large")
        return None

    def _counter(self, request: Request) -> Reply:
        try:
            asked = orjson.loads(request.body)
            fault = self._fault(asked)
        except (ValueError, LookupError, TypeError, AttributeError):
            return refusal(400, "Bad Request")
        if fault is not None:
            return fault
        mail = _mail(asked)
        self.received.append(mail)
        self.credits = self.credits - 1 if self.credits is not None else None
        self._room = self._room - 1 if self._room is not None else None
        return Reply(202, headers={"X-Message-Id": mail.id})

    def _fault(self, asked: dict[str, Any]) -> Reply | None:
        sender = asked["from"]["email"]
        if not _ADDRESS.fullmatch(sender):
            return refusal(400, "The from email does not contain a valid address.", "from.email")
        if sender not in self.senders:
            return refusal(403, "The from address does not match a verified Sender Identity.", "from")
        (person,) = asked["personalizations"]
        to = person["to"][0]["email"]
        if not _ADDRESS.fullmatch(to):
            return refusal(400, f"Does not contain a valid address: {to}", "personalizations.0.to.0.email")
        if not asked["subject"]:
            return refusal(400, "The subject is required.", "subject")
        if not asked["content"] or not all(part["value"] for part in asked["content"]):
            return refusal(
                400, "The content value must be a string at least one character in length.", "content.0.value"
            )
        if [part["type"] for part in asked["content"]] not in (
            ["text/plain"],
            ["text/html"],
            ["text/plain", "text/html"],
        ):
            return refusal(400, "text/plain must come first", "content")
        headers = {**asked.get("headers", {}), **person.get("headers", {})}
        if any(name.lower() in _RESERVED or not str(value).isprintable() for name, value in headers.items()):
            return refusal(400, "The header is reserved, or not valid.", "headers")
        args = person.get("custom_args", {})
        if not all(isinstance(value, str) for value in args.values()) or len(orjson.dumps(args)) >= 10_000:
            return refusal(400, "custom_args must be strings, of 10000 bytes at most", "custom_args")
        return None


def _mail(asked: dict[str, Any]) -> Mail:
    person = asked["personalizations"][0]
    content = {part["type"]: part["value"] for part in asked["content"]}
    return Mail(
        uuid4().hex[:22],
        person["to"][0]["email"],
        asked["subject"],
        content.get("text/plain", ""),
        content.get("text/html", ""),
        person.get("custom_args", {}),
        {**asked.get("headers", {}), **person.get("headers", {})},
        asked,
    )
