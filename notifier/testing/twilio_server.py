"""Twilio as far as a provider of SMS sees it: its Messages resource with its checks, its limits and its faults, on loopback."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

import orjson

from notifier.testing.http_server import HttpServer, Reply, Request

__all__ = ["Sms", "TwilioServer", "refusal"]

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST = 1600


@dataclass(frozen=True, slots=True)
class Sms:
    """One message that was taken."""

    sid: str
    to: str
    sender: str
    text: str
    status_callback: str


def refusal(status: int, code: int, message: str) -> Reply:
    """An answer as Twilio writes it."""
    said = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, orjson.dumps(said), {"Content-Type": "application/json"})


class TwilioServer(HttpServer):
    """Takes SMS of those who have the login, from senders of the account, but for numbers that said STOP."""

    def __init__(
        self,
        account_sid: str,
        user: str,
        password: str,
        *,
        senders: Collection[str] = ("+15005550006",),
        tls: bool = False,
    ) -> None:
        """`user` is the account's sid or a key's; `senders` are numbers, names and messaging services."""
        super().__init__(tls=tls)
        self.account_sid = account_sid
        self.senders = set(senders)
        #: What was taken, also where the answer was lost on the way.
        self.received: list[Sms] = []
        #: Countries that are not enabled, by the beginning of their numbers.
        self.closed_countries: set[str] = set()
        self._token = password.encode()
        self._login = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        self._stopped: set[tuple[str, str]] = set()
        self._room: int | None = None
        self._wait = 0

    def stop(self, number: str, sender: str = "+15005550006") -> None:
        """The number answers STOP to a sender."""
        self._stopped.add((number, sender))

    def start(self, number: str, sender: str = "+15005550006") -> None:
        self._stopped.discard((number, sender))

    def report(self, sms: Sms, status: str, **more: str) -> tuple[str, dict[str, str], bytes]:
        """Query, headers and body of what Twilio posts to the `status_callback` of a message."""
        fields = {
            "MessageSid": sms.sid,
            "MessageStatus": status,
            "To": sms.to,
            "From": sms.sender,
            "SmsStatus": "",
            **more,
        }
        signed = sms.status_callback + "".join(f"{name}{value}" for name, value in sorted(fields.items()))
        signature = b64encode(hmac.digest(self._token, signed.encode(), "sha1")).decode()
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return sms.status_callback.partition("?")[2], headers, urlencode(fields).encode()

    def limit(self, room: int, seconds: int) -> None:
        """After so many messages more, 429 until `lift`; `seconds` is how long it says that this takes."""
        self._room, self._wait = room, seconds

    def lift(self) -> None:
        self._room = None

    def reply(self, request: Request) -> Reply:
        if request.headers.get("authorization") != self._login:
            return refusal(401, 20003, "Authenticate")
        if request.path != f"/2010-04-01/Accounts/{self.account_sid}/Messages.json" or request.method != "POST":
            return refusal(404, 20404, f"The requested resource {request.path} was not found")
        if self._room is not None and self._room <= 0:
            throttled = refusal(429, 20429, "Too Many Requests")
            return Reply(429, throttled.body, {**throttled.headers, "Retry-After": f"{self._wait}"})
        asked = parse_qs(request.body.decode("ascii"), keep_blank_values=True, max_num_fields=50)
        given = {name: values[0] for name, values in asked.items()}
        fault = self._fault(given)
        if fault is not None:
            return fault
        sender = given.get("From") or given["MessagingServiceSid"]
        sms = Sms(f"SM{uuid4().hex}", given["To"], sender, given["Body"], given.get("StatusCallback", ""))
        self.received.append(sms)
        self._room = self._room - 1 if self._room is not None else None
        said = {
            "sid": sms.sid,
            "status": "queued",
            "to": sms.to,
            "from": sms.sender,
            "body": sms.text,
            "error_code": None,
        }
        return Reply(201, orjson.dumps(said), {"Content-Type": "application/json"})

    def _fault(self, given: dict[str, str]) -> Reply | None:
        to, body = given.get("To", ""), given.get("Body", "")
        sender = given.get("From") or given.get("MessagingServiceSid", "")
        if not to:
            return refusal(400, 21604, "A 'To' phone number is required.")
        if not _NUMBER.fullmatch(to):
            return refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not sender:
            return refusal(400, 21603, "A 'From' or 'MessagingServiceSid' parameter is required.")
        if sender not in self.senders:
            return refusal(400, 21606, f"The 'From' phone number provided ({sender}) is not a valid number.")
        if not body:
            return refusal(400, 21602, "Message body is required.")
        if len(body) > _LONGEST:
            return refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        if (to, sender) in self._stopped:
            return refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        if to.startswith(tuple(self.closed_countries)):
            return refusal(400, 21408, f"Permission to send an SMS has not been enabled for the region of {to}.")
        return None
