"""E-mail through SendGrid's Mail Send API, version 3."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field, SecretStr, field_validator

from notifier import provider
from notifier.core.mail import Mailbox, Unmailable, parts
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Posted, Refused, Report, Untrusted
from notifier_providers.quoting import quoted
from notifier_providers.transport import Answer, HttpSettings, Transport, WebAddress
from notifier_providers.verdict import Verdict, comes_to, told_to_wait

__all__ = ["EVENTS", "VERDICTS", "Sendgrid", "SendgridSettings"]

#: What an answer means: a pattern for the status, one for `field: message` of what is said of it, the verdict, and our
#: words; the first that fits. Without words of ours, theirs are quoted.
VERDICTS: tuple[tuple[str, str, Verdict, str], ...] = (
    ("429", "", "throttled", "it has had too many requests"),
    ("401|403|429", ".*(credits? exceeded|over quota)", "provider", "the plan has no more credits"),
    ("401", "", "provider", "the api_key is not valid, or was revoked"),
    ("400|403", r"from\b|.*(sender identity|from address)", "sender", ""),
    ("403", "", "provider", "the api_key may not send mail, or not from this network"),
    ("400", r"personalizations\.0\.to\b|.*does not contain a valid (email )?address", "address", "the address is not valid"),
    ("400", r"(reply_to|headers|custom_args|template_id|asm|ip_pool_name|mail_settings|tracking_settings)\b", "provider", ""),
    ("400|406|422", "", "message", ""),
    ("413", "", "message", "the message is too large"),
    ("408", "", "throttled", "the message took too long to arrive"),
    ("404|405|407|415|3..", "", "provider", "that is no answer of SendGrid's Mail Send; look at url"),
    ("4..", "", "message", ""),
    # What a server answers that has stumbled over the message says nothing about whether it has it.
    ("...", "", "unknown", "whether it has the message is not clear"),
)  # fmt: skip

Heard = tuple[Literal["taken", "delivered", "bounced", "unwanted"], bool]

#: What SendGrid reports: the event, a pattern for `type status class reason`, what became of it, and whether the address is to be
#: closed; the first that fits. Events that are not here (opens, clicks) say nothing certain.
EVENTS: tuple[tuple[str, str, Heard], ...] = (
    ("processed|deferred", "", ("taken", False)),
    ("delivered", "", ("delivered", False)),
    ("bounce", r"blocked\b", ("bounced", False)),  # the way is barred, for now: nothing is wrong with the address
    ("bounce", r".*(\b5\.1\.\d|invalid address)", ("bounced", True)),
    ("bounce", "", ("bounced", False)),
    ("dropped", ".*(bounced|invalid|unsubscribed|spam reporting)", ("bounced", True)),
    ("dropped", "", ("bounced", False)),
    ("spamreport|unsubscribe|group_unsubscribe", "", ("unwanted", False)),
)

_PATH = "/v3/mail/send"
_SIGNATURE, _TIMESTAMP = (f"x-twilio-email-event-webhook-{name}" for name in ("signature", "timestamp"))
_PLAIN = re.compile(r"[A-Za-z0-9./ _-]{1,60}")
#: What the text says is final: no link is rewritten, nothing is counted, nothing is added at the end.
_UNTOUCHED = {
    "mail_settings": {"footer": {"enable": False}},
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": False},
    },
}


class SendgridSettings(HttpSettings):
    #: The server; `https://api.eu.sendgrid.com` for an account in the European Union.
    url: WebAddress = "https://api.sendgrid.com"
    #: Needs the permission "Mail Send" and no other.
    api_key: SecretStr = Field(min_length=1)
    #: The verification key of the Event Webhook, which posts to /receipts/NAME; without one no reports are taken.
    webhook_key: str | None = None

    @field_validator("webhook_key")
    @classmethod
    def _is_key(cls, key: str | None) -> str | None:
        """Better now than with the first report."""
        if key is not None and not re.fullmatch(r"[A-Za-z0-9+/]{100,140}={0,2}", key):
            raise ValueError("it is the verification key of SendGrid's Event Webhook: one line of letters and digits")
        return key


class Sendgrid:
    """One request a message, so that an address that is refused is nobody else's trouble."""

    Settings: ClassVar[type[provider.Settings]] = SendgridSettings
    channels: ClassVar[frozenset[str]] = frozenset({"email"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = True
    reports_delivery: ClassVar[bool] = True

    def __init__(self, name: str, settings: SendgridSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = settings.connections
        self._key = settings.api_key.get_secret_value()
        self._headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        self._webhook_key = settings.webhook_key
        self._transport = Transport("sendgrid", name, settings, project)

    async def send(self, message: Message) -> Outcome:
        try:
            request = request_for(message)
        except Unmailable as fault:
            return Refused(str(fault), fault.scope)
        answer = await self._transport.post(_PATH, _json(request), self._headers)
        return self._judged(answer, message) if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        await self._transport.close()

    def reports(self, posted: Posted) -> list[Report]:
        if self._webhook_key is None:
            raise Untrusted("this provider has no webhook_key in the configuration, so that no report can be believed")
        _require_signature(self._webhook_key, posted)
        events = orjson.loads(posted.body)
        if not isinstance(events, list):
            raise ValueError("a list of events is wanted")  # noqa: TRY004 - of what was posted
        return [report for event in events if isinstance(event, dict) and (report := _report(event))]

    def _judged(self, answer: Answer, message: Message) -> Outcome:
        if answer.status == 202:
            return Accepted(answer.headers.get("X-Message-Id") or message.id)
        said = _said(answer.body)
        verdict, words = verdict_on(answer.status, said)
        reason = (
            f"SendGrid answered {answer.status}: {words or quoted(said, message, [self._key]) or 'it says no more'}"
        )
        return comes_to(verdict, reason, told_to_wait(answer.headers, datetime.now(UTC)))


def request_for(message: Message) -> dict[str, Any]:
    """The body of the request; raises Unmailable. Our id is in it twice: for their events, and for whoever gets the mail."""
    mail = parts(message)
    request: dict[str, Any] = {
        "personalizations": [
            {
                "to": [{"email": mail.recipient}],
                "headers": dict(mail.headers),
                "custom_args": {"notifier_message": message.id},
            }
        ],
        "from": _mailbox(mail.sender),
        "subject": mail.subject,
        "content": [
            {"type": f"text/{kind}", "value": text}
            for kind, text in (("plain", message.text), ("html", message.html))
            if text
        ],
        **_UNTOUCHED,
    }
    if mail.reply_to is not None:
        request["reply_to"] = _mailbox(mail.reply_to)
    return request


def verdict_on(status: int, said: str) -> tuple[Verdict, str]:
    """`said` is `field: message`, or the message alone; gives our words with it, empty where theirs say more."""
    return next(
        (verdict, words)
        for statuses, pattern, verdict, words in VERDICTS
        if re.fullmatch(statuses, f"{status}") and re.match(pattern, said, re.IGNORECASE)
    )


def _require_signature(key: str, posted: Posted) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(b64decode(key))
        signature = b64decode(posted.headers.get(_SIGNATURE, ""), validate=True)
        if not isinstance(public, EllipticCurvePublicKey):
            raise Untrusted("webhook_key is not SendGrid's")
        public.verify(signature, posted.headers.get(_TIMESTAMP, "").encode() + posted.body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Untrusted("the signature is not SendGrid's, or not of this body") from None


def _report(event: dict[str, Any]) -> Report | None:
    message, kind = event.get("notifier_message"), event.get("event")
    if not isinstance(message, str) or not isinstance(kind, str):
        return None
    said = [event.get(name) for name in ("type", "status", "bounce_classification", "reason")]
    about = " ".join(one for one in said if isinstance(one, str))
    heard = next(
        (
            heard
            for events, pattern, heard in EVENTS
            if re.fullmatch(events, kind) and re.match(pattern, about, re.IGNORECASE)
        ),
        None,
    )
    if heard is None:
        return None
    # Never their reason, which repeats the address.
    words = [one for one in said[:3] if isinstance(one, str) and one != kind and _PLAIN.fullmatch(one)]
    reason = " ".join(["SendGrid reports", kind, *words]) if heard[0] == "bounced" else ""
    theirs = event.get("sg_message_id")
    named = theirs.partition(".")[0] if isinstance(theirs, str) and theirs else message
    return Report(message, named, heard[0], reason, heard[1])


def _mailbox(mailbox: Mailbox) -> dict[str, str]:
    return {"email": mailbox.address, "name": mailbox.name} if mailbox.name else {"email": mailbox.address}


def _json(request: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(request)
    except TypeError:  # halves of characters, which no JSON can hold
        return orjson.dumps(_whole(request))


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _said(body: bytes) -> str:
    """The first fault that is named, as `field: message`."""
    try:
        first = orjson.loads(body)["errors"][0]
        field, text = first.get("field"), first["message"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f"{field}: {text}" if field else f"{text}"
