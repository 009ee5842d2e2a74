"""SMS through Twilio's Programmable Messaging."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlencode

import orjson
from pydantic import AfterValidator, Field, SecretStr, model_validator

from notifier import provider
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Posted, Report, Untrusted
from notifier_providers.quoting import quoted
from notifier_providers.transport import Answer, HttpSettings, Transport, WebAddress
from notifier_providers.verdict import Verdict, comes_to, told_to_wait

__all__ = ["CODES", "REPORTED", "STATUSES", "Twilio", "TwilioSettings"]

#: What Twilio's codes mean, and our words; without them, theirs are quoted. What is refused for where it would go
#: (21408, 21612) fails this message alone, so that the next country is no worse off.
CODES: Mapping[int, tuple[Verdict, str]] = {
    20001: ("provider", ""),
    20003: ("provider", "the account or its key is not right"),
    20004: ("provider", ""),
    20005: ("provider", "the account is not active"),
    20006: ("provider", "the key may not do this"),
    20008: ("provider", "these are test credentials, which send nothing"),
    20010: ("provider", ""),
    20403: ("provider", "the key may not do this"),
    20404: ("provider", "there is no such account; look at account_sid"),
    20426: ("provider", ""),
    20429: ("throttled", "it has had too many requests"),
    20500: ("unknown", "whether it has the message is not clear"),
    20503: ("unknown", "whether it has the message is not clear"),
    21210: ("sender", "the sender is not verified"),
    21211: ("address", "the number is not valid"),
    21212: ("sender", "the sender is not valid; look at channels.sms.sender"),
    21213: ("sender", "no sender was given"),
    21214: ("address", "the number cannot be reached"),
    21217: ("address", "the number is not valid"),
    21219: ("message", "an account on trial sends to verified numbers only"),
    21401: ("address", "the number is not valid"),
    21408: ("message", "SMS to this country are not enabled: see Geo permissions in Twilio's console"),
    21601: ("sender", "the sender cannot send SMS"),
    21602: ("message", "there is no text"),
    21603: ("sender", "no sender was given"),
    21604: ("address", "there is no number"),
    21605: ("message", "the text is too long"),
    21606: ("sender", "the sender is not a number of this account that can send SMS there"),
    21607: ("sender", "an account on trial sends from its own number only"),
    21608: ("message", "an account on trial sends to verified numbers only"),
    21609: ("provider", "status_callback is not valid"),
    21610: ("address", "the customer has answered STOP to this sender"),
    21611: ("throttled", "too many messages of this sender are waiting"),
    21612: ("message", "the sender cannot reach this number"),
    21614: ("address", "the number takes no SMS"),
    21616: ("sender", "the sender is not one number but several"),
    21617: ("message", "the text is longer than 1600 characters"),
    21618: ("content", "the text was not taken"),
    21619: ("message", "there is no text"),
    21657: ("sender", "the sender's name is not valid"),
    21701: ("sender", "there is no such messaging service"),
    21702: ("sender", "the messaging service is not available"),
    21703: ("sender", "the messaging service has no number for this"),
    21704: ("sender", "the messaging service has no numbers"),
    21705: ("sender", "the messaging service is not valid"),
    21708: ("sender", ""),
    21709: ("sender", ""),
    21711: ("sender", "the sender is not one of the messaging service"),
    21729: ("sender", "the campaign is suspended"),
    30001: ("throttled", "too many messages are waiting"),
    30002: ("provider", "the account is suspended"),
    30003: ("later", "the handset cannot be reached"),
    30004: ("message", "the message was blocked"),
    30005: ("address", "nobody has this number"),
    30006: ("address", "the number is a landline, or its carrier cannot be reached"),
    30007: ("content", "the text was taken for spam"),
    30008: ("later", "it could not be delivered, nobody knows why"),
    30010: ("message", "it costs more than the account allows"),
    30017: ("later", "the carrier has too much to do"),
    30018: ("message", "this country wants senders to be registered"),
    30022: ("throttled", "the campaign has sent too many"),
    30023: ("throttled", "the campaign has sent what it may in a day"),
    30024: ("sender", "the sender is not known to the carrier"),
    30027: ("throttled", "the campaign has sent what it may in a day"),
    30032: ("sender", "the toll-free number is not verified"),
    30033: ("sender", "the campaign is suspended"),
    30034: ("sender", "the number is not registered for the United States (10DLC)"),
    30035: ("sender", "the number is still being set up"),
    63038: ("throttled", "the account has sent what it may in a day"),
}
#: What a status means that comes without a code which is known: a pattern, the verdict, our words; the first that fits.
STATUSES: tuple[tuple[str, Verdict, str], ...] = (
    ("429", "throttled", "it has had too many requests"),
    ("401|403", "provider", "the account or its key is not right"),
    ("404|405|407|415|3..", "provider", "that is no answer of Twilio's; look at url and account_sid"),
    ("408", "throttled", "the message took too long to arrive"),
    ("4..", "message", ""),
    # What a server answers that has stumbled over the message says nothing about whether it has it.
    ("...", "unknown", "whether it has the message is not clear"),
)

#: What became of a message, by the status that Twilio reports; why it came back says the code.
REPORTED: Mapping[str, Literal["taken", "delivered", "bounced"]] = {
    "accepted": "taken", "scheduled": "taken", "queued": "taken", "sending": "taken", "sent": "taken",
    "delivered": "delivered", "read": "delivered", "undelivered": "bounced", "failed": "bounced",
}  # fmt: skip

_MOST_FIELDS = 100
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")


def _sid(letters: str) -> AfterValidator:
    """What Twilio calls its things by."""

    def check(sid: str) -> str:
        if not re.fullmatch(rf"{letters}[0-9a-fA-F]{{32}}", sid):
            raise ValueError(f"it is written in Twilio's console: {letters} and 32 of the digits 0-9 and a-f")
        return sid

    return AfterValidator(check)


def _callback(url: str) -> str:
    if "_" in url.split("/")[2]:
        raise ValueError("Twilio takes no server's name with an underscore")
    return url


class TwilioSettings(HttpSettings):
    url: WebAddress = "https://api.twilio.com"
    connections: int = Field(default=8, ge=1, le=500)
    #: The account's, from Twilio's console.
    account_sid: Annotated[str, _sid("AC")]
    #: Either the account's own token, or a key's id and secret; the token is needed as well to believe reports.
    auth_token: SecretStr | None = Field(default=None, min_length=1)
    key_sid: Annotated[str, _sid("SK")] | None = None
    key_secret: SecretStr | None = Field(default=None, min_length=1)
    #: A pool of senders at Twilio, used instead of `channels.sms.sender`.
    messaging_service_sid: Annotated[str, _sid("MG")] | None = None
    #: Where Twilio is to report what became of a message, with `?m=` and our id added: /receipts/NAME of this server, as it is
    #: reached from outside.
    status_callback: Annotated[WebAddress, AfterValidator(_callback)] | None = None

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.key_sid is None) != (self.key_secret is None):
            raise ValueError("key_sid and key_secret belong together")
        if self.auth_token is None and self.key_secret is None:
            raise ValueError("give auth_token, or key_sid and key_secret")
        return self


class Twilio:
    """One request a message; Twilio itself waits with what a sender may not send yet."""

    Settings: ClassVar[type[provider.Settings]] = TwilioSettings
    channels: ClassVar[frozenset[str]] = frozenset({"sms"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = True
    reports_delivery: ClassVar[bool] = True

    def __init__(self, name: str, settings: TwilioSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = settings.connections
        self._settings = settings
        self._path = f"/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
        secret = (settings.key_secret or settings.auth_token or SecretStr("")).get_secret_value()
        login = b64encode(f"{settings.key_sid or settings.account_sid}:{secret}".encode()).decode()
        self._secrets = (login, secret)
        self._headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self._transport = Transport("twilio", name, settings, project)

    async def send(self, message: Message) -> Outcome:
        form = urlencode(tuple(self.form_for(message)), errors="replace").encode("ascii")
        answer = await self._transport.post(self._path, form, self._headers)
        return self._judged(answer, message) if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        await self._transport.close()

    def reports(self, posted: Posted) -> list[Report]:
        token, address = self._settings.auth_token, self._settings.status_callback
        if token is None or address is None:
            raise Untrusted("this provider has no auth_token, or no status_callback: no report can be believed")
        try:
            fields = parse_qsl(posted.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise Untrusted("the signature is not Twilio's") from None
        signed = f"{address}?{posted.query}" + "".join(f"{name}{value}" for name, value in sorted(fields))
        expected = b64encode(hmac.digest(token.get_secret_value().encode(), signed.encode(), "sha1"))
        if not hmac.compare_digest(expected, posted.headers.get("x-twilio-signature", "").encode()):
            raise Untrusted("the signature is not Twilio's, or status_callback is not the address that it posts to")
        given = dict(fields)
        kind = REPORTED.get(given.get("MessageStatus", ""))
        message = dict(parse_qsl(posted.query)).get("m", "")
        if kind is None or not message:
            return []
        code = given.get("ErrorCode", "")
        verdict, words = CODES.get(int(code), ("message", "")) if re.fullmatch(r"\d{5}", code) else ("message", "")
        reason = f"Twilio reports {given['MessageStatus']} {code}{f': {words}' if words else ''}".strip()
        bounced = kind == "bounced"
        return [
            Report(
                message, given.get("MessageSid", ""), kind, reason if bounced else "", bounced and verdict == "address"
            )
        ]

    def form_for(self, message: Message) -> Iterator[tuple[str, str]]:
        """The fields of the request."""
        settings = self._settings
        yield "To", message.to
        if settings.messaging_service_sid:
            yield "MessagingServiceSid", settings.messaging_service_sid
        else:
            yield "From", message.sender
        yield "Body", message.text
        yield "SmartEncoded", "false"  # the text was made to fit its alphabet already
        if settings.status_callback:
            yield "StatusCallback", f"{settings.status_callback}?m={message.id}"

    def _judged(self, answer: Answer, message: Message) -> Outcome:
        said = _said(answer.body)
        sid = said.get("sid")
        if answer.status == 201 and isinstance(sid, str) and _SID.fullmatch(sid):
            return Accepted(sid)
        code = said.get("code")
        verdict, words = verdict_on(answer.status, code)
        named = f"{answer.status} with code {code}" if isinstance(code, int) else f"{answer.status}"
        theirs = quoted(f"{said.get('message') or 'it says no more'}", message, self._secrets)
        reason = f"Twilio answered {named}: {words or theirs}"
        return comes_to(verdict, reason, told_to_wait(answer.headers, datetime.now(UTC)))


def verdict_on(status: int, code: object) -> tuple[Verdict, str]:
    """By Twilio's own code where it is known, else by the status; a code says nothing about a call that succeeded."""
    if status >= 400 and isinstance(code, int) and code in CODES:
        return CODES[code]
    return next((verdict, words) for pattern, verdict, words in STATUSES if re.fullmatch(pattern, f"{status}"))


def _said(body: bytes) -> dict[str, object]:
    try:
        said = orjson.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
