"""E-mail through SendGrid's Mail Send API, version 3."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field, SecretStr

from notifier import provider
from notifier.core.mail import Mailbox, Unmailable, parts
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Refused
from notifier_providers.quoting import quoted
from notifier_providers.transport import Answer, HttpSettings, Transport, WebAddress
from notifier_providers.verdict import Verdict, comes_to, told_to_wait

__all__ = ["VERDICTS", "Sendgrid", "SendgridSettings"]

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

_PATH = "/v3/mail/send"
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


class Sendgrid:
    """One request a message, so that an address that is refused is nobody else's trouble."""

    Settings: ClassVar[type[provider.Settings]] = SendgridSettings
    channels: ClassVar[frozenset[str]] = frozenset({"email"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = True
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: SendgridSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = settings.connections
        self._key = settings.api_key.get_secret_value()
        self._headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
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
